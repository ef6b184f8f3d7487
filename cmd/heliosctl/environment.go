package main

import (
	"context"
	"io"
	"net"
	"os"
	"os/user"
	"time"

	"golang.org/x/term"

	"github.com/heliosctl/heliosctl/model"
)

// streams are what a command reads from and writes to. Results go to out; progress, questions and errors go to err.
type streams struct {
	in          io.Reader
	out         io.Writer
	err         io.Writer
	interactive bool            // in is a terminal, so there is somebody to ask
	screen      bool            // out is a terminal, so there is somebody who sees it
	terminal    *terminal       // both are one; nil otherwise
	display     *terminal       // out is one; nil otherwise. Its size can be asked for
	progress    *progressScreen // err is a terminal that can move its cursor; nil otherwise
	machine     bool            // a program reads out (--json): nobody is asked, and nothing is told in between
}

// environment is everything a command takes from the process it runs in.
type environment struct {
	streams
	getenv   func(string) string
	login    func() string // the name of the operating system's user
	now      func() time.Time
	resolver *net.Resolver   // of names; nil: the system's
	options  globalOptions   // bound to the global flags
	running  context.Context // ends when the command is interrupted
	errors   *terminal       // err is one; nil otherwise
	color    string          // the value of --color
	program  []string        // how to start this program again: its file, and the name it goes by; nil: not
	linewise bool            // --json prints an object a line

	arguments map[string]string // of the command, by the words of its usage line
}

func processEnvironment() *environment {
	env := &environment{
		streams: streams{
			in:          os.Stdin,
			out:         os.Stdout,
			err:         os.Stderr,
			interactive: term.IsTerminal(int(os.Stdin.Fd())),
			screen:      term.IsTerminal(int(os.Stdout.Fd())),
			terminal:    newTerminal(os.Stdin, os.Stdout),
		},
		getenv:  os.Getenv,
		login:   login,
		now:     time.Now,
		running: context.Background(),
	}
	if file, err := os.Executable(); err == nil {
		env.program = []string{file, os.Args[0]}
	}
	if env.screen {
		env.display = &terminal{out: os.Stdout}
	}
	if term.IsTerminal(int(os.Stderr.Fd())) {
		env.errors = &terminal{out: os.Stderr}
	}
	return env
}

// screenSize is the size of the terminal that out is.
func (s streams) screenSize() model.TerminalSize { return s.display.size() }

// login returns the name of the user who runs the process, or "unknown" where the system does not know it.
func login() string {
	if u, err := user.Current(); err == nil && u.Username != "" {
		return u.Username
	}
	return "unknown"
}

// output records the first failure to write, which fmt's print functions drop, and whether anything was written.
type output struct {
	io.Writer
	page    page
	written bool
	failure error
}

func (o *output) Write(p []byte) (int, error) {
	n, err := o.Writer.Write(p)
	o.written = o.written || n > 0
	if err != nil && o.failure == nil {
		o.failure = err
	}
	return n, err
}
