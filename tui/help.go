package tui

import (
	"slices"
	"strconv"
	"strings"

	tea "github.com/charmbracelet/bubbletea"

	"github.com/heliosctl/heliosctl/tui/theme"
	"github.com/heliosctl/heliosctl/tui/widget"
)

// help tells what the keys of a page do. It is made of the commands that are in force.
type help struct {
	page   page
	search widget.Input
	offset int
	lines  int
	room   int
}

func newHelp(a *app) *help { return &help{page: a.page} }

func (h *help) key(a *app, msg tea.KeyMsg) tea.Cmd {
	if h.search.Value() == "" && find(a.globals(), msg) == withID(a.globals(), "help") {
		a.modal = nil
		return nil
	}
	switch name := msg.String(); name {
	case "esc", "enter":
		a.modal = nil
	case "down", "pgdown":
		h.offset = min(h.offset+5, max(0, h.lines-h.room))
	case "up", "pgup":
		h.offset = max(0, h.offset-5)
	default:
		if !h.search.Key(name) && (msg.Type == tea.KeyRunes || msg.Type == tea.KeySpace) {
			h.search.Insert(msg.Runes)
		}
		h.offset = 0
	}
	return nil
}

// helpLine is a key and what it does, or a heading when there is no key.
type helpLine struct {
	key, text string
	look      *stateLook
	color     theme.Color
}

func (h *help) matching(lines []helpLine) []helpLine {
	word := strings.ToLower(h.search.Value())
	if word == "" {
		return lines
	}
	var found []helpLine
	for _, l := range lines {
		if strings.Contains(strings.ToLower(l.key+" "+l.text), word) {
			found = append(found, l)
		}
	}
	return found
}

// commandLines are a line for each command, but one for all numbered screens that keep their numbers, whose names are on every screen.
func (a *app) commandLines(commands, over []*command) []helpLine {
	taken := map[string]bool{}
	for _, c := range over {
		for _, key := range c.binding.Keys() {
			taken[key] = true
		}
	}
	var lines []helpLine
	numbered := a.numberedScreens()
	if n := len(numbered); n > 0 && slices.ContainsFunc(commands, func(c *command) bool { return numbered[c.id] }) {
		lines = append(lines, helpLine{key: a.screens[0].key + "-" + a.screens[n-1].key, text: "screens"})
	}
	for _, c := range commands {
		if numbered[c.id] {
			continue
		}
		shadowed := len(c.binding.Keys()) == 1 && taken[c.binding.Keys()[0]]
		if help := c.binding.Help(); !shadowed && help.Key != "" {
			line := helpLine{key: a.shownKey(help.Key), text: help.Desc}
			if c.write {
				line.color = theme.Warn
			}
			lines = append(lines, line)
		}
	}
	return lines
}

// numberedScreens are the commands of the screens, as long as each has its number and nothing else.
func (a *app) numberedScreens() map[string]bool {
	numbered := map[string]bool{}
	for i, s := range a.screens {
		if a.keyOf(s.command()) != strconv.Itoa(i+1) {
			return nil
		}
		numbered[s.command()] = true
	}
	return numbered
}

var filterLines = []helpLine{
	{key: "web  a|b", text: "in the row, a or b"}, {key: "!web", text: "not in the row"}, {key: "~wb1", text: "letters in order"},
	{key: "/^pay-1/", text: "expression"}, {key: "role=pay rack!=b7", text: "labels, fields"},
	{key: "load>80 mem>90", text: "per cent"}, {key: "state:FAILED|UNKN", text: "task states"}, {key: "seen>60s age<1h", text: "durations"},
}

func legendLines() []helpLine {
	var lines []helpLine
	for i := range countSilent {
		lines = append(lines, helpLine{key: string(looks[i].glyph) + " " + looks[i].code, text: string(looks[i].state), look: &looks[i]})
	}
	return append(lines, helpLine{key: throttleGlyphs[0], text: "FLAPPING (throttled)", color: theme.Fail}, helpLine{key: throttleGlyphs[1], text: "IMAGE_MISSING", color: theme.Fail},
		helpLine{key: throttleGlyphs[2], text: "IMAGE_PULL_FAILED", color: theme.Fail})
}

