package main

import (
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/heliosctl/heliosctl/model"
)

func TestWaitScreen(t *testing.T) {
	began := time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)
	now := began
	var drawn strings.Builder
	size := model.TerminalSize{Rows: 24, Columns: 40}
	newScreen := func(hosts ...string) *waitScreen {
		now = began
		drawn.Reset()
		on := &progressScreen{look: look{now: func() time.Time { return now }, screen: true}, size: func() model.TerminalSize { return size }}
		s := newWaitScreen(streams{err: &drawn, progress: on})
		s.begin(hosts)
		t.Cleanup(s.ticks.Stop)
		return s
	}
	text := func(s *waitScreen) string {
		var b strings.Builder
		for _, l := range cutLines(s.lines(size), size) {
			b.WriteString(l.text(false) + "\n")
		}
		return b.String()
	}

	s := newScreen("web-1", "web-2", "web-3", "a-host-with-a-long-name.example.com")
	now = began.Add(5 * time.Second)
	s.set("web-1", progress{state: model.StateRunning, ended: true})
	s.set("web-2", progress{state: model.StatePullingImage})
	s.set("web-3", progress{state: model.StateFailed, ended: true, err: errors.New("no such image")})
	now = began.Add(65 * time.Second)
	want := "[######>>>>>>!!!!!!.......]  1/4  1m05s\n" +
		"  web-2           PULLING_IMAGE  1m00s\n" +
		"  a-host-with-a…  waiting        1m05s\n" +
		"  web-3           FAILED         1m00s\n"
	if diff := cmp.Diff(want, text(s)); diff != "" {
		t.Errorf("the screen differs (-want +got):\n%s", diff)
	}

	// More hosts than rows.
	size.Rows = 6
	var many []string
	for i := range 100 {
		many = append(many, fmt.Sprintf("host-%02d", i))
	}
	want = "[..........................]  0/100  0s\n  host-00  waiting  0s\n  host-01  waiting  0s\n  host-02  waiting  0s\n  and 97 others\n"
	if diff := cmp.Diff(want, text(newScreen(many...))); diff != "" {
		t.Errorf("the screen differs (-want +got):\n%s", diff)
	}

	// Nothing is left when it ends.
	s = newScreen("web-1")
	s.end()
	if rows := emulate(t, strings.ReplaceAll(drawn.String(), "\n", "\r\n")+"after", 40); len(rows) != 1 || rows[0] != "after" {
		t.Errorf("the terminal shows %q", rows)
	}
}
