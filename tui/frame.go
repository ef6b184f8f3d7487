package tui

import (
	"cmp"
	"fmt"
	"strings"

	"github.com/heliosctl/heliosctl/model"
	"github.com/heliosctl/heliosctl/tui/theme"
	"github.com/heliosctl/heliosctl/tui/widget"
)

// The sizes at which the console begins to be of use, and below which it says one line only.
const (
	leastWidth, leastHeight = 60, 16
	tinyWidth, tinyHeight   = 40, 8
)

var (
	plain  = theme.Fg(theme.Text)
	muted  = theme.Fg(theme.Muted)
	faint  = theme.Fg(theme.Faint)
	strong = theme.Fg(theme.Text).Bold()
	focus  = theme.Fg(theme.Focus)
)

// compose draws everything on the canvas.
func (a *app) compose() {
	a.canvas.Reset(a.width, a.height)
	area := a.canvas.Area()
	if a.width < leastWidth || a.height < leastHeight {
		a.drawTooSmall(area)
		return
	}
	if first, ok := a.modal.(*firstRun); ok {
		first.draw(a, area)
		return
	}
	a.drawHeader(area.Row(0))
	content := area.Sub(0, 2, area.W, area.H-4)
	if a.zoomed {
		content = area.Sub(0, 1, area.W, area.H-2)
	} else {
		a.drawTabs(area.Row(1))
	}
	if a.snap.Freshness.State != Live {
		banner, below := content.SplitY(3)
		a.drawBanner(banner)
		content = below
	}
	a.page.draw(a, content)
	if a.snap.Freshness.State == Stale {
		content.Fade()
	}
	if !a.zoomed {
		a.drawStatus(area.Row(area.H - 2))
	}
	a.drawKeys(area.Row(area.H - 1))
	if a.modal != nil {
		a.canvas.Fade()
		a.modal.draw(a, area.Sub(0, 1, area.W, area.H-2))
	}
}

func on(s theme.Style, bg theme.Color) theme.Style { return s.On(bg) }

// drawHeader draws the first row: where one is, how the fleet is, and how current that is.
func (a *app) drawHeader(row widget.Area) {
	row.Fill(theme.Strip)
	s := a.snap
	x := a.drawStripe(row)
	x = row.Text(x, 0, on(strong, theme.Strip), s.Cluster.Name)
	if len(a.Clusters) > 1 {
		x = row.Text(x, 0, on(muted, theme.Strip), " ▾")
	}
	right := a.drawRight(row)
	separator := func(x int) int { return row.Text(x, 0, theme.Style{FG: theme.Border, BG: theme.Strip}, " │ ") }
	if a.width >= 100 {
		if master := a.masterSpans(); len(master) > 0 && x+1+widget.SpansWidth(master) <= right {
			x = row.Spans(x+1, 0, master...)
		}
	}
	for _, spans := range [][]widget.Span{a.hostSpans(), a.taskSpans(), a.rolloutSpans()} {
		if len(spans) > 0 && x+3+widget.SpansWidth(spans) <= right {
			x = row.Spans(separator(x), 0, spans...)
		}
	}
}

func (a *app) drawStripe(row widget.Area) int {
	environment := a.snap.Cluster.Environment
	color := map[Environment]theme.Color{
		EnvironmentProduction: theme.Prod, EnvironmentStaging: theme.Stage, EnvironmentDevelop: theme.Dev, EnvironmentDemo: theme.Dev,
	}[environment]
	if environment == EnvironmentNone {
		return 1
	}
	text := " " + string(environment) + " "
	style := theme.Style{FG: theme.Text, BG: color, Attr: theme.Bold}
	if a.Theme.Name() == "light" || a.Theme.Profile() == theme.Colors16 {
		style.FG = theme.OnColor
	}
	if a.Theme.Profile() == theme.NoColor {
		text = "[" + string(environment) + "]"
	}
	return row.Text(0, 0, style, text) + 1
}

