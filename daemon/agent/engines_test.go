package agent_test

import (
	"context"
	"iter"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/heliosctl/heliosctl/daemon/agent"
	"github.com/heliosctl/heliosctl/daemon/container"
	"github.com/heliosctl/heliosctl/model"
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

// forgetfulEngine tells of memory in its events only, as Docker does when it hears of the end first.
type forgetfulEngine struct{ *container.Sim }

func (e *forgetfulEngine) Inspect(ctx context.Context, idOrName string) (container.State, error) {
	state, err := e.Sim.Inspect(ctx, idOrName)
	state.OOMKilled = false
	return state, err
}

func TestMemoryKillsAreToldByEventsToo(t *testing.T) {
	simulated(t, func(t *testing.T, h *host) {
		h.change = func(c *agent.Config) { c.Runtime = &forgetfulEngine{h.sim} }
		h.start()
		memory := int64(16 << 20)
		limited := testJob("limited", func(job *model.Job) { job.Resources = &model.Resources{Memory: &memory} })
		h.master.deploy(limited, model.GoalStart)
		settle(time.Second)
		h.sim.OOM(h.wantState(limited.ID, model.StateRunning).ContainerID)
		settle(time.Second)
		killed := h.wantState(limited.ID, model.StateRunning).ContainerID
		h.sim.Exit(killed, 137) // by somebody, not for its memory
		settle(time.Second)
		h.wantTold(limited.ID, concat(
			startOf(0), []told{{model.StateExited, 137, true, "SIGKILL", 0}},
			startOf(1), []told{{model.StateExited, 137, false, "SIGKILL", 1}})...)
	})
}
