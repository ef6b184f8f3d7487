package store

import (
	"bytes"
	"encoding/json"
	"fmt"
	"testing"

	"github.com/dgraph-io/badger/v4"
	"github.com/hashicorp/raft"

	"github.com/heliosctl/heliosctl/model"
)

// machine is a State with a log of its own: it applies commands as raft would, one entry each.
type machine struct {
	t     *testing.T
	dir   string
	state *State
	log   []*raft.Log
}

func newMachine(t *testing.T, options StateOptions) *machine {
	t.Helper()
	m := &machine{t: t, dir: t.TempDir()}
	m.open(options)
	t.Cleanup(func() { _ = m.state.Close() })
	return m
}

func (m *machine) open(options StateOptions) {
	m.t.Helper()
	state, err := OpenState(m.dir, options)
	if err != nil {
		m.t.Fatal(err)
	}
	m.state = state
}

func (m *machine) reopen() {
	m.t.Helper()
	options := m.state.options
	if err := m.state.Close(); err != nil {
		m.t.Fatal(err)
	}
	m.open(options)
}

func (m *machine) append(command []byte) *raft.Log {
	entry := &raft.Log{Index: uint64(len(m.log) + 1), Term: 3, Type: raft.LogCommand, Data: command}
	m.log = append(m.log, entry)
	return entry
}

func (m *machine) raw(command []byte) Result {
	m.t.Helper()
	return m.state.Apply(m.append(command)).(Result)
}

func (m *machine) as(req model.Request, body Body) Result {
	m.t.Helper()
	command, err := Encode(model.Timestamp(1_000_000+len(m.log)), req, body)
	if err != nil {
		m.t.Fatal(err)
	}
	return m.raw(command)
}

func (m *machine) do(body Body) Result {
	m.t.Helper()
	return m.as(model.Request{User: "alice"}, body)
}

func (m *machine) ok(body Body) Result {
	m.t.Helper()
	result := m.do(body)
	if result.Err != nil {
		m.t.Fatalf("%s: %v", body.commandType(), result.Err)
	}
	return result
}

func (m *machine) statuses(host, agent string, reports ...model.StatusReport) Ack {
	m.t.Helper()
	part, err := EncodeHostStatuses(host, model.StatusBatch{AgentID: agent, Reports: reports}, m.state.HasJob)
	if err != nil {
		m.t.Fatal(err)
	}
	command, err := EncodeStatuses(5, [][]byte{part})
	if err != nil {
		m.t.Fatal(err)
	}
	return m.raw(command).Acks[0]
}

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

func status(job model.Job, state model.State) *model.TaskStatus {
	return &model.TaskStatus{
		Job: job, Goal: model.GoalStart, State: state, ContainerID: "c1", Throttled: model.ThrottleNo,
		Env: map[string]string{"A": "1"}, Ports: map[string]model.PortMapping{},
	}
}

func report(seq uint64, job model.Job, state model.State) model.StatusReport {
	return model.StatusReport{Seq: seq, JobID: job.ID, Timestamp: model.Timestamp(100 * seq), Status: status(job, state)}
}

func registration(host, agent string) model.Registration {
	return model.Registration{
		Host: host, AgentID: agent,
		HostInfo:  model.HostInfo{Hostname: host, CPUs: 4, LoadAvg: 0.5},
		AgentInfo: model.AgentInfo{Name: "1@" + host, StartTime: 1000, Uptime: 7, InputArguments: []string{}},
		Labels:    map[string]string{"role": "web"},
	}
}

func deployment(job model.Job, goal model.Goal) model.Deployment {
	return model.Deployment{JobID: job.ID, Goal: goal}
}

// dump is everything in the database, in order.
func dump(t *testing.T, s *State) string {
	t.Helper()
	var out bytes.Buffer
	err := s.db.View(func(txn *badger.Txn) error {
		return scan(txn, "", func(key, value []byte) error {
			_, err := fmt.Fprintf(&out, "%q=%q\n", key, value)
			return err
		})
	})
	if err != nil {
		t.Fatal(err)
	}
	return out.String()
}

