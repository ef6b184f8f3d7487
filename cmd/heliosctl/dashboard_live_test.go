package main

import (
	"io"
	"os"
	"os/exec"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/creack/pty"

	"github.com/heliosctl/heliosctl/daemon/daemontest/ports"
	"github.com/heliosctl/heliosctl/model"
)

// screen is a program on a terminal of its own.
type screen struct {
	t        *testing.T
	command  *exec.Cmd
	terminal *os.File
	out      *watchedOutput
	seen     int // bytes of the output that were waited for
}

func startScreen(t *testing.T, env []string, args ...string) *screen {
	t.Helper()
	s := &screen{t: t, command: exec.Command(program(t), args...), out: &watchedOutput{changed: make(chan struct{})}}
	s.command.Env = append([]string{"TERM=xterm-256color", "LANG=C.UTF-8", "HOME=" + t.TempDir()}, env...)
	var err error
	if s.terminal, err = pty.StartWithSize(s.command, &pty.Winsize{Rows: 36, Cols: 120}); err != nil {
		t.Fatal(err)
	}
	var reading sync.WaitGroup
	reading.Go(func() { _, _ = io.Copy(s.out, s.terminal) })
	t.Cleanup(func() {
		_ = s.command.Process.Kill()
		_ = s.terminal.Close()
		reading.Wait()
	})
	return s
}

// await waits for text behind what was waited for before.
func (s *screen) await(text string) {
	s.t.Helper()
	deadline := time.After(time.Minute)
	for {
		printed, changed := s.out.read()
		if at := strings.Index(printed[s.seen:], text); at >= 0 {
			s.seen += at + len(text)
			return
		}
		select {
		case <-changed:
		case <-deadline:
			s.t.Fatalf("%q never came up on the screen after %q", text, printed[max(0, s.seen-200):s.seen])
		}
	}
}

func (s *screen) keys(text string) {
	s.t.Helper()
	if _, err := s.terminal.WriteString(text); err != nil {
		s.t.Fatal(err)
	}
}

func TestDashboardOfACluster(t *testing.T) {
	t.Parallel()
	folder, address := t.TempDir(), ports.Address(t)
	url := "http://" + address
	serve := func() *process {
		p := startProcess(t, "dev", "--no-console", "--runtime", "sim", "--agents", "2", "--http", address, "--state-dir", folder)
		p.waitFor("ready at ")
		return p
	}
	master := serve()
	s := startScreen(t, []string{"HELIOS_MASTER=" + url}) // without a command
	s.await("LIVE")
	s.keys("2")
	s.await("dev-1")
	s.await("dev-2")
	s.keys("3")
	must(t, "-z", url, "create", "-q", "web:1", "nginx:1.25")
	s.await("web:1")
	must(t, "-z", url, "deploy", "web:1", "dev-1")
	s.keys("5")
	s.await("dev-1")
	s.await("web:1")

	master.signal(syscall.SIGKILL)
	<-master.exited
	s.await("STALE")
	master = serve()
	s.await("LIVE")
	must(t, "-z", url, "create", "-q", "web:2", "nginx:1.26")
	s.keys("3")
	s.await("web:2")

	s.keys("q")
	if err := s.command.Wait(); err != nil {
		t.Errorf("it ended with %v", err)
	}
	s.await("\x1b[?1049l") // the usual screen
	printed, _ := s.out.read()
	if !strings.Contains(printed, "\x1b[?25h") {
		t.Error("the cursor is not shown again")
	}
	master.signal(syscall.SIGTERM)
}

// It was told of one master, which is killed; the others go on, and so does it.
func TestDashboardGoesOnWithTheOtherMasters(t *testing.T) {
	t.Parallel()
	c := startCluster(t)
	s := startScreen(t, nil, "dashboard", "--master", c.urls["m1"])
	s.await("LIVE")
	s.keys("7")
	s.await(c.urls["m3"]) // the others have been learned
	c.masters["m1"].signal(syscall.SIGKILL)
	s.await("STALE")
	s.await("LIVE")
	s.keys("3")
	if _, err := c.all().CreateJob(t.Context(), model.Job{ID: model.JobID{Name: "web", Version: "1"}, Image: "nginx:1.25"}); err != nil {
		t.Fatal(err)
	}
	s.await("web:1")
	s.keys("q")
	if err := s.command.Wait(); err != nil {
		t.Errorf("it ended with %v", err)
	}
}

// Without a master it does not end but tells why and tries again.
func TestDashboardWithoutAMaster(t *testing.T) {
	t.Parallel()
	s := startScreen(t, nil, "dashboard", "--master", "http://"+ports.Address(t))
	s.await("Connecting to the masters: no master answers")
	s.keys("q")
	if err := s.command.Wait(); err != nil {
		t.Errorf("it ended with %v", err)
	}
}

// Where there is nobody to look at it, heliosctl alone tells what there is.
func TestNoCommandWithoutATerminal(t *testing.T) {
	t.Parallel()
	if printed := must(t); !strings.Contains(printed, "Usage:") {
		t.Errorf("it printed %q", printed)
	}
}

// A terminal that can only print gets no full screen, and none of the sequences for it.
func TestDashboardOnADumbTerminal(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		args []string
		says string
		code int
	}{
		{[]string{"dashboard", "--demo"}, "--plain prints lines instead", exitUsage},
		{nil, "COMMAND", exitOK},
	} {
		s := startScreen(t, []string{"TERM=dumb"}, c.args...)
		s.await(c.says)
		_ = s.command.Wait()
		if code := s.command.ProcessState.ExitCode(); code != c.code {
			t.Errorf("%q ended with %d", c.args, code)
		}
		if printed, _ := s.out.read(); strings.Contains(printed, "\x1b") {
			t.Errorf("%q printed %q", c.args, printed)
		}
	}
}
