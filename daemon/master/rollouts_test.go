package master

import (
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/heliosctl/heliosctl/daemon/rollout"
	"github.com/heliosctl/heliosctl/model"
	"github.com/heliosctl/heliosctl/store"
)

func TestRollingUpdate(t *testing.T) {
	f := newRolloutFleet(t, 1, 3)
	v1, v2 := f.create("1", nil), f.create("2", nil)
	f.group()
	m := f.leader()
	if status, err := m.GroupStatus("web"); err != nil || status.Status != model.GroupStatusIdle {
		t.Errorf("before: %+v, %v", status, err)
	}
	f.update(v1, model.RolloutOptions{Parallelism: ptr(50), Timeout: ptr(int64(30))})
	f.awaitState(model.RolloutDone)
	f.wantRunning(v1, "h1", "h2", "h3")

	f.decide(v2, fate{state: model.StateStarting})
	f.update(v2, model.RolloutOptions{})
	f.await("h1 awaited", func(r model.Rollout) bool { return phases(r)["h1"] == model.PhaseAwaiting })
	status, err := m.GroupStatus("web")
	if err != nil || status.Status != model.GroupStatusRollingOut || status.HostStatuses[1].JobID != v1.ID {
		t.Errorf("in the middle: %+v, %v", status, err)
	}
	f.decide(v2, fate{})
	last := f.awaitState(model.RolloutDone)
	f.wantRunning(v2, "h1", "h2", "h3")
	if last.User != "alice" || last.From != v1.ID || last.Counts.Done != 3 {
		t.Errorf("the rollout was %+v", last)
	}
	var ended model.Timestamp
	for i, host := range last.Hosts {
		if host.Host != fmt.Sprint("h", i+1) || host.Started < ended || host.Attempt != 1 {
			t.Errorf("turn %d: %+v after one that ended at %d", i, host, ended)
		}
		ended = host.Ended
	}
	status, err = m.GroupStatus("web")
	want := []model.DeploymentGroupHostStatus{
		{Host: "h1", JobID: v2.ID, State: model.StateRunning},
		{Host: "h2", JobID: v2.ID, State: model.StateRunning},
		{Host: "h3", JobID: v2.ID, State: model.StateRunning},
	}
	if diff := cmp.Diff(want, status.HostStatuses); diff != "" || err != nil || status.Status != model.GroupStatusActive {
		t.Errorf("%v %s (-want +got):\n%s", err, status.Status, diff)
	}
	d, err := m.Deployment("h1", v2.ID)
	if err != nil || d.DeployerMaster != "a" || d.DeploymentGroupName != "web" {
		t.Errorf("deployment %+v, %v", d, err)
	}
	if rollouts, err := m.Rollouts("web"); err != nil || len(rollouts) != 2 || rollouts[0].To != v2.ID {
		t.Errorf("rollouts %+v, %v", rollouts, err)
	}
}

// TestRolloutSurvivesItsLeaders takes the leader away after every step of a rollout, by force and in order in turn.
func TestRolloutSurvivesItsLeaders(t *testing.T) {
	f := newRolloutFleet(t, 3, 3)
	v1, v2 := f.create("1", nil), f.create("2", nil)
	f.group()
	f.update(v1, model.RolloutOptions{})
	f.awaitState(model.RolloutDone)
	f.decide(v2, fate{delay: 30 * time.Millisecond})
	f.update(v2, model.RolloutOptions{Timeout: ptr(int64(100))})
	seen, removals := map[string]bool{}, 0
	f.await("DONE", func(r model.Rollout) bool {
		fresh := false
		for _, host := range r.Hosts {
			step := fmt.Sprint(host.Host, host.Phase, host.Step)
			fresh = fresh || !seen[step]
			seen[step] = true
		}
		if fresh && r.State == model.RolloutRunning {
			f.takeLeaderAway(removals)
			removals++
		}
		return r.State == model.RolloutDone
	})
	f.wantRunning(v2, "h1", "h2", "h3")
	last := f.last()
	for _, host := range last.Hosts {
		if host.Phase != model.PhaseDone || host.Attempt != 1 || host.Step > 3 {
			t.Errorf("host %+v", host)
		}
	}
	if rollouts, err := f.leader().Rollouts("web"); err != nil || len(rollouts) != 2 {
		t.Errorf("rollouts %+v, %v", rollouts, err)
	}
	// Each host shows at least that its turn has come and that it is over.
	if removals < 6 {
		t.Errorf("the leader was taken away %d times only, after %v", removals, seen)
	}
}

