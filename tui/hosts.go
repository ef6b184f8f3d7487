package tui

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
	"time"

	tea "github.com/charmbracelet/bubbletea"

	"github.com/heliosctl/heliosctl/model"
	"github.com/heliosctl/heliosctl/tui/theme"
	"github.com/heliosctl/heliosctl/tui/widget"
)

// splitWidth is from which width on a list and the detail of its row are shown side by side.
const splitWidth = 160

// hosts lists the hosts.
type hosts struct {
	*list[*Host]
	keys    []*command
	version string // of most agents; others stand out
	now     func() time.Time
	side    *hostDetail
}

func newHosts(a *app) page {
	p := &hosts{now: a.now}
	p.list = newList(list[*Host]{
		name: "hosts", now: a.now, id: func(h *Host) string { return h.Name }, rank: rankHosts, ranked: "problems, then load ↓", second: "load",
		problem: func(h *Host) bool { return h.Status != model.Up || h.Counts.Problems() > 0 }, columns: p.columns(),
	})
	p.keys = append([]*command{
		bind("hosts.open", "enter", "detail", p.openHost),
		bindWrite("hosts.undeploy", "U", "undeploy", p.onTasks(VerbUndeploy)),
		bindWrite("hosts.deploy", "D", "deploy", func(a *app) tea.Cmd { return a.chooseDeploy(hostNames(p.picked(), model.JobID{})) }),
		bindWrite("hosts.stop", "X", "stop", p.onTasks(VerbStop)).more(),
		bindWrite("hosts.start", "R", "start", p.onTasks(VerbStart)).more(),
		bind("hosts.timeline", "t", "timeline", p.openHost).more(),
		bind("hosts.inspect", "y", "inspect", p.inspect),
		bind("hosts.logs", "l", "logs", p.logs),
		bind("hosts.ssh", "x", "ssh", p.ssh).more(),
		bindWrite("hosts.drain", "W", "drain", p.drain).more(),
		bindWrite("hosts.deregister", "E", "deregister", p.deregister).more(),
	}, p.moves()...)
	return p
}

// rankHosts puts those first that need somebody, then those with the highest load.
func rankHosts(h *Host) int {
	return hostSeverity(h)<<40 | min(h.Counts.Problems(), 1<<16)<<16 | min(int(100*h.LoadShare()), 1<<16-1)
}

func hostSeverity(h *Host) int {
	if h.Status != model.Up {
		return 9
	}
	return severity(&h.Counts)
}

func (p *hosts) columns() []column[*Host] {
	return []column[*Host]{
		{id: "state", title: "STATE", width: 6, priority: 0, compare: func(a, b *Host) int { return hostSeverity(b) - hostSeverity(a) },
			text: func(h *Host) string { return string(h.Status) }, draw: drawHostStatus},
		{id: "host", title: "HOST", width: 20, fit: true, priority: 0, compare: func(a, b *Host) int { return strings.Compare(a.Name, b.Name) },
			text: func(h *Host) string { return h.Name }, style: func(*Host) theme.Style { return plain }},
		{id: "tasks", title: "TASKS", width: 12, priority: 1, compare: func(a, b *Host) int { return b.Counts.Total() - a.Counts.Total() },
			text: func(h *Host) string { return fmt.Sprintf("%d/%d", h.Counts.states[countRunning], h.Counts.Total()) }, draw: drawTasks},
		{id: "problems", title: "!", width: 4, priority: 1, compare: func(a, b *Host) int { return b.Counts.Problems() - a.Counts.Problems() },
			text: func(h *Host) string { return fmt.Sprint(h.Counts.Problems()) }, draw: func(a widget.Area, x, w int, h *Host, bg theme.Color) {
				drawProblems(a, x, w, &h.Counts, bg)
			}},
		{id: "load", title: "LOAD", width: 13, priority: 2, compare: func(a, b *Host) int { return cmp.Compare(b.LoadShare(), a.LoadShare()) },
			text: func(h *Host) string { return fmt.Sprintf("%.2f", h.Load) }, draw: drawGaugeOf((*Host).LoadShare)},
		{id: "mem", title: "MEM", width: 13, apart: true, priority: 3, compare: func(a, b *Host) int { return cmp.Compare(b.MemoryShare(), a.MemoryShare()) },
			text: func(h *Host) string { return share(int(1000*h.MemoryShare()), 1000) }, draw: drawGaugeOf((*Host).MemoryShare)},
		{id: "agent", title: "AGENT", width: 7, fit: true, priority: 5, compare: func(a, b *Host) int { return strings.Compare(agentVersion(a), agentVersion(b)) },
			text: agentVersion, style: func(h *Host) theme.Style {
				if agentVersion(h) != p.version {
					return theme.Fg(theme.Warn)
				}
				return muted
			}},
		{id: "seen", title: "SEEN", width: 6, priority: 6, compare: func(a, b *Host) int { return a.lastSeen().Compare(b.lastSeen()) }, text: p.seenText},
		{id: "drain", title: "DRAIN", width: 6, priority: 8, off: true, text: func(h *Host) string {
			if h.Drain == nil {
				return ""
			}
			return Age(p.now().Sub(h.Drain.Since.Time()))
		}},
		{id: "labels", title: "LABELS", width: 14, fit: true, flex: true, priority: 7, compare: func(a, b *Host) int { return strings.Compare(a.labelText, b.labelText) },
			text: func(h *Host) string { return h.labelText }},
	}
}

