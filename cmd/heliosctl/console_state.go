package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/gofrs/flock"
	"github.com/google/renameio/v2"
	"go.yaml.in/yaml/v3"

	"github.com/heliosctl/heliosctl/tui"
)

// stateLockPatience is how long to wait for another console that is writing.
const stateLockPatience = 5 * time.Second

// stateFile keeps what the console remembers from one run to the next. Several consoles can share it.
type stateFile struct{ path string }

// load reads the file; without one there is nothing to remember.
func (f stateFile) load() (tui.State, error) {
	data, err := os.ReadFile(f.path)
	if errors.Is(err, fs.ErrNotExist) {
		return tui.State{}, nil
	}
	if err != nil {
		return tui.State{}, err
	}
	var state tui.State
	if err := yaml.NewDecoder(bytes.NewReader(data)).Decode(&state); err != nil && !errors.Is(err, io.EOF) {
		return tui.State{}, &damagedState{f.path, strings.TrimPrefix(strings.ReplaceAll(err.Error(), "\n", " "), "yaml: ")}
	}
	return state, nil
}

// damagedState is a file that can be read but not understood.
type damagedState struct{ path, fault string }

func (e *damagedState) Error() string { return e.path + " is damaged: " + e.fault }

// change applies a change to what the file holds now, so that what another console has written meanwhile stays. A damaged file is put
// aside first.
func (f stateFile) change(change func(*tui.State)) error {
	if err := os.MkdirAll(filepath.Dir(f.path), 0o700); err != nil {
		return err
	}
	unlock, err := f.lock()
	if err != nil {
		return err
	}
	defer unlock()
	state, err := f.load()
	var damaged *damagedState
	if errors.As(err, &damaged) {
		state, err = tui.State{}, f.putAside()
	}
	if err != nil {
		return err
	}
	change(&state)
	data, err := yaml.Marshal(state)
	if err != nil {
		return err
	}
	return renameio.WriteFile(f.path, data, 0o600)
}

func (f stateFile) lock() (unlock func(), err error) {
	ctx, cancel := context.WithTimeout(context.Background(), stateLockPatience)
	defer cancel()
	held := flock.New(f.path+".lock", flock.SetPermissions(0o600))
	switch _, err := held.TryLockContext(ctx, 20*time.Millisecond); {
	case errors.Is(err, context.DeadlineExceeded):
		return nil, fmt.Errorf("%s is held by another console", f.path)
	case err != nil:
		return nil, err
	}
	return func() { _ = held.Unlock() }, nil
}

// bad is the name that a damaged file is kept under.
func (f stateFile) bad() string { return f.path + ".bad" }

// putAside keeps a damaged file under another name, of which earlier ones are not overwritten.
func (f stateFile) putAside() error {
	name := f.bad()
	for n := 2; ; n++ {
		if _, err := os.Lstat(name); errors.Is(err, fs.ErrNotExist) {
			return os.Rename(f.path, name)
		}
		name = fmt.Sprintf("%s%d", f.bad(), n)
	}
}
