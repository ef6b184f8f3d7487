package tui_test

import (
	"errors"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/heliosctl/heliosctl/tui"
)

func withState(o tui.Options) tui.Options {
	o.State = tui.State{
		Views: map[string]string{"front": "hosts?f=role=web&s=-load&c=-agent", "failing": "jobs?p=1&s=usual&c=+image"},
		Marks: map[string]map[string]string{"demo-eu": {"a": "hosts?f=role=pay&sel=pay-342.eu1", "r": "groups/payments"}, "other": {"z": "jobs"}},
	}
	return o
}

// kept is where a test keeps what the console remembers.
type kept struct {
	state tui.State
	err   error
}

func (k *kept) remember(change func(*tui.State)) error {
	if k.err != nil {
		return k.err
	}
	change(&k.state)
	return nil
}

func TestViewsAreSavedAndOpened(t *testing.T) {
	var k kept
	o := options(shared())
	o.Remember = k.remember
	s := stage(o, 120, 36, []string{"2", "/role=pay", "enter", "!", "s", "MEM", "enter", ",", "AGENT", "space", "enter", "down", "b", "my pays", "enter"})
	want := tui.State{
		Views:   map[string]string{"my pays": "hosts?f=role=pay&p=1&s=mem&c=-agent"},
		Screens: map[string]tui.Look{"hosts": {Sort: "mem", Columns: map[string]bool{"agent": false}}},
	}
	if diff := cmp.Diff(want, k.state); diff != "" {
		t.Errorf("what is kept (-want +got):\n%s", diff)
	}
	s.Press("home")
	saved := s.Plain()
	s.Press("esc", "s", "problems,", "enter", ",", "AGENT", "space", "enter")
	if frame := s.Plain(); frame == saved {
		t.Fatal("nothing has changed")
	}
	s.Press("5", "b", "pays", "enter")
	if frame := s.Plain(); !strings.Contains(frame, "view my pays") {
		t.Errorf("it is not told which view this is:\n%s", frame)
	}
	s.Press("up")
	if frame := s.Plain(); frame != saved {
		t.Errorf("the view is not what was saved (-want +got):\n%s", cmp.Diff(saved, frame))
	}
	s.Press("b", "pays", "ctrl+d")
	if len(k.state.Views) != 0 {
		t.Errorf("a view that was to be forgotten is still kept: %v", k.state.Views)
	}
}

func TestMarksComeBackToAScreenItsFilterAndARow(t *testing.T) {
	var k kept
	o := options(shared())
	o.Remember = k.remember
	s := stage(o, 120, 36, []string{"2", "/role=pay", "enter", "down", "down", "down"})
	here := s.Plain()
	s.Press("m", "q", "5", "'", "q")
	if frame := s.Plain(); frame != here {
		t.Errorf("the mark leads elsewhere (-want +got):\n%s", cmp.Diff(here, frame))
	}
	address := k.state.Marks["demo-eu"]["q"]
	if !strings.HasPrefix(address, "hosts?f=role=pay&sel=pay-") {
		t.Errorf("the mark is %q", address)
	}
	s.Press("4", "/payments", "enter", "enter", "m", "P", "1", "'", "P")
	if frame := s.Plain(); !strings.Contains(frame, "Groups › payments") {
		t.Errorf("the mark does not lead to the rollout:\n%s", frame)
	}
	s.Press("'", "x")
	if frame := s.Plain(); !strings.Contains(frame, "mark x is not set in demo-eu; m sets it") {
		t.Errorf("a mark that is not set:\n%s", frame)
	}
}

// Marks name hosts and jobs of one cluster; in another one the letter is free.
func TestMarksBelongToACluster(t *testing.T) {
	s := stage(withClusters(withState(options(nil))), 120, 36, []string{"'", "a"})
	if frame := s.Plain(); !strings.Contains(frame, "mark a is not set in eu") {
		t.Errorf("a mark of another cluster is there:\n%s", frame)
	}
}

func TestLooksAreRememberedForEachTable(t *testing.T) {
	o := options(shared())
	o.State.Screens = map[string]tui.Look{
		"hosts": {Sort: "host", Reverse: true, Columns: map[string]bool{"labels": false, "drain": true, "colour": true}},
		"jobs":  {Sort: "gone"},
		"tasks": {Columns: map[string]bool{"ports": false}},
	}
	s := stage(o, 120, 36, []string{"2"})
	if frame := s.Plain(); !strings.Contains(frame, "HOST ↓") || !strings.Contains(frame, "DRAIN") || strings.Contains(frame, "LABELS") {
		t.Errorf("the hosts do not look as they did:\n%s", frame)
	}
	s.Press("3")
	if frame := s.Plain(); !strings.Contains(frame, "problems first") {
		t.Errorf("a column that there is no more disturbs the order of jobs:\n%s", frame)
	}
	s.Press("2", "enter")
	if frame := s.Plain(); strings.Contains(frame, "PORTS") {
		t.Errorf("the tasks of a host do not look as they did:\n%s", frame)
	}
}

func TestWhatCannotBeKeptIsTold(t *testing.T) {
	k := kept{err: errors.New("disk full")}
	o := options(shared())
	o.Remember = k.remember
	s := stage(o, 120, 36, []string{"2", "b", "x", "enter"})
	if frame := s.Plain(); !strings.Contains(frame, "this lasts until the end only: disk full") {
		t.Errorf("the failure is not told:\n%s", frame)
	}
	s.Press("b")
	if frame := s.Plain(); !strings.Contains(frame, "hosts?s=usual&c=usual") {
		t.Errorf("the view is not there until the end:\n%s", frame)
	}
}

func TestThePaletteOpensPlacesAndViews(t *testing.T) {
	s := stage(withState(options(shared())), 120, 36, []string{":", "hosts?f=role=geo&s=-mem", "enter"})
	if frame := s.Plain(); !strings.Contains(frame, "/ role=geo") || !strings.Contains(frame, "MEM ↓") {
		t.Errorf("a typed place is not shown:\n%s", frame)
	}
	s.Press(":", "view front", "enter")
	if frame := s.Plain(); !strings.Contains(frame, "view front") || !strings.Contains(frame, "LOAD ↓") {
		t.Errorf("the view is not shown:\n%s", frame)
	}
	s.Press(":", "hosts/nobody?", "enter")
	if frame := s.Plain(); !strings.Contains(frame, `demo-eu has no host "nobody"`) {
		t.Errorf("a place that is not there:\n%s", frame)
	}
}
