package agent_test

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/heliosctl/heliosctl/daemon/agent"
	"github.com/heliosctl/heliosctl/daemon/container"
	"github.com/heliosctl/heliosctl/model"
)

// discovery is a discovery service. It outlives the agents that register with it.
type discovery struct {
	mu    sync.Mutex
	away  bool              // it does not answer
	found map[string]string // "name:port" of what clients find, to the state that its task had been reported in
	log   []string
	sim   *container.Sim
	began time.Time
}

func newDiscovery(h *host) *discovery {
	return &discovery{found: map[string]string{}, sim: h.sim, began: time.Now()}
}

func (d *discovery) say(format string, args ...any) {
	at := time.Since(d.began).Truncate(time.Second)
	d.log = append(d.log, fmt.Sprintf("%s: ", at)+fmt.Sprintf(format, args...))
}

func (d *discovery) takeLog() []string {
	d.mu.Lock()
	defer d.mu.Unlock()
	log := d.log
	d.log = nil
	return log
}

func (d *discovery) setAway(away bool) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.away = away
}

func (d *discovery) services() []string {
	d.mu.Lock()
	defer d.mu.Unlock()
	return slices.Sorted(maps.Keys(d.found))
}

// registrar is the client of one agent process.
type registrar struct {
	*discovery
	handles map[string]string
	made    int
}

func (d *discovery) client() *registrar {
	return &registrar{discovery: d, handles: map[string]string{}}
}

func (r *registrar) Register(job model.Job, ports map[string]int) string {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.made++
	handle := fmt.Sprint("handle ", r.made)
	service := fmt.Sprintf("%s:%d", job.ID.Name, ports["http"])
	r.handles[handle] = service
	r.found[service] = "found"
	r.say("register %s", service)
	return handle
}

func (r *registrar) Unregister(ctx context.Context, handle string) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.away {
		r.mu.Unlock()
		<-ctx.Done()
		r.mu.Lock()
		r.say("unregister without an answer")
		return ctx.Err()
	}
	service := r.handles[handle]
	delete(r.handles, handle)
	if !slices.Contains(slices.Collect(maps.Values(r.handles)), service) {
		delete(r.found, service)
	}
	running := 0
	for _, c := range r.sim.Containers() {
		if c.Running {
			running++
		}
	}
	r.say("unregister %s while %d run", service, running)
	return nil
}

func (h *host) register(with *discovery) {
	h.change = func(c *agent.Config) { c.Registrar = with.client() }
}

func webService(job *model.Job) {
	job.Ports = map[string]model.PortMapping{"http": {InternalPort: 80, Protocol: "tcp"}}
	job.Registration = map[model.ServiceEndpoint]model.ServicePorts{
		{Name: "web", Protocol: "http"}: {Ports: map[string]model.ServicePortParameters{"http": {}}},
	}
}

func wantLog(t *testing.T, d *discovery, want ...string) {
	t.Helper()
	if diff := cmp.Diff(want, d.takeLog()); diff != "" {
		t.Errorf("what the discovery service was asked (-want +got):\n%s", diff)
	}
}

func TestServicesAreRegisteredWhileTheyRun(t *testing.T) {
	simulated(t, func(t *testing.T, h *host) {
		d := newDiscovery(h)
		h.register(d)
		healthy := false
		var mu sync.Mutex
		h.sim.SetExec(func(context.Context, container.Spec, []string) (int, error) {
			mu.Lock()
			defer mu.Unlock()
			if healthy {
				return 0, nil
			}
			return 1, nil
		})
		h.start()
		plain := testJob("plain")
		job := testJob("web", webService, func(job *model.Job) {
			job.GracePeriod = ptr(60)
			job.HealthCheck = &model.HealthCheck{Type: model.HealthCheckExec, Command: []string{"ready"}}
		})
		h.master.deploy(plain, model.GoalStart)
		h.master.deploy(job, model.GoalStart)
		settle(20 * time.Second)
		wantLog(t, d) // nobody is to find what is not healthy
		mu.Lock()
		healthy = true
		mu.Unlock()
		settle(40 * time.Second)
		status := h.wantState(job.ID, model.StateRunning)
		service := fmt.Sprintf("web:%d", *status.Ports["http"].ExternalPort)
		if diff := cmp.Diff([]string{service}, d.services()); diff != "" {
			t.Errorf("services found (-want +got):\n%s", diff)
		}
		d.takeLog()

		h.master.undeploy(plain.ID)
		settle(0)
		h.master.setGoal(job.ID, model.GoalStop)
		settle(59 * time.Second)
		wantLog(t, d, "1m0s: unregister "+service+" while 1 run")
		h.wantState(job.ID, model.StateStopping)
		if len(h.running()) != 1 {
			t.Error("the container was stopped within the grace period")
		}
		settle(2 * time.Second)
		h.wantState(job.ID, model.StateStopped)
		h.wantRunning()
		wantLog(t, d)
	})
}

