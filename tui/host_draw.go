package tui

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/heliosctl/heliosctl/model"
	"github.com/heliosctl/heliosctl/tui/theme"
	"github.com/heliosctl/heliosctl/tui/widget"
)

func (d *hostDetail) draw(a *app, area widget.Area) {
	if d.host == nil {
		area.Cut(2, 1, area.W-4, muted, "there is no host "+d.name+" any more; esc goes back")
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
	resources, rest := rest.SplitY(8)
	d.drawResources(a, resources)
	lanes := min(len(d.tasks.rows)+3, rest.H/2)
	tasks, timeline := rest.SplitY(min(len(d.tasks.rows)+3, rest.H-lanes))
	d.drawTasks(a, tasks)
	timeline, _ = timeline.SplitY(lanes)
	d.drawTimeline(a, timeline)
}

func (d *hostDetail) drawLower(a *app, area widget.Area) {
	lanes := 0
	if area.H > 14 {
		lanes = min(len(d.tasks.rows)+3, area.H/3)
	}
	tasks, timeline := area.SplitY(area.H - lanes)
	if d.view == 1 {
		d.drawEnvironment(tasks)
	} else {
		d.drawTasks(a, tasks)
	}
	if lanes > 3 {
		d.drawTimeline(a, timeline)
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
	for _, g := range a.snap.Groups {
		if slices.Contains(g.Hosts, h.Name) && g.Rollout != nil && g.Rollout.Active() {
			for _, rh := range g.Rollout.Hosts {
				if rh.Host == h.Name {
					facts = append(facts, [2]string{"rollout", g.Spec.Name + ": " + phaseWords[rh.Phase]})
				}
			}
		}
	}
	return append(facts, [2]string{"ssh", "ssh " + h.Name + "   (x copies it)"})
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
		part.Text(0, 0, muted, chart.name)
		part.Text(0, min(1, part.H-1), strong, chart.value)
		part.Right(in.W, 0, faint, chart.limit)
		graph := part.Sub(7, 0, max(0, in.W-16), max(1, each-btoi(each > 2)))
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
	in := widget.Panel{Title: fmt.Sprintf("Tasks (%d)", len(d.tasks.rows)), Note: "sort: " + cmp.Or(d.tasks.sortBy, "problems first")}.Draw(area)
	d.tasks.draw(a, in)
}

func (d *hostDetail) drawEnvironment(area widget.Area) {
	in := widget.Panel{Title: "Environment", Note: "tab tasks"}.Draw(area)
	for y, name := range slices.Sorted(maps.Keys(d.host.Environment)) {
		x := in.Text(0, y, muted, widget.Cut(name, in.W/3))
		in.Cut(max(x+2, in.W/4), y, in.W, plain, d.host.Environment[name])
	}
}

func (d *hostDetail) drawTimeline(a *app, area widget.Area) {
	span := windows[d.window]
	to := a.now()
	from := to.Add(-span)
	in := widget.Panel{Title: fmt.Sprintf("Host timeline  %s – %s", a.minuteText(from), a.minuteText(to)), Note: "+/- zoom"}.Draw(area)
	label := 24
	w := in.W - label - 1
	drawAxis(a, in.Row(0), label, w, from, to, -1)
	if d.past.err != nil {
		in.Cut(0, 1, in.W, theme.Fg(theme.Warn), "its history cannot be read: "+d.past.err.Error())
		return
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
