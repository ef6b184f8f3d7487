package client

import (
	"context"
	"net/http"

	"github.com/heliosctl/heliosctl/model"
)

// RemovePeer removes a master, given by its raft id or its name, from the cluster for good. It fails with CodeNotFound, or with
// CodeUnsafe where the rest would have no majority unless forced.
func (c *Client) RemovePeer(ctx context.Context, id string, force bool) error {
	q := query()
	if force {
		q.Set("force", "true")
	}
	return c.call(ctx, request{
		method: http.MethodDelete, path: path("v1", "raft", "peers", id), query: q,
		absent: model.Errorf(model.CodeNotFound, "there is no master %s", id),
	}, nil)
}