func span(c theme.Color, format string, args ...any) widget.Span {
	return widget.Span{Style: theme.Style{FG: c, BG: theme.Strip}, Text: fmt.Sprintf(format, args...)}
}

func (a *app) masterSpans() []widget.Span {
	f := a.snap.Freshness
	if f.Master == "" {
		return nil
	}
	text := f.Master
	if f.Leader {
		text += " (leader)"
	}
	alive := 0
	for _, m := range a.snap.Masters {
		if m.Alive {
			alive++
		}
	}
	if len(a.snap.Masters) > 0 {
		text += fmt.Sprintf(" %d/%d", alive, len(a.snap.Masters))
	}
	return []widget.Span{span(theme.Muted, "%s", text)}
}

func (a *app) hostSpans() []widget.Span {
	spans := []widget.Span{span(theme.Text, "hosts "), span(theme.OK, "%d▲", a.snap.Up)}
	if a.snap.Down > 0 {
		spans = append(spans, span(theme.Fail, " %d▼", a.snap.Down))
		spans[2].Style.Attr = theme.Bold
	}
	return spans
}

func (a *app) taskSpans() []widget.Span {
	c := &a.snap.Tasks
	spans := []widget.Span{span(theme.Text, "tasks "), span(theme.OK, "%d●", c.states[countRunning])}
	if n := c.Moving(); n > 0 && a.width >= 100 {
		spans = append(spans, span(theme.Progress, " %d◐", n))
	}
	if n := c.states[countFailed]; n > 0 {
		spans = append(spans, span(theme.Fail, " %d✗", n))
		spans[len(spans)-1].Style.Attr = theme.Bold
	}
	if n := c.states[countUnknown]; n > 0 && a.width >= 100 {
		spans = append(spans, span(theme.Unknown, " %d?", n))
	}
	return spans
}

func (a *app) rolloutSpans() []widget.Span {
	if n := a.snap.ActiveRollouts(); n > 0 && a.width >= 100 {
		return []widget.Span{span(theme.Text, "rollouts "), span(theme.Progress, "%d▶", n)}
	}
	return nil
}

// drawRight draws how current the data is, whether it may be changed, and the time. It returns where that begins.
func (a *app) drawRight(row widget.Area) int {
	clock := a.Now().In(a.Zone).Format("15:04:05")
	f := a.snap.Freshness
	x := row.W - 1
	if f.State == Live {
		x = row.Right(x, 0, on(muted, theme.Strip), clock)
		if a.width >= 100 {
			mode := "  rw  "
			if a.ReadOnly || a.snap.Cluster.ReadOnly {
				mode = "  ro  "
			}
			x = row.Right(x, 0, on(muted, theme.Strip), mode)
		} else {
			x--
		}
		if !a.stoppedAt().IsZero() {
			return row.Right(x, 0, theme.Style{FG: theme.OnColor, BG: theme.Hit, Attr: theme.Bold}, " ▮▮ FROZEN ") - 1
		}
		return row.Right(x, 0, theme.Style{FG: theme.OK, BG: theme.Strip, Attr: theme.Bold}, "● LIVE") - 1
	}
	text := " ◌ CONNECTING  "
	if f.State == Stale {
		text = " ◌ STALE " + Age(a.Now().Sub(f.AsOf).Truncate(1e9)) + "  "
	}
	return row.Right(row.W, 0, theme.Style{FG: theme.OnColor, BG: theme.Hit, Attr: theme.Bold}, text+clock+" ") - 1
}

