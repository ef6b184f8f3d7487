package store

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"sync/atomic"

	"github.com/dgraph-io/badger/v4"
	"github.com/hashicorp/go-memdb"
	"github.com/hashicorp/raft"

	"github.com/heliosctl/heliosctl/model"
)

// stateFormat is the layout of the state's folder.
var stateFormat = format{kind: "state", version: 1}

// DefaultHistoryLimit is how many status changes are kept of each job on each host: as many as the original kept.
const DefaultHistoryLimit = 30

// DefaultEventLimit is how many recent events are kept in memory.
const DefaultEventLimit = 16384

// StateOptions tune a State. The zero value of a field means its default.
type StateOptions struct {
	HistoryLimit int // status changes kept of each job on each host; the same on every master
	EventLimit   int // recent events kept in memory
	Logger       *slog.Logger
}

func (o StateOptions) withDefaults() StateOptions {
	if o.HistoryLimit <= 0 {
		o.HistoryLimit = DefaultHistoryLimit
	}
	if o.EventLimit <= 0 {
		o.EventLimit = DefaultEventLimit
	}
	if o.Logger == nil {
		o.Logger = slog.New(slog.DiscardHandler)
	}
	return o
}

// State is the masters' replicated state. Raft changes it through Apply, ApplyBatch and Restore, which raft calls from one goroutine;
// everything else may be called from any. Reads see whole batches: never part of a command.
type State struct {
	db       *database
	options  StateOptions
	handlers map[CommandType]handler

	mem     *memdb.MemDB  // the working set, the same as what is on disk
	applied atomic.Uint64 // index of the last entry in mem
	broker  *broker

	replaced atomic.Pointer[chan struct{}] // closed by the next Restore

	// These belong to the goroutine that applies.
	requests  *requests // except for reads of its rows
	histories histories

	// reads is held for writing while a restore drops the database, which no reader may see.
	reads sync.RWMutex

	saves saves      // the archives that are being read
	redo  sync.Mutex // held while the database has only a part of a command that is too big for one transaction

	failed   atomic.Pointer[error]
	failedCh chan struct{}
	failOnce sync.Once
}

// OpenState opens or creates the state in dir, a folder of its own. A folder left half-restored by a crash opens empty, so that
// raft restores its snapshot again.
func OpenState(dir string, options StateOptions) (*State, error) {
	options = options.withDefaults()
	db, err := openDatabase(dir, stateFormat, stateMemTableSize, options.Logger)
	if err != nil {
		return nil, err
	}
	mem, err := memdb.NewMemDB(tables())
	if err != nil {
		_ = db.Close()
		return nil, err
	}
	s := &State{db: db, options: options, handlers: handlers(), mem: mem, requests: newRequests(), failedCh: make(chan struct{})}
	if err := s.recover(); err != nil {
		_ = db.Close()
		return nil, fmt.Errorf("cannot load the state from %s: %w", dir, err)
	}
	s.broker = newBroker(options.EventLimit, s.Index())
	s.replaced.Store(newReplaced())
	return s, nil
}

// recover finishes or undoes what a crash interrupted, and loads the working set.
func (s *State) recover() error {
	if err := s.finishRedo(); err != nil {
		return err
	}
	applied, err := s.db.get([]byte(appliedKey))
	if err != nil {
		return err
	}
	if applied == nil {
		if err := s.clear(); err != nil {
			return err
		}
	}
	return s.load()
}

// Close closes the database. Reads from memory go on; History fails.
func (s *State) Close() error {
	s.saves.end("the master is shutting down") // and none is begun any more
	s.reads.Lock()
	defer s.reads.Unlock()
	return s.db.Close()
}

// Index returns the index of the last applied log entry.
func (s *State) Index() uint64 { return s.applied.Load() }

// WaitIndex returns when the entry of that index is applied, or with ctx's error.
func (s *State) WaitIndex(ctx context.Context, index uint64) error {
	for {
		changed, record, err := s.mem.Txn(false).FirstWatch(tableMeta, indexID, metaApplied)
		if err != nil {
			return err
		}
		if record != nil && record.(*metaRecord).applied >= index {
			return nil
		}
		select {
		case <-changed:
		case <-ctx.Done():
			return ctx.Err()
		case <-s.failedCh:
			return s.Err()
		}
	}
}

// Failed is closed when a write to disk failed. The state then refuses every command, because it would otherwise differ from the
// log; the process must end and start again.
func (s *State) Failed() <-chan struct{} { return s.failedCh }

// Err returns why the state failed, nil when it has not.
func (s *State) Err() error {
	if err := s.failed.Load(); err != nil {
		return *err
	}
	return nil
}

func (s *State) fail(err error) {
	s.failed.Store(&err)
	s.failOnce.Do(func() { close(s.failedCh) })
}

// Apply applies one log entry. Its result is a Result.
func (s *State) Apply(entry *raft.Log) any { return s.ApplyBatch([]*raft.Log{entry})[0] }

// ApplyBatch applies log entries in order and writes them in as few transactions as they fit, each of them with the index it brings
// the state to. Entries applied before are skipped. The results are Results, in the order of the entries.
func (s *State) ApplyBatch(entries []*raft.Log) []any {
	results := make([]any, len(entries))
	if err := s.Err(); err != nil {
		return failAll(results, err)
	}
	b := &batch{state: s, mem: s.mem.Txn(true), index: s.Index()}
	defer b.mem.Abort()
	for i, entry := range entries {
		results[i] = Result{Index: entry.Index}
		if entry.Index > b.index {
			results[i] = b.apply(entry)
		}
	}
	if b.index == s.Index() {
		return results
	}
	if err := b.commit(); err != nil {
		s.fail(fmt.Errorf("cannot write the state: %w", err))
		return failAll(results, s.Err())
	}
	return results
}

func failAll(results []any, err error) []any {
	for i := range results {
		results[i] = Result{Err: model.Errorf(model.CodeOutcomeUnknown, "%v", err)}
	}
	return results
}

// clear drops everything but the format mark. A crash in it leaves no applied index, so it is done again.
func (s *State) clear() error {
	empty, err := s.db.empty()
	if err != nil || empty {
		return err
	}
	if err := s.db.DropAll(); err != nil {
		return err
	}
	return s.db.writeFormat(stateFormat)
}

// view runs fn in a read transaction of the database.
func (s *State) view(fn func(*badger.Txn) error) error {
	s.reads.RLock()
	defer s.reads.RUnlock()
	err := s.db.View(fn)
	if errors.Is(err, badger.ErrDBClosed) {
		return model.Errorf(model.CodeUnavailable, "the master is shutting down; try another one")
	}
	return err
}
