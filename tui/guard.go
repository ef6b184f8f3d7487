package tui

import (
	"fmt"
	"runtime/debug"
	"sync"

	tea "github.com/charmbracelet/bubbletea"
)

// Panic is the error of a console that a bug has ended. The terminal has been restored.
type Panic struct {
	Value any
	Stack []byte
}

func (p *Panic) Error() string { return fmt.Sprintf("panic: %v", p.Value) }

// guard runs the console and ends it in good order when something in it panics, wherever that is: in what a key does, in drawing, or in
// a command that runs beside.
type guard struct {
	app  *app
	send func(tea.Msg) // to the program

	mu    sync.Mutex
	cause *Panic // the first one
}

type panicMsg struct{}

// caught keeps what a deferred recover has found. It reports whether there was a panic.
func (g *guard) caught(value any) bool {
	if value == nil {
		return false
	}
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.cause == nil {
		g.cause = &Panic{value, debug.Stack()}
	}
	return true
}

func (g *guard) panicked() *Panic {
	g.mu.Lock()
	defer g.mu.Unlock()
	return g.cause
}

// Init begins what the console does.
func (g *guard) Init() tea.Cmd {
	defer g.stopAfter()
	return g.watched(g.app.Init())
}

// Update hands a message on.
func (g *guard) Update(msg tea.Msg) (model tea.Model, cmd tea.Cmd) {
	defer func() {
		if g.caught(recover()) {
			model, cmd = g, tea.Quit
		}
	}()
	if _, ok := msg.(panicMsg); ok || g.panicked() != nil {
		return g, tea.Quit
	}
	_, cmd = g.app.Update(msg)
	return g, g.watched(cmd)
}

// View draws; nothing once something is wrong.
func (g *guard) View() (frame string) {
	defer g.stopAfter()
	if g.panicked() != nil {
		return ""
	}
	return g.app.View()
}

// stopAfter is deferred by what cannot end the program itself. It does not wait: the program is busy calling it.
func (g *guard) stopAfter() {
	if g.caught(recover()) {
		go g.send(panicMsg{})
	}
}

// watched is a command that ends the console when it panics.
func (g *guard) watched(cmd tea.Cmd) tea.Cmd {
	if cmd == nil {
		return nil
	}
	return func() (msg tea.Msg) {
		defer func() {
			if g.caught(recover()) {
				msg = panicMsg{}
			}
		}()
		msg = cmd()
		if batch, ok := msg.(tea.BatchMsg); ok {
			for i := range batch {
				batch[i] = g.watched(batch[i])
			}
		}
		return msg
	}
}
