package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"regexp"
	"runtime/debug"
	"strconv"
	"sync"
	"testing"
	"time"

	"github.com/heliosctl/heliosctl/client"
	"github.com/heliosctl/heliosctl/daemon/container/containertest"
	"github.com/heliosctl/heliosctl/daemon/daemontest/ports"
	"github.com/heliosctl/heliosctl/model"
)

// BenchmarkMemory reports what the daemons take as processes: idle, and with 200 jobs in real containers on one host.
func BenchmarkMemory(b *testing.B) {
	const jobs = 200
	engine := containertest.RequireDocker(b)
	image := containertest.BusyboxImage(b, engine)
	agentID := containertest.AgentID(b, engine) // whose containers are taken away at the end
	gossip, api := ports.Address(b), ports.Address(b)
	master := startProcess(b, "master", "--name", "m1", "--state-dir", b.TempDir(), "--http", api, "--admin", ports.Address(b),
		"--gossip", gossip, "--raft", ports.Address(b))
	master.waitFor("msg=ready")
	agent := startProcess(b, "agent", "--name", "web-1", "--id", agentID, "--state-dir", b.TempDir(), "--no-http",
		"--gossip", ports.Address(b), "--join", gossip)
	agent.waitFor("msg=ready")
	c := clientOf(b, "http://"+api)
	awaitHost(b, c, "web-1", model.Up)
	idleMaster, idleAgent := rss(b, master), rss(b, agent)
	var deployed sync.WaitGroup
	for i := range jobs {
		deployed.Go(func() { deployJob(b, c, fmt.Sprint("job-", i), image) })
	}
	deployed.Wait()
	awaitRunning(b, c, jobs)
	b.ReportMetric(idleMaster, "master-idle-MB")
	b.ReportMetric(idleAgent, "agent-idle-MB")
	b.ReportMetric(rss(b, master), "master-MB")
	b.ReportMetric(rss(b, agent), "agent-MB")
	agent.kill()
}

func deployJob(b *testing.B, c *client.Client, name, image string) {
	id, err := c.CreateJob(context.Background(), model.Job{
		ID: model.JobID{Name: name, Version: "1"}, Image: image, Command: []string{"/bin/busybox", "sleep", "1000"}, NetworkMode: "host",
	})
	err = errors.Join(err, c.Deploy(context.Background(), "web-1", model.Deployment{JobID: id, Goal: model.GoalStart}, ""))
	if err != nil {
		b.Error(err)
	}
}

func awaitRunning(b *testing.B, c *client.Client, want int) {
	b.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), 5*time.Minute)
	defer cancel()
	for _, err := range c.Events(ctx, 0) {
		if err != nil {
			b.Fatal(err)
		}
		host, err := c.HostStatus(ctx, "web-1")
		if err != nil {
			b.Fatal(err)
		}
		running := 0
		for _, status := range host.Statuses {
			if status.State == model.StateRunning {
				running++
			}
		}
		if running == want {
			return
		}
	}
}

var rssLine = regexp.MustCompile(`VmRSS:\s+(\d+) kB`)

// rss returns the resident memory of a process in MB.
func rss(b *testing.B, p *process) float64 {
	b.Helper()
	status, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", p.cmd.Process.Pid))
	if err != nil {
		b.Skipf("reading the memory of a process needs Linux: %v", err)
	}
	kilobytes, err := strconv.ParseFloat(string(rssLine.FindSubmatch(status)[1]), 64)
	if err != nil {
		b.Fatal(err)
	}
	return kilobytes / 1024
}

func TestConsoleHeapIsSmallOnceEverythingIsRead(t *testing.T) {
	before := debug.SetGCPercent(77)
	defer debug.SetGCPercent(before)
	collects := func(want int) {
		t.Helper()
		now := debug.SetGCPercent(100)
		if debug.SetGCPercent(now); now != want {
			t.Errorf("garbage is collected at %d %%, want %d", now, want)
		}
	}
	t.Setenv("GOGC", "")
	setConsoleHeap(true)
	collects(readingGCPercent)
	setConsoleHeap(false)
	collects(consoleGCPercent)
	t.Setenv("GOGC", "77")
	debug.SetGCPercent(77)
	setConsoleHeap(true)
	setConsoleHeap(false)
	collects(77)
}
