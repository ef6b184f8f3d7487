package main

import (
	"strconv"
	"strings"
	"syscall"
	"testing"

	"github.com/heliosctl/heliosctl/model"
)

// On a terminal of 40 columns nothing wraps; in a pipe nothing is cut.
func TestListsOnANarrowTerminal(t *testing.T) {
	m := settled(t)
	for _, args := range [][]string{{"hosts"}, {"jobs"}, {"status"}, {"status", "--full"}, {"masters", "--detail"}, {"members"}, {"rollouts", "web"},
		{"deployment-group-status", "web"}, {"history", "web:2"}, {"exit-codes"}} {
		args = append([]string{"--master", m.server.URL}, args...)
		s := startInTerminalOf(t, 40, args...)
		if code := s.wait(); code != 0 {
			t.Errorf("%q ended with %d: %s", args, code, s.shown())
			continue
		}
		shown := s.shown()
		for _, row := range emulate(t, shown, 1000) {
			if width := textWidth(row); width > 40 {
				t.Errorf("%q prints a row of %d columns: %q", args, width, row)
			}
		}
		if !strings.Contains(shown, "\x1b[1m") {
			t.Errorf("%q prints a header without colours: %q", args, shown)
		}
		if stdout, _, _ := runProgram(t, args...); strings.ContainsAny(stdout, "\x1b…") {
			t.Errorf("%q prints in a pipe %q", args, stdout)
		}
	}
	// What the codes mean is said to the end.
	codes := startInTerminalOf(t, 40, "exit-codes")
	codes.wait()
	shown := strings.Join(strings.Fields(codes.shown()), " ")
	for _, m := range exitMeanings() {
		if !strings.Contains(shown, strconv.Itoa(m.Code)+" "+m.Meaning) {
			t.Errorf("exit-codes does not print %q in full: %s", m.Meaning, shown)
		}
	}

	s := startInTerminalOf(t, 40, "--master", m.server.URL, "hosts")
	s.wait()
	if shown := s.shown(); !strings.Contains(shown, "\x1b[32mUp 2 days\x1b[0m") || !strings.Contains(shown, "…\x1b[0m\r\n") {
		t.Errorf("hosts prints %q", shown)
	}
}

func TestWaitingInATerminal(t *testing.T) {
	m := settled(t)
	job, err := m.job("web:1")
	if err != nil {
		t.Fatal(err)
	}
	report := func(host string, state model.State) {
		t.Helper()
		if err := m.report(host, model.TaskStatus{Job: job, State: state, Goal: model.GoalStart, Throttled: model.ThrottleNo}, false); err != nil {
			t.Fatal(err)
		}
	}
	s := startInTerminal(t, "--master", m.server.URL, "deploy", "web:1", "web-1", "db-1", "--wait")
	s.waitFor("0/2")
	report("web-1.example.com", model.StatePullingImage)
	s.waitFor("PULLING_IMAGE")
	report("web-1.example.com", model.StateRunning)
	s.waitFor("1/2")
	report("db-1.example.com", model.StateRunning)
	if code := s.wait(); code != 0 {
		t.Errorf("it ended with %d", code)
	}
	screen := strings.Join(emulate(t, s.shown(), 80), "\n")
	want := "web-1.example.com: done\ndb-1.example.com: done\nweb-1.example.com: RUNNING\ndb-1.example.com: RUNNING\n"
	if !strings.HasSuffix(screen, want) || strings.Contains(screen, "1/2") || strings.Contains(screen, "PULLING") {
		t.Errorf("the terminal shows\n%s", screen)
	}

	// Ctrl-C leaves the deployment, and says so.
	s = startInTerminal(t, "--master", m.server.URL, "stop", "web:1", "web-1", "--wait")
	s.waitFor("0/1")
	s.press("\x03")
	if code := s.wait(); code != exitInterrupted {
		t.Errorf("it ended with %d", code)
	}
	if shown := s.shown(); !strings.Contains(shown, "what was asked for on 1 of 1 host stays, and goes on without this command") {
		t.Errorf("after Ctrl-C the terminal shows %q", shown)
	}
}

func TestQuestionsInATerminal(t *testing.T) {
	m := settled(t)
	m.takeWritten()
	for name, test := range map[string]struct {
		answer func(*terminalSession)
		code   int
		says   string
	}{
		"Ctrl-C":       {func(s *terminalSession) { s.press("\x03") }, exitInterrupted, "heliosctl: interrupted"},
		"end of input": {func(s *terminalSession) { s.press("\x04") }, exitFailure, "not confirmed; nothing was changed"},
		"enter":        {func(s *terminalSession) { s.press("\r") }, exitFailure, "not confirmed; nothing was changed"},
		"told to end":  {func(s *terminalSession) { s.signal(syscall.SIGTERM) }, exitInterrupted, "heliosctl: interrupted"},
	} {
		t.Run(name, func(t *testing.T) {
			s := startInTerminal(t, "--master", m.server.URL, "remove", "web:1")
			s.waitFor("[y/N]")
			test.answer(s)
			if code := s.wait(); code != test.code {
				t.Errorf("it ended with %d, want %d", code, test.code)
			}
			if shown := s.shown(); !strings.Contains(shown, test.says) {
				t.Errorf("it says %q", shown)
			}
			if written := m.takeWritten(); len(written) > 0 {
				t.Errorf("it changed %q", written)
			}
		})
	}
}
