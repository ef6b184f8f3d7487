package client

import (
	"context"
	"net/http"

	"github.com/heliosctl/heliosctl/model"
)

// Members returns everyone in the gossip pool, as the master that answers sees it: masters, agents, and what is none of ours.
func (c *Client) Members(ctx context.Context) ([]model.Member, error) {
	members := []model.Member{}
	err := c.call(ctx, request{method: http.MethodGet, path: path("v1", "members")}, &members)
	return members, err
}

// RoundTrip estimates the time from one member to another and back, to the master that answers when to is empty. It fails with
// CodeNotFound for a member that is not there, with CodeInvalid for a name that several have, and with CodeUnavailable as long as too
// little is known.
func (c *Client) RoundTrip(ctx context.Context, from, to string) (model.RoundTrip, error) {
	var trip model.RoundTrip
	err := c.call(ctx, request{method: http.MethodGet, path: path("v1", "rtt"), query: query("from", from, "to", to)}, &trip)
	return trip, err
}
