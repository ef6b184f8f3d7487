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
	if job := f.jobs[a.Job]; job != nil && job.Token != "" && job.Token != a.Token {
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
		return model.Errorf(model.CodeInvalid, "host %s is drained", a.Host)
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
			return model.Errorf(model.CodeInvalid, "group %s is rolling out; stop that first", a.Group)
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
		r.State = tui.RolloutRunning
	default:
		f.finish(g, r, tui.RolloutStopped, "stopped by you")
	}
	f.drive(g)
	return nil
}

func (f *Fleet) doRoll(g *group, a tui.Action) error {
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
	if !r.Active() {
		r.State, r.Finished, r.Error = tui.RolloutRunning, time.Time{}, ""
	}
	f.watch(g, r, i)
	if t := f.tasks[taskKey{hostName, r.To}]; t != nil {
		f.begin(t)
	}
	f.drive(g)
	return nil
}