func TestExitsAreUnregisteredBeforeTheyAreReported(t *testing.T) {
	simulated(t, func(t *testing.T, h *host) {
		d := newDiscovery(h)
		h.register(d)
		h.start()
		job := testJob("web", webService)
		h.master.deploy(job, model.GoalStart)
		settle(10 * time.Second)
		first := h.wantState(job.ID, model.StateRunning)
		service := fmt.Sprintf("web:%d", *first.Ports["http"].ExternalPort)
		h.sim.Exit(first.ContainerID, 1)
		settle(10 * time.Second)
		wantLog(t, d, "0s: register "+service, "10s: unregister "+service+" while 0 run", "11s: register "+service)

		d.setAway(true)
		h.sim.Exit(h.wantState(job.ID, model.StateRunning).ContainerID, 1)
		settle(900 * time.Millisecond)
		h.wantState(job.ID, model.StateRunning)
		settle(200 * time.Millisecond)
		h.wantState(job.ID, model.StateExited) // a discovery service in trouble hides it no longer than that
		settle(5 * time.Second)
		h.wantState(job.ID, model.StateRunning)
	})
}

func TestServicesStayRegisteredWhileTheAgentIsAway(t *testing.T) {
	simulated(t, func(t *testing.T, h *host) {
		d := newDiscovery(h)
		h.register(d)
		h.start()
		lives, dies := testJob("lives", webService), testJob("dies", webService)
		h.master.deploy(lives, model.GoalStart)
		h.master.deploy(dies, model.GoalStart)
		settle(10 * time.Second)
		service := func(job model.Job) string {
			return fmt.Sprintf("%s:%d", job.ID.Name, *h.wantState(job.ID, model.StateRunning).Ports["http"].ExternalPort)
		}
		both := []string{service(dies), service(lives)}
		h.stop()
		if diff := cmp.Diff(both, d.services()); diff != "" {
			t.Errorf("services found while the agent is away (-want +got):\n%s", diff)
		}
		h.sim.Exit(h.wantState(dies.ID, model.StateRunning).ContainerID, 1)
		h.sim.SetBehaviour(func(container.Spec) container.SimBehaviour { return container.SimBehaviour{StartError: "no"} })
		d.takeLog()
		h.start()
		settle(10 * time.Second)
		got := d.takeLog()
		slices.Sort(got)
		want := []string{"10s: register " + both[0], "10s: register " + both[1], "10s: unregister " + both[0] + " while 1 run"}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("what the discovery service was asked (-want +got):\n%s", diff)
		}
		if diff := cmp.Diff(both[1:], d.services()); diff != "" {
			t.Errorf("services found afterwards (-want +got):\n%s", diff)
		}
	})
}

func TestStopSurvivesARestartInTheMiddle(t *testing.T) {
	for _, test := range []struct {
		name string
		away time.Duration // of the discovery service, from the stop on
		cut  time.Duration // when the agent ends, after the stop
		ends time.Duration // when the container has, after the stop
		want []string
	}{
		{"in the grace period", 0, 20 * time.Second, 60 * time.Second, []string{"10s: unregister SERVICE while 1 run"}},
		{"before it was unregistered", 20 * time.Second, 2 * time.Second, 100 * time.Second, []string{
			"12s: unregister without an answer", "50s: register SERVICE", "50s: unregister SERVICE while 1 run",
		}},
		{"without an answer", time.Hour, 40 * time.Second, 60 * time.Second, []string{"15s: unregister without an answer"}},
	} {
		t.Run(test.name, func(t *testing.T) {
			simulated(t, func(t *testing.T, h *host) {
				d := newDiscovery(h)
				h.register(d)
				h.start()
				job := testJob("web", webService, func(job *model.Job) { job.GracePeriod = ptr(60) })
				h.master.deploy(job, model.GoalStart)
				settle(10 * time.Second)
				service := fmt.Sprintf("web:%d", *h.wantState(job.ID, model.StateRunning).Ports["http"].ExternalPort)
				d.takeLog()
				d.setAway(test.away > 0)
				stopped := time.Now()
				h.master.undeploy(job.ID)
				settle(test.cut)
				h.stop()
				settle(30*time.Second - test.cut)
				if test.away < time.Minute {
					d.setAway(false)
				}
				h.master.setDown(true) // the intent is known without a master
				h.start()
				ended := time.Duration(0)
				for ended == 0 && time.Since(stopped) < 5*time.Minute {
					settle(500 * time.Millisecond)
					if len(h.running()) == 0 {
						ended = time.Since(stopped)
					}
				}
				// The new agent waits for a master, for ten seconds, before it acts on what it remembers.
				if ended < test.ends || ended > test.ends+11*time.Second {
					t.Errorf("the container ended %s after the stop, want %s or a little more", ended, test.ends)
				}
				for i, line := range test.want {
					test.want[i] = strings.ReplaceAll(line, "SERVICE", service)
				}
				if diff := cmp.Diff(test.want, d.takeLog()); diff != "" {
					t.Errorf("what the discovery service was asked (-want +got):\n%s", diff)
				}
			})
		})
	}
}

func TestRefusedAgentLeavesServicesRegistered(t *testing.T) {
	simulated(t, func(t *testing.T, h *host) {
		d := newDiscovery(h)
		h.register(d)
		h.start()
		job := testJob("web", webService)
		h.master.deploy(job, model.GoalStart)
		settle(10 * time.Second)
		h.master.giveTo("OTHER")
		settle(time.Minute)
		h.master.giveTo(myID)
		settle(time.Minute)
		if len(d.services()) != 1 {
			t.Errorf("services found: %v, want the one that still runs", d.services())
		}
		h.master.undeploy(job.ID)
		settle(time.Minute)
		h.wantRunning()
		if len(d.services()) != 0 {
			t.Errorf("services found after the undeploy: %v", d.services())
		}
	})
}
