package master

import (
	"context"
	"io"

	"github.com/heliosctl/heliosctl/model"
)

// Snapshot returns the state as of now.
func (m *Master) Snapshot(context.Context) (model.SnapshotInfo, io.ReadCloser, error) {
	return model.SnapshotInfo{}, nil, errNoLeader()
}

// Restore replaces the state of the whole cluster by a snapshot.
func (m *Master) Restore(context.Context, model.Request, io.Reader, bool) (model.SnapshotInfo, error) {
	return model.SnapshotInfo{}, errNoLeader()
}
