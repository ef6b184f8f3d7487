package tui

import (
	"fmt"
	"slices"
	"strings"

	tea "github.com/charmbracelet/bubbletea"

	"github.com/heliosctl/heliosctl/model"
	"github.com/heliosctl/heliosctl/tui/theme"
	"github.com/heliosctl/heliosctl/tui/widget"
)

// palette finds anything by a few letters: what the page can do, and every screen, host, job and group.
type palette struct {
	input   widget.Input
	entries []entry
	found   []int
	cursor  int
	offset  int
}

// entry is one line of the palette.
type entry struct {
	section string // "ACTIONS", "GO TO", "SETTINGS"
	kind    byte   // that a prefix restricts to: ':' action, '#' host, '>' job, '@' group
	glyph   string
	color   theme.Color
	title   string
	note    string
	keys    string
	cli     string
	do      func(a *app) tea.Cmd
}

func newPalette(a *app) *palette {
	p := &palette{}
	for _, c := range slices.Concat(a.commandsOf(a.page), a.globals()) {
		help := c.binding.Help()
		if help.Desc == "" || strings.HasPrefix(c.id, "list.up") || strings.HasPrefix(c.id, "list.down") || c.id == "palette" {
			continue
		}
		e := entry{section: "ACTIONS", kind: ':', glyph: "▸", color: theme.Warn, title: help.Desc, note: a.page.crumbs()[0], keys: a.shownKey(help.Key), do: func(a *app) tea.Cmd { return a.run(c) }}
		if strings.HasPrefix(c.id, "screen.") {
			e.section, e.title, e.glyph, e.color, e.note = "GO TO", "Screen "+help.Desc, "▸", theme.Focus, "screen"
		}
		p.entries = append(p.entries, e)
	}
	p.addObjects(a)
	for _, name := range sortedKeys(a.State.Views) {
		p.entries = append(p.entries, entry{section: "GO TO", kind: ':', glyph: "◈", color: theme.Focus, title: "View " + name, note: a.State.Views[name],
			keys: a.keyOf("views"), do: func(a *app) tea.Cmd { return a.openView(name) }})
	}
	for _, name := range theme.Names() {
		p.entries = append(p.entries, entry{section: "SETTINGS", kind: ':', glyph: "◐", color: theme.Muted, title: "theme " + name, note: "colours", do: func(a *app) tea.Cmd { return a.setTheme(name) }})
	}
	p.entries = append(p.entries, entry{section: "SETTINGS", kind: ':', glyph: "◐", color: theme.Muted, title: "readonly", note: "until the end", do: func(a *app) tea.Cmd {
		a.ReadOnly = true // and no way back: who started it so must be able to rely on it
		a.say("read-only from now on")
		return nil
	}}, entry{section: "SETTINGS", kind: ':', glyph: "◐", color: theme.Muted, title: "ascii", note: "glyphs on or off", do: func(a *app) tea.Cmd {
		a.ASCII = !a.ASCII
		return tea.ClearScreen
	}})
	p.narrow()
	return p
}

