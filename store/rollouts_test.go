package store

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/heliosctl/heliosctl/model"
)

// rolling is a machine with a group of three hosts that rolls out version 1.
func rolling(t *testing.T, options model.RolloutOptions) (m *machine, one, two model.Job) {
	t.Helper()
	m = newMachine(t, StateOptions{})
	one, two = testJob("web", "1"), testJob("web", "2")
	m.ok(CreateJob{Job: one})
	m.ok(CreateJob{Job: two})
	for _, host := range []string{"h1", "h2", "h3"} {
		m.ok(RegisterAgent{Registration: inRole(host, "web")})
	}
	m.ok(CreateGroup{Group: testGroup("web", "web")})
	m.ok(StartRollout{Group: "web", JobID: one.ID, Options: &options})
	return m, one, two
}

func TestStartRollout(t *testing.T) {
	m, one, _ := rolling(t, model.RolloutOptions{})
	wantCode(t, m.do(StartRollout{Group: "none", JobID: testJob("none", "1").ID}), model.CodeGroupNotFound)
	wantCode(t, m.do(StartRollout{Group: "web", JobID: testJob("none", "1").ID}), model.CodeJobNotFound)
	none := 0
	wantCode(t, m.do(StartRollout{Group: "web", JobID: one.ID, Options: &model.RolloutOptions{Parallelism: &none}}), model.CodeInvalid)
	group, err := m.state.Group("web")
	options := model.MergeRolloutOptions(nil, nil)
	if err != nil || group.JobID != one.ID || group.RollingUpdateReason != model.ReasonManual {
		t.Errorf("group %+v, %v", group, err)
	}
	if diff := cmp.Diff(&options, group.RolloutOptions); diff != "" {
		t.Errorf("options (-want +got):\n%s", diff)
	}
	first := m.last("web").ID
	req := model.Request{ID: "s-1", User: "bob"}
	started := m.as(req, StartRollout{Group: "web", JobID: one.ID})
	again := m.as(req, StartRollout{Group: "web", JobID: one.ID})
	if started.Rollout == 0 || started.Rollout == first || again.Rollout != started.Rollout || m.last("web").ID != started.Rollout {
		t.Errorf("started %+v, again %+v", started, again)
	}
	m.ok(CreateGroup{Group: testGroup("empty", "nobody")})
	m.ok(StartRollout{Group: "empty", JobID: one.ID})
	if status := m.groupStatus("empty"); status.State != model.GroupDone {
		t.Errorf("a group without hosts is %+v", status)
	}
}

func TestStepsTakeEffectOnce(t *testing.T) {
	m, one, two := rolling(t, model.RolloutOptions{})
	first := m.last("web").ID
	step := StepRollout{Group: "web", Rollout: first, Master: "m1", Moves: []model.RolloutMove{
		{Host: "h1", From: model.PhasePending, To: model.PhaseAwaiting, Deploy: []model.JobID{one.ID}},
		{Host: "h9", From: model.PhasePending, To: model.PhaseAwaiting, Deploy: []model.JobID{one.ID}},          // not there
		{Host: "h2", From: model.PhaseAwaiting, To: model.PhaseDone},                                            // not so far
		{Host: "h2", From: model.PhasePending, To: model.PhaseAwaiting, Deploy: []model.JobID{two.ID}},          // not its job
		{Host: "h2", From: model.PhasePending, To: model.PhaseAwaiting, Leave: true},                            // it did not leave
		{Host: "h3", From: model.PhasePending, To: model.PhaseAwaiting, Undeploy: []model.JobID{one.ID}},        // what is to be there
		{Host: "h3", From: model.PhasePending, Step: 1, To: model.PhaseAwaiting, Deploy: []model.JobID{one.ID}}, // another step
	}}
	if diff := cmp.Diff([]string{"h9", "h2", "h2", "h2", "h3", "h3"}, m.ok(step).Stale); diff != "" {
		t.Errorf("stale (-want +got):\n%s", diff)
	}
	d, err := m.state.Deployment("h1", one.ID)
	want := model.Deployment{JobID: one.ID, Goal: model.GoalStart, DeployerMaster: "m1", DeploymentGroupName: "web"}
	if diff := cmp.Diff(want, d); diff != "" || err != nil {
		t.Errorf("%v (-want +got):\n%s", err, diff)
	}
	before := m.on("web", "h1")
	if stale := m.ok(step).Stale; len(stale) != len(step.Moves) {
		t.Errorf("sent again, stale are only %v", stale)
	}
	if diff := cmp.Diff(before, m.on("web", "h1")); diff != "" {
		t.Errorf("sent again:\n%s", diff)
	}
	m.ok(PauseRollout{Group: "web"})
	begin := StepRollout{Group: "web", Rollout: first, Moves: []model.RolloutMove{
		{Host: "h2", From: model.PhasePending, To: model.PhaseAwaiting, Deploy: []model.JobID{one.ID}},
	}}
	if stale := m.ok(begin).Stale; len(stale) != 1 {
		t.Error("a host's turn comes while the rollout is paused")
	}
	m.move("web", "h1", model.PhaseDone)
	m.ok(ResumeRollout{Group: "web"})
	m.ok(StartRollout{Group: "web", JobID: two.ID})
	wantCode(t, m.do(begin), model.CodeRolloutChanged)
	wantCode(t, m.do(HoldRollout{Group: "web", Rollout: first, State: model.RolloutCanary}), model.CodeRolloutChanged)
	wantCode(t, m.do(FinishRollout{Group: "web", Rollout: first, State: model.RolloutDone}), model.CodeRolloutChanged)
	wantCode(t, m.do(ConvergeGroup{Group: "web", Rollout: first}), model.CodeRolloutChanged)
}

