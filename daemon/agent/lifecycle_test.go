package agent_test

import (
	"context"
	"errors"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/heliosctl/heliosctl/daemon/agent"
	"github.com/heliosctl/heliosctl/daemon/container"
	"github.com/heliosctl/heliosctl/model"
)

func ptr[T any](v T) *T { return &v }

func withPorts(ports map[string]model.PortMapping) func(*model.Job) {
	return func(job *model.Job) { job.Ports = ports }
}

func TestStatusTellsWhatTheContainerWasGiven(t *testing.T) {
	simulated(t, func(t *testing.T, h *host) {
		h.change = func(c *agent.Config) {
			c.Env = map[string]string{"ZONE": "a", "LEVEL": "agent", "HELIOS_PORT_fixed": "agent"}
			c.PortRange = agent.PortRange{Start: 31000, End: 31001}
		}
		h.start()
		job := testJob("web", func(job *model.Job) {
			job.Env = map[string]string{"LEVEL": "job"}
			job.Ports = map[string]model.PortMapping{
				"fixed":   {IP: "127.0.0.1", InternalPort: 80, ExternalPort: ptr(8080), Protocol: "tcp"},
				"dynamic": {IP: "127.0.0.1", InternalPort: 81, Protocol: "udp"},
			}
		})
		h.master.deploy(job, model.GoalStart)
		settle(time.Second)

		history := h.master.history(job.ID)
		id := h.wantState(job.ID, model.StateRunning).ContainerID
		var ids []string
		for _, report := range history {
			ids = append(ids, report.Status.ContainerID)
			want := model.TaskStatus{
				Job: job, Goal: model.GoalStart, State: report.Status.State, ContainerID: report.Status.ContainerID, Throttled: model.ThrottleNo,
				Since: report.Timestamp,
				Env:   map[string]string{"ZONE": "a", "LEVEL": "job", "HELIOS_PORT_fixed": "host1:8080", "HELIOS_PORT_dynamic": "host1:31000"},
				Ports: map[string]model.PortMapping{
					"fixed":   {IP: "127.0.0.1", InternalPort: 80, ExternalPort: ptr(8080), Protocol: "tcp"},
					"dynamic": {InternalPort: 81, ExternalPort: ptr(31000), Protocol: "udp"},
				},
			}
			if diff := cmp.Diff(want, *report.Status, equateEmpty); diff != "" {
				t.Errorf("%s (-want +got):\n%s", report.Status.State, diff)
			}
		}
		if diff := cmp.Diff([]string{"", "", id, id}, ids); diff != "" {
			t.Errorf("container ids from PULLING_IMAGE to RUNNING (-want +got):\n%s", diff)
		}
	})
}

func TestExitedContainerIsReplaced(t *testing.T) {
	simulated(t, func(t *testing.T, h *host) {
		h.start()
		job := testJob("web", withPorts(map[string]model.PortMapping{"http": {InternalPort: 80, Protocol: "tcp"}}))
		h.master.deploy(job, model.GoalStart)
		settle(time.Second)
		first := h.wantState(job.ID, model.StateRunning)

		h.sim.Exit(first.ContainerID, 3)
		settle(0)
		exited := h.wantState(job.ID, model.StateExited)
		if exited.ContainerID != first.ContainerID || exited.ContainerError != "exit code 3" {
			t.Errorf("exited as %q with %q, want %q with exit code 3", exited.ContainerID, exited.ContainerError, first.ContainerID)
		}
		settle(990 * time.Millisecond)
		h.wantState(job.ID, model.StateExited)
		settle(20 * time.Millisecond)
		second := h.wantState(job.ID, model.StateRunning)
		if second.ContainerID == first.ContainerID || second.ContainerError != "" {
			t.Errorf("running again as %q with error %q, want a new container and no error", second.ContainerID, second.ContainerError)
		}
		if diff := cmp.Diff(first.Ports, second.Ports); diff != "" {
			t.Errorf("ports changed (-first +second):\n%s", diff)
		}
		h.wantStates(job.ID, states(started, "EXITED", started)...)
		pulling := h.master.history(job.ID)[5].Status
		if pulling.ContainerID != first.ContainerID {
			t.Errorf("pulling for the restart with container %q, want the previous one %q", pulling.ContainerID, first.ContainerID)
		}

		h.sim.OOM(second.ContainerID)
		settle(0)
		if got := h.wantState(job.ID, model.StateExited).ContainerError; got != "exit code 137 (out of memory)" {
			t.Errorf("out of memory is told as %q", got)
		}
		settle(10 * time.Second)
		third := h.wantState(job.ID, model.StateRunning)
		var left []string
		for _, c := range h.sim.Containers() {
			left = append(left, c.ID)
		}
		if diff := cmp.Diff([]string{second.ContainerID, third.ContainerID}, left); diff != "" {
			t.Errorf("containers: the running one and the last that ended (-want +got):\n%s", diff)
		}
	})
}

