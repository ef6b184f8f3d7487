package store

import (
	"bufio"
	"encoding/binary"
	"errors"
	"fmt"
	"io"

	"github.com/dgraph-io/badger/v4"
	"github.com/hashicorp/raft"
	"github.com/klauspost/compress/zstd"
)

// A snapshot is snapshotMagic, a byte for the version, and a zstd stream. In the stream come the applied index (8 bytes), then for
// each key a frame of the key and the value with their lengths, then an empty key and the number of frames.
const (
	snapshotMagic   = "heliosctl-state\n"
	snapshotVersion = 1
)

// maxFrame bounds what a damaged length can make Restore allocate.
const maxFrame = 64 << 20

// snapshot is a State as of one index.
type snapshot struct {
	state   *State
	txn     *badger.Txn
	applied uint64
}

// Snapshot captures the state; writing it out does not hold up applying.
func (s *State) Snapshot() (raft.FSMSnapshot, error) {
	if err := s.Err(); err != nil {
		return nil, err
	}
	// Held until Release: a restore must not drop the database below the transaction.
	s.reads.RLock()
	return &snapshot{state: s, txn: s.db.NewTransaction(false), applied: s.Index()}, nil
}

// Persist writes the snapshot.
func (s *snapshot) Persist(sink raft.SnapshotSink) error {
	if err := s.write(sink); err != nil {
		return errors.Join(err, sink.Cancel())
	}
	return sink.Close()
}

// Release ends the snapshot.
func (s *snapshot) Release() {
	s.txn.Discard()
	s.state.reads.RUnlock()
}

func (s *snapshot) write(w io.Writer) error {
	if _, err := w.Write(append([]byte(snapshotMagic), snapshotVersion)); err != nil {
		return err
	}
	compressed, err := zstd.NewWriter(w, zstd.WithEncoderLevel(zstd.SpeedFastest), zstd.WithEncoderConcurrency(1))
	if err != nil {
		return err
	}
	err = s.writeFrames(compressed)
	return errors.Join(err, compressed.Close())
}

func (s *snapshot) writeFrames(w io.Writer) error {
	if _, err := w.Write(encodeIndex(s.applied)); err != nil {
		return err
	}
	it := s.txn.NewIterator(badger.IteratorOptions{})
	defer it.Close()
	frames := uint64(0)
	var frame []byte
	for it.Rewind(); it.Valid(); it.Next() {
		key := it.Item().Key()
		if key[0] == '!' {
			continue // of this folder, not of the state
		}
		err := it.Item().Value(func(value []byte) error {
			frame = appendBytes(appendBytes(frame[:0], key), value)
			return nil
		})
		if err != nil {
			return err
		}
		if _, err := w.Write(frame); err != nil {
			return err
		}
		frames++
	}
	_, err := w.Write(binary.AppendUvarint(appendBytes(frame[:0], nil), frames))
	return err
}

// Restore replaces the state with that of a snapshot. Its applied index is written last: after a crash in between the state opens
// empty. When it fails the state refuses commands until another Restore succeeds.
func (s *State) Restore(source io.ReadCloser) error {
	defer source.Close()
	reader, err := newSnapshotReader(source)
	if err != nil {
		return err
	}
	defer reader.close()

	defer s.saves.end("the state was replaced while it was being saved")()
	s.reads.Lock()
	defer s.reads.Unlock()
	restoring := fmt.Errorf("the state was not wholly restored from snapshot %d", reader.applied)
	s.failed.Store(&restoring)
	if err := s.replace(reader); err != nil {
		return err
	}
	if err := s.load(); err != nil {
		return err
	}
	s.failed.Store(nil)
	s.broker.reset(s.Index())
	close(*s.replaced.Swap(newReplaced()))
	return nil
}

// Replaced returns a channel that is closed when the state has been replaced by that of a snapshot.
func (s *State) Replaced() <-chan struct{} { return *s.replaced.Load() }

func newReplaced() *chan struct{} {
	replaced := make(chan struct{})
	return &replaced
}

