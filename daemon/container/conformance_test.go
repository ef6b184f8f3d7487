package container_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/heliosctl/heliosctl/daemon/container"
	"github.com/heliosctl/heliosctl/model"
)

// TestConformance holds every runtime to the same behaviour.
func TestConformance(t *testing.T) {
	tests := map[string]func(*testing.T, *bench){
		"container lives through its stages":    conformsContainerLivesThroughItsStages,
		"exit codes are real":                   conformsExitCodesAreReal,
		"stop kills what ignores term":          conformsStopKillsWhatIgnoresTerm,
		"kill ends at once":                     conformsKillEndsAtOnce,
		"stop kill and remove are idempotent":   conformsStopKillAndRemoveAreIdempotent,
		"unknown containers are not found":      conformsUnknownContainersAreNotFound,
		"list gives the agents own":             conformsListGivesTheAgentsOwn,
		"logs":                                  conformsLogs,
		"followed log ends with the container":  conformsFollowedLogEndsWithTheContainer,
		"followed log ends with its context":    conformsFollowedLogEndsWithItsContext,
		"exec":                                  conformsExec,
		"remove refuses a running container":    conformsRemoveRefusesARunningContainer,
		"names are unique":                      conformsNamesAreUnique,
		"create refuses what cannot be tracked": conformsCreateRefusesWhatCannotBeTracked,
		"start that fails says why":             conformsStartThatFailsSaysWhy,
		"container can be started again":        conformsContainerCanBeStartedAgain,
		"calls end with their context":          conformsCallsEndWithTheirContext,
		"close ends what goes on":               conformsCloseEndsWhatGoesOn,
		"attached command":                      conformsAttachedCommand,
		"attached command refused":              conformsAttachedCommandRefused,
		"attached command ends with container":  conformsAttachedCommandEndsWithItsContainer,
		"attached command ends with context":    conformsAttachedCommandEndsWithItsContext,
		"attached command and its output":       conformsAttachedCommandEndsWhenItsOutputIsNotTaken,
		"many at once":                          conformsManyAtOnce,
	}
	for name, newBench := range runtimes {
		t.Run(name, func(t *testing.T) {
			newBench := newBench(t)
			for name, test := range tests {
				t.Run(name, func(t *testing.T) {
					t.Parallel()
					test(t, newBench(t))
				})
			}
		})
	}
}

func conformsContainerLivesThroughItsStages(t *testing.T, b *bench) {
	if _, err := b.Info(t.Context()); err != nil {
		t.Fatal(err)
	}
	if _, err := b.Image(t.Context(), b.image); err != nil {
		t.Fatal(err)
	}
	events := record(t, b)
	id := b.run(polite)

	state := b.inspect(id)
	want := container.State{
		ID: id, Name: state.Name, Image: b.image, Status: container.StatusRunning, Running: true,
		Labels: map[string]string{
			"mine": "yes", container.LabelAgent: b.agent, container.LabelHost: "host", container.LabelJob: "job:1:hash",
		},
	}
	if diff := cmp.Diff(want, steady(state)); diff != "" {
		t.Errorf("running (-want +got):\n%s", diff)
	}
	if state.StartedAt.IsZero() || state.CreatedAt.IsZero() || state.StartedAt.Before(state.CreatedAt) || state.Pid == 0 {
		t.Errorf("running: created %v, started %v, pid %d", state.CreatedAt, state.StartedAt, state.Pid)
	}
	if byName := b.inspect(state.Name); byName.ID != id {
		t.Errorf("inspected by name: id %s, want %s", byName.ID, id)
	}
	if err := b.Start(t.Context(), id); err != nil {
		t.Errorf("start while running: %v", err)
	}

	if err := b.Stop(t.Context(), id, time.Minute); err != nil {
		t.Fatal(err)
	}
	state = b.inspect(id)
	want.Status, want.Running, want.ExitCode = container.StatusExited, false, 7
	if diff := cmp.Diff(want, steady(state)); diff != "" {
		t.Errorf("stopped (-want +got):\n%s", diff)
	}
	if !state.Exited() || state.FinishedAt.Before(state.StartedAt) {
		t.Errorf("stopped: started %v, finished %v", state.StartedAt, state.FinishedAt)
	}

	if err := b.Remove(t.Context(), id); err != nil {
		t.Fatal(err)
	}
	if _, err := b.Inspect(t.Context(), id); !errors.Is(err, container.ErrNotFound) {
		t.Errorf("inspect after remove: %v", err)
	}
	got := events.until(container.EventDestroy)
	wantEvents := []container.Action{
		container.EventSubscribed, container.EventCreate, container.EventStart, container.EventDie, container.EventDestroy,
	}
	if diff := cmp.Diff(wantEvents, actions(got)); diff != "" {
		t.Errorf("events (-want +got):\n%s", diff)
	}
	for _, event := range got[1:] {
		if event.ID != id || event.Name != state.Name || event.AgentID() != b.agent {
			t.Errorf("event %+v is not about %s", event, id)
		}
	}
	if die := got[3]; die.ExitCode != 7 {
		t.Errorf("die event says exit code %d, want 7", die.ExitCode)
	}
}

