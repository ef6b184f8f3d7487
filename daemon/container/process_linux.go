package container

import (
	"errors"
	"io"
	"os"
	"strconv"
	"strings"
	"syscall"

	"golang.org/x/sys/unix"
)

// jobAttributes puts a job's process into a group of its own and has the kernel kill it when the shim dies, for nobody could learn
// its exit code then.
func jobAttributes() *syscall.SysProcAttr {
	return &syscall.SysProcAttr{Setpgid: true, Pdeathsig: unix.SIGKILL}
}

// birth tells two processes apart that had the same id at different times: the clock ticks from boot to its start. "" when there is
// no such process.
func birth(pid int) string {
	text, err := os.ReadFile("/proc/" + strconv.Itoa(pid) + "/stat")
	if err != nil {
		return ""
	}
	// The second field is the name in brackets, which can hold anything; the start is the 22nd.
	_, rest, ok := strings.Cut(string(text[max(0, strings.LastIndexByte(string(text), ')')):]), ") ")
	fields := strings.Fields(rest)
	if !ok || len(fields) < 20 {
		return ""
	}
	return fields[19]
}

// waitClosed returns nil when the last writer of a FIFO is gone, or an error when the file is closed meanwhile.
func waitClosed(fifo *os.File, _ <-chan struct{}) error {
	var dropped [64]byte
	for {
		_, err := fifo.Read(dropped[:])
		switch {
		case errors.Is(err, io.EOF):
			return nil
		case err != nil:
			return err
		}
	}
}
