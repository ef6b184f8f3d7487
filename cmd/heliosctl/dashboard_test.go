package main

import (
	"errors"
	"io"
	"os/exec"
	"strings"
	"syscall"
	"testing"

	"github.com/creack/pty"
)

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
		if strings.ContainsRune(string(printed), '\x1b') {
			t.Errorf("heliosctl %s sent escape sequences to the terminal: %q", strings.Join(args, " "), printed)
		}
		if len(printed) == 0 {
			t.Errorf("heliosctl %s printed nothing", strings.Join(args, " "))
		}
	}
}
