package store

import (
	"io"
	"log/slog"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"

	"golang.org/x/sys/unix"
)

// opened is what every open function returns.
type opened interface{ Close() error }

func openers() map[string]func(dir string) (opened, error) {
	return map[string]func(dir string) (opened, error){
		"state": func(dir string) (opened, error) { return OpenState(dir, StateOptions{}) },
		"log": func(dir string) (opened, error) {
			return OpenLog(dir, slog.New(slog.NewTextHandler(io.Discard, nil)))
		},
	}
}

func oneClearLine(t *testing.T, err error, words ...string) {
	t.Helper()
	if err == nil {
		t.Fatal("it opened")
	}
	if strings.Contains(err.Error(), "\n") {
		t.Errorf("the error has several lines: %v", err)
	}
	for _, word := range words {
		if !strings.Contains(err.Error(), word) {
			t.Errorf("the error does not say %q: %v", word, err)
		}
	}
}

func TestFoldersThatCannotBeUsed(t *testing.T) {
	for kind, open := range openers() {
		t.Run(kind+" in use", func(t *testing.T) {
			dir := t.TempDir()
			db, err := open(dir)
			if err != nil {
				t.Fatal(err)
			}
			defer db.Close()
			_, err = open(dir)
			oneClearLine(t, err, dir, "in use")
		})
		t.Run(kind+" newer", func(t *testing.T) {
			dir := t.TempDir()
			mark(t, dir, kind, 99)
			_, err := open(dir)
			oneClearLine(t, err, dir, "newer", "upgrade")
		})
		t.Run(kind+" of another kind", func(t *testing.T) {
			dir := t.TempDir()
			mark(t, dir, "cellar", 1)
			_, err := open(dir)
			oneClearLine(t, err, dir, "cellar")
		})
		t.Run(kind+" is a file", func(t *testing.T) {
			file := filepath.Join(t.TempDir(), "file")
			if err := os.WriteFile(file, nil, 0o600); err != nil {
				t.Fatal(err)
			}
			_, err := open(file)
			oneClearLine(t, err, file)
		})
		t.Run(kind+" is read-only", func(t *testing.T) {
			dir := t.TempDir()
			if err := os.Chmod(dir, 0o555); err != nil {
				t.Fatal(err)
			}
			err := asNobody(func() error {
				_, err := open(dir)
				return err
			})
			oneClearLine(t, err, dir, "permission denied")
		})
	}
}

// mark gives the folder another format.
func mark(t *testing.T, dir, kind string, version int) {
	t.Helper()
	size := int64(stateMemTableSize)
	if kind == "log" {
		kind, size = logFormat.kind, logMemTableSize
	}
	db, err := openDatabase(dir, format{kind: kind, version: version}, size, slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	if err := db.Close(); err != nil {
		t.Fatal(err)
	}
}

// asNobody runs fn on a thread that has no rights of root, where the tests run as root.
func asNobody(fn func() error) error {
	done := make(chan error)
	go func() {
		if os.Getuid() == 0 {
			// The thread ends with this goroutine, because it is never unlocked.
			runtime.LockOSThread()
			if err := unix.Setfsuid(65534); err != nil {
				done <- nil
				return
			}
		}
		done <- fn()
	}()
	return <-done
}

func TestFreeSpace(t *testing.T) {
	free, err := FreeSpace(t.TempDir())
	if err != nil || free == 0 {
		t.Errorf("free space %d, %v", free, err)
	}
	_, err = FreeSpace(filepath.Join(t.TempDir(), "missing"))
	oneClearLine(t, err, "missing")
}
