package store

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"strings"
	"testing"

	"github.com/dgraph-io/badger/v4"
	"github.com/google/go-cmp/cmp"
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

func TestSameLogGivesSameState(t *testing.T) {
	one, other := newMachine(t, StateOptions{}), newMachine(t, StateOptions{})
	script(one)
	other.state.ApplyBatch(one.log)
	if diff := cmp.Diff(dump(t, one.state), dump(t, other.state)); diff != "" {
		t.Errorf("the databases differ (-one entry at a time +all at once):\n%s", diff)
	}
	if diff := cmp.Diff(view(t, one.state), view(t, other.state)); diff != "" {
		t.Errorf("what is read differs:\n%s", diff)
	}
}

func TestReplayChangesNothing(t *testing.T) {
	m := newMachine(t, StateOptions{})
	script(m)
	before := dump(t, m.state)
	m.state.ApplyBatch(m.log)
	m.state.ApplyBatch(m.log[len(m.log)/2:])
	if diff := cmp.Diff(before, dump(t, m.state)); diff != "" {
		t.Errorf("applying the log again changed the state:\n%s", diff)
	}
}

func TestReopenKeepsEverything(t *testing.T) {
	m := newMachine(t, StateOptions{})
	script(m)
	before := view(t, m.state)
	m.reopen()
	if diff := cmp.Diff(before, view(t, m.state)); diff != "" {
		t.Errorf("what is read after opening again differs:\n%s", diff)
	}
	// The memory of request ids and the ranges of the history come back too.
	if got := m.as(model.Request{ID: "r-2"}, RemoveJob{ID: testJob("gone", "1").ID}); got.Index == uint64(len(m.log)) {
		t.Error("a repeated request was applied again after opening again")
	}
	m.statuses("h1", "a1", report(7, testJob("web", "1", 8080, 9090), model.StateStopped))
	if history, err := m.state.History(testJob("web", "1", 8080, 9090).ID); err != nil || len(history) != 3 {
		t.Errorf("the history after opening again: %d rows, %v", len(history), err)
	}
}

func TestSnapshotRestores(t *testing.T) {
	from, to := newMachine(t, StateOptions{}), newMachine(t, StateOptions{})
	script(from)
	snapshot := takeSnapshot(t, from.state)
	to.ok(CreateJob{Job: testJob("other", "1")}) // must be gone afterwards
	_, _, more := to.state.Events(to.state.Index())
	if err := to.state.Restore(io.NopCloser(bytes.NewReader(snapshot))); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(dump(t, from.state), dump(t, to.state)); diff != "" {
		t.Errorf("the restored database differs:\n%s", diff)
	}
	if diff := cmp.Diff(view(t, from.state), view(t, to.state)); diff != "" {
		t.Errorf("what is read from the restored state differs:\n%s", diff)
	}
	<-more
	if _, reset, _ := to.state.Events(1); !reset {
		t.Error("events before the snapshot are not reported as unknown")
	}
	// Both go on alike, the memory of requests included.
	to.log = append([]*raft.Log(nil), from.log...)
	for _, m := range []*machine{from, to} {
		m.as(model.Request{ID: "r-1", User: "bob"}, Deploy{Host: "h1", Deployment: deployment(testJob("db", "2", 5432), model.GoalStart)})
		m.statuses("h1", "a1", report(6, testJob("db", "2", 5432), model.StateFailed), report(7, testJob("db", "2", 5432), model.StateFailed))
		m.ok(ReapJobs{Before: 2_000_000, Limit: 1})
	}
	if diff := cmp.Diff(dump(t, from.state), dump(t, to.state)); diff != "" {
		t.Errorf("the states went different ways after the restore:\n%s", diff)
	}
}

// sink is a raft.SnapshotSink in memory.
type sink struct {
	bytes.Buffer
	cancelled bool
}

func (*sink) Close() error    { return nil }
func (*sink) ID() string      { return "test" }
func (s *sink) Cancel() error { s.cancelled = true; return nil }

func takeSnapshot(t *testing.T, s *State) []byte {
	t.Helper()
	snapshot, err := s.Snapshot()
	if err != nil {
		t.Fatal(err)
	}
	defer snapshot.Release()
	var out sink
	if err := snapshot.Persist(&out); err != nil {
		t.Fatal(err)
	}
	return out.Bytes()
}

