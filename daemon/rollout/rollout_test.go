package rollout_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/heliosctl/heliosctl/daemon/rollout"
	"github.com/heliosctl/heliosctl/model"
	"github.com/heliosctl/heliosctl/store"
)

// fleet is a cluster of a group whose hosts run version 1.
func fleet(t *testing.T, hosts int) (c *cluster, one, two model.Job) {
	t.Helper()
	c = newCluster(t, openState(t), "web")
	one, two = c.job("1"), c.job("2")
	c.createGroup()
	for i := range hosts {
		c.addHost(fmt.Sprint("h", i+1))
		c.hosts[fmt.Sprint("h", i+1)].fates[two.ID] = fate{delay: 100}
	}
	c.start(one, model.RolloutOptions{Parallelism: ptr(100)})
	c.settle(driver{})
	if status := c.view().Status(); status.State != model.GroupDone {
		t.Fatalf("version 1: %+v", status)
	}
	return c, one, two
}

func (c *cluster) wantStatus(state model.DeploymentGroupState, text string) {
	c.t.Helper()
	if got := c.view().Status(); got.State != state || !strings.Contains(got.Error, text) {
		c.t.Fatalf("status %+v, want %s with %q", got, state, text)
	}
}

// versions tells which versions are deployed to each host.
func (c *cluster) versions() map[string]string {
	versions := map[string]string{}
	for name := range c.hosts {
		host, _ := c.view().Host(name)
		var list []string
		for _, version := range []string{"1", "2", "3"} {
			for id := range host.Jobs {
				if id.Version == version {
					list = append(list, version)
				}
			}
		}
		versions[name] = strings.Join(list, "+")
	}
	return versions
}

func (c *cluster) wantVersions(want map[string]string) {
	c.t.Helper()
	if diff := cmp.Diff(want, c.versions()); diff != "" {
		c.t.Fatalf("versions (-want +got):\n%s", diff)
	}
}

// order lists what was deployed and undeployed since an index.
func (c *cluster) order(since uint64) []string {
	events, _, _ := c.state.Events(since)
	var order []string
	for _, e := range events {
		switch e.Type {
		case model.EventDeploymentCreated:
			order = append(order, "+"+e.Host)
		case model.EventDeploymentRemoved:
			order = append(order, "-"+e.Host)
		}
	}
	return order
}

func TestOrderOfHosts(t *testing.T) {
	for name, test := range map[string]struct {
		options model.RolloutOptions
		want    string
	}{
		"one by one": {model.RolloutOptions{}, "-h1 +h1 -h2 +h2 -h3 +h3"},
		"overlap":    {model.RolloutOptions{Overlap: ptr(true)}, "+h1 -h1 +h2 -h2 +h3 -h3"},
		"two":        {model.RolloutOptions{Parallelism: ptr(2)}, "-h1 -h2 +h1 +h2 -h3 +h3"},
		"many":       {model.RolloutOptions{Parallelism: ptr(99)}, "-h1 -h2 -h3 +h1 +h2 +h3"},
		"two overlapping": {
			model.RolloutOptions{Parallelism: ptr(2), Overlap: ptr(true)}, "+h1 +h2 -h1 -h2 +h3 -h3",
		},
	} {
		t.Run(name, func(t *testing.T) {
			c, _, two := fleet(t, 3)
			since := c.state.Index()
			c.start(two, test.options)
			c.settle(driver{})
			if got := strings.Join(c.order(since), " "); got != test.want {
				t.Errorf("got  %s\nwant %s", got, test.want)
			}
			c.wantStatus(model.GroupDone, "")
			since = c.state.Index()
			c.start(two, test.options)
			c.settle(driver{})
			if got := c.order(since); got != nil {
				t.Errorf("an identical rollout changes %v", got)
			}
			c.wantStatus(model.GroupDone, "")
		})
	}
}

