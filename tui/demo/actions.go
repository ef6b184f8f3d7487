package demo

import (
	"context"
	"slices"
	"time"

	"github.com/heliosctl/heliosctl/model"
	"github.com/heliosctl/heliosctl/tui"
)

// answerAfter is how long a master of the demo takes.
const answerAfter = 150 * time.Millisecond

// Do does what the console asks for. Jobs with a token want Token.
func (f *Fleet) Do(ctx context.Context, a tui.Action) error {
	select {
	case <-time.After(answerAfter):
	case <-ctx.Done():
		return ctx.Err()
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	defer f.publish()
	if job := f.jobs[a.Job]; job != nil && job.Token != "" && job.Token != a.Token && a.Verb != tui.VerbRollBack {
		return model.Errorf(model.CodeForbidden, "the token of %s is another one; in the demo it is %q", a.Job.Short(), Token)
	}
	switch a.Verb {
	case tui.VerbCreate, tui.VerbRemove:
		return f.doJob(a)
	case tui.VerbDrain, tui.VerbUndrain, tui.VerbDeregister:
		return f.doHost(a)
	case tui.VerbDeploy, tui.VerbUndeploy, tui.VerbStart, tui.VerbStop:
		return f.doTask(a)
	default:
		return f.doGroup(a)
	}
}

func (f *Fleet) doJob(a tui.Action) error {
	if a.Verb == tui.VerbCreate {
		spec := a.Spec.WithID()
		if f.jobs[spec.ID] != nil {
			return model.Errorf(model.CodeJobAlreadyExists, "job %s exists already", spec.ID.Short())
		}
		created := model.TimestampOf(f.now)
		spec.Created = &created
		f.jobs[spec.ID] = &spec
		shown := spec
		f.store.SetJob(&shown)
		f.event(tui.Event{Type: model.EventJobCreated, Job: spec.ID, Detail: "job created", User: "you"})
		return nil
	}
	for key := range f.tasks {
		if key.job == a.Job {
			return model.Errorf(model.CodeJobStillInUse, "job %s is still deployed; undeploy it first", a.Job.Short())
		}
	}
	delete(f.jobs, a.Job)
	f.store.RemoveJob(a.Job)
	f.event(tui.Event{Type: model.EventJobRemoved, Job: a.Job, Detail: "job removed", User: "you"})
	return nil
}

func (f *Fleet) doHost(a tui.Action) error {
	h := f.byName[a.Host]
	if h == nil {
		return model.Errorf(model.CodeHostNotFound, "there is no host %s", a.Host)
	}
	switch a.Verb {
	case tui.VerbDrain:
		h.drained = &model.Drain{Since: model.TimestampOf(f.now), User: "you"}
		f.store.SetDrain(a.Host, h.drained)
		f.event(tui.Event{Type: model.EventHostDrained, Host: a.Host, Detail: "host takes no new deployments", User: "you"})
	case tui.VerbUndrain:
		h.drained = nil
		f.store.SetDrain(a.Host, nil)
		f.event(tui.Event{Type: model.EventHostUndrained, Host: a.Host, Detail: "host takes deployments again", User: "you"})
	default:
		if h.facts.Status == model.Up {
			return model.Errorf(model.CodeInvalid, "host %s is UP; stop its agent first", a.Host)
		}
		f.forget(a.Host)
	}
	return nil
}

func (f *Fleet) forget(name string) {
	delete(f.byName, name)
	f.hosts = slices.DeleteFunc(f.hosts, func(h *host) bool { return h.facts.Name == name })
	for key, t := range f.tasks {
		if key.host == name {
			t.life++
			delete(f.tasks, key)
		}
	}
	f.store.RemoveHost(name)
	f.event(tui.Event{Type: model.EventHostDeregistered, Host: name, Detail: "host deregistered", User: "you"})
}

func (f *Fleet) doTask(a tui.Action) error {
	h, t := f.byName[a.Host], f.tasks[taskKey{a.Host, a.Job}]
	switch {
	case h == nil:
		return model.Errorf(model.CodeHostNotFound, "there is no host %s", a.Host)
	case f.jobs[a.Job] == nil:
		return model.Errorf(model.CodeJobNotFound, "there is no job %s", a.Job.Short())
	case a.Verb == tui.VerbDeploy && t != nil:
		return model.Errorf(model.CodeJobAlreadyDeployed, "job %s is already deployed on %s", a.Job.Short(), a.Host)
	case a.Verb == tui.VerbDeploy && h.drained != nil:
		return model.Errorf(model.CodeHostDrained, "host %s is drained", a.Host)
	case a.Verb != tui.VerbDeploy && t == nil:
		return model.Errorf(model.CodeJobNotDeployed, "job %s is not deployed on %s", a.Job.Short(), a.Host)
	}
	switch a.Verb {
	case tui.VerbDeploy:
		goal := a.Goal
		if goal == "" {
			goal = model.GoalStart
		}
		t = f.newTask(a.Host, a.Job, goal, "")
		f.event(tui.Event{Type: model.EventDeploymentCreated, Host: a.Host, Job: a.Job, Detail: "goal " + string(goal), User: "you"})
		if goal == model.GoalStart && h.facts.Status == model.Up {
			f.begin(t)
		}
	case tui.VerbUndeploy:
		t.Goal = model.GoalUndeploy
		f.end(t, "undeployed by you", true)
	case tui.VerbStop:
		t.Goal = model.GoalStop
		f.end(t, "stopped by you", false)
	case tui.VerbStart:
		t.Goal = model.GoalStart
		f.begin(t)
	}
	return nil
}

func (f *Fleet) doGroup(a tui.Action) error {
	g := f.groups[a.Group]
	if a.Verb == tui.VerbGroupMake {
		return f.makeGroup(a)
	}
	if g == nil {
		return model.Errorf(model.CodeGroupNotFound, "there is no group %s", a.Group)
	}
	r := g.rollout
	running := r != nil && r.Active()
	switch {
	case a.Verb == tui.VerbRoll, a.Verb == tui.VerbRollBack:
		return f.doRoll(g, a)
	case a.Verb == tui.VerbGroupDrop:
		if running {
			f.finish(g, r, tui.RolloutStopped, "the group was removed")
		}
		delete(f.groups, a.Group)
		f.store.RemoveGroup(a.Group)
		return nil
	case a.Verb == tui.VerbRetry:
		return f.retry(g, a.Host)
	case !running:
		return model.Errorf(model.CodeInvalid, "group %s is not rolling out", a.Group)
	case a.Verb == tui.VerbPause:
		r.State = tui.RolloutPaused
	case a.Verb == tui.VerbResume:
		g.passed = g.passed || r.State == tui.RolloutCanary
		g.accepted = failedHosts(r)
		r.State, r.Error = tui.RolloutRunning, ""
	default:
		f.finish(g, r, tui.RolloutStopped, "stopped by you")
	}
	f.drive(g)
	return nil
}

func (f *Fleet) makeGroup(a tui.Action) error {
	if f.groups[a.Group] != nil {
		return model.Errorf(model.CodeGroupConflict, "group %s exists already", a.Group)
	}
	g := &group{spec: model.DeploymentGroup{Name: a.Group, HostSelectors: a.Selectors}, options: tui.RolloutOptionsOf(nil, nil)}
	f.groups[a.Group] = g
	f.showGroup(g)
	f.event(tui.Event{Type: model.EventGroupCreated, Detail: "group " + a.Group + " created", User: "you"})
	return nil
}

// Preview tells what a rolling update would do.
func (f *Fleet) Preview(ctx context.Context, a tui.Action) (model.RolloutPreview, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	g, job := f.groups[a.Group], f.jobs[a.Job]
	switch {
	case ctx.Err() != nil:
		return model.RolloutPreview{}, ctx.Err()
	case g == nil:
		return model.RolloutPreview{}, model.Errorf(model.CodeGroupNotFound, "there is no group %s", a.Group)
	case job == nil:
		return model.RolloutPreview{}, model.Errorf(model.CodeJobNotFound, "there is no job %s", a.Job.Short())
	}
	options := g.options
	if a.Options != nil {
		options = *a.Options
	}
	preview := model.RolloutPreview{Options: options.Request()}
	allowed := job.Token == "" || job.Token == a.Token || a.Verb == tui.VerbRollBack
	for _, name := range f.members(g) {
		visit := f.visit(g, name, job, allowed)
		visit.Canary = len(preview.Hosts) < options.Canary
		preview.Hosts = append(preview.Hosts, visit)
	}
	return preview, nil
}

// visit is what a rolling update would do on a host.
func (f *Fleet) visit(g *group, name string, job *model.Job, allowed bool) model.RolloutVisit {
	visit := model.RolloutVisit{Host: name}
	h := f.byName[name]
	t := f.tasks[taskKey{name, job.ID}]
	switch {
	case h.facts.Status != model.Up:
		visit.Skipped = "the host is down"
	case h.drained != nil:
		visit.Skipped = "the host is drained"
	case !allowed:
		visit.Code, visit.Failure = model.CodeTokenVerification, "the rollout's token is not that of job "+job.ID.Short()
	case t != nil && t.Goal == model.GoalStart:
		visit.UpToDate = true
	default:
		visit.Deploy = []model.JobID{job.ID}
		if old := g.spec.JobID; f.tasks[taskKey{name, old}] != nil && old != job.ID {
			visit.Undeploy = []model.JobID{old}
		}
	}
	return visit
}

func (f *Fleet) doRoll(g *group, a tui.Action) error {
	if a.Verb == tui.VerbRollBack && a.Job.IsZero() {
		if g.rollout == nil || g.rollout.From.IsZero() || g.rollout.From == g.rollout.To {
			return model.Errorf(model.CodeNotRollingOut, "group %s has nothing to go back to", a.Group)
		}
		a.Job = g.rollout.From
	}
	if f.jobs[a.Job] == nil {
		return model.Errorf(model.CodeJobNotFound, "there is no job %s", a.Job.Short())
	}
	if a.Options != nil {
		token := g.options.Token
		g.options = *a.Options
		g.options.Token = token
	}
	from := g.spec.JobID
	if g.rollout != nil && g.rollout.Active() {
		from = g.rollout.To
	}
	f.roll(g, from, a.Job, "you")
	g.rollout.Back = a.Verb == tui.VerbRollBack
	f.showGroup(g)
	return nil
}

func (f *Fleet) retry(g *group, hostName string) error {
	r := g.rollout
	i := -1
	if r != nil {
		i = slices.IndexFunc(r.Hosts, func(h tui.RolloutHost) bool { return h.Host == hostName && h.Phase == tui.PhaseFailed })
	}
	if i < 0 {
		return model.Errorf(model.CodeInvalid, "host %s has not failed in the rollout of %s", hostName, g.spec.Name)
	}
	delete(f.breaking, taskKey{hostName, r.To})
	r.Hosts[i].Phase, r.Hosts[i].Reason, r.Hosts[i].Attempt, r.Hosts[i].Started = tui.PhaseAwaitRunning, "", r.Hosts[i].Attempt+1, f.now
	r.Hosts[i].Since = f.now
	if !r.Active() || r.State == tui.RolloutPaused {
		r.State, r.Finished, r.Error = tui.RolloutRunning, time.Time{}, ""
	}
	f.watch(g, r, i)
	if t := f.tasks[taskKey{hostName, r.To}]; t != nil {
		f.begin(t)
	}
	f.drive(g)
	return nil
}
