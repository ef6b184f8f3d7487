// Package tui is the console: a full-screen view of a fleet of hosts and what runs on them.
//
// It owns what is on the screen and what keys do. It gets all its data from a Source and knows nothing of where that comes from. The
// app is the frame: it knows no page's data; each page is a file of its own and a line in the registry. Everything that may wait
// runs in a command with a context, never in Update or View.
package tui

import (
	"context"
	"fmt"
	"strings"
	"time"

	tea "github.com/charmbracelet/bubbletea"

	"github.com/heliosctl/heliosctl/tui/silence"
	"github.com/heliosctl/heliosctl/tui/theme"
	"github.com/heliosctl/heliosctl/tui/widget"
)

func init() { silence.Restore() }

// frameTime is the shortest time between two snapshots that are drawn, blurredTime that while nobody looks.
const (
	frameTime   = 33 * time.Millisecond
	blurredTime = 100 * time.Millisecond
)

// app is the root of the console.
type app struct {
	Options
	canvas  widget.Canvas
	width   int
	height  int
	snap    *Snapshot
	screens []screen
	roots   []page
	page    page
	tabs    []widget.Area // of the screens, as they were drawn
	back    []page
	forward []page
	last    page // the root before this one
	modal   modal
	global  []*command
	flash   string
	flashed time.Time
	passing bool // the message goes by itself
	zoomed  bool
	leaving bool
	async   func(func(context.Context) tea.Msg) tea.Cmd
	alone   bool // no clock, no waiting: for tests and pictures
	blurred bool // the terminal has not the focus
	screen  *output
	drained chan struct{} // there is something when the terminal has taken what it was busy with
	drawn   string        // the last frame
	stale   *Snapshot     // the last one before the masters were gone
	memory  memory
	away    chan struct{} // closed when the cluster is no longer looked at
	going   string        // the cluster that is being switched to

	troubles  []trouble // of the snapshot with this version
	troubleOf uint64
	acked     map[string]bool
	acks      int // changes of it
}

// modal is a dialog over the page. It takes all keys.
type modal interface {
	key(a *app, msg tea.KeyMsg) tea.Cmd
	draw(a *app, area widget.Area)
}

type (
	changedMsg struct{ source Source }
	clockMsg   struct{}
	endMsg     struct{}
	drainedMsg struct{}
	waitMsg    struct{ source Source }
)

func newApp(o Options) *app {
	a := &app{Options: o.withDefaults(), width: 80, height: 24}
	a.acked, a.away = map[string]bool{}, make(chan struct{})
	a.async = func(func(context.Context) tea.Msg) tea.Cmd { return nil }
	a.snap = a.Source.Snapshot()
	a.screens = registry()
	a.roots = make([]page, len(a.screens))
	a.global = a.globalCommands()
	a.page = a.root(0)
	a.page.refresh(a)
	if a.Welcome != nil {
		a.modal = newFirstRun(*a.Welcome)
	}
	if a.Notice != "" {
		a.say("%s", a.Notice)
	}
	return a
}

// root returns the page of a numbered screen.
func (a *app) root(i int) page {
	if a.roots[i] == nil {
		a.roots[i] = a.screens[i].make(a)
		a.recall(a.roots[i])
	}
	return a.roots[i]
}

// Init asks for the first change and starts the clock.
func (a *app) Init() tea.Cmd {
	if a.alone {
		return nil
	}
	var asked tea.Cmd
	if a.AskCluster {
		asked = a.chooseCluster()
	}
	return tea.Batch(a.awaitChange(), a.awaitDrained(), a.tick(), a.awaitSettings(), a.openStart(), asked)
}

// awaitDrained tells when the terminal has taken what it was busy with, for the next frame to be drawn.
func (a *app) awaitDrained() tea.Cmd {
	return a.async(func(ctx context.Context) tea.Msg {
		select {
		case <-a.drained:
			return drainedMsg{}
		case <-ctx.Done():
			return nil
		}
	})
}

