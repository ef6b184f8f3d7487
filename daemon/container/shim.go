//go:build unix

package container

import (
	"bufio"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"runtime"
	"sync"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

// The shim is a process of its own between the runtime and one job's process: it starts the process, writes its output down, waits
// for it, and leaves its exit code in a file. It knows one folder and nothing else, and it outlives the agent.

// shimReport is the file descriptor on which the shim tells the runtime, in one line of JSON, how the start went.
const shimReport = 3

type startReport struct {
	Error string `json:"error"`
}

// longestLine is where a line of output that does not end is cut, as Docker does.
const longestLine = 16 << 10

// leftovers is how long output may go on after the process has ended: a child of it that left its process group can hold it open.
const leftovers = time.Second

// ShimMain is the main function of the shim; args is the container's folder. It returns the exit status. The binary named in
// ProcessConfig.Shim has to call it, and nothing beside it.
func ShimMain(args []string) int {
	if len(args) != 1 {
		log.Print("the shim takes one argument, the folder of a container")
		return 2
	}
	// The kernel kills the process with the thread that started it, see jobAttributes: the thread has to stay.
	runtime.LockOSThread()
	// Whoever wants to stop the job signals the job. Caught, not ignored: what is ignored would be ignored by the job as well.
	signal.Notify(make(chan os.Signal, 1), unix.SIGTERM, unix.SIGINT, unix.SIGHUP, unix.SIGPIPE)

	s := &shim{dir: args[0], report: os.NewFile(shimReport, "report")}
	if err := s.run(); err != nil {
		log.Printf("run the container in %s: %v", s.dir, err)
		return 1
	}
	return 0
}

type shim struct {
	dir    string
	report *os.File
}

func (s *shim) file(name string) string { return filepath.Join(s.dir, name) }

func (s *shim) run() error {
	alive, err := os.OpenFile(s.file(fileAlive), os.O_RDWR, 0)
	if err != nil {
		return s.failed(err)
	}
	defer alive.Close()
	var record specRecord
	if ok, err := readRecord(s.file(fileSpec), &record); err != nil || !ok {
		return s.failed(errors.Join(err, fmt.Errorf("%s cannot be read", fileSpec)))
	}
	output, err := os.OpenFile(s.file(fileOutput), os.O_CREATE|os.O_WRONLY|os.O_APPEND, 0o600)
	if err != nil {
		return s.failed(err)
	}
	defer output.Close()
	// Now that the FIFO is open, a later agent can find this shim. Before, it could not: when the agent that asked for the start is
	// gone by now, nothing may be started.
	if _, err := s.report.WriteString("\n"); err != nil {
		return err
	}

	command, lines, err := s.start(record.Spec)
	if err != nil {
		return s.failed(err)
	}
	log := newLineLog(output)
	copied := make(chan struct{})
	go func() {
		defer close(copied)
		var both sync.WaitGroup
		both.Go(func() { log.copy(markStdout, lines.out) })
		both.Go(func() { log.copy(markStderr, lines.err) })
		both.Wait()
	}()
	s.tell(startReport{})
	exit := exitOf(command.Wait())

	// The container ends with its first process, so what that one started ends too.
	_ = unix.Kill(-command.Process.Pid, unix.SIGKILL)
	select {
	case <-copied:
	case <-time.After(leftovers):
		lines.interrupt()
		<-copied
	}
	return writeRecord(s.file(fileExit), exit)
}

// outputs are the reading ends of a process's output and error output.
type outputs struct{ out, err *os.File }

func (o outputs) interrupt() {
	_ = o.out.SetReadDeadline(time.Now())
	_ = o.err.SetReadDeadline(time.Now())
}

func (o outputs) close() {
	_ = o.out.Close()
	_ = o.err.Close()
}

// start starts the job's process and returns the reading ends of its output.
func (s *shim) start(spec Spec) (*exec.Cmd, outputs, error) {
	var lines outputs
	env := processEnv(spec)
	work := s.file(dirWork)
	path, err := lookPath(spec.Command[0], work, env)
	if err != nil {
		return nil, lines, err
	}
	readOut, writeOut, err := os.Pipe()
	if err != nil {
		return nil, lines, err
	}
	defer writeOut.Close() // the process has its own copies
	readErr, writeErr, err := os.Pipe()
	if err != nil {
		_ = readOut.Close()
		return nil, lines, err
	}
	defer writeErr.Close()
	lines = outputs{out: readOut, err: readErr}
	command := &exec.Cmd{
		Path: path, Args: spec.Command, Env: env, Dir: work,
		Stdout: writeOut, Stderr: writeErr,
		SysProcAttr: jobAttributes(),
	}
	if err := command.Start(); err != nil {
		lines.close()
		return nil, lines, err
	}
	pid := command.Process.Pid
	run := runRecord{ShimPid: os.Getpid(), ShimParent: os.Getppid(), Pid: pid, Birth: birth(pid), StartedAt: time.Now()}
	if err := writeRecord(s.file(fileRun), run); err != nil {
		// Nobody could find the process again.
		_ = unix.Kill(-pid, unix.SIGKILL)
		_ = command.Wait()
		lines.close()
		return nil, lines, err
	}
	return command, lines, nil
}

// failed reports a start that did not succeed, to whoever waits and to who comes later.
func (s *shim) failed(cause error) error {
	err := writeRecord(s.file(fileRun), runRecord{Error: cause.Error()})
	s.tell(startReport{Error: cause.Error()})
	return errors.Join(cause, err)
}

// tell sends the report. It cannot be delivered when the agent died meanwhile; the next one reads the files.
func (s *shim) tell(report startReport) {
	_ = json.NewEncoder(s.report).Encode(report)
	_ = s.report.Close()
}

func exitOf(err error) exitRecord {
	exit := exitRecord{FinishedAt: time.Now()}
	var failed *exec.ExitError
	switch {
	case err == nil:
	case !errors.As(err, &failed):
		exit.ExitCode, exit.Error = 255, err.Error()
	default:
		exit.ExitCode = exitCode(failed.ProcessState)
	}
	return exit
}

// exitCode follows the shells: 128 + n after signal n.
func exitCode(state *os.ProcessState) int {
	if status, ok := state.Sys().(syscall.WaitStatus); ok && status.Signaled() {
		return 128 + int(status.Signal())
	}
	return state.ExitCode()
}

// lineLog is the file of a job's output. Every line begins with its time and the mark of its stream. It is safe for concurrent use.
type lineLog struct {
	to io.Writer

	mu     sync.Mutex
	writer *bufio.Writer
}

func newLineLog(to io.Writer) *lineLog {
	return &lineLog{to: to, writer: bufio.NewWriter(to)}
}

// The marks of the streams.
const (
	markStdout = 'o'
	markStderr = 'e'
)

// copy writes every line that it reads. It reads on when writing fails: a full disk must not stop the job.
func (l *lineLog) copy(mark byte, from io.Reader) {
	reader := bufio.NewReaderSize(from, longestLine)
	for {
		line, err := reader.ReadSlice('\n')
		l.write(mark, line, reader.Buffered() == 0)
		if err != nil && !errors.Is(err, bufio.ErrBufferFull) {
			return
		}
	}
}

// write writes a line, and what is held back if there is no more to come for now.
func (l *lineLog) write(mark byte, line []byte, flush bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if len(line) > 0 {
		_, _ = l.writer.WriteString(time.Now().UTC().Format(outputTime))
		_, _ = l.writer.Write([]byte{' ', mark, ' '})
		_, _ = l.writer.Write(line)
		if line[len(line)-1] != '\n' {
			_ = l.writer.WriteByte('\n')
		}
	}
	if flush && l.writer.Flush() != nil {
		l.writer.Reset(l.to)
	}
}

// outputTime is RFC 3339 with all nine digits, so that every line's text begins at the same place.
const outputTime = "2006-01-02T15:04:05.000000000Z07:00"
