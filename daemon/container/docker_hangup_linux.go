package container

import (
	"errors"
	"os"
	"strconv"
	"strings"
	"time"

	"golang.org/x/sys/unix"
)

// hangUpProcess ends a process of a container and its group: with a signal that can be handled first. It does nothing when the
// process is not to be seen from here, or is another by now.
func hangUpProcess(pid int, containerID string) error {
	fd, err := unix.PidfdOpen(pid, 0)
	if err != nil {
		return err
	}
	defer unix.Close(fd)
	// Whoever has the id while the descriptor is open is the one it was opened for.
	groups, err := os.ReadFile("/proc/" + strconv.Itoa(pid) + "/cgroup")
	if err != nil {
		return err
	}
	if !strings.Contains(string(groups), containerID) {
		return errors.New("its process is not one of this machine's")
	}
	if err := unix.Kill(-pid, unix.SIGHUP); err != nil {
		return err
	}
	if endsWithin(fd, hangUpGrace) {
		return nil
	}
	return unix.Kill(-pid, unix.SIGKILL)
}

// endsWithin waits for the end of a process.
func endsWithin(pidfd int, limit time.Duration) bool {
	for deadline := time.Now().Add(limit); ; {
		left := time.Until(deadline)
		if left <= 0 {
			return false
		}
		n, err := unix.Poll([]unix.PollFd{{Fd: int32(pidfd), Events: unix.POLLIN}}, int(left.Milliseconds())+1)
		if err == nil && n > 0 {
			return true
		}
		if err != nil && !errors.Is(err, unix.EINTR) {
			return false
		}
	}
}
