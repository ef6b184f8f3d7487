package master

import (
	"context"

	"github.com/heliosctl/heliosctl/model"
	"github.com/heliosctl/heliosctl/store"
)

// RegisterAgent claims the host name for the agent and records the facts of its machine; unchanged ones cost no write. The name of an
// agent that was away for long enough is taken over; else it fails with CodeHostConflict when the name belongs to another agent id.
func (m *Master) RegisterAgent(ctx context.Context, r model.Registration) (model.Registered, error) {
	if err := m.ReadIndex(ctx); err != nil {
		return model.Registered{}, err
	}
	if id := m.ClusterID(); r.ClusterID != "" && r.ClusterID != id {
		return model.Registered{}, model.Errorf(model.CodeHostConflict,
			"the agent of host %s belongs to cluster %s, but these masters are of cluster %s; point it at its own masters, or move it with --cluster-id %s",
			r.Host, r.ClusterID, id, id)
	}
	index := m.Index()
	if err := m.refuseClaim(r); err != nil {
		return model.Registered{}, err
	}
	registered, unchanged := m.folders.state.Registered(r)
	if !unchanged {
		result, err := m.write(ctx, model.Request{}, store.RegisterAgent{Registration: r})
		if err != nil {
			return model.Registered{}, err
		}
		registered = result.Registered
		m.kickLiveness()
	}
	m.gauges.put(r.Host, model.Gauges{
		AgentID: r.AgentID, LoadAvg: r.HostInfo.LoadAvg, MemoryFreeBytes: r.HostInfo.MemoryFreeBytes,
		SwapFreeBytes: r.HostInfo.SwapFreeBytes, Uptime: r.AgentInfo.Uptime,
	})
	registered.Index = index
	return registered, nil
}

// refuseClaim returns why a host may not be taken over, without troubling the log with agents that ask again and again: what is
// recorded of the other agent does not allow it, or gossip knows better.
func (m *Master) refuseClaim(r model.Registration) error {
	owner, err := m.folders.state.RefuseTakeOver(r, m.now())
	if owner != "" && m.members.AgentAlive(r.Host, owner) {
		return model.Errorf(model.CodeHostConflict,
			"host %s belongs to another agent, which is alive; give this agent another name, or stop the other one", r.Host)
	}
	return err
}

// HostEpoch tells the registrations of a host apart, 0 for one that is unknown.
func (m *Master) HostEpoch(host string) uint64 { return m.folders.state.Epoch(host) }

// HostTasks returns everything deployed to the host, the index it was read at, and a channel that is closed when it may have changed.
// It fails with CodeHostNotFound, or with CodeHostConflict when the host belongs to another agent id.
func (m *Master) HostTasks(host, agentID string) (tasks []model.Task, index uint64, changed <-chan struct{}, err error) {
	return m.folders.state.Tasks(host, agentID)
}
