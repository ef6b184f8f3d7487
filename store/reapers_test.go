package store

import (
	"strings"
	"testing"

	"github.com/dgraph-io/badger/v4"
	"github.com/google/go-cmp/cmp"

	"github.com/heliosctl/heliosctl/model"
)

func TestReapHost(t *testing.T) {
	const hour = 3_600_000
	for name, test := range map[string]struct {
		start, uptime model.Timestamp // hours
		up            bool
		agent         string
		want          model.Code
	}{
		"away for long":            {0, 999, false, "a1", ""},
		"away for exactly as long": {0, 1000, false, "a1", ""},
		"away for less":            {0, 1001, false, "a1", model.CodeInvalid},
		"started later":            {500, 300, false, "a1", ""},
		"started in the future":    {5000, 0, false, "a1", model.CodeInvalid},
		"up":                       {0, 1, true, "a1", model.CodeInvalid},
		"another agent's":          {0, 1, false, "a2", model.CodeHostConflict},
	} {
		t.Run(name, func(t *testing.T) {
			m := newMachine(t, StateOptions{})
			r := registration("h1", "a1")
			r.AgentInfo.StartTime, r.AgentInfo.Uptime = test.start*hour, int64(test.uptime*hour)
			m.ok(RegisterAgent{Registration: r})
			job := testJob("web", "1")
			m.ok(CreateJob{Job: job})
			m.ok(Deploy{Host: "h1", Deployment: deployment(job, model.GoalStart)})
			if test.up {
				m.ok(HostLiveness{Changes: []LivenessChange{{Host: "h1", AgentID: "a1", Up: true, At: hour}}})
			}
			if dead := m.state.DeadHosts(1000 * hour); (len(dead) == 1) != (test.want == "" || test.want == model.CodeHostConflict) {
				t.Errorf("dead hosts: %+v", dead)
			}
			before := m.state.Index()
			wantCode(t, m.as(model.Request{}, ReapHost{Host: "h1", AgentID: test.agent, Before: 1000 * hour}), test.want)
			if test.want != "" {
				if len(m.state.Hosts()) != 1 {
					t.Error("the host is gone")
				}
				return
			}
			events, _, _ := m.state.Events(before)
			var got []string
			for _, e := range events {
				got = append(got, string(e.Type)+" "+e.Host+" "+string(e.Reason))
			}
			if diff := cmp.Diff([]string{"deployment.removed h1 dead", "host.deregistered h1 dead"}, got); diff != "" {
				t.Errorf("events (-want +got):\n%s", diff)
			}
			m.ok(RemoveJob{ID: job.ID})
		})
	}
	t.Run("unknown", func(t *testing.T) {
		m := newMachine(t, StateOptions{})
		wantCode(t, m.do(ReapHost{Host: "h1", AgentID: "a1"}), model.CodeHostNotFound)
	})
	t.Run("never reported", func(t *testing.T) {
		m := newMachine(t, StateOptions{})
		m.ok(RegisterHost{Host: "h1", AgentID: "a1"})
		if dead := m.state.DeadHosts(1 << 60); len(dead) != 0 {
			t.Errorf("dead hosts: %+v", dead)
		}
		wantCode(t, m.do(ReapHost{Host: "h1", AgentID: "a1", Before: 1 << 60}), model.CodeInvalid)
	})
}

