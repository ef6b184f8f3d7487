package store

import (
	"bytes"
	"crypto/rand"
	"encoding/binary"
	"encoding/hex"
	"encoding/json"
	"errors"
	"log/slog"
	"os"
	"regexp"
	"strings"
	"sync"

	"github.com/dgraph-io/badger/v4"

	"github.com/heliosctl/heliosctl/model"
)

// AgentOptions are the knobs of an agent's records. The zero value is what production uses.
type AgentOptions struct {
	// ID is the id of a new agent; "" makes one up. A folder that has an id keeps it.
	ID string

	// Logger is told of records that cannot be read and of trouble in the database; nil is silent.
	Logger *slog.Logger

	// MinFreeBytes is the free disk space below which nothing is written any more (0: 50 MiB). A database that is mapped into memory
	// would take the process down on a full disk.
	MinFreeBytes uint64

	// MaxReportsPerJob bounds the unsent reports of one job (0: 1000). The oldest give way; the newest, which is what the job
	// comes to, is never lost.
	MaxReportsPerJob int
}

// agentFormat is the layout below.
var agentFormat = format{kind: "agent records", version: 1}

// The keys of an agent's records. Every value is JSON except the counters, which are big endian.
const (
	agentKeyID           = "agent-id"
	agentKeyRegistered   = "registered"
	agentKeyDesiredIndex = "desired-index"
	agentKeySeq          = "seq" // highest sequence number given out
	agentDesired         = "desired/"
	agentTask            = "task/"
	agentOutbox          = "outbox/"     // followed by the sequence number, 8 bytes
	agentQuarantine      = "quarantine/" // followed by the key of a record that could not be read
)

// AgentRecords is the memory of one agent: who it is, what it was told to do, what it did, and what it has yet to report. Every
// write is on disk when the method returns. Safe for concurrent use.
//
// Writes fail with CodeStorageFull when the disk is nearly full; what was recorded stays readable.
type AgentRecords struct {
	dir     string
	options AgentOptions
	log     *slog.Logger
	db      *database
	id      string

	mu      sync.Mutex // serialises writes; guards the fields below
	seq     uint64
	pending map[model.JobID][]uint64 // sequence numbers in the outbox, rising
}

// OpenAgentRecords opens the records in the folder dir, which is created when it is not there. An error is one line that names the
// folder and what is wrong with it.
func OpenAgentRecords(dir string, options AgentOptions) (*AgentRecords, error) {
	if options.MinFreeBytes == 0 {
		options.MinFreeBytes = 50 << 20
	}
	if options.MaxReportsPerJob == 0 {
		options.MaxReportsPerJob = 1000
	}
	if options.Logger == nil {
		options.Logger = slog.New(slog.DiscardHandler)
	}
	r := &AgentRecords{dir: dir, options: options, log: options.Logger, pending: make(map[model.JobID][]uint64)}
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, model.Errorf(model.CodeInvalid, "cannot create the agent records folder: %v", err)
	}
	if err := r.checkSpace(); err != nil {
		return nil, err
	}
	db, err := openDatabase(dir, agentFormat, logMemTableSize, options.Logger)
	if err != nil {
		return nil, model.Errorf(model.CodeInvalid, "%v", err)
	}
	r.db = db
	if err := r.load(); err != nil {
		return nil, errors.Join(err, db.Close())
	}
	return r, nil
}

// Close releases the folder. No other method may be running or be called afterwards.
func (r *AgentRecords) Close() error {
	return r.db.Close()
}

// ID returns the agent's id, which never changes.
func (r *AgentRecords) ID() string { return r.id }

func (r *AgentRecords) load() error {
	if err := r.loadIdentity(); err != nil {
		return err
	}
	if err := r.quarantineUnreadable(); err != nil {
		return err
	}
	return r.view(func(txn *badger.Txn) error {
		seq, err := agentCounter(txn, agentKeySeq)
		if err != nil {
			return err
		}
		r.seq = seq
		return agentScan(txn, agentOutbox, func(_ string, report model.StatusReport) error {
			r.pending[report.JobID] = append(r.pending[report.JobID], report.Seq)
			r.seq = max(r.seq, report.Seq)
			return nil
		})
	})
}

