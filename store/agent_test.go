package store

import (
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"github.com/dgraph-io/badger/v4"
	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/heliosctl/heliosctl/model"
)

func agentJob(name string) model.Job {
	external := 8080
	return model.Job{
		ID:      model.JobID{Name: name, Version: "1"},
		Image:   "busybox:1.36",
		Command: []string{"sleep", "1000"},
		Env:     map[string]string{"A": "b"},
		Ports: map[string]model.PortMapping{
			"http":  {InternalPort: 80, Protocol: "tcp"},
			"admin": {InternalPort: 81, ExternalPort: &external, Protocol: "tcp"},
		},
		Registration: map[model.ServiceEndpoint]model.ServicePorts{{Name: "web", Protocol: "http"}: {}},
	}.WithID()
}

func agentRecord(name string, state model.State) model.TaskRecord {
	job := agentJob(name)
	return model.TaskRecord{
		Task:          model.Task{Job: job, Goal: model.GoalStart, Generation: 7},
		Ports:         map[string]int{"http": 20001, "admin": 8080},
		ContainerName: "helios-x-" + name,
		ContainerID:   "c-" + name,
		Ready:         true,
		Status:        &model.TaskStatus{Job: job, Goal: model.GoalStart, State: state, ContainerID: "c-" + name, Throttled: model.ThrottleNo},
	}
}

func openTestAgent(t *testing.T, dir string, options AgentOptions) *AgentRecords {
	t.Helper()
	records, err := OpenAgentRecords(dir, options)
	if err != nil {
		t.Fatal(err)
	}
	return records
}

func closeTestAgent(t *testing.T, records *AgentRecords) {
	t.Helper()
	if err := records.Close(); err != nil {
		t.Fatal(err)
	}
}

func agentMust[T any](t *testing.T) func(T, error) T {
	return func(v T, err error) T {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
		return v
	}
}

// agentModel compares what went through JSON, where nil and empty are the same.
var agentModel = cmpopts.EquateEmpty()

func TestAgentIDIsMadeOnceAndKept(t *testing.T) {
	dir := t.TempDir()
	records := openTestAgent(t, dir, AgentOptions{})
	id := records.ID()
	closeTestAgent(t, records)
	if len(id) != 40 || strings.ToUpper(id) != id {
		t.Errorf("id %q, want 40 upper-case hexadecimal digits", id)
	}

	records = openTestAgent(t, dir, AgentOptions{ID: "another"})
	defer closeTestAgent(t, records)
	if records.ID() != id {
		t.Errorf("id after a restart with another one configured %q, want %q", records.ID(), id)
	}
}

func TestAgentIDAsConfigured(t *testing.T) {
	records := openTestAgent(t, t.TempDir(), AgentOptions{ID: "solo-host"})
	defer closeTestAgent(t, records)
	if records.ID() != "solo-host" {
		t.Errorf("id %q, want the configured one", records.ID())
	}
	if _, err := OpenAgentRecords(t.TempDir(), AgentOptions{ID: "a/b"}); model.CodeOf(err) != model.CodeInvalidID {
		t.Errorf("an id that cannot begin a container's name: %v, want %s", err, model.CodeInvalidID)
	}
}

func TestAgentFolderErrorsAreOneLine(t *testing.T) {
	t.Run("second agent", func(t *testing.T) {
		dir := t.TempDir()
		defer closeTestAgent(t, openTestAgent(t, dir, AgentOptions{}))
		_, err := OpenAgentRecords(dir, AgentOptions{})
		wantAgentError(t, err, dir, "in use by another heliosctl")
	})
	t.Run("a file in the way", func(t *testing.T) {
		path := filepath.Join(t.TempDir(), "file")
		if err := os.WriteFile(path, nil, 0o600); err != nil {
			t.Fatal(err)
		}
		_, err := OpenAgentRecords(path, AgentOptions{})
		wantAgentError(t, err, path, "not a directory")
	})
	t.Run("read-only", func(t *testing.T) {
		if os.Getuid() == 0 {
			t.Skip("root may write everywhere")
		}
		dir := t.TempDir()
		if err := os.Chmod(dir, 0o500); err != nil {
			t.Fatal(err)
		}
		_, err := OpenAgentRecords(dir, AgentOptions{})
		wantAgentError(t, err, dir, "permission denied")
	})
	t.Run("other format", func(t *testing.T) {
		dir := t.TempDir()
		records := openTestAgent(t, dir, AgentOptions{})
		setAgentRaw(t, records, formatKey, "agent records 99")
		closeTestAgent(t, records)
		_, err := OpenAgentRecords(dir, AgentOptions{})
		wantAgentError(t, err, dir, "format 99")
	})
}

