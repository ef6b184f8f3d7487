package store

import (
	"fmt"
	"strings"
	"testing"

	"github.com/dgraph-io/badger/v4"
	"github.com/google/go-cmp/cmp"
	"github.com/hashicorp/raft"

	"github.com/heliosctl/heliosctl/model"
)

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
