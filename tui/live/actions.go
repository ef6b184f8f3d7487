package live

import (
	"context"
	"slices"
	"sync"

	"github.com/heliosctl/heliosctl/client"
	"github.com/heliosctl/heliosctl/model"
	"github.com/heliosctl/heliosctl/tui"
)

// Do has the masters do what the console asks for.
func (s *Source) Do(ctx context.Context, a tui.Action) error {
	c := s.link.Load().calls
	switch a.Verb {
	case tui.VerbCreate:
		_, err := c.CreateJob(ctx, *a.Spec)
		return err
	case tui.VerbRemove:
		return c.RemoveJob(ctx, a.Job, a.Token)
	case tui.VerbDeploy, tui.VerbUndeploy, tui.VerbStart, tui.VerbStop:
		return doTask(ctx, c, a)
	case tui.VerbDrain:
		_, err := c.Drain(ctx, a.Host, false)
		return err
	case tui.VerbUndrain:
		return c.Undrain(ctx, a.Host)
	case tui.VerbDeregister:
		return c.DeregisterHost(ctx, a.Host)
	}
	return doGroup(ctx, c, a)
}

func doTask(ctx context.Context, c *client.Client, a tui.Action) error {
	d := model.Deployment{JobID: a.Job, Goal: model.GoalStart}
	switch a.Verb {
	case tui.VerbDeploy:
		if a.Goal != "" {
			d.Goal = a.Goal
		}
		return c.Deploy(ctx, a.Host, d, a.Token)
	case tui.VerbUndeploy:
		return c.Undeploy(ctx, a.Host, a.Job, a.Token)
	case tui.VerbStop:
		d.Goal = model.GoalStop
	}
	return c.SetGoal(ctx, a.Host, d, a.Token)
}

func doGroup(ctx context.Context, c *client.Client, a tui.Action) error {
	switch a.Verb {
	case tui.VerbRoll, tui.VerbRetry:
		_, err := c.RollingUpdate(ctx, a.Group, a.Job, requested(a.Options, a.Token))
		return err
	case tui.VerbRollStop:
		return c.StopGroup(ctx, a.Group)
	case tui.VerbPause:
		return c.PauseRollout(ctx, a.Group)
	case tui.VerbResume:
		return c.ResumeRollout(ctx, a.Group)
	case tui.VerbRollBack:
		return c.RollBack(ctx, a.Group, a.Job)
	case tui.VerbGroupMake:
		return createGroup(ctx, c, a)
	case tui.VerbGroupDrop:
		return c.RemoveGroup(ctx, a.Group)
	}
	return model.Errorf(model.CodeInvalid, "%q is nothing that masters can do", a.Verb)
}

func createGroup(ctx context.Context, c *client.Client, a tui.Action) error {
	done, err := c.CreateGroup(ctx, model.DeploymentGroup{Name: a.Group, HostSelectors: a.Selectors})
	if err == nil && done == model.CodeGroupNotModified {
		return model.Errorf(model.CodeGroupConflict, "group %s is there already, with the same selectors", a.Group)
	}
	return err
}

// Preview asks the masters what a rolling update would do. A way back has the options of the last rollout, its token among them.
func (s *Source) Preview(ctx context.Context, a tui.Action) (model.RolloutPreview, error) {
	c := s.link.Load().calls
	options := requested(a.Options, a.Token)
	if a.Verb == tui.VerbRollBack {
		last, err := c.Rollout(ctx, a.Group, 0)
		if err != nil {
			return model.RolloutPreview{}, err
		}
		options = last.Options
	}
	return c.PreviewRollout(ctx, a.Group, a.Job, options)
}

// History returns what the masters remember: of a host what they remember of the jobs on it.
func (s *Source) History(ctx context.Context, q tui.HistoryQuery) ([]tui.Transition, error) {
	jobs := []model.JobID{q.Job}
	if q.Job.IsZero() {
		jobs = nil
		if h := s.Snapshot().Host(q.Host); h != nil {
			for _, t := range h.Tasks {
				jobs = append(jobs, t.Job)
			}
		}
	}
	c := s.link.Load().calls
	var found []tui.Transition
	var mu sync.Mutex
	err := each(ctx, jobs, func(ctx context.Context, id model.JobID) error {
		events, err := c.History(ctx, id)
		if err != nil {
			return err
		}
		mu.Lock()
		defer mu.Unlock()
		for _, e := range events {
			if q.Host == "" || q.Host == e.Host {
				found = append(found, transitionOf(id, e))
			}
		}
		return nil
	})
	slices.SortStableFunc(found, func(a, b tui.Transition) int { return a.At.Compare(b.At) })
	return found, err
}

func transitionOf(id model.JobID, e model.TaskStatusEvent) tui.Transition {
	return tui.Transition{
		At: e.Timestamp.Time(), Host: e.Host, Job: id, State: e.Status.State, Detail: tui.TaskOf(e.Host, id, nil, &e.Status).Describe(),
	}
}
