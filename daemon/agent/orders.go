package agent

import (
	"maps"
	"sync"

	"github.com/heliosctl/heliosctl/model"
)

// orders is what the masters want of this host, and how far the agent may act on it.
type orders struct {
	mu       sync.Mutex
	desired  map[model.JobID]model.Task
	index    uint64
	complete bool // a master that accepted us has sent a snapshot since the start: what is not in it is not wanted
	isFenced bool
	settled  chan struct{} // closed when the agent may start and stop: see settle
	acting   bool
}

func newOrders(tasks []model.Task, index uint64) *orders {
	o := &orders{desired: make(map[model.JobID]model.Task, len(tasks)), index: index, settled: make(chan struct{})}
	for _, task := range tasks {
		o.desired[task.Job.ID] = task
	}
	return o
}

func (o *orders) tasks() map[model.JobID]model.Task {
	o.mu.Lock()
	defer o.mu.Unlock()
	return maps.Clone(o.desired)
}

func (o *orders) at() uint64 {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.index
}

// forgetIndex is for an agent that is told of another state than the one it knew: that has indexes of its own. The next stream is as
// current as the leader then.
func (o *orders) forgetIndex() {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.index = 0
}

// apply takes a snapshot or change over. One that is older than what is known is ignored; applied says whether it was not.
func (o *orders) apply(update model.TaskUpdate) (applied bool) {
	o.mu.Lock()
	defer o.mu.Unlock()
	if update.Index < o.index {
		return false
	}
	next := make(map[model.JobID]model.Task, len(update.Tasks))
	if update.Type != model.TaskUpdateSnapshot {
		next = maps.Clone(o.desired)
	}
	for _, task := range update.Tasks {
		next[task.Job.ID] = task
	}
	for _, id := range update.Removed {
		delete(next, id)
	}
	o.desired = next
	o.index = update.Index
	if update.Type == model.TaskUpdateSnapshot {
		o.complete = true
	}
	return true
}

// settle lets the agent act; it reports whether it could not before. The reconciler calls it once every supervisor has the goal of
// the first snapshot, so that nothing is started or stopped that the masters had changed their mind about; the end of the boot
// grace does when no snapshot comes.
func (o *orders) settle() bool {
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.acting {
		return false
	}
	o.acting = true
	close(o.settled)
	return true
}

// fence says whether the agent was refused; changed tells whether that is new.
func (o *orders) fence(refused bool) (changed bool) {
	o.mu.Lock()
	defer o.mu.Unlock()
	changed = o.isFenced != refused
	o.isFenced = refused
	return changed
}

// fenced reports whether the agent was refused.
func (o *orders) fenced() bool {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.isFenced
}

// authoritative reports whether a task that is not desired may be taken down.
func (o *orders) authoritative() bool {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.complete && !o.isFenced
}
