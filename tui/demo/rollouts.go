package demo

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/heliosctl/heliosctl/model"
	"github.com/heliosctl/heliosctl/tui"
)

// group is a deployment group with the rollout that is at work on it.
type group struct {
	spec     model.DeploymentGroup
	options  tui.RolloutOptions
	rollout  *tui.Rollout
	past     []*tui.Rollout
	repeated bool // the next version is rolled out some time after this one is done
	passed   bool // the canaries of the rollout that runs
	accepted int  // failures of it that a resume accepted
}

func (f *Fleet) buildGroups() {
	f.addGroup("payments", "role=pay", tui.RolloutOptions{Parallelism: 5, Timeout: 5 * time.Minute, IgnoreFailures: true, Token: true}, true)
	f.addGroup("edge", "role=web", tui.RolloutOptions{Parallelism: 10, Timeout: 5 * time.Minute, Overlap: true}, true)
	f.finished("geo", "role=geo", "geo-cache:3", tui.RolloutOptions{Parallelism: 3, Timeout: 10 * time.Minute}, 55*time.Minute, 11)
	f.finished("search", "role=api", "search-api:11", tui.RolloutOptions{Parallelism: 8, Timeout: 5 * time.Minute}, 40*time.Minute, -1)
	f.finished("core", "role=api", "auth-api:27", tui.RolloutOptions{Parallelism: 4, Timeout: 5 * time.Minute, Token: true}, 3*time.Hour, -1)
	f.finished("shop", "role=api", "cart-api:18", tui.RolloutOptions{Parallelism: 4, Timeout: 5 * time.Minute}, 5*time.Hour, -1)
	f.finished("base", "zone in (eu1-a,eu1-b,eu1-c)", "node-exporter:5",
		tui.RolloutOptions{Parallelism: 50, Timeout: 5 * time.Minute, IgnoreFailures: true}, 9*24*time.Hour, -1)
	f.finished("base-logs", "zone in (eu1-a,eu1-b,eu1-c)", "log-ship:14",
		tui.RolloutOptions{Parallelism: 50, Timeout: 5 * time.Minute, IgnoreFailures: true}, 12*24*time.Hour, -1)
	f.finished("batch", "role=batch", "report:19", tui.RolloutOptions{Parallelism: 2, Timeout: 30 * time.Minute, Migrate: true}, 26*time.Hour, -1)
	f.finished("thumbs", "role=batch", "thumbs:12", tui.RolloutOptions{Parallelism: 3, Timeout: 5 * time.Minute}, 50*time.Hour, -1)
	f.addGroup("canary", "canary=yes", tui.RolloutOptions{Parallelism: 1, Timeout: 5 * time.Minute}, false)
	f.after(0, func() { f.roll(f.groups["payments"], f.job("pay-worker", 7), f.define("pay-worker", 8), "deploy-bot") })
	f.after(7*time.Minute, func() { f.roll(f.groups["edge"], f.job("web-api", 41), f.define("web-api", 42), "deploy-bot") })
}

func (f *Fleet) addGroup(name, selector string, options tui.RolloutOptions, repeated bool) *group {
	s, err := model.ParseHostSelector(selector)
	if err != nil {
		panic(err) // one of the selectors above
	}
	g := &group{spec: model.DeploymentGroup{Name: name, HostSelectors: []model.HostSelector{s}}, options: options, repeated: repeated}
	f.groups[name] = g
	if repeated {
		g.past = f.pastRollouts(g, 4)
	}
	f.showGroup(g)
	return g
}

func (f *Fleet) members(g *group) []string {
	var names []string
	for _, h := range f.hosts {
		if g.spec.Matches(h.facts.Labels) {
			names = append(names, h.facts.Name)
		}
	}
	return names
}