// view is everything that can be read, as JSON.
func view(t *testing.T, s *State) string {
	t.Helper()
	all := map[string]any{"index": s.Index(), "cluster": s.ClusterID(), "term": s.Term(), "liveness": s.Liveness(), "hosts": s.Hosts()}
	for _, job := range s.Jobs(model.JobFilter{}) {
		all["job "+job.ID.String()] = job
		status, err := s.JobStatus(job.ID)
		history, err2 := s.History(job.ID)
		if err != nil || err2 != nil {
			t.Fatal(err, err2)
		}
		all["status "+job.ID.String()], all["history "+job.ID.String()] = status, history
	}
	for _, name := range s.Hosts() {
		host, err := s.Host(name)
		if err != nil {
			t.Fatal(err)
		}
		tasks, _, _, err := s.Tasks(name, host.AgentID)
		if err != nil {
			t.Fatal(err)
		}
		registered, _ := s.Registered(model.Registration{Host: name, AgentID: host.AgentID})
		all["host "+name], all["agent "+name], all["tasks "+name], all["acks "+name] = host.HostStatus, host.AgentID, tasks, registered
	}
	viewGroups(t, s, all)
	encoded, err := json.MarshalIndent(all, "", " ")
	if err != nil {
		t.Fatal(err)
	}
	return string(encoded)
}

// script fills a machine with something of everything.
func script(m *machine) {
	web, db, gone := testJob("web", "1", 8080, 9090), testJob("db", "2", 5432), testJob("gone", "1")
	m.ok(Term{Master: "m1"})
	m.ok(ClusterID{ID: "c-1"})
	m.ok(RemovePeer{ID: "p-1"})
	for _, job := range []model.Job{web, db, gone} {
		m.ok(CreateJob{Job: job})
	}
	m.ok(RegisterAgent{Registration: registration("h1", "a1")})
	m.ok(RegisterHost{Host: "h2", AgentID: "a2"})
	m.ok(RegisterAgent{Registration: registration("h3", "a3")})
	m.ok(HostLiveness{Changes: []LivenessChange{{Host: "h1", AgentID: "a1", Up: true, At: 5000}}})
	for _, host := range []string{"h1", "h2", "h3"} {
		m.ok(Deploy{Host: host, Deployment: deployment(web, model.GoalStart)})
		m.ok(Deploy{Host: host, Deployment: deployment(gone, model.GoalStop)})
	}
	m.as(model.Request{ID: "r-1", User: "bob"}, Deploy{Host: "h1", Deployment: deployment(db, model.GoalStart)})
	m.statuses("h1", "a1", report(1, web, model.StateCreating), report(2, gone, model.StateStarting), report(3, web, model.StateRunning))
	m.statuses("h3", "a3", report(1, web, model.StateRunning), report(2, gone, model.StateRunning))
	for _, host := range []string{"h1", "h2", "h3"} {
		m.ok(Undeploy{Host: host, JobID: gone.ID})
	}
	m.ok(RemoveJob{ID: gone.ID})
	m.ok(SetGoal{Host: "h1", JobID: web.ID, Goal: model.GoalStop})
	m.statuses("h1", "a1", report(4, gone, model.StateStopped))
	m.ok(DeregisterHost{Host: "h3"})
	m.as(model.Request{ID: "r-2"}, RemoveJob{ID: gone.ID})
	scriptExpiry(m)
	scriptGroups(m)
}

// scriptExpiry has masters remove a job of each kind, and a host, by themselves.
func scriptExpiry(m *machine) {
	brief, old, used := expiring("brief", 1_000_010), testJob("old", "1"), testJob("used", "1")
	for _, job := range []model.Job{brief, old, used} {
		m.ok(CreateJob{Job: job})
	}
	for _, host := range []string{"h1", "h2"} {
		m.ok(Deploy{Host: host, Deployment: deployment(brief, model.GoalStart), Token: brief.Token})
		m.ok(Deploy{Host: host, Deployment: deployment(used, model.GoalStart)})
	}
	m.ok(RegisterAgent{Registration: registration("h4", "a4")})
	m.ok(Deploy{Host: "h4", Deployment: deployment(used, model.GoalStart)})
	m.statuses("h4", "a4", report(1, used, model.StateRunning))
	m.statuses("h1", "a1", report(5, brief, model.StateRunning), report(6, used, model.StateRunning))
	m.ok(ExpireJobs{Limit: 5})
	m.ok(ReapJobs{Before: 2_000_000, Limit: 1})
	m.ok(ReapHost{Host: "h4", AgentID: "a4", Before: 2_000_000})
	m.ok(ReapHistory{Limit: 5})
}
