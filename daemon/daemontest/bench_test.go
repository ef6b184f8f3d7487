//go:build unix

package daemontest_test

import (
	"flag"
	"fmt"
	"math"
	"os"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/heliosctl/heliosctl/client"
	"github.com/heliosctl/heliosctl/daemon/daemontest"
	"github.com/heliosctl/heliosctl/model"
)

// The sizes of the fleets that benchmarks simulate. Figures in the docs are those of the defaults.
var (
	benchAgents = flag.Int("fleet.agents", 5000, "agents whose streams one master serves in benchmarks")
	benchHosts  = flag.Int("fleet.hosts", 10_000, "hosts, with ten tasks each, in benchmarks of large clusters; a multiple of 10")
)

// startMasters starts masters, and agents of simulated containers, that have nothing but this machine's loopback between them.
func startMasters(b *testing.B, masters, agents int, args ...string) *daemontest.Fleet {
	b.Helper()
	return daemontest.StartFleet(b, daemontest.FleetConfig{
		Masters: masters, Agents: agents, Loopback: true, Runtime: "sim", MasterArgs: args, AgentArgs: args,
	})
}

// shareOut has workers do n operations between them. The first error ends it.
func shareOut(b *testing.B, workers, n int, do func(worker, i int) error) {
	b.Helper()
	var next atomic.Int64
	var failed atomic.Bool
	var all sync.WaitGroup
	for worker := range workers {
		all.Go(func() {
			for i := int(next.Add(1)) - 1; i < n && !failed.Load(); i = int(next.Add(1)) - 1 {
				if err := do(worker, i); err != nil {
					failed.Store(true)
					b.Error(err)
				}
			}
		})
	}
	all.Wait()
	if failed.Load() {
		b.FailNow()
	}
}

// clientsOf makes clients that share no connections, each of all the masters.
func clientsOf(f *daemontest.Fleet, n int) []*client.Client {
	var clients []*client.Client
	for range n {
		clients = append(clients, f.Client("bench"))
	}
	return clients
}

// benchJob is a job of which nothing is ever run.
func benchJob(name string) model.Job {
	return model.Job{ID: model.JobID{Name: name, Version: "1"}, Image: "app:1", Command: []string{"serve"}}.WithID()
}

// quantile returns the smallest duration that a share of all do not exceed.
func quantile(all []time.Duration, share float64) time.Duration {
	sorted := slices.Sorted(slices.Values(all))
	return sorted[max(0, int(math.Ceil(share*float64(len(sorted))))-1)]
}

// reportTimes reports quantiles in milliseconds, as p50-NAME and so on; of 1 as max-NAME. The time of an iteration, which has more in it
// than what was measured, is not shown.
func reportTimes(b *testing.B, name string, all []time.Duration, shares ...float64) {
	b.Helper()
	b.ReportMetric(0, "ns/op")
	for _, share := range shares {
		label := fmt.Sprintf("p%g-%s", 100*share, name)
		if share == 1 {
			label = "max-" + name
		}
		b.ReportMetric(milliseconds(quantile(all, share)), label)
	}
}

func milliseconds(d time.Duration) float64 { return float64(d.Microseconds()) / 1000 }

// The lines of what a process takes in memory: all of it, and without pages of files, which the system can take back.
var (
	rssLine     = regexp.MustCompile(`VmRSS:\s+(\d+) kB`)
	rssAnonLine = regexp.MustCompile(`RssAnon:\s+(\d+) kB`)
)

// rss returns the resident memory of a daemon in MB.
func rss(b *testing.B, d *daemontest.Daemon) float64 {
	b.Helper()
	return memory(b, d, rssLine)
}

func memory(b *testing.B, d *daemontest.Daemon, line *regexp.Regexp) float64 {
	b.Helper()
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", d.Pid()))
	if err != nil {
		b.Skipf("reading the memory of a process needs Linux: %v", err)
	}
	kilobytes, err := strconv.ParseFloat(string(line.FindSubmatch(text)[1]), 64)
	if err != nil {
		b.Fatal(err)
	}
	return kilobytes / 1024
}

// cpuTime returns how long a daemon has kept processors busy.
func cpuTime(b *testing.B, d *daemontest.Daemon) time.Duration {
	b.Helper()
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", d.Pid()))
	if err != nil {
		b.Skipf("reading the processor time of a process needs Linux: %v", err)
	}
	// The name of the program, which may have spaces, is in brackets; utime and stime are the 12th and 13th field after it.
	fields := strings.Fields(string(text[strings.LastIndexByte(string(text), ')')+1:]))
	var ticks int
	for _, field := range fields[11:13] {
		n, err := strconv.Atoi(field)
		if err != nil {
			b.Fatal(err)
		}
		ticks += n
	}
	const tick = 10 * time.Millisecond // USER_HZ is 100 on every Linux that Go runs on
	return time.Duration(ticks) * tick
}