// takeLeaderAway crashes the leader and starts it again, or has it hand over.
func (f *rolloutFleet) takeLeaderAway(n int) {
	f.t.Helper()
	leader := f.awaitLeader()
	if n%2 == 0 {
		leader.crash()
		f.start(leader.name, leader.dir, named(nil, "a", "b", "c"))
	} else if err := leader.handOver(leader.node.Load()); err != nil {
		f.t.Logf("%s does not hand over: %v", leader.name, err)
	}
	f.awaitLeader()
}

func TestRollingUpdatesInARace(t *testing.T) {
	f := newRolloutFleet(t, 1, 4)
	v1, v2, v3 := f.create("1", nil), f.create("2", nil), f.create("3", nil)
	f.group()
	f.update(v1, model.RolloutOptions{})
	f.awaitState(model.RolloutDone)
	var race sync.WaitGroup
	for _, job := range []model.Job{v2, v3} {
		race.Go(func() { f.update(job, model.RolloutOptions{Parallelism: ptr(2)}) })
	}
	race.Wait()
	last := f.awaitState(model.RolloutDone)
	job := v2
	if last.To == v3.ID {
		job = v3
	}
	f.wantRunning(job, "h1", "h2", "h3", "h4")

	f.decide(v1, fate{state: model.StateStarting})
	f.update(v1, model.RolloutOptions{})
	f.await("h1 awaited", func(r model.Rollout) bool { return phases(r)["h1"] == model.PhaseAwaiting })
	f.update(job, model.RolloutOptions{})
	f.awaitState(model.RolloutDone)
	f.wantRunning(job, "h1", "h2", "h3", "h4")
	rollouts, err := f.leader().Rollouts("web")
	if err != nil || rollouts[1].State != model.RolloutReplaced {
		t.Errorf("rollouts %+v, %v", rollouts, err)
	}
}

func TestHostsThatComeAndGo(t *testing.T) {
	f := newRolloutFleet(t, 1, 3)
	v1, v2 := f.create("1", nil), f.create("2", nil)
	f.group()
	f.update(v1, model.RolloutOptions{Parallelism: ptr(3)})
	f.awaitState(model.RolloutDone)

	// One that is away is skipped, and caught up with when it returns.
	f.kill("h2")
	f.awaitUp("h2", false)
	f.update(v2, model.RolloutOptions{})
	last := f.awaitState(model.RolloutDone)
	if got := phases(last)["h2"]; got != model.PhaseSkipped {
		t.Errorf("h2 is %s, want SKIPPED: %+v", got, last)
	}
	f.wake("h2")
	f.wantRunning(v2, "h1", "h2", "h3")
	if last = f.awaitState(model.RolloutDone); last.Reason != model.RolloutConverge || len(last.Hosts) != 1 {
		t.Errorf("it was caught up with in %+v", last)
	}

	// One that dies in the middle and returns in time is no failure.
	f.decide(v1, fate{state: model.StateStarting})
	f.update(v1, model.RolloutOptions{Timeout: ptr(int64(60))})
	f.await("h1 awaited", func(r model.Rollout) bool { return phases(r)["h1"] == model.PhaseAwaiting })
	for range 3 {
		f.kill("h1")
		f.awaitUp("h1", false)
		f.wake("h1")
		f.awaitUp("h1", true)
	}
	f.decide(v1, fate{})
	f.awaitState(model.RolloutDone)
	f.wantRunning(v1, "h1", "h2", "h3")

	// One that does not return fails the rollout, and says so.
	f.decide(v2, fate{state: model.StateStarting})
	f.update(v2, model.RolloutOptions{Timeout: ptr(int64(1))})
	f.await("h1 awaited", func(r model.Rollout) bool { return phases(r)["h1"] == model.PhaseAwaiting })
	f.kill("h1")
	last = f.awaitState(model.RolloutFailed)
	if !strings.Contains(last.Result, "h1: timed out after 1s") || last.Code != model.CodeRolloutTimedOut {
		t.Errorf("the rollout failed with %q, %s", last.Result, last.Code)
	}
	status, err := f.leader().GroupStatus("web")
	if err != nil || status.Status != model.GroupStatusFailed || *status.Error != last.Result || len(status.HostStatuses) != 2 {
		t.Errorf("status %+v, %v", status, err)
	}
}