// openStart shows the place that the console was started at, once there is data to find it in.
func (a *app) openStart() tea.Cmd {
	if a.Start == nil || a.snap.Freshness.State == Connecting {
		return nil
	}
	place := *a.Start
	a.Start = nil
	return a.goPlace(place)
}

func (a *app) awaitChange() tea.Cmd {
	source, away := a.Source, a.away
	return a.async(func(ctx context.Context) tea.Msg {
		select {
		case <-source.Changed():
			return changedMsg{source}
		case <-away:
			return nil
		case <-ctx.Done():
			return nil
		}
	})
}

// tick comes when the clock on the screen goes on.
func (a *app) tick() tea.Cmd {
	now := time.Now()
	return a.after(now.Truncate(time.Second).Add(time.Second).Sub(now), clockMsg{})
}

// after sends a message when a while has passed; unlike Bubble Tea's own ticks it ends with the program.
func (a *app) after(wait time.Duration, msg tea.Msg) tea.Cmd {
	return a.async(func(ctx context.Context) tea.Msg {
		select {
		case <-time.After(wait):
			return msg
		case <-ctx.Done():
			return nil
		}
	})
}

// Update takes a message and returns what to do next.
func (a *app) Update(msg tea.Msg) (tea.Model, tea.Cmd) {
	switch msg := msg.(type) {
	case tea.WindowSizeMsg:
		a.width, a.height = msg.Width, msg.Height
		return a, nil
	case changedMsg:
		if msg.source != a.Source {
			return a, nil // of a cluster that is no longer looked at
		}
		a.refresh()
		return a, tea.Batch(a.openStart(), a.after(a.pace(), waitMsg{a.Source}))
	case waitMsg:
		if msg.source != a.Source {
			return a, nil
		}
		return a, a.awaitChange()
	case Settings:
		return a, tea.Batch(a.take(msg), a.awaitSettings())
	case clockMsg:
		if a.passing && a.Now().Sub(a.flashed) > passingTime {
			a.flash, a.passing = "", false
		}
		return a, a.tick()
	case drainedMsg:
		return a, a.awaitDrained()
	case tea.FocusMsg:
		a.blurred = false
		return a, nil
	case tea.BlurMsg:
		a.blurred = true
		return a, nil
	case endMsg:
		return a, a.quit()
	case answer:
		return a, msg.to.receive(a, msg.msg)
	case tea.KeyMsg:
		return a, a.keys(msg)
	case tea.MouseMsg:
		return a, a.mouse(msg)
	}
	return a, nil
}

// program is what command lines begin with, for them to go to the cluster that is looked at.
func (a *app) program() string {
	return strings.TrimSpace(a.Program + " " + a.snap.Cluster.Flags)
}

// pace is the shortest time between two snapshots that are drawn.
func (a *app) pace() time.Duration {
	if a.blurred {
		return blurredTime
	}
	return frameTime
}

// refresh takes over what the source has now.
func (a *app) refresh() {
	old := a.snap
	a.snap = a.Source.Snapshot()
	a.tellResync(old)
	a.page.refresh(a)
	if m, ok := a.modal.(interface{ refresh(*app) }); ok {
		m.refresh(a)
	}
}

// keys takes keys one by one: those that arrive together, as over a slow line, come as one message.
func (a *app) keys(msg tea.KeyMsg) tea.Cmd {
	if msg.Type != tea.KeyRunes || len(msg.Runes) < 2 || msg.Paste {
		return a.key(msg)
	}
	var commands []tea.Cmd
	for _, r := range msg.Runes {
		commands = append(commands, a.key(tea.KeyMsg{Type: tea.KeyRunes, Runes: []rune{r}, Alt: msg.Alt}))
	}
	return tea.Batch(commands...)
}

