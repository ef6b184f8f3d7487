//go:build unix

package daemontest_test

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"net/url"
	"testing"
	"time"

	"github.com/heliosctl/heliosctl/daemon/daemontest"
	"github.com/heliosctl/heliosctl/model"
)

// tasksEach is how many jobs each host of a large cluster has.
const tasksEach = 10

// fillCluster registers hosts without agents, deploys ten jobs to each, so that each of the jobs is on a tenth of the hosts, and has their
// agents report a number of states of each, all through the API. It returns how long that took.
func fillCluster(b *testing.B, f *daemontest.Fleet, hosts, states int) ([]model.Job, time.Duration) {
	b.Helper()
	const writers = 128
	jobs := make([]model.Job, 10*tasksEach)
	callers := clientsOf(f, writers)
	for i := range jobs {
		jobs[i] = benchJob(fmt.Sprintf("job-%02d", i))
		if _, err := callers[0].CreateJob(b.Context(), jobs[i]); err != nil {
			b.Fatal(err)
		}
	}
	began := time.Now()
	shareOut(b, writers, hosts, func(caller, i int) error {
		c := callers[caller]
		if _, err := c.RegisterAgent(b.Context(), benchRegistration(i)); err != nil {
			return err
		}
		batch := model.StatusBatch{AgentID: "agent"}
		for task := range tasksEach {
			job := jobs[(i*tasksEach+task)%len(jobs)]
			if err := c.Deploy(b.Context(), hostName(i), model.Deployment{JobID: job.ID, Goal: model.GoalStart}, ""); err != nil {
				return err
			}
			for n := range states {
				state := model.StateRunning
				if (states-n)%2 == 0 {
					state = model.StateExited
				}
				batch.Reports = append(batch.Reports, benchReport(uint64(len(batch.Reports)+1), job, state))
			}
		}
		_, err := c.PostStatuses(b.Context(), hostName(i), batch)
		return err
	})
	return jobs, time.Since(began)
}

// BenchmarkLargeReads is how long three masters of 10,000 hosts with 10 tasks each take to answer, as one client after the other sees it:
// the leader, and a follower with a read index and without.
func BenchmarkLargeReads(b *testing.B) {
	f := startMasters(b, 3, 0)
	jobs, _ := fillCluster(b, f, *benchHosts, 1)
	leader := f.AwaitLeader()
	rest := others(f, leader)
	for _, m := range rest {
		awaitIndexOf(b, leader, m)
	}
	for _, request := range []struct {
		name, method string
		path         func() string
		body         func() []byte
	}{
		{"hosts", http.MethodGet, func() string { return "/hosts" }, func() []byte { return nil }},
		{"host-statuses", http.MethodPost, func() string { return "/hosts/statuses" }, hundredHosts},
		{"job-status", http.MethodGet, func() string {
			return "/jobs/" + url.PathEscape(jobs[rand.IntN(len(jobs))].ID.String()) + "/status"
		}, func() []byte { return nil }},
	} {
		for _, through := range []struct {
			name   string
			master *daemontest.Daemon
			query  string
		}{
			{"leader", leader, ""}, {"follower", rest[0], ""}, {"follower-stale", rest[0], "?stale=true"},
		} {
			b.Run(request.name+"/"+through.name, func(b *testing.B) {
				reader := &http.Client{Transport: &http.Transport{}}
				defer reader.CloseIdleConnections()
				var took []time.Duration
				var size int64
				for b.Loop() {
					at := through.master.API + request.path() + through.query
					body := request.body()
					began := time.Now()
					n, err := readAnswer(b.Context(), reader, request.method, at, body)
					if err != nil {
						b.Fatal(err)
					}
					took, size = append(took, time.Since(began)), n
				}
				reportTimes(b, "ms", took, 0.5, 0.99)
				b.ReportMetric(float64(size)/1024, "answer-KB")
			})
		}
	}
}

