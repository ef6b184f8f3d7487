package tui_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/heliosctl/heliosctl/model"
	"github.com/heliosctl/heliosctl/tui"
)

// ofTask is an event of a task, which happened as many seconds before now as its index is below 1000.
func ofTask(index uint64, host string, job model.JobID, state model.State) model.Event {
	at := model.TimestampOf(now.Add(-time.Duration(1000-index) * time.Second))
	return model.Event{
		Index: index, Type: model.EventTaskStatus, Time: at, Host: host, JobID: &job, Status: &model.TaskStatus{State: state, Goal: model.GoalStart},
	}
}

// feed is what a feed says, a word for each line; those of the past in brackets.
func feed(s *tui.Snapshot) string {
	var words []string
	for _, e := range s.Events {
		word := fmt.Sprintf("%d:%s>%s", e.Index, e.From, e.To)
		if e.Past {
			word = "[" + word + "]"
		}
		words = append(words, word)
	}
	return strings.Join(words, " ")
}

// What is recalled goes to its place in the feed, once, and changes nothing but the feed and what is counted of it.
func TestRecall(t *testing.T) {
	f := newFixed()
	f.host("a1", model.Up)
	f.task("a1", id("web"), model.StateRunning)
	f.store.SetJob(&model.Job{ID: id("quiet")})
	before := f.Snapshot()
	job := id("web")
	f.store.Apply(ofTask(950, "a1", job, model.StateFailed))
	past := []model.Event{
		ofTask(900, "a1", job, model.StatePullingImage), ofTask(900, "a2", job, model.StateRunning), ofTask(910, "a1", job, model.StateRunning),
		{Index: 911, Type: model.EventJobCreated, JobID: new(id("quiet")), Time: model.TimestampOf(now)}, ofTask(912, "a2", job, model.StateFailed),
		ofTask(950, "a1", job, model.StateFailed), ofTask(960, "a1", job, model.StateRunning),
	}
	f.store.Recall(past, 950)
	after := f.Snapshot()
	want := "[900:>PULLING_IMAGE] [900:>RUNNING] [910:PULLING_IMAGE>RUNNING] [911:>] [912:RUNNING>FAILED] 950:RUNNING>FAILED"
	if diff := cmp.Diff(want, feed(after)); diff != "" {
		t.Errorf("the feed (-want +got):\n%s", diff)
	}
	if len(before.Events) != 0 || after.Host("a2") != nil || after.Host("a1").Task(job).State != model.StateFailed {
		t.Errorf("the past has changed the present: host a2 %v, task %+v", after.Host("a2"), after.Host("a1").Task(job))
	}
	if last := after.Job(job).Last; last.Index != 950 {
		t.Errorf("the last event of the job is that of %d", last.Index)
	}
	if last := after.Job(id("quiet")).Last; last.Index != 911 {
		t.Errorf("the last event of a job that has only a past is that of %d", last.Index)
	}
	total, failed := 0, 0
	for _, b := range after.Rate {
		total, failed = total+b.Total, failed+b.Failed
	}
	if total != 6 || failed != 2 {
		t.Errorf("%d events and %d failures are counted", total, failed)
	}

	f.store.Recall(past, 950)
	if f.Snapshot() != after {
		t.Errorf("what is known was recalled again: %s", feed(f.Snapshot()))
	}
	// A gap behind what is known, and a cluster that was made anew and counts from the beginning.
	f.store.Apply(ofTask(990, "a1", job, model.StateRunning))
	f.store.Recall([]model.Event{ofTask(912, "a2", job, model.StateFailed), ofTask(980, "a1", job, model.StateStopped)}, 985)
	f.store.Apply(ofTask(7, "a1", job, model.StateFailed))
	f.store.Recall([]model.Event{ofTask(5, "a1", job, model.StateStopped)}, 6)
	want += " [980:>STOPPED] 990:FAILED>RUNNING [5:>STOPPED] 7:RUNNING>FAILED"
	if diff := cmp.Diff(want, feed(f.Snapshot())); diff != "" {
		t.Errorf("the feed (-want +got):\n%s", diff)
	}
}

// Whoever has scrolled up stays where he is, whether older events come or the oldest ones go.
func TestTheSelectedEventStaysSelected(t *testing.T) {
	f := newFixed()
	add := func(from, to int) {
		for i := from; i <= to; i++ {
			f.store.AddEvent(tui.Event{Index: uint64(i), At: now, Host: fmt.Sprint("host-", i), Type: model.EventHostUp})
		}
	}
	add(1000, 1040)
	s := stage(options(f), 120, 36, []string{"5", "up", "up", "up"})
	selected := func(when, want string) {
		t.Helper()
		s.Refresh()
		if _, line := lineWith(t, s.Plain(), "▌"); !strings.Contains(line, want) {
			t.Errorf("%s the selection is on %q, want %s", when, line, want)
		}
	}
	selected("at first", "host-1037 ")
	var past []model.Event
	for i := range 30 {
		past = append(past, model.Event{Index: uint64(500 + i), Type: model.EventHostUp, Host: fmt.Sprint("past-", i)})
	}
	f.store.Recall(past, 999)
	selected("with a past", "host-1037 ")
	s.Press("g")
	selected("at the top", "past-0 ")
	add(1041, 70_000) // more than are kept
	selected("when what was selected has gone", "host-")
	mustContain(t, s.Plain(), "scrolled")
}
