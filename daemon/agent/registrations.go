package agent

import (
	"context"
	"sync"
	"time"

	"github.com/heliosctl/heliosctl/model"
)

// Registrar makes running tasks findable. Its methods are safe for concurrent use. What is registered when the agent ends stays so
// for as long as the discovery service keeps it: the containers go on.
type Registrar interface {
	// Register has the services of a running task registered, given its external ports by name, until Unregister. It returns at once.
	Register(job model.Job, ports map[string]int) (handle string)

	// Unregister takes a registration out, and whatever the agent's predecessor had left of it. It returns when clients no longer
	// find the task, or with an error when ctx ends first; the removal then goes on.
	Unregister(ctx context.Context, handle string) error
}

// How long a task waits for its services to be unregistered. A discovery service in trouble must neither keep a container running
// nor hide that it has ended.
const (
	stopPatience = 5 * time.Second
	exitPatience = time.Second
)

// registrations remembers what this process has registered. It outlives supervisors, so that one that takes over a task from
// another registers nothing twice. Safe for concurrent use; each task has one user.
type registrations struct {
	registrar Registrar // nil: nothing is ever registered

	mu      sync.Mutex
	handles map[model.JobID]string
}

func newRegistrations(registrar Registrar) *registrations {
	return &registrations{registrar: registrar, handles: make(map[model.JobID]string)}
}

func (r *registrations) concern(job model.Job) bool {
	return r.registrar != nil && len(job.Registration) > 0
}

// add registers a task unless it is registered already.
func (r *registrations) add(job model.Job, ports map[string]int) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if _, known := r.handles[job.ID]; !known {
		r.handles[job.ID] = r.registrar.Register(job, ports)
	}
}

// remove unregisters a task. A registration that is not this process's is taken over first: only then can it be taken out.
func (r *registrations) remove(ctx context.Context, job model.Job, ports map[string]int) error {
	r.add(job, ports)
	r.mu.Lock()
	handle := r.handles[job.ID]
	delete(r.handles, job.ID)
	r.mu.Unlock()
	return r.registrar.Unregister(ctx, handle)
}

// register has a task that runs found by its clients. That it may be is on disk first.
func (t *task) register() error {
	record := t.record()
	if !t.agent.registrations.concern(record.Task.Job) {
		return nil
	}
	if !record.Registered {
		if err := t.agent.book.change(t.id, func(record *model.TaskRecord) { record.Registered = true }); err != nil {
			return &recordError{err}
		}
	}
	t.agent.registrations.add(record.Task.Job, record.Ports)
	return nil
}

// unregister has clients turn away from a task that ends or has ended. It waits for that no longer than patience.
func (t *task) unregister(ctx context.Context, patience time.Duration) error {
	record := t.record()
	if !record.Registered {
		return nil
	}
	if t.agent.registrations.concern(record.Task.Job) {
		limited, cancel := context.WithTimeout(ctx, patience)
		err := t.agent.registrations.remove(limited, record.Task.Job, record.Ports)
		cancel()
		if ctx.Err() != nil {
			return ctx.Err()
		}
		if err != nil {
			t.log.Warn("services of the task are not unregistered yet; it goes on without waiting for that", "error", err)
		}
	}
	if err := t.agent.book.change(t.id, func(record *model.TaskRecord) { record.Registered = false }); err != nil {
		return &recordError{err}
	}
	return nil
}
