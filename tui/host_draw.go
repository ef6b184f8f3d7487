package tui

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/heliosctl/heliosctl/model"
	"github.com/heliosctl/heliosctl/tui/theme"
	"github.com/heliosctl/heliosctl/tui/widget"
)

func (d *hostDetail) draw(a *app, area widget.Area) {
	if d.host == nil {
		area.Cut(2, 1, area.W-4, muted, a.andHint("there is no host "+d.name+" any more", "back", "goes back"))
		return
	}
	if area.W < 100 {
		top, rest := area.SplitY(min(6, area.H/3))
		d.drawFacts(a, top)
		d.drawLower(a, rest)
		return
	}
	top, rest := area.SplitY(min(10, area.H/3))
	left, right := top.SplitX(area.W / 2)
	d.drawFacts(a, left)
	d.drawResources(a, right)
	d.drawLower(a, rest)
}

// drawSide draws the host beside a list.
func (d *hostDetail) drawSide(a *app, area widget.Area) {
	if d.host == nil {
		return
	}
	facts, rest := area.SplitY(10)
	d.drawFacts(a, facts)
	if rest.H-8 > len(d.tasks.rows)+3 {
		resources, below := rest.SplitY(8)
		d.drawResources(a, resources)
		rest = below
	}
	d.drawLower(a, rest)
}

// The least rows of a panel of lanes: frame, times and two of them; and of one of events.
const (
	leastLanes  = 5
	leastEvents = 4
)

// drawLower draws the tasks, a lane for each of them, and below both what happened last, as there is room.
func (d *hostDetail) drawLower(a *app, area widget.Area) {
	each := max(len(d.tasks.rows)+3, leastLanes)
	lanes := min(each, max(area.H-each, area.H/3))
	if lanes < leastLanes {
		lanes = 0
	}
	past := area.H - each - lanes
	if past < leastEvents || lanes < each {
		past = 0
	}
	tasks, rest := area.SplitY(area.H - lanes - past)
	if d.view == 1 {
		d.drawEnvironment(a, tasks)
	} else {
		d.drawTasks(a, tasks)
	}
	timeline, events := rest.SplitY(lanes)
	if lanes > 0 {
		d.drawTimeline(a, timeline)
	}
	if past > 0 {
		d.drawPast(a, events)
	}
}

// drawPast lists what happened on the host, the latest last.
func (d *hostDetail) drawPast(a *app, area widget.Area) {
	in := widget.Panel{Title: "History", Note: "newest last"}.Draw(area)
	past := d.past.transitions
	switch {
	case d.past.err != nil:
		in.Cut(0, 0, in.W, theme.Fg(theme.Warn), "its history cannot be read: "+d.past.err.Error())
		return
	case len(past) == 0 && d.past.read:
		in.Cut(0, 0, in.W, muted, "nothing is kept of what happened here")
		return
	case len(past) == 0:
		in.Cut(0, 0, in.W, muted, "reading the history")
		return
	}
	job := 0
	past = past[max(0, len(past)-in.H):]
	for i := range past {
		job = max(job, widget.Width(versionText(past[i].Job)))
	}
	job = min(job, in.W/3)
	for y := range past {
		t := &past[y]
		x := in.Text(0, y, muted, dayText(a, t.At)+a.timeText(t.At)) + 2
		in.Cut(x, y, job, focus, versionText(t.Job))
		x += job + 2
		drawState(in.Row(y), x, t.State, theme.Base, true)
		in.Cut(x+8, y, in.W-x-8, muted, t.Detail)
	}
}

func (d *hostDetail) drawFacts(a *app, area widget.Area) {
	h := d.host
	note := "▲ UP"
	if h.Status != model.Up {
		note = "▼ DOWN"
	}
	if !h.Since.IsZero() {
		note += " " + Age(a.now().Sub(h.Since))
	}
	panel := widget.Panel{Title: h.Name, Note: note, Color: theme.Focus}
	if h.Status != model.Up {
		panel.Border, panel.Color = theme.Fail, theme.Fail
	}
	in := panel.Draw(area)
	for y, fact := range d.facts(a) {
		in.Text(0, y, muted, fact[0])
		in.Cut(9, y, in.W-9, plain, fact[1])
	}
}