func (h *help) draw(a *app, area widget.Area) {
	own := h.matching(a.commandLines(a.commandsOf(h.page), nil))
	everywhere := h.matching(a.commandLines(a.globals(), a.commandsOf(h.page)))
	legend, filters := h.matching(legendLines()), h.matching(filterLines)
	columns := 1
	if area.W >= 100 {
		columns = 3
	}
	box := centre(area, min(area.W-4, 120), min(area.H-1, max(len(own), len(everywhere), len(legend)+len(filters)+2)+6))
	in := widget.Panel{Title: "Help: " + strings.Join(h.page.crumbs(), " › "), Note: "type to search · esc", Border: theme.Focus, BG: theme.Panel}.Draw(box)
	on := func(c theme.Color) theme.Style { return theme.Style{FG: c, BG: theme.Panel} }
	top := 0
	if h.search.Value() != "" {
		in.Text(0, 0, on(theme.Focus), "❯")
		h.search.Draw(in, 2, 0, 30, theme.Panel, true)
		top = 1
	}
	body := in.Sub(0, top, in.W, in.H-2-top)
	h.room = body.H
	if columns == 3 {
		w := (body.W + 2) / 3
		h.lines = max(len(own), len(everywhere), len(legend)+len(filters)+2) + 2
		h.column(body.Sub(0, 0, w-2, body.H), "THIS SCREEN", own, 13)
		h.column(body.Sub(w, 0, w-2, body.H), "EVERYWHERE", everywhere, 11)
		y := h.column(body.Sub(2*w, 0, w, body.H), "LEGEND", legend, 8)
		h.column(body.Sub(2*w, y+1, w, body.H-y-1), "FILTER", filters, 17)
		if rest := h.lines - h.offset - body.H; rest > 1 {
			box.Text(3, box.H-1, theme.Style{FG: theme.Muted, BG: theme.Panel}, " ▼ more with "+a.shownKey("↓")+" ")
		}
	} else {
		lines := []helpLine{{text: "THIS SCREEN"}}
		lines = append(append(lines, own...), helpLine{text: "EVERYWHERE"})
		lines = append(append(lines, everywhere...), helpLine{text: "FILTER"})
		lines = append(append(lines, filters...), helpLine{text: "LEGEND"})
		lines = append(lines, legend...)
		h.lines = len(lines) + 1
		h.rows(body, lines, 20)
		widget.Scrollbar(box.Sub(0, 1+top, box.W, body.H), h.offset, body.H, h.lines)
	}
	x := in.Text(0, in.H-1, on(theme.Muted), "CLI twin of this screen: ")
	if t, ok := h.page.(twin); ok {
		in.Cut(x, in.H-1, in.W-x-10, on(theme.OK), t.commandLine(a))
	}
	in.Right(in.W, in.H-1, on(theme.Muted), a.Version)
}

// column draws a heading and its lines and returns the row below them.
func (h *help) column(area widget.Area, title string, lines []helpLine, keys int) int {
	area.Text(0, 0, theme.Style{FG: theme.Focus, BG: theme.Panel, Attr: theme.Bold}, title)
	h.rows(area.Sub(0, 1, area.W, area.H-1), lines, keys)
	return len(lines) + 1 - h.offset
}

func (h *help) rows(area widget.Area, lines []helpLine, keys int) {
	for y := 0; y < area.H && h.offset+y < len(lines); y++ {
		l := lines[h.offset+y]
		style := theme.Style{FG: theme.Focus, BG: theme.Panel, Attr: theme.Bold}
		text := theme.Style{FG: theme.Text, BG: theme.Panel}
		switch {
		case l.key == "":
			area.Text(0, y, style, l.text)
			continue
		case l.look != nil:
			style.FG = l.look.color
			area.Repeat(area.W-7, y, 6, theme.Style{FG: l.look.color, BG: theme.Panel}, l.look.laneBy)
		case l.color != theme.Text:
			text.FG = l.color
		}
		area.Cut(0, y, keys, style, l.key)
		area.Cut(keys+1, y, area.W-keys-1-btoi(l.look != nil)*8, text, l.text)
	}
}
