package tui_test

import (
	"context"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/heliosctl/heliosctl/model"
	"github.com/heliosctl/heliosctl/tui"
)

// scripted is a source that goes on to its next snapshot whenever somebody waits for one.
type scripted struct {
	tui.Source
	states []*tui.Snapshot
}

func (s *scripted) Snapshot() *tui.Snapshot { return s.states[0] }

func (s *scripted) Changed() <-chan struct{} {
	if len(s.states) == 1 {
		return nil
	}
	s.states = s.states[1:]
	changed := make(chan struct{})
	close(changed)
	return changed
}

func TestFollowTellsChangesLineByLine(t *testing.T) {
	at := func(s int) time.Time { return began.Add(time.Duration(s) * time.Second) }
	web := model.JobID{Name: "web", Version: "1", Hash: "abcdef0123"}
	store := tui.NewStore(tui.Cluster{Name: "eu", Environment: tui.EnvironmentProduction}, func() time.Time { return began })
	var states []*tui.Snapshot
	step := func(change func()) {
		change()
		states = append(states, store.Snapshot())
	}
	step(func() { store.SetFreshness(tui.Freshness{Error: "connection refused"}) })
	step(func() {
		store.SetHost(tui.Host{Name: "web-1", Status: model.Up})
		store.SetJob(&model.Job{ID: web})
		store.SetTask(&tui.Task{Host: "web-1", Job: web, Goal: model.GoalStart, State: model.StateRunning})
		store.AddEvent(tui.Event{Index: 7, At: at(1), Host: "web-1", Detail: "from before"})
		store.SetFreshness(tui.Freshness{State: tui.Live, Master: "m1"})
	})
	step(func() {
		store.Recall([]model.Event{{Index: 3, Type: model.EventHostUp, Host: "web-1", Time: model.TimestampOf(at(0))}}, 6)
	})
	step(func() { // two events with one index
		store.SetTask(&tui.Task{Host: "web-1", Job: web, Goal: model.GoalStart, State: model.StateFailed, Error: "exit\x1b[2J 1\nsecond line"})
		store.AddEvent(tui.Event{Index: 8, At: at(2), Host: "web-1", Job: web, From: model.StateRunning, To: model.StateFailed, Detail: "exit\x1b[2J 1\nsecond line"})
	})
	step(func() { store.AddEvent(tui.Event{Index: 8, At: at(2), Job: web, Detail: "goal START", User: "ann"}) })
	step(func() { store.SetFreshness(tui.Freshness{State: tui.Stale, Master: "m1", AsOf: at(3), Error: "EOF"}) })
	step(func() {
		store.SetTask(&tui.Task{Host: "web-1", Job: web, Goal: model.GoalStart, State: model.StateRunning})
		store.SetFreshness(tui.Freshness{State: tui.Live, Master: "m2"})
	})
	source := &scripted{states: states}

	ctx, cancel := context.WithCancel(context.Background())
	var text strings.Builder
	write := tui.WriteLines(&text, time.UTC)
	err := tui.Follow(ctx, source, func() time.Time { return began }, func(l tui.Line) error {
		if l.Kind == tui.LineSolved {
			cancel() // the last one
		}
		return write(l)
	})
	if !errors.Is(err, context.Canceled) {
		t.Errorf("it ended with %v", err)
	}
	want := `2026-06-01 11:46:09 state: connecting to PROD eu: connection refused
2026-06-01 11:46:09 state: PROD eu is live, read from m1: 1 host up, 0 down; 1 of 1 task running, 0 rollouts
2026-06-01 11:46:11 web-1 web:1:abcdef0 RUNNING -> FAILED exit [2J 1 second line
2026-06-01 11:46:09 problem: FAILED web:1 on 1 host exit [2J 1 second line
2026-06-01 11:46:11 web:1:abcdef0 goal START by ann
2026-06-01 11:46:09 state: lost PROD eu: EOF; trying again
2026-06-01 11:46:09 state: PROD eu is live, read from m2: 1 host up, 0 down; 1 of 1 task running, 0 rollouts
2026-06-01 11:46:09 solved: FAILED web:1 on 1 host exit [2J 1 second line
`
	if diff := cmp.Diff(want, text.String()); diff != "" {
		t.Errorf("lines (-want +got):\n%s", diff)
	}
}

func TestFollowEndsWhenNobodyReads(t *testing.T) {
	closed := errors.New("closed")
	if err := tui.Follow(context.Background(), shared(), func() time.Time { return now }, func(tui.Line) error { return closed }); !errors.Is(err, closed) {
		t.Errorf("it ended with %v", err)
	}
}
