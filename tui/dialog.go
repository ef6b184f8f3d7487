package tui

import (
	"context"
	"fmt"
	"strings"

	tea "github.com/charmbracelet/bubbletea"

	"github.com/heliosctl/heliosctl/model"
	"github.com/heliosctl/heliosctl/tui/theme"
	"github.com/heliosctl/heliosctl/tui/widget"
)

// atOnce is how many requests of one dialog are under way at the same time.
const atOnce = 8

// target is one thing that a dialog acts on, and what has become of it.
type target struct {
	name    string
	note    []widget.Span
	action  Action
	started bool
	over    bool
	err     error
}

// dialog asks before anything is changed: it says what will happen and what the command line for it is, wants the number or the name of
// what is changed typed in where that is a lot, and the token of jobs that have one. Then it shows what has become of each target.
type dialog struct {
	title    string
	verb     string // on the button
	impact   string
	warnings []string
	cli      string
	targets  []target
	gate     string // what has to be typed, "" for nothing
	gateText string // what it is
	token    bool   // the job has one
	typed    widget.Input
	secret   widget.Input
	focus    int // an index into fields
	offset   int
	running  bool
	stopped  string // why the rest is not done
}

// The fields of a dialog.
const (
	fieldGate = iota
	fieldToken
	fieldCancel
	fieldDo
)

func (d *dialog) fields() []int {
	var fields []int
	if d.gate != "" {
		fields = append(fields, fieldGate)
	}
	if d.token {
		fields = append(fields, fieldToken)
	}
	return append(fields, fieldCancel, fieldDo)
}

func (d *dialog) at() int { return d.fields()[d.focus] }

// ready tells whether everything that is asked for is there.
func (d *dialog) ready() bool {
	return (d.gate == "" || d.typed.Value() == d.gate) && (!d.token || d.secret.Value() != "")
}

func (d *dialog) key(a *app, msg tea.KeyMsg) tea.Cmd {
	if d.running {
		return d.keyRunning(a, msg)
	}
	fields := d.fields()
	switch name := msg.String(); name {
	case "esc":
		d.secret.Wipe()
		a.modal = nil
	case "tab", "down":
		d.focus = (d.focus + 1) % len(fields)
	case "shift+tab", "up":
		d.focus = (d.focus + len(fields) - 1) % len(fields)
	case "pgdown":
		d.offset++
	case "pgup":
		d.offset = max(0, d.offset-1)
	case "enter":
		return d.enter(a)
	case "left", "right":
		if d.at() >= fieldCancel {
			d.focus = len(fields) - 1 - boolRank(d.at() == fieldDo)
			return nil
		}
		d.edit(msg)
	default:
		d.edit(msg)
	}
	return nil
}

func (d *dialog) edit(msg tea.KeyMsg) {
	input := &d.typed
	switch d.at() {
	case fieldToken:
		input = &d.secret
	case fieldGate:
	default:
		return
	}
	if !input.Key(msg.String()) && (msg.Type == tea.KeyRunes || msg.Type == tea.KeySpace) {
		input.Insert(msg.Runes)
	}
}

func (d *dialog) enter(a *app) tea.Cmd {
	switch {
	case d.at() == fieldCancel:
		d.secret.Wipe()
		a.modal = nil
	case d.at() != fieldDo:
		d.focus++
	case !d.ready():
		a.say("something is still missing")
	default:
		if why := a.readOnlyBecause(); why != "" {
			a.say("%s", why)
			return nil
		}
		return d.start(a)
	}
	return nil
}

type doneMsg struct {
	target int
	err    error
}

// start sends the first requests; each answer sends the next.
func (d *dialog) start(a *app) tea.Cmd {
	d.running = true
	d.offset = 0
	token := d.secret.Value()
	d.secret.Wipe()
	for i := range d.targets {
		d.targets[i].action.Token = token
	}
	var commands []tea.Cmd
	for range atOnce {
		commands = append(commands, d.next(a))
	}
	return tea.Batch(commands...)
}

func (d *dialog) next(a *app) tea.Cmd {
	for i := range d.targets {
		t := &d.targets[i]
		if t.started || d.stopped != "" {
			continue
		}
		t.started = true
		source, action := a.Source, t.action
		t.action.Token = ""
		return a.async(func(ctx context.Context) tea.Msg {
			return answer{d, doneMsg{i, source.Do(ctx, action)}}
		})
	}
	return nil
}