func wantAgentError(t *testing.T, err error, words ...string) {
	t.Helper()
	if err == nil {
		t.Fatal("opened, want an error")
	}
	if strings.Contains(err.Error(), "\n") {
		t.Errorf("error has several lines: %q", err)
	}
	for _, word := range words {
		if !strings.Contains(err.Error(), word) {
			t.Errorf("error %q does not say %q", err, word)
		}
	}
}

func setAgentRaw(t *testing.T, records *AgentRecords, key, value string) {
	t.Helper()
	if err := records.update(func(txn *badger.Txn) error { return txn.Set([]byte(key), []byte(value)) }); err != nil {
		t.Fatal(err)
	}
}

func TestAgentTasksAndReportsSurviveARestart(t *testing.T) {
	dir := t.TempDir()
	records := openTestAgent(t, dir, AgentOptions{})
	web, db := agentRecord("web", model.StateRunning), agentRecord("db", model.StateExited)
	for _, err := range []error{
		records.SaveTask(db),
		records.ReportTask(web, 11),
		records.ReportTask(db, 12),
		records.RemoveTask(db.Task.Job.ID, 13),
	} {
		if err != nil {
			t.Fatal(err)
		}
	}
	closeTestAgent(t, records)

	records = openTestAgent(t, dir, AgentOptions{})
	defer closeTestAgent(t, records)
	if diff := cmp.Diff([]model.TaskRecord{web}, agentMust[[]model.TaskRecord](t)(records.Tasks()), agentModel); diff != "" {
		t.Errorf("tasks (-want +got):\n%s", diff)
	}
	want := []model.StatusReport{
		{Seq: 1, JobID: web.Task.Job.ID, Timestamp: 11, Status: web.Status},
		{Seq: 2, JobID: db.Task.Job.ID, Timestamp: 12, Status: db.Status},
		{Seq: 3, JobID: db.Task.Job.ID, Timestamp: 13, Removed: true},
	}
	if diff := cmp.Diff(want, agentMust[[]model.StatusReport](t)(records.Outbox(10)), agentModel); diff != "" {
		t.Errorf("outbox (-want +got):\n%s", diff)
	}
	if diff := cmp.Diff(want[:2], agentMust[[]model.StatusReport](t)(records.Outbox(2)), agentModel); diff != "" {
		t.Errorf("outbox with a limit (-want +got):\n%s", diff)
	}
}

func TestAgentAckedReportsAreGoneAndNumbersGoOn(t *testing.T) {
	dir := t.TempDir()
	records := openTestAgent(t, dir, AgentOptions{})
	for range 3 {
		reportAgentState(t, records, "web", model.StateRunning)
	}
	if err := records.Ack(2); err != nil {
		t.Fatal(err)
	}
	wantAgentSeqs(t, records, 3)
	if err := records.Ack(3); err != nil {
		t.Fatal(err)
	}
	closeTestAgent(t, records)

	records = openTestAgent(t, dir, AgentOptions{})
	defer closeTestAgent(t, records)
	wantAgentSeqs(t, records)
	reportAgentState(t, records, "web", model.StateExited)
	wantAgentSeqs(t, records, 4)
}

func reportAgentState(t *testing.T, records *AgentRecords, name string, state model.State) {
	t.Helper()
	if err := records.ReportTask(agentRecord(name, state), 1); err != nil {
		t.Fatal(err)
	}
}

func wantAgentSeqs(t *testing.T, records *AgentRecords, want ...uint64) {
	t.Helper()
	var got []uint64
	for _, report := range agentMust[[]model.StatusReport](t)(records.Outbox(1 << 20)) {
		got = append(got, report.Seq)
	}
	if diff := cmp.Diff(want, got, agentModel); diff != "" {
		t.Errorf("numbers in the outbox (-want +got):\n%s", diff)
	}
}

