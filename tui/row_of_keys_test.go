package tui_test

import (
	"strings"
	"testing"
	"time"

	"github.com/heliosctl/heliosctl/tui"
)

func lastLine(s *tui.Stage) string {
	lines := strings.Split(strings.TrimRight(s.Plain(), "\n"), "\n")
	return lines[len(lines)-1]
}

// The sign of the enter key has no likeness in ASCII: "<" is another key.
func TestKeysAreWordsInASCII(t *testing.T) {
	o := options(shared())
	o.ASCII = true
	if line := lastLine(stage(o, 120, 36, []string{"2"})); !strings.HasPrefix(line, " enter detail ") {
		t.Errorf("the row of keys is %q", line)
	}
	timeline := stage(o, 120, 36, []string{"3", "enter"})
	if line := lastLine(timeline); !strings.Contains(line, " left/right cursor ") || !strings.Contains(line, " up/down lane ") {
		t.Errorf("the row of keys is %q", line)
	}
	if frame := stage(o, 120, 36, []string{"2", "?"}).Plain(); !strings.Contains(frame, "enter         detail") {
		t.Errorf("the help is\n%s", frame)
	}
}

// What would be drawn for the signs of these keys are other keys.
func TestKeysAreWordsInDialogsInASCII(t *testing.T) {
	for _, screen := range screens {
		t.Run(screen.name, func(t *testing.T) {
			o := options(fleetOf(screen.name))
			o.ASCII = true
			frame := stage(o, 120, 36, screen.keys).Plain()
			for _, sign := range []string{"⏎", "←→", "↑↓", "⇧"} {
				if strings.Contains(frame, sign) {
					t.Errorf("%s is drawn by its sign:\n%s", sign, frame)
				}
			}
		})
	}
	o := options(shared())
	o.ASCII = true
	mustContain(t, stage(o, 120, 36, []string{"4", "/payments", "enter", "enter", "K"}).Plain(), "tab enter")
}

// The row of keys offers nothing that would be refused; the help still tells of it.
func TestKeysThatWouldBeRefusedAreNotOffered(t *testing.T) {
	o := options(shared())
	o.ReadOnly = true
	s := stage(o, 200, 60, []string{"3"})
	if line := lastLine(s); strings.Contains(line, "…") || !strings.Contains(line, "timeline") {
		t.Errorf("the row of keys of a console that may change nothing is %q", line)
	}
	if s.Press("?"); !strings.Contains(s.Plain(), "undeploy…") {
		t.Errorf("the help is\n%s", s.Plain())
	}
}

func TestWithoutAJobTheLogsOfferToChooseOne(t *testing.T) {
	if line := lastLine(stage(options(shared()), 120, 36, []string{"6"})); !strings.HasPrefix(line, " ⏎ choose a job  : command") {
		t.Errorf("the row of keys is %q", line)
	}
}

// A rollout that is frozen says so where it is said how current everything is, and its ages stand still.
func TestAFrozenRolloutIsNotCalledLive(t *testing.T) {
	at := now
	o := options(shared())
	o.Now = func() time.Time { return at }
	s := stage(o, 120, 36, []string{"4", "/payments", "enter", "enter"})
	body := func() string { return strings.Join(strings.Split(s.Plain(), "\n")[2:], "\n") }
	before := body()
	s.Press("space")
	at = at.Add(time.Minute)
	s.Refresh()
	if head, _, _ := strings.Cut(s.Plain(), "\n"); !strings.Contains(head, "▮▮ FROZEN") || strings.Contains(head, "LIVE") {
		t.Errorf("the header is %q", head)
	}
	if body() != before {
		t.Errorf("what is frozen has changed:\n%s", s.Plain())
	}
	s.Press("space")
	if head, _, _ := strings.Cut(s.Plain(), "\n"); !strings.Contains(head, "● LIVE") || body() == before {
		t.Errorf("it does not go on:\n%s", s.Plain())
	}
}
