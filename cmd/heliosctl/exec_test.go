package main

import (
	"encoding/json"
	"io"
	"os"
	"os/exec"
	"reflect"
	"strings"
	"syscall"
	"testing"

	"github.com/creack/pty"
	"github.com/google/go-cmp/cmp"
	"golang.org/x/term"

	"github.com/heliosctl/heliosctl/model"
)

func TestExecInAPipe(t *testing.T) {
	url, _ := startTeller(t, 1)
	createdJob(t, url, "safe:1", "unused:1", "--token", "secret", "--", "/bin/sleep", "1000")
	must(t, "deploy", "--master", url, "--wait", "--token", "secret", "safe:1", "dev-1")
	createdJob(t, url, "idle:1", "unused:1", "--", "/bin/sleep", "1000")
	much := strings.Repeat("0123456789", 1<<20)
	for name, tt := range map[string]struct {
		input  string
		args   []string
		stdout string
		stderr string // a part of it
		code   int
	}{
		"output":               {"", []string{"teller", "dev-1", "--", "sh", "-c", "echo out; echo err >&2"}, "out\n", "err\n", 0},
		"exit code":            {"", []string{"teller", "dev", "--", "sh", "-c", "exit 6"}, "", "", 6},
		"signal":               {"", []string{"teller", "dev-1", "--", "sh", "-c", "kill -9 $$"}, "", "", 137},
		"input":                {"a\nb\n", []string{"teller", "dev-1", "--", "sort", "-r"}, "b\na\n", "", 0},
		"10 MB there and back": {much, []string{"teller", "dev-1", "--", "cat"}, much, "", 0},
		"input not read":       {much, []string{"teller", "dev-1", "--", "true"}, "", "", 0},
		"no input":             {"text", []string{"teller", "dev-1", "-n", "--", "cat"}, "", "", 0},
		"flags of its own":     {"", []string{"teller", "dev-1", "--", "printf", "%s", "--json"}, "--json", "", 0},
		"unknown command":      {"", []string{"teller", "dev-1", "--", "no-such-command"}, "", `no command "no-such-command"`, 127},
		"token":                {"", []string{"safe", "dev-1", "--token", "secret", "--", "echo", "in"}, "in\n", "", 0},
		"wrong token":          {"", []string{"safe", "dev-1", "--token", "x", "--", "echo"}, "", "token for job safe:1:", 5},
		"unknown job":          {"", []string{"nope", "dev-1", "--", "echo"}, "", "nope", 3},
		"unknown host":         {"", []string{"teller", "web", "--", "echo"}, "", `host "web" does not exist`, 3},
		"not deployed":         {"", []string{"idle", "dev-1", "--", "echo"}, "", "idle:1:", 3},
		"command without --":   {"", []string{"teller", "dev-1", "echo"}, "", `the command comes after "--"`, 2},
		"flag without --":      {"", []string{"teller", "dev-1", "ls", "-l"}, "", `the command comes after "--"`, 2},
		"no command":           {"", []string{"teller", "dev-1"}, "", "COMMAND is missing", 2},
		"no host":              {"", []string{"teller", "--", "echo"}, "", "HOST is missing", 2},
	} {
		stdout, stderr, code := runInput(t, strings.NewReader(tt.input), append([]string{"exec", "--master", url}, tt.args...)...)
		if code != tt.code || stdout != tt.stdout || !contains(stderr, tt.stderr) || (tt.stderr == "" && stderr != "") {
			t.Errorf("%s: code %d, output %.200q, error output %q", name, code, stdout, stderr)
		}
	}

	out, _, code := runInput(t, strings.NewReader("text"), "exec", "--master", url, "--json", "teller", "dev-1", "--", "sh", "-c", "cat; echo oops >&2; exit 4")
	var got execResult
	if err := json.Unmarshal([]byte(out), &got); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(execResult{model.CodeOK, 4, "text", "oops\n"}, got); diff != "" || code != 4 {
		t.Errorf("as JSON, code %d (-want +got):\n%s", code, diff)
	}
	must(t, "stop", "--master", url, "--wait", "--token", "secret", "safe:1", "dev-1")
	_, stderr, code := runProgram(t, "exec", "--master", url, "safe", "dev-1", "--token", "secret", "--", "echo")
	if code != 3 || !contains(stderr, "it is not running: it is STOPPED") {
		t.Errorf("in a stopped job: code %d, %q", code, stderr)
	}
	must(t, "undeploy", "--master", url, "--wait", "--token", "secret", "safe:1", "dev-1")
}

// terminalSession is a command that runs with a terminal of its own.
type terminalSession struct {
	*process
	keys *os.File
	tty  *os.File
}

// startInTerminal runs heliosctl in a terminal of 24 rows and 80 columns.
func startInTerminal(t *testing.T, args ...string) *terminalSession {
	t.Helper()
	return startInTerminalOf(t, 80, args...)
}

