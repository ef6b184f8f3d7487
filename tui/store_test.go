package tui_test

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"
	"unsafe"

	"github.com/heliosctl/heliosctl/model"
	"github.com/heliosctl/heliosctl/tui"
)

// describe says everything of a snapshot that a page could show.
func describe(s *tui.Snapshot) string {
	text := fmt.Sprintln(s.Up, s.Down, s.Tasks, len(s.Events))
	for _, h := range s.Hosts {
		text += fmt.Sprintln(h.Name, h.Status, h.Counts, h.Load)
		for _, t := range h.Tasks {
			text += fmt.Sprintln(" ", *t)
		}
	}
	for _, j := range s.Jobs {
		text += fmt.Sprintln(j.Spec.ID, j.Counts)
		for _, t := range j.Tasks {
			text += fmt.Sprintln(" ", *t)
		}
	}
	return text
}

// Whatever happens later, a snapshot stays what it was, and its counts are those of its tasks.
// What happened is said in words, without the marks that the feed draws beside them.
func TestEventsInWords(t *testing.T) {
	id, code := web("1"), 1
	status := &model.TaskStatus{State: model.StateExited, ExitCode: &code, Throttled: model.ThrottleImagePullFailed}
	for _, test := range []struct {
		event          model.Event
		change, detail string
	}{
		{model.Event{Type: model.EventHostDown, Host: "a1"}, "host down", "host went DOWN"},
		{model.Event{Type: model.EventJobCreated, JobID: &id, User: "ann"}, "job created", "job created by ann"},
		{model.Event{Type: model.EventJobRemoved, JobID: &id, Reason: model.ReasonExpired}, "job removed", "job removed, expired"},
		{model.Event{Type: model.EventTaskStatus, Host: "a1", JobID: &id, Status: status}, "EXITED", "exit 1, IMAGE_PULL_FAILED"},
		{
			model.Event{Type: model.EventRolloutFinished, Group: "front", State: model.RolloutFailed, Message: "a2: it exits"},
			"rollout finished", "group front FAILED a2: it exits",
		},
		{model.Event{Type: "moon.full"}, "moon full", "moon full"}, // of a later version
	} {
		event := tui.EventOf(test.event)
		if change, detail := event.Words(); change != test.change || detail != test.detail {
			t.Errorf("%s: %q, %q", test.event.Type, change, detail)
		}
	}
}

func TestSnapshotsDoNotChange(t *testing.T) {
	random := rand.New(rand.NewPCG(1, 2))
	store := tui.NewStore(tui.Cluster{Name: "test"}, func() time.Time { return now })
	states := []model.State{model.StateRunning, model.StateFailed, model.StateUnknown, model.StateStopped, ""}
	pick := func(prefix string, n int) string { return fmt.Sprint(prefix, random.IntN(n)) }
	var kept []*tui.Snapshot
	var printed []string
	for range 3000 {
		host, job := pick("h", 12), id(pick("j", 8))
		switch random.IntN(12) {
		case 0:
			store.RemoveHost(host)
		case 1:
			store.RemoveJob(job)
		case 2:
			store.RemoveTask(host, job)
		case 3:
			store.SetHost(tui.Host{Name: host, Status: model.Up})
		case 4:
			store.SetStatus(host, model.Down, now)
		case 5:
			store.SetGauges(host, random.Float64(), 1, now)
		case 6:
			store.AddEvent(tui.Event{At: now, Host: host, Job: job})
		default:
			store.SetTask(&tui.Task{Host: host, Job: job, Goal: model.GoalStart, State: states[random.IntN(len(states))], Restarts: random.IntN(9)})
		}
		if random.IntN(10) == 0 {
			kept = append(kept, store.Snapshot())
			printed = append(printed, describe(kept[len(kept)-1]))
		}
	}
	for i, s := range kept {
		if describe(s) != printed[i] {
			t.Fatalf("snapshot %d has changed", i)
		}
		checkCounts(t, s)
	}
}

func checkCounts(t *testing.T, s *tui.Snapshot) {
	t.Helper()
	total, problems, byJob := 0, 0, 0
	for _, h := range s.Hosts {
		if h.Counts.Total() != len(h.Tasks) {
			t.Fatalf("host %s has %d tasks and counts %d", h.Name, len(h.Tasks), h.Counts.Total())
		}
		total += len(h.Tasks)
		for _, task := range h.Tasks {
			if task.Problem() {
				problems++
			}
			if j := s.Job(task.Job); j == nil {
				t.Fatalf("job %s is not known", task.Job)
			}
		}
		if s.Host(h.Name) != h {
			t.Fatalf("host %s cannot be found", h.Name)
		}
	}
	for _, j := range s.Jobs {
		byJob += len(j.Tasks)
	}
	if s.Tasks.Total() != total || byJob != total || s.Tasks.Problems() != problems {
		t.Fatalf("%d tasks by host, %d by job, %d counted; %d problems, %d counted", total, byJob, s.Tasks.Total(), problems, s.Tasks.Problems())
	}
}