// hundredHosts is the body that asks for a hundred hosts at random.
func hundredHosts() []byte {
	const asked = 100
	names := make([]string, min(asked, *benchHosts))
	for i := range names {
		names[i] = hostName(rand.IntN(*benchHosts))
	}
	body, err := json.Marshal(names)
	if err != nil {
		panic(err) // names can be encoded
	}
	return body
}

// readAnswer asks once and returns the size of the answer, which is not decoded.
func readAnswer(ctx context.Context, reader *http.Client, method, at string, body []byte) (int64, error) {
	req, err := http.NewRequestWithContext(ctx, method, at, bytes.NewReader(body))
	if err != nil {
		return 0, err
	}
	resp, err := reader.Do(req)
	if err != nil {
		return 0, err
	}
	defer resp.Body.Close()
	n, err := io.Copy(io.Discard, resp.Body)
	if err == nil && resp.StatusCode != http.StatusOK {
		err = fmt.Errorf("%s: %s", at, resp.Status)
	}
	return n, err
}

// awaitIndexOf waits until a follower has applied what the leader has.
func awaitIndexOf(b *testing.B, leader, follower *daemontest.Daemon) {
	b.Helper()
	var want, got model.MasterStatus
	if err := leader.Get("/v1/self", &want); err != nil {
		b.Fatal(err)
	}
	daemontest.Await(b, follower.Name()+" to catch up", func() error {
		if err := follower.Get("/v1/self", &got); err != nil {
			return err
		}
		if got.Index < want.Index {
			return fmt.Errorf("it is at %d of %d", got.Index, want.Index)
		}
		return nil
	})
}

// BenchmarkRestart is how long a master with 100,000 tasks and a million rows of history takes from its start to its first answer that is
// current, after it was stopped and after it was killed, and what memory it takes then.
func BenchmarkRestart(b *testing.B) {
	const (
		states = 10
		settle = 35 * time.Second // for memory that the start needed: a daemon gives it back twice a minute
	)
	f := startMasters(b, 1, 0)
	master := f.Masters[0]
	jobs, filling := fillCluster(b, f, *benchHosts, states)
	expectHistory(b, master, jobs[0], states**benchHosts/10)
	filled := rss(b, master)
	for _, way := range []struct {
		name string
		end  func()
	}{
		{"stop", func() { f.Stop(master) }},
		{"kill", master.Kill},
	} {
		b.Run(way.name, func(b *testing.B) {
			var took []time.Duration
			for b.Loop() {
				way.end()
				began := time.Now()
				f.Start(master)
				daemontest.AwaitWithin(b, 2*daemontest.Patience, "the master to answer", func() error { return master.Get("/hosts", nil) })
				took = append(took, time.Since(began))
			}
			reportTimes(b, "ms", took, 0.5, 1)
			b.ReportMetric(filling.Seconds(), "fill-s")
			b.ReportMetric(filled, "filled-MB")
			b.ReportMetric(rss(b, master), "rss-MB")
			time.Sleep(settle)
			b.ReportMetric(rss(b, master), "settled-MB")
			b.ReportMetric(memory(b, master, rssAnonLine), "settled-anon-MB")
		})
	}
	expectHistory(b, master, jobs[0], states**benchHosts/10)
}

// expectHistory fails unless a job has as many rows of history as were reported.
func expectHistory(b *testing.B, master *daemontest.Daemon, job model.Job, want int) {
	b.Helper()
	ctx, cancel := context.WithTimeout(b.Context(), daemontest.Patience)
	defer cancel()
	var history model.TaskStatusEvents
	if err := master.Do(ctx, http.MethodGet, "/history/jobs/"+url.PathEscape(job.ID.String()), &history); err != nil {
		b.Fatal(err)
	}
	if len(history.Events) != want {
		b.Fatalf("job %s has %d rows of history, %d were reported", job.ID, len(history.Events), want)
	}
}