func TestExitWithoutAnEventIsNoticed(t *testing.T) {
	simulated(t, func(t *testing.T, h *host) {
		runtime := &deafRuntime{Sim: h.sim}
		h.change = func(c *agent.Config) { c.Runtime = runtime }
		h.start()
		job := testJob("web")
		h.master.deploy(job, model.GoalStart)
		settle(time.Second)
		h.sim.Exit(h.wantState(job.ID, model.StateRunning).ContainerID, 0)
		settle(20 * time.Second)
		h.wantStates(job.ID, states(started, "EXITED", started)...)
	})
}

func TestContainerRemovedBySomeoneElse(t *testing.T) {
	simulated(t, func(t *testing.T, h *host) {
		h.start()
		job := testJob("web")
		h.master.deploy(job, model.GoalStart)
		settle(time.Second)
		h.sim.Vanish(h.wantState(job.ID, model.StateRunning).ContainerID)
		settle(2 * time.Second)
		got := h.master.states(job.ID)
		// Whoever looks between the kill and the removal sees an exit.
		if diff := cmp.Diff(states(started, "FAILED", started), got); diff != "" && !cmp.Equal(states(started, "EXITED", started), got) {
			t.Errorf("states (-want +got):\n%s", diff)
		}
	})
}

func TestFlappingTaskIsHeldBackAndRecovers(t *testing.T) {
	simulated(t, func(t *testing.T, h *host) {
		h.sim.SetBehaviour(func(container.Spec) container.SimBehaviour {
			return container.SimBehaviour{Runs: 2 * time.Second, ExitCode: 1}
		})
		h.start()
		job := testJob("web")
		h.master.deploy(job, model.GoalStart)
		settle(28 * time.Second) // nine runs of 2 s and pauses of 1 s, and the tenth run half way
		if status := h.wantState(job.ID, model.StateRunning); status.Throttled != model.ThrottleNo {
			t.Errorf("throttled %s before the tenth exit", status.Throttled)
		}
		settle(2 * time.Second)
		if status := h.wantState(job.ID, model.StateExited); status.Throttled != model.ThrottleFlapping {
			t.Fatalf("throttled %s after the tenth exit", status.Throttled)
		}
		h.sim.SetBehaviour(nil)
		settle(28 * time.Second)
		h.wantState(job.ID, model.StateExited)
		settle(3 * time.Second)
		if status := h.wantState(job.ID, model.StateRunning); status.Throttled != model.ThrottleFlapping {
			t.Errorf("throttled %s right after the start, want FLAPPING", status.Throttled)
		}
		before := len(h.master.states(job.ID))
		settle(41 * time.Second) // twenty seconds of runs and forty more are a minute
		if status := h.wantState(job.ID, model.StateRunning); status.Throttled != model.ThrottleNo {
			t.Errorf("throttled %s after a minute of running", status.Throttled)
		}
		if reports := len(h.master.states(job.ID)) - before; reports != 1 {
			t.Errorf("%d reports of the recovery, want one with the state unchanged", reports)
		}
	})
}