func (d *dialog) receive(a *app, msg tea.Msg) tea.Cmd {
	done := msg.(doneMsg)
	t := &d.targets[done.target]
	t.over, t.err = true, done.err
	if model.CodeOf(done.err) == model.CodeForbidden && d.stopped == "" {
		d.stop("not allowed: the rest was not tried")
	}
	return d.next(a)
}

// stop lets what has not been started be.
func (d *dialog) stop(why string) {
	d.stopped = why
	for i := range d.targets {
		d.targets[i].action.Token = ""
	}
}

func (d *dialog) counts() (ok, failed, open int) {
	for i := range d.targets {
		switch t := &d.targets[i]; {
		case t.over && t.err == nil:
			ok++
		case t.over:
			failed++
		case t.started || d.stopped == "":
			open++
		}
	}
	return ok, failed, open
}

func (d *dialog) keyRunning(a *app, msg tea.KeyMsg) tea.Cmd {
	_, failed, open := d.counts()
	switch msg.String() {
	case "esc", "enter", "q":
		if open > 0 {
			d.stop("cancelled: the rest was not started")
			return nil
		}
		a.modal = nil
		if failed == 0 {
			a.say("%s: done for %s", strings.ToLower(d.verb), counted(len(d.targets), "target"))
		}
	case "r":
		if open == 0 && (failed > 0 || d.stopped != "") {
			d.retry()
		}
	case "down", "pgdown":
		d.offset++
	case "up", "pgup":
		d.offset = max(0, d.offset-1)
	}
	return nil
}

// retry asks again for what has failed and for what was not started.
func (d *dialog) retry() {
	var left []target
	for _, t := range d.targets {
		if !t.over || t.err != nil {
			t.started, t.over, t.err = false, false, nil
			left = append(left, t)
		}
	}
	d.targets, d.running, d.stopped, d.focus = left, false, "", 0
	if d.gateText == "the number of targets" {
		d.gate = ""
		if len(left) > 1 {
			d.gate = fmt.Sprint(len(left))
		}
		d.typed.Set("")
	}
}

func (d *dialog) draw(a *app, area widget.Area) {
	if d.running {
		d.drawResults(a, area)
		return
	}
	w := min(area.W-2, 92)
	if area.W < 100 {
		w = area.W
	}
	inner := w - 6
	var warnings []string
	for _, text := range d.warnings {
		for i, line := range widget.Wrap(text, inner-2) {
			warnings = append(warnings, map[bool]string{true: "! ", false: "  "}[i == 0]+line)
		}
	}
	cli := widget.Wrap(d.cli, inner-9)
	fixed := 9 + len(warnings) + btoi(len(warnings) > 0) + len(cli) + 2*btoi(d.gate != "") + 3*btoi(d.token)
	rows := min(len(d.targets), 10, max(1, area.H-fixed))
	environment := strings.TrimSpace(string(a.snap.Cluster.Environment) + " " + a.snap.Cluster.Name)
	in := widget.Panel{Title: "⚠ " + d.title, Note: environment, Border: theme.Fail, BG: theme.Panel}.Draw(centre(area, w, fixed+rows)).Inset(1, 0)
	on := func(c theme.Color) theme.Style { return theme.Style{FG: c, BG: theme.Panel} }
	y := 1
	in.Cut(0, y, in.W, on(theme.Text), d.impact)
	y++
	d.drawTargets(in.Sub(0, y, in.W, rows))
	y += rows + 1
	for _, line := range warnings {
		in.Text(0, y, on(theme.Warn), line)
		y++
	}
	y += btoi(len(warnings) > 0)
	in.Text(0, y, on(theme.Muted), "same as")
	for _, line := range cli {
		in.Text(9, y, on(theme.OK), line)
		y++
	}
	y++
	y = d.drawFields(in, y)
	d.drawButtons(in, y)
}

func (d *dialog) drawTargets(rows widget.Area) {
	d.offset = min(d.offset, max(0, len(d.targets)-rows.H))
	for y := 0; y < rows.H && d.offset+y < len(d.targets); y++ {
		t := &d.targets[d.offset+y]
		if y == rows.H-1 && len(d.targets)-d.offset > rows.H {
			rows.Text(2, y, theme.Style{FG: theme.Muted, BG: theme.Panel}, fmt.Sprintf("… and %d more (pgdn)", len(d.targets)-d.offset-y))
			return
		}
		x := rows.Cut(rows.Text(2, y, theme.Style{FG: theme.Muted, BG: theme.Panel}, "• "), y, min(34, rows.W-20), theme.Style{FG: theme.Text, BG: theme.Panel}, t.name) + 1
		for _, s := range t.note {
			x = rows.Text(x, y, s.Style.On(theme.Panel), s.Text)
		}
	}
}

