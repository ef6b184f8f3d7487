package main

import (
	"bufio"
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"os/exec"
	"os/signal"
	"runtime/debug"
	"strings"
	"syscall"

	"golang.org/x/sys/unix"
)

// Where the console runs, so may masters and agents, and what ends the process without warning, such as a panic of theirs or SIGKILL,
// leaves the terminal raw and on the other screen. The guard is a process of its own that waits for that, restores the terminal, and
// tells what the Go runtime reported last. It is killed when the console has restored the terminal by itself.

// guardCommand is the hidden command with which this program is started again as the guard.
const guardCommand = "terminal-guard"

// guardLine is the file descriptor at which the guard reads: a line with its order first, then the report of a crash, and the end of
// both when the process that it watches is gone.
const guardLine = 3

// guardNiceness lets the console draw its first frame before the guard has started up.
const guardNiceness = 10

// guardOrder is what the guard has to know. Its standard input and output are the terminal.
type guardOrder struct {
	Modes unix.Termios `json:"modes"` // of the terminal before the console has it
}

// guardTerminal starts a guard of the terminal as it is now. Nobody waits for it, and the console goes on without where that fails.
// Release ends it.
func (e *environment) guardTerminal() (release func()) {
	if e.program == nil || e.terminal == nil {
		return func() {}
	}
	modes, err := unix.IoctlGetTermios(int(e.terminal.in.Fd()), getTermios)
	if err != nil {
		return func() {}
	}
	started := make(chan *exec.Cmd, 1)
	go func() {
		guard, _ := startGuard(e.program, e.terminal, guardOrder{Modes: *modes})
		started <- guard
	}()
	return func() {
		if guard := <-started; guard != nil {
			endGuard(guard)
		}
	}
}

func startGuard(program []string, t *terminal, order guardOrder) (*exec.Cmd, error) {
	text, err := json.Marshal(order)
	if err != nil {
		return nil, err
	}
	ours, theirs, err := narrowPair()
	if err != nil {
		return nil, err
	}
	defer ours.Close() // the runtime has a descriptor of its own
	defer theirs.Close()
	guard := exec.Command(program[0])
	guard.Args = append(program[1:len(program):len(program)], guardCommand)
	guard.Stdin, guard.Stdout, guard.ExtraFiles = t.in, t.out, []*os.File{theirs}
	guard.SysProcAttr = &syscall.SysProcAttr{Setpgid: true} // the keys of the terminal mean others
	if err := guard.Start(); err != nil {
		return nil, err
	}
	_, err = ours.Write(append(text, '\n'))
	if err == nil {
		err = debug.SetCrashOutput(ours, debug.CrashOptions{})
	}
	if err != nil {
		endGuard(guard)
		return nil, err
	}
	_ = unix.Setpriority(unix.PRIO_PROCESS, guard.Process.Pid, guardNiceness)
	return guard, nil
}

func endGuard(guard *exec.Cmd) {
	_ = debug.SetCrashOutput(nil, debug.CrashOptions{})
	_ = guard.Process.Kill()
	_ = guard.Wait()
}

// narrowPair is a socket pair that takes little before the other end has read some: whoever reports a crash waits for the guard to
// begin with it.
func narrowPair() (ours, theirs *os.File, err error) {
	syscall.ForkLock.RLock()
	pair, err := unix.Socketpair(unix.AF_UNIX, unix.SOCK_STREAM, 0)
	if err == nil {
		unix.CloseOnExec(pair[0])
		unix.CloseOnExec(pair[1])
	}
	syscall.ForkLock.RUnlock()
	if err != nil {
		return nil, nil, os.NewSyscallError("socketpair", err)
	}
	ours, theirs = os.NewFile(uintptr(pair[0]), "guard"), os.NewFile(uintptr(pair[1]), "guarded")
	_ = unix.SetsockoptInt(pair[0], unix.SOL_SOCKET, unix.SO_SNDBUF, 1) // the least there is
	return ours, theirs, nil
}

// guardMain is the main function of the guard. It ends with the process that it watches, whatever else happens.
func guardMain(env *environment) int {
	signal.Ignore(syscall.SIGINT, syscall.SIGTERM, syscall.SIGHUP, syscall.SIGQUIT, syscall.SIGPIPE, syscall.SIGTSTP, syscall.SIGTTIN, syscall.SIGTTOU)
	line := bufio.NewReader(os.NewFile(guardLine, "guarded"))
	var order guardOrder
	text, err := line.ReadBytes('\n')
	if err == nil {
		err = json.Unmarshal(text, &order)
	}
	if err != nil {
		return exitFailure // who started it is gone before there was anything to guard, or it was not the console
	}
	_, err = line.Peek(1) // waits: whoever reports waits from now on until it is read
	restoreTerminal(&order.Modes)
	if err != nil {
		fmt.Print("heliosctl was killed\r\n")
		return exitOK
	}
	trace, _ := io.ReadAll(line)
	tellCrash(env, trace)
	return exitOK
}

// usualTerminal undoes what the console asks of a terminal: the mouse, focus, pasting, the cursor and its screen.
const usualTerminal = "\x1b[?1002l\x1b[?1003l\x1b[?1006l\x1b[?1004l\x1b[?2004l\x1b[0m\x1b[?1049l\x1b[?25h\r"

// restoreTerminal gives the terminal its modes back unless somebody else, such as the shell, has done so: the console is the one that
// leaves line ends alone.
func restoreTerminal(modes *unix.Termios) {
	terminal := int(os.Stdin.Fd())
	if now, err := unix.IoctlGetTermios(terminal, getTermios); err == nil && now.Oflag&unix.OPOST == 0 {
		_ = unix.IoctlSetTermios(terminal, setTermios, modes)
	}
	_, _ = os.Stdout.WriteString(usualTerminal)
}

// tellCrash keeps what the runtime reported and says where.
func tellCrash(env *environment, trace []byte) {
	first, _, _ := bytes.Cut(trace, []byte("\n"))
	cause := strings.TrimSpace(string(first))
	path, err := saveTrace(env, cause, trace)
	if err != nil {
		fmt.Printf("%s\nheliosctl ended by a bug (%s); the trace above could not be saved: %v\n", trace, cause, err)
		return
	}
	fmt.Printf("heliosctl ended by a bug (%s); the trace is in %s\n", cause, path)
}