func TestImageTrouble(t *testing.T) {
	errRegistry := errors.New("the registry answers 500")
	tests := []struct {
		name     string
		pull     error
		throttle model.Throttle
		retry    time.Duration
	}{
		{"not in the registry", nil, model.ThrottleImageMissing, 120 * time.Second},
		{"registry in trouble", errRegistry, model.ThrottleImageMissing, 120 * time.Second},
		{"registry silent", container.ErrPullTimeout, model.ThrottleImagePullFailed, 30 * time.Second},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			simulated(t, func(t *testing.T, h *host) {
				job := testJob("web", func(job *model.Job) { job.Image = "registry/web:7" })
				h.sim.MissImage(job.Image)
				h.sim.FailPull(job.Image, test.pull)
				h.start()
				h.master.deploy(job, model.GoalStart)
				settle(time.Second)
				h.wantStates(job.ID, "PULLING_IMAGE", "FAILED")
				status := h.wantState(job.ID, model.StateFailed)
				if status.Throttled != test.throttle || !strings.Contains(status.ContainerError, job.Image) {
					t.Errorf("throttled %s, error %q; want %s and the image's name", status.Throttled, status.ContainerError, test.throttle)
				}
				h.sim.AddImage(job.Image)
				settle(test.retry - 2*time.Second)
				h.wantState(job.ID, model.StateFailed)
				settle(2 * time.Second)
				status = h.wantState(job.ID, model.StateRunning)
				if status.Throttled != model.ThrottleNo || status.ContainerError != "" {
					t.Errorf("throttled %s, error %q once it runs", status.Throttled, status.ContainerError)
				}
			})
		})
	}
}

func TestPulls(t *testing.T) {
	tests := []struct {
		name    string
		image   string
		present bool
		pulls   int // for a deploy
	}{
		{"pinned by tag and present", "web:7", true, 0},
		{"pinned by tag and absent", "web:7", false, 1},
		{"pinned by digest and present", "web@sha256:" + strings.Repeat("0", 64), true, 0},
		{"latest and present", "web:latest", true, 1},
		{"untagged and present", "registry:5000/web", true, 1},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			simulated(t, func(t *testing.T, h *host) {
				if test.present {
					h.sim.AddImage(test.image)
				}
				h.start()
				job := testJob("web", func(job *model.Job) { job.Image = test.image })
				h.master.deploy(job, model.GoalStart)
				settle(time.Second)
				running := h.wantState(job.ID, model.StateRunning)
				if got := h.sim.Calls("pull"); got != test.pulls {
					t.Errorf("%d pulls for the deploy, want %d", got, test.pulls)
				}
				// A restart does not wait for the registry.
				h.sim.SetDelay("pull", time.Hour)
				h.sim.Exit(running.ContainerID, 1)
				settle(2 * time.Second)
				h.wantStates(job.ID, states(started, "EXITED", started)...)
			})
		})
	}
}

func TestFailedPullFallsBackToTheLocalImage(t *testing.T) {
	simulated(t, func(t *testing.T, h *host) {
		h.sim.AddImage("web:latest")
		h.sim.FailPull("web:latest", container.ErrPullTimeout)
		h.start()
		job := testJob("web", func(job *model.Job) { job.Image = "web:latest" })
		h.master.deploy(job, model.GoalStart)
		settle(time.Second)
		h.wantStates(job.ID, started...)
	})
}

func TestFailedStartsAreRetriedMoreAndMoreSlowly(t *testing.T) {
	simulated(t, func(t *testing.T, h *host) {
		h.sim.SetBehaviour(func(container.Spec) container.SimBehaviour {
			return container.SimBehaviour{StartError: "no such executable: serve"}
		})
		h.start()
		job := testJob("web")
		h.master.deploy(job, model.GoalStart)
		settle(0)
		status := h.wantState(job.ID, model.StateFailed)
		if !strings.Contains(status.ContainerError, "no such executable: serve") || status.Throttled != model.ThrottleNo {
			t.Errorf("failed with %q, throttled %s", status.ContainerError, status.Throttled)
		}
		settle(10 * time.Minute)
		// 1, 2, 4, 8, 16 s, then every 30 s.
		if attempts := h.sim.Calls("start"); attempts < 20 || attempts > 26 {
			t.Errorf("%d attempts in ten minutes", attempts)
		}
		if left := len(h.sim.Containers()); left > 2 {
			t.Errorf("%d containers that never ran are left", left)
		}
		h.sim.SetBehaviour(nil)
		settle(31 * time.Second)
		h.wantState(job.ID, model.StateRunning)
	})
}

