package tui

import (
	"context"
	"errors"
	"io"
	"sync"
	"time"

	tea "github.com/charmbracelet/bubbletea"

	"github.com/heliosctl/heliosctl/tui/theme"
)

// Options say what the console shows and how.
type Options struct {
	Source   Source
	Theme    *theme.Theme  // default: dark
	Profile  theme.Profile // of the terminal, for a change of the theme
	ASCII    bool          // draw with ASCII characters
	ReadOnly bool          // no key changes anything
	Mouse    bool
	Version  string
	Program  string              // what the command line twins begin with, default heliosctl
	Keys     map[string][]string // by command, instead of its usual keys
	Now      func() time.Time    // default time.Now
	Zone     *time.Location      // of times that are shown, default the local one

	// Clusters are the others that can be looked at, by name. Switch makes the source of one; nil when there is only this one.
	Clusters []string
	Switch   func(ctx context.Context, name string) (Source, error)

	// Save writes a file for an export and returns where it is. Without it there are no exports.
	Save func(name string, content []byte) (string, error)

	In  io.Reader // default: the terminal
	Out io.Writer
}

func (o Options) withDefaults() Options {
	if o.Theme == nil {
		o.Theme, _ = theme.New(theme.Default, o.Profile) // the default is there
	}
	if o.Now == nil {
		o.Now = time.Now
	}
	if o.Zone == nil {
		o.Zone = time.Local
	}
	if o.Program == "" {
		o.Program = "heliosctl"
	}
	return o
}

// ErrPanic is what Run returns after a bug in the console. The terminal is restored and the trace has been printed.
var ErrPanic = tea.ErrProgramPanic

// Run shows the console until the user quits or the context ends, and restores the terminal. It waits for what it has started.
func Run(ctx context.Context, o Options) error {
	a := newApp(o)
	working, stop := context.WithCancel(ctx)
	var at work
	a.async = func(do func(context.Context) tea.Msg) tea.Cmd {
		return func() tea.Msg {
			if !at.begin() {
				return nil
			}
			defer at.running.Done()
			return do(working)
		}
	}
	options := []tea.ProgramOption{tea.WithAltScreen(), tea.WithContext(ctx), tea.WithoutSignalHandler()}
	if a.Mouse {
		options = append(options, tea.WithMouseCellMotion())
	}
	if o.In != nil {
		options = append(options, tea.WithInput(o.In))
	}
	if o.Out != nil {
		options = append(options, tea.WithOutput(o.Out))
	}
	_, err := tea.NewProgram(a, options...).Run()
	stop()
	a.close()
	at.end()
	if ctx.Err() != nil && errors.Is(err, ctx.Err()) {
		return nil // whoever ended the context wanted just that
	}
	return err
}

// work counts the commands that run, which Bubble Tea does not wait for.
type work struct {
	mu      sync.Mutex
	over    bool
	running sync.WaitGroup
}

func (w *work) begin() bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	if !w.over {
		w.running.Add(1)
	}
	return !w.over
}

// end waits for those that run and lets no others begin.
func (w *work) end() {
	w.mu.Lock()
	w.over = true
	w.mu.Unlock()
	w.running.Wait()
}

// close ends what pages have begun.
func (a *app) close() {
	pages := append(append([]page{a.page}, a.back...), a.forward...)
	for _, p := range append(pages, a.roots...) {
		if c, ok := p.(closer); ok {
			c.close()
		}
	}
}
