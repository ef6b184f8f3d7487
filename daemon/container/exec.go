package container

import (
	"time"

	"github.com/heliosctl/heliosctl/model"
)

// ExecOptions say what ExecAttached runs and what it is connected to.
type ExecOptions struct {
	Command  []string
	Terminal *model.TerminalSize // its first size; nil: the command gets pipes
	Term     string              // the terminal's kind, for the variable TERM; "": the runtime's choice

	// Input is what the command reads; closing it is the end of the input. Nil is no input. It is read no more once the command
	// has ended, so whoever sends must not rely on being heard.
	Input <-chan ExecInput

	// Output takes what the command writes, all as Stdout with a terminal. It is called by one goroutine at a time, must not keep
	// p, and holds the command up while it does not return. An error from it ends the command.
	Output func(stream model.OutputStream, p []byte) error
}

// ExecInput is either data for the command or a new size of its terminal.
type ExecInput struct {
	Data   []byte
	Resize *model.TerminalSize
}

// check refuses what nothing could run.
func (o ExecOptions) check(id string) error {
	if len(o.Command) == 0 || o.Command[0] == "" {
		return invalid("exec in container %s: the command is empty", id)
	}
	return nil
}

// env is what the command gets beside the container's environment.
func (o ExecOptions) env() []string {
	if o.Terminal == nil || o.Term == "" {
		return nil
	}
	return []string{"TERM=" + o.Term}
}

// hangUpGrace is how long an attached command has to end after it was told that nobody listens any more.
const hangUpGrace = time.Second
