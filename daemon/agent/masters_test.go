package agent_test

import (
	"encoding/json"
	"errors"
	"net/http/httptest"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/heliosctl/heliosctl/daemon/agent"
	"github.com/heliosctl/heliosctl/daemon/container"
	"github.com/heliosctl/heliosctl/model"
)

func TestRefusedAgentTouchesNothing(t *testing.T) {
	simulated(t, func(t *testing.T, h *host) {
		h.start()
		running, later := testJob("running"), testJob("later")
		h.master.deploy(running, model.GoalStart)
		settle(time.Second)
		id := h.wantState(running.ID, model.StateRunning).ContainerID

		h.master.giveTo("ANOTHER")
		h.master.deploy(later, model.GoalStart)
		h.master.undeploy(running.ID)
		settle(5 * time.Minute)
		h.wantRunning(id)
		if err := h.agent.Health()[agent.HealthRegistration]; !errors.Is(err, model.ErrHostConflict) {
			t.Errorf("health of the registration: %v, want the conflict", err)
		}
		h.sim.Exit(id, 1)
		settle(5 * time.Minute)
		h.wantRunning()
		h.wantStates(running.ID, started...)

		h.stop() // nor does a restarted one
		h.start()
		settle(5 * time.Minute)
		h.wantRunning()

		h.master.giveTo(myID)
		settle(time.Minute)
		if err := h.agent.Health()[agent.HealthRegistration]; err != nil {
			t.Errorf("health of the registration: %v", err)
		}
		h.wantState(later.ID, model.StateRunning)
		if got := h.master.states(running.ID); got[len(got)-1] != "REMOVED" {
			t.Errorf("states %v, want REMOVED at the end", got)
		}
	})
}

func TestMastersOfAnotherClusterTakeNothingDown(t *testing.T) {
	simulated(t, func(t *testing.T, h *host) {
		_, id := h.startWithJob("web")
		h.stop()

		h.master.edit(func() { // all state is lost
			h.master.cluster, h.master.index, h.master.acked, h.master.owner = "cluster-2", 3, 0, ""
			clear(h.master.tasks)
		})
		h.start()
		settle(5 * time.Minute)
		h.wantRunning(id)
		if err := h.agent.Health()[agent.HealthRegistration]; !errors.Is(err, model.ErrHostConflict) {
			t.Errorf("health of the registration: %v, want the conflict", err)
		}

		h.stop() // unless the operator says that it is to move
		h.change = func(c *agent.Config) { c.ClusterID = "cluster-2" }
		h.start()
		settle(time.Minute)
		h.wantRunning()
	})
}

func TestHostRegisteredAnewIsToldEverything(t *testing.T) {
	simulated(t, func(t *testing.T, h *host) {
		h.start()
		job := testJob("web")
		h.master.deploy(job, model.GoalStart)
		settle(time.Second)
		h.master.edit(func() { h.master.owner = "" }) // deregistered; the deployment is made again with the next registration
		h.master.edit(func() { h.master.epoch, h.master.reports, h.master.acked = 2, nil, 0 })
		settle(time.Minute)
		h.wantStates(job.ID, "RUNNING")
	})
}

func TestEveryReportArrivesOnce(t *testing.T) {
	tests := []struct {
		name    string
		trouble func(h *host)
	}{
		{"answers get lost", func(h *host) { h.master.loseAcks = 3 }},
		{"batches are too large", func(h *host) { h.master.maxBatch = 1 }},
		{"a master cannot read one job's", func(h *host) { h.master.poison = testJob("poison").ID }},
		{"the agent is restarted before they are sent", func(h *host) { h.master.down = true }},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			simulated(t, func(t *testing.T, h *host) {
				h.start()
				settle(time.Second)
				job, poison := testJob("web"), testJob("poison")
				h.master.deploy(job, model.GoalStart)
				h.master.deploy(poison, model.GoalStart)
				h.master.edit(func() { test.trouble(h) })
				settle(time.Second)
				h.stop()
				h.start()
				settle(time.Second)
				h.master.edit(func() { h.master.down, h.master.poison = false, model.JobID{} })
				settle(5 * time.Minute)
				h.wantStates(job.ID, started...)
				if left, err := h.records.Outbox(10); err != nil || len(left) != 0 {
					t.Errorf("outbox: %v %v, want it empty", left, err)
				}
			})
		})
	}
}