// steady leaves out what differs from run to run.
func steady(state container.State) container.State {
	state.CreatedAt, state.StartedAt, state.FinishedAt, state.Pid = time.Time{}, time.Time{}, time.Time{}, 0
	state.IPAddress, state.Gateway = "", ""
	return state
}

func conformsExitCodesAreReal(t *testing.T, b *bench) {
	for _, code := range []int{0, 3, 255} {
		state := b.awaitExit(b.run(exits(code)))
		if state.ExitCode != code || state.Running || state.Status != container.StatusExited {
			t.Errorf("exit %d: %+v", code, state)
		}
	}
}

func conformsStopKillsWhatIgnoresTerm(t *testing.T, b *bench) {
	id := b.run(stubborn)
	if err := b.Stop(t.Context(), id, time.Second); err != nil {
		t.Fatal(err)
	}
	state := b.inspect(id)
	if state.ExitCode != 137 || !state.Exited() || state.OOMKilled {
		t.Errorf("state %+v, want exit code 137", state)
	}
	if ran := state.FinishedAt.Sub(state.StartedAt); ran < time.Second {
		t.Errorf("killed after %s, before its second was over", ran)
	}
}

func conformsKillEndsAtOnce(t *testing.T, b *bench) {
	id := b.run(stubborn)
	if err := b.Kill(t.Context(), id); err != nil {
		t.Fatal(err)
	}
	if state := b.awaitExit(id); state.ExitCode != 137 {
		t.Errorf("exit code %d, want 137", state.ExitCode)
	}
}

func conformsStopKillAndRemoveAreIdempotent(t *testing.T, b *bench) {
	id := b.create(polite)
	for _, step := range []struct {
		name string
		do   func() error
	}{
		{"stop one never started", func() error { return b.Stop(t.Context(), id, time.Second) }},
		{"kill one never started", func() error { return b.Kill(t.Context(), id) }},
		{"start", func() error { return b.Start(t.Context(), id) }},
		{"kill", func() error { return b.Kill(t.Context(), id) }},
		{"kill again", func() error { return b.Kill(t.Context(), id) }},
		{"stop a stopped one", func() error { return b.Stop(t.Context(), id, time.Second) }},
		{"remove", func() error { return b.Remove(t.Context(), id) }},
		{"remove again", func() error { return b.Remove(t.Context(), id) }},
		{"stop a removed one", func() error { return b.Stop(t.Context(), id, time.Second) }},
		{"kill a removed one", func() error { return b.Kill(t.Context(), id) }},
	} {
		if err := step.do(); err != nil {
			t.Fatalf("%s: %v", step.name, err)
		}
	}
}

func conformsUnknownContainersAreNotFound(t *testing.T, b *bench) {
	const id = "heliosctl-nobody"
	for name, do := range map[string]func() error{
		"inspect": func() error { _, err := b.Inspect(t.Context(), id); return err },
		"start":   func() error { return b.Start(t.Context(), id) },
		"logs":    func() error { return endOf(b.Logs(t.Context(), id, container.LogOptions{})) },
		"exec":    func() error { _, err := b.Exec(t.Context(), id, []string{"true"}); return err },
	} {
		err := do()
		if !errors.Is(err, container.ErrNotFound) || errors.Is(err, container.ErrImageNotFound) {
			t.Errorf("%s: %v, want ErrNotFound", name, err)
		}
		if code := model.CodeOf(err); code != model.CodeNotFound {
			t.Errorf("%s: code %s", name, code)
		}
	}
}

