package main

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"net/http"
	"slices"
	"strconv"
	"sync"

	"github.com/heliosctl/heliosctl/model"
)

// fakeGroups serves deployment groups whose rollouts move as the test says: nothing happens to a host by itself.
type fakeGroups struct {
	master *fakeMaster
	routes *http.ServeMux

	mu     sync.Mutex
	groups map[string]*fakeGroup
	events []model.Event
	faults int // reads of rollouts that are still to fail
}

type fakeGroup struct {
	model.DeploymentGroup
	rollouts []model.Rollout // the oldest first
}

func newFakeGroups(m *fakeMaster) *fakeGroups {
	g := &fakeGroups{master: m, routes: http.NewServeMux(), groups: map[string]*fakeGroup{}}
	for pattern, serve := range map[string]func(*http.Request) (any, error){
		"GET /deployment-group":                         g.list,
		"POST /deployment-group":                        g.create,
		"GET /deployment-group/{group}":                 g.get,
		"DELETE /deployment-group/{group}":              g.remove,
		"GET /deployment-group/{group}/status":          g.status,
		"POST /deployment-group/{group}/stop":           g.stop,
		"POST /deployment-group/{group}/rolling-update": g.update,
		"GET /v1/groups/{group}/rollouts":               g.history,
		"GET /v1/groups/{group}/rollouts/{id}":          g.rollout,
		"POST /v1/groups/{group}/pause":                 g.to(model.RolloutPaused),
		"POST /v1/groups/{group}/resume":                g.to(model.RolloutRunning),
		"POST /v1/groups/{group}/rollback":              g.rollback,
		"POST /v1/groups/{group}/preview":               g.preview,
	} {
		g.routes.HandleFunc(pattern, func(w http.ResponseWriter, r *http.Request) {
			g.mu.Lock()
			answer, err := serve(r)
			body, _ := json.Marshal(answer)
			g.mu.Unlock()
			status := http.StatusOK
			var coded *model.Error
			if errors.As(err, &coded) {
				status = map[model.Class]int{
					model.ClassNotFound: 404, model.ClassConflict: 409, model.ClassInvalid: 400, model.ClassUnavailable: 502,
				}[coded.Code.Class()]
				body, _ = json.Marshal(coded)
			}
			w.Header().Set("Content-Type", "application/json")
			w.WriteHeader(status)
			_, _ = w.Write(body)
		})
	}
	return g
}

// serves tells whether a request is about groups.
func (g *fakeGroups) serves(r *http.Request) bool {
	_, pattern := g.routes.Handler(r)
	return pattern != ""
}

func (g *fakeGroups) group(r *http.Request) (*fakeGroup, error) { return g.named(r.PathValue("group")) }

func (g *fakeGroups) named(name string) (*fakeGroup, error) {
	group, ok := g.groups[name]
	if !ok {
		return nil, model.Errorf(model.CodeGroupNotFound, "deployment group %s does not exist", name)
	}
	return group, nil
}

func (g *fakeGroups) list(*http.Request) (any, error) {
	return append([]string{}, slices.Sorted(maps.Keys(g.groups))...), nil
}

func (g *fakeGroups) create(r *http.Request) (any, error) {
	var group model.DeploymentGroup
	if err := json.NewDecoder(r.Body).Decode(&group); err != nil {
		return nil, model.Errorf(model.CodeInvalid, "%v", err)
	}
	status := model.CodeGroupCreated
	if old, exists := g.groups[group.Name]; !exists {
		g.groups[group.Name] = &fakeGroup{DeploymentGroup: group}
	} else if status = model.CodeGroupNotModified; !old.SameSelectors(group) {
		status = model.CodeGroupConflict
	}
	return model.CreateDeploymentGroupResponse{Status: status}, nil
}

func (g *fakeGroups) get(r *http.Request) (any, error) {
	group, err := g.group(r)
	if err != nil {
		return nil, err
	}
	return group.DeploymentGroup, nil
}

func (g *fakeGroups) remove(r *http.Request) (any, error) {
	if _, err := g.group(r); err != nil {
		return nil, err
	}
	delete(g.groups, r.PathValue("group"))
	g.publish(model.EventGroupRemoved, r.PathValue("group"))
	return model.RemoveDeploymentGroupResponse{Status: model.CodeGroupRemoved}, nil
}

// hosts returns the names of a group's hosts, sorted.
func (g *fakeGroups) hosts(group *fakeGroup) []string {
	return slices.DeleteFunc(g.master.Hosts(), func(host string) bool { return !group.Matches(g.master.HostLabels(host)) })
}

func (g *fakeGroups) status(r *http.Request) (any, error) {
	group, err := g.group(r)
	if err != nil {
		return nil, err
	}
	hosts := []model.DeploymentGroupHostStatus{}
	for _, name := range g.hosts(group) {
		host, err := g.master.Host(name)
		if err != nil || host.Status == model.Down {
			continue
		}
		row := model.DeploymentGroupHostStatus{Host: name}
		for id, status := range host.Statuses {
			row.JobID, row.State = id, status.State
		}
		hosts = append(hosts, row)
	}
	if len(group.rollouts) == 0 {
		return group.StatusResponse(nil, hosts), nil
	}
	last := group.rollouts[len(group.rollouts)-1]
	status := &model.DeploymentGroupStatus{State: model.GroupRollingOut}
	switch last.State {
	case model.RolloutDone:
		status.State = model.GroupDone
	case model.RolloutFailed, model.RolloutStopped:
		status.State, status.Error = model.GroupFailed, last.Result
	}
	return group.StatusResponse(status, hosts), nil
}

