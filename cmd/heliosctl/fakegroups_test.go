package main

import (
	"cmp"
	"context"
	"fmt"
	"maps"
	"slices"
	"sync"

	"github.com/heliosctl/heliosctl/model"
)

// fakeGroups are deployment groups whose rollouts move as the test says: nothing happens to a host by itself.
type fakeGroups struct {
	master *fakeMaster

	mu     sync.Mutex
	groups map[string]*fakeGroup
	events []model.Event
	faults int // reads of rollouts that are still to fail
}

type fakeGroup struct {
	model.DeploymentGroup
	rollouts []model.Rollout // the oldest first
}

func (g *fakeGroup) last() *model.Rollout {
	if len(g.rollouts) == 0 {
		return nil
	}
	return &g.rollouts[len(g.rollouts)-1]
}

func newFakeGroups(m *fakeMaster) *fakeGroups {
	return &fakeGroups{master: m, groups: map[string]*fakeGroup{}}
}

func (g *fakeGroups) named(name string) (*fakeGroup, error) {
	group, ok := g.groups[name]
	if !ok {
		return nil, model.Errorf(model.CodeGroupNotFound, "deployment group %s does not exist", name)
	}
	return group, nil
}

// with calls use with a group and the lock held.
func (g *fakeGroups) with(name string, use func(*fakeGroup) error) error {
	g.mu.Lock()
	defer g.mu.Unlock()
	group, err := g.named(name)
	if err != nil {
		return err
	}
	return use(group)
}

// hosts returns the names of a group's hosts, sorted.
func (g *fakeGroups) hosts(group *fakeGroup) []string {
	return slices.DeleteFunc(g.master.Hosts(), func(host string) bool { return !group.Matches(g.master.HostLabels(host)) })
}

// Groups implements api.Backend.
func (m *fakeMaster) Groups() []string {
	m.groups.mu.Lock()
	defer m.groups.mu.Unlock()
	return append([]string{}, slices.Sorted(maps.Keys(m.groups.groups))...)
}

// Group implements api.Backend.
func (m *fakeMaster) Group(name string) (found model.DeploymentGroup, err error) {
	err = m.groups.with(name, func(group *fakeGroup) error {
		found = group.DeploymentGroup
		return nil
	})
	return found, err
}

// CreateGroup implements api.Backend.
func (m *fakeMaster) CreateGroup(_ context.Context, _ model.Request, group model.DeploymentGroup) (model.Code, error) {
	m.groups.mu.Lock()
	defer m.groups.mu.Unlock()
	old, exists := m.groups.groups[group.Name]
	switch {
	case !exists:
		m.groups.groups[group.Name] = &fakeGroup{DeploymentGroup: group}
		return model.CodeGroupCreated, nil
	case old.SameSelectors(group):
		return model.CodeGroupNotModified, nil
	}
	return "", model.Errorf(model.CodeGroupConflict, "deployment group %s exists with other selectors", group.Name)
}

// RemoveGroup implements api.Backend.
func (m *fakeMaster) RemoveGroup(_ context.Context, _ model.Request, name string) error {
	return m.groups.with(name, func(*fakeGroup) error {
		delete(m.groups.groups, name)
		m.groups.publish(model.EventGroupRemoved, name)
		return nil
	})
}

// GroupStatus implements api.Backend.
func (m *fakeMaster) GroupStatus(name string) (response model.DeploymentGroupStatusResponse, err error) {
	err = m.groups.with(name, func(group *fakeGroup) error {
		hosts := []model.DeploymentGroupHostStatus{}
		for _, name := range m.groups.hosts(group) {
			host, err := m.Host(name)
			if err != nil || host.Status == model.Down {
				continue
			}
			row := model.DeploymentGroupHostStatus{Host: name}
			for id, status := range host.Statuses {
				row.JobID, row.State = id, status.State
			}
			hosts = append(hosts, row)
		}
		response = group.StatusResponse(group.status(), hosts)
		return nil
	})
	return response, err
}