func (d *dialog) drawFields(in widget.Area, y int) int {
	text := theme.Style{FG: theme.Text, BG: theme.Panel}
	if d.gate != "" {
		x := in.Text(0, y, text, "Type "+d.gateText+" to confirm: ") + 1
		w := max(8, widget.Width(d.gate)+3)
		d.typed.Draw(in, x, y, w, theme.Chip, d.at() == fieldGate)
		if d.typed.Value() == d.gate {
			in.Text(x+w+1, y, theme.Style{FG: theme.OK, BG: theme.Panel}, "✓")
		} else {
			in.Text(x+w+1, y, theme.Style{FG: theme.Muted, BG: theme.Panel}, d.gate)
		}
		y += 2
	}
	if d.token {
		d.secret.Secret = true
		x := in.Text(0, y, text, "Token of the job: ") + 1
		d.secret.Draw(in, x, y, 24, theme.Chip, d.at() == fieldToken)
		in.Text(0, y+1, theme.Style{FG: theme.Faint, BG: theme.Panel}, "used once, never stored, logged or shown")
		y += 3
	}
	return y
}

func (d *dialog) drawButtons(in widget.Area, y int) {
	cancel, do := "  Cancel  esc  ", "  "+d.verb+"  "
	if d.at() == fieldDo {
		do += "⏎  "
	} else {
		do += "tab ⏎  "
	}
	style := func(selected bool, bg theme.Color) theme.Style {
		s := theme.Style{FG: theme.Text, BG: bg}
		if selected {
			s.Attr = theme.Bold | theme.Underline
		}
		return s
	}
	x := max(0, (in.W-widget.Width(cancel)-widget.Width(do)-4)/2)
	mark := func(x int, on bool) {
		if on {
			in.Text(x-1, y, theme.Style{FG: theme.Focus, BG: theme.Panel, Attr: theme.Bold}, "▸")
		}
	}
	mark(x, d.at() == fieldCancel)
	x = in.Text(x, y, style(d.at() == fieldCancel, theme.Chip), cancel) + 4
	mark(x, d.at() == fieldDo)
	if d.ready() {
		in.Text(x, y, style(d.at() == fieldDo, theme.Danger), do)
	} else {
		in.Text(x, y, theme.Style{FG: theme.Faint, BG: theme.Chip}, do)
	}
	in.Cut(0, y+2, in.W, theme.Style{FG: theme.Faint, BG: theme.Panel}, counted(len(d.targets), "request")+" · Cancel is the default")
}

func (d *dialog) drawResults(_ *app, area widget.Area) {
	ok, failed, open := d.counts()
	w := min(area.W-2, 92)
	note := "esc stops"
	switch {
	case open > 0:
	case failed > 0 || d.stopped != "":
		note = "r retry · esc closes"
	default:
		note = "⏎ closes"
	}
	border := theme.Focus
	if failed > 0 {
		border = theme.Fail
	}
	box := centre(area, w, min(area.H, len(d.targets)+6))
	in := widget.Panel{Title: d.title, Note: note, Border: border, BG: theme.Panel}.Draw(box).Inset(1, 0)
	on := func(c theme.Color) theme.Style { return theme.Style{FG: c, BG: theme.Panel} }
	x := in.Text(0, 0, on(theme.OK), fmt.Sprintf("✓ %d done", ok))
	if failed > 0 {
		x = in.Text(x+3, 0, on(theme.Fail), fmt.Sprintf("✗ %d failed", failed))
	}
	if open > 0 {
		x = in.Text(x+3, 0, on(theme.Progress), fmt.Sprintf("◐ %d to go", open))
	}
	in.Cut(x+3, 0, in.W-x-3, on(theme.Warn), d.stopped)
	rows := in.Sub(0, 2, in.W, in.H-2)
	d.offset = min(d.offset, max(0, len(d.targets)-rows.H))
	for y := 0; y < rows.H && d.offset+y < len(d.targets); y++ {
		t := &d.targets[d.offset+y]
		glyph, color, text := "○", theme.Stopped, "not started"
		switch {
		case t.over && t.err == nil:
			glyph, color, text = "✓", theme.OK, "done"
		case t.over:
			glyph, color, text = "✗", theme.Fail, t.err.Error()
		case t.started:
			glyph, color, text = "◐", theme.Progress, "…"
		}
		rows.Text(0, y, on(color), glyph)
		x := rows.Cut(2, y, min(34, rows.W/3), on(theme.Text), t.name) + 1
		rows.Cut(x, y, rows.W-x, on(color), text)
	}
}