func (a *app) key(msg tea.KeyMsg) tea.Cmd {
	a.flash = ""
	if msg.String() == "ctrl+c" {
		return a.interrupt()
	}
	if a.modal != nil {
		return a.modal.key(a, msg)
	}
	if t, ok := a.page.(typist); ok && t.typing() {
		return t.key(a, msg)
	}
	if msg.Paste {
		return nil // text that was meant for a field is not a row of commands
	}
	c := find(a.commandsOf(a.page), msg)
	if c == nil {
		c = find(a.globals(), msg)
	}
	if c == nil {
		return nil
	}
	return a.run(c)
}

// run does what a command does, unless it changes something and nothing may be changed.
func (a *app) run(c *command) tea.Cmd {
	if c.write {
		if why := a.readOnlyBecause(); why != "" {
			a.say("%s", why)
			return nil
		}
	}
	cmd := c.run(a)
	if s, ok := a.page.(selecter); ok {
		return tea.Batch(cmd, s.selectedNow(a))
	}
	return cmd
}

// readOnlyBecause says why nothing may be changed, "" when it may.
func (a *app) readOnlyBecause() string {
	switch {
	case a.ReadOnly:
		return "read-only: this console was started without the right to change anything"
	case a.snap.Cluster.ReadOnly:
		return "read-only: " + a.snap.Cluster.Name + " is configured so"
	case a.snap.Freshness.State != Live:
		return "no master answers: nothing can be changed until one does"
	}
	return ""
}

// say shows a message until the next key.
func (a *app) say(format string, args ...any) {
	a.flash, a.flashed, a.passing = fmt.Sprintf(format, args...), a.Now(), false
}

// passingTime is how long a message is shown that no key has led to.
const passingTime = 10 * time.Second

// mention shows a message for a while, or until the next key.
func (a *app) mention(format string, args ...any) {
	a.say(format, args...)
	a.passing = true
}

// now is what time ages are counted to: it stands still while the data is old.
func (a *app) now() time.Time {
	if f := a.snap.Freshness; f.State == Stale && !f.AsOf.IsZero() {
		return f.AsOf
	}
	if at := a.stoppedAt(); !at.IsZero() {
		return at
	}
	return a.Now()
}

// stoppedAt is the moment that the page shows, zero when that is the present.
func (a *app) stoppedAt() time.Time {
	if p, ok := a.page.(stopper); ok {
		return p.stoppedAt()
	}
	return time.Time{}
}

// goTo shows a page and remembers the one before.
func (a *app) goTo(p page) tea.Cmd {
	if p == a.page {
		return nil
	}
	if !a.isRoot(p) {
		a.recall(p)
	}
	a.back = append(a.back, a.page)
	for _, left := range a.forward {
		a.leave(left)
	}
	a.forward = nil
	return a.show(p)
}

func (a *app) leave(p page) {
	if c, ok := p.(closer); ok && !a.isRoot(p) {
		c.close()
	}
}

func (a *app) isRoot(p page) bool {
	for _, root := range a.roots {
		if root == p {
			return true
		}
	}
	return false
}

func (a *app) show(p page) tea.Cmd {
	if a.isRoot(a.page) && a.isRoot(p) {
		a.last = a.page
	}
	a.page, a.zoomed = p, false
	p.refresh(a)
	if o, ok := p.(opener); ok {
		return o.open(a)
	}
	return nil
}

// goBack shows the page before; esc goes on asking the page first.
func (a *app) goBack() tea.Cmd {
	if len(a.back) == 0 {
		return nil
	}
	p := a.back[len(a.back)-1]
	a.back = a.back[:len(a.back)-1]
	a.forward = append(a.forward, a.page)
	return a.show(p)
}

func (a *app) goForward() tea.Cmd {
	if len(a.forward) == 0 {
		return nil
	}
	p := a.forward[len(a.forward)-1]
	a.forward = a.forward[:len(a.forward)-1]
	a.back = append(a.back, a.page)
	return a.show(p)
}