func TestAgentRegistrationSettlesTheOutbox(t *testing.T) {
	tests := []struct {
		name   string
		before *model.Registered
		acked  uint64
		want   []uint64
	}{
		{"new agent, new to the masters", nil, 0, []uint64{1, 2, 3}},
		{"lost memory: the masters have older reports", nil, 2, []uint64{3, 4, 5}},
		{"an acknowledgement was lost", &model.Registered{Epoch: 1}, 2, []uint64{3}},
		{"everything has arrived", &model.Registered{Epoch: 1}, 3, nil},
		{"memory from a backup", &model.Registered{Epoch: 1}, 10, []uint64{11, 12, 13}},
		{"masters that know nothing", &model.Registered{Epoch: 1}, 0, []uint64{1, 2, 3}},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			dir := t.TempDir()
			records := openTestAgent(t, dir, AgentOptions{})
			if test.before != nil {
				if err := records.SaveRegistered(*test.before); err != nil {
					t.Fatal(err)
				}
			}
			for range 3 {
				reportAgentState(t, records, "web", model.StateRunning)
			}
			registered := model.Registered{Epoch: 2, AckedSeq: test.acked, ClusterID: "c"}
			if err := records.SaveRegistered(registered); err != nil {
				t.Fatal(err)
			}
			wantAgentSeqs(t, records, test.want...)
			closeTestAgent(t, records)

			records = openTestAgent(t, dir, AgentOptions{})
			defer closeTestAgent(t, records)
			wantAgentSeqs(t, records, test.want...)
			got, ok, err := records.Registered()
			if err != nil || !ok || got != registered {
				t.Errorf("registered %+v %v %v, want %+v", got, ok, err, registered)
			}
			reportAgentState(t, records, "web", model.StateExited)
			next := max(3, test.acked) + 1
			if test.before == nil || test.acked > 3 {
				next = test.acked + 4
			}
			wantAgentSeqs(t, records, append(test.want, next)...)
		})
	}
}

func TestAgentOutboxKeepsTheNewestReportsOfEachJob(t *testing.T) {
	records := openTestAgent(t, t.TempDir(), AgentOptions{MaxReportsPerJob: 3})
	defer closeTestAgent(t, records)
	reportAgentState(t, records, "quiet", model.StateRunning)
	for range 5 {
		reportAgentState(t, records, "noisy", model.StateExited)
	}
	wantAgentSeqs(t, records, 1, 4, 5, 6)
}

func TestAgentDesiredTasks(t *testing.T) {
	dir := t.TempDir()
	records := openTestAgent(t, dir, AgentOptions{})
	task := func(name string, goal model.Goal) model.Task { return model.Task{Job: agentJob(name), Goal: goal} }
	updates := []model.TaskUpdate{
		{Type: model.TaskUpdateSnapshot, Index: 1, Tasks: []model.Task{task("a", model.GoalStart), task("b", model.GoalStart), task("c", model.GoalStart)}},
		{Type: model.TaskUpdateChange, Index: 2, Tasks: []model.Task{task("b", model.GoalStop)}, Removed: []model.JobID{agentJob("a").ID}},
		{Type: model.TaskUpdateSnapshot, Index: 5, Tasks: []model.Task{task("b", model.GoalStop), task("d", model.GoalStart)}},
	}
	for _, update := range updates {
		if err := records.SaveDesired(update); err != nil {
			t.Fatal(err)
		}
	}
	closeTestAgent(t, records)

	records = openTestAgent(t, dir, AgentOptions{})
	defer closeTestAgent(t, records)
	tasks, index, err := records.Desired()
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff([]model.Task{task("b", model.GoalStop), task("d", model.GoalStart)}, tasks, agentModel); diff != "" {
		t.Errorf("tasks (-want +got):\n%s", diff)
	}
	if index != 5 {
		t.Errorf("index %d, want 5", index)
	}
}

