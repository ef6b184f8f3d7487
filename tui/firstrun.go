package tui

import (
	"fmt"

	tea "github.com/charmbracelet/bubbletea"

	"github.com/heliosctl/heliosctl/tui/theme"
	"github.com/heliosctl/heliosctl/tui/widget"
)

// Candidate is a cluster that was found before the console has one to look at.
type Candidate struct {
	Address string
	Origin  string // where it was found
	Note    string // what it answered
	OK      bool
}

// firstRun asks which cluster to look at.
type firstRun struct {
	candidates []Candidate
	cursor     int
	address    widget.Input
	typing     bool
	readOnly   bool
	choose     func(a *app, address string, readOnly bool) tea.Cmd // "" is the demo
	saved      string                                              // where the choice is kept
}

func (f *firstRun) key(a *app, msg tea.KeyMsg) tea.Cmd {
	name := msg.String()
	if f.typing {
		switch name {
		case "esc", "tab":
			f.typing = false
		case "enter":
			return f.choose(a, f.address.Value(), f.readOnly)
		default:
			if !f.address.Key(name) && msg.Type == tea.KeyRunes {
				f.address.Insert(msg.Runes)
			}
		}
		return nil
	}
	switch name {
	case "q", "esc":
		return a.quit()
	case "up", "k":
		f.cursor = max(0, f.cursor-1)
	case "down", "j":
		f.cursor = min(max(0, len(f.candidates)-1), f.cursor+1)
	case "tab":
		f.typing = true
	case "r":
		f.readOnly = !f.readOnly
	case "a":
		a.ASCII = !a.ASCII
		return tea.ClearScreen
	case "t":
		return a.nextTheme()
	case "d":
		return f.choose(a, "", f.readOnly)
	case "s":
		return a.copy("docker run --rm -p 5801:5801 heliosctl dev", "the command")
	case "enter":
		if f.cursor < len(f.candidates) {
			return f.choose(a, f.candidates[f.cursor].Address, f.readOnly)
		}
	}
	return nil
}

func (f *firstRun) draw(a *app, area widget.Area) {
	h := 22 + len(f.candidates)
	box := centre(area, min(80, area.W), min(h, area.H))
	in := widget.Panel{Title: "Welcome: connect to a cluster", Border: theme.Focus, BG: theme.Panel}.Draw(box)
	on := func(c theme.Color) theme.Style { return theme.Style{FG: c, BG: theme.Panel} }
	y := 0
	if in.H > 18 {
		y = 1
	}
	in.Cut(0, y, in.W, on(theme.Text), "No cluster is configured yet. Pick one that was found, or type an address.")
	y += 2
	in.Text(0, y, on(theme.Muted).Bold(), "FOUND")
	y++
	for i, c := range f.candidates {
		line := in.Row(y)
		bg := theme.Panel
		if i == f.cursor && !f.typing {
			bg = theme.Select
			widget.SelectRow(box.Sub(1, 1+y, box.W-2, 1))
		}
		glyph, color := "●", theme.OK
		if !c.OK {
			glyph, color = "✗", theme.Fail
		}
		line.Text(0, 0, theme.Style{FG: color, BG: bg}, glyph)
		line.Cut(2, 0, line.W/2-4, theme.Style{FG: theme.Text, BG: bg}, c.Address)
		line.Cut(line.W/2, 0, 18, theme.Style{FG: theme.Muted, BG: bg}, c.Origin)
		line.Cut(line.W/2+19, 0, line.W-line.W/2-19, theme.Style{FG: theme.Muted, BG: bg}, c.Note)
		y++
	}
	if len(f.candidates) == 0 {
		in.Text(2, y-1, on(theme.Muted), "    nothing")
	}
	y++
	x := in.Text(0, y, on(theme.Text), "address ")
	f.address.Draw(in, x, y, min(44, in.W-x), theme.Chip, f.typing)
	y += 2
	check := map[bool]string{true: "[x]", false: "[ ]"}[f.readOnly]
	x = in.Text(in.Text(0, y, on(theme.Text), "start "), y, on(theme.OK), check+" read-only")
	in.Text(x, y, on(theme.Muted), "  (r toggles; recommended for a first look)")
	y += 2
	in.Text(0, y, on(theme.Muted).Bold(), "NO CLUSTER AT HAND?")
	in.Text(in.Text(0, y+1, on(theme.Focus).Bold(), "d"), y+1, on(theme.Text), "   demo: 400 simulated hosts, a rollout and failures, all in this process")
	in.Text(in.Text(0, y+2, on(theme.Focus).Bold(), "s"), y+2, on(theme.Text), "   copies the command that starts a cluster of one node")
	y += 4
	in.Text(0, y, on(theme.Muted).Bold(), "TERMINAL CHECK")
	colors := map[theme.Profile]string{theme.TrueColor: "✓ true colour", theme.Colors256: "✓ 256 colours", theme.Colors16: "✓ 16 colours", theme.NoColor: "– no colour"}[a.Theme.Profile()]
	in.Cut(0, y+1, in.W, on(theme.OK), fmt.Sprintf("✓ %d×%d   %s   ✓ braille ⣀⣤⣶⣿   – mouse off", a.width, a.height, colors))
	in.Cut(0, y+2, in.W, on(theme.Muted), "looks broken? a ASCII glyphs   t theme")
	in.Spans(0, in.H-2, widget.Span{Style: on(theme.Focus).Bold(), Text: "⏎"}, widget.Span{Style: on(theme.Muted), Text: " connect   "},
		widget.Span{Style: on(theme.Focus).Bold(), Text: "tab"}, widget.Span{Style: on(theme.Muted), Text: " address   "},
		widget.Span{Style: on(theme.Focus).Bold(), Text: "q"}, widget.Span{Style: on(theme.Muted), Text: " quit"})
	if f.saved != "" {
		in.Cut(0, in.H-1, in.W, on(theme.Faint), "saved to "+f.saved+"; tokens are never written")
	}
}
