package main

import (
	"context"
	"io"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/creack/pty"

	"github.com/heliosctl/heliosctl/cmd/heliosctl/config"
	"github.com/heliosctl/heliosctl/tui"
)

func TestACrashSaysWhereItsTraceIs(t *testing.T) {
	home := t.TempDir()
	var printed strings.Builder
	env := &environment{now: time.Now, getenv: func(name string) string { return map[string]string{"HOME": home}[name] }}
	env.err = &printed
	err := explainCrash(env, &tui.Panic{Value: "index out of range", Stack: []byte("goroutine 1\nmain.go:7\n")})
	if code := exitCode(err); code != exitFailure {
		t.Errorf("the exit code is %d", code)
	}
	_, path, found := strings.Cut(err.Error(), "the trace is in ")
	if !found || !strings.Contains(err.Error(), "index out of range") || filepath.Dir(path) != filepath.Join(home, ".local/state/heliosctl") {
		t.Fatalf("it says %q", err)
	}
	trace, readErr := os.ReadFile(path)
	if readErr != nil || !strings.Contains(string(trace), "main.go:7") || !strings.HasPrefix(string(trace), "heliosctl ") {
		t.Errorf("the trace is %q, %v", trace, readErr)
	}
	home = filepath.Join(path, "no folder")
	err = explainCrash(env, &tui.Panic{Value: "again", Stack: []byte("main.go:8\n")})
	if !strings.Contains(err.Error(), "could not be saved") || printed.String() != "main.go:8\n\n" {
		t.Errorf("without a folder it says %q and prints %q", err, printed.String())
	}
}

// What feeds the console runs beside it; a bug there restores the terminal as well.
func TestABugInASourceRestoresTheTerminal(t *testing.T) {
	ours, theirs, err := pty.Open()
	if err != nil {
		t.Fatal(err)
	}
	if err := pty.Setsize(ours, &pty.Winsize{Rows: 36, Cols: 120}); err != nil {
		t.Fatal(err)
	}
	out := &watchedOutput{changed: make(chan struct{})}
	var reading sync.WaitGroup
	reading.Go(func() { _, _ = io.Copy(out, ours) })
	home := t.TempDir()
	env := &environment{now: time.Now, getenv: func(name string) string { return map[string]string{"HOME": home}[name] }}
	env.terminal = &terminal{in: theirs, out: theirs}
	c, err := newConsole(env, config.File{}, &dashboardOptions{mouse: true})
	if err != nil {
		t.Fatal(err)
	}
	shown := make(chan struct{})
	broken := demoCluster(time.Now)
	open := broken.open
	broken.open = func() (tui.Source, func(context.Context), error) {
		source, _, err := open()
		return source, func(context.Context) {
			<-shown
			panic("a bug in a source")
		}, err
	}
	ended := make(chan error, 1)
	go func() { ended <- c.run(context.Background(), broken) }()
	awaitOnTerminal(t, out, "\x1b[?1006h")
	awaitOnTerminal(t, out, "(leader)") // it knows how large the terminal is; Bubble Tea does not wait for who finds out
	close(shown)
	err = <-ended
	if err == nil || !strings.Contains(err.Error(), "a bug in a source") || !strings.Contains(err.Error(), "crash-") {
		t.Errorf("it ended with %v", err)
	}
	for _, sequence := range []string{"\x1b[?1049l", "\x1b[?25h", "\x1b[?1006l"} {
		awaitOnTerminal(t, out, sequence)
	}
	_ = theirs.Close()
	_ = ours.Close()
	reading.Wait()
}
