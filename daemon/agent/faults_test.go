package agent_test

import (
	"context"
	"fmt"
	"iter"
	"slices"
	"sync/atomic"
	"testing"
	"time"

	"github.com/heliosctl/heliosctl/daemon/agent"
	"github.com/heliosctl/heliosctl/daemon/container"
	"github.com/heliosctl/heliosctl/model"
	"github.com/heliosctl/heliosctl/store"
)

// slowDown makes every call to the engine take so long.
func slowDown(sim *container.Sim, delay time.Duration) {
	for _, call := range []string{"info", "pull", "image", "create", "start", "stop", "kill", "remove", "inspect", "list", "exec", "events", "logs"} {
		sim.SetDelay(call, delay)
	}
}

func TestSlowEngine(t *testing.T) {
	simulated(t, func(t *testing.T, h *host) {
		slowDown(h.sim, 30*time.Second)
		h.start()
		job := testJob("web")
		h.master.deploy(job, model.GoalStart)
		settle(5 * time.Minute)
		h.wantStates(job.ID, started...)
		h.wantRunning(h.wantState(job.ID, model.StateRunning).ContainerID)
		settle(30 * time.Minute)
		h.wantStates(job.ID, started...)
		if n := len(h.sim.Containers()); n != 1 {
			t.Errorf("%d containers for one job", n)
		}
		if err := h.agent.Health()["sim"]; err != nil {
			t.Errorf("health: %v; slow is not broken", err)
		}

		h.master.setGoal(job.ID, model.GoalStop)
		settle(5 * time.Minute)
		h.wantStates(job.ID, states(started, "STOPPING", "STOPPED")...)
		h.wantRunning()
		h.master.undeploy(job.ID)
		settle(5 * time.Minute)
		h.wantStates(job.ID, states(started, "STOPPING", "STOPPED", "REMOVED")...)
		if left := h.sim.Containers(); len(left) != 0 {
			t.Errorf("containers left: %v", left)
		}
	})
}

func TestSlowEngineMakesNoJobWaitForAnother(t *testing.T) {
	simulated(t, func(t *testing.T, h *host) {
		slowDown(h.sim, 30*time.Second)
		h.start()
		took := func(jobs ...model.Job) time.Duration {
			t.Helper()
			began := time.Now()
			for _, job := range jobs {
				h.master.deploy(job, model.GoalStart)
			}
			for passed := time.Duration(0); passed < time.Hour; passed += time.Second {
				settle(time.Second)
				running := 0
				for _, job := range jobs {
					if status, ok := h.master.status(job.ID); ok && status.State == model.StateRunning {
						running++
					}
				}
				if running == len(jobs) {
					return time.Since(began)
				}
			}
			t.Fatal("they never run")
			return 0
		}
		settle(5 * time.Minute)
		alone := took(testJob("first"))
		// The others come while one is on its way already, at every stage of it.
		h.master.deploy(testJob("second"), model.GoalStart)
		settle(40 * time.Second)
		if together := took(testJob("third"), testJob("fourth"), testJob("fifth")); together > alone+time.Second {
			t.Errorf("three jobs were running after %s, and one alone after %s", together, alone)
		}
	})
}

func TestSlowEngineAcrossARestartOfTheAgent(t *testing.T) {
	simulated(t, func(t *testing.T, h *host) {
		slowDown(h.sim, 30*time.Second)
		h.start()
		job := testJob("web")
		h.master.deploy(job, model.GoalStart)
		for range 8 { // in the middle of one call after another
			settle(50 * time.Second)
			h.stop()
			h.start()
		}
		settle(10 * time.Minute)
		h.wantRunning(h.wantState(job.ID, model.StateRunning).ContainerID)
		if n := len(h.sim.Containers()); n > 2 { // with the last one that came to nothing
			t.Errorf("%d containers are left", n)
		}
	})
}

// babbler is an engine that can begin to answer everything with garbage, as container.Docker tells of it.
type babbler struct {
	*container.Sim
	babbles atomic.Bool
}

func (b *babbler) garbled() error {
	if b.babbles.Load() {
		return container.ErrUnavailable
	}
	return nil
}

func (b *babbler) Info(ctx context.Context) (container.Info, error) {
	if err := b.garbled(); err != nil {
		return container.Info{}, err
	}
	return b.Sim.Info(ctx)
}

func (b *babbler) Image(ctx context.Context, image string) (container.Image, error) {
	if err := b.garbled(); err != nil {
		return container.Image{}, err
	}
	return b.Sim.Image(ctx, image)
}

func (b *babbler) Create(ctx context.Context, spec container.Spec) (string, error) {
	if err := b.garbled(); err != nil {
		return "", err
	}
	return b.Sim.Create(ctx, spec)
}

