package tui

import (
	"context"
	"fmt"
	"slices"
	"strings"

	tea "github.com/charmbracelet/bubbletea"

	"github.com/heliosctl/heliosctl/model"
	"github.com/heliosctl/heliosctl/tui/widget"
)

// atOnce is how many requests of one dialog are under way at the same time.
const atOnce = 8

// target is one thing that a dialog acts on, and what has become of it.
type target struct {
	name    string
	note    func(a *app) []widget.Span // how it is now
	outlook func(a *app) outlook       // what would happen; nil where the masters are asked
	token   bool                       // its job has one
	action  Action
	started bool
	over    bool
	err     error
}

// dialog asks before anything is changed: it says what will happen and what the command line for it is, wants the number or the name of
// what is changed typed in where that is a lot, and the token of jobs that have one. Then it shows what has become of each target.
type dialog struct {
	title    func(targets []target) string
	verb     string // on the button
	impact   string
	warnings []string
	cli      func(targets []target) string
	targets  []target
	gate     string // what has to be typed, "" for nothing
	gateText string // what it is
	back     modal  // that it was opened from, nil for none
	typed    widget.Input
	secret   widget.Input
	focus    int // one of the fields below
	offset   int
	running  bool
	stopped  string // why the rest is not done
}

// The fields of a dialog.
const (
	fieldCancel = iota
	fieldDo
	fieldGate
	fieldToken
)

const numberOfTargets = "the number of targets"

// gateNumber makes the number of targets something that has to be typed, where there are several.
func (d *dialog) gateNumber() *dialog {
	if n := len(d.targets); n > 1 {
		d.gate, d.gateText = fmt.Sprint(n), numberOfTargets
	}
	return d
}

// wantsToken tells whether any target's job has a token.
func (d *dialog) wantsToken() bool {
	for i := range d.targets {
		if d.targets[i].token {
			return true
		}
	}
	return false
}

// fields are what can have the focus, in their order.
func (d *dialog) fields(a *app) []int {
	var fields []int
	if d.gate != "" {
		fields = append(fields, fieldGate)
	}
	if d.asksToken(a) {
		fields = append(fields, fieldToken)
	}
	return append(fields, fieldCancel, fieldDo)
}

func (d *dialog) asksToken(a *app) bool { return a.Token == nil && d.wantsToken() }

// ready tells whether everything that is asked for is there.
func (d *dialog) ready(a *app) bool {
	return (d.gate == "" || d.typed.Value() == d.gate) && (!d.asksToken(a) || d.secret.Value() != "")
}

func (d *dialog) key(a *app, msg tea.KeyMsg) tea.Cmd {
	if d.running {
		return d.keyRunning(a, msg)
	}
	switch name := msg.String(); name {
	case "esc":
		d.leave(a)
	case "tab", "down":
		d.step(a, 1)
	case "shift+tab", "up":
		d.step(a, -1)
	case "pgdown":
		d.offset++
	case "pgup":
		d.offset = max(0, d.offset-1)
	case "ctrl+t":
		return d.dryRun(a)
	case "ctrl+y":
		return a.copy(d.cli(d.targets), "the command line")
	case "enter":
		return d.enter(a)
	case "left", "right":
		if d.focus == fieldCancel || d.focus == fieldDo {
			d.focus = fieldCancel + fieldDo - d.focus
			return nil
		}
		d.edit(a, msg)
	default:
		d.edit(a, msg)
	}
	return nil
}

func (d *dialog) step(a *app, n int) {
	fields := d.fields(a)
	for i, field := range fields {
		if field == d.focus {
			d.focus = fields[(i+n+len(fields))%len(fields)]
			return
		}
	}
}

// tabs is how often tab has to be pressed to come to the button that acts.
func (d *dialog) tabs(a *app) int {
	fields := d.fields(a)
	return slices.Index(fields, fieldDo) - slices.Index(fields, d.focus)
}

// leave goes back to what the dialog was opened from.
func (d *dialog) leave(a *app) {
	d.secret.Wipe()
	a.modal = d.back
}

// edit types into the field that has the focus. While a button has it, what is typed goes into the first field.
func (d *dialog) edit(a *app, msg tea.KeyMsg) {
	letters := msg.Type == tea.KeyRunes || msg.Type == tea.KeySpace
	if first := d.fields(a)[0]; letters && (d.focus == fieldCancel || d.focus == fieldDo) && first != fieldCancel {
		d.focus = first
	}
	input := &d.typed
	switch d.focus {
	case fieldToken:
		input = &d.secret
	case fieldGate:
	default:
		return
	}
	if !input.Key(msg.String()) && letters {
		input.Insert(msg.Runes)
	}
}

func (d *dialog) enter(a *app) tea.Cmd {
	switch {
	case d.focus == fieldCancel:
		d.leave(a)
	case d.focus != fieldDo:
		d.step(a, 1)
	case !d.ready(a):
		a.say("%s", d.missing())
	default:
		if why := a.readOnlyBecause(); why != "" {
			a.say("%s", why)
			return nil
		}
		return d.start(a)
	}
	return nil
}

func (d *dialog) missing() string {
	if d.gate != "" && d.typed.Value() != d.gate {
		return "type " + d.gateText + " first: " + d.gate
	}
	return "the job has a token: type it first"
}

type doneMsg struct {
	target int
	err    error
}

// start sends the first requests; each answer sends the next.
func (d *dialog) start(a *app) tea.Cmd {
	token := d.secret.Value()
	d.secret.Wipe()
	if a.Token != nil && d.wantsToken() {
		var err error
		if token, err = a.Token.Read(); err != nil {
			a.say("%v", err)
			return nil
		}
	}
	d.running = true
	d.offset = 0
	for i := range d.targets {
		if d.targets[i].token {
			d.targets[i].action.Token = token
		}
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
	if done.err != nil && model.CodeOf(done.err).Class() == model.ClassForbidden && d.waiting() {
		d.stop("not allowed: the rest was not tried")
	}
	return d.next(a)
}

// cancel lets what has not been started be, if there is any.
func (d *dialog) cancel(a *app) {
	switch {
	case d.waiting():
		d.stop("cancelled: the rest was not started")
	case d.stopped == "":
		a.say("everything has been sent: it cannot be taken back")
	}
}

// waiting tells whether there is anything left that could be stopped.
func (d *dialog) waiting() bool {
	return d.stopped == "" && slices.ContainsFunc(d.targets, func(t target) bool { return !t.started })
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
	done := open == 0 && failed == 0 && d.stopped == ""
	switch name := msg.String(); name {
	case "esc", "enter", "q":
		switch {
		case name == "enter" && !done:
			return nil // of a button that was pressed twice: it neither stops the rest nor hides what has failed
		case open > 0:
			d.cancel(a)
			return nil
		}
		a.modal = nil
		if f, ok := d.back.(interface{ wipe() }); ok {
			f.wipe()
		}
		if done {
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
	d.targets, d.running, d.stopped, d.focus, d.offset = left, false, "", fieldCancel, 0
	d.typed.Set("")
	if d.gateText == numberOfTargets {
		d.gate = ""
		d.gateNumber()
	}
}
