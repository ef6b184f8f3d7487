package agent

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/heliosctl/heliosctl/daemon/container"
	"github.com/heliosctl/heliosctl/healthcheck"
	"github.com/heliosctl/heliosctl/model"
)

// supervisor brings one task to its goal: it keeps one container after another running, or takes the container down. It ends by
// itself once a goal other than START is reached, and is then made anew if the goal changes.
type supervisor struct {
	task *task
	done chan struct{} // closed when run has returned

	mu        sync.Mutex
	goal      model.Goal
	finished  bool
	detached  bool
	interrupt context.CancelFunc // ends what is being done for the goal START, nil when nothing is
	stopAll   context.CancelFunc
}

func newSupervisor(t *task, goal model.Goal) *supervisor {
	return &supervisor{task: t, goal: goal, done: make(chan struct{})}
}

// wanted returns the goal.
func (s *supervisor) wanted() model.Goal {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.goal
}

// steer gives the supervisor another goal. One that is ending anyway ignores it.
func (s *supervisor) steer(goal model.Goal) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.finished {
		return
	}
	s.goal = goal
	if goal != model.GoalStart && s.interrupt != nil {
		s.interrupt()
	}
}

// detach makes run return soon and leave the container as it is.
func (s *supervisor) detach() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.detached = true
	if s.stopAll != nil {
		s.stopAll()
	}
}

// run works until the goal is reached or ctx is done, which leaves the container as it is.
func (s *supervisor) run(ctx context.Context) {
	defer s.task.agent.reconcile.now()
	defer close(s.done)
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	if !s.begin(cancel) {
		return
	}
	for ctx.Err() == nil {
		goal, runCtx, release := s.take(ctx)
		switch goal {
		case model.GoalStart:
			s.keepRunning(runCtx)
		default:
			s.takeDown(ctx, goal)
		}
		release()
		if goal != model.GoalStart && s.finish(goal) {
			return
		}
	}
}

func (s *supervisor) begin(cancel context.CancelFunc) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.stopAll = cancel
	return !s.detached
}

// take returns the goal and the context of the work for it, which ends when the goal is no longer START.
func (s *supervisor) take(ctx context.Context) (model.Goal, context.Context, context.CancelFunc) {
	s.mu.Lock()
	defer s.mu.Unlock()
	ctx, cancel := context.WithCancel(ctx)
	s.interrupt = cancel
	return s.goal, ctx, cancel
}

// finish ends the supervisor if the goal is still the one that was reached.
func (s *supervisor) finish(reached model.Goal) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.finished = s.goal == reached
	return s.finished
}

// keepRunning runs one container after another until ctx is done.
func (s *supervisor) keepRunning(ctx context.Context) {
	trouble := &healthcheck.Backoff{}
	for ctx.Err() == nil {
		back := s.task.agent.engine.back.next()
		err := runContainer(ctx, s.task)
		if ctx.Err() != nil {
			return
		}
		pause, wake := s.conclude(err, trouble), (<-chan struct{})(nil)
		if unanswered(err) {
			wake = back
		}
		if sleep(ctx, pause, wake) != nil {
			return
		}
	}
}

// conclude reports how a run ended and returns how long to wait before the next. Trouble of the host (the engine or the records do
// not answer) is not the task's: it is not reported, and the task goes on where it was.
func (s *supervisor) conclude(err error, trouble *healthcheck.Backoff) time.Duration {
	t := s.task
	var exit *exitError
	var unrecorded *recordError
	switch {
	case errors.As(err, &exit):
		t.policy.ended(time.Now())
		err = t.report(model.StateExited, describeExit(exit.state), unready, ending(exit.state))
		if err == nil && exit.early {
			t.policy.failed(exit)
			err = t.report(model.StateFailed, exit.Error(), nil, ending(exit.state))
		}
	case unanswered(err), errors.As(err, &unrecorded):
		t.log.Warn("task has to wait", "error", err)
		return trouble.Next()
	default:
		t.policy.ended(time.Now())
		t.policy.failed(err)
		err = t.report(model.StateFailed, err.Error(), nil)
	}
	if err != nil {
		t.log.Warn("task has to wait", "error", err)
		return trouble.Next()
	}
	trouble.Reset()
	return t.policy.delay(time.Now())
}

// unready takes back that the container is ready, once there is none that could be.
func unready(record *model.TaskRecord) { record.Ready = false }

// unanswered reports whether the engine, and not the task, is the trouble.
func unanswered(err error) bool { return errors.Is(err, container.ErrUnavailable) }

// exitError is a container that ended. Early means that it did so before it was ready.
type exitError struct {
	state container.State
	early bool
}

func (e *exitError) Error() string {
	how := describeExit(e.state)
	if how == "" {
		how = exitCode(e.state)
	}
	if e.early {
		return "ended before it was healthy: " + how
	}
	return how
}

func exitCode(state container.State) string { return fmt.Sprintf("exit code %d", state.ExitCode) }
