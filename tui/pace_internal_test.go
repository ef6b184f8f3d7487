package tui

import (
	"testing"

	tea "github.com/charmbracelet/bubbletea"
)

func TestThePaceFollowsTheFocus(t *testing.T) {
	a := newApp(Options{Source: nowhere()})
	if a.pace() != frameTime {
		t.Errorf("the pace is %s", a.pace())
	}
	a.Update(tea.BlurMsg{})
	if a.pace() != blurredTime {
		t.Errorf("without the focus the pace is %s", a.pace())
	}
	a.Update(tea.FocusMsg{})
	if a.pace() != frameTime {
		t.Errorf("with the focus again the pace is %s", a.pace())
	}
}