// drawTabs draws the numbered screens and, at the right, where one is.
func (a *app) drawTabs(row widget.Area) {
	crumbs := a.page.crumbs()
	root := crumbs[0]
	x := 1
	a.tabs = a.tabs[:0]
	for _, s := range a.screens {
		name := s.name
		if a.width < 100 && root != s.name {
			name = s.short
		}
		key, style := theme.Fg(theme.Focus), muted
		number := a.keyOf(s.command())
		a.tabs = append(a.tabs, row.Sub(x, 0, widget.Width(number)+widget.Width(name)+3, 1))
		if root == s.name {
			row.Sub(x, 0, widget.Width(number)+widget.Width(name)+3, 1).Fill(theme.Select)
			key, style = key.On(theme.Select).Bold(), strong.On(theme.Select)
		}
		x = row.Text(row.Text(x+1, 0, key, number)+1, 0, style, name) + 1
	}
	if room := row.W - x - 2; room > 8 && len(crumbs) > 1 {
		path := strings.Join(crumbs, " › ")
		if widget.Width(path) > room { // the first one is among the tabs
			path = strings.Join(crumbs[1:], " › ")
		}
		row.Right(row.W-1, 0, muted, widget.Cut(path, room))
	}
}

// drawStatus draws the row above the keys: what the page says of itself, or the message of the moment.
func (a *app) drawStatus(row widget.Area) {
	left, right := a.page.status(a)
	if a.flash != "" {
		left, right = []widget.Span{{Style: theme.Fg(theme.Warn), Text: a.flash}}, nil
	}
	x := 1
	for _, s := range left {
		if x < row.W-1 {
			row.Cut(x, 0, row.W-1-x, s.Style, s.Text)
		}
		x += widget.Width(s.Text)
	}
	if w := widget.SpansWidth(right); w > 0 && x+2+w <= row.W-1 {
		row.Spans(row.W-1-w, 0, right...)
	}
}

// drawKeys draws the keys of the page, as many as there is room for; the help is always there.
func (a *app) drawKeys(row widget.Area) {
	row.Fill(theme.Strip)
	keyStyle, labelStyle := theme.Style{FG: theme.Focus, BG: theme.Strip, Attr: theme.Bold}, on(muted, theme.Strip)
	end := row.Right(row.W-1, 0, labelStyle, " help")
	end = row.Right(end, 0, keyStyle, a.keyOf("help")) - 1
	x := 1
	var labels map[string]string
	if s, ok := a.page.(speaker); ok {
		labels = s.labels()
	}
	refused := a.readOnlyBecause() != ""
	put := func(c *command) {
		label, shown := c.binding.Help().Desc, a.shownKey(c.firstKey())
		if other, ok := labels[c.id]; ok {
			label = other
		}
		if c.hidden || !c.binding.Enabled() || shown == "" || label == "" || c.write && refused || x+widget.Width(shown)+1+widget.Width(label) > end-1 {
			return
		}
		x = row.Text(row.Text(x, 0, keyStyle, shown)+1, 0, labelStyle, label) + 2
	}
	if !a.isRoot(a.page) {
		x = row.Text(row.Text(x, 0, keyStyle, a.keyOf("back"))+1, 0, labelStyle, "back") + 2
	}
	for _, c := range a.commandsOf(a.page) {
		put(c)
	}
	for _, c := range a.globals() {
		put(c)
	}
}

