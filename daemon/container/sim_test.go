package container_test

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/heliosctl/heliosctl/daemon/container"
	"github.com/heliosctl/heliosctl/model"
)

// startSim starts one container with a behaviour in a new simulation.
func startSim(t *testing.T, behaviour container.SimBehaviour) (*container.Sim, string) {
	t.Helper()
	sim := container.NewSim()
	sim.AddImage("image")
	sim.SetBehaviour(func(container.Spec) container.SimBehaviour { return behaviour })
	id, err := sim.Create(t.Context(), container.Spec{Name: "name", AgentID: "agent", Image: "image"})
	if err == nil {
		err = sim.Start(t.Context(), id)
	}
	if err != nil {
		t.Fatal(err)
	}
	return sim, id
}

func TestSimImages(t *testing.T) {
	sim := container.NewSim()
	create := func() error {
		_, err := sim.Create(t.Context(), container.Spec{Name: "name", AgentID: "agent", Image: "image"})
		return err
	}
	refused := errors.New("refused")
	sim.FailPull("image", refused)
	if err := sim.Pull(t.Context(), "image"); !errors.Is(err, refused) {
		t.Errorf("a pull that was made to fail: %v", err)
	}
	if err := create(); !errors.Is(err, container.ErrImageNotFound) {
		t.Errorf("create before the pull: %v", err)
	}
	sim.FailPull("image", nil)
	if err := sim.Pull(t.Context(), "image"); err != nil {
		t.Errorf("pull: %v", err)
	}
	if err := create(); err != nil {
		t.Errorf("create after the pull: %v", err)
	}
	sim.MissImage("image")
	if err := sim.Pull(t.Context(), "image"); !errors.Is(err, container.ErrImageNotFound) {
		t.Errorf("pull of a missing image: %v", err)
	}
	if _, err := sim.Image(t.Context(), "image"); !errors.Is(err, container.ErrImageNotFound) {
		t.Errorf("a missing image: %v", err)
	}
	if got := sim.Calls("pull"); got != 3 {
		t.Errorf("%d pulls counted, want 3", got)
	}
}

func TestSimRunsAsLongAsToldTo(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		sim, id := startSim(t, container.SimBehaviour{Runs: time.Hour, ExitCode: 4})
		time.Sleep(59 * time.Minute)
		if state, _ := sim.Inspect(t.Context(), id); !state.Running {
			t.Errorf("ended early: %+v", state)
		}
		time.Sleep(2 * time.Minute)
		state, err := sim.Inspect(t.Context(), id)
		if err != nil || state.ExitCode != 4 || state.FinishedAt.Sub(state.StartedAt) != time.Hour {
			t.Errorf("ended as %+v, %v", state, err)
		}
	})
}

func TestSimOldLifetimeDoesNotEndANewRun(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		sim, id := startSim(t, container.SimBehaviour{Runs: time.Hour})
		time.Sleep(time.Minute)
		sim.Exit(id, 1)
		if err := sim.Start(t.Context(), id); err != nil {
			t.Fatal(err)
		}
		time.Sleep(59*time.Minute + time.Second)
		if state, _ := sim.Inspect(t.Context(), id); !state.Running {
			t.Error("the second run ended with the first one's hour")
		}
		time.Sleep(time.Minute)
		if state, _ := sim.Inspect(t.Context(), id); state.Running {
			t.Error("the second run did not end")
		}
	})
}

func TestSimUnavailable(t *testing.T) {
	sim, id := startSim(t, container.SimBehaviour{})
	for event, err := range sim.Events(t.Context()) {
		if event.Action == container.EventSubscribed {
			sim.SetUnavailable(true)
		} else if !errors.Is(err, container.ErrUnavailable) || model.CodeOf(err) != model.CodeRuntimeUnavailable {
			t.Errorf("events: %+v, %v", event, err)
		}
	}
	if _, err := sim.Info(t.Context()); !errors.Is(err, container.ErrUnavailable) {
		t.Errorf("info: %v", err)
	}
	if err := sim.Stop(t.Context(), id, time.Second); !errors.Is(err, container.ErrUnavailable) {
		t.Errorf("stop: %v", err)
	}
	if all := sim.Containers(); len(all) != 1 || !all[0].Running {
		t.Errorf("the container did not go on: %+v", all)
	}
	sim.Exit("name", 2)
	sim.SetUnavailable(false)
	if state, err := sim.Inspect(t.Context(), id); err != nil || state.ExitCode != 2 {
		t.Errorf("back again: %+v, %v", state, err)
	}
}

