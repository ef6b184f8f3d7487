package store

import (
	"bytes"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"testing"
	"time"

	"github.com/dgraph-io/badger/v4"
	"github.com/google/go-cmp/cmp"
	"github.com/hashicorp/raft"
)

func newLog(t *testing.T, dir string) *Log {
	t.Helper()
	l, err := OpenLog(dir, slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = l.Close() })
	return l
}

func entries(from, to uint64) []*raft.Log {
	var all []*raft.Log
	for i := from; i <= to; i++ {
		all = append(all, &raft.Log{Index: i, Term: i / 10, Type: raft.LogCommand, Data: fmt.Appendf(nil, "entry %d", i)})
	}
	return all
}

func wantRange(t *testing.T, l *Log, first, last uint64) {
	t.Helper()
	gotFirst, err := l.FirstIndex()
	gotLast, err2 := l.LastIndex()
	if err != nil || err2 != nil || gotFirst != first || gotLast != last {
		t.Errorf("the log is %d to %d (%v, %v), want %d to %d", gotFirst, gotLast, err, err2, first, last)
	}
	for index := first; index <= last && index > 0; index++ {
		var entry raft.Log
		if err := l.GetLog(index, &entry); err != nil || entry.Index != index {
			t.Fatalf("entry %d: %v, index %d", index, err, entry.Index)
		}
	}
	for _, index := range []uint64{0, first - 1, last + 1} {
		if err := l.GetLog(index, new(raft.Log)); first > 1 && !errors.Is(err, raft.ErrLogNotFound) {
			t.Errorf("entry %d outside the log: %v", index, err)
		}
	}
}

func TestLogKeepsEntries(t *testing.T) {
	dir := t.TempDir()
	l := newLog(t, dir)
	wantRange(t, l, 0, 0)
	want := raft.Log{
		Index: 7, Term: 3, Type: raft.LogConfiguration, Data: []byte("data"), Extensions: []byte{0, 1},
		AppendedAt: time.Unix(12, 34),
	}
	if err := l.StoreLog(&want); err != nil {
		t.Fatal(err)
	}
	if err := l.StoreLogs([]*raft.Log{{Index: 8, Term: 3, Type: raft.LogNoop}}); err != nil {
		t.Fatal(err)
	}
	if err := l.Close(); err != nil {
		t.Fatal(err)
	}
	l = newLog(t, dir)
	var got raft.Log
	if err := l.GetLog(7, &got); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
	wantRange(t, l, 7, 8)
}

func TestLogTruncates(t *testing.T) {
	for name, test := range map[string]struct{ low, high, first, last uint64 }{
		"head":            {1, 2099, 2100, 2500},
		"tail":            {400, 2500, 1, 399},
		"all":             {1, 2500, 0, 0},
		"beyond the ends": {0, 99999, 0, 0},
		"before":          {0, 0, 1, 2500},
		"after":           {7000, 8000, 1, 2500},
	} {
		t.Run(name, func(t *testing.T) {
			dir := t.TempDir()
			l := newLog(t, dir)
			if err := l.StoreLogs(entries(1, 2500)); err != nil {
				t.Fatal(err)
			}
			if err := l.DeleteRange(test.low, test.high); err != nil {
				t.Fatal(err)
			}
			wantRange(t, l, test.first, test.last)
			if err := l.Close(); err != nil {
				t.Fatal(err)
			}
			wantRange(t, newLog(t, dir), test.first, test.last)
		})
	}
}

func TestLogRefusesHoles(t *testing.T) {
	l := newLog(t, t.TempDir())
	if err := l.StoreLogs(entries(1, 10)); err != nil {
		t.Fatal(err)
	}
	if err := l.StoreLog(&raft.Log{Index: 12}); err == nil {
		t.Error("an entry after a gap was appended")
	}
	if err := l.StoreLog(&raft.Log{Index: 10}); err == nil {
		t.Error("an entry was written twice")
	}
	if err := l.DeleteRange(3, 5); err == nil {
		t.Error("entries were deleted from the middle")
	}
	wantRange(t, l, 1, 10)
	if err := l.DeleteRange(1, 10); err != nil {
		t.Fatal(err)
	}
	if err := l.StoreLogs(entries(50, 55)); err != nil {
		t.Errorf("an emptied log does not start elsewhere: %v", err)
	}
	wantRange(t, l, 50, 55)
}

