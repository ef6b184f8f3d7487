package tui

import (
	"context"
	"fmt"

	tea "github.com/charmbracelet/bubbletea"
)

// Stage is the console without a terminal: keys go in, frames come out. What would run beside it runs at once, so that the same keys
// always lead to the same frame. Pictures and tests are made with it.
type Stage struct{ app *app }

// NewStage makes a console of a size.
func NewStage(o Options, w, h int) *Stage {
	a := newApp(o)
	a.alone = true
	s := &Stage{app: a}
	a.async = func(do func(context.Context) tea.Msg) tea.Cmd {
		return func() tea.Msg { return do(context.Background()) }
	}
	s.Resize(w, h)
	return s
}

// Resize changes the size of the screen.
func (s *Stage) Resize(w, h int) { s.update(tea.WindowSizeMsg{Width: w, Height: h}) }

// Refresh takes over what the source has now.
func (s *Stage) Refresh() { s.app.refresh() }

// Press presses keys, named as Bubble Tea names them; a name it does not know is typed letter by letter.
func (s *Stage) Press(keys ...string) {
	for _, name := range keys {
		if msg, ok := namedKeys[name]; ok {
			s.update(msg)
			continue
		}
		for _, r := range name {
			if r == ' ' {
				s.update(tea.KeyMsg{Type: tea.KeySpace, Runes: []rune{' '}})
				continue
			}
			s.update(tea.KeyMsg{Type: tea.KeyRunes, Runes: []rune{r}})
		}
	}
}

// Click presses the left button of the mouse on a cell of the last frame.
func (s *Stage) Click(x, y int) {
	s.update(tea.MouseMsg{X: x, Y: y, Button: tea.MouseButtonLeft, Action: tea.MouseActionPress})
}

// Type gives letters in one message, as they come over a slow line.
func (s *Stage) Type(text string) { s.update(tea.KeyMsg{Type: tea.KeyRunes, Runes: []rune(text)}) }

// Twin returns the command line that the dialog on the screen shows, else that of the page.
func (s *Stage) Twin() string {
	switch on := s.app.modal.(type) {
	case *dialog:
		return on.cli(on.targets)
	case interface{ commandLine(a *app) string }:
		return on.commandLine(s.app)
	}
	if page, ok := s.app.page.(twin); ok {
		return page.commandLine(s.app)
	}
	return ""
}

// Paste gives text as a terminal does that tells what is pasted from what is typed.
func (s *Stage) Paste(text string) {
	s.update(tea.KeyMsg{Type: tea.KeyRunes, Runes: []rune(text), Paste: true})
}

// Frame returns what is on the screen, with control sequences.
func (s *Stage) Frame() string { return s.app.View() }

// Plain returns what is on the screen as text.
func (s *Stage) Plain() string {
	s.app.compose()
	return s.app.canvas.Plain()
}

// InDialog tells whether a dialog is open, which takes all keys.
func (s *Stage) InDialog() bool { return s.app.modal != nil }

// Welcome shows the first page of somebody who has no cluster yet.
func (s *Stage) Welcome(w Welcome) { s.app.modal = newFirstRun(w) }

var namedKeys = map[string]tea.KeyMsg{
	"enter": {Type: tea.KeyEnter}, "esc": {Type: tea.KeyEsc}, "tab": {Type: tea.KeyTab}, "shift+tab": {Type: tea.KeyShiftTab},
	"up": {Type: tea.KeyUp}, "down": {Type: tea.KeyDown}, "left": {Type: tea.KeyLeft}, "right": {Type: tea.KeyRight},
	"home": {Type: tea.KeyHome}, "end": {Type: tea.KeyEnd}, "pgup": {Type: tea.KeyPgUp}, "pgdown": {Type: tea.KeyPgDown},
	"ctrl+s": {Type: tea.KeyCtrlS}, "ctrl+t": {Type: tea.KeyCtrlT}, "ctrl+x": {Type: tea.KeyCtrlX}, "ctrl+y": {Type: tea.KeyCtrlY},
	"backspace": {Type: tea.KeyBackspace}, "ctrl+p": {Type: tea.KeyCtrlP}, "ctrl+u": {Type: tea.KeyCtrlU}, "ctrl+c": {Type: tea.KeyCtrlC},
	"ctrl+d": {Type: tea.KeyCtrlD}, "f1": {Type: tea.KeyF1}, "space": {Type: tea.KeySpace, Runes: []rune{' '}},
}

// update takes a message and does all that follows from it.
func (s *Stage) update(msg tea.Msg) {
	_, cmd := s.app.Update(msg)
	s.do(cmd, 0)
}

func (s *Stage) do(cmd tea.Cmd, depth int) {
	if cmd == nil || depth > 20 {
		return
	}
	switch msg := cmd().(type) {
	case nil:
	case tea.BatchMsg:
		for _, c := range msg {
			s.do(c, depth+1)
		}
	case answer:
		_, next := s.app.Update(msg)
		s.do(next, depth+1)
	case tea.QuitMsg:
	default:
		if fmt.Sprintf("%T", msg) != "tea.clearScreenMsg" {
			s.update(msg)
		}
	}
}
