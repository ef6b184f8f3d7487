package store

import (
	"bytes"
	"io"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/heliosctl/heliosctl/model"
)

// drainable is a machine with host h1, which has jobs: of a group and running, of a group and stopped, of nobody.
func drainable(t *testing.T) (m *machine, grouped, resting, single model.Job) {
	t.Helper()
	m = newMachine(t, StateOptions{})
	m.ok(RegisterAgent{Registration: registration("h1", "a1")})
	grouped, resting, single = testJob("grouped", "1"), testJob("resting", "1"), testJob("single", "1")
	for _, d := range []struct {
		job   model.Job
		group string
		goal  model.Goal
	}{{grouped, "g", model.GoalStart}, {resting, "g", model.GoalStop}, {single, "", model.GoalStart}} {
		m.ok(CreateJob{Job: d.job})
		deployed := deployment(d.job, d.goal)
		deployed.DeploymentGroupName = d.group
		m.ok(Deploy{Host: "h1", Deployment: deployed})
	}
	return m, grouped, resting, single
}

func (m *machine) wantGoals(want map[string]model.Goal) {
	m.t.Helper()
	host, err := m.state.Host("h1")
	if err != nil {
		m.t.Fatal(err)
	}
	got := map[string]model.Goal{}
	for id, d := range host.Jobs {
		got[id.Name] = d.Goal
	}
	if diff := cmp.Diff(want, got); diff != "" {
		m.t.Errorf("goals (-want +got):\n%s", diff)
	}
}

func (m *machine) kindsAfter(index uint64) []string {
	m.t.Helper()
	events, _, _ := m.state.Events(index)
	var kinds []string
	for _, e := range events {
		kinds = append(kinds, strings.TrimSpace(string(e.Type)+" "+e.User))
	}
	return kinds
}

func TestDrainedHostTakesNoDeployments(t *testing.T) {
	m, _, _, single := drainable(t)
	if m.state.Drained("h1") || m.state.Drained("h9") {
		t.Error("hosts are drained from the start")
	}
	before := m.state.Index()
	m.ok(DrainHost{Host: "h1"})
	since := model.Timestamp(1_000_000 + len(m.log) - 1)
	check := func(t *testing.T) {
		t.Helper()
		want := model.Drain{Since: since, User: "alice"}
		if got, drained := m.state.Drain("h1"); !drained || !m.state.Drained("h1") || !cmp.Equal(got, want) {
			t.Errorf("drain %+v, %v, want %+v", got, drained, want)
		}
		if host, err := m.state.Host("h1"); err != nil || host.Drain == nil || !cmp.Equal(*host.Drain, want) {
			t.Errorf("host %+v, %v", host, err)
		}
	}
	check(t)
	if diff := cmp.Diff([]string{"host.drained alice"}, m.kindsAfter(before)); diff != "" {
		t.Error(diff)
	}
	job := testJob("other", "1")
	m.ok(CreateJob{Job: job})
	result := m.do(Deploy{Host: "h1", Deployment: deployment(job, model.GoalStart)})
	wantCode(t, result, model.CodeHostDrained)
	if !strings.Contains(result.Err.Message, "by alice at 1970-01-01T00:16:40") || !strings.Contains(result.Err.Message, "heliosctl drain h1 --undo") {
		t.Errorf("the refusal says %q", result.Err.Message)
	}

	// Everything else goes on, and nothing of it ends the drain.
	m.ok(SetGoal{Host: "h1", JobID: single.ID, Goal: model.GoalStop})
	m.ok(SetGoal{Host: "h1", JobID: single.ID, Goal: model.GoalStart})
	if ack := m.statuses("h1", "a1", report(1, single, model.StateRunning)); ack.Err != nil {
		t.Error(ack.Err)
	}
	m.ok(HostLiveness{Changes: []LivenessChange{{Host: "h1", AgentID: "a1", Up: true, At: 5}}})
	changed := registration("h1", "a1")
	changed.Labels = map[string]string{"role": "db"}
	m.ok(RegisterAgent{Registration: changed})
	m.ok(Undeploy{Host: "h1", JobID: single.ID})
	check(t)
	again := m.state.Index()
	if result := m.as(model.Request{User: "bob"}, DrainHost{Host: "h1"}); result.Err != nil || len(m.kindsAfter(again)) != 0 {
		t.Errorf("a second drain: %v, events %v", result.Err, m.kindsAfter(again))
	}
	check(t)
	m.reopen()
	check(t)
	snapshot := takeSnapshot(t, m.state)
	m.ok(UndrainHost{Host: "h1"})
	if err := m.state.Restore(io.NopCloser(bytes.NewReader(snapshot))); err != nil {
		t.Fatal(err)
	}
	check(t)

	m.ok(UndrainHost{Host: "h1"})
	m.ok(UndrainHost{Host: "h1"})
	m.ok(Deploy{Host: "h1", Deployment: deployment(job, model.GoalStart)})
	for _, body := range []Body{DrainHost{Host: "h9"}, UndrainHost{Host: "h9"}} {
		wantCode(t, m.do(body), model.CodeHostNotFound)
	}
}

