package master

import (
	"context"

	"github.com/heliosctl/heliosctl/store"
)

// ServiceTasks returns the tasks that offer services now: those of jobs that register some which are RUNNING, are meant to go on, and
// are on a host that is UP. They are sorted by job and host.
func (m *Master) ServiceTasks() []store.ServiceTask {
	up := map[string]bool{}
	var tasks []store.ServiceTask
	for _, task := range m.folders.state.ServiceTasks() {
		alive, known := up[task.Host]
		if !known {
			alive = m.members.AgentAlive(task.Host, task.AgentID)
			up[task.Host] = alive
		}
		if alive {
			tasks = append(tasks, task)
		}
	}
	return tasks
}

// FollowServices calls tell when what ServiceTasks returns, or who is alive, may have changed since the call before, and once at the
// beginning, until ctx ends.
func (m *Master) FollowServices(ctx context.Context, tell func()) {
	for {
		// The channels come first: what changes after tell is heard of.
		members, state := m.members.Changed(), m.folders.state.Changed()
		tell()
		select {
		case <-members:
		case <-state:
		case <-ctx.Done():
			return
		}
	}
}
