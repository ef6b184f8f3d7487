package container

import (
	"context"
	"maps"
	"slices"
	"time"

	"github.com/heliosctl/heliosctl/model"
)

// SimExec answers a command that is run in a simulated container.
type SimExec func(ctx context.Context, spec Spec, command []string) (exitCode int, err error)

// simScript is everything that was told to a Sim. It is guarded by the Sim's lock.
type simScript struct {
	delays      map[string]time.Duration
	pullErrors  map[string]error
	missing     map[string]bool
	progress    map[string][]PullProgress
	behaviour   func(Spec) SimBehaviour
	exec        SimExec
	attached    SimAttached
	unavailable bool
	hangStops   bool
}

func newSimScript() simScript {
	return simScript{
		delays:     map[string]time.Duration{},
		pullErrors: map[string]error{},
		missing:    map[string]bool{},
		progress:   map[string][]PullProgress{},
	}
}

// SetDelay makes every call of one kind take so long: "pull", "image", "create", "start", "stop", "kill", "remove", "inspect",
// "list", "exec", "events", "logs" or "info". A delayed call ends early with its context.
func (s *Sim) SetDelay(call string, delay time.Duration) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.script.delays[call] = delay
}

// SetBehaviour decides what containers created from now on do. Behave is called with a lock held and must not call the Sim.
func (s *Sim) SetBehaviour(behave func(Spec) SimBehaviour) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.script.behaviour = behave
}

// SetExec decides what Exec answers from now on; nil: 0.
func (s *Sim) SetExec(exec SimExec) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.script.exec = exec
}

// SetAttached decides what ExecAttached does from now on; nil: it echoes.
func (s *Sim) SetAttached(attached SimAttached) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.script.attached = attached
}

// FailPull makes pulls of an image fail with err (such as ErrPullTimeout) until it is called with nil. A copy that is present stays.
func (s *Sim) FailPull(image string, err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.script.pullErrors[image] = err
}

// SlowPull makes pulls of an image tell these steps, each for a tenth of a second.
func (s *Sim) SlowPull(image string, steps ...PullProgress) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.script.progress[image] = steps
}

// MissImage takes an image away, here and from the registry.
func (s *Sim) MissImage(image string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.script.missing[image] = true
	delete(s.images, image)
}

// AddImage makes an image present and puts it into the registry.
func (s *Sim) AddImage(image string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.script.missing, image)
	s.images[image] = true
}

// SetUnavailable takes the engine away, or brings it back. Containers go on meanwhile; what happens to them makes no events.
func (s *Sim) SetUnavailable(unavailable bool) {
	s.mu.Lock()
	s.script.unavailable = unavailable
	s.mu.Unlock()
	if unavailable {
		s.hub.endAll(simUnavailable())
	}
}

// HangStops makes stops that begin from now on wait for their context, without a TERM or a KILL.
func (s *Sim) HangStops(hang bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.script.hangStops = hang
}

// Exit ends a running container with a code, as if its process had. It reports whether there was one.
func (s *Sim) Exit(idOrName string, code int) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	c := s.find(idOrName)
	if c == nil || !c.state.Running {
		return false
	}
	s.end(c, code)
	return true
}

// OOM ends a running container as the kernel does when it takes too much memory: code 137 and State.OOMKilled. It reports whether
// there was one.
func (s *Sim) OOM(idOrName string) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	c := s.find(idOrName)
	if c == nil || !c.state.Running {
		return false
	}
	c.state.OOMKilled = true
	s.publish(c, EventOOM)
	s.end(c, 137)
	return true
}

// Vanish removes a container, running or not, as somebody with "docker rm --force" does. It reports whether there was one.
func (s *Sim) Vanish(idOrName string) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	c := s.find(idOrName)
	if c == nil {
		return false
	}
	s.end(c, 137)
	delete(s.containers, c.state.ID)
	s.publish(c, EventDestroy)
	return true
}

// Print adds lines to a container's output. It reports whether there was such a container.
func (s *Sim) Print(idOrName string, lines ...string) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	c := s.find(idOrName)
	if c == nil {
		return false
	}
	c.print(model.Stdout, lines)
	return true
}

// AddForeign puts in a running container that is not ours, with exactly these labels, and returns its id.
func (s *Sim) AddForeign(name, image string, labels map[string]string) string {
	s.mu.Lock()
	defer s.mu.Unlock()
	c := s.add(Spec{Name: name, Image: image}, maps.Clone(labels))
	_, ours := labels[LabelAgent]
	c.foreign = !ours
	s.run(c)
	return c.state.ID
}

// Containers returns everything there is, foreign ones too, oldest first. It works while the engine is unavailable.
func (s *Sim) Containers() []State {
	s.mu.Lock()
	defer s.mu.Unlock()
	all := slices.SortedFunc(maps.Values(s.containers), func(a, b *simContainer) int { return a.order - b.order })
	states := make([]State, 0, len(all))
	for _, c := range all {
		states = append(states, c.snapshot())
	}
	return states
}

// Calls returns how often a kind of call (see SetDelay) was made, failed ones too.
func (s *Sim) Calls(call string) int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.calls[call]
}
