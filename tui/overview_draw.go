package tui

import (
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/heliosctl/heliosctl/tui/theme"
	"github.com/heliosctl/heliosctl/tui/widget"
)

func (o *overview) drawFleet(a *app, area widget.Area) {
	s := a.snap
	in := widget.Panel{
		Title: "Fleet", Note: fmt.Sprintf("%d hosts · %d jobs", len(s.Hosts), len(s.Jobs)), Color: theme.Focus,
	}.Draw(area)
	c := &s.Tasks
	o.drawTotals(in, 0, "hosts", fmt.Sprintf(" %d/%d %s", s.Up, len(s.Hosts), share(s.Up, len(s.Hosts))), widget.Part{N: s.Up, Rune: '▇', Color: theme.OK},
		widget.Part{N: s.Down, Rune: '▼', Color: theme.Fail})
	running := c.states[countRunning]
	stopped := c.states[countStopped] + c.states[countExited]
	o.drawTotals(in, 1, "tasks", fmt.Sprintf(" %d/%d %s", running, c.total, share(running, c.total)), widget.Part{N: running, Rune: '▇', Color: theme.OK},
		widget.Part{N: c.Moving(), Rune: '▅', Color: theme.Progress}, widget.Part{N: stopped, Rune: '▁', Color: theme.Stopped},
		widget.Part{N: c.states[countUnknown], Rune: '?', Color: theme.Unknown}, widget.Part{N: c.states[countFailed], Rune: '✗', Color: theme.Fail})
	y := drawStateCounts(in, 2, c)
	drawThrottled(in.Row(y), c)
	in.Text(0, y+1, muted, fmt.Sprintf("load p50 %2.0f%% p95 %2.0f%%   mem p50 %2.0f%% p95 %2.0f%%", 100*o.load[0], 100*o.load[1], 100*o.memory[0], 100*o.memory[1]))
	x := in.Text(0, y+2, muted, "events/30s ") + 1
	values := make([]float64, 0, in.W)
	for _, b := range s.bucketsUntil(a.now(), in.W-x) {
		values = append(values, float64(b.Total))
	}
	widget.Spark(in, x, y+2, in.W-x, focus, values, false)
}

// drawTotals draws a bar with what it says at its right.
func (o *overview) drawTotals(in widget.Area, y int, name, total string, parts ...widget.Part) {
	x := in.Text(0, y, muted, name) + 2
	end := in.Right(in.W, y, plain, total)
	widget.Bar(in, x, y, end-x, theme.Base, parts...)
}

func share(n, of int) string {
	if of == 0 {
		return ""
	}
	return fmt.Sprintf("%.1f%%", 100*float64(n)/float64(of))
}

// drawThrottled draws how many tasks are held back, and why.
func drawThrottled(line widget.Area, c *Counts) {
	var spans []widget.Span
	for i, n := range c.throttled {
		style := theme.Fg(theme.Fail)
		if n == 0 {
			style = faint
		}
		spans = append(spans, widget.Span{Style: style, Text: fmt.Sprintf("%s %s %d", throttleGlyphs[i], []string{"flapping", "no image", "pull failed"}[i], n)})
	}
	title, gap := "throttled ", 2
	if widget.Width(title)+widget.SpansWidth(spans)+2*gap > line.W {
		title, gap = "", 1
	}
	x := line.Text(0, 0, muted, title)
	for _, s := range spans {
		x = line.Spans(x, 0, s) + gap
	}
}

// drawStateCounts draws how many tasks are in each state and returns the row below.
func drawStateCounts(in widget.Area, y int, c *Counts) int {
	digits := 4
	for i := range countSilent {
		digits = max(digits, len(strconv.Itoa(c.states[i])))
	}
	cell := 6 + digits
	rows, perRow, gap := stateGrid(in.W, cell)
	for i := range countSilent {
		x, row := (cell+gap)*(i%perRow), y+i/perRow
		look := &looks[i]
		style, number := theme.Fg(look.color), plain
		if c.states[i] == 0 {
			style, number = faint, faint
		}
		in.Text(x, row, style, string(look.glyph)+" "+look.code)
		in.Right(x+cell, row, number, strconv.Itoa(c.states[i]))
	}
	return y + rows
}

