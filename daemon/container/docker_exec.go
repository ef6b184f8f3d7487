package container

import (
	"bytes"
	"context"
	"errors"
	"io"
	"sync"
	"time"

	"github.com/containerd/errdefs"
	"github.com/docker/docker/api/types"
	mobycontainer "github.com/docker/docker/api/types/container"

	"github.com/heliosctl/heliosctl/model"
)

// Exec runs a command in a running container and returns its exit code; output is dropped. It has no limit but ctx's; when ctx ends,
// the command is left running in the container. ErrNotRunning when the container does not run.
func (d *Docker) Exec(ctx context.Context, id string, command []string) (int, error) {
	if err := (ExecOptions{Command: command}).check(id); err != nil {
		return 0, err
	}
	execID, err := d.createExec(ctx, id, mobycontainer.ExecOptions{Cmd: command})
	if err != nil {
		return 0, err
	}
	err = d.call(ctx, d.config.CallTimeout, func(ctx context.Context) error {
		return d.client.ContainerExecStart(ctx, execID, mobycontainer.ExecStartOptions{Detach: true})
	})
	if err != nil {
		return 0, d.execFailed(id, err)
	}
	return d.execExitCode(ctx, id, execID)
}

func (d *Docker) createExec(ctx context.Context, id string, options mobycontainer.ExecOptions) (string, error) {
	var exec mobycontainer.ExecCreateResponse
	err := d.call(ctx, d.config.CallTimeout, func(ctx context.Context) (err error) {
		exec, err = d.client.ContainerExecCreate(ctx, id, options)
		return named(exec.ID, err)
	})
	if err != nil {
		return "", d.execFailed(id, err)
	}
	return exec.ID, nil
}

func (d *Docker) execFailed(id string, err error) error {
	switch {
	case errdefs.IsNotFound(err):
		return notFound(id, err)
	case errdefs.IsConflict(err):
		return fail(ErrNotRunning, err, "container %s is not running", id)
	}
	return d.refused(err, "exec in container %s", id)
}

// execExitCode waits for the end of a command.
func (d *Docker) execExitCode(ctx context.Context, id, execID string) (int, error) {
	exec, err := d.endedExec(ctx, id, execID)
	return exec.ExitCode, err
}

// endedExec asks until the command has ended: the engine has no call that waits for it.
func (d *Docker) endedExec(ctx context.Context, id, execID string) (exec mobycontainer.ExecInspect, err error) {
	for pause := 5 * time.Millisecond; ; pause = min(2*pause, time.Second) {
		err = d.call(ctx, d.config.CallTimeout, func(ctx context.Context) (err error) {
			exec, err = d.client.ContainerExecInspect(ctx, execID)
			return named(exec.ExecID, err)
		})
		switch {
		case errdefs.IsNotFound(err):
			return exec, fail(ErrNotRunning, err, "container %s ended while a command was run in it", id)
		case err != nil:
			return exec, d.refused(err, "exec in container %s", id)
		case !exec.Running:
			return exec, nil
		}
		select {
		case <-time.After(pause):
		case <-ctx.Done():
			return exec, context.Cause(ctx)
		}
	}
}

// noDetachKeys are keys that nobody presses in this order. The engine takes some keys for a wish to detach, and by default holds
// back a Ctrl-P, with which shells go through their history, until the next key.
const noDetachKeys = "ctrl-@,ctrl-^,ctrl-_,ctrl-@"

// ExecAttached is Exec with the command's input and output. When ctx ends, or output is not taken, the command is told to hang up and
// then killed where that can be done: the engine has no call for it, so its process has to be one of this machine's.
func (d *Docker) ExecAttached(ctx context.Context, id string, options ExecOptions) (int, error) {
	if err := options.check(id); err != nil {
		return 0, err
	}
	execID, err := d.createExec(ctx, id, mobycontainer.ExecOptions{
		Cmd: options.Command, Tty: options.Terminal != nil, Env: options.env(), DetachKeys: noDetachKeys,
		AttachStdin: options.Input != nil, AttachStdout: true, AttachStderr: true,
	})
	if err != nil {
		return 0, err
	}
	streamed, established, cancel := d.stream(ctx)
	defer cancel()
	conn, err := d.client.ContainerExecAttach(streamed, execID, mobycontainer.ExecAttachOptions{Tty: options.Terminal != nil})
	established()
	if err != nil {
		return 0, d.execFailed(id, d.explain(streamed, err))
	}
	a := &dockerExec{
		runtime: d, id: execID, conn: conn, options: options, over: make(chan struct{}), sizes: make(chan model.TerminalSize, 1),
	}
	if err := a.run(streamed); err != nil {
		d.hangUp(context.WithoutCancel(ctx), id, execID)
		return 0, err
	}
	exec, err := d.endedExec(ctx, id, execID)
	if err != nil {
		return 0, err
	}
	if exec.Pid == 0 && len(a.held) > 0 {
		return 0, fail(ErrNoCommand, nil, "the command cannot be started: %s", bytes.TrimSpace(a.held))
	}
	return exec.ExitCode, a.release()
}

// hangUp ends a command that nobody listens to.
func (d *Docker) hangUp(ctx context.Context, id, execID string) {
	ctx, cancel := context.WithTimeout(ctx, hangUpLimit)
	defer cancel()
	exec, err := d.startedExec(ctx, execID)
	if err == nil && exec.Running {
		err = hangUpProcess(exec.Pid, exec.ContainerID)
	}
	if err != nil {
		d.log.Info("a command goes on although nobody listens", "container", id, "reason", err)
	}
}

