package tui_test

import (
	"strings"
	"testing"
)

func TestAClickSelectsAndAnotherOneOpens(t *testing.T) {
	s := stage(options(shared()), 120, 36, []string{"2", "/role=pay", "enter"})
	s.Plain()
	s.Click(30, 7) // the row under the head is the third line
	if frame := s.Plain(); !strings.Contains(frame, "row 5/52") {
		t.Fatalf("the row is not selected:\n%s", frame)
	}
	s.Click(30, 7)
	if frame := s.Plain(); !strings.Contains(frame, "host 5 of 52") {
		t.Fatalf("the host is not open:\n%s", frame)
	}
	s.Click(24, 1)
	if frame := s.Plain(); !strings.Contains(frame, "JOB") || !strings.Contains(frame, "44 jobs") {
		t.Errorf("the screen of jobs is not shown:\n%s", frame)
	}
	s.Click(30, 34) // which is no row
	if frame := s.Plain(); !strings.Contains(frame, "row 1/44") {
		t.Errorf("a click beside the rows selects one:\n%s", frame)
	}
}
