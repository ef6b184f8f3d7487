package store

import (
	"encoding/binary"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"sync"
	"time"

	"github.com/dgraph-io/badger/v4"
	"github.com/hashicorp/raft"
)

// logFormat is the layout of the raft log's folder.
var logFormat = format{kind: "raft-log", version: 1}

// Keys of the log's database: "e/" and the big-endian index for entries, "s/" and raft's key for its variables, and the range.
const (
	entryPrefix  = "e/"
	stablePrefix = "s/"
	rangeKey     = "!range"
)

// deleteChunk is how many entries one transaction deletes.
const deleteChunk = 2000

// Log is the raft log and raft's variables (term, vote) on disk. Every write is on disk when its method returns. It is safe for
// concurrent use; it implements raft.LogStore, raft.MonotonicLogStore and raft.StableStore.
//
// The first and last index are kept in a key of their own, written in the transaction that appends or truncates: entries are never
// searched for, and one outside the range does not exist, whatever the database holds.
type Log struct {
	db *database

	// writes serialises changes of the range: raft truncates from its snapshot goroutine while it appends from another.
	writes sync.Mutex

	mu          sync.RWMutex
	first, last uint64 // both zero when the log is empty
}

// OpenLog opens or creates the log in dir, a folder of its own. It fails when either end of the log is missing.
func OpenLog(dir string, logger *slog.Logger) (*Log, error) {
	db, err := openDatabase(dir, logFormat, logMemTableSize, logger)
	if err != nil {
		return nil, err
	}
	l := &Log{db: db}
	if err := l.load(); err != nil {
		_ = db.Close()
		return nil, fmt.Errorf("the raft log in %s is damaged: %w; restore the folder from a copy, or remove it and let the master join anew", dir, err)
	}
	return l, nil
}

// Close closes the log.
func (l *Log) Close() error { return l.db.Close() }

func (l *Log) load() error {
	value, err := l.db.get([]byte(rangeKey))
	if err != nil || value == nil {
		return err
	}
	if len(value) != 16 {
		return fmt.Errorf("its range is %d bytes long", len(value))
	}
	l.first, l.last = binary.BigEndian.Uint64(value), binary.BigEndian.Uint64(value[8:])
	if l.last == 0 {
		return nil
	}
	if l.first == 0 || l.first > l.last {
		return fmt.Errorf("its range is %d to %d", l.first, l.last)
	}
	for _, index := range []uint64{l.first, l.last} {
		var entry raft.Log
		if err := l.GetLog(index, &entry); err != nil {
			return fmt.Errorf("entry %d of %d to %d: %w", index, l.first, l.last, err)
		}
	}
	return nil
}

// FirstIndex returns the index of the oldest entry, 0 when there is none.
func (l *Log) FirstIndex() (uint64, error) {
	l.mu.RLock()
	defer l.mu.RUnlock()
	return l.first, nil
}

// LastIndex returns the index of the newest entry, 0 when there is none.
func (l *Log) LastIndex() (uint64, error) {
	l.mu.RLock()
	defer l.mu.RUnlock()
	return l.last, nil
}

// IsMonotonic tells raft that entries must follow each other without gaps.
func (l *Log) IsMonotonic() bool { return true }

// GetLog reads one entry; raft.ErrLogNotFound outside the range.
func (l *Log) GetLog(index uint64, entry *raft.Log) error {
	l.mu.RLock()
	first, last := l.first, l.last
	l.mu.RUnlock()
	if index == 0 || index < first || index > last {
		return raft.ErrLogNotFound
	}
	err := l.db.View(func(txn *badger.Txn) error {
		item, err := txn.Get(entryKey(index))
		if err != nil {
			return err
		}
		return item.Value(func(value []byte) error { return decodeEntry(index, value, entry) })
	})
	if errors.Is(err, badger.ErrKeyNotFound) {
		// Truncation may have overtaken us; inside the range a missing entry is a loss.
		if l.contains(index) {
			return fmt.Errorf("raft log entry %d is missing", index)
		}
		return raft.ErrLogNotFound
	}
	return err
}

func (l *Log) contains(index uint64) bool {
	l.mu.RLock()
	defer l.mu.RUnlock()
	return index >= l.first && index <= l.last
}

// StoreLog appends one entry.
func (l *Log) StoreLog(entry *raft.Log) error { return l.StoreLogs([]*raft.Log{entry}) }

// StoreLogs appends entries that follow the last one and each other. An error leaves a prefix of them in the log.
func (l *Log) StoreLogs(entries []*raft.Log) error {
	l.writes.Lock()
	defer l.writes.Unlock()
	for len(entries) > 0 {
		n, err := l.append(entries)
		if err != nil {
			return err
		}
		entries = entries[n:]
	}
	return nil
}

// append writes as many entries as one transaction holds and returns their number.
func (l *Log) append(entries []*raft.Log) (int, error) {
	first, last := l.bounds()
	if first == 0 {
		first, last = entries[0].Index, entries[0].Index-1
	}
	txn := l.db.NewTransaction(true)
	defer func() { txn.Discard() }()
	n := 0
	// The range is written first and once more at the end, so that it is certain to fit.
	if err := txn.Set([]byte(rangeKey), encodeRange(first, last)); err != nil {
		return 0, err
	}
	for _, entry := range entries {
		if entry.Index != last+1 {
			return 0, fmt.Errorf("raft log entry %d does not follow %d", entry.Index, last)
		}
		err := txn.Set(entryKey(entry.Index), encodeEntry(entry))
		if errors.Is(err, badger.ErrTxnTooBig) && n > 0 {
			break
		}
		if err != nil {
			return 0, fmt.Errorf("cannot append raft log entry %d: %w", entry.Index, err)
		}
		last = entry.Index
		n++
	}
	value := encodeRange(first, last)
	if err := txn.Set([]byte(rangeKey), value); errors.Is(err, badger.ErrTxnTooBig) {
		// Not a byte is left even for the range: the last entry waits for the next transaction.
		return l.appendFewer(entries[:n])
	} else if err != nil {
		return 0, err
	}
	if err := txn.Commit(); err != nil {
		return 0, err
	}
	l.setBounds(first, last)
	return n, nil
}

