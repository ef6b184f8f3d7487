package agent

import (
	"context"
	"errors"
	"time"

	"github.com/heliosctl/heliosctl/daemon/container"
	"github.com/heliosctl/heliosctl/healthcheck"
	"github.com/heliosctl/heliosctl/model"
)

// defaultKillDelay is how long a container has to end after TERM when the job does not say.
const defaultKillDelay = 120 * time.Second

// takeDown stops the task's container and, for UNDEPLOY, takes the task away. It comes back only when that is done or ctx is; a
// container engine or disk in trouble is waited for.
func (s *supervisor) takeDown(ctx context.Context, goal model.Goal) {
	t := s.task
	trouble := &healthcheck.Backoff{}
	for ctx.Err() == nil {
		back := t.agent.engine.back.next()
		err := s.tryTakeDown(ctx, goal)
		if err == nil || ctx.Err() != nil {
			return
		}
		pause := trouble.Next()
		t.log.Warn("task is not stopped yet", "error", err, "again", pause)
		if sleep(ctx, pause, back) != nil {
			return
		}
	}
}

func (s *supervisor) tryTakeDown(ctx context.Context, goal model.Goal) error {
	t := s.task
	select {
	case <-t.agent.orders.settled:
	case <-ctx.Done():
		return ctx.Err()
	}
	// The masters may have changed their mind by the time the agent has heard of them.
	if s.wanted() != goal {
		return nil
	}
	if record := t.record(); needsStop(record) {
		if err := t.stop(ctx, record); err != nil {
			return err
		}
	}
	if goal != model.GoalUndeploy {
		return nil
	}
	t.removeContainer(ctx)
	if ctx.Err() != nil {
		return ctx.Err()
	}
	if err := t.agent.book.remove(t.id); err != nil {
		return &recordError{err}
	}
	t.log.Info("task is gone")
	t.agent.sweep.kick.now()
	return nil
}

// stop ends the container: its services are unregistered, their clients given the grace period to turn away, then TERM, and KILL
// when the job's time is over. A container that is gone is stopped.
func (t *task) stop(ctx context.Context, record model.TaskRecord) error {
	var last model.TaskStatus
	if record.Status != nil {
		last = *record.Status
	}
	if last.State != model.StateStopping || last.Goal != record.Task.Goal {
		err := t.report(model.StateStopping, last.ContainerError, func(record *model.TaskRecord) {
			served := last.State == model.StateRunning || last.State == model.StateStopping
			record.Ready = record.Ready && served
		})
		if err != nil {
			return err
		}
	}
	resumed := last.State == model.StateStopping && !record.Registered
	if err := t.unregister(ctx, stopPatience); err != nil {
		return err
	}
	if err := t.grace(ctx, resumed); err != nil {
		return err
	}
	state, err := t.find(ctx, record)
	if err != nil {
		return err
	}
	if state.Running {
		if state, err = t.end(ctx, state.ID, killDelay(record.Task.Job)); err != nil {
			return err
		}
	}
	t.policy.ended(time.Now())
	return t.report(model.StateStopped, state.Error, unready, ending(state))
}

// grace gives clients of a registered service that was ready time to turn away before it ends. When a stop is resumed, what is left
// of that time.
func (t *task) grace(ctx context.Context, resumed bool) error {
	record := t.record()
	job := record.Task.Job
	if !record.Ready || job.GracePeriod == nil || *job.GracePeriod <= 0 || len(job.Registration) == 0 {
		return nil
	}
	period := time.Duration(*job.GracePeriod) * time.Second
	if resumed {
		period = min(period, time.Until(record.Status.Since.Time().Add(period)))
	}
	return sleep(ctx, period, nil)
}

func killDelay(job model.Job) time.Duration {
	if job.SecondsToWaitBeforeKill != nil {
		return time.Duration(*job.SecondsToWaitBeforeKill) * time.Second
	}
	return defaultKillDelay
}

// end stops a container and returns once it is seen not to run.
func (t *task) end(ctx context.Context, id string, delay time.Duration) (container.State, error) {
	err := t.runtime().Stop(ctx, id, delay)
	pause := &healthcheck.Backoff{}
	for {
		if ctx.Err() != nil {
			return container.State{}, ctx.Err()
		}
		if unanswered(err) && !errors.Is(err, container.ErrStopTimeout) {
			return container.State{}, err
		}
		state, inspectErr := t.runtime().Inspect(ctx, id)
		switch {
		case errors.Is(inspectErr, container.ErrNotFound):
			return container.State{}, nil
		case inspectErr != nil:
			return container.State{}, inspectErr
		case !state.Running:
			return state, nil
		}
		t.log.Warn("container still runs after it was stopped; killing it", "container", id, "error", err)
		if err = sleep(ctx, pause.Next(), nil); err != nil {
			return container.State{}, err
		}
		err = t.runtime().Kill(ctx, id)
	}
}

// find returns the state of the task's container, the zero State when there is none. The name was chosen before the container was
// made, so one whose id never came back is found too; the id finds one that was renamed.
func (t *task) find(ctx context.Context, record model.TaskRecord) (container.State, error) {
	for _, ref := range []string{record.ContainerName, record.ContainerID} {
		if ref == "" {
			continue
		}
		state, err := t.runtime().Inspect(ctx, ref)
		if errors.Is(err, container.ErrNotFound) {
			continue
		}
		return state, err
	}
	return container.State{}, nil
}

// removeContainer removes the stopped container. What cannot be removed now is left to the sweep.
func (t *task) removeContainer(ctx context.Context) {
	record := t.record()
	for _, ref := range []string{record.ContainerName, record.ContainerID} {
		if ref == "" {
			continue
		}
		err := t.runtime().Remove(ctx, ref)
		if err != nil && !errors.Is(err, container.ErrNotFound) && ctx.Err() == nil {
			t.log.Warn("container is not removed yet", "container", ref, "error", err)
		}
	}
}