func TestSnapshotIsOfItsMoment(t *testing.T) {
	m := newMachine(t, StateOptions{})
	script(m)
	want := dump(t, m.state)
	snapshot, err := m.state.Snapshot()
	if err != nil {
		t.Fatal(err)
	}
	m.ok(CreateJob{Job: testJob("later", "1")})
	var out sink
	err = snapshot.Persist(&out)
	snapshot.Release()
	if err != nil {
		t.Fatal(err)
	}
	to := newMachine(t, StateOptions{})
	if err := to.state.Restore(io.NopCloser(&out.Buffer)); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(want, dump(t, to.state)); diff != "" {
		t.Errorf("the snapshot has later changes:\n%s", diff)
	}
}

func TestRestoreOfDamagedSnapshots(t *testing.T) {
	m := newMachine(t, StateOptions{})
	script(m)
	whole := takeSnapshot(t, m.state)
	newer := bytes.Clone(whole)
	newer[len(snapshotMagic)] = snapshotVersion + 1
	for name, snapshot := range map[string][]byte{
		"empty":     {},
		"foreign":   []byte("this is something else altogether, of some length"),
		"newer":     newer,
		"cut short": whole[:len(whole)/2],
		"no end":    whole[:len(whole)-9],
	} {
		t.Run(name, func(t *testing.T) {
			m := newMachine(t, StateOptions{})
			script(m)
			if err := m.state.Restore(io.NopCloser(bytes.NewReader(snapshot))); err == nil {
				t.Fatal("the snapshot was accepted")
			} else if strings.Contains(err.Error(), "\n") {
				t.Errorf("the error has several lines: %v", err)
			}
			// Either nothing was touched, or the state refuses to go on and opens empty.
			index := m.state.Index()
			if m.state.Err() != nil {
				if got := m.do(Term{}); got.Err == nil {
					t.Error("a half-restored state accepts commands")
				}
				m.reopen()
				if m.state.Index() != 0 || len(m.state.Jobs(model.JobFilter{})) != 0 {
					t.Error("a half-restored state does not open empty")
				}
				if err := m.state.Restore(io.NopCloser(bytes.NewReader(whole))); err != nil {
					t.Fatal(err)
				}
			} else {
				m.reopen()
			}
			if m.state.Index() != index {
				t.Errorf("the state is at %d, want %d", m.state.Index(), index)
			}
		})
	}
}

func TestUnfinishedRestoreOpensEmpty(t *testing.T) {
	m := newMachine(t, StateOptions{})
	script(m)
	// As a crash leaves it: the data without the applied index.
	if err := m.state.db.Update(func(txn *badger.Txn) error { return txn.Delete([]byte(appliedKey)) }); err != nil {
		t.Fatal(err)
	}
	m.reopen()
	if got := view(t, m.state); m.state.Index() != 0 || strings.Contains(got, "web") {
		t.Errorf("the state is not empty: %s", got)
	}
	m.state.ApplyBatch(m.log)
	if m.state.Index() != uint64(len(m.log)) {
		t.Errorf("the state is at %d after the log", m.state.Index())
	}
}

func TestUnknownAndMalformedCommands(t *testing.T) {
	for name, test := range map[string]struct {
		command string
		want    model.Code
	}{
		"unknown type":    {`{"v":1,"type":"fly"}` + "\n{}", model.CodeUnknownCommand},
		"newer version":   {`{"v":2,"type":"createJob"}` + "\n{}", model.CodeUnknownCommand},
		"no body":         {`{"v":1,"type":"term"}`, model.CodeInvalid},
		"not JSON":        {"\x00\x01\n", model.CodeInvalid},
		"body not JSON":   {`{"v":1,"type":"term"}` + "\nx", model.CodeInvalid},
		"nothing":         {"", model.CodeInvalid},
		"body of another": {`{"v":1,"type":"deploy"}` + "\n[]", model.CodeInvalid},
	} {
		t.Run(name, func(t *testing.T) {
			m := newMachine(t, StateOptions{})
			before := dump(t, m.state)
			if got := m.raw([]byte(test.command)); model.CodeOf(got.Err) != test.want {
				t.Errorf("got %v, want code %s", got.Err, test.want)
			}
			if m.state.Index() != 1 {
				t.Errorf("the index is %d; the entry must count", m.state.Index())
			}
			if after := dump(t, m.state); strings.Count(after, "\n") != strings.Count(before, "\n")+1 {
				t.Errorf("more than the index was written:\n%s", after)
			}
		})
	}
}