// hangUpLimit bounds the search for the process of a command.
const hangUpLimit = 5 * time.Second

// startedExec returns a command whose process is known, or that has ended: while it starts, the engine says that it runs before it
// knows its process.
func (d *Docker) startedExec(ctx context.Context, execID string) (exec mobycontainer.ExecInspect, err error) {
	for pause := 5 * time.Millisecond; ; pause = min(2*pause, time.Second) {
		err = d.call(ctx, d.config.CallTimeout, func(ctx context.Context) (err error) {
			exec, err = d.client.ContainerExecInspect(ctx, execID)
			return named(exec.ExecID, err)
		})
		if err != nil || !exec.Running || exec.Pid > 0 {
			return exec, err
		}
		select {
		case <-time.After(pause):
		case <-ctx.Done():
			return exec, context.Cause(ctx)
		}
	}
}

// dockerExec is a command that runs and what it is connected to.
type dockerExec struct {
	runtime *Docker
	id      string // of the exec
	conn    types.HijackedResponse
	options ExecOptions
	over    chan struct{}           // closed when the output has ended
	sizes   chan model.TerminalSize // to be set; holds the newest

	begun    bool // there was output
	held     []byte
	heldFrom model.OutputStream
}

// engineFailed is how the engine begins to say, as if it were the command's output, that a command could not be started.
const engineFailed = "OCI runtime exec failed: "

// output hands output on, except for the engine's words: they are held until it is known whose they are.
func (a *dockerExec) output(stream model.OutputStream, p []byte) error {
	if !a.begun && bytes.HasPrefix(p, []byte(engineFailed)) {
		a.begun, a.held, a.heldFrom = true, bytes.Clone(p), stream
		return nil
	}
	a.begun = true
	if err := a.release(); err != nil {
		return err
	}
	return a.options.Output(stream, p)
}

// release hands on what was held.
func (a *dockerExec) release() error {
	if len(a.held) == 0 {
		return nil
	}
	p := a.held
	a.held = nil
	return a.options.Output(a.heldFrom, p)
}

// run hands input and output on until the output ends, which is when the command does.
func (a *dockerExec) run(ctx context.Context) error {
	defer a.conn.Close()
	defer context.AfterFunc(ctx, a.conn.Close)()
	var feeding sync.WaitGroup
	if a.options.Terminal != nil {
		a.setSize(*a.options.Terminal)
		feeding.Go(func() { a.resizeAll(ctx) })
	}
	if a.options.Input != nil {
		feeding.Go(a.feed)
	}
	err := a.copyOutput()
	close(a.over)
	a.conn.Close() // ends a write to a command that does not read
	feeding.Wait()
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	return err
}

func (a *dockerExec) copyOutput() error {
	if a.options.Terminal != nil {
		return a.copyTerminal()
	}
	frames := &dockerFrames{body: a.conn.Reader}
	for {
		stream, payload, err := frames.next()
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return a.broken(err)
		}
		if err := a.output(stream, payload); err != nil {
			return err
		}
	}
}

func (a *dockerExec) copyTerminal() error {
	buffer := make([]byte, 32<<10)
	for {
		n, err := a.conn.Reader.Read(buffer)
		if n > 0 {
			if err := a.output(model.Stdout, buffer[:n]); err != nil {
				return err
			}
		}
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return a.broken(err)
		}
	}
}

func (a *dockerExec) broken(err error) error {
	if isOurs(err) {
		return err
	}
	return fail(ErrUnavailable, err, "the docker engine at %s broke off: it stopped or restarts", a.runtime.endpoint)
}

// feed hands the input on. What the command does not want any more is dropped.
func (a *dockerExec) feed() {
	for {
		select {
		case in, ok := <-a.options.Input:
			switch {
			case !ok:
				_ = a.conn.CloseWrite()
				return
			case in.Resize == nil:
				_, _ = a.conn.Conn.Write(in.Data)
			case a.options.Terminal != nil:
				a.setSize(*in.Resize)
			}
		case <-a.over:
			return
		}
	}
}

// setSize makes a size the next to be set, in place of one that waits.
func (a *dockerExec) setSize(size model.TerminalSize) {
	select {
	case <-a.sizes:
	default:
	}
	a.sizes <- size
}

// resizeAll sets the sizes. The engine refuses the first one until the command has started.
func (a *dockerExec) resizeAll(ctx context.Context) {
	var size model.TerminalSize
	var again <-chan time.Time
	pause := 10 * time.Millisecond
	for {
		select {
		case size = <-a.sizes:
		case <-again:
		case <-a.over:
			return
		}
		again = nil
		if a.resize(ctx, size) != nil {
			again = time.After(pause)
			pause = min(2*pause, time.Second)
		}
	}
}

func (a *dockerExec) resize(ctx context.Context, size model.TerminalSize) error {
	return a.runtime.call(ctx, a.runtime.config.CallTimeout, func(ctx context.Context) error {
		return a.runtime.client.ContainerExecResize(ctx, a.id, mobycontainer.ResizeOptions{Height: uint(size.Rows), Width: uint(size.Columns)})
	})
}
