package tui

import (
	"context"

	tea "github.com/charmbracelet/bubbletea"

	"github.com/heliosctl/heliosctl/tui/theme"
)

// Settings are what can change while the console runs. A fault says why the new ones cannot be used; then nothing changes.
type Settings struct {
	Theme string
	Keys  map[string][]string
	Fault string
}

// awaitSettings waits for the configuration to change.
func (a *app) awaitSettings() tea.Cmd {
	if a.Reload == nil {
		return nil
	}
	return a.async(func(ctx context.Context) tea.Msg {
		select {
		case s := <-a.Reload:
			return s
		case <-ctx.Done():
			return nil
		}
	})
}

func (a *app) take(s Settings) tea.Cmd {
	if s.Fault != "" {
		a.say("the configuration is left as it was: %s", s.Fault)
		return nil
	}
	colors, err := theme.New(s.Theme, a.Theme.Profile())
	if err != nil {
		a.say("the configuration is left as it was: %v", err)
		return nil
	}
	a.Theme, a.Keys = colors, s.Keys
	a.say("took over the new configuration")
	return tea.ClearScreen
}
