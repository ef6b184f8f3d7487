package tui_test

import (
	"context"
	"fmt"
	"iter"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/heliosctl/heliosctl/model"
	"github.com/heliosctl/heliosctl/tui"
)

// fixed is a source whose data is put together by a test.
type fixed struct {
	store   *tui.Store
	history []tui.Transition
	refuse  map[string]error // by host

	preview model.RolloutPreview

	mu        sync.Mutex
	done      []tui.Action
	previewed []tui.Action
}

func newFixed() *fixed {
	f := &fixed{refuse: map[string]error{}}
	f.store = tui.NewStore(tui.Cluster{Name: "test", Environment: tui.EnvironmentProduction}, func() time.Time { return now })
	f.store.SetFreshness(tui.Freshness{State: tui.Live, Master: "m1"})
	return f
}

func (f *fixed) Snapshot() *tui.Snapshot  { return f.store.Snapshot() }
func (f *fixed) Changed() <-chan struct{} { return nil }
func (f *fixed) Resync()                  {}

func (f *fixed) History(context.Context, tui.HistoryQuery) ([]tui.Transition, error) {
	return f.history, nil
}

func (f *fixed) Logs(_ context.Context, q tui.LogQuery) iter.Seq2[model.LogLine, error] {
	return func(yield func(model.LogLine, error) bool) {
		for _, host := range q.Hosts {
			yield(model.LogLine{Host: host, Time: now, Text: "漢字 ünïcödé e\u0301 \x1b[31mred\x1b[0m \t👩‍👩‍👧 🇩🇪 end"}, nil)
		}
	}
}

func (f *fixed) Preview(_ context.Context, a tui.Action) (model.RolloutPreview, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.previewed = append(f.previewed, a)
	return f.preview, f.refuse[a.Group]
}

func (f *fixed) Do(_ context.Context, a tui.Action) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	if err := f.refuse[a.Host]; err != nil {
		return err
	}
	f.done = append(f.done, a)
	return nil
}

func (f *fixed) host(name string, status model.Liveness) {
	f.store.SetHost(tui.Host{Name: name, Status: status, Since: now.Add(-time.Hour), Labels: map[string]string{"rack": "漢字", "role": "wéb"}})
}

func id(name string) model.JobID {
	return model.JobID{Name: name, Version: "1", Hash: strings.Repeat("a", 40)}
}

func (f *fixed) task(host string, job model.JobID, state model.State) {
	f.store.SetTask(&tui.Task{Host: host, Job: job, Goal: model.GoalStart, State: state, Since: now.Add(-time.Minute)})
}

func TestNamesOfAnyLengthAndScriptFillTheScreen(t *testing.T) {
	f := newFixed()
	long := strings.Repeat("very-long-name-", 14)[:200]
	names := []string{"plain", "漢字ホスト", "combining-e\u0301\u0301\u0323", "👩‍👩‍👧-family", "🇩🇪-flag", "tab\there", "esc\x1b[31m", "rtl-שלום", "zwj\u200d", "wide-end漢", long}
	for i, name := range names {
		f.host(name, model.Up)
		f.task(name, id(long), model.StateFailed)
		f.task(name, id(names[(i+1)%len(names)]), model.StateRunning)
		f.history = append(f.history, tui.Transition{At: now.Add(-time.Minute), Host: name, Job: id(long), State: model.StateFailed, Detail: name})
		f.store.AddEvent(tui.Event{Index: uint64(i), At: now, Type: model.EventTaskStatus, Host: name, Job: id(name), To: model.StateFailed, Detail: name})
	}
	for _, keys := range [][]string{
		nil, {"2"}, {"2", "enter"}, {"3"}, {"3", "enter"}, {"3", "enter", "tab"}, {"5"}, {"2", "space", "space", "l", "enter"}, {"2", "l", "enter", "w"},
		{"2", "V", "U", "enter"}, {"3", "y"}, {":", "v"}, {"3", "E"}, {"3", "N"},
	} {
		for _, size := range [][2]int{{60, 16}, {80, 24}, {120, 36}, {200, 60}} {
			checkWidths(t, stage(options(f), size[0], size[1], keys).Frame(), size[0], size[1])
		}
	}
}

// Without colours, two frames that differ in one task's state differ in their text.
func TestNoStateIsToldByColourAlone(t *testing.T) {
	states := []model.State{
		model.StatePullingImage, model.StateCreating, model.StateStarting, model.StateHealthchecking, model.StateRunning, model.StateStopping,
		model.StateStopped, model.StateExited, model.StateFailed, model.StateUnknown,
	}
	for _, keys := range [][]string{nil, {"2", "enter"}, {"3", "enter"}, {"3", "enter", "tab"}} {
		seen := map[string]model.State{}
		for _, state := range states {
			f := newFixed()
			f.host("h1", model.Up)
			f.task("h1", id("web"), state)
			f.history = []tui.Transition{{At: now.Add(-time.Minute), Host: "h1", Job: id("web"), State: state}}
			frame := stage(options(f), 120, 36, keys).Plain()
			if other, same := seen[frame]; same {
				t.Errorf("keys %q: %s and %s look alike", keys, state, other)
			}
			seen[frame] = state
		}
	}
	up, down := newFixed(), newFixed()
	up.host("h1", model.Up)
	down.host("h1", model.Down)
	if stage(options(up), 120, 36, []string{"2"}).Plain() == stage(options(down), 120, 36, []string{"2"}).Plain() {
		t.Error("a host that is up and one that is down look alike")
	}
}