func TestDrainStopsGroupJobs(t *testing.T) {
	start, stop := model.GoalStart, model.GoalStop
	m, grouped, _, _ := drainable(t)
	m.ok(DrainHost{Host: "h1"})
	m.wantGoals(map[string]model.Goal{"grouped": start, "resting": stop, "single": start})
	_, _, woken, err := m.state.Tasks("h1", "a1")
	if err != nil {
		t.Fatal(err)
	}
	before := m.state.Index()
	m.ok(DrainHost{Host: "h1", StopGroupJobs: true})
	m.wantGoals(map[string]model.Goal{"grouped": stop, "resting": stop, "single": start})
	if diff := cmp.Diff([]string{"host.drained alice", "deployment.changed alice"}, m.kindsAfter(before)); diff != "" {
		t.Error(diff)
	}
	select {
	case <-woken:
	default:
		t.Error("the agent's stream is not woken")
	}
	if drain, _ := m.state.Drain("h1"); !slices.Equal(drain.Stopped, []model.JobID{grouped.ID}) {
		t.Errorf("stopped %v", drain.Stopped)
	}
	m.reopen()
	before = m.state.Index()
	m.ok(UndrainHost{Host: "h1"})
	m.wantGoals(map[string]model.Goal{"grouped": start, "resting": stop, "single": start})
	if diff := cmp.Diff([]string{"host.undrained alice", "deployment.changed alice"}, m.kindsAfter(before)); diff != "" {
		t.Error(diff)
	}
	if m.state.Drained("h1") {
		t.Error("the host is still drained")
	}
}

func TestEndOfADrainLeavesAloneWhatSomebodyChanged(t *testing.T) {
	for name, test := range map[string]struct {
		meanwhile func(m *machine, grouped model.Job)
		want      map[string]model.Goal
	}{
		"undeployed": {func(m *machine, grouped model.Job) {
			m.ok(Undeploy{Host: "h1", JobID: grouped.ID})
		}, map[string]model.Goal{"resting": model.GoalStop, "single": model.GoalStart}},
		"started and stopped": {func(m *machine, grouped model.Job) {
			m.ok(SetGoal{Host: "h1", JobID: grouped.ID, Goal: model.GoalStart})
			m.ok(SetGoal{Host: "h1", JobID: grouped.ID, Goal: model.GoalStop})
		}, map[string]model.Goal{"grouped": model.GoalStop, "resting": model.GoalStop, "single": model.GoalStart}},
		"started": {func(m *machine, grouped model.Job) {
			m.ok(SetGoal{Host: "h1", JobID: grouped.ID, Goal: model.GoalStart})
		}, map[string]model.Goal{"grouped": model.GoalStart, "resting": model.GoalStop, "single": model.GoalStart}},
	} {
		t.Run(name, func(t *testing.T) {
			m, grouped, _, _ := drainable(t)
			m.ok(DrainHost{Host: "h1", StopGroupJobs: true})
			test.meanwhile(m, grouped)
			m.ok(UndrainHost{Host: "h1"})
			m.wantGoals(test.want)
		})
	}
}

func TestDrainTakesEffectOnceAndIsForgottenWithTheHost(t *testing.T) {
	m, _, _, _ := drainable(t)
	drain := model.Request{ID: "r1", User: "alice"}
	m.as(drain, DrainHost{Host: "h1"})
	m.as(model.Request{ID: "r2"}, UndrainHost{Host: "h1"})
	if result := m.as(drain, DrainHost{Host: "h1"}); result.Err != nil || m.state.Drained("h1") {
		t.Errorf("a repeated drain: %v, drained %v", result.Err, m.state.Drained("h1"))
	}
	wantCode(t, m.as(drain, DrainHost{Host: "h1", StopGroupJobs: true}), model.CodeInvalid)
	m.ok(DrainHost{Host: "h1"})
	m.ok(DeregisterHost{Host: "h1"})
	m.ok(RegisterAgent{Registration: registration("h1", "a1")})
	if m.state.Drained("h1") {
		t.Error("the host registered anew is drained")
	}
}