// A leader that has just come to lead has recorded of hosts what the one before knew: no turn begins on one that it does not see itself.
func TestNoTurnBeginsOnAHostThatTheLeaderDoesNotSee(t *testing.T) {
	p := newPool(t)
	p.start("a", t.TempDir(), func(c *Config) { c.LivenessGrace = time.Hour })
	f := newRolloutFleetOf(t, p, 3)
	v1, v2 := f.create("1", nil), f.create("2", nil)
	f.group()
	f.update(v1, model.RolloutOptions{Parallelism: ptr(3)})
	f.awaitState(model.RolloutDone)

	f.hide("h2")
	f.update(v2, model.RolloutOptions{})
	last := f.await("h3 done", func(r model.Rollout) bool { return phases(r)["h3"] == model.PhaseDone })
	if phase := phases(last)["h2"]; phase != model.PhasePending || last.State != model.RolloutRunning {
		t.Errorf("h2 is %s in %+v", phase, last)
	}
	f.wake("h2") // it is found, and nothing is recorded of that
	f.awaitState(model.RolloutDone)
	f.wantRunning(v2, "h1", "h2", "h3")

	f.hide("h2")
	f.update(v1, model.RolloutOptions{})
	f.await("h3 done", func(r model.Rollout) bool { return phases(r)["h3"] == model.PhaseDone })
	f.change(func() { f.pool.gone["h2"] = "agent-h2" }) // it is seen to fail
	if last := f.awaitState(model.RolloutDone); phases(last)["h2"] != model.PhaseSkipped {
		t.Errorf("h2 is %s in %+v", phases(last)["h2"], last)
	}
}

// awaitUp waits until the leader has recorded whether a host is up.
func (f *rolloutFleet) awaitUp(host string, up bool) {
	f.t.Helper()
	f.eventually(func() error {
		for _, recorded := range f.awaitLeader().folders.state.Liveness() {
			if recorded.Host == host && recorded.Up == up {
				return nil
			}
		}
		return fmt.Errorf("%s is not recorded as up=%v", host, up)
	})
}

func TestMembershipFollowsLabels(t *testing.T) {
	f := newRolloutFleet(t, 1, 3)
	f.addHost("x1", "db")
	v1, v2 := f.create("1", nil), f.create("2", nil)
	f.group()
	f.update(v1, model.RolloutOptions{Parallelism: ptr(3)})
	f.awaitState(model.RolloutDone)

	// In the middle of a rollout one leaves and another joins.
	f.decide(v2, fate{state: model.StateStarting})
	f.update(v2, model.RolloutOptions{})
	f.await("h1 awaited", func(r model.Rollout) bool { return phases(r)["h1"] == model.PhaseAwaiting })
	f.relabel("h2", "db")
	f.relabel("x1", "web")
	f.decide(v2, fate{})
	f.wantRunning(v2, "h1", "h3", "x1")
	f.awaitState(model.RolloutDone)

	// While nothing rolls out they leave, join and are deregistered.
	f.relabel("x1", "db")
	f.wantRunning(v2, "h1", "h3")
	f.relabel("h2", "web")
	f.wantRunning(v2, "h1", "h2", "h3")
	f.addHost("h4", "web")
	f.wantRunning(v2, "h1", "h2", "h3", "h4")
	f.awaitState(model.RolloutDone)

	// The host that is waited for is deregistered: there is nothing to wait for.
	f.decide(v1, fate{state: model.StateStarting})
	f.update(v1, model.RolloutOptions{})
	f.await("h1 awaited", func(r model.Rollout) bool { return phases(r)["h1"] == model.PhaseAwaiting })
	f.kill("h1")
	f.must(func(m *Master) error { return m.DeregisterHost(f.ctx, by("alice"), "h1") })
	f.decide(v1, fate{})
	f.awaitState(model.RolloutDone)
	f.wantRunning(v1, "h2", "h3", "h4")
}

