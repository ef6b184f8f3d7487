package main

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/heliosctl/heliosctl/daemon/api"
	"github.com/heliosctl/heliosctl/daemon/api/apitest"
	"github.com/heliosctl/heliosctl/model"
)

// awaitTimeout is how long scripts wait for a command to do something.
const awaitTimeout = 20 * time.Second

// fakeMaster is a real API in front of a cluster in memory, whose hosts do as the test says.
type fakeMaster struct {
	*apitest.Backend
	server *httptest.Server
	pool   *apitest.Pool
	groups *fakeGroups
	id     string // of the cluster

	mu       sync.Mutex
	changed  chan struct{} // closed when a count rises
	started  int           // reads of the status of jobs and hosts
	finished int           // the latest of them that has finished, counted from 1
	streams  int           // event streams ever opened
	reported int           // reads that had started when the last report or deployment came
	down     map[string]bool
	written  []string // requests that change something: method and path
	seq      uint64
	clock    model.Timestamp
}

// startFakeMaster serves until the cleanups run.
func startFakeMaster(cleanup func(func())) *fakeMaster { return startFakeMasterOf("cluster1", cleanup) }

func startFakeMasterOf(cluster string, cleanup func(func())) *fakeMaster {
	m := &fakeMaster{
		Backend: apitest.New(),
		changed: make(chan struct{}),
		down:    map[string]bool{},
		id:      cluster,
		clock:   model.TimestampOf(time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)),
	}
	m.pool = newFakePool()
	m.groups = newFakeGroups(m)
	server := api.New(api.Config{Backend: m, Pool: m.pool, ProductVersion: "1.2.3"})
	handler := server.Handler()
	m.server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		m.observe(r)
		handler.ServeHTTP(w, r)
	}))
	cleanup(m.server.Close)
	cleanup(func() { _ = server.Close() })
	return m
}

// ClusterID tells clusters apart.
func (m *fakeMaster) ClusterID() string { return m.id }

func (m *fakeMaster) observe(r *http.Request) {
	m.mu.Lock()
	defer m.mu.Unlock()
	path := strings.TrimSuffix(r.URL.Path, "/")
	switch {
	case r.Method != http.MethodGet && !strings.HasSuffix(path, "/statuses") && !strings.HasSuffix(path, "/preview"):
		m.written = append(m.written, r.Method+" "+path)
	case path == "/v1/events":
		m.streams++
		m.tell()
	}
}

// tell wakes those who wait; the caller holds the lock.
func (m *fakeMaster) tell() {
	close(m.changed)
	m.changed = make(chan struct{})
}

// takeWritten returns the changes that were asked for since the last call.
func (m *fakeMaster) takeWritten() []string {
	m.mu.Lock()
	defer m.mu.Unlock()
	written := m.written
	m.written = nil
	slices.Sort(written)
	return written
}

// read counts a read, and its end when the returned function is called.
func (m *fakeMaster) read() (done func()) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.started++
	n := m.started
	return func() {
		m.mu.Lock()
		defer m.mu.Unlock()
		m.finished = max(m.finished, n)
		m.tell()
	}
}

// JobStatus counts reads.
func (m *fakeMaster) JobStatus(id model.JobID) (model.JobStatus, error) {
	defer m.read()()
	return m.Backend.JobStatus(id)
}

// History counts reads.
func (m *fakeMaster) History(ctx context.Context, id model.JobID) ([]model.TaskStatusEvent, error) {
	defer m.read()()
	return m.Backend.History(ctx, id)
}

// Host lets a host be down, which keeps what is known of it, as masters do.
func (m *fakeMaster) Host(name string) (model.HostStatus, error) {
	defer m.read()()
	status, err := m.Backend.Host(name)
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.down[name] {
		status.Status = model.Down
	}
	return status, err
}

// CreateJob checks jobs as masters do.
func (m *fakeMaster) CreateJob(ctx context.Context, req model.Request, job model.Job) (model.JobID, error) {
	if faults := job.Validate(model.ValidateOptions{CheckHash: true, CheckCapabilities: true}); len(faults) > 0 {
		return model.JobID{}, &model.Error{Code: model.CodeInvalidJob, Message: "the job is not valid", Details: faults}
	}
	return m.Backend.CreateJob(ctx, req, job)
}