// status is the group's state in the original's words, nil before its first rollout.
func (g *fakeGroup) status() *model.DeploymentGroupStatus {
	last := g.last()
	if last == nil {
		return nil
	}
	switch last.State {
	case model.RolloutDone:
		return &model.DeploymentGroupStatus{State: model.GroupDone}
	case model.RolloutFailed, model.RolloutStopped:
		return &model.DeploymentGroupStatus{State: model.GroupFailed, Error: last.Result}
	}
	return &model.DeploymentGroupStatus{State: model.GroupRollingOut}
}

// StopGroup implements api.Backend.
func (m *fakeMaster) StopGroup(_ context.Context, req model.Request, name string) error {
	return m.groups.with(name, func(group *fakeGroup) error {
		if last := group.last(); last != nil && last.State.Active() {
			m.groups.end(last, model.RolloutStopped, "stopped by "+req.User)
		}
		return nil
	})
}

// SetSelectors implements api.Backend.
func (m *fakeMaster) SetSelectors(_ context.Context, _ model.Request, name string, selectors []model.HostSelector, was *[]model.HostSelector) error {
	return m.groups.with(name, func(group *fakeGroup) error {
		if was != nil && !group.SameSelectors(model.DeploymentGroup{HostSelectors: *was}) {
			return model.Errorf(model.CodeGroupConflict, "the selectors of deployment group %s are not what they were; look at it again", name)
		}
		group.HostSelectors = selectors
		m.groups.publish(model.EventGroupChanged, name)
		return nil
	})
}

// RollingUpdate implements api.Backend.
func (m *fakeMaster) RollingUpdate(
	_ context.Context, req model.Request, name string, job model.JobID, options *model.RolloutOptions,
) (uint64, error) {
	return m.groups.rollOut(req, name, nil, job, options)
}

// RollingUpdateAfter implements api.Backend.
func (m *fakeMaster) RollingUpdateAfter(
	_ context.Context, req model.Request, name string, after uint64, job model.JobID, options *model.RolloutOptions,
) (uint64, error) {
	return m.groups.rollOut(req, name, &after, job, options)
}

func (g *fakeGroups) rollOut(
	req model.Request, name string, after *uint64, job model.JobID, options *model.RolloutOptions,
) (id uint64, err error) {
	m := g.master
	err = g.with(name, func(group *fakeGroup) error {
		if after != nil && *after != uint64(len(group.rollouts)) {
			return model.Errorf(model.CodeRolloutChanged, "somebody else has rolled out deployment group %s meanwhile; look at it again", name)
		}
		merged := model.MergeRolloutOptions(options, nil)
		m.groups.start(group, model.Rollout{
			Reason: model.RolloutByUser, From: group.JobID, To: job, User: req.User, Options: merged,
		}, model.RolloutReplaced)
		group.JobID, group.RolloutOptions, group.RollingUpdateReason = job, &merged, model.ReasonManual
		id = group.last().ID
		return nil
	})
	return id, err
}

// start adds a rollout with all hosts pending; one that was active ends.
func (g *fakeGroups) start(group *fakeGroup, rollout model.Rollout, old model.RolloutState) {
	rollout.ID, rollout.Group = uint64(len(group.rollouts)+1), group.Name
	if last := group.last(); last != nil && last.State.Active() {
		g.end(last, old, fmt.Sprintf("rollout %d of %s took its place", rollout.ID, cmp.Or(rollout.User, "nobody")))
	}
	rollout.State, rollout.Started = model.RolloutRunning, g.master.tick()
	rollout.Since = rollout.Started
	for _, host := range g.hosts(group) {
		rollout.Hosts = append(rollout.Hosts, model.RolloutHost{Host: host, Phase: model.PhasePending, Since: rollout.Started})
	}
	group.rollouts = append(group.rollouts, rollout)
	g.publish(model.EventRolloutStarted, group.Name)
}

// end brings a rollout to another state, an end or not.
func (g *fakeGroups) end(rollout *model.Rollout, state model.RolloutState, result string) {
	rollout.State, rollout.Result, rollout.Since = state, result, g.master.tick()
	if !state.Active() {
		rollout.Ended, rollout.Counts = rollout.Since, rolloutView{Rollout: *rollout}.counts()
	}
	g.publish(model.EventRolloutFinished, rollout.Group)
}

