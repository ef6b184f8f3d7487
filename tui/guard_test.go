package tui_test

import (
	"context"
	"errors"
	"io"
	"iter"
	"os"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/creack/pty"

	"github.com/heliosctl/heliosctl/model"
	"github.com/heliosctl/heliosctl/tui"
	"github.com/heliosctl/heliosctl/tui/demo"
)

// terminalConsole is a console on a real terminal of its own.
type terminalConsole struct {
	t     *testing.T
	out   *screenBuffer
	keys  *os.File
	ended chan error
}

func onTerminal(t *testing.T, o tui.Options) *terminalConsole {
	t.Helper()
	ours, theirs, err := pty.Open()
	if err != nil {
		t.Fatal(err)
	}
	if err := pty.Setsize(ours, &pty.Winsize{Rows: 36, Cols: 120}); err != nil {
		t.Fatal(err)
	}
	c := &terminalConsole{t: t, out: &screenBuffer{more: make(chan struct{}, 1)}, keys: ours, ended: make(chan error, 1)}
	o.In, o.Out = theirs, theirs
	ctx, cancel := context.WithCancel(context.Background())
	var running sync.WaitGroup
	running.Go(func() { _, _ = io.Copy(c.out, ours) })
	running.Go(func() { c.ended <- tui.Run(ctx, o) })
	c.out.await(t, "(leader)") // it knows how large the terminal is; Bubble Tea does not wait for who finds out
	t.Cleanup(func() {
		cancel()
		_ = theirs.Close()
		_ = ours.Close()
		running.Wait()
	})
	return c
}

func (c *terminalConsole) press(text string) {
	c.t.Helper()
	if _, err := c.keys.WriteString(text); err != nil {
		c.t.Fatal(err)
	}
}

// restored waits for what gives a terminal back as it was: its usual screen, a cursor, no mouse, no marks around what is pasted.
func (c *terminalConsole) restored() {
	c.t.Helper()
	for _, sequence := range []string{"\x1b[?1049l", "\x1b[?25h", "\x1b[?1002l", "\x1b[?1003l", "\x1b[?1006l", "\x1b[?2004l"} {
		c.out.await(c.t, sequence)
	}
}

// breaking is a source with a bug.
type breaking struct {
	tui.Source
	mu       sync.Mutex
	snapshot bool
}

func (b *breaking) Snapshot() *tui.Snapshot {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.snapshot {
		panic("a bug in Snapshot")
	}
	return b.Source.Snapshot()
}

func (b *breaking) Resync() {
	b.mu.Lock()
	defer b.mu.Unlock()
	panic("a bug in Resync")
}

func (b *breaking) History(context.Context, tui.HistoryQuery) ([]tui.Transition, error) {
	panic("a bug in History")
}

func (b *breaking) Logs(context.Context, tui.LogQuery) iter.Seq2[model.LogLine, error] {
	return func(func(model.LogLine, error) bool) { panic("a bug in Logs") }
}

// Wherever a bug is, the terminal is what it was before, and the error has the trace.
func TestABugRestoresTheTerminal(t *testing.T) {
	fleet := demo.New(demo.Options{Seed: 1, Hosts: 20, Start: began})
	fleet.Advance(now)
	for name, tc := range map[string]struct {
		keys, trace string
	}{
		"in what a key does":  {keys: "\x12", trace: "Resync"}, // ctrl-r
		"in a command":        {keys: "2\r", trace: "History"},
		"in a stream of logs": {keys: "2l\r", trace: "Logs"},
		"in drawing":          {keys: "2", trace: "Now"},
	} {
		t.Run(name, func(t *testing.T) {
			o := options(&breaking{Source: fleet})
			o.Mouse = true
			var broken atomic.Bool
			o.Now = func() time.Time {
				if broken.Load() {
					panic("a bug in Now")
				}
				return now
			}
			c := onTerminal(t, o)
			c.out.await(t, "\x1b[?1049h")
			c.out.await(t, "\x1b[?1006h")
			broken.Store(tc.trace == "Now")
			c.press(tc.keys)
			err := <-c.ended
			var crash *tui.Panic
			if !errors.As(err, &crash) {
				t.Fatalf("it ended with %v", err)
			}
			if want := "panic: a bug in " + tc.trace; crash.Error() != want || !strings.Contains(string(crash.Stack), "guard_test.go") {
				t.Errorf("it is %q, want %q, with a trace that begins here:\n%s", crash.Error(), want, crash.Stack)
			}
			c.restored()
		})
	}
}