func TestConverges(t *testing.T) {
	f := newRolloutFleet(t, 1, 2)
	v1 := f.create("1", nil)
	f.group()
	f.update(v1, model.RolloutOptions{})
	f.awaitState(model.RolloutDone)
	before := f.last()
	f.must(func(m *Master) error { return m.Undeploy(f.ctx, by("bob"), "h2", v1.ID, "") })
	last := f.await("another rollout", func(r model.Rollout) bool { return r.ID != before.ID && r.State == model.RolloutDone })
	if last.Reason != model.RolloutConverge || len(last.Hosts) != 1 || last.Hosts[0].Host != "h2" {
		t.Errorf("the rollout was %+v", last)
	}
	f.wantRunning(v1, "h1", "h2")
}

func TestDrainedHostsAreCaughtUpWith(t *testing.T) {
	f := newRolloutFleet(t, 1, 3)
	v1, v2 := f.create("1", nil), f.create("2", nil)
	f.group()
	f.update(v1, model.RolloutOptions{Parallelism: ptr(3)})
	f.awaitState(model.RolloutDone)
	drain := func(host string, stop bool) {
		t.Helper()
		f.must(func(m *Master) error {
			_, err := m.Drain(f.ctx, by("bob"), host, stop)
			return err
		})
	}
	drain("h2", true)
	f.decide(v2, fate{state: model.StateStarting})
	f.update(v2, model.RolloutOptions{})
	f.await("h1 awaited", func(r model.Rollout) bool { return phases(r)["h1"] == model.PhaseAwaiting })
	// One whose turn it is goes on, unless its jobs are stopped.
	drain("h1", true)
	f.decide(v2, fate{})
	last := f.awaitState(model.RolloutDone)
	want := map[string]model.RolloutPhase{"h1": model.PhaseSkipped, "h2": model.PhaseSkipped, "h3": model.PhaseDone}
	if diff := cmp.Diff(want, phases(last)); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	for _, host := range last.Hosts {
		if host.Phase == model.PhaseSkipped && !strings.Contains(host.Reason, "drained") {
			t.Errorf("%s was skipped because %q", host.Host, host.Reason)
		}
	}
	for _, host := range []string{"h2", "h1"} {
		f.must(func(m *Master) error { return m.Undrain(f.ctx, by("bob"), host) })
	}
	f.wantRunning(v2, "h1", "h2", "h3")
}

func TestPauseAndCanaries(t *testing.T) {
	f := newRolloutFleet(t, 1, 4)
	v1, v2 := f.create("1", nil), f.create("2", nil)
	f.group()
	wantCode(t, f.ask(func(m *Master) error { return m.PauseRollout(f.ctx, by("a"), "web") }), model.CodeNotRollingOut)
	f.update(v1, model.RolloutOptions{Parallelism: ptr(4)})
	f.awaitState(model.RolloutDone)

	f.decide(v2, fate{state: model.StateStarting})
	f.update(v2, model.RolloutOptions{Canary: ptr(2)})
	f.await("h1 awaited", func(r model.Rollout) bool { return phases(r)["h1"] == model.PhaseAwaiting })
	f.must(func(m *Master) error { return m.PauseRollout(f.ctx, by("bob"), "web") })
	f.decide(v2, fate{})
	last := f.await("h1 done", func(r model.Rollout) bool { return phases(r)["h1"] == model.PhaseDone })
	if last.State != model.RolloutPaused || phases(last)["h2"] != model.PhasePending {
		t.Errorf("paused it is %+v", last)
	}
	f.must(func(m *Master) error { return m.ResumeRollout(f.ctx, by("bob"), "web") })
	last = f.awaitState(model.RolloutCanary)
	if got := phases(last); got["h2"] != model.PhaseDone || got["h3"] != model.PhasePending {
		t.Errorf("behind the canaries it is %+v", last)
	}
	f.must(func(m *Master) error { return m.ResumeRollout(f.ctx, by("bob"), "web") })
	f.awaitState(model.RolloutDone)
	f.wantRunning(v2, "h1", "h2", "h3", "h4")
}

