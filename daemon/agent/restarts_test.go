package agent_test

import (
	"fmt"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/heliosctl/heliosctl/daemon/agent"
	"github.com/heliosctl/heliosctl/daemon/container"
	"github.com/heliosctl/heliosctl/model"
)

func TestRestartedAgentLeavesContainersAsTheyAre(t *testing.T) {
	simulated(t, func(t *testing.T, h *host) {
		h.start()
		jobs := []model.Job{testJob("web"), testJob("db"), testJob("cache")}
		var containers []string
		for _, job := range jobs {
			h.master.deploy(job, model.GoalStart)
		}
		settle(time.Second)
		for _, job := range jobs {
			containers = append(containers, h.wantState(job.ID, model.StateRunning).ContainerID)
		}
		for range 3 {
			h.stop()
			h.wantRunning(containers...)
			h.start()
			settle(time.Minute)
		}
		h.wantRunning(containers...)
		for _, job := range jobs {
			h.wantStates(job.ID, started...) // and not a report more
		}
		h.sim.Exit(containers[0], 1)
		settle(2 * time.Second)
		h.wantStates(jobs[0].ID, states(started, "EXITED", started)...)
	})
}

func TestContainersThatEndedWhileTheAgentWasAway(t *testing.T) {
	tests := []struct {
		name string
		end  func(h *host, id string)
		want []string
	}{
		{"exited", func(h *host, id string) { h.sim.Exit(id, 1) }, states(started, "EXITED", started)},
		{"removed", func(h *host, id string) { h.sim.Vanish(id) }, states(started, started)},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			simulated(t, func(t *testing.T, h *host) {
				h.start()
				job := testJob("web", withPorts(map[string]model.PortMapping{"http": {InternalPort: 80, Protocol: "tcp"}}))
				h.master.deploy(job, model.GoalStart)
				settle(time.Second)
				before := h.wantState(job.ID, model.StateRunning)
				h.stop()
				test.end(h, before.ContainerID)
				h.change = func(c *agent.Config) { c.PortRange = agent.PortRange{Start: 25000, End: 25010} }
				h.start()
				settle(time.Second)
				h.wantStates(job.ID, test.want...)
				after := h.wantState(job.ID, model.StateRunning)
				if after.ContainerID == before.ContainerID {
					t.Error("the same container, want a new one")
				}
				if diff := cmp.Diff(before.Ports, after.Ports); diff != "" {
					t.Errorf("ports changed (-before +after):\n%s", diff)
				}
			})
		})
	}
}

func TestGoalsThatChangedWhileTheAgentWasAway(t *testing.T) {
	simulated(t, func(t *testing.T, h *host) {
		h.start()
		job := testJob("web")
		h.master.deploy(job, model.GoalStart)
		settle(time.Second)

		h.stop()
		h.master.setGoal(job.ID, model.GoalStop)
		h.start()
		settle(time.Second)
		h.wantState(job.ID, model.StateStopped)
		h.wantRunning()
		if kills := h.sim.Calls("kill"); kills != 0 {
			t.Errorf("killed %d times, want TERM", kills)
		}

		h.stop()
		h.master.setGoal(job.ID, model.GoalStart)
		h.start()
		settle(time.Second)
		h.wantState(job.ID, model.StateRunning)

		h.stop()
		h.master.undeploy(job.ID)
		h.start()
		settle(5 * time.Second)
		h.wantStates(job.ID, states(started, "STOPPING", "STOPPED", started, "STOPPING", "STOPPED", "REMOVED")...)
		if left := h.sim.Containers(); len(left) != 0 {
			t.Errorf("containers left: %v", left)
		}
	})
}

func TestStopGoesOnAfterARestart(t *testing.T) {
	for _, undeploy := range []bool{false, true} {
		t.Run(fmt.Sprint("undeploy ", undeploy), func(t *testing.T) {
			simulated(t, func(t *testing.T, h *host) {
				h.sim.SetBehaviour(func(container.Spec) container.SimBehaviour { return container.SimBehaviour{IgnoreTerm: true} })
				h.start()
				job := testJob("web", func(job *model.Job) { job.SecondsToWaitBeforeKill = ptr(60) })
				h.master.deploy(job, model.GoalStart)
				settle(time.Second)
				want := states(started, "STOPPING", "STOPPED")
				if undeploy {
					h.master.undeploy(job.ID)
					want = append(want, "REMOVED")
				} else {
					h.master.setGoal(job.ID, model.GoalStop)
				}
				settle(30 * time.Second)
				h.stop()
				h.master.setDown(true) // the intent is known without a master
				h.start()
				settle(50 * time.Second)
				if len(h.running()) != 1 {
					t.Error("the container was killed before its time")
				}
				settle(40 * time.Second)
				h.wantRunning()
				h.master.setDown(false)
				settle(time.Minute)
				h.wantStates(job.ID, want...)
			})
		})
	}
}

func TestStartWithoutAMaster(t *testing.T) {
	simulated(t, func(t *testing.T, h *host) {
		h.start()
		alive, dead := testJob("alive"), testJob("dead")
		h.master.deploy(alive, model.GoalStart)
		h.master.deploy(dead, model.GoalStart)
		settle(time.Second)
		aliveID := h.wantState(alive.ID, model.StateRunning).ContainerID
		deadID := h.wantState(dead.ID, model.StateRunning).ContainerID
		h.stop()
		h.sim.Exit(deadID, 1)
		h.master.setDown(true)
		h.start()

		settle(9 * time.Second)
		h.wantRunning(aliveID) // what was dead may not be wanted any more
		settle(2 * time.Second)
		if running := len(h.running()); running != 2 {
			t.Errorf("%d containers run, want the dead one to be replaced although no master answers", running)
		}
		if h.agent.Health()[agent.HealthMasters] == nil {
			t.Error("health does not say that no master answers")
		}

		h.master.setDown(false)
		settle(time.Minute)
		h.wantStates(alive.ID, started...)
		h.wantStates(dead.ID, states(started, "EXITED", started)...)
		if err := h.agent.Health()[agent.HealthMasters]; err != nil {
			t.Errorf("health: %v", err)
		}
	})
}

