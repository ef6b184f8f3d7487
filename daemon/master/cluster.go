package master

import (
	"cmp"
	"context"
	"slices"
	"strings"
	"time"

	"github.com/hashicorp/raft"

	"github.com/heliosctl/heliosctl/daemon/gossip"
	"github.com/heliosctl/heliosctl/model"
)

// Leader returns the URL of the leader's API, or self when this master leads. It waits up to two seconds for there to be one that
// gossip knows, and fails with CodeUnavailable.
func (m *Master) Leader(ctx context.Context) (url string, self bool, err error) {
	if err := m.membershipError(); err != nil {
		return "", false, err
	}
	timeout := time.NewTimer(leaderWait)
	defer timeout.Stop()
	for {
		pool := m.members.Changed()
		view, changed := m.leading.get()
		if view.self {
			return "", true, nil
		}
		if view.id != "" {
			if url := m.apiOf(view.id); url != "" {
				return url, false, nil
			}
		}
		select {
		case <-changed:
		case <-pool:
		case <-timeout.C:
			return "", false, view.unreachable()
		case <-ctx.Done():
			return "", false, model.Errorf(model.CodeUnavailable, "there was no leader until the request ended: %v", context.Cause(ctx))
		}
	}
}

// unreachable is the error of a leader that gossip does not know.
func (v leaderView) unreachable() *model.Error {
	if v.id == "" {
		return errNoLeader()
	}
	return model.Errorf(model.CodeUnavailable, "the leader at %s is not in the gossip pool; try another master", v.other)
}

// Self tells what this master is and does.
func (m *Master) Self() model.MasterStatus {
	self := model.MasterStatus{
		Name: m.config.Name, ID: m.ServerID(), ClusterID: m.ClusterID(), State: model.MasterStopped, Index: m.Index(), LastContact: -1,
	}
	n := m.node.Load()
	if n == nil {
		self.LastIndex = self.Index
		return self
	}
	_, leader := n.LeaderWithID()
	self.Leader, self.Term, self.LastIndex = string(leader), n.CurrentTerm(), n.LastIndex()
	switch n.State() {
	case raft.Leader:
		self.State, self.LastContact = model.MasterLeader, 0
		return self
	case raft.Candidate:
		self.State = model.MasterCandidate
	case raft.Follower:
		self.State = model.MasterFollower
	}
	if m.wasRemoved() {
		self.State = model.MasterStopped
	}
	if at := n.LastContact(); !at.IsZero() {
		self.LastContact = time.Since(at).Milliseconds()
	}
	return self
}

// Peers returns the servers of the raft configuration as this master knows it, sorted by name. It fails with CodeUnavailable.
func (m *Master) Peers(ctx context.Context) ([]model.Peer, error) {
	n := m.node.Load()
	if n == nil {
		return nil, errStopping()
	}
	servers, _ := n.servers()
	if len(servers) == 0 {
		return nil, cmp.Or[error](m.membershipError(), errNoLeader())
	}
	_, leader := n.LeaderWithID()
	peers, members := make([]model.Peer, len(servers)), make([]gossip.Member, len(servers))
	for i, server := range servers {
		member := m.member(server.ID)
		members[i] = member
		peers[i] = model.Peer{
			ID: string(server.ID), Name: member.Name, Address: plainAddress(server.Address), Voter: server.Suffrage == raft.Voter,
			Leader: server.ID == leader, Alive: member.Alive, Version: member.Version,
		}
		if !member.Alive || server.ID == m.folders.serverID {
			members[i].API = "" // not to be asked
		}
	}
	for i, answer := range m.askSelves(ctx, members) {
		if answer.err == nil && answer.ID == peers[i].ID {
			peers[i].Term, peers[i].Index = answer.Term, answer.Index
		}
		if peers[i].ID == m.ServerID() {
			peers[i].Name, peers[i].Alive, peers[i].Term, peers[i].Index = m.config.Name, true, n.CurrentTerm(), m.Index()
		}
	}
	slices.SortFunc(peers, func(a, b model.Peer) int { return cmp.Or(strings.Compare(a.Name, b.Name), strings.Compare(a.ID, b.ID)) })
	return peers, nil
}
