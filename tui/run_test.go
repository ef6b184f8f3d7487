package tui_test

import (
	"bytes"
	"context"
	"io"
	"strings"
	"sync"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/heliosctl/heliosctl/tui"
	"github.com/heliosctl/heliosctl/tui/demo"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// screenBuffer collects what goes to a terminal.
type screenBuffer struct {
	mu   sync.Mutex
	text bytes.Buffer
	more chan struct{}
}

func (b *screenBuffer) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.text.Write(p)
	select {
	case b.more <- struct{}{}:
	default:
	}
	return len(p), nil
}

func (b *screenBuffer) await(t *testing.T, text string) {
	t.Helper()
	deadline := time.After(time.Minute)
	for {
		b.mu.Lock()
		found := strings.Contains(b.text.String(), text)
		b.mu.Unlock()
		if found {
			return
		}
		select {
		case <-b.more:
		case <-deadline:
			t.Fatalf("%q never came up on the screen", text)
		}
	}
}

// The whole program over a fleet that moves: frames follow its changes, keys act, logs stream, and nothing is left running.
func TestRunFollowsAFleetThatMoves(t *testing.T) {
	f := demo.New(demo.Options{Seed: 1, Hosts: 60, Start: began})
	f.Advance(now)
	ctx, cancel := context.WithCancel(context.Background())
	var living sync.WaitGroup
	living.Go(func() { f.Run(ctx) })
	defer living.Wait()
	defer cancel()

	in, keys := io.Pipe()
	out := &screenBuffer{more: make(chan struct{}, 1)}
	o := options(f)
	o.Now, o.In, o.Out = f.Now, in, out
	ended := make(chan error, 1)
	go func() { ended <- tui.Run(ctx, o) }()
	press := func(text string) {
		if _, err := io.WriteString(keys, text); err != nil {
			t.Error(err)
		}
	}
	out.await(t, "Fleet")
	press("2")
	out.await(t, "LOAD")
	press("\r")
	out.await(t, "Tasks (")
	press("l")
	out.await(t, "following")
	press("5")
	out.await(t, "kept (at most")
	press("q")
	if err := <-ended; err != nil {
		t.Fatal(err)
	}
	_ = keys.Close()
}

func TestRunEndsWithItsContext(t *testing.T) {
	f := demo.New(demo.Options{Seed: 1, Hosts: 20, Start: began})
	ctx, cancel := context.WithCancel(context.Background())
	in, keys := io.Pipe()
	out := &screenBuffer{more: make(chan struct{}, 1)}
	o := options(f)
	o.In, o.Out = in, out
	ended := make(chan error, 1)
	go func() { ended <- tui.Run(ctx, o) }()
	out.await(t, "Fleet")
	cancel()
	if err := <-ended; err != nil {
		t.Errorf("it ended with %v", err)
	}
	_ = keys.Close()
}
