package agent_test

import (
	"context"
	"iter"

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
