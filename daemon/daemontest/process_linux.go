package daemontest

import "syscall"

// attributes have the kernel kill a process when the one that started it dies, however it dies.
func attributes() *syscall.SysProcAttr {
	return &syscall.SysProcAttr{Setpgid: true, Pdeathsig: syscall.SIGKILL}
}
