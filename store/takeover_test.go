package store

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/heliosctl/heliosctl/model"
)

func claimedAfter(host, agent string, minutes int64) model.Registration {
	r := registration(host, agent)
	ttl := minutes * 60_000
	r.TTL = &ttl
	return r
}

// at applies a command at a time of its own.
func (m *machine) at(now model.Timestamp, body Body) Result {
	m.t.Helper()
	command, err := Encode(now, model.Request{User: "bob"}, body)
	if err != nil {
		m.t.Fatal(err)
	}
	return m.raw(command)
}

// TestWhoMayTakeAHostOver has a host whose agent a1 was last seen at ten million, and another agent that claims it.
func TestWhoMayTakeAHostOver(t *testing.T) {
	const minute, seen = 60_000, 10_000_000
	registered := func(m *machine) { m.at(seen, RegisterAgent{Registration: registration("h1", "a1")}) }
	live := func(m *machine, up bool, at model.Timestamp) {
		m.ok(HostLiveness{Changes: []LivenessChange{{Host: "h1", AgentID: "a1", Up: up, At: at}}})
	}
	left := func(m *machine) {
		registered(m)
		live(m, true, seen-5*minute)
		live(m, false, seen)
	}
	for name, test := range map[string]struct {
		setup func(*machine)
		now   model.Timestamp
		claim model.Registration
		want  model.Code
		says  string
	}{
		"up":                       {func(m *machine) { registered(m); live(m, true, seen) }, seen + 999*minute, registration("h1", "a2"), model.CodeHostConflict, "belongs to another agent"},
		"up, without waiting":      {func(m *machine) { registered(m); live(m, true, seen) }, seen + 999*minute, claimedAfter("h1", "a2", 0), model.CodeHostConflict, ""},
		"just gone":                {left, seen, registration("h1", "a2"), model.CodeHostConflict, "last seen 0s ago; this one can take the name over in 10m0s"},
		"gone for less":            {left, seen + 10*minute - 1, registration("h1", "a2"), model.CodeHostConflict, "last seen 9m59s ago; this one can take the name over in 1s"},
		"gone for as long":         {left, seen + 10*minute, registration("h1", "a2"), "", ""},
		"gone, without waiting":    {left, seen, claimedAfter("h1", "a2", 0), "", ""},
		"gone for less than asked": {left, seen + 19*minute, claimedAfter("h1", "a2", 20), model.CodeHostConflict, "in 1m0s"},
		"gone for more than asked": {left, seen + 2*minute, claimedAfter("h1", "a2", 1), "", ""},
		"gone in the future":       {left, seen - 5*minute, registration("h1", "a2"), model.CodeHostConflict, "last seen 0s ago"},
		"never up, just here":      {registered, seen + 9*minute, registration("h1", "a2"), model.CodeHostConflict, "last seen 9m0s ago"},
		"never up, long ago":       {registered, seen + 10*minute, registration("h1", "a2"), "", ""},
		"registered beforehand":    {func(m *machine) { m.at(seen, RegisterHost{Host: "h1", AgentID: "a1"}) }, seen, registration("h1", "a2"), "", ""},
		"registered beforehand and up": {func(m *machine) {
			m.at(seen, RegisterHost{Host: "h1", AgentID: "a1"})
			live(m, true, seen)
		}, seen + 999*minute, registration("h1", "a2"), model.CodeHostConflict, ""},
		"its own":        {left, seen, claimedAfter("h1", "a1", 20), "", ""},
		"its own and up": {func(m *machine) { registered(m); live(m, true, seen) }, seen, registration("h1", "a1"), "", ""},
	} {
		t.Run(name, func(t *testing.T) {
			m := newMachine(t, StateOptions{})
			test.setup(m)
			owner, predicted := m.state.RefuseTakeOver(test.claim, test.now)
			if model.CodeOf(predicted) != test.want || owner != "" != (test.claim.AgentID == "a2") {
				t.Errorf("it was to be refused with %v, owned by %q", predicted, owner)
			}
			result := m.at(test.now, RegisterAgent{Registration: test.claim})
			wantCode(t, result, test.want)
			if result.Err != nil && !strings.Contains(result.Err.Message, test.says) {
				t.Errorf("it says %q, want %q in it", result.Err.Message, test.says)
			}
			want := test.claim.AgentID
			if test.want != "" {
				want = "a1"
			}
			if id, err := m.state.AgentID("h1"); err != nil || id != want {
				t.Errorf("the host is that of %q (%v), want %q", id, err, want)
			}
		})
	}
}

