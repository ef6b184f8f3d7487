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

func act(t *testing.T, f *demo.Fleet, a tui.Action) {
	t.Helper()
	if err := f.Do(context.Background(), a); err != nil {
		t.Fatal(err)
	}
}

// roll makes a group of one rack and rolls a job out to it.
func roll(t *testing.T, o tui.RolloutOptions) (*demo.Fleet, time.Time) {
	t.Helper()
	f := demo.New(demo.Options{Seed: 1, Start: start})
	f.Advance(start.Add(time.Minute))
	selectors := []model.HostSelector{{Label: "rack", Operator: model.SelectorEquals, Operand: "b2"}, {Label: "role", Operator: model.SelectorEquals, Operand: "pay"}}
	act(t, f, tui.Action{Verb: tui.VerbGroupMake, Group: "mine", Selectors: selectors})
	if g := f.Snapshot().Group("mine"); g == nil || len(g.Hosts) < 4 {
		t.Fatalf("the group is %+v", g)
	}
	action := tui.Action{Verb: tui.VerbRoll, Group: "mine", Job: job(t, f, "promo"), Options: &o}
	preview, err := f.Preview(context.Background(), action)
	if err != nil || len(preview.Hosts) != len(f.Snapshot().Group("mine").Hosts) || preview.Hosts[0].Canary != (o.Canary > 0) {
		t.Errorf("the preview is %+v: %v", preview, err)
	}
	act(t, f, action)
	return f, start.Add(time.Minute)
}

func job(t *testing.T, f *demo.Fleet, name string) model.JobID {
	t.Helper()
	for _, j := range f.Snapshot().Jobs {
		if j.Spec.ID.Name == name {
			return j.Spec.ID
		}
	}
	t.Fatalf("there is no job %s", name)
	return model.JobID{}
}

func TestARolloutOfTheFleetWaitsBehindItsCanaries(t *testing.T) {
	f, at := roll(t, tui.RolloutOptions{Parallelism: 3, Timeout: 10 * time.Minute, Canary: 1})
	f.Advance(at.Add(20 * time.Minute))
	done := func() int {
		n := 0
		for _, h := range f.Snapshot().Group("mine").Rollout.Hosts {
			if h.Phase == tui.PhaseDone {
				n++
			}
		}
		return n
	}
	if r := f.Snapshot().Group("mine").Rollout; r.State != tui.RolloutCanary || done() != 1 {
		t.Fatalf("the rollout is %s with %d hosts done", r.State, done())
	}
	act(t, f, tui.Action{Verb: tui.VerbResume, Group: "mine"})
	f.Advance(at.Add(60 * time.Minute))
	if r := f.Snapshot().Group("mine").Rollout; r.State != tui.RolloutDone {
		t.Errorf("after the resume it is %s, %s", r.State, r.Error)
	}
}

func TestARolloutOfTheFleetReactsToFailures(t *testing.T) {
	for reaction, want := range map[model.OnFailure]tui.RolloutState{
		model.OnFailureStop: tui.RolloutFailed, model.OnFailurePause: tui.RolloutPaused, model.OnFailureRollback: tui.RolloutFailed,
	} {
		f, at := roll(t, tui.RolloutOptions{Parallelism: 9, Timeout: 5 * time.Second, OnFailure: reaction})
		f.Advance(at.Add(time.Minute))
		r := f.Snapshot().Group("mine").Rollout
		if r.State != want || r.Error == "" {
			t.Errorf("%s: it is %s, %q", reaction, r.State, r.Error)
		}
	}
	// With a job before, it goes back to that.
	f, at := roll(t, tui.RolloutOptions{Parallelism: 9, Timeout: time.Hour})
	f.Advance(at.Add(30 * time.Minute))
	first := f.Snapshot().Group("mine").Rollout
	if first.State != tui.RolloutDone {
		t.Fatalf("the first rollout is %s", first.State)
	}
	act(t, f, tui.Action{Verb: tui.VerbRoll, Group: "mine", Job: job(t, f, "mailer"), Options: &tui.RolloutOptions{
		Parallelism: 9, Timeout: 5 * time.Second, OnFailure: model.OnFailureRollback,
	}})
	f.Advance(at.Add(31 * time.Minute))
	g := f.Snapshot().Group("mine")
	if g.Past[0].State != tui.RolloutRolledBack || !g.Rollout.Back || g.Rollout.To != first.To || g.Rollout.Cause == "" {
		t.Errorf("it went to %+v after %s", g.Rollout, g.Past[0].State)
	}
}
