package main

import (
	"context"
	"errors"
	"os"
	"sync"
	"time"

	"golang.org/x/sys/unix"
)

// errUnread is why a command ends whose output nobody reads any more.
var errUnread = errors.New("nobody reads the output any more")

// unreadPoll is how often the output is looked at.
const unreadPoll = 250 * time.Millisecond

// whileRead runs what prints until somebody ends it. It ends too, and without an error, when nobody reads the output any more: else
// "heliosctl watch ... | head" would stay until the next change. That can be told of pipes and sockets only.
func whileRead(ctx context.Context, run func(context.Context) error) error {
	ctx, cancel := context.WithCancelCause(ctx)
	var looking sync.WaitGroup
	defer looking.Wait()
	defer cancel(nil)
	looking.Go(func() {
		ticks := time.NewTicker(unreadPoll)
		defer ticks.Stop()
		for {
			select {
			case <-ctx.Done():
				return
			case <-ticks.C:
				if unread(os.Stdout) {
					cancel(errUnread)
				}
			}
		}
	})
	err := run(ctx)
	if errors.Is(context.Cause(ctx), errUnread) {
		return nil
	}
	return err
}

// unread tells whether a file is the end of a pipe or a socket whose other end is closed.
func unread(file *os.File) bool {
	polled := []unix.PollFd{{Fd: int32(file.Fd())}}
	n, err := unix.Poll(polled, 0)
	return err == nil && n > 0 && polled[0].Revents&(unix.POLLERR|unix.POLLHUP) != 0
}