func TestFactsAndGauges(t *testing.T) {
	simulated(t, func(t *testing.T, h *host) {
		h.change = func(c *agent.Config) {
			c.Labels = map[string]string{"role": "web"}
			c.Env = map[string]string{"ZONE": "a"}
		}
		h.start()
		settle(35 * time.Second)
		h.master.mu.Lock()
		defer h.master.mu.Unlock()
		if len(h.master.regs) != 1 {
			t.Fatalf("%d registrations, want one as long as nothing changes", len(h.master.regs))
		}
		got := h.master.regs[0]
		if got.Host != "host1" || got.AgentID != myID || got.Labels["role"] != "web" || got.Environment["ZONE"] != "a" {
			t.Errorf("registration %+v", got)
		}
		info := got.HostInfo
		if info.CPUs == 0 || info.MemoryTotalBytes == 0 || info.OSName == "" || info.OSVersion == "" || info.Uname == "" || info.Runtime != "sim" {
			t.Errorf("host info %+v", info)
		}
		if got.AgentInfo.Version != "test" || got.AgentInfo.StartTime == 0 || got.AgentInfo.Name == "" {
			t.Errorf("agent info %+v", got.AgentInfo)
		}
		if n := len(h.master.gauges); n < 3 || n > 5 {
			t.Errorf("%d gauges in 35 s, want one each 10 s", n)
		} else if last := h.master.gauges[n-1]; last.MemoryFreeBytes == 0 || last.Uptime < 25000 {
			t.Errorf("gauges %+v", last)
		}
	})
}

func TestFactsAreSentAgainWhenTheyChange(t *testing.T) {
	simulated(t, func(t *testing.T, h *host) {
		h.sim.SetUnavailable(true)
		h.start()
		settle(time.Second)
		h.sim.SetUnavailable(false)
		settle(time.Minute)
		h.master.mu.Lock()
		defer h.master.mu.Unlock()
		var endpoints []string
		for _, r := range h.master.regs {
			endpoints = append(endpoints, r.HostInfo.DockerHost)
		}
		if diff := cmp.Diff([]string{"", "sim:"}, endpoints); diff != "" {
			t.Errorf("endpoints that were told (-want +got):\n%s", diff)
		}
	})
}

func TestStraysAreStoppedAndForeignersAreNot(t *testing.T) {
	simulated(t, func(t *testing.T, h *host) {
		foreign := h.sim.AddForeign("helios-"+myID+"-looks_like_ours", image, nil)
		others := h.sim.AddForeign("other", image, map[string]string{container.LabelAgent: "ANOTHER", container.LabelJob: testJob("x").ID.String()})
		stray := h.sim.AddForeign("stray", image, map[string]string{container.LabelAgent: myID, container.LabelJob: testJob("x").ID.String()})
		h.master.setDown(true)
		h.start()
		settle(5 * time.Minute)
		h.wantRunning(foreign, others, stray) // no master has said that it is not wanted
		h.master.setDown(false)
		settle(2 * time.Minute)
		h.wantRunning(foreign, others)
		if h.sim.Calls("kill") != 0 {
			t.Error("the stray was killed, want TERM")
		}
	})
}

func TestAgentsHTTP(t *testing.T) {
	simulated(t, func(t *testing.T, h *host) {
		h.start()
		job := testJob("web")
		h.master.deploy(job, model.GoalStart)
		settle(time.Second)

		var tasks map[model.JobID]model.Task
		h.get("/helios/tasks", &tasks)
		if task := tasks[job.ID]; len(tasks) != 1 || task.Goal != model.GoalStart || task.Job.Image != image {
			t.Errorf("tasks %+v", tasks)
		}
		var statuses map[model.JobID]model.TaskStatus
		h.get("/helios/taskstatus", &statuses)
		if status := statuses[job.ID]; len(statuses) != 1 || status.State != model.StateRunning {
			t.Errorf("statuses %+v", statuses)
		}
	})
}

func (h *host) get(path string, into any) {
	h.t.Helper()
	answer := httptest.NewRecorder()
	h.agent.Handler().ServeHTTP(answer, httptest.NewRequest("GET", path, nil))
	if answer.Code != 200 || answer.Header().Get("Content-Type") != "application/json" {
		h.t.Fatalf("GET %s: %d %s", path, answer.Code, answer.Header())
	}
	if err := json.Unmarshal(answer.Body.Bytes(), into); err != nil {
		h.t.Fatal(err)
	}
}
