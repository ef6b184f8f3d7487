package agent

import (
	"context"
	"errors"
	"log/slog"
	"sync"

	"github.com/heliosctl/heliosctl/daemon/container"
	"github.com/heliosctl/heliosctl/healthcheck"
	"github.com/heliosctl/heliosctl/model"
)

// engine listens to the container engine: whether it answers, and what happens to each container. Who waits for a container to
// change takes its channel, inspects, and then waits for the channel.
type engine struct {
	runtime Runtime
	log     *slog.Logger

	back broadcast // the engine answers again

	mu      sync.Mutex
	err     error
	waiters map[string]*broadcast // by container id
	users   map[string]int
	starved map[string]bool // watched containers that were killed for their memory
}

var errNoEngineYet = model.Errorf(model.CodeRuntimeUnavailable, "the container engine has not answered yet")

func newEngine(runtime Runtime, log *slog.Logger) *engine {
	return &engine{runtime: runtime, log: log, err: errNoEngineYet, waiters: make(map[string]*broadcast), users: make(map[string]int), starved: make(map[string]bool)}
}

// fault returns nil while the engine answers.
func (e *engine) fault() error {
	e.mu.Lock()
	defer e.mu.Unlock()
	return e.err
}

func (e *engine) run(ctx context.Context) error {
	pause := &healthcheck.Backoff{}
	for ctx.Err() == nil {
		err := e.listen(ctx, pause)
		if ctx.Err() != nil {
			break
		}
		e.lost(err)
		if sleep(ctx, pause.Next(), nil) != nil {
			break
		}
	}
	return ctx.Err()
}

func (e *engine) listen(ctx context.Context, pause *healthcheck.Backoff) error {
	for event, err := range e.runtime.Events(ctx) {
		if err != nil {
			return err
		}
		switch event.Action {
		case container.EventSubscribed:
			pause.Reset()
			e.found()
		case container.EventOOM:
			e.starve(event.ID)
		case container.EventDie, container.EventDestroy:
			e.wake(event.ID)
		}
	}
	return errors.New("the engine's events ended")
}

func (e *engine) found() {
	e.mu.Lock()
	if e.err != nil && e.err != errNoEngineYet {
		e.log.Info("the container engine answers again")
	}
	e.err = nil
	waiters := make([]*broadcast, 0, len(e.waiters))
	for _, waiter := range e.waiters {
		waiters = append(waiters, waiter)
	}
	e.mu.Unlock()
	e.back.wake()
	for _, waiter := range waiters {
		waiter.wake() // events may have been missed
	}
}

func (e *engine) lost(err error) {
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.err == nil || e.err == errNoEngineYet {
		e.log.Error("the container engine does not answer; tasks keep their last state", "error", err)
	}
	e.err = err
}

func (e *engine) wake(id string) {
	e.mu.Lock()
	waiter := e.waiters[id]
	e.mu.Unlock()
	if waiter != nil {
		waiter.wake()
	}
}

// starve notes that a watched container was killed for its memory.
func (e *engine) starve(id string) {
	e.mu.Lock()
	if e.users[id] > 0 {
		e.starved[id] = true
	}
	e.mu.Unlock()
	e.wake(id)
}

// killedForMemory reports whether the engine told so of a container since it is watched.
func (e *engine) killedForMemory(id string) bool {
	e.mu.Lock()
	defer e.mu.Unlock()
	return e.starved[id]
}

// watch returns the waker of a container; stop gives it back.
func (e *engine) watch(id string) (waiter *broadcast, stop func()) {
	e.mu.Lock()
	defer e.mu.Unlock()
	waiter = e.waiters[id]
	if waiter == nil {
		waiter = &broadcast{}
		e.waiters[id] = waiter
	}
	e.users[id]++
	return waiter, func() {
		e.mu.Lock()
		defer e.mu.Unlock()
		if e.users[id]--; e.users[id] == 0 {
			delete(e.users, id)
			delete(e.waiters, id)
			delete(e.starved, id)
		}
	}
}