// Rollouts implements api.Backend.
func (m *fakeMaster) Rollouts(name string) (rollouts []model.Rollout, err error) {
	err = m.groups.with(name, func(group *fakeGroup) error {
		rollouts = append([]model.Rollout{}, group.rollouts...)
		slices.Reverse(rollouts)
		for i := range rollouts {
			rollouts[i].Hosts = nil
		}
		return nil
	})
	return rollouts, err
}

// Rollout implements api.Backend.
func (m *fakeMaster) Rollout(name string, id uint64) (found model.Rollout, err error) {
	err = m.groups.with(name, func(group *fakeGroup) error {
		defer m.read()()
		if m.groups.faults > 0 {
			m.groups.faults--
			return model.Errorf(model.CodeUnavailable, "there is no leader")
		}
		if id == 0 {
			id = uint64(len(group.rollouts))
		}
		if id == 0 || id > uint64(len(group.rollouts)) {
			return model.Errorf(model.CodeNotFound, "deployment group %s has no such rollout", name)
		}
		found = group.rollouts[id-1]
		found.Hosts = slices.DeleteFunc(slices.Clone(found.Hosts), func(h model.RolloutHost) bool {
			return !found.State.Active() && h.Phase == model.PhasePending
		})
		return nil
	})
	return found, err
}

// PauseRollout implements api.Backend.
func (m *fakeMaster) PauseRollout(_ context.Context, _ model.Request, name string) error {
	return m.groups.hold(name, model.RolloutPaused)
}

// ResumeRollout implements api.Backend.
func (m *fakeMaster) ResumeRollout(_ context.Context, _ model.Request, name string) error {
	return m.groups.hold(name, model.RolloutRunning)
}

func (g *fakeGroups) hold(name string, state model.RolloutState) error {
	return g.with(name, func(group *fakeGroup) error {
		last := group.last()
		if last == nil || !last.State.Active() {
			return model.Errorf(model.CodeNotRollingOut, "deployment group %s is not rolling out", name)
		}
		last.CanaryPassed = last.CanaryPassed || last.State == model.RolloutCanary
		g.end(last, state, "")
		return nil
	})
}

// RollBack implements api.Backend.
func (m *fakeMaster) RollBack(_ context.Context, req model.Request, name string, to model.JobID) error {
	return m.groups.with(name, func(group *fakeGroup) error {
		latest := slices.Clone(group.rollouts)
		slices.Reverse(latest)
		to = cmp.Or(to, model.JobBefore(latest))
		if to.IsZero() {
			return model.Errorf(model.CodeNotRollingOut, "deployment group %s has no job to go back to", name)
		}
		last := group.last()
		back := model.Rollout{Reason: model.RolloutBack, From: last.To, To: to, User: req.User, Options: last.Options, Undoes: last.ID}
		m.groups.start(group, back, model.RolloutRolledBack)
		return nil
	})
}

// PreviewRollout foresees a change of every host but those that are down, up to date or drained.
func (m *fakeMaster) PreviewRollout(
	name string, job model.JobID, options *model.RolloutOptions,
) (preview model.RolloutPreview, err error) {
	preview = model.RolloutPreview{Options: model.MergeRolloutOptions(options, nil), Hosts: []model.RolloutVisit{}}
	err = m.groups.with(name, func(group *fakeGroup) error {
		for _, name := range m.groups.hosts(group) {
			host, err := m.Host(name)
			if err != nil {
				return err
			}
			visit := model.RolloutVisit{Host: name}
			_, there := host.Jobs[job]
			switch {
			case host.Status == model.Down:
				visit.Skipped = "the host is down"
			case there:
				visit.UpToDate = true
			case host.Drain != nil:
				visit.Code, visit.Failure = model.CodePortConflict, "port 80 is taken"
			default:
				visit.Undeploy, visit.Deploy = sortedIDs(host.Jobs), []model.JobID{job}
				visit.Canary = preview.Options.Canary != nil && *preview.Options.Canary > 0 && len(preview.Hosts) == 0
			}
			preview.Hosts = append(preview.Hosts, visit)
		}
		return nil
	})
	return preview, err
}

