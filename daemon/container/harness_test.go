package container_test

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"os"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/heliosctl/heliosctl/daemon/container"
	"github.com/heliosctl/heliosctl/daemon/container/containertest"
	"github.com/heliosctl/heliosctl/model"
)

// engine is the shape that the agent relies on.
type engine interface {
	Name() string
	Info(ctx context.Context) (container.Info, error)
	Pull(ctx context.Context, image string) error
	Image(ctx context.Context, image string) (container.Image, error)
	Create(ctx context.Context, spec container.Spec) (string, error)
	Start(ctx context.Context, id string) error
	Inspect(ctx context.Context, idOrName string) (container.State, error)
	Stop(ctx context.Context, idOrName string, timeout time.Duration) error
	Kill(ctx context.Context, idOrName string) error
	Remove(ctx context.Context, idOrName string) error
	List(ctx context.Context, agentID string) ([]container.State, error)
	Logs(ctx context.Context, id string, options container.LogOptions) iter.Seq2[container.LogLine, error]
	Exec(ctx context.Context, id string, command []string) (int, error)
	ExecAttached(ctx context.Context, id string, options container.ExecOptions) (int, error)
	Events(ctx context.Context) iter.Seq2[container.Event, error]
	Close() error
}

// workload is something to run: as a shell script where there is a shell, and as a behaviour in the simulation.
type workload struct {
	name   string
	script string
	sim    container.SimBehaviour
}

var (
	polite = workload{
		"polite", `trap 'exit 7' TERM; echo ready; sleep 3600 & wait`,
		container.SimBehaviour{TermExitCode: 7, Output: []string{"ready"}},
	}
	stubborn = workload{
		"stubborn", `trap '' TERM; echo ready; while :; do sleep 1; done`,
		container.SimBehaviour{IgnoreTerm: true, Output: []string{"ready"}},
	}
	talker = workload{
		"talker", `for n in 1 2 3 4 5; do echo line $n; done; exit 0`,
		container.SimBehaviour{Runs: time.Nanosecond, Output: []string{"line 1", "line 2", "line 3", "line 4", "line 5"}},
	}
	grumbler = workload{
		"grumbler", `echo to error output >&2; exit 1`,
		container.SimBehaviour{Runs: time.Nanosecond, ExitCode: 1, ErrorOutput: []string{"to error output"}},
	}
)

func exits(code int) workload {
	return workload{
		fmt.Sprintf("exits-%d", code), fmt.Sprintf("exit %d", code),
		container.SimBehaviour{Runs: time.Nanosecond, ExitCode: code},
	}
}

// bench is a runtime under test, with an agent id and an image of its own.
type bench struct {
	engine
	t     *testing.T
	agent string
	image string
	made  int
}

// runtimes prepares what the benches of one kind share, and returns what makes one.
var runtimes = map[string]func(t *testing.T) func(t *testing.T) *bench{
	"docker": dockerBenches,
	"process": func(*testing.T) func(t *testing.T) *bench {
		return func(t *testing.T) *bench { return processBench(t, t.TempDir()) }
	},
	"sim": func(*testing.T) func(t *testing.T) *bench { return simBench },
}

func dockerBenches(t *testing.T) func(t *testing.T) *bench {
	image := containertest.BusyboxImage(t, containertest.RequireDocker(t))
	return func(t *testing.T) *bench {
		docker := containertest.RequireDocker(t)
		return &bench{engine: docker, t: t, agent: containertest.AgentID(t, docker), image: image}
	}
}

func shimCommand(t testing.TB) []string {
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	return []string{self, argShim}
}

func processBench(t *testing.T, dir string) *bench {
	t.Cleanup(func() { endProcesses(t, dir) })
	return &bench{engine: openProcesses(t, dir), t: t, agent: "agent", image: "unused"}
}

// openProcesses opens a process runtime that is closed at the end of the test.
func openProcesses(t *testing.T, dir string) *container.Process {
	t.Helper()
	process, err := container.NewProcess(container.ProcessConfig{Dir: dir, Shim: shimCommand(t)})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := process.Close(); err != nil {
			t.Errorf("close: %v", err)
		}
	})
	return process
}

// endProcesses kills what still runs in a folder that is closed by now.
func endProcesses(t *testing.T, dir string) {
	process, err := container.NewProcess(container.ProcessConfig{Dir: dir, Shim: shimCommand(t)})
	if err != nil {
		t.Errorf("clean up: %v", err)
		return
	}
	ctx := context.WithoutCancel(t.Context())
	states, err := process.List(ctx, "agent")
	for _, state := range states {
		err = errors.Join(err, process.Kill(ctx, state.ID))
	}
	if err := errors.Join(err, process.Close()); err != nil {
		t.Errorf("clean up: %v", err)
	}
}

