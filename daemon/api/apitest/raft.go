package apitest

import (
	"context"
	"fmt"

	"github.com/heliosctl/heliosctl/model"
)

// Peers implements api.Backend.
func (b *Backend) Peers(context.Context) ([]model.Peer, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	var peers []model.Peer
	for i, master := range b.masters {
		peers = append(peers, model.Peer{
			ID: master.id(), Name: master.name, Address: fmt.Sprintf("10.0.0.%d:5806", i+1), Voter: true, Leader: master == b.leads, Alive: true,
			Index: b.index,
		})
	}
	return peers, b.hasLeader()
}

// RemovePeer implements api.Backend.
func (b *Backend) RemovePeer(_ context.Context, _ model.Request, id string, _ bool) error {
	if id == "id1" || id == "master1" {
		return model.Errorf(model.CodeUnsafe, "master1 is the only voter: without it there is no cluster")
	}
	return model.Errorf(model.CodeNotFound, "there is no master %s", id)
}

// Leave implements api.Backend.
func (b *Backend) Leave(ctx context.Context, req model.Request) error {
	return b.RemovePeer(ctx, req, "id1", false)
}
