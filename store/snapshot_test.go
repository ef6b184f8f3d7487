package store

import (
	"bytes"
	"io"
	"strings"
	"testing"

	"github.com/dgraph-io/badger/v4"
	"github.com/google/go-cmp/cmp"
	"github.com/hashicorp/raft"

	"github.com/heliosctl/heliosctl/model"
)

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
