package apitest

import (
	"context"

	"github.com/heliosctl/heliosctl/model"
)

// Leader implements api.Backend: the master in memory leads.
func (b *Backend) Leader(context.Context) (string, bool, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return "", b.leader == nil, b.leader
}

// ConfirmedIndex implements api.Backend.
func (b *Backend) ConfirmedIndex(ctx context.Context) (uint64, error) {
	return b.Index(), b.ReadIndex(ctx)
}

// Isolated implements api.Backend: it never is.
func (b *Backend) Isolated() <-chan struct{} { return nil }

// Self implements api.Backend.
func (b *Backend) Self() model.MasterStatus {
	return model.MasterStatus{Name: "master1", ID: "id1", ClusterID: b.ClusterID(), State: model.MasterLeader, Leader: "id1", Term: 1, Index: b.Index()}
}

// GaugesSince implements api.Backend: every reading is new.
func (b *Backend) GaugesSince(uint64) model.GaugeUpdate {
	b.mu.Lock()
	defer b.mu.Unlock()
	update := model.GaugeUpdate{Version: b.index, Gauges: map[string]model.Gauges{}, Ages: map[string]int64{}}
	for name, h := range b.hosts {
		update.Gauges[name], update.Ages[name] = h.gauges, 0
	}
	return update
}