func simBench(t *testing.T) *bench {
	sim := container.NewSim()
	sim.AddImage("image")
	sim.SetExec(func(_ context.Context, _ container.Spec, command []string) (int, error) {
		var code int
		if _, err := fmt.Sscanf(strings.Join(command, " "), "sh -c exit %d", &code); err != nil {
			return 0, model.Errorf(model.CodeInvalid, "no such command")
		}
		return code, nil
	})
	return &bench{engine: sim, t: t, agent: "agent", image: "image"}
}

// spec describes a container that runs w.
func (b *bench) spec(w workload) container.Spec {
	b.made++
	return container.Spec{
		Name:    fmt.Sprintf("heliosctl-%s-%s-%d", b.agent, w.name, b.made),
		AgentID: b.agent, Host: "host", JobID: "job:1:hash",
		Image:   b.image,
		Command: []string{"sh", "-c", w.script},
		// Setting up a network takes longer than anything else.
		NetworkMode: "none",
		Labels:      map[string]string{"mine": "yes", container.LabelAgent: "never this one"},
	}
}

// create makes a container that runs w.
func (b *bench) create(w workload) string {
	b.t.Helper()
	if sim, ok := b.engine.(*container.Sim); ok {
		sim.SetBehaviour(func(container.Spec) container.SimBehaviour { return w.sim })
	}
	id, err := b.Create(b.t.Context(), b.spec(w))
	if err != nil {
		b.t.Fatal(err)
	}
	return id
}

// run creates and starts a container, and waits for the word "ready" if it says so.
func (b *bench) run(w workload) string {
	b.t.Helper()
	id := b.create(w)
	if err := b.Start(b.t.Context(), id); err != nil {
		b.t.Fatal(err)
	}
	if !strings.Contains(w.script, "echo ready") {
		return id
	}
	for line, err := range b.Logs(b.t.Context(), id, container.LogOptions{Follow: true}) {
		if err != nil || line.Text != "ready" {
			b.t.Fatalf("first line %+v, %v", line, err)
		}
		return id
	}
	b.t.Fatal("the container ended without a word")
	return id
}

// awaitExit waits for a container to end.
func (b *bench) awaitExit(id string) container.State {
	b.t.Helper()
	ctx, cancel := context.WithTimeout(b.t.Context(), 30*time.Second)
	defer cancel()
	for event, err := range b.Events(ctx) {
		if err != nil {
			b.t.Fatalf("waiting for the end of %s: %v", id, err)
		}
		if event.Action != container.EventSubscribed && event.ID != id {
			continue
		}
		if state := b.inspect(id); state.Exited() {
			return state
		}
	}
	b.t.Fatal("events ended without an error")
	return container.State{}
}

func (b *bench) inspect(id string) container.State {
	b.t.Helper()
	state, err := b.Inspect(b.t.Context(), id)
	if err != nil {
		b.t.Fatal(err)
	}
	return state
}

func (b *bench) lines(id string, options container.LogOptions) []container.LogLine {
	b.t.Helper()
	var lines []container.LogLine
	for line, err := range b.Logs(b.t.Context(), id, options) {
		if err != nil {
			b.t.Fatal(err)
		}
		lines = append(lines, line)
	}
	return lines
}

func (b *bench) output(id string, options container.LogOptions) string {
	b.t.Helper()
	var text strings.Builder
	for _, line := range b.lines(id, options) {
		text.WriteString(line.Text + "\n")
	}
	return text.String()
}

// endOf reads a log to its end and returns what ended it.
func endOf(log iter.Seq2[container.LogLine, error]) (last error) {
	for _, err := range log {
		last = err
	}
	return last
}

// recorder collects the events of one bench's agent.
type recorder struct {
	t      *testing.T
	events chan container.Event
}

// record subscribes, and returns when the subscription stands.
func record(t *testing.T, b *bench) *recorder {
	ctx, cancel := context.WithCancel(t.Context())
	r := &recorder{t: t, events: make(chan container.Event, 1000)}
	standing := make(chan struct{})
	var ended sync.WaitGroup
	ended.Go(func() {
		for event, err := range b.Events(ctx) {
			if err != nil {
				return
			}
			if event.Action == container.EventSubscribed {
				close(standing)
			} else if event.AgentID() != b.agent {
				continue // of a test that runs beside this one
			}
			r.events <- event
		}
	})
	t.Cleanup(func() { cancel(); ended.Wait() })
	<-standing
	return r
}

// until returns the events up to and including one of the action.
func (r *recorder) until(action container.Action) []container.Event {
	r.t.Helper()
	var got []container.Event
	timeout := time.After(30 * time.Second)
	for {
		select {
		case event := <-r.events:
			got = append(got, event)
			if event.Action == action {
				return got
			}
		case <-timeout:
			r.t.Fatalf("no %s event, only %v", action, actions(got))
		}
	}
}

func actions(events []container.Event) []container.Action {
	var actions []container.Action
	for _, event := range events {
		actions = append(actions, event.Action)
	}
	return actions
}
