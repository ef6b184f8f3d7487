package tui

import (
	"bytes"
	"io"
	"os"
	"sync"
	"time"
)

// pieceSize is how much is written to the terminal at once: little enough for the rest of a frame to be dropped soon.
const pieceSize = 1024

// output writes to the terminal for a renderer that must not wait for it: the program goes on with keys while a slow line takes its
// time. Frames are changes to the one before, so none may be left out once it has been written here; whoever makes them asks busy
// first. It is safe for concurrent use.
type output struct {
	to      io.Writer
	drained func() // called when everything has been taken, if somebody asked meanwhile; must not block

	mu      sync.Mutex
	wake    *sync.Cond
	waiting []byte
	writing bool
	asked   bool // while busy
	closed  bool
	empty   chan struct{} // closed when everything has been written, nil when nobody waits for that
	err     error
	done    chan struct{}
}

func newOutput(to io.Writer, drained func()) *output {
	o := &output{to: to, drained: drained, done: make(chan struct{})}
	o.wake = sync.NewCond(&o.mu)
	go o.run()
	return o
}

// usualScreen goes back to the terminal's usual screen.
const usualScreen = "\x1b[?1049l"

// Write takes everything at once. It fails with what the terminal failed with before. What goes back to the usual screen is waited for:
// others may write there next.
func (o *output) Write(p []byte) (int, error) {
	o.mu.Lock()
	if o.err != nil {
		defer o.mu.Unlock()
		return 0, o.err
	}
	o.waiting = append(o.waiting, p...)
	o.wake.Broadcast()
	if !bytes.Contains(p, []byte(usualScreen)) {
		o.mu.Unlock()
		return len(p), nil
	}
	if o.empty == nil {
		o.empty = make(chan struct{})
	}
	empty := o.empty
	o.mu.Unlock()
	o.await(empty)
	return len(p), nil
}

// patience is how long a terminal that takes nothing is waited for at the end.
const patience = 5 * time.Second

func (o *output) await(what <-chan struct{}) {
	select {
	case <-what:
	case <-time.After(patience):
	}
}

// busy reports whether the terminal has not taken everything yet. Whoever asks then is told when it has.
func (o *output) busy() bool {
	o.mu.Lock()
	defer o.mu.Unlock()
	busy := len(o.waiting) > 0 || o.writing
	o.asked = o.asked || busy
	return busy
}

// drop forgets what the terminal has not begun to take, for what comes next to get there soon.
func (o *output) drop() {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.waiting = o.waiting[:0]
}

// close waits until everything has been written, but not for ever.
func (o *output) close() {
	o.mu.Lock()
	o.closed = true
	o.wake.Broadcast()
	o.mu.Unlock()
	o.await(o.done)
}

func (o *output) run() {
	defer close(o.done)
	var piece []byte
	for {
		var ok, drained bool
		if piece, drained, ok = o.next(piece[:0]); !ok {
			return
		}
		if drained {
			o.drained()
			continue
		}
		if _, err := o.to.Write(piece); err != nil {
			o.mu.Lock()
			o.err, o.waiting = err, nil
			o.mu.Unlock()
		}
	}
}

// next waits for something to write. It also returns when everything has been written and somebody wants to know that.
func (o *output) next(piece []byte) (_ []byte, drained, ok bool) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.writing = false
	for len(o.waiting) == 0 {
		if o.empty != nil {
			close(o.empty)
			o.empty = nil
		}
		if o.closed {
			return nil, false, false
		}
		if o.asked {
			o.asked = false
			return piece, true, true
		}
		o.wake.Wait()
	}
	n := pieceEnd(o.waiting)
	piece = append(piece, o.waiting[:n]...)
	o.waiting = append(o.waiting[:0], o.waiting[n:]...)
	o.writing = true
	return piece, false, true
}

// pieceEnd is where the first piece of bytes ends: before a control sequence, so that none is cut in two when the rest is dropped.
func pieceEnd(p []byte) int {
	if len(p) <= pieceSize {
		return len(p)
	}
	if i := bytes.LastIndexByte(p[1:pieceSize], '\x1b'); i >= 0 {
		return i + 1
	}
	return pieceSize
}

// terminal is an output to a terminal, which Bubble Tea asks for its size.
type terminal struct {
	*os.File
	output *output
}

func (t terminal) Write(p []byte) (int, error) { return t.output.Write(p) }

// WriteString is Write: that of the file would not wait for its turn.
func (t terminal) WriteString(s string) (int, error) { return t.output.Write([]byte(s)) }

// program is the output as Bubble Tea is to have it.
func (o *output) program() io.Writer {
	if f, ok := o.to.(*os.File); ok {
		return terminal{f, o}
	}
	return o
}
