package main

import (
	"os"
	"os/signal"
	"sync"
	"syscall"

	"golang.org/x/term"

	"github.com/heliosctl/heliosctl/model"
)

// terminal is what the process's input and output are connected to.
type terminal struct {
	in  *os.File
	out *os.File
}

// newTerminal returns nil unless both files are terminals.
func newTerminal(in, out *os.File) *terminal {
	if !term.IsTerminal(int(in.Fd())) || !term.IsTerminal(int(out.Fd())) {
		return nil
	}
	return &terminal{in: in, out: out}
}

// fullScreen tells whether there is a terminal on which a text can be put anywhere, as the console needs.
func (env *environment) fullScreen() bool { return env.terminal != nil && env.getenv("TERM") != "dumb" }

// size returns the size of now, of a usual terminal where it is not known.
func (t *terminal) size() model.TerminalSize {
	columns, rows, err := term.GetSize(int(t.out.Fd()))
	if err != nil || columns <= 0 || rows <= 0 {
		return model.TerminalSize{Rows: 24, Columns: 80}
	}
	return model.TerminalSize{Rows: uint16(rows), Columns: uint16(columns)}
}

// raw hands every key on as it is typed, Ctrl-C too, until restore is called.
func (t *terminal) raw() (restore func(), err error) {
	before, err := term.MakeRaw(int(t.in.Fd()))
	if err != nil {
		return nil, model.Errorf(model.CodeInternal, "the terminal cannot be prepared: %v; try --no-tty", err)
	}
	return func() { _ = term.Restore(int(t.in.Fd()), before) }, nil
}

// watchSize calls changed with the size of now and with each new one, until stop is called.
func (t *terminal) watchSize(changed func(model.TerminalSize)) (stop func()) {
	signals := make(chan os.Signal, 1)
	signal.Notify(signals, syscall.SIGWINCH)
	done := make(chan struct{})
	var watching sync.WaitGroup
	watching.Go(func() {
		for {
			changed(t.size())
			select {
			case <-signals:
			case <-done:
				return
			}
		}
	})
	return func() {
		signal.Stop(signals)
		close(done)
		watching.Wait()
	}
}
