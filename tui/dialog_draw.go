package tui

import (
	"fmt"
	"strings"

	"github.com/heliosctl/heliosctl/tui/theme"
	"github.com/heliosctl/heliosctl/tui/widget"
)

// onPanel is a colour on the background of dialogs.
func onPanel(c theme.Color) theme.Style { return theme.Style{FG: c, BG: theme.Panel} }

// dialogWidth is how wide dialogs are.
func dialogWidth(area widget.Area) int {
	if area.W < 100 {
		return area.W
	}
	return min(area.W-2, 100)
}

// dialogRoom says how many lines each part of a dialog gets.
type dialogRoom struct {
	impact, targets, warnings, cli int
	gap                            int // between parts
}

// shareRoom gives the targets, warnings and the command line what there is of so many lines. Each gets some before any gets all. There
// are gaps between the parts, and more of them below, where there is room for all of them.
func shareRoom(lines, impact, targets, warnings, cli, gapsBelow int) dialogRoom {
	r := dialogRoom{impact: impact, targets: min(targets, 3), warnings: min(warnings, 4), cli: min(cli, 3), gap: 1}
	left := func() int {
		return lines - r.impact - r.targets - r.warnings - r.cli - r.gap*(3+btoi(warnings > 0)+gapsBelow)
	}
	if left() < 0 {
		r.gap = 0
	}
	for _, n := range []*int{&r.cli, &r.warnings, &r.targets, &r.impact} {
		for left() < 0 && *n > 1 {
			*n--
		}
	}
	for _, grow := range []struct {
		n    *int
		most int
	}{{&r.warnings, warnings}, {&r.targets, min(targets, 6)}, {&r.cli, min(cli, 6)}, {&r.targets, min(targets, 12)}, {&r.cli, min(cli, 12)}} {
		*grow.n += max(0, min(grow.most-*grow.n, left()))
	}
	return r
}

func (d *dialog) draw(a *app, area widget.Area) {
	if d.running {
		d.drawResults(a, area)
		return
	}
	w := dialogWidth(area)
	inner := w - 6
	var warnings []string
	for _, text := range d.warnings {
		for i, line := range widget.Wrap(text, inner-2) {
			warnings = append(warnings, map[bool]string{true: "! ", false: "  "}[i == 0]+line)
		}
	}
	cli, impact := widget.Fold(d.cli(d.targets), inner-9), widget.Wrap(d.impact, inner)
	bottom, gaps := 2+btoi(d.gate != "")+2*btoi(d.wantsToken()), 1+btoi(d.gate != "")+btoi(d.wantsToken())
	room := shareRoom(area.H-2-bottom, len(impact), len(d.targets), len(warnings), len(cli), gaps)
	top := room.impact + room.targets + room.warnings + room.cli + room.gap*(3+btoi(len(warnings) > 0))
	bottom += room.gap * gaps
	top = min(top, max(0, area.H-2-bottom))
	environment := strings.TrimSpace(string(a.snap.Cluster.Environment) + " " + a.snap.Cluster.Name)
	in := widget.Panel{Title: "⚠ " + d.title(d.targets), Note: environment, Border: theme.Fail, BG: theme.Panel}.Draw(centre(area, w, top+bottom+2)).Inset(1, 0)
	d.drawTop(a, in.Sub(0, 0, in.W, top), room, impact, warnings, cli)
	d.drawBottom(a, in.Sub(0, in.H-bottom, in.W, bottom), room.gap)
}

func (d *dialog) drawTop(a *app, in widget.Area, room dialogRoom, impact, warnings, cli []string) {
	y := room.gap
	drawCutLines(in, 0, y, room.impact, theme.Text, impact, "")
	y += room.impact
	d.drawTargets(a, in.Sub(0, y, in.W, room.targets))
	y += room.targets + room.gap
	drawCutLines(in, 0, y, room.warnings, theme.Warn, warnings, "")
	y += room.warnings + room.gap*btoi(len(warnings) > 0)
	in.Text(0, y, onPanel(theme.Muted), "same as")
	drawCutLines(in, 9, y, room.cli, theme.OK, cli, "ctrl-y copies all of it")
}

// drawCutLines draws as many lines as there is room for and says when there are more.
func drawCutLines(in widget.Area, x, y, n int, color theme.Color, lines []string, more string) {
	for i := range min(n, len(lines)) {
		if i == n-1 && len(lines) > n {
			text := fmt.Sprintf("… %d more %s", len(lines)-n, more)
			in.Cut(x, y+i, in.W-x-widget.Width(text)-1, onPanel(color), lines[i])
			in.Right(in.W, y+i, onPanel(theme.Muted), text)
			return
		}
		in.Cut(x, y+i, in.W-x, onPanel(color), lines[i])
	}
}

func (d *dialog) drawTargets(a *app, rows widget.Area) {
	d.offset = max(0, min(d.offset, len(d.targets)-rows.H))
	names := d.nameWidth(rows.W / 2)
	for y := 0; y < rows.H && d.offset+y < len(d.targets); y++ {
		t := &d.targets[d.offset+y]
		if y == rows.H-1 && len(d.targets)-d.offset > rows.H {
			rows.Text(2, y, onPanel(theme.Muted), fmt.Sprintf("… and %d more (pgdn)", len(d.targets)-d.offset-y))
			return
		}
		x := rows.Cut(rows.Text(2, y, onPanel(theme.Muted), "• "), y, names, onPanel(theme.Text), t.name) + 2
		if t.note == nil {
			continue
		}
		for _, s := range t.note(a) {
			rows.Cut(x, y, rows.W-x, s.Style.On(theme.Panel), s.Text)
			x += widget.Width(s.Text)
		}
	}
}

