package tui_test

import (
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/charmbracelet/x/ansi"
	"github.com/google/go-cmp/cmp"

	"github.com/heliosctl/heliosctl/model"
	"github.com/heliosctl/heliosctl/tui"
	"github.com/heliosctl/heliosctl/tui/demo"
	"github.com/heliosctl/heliosctl/tui/theme"
)

var update = flag.Bool("update", false, "write the golden frames anew")

var (
	began = time.Date(2026, 6, 1, 11, 46, 9, 0, time.UTC)
	now   = began.Add(18*time.Minute + 22*time.Second)
)

// shared is for tests that change nothing.
var shared = sync.OnceValue(fleet)

func fleet() *demo.Fleet {
	f := demo.New(demo.Options{Seed: 1, Start: began})
	f.Advance(now)
	return f
}

// fleetOf returns the fleet that a screen is shown of: the shared one, or one of its own where the way to the screen changes it.
func fleetOf(screen string) *demo.Fleet {
	if screen == "undeployed" {
		return fleet()
	}
	return shared()
}

func options(source tui.Source) tui.Options {
	return tui.Options{Source: source, Version: "1.4.0", Now: func() time.Time { return now }, Zone: time.UTC}
}

// screens says which keys lead to each screen.
var screens = []struct {
	name string
	keys []string
}{
	{"overview", nil},
	{"hosts", []string{"2"}},
	{"hosts-filtered", []string{"2", "/role=pay load>50", "enter", "space", "space"}},
	{"host", []string{"2", "/geo-36", "enter", "enter"}},
	{"jobs", []string{"3", "down"}},
	{"timeline", []string{"3", "/web-api:42", "enter", "enter", "+", "down", "down", "["}},
	{"job-hosts", []string{"3", "/pay-worker:8", "enter", "enter", "tab"}},
	{"groups", []string{"4"}},
	{"rollout", []string{"4", "/payments", "enter", "enter"}},
	{"events", []string{"5", "up", "up"}},
	{"logs", []string{"2", "/pay-34", "enter", "space", "space", "l", "worker:8", "enter", "/timeout", "enter"}},
	{"logs-restarts", []string{"2", "/geo-36", "enter", "l", "geo-cache", "enter", "pgup"}},
	{"logs-empty", []string{"6"}},
	{"masters", []string{"7"}},
	{"inspect", []string{"3", "/pay-worker:8", "enter", "y", "down", "down"}},
	{"inspect-folded", []string{"4", "/edge", "enter", "y", "f", "down", "down", "enter", "down", "enter", "tab"}},
	{"inspect-found", []string{"4", "/edge", "enter", "y", "f", "/AWAIT_RUNNING", "enter", "n"}},
	{"palette", []string{"2", ":", "roll pay"}},
	{"help", []string{"2", "?"}},
	{"sort", []string{"2", "s"}},
	{"columns", []string{"3", ","}},
	{"undeploy", []string{"2", "/pay-34", "enter", "G", "space", "up", "up", "space", "U", "worker:8", "enter", "2", "tab", "secret-token"}},
	{"undeployed", []string{"2", "/pay-34", "enter", "G", "space", "U", "worker:8", "enter", "demo", "tab", "tab", "enter"}},
	{"roll", []string{"4", "/payments", "enter", "O", "worker:8", "enter"}},
	{"roll-faults", []string{"4", "/payments", "enter", "O", "worker:8", "enter", "backspace", "0", "tab", "x", "ctrl+s"}},
	{"roll-plan", []string{"4", "/edge", "enter", "O", "api:41", "enter", "backspace", "5", "tab", "tab", "tab", "tab", "backspace", "2", "ctrl+t"}},
	{"roll-confirm", []string{"4", "/payments", "enter", "O", "worker:8", "enter", "backspace", "9", "ctrl+s", "payments", "tab", "secret-token"}},
	{"roll-several", []string{"4", "/batch|thumbs", "enter", "V", "O", "thumbs:12", "enter", "ctrl+s"}},
	{"roll-back", []string{"4", "/edge", "enter", "B"}},
	{"resume", []string{"4", "/payments", "enter", "P"}},
	{"new-group", []string{"4", "N", "front", "tab", "role=web", "tab", "zone in (eu1-a, eu1-b)"}},
	{"new-group-faults", []string{"4", "N", "edge", "tab", "role==web", "tab", "ctrl+s"}},
	{"new-group-confirm", []string{"4", "N", "front", "tab", "role=web", "ctrl+s"}},
	{"remove-group", []string{"4", "/edge", "enter", "E"}},
	{"stop-rollout", []string{"4", "/payments", "enter", "enter", "K"}},
	{"new-job", []string{"3", "N"}},
	{"new-version", []string{"3", "/pay-worker:8", "enter", "N", "enter"}},
	{"new-version-more", []string{"3", "/pay-worker:8", "enter", "N", "enter", "pgdown", "pgdown", "pgdown", "pgdown", "pgdown"}},
	{"new-job-faults", []string{"3", "N", "down", "down", "enter", "web api", "tab", "1", "tab", "web", "tab", "sh -c 'x", "tab", "PATH", "tab", "tab", "http=80:99999", "ctrl+s"}},
	{"new-job-confirm", []string{"3", "N", "down", "down", "enter", "web", "tab", "1", "tab", "web:1", "tab", "sh -c 'while true; do date; sleep 60; done'", "tab", "ZONE=eu 1", "ctrl+s"}},
	{"new-job-resources", []string{"3", "/promo", "enter", "N", "enter", "up", "up", "up", "up", "up", "up", "up", "up", "up", "512m", "ctrl+s"}},
	{"deploy", []string{"3", "/promo", "enter", "D", "space"}},
	{"deploy-plan", []string{"2", "/status:DOWN", "enter", "V", "D", "promo:7", "enter", "ctrl+t"}},
	{"undeploy-plan", []string{"2", "/pay-34", "enter", "V", "U", "worker:8", "enter", "ctrl+t"}},
	{"stop-jobs", []string{"3", "/promo|mailer", "enter", "V", "X"}},
	{"remove", []string{"3", "/promo", "enter", "E"}},
	{"drain", []string{"2", "/pay-34", "enter", "V", "W"}},
	{"deregister", []string{"2", "/status=DOWN", "enter", "E"}},
}

