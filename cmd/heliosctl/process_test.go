package main

import (
	"bytes"
	"context"
	"errors"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"
)

// builtProgram builds heliosctl once for all tests that need real processes, the way users get it: static, without cgo.
var builtProgram = sync.OnceValues(func() (string, error) {
	dir, err := os.MkdirTemp("", "heliosctl-test-")
	if err != nil {
		return "", err
	}
	program := filepath.Join(dir, "heliosctl")
	build := exec.Command("go", "build", "-o", program, ".")
	build.Env = append(os.Environ(), "CGO_ENABLED=0")
	if out, err := build.CombinedOutput(); err != nil {
		return "", errors.Join(errors.New(string(out)), err)
	}
	return program, nil
})

func program(t testing.TB) string {
	t.Helper()
	if testing.Short() {
		t.Skip("starts real processes")
	}
	path, err := builtProgram()
	if err != nil {
		t.Fatal(err)
	}
	return path
}

// process is a running heliosctl whose output can be waited for.
type process struct {
	t      testing.TB
	cmd    *exec.Cmd
	out    *watchedOutput
	exited chan struct{}
}

// watchedOutput collects what a process prints and tells when there is more.
type watchedOutput struct {
	mu      sync.Mutex
	text    bytes.Buffer
	changed chan struct{}
}

func (o *watchedOutput) Write(p []byte) (int, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.text.Write(p)
	close(o.changed)
	o.changed = make(chan struct{})
	return len(p), nil
}

func (o *watchedOutput) read() (string, <-chan struct{}) {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.text.String(), o.changed
}

// startProcess starts heliosctl with an empty home folder. It is killed at the end of the test if it still runs.
func startProcess(t testing.TB, args ...string) *process {
	t.Helper()
	return startProcessEnv(t, nil, args...)
}

func startProcessEnv(t testing.TB, env []string, args ...string) *process {
	t.Helper()
	p := &process{t: t, cmd: exec.Command(program(t), args...), out: &watchedOutput{changed: make(chan struct{})}, exited: make(chan struct{})}
	p.cmd.Env = append(append(os.Environ(), "HOME="+t.TempDir(), "HELIOS_MASTER="), env...)
	p.cmd.Stdout, p.cmd.Stderr = p.out, p.out
	if err := p.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	go func() {
		_ = p.cmd.Wait()
		close(p.exited)
	}()
	t.Cleanup(func() {
		_ = p.cmd.Process.Kill()
		<-p.exited
		if t.Failed() {
			text, _ := p.out.read()
			t.Logf("output of heliosctl %s:\n%s", strings.Join(args, " "), text)
		}
	})
	return p
}

// waitFor waits until the process has printed the text.
func (p *process) waitFor(text string) {
	p.t.Helper()
	p.waitMatch(regexp.MustCompile(regexp.QuoteMeta(text)))
}

// waitMatch waits until what the process has printed matches.
func (p *process) waitMatch(want *regexp.Regexp) {
	p.t.Helper()
	deadline := time.After(time.Minute)
	for {
		printed, changed := p.out.read()
		if want.MatchString(printed) {
			return
		}
		select {
		case <-changed:
		case <-p.exited:
			if printed, _ := p.out.read(); !want.MatchString(printed) {
				p.t.Fatalf("it ended without printing %q:\n%s", want, printed)
			}
			return
		case <-deadline:
			p.t.Fatalf("it did not print %q:\n%s", want, printed)
		}
	}
}

// signal sends a signal and returns at once.
func (p *process) signal(s syscall.Signal) {
	p.t.Helper()
	if err := p.cmd.Process.Signal(s); err != nil {
		p.t.Fatal(err)
	}
}

// wait waits until the process has ended and returns its exit code, -1 when a signal ended it.
func (p *process) wait() int {
	p.t.Helper()
	select {
	case <-p.exited:
		return p.cmd.ProcessState.ExitCode()
	case <-time.After(2 * time.Minute):
		p.t.Fatal("it did not end")
		return 0
	}
}

// kill ends the process as a crash would.
func (p *process) kill() {
	p.t.Helper()
	p.signal(syscall.SIGKILL)
	p.wait()
}

// runProgram runs a command to its end and returns what it printed and its exit code.
func runProgram(t *testing.T, args ...string) (stdout, stderr string, code int) {
	t.Helper()
	return runInput(t, nil, args...)
}

// runInput is runProgram with something to read.
func runInput(t *testing.T, input io.Reader, args ...string) (stdout, stderr string, code int) {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), 2*time.Minute)
	defer cancel()
	cmd := exec.CommandContext(ctx, program(t), args...)
	cmd.Env = append(os.Environ(), "HOME="+t.TempDir(), "HELIOS_MASTER=")
	var out, errOut bytes.Buffer
	cmd.Stdin, cmd.Stdout, cmd.Stderr = input, &out, &errOut
	err := cmd.Run()
	var exit *exec.ExitError
	if err != nil && !errors.As(err, &exit) {
		t.Fatal(err)
	}
	return out.String(), errOut.String(), cmd.ProcessState.ExitCode()
}

// must runs a command that has to succeed and returns what it printed.
func must(t *testing.T, args ...string) string {
	t.Helper()
	stdout, stderr, code := runProgram(t, args...)
	if code != exitOK {
		t.Fatalf("heliosctl %s ended with %d:\n%s%s", strings.Join(args, " "), code, stdout, stderr)
	}
	return stdout
}
