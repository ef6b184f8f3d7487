package daemon

import (
	"errors"
	"os"
	"path/filepath"
	"syscall"

	"github.com/gofrs/flock"

	"github.com/heliosctl/heliosctl/model"
)

// lockStateDir creates the folder, makes sure it can be written, and keeps every other daemon out of it until the returned
// function is called. Errors are one line that names the folder and what to do.
func lockStateDir(dir string) (unlock func() error, err error) {
	if dir == "" {
		return nil, model.Errorf(model.CodeInvalid, "no state folder given; name one with --state-dir")
	}
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, stateDirError(dir, err)
	}
	lock := flock.New(filepath.Join(dir, "lock"))
	got, err := lock.TryLock()
	if err != nil {
		return nil, stateDirError(dir, err)
	}
	if !got {
		return nil, model.Errorf(model.CodeUnavailable,
			"state folder %s is in use by another heliosctl; stop that one or choose another folder with --state-dir", dir)
	}
	if err := probeWrite(dir); err != nil {
		return nil, errors.Join(stateDirError(dir, err), lock.Unlock())
	}
	return lock.Unlock, nil
}

// probeWrite finds out now, and not in the middle of a write, that the folder takes no data.
func probeWrite(dir string) error {
	probe, err := os.CreateTemp(dir, ".probe-*")
	if err != nil {
		return err
	}
	_, err = probe.Write(make([]byte, 4096))
	err = errors.Join(err, probe.Sync(), probe.Close())
	return errors.Join(err, os.Remove(probe.Name()))
}

func stateDirError(dir string, err error) error {
	reason, hint := "cannot be used: "+err.Error(), "choose another with --state-dir"
	switch {
	case errors.Is(err, syscall.EROFS):
		reason = "is on a read-only file system"
	case errors.Is(err, os.ErrPermission):
		reason, hint = "cannot be written", "give this user the right to, or choose another with --state-dir"
	case errors.Is(err, syscall.ENOSPC):
		reason, hint = "is on a full disk", "make room or choose another with --state-dir"
	case errors.Is(err, syscall.ENOTDIR):
		reason = "is not a folder"
	}
	return model.Errorf(model.CodeUnavailable, "state folder %s %s; %s", dir, reason, hint)
}
