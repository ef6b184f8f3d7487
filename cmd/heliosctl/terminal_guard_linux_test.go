package main

import (
	"bytes"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/creack/pty"
	"github.com/google/go-cmp/cmp"
	"golang.org/x/sys/unix"

	"github.com/heliosctl/heliosctl/daemon/daemontest/ports"
)

// guarded is heliosctl on a terminal that it is not the first on: a shell runs it, and waits when it has ended.
type guarded struct {
	*screen
	home   string
	before *unix.Termios
	pid    int
	guard  int
}

// startGuarded starts heliosctl and waits until the console has the terminal.
func startGuarded(t *testing.T, program, name string, args ...string) *guarded {
	t.Helper()
	g := &guarded{home: t.TempDir()}
	s := &screen{t: t, out: &watchedOutput{changed: make(chan struct{})}}
	// exec -a, which not every sh has, would give it a name; a link does as well.
	link := filepath.Join(t.TempDir(), name)
	if err := os.Symlink(program, link); err != nil {
		t.Fatal(err)
	}
	s.command = exec.Command("sh", append([]string{"-c", `"$0" "$@"; echo "it ended with $?"; read -r line`, link}, args...)...)
	s.command.Env = []string{"TERM=xterm-256color", "LANG=C.UTF-8", "HOME=" + g.home, "PATH=" + os.Getenv("PATH")}
	ours, theirs, err := pty.Open()
	if err != nil {
		t.Fatal(err)
	}
	if g.before, err = unix.IoctlGetTermios(int(theirs.Fd()), getTermios); err != nil {
		t.Fatal(err)
	}
	if err := pty.Setsize(ours, &pty.Winsize{Rows: 36, Cols: 120}); err != nil {
		t.Fatal(err)
	}
	s.terminal = ours
	s.command.Stdin, s.command.Stdout, s.command.Stderr = theirs, theirs, theirs
	s.command.SysProcAttr = &syscall.SysProcAttr{Setsid: true, Setctty: true}
	if err := s.command.Start(); err != nil {
		t.Fatal(err)
	}
	_ = theirs.Close()
	var reading sync.WaitGroup
	reading.Go(func() { _, _ = io.Copy(s.out, ours) })
	t.Cleanup(func() {
		_ = s.command.Process.Kill()
		_ = s.command.Wait()
		_ = ours.Close()
		reading.Wait()
	})
	g.screen = s
	g.await("\x1b[?1049h")
	g.await("LIVE")
	g.pid = children(t, s.command.Process.Pid)[0]
	g.awaitGuard()
	return g
}

// awaitGuard waits until there is a guard that is told of crashes, which is made nicer last, and does not heed signals any more.
func (g *guarded) awaitGuard() {
	g.t.Helper()
	for deadline := time.Now().Add(time.Minute); ; time.Sleep(10 * time.Millisecond) {
		if children := children(g.t, g.pid); len(children) == 1 {
			nice, err := unix.Getpriority(unix.PRIO_PROCESS, children[0])
			if g.guard = children[0]; err == nil && nice == 20-guardNiceness && ignoresSIGTERM(g.guard) { // the kernel counts backwards
				return
			}
		}
		if time.Now().After(deadline) {
			g.t.Fatal("there is no guard")
		}
	}
}

func ignoresSIGTERM(pid int) bool {
	status, _ := os.ReadFile(fmt.Sprintf("/proc/%d/status", pid))
	_, ignored, _ := strings.Cut(string(status), "SigIgn:\t")
	ignored, _, _ = strings.Cut(ignored, "\n")
	set, err := strconv.ParseUint(ignored, 16, 64)
	return err == nil && set&(1<<(syscall.SIGTERM-1)) != 0
}

// children returns the processes that another one has started.
func children(t *testing.T, pid int) []int {
	t.Helper()
	threads, err := filepath.Glob(fmt.Sprintf("/proc/%d/task/*/children", pid))
	if err != nil {
		t.Fatal(err)
	}
	var found []int
	for _, thread := range threads {
		text, _ := os.ReadFile(thread) // it may be gone
		for _, word := range strings.Fields(string(text)) {
			child, err := strconv.Atoi(word)
			if err != nil {
				t.Fatal(err)
			}
			found = append(found, child)
		}
	}
	return found
}

func (g *guarded) signal(s syscall.Signal) {
	g.t.Helper()
	if err := syscall.Kill(g.pid, s); err != nil {
		g.t.Fatal(err)
	}
}

// expectUsual waits until the guard is gone, and checks that it has left the terminal as it was. Text waited for comes before.
func (g *guarded) expectUsual() {
	g.t.Helper()
	for deadline := time.Now().Add(time.Minute); !g.guardIsGone(); time.Sleep(10 * time.Millisecond) {
		if time.Now().After(deadline) {
			g.t.Fatal("the guard outlives what it watches")
		}
	}
	now, err := unix.IoctlGetTermios(int(g.terminal.Fd()), getTermios)
	if err != nil {
		g.t.Fatal(err)
	}
	if diff := cmp.Diff(g.before, now); diff != "" {
		g.t.Errorf("the modes of the terminal (-before +after):\n%s", diff)
	}
	printed, _ := g.out.read()
	for _, mode := range []string{"?1049", "?25", "?2004", "?1004", "?1002", "?1006"} {
		off, on := mode+"l", mode+"h"
		if mode == "?25" {
			off, on = on, off
		}
		if strings.LastIndex(printed, "\x1b["+on) > strings.LastIndex(printed, "\x1b["+off) {
			g.t.Errorf("%s is the last that the terminal heard of %s", on, mode)
		}
	}
}