func TestTakeOverKeepsTheHostAndForgetsTheAgent(t *testing.T) {
	m := newMachine(t, StateOptions{})
	job, gone := testJob("web", "1", 80), testJob("gone", "1")
	m.ok(CreateJob{Job: job})
	m.ok(CreateJob{Job: gone})
	old := registration("h1", "a1")
	old.Environment = map[string]string{"ZONE": "a"}
	before := m.ok(RegisterAgent{Registration: old}).Registered
	m.ok(Deploy{Host: "h1", Deployment: deployment(job, model.GoalStart)})
	m.ok(Deploy{Host: "h1", Deployment: deployment(gone, model.GoalStart)})
	m.statuses("h1", "a1", report(1, job, model.StateRunning), report(2, gone, model.StateRunning))
	m.ok(Undeploy{Host: "h1", JobID: gone.ID})
	m.ok(RemoveJob{ID: gone.ID}) // its status is all that is left of it
	m.ok(DrainHost{Host: "h1"})
	_, _, changed, err := m.state.Tasks("h1", "a1")
	if err != nil {
		t.Fatal(err)
	}
	at := m.state.Index()

	result := m.at(1<<40, RegisterAgent{Registration: registration("h1", "a2")})
	if result.Err != nil {
		t.Fatal(result.Err)
	}
	if got := result.Registered; got.Epoch == before.Epoch || got.AckedSeq != 0 {
		t.Errorf("registered %+v after %+v, want another epoch and no reports", got, before)
	}
	if diff := cmp.Diff([]string{"host.registered bob"}, m.kindsAfter(at)); diff != "" {
		t.Errorf("events (-want +got):\n%s", diff)
	}
	select {
	case <-changed:
	default:
		t.Error("the old agent's stream is not woken")
	}
	if _, _, _, err := m.state.Tasks("h1", "a1"); model.CodeOf(err) != model.CodeHostConflict {
		t.Errorf("the old agent's tasks: %v", err)
	}
	if ack := m.statuses("h1", "a1", report(3, job, model.StateExited)); model.CodeOf(ack.Err) != model.CodeHostConflict {
		t.Errorf("the old agent's reports: %+v", ack)
	}
	check := func(t *testing.T) {
		t.Helper()
		tasks, _, _, err := m.state.Tasks("h1", "a2")
		if err != nil || len(tasks) != 1 || tasks[0].Job.ID != job.ID {
			t.Errorf("tasks %+v, %v", tasks, err)
		}
		host, err := m.state.Host("h1")
		if err != nil {
			t.Fatal(err)
		}
		if len(host.Statuses) != 0 || host.Status != model.Down || len(host.Environment) != 0 || host.AgentID != "a2" {
			t.Errorf("host %+v, want nothing of the old agent", host)
		}
		if host.Drain == nil {
			t.Error("the drain is forgotten")
		}
		history, err := m.state.History(job.ID)
		if err != nil || len(history) != 1 {
			t.Errorf("history %+v, %v", history, err)
		}
	}
	check(t)
	if _, unchanged := m.state.Registered(claimedAfter("h1", "a2", 20)); !unchanged {
		t.Error("when to take a host over counts as a fact of it")
	}
	m.ok(UndrainHost{Host: "h1"})
	rival := testJob("rival", "1", 80)
	m.ok(CreateJob{Job: rival})
	wantCode(t, m.do(Deploy{Host: "h1", Deployment: deployment(rival, model.GoalStart)}), model.CodePortConflict)
	m.ok(DrainHost{Host: "h1"})
	m.reopen()
	check(t)
	if ack := m.statuses("h1", "a2", report(1, job, model.StateRunning)); ack.Seq != 1 || ack.Err != nil {
		t.Errorf("the new agent's first report: %+v", ack)
	}
}
