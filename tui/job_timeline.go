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

var laneOrders = []string{"by last change", "by host", "by state"}

// timelineKeys are the keys of the timeline; where the list of hosts is shown, those of a list come first.
func (d *jobDetail) timelineKeys() []*command {
	do := func(f func(a *app)) func(*app) tea.Cmd { return func(a *app) tea.Cmd { f(a); return nil } }
	return []*command{
		bind("timeline.left", "left", "cursor", do(func(a *app) { d.moveCursor(a, -1) })).pair("←→"),
		bind("timeline.right", "right", "cursor to the right", do(func(a *app) { d.moveCursor(a, 1) })).more(),
		bind("timeline.up", "up k", "lane", do(func(*app) { d.moveLane(-1) })).pair("↑↓"),
		bind("timeline.down", "down j", "next lane", do(func(*app) { d.moveLane(1) })).more(),
		bind("timeline.pageup", "pgup ctrl+u", "lanes up", do(func(*app) { d.moveLane(-max(1, d.seen-1)) })).more(),
		bind("timeline.pagedown", "pgdown ctrl+d", "lanes down", do(func(*app) { d.moveLane(max(1, d.seen-1)) })).more(),
		bind("timeline.first", "g home", "first lane", do(func(*app) { d.moveLane(-len(d.lanes)) })).more(),
		bind("timeline.last", "G end", "last lane", do(func(*app) { d.moveLane(len(d.lanes)) })).more(),
		bind("timeline.previous", "[", "event", do(func(a *app) { d.stepEvent(a, -1) })).pair("[ ]"),
		bind("timeline.next", "]", "next event", do(func(a *app) { d.stepEvent(a, 1) })).more(),
		bind("timeline.in", "+ =", "zoom", do(func(*app) { d.window = max(0, d.window-1) })).pair("+/-"),
		bind("timeline.out", "- _", "zoom out", do(func(*app) { d.window = min(len(windows)-1, d.window+1) })).more(),
		bind("timeline.follow", "f", "follow now", do(func(*app) { d.end, d.at = time.Time{}, time.Time{} })),
		bind("timeline.order", "o", "order", do(func(a *app) { d.order = (d.order + 1) % len(laneOrders); d.arrange(a) })),
		bind("timeline.problems", "!", "problems only", do(func(a *app) { d.problems = !d.problems; d.arrange(a) })).more(),
		bind("timeline.mark", "space", "mark", do(func(*app) {
			host := d.selectedHost()
			if d.tasks.marks[host] {
				delete(d.tasks.marks, host)
			} else if host != "" {
				d.tasks.marks[host] = true
			}
			d.moveLane(1)
		})).more(),
		bind("timeline.markall", "V", "mark all or none", do(func(*app) { d.tasks.markAll() })).more(),
	}
}

// arrange makes the lanes: of the hosts that have the job, and of those that had it within the window.
func (d *jobDetail) arrange(a *app) {
	byHost := d.byHost.take(&d.past, d.id)
	d.lanes = d.lanes[:0]
	if d.job != nil {
		for _, t := range d.job.Tasks {
			if !d.problems || t.Problem() || changedSince(byHost[t.Host], a.now().Add(-windows[d.window])) {
				d.lanes = append(d.lanes, lane{name: t.Host, task: t, own: d.id, transitions: byHost[t.Host]})
			}
		}
	}
	coming := d.coming(a)
	for host := range byHost {
		if d.job != nil {
			if _, has := findByHost(d.job.Tasks, host); has {
				continue
			}
		}
		own := slices.ContainsFunc(byHost[host], func(t Transition) bool { return t.Job == d.id })
		if coming[host] || own && changedSince(byHost[host], a.now().Add(-windows[d.window])) {
			d.lanes = append(d.lanes, lane{name: host, own: d.id, task: d.taskBefore(a, host), transitions: byHost[host]})
		}
	}
	d.longest = 0
	for i := range d.lanes {
		if len(d.lanes[i].name) > d.longest {
			d.longest = max(d.longest, widget.Width(d.lanes[i].name))
		}
	}
	d.sortLanes()
	d.cursor = min(d.cursor, max(0, len(d.lanes)-1))
	for i := range d.lanes {
		if d.lanes[i].name == d.selected {
			d.cursor = i
		}
	}
	if d.cursor < len(d.lanes) {
		d.selected, d.events = d.lanes[d.cursor].name, d.lanes[d.cursor].transitions
	} else {
		d.events = nil
	}
}

// coming are the hosts that a rollout that goes on brings the job to.
func (d *jobDetail) coming(a *app) map[string]bool {
	hosts := map[string]bool{}
	for _, g := range activeFirst(a.snap.Groups) {
		if g.Rollout.To != d.id {
			continue
		}
		for i := range g.Rollout.Hosts {
			hosts[g.Rollout.Hosts[i].Host] = true
		}
	}
	return hosts
}

