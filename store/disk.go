package store

import (
	"fmt"

	"golang.org/x/sys/unix"
)

// FreeSpace returns the bytes an unprivileged process may still write to the file system of path. Badger maps its log into memory,
// so a full disk kills the process instead of failing a write: callers refuse writes before that.
func FreeSpace(path string) (uint64, error) {
	var stat unix.Statfs_t
	if err := unix.Statfs(path, &stat); err != nil {
		return 0, fmt.Errorf("cannot tell the free space of %s: %w", path, err)
	}
	// The types of the fields differ between systems.
	return uint64(stat.Bavail) * uint64(stat.Bsize), nil
}