func TestFailures(t *testing.T) {
	for name, test := range map[string]struct {
		options  model.RolloutOptions
		throttle model.Throttle
		state    model.DeploymentGroupState
		err      string
		versions map[string]string
		wait     time.Duration // at most
	}{
		"stop": {
			model.RolloutOptions{Timeout: ptr(int64(30))}, model.ThrottleNo, model.GroupFailed, "h2: timed out after 30s",
			map[string]string{"h1": "2", "h2": "2", "h3": "1"}, 31 * time.Second,
		},
		"a missing image fails fast": {
			model.RolloutOptions{Timeout: ptr(int64(300))}, model.ThrottleImageMissing, model.GroupFailed, "h2: the image of job web:2",
			map[string]string{"h1": "2", "h2": "2", "h3": "1"}, time.Second,
		},
		"a failed pull does not": {
			model.RolloutOptions{Timeout: ptr(int64(30))}, model.ThrottleImagePullFailed, model.GroupFailed, "IMAGE_PULL_FAILED",
			map[string]string{"h1": "2", "h2": "2", "h3": "1"}, 31 * time.Second,
		},
		"ignored": {
			model.RolloutOptions{IgnoreFailures: ptr(true)}, model.ThrottleImageMissing, model.GroupDone, "",
			map[string]string{"h1": "2", "h2": "2", "h3": "2"}, time.Second,
		},
		"tolerated": {
			model.RolloutOptions{MaxFailures: "34%"}, model.ThrottleImageMissing, model.GroupDone, "",
			map[string]string{"h1": "2", "h2": "2", "h3": "2"}, time.Second,
		},
		"too many": {
			model.RolloutOptions{MaxFailures: "33%"}, model.ThrottleImageMissing, model.GroupFailed, "h2: ",
			map[string]string{"h1": "2", "h2": "2", "h3": "1"}, time.Second,
		},
		"rolled back": {
			model.RolloutOptions{OnFailure: model.OnFailureRollback}, model.ThrottleImageMissing, model.GroupFailed, "rolled back to job web:1",
			map[string]string{"h1": "1", "h2": "1", "h3": "1"}, 2 * time.Second,
		},
		"rolled back, overlapping": {
			model.RolloutOptions{OnFailure: model.OnFailureRollback, Overlap: ptr(true)}, model.ThrottleImageMissing,
			model.GroupFailed, "rolled back to job web:1", map[string]string{"h1": "1", "h2": "1", "h3": "1"}, 2 * time.Second,
		},
		"paused": {
			model.RolloutOptions{OnFailure: model.OnFailurePause}, model.ThrottleImageMissing, model.GroupRollingOut, "",
			map[string]string{"h1": "2", "h2": "2", "h3": "1"}, time.Second,
		},
	} {
		t.Run(name, func(t *testing.T) {
			c, _, two := fleet(t, 3)
			c.hosts["h2"].fates[two.ID] = fate{delay: 100, broken: test.throttle}
			begun := c.now
			c.start(two, test.options)
			c.settle(driver{})
			c.wantStatus(test.state, test.err)
			c.wantVersions(test.versions)
			if took := time.Duration(c.now-begun) * time.Millisecond; took > test.wait {
				t.Errorf("it took %s", took)
			}
		})
	}
}

// A job that ends again and again may be between two starts when its time is up: its state alone would not tell what is wrong.
func TestTimeoutTellsOfRestarts(t *testing.T) {
	c, _, two := fleet(t, 1)
	c.hosts["h1"].fates[two.ID] = fate{broken: model.ThrottleNo, again: true}
	c.start(two, model.RolloutOptions{Timeout: ptr(int64(30))})
	c.settle(driver{})
	c.wantStatus(model.GroupFailed, "it is HEALTHCHECKING, start number 5")
}

