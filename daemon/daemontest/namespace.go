//go:build unix

package daemontest

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"time"
)

// netnsDir is where `ip netns` keeps the names of network namespaces.
const netnsDir = "/run/netns"

// inNamespace makes a command that runs in a network namespace. It becomes what it starts, so that its process id is that one's.
func inNamespace(ctx context.Context, namespace string, argv ...string) *exec.Cmd {
	return exec.CommandContext(ctx, "nsenter", append([]string{"--net=" + filepath.Join(netnsDir, namespace), "--"}, argv...)...)
}

// command runs a command that changes the network.
func command(argv ...string) error {
	return finish(exec.Command(argv[0], argv[1:]...))
}

func finish(cmd *exec.Cmd) error {
	if out, err := cmd.CombinedOutput(); err != nil {
		return fmt.Errorf("%s: %w: %s", strings.Join(cmd.Args, " "), err, bytes.TrimSpace(out))
	}
	return nil
}

// labPrefix begins the name of every namespace of a laboratory, and of the interface that leads to it:
//
//	hlab-SUBNET-PID-BIRTH-NODE  a namespace; PID and BIRTH tell the process that made it
//	hlab-SUBNET                 the interface; its name is taken once, which makes subnets unique
const labPrefix = "hlab-"

// labOwner tells which process made a namespace.
func labOwner(namespace string) (pid int, birth string, ok bool) {
	rest, ours := strings.CutPrefix(namespace, labPrefix)
	parts := strings.SplitN(rest, "-", 4)
	if !ours || len(parts) != 4 {
		return 0, "", false
	}
	pid, err := strconv.Atoi(parts[1])
	return pid, parts[2], err == nil
}

// birth tells two processes apart that had the same id: the clock ticks from boot to its start. "" when there is no such process.
func birth(pid int) string {
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	if err != nil {
		return ""
	}
	fields := strings.Fields(string(text[bytes.LastIndexByte(text, ')')+1:]))
	if len(fields) < 20 {
		return ""
	}
	return fields[19] // the 22nd of all, the first two being cut off
}

// sweep removes what processes that are gone left behind.
func sweep() error {
	entries, err := os.ReadDir(netnsDir)
	if err != nil && !errors.Is(err, os.ErrNotExist) {
		return err
	}
	var errs []error
	for _, entry := range entries {
		pid, born, ours := labOwner(entry.Name())
		if ours && birth(pid) != born {
			errs = append(errs, removeNamespace(entry.Name()))
		}
	}
	return errors.Join(errs...)
}

// removeNamespace kills everything that runs in a namespace and removes it. Its interfaces go with it. A namespace that somebody else
// removes meanwhile is no error.
func removeNamespace(namespace string) error {
	err := emptyNamespace(namespace)
	if deleted := command("ip", "netns", "delete", namespace); deleted != nil {
		if _, gone := os.Stat(filepath.Join(netnsDir, namespace)); gone == nil {
			err = errors.Join(err, deleted)
		}
	}
	return err
}

// emptyLimit is how long killed processes may take to end.
const emptyLimit = 10 * time.Second

// emptyNamespace kills everything that runs in a namespace and waits until it is gone.
func emptyNamespace(namespace string) error {
	for deadline := time.Now().Add(emptyLimit); ; time.Sleep(logPoll) {
		out, err := exec.Command("ip", "netns", "pids", namespace).Output()
		if err != nil {
			return nil // it is gone
		}
		pids := strings.Fields(string(out))
		if len(pids) == 0 {
			return nil
		}
		if time.Now().After(deadline) {
			return fmt.Errorf("processes %s in %s do not end", strings.Join(pids, ", "), namespace)
		}
		for _, text := range pids {
			if pid, err := strconv.Atoi(text); err == nil && pid != os.Getpid() {
				_ = syscall.Kill(pid, syscall.SIGKILL)
			}
		}
	}
}
