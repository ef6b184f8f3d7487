package tui

import (
	"strings"
	"testing"
	"time"

	"github.com/heliosctl/heliosctl/model"
)

// In the lane of a host two jobs follow each other. While both are there the new one is shown, and the other one again if it stays.
func TestJoinedLanes(t *testing.T) {
	start := time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)
	own, before := model.JobID{Name: "web", Version: "2"}, model.JobID{Name: "web", Version: "1"}
	for name, test := range map[string]struct {
		history string // a state each minute, of the job in upper case, of the one before in lower case
		want    string
	}{
		"one after the other": {"r s P R", "r s P R"},
		"overlap":             {"r P R s", "r P R"},
		"back, overlapping":   {"r P R r S", "r P R S r"},
		"back":                {"r s P R S p r", "r s P R S p r"},
		"new only":            {"P R", "P R"},
		"not yet":             {"p r", "p r"},
	} {
		var transitions []Transition
		states := map[string]model.State{"R": model.StateRunning, "P": model.StatePullingImage, "S": model.StateStopped}
		for i, letter := range strings.Fields(test.history) {
			tr := Transition{At: start.Add(time.Duration(i) * time.Minute), Host: "a1", Job: before, State: states[strings.ToUpper(letter)]}
			if strings.ToUpper(letter) == letter {
				tr.Job = own
			}
			transitions = append(transitions, tr)
		}
		var got []string
		for _, tr := range joined(transitions, own) {
			for letter, state := range states {
				if state != tr.State {
					continue
				}
				if tr.Job == before {
					letter = strings.ToLower(letter)
				}
				got = append(got, letter)
			}
		}
		if strings.Join(got, " ") != test.want {
			t.Errorf("%s: of %s there is %s, want %s", name, test.history, strings.Join(got, " "), test.want)
		}
	}
}

// A lane that begins with the oldest change that is kept may have begun before it.
func TestALaneThatMayBeCutOffSaysSo(t *testing.T) {
	start := time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)
	l := lane{}
	for i := range historyKept {
		l.transitions = append(l.transitions, Transition{At: start.Add(time.Duration(i) * time.Second), State: model.StatePullingImage})
	}
	if got := l.before(0); got != laneNoData {
		t.Errorf("before %d changes there is %d, want no data", historyKept, got)
	}
	l.transitions = l.transitions[1:]
	if got := l.before(0); got != laneBlank {
		t.Errorf("before %d changes that begin with a pull there is %d, want nothing", historyKept-1, got)
	}
}