func (g *fakeGroups) stop(r *http.Request) (any, error) {
	group, err := g.group(r)
	if err != nil {
		return nil, err
	}
	if last := group.last(); last != nil && last.State.Active() {
		g.end(last, model.RolloutStopped, "stopped by "+r.URL.Query().Get("user"))
	}
	return nil, nil
}

func (g *fakeGroup) last() *model.Rollout {
	if len(g.rollouts) == 0 {
		return nil
	}
	return &g.rollouts[len(g.rollouts)-1]
}

func (g *fakeGroups) update(r *http.Request) (any, error) {
	group, err := g.group(r)
	if err != nil {
		return nil, err
	}
	var request model.RollingUpdateRequest
	if err := json.NewDecoder(r.Body).Decode(&request); err != nil {
		return nil, model.Errorf(model.CodeInvalid, "%v", err)
	}
	options := model.MergeRolloutOptions(request.RolloutOptions, nil)
	g.start(group, model.Rollout{
		Reason: model.RolloutByUser, From: group.JobID, To: request.JobID, User: r.URL.Query().Get("user"), Options: options,
	}, model.RolloutReplaced)
	group.JobID, group.RolloutOptions, group.RollingUpdateReason = request.JobID, &options, model.ReasonManual
	return model.RollingUpdateResponse{Status: model.CodeOK}, nil
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

func (g *fakeGroups) end(rollout *model.Rollout, state model.RolloutState, result string) {
	rollout.State, rollout.Result, rollout.Since = state, result, g.master.tick()
	if !state.Active() {
		rollout.Ended = rollout.Since
		counts := rolloutView{Rollout: *rollout}
		rollout.Counts = &model.RolloutCounts{
			Done: counts.count(isPhase(model.PhaseDone)), Failed: counts.count(isPhase(model.PhaseFailed)),
		}
	}
	g.publish(model.EventRolloutFinished, rollout.Group)
}

func (g *fakeGroups) history(r *http.Request) (any, error) {
	group, err := g.group(r)
	if err != nil {
		return nil, err
	}
	rollouts := append([]model.Rollout{}, group.rollouts...)
	slices.Reverse(rollouts)
	for i := range rollouts {
		rollouts[i].Hosts = nil
	}
	return rollouts, nil
}

func (g *fakeGroups) rollout(r *http.Request) (any, error) {
	defer g.master.read()()
	if g.faults > 0 {
		g.faults--
		return nil, model.Errorf(model.CodeUnavailable, "there is no leader")
	}
	group, err := g.group(r)
	if err != nil {
		return nil, err
	}
	if r.PathValue("id") == "last" && group.last() != nil {
		return *group.last(), nil
	}
	id, _ := strconv.Atoi(r.PathValue("id"))
	if id < 1 || id > len(group.rollouts) {
		return nil, model.Errorf(model.CodeNotFound, "group %s has no rollout %s", group.Name, r.PathValue("id"))
	}
	return group.rollouts[id-1], nil
}

func (g *fakeGroups) to(state model.RolloutState) func(*http.Request) (any, error) {
	return func(r *http.Request) (any, error) {
		group, err := g.group(r)
		if err != nil {
			return nil, err
		}
		last := group.last()
		if last == nil || !last.State.Active() {
			return nil, model.Errorf(model.CodeNotRollingOut, "group %s has no rollout under way", group.Name)
		}
		last.CanaryPassed = last.CanaryPassed || last.State == model.RolloutCanary
		g.end(last, state, "")
		return nil, nil
	}
}

func (g *fakeGroups) rollback(r *http.Request) (any, error) {
	group, err := g.group(r)
	if err != nil {
		return nil, err
	}
	var request model.RollbackRequest
	_ = json.NewDecoder(r.Body).Decode(&request)
	last := group.last()
	if last == nil {
		return nil, model.Errorf(model.CodeNotRollingOut, "group %s has nothing to go back to", group.Name)
	}
	back := model.Rollout{
		Reason: model.RolloutBack, From: last.To, To: last.From, User: r.URL.Query().Get("user"), Options: last.Options, Undoes: last.ID,
	}
	if !request.To.IsZero() {
		back.To = request.To
	}
	g.start(group, back, model.RolloutRolledBack)
	return nil, nil
}

// preview foresees one change after the other, a host that is down, and one that is up to date.
func (g *fakeGroups) preview(r *http.Request) (any, error) {
	group, err := g.group(r)
	if err != nil {
		return nil, err
	}
	var request model.RollingUpdateRequest
	if err := json.NewDecoder(r.Body).Decode(&request); err != nil {
		return nil, model.Errorf(model.CodeInvalid, "%v", err)
	}
	preview := model.RolloutPreview{Options: model.MergeRolloutOptions(request.RolloutOptions, nil), Hosts: []model.RolloutVisit{}}
	for _, name := range g.hosts(group) {
		host, err := g.master.Host(name)
		if err != nil {
			return nil, err
		}
		visit := model.RolloutVisit{Host: name}
		_, there := host.Jobs[request.JobID]
		switch {
		case host.Status == model.Down:
			visit.Skipped = "the host is down"
		case there:
			visit.UpToDate = true
		case host.Drain != nil:
			visit.Code, visit.Failure = model.CodePortConflict, "port 80 is taken"
		default:
			visit.Undeploy, visit.Deploy = sortedIDs(host.Jobs), []model.JobID{request.JobID}
			visit.Canary = preview.Options.Canary != nil && *preview.Options.Canary > 0 && len(preview.Hosts) == 0
		}
		preview.Hosts = append(preview.Hosts, visit)
	}
	return preview, nil
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
