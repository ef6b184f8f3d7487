package daemon

import (
	"context"
	"errors"
	"log/slog"
	"slices"
	"testing"
	"time"

	"github.com/heliosctl/heliosctl/daemon/agent"
	"github.com/heliosctl/heliosctl/daemon/container"
	"github.com/heliosctl/heliosctl/model"
)

// machine is a host with an engine of its own, and what an agent leaves on its disk.
type machine struct {
	t      *testing.T
	master *masterDaemon
	config Agent
	dir    string
	agent  *agent.Agent
	stop   func()
}

// newMachine has an agent of the given id for the host h1, which takes the name over as soon as its owner is away.
func newMachine(t *testing.T, master *masterDaemon, id string) *machine {
	now := time.Duration(0)
	sim := container.NewSim()
	sim.AddImage("nginx:1")
	return &machine{t: t, master: master, dir: t.TempDir(), config: Agent{
		Name: "h1", ID: id, Gossip: "127.0.0.1:0", Runtime: RuntimeSim, Simulated: sim, PortRange: DefaultPortRange(), RegistrationTTL: &now,
	}}
}

// start runs the machine's agent until it is stopped, by the end of the test at the latest.
func (m *machine) start() {
	m.t.Helper()
	c := Config{StateDir: m.dir, Logger: slog.New(slog.NewTextHandler(m.t.Output(), nil)).With("machine", m.config.ID), Loopback: true}
	config := m.config
	config.Join = []string{m.master.pool.Addr()}
	d, err := newAgentDaemon(c, config, m.dir)
	if err != nil {
		m.t.Fatal(errors.Join(err, d.closers.close()))
	}
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- errors.Join(d.run(ctx), d.closers.close()) }()
	stopped := false
	m.agent, m.stop = d.agent, func() {
		if stopped {
			return
		}
		stopped = true
		cancel()
		if err := <-ended; err != nil {
			m.t.Errorf("agent %s: %v", m.config.ID, err)
		}
	}
	m.t.Cleanup(m.stop)
}

func (m *machine) running() []string {
	var ids []string
	for _, c := range m.config.Simulated.Containers() {
		if c.Running {
			ids = append(ids, c.ID)
		}
	}
	return ids
}

func (m *machine) refused() bool {
	return errors.Is(m.agent.Health()[agent.HealthRegistration], model.ErrHostConflict)
}

// await waits until something holds.
func await(t *testing.T, what string, holds func() bool) {
	t.Helper()
	deadline := time.After(2 * time.Minute)
	poll := time.NewTicker(10 * time.Millisecond)
	defer poll.Stop()
	for !holds() {
		select {
		case <-poll.C:
		case <-deadline:
			t.Fatalf("waited in vain: %s", what)
		}
	}
}

// runsOn tells whether the masters know that the job runs in the one container that runs on the machine.
func (m *machine) runsOn(id model.JobID) bool {
	running := m.running()
	status, err := m.master.master.JobStatus(id)
	task := status.TaskStatuses["h1"]
	return err == nil && len(running) == 1 && task.State == model.StateRunning && task.ContainerID == running[0]
}

// deployed makes a job and deploys it to h1.
func deployed(t *testing.T, d *masterDaemon) model.JobID {
	t.Helper()
	user := model.Request{User: "alice"}
	id, err := d.master.CreateJob(t.Context(), user, model.Job{ID: model.JobID{Name: "web", Version: "1"}, Image: "nginx:1"})
	if err != nil {
		t.Fatal(err)
	}
	if err := d.master.Deploy(t.Context(), user, "h1", model.Deployment{JobID: id, Goal: model.GoalStart}, ""); err != nil {
		t.Fatal(err)
	}
	return id
}

func TestTwoAgentsOfOneName(t *testing.T) {
	t.Parallel()
	d := startCluster(t)
	old, replacement := newMachine(t, d, "OLD"), newMachine(t, d, "NEW")
	old.start()
	await(t, "the host is registered", func() bool { return slices.Contains(d.master.Hosts(), "h1") })
	id := deployed(t, d)
	await(t, "the job runs", func() bool { return old.runsOn(id) })
	abandoned := old.running()

	replacement.start()
	await(t, "the second agent is refused", replacement.refused)
	if running := replacement.running(); len(running) != 0 {
		t.Errorf("the refused agent runs %v", running)
	}

	old.stop()
	await(t, "the second agent has taken over", func() bool { return replacement.runsOn(id) })
	if history, err := d.master.History(t.Context(), id); err != nil || !slices.ContainsFunc(history, func(e model.TaskStatusEvent) bool {
		return e.Status.ContainerID == abandoned[0]
	}) {
		t.Errorf("the history of before is gone: %+v, %v", history, err)
	}

	old.start()
	await(t, "the first agent is refused", old.refused)
	if err := d.master.Undeploy(t.Context(), model.Request{}, "h1", id, ""); err != nil {
		t.Fatal(err)
	}
	await(t, "the job is taken down", func() bool { return len(replacement.running()) == 0 })
	if !slices.Equal(old.running(), abandoned) {
		t.Errorf("the refused agent's containers are %v, want %v left alone", old.running(), abandoned)
	}

	replacement.stop()
	await(t, "the first agent has the host again and takes down what is not wanted", func() bool { return !old.refused() && len(old.running()) == 0 })
}

func TestDeregisteredHostComesBackEmpty(t *testing.T) {
	for _, away := range []bool{false, true} {
		name := "while its agent is alive"
		if away {
			name = "while its agent is away"
		}
		t.Run(name, func(t *testing.T) {
			d := startCluster(t)
			m := newMachine(t, d, "ONE")
			m.start()
			await(t, "the host is registered", func() bool { return slices.Contains(d.master.Hosts(), "h1") })
			id := deployed(t, d)
			await(t, "the job runs", func() bool { return m.runsOn(id) })
			if away {
				m.stop()
			}
			if err := d.master.DeregisterHost(t.Context(), model.Request{User: "alice"}, "h1"); err != nil {
				t.Fatal(err)
			}
			if away {
				if len(m.running()) != 1 {
					t.Error("the container was stopped by nobody")
				}
				m.start()
			}
			await(t, "the job is taken down", func() bool { return len(m.running()) == 0 })
			await(t, "the host is back without jobs", func() bool {
				host, err := d.master.Host("h1")
				return err == nil && host.Status == model.Up && len(host.Jobs)+len(host.Statuses) == 0
			})
		})
	}
}
