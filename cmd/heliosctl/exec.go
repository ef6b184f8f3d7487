package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"

	"github.com/spf13/cobra"

	"github.com/heliosctl/heliosctl/client"
	"github.com/heliosctl/heliosctl/model"
)

type execOptions struct {
	Job     string
	Host    string
	Command []string
	Token   string
	NoTTY   bool
	NoInput bool
	JSON    bool
	Term    string // the kind of the terminal
}

func newExecCommand(env *environment) *cobra.Command {
	var opts execOptions
	cmd := &cobra.Command{
		Use:   "exec JOB HOST -- COMMAND [ARG...]",
		Short: "Run a command in a job's container",
		Long: `Run a command in the container of a job on a host, with this terminal when input and output are one. Otherwise input, output and
error output are passed on as they are, so that the command can stand in a pipe.

JOB is a name, name:version, or the start of an id; HOST is a name or the unique start of one. There is no shell in between: give one
as the command where you need it.

In a terminal every key goes to the command, Ctrl-C too. Without one, Ctrl-C ends the command and heliosctl. A command also ends when
the connection to it is lost.

The exit code is the command's: 128 + n after signal n, 127 when there is no such command. When heliosctl itself fails, it says so in
a line of its own and uses the exit codes of 'heliosctl exit-codes'.`,
		Example: `  heliosctl exec web:1 web-1.example.com -- sh
  heliosctl exec web:1 web-1 -- cat /etc/hosts
  heliosctl exec db:3 db-1 -- pg_dump app | gzip > app.sql.gz
  heliosctl exec db:3 db-1 -- psql app < change.sql`,
		Args: func(cmd *cobra.Command, args []string) error { return opts.take(cmd.ArgsLenAtDash(), args) },
		RunE: func(cmd *cobra.Command, _ []string) error {
			opts.JSON, opts.Term = env.options.json, env.getenv("TERM")
			return withOneClient(env, func(api *client.Client) error {
				return runExec(cmd.Context(), env.streams, api, opts)
			})
		},
	}
	cmd.SetFlagErrorFunc(func(_ *cobra.Command, err error) error {
		return usagef(`%v; the command comes after "--"`, err)
	})
	flags := cmd.Flags()
	bindToken(flags, &opts.Token)
	flags.BoolVarP(&opts.NoTTY, "no-tty", "T", false, "give the command no terminal, even where there is one")
	flags.BoolVarP(&opts.NoInput, "no-stdin", "n", false, "give the command no input")
	return cmd
}

// take sorts the arguments: job and host are before the dash, the command is after it.
func (o *execOptions) take(dash int, args []string) error {
	before := args
	if dash >= 0 {
		before, o.Command = args[:dash], args[dash:]
	}
	switch {
	case len(before) == 0:
		return usagef("exec: JOB is missing")
	case len(before) == 1:
		return usagef("exec: HOST is missing")
	case len(before) > 2:
		return usagef(`exec: unexpected argument %q; the command comes after "--"`, before[2])
	case len(o.Command) == 0:
		return usagef(`exec: COMMAND is missing; it comes after "--", as in 'heliosctl exec %s %s -- sh'`, before[0], before[1])
	}
	o.Job, o.Host = before[0], before[1]
	return nil
}

// exitStatus ends heliosctl with the exit code of a command that it ran.
type exitStatus int

func (s exitStatus) Error() string { return fmt.Sprintf("the command ended with exit code %d", int(s)) }

func runExec(ctx context.Context, io streams, api *client.Client, opts execOptions) error {
	job, err := findJob(ctx, api, opts.Job)
	if err != nil {
		return err
	}
	host, err := findHost(ctx, api, opts.Host)
	if err != nil {
		return err
	}
	start := model.ExecStart{Command: opts.Command}
	if opts.JSON || opts.NoTTY || opts.NoInput {
		io.terminal = nil
	}
	if io.terminal != nil {
		size := io.terminal.size()
		start.Terminal, start.Term = &size, opts.Term
	}
	e, err := api.Exec(ctx, host, job.ID, start, opts.Token)
	if err != nil {
		return err
	}
	defer e.Close()
	if opts.JSON {
		return execJSON(ctx, io, e, opts.NoInput)
	}
	code, err := converse(ctx, io, e, opts.NoInput)
	if err == nil && code != 0 {
		err = exitStatus(code)
	}
	return err
}

// converse passes input, output and the terminal's size on until the command ends.
func converse(ctx context.Context, io streams, e *client.Execution, noInput bool) (int, error) {
	if io.terminal != nil {
		restore, err := io.terminal.raw()
		if err != nil {
			return 0, err
		}
		defer restore()
		defer io.terminal.watchSize(func(size model.TerminalSize) { _ = e.Resize(size) })() // Wait tells of a broken connection
	}
	defer e.Close() // first, because it ends whatever is still being sent
	if noInput {
		if err := e.CloseInput(); err != nil {
			return 0, err
		}
	} else {
		// A read from a terminal cannot be ended, so nobody waits for this: it ends with the process at the latest.
		go sendInput(e, io.in)
	}
	return e.Wait(ctx, io.out, io.err)
}

func sendInput(e *client.Execution, from io.Reader) {
	if _, err := io.Copy(e, from); err == nil {
		_ = e.CloseInput()
	}
}

// execResult is the JSON of a command that was run.
type execResult struct {
	Status   model.Code `json:"status"`
	ExitCode int        `json:"exitCode"`
	Stdout   string     `json:"stdout"`
	Stderr   string     `json:"stderr"`
}

// maxExecOutput is how much output of each kind fits into the JSON, in bytes.
const maxExecOutput = 16 << 20

func execJSON(ctx context.Context, io streams, e *client.Execution, noInput bool) error {
	var stdout, stderr boundedBuffer
	quiet := io
	quiet.out, quiet.err = &stdout, &stderr
	code, err := converse(ctx, quiet, e, noInput)
	if err != nil {
		return err
	}
	if err := printJSON(io.out, execResult{model.CodeOK, code, stdout.String(), stderr.String()}); err != nil {
		return err
	}
	if code != 0 {
		return exitStatus(code)
	}
	return nil
}

// boundedBuffer takes up to maxExecOutput bytes.
type boundedBuffer struct{ bytes.Buffer }

func (b *boundedBuffer) Write(p []byte) (int, error) {
	if b.Len()+len(p) > maxExecOutput {
		return 0, model.Errorf(model.CodeTooLarge, "the command printed more than %d bytes, too much for --json: leave it out", maxExecOutput)
	}
	return b.Buffer.Write(p)
}

// exitOfCommand returns the exit code that stands for a command's fate, if err is about that.
func exitOfCommand(err error) (int, bool) {
	var status exitStatus
	switch {
	case errors.As(err, &status):
		return int(status), true
	case model.CodeOf(err) == model.CodeCommandNotFound:
		return exitNoCommand, true
	}
	return 0, false
}