// pastRollouts makes up what a group did before.
func (f *Fleet) pastRollouts(g *group, n int) []*tui.Rollout {
	name, version := "pay-worker", 7
	if g.spec.Name == "edge" {
		name, version = "web-api", 41
	}
	var past []*tui.Rollout
	for i := range n {
		r := &tui.Rollout{
			ID: fmt.Sprintf("%s-%d", g.spec.Name, i), Group: g.spec.Name, From: f.job(name, version-i-1), To: f.job(name, version-i),
			State: tui.RolloutDone, User: "deploy-bot", Started: f.now.Add(-time.Duration(12*(i+1)) * 24 * time.Hour), Options: g.options,
		}
		took := f.between(16*time.Minute, 22*time.Minute)
		if i == 1 {
			r.State, r.Error, took = tui.RolloutFailed, "too many hosts failed", 4*time.Minute
		}
		r.Finished = r.Started.Add(took)
		for at, host := range f.members(g) {
			phase := tui.PhaseDone
			if i == 1 && at == 9 {
				phase = tui.PhaseFailed
			} else if i == 1 && at > 9 {
				phase = tui.PhaseWaiting
			}
			r.Hosts = append(r.Hosts, tui.RolloutHost{Host: host, Phase: phase})
		}
		past = append(past, r)
	}
	return past
}

// finished adds a group whose last rollout ended before the simulation began. With failedAt, it stopped at that host.
func (f *Fleet) finished(name, selector, job string, options tui.RolloutOptions, ago time.Duration, failedAt int) {
	g := f.addGroup(name, selector, options, false)
	jobName, version := parse(job)
	took := f.between(4*time.Minute, 9*time.Minute)
	r := &tui.Rollout{
		ID: name + "-0", Group: name, From: f.job(jobName, version-1), To: f.job(jobName, version), State: tui.RolloutDone, User: "deploy-bot",
		Started: f.now.Add(-ago - took), Finished: f.now.Add(-ago), Options: options,
	}
	for i, host := range f.members(g) {
		rh := tui.RolloutHost{Host: host, Phase: tui.PhaseDone, Attempt: 1, Started: r.Started, Since: r.Finished}
		switch {
		case failedAt < 0 || i < failedAt:
		case i == failedAt:
			rh.Phase, rh.Failed, rh.Reason = tui.PhaseFailed, tui.PhaseAwaitRunning, "timed out after 10m: task FAILED, exit 137"
			r.State, r.Error = tui.RolloutFailed, host+": timed out after 10m: task FAILED, exit 137"
		default:
			rh = tui.RolloutHost{Host: host}
		}
		r.Hosts = append(r.Hosts, rh)
	}
	g.rollout = r
	g.spec.JobID = r.To
	f.showGroup(g)
}

func (f *Fleet) showGroup(g *group) {
	shown := &tui.Group{Spec: g.spec, Hosts: f.members(g), Past: slices.Clone(g.past)}
	slices.Sort(shown.Hosts)
	if g.rollout != nil {
		r := *g.rollout
		r.Hosts = slices.Clone(r.Hosts)
		shown.Rollout = &r
	}
	f.store.SetGroup(shown)
}

// roll begins a rolling update.
func (f *Fleet) roll(g *group, from, to model.JobID, user string) {
	if g.rollout != nil {
		if g.rollout.Active() {
			g.rollout.State, g.rollout.Finished, g.rollout.Error = tui.RolloutReplaced, f.now, "by another rollout"
			endHosts(g.rollout)
		}
		g.past = append([]*tui.Rollout{g.rollout}, g.past...)
	}
	f.rollouts++
	r := &tui.Rollout{
		ID: fmt.Sprintf("%s-r%d", g.spec.Name, f.rollouts), Group: g.spec.Name, From: from, To: to, State: tui.RolloutRunning, User: user,
		Started: f.now, Options: g.options,
	}
	for _, name := range f.members(g) {
		r.Hosts = append(r.Hosts, tui.RolloutHost{Host: name})
	}
	g.rollout, g.passed, g.accepted = r, false, 0
	g.spec.JobID = to
	f.breakSome(r)
	f.event(tui.Event{Type: model.EventRolloutStarted, Job: to, Detail: "rollout of " + g.spec.Name + " began", User: user})
	f.drive(g)
}

