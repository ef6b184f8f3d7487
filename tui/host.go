package tui

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	tea "github.com/charmbracelet/bubbletea"

	"github.com/heliosctl/heliosctl/model"
	"github.com/heliosctl/heliosctl/tui/theme"
	"github.com/heliosctl/heliosctl/tui/widget"
)

// hostDetail is one host: what it is, what it runs, and what has happened there.
type hostDetail struct {
	name       string
	neighbours []string // the list that it was opened from
	host       *Host
	groups     []string // that select it
	tasks      *list[*Task]
	past       history
	window     int // index into windows
	view       int // what the big panel shows: tasks, environment
	keys       []*command
}

var windows = []time.Duration{
	time.Minute, 5 * time.Minute, 10 * time.Minute, 30 * time.Minute, time.Hour, 3 * time.Hour, 6 * time.Hour, 12 * time.Hour,
	24 * time.Hour, 72 * time.Hour, 168 * time.Hour,
}

const halfHour = 3 // in windows

func newHostDetail(name string) *hostDetail {
	d := &hostDetail{name: name, window: halfHour}
	d.tasks = newTaskList(func(t *Task) string { return t.Job.String() })
	d.keys = append([]*command{
		bind("host.task", "enter", "job", d.openJob),
		bind("host.next", "n", "next host", func(a *app) tea.Cmd { return d.step(a, 1) }).pair("n/p"),
		bind("host.previous", "p", "previous host", func(a *app) tea.Cmd { return d.step(a, -1) }).more(),
		bindWrite("host.stop", "X", "stop", d.act(VerbStop)),
		bindWrite("host.start", "R", "start", d.act(VerbStart)),
		bindWrite("host.undeploy", "U", "undeploy", d.act(VerbUndeploy)),
		bindWrite("host.deploy", "D", "deploy", func(a *app) tea.Cmd { return a.chooseDeploy([]string{d.name}) }),
		bind("host.logs", "l", "logs", d.logs),
		bind("host.json", "y", "json", d.inspect),
		bind("host.ssh", "x", "ssh", func(a *app) tea.Cmd { return a.chooseSSH(d.name) }).more(),
		bind("host.view", "tab", "environment", func(*app) tea.Cmd { d.view = 1 - d.view; return nil }).more(),
		bind("host.zoomin", "+ =", "zoom in", func(*app) tea.Cmd { d.window = max(0, d.window-1); return nil }).more(),
		bind("host.zoomout", "- _", "zoom out", func(*app) tea.Cmd { d.window = min(len(windows)-1, d.window+1); return nil }).more(),
		bindWrite("host.drain", "W", "drain", func(a *app) tea.Cmd {
			if d.host != nil && d.host.Drain != nil {
				return a.confirmHosts(VerbUndrain, []string{d.name})
			}
			return a.confirmHosts(VerbDrain, []string{d.name})
		}).more(),
		bindWrite("host.deregister", "E", "deregister", func(a *app) tea.Cmd { return a.confirmHosts(VerbDeregister, []string{d.name}) }).more(),
	}, d.tasks.moves()...)
	return d
}

// newTaskList makes the table of tasks of one host or of one job.
func newTaskList(id func(*Task) string) *list[*Task] {
	return newList(list[*Task]{
		name: "tasks", id: id, ranked: "problems first", problem: (*Task).Problem,
		rank: taskRank,
		columns: []column[*Task]{
			{id: "state", title: "STATE", width: 8, text: func(t *Task) string { return string(t.State) }, draw: drawTaskState,
				compare: func(a, b *Task) int { return taskRank(b) - taskRank(a) }},
			{id: "job", title: "JOB", width: 26, fit: true, text: func(t *Task) string { return t.Job.Short() }, style: func(*Task) theme.Style { return plain },
				compare: func(a, b *Task) int { return a.Job.Compare(b.Job) }},
			{id: "goal", title: "GOAL", width: 6, priority: 1, text: func(t *Task) string { return cmp.Or(string(t.Goal), "—") }},
			{id: "since", title: "SINCE", width: 6, priority: 2, compare: func(a, b *Task) int { return b.Since.Compare(a.Since) }},
			{id: "ports", title: "PORTS", width: 16, fit: true, priority: 4, text: portText},
			{id: "restarts", title: "RESTARTS", width: 8, priority: 6, right: true, apart: true, text: func(t *Task) string {
				if t.Restarts == 0 {
					return ""
				}
				return fmt.Sprint(t.Restarts)
			}, compare: func(a, b *Task) int { return b.Restarts - a.Restarts }},
			{id: "detail", title: "DETAIL", width: 20, flex: true, priority: 3, text: (*Task).Describe},
		},
	})
}

// describeTasks makes the columns of a table of tasks that need to know the time, or what a job wants.
func (a *app) describeTasks(l *list[*Task]) {
	for i := range l.columns {
		switch c := &l.columns[i]; c.id {
		case "since":
			c.text = func(t *Task) string {
				if t.Since.IsZero() {
					return "—"
				}
				return Age(a.now().Sub(t.Since))
			}
		case "detail":
			c.text = func(t *Task) string {
				text := t.Describe()
				if text != "" || t.State != model.StateRunning {
					return text
				}
				if j := a.snap.Job(t.Job); j != nil && j.Spec.HealthCheck != nil {
					return "healthy"
				}
				return "no health check"
			}
		}
	}
}