// seenLately is how old the last reading of a host may be for it to be seen now: agents are not heard at every moment, and a number
// that changes in every row of every second would be noise, on the line to the terminal as well.
const seenLately = time.Minute

func (p *hosts) seenText(h *Host) string {
	last := h.lastSeen()
	switch {
	case last.IsZero():
		return "—"
	case h.Status == model.Up && p.now().Sub(last) < seenLately:
		return "now"
	}
	return Age(p.now().Sub(last))
}

// lastSeen is when the host was last heard of: since when it is down, else when its gauges were read. It is zero when that is not known.
func (h *Host) lastSeen() time.Time {
	if h.Status != model.Up && !h.Since.IsZero() {
		return h.Since
	}
	return h.GaugedAt
}

func agentVersion(h *Host) string {
	if h.Agent == nil {
		return "—"
	}
	return h.Agent.Version
}

func drawHostStatus(a widget.Area, x, _ int, h *Host, bg theme.Color) {
	switch {
	case h.Status != model.Up:
		a.Text(x, 0, theme.Style{FG: theme.Fail, BG: bg, Attr: theme.Bold}, "▼ DOWN")
	case h.Drain != nil:
		a.Text(x, 0, theme.Style{FG: theme.Warn, BG: bg}, "▽ DRAI")
	default:
		a.Text(a.Text(x, 0, theme.Style{FG: theme.OK, BG: bg}, "▲ "), 0, theme.Style{FG: theme.OK, BG: bg}, "UP")
	}
}

// drawTasks draws how many tasks run of how many, and in proportion how the others are.
func drawTasks(a widget.Area, x, w int, h *Host, bg theme.Color) {
	c := &h.Counts
	a.Right(x+5, 0, theme.Style{FG: theme.Text, BG: bg}, fmt.Sprintf("%d/%d", c.states[countRunning], c.total))
	drawCounts(a, x+6, w-6, c, bg)
}

// drawCounts draws a thin bar of the states of tasks.
func drawCounts(a widget.Area, x, w int, c *Counts, bg theme.Color) {
	widget.Bar(a, x, 0, w, bg,
		widget.Part{N: c.states[countRunning], Rune: '━', Color: theme.OK},
		widget.Part{N: c.Moving(), Rune: '╍', Color: theme.Progress},
		widget.Part{N: c.states[countStopped] + c.states[countExited], Rune: '┄', Color: theme.Stopped},
		widget.Part{N: c.states[countFailed], Rune: '✗', Color: theme.Fail},
		widget.Part{N: c.states[countUnknown], Rune: '?', Color: theme.Unknown})
}

