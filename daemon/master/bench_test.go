package master

import (
	"fmt"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/heliosctl/heliosctl/daemon/daemontest"
	"golang.org/x/sys/unix"

	"github.com/heliosctl/heliosctl/model"
)

// BenchmarkWrites compares durable writes of one master with what the disk alone does.
func BenchmarkWrites(b *testing.B) {
	b.Run("disk", daemontest.BenchmarkDisk)
	for _, clients := range []int{1, 16, 128} {
		b.Run(fmt.Sprintf("create/c=%d", clients), func(b *testing.B) {
			m := start(b, b.TempDir(), nil)
			spread(b, clients, func(i int64) error {
				_, err := m.CreateJob(b.Context(), model.Request{ID: fmt.Sprint("r", i), User: "u"}, testJob("job", fmt.Sprint(i)))
				return err
			})
		})
		b.Run(fmt.Sprintf("deploy/c=%d", clients), func(b *testing.B) {
			m := start(b, b.TempDir(), nil)
			job := m.mustCreate(testJob("job", "1"))
			const hosts = 256
			for h := range hosts {
				m.mustRegister(fmt.Sprint("h", h), "a")
			}
			// Each host goes back and forth: deploy on the even visits, undeploy on the odd ones.
			spread(b, clients, func(i int64) error {
				host, visit := fmt.Sprint("h", i%hosts), i/hosts
				if visit%2 == 0 {
					return m.Deploy(b.Context(), by("u"), host, model.Deployment{JobID: job.ID, Goal: model.GoalStart}, "")
				}
				return m.Undeploy(b.Context(), by("u"), host, job.ID, "")
			})
		})
	}
}

// spread shares b.N operations among clients.
func spread(b *testing.B, clients int, do func(i int64) error) {
	b.Helper()
	var next atomic.Int64
	var wg sync.WaitGroup
	b.ResetTimer()
	for range clients {
		wg.Go(func() {
			for {
				i := next.Add(1) - 1
				if i >= int64(b.N) {
					return
				}
				if err := do(i); err != nil {
					b.Error(err)
					return
				}
			}
		})
	}
	wg.Wait()
	b.StopTimer()
	b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "writes/s")
}

// BenchmarkReadIndex is what a linearizable read costs beside the read.
func BenchmarkReadIndex(b *testing.B) {
	m := start(b, b.TempDir(), nil)
	for b.Loop() {
		if err := m.ReadIndex(b.Context()); err != nil {
			b.Fatal(err)
		}
	}
}

// BenchmarkListHosts10k reads every host with one deployment and one status each.
func BenchmarkListHosts10k(b *testing.B) {
	m := start(b, b.TempDir(), nil)
	job := m.mustCreate(testJob("job", "1"))
	const hosts = 10_000
	spreadSetup(b, 64, hosts, func(h int) {
		host := fmt.Sprintf("host-%05d", h)
		m.mustRegister(host, "a")
		m.mustDeploy(host, job, model.GoalStart)
		if _, err := m.PostStatuses(b.Context(), host, model.StatusBatch{AgentID: "a", Reports: []model.StatusReport{report(1, job, model.StateRunning)}}); err != nil {
			b.Fatal(err)
		}
	})
	b.Run("names", func(b *testing.B) {
		for b.Loop() {
			if got := len(m.Hosts()); got != hosts {
				b.Fatal(got)
			}
		}
	})
	b.Run("statuses", func(b *testing.B) {
		for b.Loop() {
			for _, name := range m.Hosts() {
				if _, err := m.Host(name); err != nil {
					b.Fatal(err)
				}
			}
		}
	})
}

func spreadSetup(b *testing.B, clients, n int, do func(i int)) {
	b.Helper()
	var next atomic.Int64
	var wg sync.WaitGroup
	for range clients {
		wg.Go(func() {
			for i := next.Add(1) - 1; i < int64(n); i = next.Add(1) - 1 {
				do(int(i))
			}
		})
	}
	wg.Wait()
}

// BenchmarkApplyStatuses posts one status at a time from many agents.
func BenchmarkApplyStatuses(b *testing.B) {
	for _, agents := range []int{1, 16, 1000} {
		b.Run(fmt.Sprintf("agents=%d", agents), func(b *testing.B) {
			m := start(b, b.TempDir(), nil)
			job := m.mustCreate(testJob("job", "1"))
			spreadSetup(b, 64, agents, func(h int) { m.mustRegister(fmt.Sprint("h", h), "a") })
			var wg sync.WaitGroup
			b.ResetTimer()
			for h := range agents {
				wg.Go(func() {
					for seq := uint64(1); seq <= uint64((b.N+agents-1)/agents); seq++ {
						batch := model.StatusBatch{AgentID: "a", Reports: []model.StatusReport{report(seq, job, model.StateRunning)}}
						if _, err := m.PostStatuses(b.Context(), fmt.Sprint("h", h), batch); err != nil {
							b.Error(err)
							return
						}
					}
				})
			}
			wg.Wait()
			b.StopTimer()
			b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "statuses/s")
		})
	}
}

// BenchmarkRollingUpdate1000 rolls out to 1,000 simulated hosts, which report at once, 50 at a time. The CPU time is that of the hosts
// too, which are in the same process.
func BenchmarkRollingUpdate1000(b *testing.B) {
	const hosts, parallelism = 1000, 50
	f := newRolloutFleet(b, 1, hosts)
	f.group()
	options := model.RolloutOptions{Parallelism: ptr(parallelism)}
	f.update(f.create("first", nil), options)
	f.awaitState(model.RolloutDone)
	leader := f.leader()
	var writes uint64
	var used time.Duration
	for i := 0; b.Loop(); i++ {
		b.StopTimer()
		job := f.create(fmt.Sprint("v", i), nil)
		index, cpu := leader.Index(), cpuTime(b)
		b.StartTimer()
		f.update(job, options)
		ended := f.awaitEnd(b, index)
		writes += ended - index
		used += cpuTime(b) - cpu
	}
	if last := f.last(); last.State != model.RolloutDone || last.Counts.Done != hosts {
		b.Errorf("the last rollout was %s: %+v", last.State, last.Counts)
	}
	n := float64(b.N * hosts)
	b.ReportMetric(b.Elapsed().Seconds()*1000/n, "ms/host")
	b.ReportMetric(used.Seconds()*1000/n, "cpu-ms/host")
	b.ReportMetric(float64(writes)/n, "writes/host")
}

// awaitEnd waits until a rollout has ended after an index, and returns the index of that.
func (f *rolloutFleet) awaitEnd(b *testing.B, index uint64) uint64 {
	b.Helper()
	for {
		events, reset, more := f.leader().Events(index)
		if reset {
			b.Fatal("the events were reset")
		}
		for _, event := range events {
			if index = event.Index; event.Type == model.EventRolloutFinished {
				return index
			}
		}
		<-more
	}
}

// cpuTime is what the process has used so far.
func cpuTime(b *testing.B) time.Duration {
	b.Helper()
	var usage unix.Rusage
	if err := unix.Getrusage(unix.RUSAGE_SELF, &usage); err != nil {
		b.Fatal(err)
	}
	return time.Duration(usage.Utime.Nano() + usage.Stime.Nano())
}
