package client

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"sync"

	"github.com/heliosctl/heliosctl/model"
	"github.com/heliosctl/heliosctl/session"
)

// maxInput is how much input is sent at once, in bytes.
const maxInput = 32 << 10

// Execution is a command in a container. Wait is for one goroutine; everything else is safe for concurrent use.
type Execution struct {
	conn  *session.Conn
	host  string
	input sync.Mutex // keeps what is written to it together
	stop  func() bool
}

// Exec runs a command in the container of a job on a host. It returns when the agent has been told what to run; the caller reads the
// output with Wait and closes the Execution, which ends the command. So does the end of ctx.
//
// It fails with CodeJobNotFound, CodeForbidden for a wrong token, CodeHostNotFound, CodeJobNotDeployed, CodeAgentUnreachable,
// CodeNoContainer, CodeRuntimeUnavailable or CodeTooManySessions.
func (c *Client) Exec(ctx context.Context, host string, id model.JobID, start model.ExecStart, token string) (*Execution, error) {
	raw, err := c.take(ctx, request{
		method: http.MethodPost, path: path("v1", "hosts", host, "jobs", id.String(), "exec"), query: query("token", token),
		absent: model.Errorf(model.CodeNotFound, "the master is too old to run commands in containers"),
	})
	if err != nil {
		return nil, err
	}
	e := &Execution{conn: session.New(raw, session.Config{}), host: host}
	e.stop = context.AfterFunc(ctx, func() { _ = raw.Close() })
	if err := e.conn.SendJSON(model.FrameStart, start); err != nil {
		_ = e.Close()
		return nil, interrupted(ctx, e.lost(err))
	}
	return e, nil
}

// Write sends input to the command. It blocks while the command does not read.
func (e *Execution) Write(p []byte) (int, error) {
	e.input.Lock()
	defer e.input.Unlock()
	sent := 0
	for len(p) > 0 {
		n := min(len(p), maxInput)
		if err := e.conn.Send(model.FrameStdin, p[:n]); err != nil {
			return sent, e.lost(err)
		}
		sent, p = sent+n, p[n:]
	}
	return sent, nil
}

// CloseInput ends the command's input.
func (e *Execution) CloseInput() error {
	return e.conn.Send(model.FrameStdinEnd, nil)
}

// Resize tells the command that its terminal has another size.
func (e *Execution) Resize(size model.TerminalSize) error {
	return e.conn.SendJSON(model.FrameResize, size)
}

// Wait writes the command's output until it ends, and returns its exit code. It fails with CodeCommandNotFound when there is no such
// command, with CodeAgentUnreachable when the connection breaks, and with the error of a writer. ctx should be that of Exec.
func (e *Execution) Wait(ctx context.Context, stdout, stderr io.Writer) (int, error) {
	for {
		frame, err := e.conn.Receive()
		if err != nil {
			return 0, interrupted(ctx, e.lost(err))
		}
		switch frame.Type {
		case model.FrameStdout:
			_, err = stdout.Write(frame.Payload)
		case model.FrameStderr:
			_, err = stderr.Write(frame.Payload)
		case model.FrameError:
			return 0, frame.ErrorOf()
		case model.FrameExit:
			var exit model.ExecExit
			if err := json.Unmarshal(frame.Payload, &exit); err != nil {
				return 0, model.Errorf(model.CodeInternal, "cannot read how the command on %s ended: %s", e.host, err)
			}
			return exit.Code, nil
		}
		if err != nil {
			return 0, err
		}
	}
}

// lost words why the connection is of no use any more.
func (e *Execution) lost(err error) error {
	why := "it was closed"
	switch {
	case errors.Is(err, session.ErrSilent):
		why = err.Error()
	case !errors.Is(err, io.EOF):
		why = reason(err)
	}
	return model.Errorf(model.CodeAgentUnreachable, "the connection to the command on %s broke: %s", e.host, why)
}

// Close ends the command, if it has not ended, and closes the connection.
func (e *Execution) Close() error {
	e.stop()
	return e.conn.Close()
}