// startInTerminalOf is startInTerminal with so many columns.
func startInTerminalOf(t *testing.T, columns uint16, args ...string) *terminalSession {
	t.Helper()
	keys, tty, err := pty.Open()
	if err != nil {
		t.Fatal(err)
	}
	if err := pty.Setsize(keys, &pty.Winsize{Rows: 24, Cols: columns}); err != nil {
		t.Fatal(err)
	}
	p := &process{t: t, cmd: exec.Command(program(t), args...), out: &watchedOutput{changed: make(chan struct{})}, exited: make(chan struct{})}
	p.cmd.Env = append(os.Environ(), "HOME="+t.TempDir(), "HELIOS_MASTER=", "TERM=vt220")
	p.cmd.Stdin, p.cmd.Stdout, p.cmd.Stderr = tty, tty, tty
	p.cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: true, Setctty: true}
	if err := p.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	shown := make(chan struct{})
	go func() {
		defer close(shown)
		_, _ = io.Copy(p.out, keys) // until the terminal is gone
	}()
	go func() {
		_ = p.cmd.Wait()
		close(p.exited)
	}()
	t.Cleanup(func() {
		_ = p.cmd.Process.Kill()
		<-p.exited
		_ = tty.Close()
		<-shown
		_ = keys.Close()
	})
	return &terminalSession{p, keys, tty}
}

func (s *terminalSession) press(text string) {
	s.t.Helper()
	if _, err := io.WriteString(s.keys, text); err != nil {
		s.t.Fatal(err)
	}
}

func (s *terminalSession) resize(rows, columns uint16) {
	s.t.Helper()
	if err := pty.Setsize(s.keys, &pty.Winsize{Rows: rows, Cols: columns}); err != nil {
		s.t.Fatal(err)
	}
}

// cooked is the state of the terminal for people.
func (s *terminalSession) cooked() *term.State {
	s.t.Helper()
	state, err := term.GetState(int(s.tty.Fd()))
	if err != nil {
		s.t.Fatal(err)
	}
	return state
}

func TestExecInATerminal(t *testing.T) {
	url, _ := startTeller(t, 1)
	script := `
		await() { until [ "$(stty size)" = "$1" ]; do sleep 0.02; done; }
		echo "$TERM, $(tty | cut -c-5)"
		await "24 80"; echo "first size"
		await "50 132"; echo "second size"
		until [ "$interrupted" ]; do sleep 0.02; done; echo "interrupted"
		read line; echo "read [$line]"
		exit 9`
	s := startInTerminal(t, "exec", "--master", url, "teller", "dev-1", "--", "sh", "-c", "trap 'interrupted=yes' INT; "+script)
	before := s.cooked()
	s.waitFor("vt220, /dev/\r\n")
	s.waitFor("first size\r\n")
	s.resize(50, 132)
	s.waitFor("second size\r\n")
	s.press("\x03")
	s.waitFor("interrupted\r\n")
	s.press("text\r")
	s.waitFor("read [text]\r\n")
	if code := s.wait(); code != 9 {
		t.Errorf("it ended with %d", code)
	}
	if diff := cmp.Diff(before, s.cooked(), cmp.Exporter(func(reflect.Type) bool { return true })); diff != "" {
		t.Errorf("the terminal is not as it was (-before +after):\n%s", diff)
	}
}

func TestExecLeavesTheTerminalInOrderWhenItIsEnded(t *testing.T) {
	url, _ := startTeller(t, 1)
	s := startInTerminal(t, "exec", "--master", url, "teller", "dev-1", "--", "sh", "-c", "echo ready; exec sleep 1000")
	before := s.cooked()
	s.waitFor("ready")
	s.signal(syscall.SIGTERM)
	if code := s.wait(); code != exitInterrupted {
		t.Errorf("it ended with %d", code)
	}
	if diff := cmp.Diff(before, s.cooked(), cmp.Exporter(func(reflect.Type) bool { return true })); diff != "" {
		t.Errorf("the terminal is not as it was (-before +after):\n%s", diff)
	}
}

// Without a terminal an interrupt ends heliosctl, and the command with it.
func TestInterruptedExecEndsTheCommand(t *testing.T) {
	url, _ := startTeller(t, 1)
	p := startProcess(t, "exec", "--master", url, "teller", "dev-1", "-T", "--", "sh", "-c", "echo $$ > pid; echo ready; while :; do sleep 0.02; done")
	p.waitFor("ready")
	p.signal(syscall.SIGINT)
	if code := p.wait(); code != exitInterrupted {
		t.Errorf("it ended with %d", code)
	}
	must(t, "exec", "--master", url, "teller", "dev-1", "--", "sh", "-c", "n=0; while kill -0 $(cat pid); do n=$((n+1)); [ $n = 500 ] && exit 1; sleep 0.02; done 2>&-")
}
