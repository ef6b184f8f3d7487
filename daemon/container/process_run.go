//go:build unix

package container

import (
	"context"
	"encoding/json"
	"errors"
	"os"
	"os/exec"
	"syscall"
	"time"

	"golang.org/x/sys/unix"

	"github.com/heliosctl/heliosctl/model"
)

// startLimit is how long a shim may take to say that it started the process, and killLimit how long a killed one may take to end.
const (
	startLimit = 30 * time.Second
	killLimit  = 10 * time.Second
)

// Start starts a container that does not run, through a shim of its own; a running one is left alone.
func (p *Process) Start(ctx context.Context, id string) error {
	c, err := p.lookup(id)
	if err != nil {
		return err
	}
	c.changing.Lock()
	defer c.changing.Unlock()
	p.mu.Lock()
	_, present := p.containers[c.record.ID]
	running, isClosed := c.state().Running, p.isClosed
	p.mu.Unlock()
	switch {
	case isClosed:
		return errProcessClosed()
	case !present:
		return notFound(id, nil)
	case running:
		return nil
	}
	if err := errors.Join(os.RemoveAll(c.file(fileExit)), os.RemoveAll(c.file(fileRun))); err != nil {
		return model.Errorf(model.CodeInternal, "start container %s: %v", c.record.Spec.Name, err)
	}
	report, err := p.startShim(ctx, c)
	if err != nil {
		c.abandon()
		return err
	}
	var run runRecord
	if ok, err := readRecord(c.file(fileRun), &run); err != nil || !ok {
		return model.Errorf(model.CodeInternal, "start container %s: %s cannot be read: %v", c.record.Spec.Name, c.file(fileRun), err)
	}
	if report.Error != "" {
		p.mu.Lock()
		c.started, c.exit = &run, nil
		p.mu.Unlock()
		return invalid("start container %s: %s", c.record.Spec.Name, report.Error)
	}
	return p.watch(c, run)
}

// abandon undoes a start whose shim did not report.
func (c *process) abandon() {
	var run runRecord
	if ok, err := readRecord(c.file(fileRun), &run); ok && err == nil {
		run.signal(unix.SIGKILL)
	}
	_ = os.Remove(c.file(fileRun))
}

// signal reaches the process and everything in its group, unless the process ended and its id is another's by now.
func (r runRecord) signal(signal syscall.Signal) {
	if r.Pid > 0 && birth(r.Pid) == r.Birth {
		_ = unix.Kill(-r.Pid, signal) // it may end at this moment
	}
}

// startShim starts the shim and waits for its report.
func (p *Process) startShim(ctx context.Context, c *process) (report startReport, err error) {
	fault := func(err error) error {
		return model.Errorf(model.CodeInternal, "start container %s: %v", c.record.Spec.Name, err)
	}
	reader, writer, err := os.Pipe()
	if err != nil {
		return report, fault(err)
	}
	defer reader.Close()
	said, err := os.OpenFile(c.file(fileShim), os.O_CREATE|os.O_WRONLY|os.O_APPEND, 0o600)
	if err != nil {
		_ = writer.Close()
		return report, fault(err)
	}
	defer said.Close()
	shim := exec.Command(p.shim[0], append(p.shim[1:len(p.shim):len(p.shim)], c.dir)...)
	shim.Dir = c.dir
	shim.Stderr = said
	shim.ExtraFiles = []*os.File{writer}
	// In a session of its own it hears nothing of the agent's terminal, and is not stopped with the agent.
	shim.SysProcAttr = &syscall.SysProcAttr{Setsid: true}
	err = shim.Start()
	_ = writer.Close() // the shim has its own copy
	if err != nil {
		return report, fault(err)
	}
	_ = reader.SetReadDeadline(time.Now().Add(startLimit))
	defer context.AfterFunc(ctx, func() { _ = reader.SetReadDeadline(time.Now()) })()
	if err := json.NewDecoder(reader).Decode(&report); err != nil {
		_ = shim.Process.Kill()
		_ = shim.Wait()
		if ctx.Err() != nil {
			return report, context.Cause(ctx)
		}
		return report, fault(errors.New("its shim broke off: see " + c.file(fileShim)))
	}
	if report.Error != "" {
		_ = shim.Wait()
		return report, nil
	}
	// From here on the shim is waited for by its FIFO, as every later agent has to do.
	return report, shim.Process.Release()
}