func TestRefusedDeploysFailTheHostAndChangeNothing(t *testing.T) {
	m, one, _ := rolling(t, model.RolloutOptions{})
	m.begin("web", "h1", one)
	m.move("web", "h1", model.PhaseDone)
	secret := testJob("secret", "1")
	secret.Token, secret.ID.Hash = "t", ""
	secret = secret.WithID()
	m.ok(CreateJob{Job: secret})
	m.ok(StartRollout{Group: "web", JobID: secret.ID})
	m.begin("web", "h1", secret, one)
	if h := m.on("web", "h1"); h.Phase != model.PhaseFailed || h.Code != model.CodeTokenVerification || h.Ended == 0 || h.Reason == "" {
		t.Errorf("h1: %+v", h)
	}
	if _, err := m.state.Deployment("h1", one.ID); err != nil {
		t.Errorf("the old job is gone: %v", err)
	}
}

func TestPauseResumeStop(t *testing.T) {
	m, one, two := rolling(t, model.RolloutOptions{})
	wantState := func(want model.RolloutState) {
		t.Helper()
		if got := m.last("web").State; got != want {
			t.Errorf("the rollout is %s, want %s", got, want)
		}
	}
	m.ok(ResumeRollout{Group: "web"})
	m.ok(PauseRollout{Group: "web"})
	m.ok(PauseRollout{Group: "web"})
	wantState(model.RolloutPaused)
	if got := m.last("web").Result; got != "paused by alice" {
		t.Errorf("the reason is %q", got)
	}
	m.ok(ResumeRollout{Group: "web"})
	wantState(model.RolloutRunning)
	m.begin("web", "h1", one)
	m.move("web", "h1", model.PhaseFailed)
	m.begin("web", "h2", one)
	m.ok(HoldRollout{Group: "web", Rollout: m.last("web").ID, State: model.RolloutCanary})
	m.ok(ResumeRollout{Group: "web"})
	if r := m.last("web"); !r.CanaryPassed || r.Accepted != 1 {
		t.Errorf("resumed: %+v", r)
	}
	m.ok(StopRollout{Group: "web"})
	wantState(model.RolloutStopped)
	if h := m.on("web", "h2"); h.Phase != model.PhaseStopped || h.Reason != stoppedByUser {
		t.Errorf("h2: %+v", h)
	}
	if diff := cmp.Diff(&model.RolloutCounts{Failed: 1, Stopped: 1}, m.last("web").Counts); diff != "" {
		t.Errorf("counts:\n%s", diff)
	}
	want := &model.DeploymentGroupStatus{State: model.GroupFailed, Error: "Stopped by user"}
	if diff := cmp.Diff(want, m.groupStatus("web")); diff != "" {
		t.Errorf("status:\n%s", diff)
	}
	for _, body := range []Body{PauseRollout{Group: "web"}, ResumeRollout{Group: "web"}, StepRollout{Group: "web"}} {
		wantCode(t, m.do(body), model.CodeNotRollingOut)
	}
	for _, body := range []Body{PauseRollout{Group: "x"}, StopRollout{Group: "x"}, RollBack{Group: "x"}, ConvergeGroup{Group: "x"}} {
		wantCode(t, m.do(body), model.CodeGroupNotFound)
	}
	m.ok(StopRollout{Group: "web"}) // as in the original, though nothing rolls out
	wantCode(t, m.do(RollBack{Group: "web", To: testJob("none", "1").ID}), model.CodeJobNotFound)
	wantCode(t, m.do(RollBack{Group: "web"}), model.CodeNotRollingOut) // nothing ran before
	m.ok(RollBack{Group: "web", To: two.ID})
	if r := m.last("web"); r.To != two.ID || r.Reason != model.RolloutBack || r.Listed {
		t.Errorf("rollback: %+v", r)
	}
}

