//go:build unix

package container

import (
	"context"
	"errors"
	"os"
	"os/exec"
	"sync"
	"sync/atomic"
	"time"

	"github.com/creack/pty"
	"golang.org/x/sys/unix"

	"github.com/heliosctl/heliosctl/model"
)

// Exec runs a command in the container's working folder, with its environment, beside its process. When ctx ends, the command is
// killed. ErrNotRunning when the container does not run, ErrNoCommand when there is no such command.
func (p *Process) Exec(ctx context.Context, id string, command []string) (int, error) {
	run, _, err := p.command(id, ExecOptions{Command: command})
	if err != nil {
		return 0, err
	}
	run.SysProcAttr = &unix.SysProcAttr{Setpgid: true}
	if err := run.Start(); err != nil {
		return 0, model.Errorf(model.CodeInternal, "exec in container %s: %v", id, err)
	}
	defer context.AfterFunc(ctx, func() { _ = unix.Kill(-run.Process.Pid, unix.SIGKILL) })()
	err = run.Wait()
	if ctx.Err() != nil {
		return 0, context.Cause(ctx)
	}
	return codeOf(id, err)
}

// command prepares a command and returns the channel that is closed when its container ends.
func (p *Process) command(id string, options ExecOptions) (*exec.Cmd, <-chan struct{}, error) {
	if err := options.check(id); err != nil {
		return nil, nil, err
	}
	p.mu.Lock()
	c := p.find(id)
	running := c != nil && c.state().Running
	var ended <-chan struct{}
	if running {
		ended = c.ended
	}
	p.mu.Unlock()
	switch {
	case c == nil:
		return nil, nil, notFound(id, nil)
	case !running:
		return nil, nil, fail(ErrNotRunning, nil, "container %s is not running", id)
	}
	env := append(processEnv(c.record.Spec), options.env()...)
	path, err := lookPath(options.Command[0], c.file(dirWork), env)
	if err != nil {
		return nil, nil, err
	}
	return &exec.Cmd{Path: path, Args: options.Command, Env: env, Dir: c.file(dirWork)}, ended, nil
}

// codeOf is the exit code of a command that has been waited for.
func codeOf(id string, err error) (int, error) {
	var failed *exec.ExitError
	switch {
	case err == nil:
		return 0, nil
	case errors.As(err, &failed):
		return exitCode(failed.ProcessState), nil
	}
	return 0, model.Errorf(model.CodeInternal, "exec in container %s: %v", id, err)
}

// ExecAttached is Exec with the command's input and output. The command also ends with the container, and with the runtime. With a
// terminal it leads a session of its own.
func (p *Process) ExecAttached(ctx context.Context, id string, options ExecOptions) (int, error) {
	run, ended, err := p.command(id, options)
	if err != nil {
		return 0, err
	}
	a := &attachedCommand{run: run, options: options, quit: make(chan struct{}), failed: make(chan error, 1)}
	if err := a.connect(); err != nil {
		return 0, model.Errorf(model.CodeInternal, "exec in container %s: %v", id, err)
	}
	defer a.close()
	if err := run.Start(); err != nil {
		return 0, model.Errorf(model.CodeInternal, "exec in container %s: %v", id, err)
	}
	a.closeTheirs()
	for _, output := range a.outputs {
		a.work.Go(func() { a.copyOutput(output) })
	}
	a.work.Go(a.feed)
	exited := make(chan error, 1)
	a.work.Go(func() { exited <- run.Wait() })
	select {
	case err := <-exited:
		a.finish()
		return codeOf(id, err)
	case <-ended:
	case <-ctx.Done():
		err = context.Cause(ctx)
	case err = <-a.failed:
	case <-p.closing:
		err = errProcessClosed()
	}
	a.hangUp(exited)
	if err != nil {
		return 0, err
	}
	return 128 + int(unix.SIGKILL), nil // as containers do with what runs in them
}

// attachedCommand is a command and what it is connected to.
type attachedCommand struct {
	run     *exec.Cmd
	options ExecOptions
	work    sync.WaitGroup
	quit    chan struct{} // closed when there is nothing more to feed
	failed  chan error    // that output was not taken

	input    *os.File // of the command; its terminal where it has one
	outputs  []*commandOutput
	theirs   []*os.File // the command's own ends
	terminal bool

	outputMu sync.Mutex // held while options.Output is called
}

// commandOutput is our end of what a command writes to.
type commandOutput struct {
	file   *os.File
	stream model.OutputStream
	ended  atomic.Bool // the command is gone: what it left is read, but not waited for long
}

// connect makes the terminal or the pipes.
func (a *attachedCommand) connect() error {
	if a.options.Terminal != nil {
		return a.connectTerminal()
	}
	a.run.SysProcAttr = &unix.SysProcAttr{Setpgid: true}
	theirs, ours, err := os.Pipe()
	if err != nil {
		return err
	}
	a.input, a.theirs, a.run.Stdin = ours, append(a.theirs, theirs), theirs
	for _, stream := range []model.OutputStream{model.Stdout, model.Stderr} {
		ours, theirs, err := os.Pipe()
		if err != nil {
			a.close()
			return err
		}
		a.outputs, a.theirs = append(a.outputs, &commandOutput{file: ours, stream: stream}), append(a.theirs, theirs)
		if stream == model.Stdout {
			a.run.Stdout = theirs
		} else {
			a.run.Stderr = theirs
		}
	}
	return nil
}

