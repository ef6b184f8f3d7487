package agent_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/heliosctl/heliosctl/model"
)

// A host with many jobs has all of them running, again after all their containers were killed, on ports of their own.
func TestTwoHundredJobs(t *testing.T) {
	simulated(t, func(t *testing.T, h *host) {
		h.start()
		port := withPorts(map[string]model.PortMapping{"http": {InternalPort: 80, Protocol: "tcp"}})
		var jobs []model.Job
		for i := range 200 {
			job := testJob(fmt.Sprintf("web-%d", i), port)
			h.master.deploy(job, model.GoalStart)
			jobs = append(jobs, job)
		}
		settle(10 * time.Second)
		first := map[model.JobID]model.TaskStatus{}
		holders := map[int]model.JobID{}
		for _, job := range jobs {
			status := h.wantState(job.ID, model.StateRunning)
			first[job.ID] = status
			port := *status.Ports["http"].ExternalPort
			if holder, taken := holders[port]; taken {
				t.Errorf("port %d belongs to %s and %s", port, holder.Short(), job.ID.Short())
			}
			holders[port] = job.ID
		}
		for _, status := range first {
			h.sim.Exit(status.ContainerID, 137)
		}
		settle(time.Minute)
		for _, job := range jobs {
			again := h.wantState(job.ID, model.StateRunning)
			if again.ContainerID == first[job.ID].ContainerID || *again.Ports["http"].ExternalPort != *first[job.ID].Ports["http"].ExternalPort {
				t.Errorf("%s runs again in container %s on port %d", job.ID.Short(), again.ContainerID, *again.Ports["http"].ExternalPort)
			}
		}
		if running := len(h.running()); running != len(jobs) {
			t.Errorf("%d containers run, want %d", running, len(jobs))
		}
		for _, job := range jobs {
			h.master.undeploy(job.ID)
		}
		settle(time.Minute)
		if left := h.sim.Containers(); len(left) != 0 {
			t.Errorf("%d containers are left", len(left))
		}
	})
}