func conformsListGivesTheAgentsOwn(t *testing.T, b *bench) {
	running, ended, created := b.run(polite), b.run(exits(2)), b.create(polite)
	b.awaitExit(ended)
	foreign := b.spec(polite)
	foreign.AgentID = b.agent + "-other"
	id, err := b.Create(t.Context(), foreign)
	if err != nil {
		t.Fatal(err)
	}
	defer func() {
		if err := b.Remove(t.Context(), id); err != nil {
			t.Error(err)
		}
	}()

	states, err := b.List(t.Context(), b.agent)
	if err != nil {
		t.Fatal(err)
	}
	got := map[string]container.State{}
	for _, state := range states {
		got[state.ID] = state
		if diff := cmp.Diff(b.inspect(state.ID), state); diff != "" {
			t.Errorf("listed is not what inspect says (-inspect +list):\n%s", diff)
		}
	}
	if len(got) != 3 || !got[running].Running || got[ended].ExitCode != 2 || got[created].Status != container.StatusCreated {
		t.Errorf("listed %+v", states)
	}
	if _, err := b.List(t.Context(), ""); model.CodeOf(err) != model.CodeInvalid {
		t.Errorf("list without an agent: %v", err)
	}
}

func conformsLogs(t *testing.T, b *bench) {
	id := b.run(talker)
	state := b.awaitExit(id)
	all := "line 1\nline 2\nline 3\nline 4\nline 5\n"
	for _, test := range []struct {
		name    string
		options container.LogOptions
		want    string
	}{
		{"all", container.LogOptions{}, all},
		{"tail", container.LogOptions{Tail: 2}, "line 4\nline 5\n"},
		{"more than there is", container.LogOptions{Tail: 100}, all},
		{"since the start", container.LogOptions{Since: state.StartedAt.Add(-time.Minute)}, all},
		{"since after the end", container.LogOptions{Since: state.FinishedAt.Add(time.Minute)}, ""},
		{"followed to the end", container.LogOptions{Follow: true}, all},
		{"tail followed", container.LogOptions{Follow: true, Tail: 1}, "line 5\n"},
		{"no tail", container.LogOptions{Tail: container.NoTail}, ""},
		{"no tail followed", container.LogOptions{Follow: true, Tail: container.NoTail}, ""},
	} {
		if diff := cmp.Diff(test.want, b.output(id, test.options)); diff != "" {
			t.Errorf("%s (-want +got):\n%s", test.name, diff)
		}
	}
	for _, line := range b.lines(id, container.LogOptions{}) {
		if line.Stream != model.Stdout || line.Time.Before(state.StartedAt.Add(-time.Second)) || line.Time.After(state.FinishedAt.Add(time.Second)) {
			t.Errorf("%+v of a container that ran from %s to %s", line, state.StartedAt, state.FinishedAt)
		}
	}

	grumbles := b.run(grumbler)
	b.awaitExit(grumbles)
	got := b.lines(grumbles, container.LogOptions{})
	if len(got) != 1 || got[0].Text != "to error output" || got[0].Stream != model.Stderr || got[0].Time.IsZero() {
		t.Errorf("error output: %+v", got)
	}
}

func conformsFollowedLogEndsWithTheContainer(t *testing.T, b *bench) {
	id := b.run(polite)
	got := ""
	for line, err := range b.Logs(t.Context(), id, container.LogOptions{Follow: true}) {
		if err != nil {
			t.Fatal(err)
		}
		got += line.Text
		if err := b.Stop(t.Context(), id, time.Minute); err != nil {
			t.Fatal(err)
		}
	}
	if got != "ready" {
		t.Errorf("log %q", got)
	}
}

func conformsFollowedLogEndsWithItsContext(t *testing.T, b *bench) {
	id := b.run(polite)
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	var lines int
	var end error
	for _, err := range b.Logs(ctx, id, container.LogOptions{Follow: true}) {
		if err != nil {
			end = err
			continue
		}
		lines++
		cancel()
	}
	if lines != 1 || !errors.Is(end, context.Canceled) {
		t.Errorf("%d lines, then %v", lines, end)
	}
}

