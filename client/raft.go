package client

import (
	"context"
	"net/http"
	"net/url"

	"github.com/heliosctl/heliosctl/model"
)

// Peers returns the servers of the raft configuration, sorted by name.
func (c *Client) Peers(ctx context.Context) ([]model.Peer, error) {
	peers := []model.Peer{}
	err := c.call(ctx, request{method: http.MethodGet, path: path("v1", "raft", "peers")}, &peers)
	return peers, err
}

// RemovePeer removes a master, given by its raft id or its name, from the cluster for good. It fails with CodeNotFound, and with
// CodeUnsafe where the rest would have no majority, unless forced.
func (c *Client) RemovePeer(ctx context.Context, id string, force bool) error {
	return c.call(ctx, request{
		method: http.MethodDelete, path: path("v1", "raft", "peers", id), query: forced(force),
		absent: model.Errorf(model.CodeNotFound, "there is no master %s", id),
	}, nil)
}

// Leave has a master leave its cluster for good and end. It fails with CodeNotFound, CodeUnsafe or CodeUnavailable.
func (c *Client) Leave(ctx context.Context, master string) error {
	return c.call(ctx, request{
		method: http.MethodPost, path: path("v1", "masters", master, "leave"),
		absent: model.Errorf(model.CodeNotFound, "there is no master %s", master),
	}, nil)
}

func forced(force bool) url.Values {
	if force {
		return query("force", "true")
	}
	return nil
}