func TestStopWaitsForTheContainer(t *testing.T) {
	tests := []struct {
		name string
		edit func(*model.Job)
		want time.Duration
	}{
		{"default", func(*model.Job) {}, 120 * time.Second},
		{"as the job says", func(job *model.Job) { job.SecondsToWaitBeforeKill = ptr(30) }, 30 * time.Second},
		{"grace period of a registered service", func(job *model.Job) {
			job.SecondsToWaitBeforeKill, job.GracePeriod = ptr(30), ptr(60)
			job.Registration = map[model.ServiceEndpoint]model.ServicePorts{{Name: "web", Protocol: "http"}: {}}
		}, 90 * time.Second},
		{"grace period without a service", func(job *model.Job) {
			job.SecondsToWaitBeforeKill, job.GracePeriod = ptr(30), ptr(60)
		}, 30 * time.Second},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			simulated(t, func(t *testing.T, h *host) {
				h.sim.SetBehaviour(func(container.Spec) container.SimBehaviour { return container.SimBehaviour{IgnoreTerm: true} })
				h.start()
				job := testJob("web", test.edit)
				h.master.deploy(job, model.GoalStart)
				settle(time.Second)
				h.master.setGoal(job.ID, model.GoalStop)
				settle(test.want - time.Second)
				h.wantState(job.ID, model.StateStopping)
				if len(h.running()) != 1 {
					t.Error("killed too early")
				}
				settle(2 * time.Second)
				h.wantStates(job.ID, states(started, "STOPPING", "STOPPED")...)
				h.wantRunning()
			})
		})
	}
}

func TestDeployedToBeStopped(t *testing.T) {
	simulated(t, func(t *testing.T, h *host) {
		h.start()
		port := withPorts(map[string]model.PortMapping{"http": {InternalPort: 80, ExternalPort: ptr(8080), Protocol: "tcp"}})
		first, second := testJob("first", port), testJob("second", port)
		h.master.deploy(first, model.GoalStop)
		settle(time.Second)
		h.master.deploy(second, model.GoalStart)
		settle(time.Second)
		h.wantStates(first.ID)
		status := h.wantState(second.ID, model.StateFailed)
		if !strings.Contains(status.ContainerError, "8080") || !strings.Contains(status.ContainerError, first.ID.Short()) {
			t.Errorf("waiting with error %q, want the port and its holder", status.ContainerError)
		}
		settle(5 * time.Minute)
		h.wantStates(second.ID, "FAILED")

		h.master.undeploy(first.ID)
		settle(time.Second)
		h.wantStates(second.ID, states("FAILED", started)...)
		h.wantStates(first.ID, "REMOVED")
	})
}

func TestStartAfterDeployedToBeStopped(t *testing.T) {
	simulated(t, func(t *testing.T, h *host) {
		h.start()
		job := testJob("web")
		h.master.deploy(job, model.GoalStop)
		settle(time.Second)
		h.master.setGoal(job.ID, model.GoalStart)
		settle(time.Second)
		h.wantStates(job.ID, started...)
	})
}

func TestPortsRunOut(t *testing.T) {
	simulated(t, func(t *testing.T, h *host) {
		h.change = func(c *agent.Config) { c.PortRange = agent.PortRange{Start: 31010, End: 31011} }
		h.start()
		port := withPorts(map[string]model.PortMapping{"http": {InternalPort: 80, Protocol: "udp"}})
		first, second := testJob("first", port), testJob("second", port)
		h.master.deploy(first, model.GoalStart)
		settle(time.Second)
		h.master.deploy(second, model.GoalStart)
		settle(time.Second)
		h.wantState(first.ID, model.StateRunning)
		if status := h.wantState(second.ID, model.StateFailed); !strings.Contains(status.ContainerError, "no free port for http") {
			t.Errorf("waiting with error %q", status.ContainerError)
		}
		h.master.undeploy(first.ID)
		settle(time.Second)
		if got := *h.wantState(second.ID, model.StateRunning).Ports["http"].ExternalPort; got != 31010 {
			t.Errorf("port %d, want the one that became free", got)
		}
	})
}

