package agent_test

import (
	"context"
	"fmt"
	"os"
	"slices"
	"testing"
	"time"

	mobycontainer "github.com/docker/docker/api/types/container"
	"github.com/google/go-cmp/cmp"
	"github.com/google/uuid"

	"github.com/heliosctl/heliosctl/daemon/agent"
	"github.com/heliosctl/heliosctl/daemon/container"
	"github.com/heliosctl/heliosctl/daemon/container/containertest"
	"github.com/heliosctl/heliosctl/model"
)

// startForeign starts a container past our runtime, which is removed at the end of the test.
func startForeign(t testing.TB, name string, config mobycontainer.Config) string {
	t.Helper()
	raw := containertest.RawClient(t)
	config.Cmd = []string{"sh", "-c", serveUntilTerm}
	made, err := raw.ContainerCreate(t.Context(), &config, nil, nil, nil, name)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = raw.ContainerRemove(context.WithoutCancel(t.Context()), made.ID, mobycontainer.RemoveOptions{Force: true})
	})
	if err := raw.ContainerStart(t.Context(), made.ID, mobycontainer.StartOptions{}); err != nil {
		t.Fatal(err)
	}
	return made.ID
}

// Running containers of this agent that no record knows are stopped, those that were there before the agent and those that come
// later; everybody else's stay, whatever their names.
func TestDockerReaper(t *testing.T) {
	t.Parallel()
	h := newDockerHost(t)
	h.change = func(c *agent.Config) { c.Poll = time.Second }
	job := h.job("web", serveUntilTerm)
	labels := func(agentID string) map[string]string {
		return map[string]string{container.LabelAgent: agentID, container.LabelJob: h.job("unknown", "").ID.String()}
	}
	start := func(name, agentID string) string {
		config := mobycontainer.Config{Image: h.image}
		if agentID != "" {
			config.Labels = labels(agentID)
		}
		return startForeign(t, name+"-"+uuid.NewString()[:8], config)
	}
	foreign := map[string]string{
		"no label":                    start("heliosctl-test-foreign", ""),
		"a name like ours":            start("helios-"+h.id+"-web_1_0123456", ""),
		"another agent":               start("helios-other-web_1_0123456", "another-"+h.id),
		"another agent, longer by it": start("helios-"+h.id+"2-web_1_0123456", h.id+"2"),
	}
	runs := func(id string) bool {
		state, err := h.docker.Inspect(t.Context(), id)
		return err == nil && state.Running
	}
	gone := func(id string) {
		t.Helper()
		h.eventually(func() bool { return !runs(id) }, func() string { return "the stray still runs" })
	}
	before := start("helios-"+h.id+"-stray_1_0123456", h.id)
	h.start()
	h.run(job)
	gone(before)

	later := start("helios-"+h.id+"-stray_1_0123456", h.id)
	h.stop()
	h.start()
	h.adopted(job.ID)
	gone(later)
	for who, id := range foreign {
		if !runs(id) {
			t.Errorf("the container of %s was stopped", who)
		}
	}
	h.master.undeploy(job.ID)
	h.removed(job.ID)
	for who, id := range foreign {
		if !runs(id) {
			t.Errorf("the container of %s was stopped by the undeploy", who)
		}
	}
}

// Without its records an agent of the same id takes its containers up again by their labels, with the ports they have.
func TestDockerAdoptionWithoutRecords(t *testing.T) {
	t.Parallel()
	h := newDockerHost(t)
	h.change = func(c *agent.Config) { c.Poll = time.Second }
	h.start()
	var jobs []model.Job
	for i := range 3 {
		job := h.job(fmt.Sprintf("web-%d", i), serveUntilTerm, func(job *model.Job) {
			job.Ports = map[string]model.PortMapping{"http": {InternalPort: 80, Protocol: "tcp"}, "dns": {InternalPort: 53, Protocol: "udp"}}
		})
		h.master.deploy(job, model.GoalStart)
		jobs = append(jobs, job)
	}
	unwanted := h.run(h.job("unwanted", serveUntilTerm))
	before := map[model.JobID]model.TaskStatus{}
	for _, job := range jobs {
		before[job.ID] = h.wait(job.ID, model.StateRunning, "")
	}
	h.stop()
	if err := os.RemoveAll(h.dir); err != nil {
		t.Fatal(err)
	}
	h.master.undeploy(unwanted.job.ID)
	h.start()
	for _, job := range jobs {
		after := h.adopted(job.ID)
		if diff := cmp.Diff(before[job.ID].Ports, after.Ports); diff != "" || after.ContainerID != before[job.ID].ContainerID {
			t.Errorf("container %s, before %s; ports (-before +after):\n%s", after.ContainerID, before[job.ID].ContainerID, diff)
		}
	}
	h.eventually(func() bool {
		state, err := h.docker.Inspect(t.Context(), unwanted.status.ContainerID)
		return err != nil || !state.Running
	}, func() string { return "the container of the job that was undeployed meanwhile still runs" })
	left, err := h.docker.List(t.Context(), h.id)
	if err != nil {
		t.Fatal(err)
	}
	left = slices.DeleteFunc(left, func(c container.State) bool { return !c.Running })
	if len(left) != len(jobs) {
		t.Errorf("%d containers run, want the %d adopted ones", len(left), len(jobs))
	}
}
