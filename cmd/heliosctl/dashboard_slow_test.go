package main

import (
	"os"
	"os/exec"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/creack/pty"
)

// baud is a terminal on a serial line: it takes 960 bytes a second.
func baud(terminal *os.File, out *watchedOutput) {
	buffer := make([]byte, 48)
	for {
		n, err := terminal.Read(buffer)
		_, _ = out.Write(buffer[:n])
		if err != nil {
			return
		}
		time.Sleep(time.Duration(n) * time.Second / 960)
	}
}

// On a serial line a frame takes longer than anybody waits. The console takes keys all the same, and ends when it is told to, without
// sending all that it would have liked to show.
func TestDashboardOnASerialLine(t *testing.T) {
	t.Parallel()
	command := exec.Command(program(t), "dashboard", "--demo")
	command.Env = []string{"TERM=xterm-256color", "LANG=C.UTF-8", "HOME=" + t.TempDir()}
	terminal, err := pty.StartWithSize(command, &pty.Winsize{Rows: 36, Cols: 120})
	if err != nil {
		t.Fatal(err)
	}
	out := &watchedOutput{changed: make(chan struct{})}
	var reading sync.WaitGroup
	reading.Go(func() { baud(terminal, out) })
	t.Cleanup(func() {
		_ = command.Process.Kill()
		_ = terminal.Close()
		reading.Wait()
	})
	awaitOnTerminal(t, out, "\x1b[?1049h")
	for range 50 {
		_, _ = terminal.WriteString("21")
	}
	_, _ = terminal.WriteString("q")
	if err := command.Wait(); err != nil {
		t.Errorf("it ended with %v", err)
	}
	awaitOnTerminal(t, out, "\x1b[?1049l")
	printed, _ := out.read()
	if len(printed) > 12<<10 || strings.Count(printed, "Overview") > 1 {
		t.Errorf("it sent %d bytes, which is more than the frame that it had begun", len(printed))
	}
}
