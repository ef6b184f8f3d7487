package master

import (
	"context"
	"fmt"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/heliosctl/heliosctl/model"
)

func TestRunEvery(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		began := time.Now()
		var runs []time.Duration
		ctx, cancel := context.WithTimeout(t.Context(), 10*time.Minute)
		defer cancel()
		runEvery(ctx, 90*time.Second, 2*time.Minute, func(context.Context) {
			runs = append(runs, time.Since(began))
			time.Sleep(time.Minute)
		})
		// The interval is counted from the end of a run.
		want := []time.Duration{90 * time.Second, 270 * time.Second, 450 * time.Second}
		if diff := cmp.Diff(want, runs); diff != "" {
			t.Errorf("runs (-want +got):\n%s", diff)
		}
	})
}

func TestReapersThatAreOff(t *testing.T) {
	for name, test := range map[string]struct {
		config Config
		want   int
	}{
		"none":               {Config{}, 0},
		"not even negatives": {Config{AgentReapingTimeout: -1, JobRetention: -1}, 0},
		"agents":             {Config{AgentReapingTimeout: 1}, 1},
		"all":                {Config{AgentReapingTimeout: 1, JobRetention: 1, ReapHistory: true}, 3},
	} {
		t.Run(name, func(t *testing.T) {
			m := &Master{config: test.config.withDefaults()}
			if got := len(m.reapers()); got != test.want {
				t.Errorf("%d reapers, want %d", got, test.want)
			}
		})
	}
}

func TestDeadAgentsAreReaped(t *testing.T) {
	m := start(t, t.TempDir(), func(c *Config) { c.AgentReapingTimeout = 1000 * time.Hour })
	job := m.mustCreate(testJob("web", "1"))
	now := time.Now()
	for host, times := range map[string]struct{ start, uptime time.Duration }{ // the start in hours ago
		"dead":      {2000, 999},
		"dead-too":  {1500, 300},
		"recent":    {2000, 1001},
		"future":    {-3000, 0},
		"up":        {2000, 999},
		"heard-of":  {2000, 999},
		"gossiping": {2000, 999},
	} {
		r := registration(host, "a")
		r.AgentInfo.StartTime = model.TimestampOf(now.Add(-times.start * time.Hour))
		r.AgentInfo.Uptime = (times.uptime * time.Hour).Milliseconds()
		if _, err := m.RegisterAgent(t.Context(), r); err != nil {
			t.Fatal(err)
		}
		if host != "heard-of" {
			m.gauges.forget(host)
		}
		m.mustDeploy(host, job, model.GoalStart)
	}
	if err := m.RegisterHost(t.Context(), by("u"), "never-reported", "a"); err != nil {
		t.Fatal(err)
	}
	index := m.Index()
	m.members.set("up", "a")
	awaitEvent(t, m, index, model.EventHostUp)
	m.members.mu.Lock()
	m.members.alive["gossiping"] = "a" // and nobody has recorded it yet
	m.members.mu.Unlock()

	m.reapDeadAgents(t.Context())
	if diff := cmp.Diff([]string{"future", "gossiping", "heard-of", "never-reported", "recent", "up"}, m.Hosts()); diff != "" {
		t.Errorf("hosts (-want +got):\n%s", diff)
	}
	status, err := m.JobStatus(job.ID)
	if err != nil || len(status.Deployments) != 5 {
		t.Errorf("deployments %v, %v", status.Deployments, err)
	}
}

func TestOldJobsAreReaped(t *testing.T) {
	m := start(t, t.TempDir(), func(c *Config) { c.JobRetention = time.Hour })
	m.mustRegister("h1", "a1")
	long := model.TimestampOf(time.Now().Add(-2 * time.Hour))
	used := map[string]model.Timestamp{"fresh": model.TimestampOf(time.Now()), "stale": long, "deployed": long}
	var seq uint64
	for _, name := range []string{"fresh", "stale", "deployed", "new"} {
		job := m.mustCreate(testJob(name, "1"))
		if name == "deployed" {
			m.mustDeploy("h1", job, model.GoalStop)
		}
		if at := used[name]; at != 0 {
			seq++
			r := report(seq, job, model.StateExited)
			r.Timestamp = at
			if _, err := m.PostStatuses(t.Context(), "h1", model.StatusBatch{AgentID: "a1", Reports: []model.StatusReport{r}}); err != nil {
				t.Fatal(err)
			}
		}
	}
	m.reapOldJobs(t.Context())
	var left []string
	for _, job := range m.Jobs(model.JobFilter{}) {
		left = append(left, job.ID.Name)
	}
	if diff := cmp.Diff([]string{"deployed", "fresh", "new"}, left); diff != "" {
		t.Errorf("jobs left (-want +got):\n%s", diff)
	}
	m.reapHistory(t.Context())
	if history, err := m.History(t.Context(), testJob("fresh", "1").ID); err != nil || len(history) != 1 {
		t.Errorf("the history of a job that is there: %v, %v", history, err)
	}
}

func TestReapersRunOnTheLeader(t *testing.T) {
	m := start(t, t.TempDir(), func(c *Config) {
		c.AgentReapingTimeout, c.JobRetention, c.ReapHistory = time.Hour, time.Nanosecond, true
		c.AgentReapInterval, c.JobReapInterval = time.Millisecond, time.Millisecond
	})
	index := m.Index()
	const jobs = reapAtOnce + 1 // more than one command removes
	for i := range jobs {
		m.mustCreate(testJob("unused", fmt.Sprint(i)))
	}
	m.mustRegister("h1", "a1")
	m.gauges.forget("h1")
	if event := awaitEvent(t, m, index, model.EventHostDeregistered); event.Reason != model.ReasonDead || event.Host != "h1" {
		t.Errorf("event %+v", event)
	}
	for i := range jobs {
		awaitGone(t, m, testJob("unused", fmt.Sprint(i)).ID)
	}
	if event := awaitEvent(t, m, index, model.EventJobRemoved); event.Reason != model.ReasonUnused {
		t.Errorf("event %+v", event)
	}
}
