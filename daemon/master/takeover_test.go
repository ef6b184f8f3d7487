package master

import (
	"strings"
	"testing"
	"time"

	"github.com/heliosctl/heliosctl/model"
)

// awaitRecorded waits until the leader has recorded whether the host is up.
func (r *running) awaitRecorded(host string, up bool) {
	r.t.Helper()
	deadline := time.After(30 * time.Second)
	for {
		index := r.Index()
		for _, recorded := range r.folders.state.Liveness() {
			if recorded.Host == host && recorded.Up == up {
				return
			}
		}
		_, _, more := r.Events(index)
		select {
		case <-more:
		case <-deadline:
			r.t.Fatalf("host %s was not recorded as up=%v", host, up)
		}
	}
}

func TestGossipAndRecordsDecideWhoTakesAHostOver(t *testing.T) {
	m := start(t, t.TempDir(), nil)
	claim := registration("h1", "a2")
	now := int64(0)
	claim.TTL = &now
	refused := func(says string) {
		t.Helper()
		index := m.Index()
		_, err := m.RegisterAgent(t.Context(), claim)
		wantCode(t, err, model.CodeHostConflict)
		if err != nil && !strings.Contains(err.Error(), says) {
			t.Errorf("the refusal is %q, want %q in it", err, says)
		}
		if m.Index() != index {
			t.Error("a refusal costs a write")
		}
	}
	first := m.mustRegister("h1", "a1")
	job := m.mustCreate(testJob("web", "1"))
	m.mustDeploy("h1", job, model.GoalStart)

	m.members.set("h1", "a1")
	m.awaitRecorded("h1", true)
	refused("which is alive")

	// Gone for a moment, which the default does not allow and no waiting at all does.
	m.members.set("h1", "")
	m.awaitRecorded("h1", false)
	claim.TTL = nil
	refused("this one can take the name over in")

	// Gossip sees it come back before that is recorded.
	claim.TTL = &now
	m.members.mu.Lock()
	m.members.alive["h1"] = "a1"
	m.members.mu.Unlock()
	refused("which is alive")
	m.members.mu.Lock()
	m.members.alive["h1"] = ""
	m.members.mu.Unlock()

	_, _, ended, err := m.HostTasks("h1", "a1")
	if err != nil {
		t.Fatal(err)
	}
	taken, err := m.RegisterAgent(t.Context(), claim)
	if err != nil {
		t.Fatal(err)
	}
	if taken.Epoch == first.Epoch || taken.Index == 0 {
		t.Errorf("registered %+v after %+v, want another epoch and an index", taken, first)
	}
	<-ended
	_, _, _, err = m.HostTasks("h1", "a1")
	wantCode(t, err, model.CodeHostConflict)
	if tasks, _, _, err := m.HostTasks("h1", "a2"); err != nil || len(tasks) != 1 {
		t.Errorf("tasks of the new agent: %+v, %v", tasks, err)
	}
	m.members.set("h1", "a2")
	m.awaitRecorded("h1", true)

	// The old one comes back: it is refused, however little it wants to wait.
	claim.AgentID = "a1"
	refused("which is alive")
	wantCode(t, m.PostGauges("h1", model.Gauges{AgentID: "a1"}), model.CodeHostConflict)
}

func TestAgentsOfAnotherClusterAreRefused(t *testing.T) {
	m := start(t, t.TempDir(), nil)
	registration := model.Registration{Host: "h1", AgentID: "a1", ClusterID: "another"}
	_, err := m.RegisterAgent(t.Context(), registration)
	wantCode(t, err, model.CodeHostConflict)
	if hosts := m.Hosts(); len(hosts) != 0 {
		t.Errorf("hosts %v were registered", hosts)
	}
	registration.ClusterID = m.ClusterID()
	if _, err := m.RegisterAgent(t.Context(), registration); err != nil {
		t.Error(err)
	}
}

func TestDrain(t *testing.T) {
	dir := t.TempDir()
	m := start(t, dir, nil)
	m.mustRegister("h1", "a1")
	job := m.mustCreate(testJob("web", "1"))
	_, err := m.Drain(t.Context(), by("alice"), "nope", false)
	wantCode(t, err, model.CodeHostNotFound)
	drain, err := m.Drain(t.Context(), by("alice"), "h1", true)
	if err != nil || drain.User != "alice" || drain.Since == 0 {
		t.Errorf("drain %+v, %v", drain, err)
	}
	m.stop()

	m = start(t, dir, nil)
	host, err := m.Host("h1")
	if err != nil || host.Drain == nil || host.Drain.Since != drain.Since || !m.Drained("h1") {
		t.Errorf("after a restart the host is %+v, %v", host, err)
	}
	d := model.Deployment{JobID: job.ID, Goal: model.GoalStart}
	wantCode(t, m.Deploy(t.Context(), by("alice"), "h1", d, ""), model.CodeHostDrained)
	wantCode(t, m.Undrain(t.Context(), by("alice"), "nope"), model.CodeHostNotFound)
	wantCode(t, m.Undrain(t.Context(), by("alice"), "h1"), "")
	m.mustDeploy("h1", job, model.GoalStart)
}