func (s *State) replace(reader *snapshotReader) error {
	if err := s.db.DropAll(); err != nil {
		return err
	}
	if err := s.db.writeFormat(stateFormat); err != nil {
		return err
	}
	batch := s.db.NewWriteBatch()
	defer batch.Cancel()
	for {
		key, value, err := reader.next()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return err
		}
		if err := batch.Set(key, value); err != nil {
			return err
		}
	}
	if err := batch.Flush(); err != nil {
		return err
	}
	return s.db.Update(func(txn *badger.Txn) error { return txn.Set([]byte(appliedKey), encodeIndex(reader.applied)) })
}

// snapshotReader reads the frames of a snapshot.
type snapshotReader struct {
	zstd    *zstd.Decoder
	r       *bufio.Reader
	applied uint64
	frames  uint64
}

func newSnapshotReader(source io.Reader) (*snapshotReader, error) {
	mark := make([]byte, len(snapshotMagic)+1)
	if _, err := io.ReadFull(source, mark); err != nil || string(mark[:len(snapshotMagic)]) != snapshotMagic {
		return nil, errors.New("this is not a snapshot of heliosctl's state")
	}
	if version := mark[len(snapshotMagic)]; version != snapshotVersion {
		return nil, fmt.Errorf("the snapshot was written by another heliosctl (version %d, this one reads %d); upgrade heliosctl", version, snapshotVersion)
	}
	decoder, err := zstd.NewReader(source, zstd.WithDecoderConcurrency(1), zstd.WithDecoderMaxMemory(maxFrame))
	if err != nil {
		return nil, err
	}
	reader := &snapshotReader{zstd: decoder, r: bufio.NewReader(decoder)}
	var applied [8]byte
	if _, err := io.ReadFull(reader.r, applied[:]); err != nil {
		decoder.Close()
		return nil, damagedSnapshot(err)
	}
	reader.applied = binary.BigEndian.Uint64(applied[:])
	return reader, nil
}

func (r *snapshotReader) close() { r.zstd.Close() }

// next returns a key and its value, in memory of their own; io.EOF after the last one of a whole snapshot.
func (r *snapshotReader) next() (key, value []byte, err error) {
	if key, err = r.bytes(); err != nil {
		return nil, nil, err
	}
	if len(key) == 0 {
		frames, err := binary.ReadUvarint(r.r)
		if err != nil {
			return nil, nil, damagedSnapshot(err)
		}
		if frames != r.frames {
			return nil, nil, damagedSnapshot(fmt.Errorf("it has %d frames instead of %d", r.frames, frames))
		}
		// Only at the very end is the checksum of the stream looked at.
		if _, err := r.r.ReadByte(); err == nil {
			return nil, nil, damagedSnapshot(errors.New("there is something behind its end"))
		} else if !errors.Is(err, io.EOF) {
			return nil, nil, damagedSnapshot(err)
		}
		return nil, nil, io.EOF
	}
	if key[0] == '!' {
		return nil, nil, damagedSnapshot(fmt.Errorf("it holds the key %q", key))
	}
	if value, err = r.bytes(); err != nil {
		return nil, nil, err
	}
	r.frames++
	return key, value, nil
}

func (r *snapshotReader) bytes() ([]byte, error) {
	size, err := binary.ReadUvarint(r.r)
	if err != nil {
		return nil, damagedSnapshot(err)
	}
	if size > maxFrame {
		return nil, damagedSnapshot(fmt.Errorf("it has a frame of %d bytes", size))
	}
	b := make([]byte, 0, min(size, 64<<10))
	// Grown as it is read, so that a wrong length costs no more than what is there.
	for uint64(len(b)) < size {
		part := min(size-uint64(len(b)), 64<<10)
		b = append(b, make([]byte, part)...)
		if _, err := io.ReadFull(r.r, b[uint64(len(b))-part:]); err != nil {
			return nil, damagedSnapshot(err)
		}
	}
	return b, nil
}

// damagedSnapshot hides io.EOF: to the reader of frames that is the end of a whole snapshot.
func damagedSnapshot(err error) error {
	if errors.Is(err, io.EOF) {
		err = io.ErrUnexpectedEOF
	}
	return fmt.Errorf("the snapshot is damaged: %w", err)
}
