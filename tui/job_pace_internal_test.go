package tui

import (
	"fmt"
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
	p.take(past, id)
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
	few.take(past[:25], id)
	if few.slow(model.StatePullingImage, time.Hour) {
		t.Error("of a handful of hosts none is called slow")
	}
}
