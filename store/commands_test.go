package store

import (
	"context"
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/heliosctl/heliosctl/model"
)

func wantCode(t *testing.T, result Result, code model.Code) {
	t.Helper()
	if result.Err == nil && code == "" {
		return
	}
	if result.Err == nil || result.Err.Code != code {
		t.Errorf("got %v, want code %q", result.Err, code)
	}
}

func TestStatusesAreRecordedOnceAndInOrder(t *testing.T) {
	m := newMachine(t, StateOptions{})
	job := testJob("web", "1")
	m.ok(CreateJob{Job: job})
	m.ok(RegisterAgent{Registration: registration("h1", "a1")})

	if ack := m.statuses("h1", "a1", report(1, job, model.StateCreating), report(2, job, model.StateStarting)); ack.Seq != 2 {
		t.Errorf("ack %+v", ack)
	}
	// Sent again with one more, and with one out of order.
	ack := m.statuses("h1", "a1", report(1, job, model.StateCreating), report(2, job, model.StateStarting), report(4, job, model.StateRunning), report(3, job, model.StateFailed))
	if ack.Seq != 4 || ack.Err != nil {
		t.Errorf("ack %+v", ack)
	}
	history, err := m.state.History(job.ID)
	if err != nil {
		t.Fatal(err)
	}
	var states []model.State
	for _, event := range history {
		states = append(states, event.Status.State)
		if event.Host != "h1" || event.Status.Job.Image != job.Image {
			t.Errorf("event %+v", event)
		}
	}
	want := []model.State{model.StateCreating, model.StateStarting, model.StateRunning}
	if diff := cmp.Diff(want, states); diff != "" {
		t.Error(diff)
	}
	if ack := m.statuses("h1", "a1"); ack.Seq != 4 || ack.Err != nil {
		t.Errorf("an empty batch: %+v", ack)
	}
	for name, test := range map[string]struct {
		host, agent string
		want        model.Code
	}{
		"another agent": {"h1", "a2", model.CodeHostConflict},
		"unknown host":  {"h9", "a1", model.CodeHostNotFound},
	} {
		t.Run(name, func(t *testing.T) {
			if ack := m.statuses(test.host, test.agent, report(9, job, model.StateFailed)); model.CodeOf(ack.Err) != test.want {
				t.Errorf("ack %+v", ack)
			}
		})
	}
	registered, unchanged := m.state.Registered(registration("h1", "a1"))
	if want := (model.Registered{Epoch: 2, AckedSeq: 4}); !unchanged || registered != want {
		t.Errorf("registered %+v, unchanged %v", registered, unchanged)
	}
}

func TestStatusOutlivesUndeployUntilRemoved(t *testing.T) {
	m := newMachine(t, StateOptions{})
	job := testJob("web", "1", 80)
	m.ok(CreateJob{Job: job})
	m.ok(RegisterAgent{Registration: registration("h1", "a1")})
	m.ok(Deploy{Host: "h1", Deployment: deployment(job, model.GoalStart)})
	m.statuses("h1", "a1", report(1, job, model.StateRunning))
	m.ok(Undeploy{Host: "h1", JobID: job.ID})

	statuses := func() map[model.JobID]model.TaskStatus {
		t.Helper()
		host, err := m.state.Host("h1")
		if err != nil {
			t.Fatal(err)
		}
		return host.Statuses
	}
	if got := statuses()[job.ID]; got.State != model.StateRunning || got.Job.Image != job.Image {
		t.Errorf("right after undeploy the host says %+v", got)
	}
	jobStatus, err := m.state.JobStatus(job.ID)
	if err != nil || len(jobStatus.TaskStatuses) != 0 || len(jobStatus.Deployments) != 0 {
		t.Errorf("the job still lists the host: %+v, %v", jobStatus, err)
	}
	// The port is free at once, and the job can go.
	other := testJob("other", "1", 80)
	m.ok(CreateJob{Job: other})
	m.ok(Deploy{Host: "h1", Deployment: deployment(other, model.GoalStart)})
	m.ok(RemoveJob{ID: job.ID})
	m.statuses("h1", "a1", report(2, job, model.StateStopped))
	m.reopen()
	if got := statuses()[job.ID]; got.State != model.StateStopped || got.Job.Image != job.Image || got.Job.CreatingUser != "alice" {
		t.Errorf("after the job was removed the host says %+v", got)
	}
	m.statuses("h1", "a1", model.StatusReport{Seq: 3, JobID: job.ID, Timestamp: 9, Removed: true})
	if got := statuses(); len(got) != 0 {
		t.Errorf("after the removal the host says %+v", got)
	}
	if got := dump(t, m.state); strings.Contains(got, `"`+removedJobPrefix) || strings.Contains(got, `"`+historyPrefix) {
		t.Errorf("the removed job left something behind:\n%s", got)
	}
}

