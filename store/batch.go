package store

import (
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"

	"github.com/dgraph-io/badger/v4"
	"github.com/hashicorp/go-memdb"
	"github.com/hashicorp/raft"

	"github.com/heliosctl/heliosctl/model"
)

// batch applies log entries: it changes a transaction of the working set and collects what that means for the disk. A command
// checks everything first and changes things afterwards, so there is nothing to undo.
type batch struct {
	state *State
	mem   *memdb.Txn

	index    uint64 // of the entry being applied, then of the last one
	position uint64 // of the command in its group
	logTerm  uint64

	writes []write
	ends   []writesEnd // one for each entry
	events []eventRecord
	err    error // a write that could not be made; nothing of the batch takes effect
}

// write sets a key, or deletes it when value is nil.
type write struct{ key, value []byte }

// writesEnd tells where an entry's writes end and which index they bring the state to.
type writesEnd struct {
	end   int
	index uint64
}

// apply applies an entry. Those that are not commands (changes of raft's configuration) only move the index.
func (b *batch) apply(entry *raft.Log) Result {
	b.index, b.logTerm = entry.Index, entry.Term
	result := Result{}
	if entry.Type == raft.LogCommand {
		result = b.command(entry.Data)
	}
	if result.Index == 0 {
		result.Index = entry.Index
	}
	b.ends = append(b.ends, writesEnd{end: len(b.writes), index: entry.Index})
	return result
}

// identity is a number that no other command has: it tells apart what is made, removed and made again.
func (b *batch) identity() uint64 { return b.position<<48 | b.index }

func (b *batch) command(data []byte) Result {
	h, body, err := decodeHeader(data)
	if err != nil {
		return Result{Err: asError(err)}
	}
	if h.Type == commandGroup {
		return b.group(body)
	}
	return b.single(h, body)
}

func (b *batch) group(body []byte) Result {
	var results []Result
	for b.position = 0; len(body) > 0; b.position++ {
		command, rest, ok := cutBytes(body)
		if !ok {
			return Result{Err: model.Errorf(model.CodeInvalid, "a group of commands is damaged"), Group: results}
		}
		body = rest
		result := Result{}
		h, one, err := decodeHeader(command)
		if err != nil {
			result.Err = asError(err)
		} else {
			result = b.single(h, one)
		}
		if result.Index == 0 {
			result.Index = b.index
		}
		results = append(results, result)
	}
	b.position = 0
	return Result{Group: results}
}

func (b *batch) single(h header, body []byte) Result {
	handle, known := b.state.handlers[h.Type]
	if !known {
		return Result{Err: unknownCommand(string(h.Type))}
	}
	return handle(b, h, body)
}

// put writes value as JSON.
func (b *batch) put(key []byte, value any) {
	encoded, err := json.Marshal(value)
	if err != nil {
		b.err = errors.Join(b.err, fmt.Errorf("cannot encode %q: %w", key, err))
		return
	}
	b.writes = append(b.writes, write{key: key, value: encoded})
}

func (b *batch) remove(key []byte) { b.writes = append(b.writes, write{key: key}) }

func (b *batch) insert(table string, record any) {
	if err := b.mem.Insert(table, record); err != nil {
		b.err = errors.Join(b.err, fmt.Errorf("cannot index a record of %s: %w", table, err))
	}
}

func (b *batch) drop(table string, record any) {
	if err := b.mem.Delete(table, record); err != nil {
		b.err = errors.Join(b.err, fmt.Errorf("cannot drop a record of %s: %w", table, err))
	}
}

// commit writes the batch to disk, then makes it visible, then tells the event streams.
func (b *batch) commit() error {
	b.insert(tableMeta, &metaRecord{name: metaApplied, applied: b.index})
	if b.err != nil {
		return b.err
	}
	if err := b.writeDisk(); err != nil {
		return err
	}
	b.mem.Commit()
	b.state.applied.Store(b.index)
	b.state.broker.publish(b.events)
	return nil
}

// writeDisk writes every entry's writes and the index, splitting between entries where they do not fit one transaction.
func (b *batch) writeDisk() error {
	room := b.state.room()
	start, size, count := 0, 0, 0
	var written uint64
	pending := 0 // end of the writes that fit so far
	for _, entry := range b.ends {
		entrySize, entryCount := measure(b.writes[pending:entry.end])
		if size+entrySize > room.size || count+entryCount > room.count {
			if err := b.state.write(b.writes[start:pending], written); err != nil {
				return err
			}
			start, size, count = pending, 0, 0
		}
		size, count = size+entrySize, count+entryCount
		pending, written = entry.end, entry.index
	}
	return b.state.write(b.writes[start:pending], written)
}

// transactionRoom is what is safe to put into one transaction.
type transactionRoom struct{ size, count int }

// room leaves a margin below Badger's limits for what it adds to each write, and for the index.
func (s *State) room() transactionRoom {
	return transactionRoom{size: int(s.db.MaxBatchSize()) * 3 / 4, count: int(s.db.MaxBatchCount()) * 3 / 4}
}