// watch follows a run that has begun, until its end or Close.
func (p *Process) watch(c *process, run runRecord) error {
	fifo, err := os.OpenFile(c.file(fileAlive), os.O_RDONLY|unix.O_NONBLOCK, 0)
	if err != nil {
		return model.Errorf(model.CodeInternal, "watch container %s: %v", c.record.Spec.Name, err)
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.isClosed {
		_ = fifo.Close()
		return errProcessClosed()
	}
	c.started, c.exit, c.ended = &run, nil, make(chan struct{})
	p.publish(c, EventStart)
	p.follow(c, fifo)
	return nil
}

// follow starts the goroutine that learns of the end. The lock is held.
func (p *Process) follow(c *process, fifo *os.File) {
	c.fifo = fifo
	p.watchers.Go(func() {
		defer fifo.Close()
		if waitClosed(fifo, p.closing) == nil {
			p.finish(c)
		}
	})
}

// finish records the end of a run whose shim is gone.
func (p *Process) finish(c *process) {
	p.mu.Lock()
	run := *c.started
	p.mu.Unlock()
	exit := p.exitOf(c, run)
	p.mu.Lock()
	c.exit, c.fifo = &exit, nil
	p.publish(c, EventDie)
	close(c.ended)
	p.mu.Unlock()
	run.reap()
}

// reap takes the exit status of a shim that has let go of its FIFO, if it is a child of this process.
func (r runRecord) reap() {
	if r.ShimParent == os.Getpid() {
		_, _ = unix.Wait4(r.ShimPid, nil, 0, nil) // it is about to end, if it has not
	}
}

// exitOf reads what the shim wrote. A shim that was killed wrote nothing: then the process, which nobody watches any more, is killed.
func (p *Process) exitOf(c *process, run runRecord) exitRecord {
	var exit exitRecord
	ok, err := readRecord(c.file(fileExit), &exit)
	if ok && err == nil {
		return exit
	}
	run.signal(unix.SIGKILL)
	exit = exitRecord{ExitCode: 137, FinishedAt: time.Now(), Error: "its shim was killed, so the process was killed and its exit code is lost"}
	if err := writeRecord(c.file(fileExit), exit); err != nil {
		p.log.Error("the end of a container cannot be recorded", "container", c.record.Spec.Name, "error", err)
	}
	return exit
}

// adopt takes over a container that an earlier Process left behind.
func (p *Process) adopt(c *process) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.containers[c.record.ID] = c
	var run runRecord
	started, err := c.awaitRun(&run)
	if err != nil {
		return model.Errorf(model.CodeInternal, "take over container %s: %v", c.record.Spec.Name, err)
	}
	if !started {
		return nil
	}
	c.started = &run
	if run.Error != "" {
		return nil
	}
	c.ended = make(chan struct{})
	if !c.shimLives() {
		exit := p.exitOf(c, run)
		c.exit = &exit
		close(c.ended)
		run.reap()
		return nil
	}
	fifo, err := os.OpenFile(c.file(fileAlive), os.O_RDONLY|unix.O_NONBLOCK, 0)
	if err != nil {
		return model.Errorf(model.CodeInternal, "watch container %s: %v", c.record.Spec.Name, err)
	}
	p.follow(c, fifo)
	return nil
}

// awaitRun reads the record of the last start; ok is false when there was none. A shim that lives and has not written it yet is about to:
// the earlier Process ended in the middle of a start.
func (c *process) awaitRun(run *runRecord) (ok bool, err error) {
	for deadline := time.Now().Add(startLimit); time.Now().Before(deadline); time.Sleep(5 * time.Millisecond) {
		lives := c.shimLives()
		if ok, err := readRecord(c.file(fileRun), run); ok || err != nil || !lives {
			return ok, err
		}
	}
	return false, errors.New("its shim does not start it")
}

// shimLives reports whether a shim holds the FIFO open.
func (c *process) shimLives() bool {
	fd, err := unix.Open(c.file(fileAlive), unix.O_RDONLY|unix.O_NONBLOCK|unix.O_CLOEXEC, 0)
	if err != nil {
		return false
	}
	defer unix.Close(fd)
	var dropped [1]byte
	n, err := unix.Read(fd, dropped[:])
	return n > 0 || errors.Is(err, unix.EAGAIN)
}

// Stop sends TERM to the process and its group, and KILL after timeout. It returns when the process has ended. Nil when the
// container does not run or is gone.
func (p *Process) Stop(ctx context.Context, idOrName string, timeout time.Duration) error {
	run, ended, running := p.current(idOrName)
	if !running {
		return nil
	}
	run.signal(unix.SIGTERM)
	timer := time.NewTimer(max(timeout, 0))
	defer timer.Stop()
	select {
	case <-ended:
		return nil
	case <-timer.C:
		return p.kill(ctx, idOrName, run, ended)
	case <-ctx.Done():
		return context.Cause(ctx)
	case <-p.closing:
		return errProcessClosed()
	}
}

// Kill ends the process and its group at once. Nil when the container does not run or is gone.
func (p *Process) Kill(ctx context.Context, idOrName string) error {
	run, ended, running := p.current(idOrName)
	if !running {
		return nil
	}
	return p.kill(ctx, idOrName, run, ended)
}

func (p *Process) kill(ctx context.Context, idOrName string, run runRecord, ended <-chan struct{}) error {
	run.signal(unix.SIGKILL)
	timer := time.NewTimer(killLimit)
	defer timer.Stop()
	select {
	case <-ended:
		return nil
	case <-timer.C:
		return fail(ErrStopTimeout, nil, "container %s did not end within %s of being killed", idOrName, killLimit)
	case <-ctx.Done():
		return context.Cause(ctx)
	case <-p.closing:
		return errProcessClosed()
	}
}

// current returns the run of a container, if it has one that goes on.
func (p *Process) current(idOrName string) (run runRecord, ended <-chan struct{}, running bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	c := p.find(idOrName)
	if c == nil || !c.state().Running {
		return runRecord{}, nil, false
	}
	return *c.started, c.ended, true
}
