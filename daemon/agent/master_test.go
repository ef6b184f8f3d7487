package agent_test

import (
	"cmp"
	"context"
	"io"
	"iter"
	"maps"
	"net"
	"slices"
	"sync"

	"github.com/heliosctl/heliosctl/model"
)

// fakeMaster behaves as the masters do towards one host: it keeps the tasks, streams them, and records every report once.
type fakeMaster struct {
	mu       sync.Mutex
	changed  chan struct{}
	cluster  string
	epoch    uint64
	index    uint64
	tasks    map[model.JobID]model.Task
	owner    string // agent id; "" until one registers
	acked    uint64
	reports  []model.StatusReport
	regs     []model.Registration
	gauges   []model.Gauges
	down     bool
	noLeader bool        // there are masters, but what needs a leader fails
	cuts     int         // how often all streams were cut
	since    []uint64    // the indexes that the accepted streams were asked for
	maxBatch int         // reports; 0: any number
	poison   model.JobID // reports of it are refused
	loseAcks int         // answers to posts that get lost
	refuse   int         // posts that fail before anything is recorded
	posts    int
	asked    []model.SessionRequest   // for the stream to send
	calls    map[string]chan net.Conn // by the id of the session
}

func newFakeMaster() *fakeMaster {
	return &fakeMaster{changed: make(chan struct{}), cluster: "cluster-1", epoch: 1, index: 100, tasks: make(map[model.JobID]model.Task)}
}

// edit changes the master under its lock and wakes the streams.
func (m *fakeMaster) edit(fn func()) {
	m.mu.Lock()
	defer m.mu.Unlock()
	fn()
	close(m.changed)
	m.changed = make(chan struct{})
}

func (m *fakeMaster) deploy(job model.Job, goal model.Goal) {
	m.edit(func() {
		m.index++
		m.tasks[job.ID] = model.Task{Job: job, Goal: goal, Generation: m.index}
	})
}

func (m *fakeMaster) setGoal(id model.JobID, goal model.Goal) {
	m.edit(func() {
		m.index++
		task := m.tasks[id]
		task.Goal = goal
		m.tasks[id] = task
	})
}

func (m *fakeMaster) undeploy(id model.JobID) {
	m.edit(func() {
		m.index++
		delete(m.tasks, id)
	})
}

// cut ends all streams, as a master does that dies.
func (m *fakeMaster) cut() { m.edit(func() { m.cuts++ }) }

// deregister forgets the host and everything about it.
func (m *fakeMaster) deregister() {
	m.edit(func() {
		m.index++
		m.owner, m.acked = "", 0
		m.epoch++
		clear(m.tasks)
	})
}

func (m *fakeMaster) registrations() int {
	m.mu.Lock()
	defer m.mu.Unlock()
	return len(m.regs)
}

func (m *fakeMaster) setDown(down bool) { m.edit(func() { m.down = down }) }

// giveTo makes the host belong to an agent id.
func (m *fakeMaster) giveTo(owner string) { m.edit(func() { m.owner = owner }) }

// states returns the reported states of a job in order, "REMOVED" for its removal.
func (m *fakeMaster) states(id model.JobID) []string {
	m.mu.Lock()
	defer m.mu.Unlock()
	var states []string
	for _, report := range m.reports {
		switch {
		case report.JobID != id:
		case report.Removed:
			states = append(states, "REMOVED")
		default:
			states = append(states, string(report.Status.State))
		}
	}
	return states
}

// countRunning returns how many RUNNING reports there are.
func (m *fakeMaster) countRunning() int {
	m.mu.Lock()
	defer m.mu.Unlock()
	running := 0
	for _, report := range m.reports {
		if report.Status != nil && report.Status.State == model.StateRunning {
			running++
		}
	}
	return running
}

// status returns the last reported status of a job, false when there is none or it was removed.
func (m *fakeMaster) status(id model.JobID) (model.TaskStatus, bool) {
	m.mu.Lock()
	defer m.mu.Unlock()
	for _, report := range slices.Backward(m.reports) {
		if report.JobID == id {
			if report.Removed {
				return model.TaskStatus{}, false
			}
			return *report.Status, true
		}
	}
	return model.TaskStatus{}, false
}

func (m *fakeMaster) history(id model.JobID) []model.StatusReport {
	m.mu.Lock()
	defer m.mu.Unlock()
	return slices.DeleteFunc(slices.Clone(m.reports), func(r model.StatusReport) bool { return r.JobID != id })
}

// lead is check for what needs a leader.
func (m *fakeMaster) lead(agentID string) error {
	if m.noLeader {
		return model.Errorf(model.CodeUnavailable, "there is no leader")
	}
	return m.check(agentID)
}

func (m *fakeMaster) check(agentID string) error {
	switch {
	case m.down:
		return model.Errorf(model.CodeUnavailable, "no master answers")
	case m.owner == "":
		return model.Errorf(model.CodeHostNotFound, "host is not registered")
	case m.owner != agentID:
		return model.Errorf(model.CodeHostConflict, "host belongs to agent %s", m.owner)
	}
	return nil
}

