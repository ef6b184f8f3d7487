package master

import (
	"context"
	"errors"
	"io"
	"time"

	"github.com/hashicorp/raft"

	"github.com/heliosctl/heliosctl/model"
	"github.com/heliosctl/heliosctl/store"
)

// A saved state replaces that of the whole cluster in these steps: it is received and opened in a folder of its own; it is staged, which
// marks it as being restored and gives it an index that nobody has seen; raft puts it down as a snapshot, which followers have to
// install, because there is nothing in the log that leads to it; and the command Restored finishes it. Should the leader fail before
// that, the mark tells the next one to finish. Until then no reads are confirmed.

const (
	// restoreGap is how far the index of a restored state is ahead of everything there was: whatever is still written while it is staged
	// stays below.
	restoreGap = 1 << 20

	// restoreWait is how long the last step may take.
	restoreWait = 30 * time.Second
)

// Snapshot returns the state as of now, to be read and closed. It fails with CodeUnavailable where this master does not lead, and while
// it is read when the state is replaced.
func (m *Master) Snapshot(ctx context.Context) (model.SnapshotInfo, io.ReadCloser, error) {
	if err := m.awaitLeading(ctx, func(v leaderView) bool { return v.self && v.ready }); err != nil {
		return model.SnapshotInfo{}, nil, err
	}
	if err := m.ReadIndex(ctx); err != nil {
		return model.SnapshotInfo{}, nil, err
	}
	return m.folders.state.Archive(model.SnapshotInfo{Version: m.config.Version, Created: m.now()})
}

// Restore replaces the state of the whole cluster by a snapshot, and returns what is known of that. It fails with CodeInvalid for what
// is none, with CodeUnsafe where the cluster has jobs or hosts unless forced, with CodeUnavailable where this master does not lead, and
// with CodeOutcomeUnknown where it stopped leading in the middle.
func (m *Master) Restore(ctx context.Context, req model.Request, snapshot io.Reader, force bool) (model.SnapshotInfo, error) {
	if !m.restoring.TryLock() {
		return model.SnapshotInfo{}, model.Errorf(model.CodeUnavailable, "another snapshot is being restored; try again when that is done")
	}
	defer m.restoring.Unlock()
	if err := m.mayReplace(ctx, force); err != nil {
		return model.SnapshotInfo{}, err
	}
	options := store.StateOptions{HistoryLimit: m.config.HistoryLimit, Logger: m.log}
	in, err := store.Receive(m.config.DataDir, &guardedReader{Reader: snapshot, disk: m.disk}, options)
	if err != nil {
		return model.SnapshotInfo{}, err
	}
	info := in.Contents.SnapshotInfo
	m.log.Info("restoring a snapshot", "cluster", info.ClusterID, "index", info.Index, "user", req.User, "forced", force)
	// Receiving may have taken long.
	if err = m.mayReplace(ctx, force); err == nil {
		err = m.replace(in)
	}
	if closeErr := in.Close(); closeErr != nil {
		m.log.Warn("cannot remove what is left of a received snapshot", "err", closeErr)
	}
	if err != nil {
		m.log.Warn("the snapshot was not restored", "err", err)
		return info, err
	}
	m.log.Info("restored a snapshot", "cluster", info.ClusterID, "index", m.Index())
	return info, nil
}

// RestoredAt is the index at which the state was last replaced by a snapshot, 0 when it never was.
func (m *Master) RestoredAt() uint64 { return m.folders.state.RestoredAt() }

// mayReplace fails unless this master leads and nothing of worth is lost.
func (m *Master) mayReplace(ctx context.Context, force bool) error {
	if err := m.awaitLeading(ctx, func(v leaderView) bool { return v.self && v.ready }); err != nil {
		return err
	}
	if err := m.ReadIndex(ctx); err != nil {
		return err
	}
	jobs, hosts := len(m.folders.state.Jobs(model.JobFilter{})), len(m.folders.state.Hosts())
	if jobs+hosts > 0 && !force {
		return model.Errorf(model.CodeUnsafe,
			"the cluster has %d jobs and %d hosts, which the snapshot would replace; save them first, or force it", jobs, hosts)
	}
	return m.disk.check()
}

// replace has raft replace the state on all masters. From here on the client's patience does not matter.
func (m *Master) replace(in *store.Incoming) error {
	m.asking.RLock()
	defer m.asking.RUnlock()
	n := m.node.Load()
	if n == nil {
		return errStopping()
	}
	index := max(in.Contents.Index, n.LastIndex()) + restoreGap
	staged, size, err := in.Stage(index, m.folders.state.RemovedPeers())
	if err != nil {
		return model.Errorf(model.CodeInternal, "cannot make the snapshot ready: %v", err)
	}
	replaced := m.folders.state.Replaced()
	meta := &raft.SnapshotMeta{Version: raft.SnapshotVersionMax, Index: index, Term: in.Contents.Term, Size: size}
	if err := n.Restore(meta, staged, 0); err != nil {
		return restoreError(err, replaced)
	}
	ctx, cancel := context.WithTimeout(context.Background(), restoreWait)
	defer cancel()
	if !m.finishRestore(ctx, n) {
		return errHalfRestored("it was not finished in time")
	}
	return nil
}

// restoreError tells where nothing was replaced from where that cannot be known.
func restoreError(err error, replaced <-chan struct{}) error {
	select {
	case <-replaced:
	default:
		if !errors.Is(err, raft.ErrRaftShutdown) {
			return model.Errorf(model.CodeUnavailable, "the snapshot was not restored: %v; try again", err)
		}
	}
	return errHalfRestored(err.Error())
}

func errHalfRestored(why string) error {
	return model.Errorf(model.CodeOutcomeUnknown, "the snapshot may or may not have been restored: %s; look before trying again", why)
}

// finishRestore proposes what ends the restoring of a state, where one is being restored, and returns when that has ended, through
// whichever master; false when ctx ended first.
func (m *Master) finishRestore(ctx context.Context, n *node) bool {
	for m.folders.state.Restoring() {
		servers, _ := n.servers()
		restored := store.Restored{Master: m.config.Name}
		for _, server := range servers {
			restored.Peers = append(restored.Peers, string(server.ID))
		}
		command, err := store.Encode(m.now(), model.Request{}, restored)
		if err == nil {
			_, err = m.propose(ctx, command)
		}
		if err == nil {
			m.kickLiveness()
			continue
		}
		m.log.Warn("cannot finish restoring a snapshot", "err", err)
		select {
		case <-time.After(heartbeatTimeout):
		case <-ctx.Done():
			return false
		}
	}
	return true
}

// guardedReader stops reading when the disk has no more room for it.
type guardedReader struct {
	io.Reader
	disk *diskGuard
}

func (r *guardedReader) Read(p []byte) (int, error) {
	if err := r.disk.check(); err != nil {
		return 0, err
	}
	return r.Reader.Read(p)
}