func (p *palette) addObjects(a *app) {
	for _, g := range a.snap.Groups {
		glyph, color, note := "○", theme.Stopped, "group"
		if g.Rollout != nil {
			pr := progressOf(g.Rollout)
			glyph, color = rolloutGlyph(g.Rollout.State), rolloutColor(g.Rollout.State)
			note = fmt.Sprintf("group · %s %d/%d", g.Rollout.State, pr.done, pr.total)
		}
		name := g.Spec.Name
		p.entries = append(p.entries,
			entry{section: "GO TO", kind: '@', glyph: glyph, color: color, title: "Rollout " + name, note: note, do: func(a *app) tea.Cmd { return a.goTo(newRollout(name)) }},
			entry{section: "ACTIONS", kind: ':', glyph: "▶", color: theme.Warn, title: "Rolling update " + name + "…", note: "group", keys: a.keyOn(a.root(3), "groups.roll"),
				cli: a.program() + " rolling-update <job> " + name, do: writing(func(a *app) tea.Cmd { return a.chooseRollout(g) })})
		if g.Rollout != nil && g.Rollout.Active() {
			p.entries = append(p.entries, entry{section: "ACTIONS", kind: ':', glyph: "■", color: theme.Warn, title: "Stop rollout " + name + "…", note: "group", keys: a.keyOn(a.root(3), "groups.stop"),
				cli: a.program() + " stop-deployment-group " + name, do: writing(func(a *app) tea.Cmd { return a.confirmRollout(VerbRollStop, []*Group{g}) })})
		}
	}
	for _, j := range a.snap.Jobs {
		id := j.Spec.ID
		glyph, color := "●", theme.OK
		if j.Counts.Problems() > 0 {
			glyph, color = "✗", theme.Fail
		}
		p.entries = append(p.entries, entry{section: "GO TO", kind: '>', glyph: glyph, color: color, title: "Job " + id.Name + ":" + id.Version,
			note: fmt.Sprintf("%d/%d running", j.Counts.states[countRunning], j.Counts.Total()), cli: a.program() + " status --job " + id.Name + ":" + id.Version,
			do: func(a *app) tea.Cmd { return a.goTo(newJobDetail(id, "")) }})
	}
	for _, h := range a.snap.Hosts {
		name := h.Name
		glyph, color := "▲", theme.OK
		if h.Status != model.Up {
			glyph, color = "▼", theme.Fail
		}
		p.entries = append(p.entries, entry{section: "GO TO", kind: '#', glyph: glyph, color: color, title: "Host " + name,
			note: fmt.Sprintf("%d tasks", h.Counts.Total()), cli: a.program() + " hosts " + name, do: func(a *app) tea.Cmd { return a.goTo(newHostDetail(name)) }})
	}
}

// writing is for what changes something: refused like the key that does it.
func writing(do func(a *app) tea.Cmd) func(a *app) tea.Cmd {
	return func(a *app) tea.Cmd { return a.run(&command{write: true, run: do}) }
}

var sections = []string{"ACTIONS", "GO TO", "SETTINGS"}

// narrow finds what matches: every word has to be there, its letters side by side if they are anywhere, else in order.
func (p *palette) narrow() {
	text := strings.ToLower(strings.TrimSpace(p.input.Value()))
	var kind byte
	if text != "" && strings.IndexByte(":#>@", text[0]) >= 0 {
		kind, text = text[0], strings.TrimSpace(text[1:])
	}
	words := strings.Fields(text)
	p.found, p.cursor, p.offset = p.found[:0], 0, 0
	var loose []int
	for i := range p.entries {
		e := &p.entries[i]
		if kind != 0 && e.kind != kind {
			continue
		}
		title := strings.ToLower(e.title)
		if containsAll(title, words) {
			p.found = append(p.found, i)
		} else if len(words) > 0 && fuzzy(title, strings.Join(words, "")) {
			loose = append(loose, i)
		}
	}
	if len(p.found) == 0 {
		p.found = loose
	}
	slices.SortStableFunc(p.found, func(x, y int) int {
		return slices.Index(sections, p.entries[x].section) - slices.Index(sections, p.entries[y].section)
	})
}

func containsAll(text string, words []string) bool {
	for _, word := range words {
		if !strings.Contains(text, word) {
			return false
		}
	}
	return true
}

func (p *palette) key(a *app, msg tea.KeyMsg) tea.Cmd {
	if msg.Type != tea.KeyRunes && find(a.globals(), msg) == withID(a.globals(), "palette") {
		a.modal = nil
		return nil
	}
	switch name := msg.String(); name {
	case "esc":
		a.modal = nil
	case "up", "ctrl+k":
		p.cursor = max(0, p.cursor-1)
	case "down", "ctrl+j", "tab":
		p.cursor = min(max(0, len(p.found)-1), p.cursor+1)
	case "pgdown":
		p.cursor = min(max(0, len(p.found)-1), p.cursor+10)
	case "pgup":
		p.cursor = max(0, p.cursor-10)
	case "enter":
		return p.choose(a)
	default:
		if !p.input.Key(name) && (msg.Type == tea.KeyRunes || msg.Type == tea.KeySpace) {
			p.input.Insert(msg.Runes)
		}
		p.narrow()
	}
	return nil
}

