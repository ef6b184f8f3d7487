package store

import (
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"sync"

	"github.com/heliosctl/heliosctl/model"
	"github.com/heliosctl/heliosctl/store/archive"
)

// saves knows the archives that are being read. Each holds a transaction, which a restore would wait for: they are broken off then. It
// is safe for concurrent use.
type saves struct {
	mu    sync.Mutex
	ended int    // how many calls of end have not been undone
	why   string // of the last one
	open  map[*io.PipeWriter]struct{}
}

// add registers the archive that is written to the pipe; false when none may be begun.
func (s *saves) add(w *io.PipeWriter) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.ended > 0 {
		return errSaveEnded(s.why)
	}
	if s.open == nil {
		s.open = map[*io.PipeWriter]struct{}{}
	}
	s.open[w] = struct{}{}
	return nil
}

func (s *saves) remove(w *io.PipeWriter) {
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.open, w)
}

// end breaks off all archives, and refuses new ones until the function it returns is called.
func (s *saves) end(why string) (resume func()) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.ended, s.why = s.ended+1, why
	for w := range s.open {
		_ = w.CloseWithError(errSaveEnded(why))
	}
	return func() {
		s.mu.Lock()
		defer s.mu.Unlock()
		s.ended--
	}
}

func errSaveEnded(why string) error {
	return model.Errorf(model.CodeUnavailable, "the snapshot is not whole: %s; try again", why)
}

// Archive saves the state as of now. The version and the time come with info, the rest is filled in, but for what is known only at the
// end. The archive is written as it is read; it must be read or closed. Closing it before its end breaks it off.
func (s *State) Archive(info model.SnapshotInfo) (model.SnapshotInfo, io.ReadCloser, error) {
	if err := s.Err(); err != nil {
		return info, nil, err
	}
	r, w := io.Pipe()
	if err := s.saves.add(w); err != nil {
		return info, nil, err
	}
	captured, err := s.capture(&info)
	if err != nil {
		s.saves.remove(w)
		return info, nil, err
	}
	a := &archiving{PipeReader: r, done: make(chan struct{})}
	go func() {
		defer close(a.done)
		err := captured.archive(w, info)
		captured.Release()
		s.saves.remove(w)
		_ = w.CloseWithError(err) // nil is the end
	}()
	return info, a, nil
}

// archiving is an archive being read.
type archiving struct {
	*io.PipeReader
	done chan struct{} // closed when the state is no longer held
}

// Close breaks the archive off where it has not ended, and returns when nothing is held any more.
func (a *archiving) Close() error {
	_ = a.PipeReader.Close()
	<-a.done
	return nil
}

// capture is Snapshot for any goroutine: the index is that of the transaction, and no command is in it in part.
func (s *State) capture(info *model.SnapshotInfo) (*snapshot, error) {
	s.reads.RLock()
	s.redo.Lock()
	txn := s.db.NewTransaction(false)
	s.redo.Unlock()
	captured := &snapshot{state: s, txn: txn}
	if err := captured.describe(info); err != nil {
		captured.Release()
		return nil, err
	}
	return captured, nil
}

func (s *snapshot) describe(info *model.SnapshotInfo) error {
	applied, err := readKey(s.txn, appliedKey)
	if err == nil && len(applied) != 8 {
		err = errors.New("the state is empty")
	}
	if err != nil {
		return err
	}
	s.applied = binary.BigEndian.Uint64(applied)
	encoded, err := readKey(s.txn, clusterKey)
	if err != nil {
		return err
	}
	var cluster clusterRecord
	if encoded != nil {
		if err := json.Unmarshal(encoded, &cluster); err != nil {
			return err
		}
	}
	info.Format, info.Index, info.Term, info.ClusterID = archive.Version, s.applied, cluster.Term, cluster.ID
	return nil
}

func (s *snapshot) archive(w io.Writer, info model.SnapshotInfo) error {
	a, err := archive.NewWriter(w, info)
	if err != nil {
		return err
	}
	if err := s.write(a); err != nil {
		return err
	}
	return a.Close()
}

// InspectArchive reads all of an archive, checks that it is whole and counts what is in it. It fails with CodeInvalid where the archive
// is to blame.
func InspectArchive(r io.Reader) (model.SnapshotContents, error) {
	a, err := archive.NewReader(r)
	if err != nil {
		return model.SnapshotContents{}, err
	}
	contents := model.SnapshotContents{SnapshotInfo: a.Info()}
	counted := countState(a, &contents)
	// Whatever the state seems to be: that of a file which is not whole proves nothing.
	if _, err := io.Copy(io.Discard, a); err != nil {
		return contents, err
	}
	contents.SnapshotInfo = a.Info()
	return contents, counted
}

// countState counts what is in a state, and checks that it is the one which the archive describes.
func countState(state io.Reader, contents *model.SnapshotContents) error {
	reader, err := newSnapshotReader(state)
	if err != nil {
		return unusable(err)
	}
	defer reader.close()
	counts := map[string]*int{
		jobPrefix: &contents.Jobs, hostPrefix: &contents.Hosts, deploymentPrefix: &contents.Deployments, statusPrefix: &contents.Statuses,
		historyPrefix: &contents.History, groupPrefix: &contents.Groups,
	}
	var cluster clusterRecord
	for {
		key, value, err := reader.next()
		switch {
		case errors.Is(err, io.EOF):
			return checkDescription(contents.SnapshotInfo, reader.applied, cluster)
		case err != nil:
			return unusable(err)
		case string(key) == clusterKey:
			if err := json.Unmarshal(value, &cluster); err != nil {
				return unusable(err)
			}
		case len(key) >= 2 && counts[string(key[:2])] != nil:
			*counts[string(key[:2])]++
		}
	}
}

func checkDescription(info model.SnapshotInfo, applied uint64, cluster clusterRecord) error {
	if info.Index == applied && info.ClusterID == cluster.ID {
		return nil
	}
	return unusable(fmt.Errorf("it is described as cluster %q at %d, but is cluster %q at %d", info.ClusterID, info.Index, cluster.ID, applied))
}

func unusable(err error) error {
	return model.Errorf(model.CodeInvalid, "the snapshot does not hold a state that this heliosctl can use: %v", err)
}
