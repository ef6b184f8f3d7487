package main

import (
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/heliosctl/heliosctl/model"
)

var progressStart = time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)

// recordedRollout is a rollout of twelve hosts at several moments: with nothing done, in the middle of it, after failures, paused, and
// as the rollback that follows.
func recordedRollout() []rolloutView {
	at := func(s int) model.Timestamp {
		return model.TimestampOf(progressStart.Add(time.Duration(s) * time.Second))
	}
	view := func(s int, state model.RolloutState, hosts map[int]model.RolloutHost) rolloutView {
		v := rolloutView{Rollout: model.Rollout{
			ID: 7, Group: "web", Reason: model.RolloutByUser, State: state, Started: at(0),
			From: model.JobID{Name: "web", Version: "1", Hash: "28ca31f1e2d94de9ce5c1add99c342f4d3121cc3"},
			To:   model.JobID{Name: "web", Version: "2", Hash: "c4208960e2d94de9ce5c1add99c342f4d3121cc3"},
		}, now: at(s).Time(), tasks: map[string]model.TaskStatus{}}
		for i := range 12 {
			h := hosts[i]
			h.Host = fmt.Sprintf("web-%d.frontend.example.com", i+1)
			if h.Phase == "" {
				h.Phase, h.Since = model.PhasePending, at(0)
			}
			v.Hosts = append(v.Hosts, h)
		}
		return v
	}
	done := func(s int) model.RolloutHost {
		return model.RolloutHost{Phase: model.PhaseDone, Since: at(s), Started: at(s - 10), Ended: at(s)}
	}
	active := func(phase model.RolloutPhase, s int) model.RolloutHost {
		return model.RolloutHost{Phase: phase, Since: at(s), Started: at(s - 5)}
	}
	failed := func(s int, reason string) model.RolloutHost {
		return model.RolloutHost{Phase: model.PhaseFailed, Since: at(s), Started: at(s - 20), Ended: at(s), Reason: reason}
	}
	first := view(1, model.RolloutRunning, nil)
	middle := view(75, model.RolloutRunning, map[int]model.RolloutHost{
		0: done(20), 1: done(40), 2: done(60), 3: active(model.PhaseAwaiting, 63), 4: active(model.PhaseUndeploying, 72),
	})
	middle.tasks["web-4.frontend.example.com"] = model.TaskStatus{State: model.StatePullingImage, Progress: "45%"}
	again := active(model.PhaseMinHealthy, 80)
	again.Attempt = 2
	failures := view(95, model.RolloutRunning, map[int]model.RolloutHost{
		0: done(20), 1: done(40), 2: done(60), 3: again,
		4: failed(90, "image nginx:1.26 is missing: the registry at registry.example.com says that there is no such manifest"),
		5: failed(91, "the container keeps exiting\x1b[2J: exit code 1"), 6: active(model.PhaseAwaiting, 92),
	})
	failures.lost = "no master answers"
	paused := view(3700, model.RolloutPaused, map[int]model.RolloutHost{
		0: done(20), 1: done(40), 2: done(60), 3: done(100), 4: failed(90, "image nginx:1.26 is missing"), 5: failed(91, "it exits"),
		6: done(120),
		7: {Phase: model.PhaseSkipped, Since: at(100), Reason: "the host is down"},
	})
	back := view(300, model.RolloutRunning, map[int]model.RolloutHost{0: done(20), 1: active(model.PhaseAwaiting, 290)})
	back.Reason, back.From, back.To = model.RolloutBack, back.To, back.From
	ended := view(200, model.RolloutDone, nil)
	for i := range ended.Hosts {
		ended.Hosts[i].Phase = model.PhaseDone
	}
	ended.Ended = at(180)
	return []rolloutView{first, middle, failures, paused, back, ended}
}

// TestRolloutProgressFrames compares what is drawn of a recorded rollout with testdata/progress. With UPDATE_SCRIPTS in the environment
// the files are rewritten.
func TestRolloutProgressFrames(t *testing.T) {
	for _, test := range []struct {
		name string
		size model.TerminalSize
		look look
	}{
		{"40", model.TerminalSize{Columns: 40, Rows: 24}, look{}},
		{"80", model.TerminalSize{Columns: 80, Rows: 24}, look{blocks: true}},
		{"80-low", model.TerminalSize{Columns: 80, Rows: 6}, look{}},
		{"80-colour", model.TerminalSize{Columns: 80, Rows: 24}, look{colour: true}},
		{"200", model.TerminalSize{Columns: 200, Rows: 50}, look{blocks: true}},
	} {
		t.Run(test.name, func(t *testing.T) {
			var b strings.Builder
			for _, view := range recordedRollout() {
				lines := test.look.frame(view, test.size)
				if len(lines) >= int(test.size.Rows) {
					t.Errorf("%d lines in %d rows", len(lines), test.size.Rows)
				}
				for _, l := range lines {
					if l.width() >= int(test.size.Columns) {
						t.Errorf("%d columns for %q", l.width(), l.text(false))
					}
					b.WriteString(strings.ReplaceAll(l.text(test.look.colour), "\x1b", "ESC") + "\n")
				}
				b.WriteString("----\n")
			}
			path := filepath.Join("testdata", "progress", test.name+".txt")
			if os.Getenv("UPDATE_SCRIPTS") != "" {
				if err := os.WriteFile(path, []byte(b.String()), 0o666); err != nil {
					t.Fatal(err)
				}
			}
			want, err := os.ReadFile(path)
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(string(want), b.String()); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
		})
	}
}