func (l *Log) appendFewer(entries []*raft.Log) (int, error) {
	if len(entries) == 1 {
		return 0, fmt.Errorf("raft log entry %d is too big", entries[0].Index)
	}
	return l.append(entries[:len(entries)-1])
}

// DeleteRange deletes the entries from low to high, both included. They must be at one end of the log or be all of it.
func (l *Log) DeleteRange(low, high uint64) error {
	l.writes.Lock()
	defer l.writes.Unlock()
	first, last := l.bounds()
	low, high = max(low, first), min(high, last)
	if last == 0 || low > high {
		return nil
	}
	switch {
	case low == first && high == last:
		first, last = 0, 0
	case low == first:
		first = high + 1
	case high == last:
		last = low - 1
	default:
		return fmt.Errorf("cannot delete raft log entries %d to %d from the middle of %d to %d", low, high, first, last)
	}
	// The range shrinks first: after a crash in between, what is left of the entries is outside the log.
	err := l.db.Update(func(txn *badger.Txn) error { return txn.Set([]byte(rangeKey), encodeRange(first, last)) })
	if err != nil {
		return err
	}
	l.setBounds(first, last)
	return l.deleteEntries(low, high)
}

func (l *Log) deleteEntries(low, high uint64) error {
	for low <= high {
		end := min(high, low+deleteChunk-1)
		err := l.db.Update(func(txn *badger.Txn) error {
			for index := low; index <= end; index++ {
				if err := txn.Delete(entryKey(index)); err != nil {
					return err
				}
			}
			return nil
		})
		if err != nil {
			return err
		}
		low = end + 1
	}
	return nil
}

func (l *Log) bounds() (first, last uint64) {
	l.mu.RLock()
	defer l.mu.RUnlock()
	return l.first, l.last
}

func (l *Log) setBounds(first, last uint64) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.first, l.last = first, last
}

// Set stores one of raft's variables.
func (l *Log) Set(key, value []byte) error {
	return l.db.Update(func(txn *badger.Txn) error {
		return txn.Set(append([]byte(stablePrefix), key...), slices.Clone(value))
	})
}

// Get reads one of raft's variables; an empty value when it was never set.
func (l *Log) Get(key []byte) ([]byte, error) { return l.db.get(append([]byte(stablePrefix), key...)) }

// SetUint64 stores a number.
func (l *Log) SetUint64(key []byte, value uint64) error {
	return l.Set(key, binary.BigEndian.AppendUint64(nil, value))
}

// GetUint64 reads a number; 0 when it was never set.
func (l *Log) GetUint64(key []byte) (uint64, error) {
	value, err := l.Get(key)
	if err != nil || len(value) == 0 {
		return 0, err
	}
	if len(value) != 8 {
		return 0, fmt.Errorf("raft variable %q is not a number", key)
	}
	return binary.BigEndian.Uint64(value), nil
}

func entryKey(index uint64) []byte {
	return binary.BigEndian.AppendUint64([]byte(entryPrefix), index)
}

func encodeRange(first, last uint64) []byte {
	return binary.BigEndian.AppendUint64(binary.BigEndian.AppendUint64(nil, first), last)
}

// An entry is its term, the time of its appending (0 when unknown), its type, and its data and extensions with their lengths.
const entryHeader = 8 + 8 + 1

func encodeEntry(entry *raft.Log) []byte {
	b := make([]byte, 0, entryHeader+2*binary.MaxVarintLen64+len(entry.Data)+len(entry.Extensions))
	b = binary.BigEndian.AppendUint64(b, entry.Term)
	var appended int64
	if !entry.AppendedAt.IsZero() {
		appended = entry.AppendedAt.UnixNano()
	}
	b = binary.BigEndian.AppendUint64(b, uint64(appended))
	b = append(b, byte(entry.Type))
	b = appendBytes(b, entry.Data)
	return appendBytes(b, entry.Extensions)
}

func decodeEntry(index uint64, b []byte, entry *raft.Log) error {
	if len(b) < entryHeader {
		return damagedEntry(index)
	}
	*entry = raft.Log{Index: index, Term: binary.BigEndian.Uint64(b), Type: raft.LogType(b[16])}
	if appended := int64(binary.BigEndian.Uint64(b[8:])); appended != 0 {
		entry.AppendedAt = time.Unix(0, appended)
	}
	var ok bool
	if entry.Data, b, ok = cutBytes(b[entryHeader:]); !ok {
		return damagedEntry(index)
	}
	if entry.Extensions, b, ok = cutBytes(b); !ok || len(b) != 0 {
		return damagedEntry(index)
	}
	return nil
}

func damagedEntry(index uint64) error { return fmt.Errorf("raft log entry %d is damaged", index) }

// appendBytes appends the length of p and p.
func appendBytes(b, p []byte) []byte {
	return append(binary.AppendUvarint(b, uint64(len(p))), p...)
}

// cutBytes takes what appendBytes appended off b, as a copy; nil when it is empty.
func cutBytes(b []byte) (p, rest []byte, ok bool) {
	n, size := binary.Uvarint(b)
	if size <= 0 || n > uint64(len(b)-size) {
		return nil, nil, false
	}
	b = b[size:]
	return append([]byte(nil), b[:n]...), b[n:], true
}
