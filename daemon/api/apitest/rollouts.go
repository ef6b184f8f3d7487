package apitest

import (
	"cmp"
	"context"
	"slices"

	"github.com/heliosctl/heliosctl/model"
)

// rolloutTime is when everything of rollouts happens.
const rolloutTime model.Timestamp = 1500000000000

// RollingUpdate implements api.Backend. The rollout begins; its hosts have their turns with RollNext.
func (b *Backend) RollingUpdate(
	_ context.Context, req model.Request, name string, job model.JobID, options *model.RolloutOptions,
) (uint64, error) {
	return b.rollOut(req, name, nil, job, options)
}

// RollingUpdateAfter implements api.Backend. There are no convergences.
func (b *Backend) RollingUpdateAfter(
	_ context.Context, req model.Request, name string, after uint64, job model.JobID, options *model.RolloutOptions,
) (uint64, error) {
	return b.rollOut(req, name, &after, job, options)
}

func (b *Backend) rollOut(req model.Request, name string, after *uint64, job model.JobID, options *model.RolloutOptions) (id uint64, err error) {
	err = b.change(req.ID, func() ([]model.Event, error) {
		g, merged, err := b.mayRollOut(name, job, options)
		if err != nil {
			return nil, err
		}
		var last uint64
		if g.last() != nil {
			last = g.last().ID
		}
		if after != nil && *after != last {
			return nil, model.Errorf(model.CodeRolloutChanged, "somebody else has rolled out deployment group %s meanwhile", name)
		}
		events := b.end(g, model.RolloutReplaced, "replaced")
		g.RolloutOptions, g.RollingUpdateReason = &merged, model.ReasonManual
		events = append(events, b.begin(g, model.Rollout{Reason: model.RolloutByUser, To: job, User: req.User, Options: merged}))
		id = g.last().ID
		return events, nil
	})
	return id, err
}

func (b *Backend) mayRollOut(
	name string, job model.JobID, options *model.RolloutOptions,
) (*group, model.RolloutOptions, error) {
	g, err := b.group(name)
	if err != nil {
		return nil, model.RolloutOptions{}, err
	}
	found, err := b.job(job)
	if err != nil {
		return nil, model.RolloutOptions{}, err
	}
	merged := model.MergeRolloutOptions(options, found.RolloutOptions)
	_, err = merged.Settings()
	return g, merged, err
}

// begin makes a rollout the group's last one.
func (b *Backend) begin(g *group, r model.Rollout) model.Event {
	r.ID, r.Group, r.From, r.State = b.index, g.Name, g.JobID, model.RolloutRunning
	r.Started, r.Since = rolloutTime, rolloutTime
	for _, host := range b.hostsOf(g) {
		r.Hosts = append(r.Hosts, model.RolloutHost{Host: host, Phase: model.PhasePending, Since: rolloutTime})
	}
	g.JobID, g.status = r.To, &model.DeploymentGroupStatus{State: model.GroupRollingOut}
	g.rollouts = append(g.rollouts, r)
	return event(model.EventRolloutStarted, g)
}

// end ends the group's rollout, if it has one that is not through.
func (b *Backend) end(g *group, state model.RolloutState, reason string) []model.Event {
	r := g.last()
	if r == nil || !r.State.Active() {
		return nil
	}
	r.State, r.Since, r.Ended, r.Result, r.Counts = state, rolloutTime, rolloutTime, reason, &model.RolloutCounts{}
	g.status = &model.DeploymentGroupStatus{State: model.GroupFailed, Error: reason}
	if state == model.RolloutDone {
		g.status = &model.DeploymentGroupStatus{State: model.GroupDone}
	}
	for _, host := range r.Hosts {
		switch host.Phase {
		case model.PhaseDone:
			r.Counts.Done++
		case model.PhaseFailed:
			r.Counts.Failed++
		}
	}
	return []model.Event{event(model.EventRolloutFinished, g)}
}

// event is an event of the group's last rollout.
func event(kind model.EventType, g *group) model.Event {
	r := g.last()
	return model.Event{Type: kind, Time: rolloutTime, Group: g.Name, Rollout: r.ID, State: r.State, User: r.User, Message: r.Result}
}

// RollNext has the next host of a group's rollout run its job at once, and ends the rollout after the last one. It reports whether there
// was such a host. A rollout that is paused does not go on.
func (b *Backend) RollNext(name string) bool {
	return b.turn(name, func(g *group, h *model.RolloutHost) []model.Event {
		b.install(g, h.Host)
		h.Phase = model.PhaseDone
		return nil
	})
}

// FailNext has the next host of a group's rollout fail, and the rollout with it.
func (b *Backend) FailNext(name string, code model.Code, reason string) bool {
	return b.turn(name, func(g *group, h *model.RolloutHost) []model.Event {
		h.Phase, h.Code, h.Reason = model.PhaseFailed, code, reason
		g.last().Code = code
		return b.end(g, model.RolloutFailed, h.Host+": "+reason)
	})
}

func (b *Backend) turn(name string, take func(*group, *model.RolloutHost) []model.Event) bool {
	some := false
	_ = b.change("", func() ([]model.Event, error) {
		g, err := b.group(name)
		if err != nil || g.last() == nil || g.last().State != model.RolloutRunning {
			return nil, err
		}
		// Who was given the hosts before goes on to see them as they were.
		r := g.last()
		r.Hosts = slices.Clone(r.Hosts)
		at := slices.IndexFunc(r.Hosts, func(h model.RolloutHost) bool { return h.Phase == model.PhasePending })
		if at < 0 {
			return b.end(g, model.RolloutDone, ""), nil
		}
		some = true
		h := &r.Hosts[at]
		h.Since, h.Started, h.Ended, h.Step, h.Attempt = rolloutTime, rolloutTime, rolloutTime, 1, 1
		ends := take(g, h)
		moved := event(model.EventRolloutHost, g)
		moved.Host, moved.Phase, moved.Message = h.Host, h.Phase, h.Reason
		if at == len(r.Hosts)-1 && len(ends) == 0 {
			ends = b.end(g, model.RolloutDone, "")
		}
		return append([]model.Event{moved}, ends...), nil
	})
	return some
}

