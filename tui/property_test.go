package tui_test

import (
	"fmt"
	"regexp"
	"strings"
	"testing"
	"time"
	"unicode"

	"github.com/charmbracelet/x/ansi"
	"pgregory.net/rapid"

	"github.com/heliosctl/heliosctl/model"
	"github.com/heliosctl/heliosctl/tui"
)

// nasty is text that a screen can be broken with.
func nasty() *rapid.Generator[string] {
	pieces := rapid.SampledFrom([]string{
		"a", "web-1", "漢字", "e\u0301\u0323", "\x1b[31m", "\x1b]0;title\x07", "\x1b[2J", "\r", "\n", "\t", "\x00", "\x7f", "\u009b31m", "\u200d", "👩‍👩‍👧",
		"🇩🇪", "\u202e", "\ufeff", "שלום", "ㄱ각", " ", "'", `"`, "$(reboot)", "%s%d", "…", "\xff", "━━", strings.Repeat("long-", 40),
	})
	return rapid.Map(rapid.SliceOfN(pieces, 1, 5), func(parts []string) string { return strings.Join(parts, "") })
}

var everyState = []model.State{
	"", model.StatePullingImage, model.StateCreating, model.StateStarting, model.StateHealthchecking, model.StateRunning, model.StateStopping,
	model.StateStopped, model.StateExited, model.StateFailed, model.StateUnknown, "SOMETHING_NEW",
}

var everyRolloutState = []tui.RolloutState{
	tui.RolloutRunning, tui.RolloutPaused, tui.RolloutCanary, tui.RolloutDone, tui.RolloutFailed, tui.RolloutStopped, tui.RolloutReplaced, tui.RolloutRolledBack,
}