func TestRedeployedJobGetsANewContainer(t *testing.T) {
	simulated(t, func(t *testing.T, h *host) {
		job, first := h.startWithJob("web")
		h.master.undeploy(job.ID) // seen as one change with the next
		h.master.deploy(job, model.GoalStart)
		settle(5 * time.Second)
		h.wantStates(job.ID, states(started, "STOPPING", "STOPPED", "REMOVED", started)...)
		second := h.wantState(job.ID, model.StateRunning).ContainerID
		if second == first {
			t.Error("the container of the old deployment goes on")
		}
		h.wantRunning(second)
	})
}

func TestUndeployDuringAPullAndACreate(t *testing.T) {
	for _, call := range []string{"image", "pull", "create", "start"} {
		t.Run(call, func(t *testing.T) {
			simulated(t, func(t *testing.T, h *host) {
				h.sim.SetDelay(call, 5*time.Second)
				h.start()
				job := testJob("web", func(job *model.Job) { job.Image = "absent:1" })
				h.master.deploy(job, model.GoalStart)
				settle(time.Second)
				h.master.undeploy(job.ID)
				settle(time.Minute)
				got := h.master.states(job.ID)
				if len(got) > 0 && got[len(got)-1] != "REMOVED" {
					t.Errorf("states %v, want REMOVED at the end", got)
				}
				if left := h.sim.Containers(); len(left) != 0 {
					t.Errorf("containers left: %v", left)
				}
			})
		})
	}
}

func TestStopWhileTheEngineIsStartingIt(t *testing.T) {
	simulated(t, func(t *testing.T, h *host) {
		h.change = func(c *agent.Config) { c.Runtime = &slowEngine{h.sim} }
		h.start()
		job := testJob("web")
		h.master.deploy(job, model.GoalStart)
		settle(time.Second)
		h.master.setGoal(job.ID, model.GoalStop)
		settle(time.Minute)
		h.wantState(job.ID, model.StateStopped)
		h.wantRunning()
	})
}

func TestHealthCheckDecidesWhenItRuns(t *testing.T) {
	simulated(t, func(t *testing.T, h *host) {
		var healthy atomic.Bool
		h.sim.SetExec(func(context.Context, container.Spec, []string) (int, error) {
			if healthy.Load() {
				return 0, nil
			}
			return 1, nil
		})
		h.start()
		job := testJob("web", func(job *model.Job) {
			job.HealthCheck = &model.HealthCheck{Type: model.HealthCheckExec, Command: []string{"test", "-e", "ready"}}
		})
		h.master.deploy(job, model.GoalStart)
		settle(10 * time.Minute)
		h.wantStates(job.ID, "PULLING_IMAGE", "CREATING", "STARTING", "HEALTHCHECKING")

		// A restarted agent checks again: the container was never found healthy.
		h.stop()
		h.start()
		settle(time.Minute)
		h.wantStates(job.ID, "PULLING_IMAGE", "CREATING", "STARTING", "HEALTHCHECKING")

		// A container that dies meanwhile is replaced.
		h.sim.Exit(h.wantState(job.ID, model.StateHealthchecking).ContainerID, 9)
		settle(2 * time.Second)
		h.wantStates(job.ID, "PULLING_IMAGE", "CREATING", "STARTING", "HEALTHCHECKING", "EXITED", "FAILED",
			"PULLING_IMAGE", "CREATING", "STARTING", "HEALTHCHECKING")
		if failed := h.master.history(job.ID)[5].Status; !strings.Contains(failed.ContainerError, "exit code 9") {
			t.Errorf("failed with %q, want the exit code", failed.ContainerError)
		}

		healthy.Store(true)
		settle(time.Minute)
		h.wantState(job.ID, model.StateRunning)

		// And once it was, a restarted agent takes it as it is.
		healthy.Store(false)
		h.stop()
		h.start()
		settle(time.Minute)
		h.wantState(job.ID, model.StateRunning)
	})
}