func TestStatusOfAnUnknownJobKeepsItsJob(t *testing.T) {
	m := newMachine(t, StateOptions{})
	m.ok(RegisterAgent{Registration: registration("h1", "a1")})
	m.ok(RegisterAgent{Registration: registration("h2", "a2")})
	job := testJob("stray", "1")
	m.statuses("h1", "a1", report(1, job, model.StateRunning))
	m.statuses("h2", "a2", report(1, job, model.StateRunning))
	m.reopen()
	m.statuses("h1", "a1", report(2, job, model.StateFailed))
	m.ok(DeregisterHost{Host: "h2"})
	host, err := m.state.Host("h1")
	if err != nil || host.Statuses[job.ID].Job.Image != job.Image || host.Statuses[job.ID].State != model.StateFailed {
		t.Errorf("host %+v, %v", host, err)
	}
	if _, err := m.state.History(job.ID); model.CodeOf(err) != model.CodeJobNotFound {
		t.Errorf("history of an unknown job: %v", err)
	}
	m.ok(CreateJob{Job: job})
	host, err = m.state.Host("h1")
	if err != nil || host.Statuses[job.ID].Job.CreatingUser != "alice" {
		t.Errorf("the status has another job than the one that now exists: %+v, %v", host.Statuses[job.ID].Job, err)
	}
	before := view(t, m.state)
	m.reopen()
	if diff := cmp.Diff(before, view(t, m.state)); diff != "" {
		t.Error(diff)
	}
}

// TestTasksOutliveTheirJobTwice removes a job, creates it again and removes it again, while a host that reports nothing has a task of it.
func TestTasksOutliveTheirJobTwice(t *testing.T) {
	for _, reopen := range []bool{false, true} {
		m := newMachine(t, StateOptions{})
		job := testJob("web", "1")
		m.ok(RegisterAgent{Registration: registration("h1", "a1")})
		step := func(body Body) {
			t.Helper()
			m.ok(body)
			if reopen {
				m.reopen()
			}
		}
		step(CreateJob{Job: job})
		m.statuses("h1", "a1", report(1, job, model.StateRunning))
		for range 2 {
			step(RemoveJob{ID: job.ID})
			step(CreateJob{Job: job})
		}
		step(RemoveJob{ID: job.ID})
		m.reopen()
		if host, err := m.state.Host("h1"); err != nil || host.Statuses[job.ID].Job.Image != job.Image {
			t.Errorf("opened again at each step: %v: the host says %+v, %v", reopen, host, err)
		}
		m.statuses("h1", "a1", model.StatusReport{Seq: 2, JobID: job.ID, Timestamp: 9, Removed: true})
		if got := dump(t, m.state); strings.Contains(got, `"`+removedJobPrefix) {
			t.Errorf("opened again at each step: %v: the removed job left something behind:\n%s", reopen, got)
		}
	}
}

func TestHistoryKeepsTheNewest(t *testing.T) {
	m := newMachine(t, StateOptions{HistoryLimit: 3})
	job := testJob("web", "1")
	m.ok(CreateJob{Job: job})
	for _, host := range []string{"h1", "h2"} {
		m.ok(RegisterAgent{Registration: registration(host, "a")})
	}
	for i := uint64(1); i <= 5; i++ {
		m.statuses("h1", "a", report(i, job, model.StateRunning))
		if i == 4 {
			m.reopen()
		}
	}
	m.statuses("h2", "a", report(4, job, model.StateFailed))
	history, err := m.state.History(job.ID)
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, event := range history {
		got = append(got, fmt.Sprint(event.Host, " ", int64(event.Timestamp)))
	}
	if diff := cmp.Diff([]string{"h1 300", "h1 400", "h2 400", "h1 500"}, got); diff != "" {
		t.Error(diff)
	}
	m.ok(DeregisterHost{Host: "h1"})
	if history, err := m.state.History(job.ID); err != nil || len(history) != 1 || history[0].Host != "h2" {
		t.Errorf("after h1 left: %+v, %v", history, err)
	}
	m.ok(RemoveJob{ID: job.ID})
	m.ok(CreateJob{Job: job})
	if history, err := m.state.History(job.ID); err != nil || len(history) != 0 {
		t.Errorf("the job created again has a history: %+v, %v", history, err)
	}
}