// Terminals of any size get frames that fit, and thousands of hosts too.
func TestRolloutProgressFitsEverywhere(t *testing.T) {
	views := recordedRollout()
	many := views[1]
	for i := range 2000 {
		h := many.Hosts[i%5]
		h.Host = "host-" + strconv.Itoa(i)
		many.Hosts = append(slices.Clip(many.Hosts), h)
	}
	for _, v := range append(views, many, rolloutView{Rollout: model.Rollout{Group: "empty"}}) {
		for columns := uint16(1); columns < 120; columns += 7 {
			for rows := uint16(1); rows < 30; rows += 4 {
				size := model.TerminalSize{Columns: columns, Rows: rows}
				lines := look{blocks: true}.frame(v, size)
				if len(lines) > max(int(rows)-1, 1) {
					t.Errorf("%v: %d lines", size, len(lines))
				}
				for _, l := range lines {
					if l.width() > max(int(columns)-1, 1) {
						t.Errorf("%v: %q", size, l.text(false))
					}
				}
			}
		}
	}
}

func TestRolloutEstimate(t *testing.T) {
	views := recordedRollout()
	if left, known := views[0].left(); known {
		t.Errorf("with nothing done it is %s", left)
	}
	// Three hosts took a minute, nine are left, and 15 s of the next have passed.
	if left, known := views[1].left(); !known || left != 3*time.Minute-15*time.Second {
		t.Errorf("in the middle of it: %s, %t", left, known)
	}
	if left, known := views[3].left(); known {
		t.Errorf("while it is paused it is %s", left)
	}
	if left, known := views[5].left(); known {
		t.Errorf("when it is done it is %s", left)
	}
}

func TestShortDuration(t *testing.T) {
	for d, want := range map[time.Duration]string{
		-time.Second: "0s", 0: "0s", 59 * time.Second: "59s", time.Minute: "1m00s", 3599 * time.Second: "59m59s",
		time.Hour: "1h00m", 26*time.Hour + 61*time.Minute: "1d03h",
	} {
		if got := shortDuration(d); got != want {
			t.Errorf("%s is %q, want %q", d, got, want)
		}
	}
}

func TestCutLines(t *testing.T) {
	for _, test := range []struct {
		text  string
		width int
		want  string
	}{
		{"abc", 3, "abc"}, {"abcd", 3, "ab…"}, {"abc", 1, "…"},
		{"日本語", 6, "日本語"}, {"日本語", 5, "日本…"}, {"日本語", 4, "日…"},
	} {
		if got := (line{{text: test.text}}).cut(test.width); got.text(false) != test.want || got.width() > test.width {
			t.Errorf("%q in %d columns is %q", test.text, test.width, got.text(false))
		}
	}
	if got := (line{{text: "ab"}, {text: "cd"}}).cut(3).text(false); got != "ab…" {
		t.Errorf("got %q", got)
	}
}

// emulate returns the rows that a terminal shows after some output.
func emulate(t *testing.T, output string, columns int) []string {
	t.Helper()
	rows, row, column := [][]rune{nil}, 0, 0
	sequence := regexp.MustCompile(`^\x1b\[(\d*)([A-Za-z])`)
	for output != "" {
		if m := sequence.FindStringSubmatch(output); m != nil {
			n, _ := strconv.Atoi(m[1])
			switch m[2] {
			case "A":
				row = max(row-n, 0)
			case "K":
				rows[row] = rows[row][:min(column, len(rows[row]))]
			case "J":
				rows[row] = rows[row][:min(column, len(rows[row]))]
				rows = rows[:row+1]
			case "m":
			default:
				t.Fatalf("the terminal does not know %q", m[0])
			}
			output = output[len(m[0]):]
			continue
		}
		r := []rune(output[:min(len(output), 4)])[0]
		output = output[len(string(r)):]
		switch r {
		case '\r':
			column = 0
		case '\n':
			row, column = row+1, 0
		default:
			if column == columns {
				row, column = row+1, 0
			}
			for len(rows) <= row {
				rows = append(rows, nil)
			}
			for len(rows[row]) <= column {
				rows[row] = append(rows[row], ' ')
			}
			rows[row][column] = r
			column++
		}
		for len(rows) <= row {
			rows = append(rows, nil)
		}
	}
	var shown []string
	for _, r := range rows {
		shown = append(shown, strings.TrimRight(string(r), " "))
	}
	return shown
}

