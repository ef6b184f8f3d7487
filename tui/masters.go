package tui

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
	"time"

	tea "github.com/charmbracelet/bubbletea"

	"github.com/heliosctl/heliosctl/model"
	"github.com/heliosctl/heliosctl/tui/theme"
	"github.com/heliosctl/heliosctl/tui/widget"
)

// masters shows the masters and the members of the gossip pool.
type masters struct {
	*list[*memberRow]
	keys []*command
}

// memberRow is a member as a row.
type memberRow struct{ model.Member }

func (m *memberRow) filterText() string {
	return strings.ToLower(m.Name + " " + m.Role + " " + string(m.Status) + " " + m.Address + " " + m.Version)
}

func (m *memberRow) filterField(key string, _ time.Time) (string, float64, bool) {
	switch key {
	case "name", "host":
		return m.Name, 0, true
	case "role":
		return m.Role, 0, true
	case "status", "state":
		return string(m.Status), 0, true
	case "version":
		return m.Version, 0, true
	}
	value, ok := m.Tags[key]
	return value, 0, ok
}

func newMasters(*app) page {
	p := &masters{}
	text := func(f func(m *memberRow) string) column[*memberRow] {
		return column[*memberRow]{text: f, compare: func(a, b *memberRow) int { return strings.Compare(f(a), f(b)) }}
	}
	named := func(id, title string, width, priority int, f func(m *memberRow) string) column[*memberRow] {
		c := text(f)
		c.id, c.title, c.width, c.priority = id, title, width, priority
		return c
	}
	columns := []column[*memberRow]{
		named("status", "STATUS", 9, 0, func(m *memberRow) string { return string(m.Status) }),
		named("name", "NAME", 22, 0, func(m *memberRow) string { return m.Name }),
		named("role", "ROLE", 7, 1, func(m *memberRow) string { return cmp.Or(m.Role, "other") }),
		named("address", "GOSSIP", 22, 2, func(m *memberRow) string { return m.Address }),
		named("version", "VERSION", 9, 3, func(m *memberRow) string { return m.Version }),
		named("api", "API", 28, 4, func(m *memberRow) string { return m.API }),
	}
	columns[0].draw = func(a widget.Area, x, w int, m *memberRow, bg theme.Color) {
		glyph, color := "▲", theme.OK
		switch m.Status {
		case model.MemberFailed:
			glyph, color = "▼", theme.Fail
		case model.MemberLeft, model.MemberLeaving:
			glyph, color = "○", theme.Stopped
		}
		a.Cut(x, 0, w, theme.Style{FG: color, BG: bg}, glyph+" "+string(m.Status))
	}
	columns[1].fit, columns[3].fit = true, true
	columns[1].style = func(*memberRow) theme.Style { return plain }
	columns[5].flex = true
	p.list = newList(list[*memberRow]{
		name: "members", id: func(m *memberRow) string { return m.Role + " " + m.Name }, columns: columns, ranked: "masters first",
		rank: func(m *memberRow) int {
			return 2*boolRank(m.Status != model.MemberAlive) + boolRank(m.Role == model.RoleMaster)
		},
		problem: func(m *memberRow) bool { return m.Status != model.MemberAlive },
	})
	p.keys = append([]*command{
		bind("masters.inspect", "y enter", "json", func(a *app) tea.Cmd {
			m, ok := p.current()
			if !ok {
				return nil
			}
			member := m.Member
			return a.goTo(newInspect([]string{"Masters", member.Name, "JSON"}, "", func(*app) any { return member }))
		}),
	}, p.moves()...)
	return p
}

func boolRank(b bool) int {
	if b {
		return 1
	}
	return 0
}

func (p *masters) crumbs() []string          { return []string{"Masters"} }
func (p *masters) commands() []*command      { return p.keys }
func (p *masters) escape(*app) bool          { return p.list.escape() }
func (p *masters) commandLine(a *app) string { return a.program() + " masters" }

func (p *masters) refresh(a *app) {
	rows := make([]*memberRow, 0, len(a.snap.Members))
	for _, m := range a.snap.Members {
		rows = append(rows, &memberRow{m})
	}
	slices.SortStableFunc(rows, func(a, b *memberRow) int { return strings.Compare(a.Name, b.Name) })
	p.set(rows)
}

func (p *masters) status(a *app) (left, right []widget.Span) { return p.list.status(a) }

func (p *masters) draw(a *app, area widget.Area) {
	top, rest := area.SplitY(min(len(a.snap.Masters)+3, area.H/2))
	alive := 0
	for _, m := range a.snap.Masters {
		alive += boolRank(m.Alive && m.Voter)
	}
	voters := 0
	for _, m := range a.snap.Masters {
		voters += boolRank(m.Voter)
	}
	panel := widget.Panel{Title: fmt.Sprintf("Masters (%d)", len(a.snap.Masters)), Note: fmt.Sprintf("%d of %d voters alive, %d needed", alive, voters, voters/2+1)}
	if alive < voters {
		panel.Border = theme.Warn
	}
	if alive < voters/2+1 {
		panel.Border = theme.Fail
	}
	in := panel.Draw(top)
	columns := []int{0, 12, 24, 32, 42, 52, 64}
	if in.W < 90 {
		columns = []int{0, 12, 24, 32, 42, 52, 200}
	}
	for i, name := range []string{"STATE", "NAME", "TERM", "APPLIED", "CONTACT", "VERSION", "API"} {
		in.Text(columns[i], 0, muted.Bold(), name)
	}
	for y, m := range a.snap.Masters {
		glyph, color := "●", theme.OK
		switch {
		case !m.Alive:
			glyph, color = "▼", theme.Fail
		case m.State == model.MasterLeader:
			glyph = "◆"
		case m.State != model.MasterFollower:
			glyph, color = "◌", theme.Warn
		}
		in.Cut(0, y+1, 11, theme.Fg(color), glyph+" "+string(m.State))
		name := m.Name
		if m.Connected {
			name += " ←"
		}
		in.Cut(columns[1], y+1, 11, strong, name)
		in.Text(columns[2], y+1, muted, fmt.Sprint(m.Term))
		in.Text(columns[3], y+1, muted, fmt.Sprint(m.Index))
		contact := "—"
		if m.LastContact >= 0 {
			contact = fmt.Sprintf("%d ms", m.LastContact.Milliseconds())
		}
		in.Text(columns[4], y+1, muted, contact)
		in.Cut(columns[5], y+1, 11, muted, m.Version)
		in.Text(columns[6], y+1, muted, m.Address)
	}
	p.list.draw(a, rest)
}