func TestPausedByAFailureGoesOnWhenResumed(t *testing.T) {
	c, _, two := fleet(t, 3)
	c.hosts["h1"].fates[two.ID] = fate{broken: model.ThrottleImageMissing}
	c.start(two, model.RolloutOptions{OnFailure: model.OnFailurePause})
	c.settle(driver{})
	if r := c.view().Rollout(); r.State != model.RolloutPaused || !strings.HasPrefix(r.Result, "h1: the image") {
		t.Fatalf("rollout %+v", r)
	}
	c.do(store.ResumeRollout{Group: "web"})
	c.settle(driver{})
	c.wantStatus(model.GroupDone, "")
	c.wantVersions(map[string]string{"h1": "2", "h2": "2", "h3": "2"})
}

func TestCanariesPauseAndRollback(t *testing.T) {
	c, _, two := fleet(t, 4)
	c.start(two, model.RolloutOptions{Canary: ptr(2), Parallelism: ptr(4)})
	c.settle(driver{})
	if r := c.view().Rollout(); r.State != model.RolloutCanary {
		t.Fatalf("rollout %+v", r)
	}
	c.wantVersions(map[string]string{"h1": "2", "h2": "2", "h3": "1", "h4": "1"})
	c.do(store.ResumeRollout{Group: "web"}, store.PauseRollout{Group: "web"})
	c.settle(driver{})
	c.wantVersions(map[string]string{"h1": "2", "h2": "2", "h3": "1", "h4": "1"})
	c.do(store.RollBack{Group: "web"})
	c.settle(driver{})
	c.wantVersions(map[string]string{"h1": "1", "h2": "1", "h3": "1", "h4": "1"})
	c.wantStatus(model.GroupDone, "")
	if got := c.view().Group().JobID.Version; got != "1" {
		t.Errorf("the group's job is version %s", got)
	}
}

func TestGroupsConverge(t *testing.T) {
	c, one, two := fleet(t, 2)
	c.do(store.Undeploy{Host: "h1", JobID: one.ID})
	if rollout.Drifts(c.view(), "h1") {
		t.Error("h1 drifts although the old container is not gone")
	}
	c.act()
	c.now += 30
	c.act()
	if !rollout.Drifts(c.view(), "h1") || rollout.Drifts(c.view(), "h2") || rollout.Drifts(c.view(), "h9") {
		t.Error("not h1 alone drifts")
	}
	c.settle(driver{})
	c.wantVersions(map[string]string{"h1": "1", "h2": "1"})
	// A host that comes, one that leaves, and one that was away during a rollout.
	c.setUp("h2", false)
	c.start(two, model.RolloutOptions{})
	c.settle(driver{})
	c.wantStatus(model.GroupDone, "")
	if got := c.phases()["h2"]; got != model.PhaseSkipped {
		t.Errorf("h2 is %s", got)
	}
	c.wantVersions(map[string]string{"h1": "2", "h2": "1"})
	c.addHost("h3")
	c.label("h1", "other")
	c.setUp("h2", true)
	c.settle(driver{})
	c.wantVersions(map[string]string{"h1": "", "h2": "2", "h3": "2"})
	c.wantStatus(model.GroupDone, "")
	if got := c.view().Group().RollingUpdateReason; got != model.ReasonHostsChanged {
		t.Errorf("the reason is %s", got)
	}
	// Stopped by hand stays stopped; a group that somebody's rollout failed is left alone.
	c.do(store.SetGoal{Host: "h2", JobID: two.ID, Goal: model.GoalStop})
	last := c.view().Rollout().ID
	c.settle(driver{})
	c.do(store.StopRollout{Group: "web"})
	c.start(two, model.RolloutOptions{})
	c.do(store.StopRollout{Group: "web"}, store.Undeploy{Host: "h3", JobID: two.ID})
	c.settle(driver{})
	c.wantStatus(model.GroupFailed, "Stopped by user")
	c.wantVersions(map[string]string{"h1": "", "h2": "2", "h3": ""})
	if rollouts, _ := c.state.Rollouts("web"); rollouts[0].Reason != model.RolloutByUser || rollouts[1].ID != last {
		t.Errorf("a stopped job or group converged: %+v", rollouts[0])
	}
}

