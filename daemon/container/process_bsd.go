//go:build unix && !linux

package container

import (
	"errors"
	"os"
	"strconv"
	"syscall"
	"time"

	gopsutil "github.com/shirou/gopsutil/v4/process"
	"golang.org/x/sys/unix"
)

// jobAttributes puts a job's process into a group of its own.
func jobAttributes() *syscall.SysProcAttr {
	return &syscall.SysProcAttr{Setpgid: true}
}

// birth tells two processes apart that had the same id at different times: when it was started. "" when there is no such process.
func birth(pid int) string {
	p, err := gopsutil.NewProcess(int32(pid))
	if err != nil {
		return ""
	}
	created, err := p.CreateTime()
	if err != nil {
		return ""
	}
	return strconv.FormatInt(created, 10)
}

// waitClosed returns nil when the last writer of a FIFO is gone, or an error when closing is closed meanwhile. The kernel's queue
// does not report that of a FIFO on every system, so it asks now and then.
func waitClosed(fifo *os.File, closing <-chan struct{}) error {
	raw, err := fifo.SyscallConn()
	if err != nil {
		return err
	}
	for {
		var n int
		var failed error
		var dropped [64]byte
		if err := raw.Control(func(fd uintptr) { n, failed = unix.Read(int(fd), dropped[:]) }); err != nil {
			return err
		}
		switch {
		case failed == nil && n == 0:
			return nil
		case failed != nil && !errors.Is(failed, unix.EAGAIN) && !errors.Is(failed, unix.EINTR):
			return failed
		}
		select {
		case <-closing:
			return os.ErrClosed
		case <-time.After(200 * time.Millisecond):
		}
	}
}