func conformsExec(t *testing.T, b *bench) {
	id := b.run(polite)
	for _, code := range []int{0, 5} {
		got, err := b.Exec(t.Context(), id, []string{"sh", "-c", fmt.Sprintf("exit %d", code)})
		if err != nil || got != code {
			t.Errorf("exec of exit %d: %d, %v", code, got, err)
		}
	}
	if code, err := b.Exec(t.Context(), id, []string{"no-such-command"}); err == nil && code == 0 {
		t.Error("exec of a missing command went well")
	}
	if _, err := b.Exec(t.Context(), id, nil); model.CodeOf(err) != model.CodeInvalid {
		t.Errorf("exec of nothing: %v", err)
	}
	if err := b.Kill(t.Context(), id); err != nil {
		t.Fatal(err)
	}
	b.awaitExit(id)
	if _, err := b.Exec(t.Context(), id, []string{"sh", "-c", "exit 0"}); !errors.Is(err, container.ErrNotRunning) {
		t.Errorf("exec in a stopped container: %v", err)
	}
}

func conformsRemoveRefusesARunningContainer(t *testing.T, b *bench) {
	id := b.run(polite)
	if err := b.Remove(t.Context(), id); !errors.Is(err, container.ErrRunning) {
		t.Errorf("remove: %v", err)
	}
	if !b.inspect(id).Running {
		t.Error("remove stopped it")
	}
}

func conformsNamesAreUnique(t *testing.T, b *bench) {
	spec := b.spec(polite)
	id, err := b.Create(t.Context(), spec)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := b.Create(t.Context(), spec); !errors.Is(err, container.ErrNameInUse) {
		t.Errorf("second create: %v", err)
	}
	if err := b.Remove(t.Context(), id); err != nil {
		t.Fatal(err)
	}
	if _, err := b.Create(t.Context(), spec); err != nil {
		t.Errorf("create after remove: %v", err)
	}
}

