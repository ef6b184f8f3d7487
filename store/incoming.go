package store

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"

	"github.com/heliosctl/heliosctl/model"
	"github.com/heliosctl/heliosctl/store/archive"
)

// Incoming is a saved state that is about to replace that of a cluster. It belongs to one goroutine and must be closed.
type Incoming struct {
	Contents model.SnapshotContents

	dir   string // a folder of its own
	state *State // the saved one, opened
	file  *os.File
}

// incomingPattern names the folders of Incoming, for os.MkdirTemp.
const incomingPattern = "restore-*"

// RemoveIncoming removes what a crash left behind in dir.
func RemoveIncoming(dir string) error {
	left, err := filepath.Glob(filepath.Join(dir, incomingPattern))
	if err != nil {
		return err
	}
	var errs []error
	for _, path := range left {
		errs = append(errs, os.RemoveAll(path))
	}
	return errors.Join(errs...)
}

// Receive reads an archive into a folder below dir, checks that it is whole, and opens the state in it: what replaces that of a cluster
// must be sure to open, or no master would ever start again. It fails with CodeInvalid where the archive is to blame.
func Receive(dir string, r io.Reader, options StateOptions) (*Incoming, error) {
	folder, err := os.MkdirTemp(dir, incomingPattern)
	if err != nil {
		return nil, fmt.Errorf("cannot create a folder for the snapshot: %w", err)
	}
	in := &Incoming{dir: folder}
	if err := in.receive(r, options); err != nil {
		return nil, errors.Join(err, in.Close())
	}
	return in, nil
}

func (in *Incoming) receive(r io.Reader, options StateOptions) error {
	file, err := os.Create(filepath.Join(in.dir, "archive"))
	if err != nil {
		return err
	}
	defer file.Close()
	if _, err := archive.Copy(file, r); err != nil {
		return err
	}
	if _, err := file.Seek(0, io.SeekStart); err != nil {
		return err
	}
	if in.Contents, err = InspectArchive(file); err != nil {
		return err
	}
	if _, err := file.Seek(0, io.SeekStart); err != nil {
		return err
	}
	saved, err := archive.NewReader(file)
	if err != nil {
		return err
	}
	if in.state, err = OpenState(filepath.Join(in.dir, "state"), options); err != nil {
		return err
	}
	if err := in.state.Restore(io.NopCloser(saved)); err != nil {
		return unusable(err)
	}
	return os.Remove(file.Name())
}

// Stage makes the saved state ready for raft, which is to restore size bytes from r: it has the index that is given, and says that it
// is being restored. The index must not be below that of the archive, and below the one at which raft restores it: entries up to it
// would not be applied. Removed are ids of masters that were removed for good from the cluster that is replaced; they stay removed.
func (in *Incoming) Stage(index uint64, removed []string) (r io.Reader, size int64, err error) {
	if err := in.state.stage(index, removed); err != nil {
		return nil, 0, err
	}
	captured, err := in.state.capture(new(model.SnapshotInfo))
	if err != nil {
		return nil, 0, err
	}
	defer captured.Release()
	if in.file, err = os.Create(filepath.Join(in.dir, "staged")); err != nil {
		return nil, 0, err
	}
	if err := captured.write(in.file); err != nil {
		return nil, 0, err
	}
	if size, err = in.file.Seek(0, io.SeekEnd); err != nil {
		return nil, 0, err
	}
	_, err = in.file.Seek(0, io.SeekStart)
	return in.file, size, err
}

// stage changes the record of the cluster and the index.
func (s *State) stage(index uint64, removed []string) error {
	if index < s.Index() {
		return fmt.Errorf("a state at index %d cannot be one at %d", s.Index(), index)
	}
	cluster := readCluster(s.mem.Txn(false))
	all := append(slices.Clone(cluster.Removed), removed...)
	slices.Sort(all)
	cluster.Removed, cluster.Restoring = slices.Compact(all), true
	encoded, err := json.Marshal(cluster)
	if err != nil {
		return err
	}
	return s.write([]write{{key: []byte(clusterKey), value: encoded}}, index)
}

// Close removes everything again.
func (in *Incoming) Close() error {
	var errs []error
	if in.file != nil {
		errs = append(errs, in.file.Close())
	}
	if in.state != nil {
		errs = append(errs, in.state.Close())
	}
	return errors.Join(append(errs, os.RemoveAll(in.dir))...)
}
