package rollout_test

import (
	"fmt"
	"maps"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/heliosctl/heliosctl/model"
	"github.com/heliosctl/heliosctl/store"
)

// scenario is a rollout with everything that happens to it.
type scenario struct {
	options model.RolloutOptions
	hosts   []scenarioHost
}

type scenarioHost struct {
	fate   fate
	before bool // the old job runs there
	toggle []model.Timestamp
	moves  []model.Timestamp
}

func drawScenario(t *rapid.T, flapping bool) scenario {
	s := scenario{options: model.RolloutOptions{
		Timeout:        ptr(int64(rapid.IntRange(1, 60).Draw(t, "timeout"))),
		Parallelism:    ptr(rapid.IntRange(1, 5).Draw(t, "parallelism")),
		Overlap:        ptr(rapid.Bool().Draw(t, "overlap")),
		IgnoreFailures: ptr(rapid.Bool().Draw(t, "ignoreFailures")),
		Canary:         ptr(rapid.IntRange(0, 2).Draw(t, "canary")),
		MinHealthy:     ptr(int64(rapid.IntRange(0, 1).Draw(t, "minHealthy"))),
		MaxFailures:    rapid.SampledFrom([]model.FailureLimit{"", "1", "30%"}).Draw(t, "maxFailures"),
		OnFailure:      rapid.SampledFrom([]model.OnFailure{"", model.OnFailurePause, model.OnFailureRollback}).Draw(t, "onFailure"),
	}}
	for range rapid.IntRange(0, 7).Draw(t, "hosts") {
		h := scenarioHost{before: rapid.Bool().Draw(t, "before")}
		h.fate.delay = model.Timestamp(rapid.IntRange(0, 800).Draw(t, "delay"))
		h.fate.crashes = rapid.IntRange(0, 2).Draw(t, "crashes")
		h.fate.broken = rapid.SampledFrom([]model.Throttle{
			"", "", "", model.ThrottleNo, model.ThrottleImageMissing, model.ThrottleImagePullFailed,
		}).Draw(t, "broken")
		if flapping {
			at := model.Timestamp(1_000_000)
			for range rapid.IntRange(0, 4).Draw(t, "toggles") {
				at += model.Timestamp(rapid.IntRange(1, 3000).Draw(t, "after"))
				h.toggle = append(h.toggle, at)
			}
			at = 1_000_000
			for range rapid.IntRange(0, 2).Draw(t, "moves") {
				at += model.Timestamp(rapid.IntRange(1, 3000).Draw(t, "after"))
				h.moves = append(h.moves, at)
			}
		}
		s.hosts = append(s.hosts, h)
	}
	return s
}

func (s scenario) build(t *rapid.T, state *store.State, name string) (c *cluster, old, next model.Job) {
	c = newCluster(t, state, name)
	old, next = c.job("1"), c.job("2")
	for i, h := range s.hosts {
		host := fmt.Sprint(name, "h", i)
		sim := c.addHost(host)
		sim.fates[next.ID] = h.fate
		if h.before {
			c.runs(host, old, name)
		}
	}
	c.createGroup()
	for i, h := range s.hosts {
		sim := c.hosts[fmt.Sprint(name, "h", i)]
		sim.toggle, sim.moves = h.toggle, h.moves
	}
	return c, old, next
}

// rules are what holds after every entry of the log.
type rules struct {
	c         *cluster
	old, next model.Job
	overlap   bool
	deployed  map[string]bool // hosts that have the old job deployed
	started   map[string]model.Timestamp
	final     map[string]model.RolloutHost
	rollout   uint64
}

func (r *rules) check() {
	r.c.t.Helper()
	view := r.c.view()
	rollout := view.Rollout()
	if rollout.ID != r.rollout {
		r.rollout, r.started, r.final = rollout.ID, map[string]model.Timestamp{}, map[string]model.RolloutHost{}
	}
	active := 0
	progress := map[string]model.RolloutHost{}
	for h := range view.Progress() {
		progress[h.Host] = h
		if h.Phase.Active() {
			active++
		}
		if at, known := r.started[h.Host]; known && h.Started != at {
			r.c.t.Fatalf("%s has its turn twice", h.Host)
		}
		if h.Started != 0 {
			r.started[h.Host] = h.Started
		}
		if before, ended := r.final[h.Host]; ended {
			if diff := cmp.Diff(before, h); diff != "" {
				r.c.t.Fatalf("%s went on after its end:\n%s", h.Host, diff)
			}
		}
		if h.Phase.Final() {
			r.final[h.Host] = h
		}
	}
	if limit := *rollout.Options.Parallelism; active > limit {
		r.c.t.Fatalf("%d hosts at once, %d are allowed", active, limit)
	}
	for name := range r.c.hosts {
		host, _ := view.Host(name)
		_, has := host.Jobs[r.old.ID]
		if r.deployed[name] && !has {
			if p := progress[name]; p.Started == 0 {
				r.c.t.Fatalf("%s lost its job before its turn: %+v", name, p)
			}
			leaves := progress[name].Restore
			if r.overlap && !leaves && rollout.Reason == model.RolloutByUser && host.Statuses[r.next.ID].State != model.StateRunning {
				r.c.t.Fatalf("%s has no running job", name)
			}
		}
		r.deployed[name] = has
	}
}

