package container

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"iter"
	"maps"
	"slices"
	"sync"
	"time"

	"github.com/heliosctl/heliosctl/model"
)

// Sim is a runtime in memory. Containers do nothing but follow a SimBehaviour, and tests and demos make things go wrong with the
// methods in sim_script.go. Containers live as long as the Sim: handing the same one to a new agent is an agent restart. Delays and
// lifetimes are those of package time, so that testing/synctest drives them. Safe for concurrent use.
type Sim struct {
	hub hub

	mu         sync.Mutex
	containers map[string]*simContainer // by id
	images     map[string]bool
	script     simScript
	calls      map[string]int
	created    int           // counts containers: pids and the order of Containers
	closing    chan struct{} // closed and replaced by Close
}

// SimBehaviour is what a simulated container does once started. The zero value runs until it is stopped and ends with code 0 on TERM.
type SimBehaviour struct {
	Runs         time.Duration // 0: until it is stopped
	ExitCode     int           // after Runs
	IgnoreTerm   bool          // only KILL ends it, with code 137
	TermExitCode int           // the code it ends with on TERM
	StartError   string        // not empty: it cannot be started, and why
	Output       []string      // lines it prints at its start
	ErrorOutput  []string      // lines it prints to its error output after these
}

type simContainer struct {
	order     int
	state     State
	foreign   bool
	behaviour SimBehaviour
	spec      Spec
	lines     []LogLine
	changed   chan struct{} // closed and replaced at each new line, start and end
	ended     chan struct{} // closed when a run ends; replaced by a start
	life      *time.Timer   // ends it by itself; nil without
}

// NewSim makes an empty simulated engine.
func NewSim() *Sim {
	return &Sim{
		containers: map[string]*simContainer{},
		images:     map[string]bool{},
		calls:      map[string]int{},
		closing:    make(chan struct{}),
		script:     newSimScript(),
	}
}

// Name returns "sim".
func (s *Sim) Name() string { return "sim" }

// Close ends Events, followed Logs and attached commands. Containers stay as they are, and the other methods go on working, for the next agent.
func (s *Sim) Close() error {
	s.mu.Lock()
	closing := s.closing
	s.closing = make(chan struct{})
	s.mu.Unlock()
	close(closing)
	s.hub.endAll(fail(ErrUnavailable, nil, "the simulated engine was closed"))
	return nil
}

// enter is the first thing every call does: it counts the call, takes its time, and fails while the engine is away.
func (s *Sim) enter(ctx context.Context, call string) error {
	s.mu.Lock()
	s.calls[call]++
	delay := s.script.delays[call]
	s.mu.Unlock()
	if delay > 0 {
		timer := time.NewTimer(delay)
		defer timer.Stop()
		select {
		case <-timer.C:
		case <-ctx.Done():
		}
	}
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.script.unavailable {
		return simUnavailable()
	}
	return nil
}

func simUnavailable() error {
	return fail(ErrUnavailable, nil, "no simulated engine answers: it was made unavailable")
}

// Info says "sim", or ErrUnavailable.
func (s *Sim) Info(ctx context.Context) (Info, error) {
	info := Info{Runtime: s.Name(), Version: "1", Endpoint: "sim:", Address: "localhost"}
	return info, s.enter(ctx, "info")
}

