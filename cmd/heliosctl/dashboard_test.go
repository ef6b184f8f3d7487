package main

import (
	"errors"
	"io"
	"os"
	"os/exec"
	"regexp"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/creack/pty"
)

// looks are the sequences that ask for nothing: they change how text looks.
var looks = regexp.MustCompile(`\x1b\[[0-9;]*m`)

// The terminal that the commands run on here never answers, so whoever asks it something waits in vain.
func TestCommandsDoNotQueryTheTerminal(t *testing.T) {
	t.Parallel()
	for _, args := range [][]string{{"version", "--client"}, {"help"}, {"version"}} {
		command := exec.Command(program(t), args...)
		command.Env = []string{"TERM=xterm-256color", "HOME=" + t.TempDir(), "HELIOS_MASTER=http://127.0.0.1:1", "HELIOS_CLI_TOTAL_TIMEOUT=1"}
		terminal, err := pty.Start(command)
		if err != nil {
			t.Fatal(err)
		}
		printed, err := io.ReadAll(terminal)
		if err != nil && !errors.Is(err, syscall.EIO) { // which is how Linux tells that nobody has the other side open any more
			t.Fatal(err)
		}
		_ = command.Wait() // version fails without a master
		_ = terminal.Close()
		if strings.ContainsRune(looks.ReplaceAllString(string(printed), ""), '\x1b') {
			t.Errorf("heliosctl %s sent more than looks to the terminal: %q", strings.Join(args, " "), printed)
		}
		if len(printed) == 0 {
			t.Errorf("heliosctl %s printed nothing", strings.Join(args, " "))
		}
	}
}

// demoOnTerminal starts the dashboard with the simulated fleet on a terminal of its own.
func demoOnTerminal(t *testing.T, args ...string) (*exec.Cmd, *os.File, *watchedOutput) {
	t.Helper()
	command := exec.Command(program(t), append([]string{"dashboard", "--demo"}, args...)...)
	command.Env = []string{"TERM=xterm-256color", "COLORTERM=truecolor", "LANG=C.UTF-8", "HOME=" + t.TempDir()}
	terminal, err := pty.StartWithSize(command, &pty.Winsize{Rows: 36, Cols: 120})
	if err != nil {
		t.Fatal(err)
	}
	out := &watchedOutput{changed: make(chan struct{})}
	var reading sync.WaitGroup
	reading.Go(func() { _, _ = io.Copy(out, terminal) })
	t.Cleanup(func() {
		_ = command.Process.Kill()
		_ = terminal.Close()
		reading.Wait()
	})
	return command, terminal, out
}

func awaitOnTerminal(t *testing.T, out *watchedOutput, text string) {
	t.Helper()
	deadline := time.After(time.Minute)
	for {
		printed, changed := out.read()
		if strings.Contains(printed, text) {
			return
		}
		select {
		case <-changed:
		case <-deadline:
			t.Fatalf("%q never came up on the screen", text)
		}
	}
}

// Whichever way it ends, the terminal is what it was: its usual screen, a cursor, no mouse.
func TestDashboardRestoresTheTerminal(t *testing.T) {
	t.Parallel()
	for name, end := range map[string]func(command *exec.Cmd, terminal *os.File){
		"q":       func(_ *exec.Cmd, terminal *os.File) { _, _ = terminal.WriteString("q") },
		"ctrl-c":  func(_ *exec.Cmd, terminal *os.File) { _, _ = terminal.WriteString("\x03") },
		"SIGTERM": func(command *exec.Cmd, _ *os.File) { _ = command.Process.Signal(syscall.SIGTERM) },
		"SIGHUP":  func(command *exec.Cmd, _ *os.File) { _ = command.Process.Signal(syscall.SIGHUP) },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			command, terminal, out := demoOnTerminal(t, "--mouse")
			awaitOnTerminal(t, out, "Needs attention")
			awaitOnTerminal(t, out, "\x1b[?1006h") // the mouse
			end(command, terminal)
			if err := command.Wait(); err != nil {
				t.Errorf("it ended with %v", err)
			}
			awaitOnTerminal(t, out, "\x1b[?1049l") // the usual screen
			awaitOnTerminal(t, out, "\x1b[?25h")   // the cursor
			awaitOnTerminal(t, out, "\x1b[?1006l") // no mouse
			printed, _ := out.read()
			if strings.Contains(printed, "\x1b]11;?") || strings.Contains(printed, "\x1b[6n") {
				t.Error("it asked the terminal something")
			}
		})
	}
}

func TestDashboardTakesKeys(t *testing.T) {
	t.Parallel()
	_, terminal, out := demoOnTerminal(t, "--read-only")
	awaitOnTerminal(t, out, "Needs attention")
	_, _ = terminal.WriteString("2U")
	awaitOnTerminal(t, out, "read-only: this console")
	_, _ = terminal.WriteString("4\r")
	awaitOnTerminal(t, out, "AWAIT_RUNNING")
}

func TestDashboardWantsATerminal(t *testing.T) {
	t.Parallel()
	p := startProcess(t, "dashboard", "--demo")
	if code := p.wait(); code != exitUsage {
		t.Errorf("without a terminal it exits with %d, want %d", code, exitUsage)
	}
	p.waitFor("needs a terminal")
}