// guardIsGone tells whether the guard has ended, though whoever has adopted it may not care.
func (g *guarded) guardIsGone() bool {
	state, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", g.guard))
	return err != nil || bytes.Contains(state, []byte(") Z "))
}

var savedTrace = regexp.MustCompile(`heliosctl ended by a bug \((.*)\); the trace is in (\S+\.txt)`)

// expectTrace waits until it is told where the trace is, and checks what is told and kept.
func (g *guarded) expectTrace(cause string, texts ...string) {
	g.t.Helper()
	g.await(".txt")
	g.await("\n")
	printed, _ := g.out.read()
	told := savedTrace.FindStringSubmatch(printed)
	if told == nil || told[1] != cause {
		g.t.Fatalf("it told %q, want the cause %q", told, cause)
	}
	if want := filepath.Join(g.home, ".local/state/heliosctl"); filepath.Dir(told[2]) != want {
		g.t.Errorf("the trace is in %s, want it in %s", told[2], want)
	}
	trace, err := os.ReadFile(told[2])
	if err != nil {
		g.t.Fatal(err)
	}
	for _, text := range append(texts, cause) {
		if !bytes.Contains(trace, []byte(text)) {
			g.t.Errorf("there is no %q in the trace:\n%s", text, trace)
		}
	}
}

// What ends the process without warning, wherever in it, leaves a terminal that can be used and tells why.
func TestACrashRestoresTheTerminal(t *testing.T) {
	dev := func(t *testing.T) []string {
		return []string{"dev", "--runtime", "sim", "--http", ports.Address(t), "--state-dir", t.TempDir()}
	}
	t.Run("a panic of a daemon", func(t *testing.T) {
		self, err := os.Executable()
		if err != nil {
			t.Fatal(err)
		}
		g := startGuarded(t, self, buggyProgram, dev(t)...)
		g.signal(syscall.SIGUSR1)
		g.expectTrace("panic: a bug in a daemon", "buggyMain", "goroutine ")
		g.expectUsual()
	})
	t.Run("a fatal error of the runtime", func(t *testing.T) {
		g := startGuarded(t, program(t), "heliosctl", dev(t)...)
		g.signal(syscall.SIGABRT)
		g.expectTrace("SIGABRT: abort", "goroutine ", "daemon.Run")
		g.expectUsual()
	})
	t.Run("a kill", func(t *testing.T) {
		g := startGuarded(t, program(t), "heliosctl", dev(t)...)
		g.signal(syscall.SIGKILL)
		g.await("heliosctl was killed")
		g.expectUsual()
	})
	t.Run("a kill of the dashboard", func(t *testing.T) {
		g := startGuarded(t, program(t), "heliosctl", "dashboard", "--demo", "--mouse")
		g.signal(syscall.SIGKILL)
		g.await("heliosctl was killed")
		g.expectUsual()
	})
}

// The guard takes no part in what goes on: keys and signals are for others, and it is gone when the console is.
func TestTheGuardEndsWithTheConsole(t *testing.T) {
	g := startGuarded(t, program(t), "heliosctl", "dashboard", "--demo")
	for _, s := range []syscall.Signal{syscall.SIGINT, syscall.SIGTERM, syscall.SIGHUP, syscall.SIGTSTP} {
		if err := syscall.Kill(g.guard, s); err != nil {
			t.Fatal(err)
		}
	}
	g.keys("2")
	g.await("HOST")
	if g.guardIsGone() {
		t.Error("a signal has ended the guard")
	}
	g.keys("q")
	g.await("it ended with 0")
	g.expectUsual()
	if printed, _ := g.out.read(); strings.Contains(printed, "heliosctl was killed") || strings.Contains(printed, "by a bug") {
		t.Errorf("the guard took the end for a crash: %q", printed[max(0, len(printed)-300):])
	}
	again := startGuarded(t, program(t), "heliosctl", "dashboard", "--demo")
	again.signal(syscall.SIGTERM)
	again.await("it ended with")
	again.expectUsual()
}

// A console without a guard is as good as one with it until there is a crash.
func TestTheConsoleGoesOnWithoutAGuard(t *testing.T) {
	g := startGuarded(t, program(t), "heliosctl", "dashboard", "--demo")
	if err := syscall.Kill(g.guard, syscall.SIGKILL); err != nil {
		t.Fatal(err)
	}
	g.keys("2")
	g.await("HOST")
	g.keys("q")
	g.await("it ended with 0")
	g.expectUsual()
}
