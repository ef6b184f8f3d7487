package main

import (
	"fmt"
	"os/exec"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/heliosctl/heliosctl/client"
	"github.com/heliosctl/heliosctl/daemon/daemontest/ports"
	"github.com/heliosctl/heliosctl/model"
)

// BenchmarkOneShot times commands from the start of the process to its end, in turn with curl on the route of jobs: with a few jobs, and
// with 10,000 that are deployed. It reports medians, and
// the memory that each took where GNU time is there to tell.
func BenchmarkOneShot(b *testing.B) {
	curl, err := exec.LookPath("curl")
	if err != nil {
		b.Skip("there is no curl to compare with")
	}
	api := ports.Address(b)
	master := startProcess(b, "master", "--name", "m1", "--state-dir", b.TempDir(), "--http", api, "--admin", ports.Address(b),
		"--gossip", ports.Address(b), "--raft", ports.Address(b))
	master.waitFor("msg=ready")
	url := "http://" + api
	c := clientOf(b, url)
	const hosts = 10
	for i := range hosts {
		if err := c.RegisterHost(b.Context(), benchHost(i), fmt.Sprint("id", i)); err != nil {
			b.Fatal(err)
		}
	}
	made := 0
	for _, jobs := range []int{3, 10_000} {
		addJobs(b, c, made, jobs, hosts)
		made = jobs
		b.Run(fmt.Sprint(jobs), func(b *testing.B) {
			lines := []*timedCommand{
				{name: "curl", args: []string{curl, "-s", url + "/jobs"}},
				{name: "jobs", args: []string{program(b), "--master", url, "jobs"}},
				{name: "jobs-json", args: []string{program(b), "--master", url, "jobs", "--json"}},
				{name: "status", args: []string{program(b), "--master", url, "status"}},
				{name: "version", args: []string{program(b), "version", "--client"}},
			}
			for b.Loop() {
				for _, line := range lines {
					line.run(b)
				}
			}
			for _, line := range lines {
				slices.Sort(line.took)
				b.ReportMetric(float64(line.took[len(line.took)/2].Microseconds())/1000, line.name+"-ms")
				if megabytes, known := line.memory(b); known {
					b.ReportMetric(megabytes, line.name+"-MB")
				}
			}
			b.ReportMetric(0, "ns/op") // a round of all of them says nothing
		})
	}
}

// timedCommand is a command line and how long it took.
type timedCommand struct {
	name string
	args []string
	took []time.Duration
}

func (c *timedCommand) run(b *testing.B) {
	b.Helper()
	var stderr strings.Builder
	cmd := exec.Command(c.args[0], c.args[1:]...)
	cmd.Stderr = &stderr
	began := time.Now()
	if err := cmd.Run(); err != nil {
		b.Fatalf("%q: %v: %s", c.args, err, &stderr)
	}
	c.took = append(c.took, time.Since(began))
}

// memory returns the most that the command takes, in MB. It is measured from a small process, because the first thing that counts for
// a new process is the memory of the one that starts it.
func (c *timedCommand) memory(b *testing.B) (float64, bool) {
	b.Helper()
	tool, err := exec.LookPath("time")
	if err != nil {
		return 0, false
	}
	var stderr strings.Builder
	cmd := exec.Command(tool, append([]string{"-f", "%M"}, c.args...)...)
	cmd.Stderr = &stderr
	if err := cmd.Run(); err != nil {
		b.Fatalf("%q: %v: %s", c.args, err, &stderr)
	}
	kilobytes, err := strconv.ParseFloat(strings.TrimSpace(stderr.String()), 64)
	if err != nil {
		b.Fatal(err)
	}
	return kilobytes / 1024, true
}

func benchHost(i int) string { return fmt.Sprintf("host-%d.example.com", i) }

// addJobs creates jobs from one number up to another, and deploys each to one host.
func addJobs(b *testing.B, c *client.Client, from, to, hosts int) {
	b.Helper()
	numbers := make(chan int)
	var workers sync.WaitGroup
	for range 32 {
		workers.Go(func() {
			for i := range numbers {
				id, err := c.CreateJob(b.Context(), model.Job{
					ID: model.JobID{Name: fmt.Sprintf("service-%05d", i), Version: "1"}, Image: "registry.example.com/team/service:1.2.3",
					Command: []string{"/bin/server", "--listen", "8080"}, Env: map[string]string{"REGION": "eu", "LEVEL": "info"},
				})
				if err == nil {
					err = c.Deploy(b.Context(), benchHost(i%hosts), model.Deployment{JobID: id, Goal: model.GoalStart}, "")
				}
				if err != nil {
					b.Error(err)
				}
			}
		})
	}
	for i := from; i < to; i++ {
		numbers <- i
	}
	close(numbers)
	workers.Wait()
}