func TestRequestsTakeEffectOnce(t *testing.T) {
	m := newMachine(t, StateOptions{})
	job := testJob("web", "1")
	m.ok(CreateJob{Job: job})
	m.ok(RegisterAgent{Registration: registration("h1", "a1")})
	req := func(id string) model.Request { return model.Request{ID: id, User: "bob"} }
	deploy := Deploy{Host: "h1", Deployment: deployment(job, model.GoalStart)}

	one := m.as(req("d-1"), deploy)
	wantCode(t, one, "")
	again := m.as(req("d-1"), deploy)
	wantCode(t, again, "")
	if one.Index != again.Index {
		t.Errorf("the repetition has index %d, the first %d", again.Index, one.Index)
	}
	wantCode(t, m.as(req("d-2"), deploy), model.CodeJobAlreadyDeployed)
	wantCode(t, m.as(req("u-1"), Undeploy{Host: "h1", JobID: job.ID}), "")
	// A refusal is remembered like a success, and so is everything after a restart.
	wantCode(t, m.as(req("d-2"), deploy), model.CodeJobAlreadyDeployed)
	m.reopen()
	wantCode(t, m.as(req("d-1"), deploy), "")
	if _, err := m.state.Deployment("h1", job.ID); model.CodeOf(err) != model.CodeJobNotDeployed {
		t.Errorf("a repeated deploy undid the undeploy: %v", err)
	}
	wantCode(t, m.as(req("d-1"), Undeploy{Host: "h1", JobID: job.ID}), model.CodeInvalid)
	wantCode(t, m.as(model.Request{}, deploy), "")
	wantCode(t, m.as(model.Request{}, deploy), model.CodeJobAlreadyDeployed)
}

func TestRequestsAreForgottenInOrder(t *testing.T) {
	r := newRequests()
	for n := range uint64(requestSlots + 10) {
		r.add(requestRow{Number: n, ID: fmt.Sprint(n), Subject: "s"})
	}
	for id, known := range map[string]bool{"0": false, "9": false, "10": true, fmt.Sprint(requestSlots + 9): true} {
		if _, got := r.lookup(id, "s"); got != known {
			t.Errorf("request %s known: %v", id, got)
		}
	}
	if len(r.slots) != requestSlots || len(r.byID) != requestSlots {
		t.Errorf("%d slots, %d ids", len(r.slots), len(r.byID))
	}
}

func TestEventsResume(t *testing.T) {
	m := newMachine(t, StateOptions{})
	script(m)
	all, reset, _ := m.state.Events(0)
	if reset || len(all) < 15 {
		t.Fatalf("%d events, reset %v", len(all), reset)
	}
	for i := 1; i < len(all); i++ {
		if all[i].Index < all[i-1].Index {
			t.Errorf("event %d has index %d after %d", i, all[i].Index, all[i-1].Index)
		}
	}
	for index := range m.state.Index() + 1 {
		rest, reset, _ := m.state.Events(index)
		want := 0
		for _, event := range all {
			if event.Index > index {
				want++
			}
		}
		if reset || len(rest) != want {
			t.Errorf("after %d: %d events, want %d, reset %v", index, len(rest), want, reset)
		}
	}
	index := m.state.Index()
	m.reopen()
	if rest, reset, _ := m.state.Events(index); reset || len(rest) != 0 {
		t.Errorf("after a restart, at the current index: %d events, reset %v", len(rest), reset)
	}
	if _, reset, _ := m.state.Events(index - 1); !reset {
		t.Error("after a restart, below the current index: no reset")
	}
	_, _, more := m.state.Events(index)
	job := testJob("web", "7")
	m.ok(CreateJob{Job: job})
	<-more
	rest, _, _ := m.state.Events(index)
	want := []model.Event{{Index: index + 1, Type: model.EventJobCreated, Time: 1_000_000 + model.Timestamp(len(m.log)-1), JobID: &job.ID, User: "alice"}}
	if diff := cmp.Diff(want, rest); diff != "" {
		t.Error(diff)
	}
}

