package tui_test

import (
	"context"
	"fmt"
	"io"
	"runtime"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/charmbracelet/x/ansi"

	"github.com/heliosctl/heliosctl/model"
	"github.com/heliosctl/heliosctl/tui"
)

// moving is a source that changes when a test says so, while others look.
type moving struct {
	*fixed
	mu      sync.Mutex
	changed chan struct{}
	looked  []time.Time // when somebody took a snapshot
}

func newMoving() *moving { return &moving{fixed: newFixed(), changed: make(chan struct{}, 1)} }

func (m *moving) Changed() <-chan struct{} { return m.changed }

func (m *moving) Snapshot() *tui.Snapshot {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.looked = append(m.looked, time.Now())
	return m.store.Snapshot()
}

func (m *moving) change(change func()) {
	m.mu.Lock()
	change()
	m.mu.Unlock()
	select {
	case m.changed <- struct{}{}:
	default:
	}
}

// slowLine is a terminal that takes bytes only when a test lets it.
type slowLine struct {
	screenBuffer
	let chan int // bytes that it may take now
	has int
}

func newSlowLine() *slowLine {
	return &slowLine{screenBuffer: screenBuffer{more: make(chan struct{}, 1)}, let: make(chan int)}
}

func (l *slowLine) Write(p []byte) (int, error) {
	for n := 0; n < len(p); {
		if l.has == 0 {
			l.has = <-l.let
		}
		take := min(l.has, len(p)-n)
		_, _ = l.screenBuffer.Write(p[n : n+take])
		n, l.has = n+take, l.has-take
	}
	return len(p), nil
}

func (l *slowLine) text() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.screenBuffer.text.String()
}

// program is a console that runs, with keys that can be pressed.
type program struct {
	t     *testing.T
	keys  *io.PipeWriter
	ended chan error
	stop  context.CancelFunc
}

func start(t *testing.T, o tui.Options) *program {
	t.Helper()
	in, keys := io.Pipe()
	ctx, stop := context.WithCancel(t.Context())
	p := &program{t: t, keys: keys, ended: make(chan error, 1), stop: stop}
	o.In = in
	go func() { p.ended <- tui.Run(ctx, o) }()
	t.Cleanup(func() {
		stop()
		_ = keys.Close()
	})
	return p
}

func (p *program) press(text string) {
	p.t.Helper()
	if _, err := io.WriteString(p.keys, text); err != nil {
		p.t.Fatal(err)
	}
}

// While the line is busy with one frame, keys are taken all the same, and data moves on without piling up frames.
func TestASlowLineHoldsNothingUp(t *testing.T) {
	m := newMoving()
	for i := range 200 {
		m.host(fmt.Sprintf("host-%03d", i), model.Up)
	}
	line := newSlowLine()
	o := options(m)
	o.Out = line
	p := start(t, o)
	line.let <- 200 // the first frame has begun
	line.await(t, "\x1b[?1049h")
	for i := range 500 {
		m.change(func() { m.host(fmt.Sprintf("host-%03d", i%200), []model.Liveness{model.Up, model.Down}[i%2]) })
	}
	p.press("2") // no key waits for the line: a pipe takes no more before the one before has been read
	for range 20 {
		p.press("j")
	}
	p.press("q")
	letting := make(chan struct{})
	go func() { // now it takes everything
		defer close(letting)
		for {
			select {
			case line.let <- 1 << 20:
			case err := <-p.ended:
				p.ended <- err
				return
			}
		}
	}()
	<-letting
	if err := <-p.ended; err != nil {
		t.Fatal(err)
	}
	rest := line.text()
	if len(rest) > 16<<10 {
		t.Errorf("%d bytes were sent, which is more than a frame and the end", len(rest))
	}
	if !strings.Contains(rest, "\x1b[?1049l") || !strings.Contains(rest, "\x1b[?25h") {
		t.Errorf("the terminal is not restored: %q", rest)
	}
}

// However slow the line is, in the end it shows how things are.
func TestASlowLineShowsTheLatest(t *testing.T) {
	m := newMoving()
	m.host("host-000", model.Up)
	line := newSlowLine()
	o := options(m)
	o.Out = line
	p := start(t, o)
	p.press("2")
	line.let <- 100
	for i := range 50 {
		m.change(func() { m.host(fmt.Sprintf("host-%03d", i), model.Up) })
	}
	ending := make(chan struct{})
	go func() {
		defer close(ending)
		for {
			select {
			case line.let <- 512:
			case err := <-p.ended:
				p.ended <- err
				return
			}
		}
	}()
	line.await(t, "50▲")
	p.press("q")
	<-ending
	if err := <-p.ended; err != nil {
		t.Fatal(err)
	}
}

// However fast things change, snapshots are taken, and so drawn, at most every 33 ms.
func TestAStormIsNotDrawnEventByEvent(t *testing.T) {
	const frame = 33 * time.Millisecond
	m := newMoving()
	m.host("host-1", model.Up)
	out := &screenBuffer{more: make(chan struct{}, 1)}
	o := options(m)
	o.Out = out
	p := start(t, o)
	// storm goes on until so many snapshots were taken, and returns when.
	storm := func(n int) []time.Time {
		m.mu.Lock()
		from := len(m.looked)
		m.mu.Unlock()
		for i := 0; ; i++ {
			m.change(func() { m.task("host-1", id("web"), []model.State{model.StateRunning, model.StateFailed}[i%2]) })
			m.mu.Lock()
			looked := m.looked[from:]
			m.mu.Unlock()
			if len(looked) >= n {
				return looked
			}
			runtime.Gosched()
		}
	}
	storm(3) // the first ones belong to the start
	looked := storm(10)
	for i := 1; i < len(looked); i++ {
		if gap := looked[i].Sub(looked[i-1]); gap < frame {
			t.Errorf("the next snapshot was taken after %s already", gap)
		}
	}
	p.press("q")
	if err := <-p.ended; err != nil {
		t.Fatal(err)
	}
}