// publish tells those who follow events of a change. The caller holds the lock.
func (g *fakeGroups) publish(kind model.EventType, group string) {
	g.events = append(g.events, model.Event{Index: g.master.Index() + 1, Type: kind, Group: group, Time: g.master.tick()})
	for _, host := range g.master.Hosts() { // an empty report, which is a change
		_, _ = g.master.PostStatuses(context.Background(), host, model.StatusBatch{AgentID: agentID(host)})
		return
	}
}

// Events adds what happened to groups.
func (m *fakeMaster) Events(index uint64) (events []model.Event, reset bool, more <-chan struct{}) {
	events, reset, more = m.Backend.Events(index)
	m.groups.mu.Lock()
	defer m.groups.mu.Unlock()
	events = slices.Clone(events)
	for _, event := range m.groups.events {
		if event.Index > index {
			events = append(events, event)
		}
	}
	slices.SortStableFunc(events, func(a, b model.Event) int { return cmp.Compare(a.Index, b.Index) })
	return events, reset, more
}

// tick is a moment a second after the last one.
func (m *fakeMaster) tick() model.Timestamp {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.clock += 1000
	return m.clock
}

// change changes the last rollout of a group; what comes after it are new reads.
func (g *fakeGroups) change(name string, apply func(*model.Rollout) error) error {
	g.mu.Lock()
	defer g.mu.Unlock()
	group, err := g.named(name)
	if err != nil {
		return err
	}
	if group.last() == nil {
		return fmt.Errorf("group %s has no rollout", name)
	}
	if err := apply(group.last()); err != nil {
		return err
	}
	g.publish(model.EventRolloutHost, name)
	g.master.mu.Lock()
	defer g.master.mu.Unlock()
	g.master.reported = g.master.started
	return nil
}

// enter brings a host of the last rollout to a phase.
func (g *fakeGroups) enter(name, host string, to model.RolloutHost) error {
	return g.change(name, func(rollout *model.Rollout) error {
		i := slices.IndexFunc(rollout.Hosts, func(h model.RolloutHost) bool { return h.Host == host })
		if i < 0 {
			return fmt.Errorf("rollout %d has no host %s", rollout.ID, host)
		}
		h := &rollout.Hosts[i]
		h.Phase, h.Code, h.Reason, h.Since = to.Phase, to.Code, to.Reason, g.master.tick()
		h.Attempt = max(h.Attempt, to.Attempt)
		if h.Started == 0 {
			h.Started = h.Since
			if !rollout.From.IsZero() {
				h.Before = []model.JobID{rollout.From}
			}
		}
		if h.Phase.Final() {
			h.Ended = h.Since
		}
		return nil
	})
}

// come brings the last rollout to a state. One that is rolled back is followed by the one that undoes it.
func (g *fakeGroups) come(name string, state model.RolloutState, result string) error {
	return g.change(name, func(rollout *model.Rollout) error {
		g.end(rollout, state, result)
		if state == model.RolloutRolledBack {
			g.start(g.groups[name], model.Rollout{
				Reason: model.RolloutBack, From: rollout.To, To: rollout.From, Undoes: rollout.ID, Cause: result, Options: rollout.Options,
			}, "")
		}
		return nil
	})
}

// awaitRollout waits until a group has so many rollouts, the last one in a state unless that is empty.
func (g *fakeGroups) awaitRollout(name string, n int, state model.RolloutState) error {
	ctx, cancel := context.WithTimeout(context.Background(), awaitTimeout)
	defer cancel()
	for {
		_, _, more := g.master.Events(g.master.Index())
		g.mu.Lock()
		group, err := g.named(name)
		enough := err == nil && len(group.rollouts) >= n && (state == "" || group.last().State == state)
		g.mu.Unlock()
		if enough {
			return nil
		}
		select {
		case <-more:
		case <-ctx.Done():
			return fmt.Errorf("waited in vain for rollout %d of group %s to be %s", n, name, state)
		}
	}
}