// drawBanner says what is wrong when no master answers.
func (a *app) drawBanner(banner widget.Area) {
	f := a.snap.Freshness
	banner.Fill(theme.Alarm)
	warn := theme.Style{FG: theme.Warn, BG: theme.Alarm}
	if a.Theme.Profile() == theme.Colors16 {
		warn.FG = theme.OnColor
	}
	switch {
	case f.Refused:
		banner.Cut(1, 0, banner.W-2, warn.Bold(), "⚠ "+cmp.Or(f.Master, "the master")+" does not let us in: "+f.Error)
	case f.State == Connecting && f.Error != "":
		banner.Cut(1, 0, banner.W-2, warn.Bold(), "◌ Connecting to the masters: "+f.Error)
	case f.State == Connecting && f.Master != "":
		banner.Cut(1, 0, banner.W-2, warn.Bold(), "◌ Reading everything from "+f.Master)
	case f.State == Connecting:
		banner.Cut(1, 0, banner.W-2, warn.Bold(), "◌ Connecting to the masters")
	default:
		banner.Cut(1, 0, banner.W-2, warn.Bold(), "⚠ Connection to "+f.Master+" lost: "+f.Error)
	}
	second, third := "", ""
	switch {
	case f.Refused:
		second = "It is not asked again by itself.  "
	case f.Attempt > 0:
		second = fmt.Sprintf("Retry %d in %.0fs", f.Attempt, max(0, f.RetryAt.Sub(a.Now()).Seconds()))
		if next := ", then " + strings.Join(f.Next, ", "); len(f.Next) > 0 && widget.Width(second+next)+40 <= banner.W {
			second += next
		}
		second += ".  "
	}
	if f.State == Stale {
		second += "Data as of " + f.AsOf.In(a.Zone).Format("15:04:05")
		for _, more := range []string{", ages frozen.  Writes off until resync.", ".  Writes off until resync.", ".  Writes off."} {
			if widget.Width(second+more) <= banner.W-4 {
				second += more
				break
			}
		}
		third = "browsing, filter, copy and export still work"
	}
	banner.Cut(3, 1, banner.W-4, warn, second)
	x := 3
	if key := a.keyOf("resync"); key != "" {
		x = banner.Text(banner.Text(x, 2, warn.Bold(), key), 2, warn, " retry now   ")
	}
	if key := a.keyOf("cluster"); key != "" && len(a.Clusters) > 1 {
		x = banner.Text(banner.Text(x, 2, warn.Bold(), key), 2, warn, " other cluster   ")
	}
	banner.Cut(x, 2, banner.W-x-1, warn, third)
}

// drawTooSmall says what is missing and still shows how the fleet is.
func (a *app) drawTooSmall(area widget.Area) {
	s := a.snap
	totals := fmt.Sprintf("%d▲ %d▼  %d●  %d✗ %d?  %d▶", s.Up, s.Down, s.Tasks.Of(model.StateRunning), s.Tasks.Of(model.StateFailed), s.Tasks.Of(model.StateUnknown), s.ActiveRollouts())
	if a.width < tinyWidth || a.height < tinyHeight {
		area.Cut(0, 0, area.W, strong, totals)
		return
	}
	in := widget.Panel{Title: a.Program, Note: s.Cluster.Name, Color: theme.Text}.Draw(area)
	lines := []widget.Span{
		{Style: theme.Fg(theme.Warn).Bold(), Text: "Terminal too small for this screen"},
		{Style: plain, Text: fmt.Sprintf("now %d × %d     needs %d × %d     best 120 × 36", a.width, a.height, leastWidth, leastHeight)},
	}
	y := 0
	roomy := in.H >= 9
	for _, line := range lines {
		if roomy {
			y++
		}
		in.Cut(1, y, in.W-1, line.Style, line.Text)
		y++
	}
	if in.H >= 6 {
		bar := in.W - 14
		widget.Gauge(in, 1, y, bar, float64(a.width)/leastWidth, theme.Warn, theme.Base)
		in.Text(bar+3, y, muted, "width")
		widget.Gauge(in, 1, y+1, bar, float64(a.height)/leastHeight, theme.Warn, theme.Base)
		in.Text(bar+3, y+1, muted, "height")
		y += 2
	}
	if roomy {
		y++
	}
	in.Cut(1, y, in.W-1, plain, totals)
	y++
	if worst := needsAttention(a); len(worst) > 0 && y < in.H {
		in.Cut(1, y, in.W-1, theme.Fg(worst[0].color), worst[0].glyph+" "+worst[0].subject+" "+worst[0].detail)
	}
	freshness := map[FreshnessState]string{Connecting: "connecting", Live: "still live", Stale: "data is old"}[s.Freshness.State]
	in.Cut(1, in.H-1, in.W-1, muted, strings.TrimSuffix(freshness+" · resize, or "+a.hint("quit", "quit"), ", or "))
}