// A terminal that becomes narrower wraps what is on it; the next frame still takes its place.
func TestLiveAreaAfterAResize(t *testing.T) {
	columns := uint16(40)
	var out strings.Builder
	area := liveArea{out: &out, size: func() model.TerminalSize { return model.TerminalSize{Rows: 24, Columns: columns} }}
	draw := func(texts ...string) {
		var lines []line
		for _, text := range texts {
			lines = append(lines, plain(text))
		}
		if err := area.draw(lines); err != nil {
			t.Fatal(err)
		}
	}
	draw(strings.Repeat("a", 39), "b")
	columns = 20
	wrapped := strings.Join(emulate(t, out.String(), 20), "\n")
	out.Reset()
	draw("first", "second", "third")
	out.WriteString("after")
	got := emulate(t, strings.ReplaceAll(wrapped, "\n", "\r\n")+out.String(), 20)
	if diff := cmp.Diff([]string{"first", "second", "third", "after"}, got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	out.Reset()
	draw("only")
	if got := emulate(t, "first\r\nsecond\r\nthird\r\n"+out.String(), 20); !slices.Equal(got, []string{"only", ""}) {
		t.Errorf("a shorter frame leaves %q", got)
	}
}

// shown returns everything that the command, which has ended, printed. It is on its way through the terminal for a while.
func (s *terminalSession) shown() string {
	s.t.Helper()
	const end = "<end of output>"
	if _, err := s.tty.WriteString(end); err != nil {
		s.t.Fatal(err)
	}
	deadline := time.After(awaitTimeout)
	for {
		printed, changed := s.out.read()
		if text, _, all := strings.Cut(printed, end); all {
			return text
		}
		select {
		case <-changed:
		case <-deadline:
			s.t.Fatalf("the terminal does not show the end of\n%s", printed)
		}
	}
}

func TestRollingUpdateInATerminal(t *testing.T) {
	m := newFakeMaster(t)
	for _, host := range []string{"web-1", "web-2"} {
		if err := m.addHost(host, model.Up, "docker", map[string]string{"role": "web"}); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := m.CreateJob(t.Context(), model.Request{}, model.Job{ID: model.JobID{Name: "web", Version: "1"}, Image: "nginx"}); err != nil {
		t.Fatal(err)
	}
	m.groups.groups["web"] = &fakeGroup{DeploymentGroup: model.DeploymentGroup{
		Name: "web", HostSelectors: []model.HostSelector{{Label: "role", Operator: model.SelectorEquals, Operand: "web"}},
	}}
	must := func(err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	enter := func(host string, h model.RolloutHost) {
		t.Helper()
		must(m.groups.enter("web", host, h))
	}

	s := startInTerminal(t, "rolling-update", "--master", m.server.URL, "web:1", "web")
	must(m.groups.awaitRollout("web", 1, ""))
	enter("web-1", model.RolloutHost{Phase: model.PhaseAwaiting})
	s.waitFor("0/2 done")
	s.waitFor("AWAITING")
	s.resize(24, 100)
	enter("web-1", model.RolloutHost{Phase: model.PhaseDone})
	s.waitFor("1/2 done")
	enter("web-2", model.RolloutHost{Phase: model.PhaseFailed, Code: model.CodeImageMissing, Reason: "image nginx is missing"})
	s.waitFor("1 failed")
	must(m.groups.come("web", model.RolloutFailed, "web-2: image nginx is missing"))
	if code := s.wait(); code != 8 {
		t.Errorf("it ended with %d", code)
	}
	screen := strings.Join(emulate(t, s.shown(), 100), "\n")
	want := regexp.MustCompile(`^Rolling update started: web -> web:1:\w{7} \([^)]*\)\n\nweb: web:1:\w{7} +\S+\n` +
		`\[\S+\]  1/2 done  1 failed\n  web-2  FAILED +\S+  image nginx is missing\n\n` +
		`web-2 -> FAILED: image nginx is missing \(IMAGE_MISSING\)\n\n` +
		`Failed: web-2: image nginx is missing\nDuration: \S+ s\nGo back with 'heliosctl rollback web'\.\n$`)
	if !want.MatchString(screen) {
		t.Errorf("the terminal shows\n%s", screen)
	}

	// Ctrl-C leaves the rollout running.
	s = startInTerminal(t, "group", "update", "--master", m.server.URL, "web:1", "web")
	must(m.groups.awaitRollout("web", 2, ""))
	enter("web-1", model.RolloutHost{Phase: model.PhaseAwaiting})
	s.waitFor("AWAITING")
	s.press("\x03")
	if code := s.wait(); code != exitInterrupted {
		t.Errorf("it ended with %d", code)
	}
	if printed := s.shown(); !strings.Contains(printed, "The rollout goes on without this command.") {
		t.Errorf("after Ctrl-C the terminal shows\n%s", printed)
	}
	must(m.groups.awaitRollout("web", 2, model.RolloutRunning))

	// Watching shows it in place too.
	s = startInTerminal(t, "watch-deployment-group", "--master", m.server.URL, "web")
	s.waitFor("0/2 done")
	must(m.groups.come("web", model.RolloutDone, ""))
	s.waitFor("Status: ACTIVE")
	s.signal(syscall.SIGINT)
	s.wait()
	screen = strings.Join(emulate(t, s.shown(), 100), "\n")
	if strings.Count(screen, "Name: web") != 1 || strings.Contains(screen, "0/2 done") {
		t.Errorf("the terminal shows\n%s", screen)
	}
}
