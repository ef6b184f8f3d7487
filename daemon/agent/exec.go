package agent

import (
	"context"
	"errors"
	"time"

	"github.com/heliosctl/heliosctl/daemon/container"
	"github.com/heliosctl/heliosctl/model"
)

// exec runs a command in the container of a job.
func (a *Agent) exec(ctx context.Context, t *talk) error {
	id, err := a.runningContainer(ctx, t.request.JobID)
	if err != nil {
		return err
	}
	if err := t.ready(); err != nil {
		return err
	}
	start, err := t.awaitStart(ctx)
	if err != nil {
		return err
	}
	a.log.Info("a command is run", "job", t.request.JobID.Short(), "container", id, "terminal", start.Terminal != nil)
	code, err := a.config.Runtime.ExecAttached(ctx, id, container.ExecOptions{
		Command: start.Command, Terminal: start.Terminal, Term: start.Term, Input: t.input, Output: t.output,
	})
	if errors.Is(err, container.ErrNotRunning) || errors.Is(err, container.ErrNotFound) {
		return a.noContainer(t.request.JobID, "its container has just ended")
	}
	t.exit.Code = code
	return err
}

// runningContainer returns the id of the job's container.
func (a *Agent) runningContainer(ctx context.Context, job model.JobID) (string, error) {
	record, err := a.deployed(ctx, job)
	if err != nil {
		return "", err
	}
	state, err := a.probe(ctx, record)
	if err != nil {
		return "", err
	}
	if !state.Running {
		return "", a.noContainer(job, "it is not running: it is "+describeTask(record))
	}
	return state.ID, nil
}

// awaitStart waits for the client to say what to run.
func (t *talk) awaitStart(ctx context.Context) (model.ExecStart, error) {
	timer := time.NewTimer(sessionStart)
	defer timer.Stop()
	select {
	case start := <-t.start:
		return start, nil
	case <-timer.C:
		return model.ExecStart{}, model.Errorf(model.CodeTimeout, "the client did not say within %s what to run", sessionStart)
	case <-ctx.Done():
		return model.ExecStart{}, context.Cause(ctx)
	}
}

func (t *talk) output(stream model.OutputStream, p []byte) error {
	t.active()
	frame := model.FrameStdout
	if stream == model.Stderr {
		frame = model.FrameStderr
	}
	return t.conn.Send(frame, p)
}
