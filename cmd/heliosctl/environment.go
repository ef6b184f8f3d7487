package main

import (
	"io"
	"net"
	"os"
	"os/user"
	"time"

	"golang.org/x/term"

	"github.com/heliosctl/heliosctl/client"
	"github.com/heliosctl/heliosctl/model"
)

// streams are what a command reads from and writes to. Results go to out; progress, questions and errors go to err.
type streams struct {
	in          io.Reader
	out         io.Writer
	err         io.Writer
	interactive bool      // in is a terminal, so there is somebody to ask
	screen      bool      // out is a terminal, so there is somebody who sees it
	terminal    *terminal // both are one; nil otherwise
	display     *terminal // out is one; nil otherwise. Its size can be asked for
}

// environment is everything a command takes from the process it runs in.
type environment struct {
	streams
	getenv   func(string) string
	login    func() string // the name of the operating system's user
	now      func() time.Time
	resolver *net.Resolver // of names; nil: the system's
	options  globalOptions // bound to the global flags
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
		getenv: os.Getenv,
		login:  login,
		now:    time.Now,
	}
	if env.screen {
		env.display = &terminal{out: os.Stdout}
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

// connect makes a client of the master that the flags and the environment name. It sends nothing.
func (env *environment) connect() (*client.Client, error) {
	config, err := env.clientConfig()
	if err != nil {
		return nil, err
	}
	return client.New(config)
}

// clientConfig says how to reach the master that the flags and the environment name.
func (env *environment) clientConfig() (client.Config, error) {
	connection, err := env.options.connection(env.getenv)
	if err != nil {
		return client.Config{}, err
	}
	username := env.options.username
	if username == "" {
		username = env.login()
	}
	var endpoints []string
	if connection.domain != nil {
		connection.domain.Resolver = env.resolver
	} else {
		endpoints = []string{connection.endpoint}
	}
	return client.Config{
		Endpoints:    endpoints,
		Domain:       connection.domain,
		Resolver:     env.resolver,
		User:         username,
		HTTPTimeout:  connection.httpTimeout,
		RetryTimeout: connection.retryTimeout,
		UserAgent:    "heliosctl/" + productVersion(),
	}, nil
}

// output records the first failure to write, which fmt's print functions drop, and whether anything was written.
type output struct {
	io.Writer
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
