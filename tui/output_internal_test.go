package tui

import (
	"bytes"
	"errors"
	"io"
	"strings"
	"testing"
)

// gate is a terminal that takes one piece at a time.
type gate struct {
	arrived chan string
	let     chan error
	taken   bytes.Buffer
}

func newGate() *gate { return &gate{arrived: make(chan string), let: make(chan error)} }

func (g *gate) Write(p []byte) (int, error) {
	g.arrived <- string(p)
	if err := <-g.let; err != nil {
		return 0, err
	}
	return g.taken.Write(p)
}

func TestOutputDropsWhatHasNotBegun(t *testing.T) {
	g := newGate()
	o := newOutput(g, func() {})
	frame := strings.Repeat("\x1b[1mline\x1b[0m\r\n", 1000)
	if _, err := io.WriteString(o, frame); err != nil {
		t.Fatal(err)
	}
	first := <-g.arrived
	if !o.busy() {
		t.Error("it is not busy with the first piece")
	}
	o.drop()
	_, _ = io.WriteString(o, "restored")
	g.let <- nil
	if last := <-g.arrived; last != "restored" {
		t.Errorf("after what had begun it wrote %q", last)
	}
	g.let <- nil
	o.close()
	if len(first) > pieceSize || !strings.HasPrefix(frame[len(first):], "\x1b") {
		t.Errorf("a piece of %d bytes ends before %q", len(first), frame[len(first):len(first)+10])
	}
}

func TestOutputTellsWhenItIsDone(t *testing.T) {
	g := newGate()
	done := make(chan struct{}, 10)
	o := newOutput(g, func() { done <- struct{}{} })
	_, _ = io.WriteString(o, "one")
	<-g.arrived
	for range 2 { // which is told once all the same
		if !o.busy() {
			t.Fatal("it is not busy")
		}
	}
	g.let <- nil
	<-done
	if o.busy() {
		t.Error("it is busy when it has told that it is not")
	}
	_, _ = io.WriteString(o, "two") // nobody asks
	<-g.arrived
	g.let <- nil
	o.close()
	if len(done) != 0 {
		t.Error("it told what nobody had asked")
	}
	if g.taken.String() != "onetwo" {
		t.Errorf("it wrote %q", g.taken.String())
	}
}

// Whoever has gone back to the usual screen can write there: nothing comes after it.
func TestOutputWaitsForTheUsualScreen(t *testing.T) {
	g := newGate()
	o := newOutput(g, func() {})
	_, _ = io.WriteString(o, "frame")
	<-g.arrived
	back := make(chan struct{})
	go func() {
		defer close(back)
		_, _ = io.WriteString(o, usualScreen)
	}()
	g.let <- nil
	<-g.arrived
	select {
	case <-back:
		t.Error("it did not wait for the terminal")
	default:
	}
	g.let <- nil
	<-back
	if got := g.taken.String(); got != "frame"+usualScreen {
		t.Errorf("when it was back it had written %q", got)
	}
	o.close()
}

func TestOutputFailsWithItsTerminal(t *testing.T) {
	g := newGate()
	told := make(chan struct{}, 1)
	o := newOutput(g, func() { told <- struct{}{} })
	_, _ = io.WriteString(o, "one")
	<-g.arrived
	o.busy()
	gone := errors.New("gone")
	g.let <- gone
	<-told
	if _, err := io.WriteString(o, "two"); !errors.Is(err, gone) {
		t.Errorf("writing to a terminal that is gone fails with %v", err)
	}
	o.close()
}