func (d *hostDetail) facts(a *app) [][2]string {
	h := d.host
	facts := [][2]string{{"labels", strings.ReplaceAll(h.labelText, ",", "  ")}, {"tasks", d.goals()}}
	if h.Drain != nil {
		facts = append(facts, [2]string{"drained", Age(a.now().Sub(h.Drain.Since.Time())) + " ago by " + cmp.Or(h.Drain.User, "somebody")})
	}
	if i := h.Info; i != nil {
		facts = append(facts, [2]string{"os", fmt.Sprintf("%s %s · %s · %d cpu · %s", i.OSName, i.OSVersion, i.Architecture, i.CPUs, byteText(i.MemoryTotalBytes))})
		engine := cmp.Or(i.Runtime, "docker")
		if i.DockerVersion != nil {
			engine += " " + i.DockerVersion.Version
		}
		facts = append(facts, [2]string{"engine", engine + " · " + i.DockerHost})
	}
	if h.Agent != nil {
		text := h.Agent.Version
		if up := h.Agent.StartTime; up != 0 && h.Status == model.Up {
			text += " · up " + Age(a.now().Sub(up.Time()))
		}
		if !h.GaugedAt.IsZero() {
			text += " · heard " + Age(a.now().Sub(h.GaugedAt)) + " ago"
		}
		facts = append(facts, [2]string{"agent", text})
	}
	if text := d.groupText(a); text != "" {
		facts = append(facts, [2]string{"groups", text})
	}
	if text := d.pastText(a); text != "" {
		facts = append(facts, [2]string{"history", text})
	}
	ssh := "ssh " + h.Name
	if hint := cmp.Or(a.hint("host.ssh", "copies it"), a.hint("hosts.ssh", "copies it")); hint != "" {
		ssh += "   (" + hint + ")"
	}
	return append(facts, [2]string{"ssh", ssh})
}

// groupText names the groups that select the host, with what one that rolls out does there.
func (d *hostDetail) groupText(a *app) string {
	var rolling, others []string
	for _, name := range d.groups {
		text := ""
		if g := a.snap.Group(name); g != nil && g.Rollout != nil && g.Rollout.Active() {
			for i := range g.Rollout.Hosts {
				if rh := &g.Rollout.Hosts[i]; rh.Host == d.name {
					text = " (" + phaseWords[rh.Phase] + ")"
				}
			}
		}
		if text != "" {
			rolling = append(rolling, name+text)
		} else {
			others = append(others, name)
		}
	}
	return strings.Join(append(rolling, others...), ", ")
}

// pastText says how much has happened within the window of the timeline.
func (d *hostDetail) pastText(a *app) string {
	if !d.past.read || d.past.err != nil {
		return ""
	}
	changes, failures := 0, 0
	since := a.now().Add(-windows[d.window])
	for i := len(d.past.transitions) - 1; i >= 0 && d.past.transitions[i].At.After(since); i-- {
		changes++
		failures += btoi(d.past.transitions[i].State == model.StateFailed)
	}
	text := fmt.Sprintf("%s in %s", counted(changes, "change"), Age(windows[d.window]))
	if failures > 0 {
		text += " · " + counted(failures, "failure")
	}
	restarts := 0
	for _, t := range d.tasks.rows {
		restarts += t.Restarts
	}
	if restarts > 0 {
		text += " · " + counted(restarts, "restart")
	}
	return text
}

// goals says how many tasks should do what and how many do.
func (d *hostDetail) goals() string {
	goals := map[model.Goal]int{}
	for _, t := range d.host.Tasks {
		goals[t.Goal]++
	}
	parts := []string{fmt.Sprintf("%d START", goals[model.GoalStart])}
	for i, n := range d.host.Counts.states {
		if n > 0 {
			parts = append(parts, fmt.Sprintf("%d %s", n, looks[i].code))
		}
	}
	if n := goals[model.GoalStop]; n > 0 {
		parts = append(parts, fmt.Sprintf("%d to stop", n))
	}
	if n := goals[model.GoalUndeploy]; n > 0 {
		parts = append(parts, fmt.Sprintf("%d to undeploy", n))
	}
	return strings.Join(parts, " · ")
}

func byteText(n int64) string {
	switch {
	case n >= 1<<30:
		return fmt.Sprintf("%.0f GiB", float64(n)/(1<<30))
	case n >= 1<<20:
		return fmt.Sprintf("%.0f MiB", float64(n)/(1<<20))
	}
	return fmt.Sprintf("%d B", n)
}