func TestSimHangingStop(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		sim, id := startSim(t, container.SimBehaviour{})
		sim.HangStops(true)
		ctx, cancel := context.WithTimeout(t.Context(), time.Hour)
		defer cancel()
		if err := sim.Stop(ctx, id, time.Second); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("stop: %v", err)
		}
		if state, _ := sim.Inspect(t.Context(), id); !state.Running {
			t.Error("a hanging stop ended the container")
		}
		stopped := make(chan error)
		go func() { stopped <- sim.Stop(t.Context(), id, time.Second) }()
		synctest.Wait()
		sim.Exit(id, 0)
		if err := <-stopped; err != nil {
			t.Errorf("stop of a container that ends by itself: %v", err)
		}
	})
}

func TestSimDelays(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		sim, id := startSim(t, container.SimBehaviour{})
		sim.SetDelay("inspect", time.Minute)
		before := time.Now()
		if _, err := sim.Inspect(t.Context(), id); err != nil || time.Since(before) != time.Minute {
			t.Errorf("took %s, %v", time.Since(before), err)
		}
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		before = time.Now()
		if _, err := sim.Inspect(ctx, id); !errors.Is(err, context.DeadlineExceeded) || time.Since(before) != time.Second {
			t.Errorf("took %s, %v", time.Since(before), err)
		}
	})
}

func TestSimInterference(t *testing.T) {
	sim, id := startSim(t, container.SimBehaviour{})
	b := &bench{engine: sim, t: t, agent: "agent"}
	events := record(t, b)
	if !sim.OOM(id) || sim.OOM(id) || sim.Exit(id, 0) {
		t.Error("OOM and Exit are for running containers")
	}
	if state := b.inspect(id); !state.OOMKilled || state.ExitCode != 137 {
		t.Errorf("after OOM: %+v", state)
	}
	if err := sim.Start(t.Context(), id); err != nil {
		t.Fatal(err)
	}
	if !sim.Vanish(id) || sim.Vanish(id) {
		t.Error("Vanish is for containers that are there")
	}
	if _, err := sim.Inspect(t.Context(), id); !errors.Is(err, container.ErrNotFound) {
		t.Errorf("after Vanish: %v", err)
	}
	want := []container.Action{
		container.EventSubscribed, container.EventOOM, container.EventDie, container.EventStart, container.EventDie, container.EventDestroy,
	}
	if diff := cmp.Diff(want, actions(events.until(container.EventDestroy))); diff != "" {
		t.Errorf("events (-want +got):\n%s", diff)
	}
}

func TestSimForeignContainers(t *testing.T) {
	sim, id := startSim(t, container.SimBehaviour{})
	b := &bench{engine: sim, t: t, agent: "agent"}
	events := record(t, b)
	foreign := sim.AddForeign("helios-agent-job", "image", map[string]string{"mine": "no"})
	sim.Exit(foreign, 1)
	sim.Exit(id, 0)
	for _, event := range events.until(container.EventDie) {
		if event.ID == foreign {
			t.Errorf("event %+v of a foreign container", event)
		}
	}
	states, err := sim.List(t.Context(), "agent")
	if err != nil || len(states) != 1 || states[0].ID != id {
		t.Errorf("listed %+v, %v", states, err)
	}
	if len(sim.Containers()) != 2 {
		t.Errorf("there are %+v", sim.Containers())
	}
}

func TestSlowSubscriberIsToldToSubscribeAgain(t *testing.T) {
	sim, id := startSim(t, container.SimBehaviour{})
	var end error
	for event, err := range sim.Events(t.Context()) {
		if event.Action == container.EventSubscribed {
			for range 2000 {
				sim.Exit(id, 0)
				if err := sim.Start(t.Context(), id); err != nil {
					t.Fatal(err)
				}
			}
		}
		end = err
	}
	if !errors.Is(end, container.ErrUnavailable) {
		t.Errorf("events ended with %v", end)
	}
}

func TestSimPrintedLinesAreFollowed(t *testing.T) {
	sim, id := startSim(t, container.SimBehaviour{Output: []string{"first"}})
	sim.Print(id, "second", "third")
	sim.Exit(id, 0)
	b := &bench{engine: sim, t: t}
	if got := b.output(id, container.LogOptions{Follow: true}); got != "first\nsecond\nthird\n" {
		t.Errorf("log %q", got)
	}
}
