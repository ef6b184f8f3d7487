package tui

import (
	"context"
	"errors"
	"io"
	"os"
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

	// Clusters are those that can be looked at. Switch makes the source of one and ends the one before; when it fails, that one goes
	// on. Probe asks how one is.
	Clusters []ClusterChoice
	Switch   func(ctx context.Context, name string) (Source, error)
	Probe    func(ctx context.Context, name string) Probed

	AskCluster bool // begin with the question which cluster to look at

	// Welcome asks for a cluster first, when there is none. There needs to be no Source then.
	Welcome *Welcome

	// State is what is remembered from earlier. Remember applies a change to it where it is kept, after whatever others have changed
	// there meanwhile. Without it, what changes lasts until the end.
	State    State
	Remember func(change func(*State)) error

	Start  *Place          // where to begin, default the overview
	Notice string          // the first message
	Reload <-chan Settings // new settings, as they come

	// Save writes a file for an export and returns where it is. Without it there are no exports.
	Save func(name string, content []byte) (string, error)

	// Token is where the tokens of jobs come from. Without it dialogs ask for them.
	Token *TokenSource

	In  io.Reader // default: the terminal
	Out io.Writer
}

// TokenSource is a place that holds the token of jobs, so that nobody has to type it.
type TokenSource struct {
	Name  string // for people, such as "the variable DEPLOY_TOKEN"
	Shell string // what a shell makes the token of, such as $DEPLOY_TOKEN
	Read  func() (string, error)
}

func (o Options) withDefaults() Options {
	if o.Theme == nil {
		o.Theme, _ = theme.New(theme.Default, o.Profile) // the default is there
	}
	if o.Source == nil {
		o.Source = nowhere()
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

// Run shows the console until the user quits or the context ends, and restores the terminal. It waits for what it has started. Where a
// bug has ended it, the error is a *Panic.
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
	if o.Out == nil {
		o.Out = os.Stdout
	}
	a.drained = make(chan struct{}, 1)
	a.screen = newOutput(o.Out, func() {
		select {
		case a.drained <- struct{}{}:
		default:
		}
	})
	options := []tea.ProgramOption{
		tea.WithAltScreen(), tea.WithoutSignalHandler(), tea.WithReportFocus(), tea.WithOutput(a.screen.program()),
	}
	if a.Mouse {
		options = append(options, tea.WithMouseCellMotion())
	}
	if o.In != nil {
		options = append(options, tea.WithInput(o.In))
	}
	watched := &guard{app: a}
	program := tea.NewProgram(watched, options...)
	watched.send = program.Send
	unwatch := context.AfterFunc(ctx, func() {
		a.screen.drop()        // the rest of a frame, for the terminal to be restored at once
		program.Send(endMsg{}) // whoever ends the context wants what q does
	})
	_, err := program.Run()
	unwatch()
	stop()
	a.close()
	at.end()
	a.screen.close()
	if cause := watched.panicked(); cause != nil {
		return cause
	}
	if a.Remember != nil {
		err = errors.Join(err, a.memory.keep(a.Remember)) // what the end has overtaken
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