func (d *hostDetail) drawResources(_ *app, area widget.Area) {
	h := d.host
	in := widget.Panel{Title: "Resources, last 10 min"}.Draw(area)
	if h.GaugedAt.IsZero() {
		in.Text(0, 0, muted, "its agent has not told them yet")
		return
	}
	load, memory := make([]float64, 0, len(h.Trend)), make([]float64, 0, len(h.Trend))
	for _, g := range h.Trend {
		// Two columns of dots for each reading, so that a panel is filled by ten minutes.
		load, memory = append(load, float64(g.Load), float64(g.Load)), append(memory, float64(g.Memory), float64(g.Memory))
	}
	each := max(1, in.H/2)
	for i, chart := range []struct {
		name   string
		value  string
		limit  string
		color  theme.Color
		values []float64
	}{
		{"load", fmt.Sprintf("%.0f%%", 100*h.LoadShare()), fmt.Sprintf("%.1f", h.Load), theme.Focus, load},
		{"mem", fmt.Sprintf("%.0f%%", 100*h.MemoryShare()), byteText(h.memoryUsed()), theme.OK, memory},
	} {
		part := in.Sub(0, i*each, in.W, each)
		x := part.Text(0, 0, muted, chart.name) + 1
		left := 7
		if part.H > 1 {
			part.Text(0, 1, strong, chart.value)
		} else {
			part.Text(x, 0, strong, chart.value)
			left = 10
		}
		part.Right(in.W, 0, faint, chart.limit)
		graph := part.Sub(left, 0, max(0, in.W-left-9), max(1, each-btoi(each > 2)))
		widget.Braille(graph, func(int) theme.Style { return theme.Fg(chart.color) }, chart.values, 1)
	}
}

func btoi(b bool) int {
	if b {
		return 1
	}
	return 0
}

func (h *Host) memoryUsed() int64 {
	if h.Info == nil {
		return 0
	}
	return h.Info.MemoryTotalBytes - h.MemoryFree
}

func (d *hostDetail) drawTasks(a *app, area widget.Area) {
	in := widget.Panel{Title: fmt.Sprintf("Tasks (%d)", len(d.tasks.rows)), Note: a.hint("host.view", "environment")}.Draw(area)
	d.tasks.draw(a, in)
}

func (d *hostDetail) drawEnvironment(a *app, area widget.Area) {
	in := widget.Panel{Title: "Environment", Note: a.hint("host.view", "tasks")}.Draw(area)
	if len(d.host.Environment) == 0 {
		in.Cut(0, 0, in.W, muted, "its agent was started without --env; what is given there is told to every container")
		return
	}
	for y, name := range slices.Sorted(maps.Keys(d.host.Environment)) {
		x := in.Text(0, y, muted, widget.Cut(name, in.W/3))
		in.Cut(max(x+2, in.W/4), y, in.W, plain, d.host.Environment[name])
	}
}

func (d *hostDetail) drawTimeline(a *app, area widget.Area) {
	span := windows[d.window]
	to := a.now()
	from := to.Add(-span)
	zoom := a.hint("host.zoomout", "zoom")
	if zoom != "" {
		zoom = a.keyOf("host.zoomin") + "/" + zoom
	}
	in := widget.Panel{Title: fmt.Sprintf("Host timeline  %s – %s", a.minuteText(from), a.minuteText(to)), Note: zoom}.Draw(area)
	label := d.laneLabel(in.W)
	w := in.W - label - 1
	drawAxis(a, in.Row(0), label, w, from, to, -1, time.Time{})
	if d.past.err != nil {
		in.Cut(0, 1, in.W, theme.Fg(theme.Warn), "its history cannot be read: "+d.past.err.Error())
		return
	}
	if rest := len(d.tasks.order) - in.H + 1; rest > 0 {
		area.Text(3, area.H-1, faint, fmt.Sprintf(" ▼ %d more lanes ", rest))
	}
	byJob := lanesBy(d.past.transitions, func(t Transition) string { return t.Job.String() })
	for y, i := range d.tasks.order {
		if 1+y >= in.H {
			return
		}
		t := d.tasks.rows[i]
		l := lane{name: t.Job.Short(), task: t, transitions: byJob[t.Job.String()]}
		line := in.Row(1 + y)
		line.Text(0, 0, theme.Fg(look(t.State).color), string(look(t.State).glyph))
		line.Cut(2, 0, label-3, plain, l.name)
		drawLane(line, label, l.cells(from, to, w, to), theme.Base, -1)
	}
}

// laneLabel is how wide the names of the lanes are: as the longest of them, in half of the room at most.
func (d *hostDetail) laneLabel(w int) int {
	label := 0
	for _, t := range d.tasks.rows {
		label = max(label, 2+widget.Width(t.Job.Short()))
	}
	return min(label+1, max(24, w/4))
}