func (m *fakeMaster) RegisterAgent(_ context.Context, r model.Registration) (model.Registered, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.owner == "" && !m.down && !m.noLeader {
		m.owner = r.AgentID
	}
	if err := m.lead(r.AgentID); err != nil {
		return model.Registered{}, err
	}
	m.regs = append(m.regs, r)
	return model.Registered{Epoch: m.epoch, AckedSeq: m.acked, ClusterID: m.cluster, Index: m.index}, nil
}

func (m *fakeMaster) Tasks(ctx context.Context, _, agentID string, index uint64) iter.Seq2[model.TaskUpdate, error] {
	return func(yield func(model.TaskUpdate, error) bool) {
		var sent map[model.JobID]model.Task
		cuts, epoch := -1, uint64(0)
		for {
			m.mu.Lock()
			changed, err, tasks := m.changed, m.check(agentID), maps.Clone(m.tasks)
			at := m.index
			switch {
			case err != nil:
			case at < index:
				err = model.Errorf(model.CodeUnavailable, "at index %d, behind %d", at, index)
			case cuts >= 0 && cuts != m.cuts:
				err = model.Errorf(model.CodeUnavailable, "the connection was cut")
			case cuts < 0:
				cuts = m.cuts
				m.since = append(m.since, index)
			}
			asked, anew := m.asked, m.epoch != epoch
			m.asked, epoch = nil, m.epoch
			m.mu.Unlock()
			for i := range asked {
				if !yield(model.TaskUpdate{Type: model.TaskUpdateSession, Index: at, Session: &asked[i]}, nil) {
					return
				}
			}
			if err != nil {
				yield(model.TaskUpdate{}, err)
				return
			}
			update, news := updateFrom(sent, tasks, at)
			update.Epoch = epoch
			if (news || anew) && !yield(update, nil) {
				return
			}
			sent = tasks
			select {
			case <-changed:
			case <-ctx.Done():
				yield(model.TaskUpdate{}, model.Errorf(model.CodeUnavailable, "hung up"))
				return
			}
		}
	}
}

func updateFrom(sent, tasks map[model.JobID]model.Task, index uint64) (update model.TaskUpdate, news bool) {
	update = model.TaskUpdate{Type: model.TaskUpdateChange, Index: index}
	if sent == nil {
		update.Type = model.TaskUpdateSnapshot
	}
	for id, task := range tasks {
		if old, ok := sent[id]; !ok || old.Goal != task.Goal || old.Generation != task.Generation {
			update.Tasks = append(update.Tasks, task)
		}
	}
	for id := range sent {
		if _, ok := tasks[id]; !ok {
			update.Removed = append(update.Removed, id)
		}
	}
	slices.SortFunc(update.Tasks, func(a, b model.Task) int { return cmp.Compare(a.Generation, b.Generation) })
	return update, sent == nil || len(update.Tasks)+len(update.Removed) > 0
}

func (m *fakeMaster) PostStatuses(_ context.Context, _ string, batch model.StatusBatch) (model.StatusAck, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.posts++
	if err := m.lead(batch.AgentID); err != nil {
		return model.StatusAck{}, err
	}
	if m.refuse > 0 {
		m.refuse--
		return model.StatusAck{}, model.Errorf(model.CodeUnavailable, "no leader (502)")
	}
	if m.maxBatch > 0 && len(batch.Reports) > m.maxBatch {
		return model.StatusAck{}, model.Errorf(model.CodeTooLarge, "%d reports at once", len(batch.Reports))
	}
	for _, report := range batch.Reports {
		if report.JobID == m.poison {
			return model.StatusAck{}, model.Errorf(model.CodeInvalid, "cannot read report %d", report.Seq)
		}
	}
	for _, report := range batch.Reports {
		if report.Seq > m.acked {
			m.acked = report.Seq
			m.reports = append(m.reports, report)
		}
	}
	if m.loseAcks > 0 {
		m.loseAcks--
		return model.StatusAck{}, model.Errorf(model.CodeOutcomeUnknown, "the answer got lost")
	}
	return model.StatusAck{AckedSeq: m.acked}, nil
}

func (m *fakeMaster) PostGauges(_ context.Context, _ string, g model.Gauges) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	if err := m.check(g.AgentID); err != nil {
		return err
	}
	m.gauges = append(m.gauges, g)
	return nil
}

// ask asks the agent for a session and returns where its call will arrive.
func (m *fakeMaster) ask(r model.SessionRequest) <-chan net.Conn {
	call := make(chan net.Conn, 1)
	m.edit(func() {
		if m.calls == nil {
			m.calls = map[string]chan net.Conn{}
		}
		m.calls[r.ID] = call
		m.asked = append(m.asked, r)
	})
	return call
}

func (m *fakeMaster) Session(_ context.Context, _, _, id string) (io.ReadWriteCloser, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	call, ok := m.calls[id]
	if !ok {
		return nil, model.Errorf(model.CodeNotFound, "nobody waits for session %s", id)
	}
	delete(m.calls, id)
	ours, theirs := net.Pipe()
	call <- ours
	return theirs, nil
}
