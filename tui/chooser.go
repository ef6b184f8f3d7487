package tui

import (
	"context"
	"strings"

	tea "github.com/charmbracelet/bubbletea"

	"github.com/heliosctl/heliosctl/tui/theme"
	"github.com/heliosctl/heliosctl/tui/widget"
)

// option is one line of a chooser.
type option struct {
	title string
	note  string
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

func (c *chooser) matching() []int {
	var found []int
	word := strings.ToLower(c.search.Value())
	for i, o := range c.options {
		if word == "" || fuzzy(strings.ToLower(o.title), word) {
			found = append(found, i)
		}
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
	note := "⏎ choose · esc"
	if c.many {
		note = "space on/off · ⏎"
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
		line.Cut(3, 0, line.W-4-widget.Width(o.note), theme.Style{FG: theme.Text, BG: bg}, o.title)
		line.Right(line.W-1, 0, theme.Style{FG: theme.Muted, BG: bg}, o.note)
	}
}

// centre is the part of an area in its middle that is so large, or what there is of it.
func centre(a widget.Area, w, h int) widget.Area {
	w, h = min(w, a.W), min(h, a.H)
	return a.Sub((a.W-w)/2, max(0, (a.H-h)/2), w, h)
}

// chooseCluster asks for another cluster to look at.
func (a *app) chooseCluster() tea.Cmd {
	if a.Switch == nil || len(a.Clusters) == 0 {
		a.say("there is no other cluster configured")
		return nil
	}
	var options []option
	for _, name := range a.Clusters {
		options = append(options, option{title: name, on: name == a.snap.Cluster.Name, do: func(a *app) tea.Cmd { return a.switchTo(name) }})
	}
	return a.open(&chooser{title: "Clusters", options: options})
}

type switchedMsg struct {
	source Source
	err    error
}

func (a *app) switchTo(name string) tea.Cmd {
	a.say("connecting to %s", name)
	return a.async(func(ctx context.Context) tea.Msg {
		source, err := a.Switch(ctx, name)
		return answer{to: (*switcher)(a), msg: switchedMsg{source, err}}
	})
}

// switcher takes over the source of another cluster.
type switcher app

func (s *switcher) receive(a *app, msg tea.Msg) tea.Cmd {
	switched := msg.(switchedMsg)
	if switched.err != nil {
		a.say("cannot switch: %v", switched.err)
		return nil
	}
	a.close()
	a.Source, a.back, a.forward, a.last = switched.source, nil, nil, nil
	a.roots = make([]page, len(a.screens))
	a.snap, a.troubleOf = a.Source.Snapshot(), 0
	a.page = a.root(0)
	a.refresh()
	return a.awaitChange()
}
