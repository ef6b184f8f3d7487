// Package ports gives tests ports of the loopback that stay theirs: a daemon that a test starts, kills and starts again finds its port free
// each time, whatever other tests, packages and processes do meanwhile.
//
// Two things could take a port between the look and the use. The system could, for a connection that somebody opens: all ports given here are
// below those that systems take for that. Another test could: ports are handed out in blocks, each locked by the process that has it until the
// process ends.
package ports

import (
	"errors"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"strconv"
	"sync"
	"testing"

	"github.com/gofrs/flock"
)

// The ports given out: above those of well-known services and below those that agents give to jobs (20000) and systems to clients (32768).
const (
	first = 6100
	last  = 19999
	block = 100
)

var taken = &holder{folder: filepath.Join(os.TempDir(), "heliosctl-ports")}

// Address returns an address of the loopback, such as 127.0.0.1:6100, whose port nobody listens on, TCP or UDP.
func Address(t testing.TB) string {
	t.Helper()
	port, err := Row(1)
	if err != nil {
		t.Fatal(err)
	}
	return address(port)
}

// Row returns the first of n ports in a row, at most 100, that nobody listens on at the loopback, TCP or UDP. Safe for concurrent use.
func Row(n int) (int, error) { return taken.row(n) }

// holder is the blocks of ports that this process has.
type holder struct {
	folder string

	mu     sync.Mutex
	locks  []*flock.Flock // one for each block; they are held until the process ends
	blocks []int          // the first port of each block
	at     int            // the block that ports are taken of
	next   int            // the port of it that comes next, from 0
}

func (h *holder) row(n int) (int, error) {
	if n < 1 || n > block {
		return 0, fmt.Errorf("%d ports in a row cannot be had, only 1 to %d", n, block)
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	for tries := 0; tries <= last-first; tries++ {
		if len(h.blocks) == 0 || h.next+n > block {
			if err := h.nextBlock(); err != nil {
				return 0, err
			}
		}
		port := h.blocks[h.at] + h.next
		if free(port, n) {
			h.next += n
			return port, nil
		}
		h.next++ // somebody who knows nothing of these locks listens there
	}
	return 0, fmt.Errorf("no %d ports in a row are free from %d to %d", n, first, last)
}

// nextBlock goes on with a block of nobody, or, when all are somebody's, with the one of its own whose ports were given out longest ago.
func (h *holder) nextBlock() error {
	h.next = 0
	lock, port, err := h.lockBlock()
	if err != nil {
		return err
	}
	if lock != nil {
		h.locks, h.blocks = append(h.locks, lock), append(h.blocks, port)
		h.at = len(h.blocks) - 1
		return nil
	}
	if len(h.blocks) == 0 {
		return fmt.Errorf("all ports from %d to %d are taken by tests that run; their locks are in %s", first, last, h.folder)
	}
	h.at = (h.at + 1) % len(h.blocks)
	return nil
}

// lockBlock locks a block that no process has, nil if there is none.
func (h *holder) lockBlock() (*flock.Flock, int, error) {
	if err := os.MkdirAll(h.folder, 0o777); err != nil {
		return nil, 0, err
	}
	var errs []error
	for port := first; port+block-1 <= last; port += block {
		lock := flock.New(filepath.Join(h.folder, strconv.Itoa(port)))
		locked, err := lock.TryLock()
		if err != nil {
			errs = append(errs, err) // the file of another user
			continue
		}
		if locked {
			return lock, port, nil
		}
	}
	if len(errs)*block >= last-first {
		return nil, 0, errors.Join(errs...)
	}
	return nil, 0, nil
}

// free tells whether nobody listens on n ports from the given one on.
func free(port, n int) bool {
	for ; n > 0; port, n = port+1, n-1 {
		stream, err := net.Listen("tcp4", address(port))
		if err != nil {
			return false
		}
		stream.Close()
		packets, err := net.ListenPacket("udp4", address(port))
		if err != nil {
			return false
		}
		packets.Close()
	}
	return true
}

func address(port int) string { return net.JoinHostPort("127.0.0.1", strconv.Itoa(port)) }
