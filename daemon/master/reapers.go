package master

import (
	"context"
	"math/rand/v2"
	"time"

	"github.com/heliosctl/heliosctl/model"
	"github.com/heliosctl/heliosctl/store"
)

// How often the reapers look, as the original's did.
const (
	defaultAgentReapInterval = 30 * time.Minute
	defaultJobReapInterval   = 24 * time.Hour
)

const (
	reapAtOnce   = 50     // jobs that one command removes at most, so that other writes get in between
	reapAtMost   = 10_000 // jobs or hosts that one run removes; the rest waits for the next
	reapFailures = 10     // after so many a run is given up
)

// reapers returns the leader's duties that the configuration asks for.
func (m *Master) reapers() []func(context.Context) {
	var duties []func(context.Context)
	duty := func(first, every time.Duration, reap func(context.Context)) {
		duties = append(duties, func(ctx context.Context) { runEvery(ctx, first, every, reap) })
	}
	// The first runs are spread, so that masters that start together with others do not work together with them.
	agents, jobs := m.config.AgentReapInterval, m.config.JobReapInterval
	if m.config.AgentReapingTimeout > 0 {
		// Where everything was off for long, agents get the time to come back: half an interval at least.
		duty(agents/2+jitter(agents/2), agents, m.reapDeadAgents)
	}
	if m.config.JobRetention > 0 {
		duty(jitter(jobs), jobs, m.reapOldJobs)
	}
	if m.config.ReapHistory {
		duty(jitter(jobs), jobs, m.reapHistory)
	}
	return duties
}

func jitter(most time.Duration) time.Duration { return rand.N(most + 1) }

// runEvery calls work after first, and then again so long after each end of it, until ctx ends.
func runEvery(ctx context.Context, first, every time.Duration, work func(context.Context)) {
	timer := time.NewTimer(first)
	defer timer.Stop()
	for {
		select {
		case <-timer.C:
			work(ctx)
			timer.Reset(every)
		case <-ctx.Done():
			return
		}
	}
}

// reapDeadAgents deregisters the hosts whose agents have been away for the reaping timeout. An agent that gossip does not find but
// that was heard of in another way is not away.
func (m *Master) reapDeadAgents(ctx context.Context) {
	before := time.Now().Add(-m.config.AgentReapingTimeout)
	reaped, failed := 0, 0
	for _, host := range m.folders.state.DeadHosts(model.TimestampOf(before)) {
		if ctx.Err() != nil || reaped == reapAtMost || failed == reapFailures {
			return
		}
		if m.members.AgentAlive(host.Name, host.AgentID) || m.gauges.heardOf(host.Name, host.AgentID).After(before) {
			continue
		}
		command := store.ReapHost{Host: host.Name, AgentID: host.AgentID, Before: model.TimestampOf(before)}
		if _, err := m.write(ctx, model.Request{}, command); err != nil {
			m.log.Warn("cannot deregister a host whose agent is gone", "host", host.Name, "err", err)
			failed++
			continue
		}
		m.gauges.forget(host.Name)
		m.log.Info("deregistered a host whose agent is gone", "host", host.Name, "timeout", m.config.AgentReapingTimeout)
		reaped++
	}
}

// reapOldJobs removes the jobs that are deployed nowhere and have not been used for the retention time.
func (m *Master) reapOldJobs(ctx context.Context) {
	before := model.TimestampOf(time.Now().Add(-m.config.JobRetention))
	for range reapAtMost / reapAtOnce {
		result, err := m.write(ctx, model.Request{}, store.ReapJobs{Before: before, Limit: reapAtOnce})
		if err != nil {
			m.log.Warn("cannot remove old jobs", "err", err)
			return
		}
		for _, id := range result.Removed {
			m.log.Info("removed an old job", "job", id, "retention", m.config.JobRetention)
		}
		if len(result.Removed) < reapAtOnce {
			return
		}
	}
}

// reapHistory removes the history of jobs that do not exist.
func (m *Master) reapHistory(ctx context.Context) {
	for range reapAtMost / reapAtOnce {
		result, err := m.write(ctx, model.Request{}, store.ReapHistory{Limit: reapAtOnce})
		if err != nil {
			m.log.Warn("cannot remove the history of jobs that are gone", "err", err)
			return
		}
		if result.Histories > 0 {
			m.log.Info("removed the history of jobs that are gone", "jobs", result.Histories)
		}
		if result.Histories < reapAtOnce {
			return
		}
	}
}