// Pull makes any image present, unless FailPull or MissImage says otherwise.
func (s *Sim) Pull(ctx context.Context, image string) error {
	if err := s.enter(ctx, "pull"); err != nil {
		return err
	}
	if err := s.pullSlowly(ctx, image); err != nil {
		return err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if err := s.script.pullErrors[image]; err != nil {
		return err
	}
	if s.script.missing[image] {
		return fail(ErrImageNotFound, nil, "pull image %s: the registry does not have it", image)
	}
	s.images[image] = true
	return nil
}

// pullSlowly takes the time and tells the progress that SlowPull has set.
func (s *Sim) pullSlowly(ctx context.Context, image string) error {
	s.mu.Lock()
	steps := s.script.progress[image]
	s.mu.Unlock()
	tell := pullProgressOf(ctx)
	for _, step := range steps {
		tell(step)
		timer := time.NewTimer(100 * time.Millisecond)
		select {
		case <-timer.C:
		case <-ctx.Done():
			timer.Stop()
			return context.Cause(ctx)
		}
	}
	return nil
}

// Image returns an image that was pulled or added.
func (s *Sim) Image(ctx context.Context, image string) (Image, error) {
	if err := s.enter(ctx, "image"); err != nil {
		return Image{}, err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if !s.images[image] {
		return Image{}, imageNotFound(image, nil)
	}
	return Image{ID: image, Tags: []string{image}}, nil
}

// Create remembers a container.
func (s *Sim) Create(ctx context.Context, spec Spec) (string, error) {
	if err := spec.check(); err != nil {
		return "", err
	}
	if err := s.enter(ctx, "create"); err != nil {
		return "", err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if !s.images[spec.Image] {
		return "", imageNotFound(spec.Image, nil)
	}
	if s.find(spec.Name) != nil {
		return "", fail(ErrNameInUse, nil, "the container name %s is in use", spec.Name)
	}
	c := s.add(spec, spec.allLabels())
	if s.script.behaviour != nil {
		c.behaviour = s.script.behaviour(spec)
	}
	s.publish(c, EventCreate)
	return c.state.ID, nil
}

// add puts a container in. The lock is held.
func (s *Sim) add(spec Spec, labels map[string]string) *simContainer {
	s.created++
	c := &simContainer{
		order:   s.created,
		spec:    spec,
		changed: make(chan struct{}),
		ended:   make(chan struct{}),
		state: State{
			ID: newID(), Name: spec.Name, Image: spec.Image, Labels: labels,
			Status: StatusCreated, CreatedAt: time.Now(),
		},
	}
	s.containers[c.state.ID] = c
	return c
}

// newID returns 64 hexadecimal digits, as Docker's ids are.
func newID() string {
	var id [32]byte
	_, _ = rand.Read(id[:]) // never fails
	return hex.EncodeToString(id[:])
}

// Start starts a container; a running one is left alone.
func (s *Sim) Start(ctx context.Context, id string) error {
	if err := s.enter(ctx, "start"); err != nil {
		return err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	c := s.find(id)
	switch {
	case c == nil:
		return notFound(id, nil)
	case c.state.Running:
		return nil
	case c.behaviour.StartError != "":
		c.state.Error, c.state.ExitCode = c.behaviour.StartError, 127
		return invalid("start container %s: %s", c.state.Name, c.behaviour.StartError)
	}
	s.run(c)
	return nil
}

// run makes a container run. The lock is held.
func (s *Sim) run(c *simContainer) {
	select {
	case <-c.ended:
		c.ended = make(chan struct{})
	default:
	}
	c.state.Status, c.state.Running, c.state.Pid = StatusRunning, true, c.order
	c.state.ExitCode, c.state.OOMKilled, c.state.Error = 0, false, ""
	c.state.StartedAt, c.state.FinishedAt = time.Now(), time.Time{}
	c.print(model.Stdout, c.behaviour.Output)
	c.print(model.Stderr, c.behaviour.ErrorOutput)
	s.publish(c, EventStart)
	if c.behaviour.Runs > 0 {
		run := c.ended
		c.life = time.AfterFunc(c.behaviour.Runs, func() {
			s.mu.Lock()
			defer s.mu.Unlock()
			if c.ended == run {
				s.end(c, c.behaviour.ExitCode)
			}
		})
	}
}

// print adds lines to the output. The lock is held.
func (c *simContainer) print(stream model.OutputStream, lines []string) {
	for _, line := range lines {
		c.lines = append(c.lines, LogLine{Time: time.Now(), Stream: stream, Text: line})
	}
	c.wake()
}

// wake tells followers of the log. The lock is held.
func (c *simContainer) wake() {
	close(c.changed)
	c.changed = make(chan struct{})
}

// end makes a running container exit. The lock is held.
func (s *Sim) end(c *simContainer, code int) {
	if !c.state.Running {
		return
	}
	if c.life != nil {
		c.life.Stop()
		c.life = nil
	}
	c.state.Status, c.state.Running, c.state.Paused, c.state.Pid = StatusExited, false, false, 0
	c.state.ExitCode, c.state.FinishedAt = code, time.Now()
	close(c.ended)
	c.wake()
	s.publish(c, EventDie)
}

// publish tells subscribers, unless the container is foreign. The lock is held.
func (s *Sim) publish(c *simContainer, action Action) {
	if c.foreign || s.script.unavailable {
		return
	}
	event := Event{Action: action, ID: c.state.ID, Name: c.state.Name, Labels: maps.Clone(c.state.Labels), Time: time.Now()}
	if action == EventDie {
		event.ExitCode = c.state.ExitCode
	}
	s.hub.publish(event)
}

// find looks a container up by id or name. The lock is held.
func (s *Sim) find(idOrName string) *simContainer {
	if c, ok := s.containers[idOrName]; ok {
		return c
	}
	for _, c := range s.containers {
		if c.state.Name == idOrName {
			return c
		}
	}
	return nil
}

// Inspect returns any container, foreign ones too.
func (s *Sim) Inspect(ctx context.Context, idOrName string) (State, error) {
	if err := s.enter(ctx, "inspect"); err != nil {
		return State{}, err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	c := s.find(idOrName)
	if c == nil {
		return State{}, notFound(idOrName, nil)
	}
	return c.snapshot(), nil
}

func (c *simContainer) snapshot() State {
	state := c.state
	state.Labels = maps.Clone(state.Labels)
	return state
}

// Stop ends a container as its behaviour says. While stops hang (HangStops) it returns only with ctx or when the container ends.
func (s *Sim) Stop(ctx context.Context, idOrName string, timeout time.Duration) error {
	if err := s.enter(ctx, "stop"); err != nil {
		return err
	}
	s.mu.Lock()
	c := s.find(idOrName)
	if c == nil || !c.state.Running {
		s.mu.Unlock()
		return nil
	}
	ended := c.ended
	hangs := s.script.hangStops
	if !hangs && !c.behaviour.IgnoreTerm {
		s.end(c, c.behaviour.TermExitCode)
	}
	s.mu.Unlock()

	var killAt <-chan time.Time
	if !hangs {
		timer := time.NewTimer(max(timeout, 0))
		defer timer.Stop()
		killAt = timer.C
	}
	select {
	case <-ended:
		return nil
	case <-ctx.Done():
		return context.Cause(ctx)
	case <-killAt:
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if c.ended == ended {
		s.end(c, 137)
	}
	return nil
}

// Kill ends a container with code 137.
func (s *Sim) Kill(ctx context.Context, idOrName string) error {
	if err := s.enter(ctx, "kill"); err != nil {
		return err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if c := s.find(idOrName); c != nil {
		s.end(c, 137)
	}
	return nil
}

// Remove forgets a stopped container.
func (s *Sim) Remove(ctx context.Context, idOrName string) error {
	if err := s.enter(ctx, "remove"); err != nil {
		return err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	c := s.find(idOrName)
	switch {
	case c == nil:
		return nil
	case c.state.Running:
		return fail(ErrRunning, nil, "container %s is running: stop it before it is removed", idOrName)
	}
	delete(s.containers, c.state.ID)
	s.publish(c, EventDestroy)
	return nil
}

// List returns the containers of the agent, oldest first.
func (s *Sim) List(ctx context.Context, agentID string) ([]State, error) {
	if agentID == "" {
		return nil, invalid("list containers: the agent id is empty")
	}
	if err := s.enter(ctx, "list"); err != nil {
		return nil, err
	}
	return slices.DeleteFunc(s.Containers(), func(state State) bool { return state.AgentID() != agentID }), nil
}

// Events yields what happens to containers of ours. It ends with ErrUnavailable when the engine is made unavailable or closed.
func (s *Sim) Events(ctx context.Context) iter.Seq2[Event, error] {
	return func(yield func(Event, error) bool) {
		if err := s.enter(ctx, "events"); err != nil {
			yield(Event{}, err)
			return
		}
		s.hub.events(ctx)(yield)
	}
}