// A leader has to know of a rollback that is asked for again, before it decides what to go back to.
func TestRollbacksAreRemembered(t *testing.T) {
	m, one, two := rolling(t, model.RolloutOptions{})
	remembered := func(id, group string, want bool, code model.Code) {
		t.Helper()
		if done, err := m.state.RolledBack(id, group); done != want || (err != nil || code != "") && model.CodeOf(err) != code {
			t.Errorf("the rollback %q of %s: %v, %v", id, group, done, err)
		}
	}
	bob := func(id string) model.Request { return model.Request{ID: id, User: "bob"} }
	m.as(bob("r-1"), StartRollout{Group: "web", JobID: two.ID})
	m.as(bob("r-2"), RollBack{Group: "web", To: one.ID})
	m.as(bob("r-3"), RollBack{Group: "web", To: testJob("none", "1").ID})
	m.as(bob("r-4"), RollBack{Group: "web"})
	m.as(bob(""), RollBack{Group: "web"})
	for range 2 {
		remembered("r-1", "web", false, "")
		remembered("r-2", "web", true, "")
		remembered("r-2", "we", false, "")
		remembered("r-3", "web", true, model.CodeJobNotFound)
		remembered("r-4", "web", true, "")
		remembered("", "web", false, "")
		m.reopen()
	}
}

func TestRolloutsEndWhenTheirJobExpires(t *testing.T) {
	m, _, _ := rolling(t, model.RolloutOptions{})
	brief := expiring("brief", 1_000_012)
	m.ok(CreateJob{Job: brief})
	m.ok(StartRollout{Group: "web", JobID: brief.ID, Options: &model.RolloutOptions{Token: &brief.Token}})
	m.begin("web", "h1", brief)
	for len(m.ok(ExpireJobs{Limit: 9}).Removed) == 0 {
	}
	if r := m.last("web"); r.State != model.RolloutFailed || r.Code != model.CodeJobNotFound || !strings.Contains(r.Result, "expired") {
		t.Errorf("rollout %+v", r)
	}
	if status := m.groupStatus("web"); status.State != model.GroupFailed {
		t.Errorf("status %+v", status)
	}
	before := view(t, m.state)
	m.reopen()
	if diff := cmp.Diff(before, view(t, m.state)); diff != "" {
		t.Errorf("after opening again:\n%s", diff)
	}
}

func TestDeregisteredHostsVanishFromRollouts(t *testing.T) {
	m, one, _ := rolling(t, model.RolloutOptions{})
	m.begin("web", "h1", one)
	m.ok(DeregisterHost{Host: "h1"})
	if got := dump(t, m.state); strings.Contains(got, `"`+progressPrefix) || strings.Contains(got, `"`+memberPrefix) {
		t.Errorf("something is left:\n%s", got)
	}
	m.ok(RegisterAgent{Registration: inRole("h1", "web")})
	if h := m.on("web", "h1"); h.Phase != model.PhasePending {
		t.Errorf("registered anew: %+v", h)
	}
	m.begin("web", "h1", one)
}

func TestHistoryOfRolloutsIsBounded(t *testing.T) {
	m, one, _ := rolling(t, model.RolloutOptions{})
	first := m.last("web").ID
	m.begin("web", "h1", one)
	for range rolloutLimit {
		m.ok(StartRollout{Group: "web", JobID: one.ID})
		m.begin("web", "h2", one)
	}
	m.reopen() // what is dropped next is known from disk only
	m.ok(StartRollout{Group: "web", JobID: one.ID})
	rollouts, err := m.state.Rollouts("web")
	if err != nil || len(rollouts) != rolloutLimit {
		t.Errorf("%d rollouts are kept, %v", len(rollouts), err)
	}
	if _, _, err := m.state.Rollout("web", first); model.CodeOf(err) != model.CodeNotFound {
		t.Errorf("the first is kept: %v", err)
	}
	if got := strings.Count(dump(t, m.state), `"`+progressPrefix); got != rolloutLimit { // each left h2 unfinished to the next
		t.Errorf("%d rows of progress are kept", got)
	}
	past, hosts, err := m.state.Rollout("web", rollouts[5].ID)
	if err != nil || past.State != model.RolloutReplaced || len(hosts) != 1 || hosts[0].Host != "h2" || hosts[0].Ended == 0 {
		t.Errorf("a past rollout: %+v, %+v, %v", past, hosts, err)
	}
}

