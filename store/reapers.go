package store

import (
	"maps"
	"slices"

	"github.com/heliosctl/heliosctl/model"
)

const (
	commandReapHost    CommandType = "reapHost"
	commandReapJobs    CommandType = "reapJobs"
	commandReapHistory CommandType = "reapHistory"
)

// ReapHost forgets a host and everything about it, if it still belongs to the agent, is DOWN, and was last heard of at Before or
// earlier.
type ReapHost struct {
	Host    string          `json:"host"`
	AgentID string          `json:"agentId"`
	Before  model.Timestamp `json:"before"`
}

func (ReapHost) commandType() CommandType { return commandReapHost }

// ReapJobs removes jobs that are deployed nowhere, are no group's, and have not been used since Before, whatever their tokens. A job's
// last use is the newest row of its history or, when it has none, its creation.
type ReapJobs struct {
	Before model.Timestamp `json:"before"`
	Limit  int             `json:"limit"` // the most jobs to remove
}

func (ReapJobs) commandType() CommandType { return commandReapJobs }

// ReapHistory removes the history of jobs that do not exist. Removing a job removes its history, so there is none unless something
// went wrong.
type ReapHistory struct {
	Limit int `json:"limit"` // the most jobs whose history is removed
}

func (ReapHistory) commandType() CommandType { return commandReapHistory }

func (b *batch) reapHost(h header, c ReapHost) Result {
	host := b.host(c.Host)
	switch {
	case host == nil:
		return Result{Err: hostNotFound(c.Host)}
	case host.AgentID != c.AgentID:
		return Result{Err: hostConflict(c.Host)}
	case !host.deadSince(c.Before):
		return Result{Err: model.Errorf(model.CodeInvalid, "host %s is not dead: its agent was heard of after %s", c.Host, c.Before)}
	}
	h.reason = model.ReasonDead
	b.dropHost(h, host)
	return Result{}
}

func (b *batch) reapJobs(h header, c ReapJobs) Result {
	h.reason = model.ReasonUnused
	var unused []*jobRecord
	needed := b.groupJobs()
	each(b.mem, tableJobs, indexID, nil, func(job *jobRecord) {
		if _, inGroup := needed[job.job.ID]; !inGroup && len(unused) < c.Limit && b.unusedSince(job, c.Before) {
			unused = append(unused, job)
		}
	})
	var result Result
	for _, job := range unused {
		b.dropJob(h, job)
		result.Removed = append(result.Removed, job.job.ID)
	}
	return result
}

func (b *batch) unusedSince(job *jobRecord, before model.Timestamp) bool {
	if first[deploymentRecord](b.mem, tableDeployments, indexJob, job.key) != nil {
		return false
	}
	if newest, some := b.state.histories.newest(job.number); some {
		return newest < before
	}
	return job.job.Created == nil || *job.job.Created < before
}

func (b *batch) reapHistory(_ header, c ReapHistory) Result {
	known := map[uint64]bool{}
	each(b.mem, tableJobs, indexID, nil, func(job *jobRecord) { known[job.number] = true })
	var result Result
	for _, job := range slices.Sorted(maps.Keys(b.state.histories)) {
		if known[job] || result.Histories >= c.Limit {
			continue
		}
		b.removeJobHistory(job)
		result.Histories++
	}
	return result
}

// deadSince tells whether the host is DOWN and its agent, having once reported, was last known to be alive at the given time or
// earlier.
func (r *hostRecord) deadSince(at model.Timestamp) bool {
	return !r.Up && r.AgentInfo != nil && r.lastAlive() <= at
}

// lastAlive is when the agent, which has reported, was last known to be alive.
func (r *hostRecord) lastAlive() model.Timestamp {
	return r.AgentInfo.StartTime + model.Timestamp(r.AgentInfo.Uptime)
}

// DeadHost is a host whose agent has been away for long.
type DeadHost struct {
	Name    string
	AgentID string
}

// DeadHosts returns the hosts that are DOWN, as last recorded, and whose agents were last heard of at before or earlier, sorted. Hosts
// whose agents never reported are not among them.
func (s *State) DeadHosts(before model.Timestamp) []DeadHost {
	var dead []DeadHost
	each(s.mem.Txn(false), tableHosts, indexID, nil, func(h *hostRecord) {
		if h.deadSince(before) {
			dead = append(dead, DeadHost{Name: h.Name, AgentID: h.AgentID})
		}
	})
	return dead
}
