package main

import (
	"fmt"
	"strings"
	"sync"
	"time"

	"github.com/heliosctl/heliosctl/client"
)

// How much --verbose says, by how often it is given.
const (
	sayTargets  = 1 // which masters are asked, and which of them failed
	sayRequests = 2 // every request
)

// say prints a line on error output when --verbose was given often enough.
func (env *environment) say(level int, format string, args ...any) {
	if env.options.verbosity < level {
		return
	}
	name := "INFO"
	if level > sayTargets {
		name = "DEBUG"
	}
	fmt.Fprintf(env.err, "%s %-5s heliosctl: %s\n", env.now().Format("15:04:05.000"), name, oneLine(fmt.Sprintf(format, args...)))
}

// trace says what passes between heliosctl and masters. It is nil when nobody wants to know.
func (env *environment) trace() func(client.Exchange) {
	if env.options.verbosity < sayTargets {
		return nil
	}
	var mu sync.Mutex
	return func(e client.Exchange) {
		mu.Lock()
		defer mu.Unlock()
		took := e.Took.Round(time.Millisecond / 10)
		if e.Err != nil {
			env.say(sayTargets, "%s: %v (%s %s, %s)", e.Master, e.Err, e.Method, e.Path, took)
			return
		}
		env.say(sayRequests, "%s answers %s %s with %d in %s", e.Master, e.Method, e.Path, e.Status, took)
	}
}

// noteGoogle says that what was asked for is not done.
func (env *environment) noteGoogle() {
	if strings.EqualFold(env.options.google, "true") {
		fmt.Fprintln(env.err, "heliosctl: --google-credentials: Google tokens are not supported; going on without one")
	}
}