// choose does what the line says, or what has been typed as a command: a screen with a filter.
func (p *palette) choose(a *app) tea.Cmd {
	a.modal = nil
	if typed := strings.TrimSpace(p.input.Value()); strings.ContainsAny(typed, "?/") && (len(p.found) == 0 || strings.Contains(typed, "?")) {
		if place, err := ParsePlace(typed); err == nil {
			return a.goPlace(place)
		}
	}
	word, rest, _ := strings.Cut(strings.TrimSpace(p.input.Value()), " ")
	for i, s := range a.screens {
		if strings.EqualFold(word, s.name) && (rest != "" || len(p.found) == 0) {
			return a.goFiltered(i, rest)
		}
	}
	if p.cursor >= len(p.found) {
		a.say("nothing is called %q", p.input.Value())
		return nil
	}
	return p.entries[p.found[p.cursor]].do(a)
}

func (p *palette) draw(a *app, area widget.Area) {
	box := centre(area, min(84, area.W-4), min(24, area.H-2))
	in := widget.Panel{Title: "Command palette", Note: "esc closes", Border: theme.Focus, BG: theme.Panel}.Draw(box)
	note := fmt.Sprintf("%d of %d · @group >job #host :action", len(p.found), len(p.entries))
	on := func(c theme.Color) theme.Style { return theme.Style{FG: c, BG: theme.Panel} }
	in.Text(0, 0, on(theme.Focus), "❯")
	end := in.W
	if in.W > 60 {
		end = in.Right(in.W, 0, on(theme.Muted), note)
	}
	p.input.Draw(in, 2, 0, max(10, end-3), theme.Panel, true)
	in.Repeat(0, 1, in.W, on(theme.Border), '─')
	rows := in.Sub(0, 2, in.W, in.H-4)
	p.drawFound(rows, box)
	in.Repeat(0, in.H-2, in.W, on(theme.Border), '─')
	x := in.Text(0, in.H-1, on(theme.Muted), "CLI: ")
	if p.cursor < len(p.found) {
		e := &p.entries[p.found[p.cursor]]
		cli := e.cli
		if t, ok := a.page.(twin); cli == "" && ok {
			cli = t.commandLine(a)
		}
		in.Cut(x, in.H-1, in.W-x, on(theme.OK), cli)
	}
}

func (p *palette) drawFound(rows, box widget.Area) {
	p.offset = min(max(p.offset, p.cursor-max(0, rows.H-4)), p.cursor)
	y, section := 0, ""
	words := strings.Fields(strings.ToLower(strings.TrimLeft(p.input.Value(), ":#>@")))
	for i := p.offset; i < len(p.found) && y < rows.H; i++ {
		e := &p.entries[p.found[i]]
		if e.section != section {
			section = e.section
			rows.Text(0, y, theme.Style{FG: theme.Faint, BG: theme.Panel}, section)
			y++
			if y >= rows.H {
				return
			}
		}
		bg := theme.Panel
		if i == p.cursor {
			bg = theme.Select
			widget.SelectRow(box.Sub(1, 3+y, box.W-2, 1))
		}
		line := rows.Row(y)
		line.Text(1, 0, theme.Style{FG: e.color, BG: bg}, e.glyph)
		p.drawTitle(line, e.title, words, bg)
		at := max(line.W*55/100, 3+widget.Width(e.title)+2)
		end := line.Right(line.W-1, 0, theme.Style{FG: theme.Muted, BG: bg}, e.keys)
		line.Cut(at, 0, end-at-1, theme.Style{FG: theme.Muted, BG: bg}, e.note)
		y++
	}
}

// drawTitle underlines what has been typed.
func (p *palette) drawTitle(line widget.Area, title string, words []string, bg theme.Color) {
	line.Cut(3, 0, line.W-4, theme.Style{FG: theme.Text, BG: bg}, title)
	lower := strings.ToLower(title)
	for _, word := range words {
		if i := strings.Index(lower, word); i >= 0 && len(lower) == len(title) {
			line.Text(3+widget.Width(title[:i]), 0, theme.Style{FG: theme.Focus, BG: bg, Attr: theme.Bold | theme.Underline}, title[i:i+len(word)])
		}
	}
}