func TestAgentDesiredTasksOfAnySize(t *testing.T) {
	records := openTestAgent(t, t.TempDir(), AgentOptions{})
	defer closeTestAgent(t, records)
	var tasks []model.Task
	for i := range 40 {
		job := model.Job{
			ID: model.JobID{Name: fmt.Sprintf("job%02d", i), Version: "1"}, Image: "busybox",
			Env: map[string]string{"BIG": strings.Repeat("x", 50<<10)},
		}.WithID()
		tasks = append(tasks, model.Task{Job: job, Goal: model.GoalStart})
	}
	if err := records.SaveDesired(model.TaskUpdate{Type: model.TaskUpdateSnapshot, Index: 1, Tasks: tasks}); err != nil {
		t.Fatal(err)
	}
	got, _, err := records.Desired()
	if err != nil || len(got) != len(tasks) {
		t.Errorf("%d tasks, %v; want %d", len(got), err, len(tasks))
	}
}

func TestAgentUnreadableRecordsAreSetAside(t *testing.T) {
	dir := t.TempDir()
	records := openTestAgent(t, dir, AgentOptions{})
	good := agentRecord("good", model.StateRunning)
	if err := records.ReportTask(good, 1); err != nil {
		t.Fatal(err)
	}
	bad := []string{agentTask + "bad:1:x", agentDesired + "bad:1:x", agentOutboxKey(99), agentKeyRegistered}
	for _, key := range bad {
		setAgentRaw(t, records, key, `{"from a newer version": [`)
	}
	closeTestAgent(t, records)

	for range 2 { // once more: what was set aside stays so
		var logged strings.Builder
		records = openTestAgent(t, dir, AgentOptions{Logger: slog.New(slog.NewTextHandler(&logged, nil))})
		if diff := cmp.Diff([]model.TaskRecord{good}, agentMust[[]model.TaskRecord](t)(records.Tasks()), agentModel); diff != "" {
			t.Errorf("tasks (-want +got):\n%s", diff)
		}
		wantAgentSeqs(t, records, 1)
		kept := agentMust[[]string](t)(records.Quarantined())
		if diff := cmp.Diff(bad, kept, cmpopts.SortSlices(func(a, b string) bool { return a < b })); diff != "" {
			t.Errorf("kept aside (-want +got):\n%s", diff)
		}
		closeTestAgent(t, records)
	}
}

func TestAgentWritesNothingOnAFullDisk(t *testing.T) {
	dir := t.TempDir()
	records := openTestAgent(t, dir, AgentOptions{})
	defer closeTestAgent(t, records)
	reportAgentState(t, records, "web", model.StateRunning)
	records.options.MinFreeBytes = 1 << 62

	job := agentJob("web").ID
	for name, err := range map[string]error{
		"save task":    records.SaveTask(agentRecord("web", model.StateExited)),
		"report task":  records.ReportTask(agentRecord("web", model.StateExited), 2),
		"remove task":  records.RemoveTask(job, 2),
		"save desired": records.SaveDesired(model.TaskUpdate{Type: model.TaskUpdateSnapshot, Index: 3}),
		"registered":   records.SaveRegistered(model.Registered{}),
		"ack":          records.Ack(1),
		"check":        records.CheckSpace(),
	} {
		if model.CodeOf(err) != model.CodeStorageFull {
			t.Errorf("%s: %v, want %s", name, err, model.CodeStorageFull)
		}
	}
	wantAgentSeqs(t, records, 1)
	if tasks := agentMust[[]model.TaskRecord](t)(records.Tasks()); len(tasks) != 1 || tasks[0].Status.State != model.StateRunning {
		t.Errorf("tasks %+v, want what was there before", tasks)
	}

	records.options.MinFreeBytes = 1
	reportAgentState(t, records, "web", model.StateExited)
	wantAgentSeqs(t, records, 1, 2)
}

func TestAgentReportsFromManySupervisors(t *testing.T) {
	records := openTestAgent(t, t.TempDir(), AgentOptions{})
	defer closeTestAgent(t, records)
	var all sync.WaitGroup
	for i := range 8 {
		all.Go(func() {
			for range 10 {
				if err := records.ReportTask(agentRecord(fmt.Sprintf("job%d", i), model.StateRunning), 1); err != nil {
					t.Error(err)
				}
			}
		})
	}
	all.Wait()
	reports := agentMust[[]model.StatusReport](t)(records.Outbox(1000))
	if len(reports) != 80 || reports[79].Seq != 80 {
		t.Errorf("%d reports, want 80 numbered from 1", len(reports))
	}
}