// nameWidth is how wide the longest name is, if there is so much room.
func (d *dialog) nameWidth(most int) int {
	w := 8
	for i := range d.targets {
		w = max(w, widget.Width(d.targets[i].name))
	}
	return min(w, most, 40)
}

func (d *dialog) drawBottom(a *app, in widget.Area, gap int) {
	y := 0
	if d.gate != "" {
		text := "Type " + d.gateText + " to confirm: "
		if in.W < 70 {
			text = "Type " + d.gateText + ":"
		}
		x := in.Text(0, y, onPanel(theme.Text), text) + 1
		w := max(8, min(widget.Width(d.gate)+3, in.W/3))
		d.typed.Draw(in, x, y, w, theme.Chip, d.focus == fieldGate)
		if d.typed.Value() == d.gate {
			in.Text(x+w+1, y, onPanel(theme.OK), "✓")
		} else {
			in.Cut(x+w+1, y, in.W-x-w-1, onPanel(theme.Muted), d.gate)
		}
		y += 1 + gap
	}
	if d.wantsToken() {
		d.drawToken(a, in, y)
		y += 2 + gap
	}
	d.drawButtons(a, in, y)
	footer := counted(len(d.targets), "request") + " · ctrl-t dry run · ctrl-y copy command · " + d.cancelWord() + " is the default"
	if a.flash != "" {
		in.Cut(0, in.H-1, in.W, onPanel(theme.Warn), a.flash)
		return
	}
	if why := a.readOnlyBecause(); why != "" {
		in.Cut(0, in.H-1, in.W, onPanel(theme.Warn), why)
		return
	}
	in.Cut(0, in.H-1, in.W, onPanel(theme.Faint), footer)
}

func (d *dialog) drawToken(a *app, in widget.Area, y int) {
	if a.Token != nil {
		in.Cut(0, y, in.W, onPanel(theme.Text), "Token of the job: "+a.Token.Name)
		in.Cut(0, y+1, in.W, onPanel(theme.Faint), "read when it is needed, never stored, logged or shown")
		return
	}
	d.secret.Secret = true
	x := in.Text(0, y, onPanel(theme.Text), "Token of the job: ") + 1
	d.secret.Draw(in, x, y, 24, theme.Chip, d.focus == fieldToken)
	in.Cut(0, y+1, in.W, onPanel(theme.Faint), "used once, never stored, logged or shown")
}

func (d *dialog) cancelWord() string {
	if d.back != nil {
		return "Back"
	}
	return "Cancel"
}

func (d *dialog) drawButtons(a *app, in widget.Area, y int) {
	cancel := "  " + d.cancelWord() + "  esc  "
	do := "  " + d.verb + "  " + strings.Repeat("tab ", d.tabs(a)) + a.shownKey("⏎") + "  "
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
	mark(x, d.focus == fieldCancel)
	x = in.Text(x, y, style(d.focus == fieldCancel, theme.Chip), cancel) + 4
	mark(x, d.focus == fieldDo)
	if d.ready(a) {
		in.Text(x, y, style(d.focus == fieldDo, theme.Danger), do)
	} else {
		in.Text(x, y, theme.Style{FG: theme.Faint, BG: theme.Chip}, do)
	}
}

func (d *dialog) drawResults(a *app, area widget.Area) {
	ok, failed, open := d.counts()
	note := "esc stops"
	switch {
	case open > 0:
	case failed > 0 || d.stopped != "":
		note = "r retry failed · esc closes"
	default:
		note = a.shownKey("⏎ closes")
	}
	border := theme.Focus
	if failed > 0 {
		border = theme.Fail
	}
	box := centre(area, dialogWidth(area), min(area.H, len(d.targets)+6))
	in := widget.Panel{Title: d.title(d.targets), Note: note, Border: border, BG: theme.Panel}.Draw(box).Inset(1, 0)
	x := in.Text(0, 0, onPanel(theme.OK), fmt.Sprintf("✓ %d done", ok))
	if failed > 0 {
		x = in.Text(x+3, 0, onPanel(theme.Fail), fmt.Sprintf("✗ %d failed", failed))
	}
	if open > 0 {
		x = in.Text(x+3, 0, onPanel(theme.Progress), fmt.Sprintf("◐ %d to go", open))
	}
	in.Cut(x+3, 0, in.W-x-3, onPanel(theme.Warn), stringOr(d.stopped, a.flash))
	rows := in.Sub(0, 2, in.W, in.H-2)
	d.offset = max(0, min(d.offset, len(d.targets)-rows.H))
	for y := 0; y < rows.H && d.offset+y < len(d.targets); y++ {
		t := &d.targets[d.offset+y]
		glyph, color, text := "○", theme.Stopped, "not started"
		switch {
		case t.over && t.err == nil:
			glyph, color, text = "✓", theme.OK, "done"
		case t.over:
			glyph, color, text = "✗", theme.Fail, t.err.Error()
		case t.started:
			glyph, color, text = "◐", theme.Progress, "pending"
		}
		rows.Text(0, y, onPanel(color), glyph)
		x := rows.Cut(2, y, d.nameWidth(rows.W/3), onPanel(theme.Text), t.name) + 2
		rows.Cut(x, y, rows.W-x, onPanel(color), text)
	}
	widget.Scrollbar(box.Sub(0, 3, box.W, rows.H), d.offset, rows.H, len(d.targets))
}
