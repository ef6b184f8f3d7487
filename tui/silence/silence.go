// Package silence keeps Bubble Tea from asking the terminal for its background colour while the program is being initialised.
//
// Bubble Tea v1 asks in an init function, so that every command of a binary that contains it would, the one-shot ones too, and waits
// for up to five seconds for a terminal that does not answer. It does not ask a terminal whose name begins with "screen".
//
// So this package renames the terminal while packages are initialised, and Restore gives it its name back. That works because Go
// initialises packages that are ready in the order of their import paths: this one needs the standard library only and sorts before
// github.com/muesli/termenv, without which Bubble Tea is not ready. TestCommandsDoNotQueryTheTerminal in cmd/heliosctl proves it.
package silence

import "os"

const variable = "TERM"

var name, named = os.LookupEnv(variable)

func init() {
	if named {
		_ = os.Setenv(variable, "screen-"+name)
	}
}

// Restore gives the terminal its name back. The package that imports Bubble Tea calls it in its own init function.
func Restore() {
	if named {
		_ = os.Setenv(variable, name)
	}
}
