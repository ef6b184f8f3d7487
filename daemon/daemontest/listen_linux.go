package daemontest

import (
	"errors"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"runtime"

	"golang.org/x/sys/unix"
)

// listenIn listens on a TCP address inside a network namespace; the listener stays there.
func listenIn(namespace, address string) (listener net.Listener, err error) {
	inside := visit(namespace, func() { listener, err = net.Listen("tcp4", address) })
	return listener, errors.Join(inside, err)
}

// dialIn connects to a TCP address from inside a network namespace. The call must not wait for long: the thread is there meanwhile.
func dialIn(namespace, address string) (conn net.Conn, err error) {
	dialer := net.Dialer{Timeout: dialLimit, FallbackDelay: -1}
	inside := visit(namespace, func() { conn, err = dialer.Dial("tcp4", address) })
	return conn, errors.Join(inside, err)
}

// visit calls do, which must not start goroutines that open sockets, in a network namespace. The thread goes there and comes back. One
// that cannot come back must not end either, because the kernel would kill the processes that it has started: see attributes.
func visit(namespace string, do func()) error {
	there, err := os.Open(filepath.Join(netnsDir, namespace))
	if err != nil {
		return err
	}
	defer there.Close()
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	here, err := os.Open(fmt.Sprintf("/proc/self/task/%d/ns/net", unix.Gettid()))
	if err != nil {
		return err
	}
	defer here.Close()
	if err := unix.Setns(int(there.Fd()), unix.CLONE_NEWNET); err != nil {
		return fmt.Errorf("enter %s: %w", namespace, err)
	}
	do()
	if err := unix.Setns(int(here.Fd()), unix.CLONE_NEWNET); err != nil {
		panic(fmt.Sprintf("a thread cannot leave %s: %v", namespace, err))
	}
	return nil
}
