package master

import (
	"context"
	"fmt"
	"os"
	"sync"
	"testing"

	"go.uber.org/goleak"

	"github.com/heliosctl/heliosctl/daemon/gossip"
	"github.com/heliosctl/heliosctl/model"
)

func TestMain(m *testing.M) {
	if os.Getenv(childEnv) != "" {
		os.Exit(runChild())
	}
	goleak.VerifyTestMain(m, goleak.IgnoreTopFunction("github.com/golang/glog.(*fileSink).flushDaemon"))
}

// fleet is a Members that tests change.
type fleet struct {
	mu      sync.Mutex
	alive   map[string]string  // host to agent id
	gone    map[[2]string]bool // agents that were alive once and are not: host and id
	changed chan struct{}
}

func newFleet() *fleet {
	return &fleet{alive: map[string]string{}, gone: map[[2]string]bool{}, changed: make(chan struct{})}
}

func (f *fleet) AgentAlive(host, agentID string) bool {
	f.mu.Lock()
	defer f.mu.Unlock()
	return agentID != "" && f.alive[host] == agentID
}

func (f *fleet) AgentGone(host, agentID string) bool {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.gone[[2]string{host, agentID}]
}

func (f *fleet) MasterNames() []string { return []string{"m2", "m1"} }

func (f *fleet) KnownMasters() []gossip.Member { return nil }

func (f *fleet) Changed() <-chan struct{} {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.changed
}

// set makes the host's agent alive, or gone when agentID is empty.
func (f *fleet) set(host, agentID string) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.gone[[2]string{host, f.alive[host]}] = true
	delete(f.gone, [2]string{host, agentID})
	f.alive[host] = agentID
	close(f.changed)
	f.changed = make(chan struct{})
}

// running is a master that runs until its test ends or it is stopped.
type running struct {
	*Master
	t       testing.TB
	members *fleet
	cancel  context.CancelFunc
	result  chan error
}

func start(t testing.TB, dir string, change func(*Config)) *running {
	t.Helper()
	return startAmong(t, dir, newFleet(), change)
}

// startAmong starts a master among members that are there already.
func startAmong(t testing.TB, dir string, members *fleet, change func(*Config)) *running {
	t.Helper()
	config := Config{Name: "m1", DataDir: dir, LivenessGrace: 1}
	if change != nil {
		change(&config)
	}
	m, err := New(config)
	if err != nil {
		t.Fatal(err)
	}
	m.Attach(members, nil)
	ctx, cancel := context.WithCancel(context.Background())
	r := &running{Master: m, t: t, members: members, cancel: cancel, result: make(chan error, 1)}
	go func() { r.result <- m.Run(ctx) }()
	t.Cleanup(r.stop)
	select {
	case <-m.Ready():
	case err := <-r.result:
		r.result <- err
		t.Fatalf("the master ended: %v", err)
	}
	return r
}

// stop stops the master and may be called again.
func (r *running) stop() {
	r.cancel()
	if r.result == nil {
		return
	}
	if err := <-r.result; err != nil {
		r.t.Errorf("the master ended with %v", err)
	}
	r.result = nil
}

func by(user string) model.Request { return model.Request{User: user} }

func testJob(name, version string, ports ...int) model.Job {
	job := model.Job{ID: model.JobID{Name: name, Version: version}, Image: "busybox:1", Command: []string{"sleep", "60"}}
	for i, port := range ports {
		if job.Ports == nil {
			job.Ports = map[string]model.PortMapping{}
		}
		job.Ports[fmt.Sprintf("p%d", i)] = model.PortMapping{InternalPort: 80 + i, ExternalPort: &port, Protocol: "tcp"}
	}
	return job.WithID()
}

func (r *running) mustCreate(job model.Job) model.Job {
	r.t.Helper()
	id, err := r.CreateJob(r.t.Context(), by("alice"), job)
	if err != nil {
		r.t.Fatal(err)
	}
	job.ID = id
	return job
}

func (r *running) mustRegister(host, agent string) model.Registered {
	r.t.Helper()
	registered, err := r.RegisterAgent(r.t.Context(), registration(host, agent))
	if err != nil {
		r.t.Fatal(err)
	}
	registered.Index = 0 // differs from one time to the next
	return registered
}

func (r *running) mustDeploy(host string, job model.Job, goal model.Goal) {
	r.t.Helper()
	if err := r.Deploy(r.t.Context(), by("alice"), host, model.Deployment{JobID: job.ID, Goal: goal}, job.Token); err != nil {
		r.t.Fatal(err)
	}
}

func registration(host, agent string) model.Registration {
	return model.Registration{
		Host: host, AgentID: agent,
		HostInfo:    model.HostInfo{Hostname: host, CPUs: 4, LoadAvg: 0.5},
		AgentInfo:   model.AgentInfo{Name: "1@" + host, StartTime: 1000, Uptime: 7},
		Environment: map[string]string{"E": "1"},
		Labels:      map[string]string{"role": "web"},
	}
}

func report(seq uint64, job model.Job, state model.State) model.StatusReport {
	return model.StatusReport{Seq: seq, JobID: job.ID, Timestamp: model.Timestamp(100 * seq), Status: &model.TaskStatus{
		Job: job, Goal: model.GoalStart, State: state, Throttled: model.ThrottleNo, Env: map[string]string{"A": "1"},
	}}
}

func wantCode(t *testing.T, err error, code model.Code) {
	t.Helper()
	if model.CodeOf(err) != code {
		t.Errorf("got %v (code %q), want code %q", err, model.CodeOf(err), code)
	}
}

// awaitEvent returns the first event of the type after index.
func awaitEvent(t *testing.T, m *running, index uint64, kind model.EventType) model.Event {
	t.Helper()
	for {
		events, reset, more := m.Events(index)
		if reset {
			t.Fatal("the events were reset")
		}
		for _, event := range events {
			if event.Type == kind {
				return event
			}
			index = event.Index
		}
		select {
		case <-more:
		case <-t.Context().Done():
			t.Fatalf("no %s event", kind)
		}
	}
}
