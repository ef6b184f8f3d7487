package agent

import (
	"context"
	"errors"

	"github.com/heliosctl/heliosctl/daemon/container"
	"github.com/heliosctl/heliosctl/model"
)

// awaitHealthy returns when the container's health check passes, at once when the job has none. Failures are tried again for as
// long as it takes; the container's end ends it with an *exitError.
func (t *task) awaitHealthy(ctx context.Context, state container.State) error {
	job := t.record().Task.Job
	if job.HealthCheck == nil {
		return nil
	}
	if err := t.reportOnce(model.StateHealthchecking, nil); err != nil {
		return err
	}
	watch, stop := t.agent.engine.watch(state.ID)
	defer stop()
	pause := newBackoff()
	for {
		changed := watch.next()
		now, err := t.runtime().Inspect(ctx, state.ID)
		switch {
		case errors.Is(err, container.ErrNotFound):
			return errRemoved
		case err != nil:
			return err
		case !now.Running:
			return &exitError{state: now, early: true}
		}
		probed := t.probe(ctx, job, now)
		if ctx.Err() != nil {
			return ctx.Err()
		}
		if probed == nil {
			return nil
		}
		t.log.Info("not healthy yet", "error", probed)
		if sleep(ctx, pause.next(), changed) != nil {
			return ctx.Err()
		}
	}
}

func (t *task) probe(ctx context.Context, job model.Job, state container.State) error { return nil }