// Deploy makes the deployment something to be seen, as a report is.
func (m *fakeMaster) Deploy(ctx context.Context, req model.Request, host string, d model.Deployment, token string) error {
	defer m.happened()
	return m.Backend.Deploy(ctx, req, host, d, token)
}

// happened makes what has just happened the latest that is to be seen.
func (m *fakeMaster) happened() {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.reported = m.started
}

func agentID(host string) string { return "agent-of-" + host }

// addHost registers an agent that has been up for two days, and was last heard of after one if it is down.
func (m *fakeMaster) addHost(name string, liveness model.Liveness, runtime string, labels map[string]string) error {
	info := model.HostInfo{
		Hostname: name, OSName: "Linux", OSVersion: "6.1", CPUs: 4, LoadAvg: 0.1, MemoryTotalBytes: 1 << 30, MemoryFreeBytes: 500_000_000,
		Runtime: runtime,
	}
	if runtime == "docker" {
		info.DockerVersion = &model.DockerVersion{Version: "28.5.2", APIVersion: "1.51"}
	}
	_, err := m.RegisterAgent(context.Background(), model.Registration{
		Host: name, AgentID: agentID(name), HostInfo: info, Labels: labels,
		AgentInfo: model.AgentInfo{
			Version: "1.2.3", StartTime: model.TimestampOf(time.Now().Add(-48*time.Hour - time.Minute)), Uptime: (24 * time.Hour).Milliseconds(),
		},
	})
	m.mu.Lock()
	defer m.mu.Unlock()
	m.down[name] = liveness == model.Down
	return err
}

// report tells the master of a task's new status, a second after the last one.
func (m *fakeMaster) report(host string, status model.TaskStatus, removed bool) error {
	m.mu.Lock()
	m.seq++
	m.clock += 1000
	report := model.StatusReport{Seq: m.seq, JobID: status.Job.ID, Timestamp: m.clock, Removed: removed}
	m.mu.Unlock()
	if !removed {
		report.Status = &status
	}
	batch := model.StatusBatch{AgentID: agentID(host), Reports: []model.StatusReport{report}}
	defer m.happened()
	_, err := m.PostStatuses(context.Background(), host, batch)
	return err
}

// job returns the one job that a name:version means.
func (m *fakeMaster) job(reference string) (model.Job, error) {
	jobs := m.Jobs(model.JobFilter{Query: reference})
	if len(jobs) != 1 {
		return model.Job{}, fmt.Errorf("%q is %d jobs", reference, len(jobs))
	}
	return jobs[0], nil
}

// awaitSeen waits until somebody has read what was last reported.
func (m *fakeMaster) awaitSeen() error {
	return m.await(func() bool { return m.finished > m.reported })
}

// awaitReads waits for so many more reads.
func (m *fakeMaster) awaitReads(n int) error {
	m.mu.Lock()
	from := m.started
	m.mu.Unlock()
	return m.await(func() bool { return m.finished >= from+n })
}

// awaitDeployed waits until a job is deployed to a host, or is not.
func (m *fakeMaster) awaitDeployed(host string, id model.JobID, want bool) error {
	ctx, cancel := context.WithTimeout(context.Background(), awaitTimeout)
	defer cancel()
	for {
		_, _, more := m.Events(m.Index())
		if _, err := m.Deployment(host, id); (err == nil) == want {
			return nil
		}
		select {
		case <-more:
		case <-ctx.Done():
			return fmt.Errorf("waited in vain for the deployment of %s on %s to be %t", id, host, want)
		}
	}
}

// awaitStreams waits until so many event streams have been opened.
func (m *fakeMaster) awaitStreams(n int) error {
	return m.await(func() bool { return m.streams >= n })
}

// await waits until reached, which is called with the lock held.
func (m *fakeMaster) await(reached func() bool) error {
	ctx, cancel := context.WithTimeout(context.Background(), awaitTimeout)
	defer cancel()
	for {
		m.mu.Lock()
		ok, changed := reached(), m.changed
		m.mu.Unlock()
		if ok {
			return nil
		}
		select {
		case <-changed:
		case <-ctx.Done():
			return errors.New("waited in vain for the command to ask the master")
		}
	}
}

func newFakeMaster(t *testing.T) *fakeMaster {
	t.Helper()
	return startFakeMaster(t.Cleanup)
}
