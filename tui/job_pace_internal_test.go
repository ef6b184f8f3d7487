package tui

import (
	"fmt"
	"maps"
	"math/rand/v2"
	"reflect"
	"slices"
	"testing"
	"time"

	"github.com/heliosctl/heliosctl/model"
)

func TestThePaceOfAJob(t *testing.T) {
	id, other := model.JobID{Name: "web", Version: "2", Hash: "b"}, model.JobID{Name: "web", Version: "1", Hash: "a"}
	start := time.Date(2026, 6, 1, 12, 0, 0, 0, time.UTC)
	var past []Transition
	add := func(host string, id model.JobID, after time.Duration, state model.State) {
		past = append(past, Transition{At: start.Add(after), Host: host, Job: id, State: state})
	}
	for i := range 20 { // pulls for i seconds and starts within one
		host, pulled := fmt.Sprintf("h%02d", i), time.Duration(i)*time.Second
		add(host, other, 0, model.StatePullingImage)
		add(host, other, time.Hour, model.StateRunning)
		add(host, id, 0, model.StatePullingImage)
		add(host, id, pulled, model.StateStarting)
		add(host, id, pulled+time.Second, model.StateRunning)
	}
	add("lone", id, 0, model.StateRunning) // nothing is kept of how it came to that
	var p jobPace
	p.take(&history{transitions: past}, id)
	if got, want := p.text(), "deploy→running p50 11s p95 20s"; got != want {
		t.Errorf("the pace is %q, want %q", got, want)
	}
	if !p.slow(model.StatePullingImage, 20*time.Second) || p.slow(model.StatePullingImage, 19*time.Second) {
		t.Error("a pull is slow when it takes longer than 95 of 100 others")
	}
	if p.slow(model.StateHealthchecking, time.Hour) {
		t.Error("a state that no host was in has no slow hosts")
	}
	few := jobPace{}
	few.take(&history{transitions: past[:25]}, id)
	if few.slow(model.StatePullingImage, time.Hour) {
		t.Error("of a handful of hosts none is called slow")
	}
}

// A history that grows has the same pace and the same lanes as one that is read at once, and one that is read again is taken anew.
func TestPaceAndLanesOfAHistoryThatGrows(t *testing.T) {
	id, other := model.JobID{Name: "web", Version: "2", Hash: "b"}, model.JobID{Name: "web", Version: "1", Hash: "a"}
	random := rand.New(rand.NewPCG(1, 2))
	states := []model.State{model.StatePullingImage, model.StateStarting, model.StateRunning, model.StateStopped}
	var past []Transition
	for i := range 400 {
		past = append(past, Transition{
			At: time.Unix(int64(i), 0), Host: fmt.Sprint("h", random.IntN(5)), Job: []model.JobID{id, id, other}[random.IntN(3)], State: states[random.IntN(4)],
		})
	}
	var grown history
	var pace jobPace
	var lanes hostLanes
	check := func() {
		t.Helper()
		whole := history{transitions: grown.transitions}
		var wantPace jobPace
		var wantLanes hostLanes
		wantPace.take(&whole, id)
		pace.take(&grown, id)
		if pace.text() != wantPace.text() || !maps.EqualFunc(pace.lasted, wantPace.lasted, slices.Equal) {
			t.Fatalf("of %d transitions the pace is %v, want %v", len(grown.transitions), pace, wantPace)
		}
		if got, want := lanes.take(&grown, id), wantLanes.take(&whole, id); !reflect.DeepEqual(got, want) {
			t.Fatalf("of %d transitions the lanes are %v, want %v", len(grown.transitions), got, want)
		}
	}
	for n := 0; n <= len(past); n += 1 + random.IntN(20) {
		grown.transitions = past[:n]
		check()
	}
	grown.take(slices.Clone(past[200:]), nil)
	check()
	grown.take(slices.Clone(past[:200]), nil) // as long as before
	check()
}