// anyCluster fills a source with whatever may come from masters.
func anyCluster(t *rapid.T) *fixed {
	f := newFixed()
	text := nasty()
	moment := rapid.Map(rapid.IntRange(-100_000, 100), func(s int) time.Time { return now.Add(time.Duration(s) * time.Second) })
	pairs := rapid.MapOfN(text, text, 0, 3)
	names := rapid.SliceOfNDistinct(text, 1, 4, rapid.ID[string]).Draw(t, "hosts")
	var ids []model.JobID
	for i := range rapid.IntRange(1, 3).Draw(t, "jobs") {
		id := model.JobID{Name: text.Draw(t, "job"), Version: text.Draw(t, "version"), Hash: strings.Repeat(fmt.Sprint(i), 40)}
		created, port, grace := model.TimestampOf(moment.Draw(t, "created")), 80, 5
		f.store.SetJob(&model.Job{
			ID: id, Image: text.Draw(t, "image"), Command: []string{text.Draw(t, "word")}, Env: pairs.Draw(t, "env"), Labels: pairs.Draw(t, "labels"),
			Token: rapid.SampledFrom([]string{"", "secret"}).Draw(t, "token"), Created: &created, CreatingUser: text.Draw(t, "user"), GracePeriod: &grace,
			Ports:       map[string]model.PortMapping{text.Draw(t, "port"): {InternalPort: 80, ExternalPort: &port, Protocol: "tcp"}},
			HealthCheck: &model.HealthCheck{Type: "http", Port: text.Draw(t, "check"), Path: text.Draw(t, "path")}, Hostname: text.Draw(t, "hostname"),
		})
		ids = append(ids, id)
	}
	anyJob := rapid.SampledFrom(ids)
	for i, name := range names {
		f.store.SetHost(tui.Host{
			Name: name, Status: rapid.SampledFrom([]model.Liveness{model.Up, model.Down}).Draw(t, "status"), Since: moment.Draw(t, "since"),
			Labels: pairs.Draw(t, "host labels"), Environment: pairs.Draw(t, "environment"), Agent: &model.AgentInfo{Version: text.Draw(t, "agent")},
			Info: &model.HostInfo{CPUs: rapid.IntRange(0, 4).Draw(t, "cpus"), OSName: text.Draw(t, "os"), MemoryTotalBytes: 5},
		})
		for _, id := range ids {
			if rapid.Bool().Draw(t, "deployed") {
				f.store.SetTask(&tui.Task{
					Host: name, Job: id, Goal: model.GoalStart, State: rapid.SampledFrom(everyState).Draw(t, "state"), Since: moment.Draw(t, "since"),
					Error: text.Draw(t, "error"), HealthError: text.Draw(t, "health"), Unhealthy: true, Restarts: rapid.IntRange(0, 99).Draw(t, "restarts"),
					Throttle: rapid.SampledFrom([]model.Throttle{model.ThrottleNo, model.ThrottleFlapping, model.ThrottleImagePullFailed}).Draw(t, "throttle"),
				})
			}
			state := rapid.SampledFrom(everyState).Draw(t, "was")
			f.history = append(f.history, tui.Transition{At: moment.Draw(t, "at"), Host: name, Job: id, State: state, Detail: text.Draw(t, "detail")})
		}
		f.store.AddEvent(tui.Event{Index: uint64(i), At: moment.Draw(t, "at"), Type: model.EventTaskStatus, Host: name, Job: ids[0], To: model.StateFailed, Detail: text.Draw(t, "detail")})
	}
	anyRollout := func() *tui.Rollout {
		r := &tui.Rollout{
			ID: "1", From: anyJob.Draw(t, "from"), To: anyJob.Draw(t, "to"), State: rapid.SampledFrom(everyRolloutState).Draw(t, "rollout"),
			Error: text.Draw(t, "reason"), User: text.Draw(t, "user"), Started: moment.Draw(t, "started"), Finished: moment.Draw(t, "finished"),
			Back: true, Cause: text.Draw(t, "cause"), Options: tui.RolloutOptions{
				Parallelism: rapid.IntRange(0, 9).Draw(t, "parallel"), Timeout: time.Minute, Canary: 1, MaxFailures: "10%", OnFailure: model.OnFailureRollback,
			},
		}
		for _, name := range names {
			phase := tui.RolloutPhase(rapid.IntRange(0, int(tui.PhaseStopped)).Draw(t, "phase"))
			r.Hosts = append(r.Hosts, tui.RolloutHost{Host: name, Phase: phase, Since: moment.Draw(t, "since"), Started: moment.Draw(t, "begun"), Reason: text.Draw(t, "why")})
		}
		return r
	}
	for range 2 {
		name := text.Draw(t, "group")
		g := &tui.Group{Spec: model.DeploymentGroup{Name: name, JobID: ids[0], HostSelectors: []model.HostSelector{{Label: text.Draw(t, "label"), Operator: model.SelectorIn, Operands: names}}}}
		if rapid.Bool().Draw(t, "rolled") {
			g.Rollout, g.Past = anyRollout(), []*tui.Rollout{anyRollout()}
		}
		f.store.SetGroup(g)
	}
	f.preview = model.RolloutPreview{Hosts: []model.RolloutVisit{
		{Host: names[0], Deploy: ids, Canary: true}, {Host: text.Draw(t, "visit"), Skipped: text.Draw(t, "skipped")}, {Host: "x", Failure: text.Draw(t, "failure")},
	}}
	f.refuse[names[0]] = model.Errorf(model.CodeUnavailable, "%s", text.Draw(t, "refusal"))
	return f
}