func TestFailures(t *testing.T) {
	f := newRolloutFleet(t, 1, 3)
	v1, v2 := f.create("1", nil), f.create("2", nil)
	f.group()
	f.update(v1, model.RolloutOptions{Parallelism: ptr(3)})
	f.awaitState(model.RolloutDone)

	// It goes back by itself, and the reason stays.
	f.decide(v2, fate{state: model.StateFailed, throttle: model.ThrottleImageMissing})
	f.update(v2, model.RolloutOptions{OnFailure: model.OnFailureRollback, Parallelism: ptr(2)})
	last := f.await("rolled back", func(r model.Rollout) bool { return r.Reason == model.RolloutBack && r.State == model.RolloutDone })
	f.wantRunning(v1, "h1", "h2", "h3")
	status, err := f.leader().GroupStatus("web")
	if err != nil || status.Status != model.GroupStatusFailed || !strings.Contains(*status.Error, "image of job "+v2.ID.String()) {
		t.Errorf("status %+v, %v; the rollback was %+v", status, err, last)
	}
	rollouts, err := f.leader().Rollouts("web")
	if err != nil || rollouts[1].State != model.RolloutRolledBack || rollouts[1].Code != model.CodeImageMissing {
		t.Errorf("rollouts %+v, %v", rollouts, err)
	}

	// It waits for somebody, who accepts the failure.
	f.update(v2, model.RolloutOptions{OnFailure: model.OnFailurePause})
	last = f.awaitState(model.RolloutPaused)
	if got := phases(last); got["h1"] != model.PhaseFailed || got["h2"] != model.PhasePending {
		t.Errorf("paused it is %+v", last)
	}
	f.decide(v2, fate{})
	f.must(func(m *Master) error { return m.ResumeRollout(f.ctx, by("bob"), "web") })
	f.awaitState(model.RolloutDone)
	f.wantRunning(v2, "h1", "h2", "h3")

	// Somebody goes back.
	f.must(func(m *Master) error { return m.RollBack(f.ctx, by("bob"), "web", model.JobID{}) })
	f.awaitState(model.RolloutDone)
	f.wantRunning(v1, "h1", "h2", "h3")
	f.must(func(m *Master) error { return m.RollBack(f.ctx, by("bob"), "web", v2.ID) })
	f.awaitState(model.RolloutDone)
	f.wantRunning(v2, "h1", "h2", "h3")

	// Somebody stops it; the group is left alone then.
	f.decide(v1, fate{state: model.StateStarting})
	f.update(v1, model.RolloutOptions{})
	f.await("h1 awaited", func(r model.Rollout) bool { return phases(r)["h1"] == model.PhaseAwaiting })
	f.must(func(m *Master) error { return m.StopGroup(f.ctx, by("bob"), "web") })
	last = f.awaitState(model.RolloutStopped)
	if status, err := f.leader().GroupStatus("web"); err != nil || *status.Error != "Stopped by user" {
		t.Errorf("status %+v, %v; rollout %+v", status, err, last)
	}
}

