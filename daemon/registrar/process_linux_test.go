package registrar

import (
	"os/exec"
	"syscall"
)

// endWithTest has a process end when the test program does, however it ends.
func endWithTest(process *exec.Cmd) {
	process.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
}