// Start is taken at its status: it says yes and does nothing.
func (b *babbler) Start(ctx context.Context, id string) error {
	if b.garbled() != nil {
		return nil
	}
	return b.Sim.Start(ctx, id)
}

// Stop is too.
func (b *babbler) Stop(ctx context.Context, id string, timeout time.Duration) error {
	if b.garbled() != nil {
		return nil
	}
	return b.Sim.Stop(ctx, id, timeout)
}

// Remove is too.
func (b *babbler) Remove(ctx context.Context, id string) error {
	if b.garbled() != nil {
		return nil
	}
	return b.Sim.Remove(ctx, id)
}

func (b *babbler) Inspect(ctx context.Context, id string) (container.State, error) {
	if err := b.garbled(); err != nil {
		return container.State{}, err
	}
	return b.Sim.Inspect(ctx, id)
}

func (b *babbler) List(ctx context.Context, agentID string) ([]container.State, error) {
	if err := b.garbled(); err != nil {
		return nil, err
	}
	return b.Sim.List(ctx, agentID)
}

// Events subscribes, as the engine's status says, and then cannot be understood.
func (b *babbler) Events(ctx context.Context) iter.Seq2[container.Event, error] {
	if b.garbled() == nil {
		return b.Sim.Events(ctx)
	}
	return func(yield func(container.Event, error) bool) {
		if yield(container.Event{Action: container.EventSubscribed}, nil) {
			yield(container.Event{}, container.ErrUnavailable)
		}
	}
}

func TestEngineThatAnswersGarbage(t *testing.T) {
	simulated(t, func(t *testing.T, h *host) {
		engine := &babbler{Sim: h.sim}
		h.change = func(c *agent.Config) { c.Runtime = engine }
		h.start()
		stays, stops, goes, comes := testJob("stays"), testJob("stops"), testJob("goes"), testJob("comes")
		for _, job := range []model.Job{stays, stops, goes} {
			h.master.deploy(job, model.GoalStart)
		}
		settle(time.Second)
		stayID := h.wantState(stays.ID, model.StateRunning).ContainerID

		engine.babbles.Store(true)
		h.sim.SetUnavailable(true) // ends the events that are under way
		h.sim.SetUnavailable(false)
		h.master.deploy(comes, model.GoalStart)
		h.master.setGoal(stops.ID, model.GoalStop)
		h.master.undeploy(goes.ID)
		settle(10*time.Minute + 500*time.Millisecond)
		h.wantStates(stays.ID, started...)
		h.wantStates(stops.ID, states(started, "STOPPING")...)
		h.wantStates(goes.ID, states(started, "STOPPING")...)
		h.wantStates(comes.ID)
		if err := h.agent.Health()["sim"]; model.CodeOf(err) != model.CodeRuntimeUnavailable {
			t.Errorf("health of the engine: %v, want that it cannot be used", err)
		}
		if running := len(h.running()); running != 3 {
			t.Errorf("%d containers run, want the three of before", running)
		}

		engine.babbles.Store(false)
		settle(time.Minute)
		h.wantStates(stays.ID, started...)
		h.wantStates(stops.ID, states(started, "STOPPING", "STOPPED")...)
		h.wantStates(goes.ID, states(started, "STOPPING", "STOPPED", "REMOVED")...)
		h.wantStates(comes.ID, started...)
		h.wantRunning(stayID, h.wantState(comes.ID, model.StateRunning).ContainerID)
		if err := h.agent.Health()["sim"]; err != nil {
			t.Errorf("health of the engine: %v", err)
		}
	})
}

// What is begun while only some calls fail goes on with one container once all of them work.
func TestEngineThatHangsAtOneCall(t *testing.T) {
	for _, call := range []string{"image", "create", "start", "inspect", "list", "events"} {
		t.Run(call, func(t *testing.T) {
			simulated(t, func(t *testing.T, h *host) {
				h.sim.SetDelay(call, 5*time.Minute)
				h.start()
				job := testJob("web")
				h.master.deploy(job, model.GoalStart)
				settle(7 * time.Minute)
				h.sim.SetDelay(call, 0)
				settle(20 * time.Minute)
				h.wantStates(job.ID, started...)
				h.wantRunning(h.wantState(job.ID, model.StateRunning).ContainerID)
				if n := len(h.sim.Containers()); n != 1 {
					t.Errorf("%d containers for one job", n)
				}
			})
		})
	}
}