// A job that is rolled out again, to mend or to pace it anew, is not what an operator wants to go back to.
func TestRollbackPassesOverRolloutsOfTheSameJob(t *testing.T) {
	f := newRolloutFleet(t, 1, 2)
	v1, v2 := f.create("1", nil), f.create("2", nil)
	f.group()
	back := func(id string) error {
		return f.leader().RollBack(f.ctx, model.Request{ID: id, User: "bob"}, "web", model.JobID{})
	}
	update := func(job model.Job) {
		t.Helper()
		f.update(job, model.RolloutOptions{Parallelism: ptr(2)})
		f.awaitState(model.RolloutDone)
	}
	for range 2 {
		update(v1)
	}
	if err := back("b-1"); model.CodeOf(err) != model.CodeNotRollingOut || !strings.Contains(err.Error(), "no job to go back to; name one") {
		t.Errorf("no other job: %v", err)
	}
	for range 3 {
		update(v2)
	}
	for range 2 { // the second is the first again
		if err := back("b-2"); err != nil {
			t.Fatal(err)
		}
		last := f.awaitState(model.RolloutDone)
		f.wantRunning(v1, "h1", "h2")
		if last.Reason != model.RolloutBack || last.From != v2.ID || last.To != v1.ID || *last.Options.Parallelism != 2 {
			t.Errorf("the rollback was %+v", last)
		}
	}
	if err := back("b-3"); err != nil {
		t.Fatal(err)
	}
	if last := f.awaitState(model.RolloutDone); last.To != v2.ID || last.Undoes == 0 || !last.Listed {
		t.Errorf("one that undoes the last rollout host by host was %+v", last)
	}
	f.wantRunning(v2, "h1", "h2")
}

func TestTokens(t *testing.T) {
	f := newRolloutFleet(t, 1, 2)
	v1 := f.create("1", func(job *model.Job) { job.Token = "s3cret" })
	f.group()
	f.update(v1, model.RolloutOptions{Token: ptr("wrong")})
	last := f.awaitState(model.RolloutFailed)
	if last.Code != model.CodeTokenVerification || !strings.HasPrefix(last.Result, "h1: ") {
		t.Errorf("it failed with %s, %q", last.Code, last.Result)
	}
	f.update(v1, model.RolloutOptions{Token: ptr("s3cret")})
	f.awaitState(model.RolloutDone)
	f.wantRunning(v1, "h1", "h2")
}

func TestGroupsThatShareAHost(t *testing.T) {
	f := newRolloutFleet(t, 1, 1)
	v1 := f.create("1", nil)
	f.group()
	f.must(func(m *Master) error {
		group, err := m.Group("web")
		group.Name = "other"
		if err == nil {
			_, err = m.CreateGroup(f.ctx, by("bob"), group)
		}
		return err
	})
	f.update(v1, model.RolloutOptions{})
	f.awaitState(model.RolloutDone)
	f.must(func(m *Master) error { _, err := m.RollingUpdate(f.ctx, by("bob"), "other", v1.ID, nil); return err })
	f.eventually(func() error {
		status, err := f.leader().GroupStatus("other")
		if err == nil && (status.Status != model.GroupStatusFailed || !strings.Contains(*status.Error, "deployed by group web")) {
			err = fmt.Errorf("status %+v", status)
		}
		return err
	})
	f.wantRunning(v1, "h1")
}

func TestGroupWithoutHosts(t *testing.T) {
	f := newRolloutFleet(t, 1, 0)
	v1 := f.create("1", nil)
	f.group()
	f.update(v1, model.RolloutOptions{})
	f.awaitState(model.RolloutDone)
	f.addHost("h1", "web")
	f.wantRunning(v1, "h1")
}