func TestStepsWriteTheirHostsOnly(t *testing.T) {
	m, one, _ := rolling(t, model.RolloutOptions{})
	m.begin("web", "h1", one)
	before := dump(t, m.state)
	m.move("web", "h1", model.PhaseDone)
	lines := map[string]bool{}
	for line := range strings.Lines(before) {
		lines[line] = true
	}
	changed := 0
	for line := range strings.Lines(dump(t, m.state)) {
		if !lines[line] {
			changed++
		}
	}
	if changed != 2 { // the row and the index
		t.Errorf("%d rows were written", changed)
	}
}

func TestEventsOfRollouts(t *testing.T) {
	m, one, _ := rolling(t, model.RolloutOptions{})
	m.begin("web", "h1", one)
	m.move("web", "h1", model.PhaseFailed)
	m.ok(PauseRollout{Group: "web"})
	m.ok(ResumeRollout{Group: "web"})
	m.finish("web", model.RolloutFailed, "h1: bad")
	m.ok(RemoveGroup{Name: "web"})
	events, _, _ := m.state.Events(0)
	var got []string
	for _, e := range events {
		if e.Group == "web" {
			words := fmt.Sprint(e.Type, " ", e.Host, " ", e.State, " ", e.Phase, " ", e.Message)
			got = append(got, strings.Join(strings.Fields(words), " "))
		}
	}
	want := []string{
		"group.created", "rollout.started RUNNING", "rollout.host h1 RUNNING AWAITING", "rollout.host h1 RUNNING FAILED",
		"rollout.paused PAUSED paused by alice", "rollout.resumed RUNNING", "rollout.finished FAILED h1: bad", "group.removed",
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

func TestStepsDeployNothingToDrainedHosts(t *testing.T) {
	m, one, two := rolling(t, model.RolloutOptions{})
	m.begin("web", "h1", one)
	m.ok(DrainHost{Host: "h1"})
	m.ok(DrainHost{Host: "h2"})
	view, err := m.state.GroupView("web")
	if err != nil {
		t.Fatal(err)
	}
	if host, _ := view.Host("h2"); host.Drain == nil {
		t.Error("the planner does not see that h2 is drained")
	}
	// What was planned before the drain comes too late; what deploys nothing does not.
	begin := StepRollout{Group: "web", Rollout: m.last("web").ID, Moves: []model.RolloutMove{
		{Host: "h2", From: model.PhasePending, To: model.PhaseAwaiting, Deploy: []model.JobID{one.ID}},
	}}
	if stale := m.ok(begin).Stale; len(stale) != 1 {
		t.Error("h2 is drained and takes a deployment")
	}
	m.move("web", "h1", model.PhaseDone)
	m.move("web", "h2", model.PhaseSkipped)
	m.ok(StartRollout{Group: "web", JobID: two.ID})
	m.ok(UndrainHost{Host: "h2"})
	m.begin("web", "h2", two)
}

func TestGroupsThatAHostMattersTo(t *testing.T) {
	m, one, two := rolling(t, model.RolloutOptions{})
	m.ok(CreateGroup{Group: testGroup("idle", "web")})
	m.ok(CreateGroup{Group: testGroup("other", "nobody")})
	want := func(what, host string, groups ...string) {
		t.Helper()
		if got := m.state.GroupsOf(host); !slices.Equal(got, groups) {
			t.Errorf("%s: %s matters to %v, want %v", what, host, got, groups)
		}
	}
	want("before its turn", "h1", "idle", "web")
	m.begin("web", "h1", one)
	want("its turn", "h1", "idle", "web")
	m.move("web", "h1", model.PhaseDone)
	want("after its turn", "h1", "idle")
	want("not registered", "h9")
	if got := m.state.RollingOut(); !slices.Equal(got, []string{"web"}) {
		t.Errorf("rolling out are %v", got)
	}
	m.finish("web", model.RolloutDone, "")
	want("after the rollout", "h1", "idle", "web")
	left := registration("h1", "a-h1")
	left.Labels = map[string]string{"role": "elsewhere"}
	m.ok(RegisterAgent{Registration: left})
	want("it left", "h1", "web")
	if got := m.state.RollingOut(); len(got) != 0 {
		t.Errorf("rolling out are %v", got)
	}
	if one, two := m.state.GroupsOfJob(one.ID), m.state.GroupsOfJob(two.ID); !slices.Equal(one, []string{"web"}) || len(two) != 0 {
		t.Errorf("groups of the jobs are %v and %v", one, two)
	}
}