func (a *attachedCommand) connectTerminal() error {
	ours, theirs, err := openTerminal()
	if err != nil {
		return err
	}
	a.terminal, a.input, a.theirs = true, ours, []*os.File{theirs}
	a.outputs = []*commandOutput{{file: ours, stream: model.Stdout}}
	a.run.Stdin, a.run.Stdout, a.run.Stderr = theirs, theirs, theirs
	a.run.SysProcAttr = &unix.SysProcAttr{Setsid: true, Setctty: true}
	return a.resize(*a.options.Terminal)
}

// openTerminal makes a terminal. Our end of it knows deadlines.
func openTerminal() (ours, theirs *os.File, err error) {
	blocking, theirs, err := pty.Open()
	if err != nil {
		return nil, nil, err
	}
	defer blocking.Close()
	fd, err := unix.FcntlInt(blocking.Fd(), unix.F_DUPFD_CLOEXEC, 0)
	if err == nil {
		err = unix.SetNonblock(fd, true)
	}
	if err != nil {
		_ = theirs.Close()
		return nil, nil, err
	}
	return os.NewFile(uintptr(fd), blocking.Name()), theirs, nil
}

func (a *attachedCommand) resize(size model.TerminalSize) error {
	raw, err := a.input.SyscallConn()
	if err != nil {
		return err
	}
	window := &unix.Winsize{Row: size.Rows, Col: size.Columns}
	failed := raw.Control(func(fd uintptr) { err = unix.IoctlSetWinsize(int(fd), unix.TIOCSWINSZ, window) })
	return errors.Join(failed, err)
}

func (a *attachedCommand) closeTheirs() {
	for _, file := range a.theirs {
		_ = file.Close()
	}
	a.theirs = nil
}

// close closes every file that is still open.
func (a *attachedCommand) close() {
	a.closeTheirs()
	_ = a.input.Close()
	for _, output := range a.outputs {
		_ = output.file.Close() // the input once more, with a terminal
	}
}

// copyOutput hands on what the command writes, until all of it is read.
func (a *attachedCommand) copyOutput(output *commandOutput) {
	buffer := make([]byte, 32<<10)
	for {
		if output.ended.Load() {
			// A child of the command can hold its output open.
			_ = output.file.SetReadDeadline(time.Now().Add(leftovers))
		}
		n, err := output.file.Read(buffer)
		if n > 0 {
			a.outputMu.Lock()
			failed := a.options.Output(output.stream, buffer[:n])
			a.outputMu.Unlock()
			if failed != nil {
				select {
				case a.failed <- failed:
				default: // one reason is enough
				}
				return
			}
		}
		if err != nil {
			return // the end: io.EOF of a pipe, EIO of a terminal
		}
	}
}

// endOfTransmission is what a terminal takes for the end of the input.
const endOfTransmission = 4

// feed hands the input on. What the command does not want any more is dropped.
func (a *attachedCommand) feed() {
	input := a.options.Input
	if input == nil {
		a.endInput()
		return
	}
	for {
		select {
		case in, ok := <-input:
			switch {
			case !ok:
				a.endInput()
				return
			case in.Resize == nil:
				_, _ = a.input.Write(in.Data)
			case a.terminal:
				_ = a.resize(*in.Resize) // a terminal of another size is still a terminal
			}
		case <-a.quit:
			return
		}
	}
}

func (a *attachedCommand) endInput() {
	if a.terminal {
		_, _ = a.input.Write([]byte{endOfTransmission})
		return
	}
	_ = a.input.Close()
}

// finish hands on the rest of the output of a command that has ended.
func (a *attachedCommand) finish() {
	for _, output := range a.outputs {
		output.ended.Store(true)
		_ = output.file.SetReadDeadline(time.Now().Add(leftovers))
	}
	a.stopFeeding()
	a.work.Wait()
}

// stopFeeding makes feed return, even where the command does not read.
func (a *attachedCommand) stopFeeding() {
	close(a.quit)
	_ = a.input.SetWriteDeadline(time.Now())
}

// hangUp ends a command that nobody listens to: with a signal that can be handled first.
func (a *attachedCommand) hangUp(exited <-chan error) {
	group := -a.run.Process.Pid
	_ = unix.Kill(group, unix.SIGHUP)
	timer := time.NewTimer(hangUpGrace)
	defer timer.Stop()
	select {
	case <-exited:
	case <-timer.C:
		_ = unix.Kill(group, unix.SIGKILL)
		<-exited
	}
	a.stopFeeding()
	for _, output := range a.outputs {
		_ = output.file.SetReadDeadline(time.Now())
	}
	a.work.Wait()
}
