package store

import (
	"strings"
	"testing"

	"github.com/heliosctl/heliosctl/model"
)

// TestNamesThatNoKeyHolds holds that a name that is too long for a key of the database is refused. It must not break the state: every
// master would apply the command again at each start.
func TestNamesThatNoKeyHolds(t *testing.T) {
	long := strings.Repeat("a", 66_000)
	for name, body := range map[string]Body{
		"a job":   CreateJob{Job: testJob(long, "1")},
		"a group": CreateGroup{Group: testGroup(long, "web")},
		"a host":  RegisterHost{Host: long, AgentID: "a"},
	} {
		t.Run(name, func(t *testing.T) {
			m := newMachine(t, StateOptions{})
			if result := m.do(body); result.Err == nil {
				t.Error("it is not refused")
			}
			m.ok(CreateJob{Job: testJob("web", "1")})
			m.reopen()
			if got := len(m.state.Jobs(model.JobFilter{})); got != 1 {
				t.Errorf("%d jobs, want 1", got)
			}
		})
	}
}

// TestStatusOfAJobThatNoKeyHolds holds that such a report is passed over, and acknowledged with the others of its batch.
func TestStatusOfAJobThatNoKeyHolds(t *testing.T) {
	m := newMachine(t, StateOptions{})
	m.ok(RegisterAgent{Registration: registration("h1", "a1")})
	unknown := testJob(strings.Repeat("a", 66_000), "1")
	ack := m.statuses("h1", "a1", report(1, unknown, model.StateRunning), report(2, testJob("web", "1"), model.StateRunning))
	if ack.Err != nil || ack.Seq != 2 {
		t.Errorf("%+v", ack)
	}
	host, err := m.state.Host("h1")
	if err != nil || len(host.Statuses) != 1 {
		t.Errorf("%d statuses, want 1: %v", len(host.Statuses), err)
	}
}