func taskRank(t *Task) int {
	switch {
	case t.State == model.StateFailed:
		return 6
	case throttleIndex(t.Throttle) >= 0:
		return 5
	case t.Problem():
		return 4
	case t.State != model.StateRunning && t.State != model.StateStopped && t.State != model.StateExited:
		return 3
	case t.State != model.StateRunning:
		return 2
	}
	return 1
}

func drawTaskState(a widget.Area, x, _ int, t *Task, bg theme.Color) {
	drawState(a, x, t.State, bg, true)
	if i := throttleIndex(t.Throttle); i >= 0 {
		a.Text(x+6, 0, theme.Style{FG: theme.Fail, BG: bg}, throttleGlyphs[i])
	} else if t.Unhealthy {
		a.Text(x+6, 0, theme.Style{FG: theme.Warn, BG: bg}, "⚠")
	}
}

func portText(t *Task) string {
	var ports []string
	for _, name := range sortedKeys(t.Ports) {
		m := t.Ports[name]
		text := fmt.Sprint(m.InternalPort)
		if m.ExternalPort != nil {
			text += fmt.Sprintf("→%d", *m.ExternalPort)
		}
		ports = append(ports, text)
	}
	return cmp.Or(strings.Join(ports, " "), "—")
}

func (t *Task) filterText() string {
	return strings.ToLower(t.Host + " " + t.Job.String() + " " + string(t.State) + " " + string(t.Goal) + " " + t.Describe())
}

func (t *Task) filterField(key string, _ time.Time) (string, float64, bool) {
	switch key {
	case "host":
		return t.Host, 0, true
	case "job":
		return t.Job.Name + "\n" + t.Job.Name + ":" + t.Job.Version, 0, true
	case "state":
		return string(t.State) + "\n" + look(t.State).code, 0, true
	case "goal":
		return string(t.Goal), 0, true
	case "restarts":
		return "", float64(t.Restarts), true
	}
	return "", 0, false
}

func (d *hostDetail) crumbs() []string     { return []string{"Hosts", d.name} }
func (d *hostDetail) commands() []*command { return d.keys }
func (d *hostDetail) typing() bool         { return d.tasks.typing() }
func (d *hostDetail) key(a *app, msg tea.KeyMsg) tea.Cmd {
	return d.tasks.key(a, msg)
}
func (d *hostDetail) escape(*app) bool { return d.tasks.escape() }

func (d *hostDetail) commandLine(a *app) string { return a.program() + " status --host " + d.name }

type historyMsg struct {
	transitions []Transition
	err         error
}

func (d *hostDetail) open(a *app) tea.Cmd {
	source := a.Source
	return a.async(func(ctx context.Context) tea.Msg {
		transitions, err := source.History(ctx, HistoryQuery{Host: d.name})
		return answer{d, historyMsg{transitions, err}}
	})
}

func (d *hostDetail) receive(_ *app, msg tea.Msg) tea.Cmd {
	read := msg.(historyMsg)
	d.past.take(read.transitions, read.err)
	return nil
}

func (d *hostDetail) refresh(a *app) {
	d.host = a.snap.Host(d.name)
	a.describeTasks(d.tasks)
	if d.host != nil {
		d.tasks.set(d.host.Tasks)
	} else {
		d.tasks.set(nil)
	}
	d.groups = nil
	for _, g := range a.snap.Groups {
		if slices.Contains(g.Hosts, d.name) {
			d.groups = append(d.groups, g.Spec.Name)
		}
	}
	d.past.follow(a.snap.Events, func(e *Event) bool { return e.Host == d.name })
}

// step goes on to the next host of the list that this one was opened from.
func (d *hostDetail) step(a *app, n int) tea.Cmd {
	i := slices.Index(d.neighbours, d.name) + n
	if i < 0 || i >= len(d.neighbours) {
		a.say("there is no further host in the list")
		return nil
	}
	d.name, d.past = d.neighbours[i], history{}
	d.refresh(a)
	return d.open(a)
}

func (d *hostDetail) openJob(a *app) tea.Cmd {
	if t, ok := d.tasks.current(); ok {
		return a.goTo(newJobDetail(t.Job, t.Host))
	}
	return nil
}

func (d *hostDetail) act(verb Verb) func(a *app) tea.Cmd {
	return func(a *app) tea.Cmd {
		return a.confirmTasks(verb, refsOf(d.tasks.picked()))
	}
}

func (d *hostDetail) logs(a *app) tea.Cmd {
	if t, ok := d.tasks.current(); ok {
		return a.showLogs(t.Job, []string{d.name})
	}
	return nil
}

func (d *hostDetail) inspect(a *app) tea.Cmd {
	name := d.name
	return a.goTo(newInspect([]string{"Hosts", name, "JSON"}, a.program()+" hosts "+name+" --json", func(a *app) any { return hostDocument(a.snap.Host(name)) }))
}

func (d *hostDetail) status(a *app) (left, right []widget.Span) {
	left, _ = d.tasks.status(a)
	if i := slices.Index(d.neighbours, d.name); i >= 0 {
		right = []widget.Span{{Style: muted, Text: fmt.Sprintf("host %d of %d", i+1, len(d.neighbours))}}
	}
	return left, right
}