// ways lead to every screen and dialog. A group's N comes last: its form stays open.
var ways = [][]string{
	nil, {"2"}, {"2", "enter"}, {"2", "enter", "tab"}, {"2", "V", "U", "enter"}, {"2", "V", "D", "enter", "ctrl+t"}, {"2", "X", "enter"}, {"2", "R", "enter"},
	{"2", "V", "W"}, {"2", "W", "ctrl+t"}, {"2", "E"}, {"2", "y"}, {"2", "l", "enter"}, {"3"}, {"3", "enter"}, {"3", "enter", "tab"}, {"3", "enter", "left", "["},
	{"3", "V", "U"}, {"3", "V", "X", "ctrl+t"}, {"3", "D"}, {"3", "D", "space", "enter"}, {"3", "N"}, {"3", "N", "enter"}, {"3", "N", "down", "enter", "ctrl+s"},
	{"3", "N", "enter", "pgdown", "pgdown", "pgdown", "ctrl+s"}, {"3", "V", "E"}, {"3", "E", "ctrl+t"}, {"3", "y"}, {"3", "y", "tab", "f"}, {"4"}, {"4", "enter"},
	{"4", "enter", "tab"}, {"4", "O", "enter"}, {"4", "O", "enter", "ctrl+t"}, {"4", "O", "enter", "ctrl+s"}, {"4", "V", "O", "enter", "ctrl+s"},
	{"4", "O", "enter", "ctrl+s", "ctrl+t"}, {"4", "K"}, {"4", "P"}, {"4", "B"}, {"4", "B", "ctrl+t"}, {"4", "E"}, {"4", "V", "E", "ctrl+t"}, {"4", "y"},
	{"4", "N"}, {"4", "N", "x", "tab", "a=b", "ctrl+s"}, {"5"}, {"5", "up", "enter"}, {"7"}, {":", "w"}, {"2", "?"}, {"2", "s"},
}

var sgr = regexp.MustCompile(`\x1b\[[0-9;]*m`)

// Whatever a cluster is like and however large the screen, a frame fills it exactly, and nothing of the cluster gets to the terminal as
// a control sequence.
func TestNothingBreaksTheScreen(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		f := anyCluster(t)
		o := options(f)
		o.ASCII = rapid.Bool().Draw(t, "ascii")
		w, h := rapid.IntRange(20, 220).Draw(t, "w"), rapid.IntRange(5, 70).Draw(t, "h")
		way := rapid.SampledFrom(ways).Draw(t, "keys")
		s := stage(o, w, h, way)
		if typed := nasty().Draw(t, "typed"); rapid.Bool().Draw(t, "types") {
			s.Paste(typed)
		}
		frame := s.Frame()
		lines := strings.Split(frame, "\n")
		if len(lines) != h {
			t.Fatalf("keys %q: %d lines, want %d", way, len(lines), h)
		}
		for y, line := range lines {
			if got := ansi.StringWidth(line); got != w {
				t.Fatalf("keys %q: line %d is %d wide, want %d: %q", way, y, got, w, line)
			}
			for _, r := range sgr.ReplaceAllString(line, "") {
				if unicode.IsControl(r) || unicode.Is(unicode.Cf, r) {
					t.Fatalf("keys %q: line %d has the control character %U: %q", way, y, r, line)
				}
			}
		}
		if strings.Contains(frame, "secret") {
			t.Fatalf("keys %q: a token is on the screen", way)
		}
	})
}

// Every dialog says at every size how to leave it and what would be done.
func TestDialogsShowTheirButtonsAtEverySize(t *testing.T) {
	f := newFixed()
	long := strings.Repeat("very-long-name-", 13)
	for i := range 60 {
		f.host(fmt.Sprintf("%s%02d", long, i), model.Up)
		f.task(fmt.Sprintf("%s%02d", long, i), id(long), model.StateRunning)
	}
	f.store.SetJob(&model.Job{ID: id(long), Image: "web:1", Token: "secret"})
	for _, size := range [][2]int{{60, 16}, {80, 24}, {100, 20}, {120, 36}, {200, 60}} {
		frame := stage(options(f), size[0], size[1], []string{"3", "U"}).Plain()
		for _, want := range []string{"Cancel  esc", "Undeploy", "Type the number of targets", "Token of the job", "same as"} {
			if !strings.Contains(frame, want) {
				t.Errorf("at %d×%d there is no %q:\n%s", size[0], size[1], want, frame)
			}
		}
	}
}