func (d *jobDetail) taskBefore(a *app, host string) *Task {
	if h := a.snap.Host(host); h != nil && !d.before.IsZero() {
		return h.Task(d.before)
	}
	return nil
}

// jobBefore is the job that this one took the place of: by a rollout, else the one of the same name that was created last before it.
func (a *app) jobBefore(id model.JobID) model.JobID {
	for _, g := range a.snap.Groups {
		for _, r := range append([]*Rollout{g.Rollout}, g.Past...) {
			if r != nil && r.To == id && r.From != id && !r.From.IsZero() {
				return r.From
			}
		}
	}
	var before *Job
	j := a.snap.Job(id)
	for _, other := range a.snap.Jobs {
		if j != nil && other.Spec.ID.Name == id.Name && createdAt(other) < createdAt(j) && (before == nil || createdAt(before) < createdAt(other)) {
			before = other
		}
	}
	if before == nil {
		return model.JobID{}
	}
	return before.Spec.ID
}

func changedSince(transitions []Transition, since time.Time) bool {
	n := len(transitions)
	return n > 0 && transitions[n-1].At.After(since)
}

// sortLanes orders the lanes. What they are ordered by is worked out once for each: lanes are large and their last changes far away.
func (d *jobDetail) sortLanes() {
	type placed struct {
		key int64 // higher first
		i   int32
	}
	order := make([]placed, len(d.lanes))
	for i := range d.lanes {
		order[i] = placed{d.laneKey(&d.lanes[i]), int32(i)}
	}
	slices.SortFunc(order, func(x, y placed) int {
		return cmp.Or(cmp.Compare(y.key, x.key), strings.Compare(d.lanes[x.i].name, d.lanes[y.i].name))
	})
	sorted := make([]lane, len(d.lanes))
	for i, at := range order {
		sorted[i] = d.lanes[at.i]
	}
	d.lanes = sorted
}

// laneKey is what a lane comes before others by, beside its name.
func (d *jobDetail) laneKey(l *lane) int64 {
	switch n := len(l.transitions); {
	case d.order == 0 && n > 0:
		return l.transitions[n-1].At.UnixNano()
	case d.order == 2 && l.task != nil:
		return int64(taskRank(l.task))
	}
	return 0
}

func (d *jobDetail) moveLane(n int) {
	d.cursor = min(max(d.cursor+n, 0), max(0, len(d.lanes)-1))
	if d.cursor < len(d.lanes) {
		d.selected, d.events = d.lanes[d.cursor].name, d.lanes[d.cursor].transitions
	}
}

func (d *jobDetail) span(a *app) (from, to time.Time) {
	if to = d.end; to.IsZero() {
		to = a.now()
	}
	return to.Add(-windows[d.window]), to
}

// moveCursor moves the cross-hair by columns, and the window with it at its edges.
func (d *jobDetail) moveCursor(a *app, n int) {
	from, to := d.span(a)
	step := to.Sub(from) / time.Duration(max(1, d.cells))
	if d.at.IsZero() {
		d.at, d.end = to.Add(-step), to
	}
	d.lookAt(a, d.at.Add(step*time.Duration(n)))
}

func (d *jobDetail) lookAt(a *app, at time.Time) {
	if at.After(a.now()) {
		at = a.now()
	}
	d.at = at
	if from, to := d.span(a); d.end.IsZero() || at.Before(from) || at.After(to) {
		d.end = at.Add(windows[d.window] / 2)
		if d.end.After(a.now()) {
			d.end = a.now()
		}
	}
}

// stepEvent moves the cross-hair to the event of the lane before or after it.
func (d *jobDetail) stepEvent(a *app, n int) {
	at := d.at
	if at.IsZero() {
		at = a.now()
	}
	i := d.eventAt(at)
	if n < 0 && i >= 0 && !d.events[i].At.Before(at) {
		i--
	}
	if n > 0 {
		i++
	}
	if i < 0 || i >= len(d.events) {
		a.say("there is no further event in this lane")
		return
	}
	d.lookAt(a, d.events[i].At)
}

// eventAt is the index of the last event at or before a moment, -1 when there is none.
func (d *jobDetail) eventAt(at time.Time) int {
	i, _ := slices.BinarySearchFunc(d.events, at, func(t Transition, at time.Time) int {
		if t.At.After(at) {
			return 1
		}
		return -1
	})
	return i - 1
}

