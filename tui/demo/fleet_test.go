package demo_test

import (
	"context"
	"testing"
	"time"

	"github.com/heliosctl/heliosctl/model"
	"github.com/heliosctl/heliosctl/tui"
	"github.com/heliosctl/heliosctl/tui/demo"
)

var start = time.Date(2026, 6, 1, 12, 0, 0, 0, time.UTC)

func TestFleetRollsOutAndFails(t *testing.T) {
	f := demo.New(demo.Options{Seed: 1, Start: start})
	for i := range 37 {
		f.Advance(start.Add(time.Duration(i) * 30 * time.Second))
		s := f.Snapshot()
		group := s.Group("payments")
		if group.Rollout == nil {
			continue
		}
		busy := 0
		for _, h := range group.Rollout.Hosts {
			if h.Phase > tui.PhaseWaiting && h.Phase < tui.PhaseDone {
				busy++
			}
		}
		if busy > group.Rollout.Options.Parallelism {
			t.Fatalf("%d hosts are being rolled at once; at most %d may be", busy, group.Rollout.Options.Parallelism)
		}
	}
	s := f.Snapshot()
	if s.Down == 0 || s.Tasks.Of(model.StateFailed) == 0 || s.Tasks.Of(model.StateUnknown) == 0 {
		t.Errorf("after 18 minutes nothing has gone wrong: %d hosts down, %d tasks failed", s.Down, s.Tasks.Of(model.StateFailed))
	}
	done := 0
	for _, h := range s.Group("payments").Rollout.Hosts {
		if h.Phase == tui.PhaseDone {
			done++
		}
	}
	if done < 20 {
		t.Errorf("only %d hosts of the rollout are done", done)
	}
}

func TestFleetIsTheSameEachTime(t *testing.T) {
	a, b := demo.New(demo.Options{Seed: 3, Start: start}), demo.New(demo.Options{Seed: 3, Start: start})
	for _, f := range []*demo.Fleet{a, b} {
		f.Advance(start.Add(15 * time.Minute))
	}
	left, right := a.Snapshot().Events, b.Snapshot().Events
	if len(left) != len(right) || len(left) < 500 {
		t.Fatalf("%d and %d events", len(left), len(right))
	}
	for i := range left {
		if left[i] != right[i] {
			t.Fatalf("event %d is %+v and %+v", i, left[i], right[i])
		}
	}
}

func TestFleetRefusesAWrongToken(t *testing.T) {
	f := demo.New(demo.Options{Seed: 1, Start: start})
	var job *tui.Job
	for _, j := range f.Snapshot().Jobs {
		if j.Spec.ID.Name == "auth-api" && j.Counts.Total() > 0 {
			job = j
		}
	}
	stop := tui.Action{Verb: tui.VerbStop, Job: job.Spec.ID, Host: job.Tasks[0].Host, Token: "wrong"}
	if err := f.Do(context.Background(), stop); model.CodeOf(err) != model.CodeForbidden {
		t.Errorf("a wrong token was answered with %v", err)
	}
	stop.Token = demo.Token
	if err := f.Do(context.Background(), stop); err != nil {
		t.Fatal(err)
	}
	if state := f.Snapshot().Host(stop.Host).Task(stop.Job).State; state != model.StateStopping {
		t.Errorf("the task is %s", state)
	}
}
