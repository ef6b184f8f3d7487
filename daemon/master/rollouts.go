package master

import (
	"context"
	"log/slog"
	"sync"
	"time"

	"github.com/heliosctl/heliosctl/daemon/rollout"
	"github.com/heliosctl/heliosctl/model"
	"github.com/heliosctl/heliosctl/store"
)

// How long a group is left alone after it was looked at because of its hosts: many times as long as that took, so that hosts that
// report all the time cost little, but not so long that anybody waits for it.
const (
	rolloutRestShare = 4
	rolloutRestMin   = 2 * time.Millisecond
	rolloutRestMax   = 100 * time.Millisecond
)

// How long a step rests that could not be committed.
const (
	rolloutRetryMin = 100 * time.Millisecond
	rolloutRetryMax = 10 * time.Second
)

// rolloutRecheck is how often the clock is looked at however far off the next deadline is: it may be set meanwhile.
const rolloutRecheck = 30 * time.Second

// driveRollouts carries out rollouts until ctx ends. All it knows is what is recorded: each step is committed before the next is
// planned, so that another leader goes on from there.
func (m *Master) driveRollouts(ctx context.Context) {
	d := &rolloutDriver{
		state: m.folders.state, members: m.members, master: m.config.Name, log: m.log, groups: map[string]*groupWork{},
		commit: func(ctx context.Context, body store.Body) (store.Result, error) {
			return m.write(ctx, model.Request{}, body)
		},
	}
	d.run(ctx)
}

// rolloutDriver belongs to one goroutine.
type rolloutDriver struct {
	state   *store.State
	members Members
	master  string // as whose deployments are made
	log     *slog.Logger
	commit  func(context.Context, store.Body) (store.Result, error)

	index  uint64 // events up to here are in groups
	groups map[string]*groupWork
}

// groupWork is why and when a group has to be looked at.
type groupWork struct {
	changed bool                // the group or its rollout
	hosts   map[string]struct{} // that changed
	unseen  bool                // its planner waits for a host to be seen
	again   model.Timestamp     // its planner asked for; 0: it did not
	rest    time.Time           // not before
	retry   time.Duration       // of the next failure
}

func (d *rolloutDriver) run(ctx context.Context) {
	d.readAll()
	for ctx.Err() == nil {
		pool := d.members.Changed()
		more := d.follow()
		pause := d.step(ctx)
		if !d.waitsForSight() {
			pool = nil
		}
		timer := time.NewTimer(pause)
		select {
		case <-more:
		case <-pool:
			d.look()
		case <-timer.C:
		case <-ctx.Done():
		}
		timer.Stop()
	}
}

// waitsForSight tells whether a group's next step waits for a host to be seen. That is no event: nothing is recorded of it.
func (d *rolloutDriver) waitsForSight() bool {
	for _, w := range d.groups {
		if w.unseen {
			return true
		}
	}
	return false
}

// look has the groups looked at that wait for a host to be seen.
func (d *rolloutDriver) look() {
	for _, w := range d.groups {
		w.changed = w.changed || w.unseen
	}
}

// readAll has every group looked at: nothing is known of what happened before.
func (d *rolloutDriver) readAll() {
	d.index = d.state.Index()
	for _, name := range d.state.Groups() {
		d.work(name).changed = true
	}
}

func (d *rolloutDriver) work(group string) *groupWork {
	w := d.groups[group]
	if w == nil {
		w = &groupWork{hosts: map[string]struct{}{}, retry: rolloutRetryMin}
		d.groups[group] = w
	}
	return w
}

// follow notes what happened, and returns a channel that is closed when there is more.
func (d *rolloutDriver) follow() <-chan struct{} {
	events, reset, more := d.state.Events(d.index)
	if reset {
		d.readAll()
		return more
	}
	hosts := map[string]struct{}{}
	for i := range events {
		d.index = events[i].Index
		d.note(&events[i], hosts)
	}
	for host := range hosts {
		for _, group := range d.state.GroupsOf(host) {
			d.work(group).hosts[host] = struct{}{}
		}
	}
	return more
}

// note takes up one event; the hosts it may matter to groups of are added.
func (d *rolloutDriver) note(e *model.Event, hosts map[string]struct{}) {
	if e.Group != "" {
		w := d.work(e.Group)
		w.changed, w.rest = true, time.Time{}
		return
	}
	switch e.Type {
	case model.EventJobCreated, model.EventJobRemoved:
		for _, group := range d.state.GroupsOfJob(*e.JobID) {
			d.work(group).changed = true
		}
	case model.EventHostRegistered, model.EventHostChanged, model.EventHostDeregistered:
		// Rollouts wait for hosts that may not be theirs any more.
		for _, group := range d.state.RollingOut() {
			d.work(group).changed = true
		}
	}
	if e.Host != "" {
		hosts[e.Host] = struct{}{}
	}
}

