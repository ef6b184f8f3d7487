package tui

import (
	"strings"

	tea "github.com/charmbracelet/bubbletea"

	"github.com/heliosctl/heliosctl/tui/theme"
	"github.com/heliosctl/heliosctl/tui/widget"
)

// option is one line of a chooser.
type option struct {
	title string
	note  string
	glyph string // before the title, in its colour
	color theme.Color
	on    bool
	do    func(a *app) tea.Cmd
}

// chooser asks for one of several options, or for any number of them. Typing narrows them down.
type chooser struct {
	title   string
	options []option
	many    bool
	search  widget.Input
	cursor  int
	offset  int
}

// matching are the options with what is searched for, else those with its letters in this order.
func (c *chooser) matching() []int {
	var found, loose []int
	word := strings.ToLower(c.search.Value())
	for i, o := range c.options {
		switch title := strings.ToLower(o.title); {
		case strings.Contains(title, word):
			found = append(found, i)
		case fuzzy(title, word):
			loose = append(loose, i)
		}
	}
	if len(found) == 0 {
		return loose
	}
	return found
}

func (c *chooser) key(a *app, msg tea.KeyMsg) tea.Cmd {
	found := c.matching()
	switch name := msg.String(); name {
	case "esc":
		a.modal = nil
	case "up", "ctrl+k":
		c.cursor = max(0, c.cursor-1)
	case "down", "ctrl+j":
		c.cursor = min(len(found)-1, c.cursor+1)
	case "enter", " ":
		if c.cursor >= len(found) || c.cursor < 0 {
			return nil
		}
		o := &c.options[found[c.cursor]]
		if c.many {
			if name == "enter" {
				a.modal = nil
				return nil
			}
			o.on = !o.on
			return o.do(a)
		}
		a.modal = nil
		return o.do(a)
	default:
		if !c.search.Key(name) && msg.Type == tea.KeyRunes {
			c.search.Insert(msg.Runes)
		}
		c.cursor = 0
	}
	return nil
}

func (c *chooser) draw(a *app, area widget.Area) {
	found := c.matching()
	w := 24
	for _, o := range c.options {
		w = max(w, widget.Width(o.title)+widget.Width(o.note)+12)
	}
	w = min(w, area.W-4, 76)
	h := min(len(c.options)+5, area.H-2)
	note := a.shownKey("⏎ choose · esc")
	if c.many {
		note = a.shownKey("space on/off · ⏎")
	}
	in := widget.Panel{Title: c.title, Note: note, Border: theme.Focus, BG: theme.Panel}.Draw(centre(area, max(w, len(note)+widget.Width(c.title)+10), h))
	in.Text(0, 0, theme.Style{FG: theme.Focus, BG: theme.Panel}, "❯")
	c.search.Draw(in, 2, 0, in.W-2, theme.Panel, true)
	rows := in.Sub(0, 2, in.W, in.H-2)
	c.offset = min(max(c.offset, c.cursor-rows.H+1), max(c.cursor, 0))
	for y := 0; y < rows.H && c.offset+y < len(found); y++ {
		o := c.options[found[c.offset+y]]
		line, bg := rows.Row(y), theme.Panel
		if c.offset+y == c.cursor {
			bg = theme.Select
			line.Fill(bg)
			line.Text(0, 0, theme.Style{FG: theme.Focus, BG: bg, Attr: theme.Bold}, "▌")
		}
		mark := " "
		if o.on {
			mark = "✓"
		}
		line.Text(1, 0, theme.Style{FG: theme.Focus, BG: bg}, mark)
		x := 3
		if o.glyph != "" {
			x = line.Text(x, 0, theme.Style{FG: o.color, BG: bg}, o.glyph) + 1
		}
		line.Cut(x, 0, line.W-x-1-widget.Width(o.note), theme.Style{FG: theme.Text, BG: bg}, o.title)
		line.Right(line.W-1, 0, theme.Style{FG: theme.Muted, BG: bg}, o.note)
	}
}

// centre is the part of an area in its middle that is so large, or what there is of it.
func centre(a widget.Area, w, h int) widget.Area {
	w, h = min(w, a.W), min(h, a.H)
	return a.Sub((a.W-w)/2, max(0, (a.H-h)/2), w, h)
}
