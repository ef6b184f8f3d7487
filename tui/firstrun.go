package tui

import (
	"cmp"
	"context"
	"fmt"
	"strings"

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

// Welcome is how somebody who has no cluster yet comes to one.
type Welcome struct {
	Candidates []Candidate

	// Connect makes the source of a cluster, of a simulated one for no address. It fails where no master answers, and starts nothing then.
	Connect func(ctx context.Context, address string, readOnly bool) (Source, error)

	// Keep saves a cluster for the next time and returns the file that it is in. Nil: nothing can be kept.
	Keep func(address, name string, readOnly bool) (path string, err error)

	KeptIn string // that file, "" when nothing can be kept
}

// firstRun asks which cluster to look at.
type firstRun struct {
	Welcome
	cursor   int
	address  widget.Input
	typing   bool
	readOnly bool
	busy     string // what is being done
	fault    string // why that did not work
	chosen   string // the address that is being connected to
}

func newFirstRun(w Welcome) *firstRun {
	f := &firstRun{Welcome: w, readOnly: true}
	f.address.Set("http://")
	return f
}

func (f *firstRun) key(a *app, msg tea.KeyMsg) tea.Cmd {
	name := msg.String()
	if f.typing {
		switch name {
		case "esc", "tab", "up", "down":
			f.typing = false
		case "enter":
			return f.connect(a, strings.TrimSpace(f.address.Value()))
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
		f.cursor = min(max(0, len(f.Candidates)-1), f.cursor+1)
	case "tab":
		f.typing = true
	case "r":
		f.readOnly = !f.readOnly
	case "a":
		a.ASCII = !a.ASCII
		return tea.ClearScreen
	case "t":
		return a.nextTheme()
	case "n":
		return f.toggleColors(a)
	case "d":
		return f.connect(a, "")
	case "s":
		f.busy, f.fault = "copied: "+devCommand+"; type it in another terminal, then come back to http://localhost:5801", ""
		return a.copy(devCommand, "the command")
	case "enter":
		if f.cursor < len(f.Candidates) {
			return f.connect(a, f.Candidates[f.cursor].Address)
		}
	}
	return nil
}

// devCommand starts a cluster of one's own.
const devCommand = "heliosctl dev --no-console"

func (f *firstRun) toggleColors(a *app) tea.Cmd {
	profile := theme.NoColor
	if a.Theme.Profile() == theme.NoColor {
		profile = a.Profile
	}
	colors, err := theme.New(a.Theme.Name(), profile)
	if err != nil {
		f.fault = err.Error()
		return nil
	}
	a.Theme = colors
	return tea.ClearScreen
}

type connectedMsg struct {
	address string // "" for the demo
	source  Source
	err     error
}

func (f *firstRun) connect(a *app, address string) tea.Cmd {
	if f.Connect == nil || f.chosen != "" {
		return nil
	}
	f.fault, f.chosen = "", cmp.Or(address, "the demo")
	f.busy = "connecting to " + f.chosen + " …"
	readOnly := f.readOnly
	return a.async(func(ctx context.Context) tea.Msg {
		source, err := f.Connect(ctx, address, readOnly && address != "")
		return answer{f, connectedMsg{address, source, err}}
	})
}

func (f *firstRun) receive(a *app, msg tea.Msg) tea.Cmd {
	connected := msg.(connectedMsg)
	f.busy, f.chosen = "", ""
	if connected.err != nil {
		f.fault = connected.err.Error()
		return nil
	}
	cmd := a.look(connected.source)
	if f.Keep != nil && connected.address != "" {
		a.modal = newKeepCluster(f, connected.address)
	}
	return cmd
}

// keepCluster offers to save the cluster that has been chosen.
type keepCluster struct {
	from    *firstRun
	address string
	name    widget.Input
	fault   string
}

func newKeepCluster(f *firstRun, address string) *keepCluster {
	k := &keepCluster{from: f, address: address}
	host := address
	if _, rest, ok := strings.Cut(address, "://"); ok {
		host = rest
	}
	host, _, _ = strings.Cut(host, ":")
	k.name.Set(host)
	return k
}

type keptClusterMsg struct {
	path string
	err  error
}

func (k *keepCluster) key(a *app, msg tea.KeyMsg) tea.Cmd {
	switch name := msg.String(); name {
	case "esc":
		a.modal = nil
	case "enter":
		address, context, readOnly := k.address, strings.TrimSpace(k.name.Value()), k.from.readOnly
		if context == "" {
			k.fault = "a name is needed"
			return nil
		}
		return a.async(keepNow(k, address, context, readOnly))
	default:
		if !k.name.Key(name) && msg.Type == tea.KeyRunes {
			k.name.Insert(msg.Runes)
		}
	}
	return nil
}

func keepNow(k *keepCluster, address, name string, readOnly bool) func(context.Context) tea.Msg {
	return func(context.Context) tea.Msg {
		path, err := k.from.Keep(address, name, readOnly)
		return answer{k, keptClusterMsg{path, err}}
	}
}

func (k *keepCluster) receive(a *app, msg tea.Msg) tea.Cmd {
	kept := msg.(keptClusterMsg)
	if kept.err != nil {
		k.fault = kept.err.Error()
		return nil
	}
	a.modal = nil
	a.say("saved %s as %s in %s", k.address, strings.TrimSpace(k.name.Value()), kept.path)
	return nil
}

func (k *keepCluster) draw(a *app, area widget.Area) {
	in := widget.Panel{Title: "Save this cluster?", Note: a.shownKey("⏎ saves · esc does not"), Border: theme.Focus, BG: theme.Panel}.Draw(centre(area, min(72, area.W-2), 8)).Inset(1, 0)
	on := func(c theme.Color) theme.Style { return theme.Style{FG: c, BG: theme.Panel} }
	in.Cut(0, 1, in.W, on(theme.Text), k.address+map[bool]string{true: ", read-only"}[k.from.readOnly])
	k.name.Draw(in, in.Text(0, 3, on(theme.Text), "as "), 3, 40, theme.Chip, true)
	if k.fault != "" {
		in.Cut(0, 5, in.W, on(theme.Fail), k.fault)
	} else {
		in.Cut(0, 5, in.W, on(theme.Faint), "in "+k.from.KeptIn)
	}
}

func (f *firstRun) draw(a *app, area widget.Area) {
	h := 24 + len(f.Candidates)
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
	for i, c := range f.Candidates {
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
	if len(f.Candidates) == 0 {
		in.Text(2, y-1, on(theme.Muted), "    nothing")
	}
	y++
	x := in.Text(0, y, on(theme.Text), "address ")
	f.address.Draw(in, x, y, min(44, in.W-x), theme.Chip, f.typing)
	y++
	switch {
	case f.fault != "":
		lines := widget.Wrap("✗ "+f.fault, in.W)
		in.Cut(0, y, in.W, on(theme.Fail), lines[0])
		y++
		in.Cut(2, y, in.W-2, on(theme.Fail), strings.Join(lines[1:], " "))
	case f.busy != "":
		in.Cut(0, y, in.W, on(theme.Progress), f.busy)
		y++
	default:
		y++
	}
	y++
	check := map[bool]string{true: "[x]", false: "[ ]"}[f.readOnly]
	x = in.Text(in.Text(0, y, on(theme.Text), "start "), y, on(theme.OK), check+" read-only")
	in.Text(x, y, on(theme.Muted), "  (r toggles; recommended for a first look)")
	y += 2
	in.Text(0, y, on(theme.Muted).Bold(), "NO CLUSTER AT HAND?")
	in.Text(in.Text(0, y+1, on(theme.Focus).Bold(), "d"), y+1, on(theme.Text), "   demo: 400 simulated hosts, a rollout and failures, all in this process")
	in.Text(in.Text(0, y+2, on(theme.Focus).Bold(), "s"), y+2, on(theme.Text), "   start a cluster of your own: copies "+devCommand)
	y += 4
	in.Text(0, y, on(theme.Muted).Bold(), "TERMINAL CHECK")
	checks := a.terminalChecks()
	at := 0
	for _, c := range checks {
		glyph, color := "✓", theme.OK
		if !c.ok {
			glyph, color = "–", theme.Warn
		}
		at = in.Text(at, y+1, on(color), glyph+" "+c.text) + 3
	}
	in.Cut(0, y+2, in.W, on(theme.Muted), "looks broken? a ASCII glyphs   t theme   n no colour")
	in.Spans(0, in.H-2, widget.Span{Style: on(theme.Focus).Bold(), Text: a.shownKey("⏎")}, widget.Span{Style: on(theme.Muted), Text: " connect   "},
		widget.Span{Style: on(theme.Focus).Bold(), Text: "tab"}, widget.Span{Style: on(theme.Muted), Text: " address   "},
		widget.Span{Style: on(theme.Focus).Bold(), Text: "q"}, widget.Span{Style: on(theme.Muted), Text: " quit"})
	if f.KeptIn != "" {
		in.Cut(0, in.H-1, in.W, on(theme.Faint), "kept in "+f.KeptIn+", if you like")
	}
}

// terminalCheck is one thing that a terminal should be able to do.
type terminalCheck struct {
	text string
	ok   bool
}

// terminalChecks say what is known of the terminal without asking it.
func (a *app) terminalChecks() []terminalCheck {
	colors := map[theme.Profile]string{theme.TrueColor: "true colour", theme.Colors256: "256 colours", theme.Colors16: "16 colours", theme.NoColor: "no colour"}
	size := terminalCheck{fmt.Sprintf("%d×%d", a.width, a.height), a.width >= 80 && a.height >= 24}
	if !size.ok {
		size.text += " (80×24 is better)"
	}
	text := terminalCheck{"UTF-8", !a.ASCII}
	if a.ASCII {
		text.text = "ASCII glyphs"
	}
	checks := []terminalCheck{size, {colors[a.Theme.Profile()], a.Theme.Profile() != theme.NoColor}, text}
	if !a.ASCII {
		checks = append(checks, terminalCheck{"braille ⣀⣤⣶⣿ ?", true})
	}
	return append(checks, terminalCheck{"mouse " + map[bool]string{true: "on", false: "off"}[a.Mouse], a.Mouse})
}