func TestTakingOverJobsThatRunByHand(t *testing.T) {
	for name, migrate := range map[string]bool{"migrate": true, "not": false} {
		t.Run(name, func(t *testing.T) {
			c := newCluster(t, openState(t), "web")
			one, other := c.job("1"), c.job("3")
			c.addHost("h1")
			c.runs("h1", one, "")
			c.runs("h1", other, "")
			c.createGroup()
			tasks, _, _, _ := c.state.Tasks("h1", "a")
			c.start(one, model.RolloutOptions{Migrate: &migrate})
			c.settle(driver{})
			c.wantVersions(map[string]string{"h1": "1+3"})
			after, _, _, _ := c.state.Tasks("h1", "a")
			d, err := c.state.Deployment("h1", one.ID)
			if err != nil {
				t.Fatal(err)
			}
			if !migrate {
				c.wantStatus(model.GroupFailed, "already deployed by hand")
				return
			}
			c.wantStatus(model.GroupDone, "")
			if d.DeploymentGroupName != "web" || tasks[0].Generation != after[0].Generation {
				t.Errorf("deployment %+v of generation %d, then %d", d, tasks[0].Generation, after[0].Generation)
			}
		})
	}
}

func TestRefusedHostsKeepWhatTheyHave(t *testing.T) {
	c, _, _ := fleet(t, 2)
	three := c.job("3", 80)
	blocker := model.Job{ID: model.JobID{Name: "blocker", Version: "1"}, Image: "x", Ports: three.Ports}.WithID()
	c.do(store.CreateJob{Job: blocker})
	c.do(store.Deploy{Host: "h1", Deployment: model.Deployment{JobID: blocker.ID, Goal: model.GoalStart}})
	c.start(three, model.RolloutOptions{})
	c.settle(driver{})
	c.wantStatus(model.GroupFailed, "h1: port 80 of job web:3")
	c.wantVersions(map[string]string{"h1": "1+1", "h2": "1"})
	visits, err := rollout.Preview(c.view(), three.ID, model.MergeRolloutOptions(nil, nil))
	if err != nil || len(visits) != 2 || visits[0].Code != model.CodePortConflict || visits[1].Deploy[0] != three.ID || len(visits[1].Undeploy) != 1 {
		t.Errorf("preview %+v, %v", visits, err)
	}
}

func TestAHostHasToKeepRunning(t *testing.T) {
	c, _, two := fleet(t, 1)
	c.hosts["h1"].fates[two.ID] = fate{delay: 50, crashes: 2}
	begun := c.now
	c.start(two, model.RolloutOptions{MinHealthy: ptr(int64(5))})
	c.settle(driver{})
	c.wantStatus(model.GroupDone, "")
	_, hosts, err := c.state.Rollout("web", c.view().Rollout().ID)
	if err != nil || hosts[0].Attempt != 3 || c.now-begun < 5600 {
		t.Errorf("host %+v after %d ms, %v", hosts, c.now-begun, err)
	}
}

func TestASecondRolloutFinishesWhatTheFirstBegan(t *testing.T) {
	c, _, two := fleet(t, 3)
	three := c.job("3")
	c.hosts["h2"].fates[two.ID] = fate{delay: 1e9}
	c.start(two, model.RolloutOptions{})
	for c.phases()["h2"] != model.PhaseAwaiting {
		c.act()
		if bodies := commands("web", rollout.Next(c.view(), c.now)); len(bodies) > 0 {
			c.do(bodies...)
		}
		c.now++
	}
	since := c.state.Index()
	c.start(three, model.RolloutOptions{})
	c.settle(driver{})
	c.wantStatus(model.GroupDone, "")
	if got := strings.Join(c.order(since), " "); got != "-h2 +h2 -h1 +h1 -h3 +h3" {
		t.Errorf("order: %s", got)
	}
	rollouts, _ := c.state.Rollouts("web")
	if rollouts[1].State != model.RolloutReplaced || rollouts[1].Counts.Stopped != 1 {
		t.Errorf("the first: %+v", rollouts[1])
	}
}