func (s scenario) run(t *rapid.T, state *store.State, name string, d driver) (*cluster, model.Job, model.Job) {
	c, old, next := s.build(t, state, name)
	r := &rules{c: c, old: old, next: next, overlap: *s.options.Overlap, deployed: map[string]bool{}}
	d.check = r.check
	c.start(next, s.options)
	r.check()
	c.settle(d)
	return c, old, next
}

// TestRolloutsKeepTheirPromises runs rollouts over hosts that fail and flap, with a leader that restarts at any step.
func TestRolloutsKeepTheirPromises(t *testing.T) {
	state, n := openState(t), 0
	rapid.Check(t, func(t *rapid.T) {
		n++
		s := drawScenario(t, true)
		d := driver{
			apart: rapid.Bool().Draw(t, "apart"), twice: rapid.Bool().Draw(t, "twice"),
			late: model.Timestamp(rapid.IntRange(0, 50).Draw(t, "late")), resume: true,
		}
		c, _, next := s.run(t, state, fmt.Sprintf("p%d", n), d)
		defer c.tidy()
		rollouts, err := state.Rollouts(c.group)
		if err != nil {
			t.Fatalf("%v", err)
		}
		first := rollouts[len(rollouts)-1]
		if first.State.Active() {
			t.Fatalf("it did not end: %+v", first)
		}
		if *s.options.IgnoreFailures && first.State != model.RolloutDone {
			t.Fatalf("it failed though failures are ignored: %+v", first)
		}
		for name, phase := range c.phases() {
			if !phase.Final() && rollouts[0].State == model.RolloutDone {
				t.Fatalf("%s is %s in the end", name, phase)
			}
		}
		// A group that went well has its job wherever a host is up.
		if status := c.view().Status(); status.State == model.GroupDone {
			for name, h := range c.hosts {
				host, _ := c.view().Host(name)
				if _, has := host.Jobs[next.ID]; h.up && has == h.left {
					t.Fatalf("%s is up, has left the group: %v, has the job: %v", name, h.left, has)
				}
			}
		}
	})
}

// TestRestartsDoNotChangeTheOutcome compares with a leader that is never interrupted.
func TestRestartsDoNotChangeTheOutcome(t *testing.T) {
	state, n := openState(t), 0
	rapid.Check(t, func(t *rapid.T) {
		n++
		s := drawScenario(t, false)
		s.options.Timeout = ptr(int64(60)) // so that being late does not decide
		if !*s.options.IgnoreFailures {
			s.options.Parallelism = ptr(1) // so that it is certain which hosts have begun when one fails
		}
		outcome := func(name string, d driver) (model.RolloutState, *model.DeploymentGroupStatus, map[string]model.RolloutPhase, map[string][]model.JobID) {
			c, _, _ := s.run(t, state, name, d)
			defer c.tidy()
			phases, jobs := map[string]model.RolloutPhase{}, map[string][]model.JobID{}
			for host, phase := range c.phases() {
				phases[host[len(name):]] = phase
			}
			for host := range c.hosts {
				status, _ := c.view().Host(host)
				for id := range maps.Keys(status.Jobs) {
					id.Name, id.Hash = "", ""
					jobs[host[len(name):]] = append(jobs[host[len(name):]], id)
				}
			}
			status := *c.view().Status()
			if status.Error != "" {
				status.Error = "some"
			}
			return c.view().Rollout().State, &status, phases, jobs
		}
		d := driver{apart: true, twice: true, late: model.Timestamp(rapid.IntRange(0, 50).Draw(t, "late")), resume: true}
		state1, status1, phases1, jobs1 := outcome(fmt.Sprintf("a%d", n), driver{resume: true})
		state2, status2, phases2, jobs2 := outcome(fmt.Sprintf("b%d", n), d)
		if state1 != state2 {
			t.Fatalf("%s, and %s with restarts", state1, state2)
		}
		if diff := cmp.Diff(status1, status2); diff != "" {
			t.Fatalf("status:\n%s", diff)
		}
		if diff := cmp.Diff(phases1, phases2); diff != "" {
			t.Fatalf("phases:\n%s", diff)
		}
		if diff := cmp.Diff(sortedLists(jobs1), sortedLists(jobs2)); diff != "" {
			t.Fatalf("jobs:\n%s", diff)
		}
	})
}

func sortedLists(jobs map[string][]model.JobID) map[string]string {
	lists := map[string]string{}
	for host, ids := range jobs {
		versions := map[string]bool{}
		for _, id := range ids {
			versions[id.Version] = true
		}
		lists[host] = fmt.Sprint(versions)
	}
	return lists
}