func TestTheSelectionFollowsTheObject(t *testing.T) {
	f := newFixed()
	for i := range 20 {
		f.host(fmt.Sprintf("host-%02d", i), model.Up)
	}
	s := stage(options(f), 120, 36, []string{"2", "down", "down", "down"})
	if !strings.Contains(selectedLine(s), "host-03") {
		t.Fatalf("selected is %q", selectedLine(s))
	}
	f.host("host-00a", model.Up)
	f.host("host-19", model.Down) // goes to the top
	s.Refresh()
	if !strings.Contains(selectedLine(s), "host-03") {
		t.Errorf("after a change of the order, selected is %q", selectedLine(s))
	}
	f.store.RemoveHost("host-03")
	s.Refresh()
	if !strings.Contains(selectedLine(s), "host-0") {
		t.Errorf("after the selected host has gone, selected is %q", selectedLine(s))
	}
}

func selectedLine(s *tui.Stage) string {
	for line := range strings.SplitSeq(s.Plain(), "\n") {
		if strings.HasPrefix(line, "▌") {
			return line
		}
	}
	return ""
}

func TestWritesAreRefused(t *testing.T) {
	for name, prepare := range map[string]func(f *fixed, o *tui.Options) string{
		"read-only": func(_ *fixed, o *tui.Options) string { o.ReadOnly = true; return "read-only" },
		"read-only cluster": func(f *fixed, _ *tui.Options) string {
			f.store.SetCluster(tui.Cluster{Name: "prod", ReadOnly: true})
			return "read-only"
		},
		"old data": func(f *fixed, _ *tui.Options) string {
			f.store.SetFreshness(tui.Freshness{State: tui.Stale, Master: "m1", AsOf: now.Add(-time.Minute), Error: "gone"})
			return "no master answers"
		},
	} {
		t.Run(name, func(t *testing.T) {
			for _, keys := range [][]string{{"2", "U"}, {"2", "D"}, {"2", "W"}, {"2", "E"}, {"3", "X"}, {"3", "R"}, {"3", "N"}, {"3", "E"}, {"3", "U"}} {
				f := newFixed()
				f.host("h1", model.Up)
				f.task("h1", id("web"), model.StateRunning)
				o := options(f)
				want := prepare(f, &o)
				if frame := stage(o, 120, 36, keys).Plain(); !strings.Contains(frame, want) || strings.Contains(frame, "Cancel") {
					t.Errorf("keys %q are not refused with %q:\n%s", keys, want, frame)
				}
			}
		})
	}
}

func TestThePaletteNeverAllowsWrites(t *testing.T) {
	f := newFixed()
	f.host("h1", model.Up)
	f.task("h1", id("web"), model.StateRunning)
	o := options(f)
	o.ReadOnly = true
	for _, keys := range [][]string{{":", "readonly", "enter", "2", "U"}, {"2", ":", "undeploy", "enter"}} {
		if frame := stage(o, 120, 36, keys).Plain(); !strings.Contains(frame, "read-only") || strings.Contains(frame, "Undeploy which") {
			t.Errorf("keys %q got around read-only:\n%s", keys, frame)
		}
	}
}

func TestTypingAFilterActsOnNothing(t *testing.T) {
	f := newFixed()
	f.host("UNDEPLOY-1", model.Up)
	f.task("UNDEPLOY-1", id("web"), model.StateRunning)
	frame := stage(options(f), 120, 36, []string{"2", "/UDXEq", "enter"}).Plain()
	if strings.Contains(frame, "Cancel") || !strings.Contains(frame, "/ UDXEq") {
		t.Errorf("letters of a filter did something else:\n%s", frame)
	}
}

func dialogOn(f *fixed, keys ...string) *tui.Stage {
	for _, name := range []string{"a1", "a2", "a3"} {
		f.host(name, model.Up)
		f.task(name, id("web"), model.StateRunning)
	}
	return stage(options(f), 120, 36, append([]string{"3", "X"}, keys...))
}

func TestDialogsWantTheNumberTyped(t *testing.T) {
	f := newFixed()
	s := dialogOn(f, "2", "tab", "tab", "enter")
	if len(f.done) != 0 {
		t.Fatalf("with a wrong number, %d requests were sent", len(f.done))
	}
	s.Press("shift+tab", "shift+tab", "backspace", "3", "tab", "tab", "enter")
	if len(f.done) != 3 || f.done[0].Verb != tui.VerbStop || f.done[0].Token != "" {
		t.Fatalf("sent %+v", f.done)
	}
	if frame := s.Plain(); !strings.Contains(frame, "✓ 3 done") {
		t.Errorf("no result for each target:\n%s", frame)
	}
}

