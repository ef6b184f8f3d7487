package master

import (
	"context"
	"errors"
	"fmt"
	"os"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
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
	alive   map[string]string // host to agent id
	changed chan struct{}
}

func newFleet() *fleet { return &fleet{alive: map[string]string{}, changed: make(chan struct{})} }

func (f *fleet) AgentAlive(host, agentID string) bool {
	f.mu.Lock()
	defer f.mu.Unlock()
	return agentID != "" && f.alive[host] == agentID
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

func TestCreateJob(t *testing.T) {
	m := start(t, t.TempDir(), func(c *Config) { c.CapabilityWhitelist = []string{"NET_ADMIN"} })
	ctx := t.Context()
	id, err := m.CreateJob(ctx, by("alice"), model.Job{ID: model.JobID{Name: "web", Version: "1"}, Image: "nginx", CreatingUser: "mallory"})
	if err != nil || !id.FullyQualified() {
		t.Fatalf("%v, %v", id, err)
	}
	job, err := m.Job(id)
	if err != nil || job.CreatingUser != "alice" || job.Created == nil || *job.Created == 0 || job.Image != "nginx" {
		t.Errorf("job %+v, %v", job, err)
	}
	with := func(change func(*model.Job)) model.Job {
		job := model.Job{ID: model.JobID{Name: "other", Version: "1"}, Image: "nginx"}
		change(&job)
		return job
	}
	for name, test := range map[string]struct {
		job    model.Job
		want   model.Code
		faults int
	}{
		"again":           {job, model.CodeJobAlreadyExists, 0},
		"other hash":      {model.Job{ID: model.JobID{Name: "web", Version: "1"}, Image: "httpd"}, model.CodeJobAlreadyExists, 0},
		"wrong hash":      {with(func(j *model.Job) { j.ID.Hash = strings.Repeat("a", 40) }), model.CodeInvalidJob, 1},
		"no image":        {with(func(j *model.Job) { j.Image = "" }), model.CodeInvalidJob, 1},
		"capability":      {with(func(j *model.Job) { j.AddCapabilities = []string{"SYS_ADMIN"} }), model.CodeInvalidJob, 1},
		"allowed":         {with(func(j *model.Job) { j.AddCapabilities = []string{"NET_ADMIN"} }), "", 0},
		"too big":         {with(func(j *model.Job) { j.Env = map[string]string{"BIG": strings.Repeat("x", 210<<10)} }), model.CodeTooLarge, 0},
		"as big as it is": {with(func(j *model.Job) { j.ID.Version, j.Env = "2", map[string]string{"BIG": strings.Repeat("x", 190<<10)} }), "", 0},
	} {
		t.Run(name, func(t *testing.T) {
			id, err := m.CreateJob(ctx, by("bob"), test.job)
			wantCode(t, err, test.want)
			if id.Hash == "" {
				t.Error("the answer has no full id")
			}
			var coded *model.Error
			if errors.As(err, &coded) && len(coded.Details) != test.faults {
				t.Errorf("details %q, want %d", coded.Details, test.faults)
			}
		})
	}
}

func TestRemoveJob(t *testing.T) {
	m := start(t, t.TempDir(), nil)
	m.mustRegister("h1", "a1")
	secret := testJob("secret", "1")
	secret.Token, secret.ID.Hash = "s3", ""
	secret = m.mustCreate(secret.WithID())
	plain := m.mustCreate(testJob("plain", "1"))
	m.mustDeploy("h1", secret, model.GoalStop)
	for _, test := range []struct {
		name  string
		id    model.JobID
		token string
		want  model.Code
	}{
		{"unknown", testJob("nothing", "1").ID, "", model.CodeJobNotFound},
		{"name and version only", model.JobID{Name: "plain", Version: "1"}, "", model.CodeJobNotFound},
		{"no token", secret.ID, "", model.CodeForbidden},
		{"wrong token", secret.ID, "S3", model.CodeForbidden},
		{"deployed", secret.ID, "s3", model.CodeJobStillInUse},
		{"token for a job without", plain.ID, "x", model.CodeForbidden},
		{"removed", plain.ID, "", ""},
		{"twice", plain.ID, "", model.CodeJobNotFound},
	} {
		t.Run(test.name, func(t *testing.T) {
			wantCode(t, m.RemoveJob(t.Context(), by("u"), test.id, test.token), test.want)
		})
	}
}

func TestDeploy(t *testing.T) {
	m := start(t, t.TempDir(), nil)
	m.mustRegister("h1", "a1")
	m.mustRegister("h2", "a2")
	secret := testJob("secret", "1")
	secret.Token, secret.ID.Hash = "s3", ""
	secret = m.mustCreate(secret.WithID())
	web, clash, udp := m.mustCreate(testJob("web", "1", 53)), m.mustCreate(testJob("clash", "1", 8080, 53)), testJob("udp", "1", 53)
	udp.Ports["p0"] = model.PortMapping{InternalPort: 53, ExternalPort: udp.Ports["p0"].ExternalPort, Protocol: "udp"}
	udp.ID.Hash = ""
	udp = m.mustCreate(udp.WithID())
	unknown := testJob("unknown", "1")
	for _, test := range []struct {
		name  string
		host  string
		job   model.Job
		goal  model.Goal
		token string
		want  model.Code
	}{
		{"unknown job and host", "h9", unknown, model.GoalStart, "", model.CodeJobNotFound},
		{"wrong token and unknown host", "h9", secret, model.GoalStart, "", model.CodeForbidden},
		{"token for a job without", "h1", web, model.GoalStart, "x", model.CodeForbidden},
		{"no goal", "h1", web, "", "", model.CodeInvalid},
		{"unknown host", "h9", web, model.GoalStart, "", model.CodeHostNotFound},
		{"stopped", "h1", web, model.GoalStop, "", ""},
		{"again with another goal", "h1", web, model.GoalStart, "", model.CodeJobAlreadyDeployed},
		{"port taken by a stopped job", "h1", clash, model.GoalStop, "", model.CodePortConflict},
		{"port taken for another protocol", "h1", udp, model.GoalStart, "", model.CodePortConflict},
		{"port free on another host", "h2", clash, model.GoalStart, "", ""},
		{"with the token", "h1", secret, model.GoalUndeploy, "s3", ""},
	} {
		t.Run(test.name, func(t *testing.T) {
			d := model.Deployment{JobID: test.job.ID, Goal: test.goal, DeployerUser: "mallory", DeploymentGroupName: "g"}
			err := m.Deploy(t.Context(), by("bob"), test.host, d, test.token)
			wantCode(t, err, test.want)
			if err != nil {
				return
			}
			d.DeployerUser = "bob"
			if got, err := m.Deployment(test.host, test.job.ID); err != nil || got != d {
				t.Errorf("deployment %+v, %v", got, err)
			}
		})
	}
	t.Run("incomplete id", func(t *testing.T) {
		d := model.Deployment{JobID: model.JobID{Name: "web"}, Goal: model.GoalStart}
		wantCode(t, m.Deploy(t.Context(), by("u"), "h1", d, ""), model.CodeJobNotFound)
	})
	got := m.Jobs(model.JobFilter{HostMatches: func(host string) bool { return host == "h2" }})
	if len(got) != 1 || got[0].ID != clash.ID {
		t.Errorf("jobs on h2: %+v", got)
	}
	if got := m.Jobs(model.JobFilter{Query: ":1:" + web.ID.Hash[:5]}); len(got) != 1 || got[0].ID != web.ID {
		t.Errorf("jobs found by a part of the id: %+v", got)
	}
	if got := m.Jobs(model.JobFilter{}); len(got) != 4 || !slices.IsSortedFunc(got, func(a, b model.Job) int { return a.ID.Compare(b.ID) }) {
		t.Errorf("%d jobs, or not sorted", len(got))
	}
}

func TestSetGoal(t *testing.T) {
	m := start(t, t.TempDir(), nil)
	m.mustRegister("h1", "a1")
	m.mustRegister("h2", "a2")
	job := testJob("web", "1")
	job.Token, job.ID.Hash = "s3", ""
	job = m.mustCreate(job.WithID())
	d := model.Deployment{JobID: job.ID, Goal: model.GoalStart, DeploymentGroupName: "g", DeployerMaster: "m0"}
	if err := m.Deploy(t.Context(), by("alice"), "h1", d, "s3"); err != nil {
		t.Fatal(err)
	}
	for _, test := range []struct {
		name, host string
		id         model.JobID
		goal       model.Goal
		token      string
		want       model.Code
	}{
		{"unknown job", "h9", testJob("x", "1").ID, model.GoalStop, "", model.CodeJobNotDeployed},
		{"short id", "h1", model.JobID{Name: "web", Version: "1"}, model.GoalStop, "s3", model.CodeJobNotDeployed},
		{"wrong token and unknown host", "h9", job.ID, model.GoalStop, "", model.CodeForbidden},
		{"unknown host", "h9", job.ID, model.GoalStop, "s3", model.CodeHostNotFound},
		{"not deployed there", "h2", job.ID, model.GoalStop, "s3", model.CodeJobNotDeployed},
		{"no goal", "h1", job.ID, "", "s3", model.CodeInvalid},
		{"stop", "h1", job.ID, model.GoalStop, "s3", ""},
		{"stop again", "h1", job.ID, model.GoalStop, "s3", ""},
	} {
		t.Run(test.name, func(t *testing.T) {
			wantCode(t, m.SetGoal(t.Context(), by("bob"), test.host, model.Deployment{JobID: test.id, Goal: test.goal}, test.token), test.want)
		})
	}
	d.Goal, d.DeployerUser = model.GoalStop, "alice"
	if got, err := m.Deployment("h1", job.ID); err != nil || got != d {
		t.Errorf("deployment %+v, %v; only the goal may change", got, err)
	}
}

func TestUndeploy(t *testing.T) {
	m := start(t, t.TempDir(), nil)
	m.mustRegister("h1", "a1")
	job := testJob("web", "1", 80)
	job.Token, job.ID.Hash = "s3", ""
	job = m.mustCreate(job.WithID())
	m.mustDeploy("h1", job, model.GoalStart)
	for _, test := range []struct {
		name, host, token string
		want              model.Code
	}{
		{"unknown host", "h9", "", model.CodeHostNotFound},
		{"wrong token", "h1", "", model.CodeForbidden},
		{"removed", "h1", "s3", ""},
		{"no longer there, wrong token", "h1", "", model.CodeJobNotFound},
	} {
		t.Run(test.name, func(t *testing.T) {
			wantCode(t, m.Undeploy(t.Context(), by("bob"), test.host, job.ID, test.token), test.want)
		})
	}
	_, err := m.Deployment("h1", job.ID)
	wantCode(t, err, model.CodeJobNotDeployed)
	m.mustDeploy("h1", m.mustCreate(testJob("next", "1", 80)), model.GoalStart)
	wantCode(t, m.RemoveJob(t.Context(), by("u"), job.ID, "s3"), "")
}

func TestHosts(t *testing.T) {
	m := start(t, t.TempDir(), nil)
	ctx := t.Context()
	wantCode(t, m.RegisterHost(ctx, by("u"), "b", ""), model.CodeInvalidID)
	wantCode(t, m.RegisterHost(ctx, by("u"), "b", "b1"), "")
	wantCode(t, m.RegisterHost(ctx, by("u"), "b", "b2"), model.CodeHostConflict)
	registered := m.mustRegister("a", "a1")
	if registered.ClusterID != m.ClusterID() || registered.ClusterID == "" || registered.Epoch == 0 {
		t.Errorf("registered %+v", registered)
	}
	_, err := m.RegisterAgent(ctx, registration("a", "a2"))
	wantCode(t, err, model.CodeHostConflict)
	if diff := cmp.Diff([]string{"a", "b"}, m.Hosts()); diff != "" {
		t.Error(diff)
	}
	if got, err := m.Host("b"); err != nil || got.Status != model.Down || got.HostInfo != nil || got.AgentInfo != nil || got.Jobs == nil || got.Statuses == nil {
		t.Errorf("b is %+v, %v", got, err)
	}
	if got := m.HostLabels("a"); got["role"] != "web" {
		t.Errorf("labels %v", got)
	}
	_, err = m.Host("c")
	wantCode(t, err, model.CodeHostNotFound)

	index := m.Index()
	if again := m.mustRegister("a", "a1"); again != registered || m.Index() != index {
		t.Errorf("registering again: %+v at %d, before %+v at %d", again, m.Index(), registered, index)
	}

	job := m.mustCreate(testJob("web", "1"))
	m.mustDeploy("a", job, model.GoalStart)
	if _, err := m.PostStatuses(ctx, "a", model.StatusBatch{AgentID: "a1", Reports: []model.StatusReport{report(1, job, model.StateRunning)}}); err != nil {
		t.Fatal(err)
	}
	wantCode(t, m.DeregisterHost(ctx, by("u"), "a"), "")
	wantCode(t, m.DeregisterHost(ctx, by("u"), "a"), model.CodeHostNotFound)
	if history, err := m.History(ctx, job.ID); err != nil || len(history) != 0 {
		t.Errorf("the history of a deregistered host is left: %v, %v", history, err)
	}
	wantCode(t, m.RemoveJob(ctx, by("u"), job.ID, ""), "")
	_, err = m.History(ctx, job.ID)
	wantCode(t, err, model.CodeJobNotFound)
	if diff := cmp.Diff([]string{"m1", "m2"}, m.Masters()); diff != "" {
		t.Error(diff)
	}
}

func TestLivenessAndGauges(t *testing.T) {
	m := start(t, t.TempDir(), nil)
	m.mustRegister("h1", "a1")
	index := m.Index()
	wantCode(t, m.PostGauges("h9", model.Gauges{AgentID: "a1"}), model.CodeHostNotFound)
	wantCode(t, m.PostGauges("h1", model.Gauges{AgentID: "a2"}), model.CodeHostConflict)
	wantCode(t, m.PostGauges("h1", model.Gauges{AgentID: "a1", LoadAvg: 3, MemoryFreeBytes: 5, SwapFreeBytes: 6, Uptime: 77_000}), "")

	m.members.set("h1", "a1")
	if got := awaitEvent(t, m, index, model.EventHostUp); got.Host != "h1" {
		t.Errorf("event %+v", got)
	}
	host, err := m.Host("h1")
	if err != nil || host.Status != model.Up || host.HostInfo.LoadAvg != 3 || host.HostInfo.MemoryFreeBytes != 5 || host.HostInfo.SwapFreeBytes != 6 {
		t.Errorf("host %+v, %v", host, err)
	}
	if host.AgentInfo.Uptime < 77_000 || host.AgentInfo.Uptime > 137_000 {
		t.Errorf("uptime %d", host.AgentInfo.Uptime)
	}
	before := m.now()
	m.members.set("h1", "")
	down := awaitEvent(t, m, index, model.EventHostDown)
	host, err = m.Host("h1")
	if err != nil || host.Status != model.Down || host.HostInfo.LoadAvg != 3 {
		t.Errorf("host %+v, %v", host, err)
	}
	if seen := host.AgentInfo.StartTime + model.Timestamp(host.AgentInfo.Uptime); seen < before || seen != down.Time {
		t.Errorf("last seen at %d, the host went down at %d", seen, down.Time)
	}
	// The name alone is not enough: it must be the registered agent.
	m.members.set("h1", "a2")
	if host, err := m.Host("h1"); err != nil || host.Status != model.Down {
		t.Errorf("another agent makes the host %+v, %v", host.Status, err)
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

func TestRestartKeepsEverything(t *testing.T) {
	for _, snapshot := range []bool{false, true} {
		t.Run(fmt.Sprintf("snapshot %v", snapshot), func(t *testing.T) {
			dir := t.TempDir()
			m := start(t, dir, nil)
			ctx := t.Context()
			job := m.mustCreate(testJob("web", "1", 80))
			registered := m.mustRegister("h1", "a1")
			req := model.Request{ID: "req-1", User: "bob"}
			d := model.Deployment{JobID: job.ID, Goal: model.GoalStart}
			if err := m.Deploy(ctx, req, "h1", d, ""); err != nil {
				t.Fatal(err)
			}
			if _, err := m.PostStatuses(ctx, "h1", model.StatusBatch{AgentID: "a1", Reports: []model.StatusReport{report(1, job, model.StateRunning)}}); err != nil {
				t.Fatal(err)
			}
			if snapshot {
				if err := m.node.Load().Snapshot().Error(); err != nil {
					t.Fatal(err)
				}
				m.mustCreate(testJob("after", "1"))
			}
			history, err := m.History(ctx, job.ID)
			if err != nil {
				t.Fatal(err)
			}
			jobs, cluster, index, server := m.Jobs(model.JobFilter{}), m.ClusterID(), m.Index(), m.ServerID()
			m.stop()

			m = start(t, dir, nil)
			if m.ClusterID() != cluster || m.ServerID() != server || m.Index() <= index {
				t.Errorf("cluster %s, was %s; server %s, was %s; index %d, was %d", m.ClusterID(), cluster, m.ServerID(), server, m.Index(), index)
			}
			if diff := cmp.Diff(jobs, m.Jobs(model.JobFilter{})); diff != "" {
				t.Errorf("jobs differ: %s", diff)
			}
			if got, err := m.History(ctx, job.ID); err != nil || cmp.Diff(history, got) != "" {
				t.Errorf("history differs: %v %s", err, cmp.Diff(history, got))
			}
			status, err := m.JobStatus(job.ID)
			if err != nil || status.TaskStatuses["h1"].State != model.StateRunning || status.Deployments["h1"].DeployerUser != "bob" {
				t.Errorf("status %+v, %v", status, err)
			}
			registered.AckedSeq = 1
			if got := m.mustRegister("h1", "a1"); got != registered {
				t.Errorf("registered %+v, want %+v", got, registered)
			}
			// The first request's answer, not a refusal.
			if err := m.Deploy(ctx, req, "h1", d, ""); err != nil {
				t.Errorf("the repeated request: %v", err)
			}
			if _, reset, _ := m.Events(index - 1); !reset {
				t.Error("events from before the restart are not reported as unknown")
			}
		})
	}
}

// TestRestoreFromSnapshot loses the state and keeps the rest, as a crash in the middle of a restore does.
func TestRestoreFromSnapshot(t *testing.T) {
	dir := t.TempDir()
	m := start(t, dir, nil)
	m.mustCreate(testJob("before", "1"))
	if err := m.node.Load().Snapshot().Error(); err != nil {
		t.Fatal(err)
	}
	m.mustCreate(testJob("after", "1"))
	want := m.Jobs(model.JobFilter{})
	m.stop()
	if err := os.RemoveAll(dir + "/state"); err != nil {
		t.Fatal(err)
	}
	m = start(t, dir, nil)
	if err := m.ReadIndex(t.Context()); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(want, m.Jobs(model.JobFilter{})); diff != "" {
		t.Error(diff)
	}
}

func TestPartsOfTheDataFolderMissing(t *testing.T) {
	for name, test := range map[string]struct{ remove, want string }{
		"raft log":  {"raft", "part of the data folder is missing"},
		"snapshots": {"snapshots", "snapshots are missing"},
	} {
		t.Run(name, func(t *testing.T) {
			dir := t.TempDir()
			m := start(t, dir, nil)
			m.mustCreate(testJob("web", "1"))
			if test.remove == "snapshots" {
				config := m.node.Load().ReloadableConfig()
				config.TrailingLogs = 1
				if err := m.node.Load().ReloadConfig(config); err != nil {
					t.Fatal(err)
				}
			}
			if err := m.node.Load().Snapshot().Error(); err != nil {
				t.Fatal(err)
			}
			m.stop()
			if err := os.RemoveAll(dir + "/" + test.remove); err != nil {
				t.Fatal(err)
			}
			if test.remove == "raft" {
				if err := os.RemoveAll(dir + "/snapshots"); err != nil {
					t.Fatal(err)
				}
			}
			broken, err := New(Config{Name: "m1", DataDir: dir})
			if err != nil {
				t.Fatal(err)
			}
			err = broken.Run(t.Context())
			if err == nil || !strings.Contains(err.Error(), test.want) || strings.Contains(err.Error(), "\n") {
				t.Errorf("got %v", err)
			}
		})
	}
}

func TestSecondMasterOnTheFolder(t *testing.T) {
	dir := t.TempDir()
	start(t, dir, nil)
	_, err := New(Config{Name: "m2", DataDir: dir})
	if err == nil || strings.Contains(err.Error(), "\n") || !strings.Contains(err.Error(), "in use by another") {
		t.Errorf("got %v", err)
	}
}

func TestBadConfig(t *testing.T) {
	for name, test := range map[string]struct {
		config Config
		want   string
	}{
		"no name":   {Config{DataDir: t.TempDir()}, "name"},
		"no folder": {Config{Name: "m"}, "data folder"},
		"history":   {Config{Name: "m", DataDir: t.TempDir(), HistoryLimit: -1}, "history limit"},
	} {
		t.Run(name, func(t *testing.T) {
			if _, err := New(test.config); err == nil || !strings.Contains(err.Error(), test.want) {
				t.Errorf("got %v", err)
			}
		})
	}
	for name, change := range map[string]func(*Config){
		"port in use":       func(c *Config) { c.RaftBind = "256.0.0.1:0" },
		"advertise nowhere": func(c *Config) { c.RaftAdvertise = "0.0.0.0" },
	} {
		t.Run(name, func(t *testing.T) {
			config := Config{Name: "m", DataDir: t.TempDir()}
			change(&config)
			m, err := New(config)
			if err != nil {
				t.Fatal(err)
			}
			if err := m.Run(t.Context()); err == nil {
				t.Error("the master ran")
			}
		})
	}
}

func TestWithoutLeader(t *testing.T) {
	m, err := New(Config{Name: "m1", DataDir: t.TempDir()})
	if err != nil {
		t.Fatal(err)
	}
	defer m.Close()
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	wantCode(t, m.ReadIndex(ctx), model.CodeUnavailable)
	_, err = m.CreateJob(ctx, by("u"), testJob("web", "1"))
	wantCode(t, err, model.CodeUnavailable)
	if health := m.Health(); health["raft"] == nil || health["storage"] != nil {
		t.Errorf("health %v", health)
	}
	if got := m.Jobs(model.JobFilter{}); len(got) != 0 {
		t.Errorf("jobs %v", got)
	}
}

func TestAnotherMasterLeads(t *testing.T) {
	m, err := New(Config{Name: "m1", DataDir: t.TempDir()})
	if err != nil {
		t.Fatal(err)
	}
	defer m.Close()
	m.leading.setOther("10.0.0.2:5806")
	for _, err := range []error{m.ReadIndex(t.Context()), m.RemoveJob(t.Context(), by("u"), testJob("web", "1").ID, "")} {
		wantCode(t, err, model.CodeUnavailable)
		if !strings.Contains(err.Error(), "10.0.0.2:5806") {
			t.Errorf("the error does not name the leader: %v", err)
		}
	}
	if health := m.Health(); health["raft"] != nil {
		t.Errorf("health %v", health)
	}
}

func TestDiskNearlyFull(t *testing.T) {
	m := start(t, t.TempDir(), func(c *Config) { c.MinFreeBytes = 1 << 62 })
	_, err := m.CreateJob(t.Context(), by("u"), testJob("web", "1"))
	wantCode(t, err, model.CodeStorageFull)
	_, err = m.PostStatuses(t.Context(), "h1", model.StatusBatch{AgentID: "a1"})
	wantCode(t, err, model.CodeStorageFull)
	wantCode(t, m.ReadIndex(t.Context()), "")
	if m.Health()["storage"] == nil {
		t.Error("the health check sees nothing wrong")
	}
}

func TestStoppedMasterAnswers(t *testing.T) {
	m := start(t, t.TempDir(), nil)
	job := m.mustCreate(testJob("web", "1"))
	m.stop()
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	_, err := m.PostStatuses(ctx, "h1", model.StatusBatch{AgentID: "a1"})
	wantCode(t, err, model.CodeUnavailable)
	wantCode(t, m.RemoveJob(ctx, by("u"), job.ID, ""), model.CodeUnavailable)
	_, err = m.History(ctx, job.ID)
	wantCode(t, err, model.CodeUnavailable)
	if _, err := m.Job(job.ID); err != nil {
		t.Error(err)
	}
	if err := m.Run(ctx); err == nil {
		t.Error("a stopped master ran again")
	}
}

// TestStopAmidRequests stops masters that are asked all the time: every request must end, and be answered truthfully.
func TestStopAmidRequests(t *testing.T) {
	for round := range 10 {
		dir := t.TempDir()
		m := start(t, dir, nil)
		var mu sync.Mutex
		var created []model.JobID
		under := make(chan struct{}, 1)
		var clients sync.WaitGroup
		for client := range 8 {
			clients.Go(func() {
				for i := 0; ; i++ {
					job := testJob("job", fmt.Sprintf("%d-%d", client, i))
					id, err := m.CreateJob(context.Background(), by("u"), job)
					if err != nil {
						return
					}
					mu.Lock()
					created = append(created, id)
					mu.Unlock()
					select {
					case under <- struct{}{}:
					default:
					}
				}
			})
			clients.Go(func() {
				for m.ReadIndex(context.Background()) == nil {
				}
			})
		}
		<-under
		m.stop()
		clients.Wait()
		for _, id := range created {
			if _, err := m.Job(id); err != nil {
				t.Errorf("round %d: an acknowledged job is lost: %v", round, err)
			}
		}
	}
}

func TestStatuses(t *testing.T) {
	m := start(t, t.TempDir(), nil)
	ctx := t.Context()
	job := m.mustCreate(testJob("web", "1"))
	const hosts, each = 20, 30
	for i := range hosts {
		m.mustRegister(fmt.Sprint("h", i), "a")
		m.mustDeploy(fmt.Sprint("h", i), job, model.GoalStart)
	}
	index := m.Index()
	var wg sync.WaitGroup
	for i := range hosts {
		wg.Go(func() {
			for seq := uint64(1); seq <= each; seq++ {
				// Each is sent twice, as after a lost answer.
				for range 2 {
					batch := model.StatusBatch{AgentID: "a", Reports: []model.StatusReport{report(seq, job, model.StateRunning)}}
					if ack, err := m.PostStatuses(ctx, fmt.Sprint("h", i), batch); err != nil || ack.AckedSeq != seq {
						t.Errorf("ack %+v, %v", ack, err)
						return
					}
				}
			}
		})
	}
	wg.Wait()
	history, err := m.History(ctx, job.ID)
	if err != nil || len(history) != hosts*each {
		t.Errorf("%d rows of history, want %d: %v", len(history), hosts*each, err)
	}
	if entries := m.Index() - index; entries >= 2*hosts*each {
		t.Errorf("%d entries for %d posts: nothing was batched", entries, 2*hosts*each)
	}
	_, err = m.PostStatuses(ctx, "h0", model.StatusBatch{AgentID: "b"})
	wantCode(t, err, model.CodeHostConflict)
	_, err = m.PostStatuses(ctx, "h99", model.StatusBatch{AgentID: "a"})
	wantCode(t, err, model.CodeHostNotFound)
	_, err = m.PostStatuses(ctx, "h0", model.StatusBatch{AgentID: "a", Reports: []model.StatusReport{{Seq: 99, JobID: job.ID}}})
	wantCode(t, err, model.CodeInvalid)
}

func TestBigStatuses(t *testing.T) {
	m := start(t, t.TempDir(), nil)
	ctx := t.Context()
	job := m.mustCreate(testJob("web", "1"))
	m.mustRegister("h1", "a1")
	var reports []model.StatusReport
	for seq := uint64(1); seq <= 10; seq++ {
		r := report(seq, job, model.StateRunning)
		r.Status.Env = map[string]string{"BIG": strings.Repeat("x", 90<<10)}
		reports = append(reports, r)
	}
	huge := report(11, job, model.StateFailed)
	huge.Status.Env = map[string]string{"BIG": strings.Repeat("x", 300<<10)}
	ack, err := m.PostStatuses(ctx, "h1", model.StatusBatch{AgentID: "a1", Reports: append(reports, huge)})
	if err != nil || ack.AckedSeq != 11 {
		t.Fatalf("ack %+v, %v", ack, err)
	}
	history, err := m.History(ctx, job.ID)
	if err != nil || len(history) != 11 {
		t.Fatalf("%d rows, %v", len(history), err)
	}
	if got := history[10].Status; got.State != model.StateFailed || len(got.Env) != 0 {
		t.Errorf("the last status is %s with %d variables", got.State, len(got.Env))
	}
	impossible := report(12, job, model.StateFailed)
	impossible.Status.ContainerError = strings.Repeat("x", 300<<10)
	_, err = m.PostStatuses(ctx, "h1", model.StatusBatch{AgentID: "a1", Reports: []model.StatusReport{impossible}})
	wantCode(t, err, model.CodeTooLarge)
}

func TestHostTasksFollowDeployments(t *testing.T) {
	m := start(t, t.TempDir(), nil)
	m.mustRegister("h1", "a1")
	job := m.mustCreate(testJob("web", "1"))
	_, _, changed, err := m.HostTasks("h1", "a1")
	if err != nil {
		t.Fatal(err)
	}
	m.mustDeploy("h1", job, model.GoalStart)
	<-changed
	tasks, index, changed, err := m.HostTasks("h1", "a1")
	if err != nil || len(tasks) != 1 || tasks[0].Generation == 0 || index < tasks[0].Generation {
		t.Fatalf("tasks %+v at %d, %v", tasks, index, err)
	}
	if err := m.Undeploy(t.Context(), by("u"), "h1", job.ID, ""); err != nil {
		t.Fatal(err)
	}
	<-changed
	generation := tasks[0].Generation
	m.mustDeploy("h1", job, model.GoalStart)
	if tasks, _, _, _ = m.HostTasks("h1", "a1"); tasks[0].Generation <= generation {
		t.Error("a new deployment has no new generation")
	}
	_, _, _, err = m.HostTasks("h1", "a2")
	wantCode(t, err, model.CodeHostConflict)
	_, _, _, err = m.HostTasks("h2", "a2")
	wantCode(t, err, model.CodeHostNotFound)
}

func TestNewLeaderDoesNotBelieveInAbsence(t *testing.T) {
	dir := t.TempDir()
	m := start(t, dir, nil)
	m.mustRegister("h1", "a1")
	m.mustRegister("h2", "a2")
	m.members.set("h1", "a1")
	awaitEvent(t, m, 0, model.EventHostUp)
	m.stop()

	// The new leader's gossip has found nobody yet, and then one of two.
	m = start(t, dir, func(c *Config) { c.LivenessGrace = time.Hour })
	index := m.Index()
	m.members.set("h2", "a2")
	awaitEvent(t, m, index, model.EventHostUp)
	events, _, _ := m.Events(index)
	for _, event := range events {
		if event.Type == model.EventHostDown {
			t.Errorf("the host %s was recorded as down", event.Host)
		}
	}
	index = m.Index()
	m.stop()

	members := newFleet()
	members.set("h2", "a2")
	m = startAmong(t, dir, members, nil)
	if got := awaitEvent(t, m, index, model.EventHostDown); got.Host != "h1" {
		t.Errorf("%s was recorded as down", got.Host)
	}
}
