package daemon

import (
	"io"

	"github.com/heliosctl/heliosctl/model"
	"github.com/heliosctl/heliosctl/store"
)

// InspectSnapshot reads all of a snapshot's file, checks that it is whole and counts what is in it; no master is needed for it. It fails
// with CodeInvalid where the file is to blame.
func InspectSnapshot(r io.Reader) (model.SnapshotContents, error) { return store.InspectArchive(r) }