// A disk can fill up at every write of a task's life. What is refused is done later: nothing is told twice or out of order, and no
// second container is made meanwhile.
func TestDiskFillsInTheMiddleOfATasksLife(t *testing.T) {
	for writes := range 30 {
		t.Run(fmt.Sprint(writes), func(t *testing.T) {
			simulated(t, func(t *testing.T, h *host) {
				disk := h.onFullDisk()
				h.start()
				settle(20 * time.Second)
				disk.filled.Store(int64(writes + 1))
				job := testJob("web")
				h.master.deploy(job, model.GoalStart)
				settle(5 * time.Second)
				h.master.setGoal(job.ID, model.GoalStop)
				settle(5 * time.Second)
				h.master.undeploy(job.ID)
				settle(5 * time.Minute)
				if err := h.agent.Health()[agent.HealthDisk]; disk.full.Load() != (model.CodeOf(err) == model.CodeStorageFull) {
					t.Errorf("health of the disk: %v, and it is full: %v", err, disk.full.Load())
				}
				if n := len(h.sim.Containers()); n > 1 {
					t.Errorf("%d containers for one job", n)
				}

				disk.full.Store(false)
				settle(2 * time.Minute)
				all := states(started, "STOPPING", "STOPPED", "REMOVED")
				rest := h.master.states(job.ID)
				if begun := []string{"PULLING_IMAGE", "CREATING"}; len(rest) > 2 && slices.Equal(rest[:2], begun) && rest[2] == begun[0] {
					rest = rest[2:] // a start that could not go on began once more
				}
				for _, state := range all {
					if len(rest) > 0 && rest[0] == state {
						rest = rest[1:]
					}
				}
				if len(rest) > 0 {
					t.Errorf("reported %v, want some of %v in this order", h.master.states(job.ID), all)
				}
				if status, left := h.master.status(job.ID); left {
					t.Errorf("the master still has the task, as %s", status.State)
				}
				if left := h.sim.Containers(); len(left) != 0 {
					t.Errorf("containers left: %v", left)
				}
				if err := h.agent.Health()[agent.HealthDisk]; err != nil {
					t.Errorf("health of the disk: %v", err)
				}
			})
		})
	}
}

// A container that is up goes on although nobody can write it down, and its end is told when that can be done.
func TestEndOnAFullDiskIsToldOnce(t *testing.T) {
	simulated(t, func(t *testing.T, h *host) {
		disk := h.onFullDisk()
		job, id := h.startWithJob("web")
		disk.full.Store(true)
		settle(time.Hour)
		h.wantRunning(id)
		h.wantStates(job.ID, started...)
		h.sim.Exit(id, 3)
		settle(time.Hour)
		h.wantStates(job.ID, started...)
		h.wantRunning()
		disk.full.Store(false)
		settle(time.Minute)
		h.wantStates(job.ID, states(started, "EXITED", started)...)
		if exited := h.master.history(job.ID)[4].Status; exited.ContainerID != id || exited.ExitCode == nil || *exited.ExitCode != 3 {
			t.Errorf("the end is told of container %s with %v, want %s and exit code 3", exited.ContainerID, exited.ExitCode, id)
		}
	})
}

// A clock that was set while a stop was under way and the agent away makes clients no more time to turn away than the job gives them.
func TestGracePeriodAcrossAClockThatWasSet(t *testing.T) {
	for name, jump := range map[string]time.Duration{"back": -time.Hour, "ahead": time.Hour, "not at all": 0} {
		t.Run(name, func(t *testing.T) {
			simulated(t, func(t *testing.T, h *host) {
				h.start()
				job := testJob("web", func(job *model.Job) {
					job.GracePeriod = ptr(60)
					job.Registration = map[model.ServiceEndpoint]model.ServicePorts{{Name: "web", Protocol: "http"}: {}}
				})
				h.master.deploy(job, model.GoalStart)
				settle(time.Second)
				h.master.setGoal(job.ID, model.GoalStop)
				settle(20 * time.Second)
				h.stop()
				h.setClock(jump)
				h.start()
				settle(61 * time.Second)
				h.wantStates(job.ID, states(started, "STOPPING", "STOPPED")...)
				h.wantRunning()
			})
		})
	}
}

// setClock makes what is remembered look as it does after the clock was set by so much.
func (h *host) setClock(jump time.Duration) {
	h.t.Helper()
	records, err := store.OpenAgentRecords(h.dir, store.AgentOptions{})
	if err != nil {
		h.t.Fatal(err)
	}
	tasks, err := records.Tasks()
	if err != nil {
		h.t.Fatal(err)
	}
	for _, record := range tasks {
		record.Status.Since = model.TimestampOf(record.Status.Since.Time().Add(-jump))
		if err := records.SaveTask(record); err != nil {
			h.t.Fatal(err)
		}
	}
	if err := records.Close(); err != nil {
		h.t.Fatal(err)
	}
}