func TestUndeployedWhileTheAgentWasAwayIsNotStartedAgain(t *testing.T) {
	simulated(t, func(t *testing.T, h *host) {
		job, id := h.startWithJob("web")
		h.stop()
		h.sim.Exit(id, 1)
		h.master.undeploy(job.ID)
		creates := h.sim.Calls("create")
		h.start()
		settle(time.Minute)
		if h.sim.Calls("create") != creates {
			t.Error("a container was made for a job that is not deployed")
		}
		if got := h.master.states(job.ID); got[len(got)-1] != "REMOVED" {
			t.Errorf("states %v, want REMOVED at the end", got)
		}
	})
}

func TestMastersAreAwayForLong(t *testing.T) {
	simulated(t, func(t *testing.T, h *host) {
		job, id := h.startWithJob("web")
		h.master.setDown(true)
		settle(10 * time.Minute)
		h.wantRunning(id)
		h.sim.Exit(id, 1)
		settle(2 * time.Second)
		if len(h.running()) != 1 {
			t.Error("an exit is not answered while the masters are away")
		}
		h.master.setDown(false)
		settle(2 * time.Minute)
		h.wantStates(job.ID, states(started, "EXITED", started)...)
	})
}

func TestLostRecords(t *testing.T) {
	simulated(t, func(t *testing.T, h *host) {
		h.start()
		wanted := testJob("wanted", withPorts(map[string]model.PortMapping{"http": {InternalPort: 80, Protocol: "tcp"}}))
		unwanted := testJob("unwanted")
		h.master.deploy(wanted, model.GoalStart)
		h.master.deploy(unwanted, model.GoalStart)
		settle(time.Second)
		before := h.wantState(wanted.ID, model.StateRunning)
		h.stop()
		if err := os.RemoveAll(h.dir); err != nil {
			t.Fatal(err)
		}
		h.master.setDown(true)
		h.start()
		settle(time.Minute)
		if len(h.running()) != 2 {
			t.Error("containers were stopped before a master said so")
		}
		h.master.setDown(false)
		h.master.undeploy(unwanted.ID)
		settle(5 * time.Minute)
		h.wantRunning(before.ContainerID)
		after := h.wantState(wanted.ID, model.StateRunning)
		if diff := cmp.Diff(before.Ports, after.Ports); diff != "" {
			t.Errorf("the adopted container's ports (-before +after):\n%s", diff)
		}
		h.wantStates(wanted.ID, states(started, "RUNNING")...)
	})
}

func TestEngineOutageIsNotTheTasksFault(t *testing.T) {
	simulated(t, func(t *testing.T, h *host) {
		h.start()
		job, late := testJob("web"), testJob("late")
		h.master.deploy(job, model.GoalStart)
		settle(time.Second)
		id := h.wantState(job.ID, model.StateRunning).ContainerID

		h.sim.SetUnavailable(true)
		h.master.deploy(late, model.GoalStart)
		settle(3 * time.Minute)
		h.wantStates(job.ID, started...)
		h.wantStates(late.ID)
		if h.agent.Health()["sim"] == nil {
			t.Error("health does not say that the engine is away")
		}

		h.stop() // nor does a restart in the middle matter
		h.start()
		settle(3 * time.Minute)
		h.sim.SetUnavailable(false)
		settle(31 * time.Second)
		h.wantStates(job.ID, started...)
		h.wantStates(late.ID, started...)
		if err := h.agent.Health()["sim"]; err != nil {
			t.Errorf("health: %v", err)
		}
		if !strings.Contains(strings.Join(ids(h.running()), " "), id) {
			t.Error("the survivor was not adopted")
		}
	})
}

func TestExitDuringAnEngineOutage(t *testing.T) {
	simulated(t, func(t *testing.T, h *host) {
		h.start()
		job := testJob("web")
		h.master.deploy(job, model.GoalStart)
		settle(time.Second)
		h.sim.SetUnavailable(true)
		settle(time.Minute)
		h.sim.Exit(h.wantState(job.ID, model.StateRunning).ContainerID, 1)
		h.sim.SetUnavailable(false)
		settle(40 * time.Second)
		h.wantStates(job.ID, states(started, "EXITED", started)...)
	})
}

func TestUndeployDuringAnEngineOutage(t *testing.T) {
	simulated(t, func(t *testing.T, h *host) {
		h.start()
		job := testJob("web")
		h.master.deploy(job, model.GoalStart)
		settle(time.Second)
		h.sim.SetUnavailable(true)
		h.master.undeploy(job.ID)
		settle(3 * time.Minute)
		h.wantStates(job.ID, states(started, "STOPPING")...)
		h.sim.SetUnavailable(false)
		settle(40 * time.Second)
		h.wantStates(job.ID, states(started, "STOPPING", "STOPPED", "REMOVED")...)
		h.wantRunning()
	})
}

func ids(containers []container.State) []string {
	var all []string
	for _, c := range containers {
		all = append(all, c.ID)
	}
	return all
}