// stateGrid lays out a cell for each state: in as few rows as they fit in, and then as far apart as they do.
func stateGrid(w, cell int) (rows, perRow, gap int) {
	for gap = 3; gap >= 1; gap-- {
		per := max(1, (w+gap)/(cell+gap))
		if n := (countSilent + per - 1) / per; gap == 3 || n < rows {
			rows, perRow = n, (countSilent+n-1)/n
		}
	}
	gap = 1
	if perRow > 1 {
		gap = min(3, max(1, (w-perRow*cell)/(perRow-1)))
	}
	return rows, perRow, gap
}

func (o *overview) drawAttention(a *app, area widget.Area) {
	shown, acknowledged := o.troubles(a)
	panel := widget.Panel{Title: fmt.Sprintf("Needs attention (%d)", len(shown)), Note: a.hint("overview.open", "jump"), Border: theme.Fail}
	if len(shown) == 0 {
		panel = widget.Panel{Title: "Needs attention", Border: o.border(0), Color: theme.Text}
	}
	in := panel.Draw(area)
	o.shown[0] = len(shown)
	o.cursor[0] = min(o.cursor[0], max(0, len(shown)-1))
	if len(shown) == 0 {
		in.Cut(0, min(1, in.H-1), in.W, theme.Fg(theme.OK), "✓ nothing needs you")
	}
	rows := in.H
	if acknowledged > 0 && rows > 2 {
		rows--
		in.Cut(0, in.H-1, in.W, muted, fmt.Sprintf("%d acknowledged (%s shows them)", acknowledged, a.keyOf("overview.acknowledged")))
	}
	first := max(0, min(o.cursor[0]-rows+1, len(shown)-rows))
	subject := 0
	for _, t := range shown[first:min(first+max(rows, 0), len(shown))] {
		subject = max(subject, widget.Width(t.subject))
	}
	for y := 0; y < rows && first+y < len(shown); y++ {
		t := shown[first+y]
		line := area.Sub(1, 1+y, area.W-2, 1)
		bg := theme.Base
		if o.panel == 0 && first+y == o.cursor[0] {
			bg = theme.Select
			widget.SelectRow(line)
		}
		color := t.color
		if a.acked[t.key] {
			color = theme.Faint
		}
		style := theme.Style{FG: color, BG: bg}
		line.Text(line.Text(1, 0, style, t.glyph+" "), 0, style.Bold(), t.word)
		end := line.Right(line.W-1, 0, muted.On(bg), wholeAge(a.now().Sub(t.since)))
		x := 12
		room := line.W - x - 6
		x = line.Cut(x, 0, min(subject, max(room*2/3, room-7)), plain.On(bg), t.subject) + 1
		line.Cut(x, 0, end-x-1, muted.On(bg), t.detail)
	}
}