func TestJobThatIsGoneInTheMiddle(t *testing.T) {
	f := newRolloutFleet(t, 1, 2)
	v1 := f.create("1", nil)
	f.group()
	f.update(v1, model.RolloutOptions{})
	f.awaitState(model.RolloutDone)
	soon := model.TimestampOf(time.Now().Add(2 * time.Second))
	v2 := f.create("2", func(job *model.Job) { job.Expires = &soon })
	f.decide(v2, fate{state: model.StateStarting})
	f.update(v2, model.RolloutOptions{})
	f.await("h1 awaited", func(r model.Rollout) bool { return phases(r)["h1"] == model.PhaseAwaiting })
	wantCode(t, f.ask(func(m *Master) error { return m.RemoveJob(f.ctx, by("bob"), v2.ID, "") }), model.CodeJobStillInUse)
	last := f.awaitState(model.RolloutFailed)
	if last.Code != model.CodeJobNotFound || !strings.Contains(last.Result, "expired") {
		t.Errorf("it failed with %s, %q", last.Code, last.Result)
	}
	f.update(v1, model.RolloutOptions{})
	f.awaitState(model.RolloutDone)
	f.wantRunning(v1, "h1", "h2")
}

func TestPreview(t *testing.T) {
	f := newRolloutFleet(t, 1, 3)
	v1, v2 := f.create("1", nil), f.create("2", nil)
	f.group()
	f.update(v1, model.RolloutOptions{})
	f.awaitState(model.RolloutDone)
	f.kill("h3")
	f.awaitUp("h3", false)
	index := f.leader().Index()
	preview, err := f.leader().PreviewRollout("web", v2.ID, &model.RolloutOptions{Canary: ptr(1)})
	if err != nil {
		t.Fatal(err)
	}
	want := []model.RolloutVisit{
		{Host: "h1", Canary: true, Undeploy: []model.JobID{v1.ID}, Deploy: []model.JobID{v2.ID}},
		{Host: "h2", Undeploy: []model.JobID{v1.ID}, Deploy: []model.JobID{v2.ID}},
		{Host: "h3", Skipped: "the host is down"},
	}
	if diff := cmp.Diff(want, preview.Hosts); diff != "" || *preview.Options.Timeout != model.DefaultRolloutTimeout {
		t.Errorf("%+v (-want +got):\n%s", preview.Options, diff)
	}
	if f.leader().Index() != index {
		t.Error("a preview costs a write")
	}
	_, err = f.leader().PreviewRollout("nope", v2.ID, nil)
	wantCode(t, err, model.CodeGroupNotFound)
	_, err = f.leader().PreviewRollout("web", testJob("nope", "1").ID, nil)
	wantCode(t, err, model.CodeJobNotFound)
	_, err = f.leader().PreviewRollout("web", v2.ID, &model.RolloutOptions{Parallelism: ptr(0)})
	wantCode(t, err, model.CodeInvalid)
}

// TestHostsThatReportAllTheTime shows that events of hosts do not have a group planned again and again, and those of its rollout do at
// once.
func TestHostsThatReportAllTheTime(t *testing.T) {
	f := newRolloutFleet(t, 1, 1)
	v1 := f.create("1", nil)
	f.group()
	f.update(v1, model.RolloutOptions{})
	f.awaitState(model.RolloutDone)
	leader := f.leader()
	d := &rolloutDriver{state: leader.folders.state, members: leader.members, groups: map[string]*groupWork{}, log: leader.log}
	d.readAll()
	d.step(t.Context())
	w := d.groups["web"]
	w.rest = time.Now().Add(time.Hour)
	d.note(&model.Event{Type: model.EventTaskStatus, Host: "h1"}, map[string]struct{}{})
	w.hosts["h1"] = struct{}{}
	if wait := d.due(w); wait < time.Minute {
		t.Errorf("a status has the group planned in %s", wait)
	}
	d.note(&model.Event{Type: model.EventRolloutHost, Host: "h1", Group: "web"}, map[string]struct{}{})
	if wait := d.due(w); wait > 0 {
		t.Errorf("a step has the group planned in %s only", wait)
	}
	if body := d.plan("web", w); body != nil {
		t.Errorf("a group that is as it should be needs %+v", body)
	}
	both := rollout.Plan{Moves: []model.RolloutMove{{Host: "h1"}}, Change: &rollout.Change{State: model.RolloutDone}}
	if _, isStep := d.command("web", both).(store.StepRollout); !isStep {
		t.Error("a change of a rollout does not wait for its moves")
	}
}