// The last thing that somebody did before quitting is kept all the same.
func TestQuittingKeepsWhatWasJustDone(t *testing.T) {
	var k kept
	o := options(shared())
	o.Remember = k.remember
	c := onTerminal(t, o)
	c.out.await(t, "Fleet")
	c.press("2mq")
	c.press("q")
	if err := <-c.ended; err != nil {
		t.Fatal(err)
	}
	if got := k.state.Marks["demo-eu"]["q"]; !strings.HasPrefix(got, "hosts?sel=") {
		t.Errorf("the mark is kept as %q", got)
	}
	c.restored()
}

// A cluster that is no longer looked at has nobody waiting for its changes.
func TestSwitchingLeavesNothingBehind(t *testing.T) {
	c := onTerminal(t, withClusters(options(nil)))
	c.out.await(t, "Fleet")
	for _, keys := range []string{"@lab\r", "@eu\r", "@gone\r", "@lab\r"} {
		c.press(keys)
		c.out.await(t, map[string]string{"@lab\r": "looking at STAGE lab", "@eu\r": "looking at PROD eu", "@gone\r": "cannot switch"}[keys])
	}
	c.press("q")
	if err := <-c.ended; err != nil {
		t.Fatal(err)
	}
}

// slow is a source whose changes take as long as a test wants.
type slow struct {
	tui.Source
	asked  chan struct{}
	answer chan struct{}
}

func (s *slow) Do(ctx context.Context, _ tui.Action) error {
	s.asked <- struct{}{}
	select {
	case <-s.answer:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

func TestQuittingAsksWhileAChangeIsUnderWay(t *testing.T) {
	source := &slow{fleet(), make(chan struct{}, 8), make(chan struct{})}
	c := onTerminal(t, options(source))
	c.out.await(t, "Fleet")
	c.press("2")
	c.out.await(t, "LABELS")
	c.press("W\t\r") // drain
	<-source.asked
	c.press("\x03")
	c.out.await(t, "Under way: 1 change.")
	c.press("\r") // go on waiting
	source.answer <- struct{}{}
	c.out.await(t, "✓ 1 done")
	c.press("\x03") // nothing is under way any more
	if err := <-c.ended; err != nil {
		t.Fatal(err)
	}
}

func TestQuittingAgainEndsWithoutAnAnswer(t *testing.T) {
	source := &slow{fleet(), make(chan struct{}, 8), make(chan struct{})}
	c := onTerminal(t, options(source))
	c.out.await(t, "Fleet")
	c.press("2")
	c.out.await(t, "LABELS")
	c.press("W\t\r")
	<-source.asked
	c.press("\x03")
	c.out.await(t, "Under way: 1 change.")
	c.press("\x03")
	if err := <-c.ended; err != nil {
		t.Fatal(err)
	}
	c.restored()
}

func TestSettingsAreTakenOverWhileItRuns(t *testing.T) {
	reload := make(chan tui.Settings)
	o := options(shared())
	o.Reload = reload
	c := onTerminal(t, o)
	c.out.await(t, "Fleet")
	reload <- tui.Settings{Theme: "light", Keys: map[string][]string{"quit": {"Q"}, "screen.hosts": {"H"}}}
	c.out.await(t, "took over the new configuration")
	c.press("H")
	c.out.await(t, "LABELS")
	reload <- tui.Settings{Fault: "line 3: no such field"}
	c.out.await(t, "left as it was: line 3")
	c.press("Q")
	if err := <-c.ended; err != nil {
		t.Fatal(err)
	}
}