// breakSome lets some hosts of a rollout have trouble.
func (f *Fleet) breakSome(r *tui.Rollout) {
	if r.Group != "payments" {
		return
	}
	for i := range r.Hosts {
		key := taskKey{r.Hosts[i].Host, r.To}
		switch i {
		case 14, 20:
			f.breaking[key] = pullFails
		case 3, 36, 43:
			f.breaking[key] = slowHealth
		}
	}
}

// rolloutMoved goes on with the rollouts that a host is part of.
func (f *Fleet) rolloutMoved(hostName string) {
	for _, name := range f.groupNames() {
		g := f.groups[name]
		if g.rollout == nil || !g.rollout.Active() {
			continue
		}
		if slices.ContainsFunc(g.rollout.Hosts, func(h tui.RolloutHost) bool { return h.Host == hostName && h.Started != (time.Time{}) }) {
			f.drive(g)
		}
	}
}

func (f *Fleet) groupNames() []string {
	names := make([]string, 0, len(f.groups))
	for name := range f.groups {
		names = append(names, name)
	}
	slices.Sort(names)
	return names
}

// drive brings every host of a rollout as far as it can go now.
func (f *Fleet) drive(g *group) {
	r := g.rollout
	if !r.Active() {
		f.showGroup(g)
		return
	}
	busy, left, begun := 0, 0, 0
	for i := range r.Hosts {
		f.driveHost(g, r, i)
		if !r.Hosts[i].Started.IsZero() {
			begun++
		}
		switch r.Hosts[i].Phase {
		case tui.PhaseUndeploy, tui.PhaseAwaitUndeployed, tui.PhaseDeploy, tui.PhaseAwaitRunning:
			busy++
		case tui.PhaseWaiting:
			left++
		}
	}
	for i := range r.Hosts {
		if r.Hosts[i].Phase != tui.PhaseWaiting || busy >= r.Options.Parallelism || r.State != tui.RolloutRunning {
			continue
		}
		if canaries := r.Options.Canary; canaries > 0 && !g.passed && begun >= canaries {
			if busy == 0 {
				r.State, r.Error = tui.RolloutCanary, fmt.Sprintf("%d of %d hosts done; waits for a resume", canaries, len(r.Hosts))
			}
			break
		}
		left--
		if f.byName[r.Hosts[i].Host].facts.Status != model.Up {
			r.Hosts[i].Phase, r.Hosts[i].Reason = tui.PhaseSkipped, "host is down"
			continue
		}
		busy++
		begun++
		r.Hosts[i].Started, r.Hosts[i].Attempt = f.now, r.Hosts[i].Attempt+1
		f.phase(g, r, i, tui.PhaseUndeploy)
		f.watch(g, r, i)
		f.after(f.between(300*time.Millisecond, 900*time.Millisecond), func() { f.undeployOld(g, r, i) })
	}
	if busy == 0 && left == 0 && r.State == tui.RolloutRunning {
		f.finish(g, r, tui.RolloutDone, "")
	}
	f.showGroup(g)
}

func (f *Fleet) phase(_ *group, r *tui.Rollout, i int, p tui.RolloutPhase) {
	r.Hosts[i].Phase, r.Hosts[i].Since = p, f.now
}

func (f *Fleet) undeployOld(g *group, r *tui.Rollout, i int) {
	if !r.Active() || r.Hosts[i].Phase != tui.PhaseUndeploy {
		return
	}
	f.phase(g, r, i, tui.PhaseAwaitUndeployed)
	if old := f.tasks[taskKey{r.Hosts[i].Host, r.From}]; old != nil {
		old.Goal = model.GoalUndeploy
		f.end(old, "undeploy by rollout "+g.spec.Name, true)
	}
	f.drive(g)
}