func (o *overview) drawRollouts(a *app, area widget.Area) {
	active := activeFirst(a.snap.Groups)
	o.shown[1] = len(active)
	o.cursor[1] = min(o.cursor[1], max(0, len(active)-1))
	in := widget.Panel{Title: fmt.Sprintf("Rollouts (%d active)", len(active)), Note: counted(len(a.snap.Groups), "group"), Border: o.border(1), Color: theme.Text}.Draw(area)
	y := 0
	for i, g := range active {
		if y+3 > in.H {
			break
		}
		if o.panel == 1 && i == o.cursor[1] {
			widget.SelectRow(area.Sub(1, 1+y, area.W-2, 1))
		}
		p := progressOf(g.Rollout)
		bg := theme.Base
		if o.panel == 1 && i == o.cursor[1] {
			bg = theme.Select
		}
		in.Cut(0, y, in.W-12, theme.Fg(theme.Progress).On(bg), rolloutGlyph(g.Rollout.State)+" "+g.Spec.Name+"  "+g.Rollout.To.Name+":"+g.Rollout.To.Version)
		in.Right(in.W, y, muted.On(bg), etaText(g.Rollout, p))
		drawProgress(in, 0, y+1, in.W, p, true)
		x := in.Text(0, y+2, muted, fmt.Sprintf("%d done · %d in progress · ", p.done, p.busy))
		style := muted
		if p.failed > 0 {
			style = theme.Fg(theme.Fail)
		}
		in.Text(x, y+2, style, fmt.Sprintf("%d failed", p.failed))
		y += 3
	}
	for _, g := range lastFinished(a.snap.Groups) {
		if y >= in.H {
			break
		}
		r := g.Rollout
		p := progressOf(r)
		text := fmt.Sprintf("%s %s %d/%d in %s, %s ago", rolloutGlyph(r.State), g.Spec.Name, p.done, p.total, Age(r.Finished.Sub(r.Started)), Age(a.now().Sub(r.Finished)))
		in.Cut(0, y, in.W, theme.Fg(rolloutColor(r.State)), text)
		y++
	}
}

// lastFinished are the groups whose rollouts are over, the latest first.
func lastFinished(groups []*Group) []*Group {
	var over []*Group
	for _, g := range groups {
		if g.Rollout != nil && !g.Rollout.Active() {
			over = append(over, g)
		}
	}
	slices.SortStableFunc(over, func(x, y *Group) int { return y.Rollout.Finished.Compare(x.Rollout.Finished) })
	return over
}

func etaText(r *Rollout, p progress) string {
	switch r.State {
	case RolloutPaused:
		return "paused"
	case RolloutCanary:
		return "waits for resume"
	}
	left, _, _ := eta(r, p)
	if left == 0 {
		return "ETA —"
	}
	return "ETA ~" + Age(left.Truncate(1e9))
}

// drawProgress draws how far a rollout has come.
func drawProgress(a widget.Area, x, y, w int, p progress, high bool) {
	var parts []widget.Part
	for _, part := range p.parts() {
		r := part.thin
		if high {
			r = part.high
		}
		parts = append(parts, widget.Part{N: part.n, Rune: r, Color: part.color})
	}
	widget.Bar(a, x, y, w, theme.Base, parts...)
}

func (o *overview) drawEvents(a *app, area widget.Area) {
	in := widget.Panel{Title: "Events", Note: strings.TrimSuffix("● following, newest last · "+a.hint("screen.events", "full feed"), " · "), Border: o.border(2), Color: theme.Text}.Draw(area)
	events := a.snap.Events
	events = events[max(0, len(events)-in.H):]
	for y, e := range events {
		drawEvent(a, in.Row(y), &e, theme.Base, false)
	}
}

// drawBusiest lists the hosts with the highest load.
func (o *overview) drawBusiest(_ *app, area widget.Area) {
	in := widget.Panel{Title: "Busiest hosts", Note: "load · memory"}.Draw(area)
	hosts := o.busiest
	gauge := max(4, (in.W-30)/2)
	for y := 0; y < in.H && y < len(hosts); y++ {
		h := hosts[y]
		x := in.Cut(0, y, 18, plain, h.Name) + 1
		x = drawShare(in, x, y, gauge, h.LoadShare(), theme.Base) + 1
		drawShare(in, x, y, gauge, h.MemoryShare(), theme.Base)
	}
}

// drawShare draws a gauge with its number and returns the column after them.
func drawShare(a widget.Area, x, y, w int, value float64, bg theme.Color) int {
	color := theme.Muted
	switch {
	case value >= 0.95:
		color = theme.Fail
	case value >= 0.8:
		color = theme.Warn
	}
	widget.Gauge(a, x, y, w, value, color, bg)
	style := muted
	if color != theme.Muted {
		style = theme.Fg(color)
	}
	a.Right(x+w+5, y, style.On(bg), fmt.Sprintf("%.0f%%", 100*value))
	return x + w + 5
}
