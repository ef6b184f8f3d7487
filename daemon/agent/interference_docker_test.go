package agent_test

import (
	"bufio"
	"context"
	"fmt"
	"os"
	"os/exec"
	"slices"
	"strings"
	"testing"
	"time"

	mobycontainer "github.com/docker/docker/api/types/container"
	"github.com/docker/docker/client"

	"github.com/heliosctl/heliosctl/daemon/agent"
	"github.com/heliosctl/heliosctl/daemon/container"
	"github.com/heliosctl/heliosctl/daemon/container/containertest"
	"github.com/heliosctl/heliosctl/model"
)

// runningOf returns the ids of the running containers of a job.
func (h *dockerHost) runningOf(id model.JobID) (ids []string) {
	h.t.Helper()
	containers, err := h.docker.List(h.t.Context(), h.id)
	if err != nil {
		h.t.Fatal(err)
	}
	for _, c := range containers {
		if c.Running && c.JobID() == id.String() {
			ids = append(ids, c.ID)
		}
	}
	return ids
}

// What others do to a container behind the agent's back ends with one running container, and the job can be undeployed.
func TestDockerInterference(t *testing.T) {
	t.Parallel()
	h := newDockerHost(t)
	h.start()
	for _, test := range []struct {
		name string
		do   func(raw *client.Client, id string) error
		same bool // the container goes on
	}{
		{"kill", func(raw *client.Client, id string) error { return raw.ContainerKill(t.Context(), id, "KILL") }, false},
		{"stop", func(raw *client.Client, id string) error {
			return raw.ContainerStop(t.Context(), id, mobycontainer.StopOptions{})
		}, false},
		{"remove", func(raw *client.Client, id string) error {
			return raw.ContainerRemove(t.Context(), id, mobycontainer.RemoveOptions{Force: true})
		}, false},
		{"rename", func(raw *client.Client, id string) error {
			return raw.ContainerRename(t.Context(), id, "heliosctl-test-renamed-"+id[:12])
		}, true},
		{"pause", func(raw *client.Client, id string) error { return raw.ContainerPause(t.Context(), id) }, true},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			h := h.in(t)
			first := h.run(h.job(jobName(t), serveUntilTerm))
			if err := test.do(first.raw, first.status.ContainerID); err != nil {
				t.Fatal(err)
			}
			job := first.job.ID
			if !test.same {
				h.wait(job, model.StateRunning, first.status.ContainerID)
			}
			got := h.runningOf(job)
			if len(got) != 1 || (got[0] == first.status.ContainerID) != test.same {
				t.Errorf("running %v, want one; the same as before, %s: %v", got, first.status.ContainerID, test.same)
			}
			h.master.undeploy(job)
			h.removed(job)
			if left := h.runningOf(job); len(left) != 0 {
				t.Errorf("still running after the undeploy: %v", left)
			}
		})
	}
}

const stepEnv = "HELIOSCTL_TEST_STEP" // where the agent that this process is to be stands still

// hangingRuntime stands still for good at one step of a container's life and says so.
type hangingRuntime struct {
	agent.Runtime
	step string
}

func (r *hangingRuntime) at(step string) {
	if step == r.step {
		fmt.Println("reached")
		select {}
	}
}

func (r *hangingRuntime) Image(ctx context.Context, image string) (container.Image, error) {
	r.at("before image")
	return r.Runtime.Image(ctx, image)
}

func (r *hangingRuntime) Create(ctx context.Context, spec container.Spec) (string, error) {
	r.at("before create")
	id, err := r.Runtime.Create(ctx, spec)
	r.at("after create")
	return id, err
}

func (r *hangingRuntime) Start(ctx context.Context, id string) error {
	r.at("before start")
	err := r.Runtime.Start(ctx, id)
	r.at("after start")
	return err
}

func (r *hangingRuntime) Stop(ctx context.Context, id string, timeout time.Duration) error {
	r.at("before stop")
	err := r.Runtime.Stop(ctx, id, timeout)
	r.at("after stop")
	return err
}

func (r *hangingRuntime) Remove(ctx context.Context, id string) error {
	r.at("before remove")
	err := r.Runtime.Remove(ctx, id)
	r.at("after remove")
	return err
}

// Killed at whatever step, an agent goes on where it was: the next has one container of the task, or none when it is undeployed.
func TestDockerAgentIsKilledAtEveryStep(t *testing.T) {
	t.Parallel()
	if spec := os.Getenv(crashEnv); spec != "" {
		hangUntilKilled(t, spec)
		return
	}
	starting := []string{"before image", "before create", "after create", "before start", "after start"}
	stopping := []string{"before stop", "after stop", "before remove", "after remove"}
	for _, step := range slices.Concat(starting, stopping) {
		t.Run(step, func(t *testing.T) {
			t.Parallel()
			h := newDockerHost(t)
			job := h.job("web", serveUntilTerm)
			child := exec.CommandContext(t.Context(), os.Args[0], "-test.run", "^TestDockerAgentIsKilledAtEveryStep$")
			child.Env = append(os.Environ(), crashEnv+"="+strings.Join([]string{h.dir, h.id, h.image}, "|"), stepEnv+"="+step)
			said, err := child.StdoutPipe()
			if err != nil {
				t.Fatal(err)
			}
			if err := child.Start(); err != nil {
				t.Fatal(err)
			}
			line, err := bufio.NewReader(said).ReadString('\n')
			_ = child.Process.Kill()
			_ = child.Wait() // it was killed
			if err != nil || line != "reached\n" {
				t.Fatalf("the agent says %q, %v", line, err)
			}
			if slices.Contains(stopping, step) {
				h.start()
				h.gone(job.ID)
				return
			}
			h.master.deploy(job, model.GoalStart)
			h.start()
			status := h.adopted(job.ID)
			if got := h.runningOf(job.ID); len(got) != 1 || got[0] != status.ContainerID {
				t.Errorf("running %v, want %s alone", got, status.ContainerID)
			}
			h.master.undeploy(job.ID)
			h.gone(job.ID)
		})
	}
}

// hangUntilKilled runs an agent, undeploys its job once it runs, and stands still at the step.
func hangUntilKilled(t *testing.T, spec string) {
	parts := strings.Split(spec, "|")
	h := &dockerHost{t: t, docker: containertest.RequireDocker(t), dir: parts[0], id: parts[1], image: parts[2], master: newFakeMaster()}
	h.change = func(c *agent.Config) { c.Runtime = &hangingRuntime{Runtime: h.docker, step: os.Getenv(stepEnv)} }
	job := h.job("web", serveUntilTerm)
	h.master.deploy(job, model.GoalStart)
	h.start()
	h.adopted(job.ID)
	h.master.undeploy(job.ID)
	select {}
}
