package tui

import (
	tea "github.com/charmbracelet/bubbletea"

	"github.com/heliosctl/heliosctl/tui/widget"
)

func (a *app) toggleMouse() tea.Cmd {
	a.Mouse = !a.Mouse
	if a.Mouse {
		a.say("mouse on; the terminal's own selection is off")
		return tea.EnableMouseCellMotion
	}
	a.say("mouse off")
	return tea.DisableMouse
}

// mouse makes keys of the wheel, so that it does what they do, and selects what is clicked on; a click on what is selected opens it.
func (a *app) mouse(msg tea.MouseMsg) tea.Cmd {
	k := tea.KeyMsg{Type: tea.KeyDown}
	switch msg.Button {
	case tea.MouseButtonWheelUp:
		k.Type = tea.KeyUp
	case tea.MouseButtonWheelDown:
	case tea.MouseButtonLeft:
		if msg.Action == tea.MouseActionPress && a.modal == nil {
			return a.click(msg.X, msg.Y)
		}
		return nil
	default:
		return nil
	}
	return tea.Batch(a.key(k), a.key(k), a.key(k))
}

// clicker is a page with rows that can be clicked on. It reports whether the row was selected already.
type clicker interface{ click(x, y int) (again bool) }

func (a *app) click(x, y int) tea.Cmd {
	for i, tab := range a.tabs {
		if covers(tab, x, y) && !a.zoomed {
			return a.goTo(a.root(i))
		}
	}
	c, ok := a.page.(clicker)
	if !ok {
		return nil
	}
	if c.click(x, y) {
		return a.key(tea.KeyMsg{Type: tea.KeyEnter})
	}
	if s, ok := a.page.(selecter); ok {
		return s.selectedNow(a)
	}
	return nil
}

func covers(area widget.Area, x, y int) bool {
	return x >= area.X && x < area.X+area.W && y >= area.Y && y < area.Y+area.H
}

func (l *list[T]) click(x, y int) (again bool) {
	at := l.offset + y - l.body.Y
	if !covers(l.body, x, y) || at >= len(l.order) {
		return false
	}
	again = at == l.cursor
	l.move(at - l.cursor)
	return again
}

func (d *hostDetail) click(x, y int) bool { return d.tasks.click(x, y) }

func (d *jobDetail) click(x, y int) bool { return d.view == 1 && d.tasks.click(x, y) }
