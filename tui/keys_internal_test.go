package tui

import (
	"strings"
	"testing"
	"time"

	"github.com/heliosctl/heliosctl/model"
)

func TestNoKeyHasTwoMeaningsOnOnePage(t *testing.T) {
	a := newApp(Options{Source: nowhere()})
	for _, p := range append(a.everyPage(), page(nil)) {
		commands, name := a.globals(), "everywhere"
		if p != nil {
			commands, name = a.commandsOf(p), strings.Join(p.crumbs(), " › ")
		}
		for _, c := range conflicts(commands, name) {
			t.Errorf("%s is both %s and %s on %s", c.key, c.first, c.second, c.where)
		}
		for _, c := range commands {
			key := c.binding.Keys()[0]
			upper := len(key) == 1 && strings.ToUpper(key) == key && strings.ToLower(key) != key
			if c.write && !upper {
				t.Errorf("%s: %s changes something, so its key has to be an upper-case letter, not %s", name, c.id, key)
			}
			if c.write != strings.HasSuffix(c.binding.Help().Desc, "…") {
				t.Errorf("%s: %s: only what opens a dialog and changes something ends in an ellipsis", name, c.id)
			}
		}
	}
}

func TestClipboardSequence(t *testing.T) {
	for want, got := range map[string]string{
		"\x1b]52;c;aGk=\x07":                     clipboardSequence("hi", false, false),
		"\x1bPtmux;\x1b\x1b]52;c;aGk=\x07\x1b\\": clipboardSequence("hi", true, true),
		"\x1bP\x1b]52;c;aGk=\x07\x1b\\":          clipboardSequence("hi", false, true),
	} {
		if got != want {
			t.Errorf("%q, want %q", got, want)
		}
	}
}

func TestLaneKeepsShortFailures(t *testing.T) {
	start := time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)
	l := lane{transitions: []Transition{
		{At: start.Add(10 * time.Minute), State: model.StatePullingImage}, {At: start.Add(11 * time.Minute), State: model.StateRunning},
		{At: start.Add(31 * time.Minute), State: model.StateFailed}, {At: start.Add(31*time.Minute + time.Second), State: model.StateRunning},
	}}
	cells := l.cells(start, start.Add(time.Hour), 6, start.Add(45*time.Minute))
	want := []int{countPulling, countPulling, countRunning, countFailed, countRunning, laneBlank}
	for i := range want {
		if i == 0 {
			continue // the moment of the first transition is on the edge of both
		}
		if cells[i] != want[i] {
			t.Errorf("cell %d shows %d, want %d: %v", i, cells[i], want[i], cells)
		}
	}
	unknown := lane{task: &Task{}, transitions: []Transition{{At: start.Add(30 * time.Minute), State: model.StateRunning}}}
	if cells := unknown.cells(start, start.Add(time.Hour), 6, start.Add(time.Hour)); cells[0] != laneNoData {
		t.Errorf("before what is kept, a lane shows %d", cells[0])
	}
}