// agentIDPattern is what may begin a container's name.
var agentIDPattern = regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9_.-]*$`)

func (r *AgentRecords) loadIdentity() error {
	var id string
	err := r.view(func(txn *badger.Txn) (err error) {
		id, err = agentString(txn, agentKeyID)
		return err
	})
	if err != nil {
		return err
	}
	if id != "" {
		if r.options.ID != "" && r.options.ID != id {
			r.log.Warn("the folder has an agent id already; the configured one is not used", "id", id, "configured", r.options.ID)
		}
		r.id = id
		return nil
	}
	if r.id = r.options.ID; r.id == "" {
		r.id = newAgentID()
	}
	if !agentIDPattern.MatchString(r.id) {
		return model.Errorf(model.CodeInvalidID,
			"agent id %q: only letters, digits and \"_.-\" can be part of a container's name, and the first must be a letter or digit", r.id)
	}
	return r.update(func(txn *badger.Txn) error {
		return txn.Set([]byte(agentKeyID), []byte(r.id))
	})
}

func newAgentID() string {
	id := make([]byte, 20)
	rand.Read(id) // never fails
	return strings.ToUpper(hex.EncodeToString(id))
}

// quarantineUnreadable moves records that do not decode aside, where they are kept. Their jobs are then unknown to the agent,
// which is different from removed: their containers are left alone until a master tells.
func (r *AgentRecords) quarantineUnreadable() error {
	unreadable := make(map[string][]byte)
	check := func(txn *badger.Txn, prefix string, decode func([]byte) error) error {
		return agentScanRaw(txn, prefix, func(key string, value []byte) error {
			if err := decode(value); err != nil {
				r.log.Error("a record cannot be read; it is kept aside", "folder", r.dir, "key", key, "error", err)
				unreadable[key] = bytes.Clone(value)
			}
			return nil
		})
	}
	err := r.view(func(txn *badger.Txn) error {
		return errors.Join(
			check(txn, agentDesired, agentDecodes[model.Task]),
			check(txn, agentTask, agentDecodes[model.TaskRecord]),
			check(txn, agentOutbox, agentDecodes[model.StatusReport]),
			check(txn, agentKeyRegistered, agentDecodes[model.Registered]),
		)
	})
	if err != nil || len(unreadable) == 0 {
		return err
	}
	batch := r.newBatch()
	for key, value := range unreadable {
		batch.set(agentQuarantine+key, value)
		batch.delete(key)
	}
	return batch.commit()
}

func agentDecodes[T any](value []byte) error {
	var decoded T
	return json.Unmarshal(value, &decoded)
}

// Quarantined returns the keys of the records that were set aside because they could not be read.
func (r *AgentRecords) Quarantined() ([]string, error) {
	var keys []string
	err := r.view(func(txn *badger.Txn) error {
		return agentScanRaw(txn, agentQuarantine, func(key string, _ []byte) error {
			keys = append(keys, strings.TrimPrefix(key, agentQuarantine))
			return nil
		})
	})
	return keys, err
}

// Registered returns what a master last answered to a registration; ok is false before the first.
func (r *AgentRecords) Registered() (registered model.Registered, ok bool, err error) {
	err = r.view(func(txn *badger.Txn) error {
		ok, err = agentGet(txn, agentKeyRegistered, &registered)
		return err
	})
	return registered, ok, err
}

// SaveRegistered keeps a master's answer and settles the outbox with it: what the master has is dropped. Where the master has seen
// higher numbers than were ever given out here, this memory is younger than the agent, so the unsent reports are new to the master
// and are numbered anew above what it has.
func (r *AgentRecords) SaveRegistered(registered model.Registered) error {
	_, known, err := r.Registered()
	if err != nil {
		return err
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	if !known || registered.AckedSeq > r.seq {
		if err := r.renumber(registered.AckedSeq); err != nil {
			return err
		}
	} else if err := r.ack(registered.AckedSeq); err != nil {
		return err
	}
	return r.update(func(txn *badger.Txn) error { return agentSet(txn, agentKeyRegistered, registered) })
}

// Desired returns the tasks last saved and the index they had.
func (r *AgentRecords) Desired() (tasks []model.Task, index uint64, err error) {
	err = r.view(func(txn *badger.Txn) error {
		if index, err = agentCounter(txn, agentKeyDesiredIndex); err != nil {
			return err
		}
		return agentScan(txn, agentDesired, func(_ string, task model.Task) error {
			tasks = append(tasks, task)
			return nil
		})
	})
	return tasks, index, err
}

// SaveDesired applies a snapshot or a change to the saved tasks. The index is written last, so an update that was cut off is sent
// again by the master.
func (r *AgentRecords) SaveDesired(update model.TaskUpdate) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	batch := r.newBatch()
	wanted := make(map[string]bool, len(update.Tasks))
	for _, task := range update.Tasks {
		key := agentDesired + task.Job.ID.String()
		wanted[key] = true
		batch.setJSON(key, task)
	}
	removed := make([]string, 0, len(update.Removed))
	for _, id := range update.Removed {
		removed = append(removed, agentDesired+id.String())
	}
	if update.Type == model.TaskUpdateSnapshot {
		err := r.view(func(txn *badger.Txn) error {
			return agentScanRaw(txn, agentDesired, func(key string, _ []byte) error {
				if !wanted[key] {
					removed = append(removed, key)
				}
				return nil
			})
		})
		if err != nil {
			return err
		}
	}
	for _, key := range removed {
		batch.delete(key)
	}
	batch.set(agentKeyDesiredIndex, binary.BigEndian.AppendUint64(nil, update.Index))
	return batch.commit()
}

// CheckSpace returns an error with CodeStorageFull while writes are refused.
func (r *AgentRecords) CheckSpace() error { return r.checkSpace() }

func (r *AgentRecords) checkSpace() error {
	free, err := FreeSpace(r.dir)
	if err != nil {
		return model.Errorf(model.CodeInternal, "%v", err)
	}
	if free < r.options.MinFreeBytes {
		return model.Errorf(model.CodeStorageFull,
			"agent records %s: %d MiB free on the disk and %d MiB needed; nothing is written until there is room, containers keep running",
			r.dir, free>>20, r.options.MinFreeBytes>>20)
	}
	return nil
}