// drawProblems draws the worst of what is wrong and how often.
func drawProblems(a widget.Area, x, w int, c *Counts, bg theme.Color) {
	text, color := "", theme.Fail
	switch {
	case c.states[countFailed] > 0:
		text = fmt.Sprintf("✗%d", c.states[countFailed])
	case c.throttled[0]+c.throttled[1]+c.throttled[2] > 0:
		text = fmt.Sprintf("↯%d", c.throttled[0]+c.throttled[1]+c.throttled[2])
	case c.states[countUnknown] > 0:
		text, color = fmt.Sprintf("?%d", c.states[countUnknown]), theme.Unknown
	case c.problems > 0:
		text, color = fmt.Sprintf("!%d", c.problems), theme.Warn
	case c.Moving() > 0:
		text, color = fmt.Sprintf("◐%d", c.Moving()), theme.Progress
	}
	a.Text(x, 0, theme.Style{FG: color, BG: bg, Attr: theme.Bold}, widget.Cut(text, w))
}

func drawGaugeOf(value func(*Host) float64) func(a widget.Area, x, w int, h *Host, bg theme.Color) {
	return func(a widget.Area, x, w int, h *Host, bg theme.Color) {
		if h.GaugedAt.IsZero() || h.Status != model.Up {
			a.Text(x, 0, theme.Style{FG: theme.Faint, BG: bg}, "—")
			return
		}
		drawShare(a, x, 0, w-5, value(h), bg)
	}
}

func (p *hosts) crumbs() []string     { return []string{"Hosts"} }
func (p *hosts) commands() []*command { return p.keys }

func (p *hosts) refresh(a *app) {
	versions := map[string]int{}
	for _, h := range a.snap.Hosts {
		versions[agentVersion(h)]++
	}
	p.version = ""
	for _, v := range sortedKeys(versions) {
		if versions[v] > versions[p.version] {
			p.version = v
		}
	}
	p.set(a.snap.Hosts)
	if p.side != nil {
		p.side.refresh(a)
	}
}

func (p *hosts) escape(*app) bool { return p.list.escape() }

func (p *hosts) draw(a *app, area widget.Area) {
	if area.W < splitWidth {
		p.list.draw(a, area)
		return
	}
	left, right := area.SplitX(area.W * 59 / 100)
	p.list.draw(a, left)
	h, ok := p.current()
	if !ok {
		return
	}
	if p.side == nil || p.side.name != h.Name {
		p.side = newHostDetail(h.Name)
		p.side.refresh(a)
	}
	p.side.drawSide(a, right)
}

// readAfter is how long a row stays selected until its history is read for the detail beside the list.
const readAfter = 120 * time.Millisecond

// selectedNow reads the history of the selected host, where it is shown, once the selection has come to rest.
func (p *hosts) selectedNow(a *app) tea.Cmd {
	h, ok := p.current()
	if !ok || a.width < splitWidth || p.side != nil && p.side.name == h.Name && p.side.past.read {
		return nil
	}
	return a.after(readAfter, answer{p, h.Name})
}

func (p *hosts) receive(a *app, msg tea.Msg) tea.Cmd {
	if h, ok := p.current(); !ok || h.Name != msg.(string) {
		return nil
	}
	if p.side == nil || p.side.name != msg.(string) {
		p.side = newHostDetail(msg.(string))
		p.side.refresh(a)
	}
	return p.side.open(a)
}

func (p *hosts) status(a *app) (left, right []widget.Span) { return p.list.status(a) }

func (p *hosts) commandLine(a *app) string {
	line := a.program() + " hosts"
	if p.filter.text != "" {
		line += " # filter " + p.filter.text
	}
	return line
}

func (p *hosts) openHost(a *app) tea.Cmd {
	h, ok := p.current()
	if !ok {
		return nil
	}
	d := newHostDetail(h.Name)
	for _, i := range p.order {
		d.neighbours = append(d.neighbours, p.rows[i].Name)
	}
	return a.goTo(d)
}