var sizes = [][2]int{{80, 24}, {120, 36}, {200, 60}}

// stage shows a screen.
func stage(o tui.Options, w, h int, keys []string) *tui.Stage {
	s := tui.NewStage(o, w, h)
	s.Press(keys...)
	return s
}

func TestFrames(t *testing.T) {
	for _, screen := range screens {
		for _, size := range sizes {
			name := fmt.Sprintf("%s-%dx%d", screen.name, size[0], size[1])
			t.Run(name, func(t *testing.T) {
				t.Parallel()
				s := stage(options(fleetOf(screen.name)), size[0], size[1], screen.keys)
				checkWidths(t, s.Frame(), size[0], size[1])
				golden(t, name, s.Plain())
			})
		}
	}
}

// What is shown when things are not as usual: nobody has chosen a cluster yet, masters are missing or refuse, the screen is too small.
func TestFramesOfUnusualStates(t *testing.T) {
	lost := func(f tui.Freshness) func() tui.Source {
		return func() tui.Source {
			source := newFixed()
			if f.State == tui.Stale {
				source.host("pay-103", model.Up)
				source.host("pay-104", model.Down)
				source.task("pay-103", id("web"), model.StateRunning)
			}
			source.store.SetFreshness(f)
			return source
		}
	}
	outage := tui.Freshness{
		State: tui.Stale, Master: "master-2", AsOf: now.Add(-42 * time.Second), Error: "read tcp 10.4.1.12:5801: i/o timeout", Attempt: 4,
		RetryAt: now.Add(6 * time.Second), Next: []string{"master-1", "master-3"},
	}
	refusal := tui.Freshness{State: tui.Stale, Master: "master-2", AsOf: now.Add(-time.Minute), Error: "user bob may not read", Refused: true}
	for _, state := range []struct {
		name   string
		source func() tui.Source
		sizes  [][2]int
	}{
		{"connection-lost", lost(outage), sizes},
		{"refused", lost(refusal), sizes},
		{"connecting", lost(tui.Freshness{State: tui.Connecting, Error: "no master answers", Attempt: 1, RetryAt: now.Add(time.Second)}), sizes},
		{"first-run", lost(tui.Freshness{State: tui.Live}), sizes},
		{"too-small", func() tui.Source { return shared() }, [][2]int{{56, 13}, {40, 8}, {20, 5}}},
	} {
		for _, size := range state.sizes {
			name := fmt.Sprintf("%s-%dx%d", state.name, size[0], size[1])
			t.Run(name, func(t *testing.T) {
				s := stage(options(state.source()), size[0], size[1], []string{"2"})
				if state.name == "first-run" {
					s.Welcome(tui.Welcome{KeptIn: "~/.config/heliosctl/config.yaml (0600)", Candidates: []tui.Candidate{
						{Address: "http://localhost:5801", Origin: "HELIOS_MASTER", Note: "3 hosts, v1.4, 2 ms", OK: true},
						{Address: "https://old-master:5801", Origin: "~/.config", Note: "connection refused"},
					}})
				}
				checkWidths(t, s.Frame(), size[0], size[1])
				golden(t, name, s.Plain())
			})
		}
	}
}