// With nothing happening nothing but the clock is sent.
func TestAnIdleScreenSendsItsClockAlone(t *testing.T) {
	m := newMoving()
	m.host("host-1", model.Up)
	m.task("host-1", id("web"), model.StateRunning)
	out := &screenBuffer{more: make(chan struct{}, 1)}
	o := options(m)
	o.Out = out
	var ticks sync.Mutex
	clock := now
	o.Now = func() time.Time {
		ticks.Lock()
		defer ticks.Unlock()
		return clock
	}
	p := start(t, o)
	tick := func() {
		ticks.Lock()
		clock = clock.Add(time.Second)
		ticks.Unlock()
	}
	p.press("2")
	out.await(t, "problems, then load") // the last but one line of the page
	tick()
	out.await(t, "12:04:32") // the whole page is out
	tick()
	out.await(t, "12:04:33")
	p.press("q")
	if err := <-p.ended; err != nil {
		t.Fatal(err)
	}
	_, sent, _ := strings.Cut(out.text.String(), "12:04:32")
	sent, _, _ = strings.Cut(sent, "12:04:33")
	if text := ansi.Strip(sent); strings.Contains(text, "Overview") || strings.Contains(text, "LOAD") || len(sent) > 1000 {
		t.Errorf("to change the clock, %d bytes were sent: %q", len(sent), text)
	}
}

// The window changes while data does, both as fast as they can.
func TestResizingWhileDataChanges(t *testing.T) {
	m := newMoving()
	for i := range 50 {
		m.host(fmt.Sprintf("漢字-%03d", i), model.Up)
		m.task(fmt.Sprintf("漢字-%03d", i), id("web"), model.StateRunning)
	}
	s := tui.NewStage(options(m), 120, 36)
	done := make(chan struct{})
	var changing sync.WaitGroup
	changing.Go(func() {
		for i := 0; ; i++ {
			select {
			case <-done:
				return
			default:
			}
			m.change(func() {
				m.task(fmt.Sprintf("漢字-%03d", i%50), id("web"), []model.State{model.StateRunning, model.StateFailed}[i%2])
				m.store.AddEvent(tui.Event{Index: uint64(i), At: now, Host: "漢字-001", Job: id("web"), Detail: "漢字"})
			})
			runtime.Gosched()
		}
	})
	sizes := [][2]int{{20, 5}, {120, 36}, {60, 16}, {1, 1}, {200, 60}, {39, 9}, {80, 24}, {20, 5}}
	keys := []string{"1", "2", "3", "4", "5", "6", "7", "enter", "esc", "?", "esc", ":", "esc"}
	for i := range 300 {
		w, h := sizes[i%len(sizes)][0], sizes[i%len(sizes)][1]
		s.Resize(w, h)
		s.Refresh()
		s.Press(keys[i%len(keys)])
		checkWidths(t, s.Frame(), w, h)
	}
	close(done)
	changing.Wait()
}

// Whatever changed while no master answered is told once one does, and the place on the screen is kept.
func TestAfterAnOutageTheChangesAreCounted(t *testing.T) {
	f := newFixed()
	for i := range 30 {
		f.host(fmt.Sprintf("host-%02d", i), model.Up)
	}
	f.task("host-03", id("web"), model.StateRunning)
	s := stage(options(f), 120, 36, []string{"2", "/host", "enter", "down", "down", "down", "space"})
	selected, live := selectedLine(s), f.store.Snapshot().Freshness
	f.store.SetFreshness(tui.Freshness{State: tui.Stale, Master: "m1", AsOf: now.Add(-time.Minute), Error: "gone"})
	s.Refresh()
	s.Refresh() // a new attempt
	f.task("host-03", id("web"), model.StateFailed)
	f.task("host-04", id("web"), model.StateRunning)
	f.store.RemoveHost("host-29")
	f.store.SetFreshness(live)
	s.Refresh()
	frame := s.Plain()
	if !strings.Contains(frame, "resynced, 3 changes while away") {
		t.Errorf("the changes are not told:\n%s", frame)
	}
	if now := selectedLine(s); strings.Fields(now)[3] != strings.Fields(selected)[3] {
		t.Errorf("selected was %q, now it is %q", selected, now)
	}
	s.Press("left") // takes the message away
	if frame := s.Plain(); !strings.Contains(frame, "/ host") || !strings.Contains(frame, "1 marked") {
		t.Errorf("the filter or the marks are lost:\n%s", frame)
	}
}

func TestARefusalIsNoOutage(t *testing.T) {
	f := newFixed()
	f.host("a1", model.Up)
	f.store.SetFreshness(tui.Freshness{
		State: tui.Stale, Master: "m1", AsOf: now, Error: "user bob may not read", Attempt: 1, RetryAt: now.Add(time.Second), Refused: true,
	})
	frame := stage(options(f), 120, 36, nil).Plain()
	if !strings.Contains(frame, "m1 does not let us in: user bob may not read") || strings.Contains(frame, "Retry 1") {
		t.Errorf("a refusal looks like an outage:\n%s", frame)
	}
}