func (a *app) globalCommands() []*command {
	var commands []*command
	for i, s := range a.screens {
		commands = append(commands, bind(s.command(), s.key, s.name, func(a *app) tea.Cmd { return a.goTo(a.root(i)) }).more())
	}
	return append(commands,
		bind("palette", ": ctrl+p", "command", func(a *app) tea.Cmd { return a.open(newPalette(a)) }),
		bind("back", "esc", "back", (*app).escape).more(),
		bind("history.back", "<", "history back", (*app).goBack).more(),
		bind("history.forward", ">", "history forward", (*app).goForward).more(),
		bind("last", "-", "last screen", (*app).goLast).more(),
		bind("views", "b", "saved views", (*app).openViews).more(),
		bind("mark.set", "m", "set a mark", func(a *app) tea.Cmd { return a.open(marks{set: true}) }).more(),
		bind("mark.go", "'", "go to a mark", func(a *app) tea.Cmd { return a.open(marks{}) }).more(),
		bind("cluster", "@", "cluster", (*app).chooseCluster).more(),
		bind("theme", "ctrl+t", "next theme", (*app).nextTheme).more(),
		bind("zoom", "z", "zoom", func(a *app) tea.Cmd { a.zoomed = !a.zoomed; return nil }).more(),
		bind("mouse", "ctrl+g", "mouse on or off", (*app).toggleMouse).more(),
		bind("redraw", "ctrl+l", "redraw", func(*app) tea.Cmd { return tea.ClearScreen }).more(),
		bind("resync", "ctrl+r", "reconnect", func(a *app) tea.Cmd { a.Source.Resync(); a.say("asked for everything anew"); return nil }).more(),
		bind("help", "?", "help", func(a *app) tea.Cmd { return a.open(newHelp(a)) }).more(),
		bind("quit", "q", "quit", (*app).quit),
	)
}

func (a *app) open(m modal) tea.Cmd {
	a.modal = m
	if o, ok := m.(opener); ok {
		return o.open(a)
	}
	return nil
}

func (a *app) escape() tea.Cmd {
	if e, ok := a.page.(escaper); ok && e.escape(a) {
		return nil
	}
	if a.isRoot(a.page) {
		return nil
	}
	return a.goBack()
}

func (a *app) goLast() tea.Cmd {
	if a.last == nil {
		return nil
	}
	return a.goTo(a.last)
}

func (a *app) nextTheme() tea.Cmd {
	names := theme.Names()
	for i, name := range names {
		if name == a.Theme.Name() {
			return a.setTheme(names[(i+1)%len(names)])
		}
	}
	return nil
}

func (a *app) setTheme(name string) tea.Cmd {
	t, err := theme.New(name, a.Profile)
	if err != nil {
		a.say("%v", err)
		return nil
	}
	a.Theme = t
	a.say("theme %s", name)
	return tea.ClearScreen
}

// interrupt ends the console, whatever is open. While changes are under way it asks first: nobody would see what becomes of them.
func (a *app) interrupt() tea.Cmd {
	if _, asked := a.modal.(*parting); asked {
		return a.quit()
	}
	if w, ok := a.modal.(worker); ok && w.underWay() > 0 {
		a.modal = &parting{below: a.modal}
		return nil
	}
	return a.quit()
}

// quit ends the console. Its last frame is empty: some terminals keep parts of it when they go back to their usual screen.
func (a *app) quit() tea.Cmd {
	a.leaving = true
	if a.screen != nil {
		a.screen.drop()
	}
	return tea.Quit
}

// View draws the frame. While the terminal is busy with the last one that stays: frames that it cannot take are never made.
func (a *app) View() string {
	switch {
	case a.leaving:
		return ""
	case a.drawn != "" && a.screen != nil && a.screen.busy():
		return a.drawn
	}
	a.compose()
	a.drawn = a.canvas.Render(a.Theme, a.ASCII)
	return a.drawn
}
