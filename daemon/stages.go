package daemon

import (
	"context"
	"errors"
)

// stage is a part of a daemon. It runs until its context ends, and returns nil then.
type stage func(ctx context.Context) error

// runStages runs the stages side by side until ctx ends or one of them returns. Then it stops them from the last to the first and
// waits for each, so that a stage can rely on the earlier ones to its very end.
func runStages(ctx context.Context, stages ...stage) error {
	type running struct {
		stop   context.CancelFunc
		result chan error
	}
	over, end := context.WithCancel(ctx)
	defer end()
	started := make([]running, 0, len(stages))
	for _, run := range stages {
		stageCtx, stop := context.WithCancel(context.WithoutCancel(ctx))
		r := running{stop: stop, result: make(chan error, 1)}
		go func() {
			defer end()
			r.result <- run(stageCtx)
		}()
		started = append(started, r)
	}
	<-over.Done()
	var errs []error
	for i := len(started) - 1; i >= 0; i-- {
		started[i].stop()
		errs = append(errs, <-started[i].result)
	}
	return errors.Join(errs...)
}