func (d *jobDetail) drawLanes(a *app, area widget.Area) {
	from, to := d.span(a)
	title := fmt.Sprintf("Per-host history  %s – %s", a.minuteText(from), a.minuteText(to))
	if d.end.IsZero() {
		title += " (now)"
	}
	note := ""
	if !d.at.IsZero() {
		note = "sel " + d.selected + " @ " + d.at.In(a.Zone).Format("15:04:05")
	}
	in := widget.Panel{Title: title, Note: note}.Draw(area)
	label := min(max(d.longest+5, 12), max(22, in.W/4))
	d.cells = max(1, in.W-label-1)
	cursor := -1
	if !d.at.IsZero() {
		cursor = min(d.cells-1, int(d.at.Sub(from)*time.Duration(d.cells)/to.Sub(from)))
	}
	drawAxis(a, in.Row(0), label, d.cells, from, to, cursor, d.at)
	body := in.Sub(0, 1, in.W, in.H-1)
	d.seen = max(1, body.H)
	d.offset = max(0, min(min(max(d.offset, d.cursor-d.seen+1), d.cursor), len(d.lanes)-d.seen))
	switch {
	case d.past.err != nil:
		body.Cut(0, 0, body.W, theme.Fg(theme.Warn), "the history cannot be read: "+d.past.err.Error())
	case !d.past.read && !a.alone:
		body.Cut(0, 0, body.W, muted, "reading the history")
	case len(d.lanes) == 0:
		body.Cut(0, 0, body.W, muted, a.andHint("it is on no host", "job.deploy", "deploys it"))
	}
	for y := 0; y < body.H && d.offset+y < len(d.lanes); y++ {
		d.drawLaneRow(area.Sub(1, 2+y, area.W-2, 1), &d.lanes[d.offset+y], label, from, to, a.now(), cursor, d.offset+y == d.cursor)
	}
	if rest := len(d.lanes) - d.offset - body.H; rest > 0 {
		area.Text(3, area.H-1, faint, fmt.Sprintf(" ▼ %d more lanes ", rest))
	}
	widget.Scrollbar(area.Sub(0, 2, area.W, body.H), d.offset, body.H, len(d.lanes))
}

func (d *jobDetail) drawLaneRow(line widget.Area, l *lane, label int, from, to, now time.Time, cursor int, selected bool) {
	bg := theme.Base
	if selected {
		bg = theme.Select
		line.Fill(bg)
		line.Text(0, 0, theme.Style{FG: theme.Focus, BG: bg, Attr: theme.Bold}, "▌")
	}
	state := &looks[countStopped]
	if l.task != nil {
		state = look(l.task.State)
	}
	line.Text(1, 0, theme.Style{FG: state.color, BG: bg}, string(state.glyph))
	mark := " "
	if d.tasks.marks[l.name] {
		mark = "✓"
	}
	line.Text(2, 0, theme.Style{FG: theme.Focus, BG: bg}, mark)
	line.Cut(3, 0, label-3, theme.Style{FG: theme.Text, BG: bg}, l.name)
	drawLane(line, label+1, l.cells(from, to, d.cells, now), bg, cursor)
}

// drawAround lists the events of the selected lane around the cross-hair.
func (d *jobDetail) drawAround(a *app, area widget.Area) {
	at := d.at
	if at.IsZero() {
		at = a.now()
	}
	i := d.eventAt(at)
	note := a.hint("timeline.previous", "step")
	if len(d.events) > 0 {
		kept := ""
		if area.W >= 100 {
			kept = " · kept since " + dayText(a, d.events[0].At) + d.events[0].At.In(a.Zone).Format("15:04:05")
		}
		note = fmt.Sprintf("%d of %d%s · %s", i+1, len(d.events), kept, note)
	}
	in := widget.Panel{Title: cmp.Or(d.selected, "no lane") + ": events around the cursor", Note: note}.Draw(area)
	first := max(0, min(i-in.H/2, len(d.events)-in.H))
	for y := 0; y < in.H && first+y < len(d.events); y++ {
		t := d.events[first+y]
		line, bg := in.Row(y), theme.Base
		if first+y == i {
			bg = theme.Select
			widget.SelectRow(area.Sub(1, 1+y, area.W-2, 1))
		}
		x := line.Text(0, 0, muted.On(bg), dayText(a, t.At)+a.timeText(t.At)) + 2
		if first+y > 0 {
			drawState(line, x, d.events[first+y-1].State, bg, false)
			line.Text(x+7, 0, faint.On(bg), "→")
		}
		drawState(line, x+9, t.State, bg, true)
		detail := t.Detail
		if t.Job != d.id {
			detail = versionText(t.Job) + "  " + detail
		}
		if first+y+1 < len(d.events) {
			lasted := d.events[first+y+1].At.Sub(t.At)
			detail += "   for " + Age(lasted)
			if t.Job == d.id && d.pace.slow(t.State, lasted) {
				detail += "   ▲ slowest 5% of its hosts"
			}
		}
		line.Cut(x+17, 0, line.W-x-17, plain.On(bg), detail)
	}
}

// dayText is the date of a moment that is not of today.
func dayText(a *app, t time.Time) string {
	if t.In(a.Zone).YearDay() == a.now().In(a.Zone).YearDay() {
		return ""
	}
	return t.In(a.Zone).Format("Jan 02 ")
}
