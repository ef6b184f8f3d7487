package master

import (
	"sync"
	"time"

	"github.com/heliosctl/heliosctl/model"
)

// gauges are the last readings of each host. They are kept in memory only: agents send them again and again.
type gauges struct {
	mu     sync.RWMutex
	byHost map[string]reading
}

// reading is what an agent sent and when.
type reading struct {
	model.Gauges
	at time.Time
}

func newGauges() *gauges { return &gauges{byHost: map[string]reading{}} }

func (g *gauges) put(host string, values model.Gauges) {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.byHost[host] = reading{Gauges: values, at: time.Now()}
}

func (g *gauges) forget(host string) {
	g.mu.Lock()
	defer g.mu.Unlock()
	delete(g.byHost, host)
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

// GaugesSince returns the readings that came after a version.
func (m *Master) GaugesSince(uint64) model.GaugeUpdate { return model.GaugeUpdate{} }
