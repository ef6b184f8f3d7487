package tui_test

import (
	"context"
	"iter"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/heliosctl/heliosctl/model"
	"github.com/heliosctl/heliosctl/tui"
)

// printing is a source whose hosts print what a test says.
type printing struct {
	*fixed
	lines []model.LogLine
	asked []tui.LogQuery
}

func (p *printing) Logs(_ context.Context, q tui.LogQuery) iter.Seq2[model.LogLine, error] {
	p.asked = append(p.asked, q)
	return func(yield func(model.LogLine, error) bool) {
		for _, line := range p.lines {
			if (len(q.Hosts) == 0 || slices.Contains(q.Hosts, line.Host)) && !yield(line, nil) {
				return
			}
		}
	}
}

func newPrinting(hosts ...string) *printing {
	p := &printing{fixed: newFixed()}
	for _, host := range hosts {
		p.host(host, model.Up)
		p.task(host, id("pay"), model.StateRunning)
	}
	return p
}

func (p *printing) print(host string, after time.Duration, text string) {
	p.lines = append(p.lines, model.LogLine{Host: host, Time: now.Add(after), Stream: model.Stdout, Text: text})
}

// status has an agent report, as the stream of events tells of it.
func (p *printing) status(index uint64, host string, after time.Duration, s model.TaskStatus) {
	job := id("pay")
	s.Goal = model.GoalStart
	p.store.Apply(model.Event{Index: index, Type: model.EventTaskStatus, Time: model.TimestampOf(now.Add(after)), Host: host, JobID: &job, Status: &s})
}

// logsOf opens the output of the job on all its hosts.
func logsOf(p *printing, keys ...string) *tui.Stage {
	return stage(options(p), 120, 24, append([]string{"3", "l"}, keys...))
}

func lineWith(t *testing.T, frame, text string) (y int, line string) {
	t.Helper()
	for y, line := range strings.Split(frame, "\n") {
		if strings.Contains(line, text) {
			return y, line
		}
	}
	t.Fatalf("no line has %q:\n%s", text, frame)
	return 0, ""
}

func TestARestartIsARuleBetweenTheLines(t *testing.T) {
	p := newPrinting("pay-115")
	p.print("pay-115", -20*time.Second, "the last words")
	p.print("pay-115", -5*time.Second, "starting again")
	one := 1
	p.status(1, "pay-115", -10*time.Second, model.TaskStatus{State: model.StateExited, ContainerID: "91c2aabbccdd0011", ExitCode: &one})
	frame := logsOf(p).Plain()
	last, _ := lineWith(t, frame, "the last words")
	rule, text := lineWith(t, frame, "stream pay-115 container 91c2 exited 1 at 12:04:21, restarts")
	next, _ := lineWith(t, frame, "starting again")
	if last >= rule || rule >= next {
		t.Errorf("the rule is in row %d, between the rows %d and %d it would be right:\n%s", rule, last, next, frame)
	}
	if !strings.HasPrefix(text, " ────") || !strings.HasSuffix(strings.TrimRight(text, " │┃"), "────") {
		t.Errorf("it is no rule across the page: %q", text)
	}
}

// What happened before the first line that is shown does not stand above it.
func TestEndsOfEarlierContainersAreLeftOut(t *testing.T) {
	p := newPrinting("pay-115")
	one := 1
	p.status(1, "pay-115", -time.Hour, model.TaskStatus{State: model.StateExited, ContainerID: "91c2", ExitCode: &one})
	p.print("pay-115", -5*time.Second, "starting again")
	if frame := logsOf(p).Plain(); strings.Contains(frame, "exited 1 at") {
		t.Errorf("there is a rule for a container whose output is not shown:\n%s", frame)
	}
}

func TestABrokenStreamIsARule(t *testing.T) {
	p := newPrinting("pay-1", "pay-2")
	p.print("pay-1", -2*time.Second, "well")
	p.lines = append(p.lines, model.LogLine{Host: "pay-2", Time: now.Add(-time.Second), Error: model.Errorf(model.CodeAgentUnreachable, "its agent is gone")})
	frame := logsOf(p).Plain()
	lineWith(t, frame, "── stream pay-2: its agent is gone")
	if _, head := lineWith(t, frame, "▌pay-1 "); !strings.Contains(head, "▌pay-2 RUN 1m (its agent is gone)") {
		t.Errorf("the head line does not tell that the stream is broken: %q", head)
	}
}