func (f *Fleet) driveHost(g *group, r *tui.Rollout, i int) {
	h := &r.Hosts[i]
	switch h.Phase {
	case tui.PhaseAwaitUndeployed:
		if f.tasks[taskKey{h.Host, r.From}] != nil {
			return
		}
		f.phase(g, r, i, tui.PhaseDeploy)
		f.after(f.between(200*time.Millisecond, 600*time.Millisecond), func() {
			if !r.Active() || r.Hosts[i].Phase != tui.PhaseDeploy {
				return
			}
			f.phase(g, r, i, tui.PhaseAwaitRunning)
			t := f.newTask(h.Host, r.To, model.GoalStart, g.spec.Name)
			f.begin(t)
			f.drive(g)
		})
	case tui.PhaseAwaitRunning:
		if t := f.tasks[taskKey{h.Host, r.To}]; t != nil && t.State == model.StateRunning {
			f.phase(g, r, i, tui.PhaseDone)
		}
	}
}

// watch fails a host that takes too long.
func (f *Fleet) watch(g *group, r *tui.Rollout, i int) {
	attempt := r.Hosts[i].Attempt
	f.after(r.Options.Timeout, func() {
		h := &r.Hosts[i]
		if !r.Active() || h.Attempt != attempt || h.Phase >= tui.PhaseDone {
			return
		}
		h.Failed = h.Phase
		h.Reason = "timed out after " + tui.Age(r.Options.Timeout)
		if t := f.tasks[taskKey{h.Host, r.To}]; t != nil {
			h.Reason += ": task " + string(t.State)
			if t.Error != "" {
				h.Reason += ", " + t.Error
			}
		}
		f.phase(g, r, i, tui.PhaseFailed)
		f.event(tui.Event{
			Type: model.EventRolloutHost, Host: h.Host, Job: r.To, Phase: model.PhaseFailed, Detail: tui.DescribeRolloutHost(g.spec.Name, model.PhaseFailed, h.Reason),
		})
		f.tooMany(g, r, h.Host+": "+h.Reason)
		f.drive(g)
	})
}

// tooMany does what a rollout is to do when more hosts have failed than may.
func (f *Fleet) tooMany(g *group, r *tui.Rollout, reason string) {
	limit, err := r.Options.MaxFailures.Of(len(r.Hosts))
	if err != nil || r.Options.IgnoreFailures || failedHosts(r)-g.accepted <= limit {
		return
	}
	switch r.Options.OnFailure {
	case model.OnFailurePause:
		r.State, r.Error = tui.RolloutPaused, reason
	case model.OnFailureRollback:
		from := r.From
		if from.IsZero() || r.Back { // a way back has none of its own
			f.finish(g, r, tui.RolloutFailed, reason)
			return
		}
		f.finish(g, r, tui.RolloutRolledBack, reason)
		f.roll(g, r.To, from, "")
		g.rollout.Back, g.rollout.Undoes, g.rollout.Cause = true, r.ID, reason
	default:
		f.finish(g, r, tui.RolloutFailed, reason)
	}
}

func failedHosts(r *tui.Rollout) int {
	n := 0
	for i := range r.Hosts {
		if r.Hosts[i].Phase == tui.PhaseFailed {
			n++
		}
	}
	return n
}

// endHosts leaves hosts where they are when their rollout ends.
func endHosts(r *tui.Rollout) {
	for i := range r.Hosts {
		if p := r.Hosts[i].Phase; p > tui.PhaseWaiting && p < tui.PhaseDone {
			r.Hosts[i].Phase = tui.PhaseStopped
		}
	}
}

func (f *Fleet) finish(g *group, r *tui.Rollout, state tui.RolloutState, reason string) {
	r.State, r.Error, r.Finished = state, reason, f.now
	endHosts(r)
	f.event(tui.Event{Type: model.EventRolloutStarted, Job: r.To, Detail: fmt.Sprintf("rollout of %s: %s", g.spec.Name, strings.ToLower(string(state)))})
	if !g.repeated || state != tui.RolloutDone {
		return
	}
	f.after(2*time.Minute, func() {
		if g.rollout != r {
			return
		}
		_, version := parse(":" + r.To.Version)
		f.roll(g, r.To, f.define(r.To.Name, version+1), "deploy-bot")
	})
}