func TestApplyFollowsTheEventsOfMasters(t *testing.T) {
	f := newFixed()
	f.host("a1", model.Up)
	job := id("web")
	at := model.TimestampOf(now)
	apply := func(e model.Event) bool { e.Time = at; return f.store.Apply(e) }
	f.store.SetJob(&model.Job{ID: job, Image: "web:1"})
	apply(model.Event{Type: model.EventDeploymentCreated, Host: "a1", JobID: &job, User: "me", Deployment: &model.Deployment{JobID: job, Goal: model.GoalStart, DeploymentGroupName: "g"}})
	apply(model.Event{Type: model.EventTaskStatus, Host: "a1", JobID: &job, Status: &model.TaskStatus{State: model.StatePullingImage, Goal: model.GoalStart}})
	apply(model.Event{Type: model.EventTaskStatus, Host: "a1", JobID: &job, Status: &model.TaskStatus{State: model.StateRunning, Goal: model.GoalStart}})
	s := f.Snapshot()
	task := s.Host("a1").Task(job)
	if task == nil || task.State != model.StateRunning || task.Group != "g" || task.Goal != model.GoalStart || !task.Since.Equal(now.Truncate(time.Millisecond)) {
		t.Fatalf("the task is %+v", task)
	}
	if last := s.Events[len(s.Events)-1]; last.From != model.StatePullingImage || last.To != model.StateRunning {
		t.Errorf("the feed says %+v", last)
	}
	apply(model.Event{Type: model.EventDeploymentRemoved, Host: "a1", JobID: &job})
	if task := f.Snapshot().Host("a1").Task(job); task == nil || task.Goal != model.GoalUndeploy {
		t.Errorf("while its agent has not taken it down, the task is %+v", task)
	}
	apply(model.Event{Type: model.EventTaskRemoved, Host: "a1", JobID: &job})
	if task := f.Snapshot().Host("a1").Task(job); task != nil {
		t.Errorf("after it is gone, the task is %+v", task)
	}
	apply(model.Event{Type: model.EventHostDown, Host: "a1"})
	if h := f.Snapshot().Host("a1"); h.Status != model.Down {
		t.Errorf("the host is %s", h.Status)
	}
	if apply(model.Event{Type: model.EventReset}) {
		t.Error("a reset counts as applied; everything has to be read again")
	}
	if apply(model.Event{Type: model.EventJobCreated, JobID: &job}) {
		t.Error("a new job counts as applied; its definition has to be read")
	}
}

// The feed keeps tens of thousands of lines. They name hosts and jobs with the words that the store has anyway, not with those of each
// event.
func TestTheFeedSharesNamesWithTheStore(t *testing.T) {
	f := crowd(1)
	task := f.Snapshot().Hosts[0].Tasks[0]
	job := model.JobID{Name: strings.Clone(task.Job.Name), Version: strings.Clone(task.Job.Version), Hash: strings.Clone(task.Job.Hash)}
	f.store.Apply(model.Event{
		Index: 1, Type: model.EventTaskStatus, Time: model.TimestampOf(now), Host: strings.Clone(task.Host), JobID: &job,
		Status: &model.TaskStatus{State: model.StateStopping, Goal: model.GoalStart},
	})
	line := f.Snapshot().Events[0]
	for what, words := range map[string][2]string{
		"host": {line.Host, task.Host}, "job": {line.Job.Name, task.Job.Name}, "version": {line.Job.Version, task.Job.Version}, "hash": {line.Job.Hash, task.Job.Hash},
	} {
		if words[0] != words[1] || unsafe.StringData(words[0]) != unsafe.StringData(words[1]) {
			t.Errorf("the feed has a %s %q of its own beside %q", what, words[0], words[1])
		}
	}
}

// The feed says what has become of a host in a rollout, not only that something has.
func TestEventsTellThePhaseOfAHostInARollout(t *testing.T) {
	f := cluster()
	to := web("2")
	for i, e := range []struct {
		host, message string
		phase         model.RolloutPhase
		words, detail string
	}{
		{"a1", "", model.PhaseUndeploying, "▶ undeploying", "rollout front: undeploying"},
		{"a1", "", model.PhaseAwaiting, "▶ awaits run", "rollout front: awaiting"},
		{"a1", "", model.PhaseMinHealthy, "▶ runs, waits", "rollout front: min healthy"},
		{"a1", "", model.PhaseDone, "✓ rolled out", "rollout front: done"},
		{"a2", "it exits", model.PhaseFailed, "✗ roll failed", "rollout front: it exits"},
		{"a3", "the host is down", model.PhaseSkipped, "▽ skipped", "rollout front: skipped, the host is down"},
		{"down1", "", model.PhaseStopped, "■ stopped", "rollout front: stopped"},
		{"down1", "", "ANOTHER", "rollout host", "rollout front: another"},
	} {
		known := f.store.Apply(model.Event{
			Index: uint64(i + 1), Type: model.EventRolloutHost, Time: model.TimestampOf(now), Host: e.host, JobID: &to,
			Group: "front", Rollout: 1, State: model.RolloutRunning, Phase: e.phase, Message: e.message,
		})
		if known {
			t.Errorf("%s is taken for applied: the rollout has to be read", e.phase)
		}
		events := strings.Split(strings.TrimSpace(stage(options(f), 120, 36, []string{"5"}).Plain()), "\n")
		if !slices.ContainsFunc(events, func(line string) bool {
			return strings.Contains(line, e.host) && strings.Contains(line, e.words) && strings.Contains(line, e.detail)
		}) {
			t.Errorf("no line tells of %s on %s:\n%s", e.phase, e.host, strings.Join(events, "\n"))
		}
	}
	if frame := stage(options(f), 120, 36, []string{"5", "!"}).Plain(); !strings.Contains(frame, "✗ roll failed") || strings.Contains(frame, "✓ rolled out") {
		t.Errorf("the problems are not those that failed:\n%s", frame)
	}
}

// What an agent says of a container that has ended is said once.
func TestATaskTellsItsExitCodeOnce(t *testing.T) {
	code := 3
	for why, want := range map[string]string{"exit code 3": "exit 3, restart #2", "out of memory": "exit 3, out of memory, restart #2"} {
		task := &tui.Task{State: model.StateExited, ExitCode: &code, Error: why, Restarts: 2}
		if got := task.Describe(); got != want {
			t.Errorf("a task with %q is described as %q, want %q", why, got, want)
		}
	}
}