func TestTheHeadLineTellsOfEveryStream(t *testing.T) {
	p := newPrinting("pay-1", "pay-2", "pay-3")
	seven := 7
	p.print("pay-1", -2*time.Second, "well")
	p.print("pay-3", -2*time.Second, "well")
	p.status(1, "pay-3", -time.Second, model.TaskStatus{State: model.StateFailed, ExitCode: &seven, Restarts: 2})
	s := logsOf(p, "h", "space", "esc")
	frame := s.Plain()
	for _, want := range []string{"▌pay-1 hidden", "▌pay-2 RUN 1m (no output yet)", "▌pay-3 FAIL 1.0s, run #3, exit 7"} {
		lineWith(t, frame, want)
	}
	if strings.Count(frame, "well") != 1 {
		t.Errorf("the lines of a hidden stream are shown:\n%s", frame)
	}
}

func TestSearchAndFilter(t *testing.T) {
	p := newPrinting("pay-1")
	for i, text := range []string{"a timeout", "fine", "fine", "another Timeout", "fine", "TIMEOUT", "fine"} {
		p.print("pay-1", time.Duration(i-60)*time.Second, text)
	}
	s := logsOf(p, "/", "timeout", "enter")
	lineWith(t, s.Plain(), "3 hits, 3/3")
	s.Press("N")
	lineWith(t, s.Plain(), "3 hits, 2/3")
	s.Press("N", "N")
	lineWith(t, s.Plain(), "no further hit")
	s.Press("n")
	lineWith(t, s.Plain(), "3 hits, 2/3")
	if strings.Count(s.Plain(), "fine") != 4 {
		t.Errorf("a search hides lines:\n%s", s.Plain())
	}
	s.Press("&")
	if frame := s.Plain(); strings.Contains(frame, "fine") || strings.Count(strings.ToLower(frame), "timeout") != 4 { // with the one in the field
		t.Errorf("the filter does not leave the hits alone:\n%s", frame)
	}
	s.Press("esc")
	if frame := s.Plain(); strings.Count(frame, "fine") != 4 {
		t.Errorf("esc does not show everything again:\n%s", frame)
	}
}

func TestALineOfJSONUnfolds(t *testing.T) {
	p := newPrinting("pay-1")
	p.print("pay-1", -2*time.Second, "before")
	p.print("pay-1", -time.Second, `{"level":"info","took":{"ms":41}}`)
	p.print("pay-1", 0, "behind")
	s := logsOf(p, "up", "enter")
	frame := s.Plain()
	y, _ := lineWith(t, frame, `"ms": 41`)
	if behind, _ := lineWith(t, frame, "behind"); behind <= y {
		t.Errorf("the next line is drawn into the document:\n%s", frame)
	}
	s.Press("enter")
	lineWith(t, s.Plain(), `{"level":"info","took":{"ms":41}}`)
	s.Press("down", "enter")
	lineWith(t, s.Plain(), "not JSON")
}

// With lines that take several rows the selected one is always seen, and the last one is at the bottom.
func TestWrappedLinesScroll(t *testing.T) {
	p := newPrinting("pay-1")
	for i := range 30 {
		p.print("pay-1", time.Duration(i-60)*time.Second, strings.Repeat("word ", 40+i)+"end"+string(rune('a'+i%26))+".")
	}
	s := logsOf(p, "w")
	if frame := s.Plain(); !strings.Contains(frame, "endd.") {
		t.Errorf("the last line is not seen whole:\n%s", frame)
	}
	for range 30 {
		s.Press("up")
		if strings.Count(s.Plain(), "▌pay-1") < 2 { // one is in the head line
			t.Fatalf("no line is seen:\n%s", s.Plain())
		}
	}
	lineWith(t, s.Plain(), "enda.")
	checkWidths(t, s.Frame(), 120, 24)
}

func TestPreviousContainersSayHowTheyEnded(t *testing.T) {
	p := newPrinting("pay-1", "pay-2")
	p.print("pay-1", -40*time.Second, "its last words")
	p.print("pay-2", -40*time.Second, "its own")
	code := 137
	p.status(1, "pay-1", -30*time.Second, model.TaskStatus{State: model.StateExited, ContainerID: "91c2", ExitCode: &code, OOMKilled: true})
	s := logsOf(p, "p")
	if q := p.asked[len(p.asked)-1]; !q.Previous || q.Follow {
		t.Errorf("asked for %+v", q)
	}
	frame := s.Plain()
	lineWith(t, frame, "stream pay-1 container 91c2 exited 137 (OOM) at 12:04:01")
	lineWith(t, frame, "stream pay-2: the end of the container before the current one")
	lineWith(t, frame, "showing the previous container")
	s.Press("0")
	if q := p.asked[len(p.asked)-1]; q.Tail >= 0 {
		t.Errorf("since the start asks for %+v", q)
	}
}