func (p *hosts) inspect(a *app) tea.Cmd {
	if h, ok := p.current(); ok {
		return a.goTo(newInspect([]string{"Hosts", h.Name, "JSON"}, a.program()+" hosts "+h.Name+" --json", func(a *app) any { return hostDocument(a.snap.Host(h.Name)) }))
	}
	return nil
}

func (p *hosts) ssh(a *app) tea.Cmd {
	if h, ok := p.current(); ok {
		return a.chooseSSH(h.Name)
	}
	return nil
}

// logs asks which job's output of the marked hosts is wanted.
func (p *hosts) logs(a *app) tea.Cmd {
	rows := p.picked()
	return a.chooseJob("Logs of which job?", jobsOn(rows), func(a *app, id model.JobID) tea.Cmd {
		var names []string
		for _, h := range rows {
			if h.Task(id) != nil {
				names = append(names, h.Name)
			}
		}
		return a.showLogs(id, names)
	})
}

// jobsOn are the jobs that are on any of the hosts, those with trouble first.
func jobsOn(rows []*Host) []model.JobID {
	var ids []model.JobID
	worst := map[model.JobID]int{}
	for _, h := range rows {
		for _, t := range h.Tasks {
			if _, ok := worst[t.Job]; !ok {
				ids = append(ids, t.Job)
			}
			if worst[t.Job] |= 0; t.Problem() {
				worst[t.Job] = 1
			}
		}
	}
	slices.SortFunc(ids, func(a, b model.JobID) int { return cmp.Or(worst[b]-worst[a], a.Compare(b)) })
	return ids
}

// onTasks asks which job of the marked hosts is meant.
func (p *hosts) onTasks(verb Verb) func(a *app) tea.Cmd {
	return func(a *app) tea.Cmd {
		rows := p.picked()
		return a.chooseJob(taskVerbs[verb].button+" which job?", jobsOn(rows), func(a *app, id model.JobID) tea.Cmd {
			return a.confirmTasks(verb, onHosts(id, hostNames(rows, id)))
		})
	}
}

// chooseDeploy asks which job is to be deployed to hosts.
func (a *app) chooseDeploy(names []string) tea.Cmd {
	if len(names) == 0 {
		return nil
	}
	var ids []model.JobID
	for _, j := range a.snap.Jobs {
		ids = append(ids, j.Spec.ID)
	}
	return a.chooseJob("Deploy which job?", ids, func(a *app, id model.JobID) tea.Cmd { return a.confirmTasks(VerbDeploy, onHosts(id, names)) })
}

// hostNames are the names of the hosts that have a job, of all when there is none.
func hostNames(rows []*Host, id model.JobID) []string {
	var names []string
	for _, h := range rows {
		if id.IsZero() || h.Task(id) != nil {
			names = append(names, h.Name)
		}
	}
	return names
}

// drain drains the marked hosts that are not drained yet; if all are, it ends that.
func (p *hosts) drain(a *app) tea.Cmd {
	var names []string
	for _, h := range p.picked() {
		if h.Drain == nil {
			names = append(names, h.Name)
		}
	}
	if len(names) > 0 {
		return a.confirmHosts(VerbDrain, names)
	}
	return a.confirmHosts(VerbUndrain, hostNames(p.picked(), model.JobID{}))
}

func (p *hosts) deregister(a *app) tea.Cmd {
	return a.confirmHosts(VerbDeregister, hostNames(p.picked(), model.JobID{}))
}

// chooseJob asks for one of several jobs.
func (a *app) chooseJob(title string, ids []model.JobID, do func(a *app, id model.JobID) tea.Cmd) tea.Cmd {
	if len(ids) == 0 {
		a.say("there is no job to choose")
		return nil
	}
	var options []option
	for _, id := range ids {
		note := ""
		if j := a.snap.Job(id); j != nil {
			note = fmt.Sprintf("%d/%d running", j.Counts.states[countRunning], j.Counts.Total())
		}
		options = append(options, option{title: id.Short(), note: note, do: func(a *app) tea.Cmd { return do(a, id) }})
	}
	return a.open(&chooser{title: title, options: options})
}