func BenchmarkPlan2000(b *testing.B) {
	state := openState(b)
	c := newCluster(benchFatal{b}, state, "web")
	one, two := c.job("1"), c.job("2")
	for i := range 2000 {
		c.addHost(fmt.Sprint("host", i, ".example.net"))
	}
	c.createGroup()
	c.start(one, model.RolloutOptions{Parallelism: ptr(2000)})
	for {
		c.act()
		plan := rollout.Next(c.view(), c.now)
		if len(plan.Moves) == 0 && plan.Change == nil {
			if next, some := c.nextEvent(); some {
				c.now = next
				continue
			}
			break
		}
		c.do(commands("web", plan)...)
	}
	c.start(two, model.RolloutOptions{Parallelism: ptr(50)})
	c.do(commands("web", rollout.Next(c.view(), c.now))...)
	b.Run("rolling", func(b *testing.B) {
		for b.Loop() {
			rollout.Next(c.view(), c.now)
		}
	})
	c.do(store.FinishRollout{Group: "web", Rollout: c.view().Rollout().ID, State: model.RolloutDone})
	c.start(one, model.RolloutOptions{Parallelism: ptr(1)})
	c.do(store.FinishRollout{Group: "web", Rollout: c.view().Rollout().ID, State: model.RolloutDone})
	b.Run("converged", func(b *testing.B) {
		for b.Loop() {
			rollout.Next(c.view(), c.now)
		}
	})
}

type benchFatal struct{ *testing.B }

// TestDrainedInTheMiddle holds that a host which is drained while its old job stops does not hold up the rollout, and is caught up with.
func TestDrainedInTheMiddle(t *testing.T) {
	c, _, two := fleet(t, 2)
	c.start(two, model.RolloutOptions{})
	c.act()
	c.do(commands("web", rollout.Next(c.view(), c.now))...)
	if got := c.phases()["h1"]; got != model.PhaseUndeploying {
		t.Fatalf("h1 is %s", got)
	}
	c.do(store.DrainHost{Host: "h1"})
	c.settle(driver{})
	c.wantStatus(model.GroupDone, "")
	c.wantVersions(map[string]string{"h1": "", "h2": "2"})
	if got := c.phases()["h1"]; got != model.PhaseSkipped {
		t.Errorf("h1 is %s", got)
	}
	c.do(store.UndrainHost{Host: "h1"})
	c.settle(driver{})
	c.wantVersions(map[string]string{"h1": "2", "h2": "2"})
}

// TestTheNextJobComesWhenTheOldOneHasStopped holds that nobody waits for the removal of a container that does not run any more, except
// when the same job comes again.
func TestTheNextJobComesWhenTheOldOneHasStopped(t *testing.T) {
	c, one, two := fleet(t, 1)
	c.start(two, model.RolloutOptions{})
	c.act()
	c.do(commands("web", rollout.Next(c.view(), c.now))...)
	c.act()
	if plan := rollout.Next(c.view(), c.now); len(plan.Moves) > 0 {
		t.Fatalf("the old job stops, and the plan is %+v", plan)
	}
	c.now += 10
	c.act()
	plan := rollout.Next(c.view(), c.now)
	if len(plan.Moves) != 1 || plan.Moves[0].To != model.PhaseAwaiting {
		t.Fatalf("the old job has stopped, and the plan is %+v", plan)
	}
	c.start(one, model.RolloutOptions{})
	c.settle(driver{})
	c.wantVersions(map[string]string{"h1": "1"})
	c.wantStatus(model.GroupDone, "")
}