// install has a host run the group's job instead of what the group had there.
func (b *Backend) install(g *group, name string) {
	h, ok := b.hosts[name]
	if !ok {
		return
	}
	for id, task := range h.tasks {
		if task.DeploymentGroupName == g.Name {
			delete(h.tasks, id)
			delete(h.statuses, id)
		}
	}
	job, exists := b.jobs[g.JobID]
	if !exists {
		return
	}
	h.tasks[job.ID] = model.Task{
		Job: job, Goal: model.GoalStart, DeployerMaster: b.name, DeploymentGroupName: g.Name, Generation: b.index,
	}
	h.statuses[job.ID] = model.TaskStatus{Job: job, Goal: model.GoalStart, State: model.StateRunning, Throttled: model.ThrottleNo}
}

// StopGroup implements api.Backend.
func (b *Backend) StopGroup(_ context.Context, req model.Request, name string) error {
	return b.change(req.ID, func() ([]model.Event, error) {
		g, err := b.group(name)
		if err != nil {
			return nil, err
		}
		events := b.end(g, model.RolloutStopped, "Stopped by user")
		g.status = &model.DeploymentGroupStatus{State: model.GroupFailed, Error: "Stopped by user"}
		return events, nil
	})
}

// Rollouts implements api.Backend.
func (b *Backend) Rollouts(name string) ([]model.Rollout, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	g, err := b.group(name)
	if err := cmp.Or(b.fault, err); err != nil {
		return nil, err
	}
	rollouts := []model.Rollout{}
	for _, r := range slices.Backward(g.rollouts) {
		r.Hosts = nil
		rollouts = append(rollouts, r)
	}
	return rollouts, nil
}

// Rollout implements api.Backend.
func (b *Backend) Rollout(name string, id uint64) (model.Rollout, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	g, err := b.group(name)
	if err := cmp.Or(b.fault, err); err != nil {
		return model.Rollout{}, err
	}
	for _, r := range slices.Backward(g.rollouts) {
		if id == 0 || r.ID == id {
			return r, nil
		}
	}
	return model.Rollout{}, model.Errorf(model.CodeNotFound, "deployment group %s has no such rollout", name)
}

// PauseRollout implements api.Backend.
func (b *Backend) PauseRollout(_ context.Context, req model.Request, name string) error {
	return b.hold(req, name, model.EventRolloutPaused, model.RolloutPaused)
}

// ResumeRollout implements api.Backend.
func (b *Backend) ResumeRollout(_ context.Context, req model.Request, name string) error {
	return b.hold(req, name, model.EventRolloutResumed, model.RolloutRunning)
}

// AwaitCanaries has a group's rollout wait behind its canaries.
func (b *Backend) AwaitCanaries(name string) error {
	return b.hold(model.Request{}, name, model.EventRolloutPaused, model.RolloutCanary)
}

func (b *Backend) hold(req model.Request, name string, kind model.EventType, state model.RolloutState) error {
	return b.change(req.ID, func() ([]model.Event, error) {
		g, err := b.group(name)
		if err != nil {
			return nil, err
		}
		r := g.last()
		if r == nil || !r.State.Active() {
			return nil, model.Errorf(model.CodeNotRollingOut, "deployment group %s is not rolling out", name)
		}
		r.State, r.Since = state, rolloutTime
		return []model.Event{event(kind, g)}, nil
	})
}

// RollBack implements api.Backend.
func (b *Backend) RollBack(_ context.Context, req model.Request, name string, to model.JobID) error {
	return b.change(req.ID, func() ([]model.Event, error) {
		g, err := b.group(name)
		if err != nil {
			return nil, err
		}
		last := g.last()
		back := model.Rollout{Reason: model.RolloutBack, To: to, User: req.User}
		switch {
		case !to.IsZero():
			if _, err := b.job(to); err != nil {
				return nil, err
			}
		default:
			latest := slices.Clone(g.rollouts)
			slices.Reverse(latest)
			back.To = model.JobBefore(latest)
			if back.To.IsZero() {
				return nil, model.Errorf(model.CodeNotRollingOut, "deployment group %s has no job to go back to", name)
			}
			if back.To == last.From {
				back.Undoes = last.ID
			}
		}
		if last != nil {
			back.Options = last.Options
		}
		events := b.end(g, model.RolloutRolledBack, "rolled back")
		return append(events, b.begin(g, back)), nil
	})
}

// PreviewRollout implements api.Backend.
func (b *Backend) PreviewRollout(name string, job model.JobID, options *model.RolloutOptions) (model.RolloutPreview, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	g, merged, err := b.mayRollOut(name, job, options)
	if err := cmp.Or(b.fault, err); err != nil {
		return model.RolloutPreview{}, err
	}
	preview := model.RolloutPreview{Options: merged, Hosts: []model.RolloutVisit{}}
	for _, host := range b.hostsOf(g) {
		visit := model.RolloutVisit{Host: host, Deploy: []model.JobID{job}}
		if _, there := b.hosts[host].tasks[job]; there {
			visit = model.RolloutVisit{Host: host, UpToDate: true}
		}
		preview.Hosts = append(preview.Hosts, visit)
	}
	return preview, nil
}