func TestConfigurationEntriesMoveTheIndex(t *testing.T) {
	m := newMachine(t, StateOptions{})
	m.state.ApplyBatch([]*raft.Log{{Index: 1, Type: raft.LogConfiguration, Data: []byte("x")}})
	if m.state.Index() != 1 {
		t.Errorf("the index is %d", m.state.Index())
	}
	if err := m.state.WaitIndex(t.Context(), 1); err != nil {
		t.Error(err)
	}
}

func TestBatchesAreSplitBetweenCommands(t *testing.T) {
	one, other := newMachine(t, StateOptions{}), newMachine(t, StateOptions{})
	// 20 jobs of 100 kB are more than one transaction holds.
	for i := range 20 {
		job := testJob("big", fmt.Sprint(i))
		job.Env = map[string]string{"BIG": strings.Repeat("x", 100<<10)}
		command, err := Encode(1, model.Request{}, CreateJob{Job: job.WithID()})
		if err != nil {
			t.Fatal(err)
		}
		one.append(command)
	}
	for _, result := range one.state.ApplyBatch(one.log) {
		if err := result.(Result).Err; err != nil {
			t.Fatal(err)
		}
	}
	for _, entry := range one.log {
		other.state.Apply(entry)
	}
	one.reopen()
	if got := len(one.state.Jobs(model.JobFilter{})); got != 20 {
		t.Errorf("%d jobs, want 20", got)
	}
	if diff := cmp.Diff(dump(t, one.state), dump(t, other.state)); diff != "" {
		t.Error("the databases differ")
	}
}

// TestCommandsBiggerThanATransaction removes a job with more history than one transaction can delete.
func TestCommandsBiggerThanATransaction(t *testing.T) {
	m := newMachine(t, StateOptions{HistoryLimit: 5000})
	job := testJob("web", "1")
	m.ok(CreateJob{Job: job})
	for h := range 4 {
		host := fmt.Sprint("h", h)
		m.ok(RegisterAgent{Registration: registration(host, "a")})
		for from := range 10 {
			var reports []model.StatusReport
			for i := range 400 {
				reports = append(reports, report(uint64(from*400+i+1), job, model.StateRunning))
			}
			m.statuses(host, "a", reports...)
		}
	}
	if history, err := m.state.History(job.ID); err != nil || len(history) != 16000 {
		t.Fatalf("%d rows of history: %v", len(history), err)
	}
	if int64(16000) < m.state.db.MaxBatchCount() {
		t.Fatal("the test is too small for the database")
	}
	m.ok(RemoveJob{ID: job.ID})
	if got := dump(t, m.state); strings.Contains(got, `"h/`) || strings.Contains(got, "!redo") {
		t.Error("some history or some of the unfinished write is left")
	}
	m.reopen()
	if _, err := m.state.Job(job.ID); model.CodeOf(err) != model.CodeJobNotFound {
		t.Errorf("the job is back: %v", err)
	}
}

func TestCrashInABigWrite(t *testing.T) {
	writes := []write{{key: []byte("a/x"), value: encodeIndex(7)}, {key: []byte("a/gone")}}
	for name, test := range map[string]struct {
		committed bool
		applied   uint64
		acks      int
	}{
		"before the mark": {false, 1, 1},
		"after the mark":  {true, 9, 1},
	} {
		t.Run(name, func(t *testing.T) {
			m := newMachine(t, StateOptions{})
			m.ok(Term{})
			err := m.state.db.Update(func(txn *badger.Txn) error {
				if test.committed {
					if err := txn.Set([]byte(redoCommitKey), encodeIndex(9)); err != nil {
						return err
					}
				}
				if err := txn.Set([]byte("a/gone"), encodeIndex(1)); err != nil {
					return err
				}
				return txn.Set(redoKey(0), encodeWrites(writes))
			})
			if err != nil {
				t.Fatal(err)
			}
			m.reopen()
			got := dump(t, m.state)
			if m.state.Index() != test.applied || strings.Contains(got, "!redo") {
				t.Errorf("index %d, database:\n%s", m.state.Index(), got)
			}
			if strings.Contains(got, `"a/x"`) != test.committed || strings.Contains(got, `"a/gone"`) == test.committed {
				t.Errorf("the write was not done or undone whole:\n%s", got)
			}
		})
	}
}
