//go:build unix

package daemontest_test

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/heliosctl/heliosctl/daemon/daemontest"
)

func shell(t *testing.T, script string, ended func(error)) *daemontest.Process {
	t.Helper()
	dir := t.TempDir()
	p := daemontest.NewProcess(daemontest.Command{
		Name: "shell", Path: "/bin/sh", Args: []string{"-c", script}, StateDir: filepath.Join(dir, "state"),
		LogFile: filepath.Join(dir, "log"), Env: []string{"STATE=" + filepath.Join(dir, "state")}, Ended: ended,
	})
	if err := p.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(p.Kill)
	return p
}

func waitLog(t *testing.T, p *daemontest.Process, text string) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), daemontest.Patience)
	defer cancel()
	if err := p.WaitLog(ctx, text); err != nil {
		t.Fatal(err)
	}
}

const waiting = `trap 'echo bye; exit 0' TERM; echo "hello $$"; while :; do sleep 0.05; done`

func TestProcessStopsAndStartsAgain(t *testing.T) {
	t.Parallel()
	p := shell(t, waiting, func(err error) { t.Error(err) })
	waitLog(t, p, "hello")
	if err := p.Stop(t.Context()); err != nil {
		t.Fatal(err)
	}
	if p.Alive() || !strings.Contains(p.Log(), "bye") {
		t.Errorf("it is alive: %v; it wrote %q", p.Alive(), p.Log())
	}
	if err := p.Start(); err != nil {
		t.Fatal(err)
	}
	waitLog(t, p, "hello")
	if strings.Contains(p.Log(), "bye") {
		t.Errorf("the log since the start has what was before: %q", p.Log())
	}
	p.Kill()
	if p.Alive() {
		t.Error("it lives on after it was killed")
	}
}

func TestPausedProcessStandsStill(t *testing.T) {
	t.Parallel()
	p := shell(t, `while :; do echo x; sleep 0.01; done`, func(err error) { t.Error(err) })
	waitLog(t, p, "x")
	if err := p.Pause(); err != nil {
		t.Fatal(err)
	}
	var before int
	daemontest.Await(t, "it to stand still", func() error {
		before = len(p.Log())
		another := shell(t, `for i in 1 2 3 4 5 6 7 8 9 10; do echo x; sleep 0.01; done; echo done; exec sleep 1000`, func(err error) { t.Error(err) })
		waitLog(t, another, "done")
		if len(p.Log()) != before {
			return errors.New("it writes on while another one writes ten times")
		}
		return nil
	})
	if err := p.Resume(); err != nil {
		t.Fatal(err)
	}
	daemontest.Await(t, "it to go on", func() error {
		if len(p.Log()) == before {
			return errors.New("it writes nothing")
		}
		return nil
	})
}

func TestProcessThatEndsByItselfIsToldOf(t *testing.T) {
	t.Parallel()
	ended := make(chan error, 1)
	p := shell(t, "echo the reason; exit 3", func(err error) { ended <- err })
	err := <-ended
	if !strings.Contains(err.Error(), "the reason") || !strings.Contains(err.Error(), "exit status 3") {
		t.Errorf("told of was %v", err)
	}
	if err := p.WaitLog(t.Context(), "never"); err == nil || !strings.Contains(err.Error(), "the reason") {
		t.Errorf("waiting for what never comes ended with %v", err)
	}
}

func TestProcessThatDoesNotStopIsKilled(t *testing.T) {
	t.Parallel()
	p := shell(t, `trap '' TERM; echo ready; while :; do sleep 0.05; done`, func(err error) { t.Error(err) })
	waitLog(t, p, "ready")
	ctx, cancel := context.WithTimeout(t.Context(), 100*time.Millisecond)
	defer cancel()
	if err := p.Stop(ctx); !errors.Is(err, context.DeadlineExceeded) || p.Alive() {
		t.Errorf("stopping ended with %v; alive: %v", err, p.Alive())
	}
}

func TestWipeRemovesTheState(t *testing.T) {
	t.Parallel()
	p := shell(t, `mkdir -p "$STATE/data"; `+waiting, func(err error) { t.Error(err) })
	waitLog(t, p, "hello")
	if err := p.Wipe(); err == nil {
		t.Error("the folder of a process that runs was removed")
	}
	p.Kill()
	if err := p.Wipe(); err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(p.StateDir()); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("the folder is there: %v", err)
	}
}
