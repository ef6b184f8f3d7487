package master

import (
	"context"
	"slices"

	"github.com/heliosctl/heliosctl/model"
	"github.com/heliosctl/heliosctl/store"
)

// Hosts returns the names of all registered hosts, sorted.
func (m *Master) Hosts() []string { return m.folders.state.Hosts() }

// Host returns a host: alive as gossip says, with its last gauges, and while it is up with its agent's current uptime. It fails with
// CodeHostNotFound.
func (m *Master) Host(name string) (model.HostStatus, error) {
	host, err := m.folders.state.Host(name)
	if err != nil {
		return model.HostStatus{}, err
	}
	status := host.HostStatus
	status.Status = model.Down
	if m.members.AgentAlive(name, host.AgentID) {
		status.Status = model.Up
	}
	m.gauges.merge(&status, name, host.AgentID)
	return status, nil
}

// HostLabels returns the labels of a host, nil for one that is unknown or has none.
func (m *Master) HostLabels(name string) map[string]string { return m.folders.state.HostLabels(name) }

// RegisterHost registers a host for an agent id. The same id again is no change; another one fails with CodeHostConflict.
func (m *Master) RegisterHost(ctx context.Context, req model.Request, host, id string) error {
	_, err := m.write(ctx, req, store.RegisterHost{Host: host, AgentID: id})
	if err == nil {
		m.kickLiveness()
	}
	return err
}

// DeregisterHost removes a host with its deployments, statuses and history. It fails with CodeHostNotFound.
func (m *Master) DeregisterHost(ctx context.Context, req model.Request, host string) error {
	_, err := m.write(ctx, req, store.DeregisterHost{Host: host})
	if err == nil {
		m.gauges.forget(host)
	}
	return err
}

// Masters returns the names of the masters that are alive, this one among them, sorted.
func (m *Master) Masters() []string {
	names := append(slices.Clone(m.members.MasterNames()), m.config.Name)
	slices.Sort(names)
	return slices.Compact(names)
}
