package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strconv"

	"github.com/spf13/cobra"

	"github.com/heliosctl/heliosctl/model"
)

const (
	exitOK          = 0
	exitFailure     = 1
	exitUsage       = 2
	exitNotFound    = 3
	exitConflict    = 4
	exitForbidden   = 5
	exitUnavailable = 6
	exitTimeout     = 7
	exitPending     = 13
	exitNoCommand   = 127 // as shells have it
	exitInterrupted = 130
)

// codeInterrupted is the status word of a command that was interrupted; it never crosses the wire.
const codeInterrupted model.Code = "INTERRUPTED"

// classExit says with which code the process ends when a command fails, and how the help explains it.
type classExit struct {
	class   model.Class
	code    int
	meaning string
}

// classExits is the one table of exit codes by class of failure.
func classExits() []classExit {
	return []classExit{
		{model.ClassInternal, exitFailure, "something else went wrong, the answer to a question was no, or hosts failed for different reasons"},
		{model.ClassInvalid, exitUsage, "wrong usage, invalid input, or a reference that is ambiguous"},
		{model.ClassNotFound, exitNotFound, "no such job, host or deployment, or nothing matches"},
		{model.ClassConflict, exitConflict, "refused as things are: it exists already, is still in use, or the task failed"},
		{model.ClassForbidden, exitForbidden, "the job's token is missing or wrong"},
		{model.ClassUnavailable, exitUnavailable, "no master answers, or not the host's agent or container engine that is needed"},
		{model.ClassTimeout, exitTimeout, "it took too long; a change may or may not have been made"},
	}
}

// usageError is a command line that cannot be carried out. Command is the path of the command it was meant for, empty until known.
type usageError struct {
	message string
	command string
}

func (e *usageError) Error() string { return e.message }

func usagef(format string, args ...any) error {
	return &usageError{message: fmt.Sprintf(format, args...)}
}

// outcomeError ends a command whose output has told the failure already. Without a message nothing more is said.
type outcomeError struct {
	class   model.Class
	message string
}

func (e *outcomeError) Error() string { return e.message }

// interruptedError ends a command that was interrupted when it had changed something already: it tells what it leaves as it is.
type interruptedError struct {
	cause   error
	left    string
	hint    string
	details []string // of --json
}

func (e *interruptedError) Error() string { return "interrupted: " + e.left + "; " + e.hint }
func (e *interruptedError) Unwrap() error { return e.cause }

func exitCode(err error) int {
	if err == nil {
		return exitOK
	}
	if errors.Is(err, context.Canceled) {
		return exitInterrupted
	}
	if code, ok := exitOfCommand(err); ok {
		return code
	}
	var rollout *rolloutError
	if errors.As(err, &rollout) {
		return rollout.exit()
	}
	class := classOf(err)
	for _, entry := range classExits() {
		if entry.class == class {
			return entry.code
		}
	}
	return exitFailure
}

func classOf(err error) model.Class {
	var usage *usageError
	var outcome *outcomeError
	switch {
	case errors.As(err, &usage):
		return model.ClassInvalid
	case errors.As(err, &outcome):
		return outcome.class
	case errors.Is(err, context.DeadlineExceeded):
		return model.ClassTimeout
	}
	return model.CodeOf(err).Class()
}

// report tells the user of a failed command: one line on err, or several when the error lists faults. With --json a command that has
// printed nothing prints the failure as its document.
func report(env *environment, out *output, err error) {
	var usage *usageError
	var outcome *outcomeError
	var status exitStatus
	var rollout *rolloutError
	var interrupted *interruptedError
	switch {
	case errors.As(err, &interrupted):
		fmt.Fprintln(env.err, "heliosctl: "+oneLine(err.Error()))
	case errors.Is(err, context.Canceled):
		fmt.Fprintln(env.err, "heliosctl: interrupted")
	case errors.As(err, &status), errors.As(err, &rollout):
		return
	case errors.As(err, &outcome) && outcome.message == "":
	case errors.As(err, &usage):
		fmt.Fprintln(env.err, "heliosctl: "+oneLine(err.Error()))
		fmt.Fprintf(env.err, "Run '%s --help' for usage.\n", usage.command)
	default:
		fmt.Fprintln(env.err, "heliosctl: "+oneLine(err.Error()))
		for _, detail := range detailsOf(err) {
			fmt.Fprintln(env.err, "  - "+oneLine(detail))
		}
	}
	switch {
	case !env.options.json || out.written:
	case env.linewise:
		printCompact(env.streams, failureOf(err))
	default:
		printJSON(env.out, failureOf(err))
	}
}

