package agent_test

import (
	"context"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/heliosctl/heliosctl/daemon/container"
	"github.com/heliosctl/heliosctl/model"
)

// told is what a status tells of an end and of the container's forerunners.
type told struct {
	State    model.State
	ExitCode int // -1: none
	OOM      bool
	Signal   string
	Restarts int
}

func tell(status model.TaskStatus) told {
	code := -1
	if status.ExitCode != nil {
		code = *status.ExitCode
	}
	return told{status.State, code, status.OOMKilled, status.Signal, status.Restarts}
}

func (h *host) wantTold(id model.JobID, want ...told) {
	h.t.Helper()
	var got []told
	for _, report := range h.master.history(id) {
		got = append(got, tell(*report.Status))
	}
	if diff := cmp.Diff(want, got); diff != "" {
		h.t.Errorf("what was told (-want +got):\n%s", diff)
	}
}

// startOf is what a start tells when it is the task's restarts-th new container.
func startOf(restarts int) []told {
	before := max(0, restarts-1)
	return []told{
		{model.StatePullingImage, -1, false, "", before}, {model.StateCreating, -1, false, "", before},
		{model.StateStarting, -1, false, "", restarts}, {model.StateRunning, -1, false, "", restarts},
	}
}

func concat(parts ...[]told) []told {
	var all []told
	for _, part := range parts {
		all = append(all, part...)
	}
	return all
}

func TestStatusTellsHowContainersEnd(t *testing.T) {
	simulated(t, func(t *testing.T, h *host) {
		h.start()
		job := testJob("web")
		h.master.deploy(job, model.GoalStart)
		end := func(how func(id string)) {
			t.Helper()
			settle(30 * time.Second)
			how(h.wantState(job.ID, model.StateRunning).ContainerID)
		}
		end(func(id string) { h.sim.Exit(id, 3) })
		end(func(id string) { h.sim.OOM(id) })
		end(func(id string) { h.sim.Exit(id, 0) })
		end(func(string) { h.stop(); h.start() })
		end(func(string) { h.master.setGoal(job.ID, model.GoalStop) })
		settle(time.Second)
		h.master.setGoal(job.ID, model.GoalStart)
		settle(time.Second)
		h.wantTold(job.ID, concat(
			startOf(0), []told{{model.StateExited, 3, false, "", 0}},
			startOf(1), []told{{model.StateExited, 137, true, "SIGKILL", 1}},
			startOf(2), []told{{model.StateExited, 0, false, "", 2}},
			startOf(3), []told{{model.StateStopping, -1, false, "", 3}, {model.StateStopped, 0, false, "", 3}},
			startOf(0), // what somebody stopped was not replaced
		)...)
	})
}

func TestStatusTellsOfAnEndBeforeTheHealthCheckPassed(t *testing.T) {
	simulated(t, func(t *testing.T, h *host) {
		h.sim.SetBehaviour(func(container.Spec) container.SimBehaviour {
			return container.SimBehaviour{Runs: time.Second, ExitCode: 139}
		})
		h.sim.SetExec(func(_ context.Context, _ container.Spec, _ []string) (int, error) { return 1, nil })
		h.start()
		job := testJob("web", func(job *model.Job) {
			job.HealthCheck = &model.HealthCheck{Type: model.HealthCheckExec, Command: []string{"ready"}}
		})
		h.master.deploy(job, model.GoalStart)
		settle(1500 * time.Millisecond)
		h.wantTold(job.ID,
			told{model.StatePullingImage, -1, false, "", 0}, told{model.StateCreating, -1, false, "", 0},
			told{model.StateStarting, -1, false, "", 0}, told{model.StateHealthchecking, -1, false, "", 0},
			told{model.StateExited, 139, false, "SIGSEGV", 0}, told{model.StateFailed, 139, false, "SIGSEGV", 0})
	})
}

func TestStatusTellsOfAnEndWhileTheAgentWasAway(t *testing.T) {
	simulated(t, func(t *testing.T, h *host) {
		job, id := h.startWithJob("web")
		h.stop()
		h.sim.Exit(id, 143)
		h.start()
		settle(5 * time.Second)
		h.wantTold(job.ID, concat(startOf(0), []told{{model.StateExited, 143, false, "SIGTERM", 0}}, startOf(1))...)
	})
}

func TestStatusTellsSinceWhen(t *testing.T) {
	simulated(t, func(t *testing.T, h *host) {
		h.sim.SetBehaviour(func(container.Spec) container.SimBehaviour { return container.SimBehaviour{Runs: time.Second} })
		h.start()
		job := testJob("web")
		h.master.deploy(job, model.GoalStart)
		settle(25 * time.Second)
		h.sim.SetBehaviour(nil)
		settle(60 * time.Second)
		began := h.wantState(job.ID, model.StateRunning)
		if began.Throttled != model.ThrottleFlapping {
			t.Fatalf("throttled %s, want FLAPPING so that the recovery is reported", began.Throttled)
		}
		settle(60 * time.Second)
		recovered := h.wantState(job.ID, model.StateRunning)
		if recovered.Throttled != model.ThrottleNo || recovered.Since != began.Since {
			t.Errorf("throttled %s, running since %s; want NO and still %s", recovered.Throttled, recovered.Since, began.Since)
		}
		h.stop()
		h.start()
		h.master.edit(func() { h.master.epoch++ })
		settle(time.Minute)
		if adopted := h.wantState(job.ID, model.StateRunning); adopted.Since != began.Since {
			t.Errorf("running since %s after the agent's restart, want still %s", adopted.Since, began.Since)
		}
		for _, report := range h.master.history(job.ID) {
			if report.Status.State != model.StateRunning && report.Status.Since != report.Timestamp {
				t.Errorf("%s at %s says it began at %s", report.Status.State, report.Timestamp, report.Status.Since)
			}
		}
	})
}
