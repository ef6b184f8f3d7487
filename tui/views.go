package tui

import (
	"maps"
	"slices"
	"strings"

	tea "github.com/charmbracelet/bubbletea"

	"github.com/heliosctl/heliosctl/tui/theme"
	"github.com/heliosctl/heliosctl/tui/widget"
)

// views opens saved views and saves the page that is shown as one: its screen, filter, order and columns.
type views struct {
	name    widget.Input
	address string // of the page that is shown; "" when it cannot be saved
	cursor  int
	offset  int
	message string
}

// viewRow is a line of the list: a view, or the offer to save one.
type viewRow struct {
	name, address string
	save          bool
}

func (a *app) openViews() tea.Cmd {
	v := &views{}
	if p, ok := a.here(); ok {
		p.Selected = ""
		v.address = p.String()
	}
	return a.open(v)
}

// rows are the views whose name has what is typed in it, and what can be saved under that name.
func (v *views) rows(a *app) []viewRow {
	typed := strings.TrimSpace(v.name.Value())
	var rows []viewRow
	for _, name := range slices.Sorted(maps.Keys(a.State.Views)) {
		if strings.Contains(strings.ToLower(name), strings.ToLower(typed)) {
			rows = append(rows, viewRow{name: name, address: a.State.Views[name]})
		}
	}
	if typed != "" && v.address != "" {
		rows = append(rows, viewRow{name: typed, address: v.address, save: true})
	}
	return rows
}

func (v *views) key(a *app, msg tea.KeyMsg) tea.Cmd {
	rows := v.rows(a)
	v.message = ""
	switch name := msg.String(); name {
	case "esc":
		a.modal = nil
	case "up", "ctrl+p":
		v.cursor = max(0, v.cursor-1)
	case "down", "ctrl+n", "tab":
		v.cursor = min(max(0, len(rows)-1), v.cursor+1)
	case "ctrl+d", "delete":
		if v.cursor < len(rows) && !rows[v.cursor].save {
			forgotten := rows[v.cursor].name
			v.message = "forgot " + forgotten
			return a.remember(func(s *State) { s.SetView(forgotten, "") })
		}
	case "enter":
		if v.cursor < len(rows) {
			return v.choose(a, rows[v.cursor])
		}
		v.message = "type a name to save this screen under"
	default:
		if !v.name.Key(name) && (msg.Type == tea.KeyRunes || msg.Type == tea.KeySpace) {
			v.name.Insert(msg.Runes)
		}
		v.cursor = 0
	}
	return nil
}

func (v *views) choose(a *app, row viewRow) tea.Cmd {
	a.modal = nil
	if row.save {
		a.say("saved view %s", row.name)
		return a.remember(func(s *State) { s.SetView(row.name, row.address) })
	}
	return a.openView(row.name)
}

// openView shows a saved view.
func (a *app) openView(name string) tea.Cmd {
	p, err := ParsePlace(a.State.Views[name])
	if err != nil {
		a.say("view %s: %v", name, err)
		return nil
	}
	a.say("view %s", name)
	return a.goPlace(p)
}

func (v *views) draw(a *app, area widget.Area) {
	rows := v.rows(a)
	v.cursor = min(v.cursor, max(0, len(rows)-1))
	in := widget.Panel{Title: "Saved views", Note: a.shownKey("⏎ open or save · ctrl-d forget · esc"), Border: theme.Focus, BG: theme.Panel}.
		Draw(centre(area, min(area.W-4, 76), min(max(len(rows), 2)+5, area.H-2)))
	on := func(c theme.Color) theme.Style { return theme.Style{FG: c, BG: theme.Panel} }
	in.Text(0, 0, on(theme.Focus), "❯")
	v.name.Draw(in, 2, 0, in.W-2, theme.Panel, true)
	body := in.Sub(0, 2, in.W, in.H-2)
	switch {
	case v.message != "":
		in.Cut(2, 1, in.W-2, on(theme.Warn), v.message)
	case len(rows) == 0 && v.address == "":
		body.Cut(2, 0, body.W-2, on(theme.Muted), "there is none yet, and this page cannot be saved as one")
	case len(rows) == 0:
		body.Cut(2, 0, body.W-2, on(theme.Muted), "there is none yet; type a name to save this screen under")
	}
	v.offset = min(max(v.offset, v.cursor-body.H+1), v.cursor)
	for y := 0; y < body.H && v.offset+y < len(rows); y++ {
		row := rows[v.offset+y]
		line, bg := body.Row(y), theme.Panel
		if v.offset+y == v.cursor {
			bg = theme.Select
			line.Fill(bg)
			line.Text(0, 0, theme.Style{FG: theme.Focus, BG: bg, Attr: theme.Bold}, "▌")
		}
		name, style := row.name, theme.Style{FG: theme.Text, BG: bg}
		if _, there := a.State.Views[row.name]; row.save {
			name, style.FG = map[bool]string{true: "replace ", false: "save as "}[there]+row.name, theme.OK
		}
		x := line.Cut(2, 0, max(12, line.W/3), style, name)
		x = max(x+2, line.W/3+2)
		line.Cut(x, 0, line.W-x, theme.Style{FG: theme.Muted, BG: bg}, row.address)
	}
}
