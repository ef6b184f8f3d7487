package master

import (
	"context"
	"maps"
	"slices"
	"sync"
	"time"

	"github.com/heliosctl/heliosctl/model"
)

// gauges are the last readings of each host. They are kept in memory only: agents send them again and again, to the leader, and the
// other masters fetch them from there.
type gauges struct {
	mu      sync.RWMutex
	byHost  map[string]reading
	version uint64 // of the last reading
}

// reading is what an agent sent and when.
type reading struct {
	model.Gauges
	at      time.Time
	version uint64
}

// newGauges begins with a version that no earlier run of this master has reached: whoever asks with one of those gets everything.
func newGauges() *gauges {
	return &gauges{byHost: map[string]reading{}, version: uint64(time.Now().UnixMicro())}
}

func (g *gauges) put(host string, values model.Gauges) { g.putAt(host, values, time.Now()) }

// putAt remembers what was sent at a time, unless something later is known from the same agent.
func (g *gauges) putAt(host string, values model.Gauges, at time.Time) {
	g.mu.Lock()
	defer g.mu.Unlock()
	if known, ok := g.byHost[host]; ok && known.AgentID == values.AgentID && known.at.After(at) {
		return
	}
	g.version++
	g.byHost[host] = reading{Gauges: values, at: at, version: g.version}
}

func (g *gauges) forget(host string) {
	g.mu.Lock()
	defer g.mu.Unlock()
	delete(g.byHost, host)
}

// since returns the readings that came after a version, and how old they are now. A version that has not been given out yet is of
// another master, which counts as none.
func (g *gauges) since(version uint64, now time.Time) model.GaugeUpdate {
	g.mu.RLock()
	defer g.mu.RUnlock()
	update := model.GaugeUpdate{Version: g.version, Gauges: map[string]model.Gauges{}, Ages: map[string]int64{}}
	if version > g.version {
		version = 0
	}
	for host, r := range g.byHost {
		if r.version > version {
			update.Gauges[host], update.Ages[host] = r.Gauges, max(0, now.Sub(r.at).Milliseconds())
		}
	}
	return update
}

// take adds the readings of another master as of now.
func (g *gauges) take(update model.GaugeUpdate, now time.Time) {
	for host, values := range update.Gauges {
		g.putAt(host, values, now.Add(-time.Duration(update.Ages[host])*time.Millisecond))
	}
}

// retain forgets the hosts that registered does not know.
func (g *gauges) retain(registered func(host string) bool) {
	g.mu.RLock()
	hosts := slices.Collect(maps.Keys(g.byHost))
	g.mu.RUnlock()
	for _, host := range hosts {
		if !registered(host) {
			g.forget(host)
		}
	}
}

// heardOf returns when the host's agent last sent anything, as far as this master knows; zero when it does not.
func (g *gauges) heardOf(host, agentID string) time.Time {
	g.mu.RLock()
	defer g.mu.RUnlock()
	if r, ok := g.byHost[host]; ok && r.AgentID == agentID {
		return r.at
	}
	return time.Time{}
}

// merge puts the last readings of the host's agent into its status. The uptime of an agent that is up goes on from its last reading;
// that of one that is down stays what was recorded.
func (g *gauges) merge(status *model.HostStatus, host, agentID string) {
	g.mu.RLock()
	r, ok := g.byHost[host]
	g.mu.RUnlock()
	ok = ok && r.AgentID == agentID
	if ok {
		for id, task := range status.Statuses {
			if r.tellProgress(&task) {
				status.Statuses[id] = task
			}
		}
	}
	if ok && status.HostInfo != nil {
		status.HostInfo.LoadAvg, status.HostInfo.MemoryFreeBytes, status.HostInfo.SwapFreeBytes = r.LoadAvg, r.MemoryFreeBytes, r.SwapFreeBytes
	}
	if status.AgentInfo == nil || status.Status != model.Up {
		return
	}
	if ok && r.Uptime > 0 {
		status.AgentInfo.Uptime = r.Uptime + time.Since(r.at).Milliseconds()
	} else {
		status.AgentInfo.Uptime = uptimeAt(status.AgentInfo.StartTime, time.Now())
	}
}

// progressAge is how long the progress of a pull counts. Agents tell it every few seconds while there is any.
const progressAge = 30 * time.Second

// tellProgress adds to the status of a task that waits for its image how far that is, and reports whether there was anything to add.
func (r reading) tellProgress(task *model.TaskStatus) bool {
	progress := r.Progress[task.Job.ID]
	if progress == "" || task.State != model.StatePullingImage || time.Since(r.at) > progressAge {
		return false
	}
	task.Progress = progress
	return true
}

// mergeProgress puts into the statuses of a job how far its image is pulled.
func (g *gauges) mergeProgress(statuses map[string]model.TaskStatus) {
	g.mu.RLock()
	defer g.mu.RUnlock()
	for host, task := range statuses {
		if g.byHost[host].tellProgress(&task) {
			statuses[host] = task
		}
	}
}

// uptimeAt is how long an agent that started at start has been up.
func uptimeAt(start model.Timestamp, now time.Time) int64 {
	return max(0, int64(model.TimestampOf(now)-start))
}

// PostGauges remembers readings of a host. It fails with CodeHostNotFound or CodeHostConflict.
func (m *Master) PostGauges(host string, values model.Gauges) error {
	agentID, err := m.folders.state.AgentID(host)
	if err != nil {
		return err
	}
	if agentID != values.AgentID {
		return model.Errorf(model.CodeHostConflict, "host %s belongs to another agent", host)
	}
	m.gauges.put(host, values)
	return nil
}

// GaugesSince returns the readings that came after a version, all of them for version 0.
func (m *Master) GaugesSince(version uint64) model.GaugeUpdate {
	return m.gauges.since(version, time.Now())
}

// gaugesEvery is how often a master that does not lead fetches what is new.
const gaugesEvery = 5 * time.Second

// followGauges keeps the readings those of the leader, as long as another master leads, until ctx ends.
func (m *Master) followGauges(ctx context.Context) {
	if m.remote == nil {
		return
	}
	tick := time.NewTicker(gaugesEvery)
	defer tick.Stop()
	var from gaugeSource
	for {
		if view, _ := m.leading.get(); !view.self {
			if leader, self, err := m.Leader(ctx); err == nil && !self {
				from = m.fetchGauges(ctx, leader, from)
			}
		}
		select {
		case <-tick.C:
		case <-ctx.Done():
			return
		}
	}
}

// gaugeSource is how far the readings of a leader have been fetched. Each master counts its versions by itself.
type gaugeSource struct {
	leader  string // the URL of its API
	version uint64
}

// fetchGauges fetches what is new and returns where to go on. What cannot be fetched is left to the next time.
func (m *Master) fetchGauges(ctx context.Context, leader string, from gaugeSource) gaugeSource {
	if leader != from.leader {
		from = gaugeSource{leader: leader}
	}
	update, err := m.remote.GaugesSince(ctx, leader, from.version)
	if err != nil {
		m.log.Debug("cannot fetch the gauges from the leader", "leader", leader, "err", err)
		return from
	}
	// First, because the update may be of hosts that this master is about to hear of.
	m.gauges.retain(func(host string) bool {
		_, err := m.folders.state.AgentID(host)
		return err == nil
	})
	m.gauges.take(update, time.Now())
	from.version = update.Version
	return from
}