func TestEnterAloneCancels(t *testing.T) {
	f := newFixed()
	f.host("a1", model.Up)
	f.task("a1", id("web"), model.StateRunning)
	s := stage(options(f), 120, 36, []string{"3", "X", "enter"})
	if len(f.done) != 0 || strings.Contains(s.Plain(), "Cancel") {
		t.Errorf("enter did %+v", f.done)
	}
}

func TestAFailedTargetCanBeTriedAgain(t *testing.T) {
	f := newFixed()
	f.refuse["a2"] = model.Errorf(model.CodeUnavailable, "no leader")
	s := dialogOn(f, "3", "tab", "tab", "enter")
	if frame := s.Plain(); !strings.Contains(frame, "✗ 1 failed") || !strings.Contains(frame, "no leader") {
		t.Fatalf("the failure is not shown:\n%s", frame)
	}
	delete(f.refuse, "a2")
	s.Press("r", "tab", "enter")
	if len(f.done) != 3 || f.done[2].Host != "a2" {
		t.Errorf("retrying sent %+v", f.done)
	}
}

func TestAForbiddenTargetStopsTheRest(t *testing.T) {
	f := newFixed()
	for i := range 30 {
		name := fmt.Sprintf("h%02d", i)
		f.host(name, model.Up)
		f.task(name, id("web"), model.StateRunning)
		f.refuse[name] = model.Errorf(model.CodeForbidden, "not with this token")
	}
	frame := stage(options(f), 120, 36, []string{"3", "X", "30", "tab", "tab", "enter"}).Plain()
	if !strings.Contains(frame, "the rest was not tried") || !strings.Contains(frame, "not started") {
		t.Errorf("the rest was tried:\n%s", frame)
	}
}

func TestATokenIsAskedForAndNeverShown(t *testing.T) {
	f := newFixed()
	f.host("a1", model.Up)
	f.store.SetJob(&model.Job{ID: id("web"), Image: "web:1", Token: "s3cret"})
	f.task("a1", id("web"), model.StateRunning)
	s := stage(options(f), 120, 36, []string{"3", "X"})
	s.Press("s3cret")
	if frame := s.Plain(); strings.Contains(frame, "s3cret") || !strings.Contains(frame, "••••••") {
		t.Errorf("the token is on the screen:\n%s", frame)
	}
	s.Press("tab", "tab", "enter")
	if len(f.done) != 1 || f.done[0].Token != "s3cret" {
		t.Fatalf("sent %+v", f.done)
	}
	if frame := stage(options(f), 120, 36, []string{"3", "y"}).Plain(); strings.Contains(frame, "s3cret") {
		t.Errorf("the token is in the document:\n%s", frame)
	}
}

func TestOldDataStaysAndSaysSo(t *testing.T) {
	f := newFixed()
	f.host("a1", model.Up)
	f.store.SetFreshness(tui.Freshness{State: tui.Stale, Master: "m1", AsOf: now.Add(-42 * time.Second), Error: "i/o timeout", Attempt: 4, RetryAt: now.Add(6 * time.Second), Next: []string{"m2"}})
	frame := stage(options(f), 120, 36, []string{"2"}).Plain()
	for _, want := range []string{"STALE 42s", "Connection to m1 lost: i/o timeout", "Retry 4 in 6s, then m2", "a1"} {
		if !strings.Contains(frame, want) {
			t.Errorf("the frame lacks %q:\n%s", want, frame)
		}
	}
}

// Keys that arrive together are as good as keys that arrive one by one.
func TestKeysInOneMessage(t *testing.T) {
	f := newFixed()
	f.host("a1", model.Up)
	o := options(f)
	o.ReadOnly = true
	s := tui.NewStage(o, 120, 36)
	s.Type("2U")
	if frame := s.Plain(); !strings.Contains(frame, "read-only") {
		t.Errorf("2U did not open the hosts and try to undeploy:\n%s", frame)
	}
}

func TestHistoryOfPages(t *testing.T) {
	f := newFixed()
	f.host("a1", model.Up)
	f.task("a1", id("web"), model.StateRunning)
	s := stage(options(f), 120, 36, []string{"2", "enter", "enter"})
	if !strings.Contains(s.Plain(), "Jobs › web:1") {
		t.Fatal("not on the job")
	}
	s.Press("esc")
	if !strings.Contains(s.Plain(), "Hosts › a1") {
		t.Fatal("esc does not go back to the host")
	}
	s.Press(">")
	if !strings.Contains(s.Plain(), "Jobs › web:1") {
		t.Fatal("> does not go on to the job")
	}
	s.Press("<", "<")
	if strings.Contains(s.Plain(), "Hosts › a1") {
		t.Fatal("< does not go back to the list")
	}
}
