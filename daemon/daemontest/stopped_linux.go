package daemontest

import "golang.org/x/sys/unix"

// awaitStopped waits until no thread of a child runs any more. The signal alone returns before that.
func awaitStopped(pid int) error {
	for {
		err := unix.Waitid(unix.P_PID, pid, nil, unix.WSTOPPED|unix.WNOWAIT, nil)
		if err != unix.EINTR {
			return err
		}
	}
}
