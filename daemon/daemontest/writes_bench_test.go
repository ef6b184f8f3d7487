//go:build unix

package daemontest_test

import (
	"fmt"
	"sync/atomic"
	"testing"
	"time"

	"github.com/heliosctl/heliosctl/client"
	"github.com/heliosctl/heliosctl/daemon/daemontest"
	"github.com/heliosctl/heliosctl/model"
)

// BenchmarkWrites is how many changes per second a master alone and three masters accept, each a process, of clients that go round all
// of them; beside the bare disk. Clients and masters share the machine.
func BenchmarkWrites(b *testing.B) {
	b.Run("disk", daemontest.BenchmarkDisk)
	one, three := startMasters(b, 1, 0), startMasters(b, 3, 0)
	fleets := []*daemontest.Fleet{one, three}
	var jobs atomic.Int64 // created so far
	for _, clients := range []int{1, 16, 128} {
		for _, f := range fleets {
			callers := clientsOf(f, clients)
			b.Run(fmt.Sprintf("create/masters=%d/c=%d", len(f.Masters), clients), func(b *testing.B) {
				benchWrites(b, callers, func(c *client.Client, _ int) error {
					_, err := c.CreateJob(b.Context(), benchJob(fmt.Sprint("job", jobs.Add(1))))
					return err
				})
			})
		}
	}
	const hosts = 256 // more than clients, so that no two change the same
	goal := benchJob("goal")
	for _, f := range fleets {
		deployToStop(b, f.Client("bench"), goal, hosts)
	}
	var visits atomic.Int64
	for _, clients := range []int{1, 16, 128} {
		for _, f := range fleets {
			callers := clientsOf(f, clients)
			b.Run(fmt.Sprintf("goal/masters=%d/c=%d", len(f.Masters), clients), func(b *testing.B) {
				goals := []model.Goal{model.GoalStart, model.GoalStop}
				benchWrites(b, callers, func(c *client.Client, _ int) error {
					visit := int(visits.Add(1))
					deployment := model.Deployment{JobID: goal.ID, Goal: goals[visit/hosts%len(goals)]}
					return c.SetGoal(b.Context(), hostName(visit%hosts), deployment, "")
				})
			})
		}
	}
}

func benchWrites(b *testing.B, callers []*client.Client, write func(c *client.Client, i int) error) {
	b.ResetTimer()
	shareOut(b, len(callers), b.N, func(worker, i int) error { return write(callers[worker], i) })
	b.StopTimer()
	b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "writes/s")
}

func hostName(i int) string { return fmt.Sprintf("host-%05d", i) }

// deployToStop creates a job and deploys it, not to be started, to hosts that it registers.
func deployToStop(b *testing.B, c *client.Client, job model.Job, hosts int) {
	b.Helper()
	if _, err := c.CreateJob(b.Context(), job); err != nil {
		b.Fatal(err)
	}
	shareOut(b, 16, hosts, func(_, i int) error {
		if err := c.RegisterHost(b.Context(), hostName(i), "agent"); err != nil {
			return err
		}
		return c.Deploy(b.Context(), hostName(i), model.Deployment{JobID: job.ID, Goal: model.GoalStop}, "")
	})
}

// BenchmarkReadAfterWrite is how long a follower takes to answer a read that must reflect a change just made: the follower has to hear from
// the leader that it is committed.
func BenchmarkReadAfterWrite(b *testing.B) {
	f := startMasters(b, 3, 0)
	leader := f.AwaitLeader()
	writer := f.Client("bench", leader)
	for _, through := range []struct {
		name   string
		master *daemontest.Daemon
	}{{"leader", leader}, {"follower", others(f, leader)[0]}} {
		b.Run(through.name, func(b *testing.B) {
			reader := f.Client("bench", through.master)
			var took []time.Duration
			for i := 0; b.Loop(); i++ {
				id, err := writer.CreateJob(b.Context(), benchJob(fmt.Sprintf("%s-%d", through.name, i)))
				if err != nil {
					b.Fatal(err)
				}
				began := time.Now()
				if _, err := reader.Job(b.Context(), id); err != nil {
					b.Fatal(err)
				}
				took = append(took, time.Since(began))
			}
			reportTimes(b, "ms", took, 0.5, 0.99, 1)
		})
	}
}
