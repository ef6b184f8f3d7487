package apitest

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/heliosctl/heliosctl/model"
)

// AddPeers adds masters to raft's servers that are nothing but a line among the peers.
func (b *Backend) AddPeers(peers ...model.Peer) {
	b.set(func() { b.peers = append(b.peers, peers...) })
}

// HasLeft tells whether this master has left its cluster or was removed from it. It goes on answering.
func (b *Backend) HasLeft() bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.left[b]
}

// Peers implements api.Backend.
func (b *Backend) Peers(context.Context) ([]model.Peer, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.servers(), cmp.Or(b.fault, b.hasLeader())
}

// servers are raft's, sorted by name; the caller holds the lock.
func (b *Backend) servers() []model.Peer {
	peers := slices.Clone(b.peers)
	for i, master := range b.masters {
		if !b.left[master] {
			peers = append(peers, model.Peer{
				ID: master.id(), Name: master.name, Address: fmt.Sprintf("10.0.0.%d:5806", i+1), Voter: true, Leader: master == b.leads, Alive: true,
				Term: 1, Index: b.index, Version: "1.2.3",
			})
		}
	}
	slices.SortFunc(peers, func(x, y model.Peer) int { return cmp.Or(strings.Compare(x.Name, y.Name), strings.Compare(x.ID, y.ID)) })
	return peers
}

// RemovePeer implements api.Backend.
func (b *Backend) RemovePeer(_ context.Context, req model.Request, id string, force bool) error {
	return b.change(req.ID, func() ([]model.Event, error) {
		servers := b.servers()
		i := slices.IndexFunc(servers, func(p model.Peer) bool { return p.ID == id || p.Name == id })
		if i < 0 {
			return nil, model.Errorf(model.CodeNotFound, "there is no master %s; list them with heliosctl operator raft list-peers", id)
		}
		gone := servers[i]
		if err := mayGo(slices.Delete(servers, i, i+1), force); gone.Voter && err != nil {
			return nil, err
		}
		b.peers = slices.DeleteFunc(b.peers, func(p model.Peer) bool { return p.ID == gone.ID })
		for _, master := range b.masters {
			b.left[master] = b.left[master] || master.id() == gone.ID
		}
		return nil, nil
	})
}

// mayGo fails with CodeUnsafe where those that would be left could not go on.
func mayGo(left []model.Peer, force bool) error {
	voters, alive := 0, 0
	for _, p := range left {
		if p.Voter {
			voters++
			if p.Alive {
				alive++
			}
		}
	}
	switch {
	case voters == 0:
		return model.Errorf(model.CodeUnsafe, "this is the only master that votes: without it there is no cluster")
	case alive <= voters/2 && !force:
		return model.Errorf(model.CodeUnsafe, "of the %d masters that would be left to vote only %d are alive, and that is no majority", voters, alive)
	}
	return nil
}

// Leave implements api.Backend.
func (b *Backend) Leave(ctx context.Context, req model.Request) error {
	if b.HasLeft() {
		return nil
	}
	b.mu.Lock()
	leader := cmp.Or(b.leads, b)
	b.mu.Unlock()
	return leader.RemovePeer(ctx, req, b.id(), false)
}