// TestHostsThatGoDownInTheirTurn holds that nobody waits long for one that has nothing of the new job, that one which had begun with it has
// the time for it to come back, and that one which is back goes on.
func TestHostsThatGoDownInTheirTurn(t *testing.T) {
	for name, test := range map[string]struct {
		options model.RolloutOptions
		phase   model.RolloutPhase // at which h1 goes down
		touched bool               // and has reported something of the new job
		back    model.Timestamp    // comes back after that many ms; 0: when the rollout has ended
		want    model.RolloutPhase
		status  model.DeploymentGroupState
		err     string
	}{
		"before the new job is there": {phase: model.PhaseUndeploying, want: model.PhaseSkipped, status: model.GroupDone},
		"before it has heard of it":   {phase: model.PhaseAwaiting, want: model.PhaseSkipped, status: model.GroupDone},
		"with the new job": {
			options: model.RolloutOptions{Timeout: ptr(int64(60))}, phase: model.PhaseAwaiting, touched: true,
			want: model.PhaseFailed, status: model.GroupFailed, err: "h1: timed out after 1m0s waiting for job web:2",
		},
		"with the new job, which need not hold": {
			options: model.RolloutOptions{Timeout: ptr(int64(60)), IgnoreFailures: ptr(true)}, phase: model.PhaseAwaiting, touched: true,
			want: model.PhaseFailed, status: model.GroupDone,
		},
		"while it has to stay healthy": {
			options: model.RolloutOptions{Timeout: ptr(int64(60)), MinHealthy: ptr(int64(5))}, phase: model.PhaseMinHealthy, touched: true,
			want: model.PhaseFailed, status: model.GroupFailed, err: "h1: the host has been down for 1m0s",
		},
		"for a moment": {phase: model.PhaseUndeploying, back: 29_000, want: model.PhaseDone, status: model.GroupDone},
		"for a moment with the new job": {
			phase: model.PhaseAwaiting, touched: true, back: 59_000, want: model.PhaseDone, status: model.GroupDone,
		},
		"for a moment while it has to stay healthy": {
			options: model.RolloutOptions{MinHealthy: ptr(int64(5))}, phase: model.PhaseMinHealthy, touched: true, back: 59_000,
			want: model.PhaseDone, status: model.GroupDone,
		},
	} {
		t.Run(name, func(t *testing.T) {
			c, _, two := fleet(t, 2)
			since := c.state.Index()
			c.start(two, test.options)
			reported := func() bool {
				host, _ := c.view().Host("h1")
				_, reported := host.Statuses[two.ID]
				return reported
			}
			for c.phases()["h1"] != test.phase || reported() != test.touched {
				c.act()
				if c.phases()["h1"] == test.phase && reported() == test.touched {
					break
				}
				if bodies := commands("web", rollout.Next(c.view(), c.now)); len(bodies) > 0 {
					c.do(bodies...)
				} else {
					c.now++
				}
			}
			c.setUp("h1", false)
			begun := c.now
			if test.back > 0 {
				c.hosts["h1"].toggle = []model.Timestamp{c.now + test.back}
			}
			c.settle(driver{})
			if got := c.phases()["h1"]; got != test.want {
				t.Errorf("h1 is %s, want %s", got, test.want)
			}
			c.wantStatus(test.status, test.err)
			if took := c.now - begun; took > 70_000 {
				t.Errorf("it took %d ms", took)
			}
			if order := strings.Join(c.order(since), " "); test.back > 0 && order != "-h1 +h1 -h2 +h2" {
				t.Errorf("order: %s", order)
			}
			if test.back == 0 {
				c.setUp("h1", true)
				c.settle(driver{})
				c.wantStatus(test.status, test.err)
				c.wantVersions(map[string]string{"h1": "2", "h2": map[bool]string{true: "2", false: "1"}[test.status == model.GroupDone]})
			}
		})
	}
}