func TestRecentEvents(t *testing.T) {
	m := newMachine(t, StateOptions{EventLimit: 100})
	all := func(model.Event) bool { return true }
	if events, index := m.state.RecentEvents(5, all); len(events) != 0 || index != m.state.Index() {
		t.Errorf("before anything happened: %d events up to %d, want none up to %d", len(events), index, m.state.Index())
	}
	for i := range 250 { // more than are kept
		m.ok(CreateJob{Job: testJob("web", fmt.Sprint(i))})
	}
	events, index := m.state.RecentEvents(3, func(e model.Event) bool { return strings.HasSuffix(e.JobID.Version, "7") })
	var got []string
	for _, e := range events {
		got = append(got, e.JobID.Version)
	}
	if diff := cmp.Diff([]string{"227", "237", "247"}, got); diff != "" || index != m.state.Index() {
		t.Errorf("up to %d of %d (-want +got):\n%s", index, m.state.Index(), diff)
	}
	if events, _ := m.state.RecentEvents(1000, all); len(events) == 0 || len(events) > 100 || events[len(events)-1].JobID.Version != "249" {
		t.Errorf("%d events are known, of at most 100", len(events))
	}
}

func TestEventsOfOneIndexStayTogether(t *testing.T) {
	m := newMachine(t, StateOptions{EventLimit: 100})
	job := testJob("web", "1")
	m.ok(CreateJob{Job: job})
	m.ok(RegisterAgent{Registration: registration("h1", "a1")})
	var seq uint64
	batch := func(n int) {
		t.Helper()
		var reports []model.StatusReport
		for range n {
			seq++
			reports = append(reports, report(seq, job, model.StateRunning))
		}
		m.statuses("h1", "a1", reports...)
	}
	for range 30 {
		batch(7)
	}
	if _, reset, _ := m.state.Events(1); !reset {
		t.Error("events that were dropped are not reported")
	}
	count := map[uint64]int{}
	from := m.state.Index() - 5
	events, reset, _ := m.state.Events(from)
	for _, event := range events {
		count[event.Index]++
		if event.Status == nil || event.Status.Job.Image != job.Image || event.Host != "h1" {
			t.Errorf("event %+v", event)
		}
	}
	if reset || len(count) != 5 {
		t.Errorf("events of %d indexes, reset %v", len(count), reset)
	}
	for index, n := range count {
		if n != 7 {
			t.Errorf("%d events of index %d", n, index)
		}
	}

	big := newMachine(t, StateOptions{})
	big.ok(CreateJob{Job: job})
	big.ok(RegisterAgent{Registration: registration("h1", "a1")})
	m, seq = big, 0
	for range 5 {
		batch(900)
	}
	index, seen := uint64(2), 0
	for {
		events, _, more := big.state.Events(index)
		if len(events) == 0 {
			break
		}
		seen, index = seen+len(events), events[len(events)-1].Index
		if seen < 4500 {
			<-more
		}
	}
	if seen != 4500 {
		t.Errorf("%d events in portions, want 4500", seen)
	}
}

func TestTasksWakeTheirHostAlone(t *testing.T) {
	m := newMachine(t, StateOptions{})
	job := testJob("web", "1")
	m.ok(CreateJob{Job: job})
	m.ok(RegisterAgent{Registration: registration("h1", "a1")})
	m.ok(RegisterAgent{Registration: registration("h2", "a2")})
	tasks, index, changed, err := m.state.Tasks("h1", "a1")
	_, _, otherChanged, err2 := m.state.Tasks("h2", "a2")
	if err != nil || err2 != nil || len(tasks) != 0 || index != 3 {
		t.Fatalf("%v, %v, %+v at %d", err, err2, tasks, index)
	}
	m.statuses("h1", "a1", report(1, job, model.StateRunning))
	select {
	case <-changed:
		t.Error("a status woke the stream")
	default:
	}
	m.as(model.Request{User: "bob"}, Deploy{Host: "h1", Deployment: model.Deployment{JobID: job.ID, Goal: model.GoalStart, DeploymentGroupName: "g"}})
	<-changed
	select {
	case <-otherChanged:
		t.Error("a deployment to h1 woke h2")
	default:
	}
	tasks, index, changed, err = m.state.Tasks("h1", "a1")
	if err != nil || len(tasks) != 1 || index != 5 {
		t.Fatalf("%v, %+v at %d", err, tasks, index)
	}
	if got := tasks[0]; got.Generation != 5 || got.DeployerUser != "bob" || got.DeploymentGroupName != "g" || got.Job.Image != job.Image {
		t.Errorf("task %+v", got)
	}
	m.ok(DeregisterHost{Host: "h1"})
	<-changed
	if _, _, _, err := m.state.Tasks("h1", "a1"); model.CodeOf(err) != model.CodeHostNotFound {
		t.Errorf("tasks of a host that is gone: %v", err)
	}
	if _, _, _, err := m.state.Tasks("h2", "a1"); model.CodeOf(err) != model.CodeHostConflict {
		t.Errorf("tasks for another agent: %v", err)
	}
}

