package agent_test

import (
	"context"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/heliosctl/heliosctl/daemon/container"
	"github.com/heliosctl/heliosctl/model"
)

// service is what the health check of a simulated container finds.
type service struct {
	code   atomic.Int64
	checks atomic.Int64
	hangs  atomic.Bool
}

func (s *service) exec(ctx context.Context, _ container.Spec, _ []string) (int, error) {
	s.checks.Add(1)
	if s.hangs.Load() {
		<-ctx.Done()
		return 0, ctx.Err()
	}
	return int(s.code.Load()), nil
}

func checkedEvery(interval, unhealthyAfter int) func(*model.Job) {
	return func(job *model.Job) {
		job.HealthCheck = &model.HealthCheck{
			Type: model.HealthCheckExec, Command: []string{"ok"}, Interval: interval, UnhealthyAfter: unhealthyAfter,
		}
	}
}

var checkedStart = []string{"PULLING_IMAGE", "CREATING", "STARTING", "HEALTHCHECKING", "RUNNING"}

func (h *host) wantHealth(id model.JobID, want string) {
	h.t.Helper()
	status := h.wantState(id, model.StateRunning)
	if status.HealthError != want || status.Unhealthy != (want != "") {
		h.t.Errorf("unhealthy %v (%q), want %q", status.Unhealthy, status.HealthError, want)
	}
}

func TestRunningContainersAreCheckedOn(t *testing.T) {
	simulated(t, func(t *testing.T, h *host) {
		var s service
		h.sim.SetExec(s.exec)
		h.start()
		job := testJob("web", checkedEvery(10, 2))
		h.master.deploy(job, model.GoalStart)
		settle(time.Second)
		began := h.wantState(job.ID, model.StateRunning)
		settle(time.Minute)
		h.wantHealth(job.ID, "")
		if checks := s.checks.Load(); checks != 7 {
			t.Errorf("%d checks in a minute, want the first and six more", checks)
		}

		s.code.Store(3)
		settle(10 * time.Second)
		h.wantHealth(job.ID, "") // one failure is none
		s.code.Store(0)
		settle(10 * time.Second)
		s.code.Store(4)
		settle(10 * time.Second)
		h.wantHealth(job.ID, "")
		settle(10 * time.Second)
		const why = `exec health check ["ok"]: exit code 4`
		h.wantHealth(job.ID, why)
		s.code.Store(5)
		settle(time.Minute)
		h.wantHealth(job.ID, why)

		h.stop()
		h.start()
		settle(5 * time.Second)
		if diff := cmp.Diff(states(checkedStart, "RUNNING"), h.master.states(job.ID)); diff != "" {
			t.Errorf("states: one report of the mark, none of the restart (-want +got):\n%s", diff)
		}
		s.code.Store(0)
		settle(10 * time.Second)
		h.wantHealth(job.ID, "")
		after := h.wantState(job.ID, model.StateRunning)
		if after.ContainerID != began.ContainerID || after.Since != began.Since || after.Restarts != 0 {
			t.Error("the container was touched")
		}
		h.wantStates(job.ID, states(checkedStart, "RUNNING", "RUNNING")...)
	})
}

func TestChecksDoNotHoldUpAnExit(t *testing.T) {
	simulated(t, func(t *testing.T, h *host) {
		var s service
		h.sim.SetExec(s.exec)
		h.start()
		job := testJob("web", checkedEvery(10, 1))
		h.master.deploy(job, model.GoalStart)
		settle(5 * time.Second)
		s.hangs.Store(true)
		settle(10 * time.Second)
		h.sim.Exit(h.wantState(job.ID, model.StateRunning).ContainerID, 1)
		settle(0)
		h.wantState(job.ID, model.StateExited)
		s.hangs.Store(false)
		settle(5 * time.Second)
		h.wantHealth(job.ID, "")
	})
}

func TestNewContainersAreNotUnhealthyYet(t *testing.T) {
	simulated(t, func(t *testing.T, h *host) {
		var s service
		h.sim.SetExec(s.exec)
		h.start()
		job := testJob("web", checkedEvery(1, 0))
		h.master.deploy(job, model.GoalStart)
		settle(500 * time.Millisecond)
		s.code.Store(1)
		settle(2 * time.Second)
		h.wantHealth(job.ID, "")
		settle(time.Second)
		h.wantHealth(job.ID, `exec health check ["ok"]: exit code 1`)
		h.sim.Exit(h.wantState(job.ID, model.StateRunning).ContainerID, 1)
		s.code.Store(0)
		settle(1500 * time.Millisecond)
		h.wantHealth(job.ID, "")
		for _, report := range h.master.history(job.ID) {
			if report.Status.Unhealthy && report.Status.State != model.StateRunning {
				t.Errorf("%s is called unhealthy", report.Status.State)
			}
		}
	})
}

func TestEngineInTroubleMakesNothingUnhealthy(t *testing.T) {
	simulated(t, func(t *testing.T, h *host) {
		var s service
		h.sim.SetExec(s.exec)
		h.start()
		job := testJob("web", checkedEvery(1, 1))
		h.master.deploy(job, model.GoalStart)
		settle(1500 * time.Millisecond)
		h.sim.SetUnavailable(true)
		settle(time.Minute)
		h.sim.SetUnavailable(false)
		settle(time.Minute)
		h.sim.SetExec(func(context.Context, container.Spec, []string) (int, error) { return 0, container.ErrUnavailable })
		settle(time.Minute)
		h.wantHealth(job.ID, "")
		h.wantStates(job.ID, checkedStart...)
	})
}
