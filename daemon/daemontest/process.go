//go:build unix

package daemontest

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"strings"
	"sync"
	"syscall"
	"time"
)

// Command says what a Process runs.
type Command struct {
	Name      string // for messages
	Path      string
	Args      []string
	Env       []string // beside this process's own
	Namespace string   // the network namespace to run in; empty: this process's
	StateDir  string   // what Wipe removes
	LogFile   string   // stdout and stderr are appended to it

	// Ended is called, from another goroutine, when the process ends although nobody ended it. Nil: nobody wants to know.
	Ended func(error)
}

// Process is one process that can be killed, paused and started again with the same arguments. Its methods are for one goroutine at a
// time, but for Alive, Pid and WaitLog.
type Process struct {
	command Command

	mu  sync.Mutex
	run *run // the last one; nil: never started
}

// run is one life of a process.
type run struct {
	cmd     *exec.Cmd
	logFrom int64 // where its part of the log begins
	done    chan struct{}

	mu     sync.Mutex
	wanted bool // somebody ends it
	err    error
}

// NewProcess makes a process that does not run yet.
func NewProcess(c Command) *Process { return &Process{command: c} }

// Name returns the process's name.
func (p *Process) Name() string { return p.command.Name }

// LogFile returns where the process's output goes.
func (p *Process) LogFile() string { return p.command.LogFile }

// StateDir returns the folder that Wipe empties.
func (p *Process) StateDir() string { return p.command.StateDir }

// Start starts the process, for the first time or again with the same arguments.
func (p *Process) Start() error {
	if p.Alive() {
		return fmt.Errorf("%s runs already", p.command.Name)
	}
	log, err := os.OpenFile(p.command.LogFile, os.O_CREATE|os.O_WRONLY|os.O_APPEND, 0o600)
	if err != nil {
		return err
	}
	defer log.Close() // the process has its own
	end, err := log.Seek(0, io.SeekEnd)
	if err != nil {
		return err
	}
	c := p.command
	cmd := exec.Command(c.Path, c.Args...)
	if c.Namespace != "" {
		cmd = inNamespace(context.Background(), c.Namespace, append([]string{c.Path}, c.Args...)...)
	}
	cmd.Env = append(os.Environ(), c.Env...)
	cmd.Stdout, cmd.Stderr = log, log
	cmd.SysProcAttr = attributes()
	if err := cmd.Start(); err != nil {
		return fmt.Errorf("start %s: %w", c.Name, err)
	}
	r := &run{cmd: cmd, logFrom: end, done: make(chan struct{})}
	p.mu.Lock()
	p.run = r
	p.mu.Unlock()
	go p.watch(r)
	return nil
}

func (p *Process) watch(r *run) {
	err := r.cmd.Wait()
	r.mu.Lock()
	wanted := r.wanted
	r.err = err
	r.mu.Unlock()
	if !wanted && p.command.Ended != nil {
		if err == nil {
			err = errors.New("exit status 0")
		}
		p.command.Ended(fmt.Errorf("%s ended by itself: %w\n%s", p.command.Name, err, p.LogTail()))
	}
	close(r.done)
}

func (p *Process) current() *run {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.run
}

// Alive tells whether the process runs or is paused.
func (p *Process) Alive() bool {
	r := p.current()
	if r == nil {
		return false
	}
	select {
	case <-r.done:
		return false
	default:
		return true
	}
}

// Pid returns the id of the last process that was started.
func (p *Process) Pid() int { return p.current().cmd.Process.Pid }

// Kill ends the process as a crash does and waits until it is gone. A process that is gone already is left in peace.
func (p *Process) Kill() {
	r := p.current()
	if r == nil {
		return
	}
	r.want()
	_ = r.cmd.Process.Kill()
	<-r.done
}

func (r *run) want() {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.wanted = true
}

// Stop asks the process to end and waits until it has. It fails when the process ends with an error or, killed then, not in time.
func (p *Process) Stop(ctx context.Context) error {
	r := p.current()
	if r == nil || !p.Alive() {
		return nil
	}
	r.want()
	if err := r.cmd.Process.Signal(syscall.SIGTERM); err != nil && !errors.Is(err, os.ErrProcessDone) {
		return err
	}
	select {
	case <-r.done:
		r.mu.Lock()
		defer r.mu.Unlock()
		if r.err != nil {
			return fmt.Errorf("%s ended with an error: %w\n%s", p.command.Name, r.err, p.LogTail())
		}
		return nil
	case <-ctx.Done():
		p.Kill()
		return fmt.Errorf("%s did not end when it was told to: %w\n%s", p.command.Name, ctx.Err(), p.LogTail())
	}
}

// ExpectEnd says that the process may end by itself from now on, and returns a channel that is closed when it has.
func (p *Process) ExpectEnd() <-chan struct{} {
	r := p.current()
	r.want()
	return r.done
}

// Pause stops the process where it stands, and returns when it has; Resume lets it go on.
func (p *Process) Pause() error {
	process := p.current().cmd.Process
	if err := process.Signal(syscall.SIGSTOP); err != nil {
		return err
	}
	return awaitStopped(process.Pid)
}

// Resume lets a paused process go on.
func (p *Process) Resume() error { return p.current().cmd.Process.Signal(syscall.SIGCONT) }

// Wipe removes the state folder of a process that does not run.
func (p *Process) Wipe() error {
	if p.Alive() {
		return fmt.Errorf("%s still runs: end it before its folder is removed", p.command.Name)
	}
	return os.RemoveAll(p.command.StateDir)
}

// Log returns what the process has written since it was last started.
func (p *Process) Log() string {
	file, err := os.Open(p.command.LogFile)
	if err != nil {
		return ""
	}
	defer file.Close()
	if r := p.current(); r != nil {
		if _, err := file.Seek(r.logFrom, io.SeekStart); err != nil {
			return ""
		}
	}
	text, _ := io.ReadAll(file)
	return string(text)
}

// logLines is how much of a log is shown.
const logLines = 40

// LogTail returns the last lines that the process wrote.
func (p *Process) LogTail() string {
	text, _ := os.ReadFile(p.command.LogFile)
	lines := bytes.Split(bytes.TrimRight(text, "\n"), []byte("\n"))
	return string(bytes.Join(lines[max(0, len(lines)-logLines):], []byte("\n")))
}

// logPoll is how often a log is looked at.
const logPoll = 20 * time.Millisecond

// WaitLog waits until the process, since it was last started, has written the text.
func (p *Process) WaitLog(ctx context.Context, text string) error {
	tick := time.NewTicker(logPoll)
	defer tick.Stop()
	for {
		alive := p.Alive() // before the log is read, so that nothing is missed
		if strings.Contains(p.Log(), text) {
			return nil
		}
		if !alive {
			return fmt.Errorf("%s ended without writing %q:\n%s", p.command.Name, text, p.LogTail())
		}
		select {
		case <-tick.C:
		case <-ctx.Done():
			return fmt.Errorf("%s did not write %q: %w\n%s", p.command.Name, text, ctx.Err(), p.LogTail())
		}
	}
}