func TestLivenessIsRecordedOnce(t *testing.T) {
	m := newMachine(t, StateOptions{})
	m.ok(RegisterAgent{Registration: registration("h1", "a1")})
	change := func(agent string, up bool, at model.Timestamp) {
		m.ok(HostLiveness{Changes: []LivenessChange{{Host: "h1", AgentID: agent, Up: up, At: at}, {Host: "nobody", Up: up}}})
	}
	change("a1", true, 3000)
	change("a1", true, 4000)
	change("a2", false, 5000)
	change("a1", false, 6000)
	change("a1", false, 7000)
	events, _, _ := m.state.Events(1)
	var got []string
	for _, event := range events {
		got = append(got, fmt.Sprint(event.Type, " ", int64(event.Time)))
	}
	if diff := cmp.Diff([]string{"host.up 3000", "host.down 6000"}, got); diff != "" {
		t.Error(diff)
	}
	host, err := m.state.Host("h1")
	if err != nil || host.AgentInfo.StartTime+model.Timestamp(host.AgentInfo.Uptime) != 6000 {
		t.Errorf("last seen is not 6000: %+v, %v", host.AgentInfo, err)
	}
}

func TestRegistration(t *testing.T) {
	m := newMachine(t, StateOptions{})
	m.ok(ClusterID{ID: "c-1"})
	m.ok(ClusterID{ID: "c-2"})
	r := registration("h1", "a1")
	first := m.ok(RegisterAgent{Registration: r})
	if want := (model.Registered{Epoch: 3, ClusterID: "c-1"}); first.Registered != want {
		t.Errorf("registered %+v, want %+v", first.Registered, want)
	}
	r.HostInfo.LoadAvg, r.HostInfo.MemoryFreeBytes, r.AgentInfo.Uptime = 9, 9, 9
	if _, unchanged := m.state.Registered(r); !unchanged {
		t.Error("gauges count as facts")
	}
	r.Labels = map[string]string{"role": "db"}
	if _, unchanged := m.state.Registered(r); unchanged {
		t.Error("labels do not count as facts")
	}
	second := m.ok(RegisterAgent{Registration: r})
	if second.Registered.Epoch != first.Registered.Epoch {
		t.Error("changed facts changed the epoch")
	}
	if got := m.state.HostLabels("h1"); got["role"] != "db" {
		t.Errorf("labels %v", got)
	}
	wantCode(t, m.do(RegisterAgent{Registration: registration("h1", "a2")}), model.CodeHostConflict)
	wantCode(t, m.do(RegisterAgent{Registration: registration("", "a2")}), model.CodeInvalidID)
	wantCode(t, m.do(RegisterAgent{Registration: registration("h9", "")}), model.CodeInvalidID)
	wantCode(t, m.do(RegisterHost{Host: "h1", AgentID: "a1"}), "")
	wantCode(t, m.do(RegisterHost{Host: "h1", AgentID: "a2"}), model.CodeHostConflict)
	wantCode(t, m.do(RegisterHost{Host: "h2"}), model.CodeInvalidID)
	wantCode(t, m.do(RegisterHost{Host: "a/b", AgentID: "x"}), model.CodeInvalidID)
	m.ok(DeregisterHost{Host: "h1"})
	third := m.ok(RegisterAgent{Registration: registration("h1", "a2")})
	if third.Registered.Epoch == first.Registered.Epoch {
		t.Error("the host registered anew has the old epoch")
	}
	events, _, _ := m.state.Events(0)
	var kinds []model.EventType
	for _, event := range events {
		kinds = append(kinds, event.Type)
	}
	want := []model.EventType{model.EventHostRegistered, model.EventHostChanged, model.EventHostDeregistered, model.EventHostRegistered}
	if diff := cmp.Diff(want, kinds); diff != "" {
		t.Error(diff)
	}
}

func TestWaitIndex(t *testing.T) {
	m := newMachine(t, StateOptions{})
	done := make(chan error)
	go func() { done <- m.state.WaitIndex(context.Background(), 2) }()
	m.ok(Term{})
	m.ok(Term{})
	if err := <-done; err != nil {
		t.Error(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if err := m.state.WaitIndex(ctx, 99); err == nil {
		t.Error("an index that never came was waited for without an error")
	}
}
