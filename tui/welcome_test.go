package tui_test

import (
	"context"
	"errors"
	"strings"
	"testing"

	"github.com/heliosctl/heliosctl/tui"
)

func withWelcome(o tui.Options) tui.Options {
	o.Source = nil
	o.Welcome = &tui.Welcome{
		Candidates: []tui.Candidate{{Address: "http://localhost:5801", Origin: "the default", Note: "no master answers"}},
		Connect: func(_ context.Context, address string, readOnly bool) (tui.Source, error) {
			if strings.Contains(address, "elsewhere") {
				return nil, errors.New("no master can be found: elsewhere cannot be resolved: no such host; check the name, and whether this machine can reach its name server")
			}
			return named{shared(), tui.Cluster{Name: address, ReadOnly: readOnly}}, nil
		},
		Keep:   func(_, _ string, _ bool) (string, error) { return "~/.config/heliosctl/config.yaml", nil },
		KeptIn: "~/.config/heliosctl/config.yaml",
	}
	return o
}

func TestWelcomeConnectsInPlaceAndKeepsTheCluster(t *testing.T) {
	o := withWelcome(options(nil))
	var kept []string
	o.Welcome.Keep = func(address, name string, readOnly bool) (string, error) {
		if name == "bad,name" {
			return "", errors.New("a name has no commas")
		}
		kept = append(kept, address, name, map[bool]string{true: "ro", false: "rw"}[readOnly])
		return "config.yaml", nil
	}
	s := stage(o, 120, 36, []string{"tab", "elsewhere", "enter"})
	if frame := s.Plain(); !strings.Contains(frame, "✗ no master can be found: elsewhere") {
		t.Fatalf("why there is no connection is not told:\n%s", frame)
	}
	s.Press("ctrl+u", "m1.example.com", "enter")
	if frame := s.Plain(); !strings.Contains(frame, "Save this cluster?") || !strings.Contains(frame, "  ro  ") {
		t.Fatalf("it is not connected, or does not offer to keep the cluster:\n%s", frame)
	}
	s.Press("ctrl+u", "bad,name", "enter")
	if frame := s.Plain(); !strings.Contains(frame, "Save this cluster?") || !strings.Contains(frame, "a name has no commas") {
		t.Fatalf("the fault is not told:\n%s", frame)
	}
	s.Press("ctrl+u", "prod", "enter")
	if got := strings.Join(kept, " "); got != "m1.example.com prod ro" {
		t.Errorf("kept %q", got)
	}
	if frame := s.Plain(); !strings.Contains(frame, "saved m1.example.com as prod in config.yaml") {
		t.Errorf("it is not told what was saved:\n%s", frame)
	}
}

func TestWelcomeShowsTheDemo(t *testing.T) {
	o := withWelcome(options(nil))
	s := stage(o, 120, 36, []string{"d"})
	if frame := s.Plain(); !strings.Contains(frame, "hosts 394▲") || strings.Contains(frame, "Save this") || !strings.Contains(frame, "  rw  ") {
		t.Errorf("the demo is not shown:\n%s", frame)
	}
}

func TestWelcomeChecksTheTerminal(t *testing.T) {
	s := stage(withWelcome(options(nil)), 70, 20, nil)
	if frame := s.Plain(); !strings.Contains(frame, "No cluster is configured") {
		t.Errorf("it is not readable on a small terminal:\n%s", frame)
	}
	s.Resize(120, 36)
	for _, want := range []string{"✓ 120×36", "✓ true colour", "✓ UTF-8"} {
		if frame := s.Plain(); !strings.Contains(frame, want) {
			t.Errorf("%q is missing:\n%s", want, frame)
		}
	}
	s.Press("n", "a")
	if frame := s.Plain(); !strings.Contains(frame, "no colour") || !strings.Contains(frame, "ASCII glyphs") {
		t.Errorf("n and a do nothing:\n%s", frame)
	}
}