func TestLogSplitsBigAppends(t *testing.T) {
	l := newLog(t, t.TempDir())
	all := entries(1, 30)
	for _, entry := range all {
		entry.Data = bytes.Repeat([]byte("x"), MaxCommandSize)
	}
	if err := l.StoreLogs(all); err != nil {
		t.Fatal(err)
	}
	wantRange(t, l, 1, 30)
}

func TestLogTruncatesWhileItAppends(t *testing.T) {
	dir := t.TempDir()
	l := newLog(t, dir)
	const last = 3000
	if err := l.StoreLogs(entries(1, 100)); err != nil {
		t.Fatal(err)
	}
	var wg sync.WaitGroup
	wg.Go(func() {
		for next := uint64(101); next <= last; next += 10 {
			if err := l.StoreLogs(entries(next, next+9)); err != nil {
				t.Error(err)
				return
			}
		}
	})
	wg.Go(func() {
		for {
			first, _ := l.FirstIndex()
			end, _ := l.LastIndex()
			if end >= last {
				return
			}
			if end-first > 60 {
				if err := l.DeleteRange(first, end-50); err != nil {
					t.Error(err)
					return
				}
			}
			var entry raft.Log
			if err := l.GetLog(first, &entry); err != nil && !errors.Is(err, raft.ErrLogNotFound) {
				t.Error(err)
				return
			}
		}
	})
	wg.Wait()
	first, _ := l.FirstIndex()
	end, _ := l.LastIndex()
	wantRange(t, l, first, end)
	if err := l.Close(); err != nil {
		t.Fatal(err)
	}
	wantRange(t, newLog(t, dir), first, end)
}

func TestLogWithMissingEndsDoesNotOpen(t *testing.T) {
	for name, index := range map[string]uint64{"first": 1, "last": 10} {
		t.Run(name, func(t *testing.T) {
			dir := t.TempDir()
			l := newLog(t, dir)
			if err := l.StoreLogs(entries(1, 10)); err != nil {
				t.Fatal(err)
			}
			if err := l.db.Update(func(txn *badger.Txn) error { return txn.Delete(entryKey(index)) }); err != nil {
				t.Fatal(err)
			}
			if err := l.Close(); err != nil {
				t.Fatal(err)
			}
			_, err := OpenLog(dir, slog.New(slog.DiscardHandler))
			oneClearLine(t, err, dir, "damaged", fmt.Sprint("entry ", index))
		})
	}
}

func TestLogForgetsEntriesOutsideItsRange(t *testing.T) {
	dir := t.TempDir()
	l := newLog(t, dir)
	if err := l.StoreLogs(entries(1, 10)); err != nil {
		t.Fatal(err)
	}
	// As after a crash between shrinking the range and deleting.
	if err := l.db.Update(func(txn *badger.Txn) error { return txn.Set([]byte(rangeKey), encodeRange(1, 4)) }); err != nil {
		t.Fatal(err)
	}
	if err := l.Close(); err != nil {
		t.Fatal(err)
	}
	l = newLog(t, dir)
	wantRange(t, l, 1, 4)
	rewritten := entries(5, 7)
	rewritten[0].Term = 99
	if err := l.StoreLogs(rewritten); err != nil {
		t.Fatal(err)
	}
	var entry raft.Log
	if err := l.GetLog(5, &entry); err != nil || entry.Term != 99 {
		t.Errorf("entry 5 is %+v, %v", entry, err)
	}
	wantRange(t, l, 1, 7)
}

func TestLogVariables(t *testing.T) {
	dir := t.TempDir()
	l := newLog(t, dir)
	if value, err := l.Get([]byte("missing")); err != nil || len(value) != 0 {
		t.Errorf("a missing variable: %q, %v", value, err)
	}
	if value, err := l.GetUint64([]byte("missing")); err != nil || value != 0 {
		t.Errorf("a missing number: %d, %v", value, err)
	}
	if err := errors.Join(l.Set([]byte("vote"), []byte("me")), l.SetUint64([]byte("term"), 7), l.Close()); err != nil {
		t.Fatal(err)
	}
	l = newLog(t, dir)
	vote, err := l.Get([]byte("vote"))
	term, err2 := l.GetUint64([]byte("term"))
	if err != nil || err2 != nil || string(vote) != "me" || term != 7 {
		t.Errorf("vote %q, term %d, %v, %v", vote, term, err, err2)
	}
	if _, err := l.GetUint64([]byte("vote")); err == nil {
		t.Error("a variable that is no number was read as one")
	}
}
