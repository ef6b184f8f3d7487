package agent_test

import (
	"context"
	"log/slog"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/heliosctl/heliosctl/daemon/agent"
	"github.com/heliosctl/heliosctl/daemon/container"
	"github.com/heliosctl/heliosctl/model"
	"github.com/heliosctl/heliosctl/store"
)

// host is one machine: its disk and its container engine outlive the agents that are started on it.
type host struct {
	t      *testing.T
	dir    string
	sim    *container.Sim
	master *fakeMaster
	change func(*agent.Config)

	records *store.AgentRecords
	agent   *agent.Agent
	stop    func()
}

const (
	image = "busybox:1.36"
	myID  = "AGENT"
)

func newHost(t *testing.T) *host {
	h := &host{t: t, dir: t.TempDir(), sim: container.NewSim(), master: newFakeMaster(), change: func(*agent.Config) {}}
	h.sim.AddImage(image)
	return h
}

// start starts an agent on the host and returns how to stop it again; the end of the test stops it too.
func (h *host) start() {
	h.t.Helper()
	records, err := store.OpenAgentRecords(h.dir, store.AgentOptions{ID: myID})
	if err != nil {
		h.t.Fatal(err)
	}
	config := agent.Config{
		Host: "host1", Master: h.master, Records: records, Runtime: h.sim, Version: "test",
		Logger: slog.New(slog.NewTextHandler(h.t.Output(), nil)),
	}
	h.change(&config)
	a, err := agent.New(config)
	if err != nil {
		h.t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(h.t.Context())
	ended := make(chan error, 1)
	go func() { ended <- a.Run(ctx) }()
	h.records, h.agent = records, a
	stopped := false
	h.stop = func() {
		h.t.Helper()
		if stopped {
			return
		}
		stopped = true
		cancel()
		if err := <-ended; err != nil {
			h.t.Errorf("run: %v", err)
		}
		if err := records.Close(); err != nil {
			h.t.Errorf("close records: %v", err)
		}
	}
}

// startWithJob starts an agent on the host and has it run a job. It returns the job and the id of its container.
func (h *host) startWithJob(name string) (model.Job, string) {
	h.t.Helper()
	h.start()
	job := testJob(name)
	h.master.deploy(job, model.GoalStart)
	settle(time.Second)
	return job, h.wantState(job.ID, model.StateRunning).ContainerID
}

// simulated runs a test on a host in a bubble with a clock of its own.
func simulated(t *testing.T, test func(t *testing.T, h *host)) {
	t.Helper()
	t.Parallel() // most of the time goes into syncing the disk
	synctest.Test(t, func(t *testing.T) {
		h := newHost(t)
		h.stop = func() {}
		defer func() { h.stop() }()
		test(t, h)
	})
}

// settle lets d pass and everything that follows from it happen.
func settle(d time.Duration) {
	time.Sleep(d)
	synctest.Wait()
}

func testJob(name string, edits ...func(*model.Job)) model.Job {
	job := model.Job{ID: model.JobID{Name: name, Version: "1"}, Image: image, Command: []string{"serve"}}
	for _, edit := range edits {
		edit(&job)
	}
	return job.WithID()
}

func (h *host) wantStates(id model.JobID, want ...string) {
	h.t.Helper()
	if diff := cmp.Diff(want, h.master.states(id)); diff != "" {
		h.t.Errorf("reported states of %s (-want +got):\n%s", id.Short(), diff)
	}
}

func (h *host) wantState(id model.JobID, want model.State) model.TaskStatus {
	h.t.Helper()
	status, ok := h.master.status(id)
	if !ok || status.State != want {
		h.t.Fatalf("%s is %q (%v), want %s", id.Short(), status.State, ok, want)
	}
	return status
}

func (h *host) running() []container.State {
	return slices.DeleteFunc(h.sim.Containers(), func(c container.State) bool { return !c.Running })
}

func (h *host) wantRunning(want ...string) {
	h.t.Helper()
	var got []string
	for _, c := range h.running() {
		got = append(got, c.ID)
	}
	slices.Sort(got)
	want = slices.Sorted(slices.Values(want))
	if diff := cmp.Diff(want, got); diff != "" {
		h.t.Errorf("running containers (-want +got):\n%s", diff)
	}
}

var started = []string{"PULLING_IMAGE", "CREATING", "STARTING", "RUNNING"}

func states(parts ...any) []string {
	var all []string
	for _, part := range parts {
		switch part := part.(type) {
		case string:
			all = append(all, part)
		case []string:
			all = append(all, part...)
		}
	}
	return all
}

func TestDeployStopUndeploy(t *testing.T) {
	simulated(t, func(t *testing.T, h *host) {
		h.start()
		job := testJob("web")
		h.master.deploy(job, model.GoalStart)
		settle(time.Second)
		h.wantStates(job.ID, started...)
		running := h.wantState(job.ID, model.StateRunning)
		h.wantRunning(running.ContainerID)

		h.master.setGoal(job.ID, model.GoalStop)
		settle(time.Second)
		h.wantStates(job.ID, states(started, "STOPPING", "STOPPED")...)
		stopped := h.wantState(job.ID, model.StateStopped)
		if stopped.ContainerID != running.ContainerID || stopped.Goal != model.GoalStop {
			t.Errorf("stopped as %s with goal %s, want container %s and goal STOP", stopped.ContainerID, stopped.Goal, running.ContainerID)
		}
		h.wantRunning()
		if len(h.sim.Containers()) != 1 {
			t.Error("the stopped container is gone, its logs with it")
		}

		h.master.setGoal(job.ID, model.GoalStart)
		settle(time.Second)
		h.wantStates(job.ID, states(started, "STOPPING", "STOPPED", started)...)

		h.master.undeploy(job.ID)
		settle(5 * time.Second)
		h.wantStates(job.ID, states(started, "STOPPING", "STOPPED", started, "STOPPING", "STOPPED", "REMOVED")...)
		if left := h.sim.Containers(); len(left) != 0 {
			t.Errorf("containers left: %v", left)
		}
		if left := h.agent.TaskStatuses(); len(left) != 0 {
			t.Errorf("statuses left: %v", left)
		}
	})
}