func conformsCreateRefusesWhatCannotBeTracked(t *testing.T, b *bench) {
	for name, change := range map[string]func(*container.Spec){
		"no agent":            func(s *container.Spec) { s.AgentID = "" },
		"no name":             func(s *container.Spec) { s.Name = "" },
		"one letter":          func(s *container.Spec) { s.Name = "a" },
		"slash in the name":   func(s *container.Spec) { s.Name = "a/b" },
		"newline in the name": func(s *container.Spec) { s.Name = "ab\n" },
		"leading dot":         func(s *container.Spec) { s.Name = ".ab" },
		"letter beyond ASCII": func(s *container.Spec) { s.Name = "abü" },
	} {
		spec := b.spec(polite)
		change(&spec)
		if _, err := b.Create(t.Context(), spec); model.CodeOf(err) != model.CodeInvalid {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func conformsStartThatFailsSaysWhy(t *testing.T, b *bench) {
	if sim, ok := b.engine.(*container.Sim); ok {
		sim.SetBehaviour(func(container.Spec) container.SimBehaviour {
			return container.SimBehaviour{StartError: "no-such-command is not there"}
		})
	}
	spec := b.spec(polite)
	spec.Command = []string{"no-such-command"}
	id, err := b.Create(t.Context(), spec)
	if err != nil {
		t.Fatal(err)
	}
	if err := b.Start(t.Context(), id); err == nil || !strings.Contains(err.Error(), "no-such-command") {
		t.Errorf("start: %v", err)
	}
	state := b.inspect(id)
	if state.Running || state.Exited() || state.ExitCode != 127 || !strings.Contains(state.Error, "no-such-command") {
		t.Errorf("state %+v", state)
	}
	if err := b.Remove(t.Context(), id); err != nil {
		t.Errorf("remove: %v", err)
	}
}

func conformsContainerCanBeStartedAgain(t *testing.T, b *bench) {
	id := b.run(polite)
	if err := b.Kill(t.Context(), id); err != nil {
		t.Fatal(err)
	}
	first := b.awaitExit(id)
	if err := b.Start(t.Context(), id); err != nil {
		t.Fatal(err)
	}
	again := b.inspect(id)
	if !again.Running || again.Exited() || !again.StartedAt.After(first.StartedAt) {
		t.Errorf("started again: %+v", again)
	}
	// Whether its trap is set by now is not known, so TERM may or may not do.
	if err := b.Stop(t.Context(), id, time.Second); err != nil {
		t.Fatal(err)
	}
	if state := b.inspect(id); !state.Exited() {
		t.Errorf("stopped again: %+v", state)
	}
}

func conformsCallsEndWithTheirContext(t *testing.T, b *bench) {
	id := b.run(stubborn)
	stopped, cancel := context.WithCancel(t.Context())
	cancel()
	for name, do := range map[string]func() error{
		"inspect": func() error { _, err := b.Inspect(stopped, id); return err },
		"list":    func() error { _, err := b.List(stopped, b.agent); return err },
		"create":  func() error { _, err := b.Create(stopped, b.spec(polite)); return err },
		"stop":    func() error { return b.Stop(stopped, id, time.Minute) },
		"events": func() error {
			for _, err := range b.Events(stopped) {
				if err != nil {
					return err
				}
			}
			return nil
		},
	} {
		if err := do(); !errors.Is(err, context.Canceled) {
			t.Errorf("%s: %v, want the context's error", name, err)
		}
	}
}

func conformsCloseEndsWhatGoesOn(t *testing.T, b *bench) {
	id := b.run(polite)
	logEnd, execEnd := make(chan error, 1), make(chan error, 1)
	reading, running := make(chan struct{}), make(chan struct{})
	go func() {
		for _, err := range b.Logs(t.Context(), id, container.LogOptions{Follow: true}) {
			if err != nil {
				logEnd <- err
				return
			}
			close(reading)
		}
		logEnd <- nil
	}()
	go func() {
		input := make(chan container.ExecInput, 1)
		input <- container.ExecInput{Data: []byte("x")}
		_, err := b.ExecAttached(t.Context(), id, container.ExecOptions{
			Command: []string{"cat"}, Input: input,
			Output: func(model.OutputStream, []byte) error { close(running); return nil },
		})
		execEnd <- err
	}()
	<-reading
	<-running
	for event, err := range b.Events(t.Context()) {
		if event.Action == container.EventSubscribed {
			if err := b.Close(); err != nil {
				t.Fatal(err)
			}
			continue
		}
		if err != nil {
			if !errors.Is(err, container.ErrUnavailable) || model.CodeOf(err) != model.CodeRuntimeUnavailable {
				t.Errorf("events ended with %v", err)
			}
			break
		}
	}
	if err := <-logEnd; !errors.Is(err, container.ErrUnavailable) {
		t.Errorf("the log ended with %v", err)
	}
	if err := <-execEnd; !errors.Is(err, container.ErrUnavailable) {
		t.Errorf("the command ended with %v", err)
	}
	if !b.inspect(id).Running {
		t.Error("close stopped the container")
	}
}

func conformsManyAtOnce(t *testing.T, b *bench) {
	if sim, ok := b.engine.(*container.Sim); ok {
		sim.SetBehaviour(func(container.Spec) container.SimBehaviour { return polite.sim })
	}
	events := record(t, b)
	var specs []container.Spec
	for range 6 {
		specs = append(specs, b.spec(polite))
	}
	var group sync.WaitGroup
	for _, spec := range specs {
		group.Go(func() {
			id, err := b.Create(t.Context(), spec)
			if err == nil {
				err = b.Start(t.Context(), id)
			}
			if err == nil {
				err = b.Kill(t.Context(), id)
			}
			if err == nil {
				err = b.Stop(t.Context(), id, time.Second)
			}
			if err == nil {
				err = b.Remove(t.Context(), id)
			}
			if err != nil {
				t.Errorf("%s: %v", spec.Name, err)
			}
		})
	}
	group.Wait()
	died := map[string]bool{}
	for range specs {
		got := events.until(container.EventDie)
		died[got[len(got)-1].Name] = true
	}
	for _, spec := range specs {
		if !died[spec.Name] {
			t.Errorf("no die event of %s", spec.Name)
		}
	}
	if states, err := b.List(t.Context(), b.agent); err != nil || len(states) > 0 {
		t.Errorf("left: %+v, %v", states, err)
	}
}