// failure is the JSON document of a command that has nothing else to print.
type failure struct {
	Status  model.Code `json:"status"`
	Message string     `json:"message"`
	Details []string   `json:"details,omitempty"`
}

func failureOf(err error) failure {
	return failure{Status: statusOf(err), Message: err.Error(), Details: detailsOf(err)}
}

// statusOf returns the status word of an error, OK for nil.
func statusOf(err error) model.Code {
	if err == nil {
		return model.CodeOK
	}
	var coded *model.Error
	switch {
	case errors.Is(err, context.Canceled):
		return codeInterrupted
	case !errors.As(err, &coded) && classOf(err) == model.ClassInvalid:
		return model.CodeInvalid
	}
	return model.CodeOf(err)
}

func detailsOf(err error) []string {
	var coded *model.Error
	var interrupted *interruptedError
	switch {
	case errors.As(err, &coded):
		return coded.Details
	case errors.As(err, &interrupted):
		return interrupted.details
	}
	return nil
}

// exitMeaning is an exit code and what it means.
type exitMeaning struct {
	Code    int    `json:"code"`
	Meaning string `json:"meaning"`
}

// exitMeanings lists all exit codes.
func exitMeanings() []exitMeaning {
	list := []exitMeaning{{exitOK, "done"}}
	for _, entry := range classExits() {
		list = append(list, exitMeaning{entry.code, entry.meaning})
	}
	for _, entry := range rolloutExits() {
		if entry.meaning != "" {
			list = append(list, exitMeaning{entry.code, entry.meaning})
		}
	}
	return append(list,
		exitMeaning{exitPending, "the cluster is not what the manifests say (diff, and apply --dry-run)"},
		exitMeaning{exitNoCommand, "there is no such command in the container (exec, which otherwise ends as its command does)"},
		exitMeaning{exitInterrupted, "interrupted (Ctrl-C, or a request to terminate)"})
}

func newExitCodesCommand(env *environment) *cobra.Command {
	return &cobra.Command{
		Use:   "exit-codes",
		Short: "Tell what the exit codes mean",
		Long: `Tell what the exit codes mean. The help of a command lists those that it can end with. A reader of its output that goes away ends a
command by the signal for a broken pipe, as it does other tools.`,
		Example: "  heliosctl exit-codes",
		Args:    asUsage(positional),
		RunE: func(*cobra.Command, []string) error {
			meanings := exitMeanings()
			if env.options.json {
				return printJSON(env.out, meanings)
			}
			if columns := pageOf(env.out).columns; columns > 0 {
				env.printExitCodes(meanings, columns)
				return nil
			}
			t := newTable("CODE", "MEANING")
			for _, m := range meanings {
				t.add(strconv.Itoa(m.Code), m.Meaning)
			}
			t.write(env.out)
			return nil
		},
	}
}

// printExitCodes writes the table for a screen, whose meanings are sentences that cannot be cut.
func (env *environment) printExitCodes(meanings []exitMeaning, columns int) {
	h := helpText{width: columns, colour: env.coloured(env.screen)}
	h.b.WriteString(line{{"CODE", styleBold}, {text: "  "}, {"MEANING", styleBold}}.text(h.colour) + "\n")
	for _, m := range meanings {
		h.entry("", strconv.Itoa(m.Code), m.Meaning, len("CODE"))
	}
	io.WriteString(env.out, h.b.String())
}
