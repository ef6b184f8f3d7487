package agent_test

import (
	"context"
	"iter"
	"time"

	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/heliosctl/heliosctl/daemon/container"
)

// equateEmpty compares what went through JSON, where nil and empty are the same.
var equateEmpty = cmpopts.EquateEmpty()

// deafRuntime is an engine whose events never arrive.
type deafRuntime struct{ *container.Sim }

func (r *deafRuntime) Events(ctx context.Context) iter.Seq2[container.Event, error] {
	return func(yield func(container.Event, error) bool) {
		if yield(container.Event{Action: container.EventSubscribed}, nil) {
			<-ctx.Done()
		}
	}
}

// slowEngine starts containers seconds after it was asked, whether or not who asked is still there.
type slowEngine struct{ *container.Sim }

func (e *slowEngine) Start(ctx context.Context, id string) error {
	started := make(chan error, 1)
	go func() {
		time.Sleep(5 * time.Second)
		started <- e.Sim.Start(context.WithoutCancel(ctx), id)
	}()
	select {
	case err := <-started:
		return err
	case <-ctx.Done():
		return ctx.Err()
	}
}