// writeOverhead is an upper bound of what Badger counts for a write beside its key and value.
const writeOverhead = 24

func measure(writes []write) (size, count int) {
	for _, w := range writes {
		size += len(w.key) + len(w.value) + writeOverhead
	}
	return size, len(writes)
}

// write makes the writes and moves the index, all or nothing.
func (s *State) write(writes []write, applied uint64) error {
	if len(writes) == 0 && applied == 0 {
		return nil
	}
	room := s.room()
	if size, count := measure(writes); size > room.size || count > room.count {
		return s.writeBig(writes, applied)
	}
	return s.db.Update(func(txn *badger.Txn) error {
		if err := setAll(txn, writes); err != nil {
			return err
		}
		return txn.Set([]byte(appliedKey), encodeIndex(applied))
	})
}

func setAll(txn *badger.Txn, writes []write) error {
	for _, w := range writes {
		var err error
		if w.value == nil {
			err = txn.Delete(w.key)
		} else {
			err = txn.Set(w.key, w.value)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// writeBig makes the writes of a command that one transaction does not hold (removing a host with ten thousand history rows). They
// are put down in chunks first; the commit mark makes them count; then they take effect. A crash before the mark undoes them, one
// after it has them finished at the next start.
func (s *State) writeBig(writes []write, applied uint64) error {
	// A chunk is one value, and values stay out of the value log.
	room := transactionRoom{size: valueThreshold / 2, count: s.room().count}
	chunks := 0
	for len(writes) > 0 {
		n, size := 0, 0
		for n < len(writes) && n < room.count {
			one, _ := measure(writes[n : n+1])
			if n > 0 && size+one > room.size {
				break
			}
			size += one
			n++
		}
		err := s.db.Update(func(txn *badger.Txn) error { return txn.Set(redoKey(chunks), encodeWrites(writes[:n])) })
		if err != nil {
			return err
		}
		writes = writes[n:]
		chunks++
	}
	s.redo.Lock()
	defer s.redo.Unlock()
	err := s.db.Update(func(txn *badger.Txn) error { return txn.Set([]byte(redoCommitKey), encodeIndex(applied)) })
	if err != nil {
		return err
	}
	return s.finishRedo()
}

// finishRedo makes the writes of chunks that were committed, and drops chunks that were not.
func (s *State) finishRedo() error {
	mark, err := s.db.get([]byte(redoCommitKey))
	if err != nil {
		return err
	}
	chunks := 0
	for ; ; chunks++ {
		encoded, err := s.db.get(redoKey(chunks))
		if err != nil {
			return err
		}
		if encoded == nil {
			break
		}
		if mark == nil {
			continue
		}
		writes, err := decodeWrites(encoded)
		if err != nil {
			return err
		}
		if err := s.db.Update(func(txn *badger.Txn) error { return setAll(txn, writes) }); err != nil {
			return err
		}
	}
	if mark == nil && chunks == 0 {
		return nil
	}
	if mark != nil {
		err := s.db.Update(func(txn *badger.Txn) error {
			if err := txn.Set([]byte(appliedKey), mark); err != nil {
				return err
			}
			return txn.Delete([]byte(redoCommitKey))
		})
		if err != nil {
			return err
		}
	}
	return s.dropChunks(chunks)
}

// dropChunks deletes from the last chunk down: a crash in between leaves no gap that would hide the rest.
func (s *State) dropChunks(chunks int) error {
	for n := chunks - 1; n >= 0; n-- {
		if err := s.db.Update(func(txn *badger.Txn) error { return txn.Delete(redoKey(n)) }); err != nil {
			return err
		}
	}
	return nil
}

func redoKey(chunk int) []byte {
	return binary.BigEndian.AppendUint32([]byte(redoPrefix), uint32(chunk))
}

// A write is encoded as its key, a byte that tells whether there is a value, and the value.
func encodeWrites(writes []write) []byte {
	var encoded []byte
	for _, w := range writes {
		encoded = appendBytes(encoded, w.key)
		if w.value == nil {
			encoded = append(encoded, 0)
			continue
		}
		encoded = appendBytes(append(encoded, 1), w.value)
	}
	return encoded
}

func decodeWrites(encoded []byte) ([]write, error) {
	damaged := errors.New("an unfinished write is damaged")
	var writes []write
	for len(encoded) > 0 {
		key, rest, ok := cutBytes(encoded)
		if !ok || len(rest) == 0 {
			return nil, damaged
		}
		w := write{key: key}
		present := rest[0]
		encoded = rest[1:]
		if present == 1 {
			value, rest, ok := cutBytes(encoded)
			if !ok {
				return nil, damaged
			}
			w.value, encoded = append([]byte{}, value...), rest
		}
		writes = append(writes, w)
	}
	return writes, nil
}

func encodeIndex(index uint64) []byte { return binary.BigEndian.AppendUint64(nil, index) }
