package client

import (
	"context"
	"io"
	"iter"
	"net/http"
	"strconv"

	"github.com/heliosctl/heliosctl/model"
)

// RegisterAgent claims a host name for an agent and reports its facts. It fails with CodeHostConflict when the name belongs to
// another agent id.
func (c *Client) RegisterAgent(ctx context.Context, r model.Registration) (model.Registered, error) {
	var registered model.Registered
	err := c.call(ctx, request{method: http.MethodPut, path: path("v1", "agents", r.Host), body: r}, &registered)
	return registered, err
}

// Tasks streams what is deployed to a host: a snapshot first, then changes, and heartbeats. The snapshot is never older than
// index, the highest one the agent has seen. The stream always ends with an error, unless the caller breaks off: CodeHostNotFound
// or CodeHostConflict when the host is not the agent's, else CodeUnavailable; reconnecting is the caller's.
func (c *Client) Tasks(ctx context.Context, host, agentID string, index uint64) iter.Seq2[model.TaskUpdate, error] {
	return c.TasksFrom(ctx, host, agentID, index, nil)
}

// TasksFrom is Tasks, and calls opened, unless that is nil, with the URL of the master that has accepted the stream, as it is in
// Config.Endpoints but without a slash at the end. A master whose stream breaks is asked after the others for a while.
func (c *Client) TasksFrom(
	ctx context.Context, host, agentID string, index uint64, opened func(endpoint string),
) iter.Seq2[model.TaskUpdate, error] {
	q := query("agent", agentID, "index", strconv.FormatUint(index, 10))
	return stream[model.TaskUpdate](ctx, c, request{
		method: http.MethodGet, path: path("v1", "agents", host, "tasks"), query: q, opened: opened,
		absent: model.Errorf(model.CodeHostNotFound, "host %s is not registered", host),
	})
}

// PostStatuses reports what tasks did, and returns the highest sequence number that is recorded. A batch may be sent again. It
// fails with CodeHostNotFound or CodeHostConflict.
func (c *Client) PostStatuses(ctx context.Context, host string, batch model.StatusBatch) (model.StatusAck, error) {
	var ack model.StatusAck
	err := c.call(ctx, request{
		method: http.MethodPost, path: path("v1", "agents", host, "statuses"), body: batch,
		absent: model.Errorf(model.CodeHostNotFound, "host %s is not registered", host),
	}, &ack)
	return ack, err
}

// PostGauges reports readings of a host. It fails with CodeHostNotFound or CodeHostConflict.
func (c *Client) PostGauges(ctx context.Context, host string, g model.Gauges) error {
	return c.call(ctx, request{
		method: http.MethodPost, path: path("v1", "agents", host, "gauges"), body: g,
		absent: model.Errorf(model.CodeHostNotFound, "host %s is not registered", host),
	}, nil)
}

// Session answers a master's request for a session and returns the connection, which the caller closes. It fails with CodeNotFound
// when nobody waits for it any more.
func (c *Client) Session(ctx context.Context, host, id string) (io.ReadWriteCloser, error) {
	return c.take(ctx, request{
		method: http.MethodPost, path: path("v1", "agents", host, "sessions", id),
		absent: model.Errorf(model.CodeNotFound, "nobody waits for this session"),
	})
}