// TestReapJobs follows the original's table of which jobs are old. Jobs are created at about one million.
func TestReapJobs(t *testing.T) {
	const before = 2_000_000
	at := func(when model.Timestamp) model.StatusReport {
		return model.StatusReport{Timestamp: when}
	}
	for name, test := range map[string]struct {
		deployed bool
		history  []model.StatusReport // times of what happened on h1 and h2, in turns
		before   model.Timestamp
		reaped   bool
	}{
		"no history, created long ago":  {false, nil, before, true},
		"no history, created just then": {false, nil, 1_000_002, false},
		"no history, created after":     {false, nil, 5, false},
		"deployed":                      {true, nil, before, false},
		"deployed, with old history":    {true, []model.StatusReport{at(7)}, before, false},
		"old history":                   {false, []model.StatusReport{at(7), at(1_999_999)}, before, true},
		"history just then":             {false, []model.StatusReport{at(7), at(before)}, before, false},
		"later history on one host":     {false, []model.StatusReport{at(before + 1), at(7)}, before, false},
		"old history, created later":    {false, []model.StatusReport{at(7)}, 8, true},
	} {
		for _, reopened := range []bool{false, true} {
			t.Run(name, func(t *testing.T) {
				m := newMachine(t, StateOptions{HistoryLimit: 1})
				m.ok(RegisterAgent{Registration: registration("h1", "a")})
				m.ok(RegisterAgent{Registration: registration("h2", "a")})
				job := testJob("web", "1")
				job.Token, job.ID.Hash = "secret", ""
				job = job.WithID()
				m.ok(CreateJob{Job: job})
				for i, r := range test.history {
					r.Seq, r.JobID, r.Status = uint64(i+1), job.ID, status(job, model.StateExited)
					m.statuses([]string{"h1", "h2"}[i%2], "a", r)
				}
				if test.deployed {
					m.ok(Deploy{Host: "h1", Deployment: deployment(job, model.GoalStop), Token: "secret"})
				}
				if reopened {
					m.reopen()
				}
				index := m.state.Index()
				result := m.as(model.Request{}, ReapJobs{Before: test.before, Limit: 9})
				if m.state.HasJob(job.ID) == test.reaped || (len(result.Removed) == 1) != test.reaped {
					t.Fatalf("removed %v", result.Removed)
				}
				if !test.reaped {
					return
				}
				events, _, _ := m.state.Events(index)
				if len(events) != 1 || events[0].Type != model.EventJobRemoved || events[0].Reason != model.ReasonUnused {
					t.Errorf("events %+v", events)
				}
			})
		}
	}
}

func TestReapJobsIsBounded(t *testing.T) {
	m := newMachine(t, StateOptions{})
	for _, name := range []string{"a", "b", "c", "d"} {
		m.ok(CreateJob{Job: testJob(name, "1")})
	}
	m.ok(RegisterAgent{Registration: registration("h1", "a")})
	m.ok(Deploy{Host: "h1", Deployment: deployment(testJob("b", "1"), model.GoalStart)})
	var got [][]string
	for range 3 {
		got = append(got, names(m.ok(ReapJobs{Before: 1 << 60, Limit: 2}).Removed))
	}
	if diff := cmp.Diff([][]string{{"a", "c"}, {"d"}, nil}, got); diff != "" {
		t.Errorf("removed (-want +got):\n%s", diff)
	}
}

func TestReapHistory(t *testing.T) {
	m := newMachine(t, StateOptions{})
	m.ok(RegisterAgent{Registration: registration("h1", "a1")})
	job := testJob("web", "1")
	m.ok(CreateJob{Job: job})
	m.statuses("h1", "a1", report(1, job, model.StateRunning))
	// As a fault would leave it: rows of jobs that are not there.
	err := m.state.db.Update(func(txn *badger.Txn) error {
		for _, key := range [][]byte{historyKey(77, "h1", 4), historyKey(77, "h1", 5), historyKey(77, "h9", 0), historyKey(78, "h1", 0)} {
			if err := txn.Set(key, []byte(`{"timestamp":5,"status":{"state":"RUNNING"}}`)); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	m.reopen()
	for _, want := range []int{1, 1, 0} {
		if got := m.ok(ReapHistory{Limit: 1}).Histories; got != want {
			t.Errorf("the history of %d jobs was removed, want %d", got, want)
		}
	}
	if rows := strings.Count(dump(t, m.state), `"h/`); rows != 1 {
		t.Errorf("%d rows are left", rows)
	}
	if history, err := m.state.History(job.ID); err != nil || len(history) != 1 {
		t.Errorf("the history of the job: %v, %v", history, err)
	}
}
