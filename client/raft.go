package client

import (
	"context"
	"net/http"
	"net/url"

	"github.com/heliosctl/heliosctl/model"
)

// Peers returns the servers of the raft configuration, sorted by name. The original's masters fail it with CodeNotFound.
func (c *Client) Peers(ctx context.Context) ([]model.Peer, error) {
	peers := []model.Peer{}
	err := c.call(ctx, request{
		method: http.MethodGet, path: path("v1", "raft", "peers"),
		absent: model.Errorf(model.CodeNotFound, "the master does not tell its raft peers"),
	}, &peers)
	return peers, err
}

// RemovePeer removes a master, given by its raft id or its name, from the cluster for good. It fails with CodeNotFound, with CodeInvalid
// for a name that several bear, and with CodeUnsafe where the others would have no majority, unless forced.
func (c *Client) RemovePeer(ctx context.Context, id string, force bool) error {
	return c.call(ctx, request{
		method: http.MethodDelete, path: path("v1", "raft", "peers", id), query: forced(force),
		absent: model.Errorf(model.CodeNotFound, "there is no master %s", id),
	}, nil)
}

// LeaveMaster makes a master leave its cluster for good and end, whichever master is asked. It fails with CodeNotFound, with CodeUnsafe,
// or with CodeUnavailable when that master cannot be reached.
func (c *Client) LeaveMaster(ctx context.Context, name string) error {
	return c.call(ctx, request{
		method: http.MethodPost, path: path("v1", "masters", name, "leave"),
		absent: model.Errorf(model.CodeNotFound, "there is no master %s", name),
	}, nil)
}

func forced(force bool) url.Values {
	if force {
		return query("force", "true")
	}
	return nil
}
