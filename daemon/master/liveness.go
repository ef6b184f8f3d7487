package master

import (
	"context"
	"time"

	"github.com/heliosctl/heliosctl/model"
	"github.com/heliosctl/heliosctl/store"
)

// livenessAtOnce is how many changes one command records at most.
const livenessAtOnce = 500

// livenessRetry is when recording is tried again after it failed.
const livenessRetry = 5 * time.Second

// recordLiveness records every host whose agent comes or goes, so that there is an event of it and the last sign of life is known to
// all masters. What hosts' statuses say comes from gossip alone.
func (m *Master) recordLiveness(ctx context.Context) {
	// A master that has just started hardly knows anybody: at first it takes for gone only those that it saw go.
	grace := time.NewTimer(m.config.LivenessGrace)
	defer grace.Stop()
	settled := false
	for {
		changed := m.members.Changed()
		retry := m.recordChanges(ctx, m.livenessChanges(settled))
		select {
		case <-changed:
		case <-m.livenessKick:
		case <-grace.C:
			settled = true
		case <-retry:
		case <-ctx.Done():
			return
		}
	}
}

// recordChanges returns a channel to wait for when it has to be tried again, else nil.
func (m *Master) recordChanges(ctx context.Context, changes []store.LivenessChange) <-chan time.Time {
	for len(changes) > 0 && ctx.Err() == nil {
		n := min(livenessAtOnce, len(changes))
		if _, err := m.write(ctx, model.Request{}, store.HostLiveness{Changes: changes[:n]}); err != nil {
			m.log.Warn("cannot record which hosts came and went", "err", err)
			return time.After(livenessRetry)
		}
		for _, change := range changes[:n] {
			m.log.Info("host changed", "host", change.Host, "up", change.Up)
		}
		changes = changes[n:]
	}
	return nil
}

// livenessChanges compares gossip with what is recorded. Until gossip has settled, hosts that were never seen are left out.
func (m *Master) livenessChanges(settled bool) []store.LivenessChange {
	now := m.now()
	var changes []store.LivenessChange
	for _, recorded := range m.folders.state.Liveness() {
		alive := m.members.AgentAlive(recorded.Host, recorded.AgentID)
		if alive == recorded.Up || !alive && !settled && !m.members.AgentGone(recorded.Host, recorded.AgentID) {
			continue
		}
		recorded.Up, recorded.At = alive, now
		changes = append(changes, recorded)
	}
	return changes
}

// kickLiveness makes the leader look again: a host was registered whose agent may be alive already.
func (m *Master) kickLiveness() {
	select {
	case m.livenessKick <- struct{}{}:
	default:
	}
}
