package tui

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"testing"

	tea "github.com/charmbracelet/bubbletea"

	"github.com/heliosctl/heliosctl/model"
)

// held is a console whose requests wait until a test lets them go.
type held struct {
	*app
	waiting []func(context.Context) tea.Msg
}

func newHeld() *held {
	h := &held{app: newApp(Options{Source: nowhere()})}
	h.snap = &Snapshot{Freshness: Freshness{State: Live}}
	h.async = func(do func(context.Context) tea.Msg) tea.Cmd {
		h.waiting = append(h.waiting, do)
		return nil
	}
	return h
}

func (h *held) press(name string) { h.Update(namedKeys[name]) }

// answerOne lets the oldest request go.
func (h *held) answerOne(t *testing.T, err error) {
	t.Helper()
	if len(h.waiting) == 0 {
		t.Fatal("nothing is under way")
	}
	msg := h.waiting[0](t.Context()).(answer)
	h.waiting = slices.Delete(h.waiting, 0, 1)
	done := msg.msg.(doneMsg)
	done.err = err
	msg.msg = done
	h.Update(msg)
}

func openTwenty(h *held) *dialog {
	d := &dialog{title: said("Drain"), verb: "Drain", cli: said("")}
	for i := range 20 {
		d.targets = append(d.targets, target{name: fmt.Sprint(i), action: Action{Verb: VerbDrain, Host: fmt.Sprint(i)}})
	}
	h.open(d)
	h.press("tab")
	h.press("enter")
	return d
}

func TestEightRequestsAtATime(t *testing.T) {
	h := newHeld()
	d := openTwenty(h)
	for range 12 {
		if len(h.waiting) != atOnce {
			t.Fatalf("%d requests are under way, want %d", len(h.waiting), atOnce)
		}
		h.answerOne(t, nil)
	}
	for len(h.waiting) > 0 {
		h.answerOne(t, nil)
	}
	if ok, failed, open := d.counts(); ok != 20 || failed != 0 || open != 0 {
		t.Errorf("%d done, %d failed, %d open", ok, failed, open)
	}
}

func TestEscLeavesWhatHasNotBegun(t *testing.T) {
	h := newHeld()
	d := openTwenty(h)
	h.answerOne(t, nil)
	h.press("esc")
	for len(h.waiting) > 0 {
		h.answerOne(t, nil)
	}
	if ok, _, open := d.counts(); ok != 1+atOnce || open != 0 || d.stopped == "" {
		t.Errorf("%d done, %d open, %q", ok, open, d.stopped)
	}
	h.Update(tea.KeyMsg{Type: tea.KeyRunes, Runes: []rune{'r'}})
	if d.running || len(d.targets) != 20-1-atOnce {
		t.Errorf("there are %d to be tried again", len(d.targets))
	}
}

// Enter that was pressed twice neither stops what it has just begun nor takes what has failed off the screen.
func TestASecondEnterChangesNothing(t *testing.T) {
	h := newHeld()
	d := openTwenty(h)
	h.press("enter")
	for range 19 {
		h.answerOne(t, nil)
		h.press("enter")
	}
	h.answerOne(t, model.Errorf(model.CodeTimeout, "too late"))
	h.press("enter")
	if ok, failed, open := d.counts(); ok != 19 || failed != 1 || open != 0 || d.stopped != "" || h.modal != modal(d) {
		t.Errorf("%d done, %d failed, %d open, %q, on the screen is %T", ok, failed, open, d.stopped, h.modal)
	}
	h.press("esc")
	if h.modal != nil {
		t.Errorf("esc leaves %T", h.modal)
	}
}

// Where everything has been sent there is nothing that could be left undone.
func TestEscDoesNotTakeBackWhatWasSent(t *testing.T) {
	h := newHeld()
	d := openTwenty(h)
	for range 12 {
		h.answerOne(t, nil)
	}
	h.press("esc")
	if d.stopped != "" || !strings.Contains(h.flash, "cannot be taken back") {
		t.Errorf("it says %q and %q", d.stopped, h.flash)
	}
	for len(h.waiting) > 0 {
		h.answerOne(t, nil)
	}
	h.press("enter")
	if ok, _, _ := d.counts(); ok != 20 || h.modal != nil {
		t.Errorf("%d done, on the screen is %T", ok, h.modal)
	}
}

// What was refused when nothing was left does not claim that something was left out.
func TestARefusalOfTheLastStopsNothing(t *testing.T) {
	h := newHeld()
	d := openTwenty(h)
	for range 19 {
		h.answerOne(t, nil)
	}
	h.answerOne(t, model.Errorf(model.CodeForbidden, "not you"))
	if ok, failed, open := d.counts(); ok != 19 || failed != 1 || open != 0 || d.stopped != "" {
		t.Errorf("%d done, %d failed, %d open, %q", ok, failed, open, d.stopped)
	}
}

func TestTheFirstRefusalStopsTheRest(t *testing.T) {
	h := newHeld()
	d := openTwenty(h)
	h.answerOne(t, model.Errorf(model.CodeForbidden, "not you"))
	for len(h.waiting) > 0 {
		h.answerOne(t, nil)
	}
	if ok, failed, open := d.counts(); ok != atOnce-1 || failed != 1 || open != 0 || d.stopped == "" {
		t.Errorf("%d done, %d failed, %d open, %q", ok, failed, open, d.stopped)
	}
}