func golden(t *testing.T, name, frame string) {
	t.Helper()
	path := filepath.Join("testdata", name+".golden")
	if *update {
		if err := os.WriteFile(path, []byte(frame), 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(strings.Split(string(want), "\n"), strings.Split(frame, "\n")); diff != "" {
		t.Errorf("the frame is another one (-want +got); go test ./tui -update writes it anew:\n%s", diff)
	}
}

// checkWidths makes sure that a frame fills its screen exactly, the way the terminal's library measures it.
func checkWidths(t *testing.T, frame string, w, h int) {
	t.Helper()
	lines := strings.Split(frame, "\n")
	if len(lines) != h {
		t.Errorf("the frame has %d lines; the screen has %d", len(lines), h)
	}
	for y, line := range lines {
		if got := ansi.StringWidth(line); got != w {
			t.Errorf("line %d is %d cells wide; the screen is %d: %q", y, got, w, ansi.Strip(line))
		}
	}
}

// Every screen can be drawn at every size, in every theme, with and without glyphs.
func TestEveryScreenFillsEverySize(t *testing.T) {
	f := shared()
	for _, screen := range screens {
		if screen.name == "undeployed" {
			continue // it changes the fleet that the others share
		}
		t.Run(screen.name, func(t *testing.T) {
			o := options(f)
			s := stage(o, 120, 36, screen.keys)
			for w := 1; w <= 210; w += 7 {
				for _, h := range []int{1, 2, 5, 8, 13, 16, 17, 20, 23, 24, 30, 37, 61} {
					s.Resize(w, h)
					checkWidths(t, s.Frame(), w, h)
				}
			}
			s.Resize(20, 5)
			checkWidths(t, s.Frame(), 20, 5)
		})
	}
}

func TestThemesAndProfilesFillTheScreen(t *testing.T) {
	f := shared()
	for _, name := range theme.Names() {
		for _, profile := range []theme.Profile{theme.TrueColor, theme.Colors256, theme.Colors16, theme.NoColor} {
			colors, err := theme.New(name, profile)
			if err != nil {
				t.Fatal(err)
			}
			for _, ascii := range []bool{false, true} {
				o := options(f)
				o.Theme, o.ASCII = colors, ascii
				frame := stage(o, 120, 36, []string{"4", "enter"}).Frame()
				checkWidths(t, frame, 120, 36)
				if profile == theme.NoColor && (strings.Contains(frame, "[38;") || strings.Contains(frame, ";48;")) {
					t.Errorf("theme %s without colours sends colours", name)
				}
				if ascii {
					for _, r := range ansi.Strip(frame) {
						if r > '~' {
							t.Fatalf("theme %s with ASCII draws %q", name, r)
						}
					}
				}
			}
		}
	}
}