// change is what is to be committed of a group.
type change struct {
	group string
	body  store.Body
}

// step plans every group that has work, and commits what comes of it together. What happens meanwhile waits for the next step. It
// returns how long there is nothing to do unless something happens.
func (d *rolloutDriver) step(ctx context.Context) time.Duration {
	var changes []change
	for name, w := range d.groups {
		if d.due(w) > 0 {
			continue
		}
		if body := d.plan(name, w); body != nil {
			changes = append(changes, change{name, body})
		}
	}
	var commits sync.WaitGroup
	results, errs := make([]store.Result, len(changes)), make([]error, len(changes))
	for i, c := range changes {
		commits.Go(func() { results[i], errs[i] = d.commit(ctx, c.body) })
	}
	commits.Wait()
	for i, c := range changes {
		d.committed(c, results[i], errs[i])
	}
	pause := rolloutRecheck
	for _, w := range d.groups {
		pause = min(pause, d.due(w))
	}
	return pause
}

// due is how long a group has to wait; nothing or less: it does not.
func (d *rolloutDriver) due(w *groupWork) time.Duration {
	wait := rolloutRecheck
	switch {
	case w.changed || len(w.hosts) > 0:
		wait = 0
	case w.again > 0:
		wait = time.Until(w.again.Time())
	}
	return max(wait, time.Until(w.rest))
}

// plan returns what to commit next of a group, nil when there is nothing.
func (d *rolloutDriver) plan(name string, w *groupWork) store.Body {
	view, err := d.state.GroupView(name)
	if err != nil {
		delete(d.groups, name)
		return nil
	}
	// What is recorded of hosts lags behind, and by a grace when the leader is new: no turn begins where nobody is seen.
	view.SeeBy(d.members.AgentAlive)
	began := time.Now()
	plan := planGroup(view, w)
	took := time.Since(began)
	w.changed, w.again, w.unseen = false, plan.Again, plan.Unseen
	clear(w.hosts)
	w.rest = time.Now().Add(min(max(rolloutRestShare*took, rolloutRestMin), rolloutRestMax))
	return d.command(name, plan)
}

// planGroup looks at no more than what changed where nothing rolls out.
func planGroup(view *store.GroupView, w *groupWork) rollout.Plan {
	last := view.Rollout()
	if w.changed || last != nil && last.State.Active() {
		return rollout.Next(view, model.TimestampOf(time.Now()))
	}
	plan := rollout.Plan{}
	if last != nil {
		plan.Rollout = last.ID
	}
	for host := range w.hosts {
		if rollout.Drifts(view, host) {
			plan.Change = &rollout.Change{Converge: true}
			break
		}
	}
	return plan
}

// command is the first thing to commit of a plan. A change of the whole rollout waits until its moves are made, and is planned again
// then: one of them may have come too late.
func (d *rolloutDriver) command(group string, plan rollout.Plan) store.Body {
	change := plan.Change
	switch {
	case len(plan.Moves) > 0:
		return store.StepRollout{Group: group, Rollout: plan.Rollout, Master: d.master, Moves: plan.Moves}
	case change == nil:
		return nil
	case change.Converge:
		return store.ConvergeGroup{Group: group, Rollout: plan.Rollout}
	case change.State == model.RolloutPaused || change.State == model.RolloutCanary:
		return store.HoldRollout{Group: group, Rollout: plan.Rollout, State: change.State, Code: change.Code, Reason: change.Reason}
	default:
		return store.FinishRollout{Group: group, Rollout: plan.Rollout, State: change.State, Code: change.Code, Reason: change.Reason}
	}
}

// committed has the group looked at again where a change was not made as planned. One that was made is heard of as an event.
func (d *rolloutDriver) committed(c change, result store.Result, err error) {
	w := d.work(c.group)
	if err == nil {
		w.retry = rolloutRetryMin
		w.changed = w.changed || len(result.Stale) > 0
		return
	}
	w.changed = true
	w.rest = time.Now().Add(w.retry)
	switch model.CodeOf(err) {
	case model.CodeRolloutChanged, model.CodeNotRollingOut, model.CodeGroupNotFound:
		return // somebody was faster
	}
	d.log.Warn("cannot take the next step of a group's rolling update", "group", c.group, "err", err, "retry", w.retry)
	w.retry = min(2*w.retry, rolloutRetryMax)
}
