package client

import (
	"context"
	"iter"
	"net/http"
	"strconv"

	"github.com/heliosctl/heliosctl/model"
)

// Events streams what happens in the cluster after index over one connection; zero starts at now. Heartbeats and resets are among the
// events: a heartbeat's index has been seen whole, and after a reset everything must be read again. The stream always ends with an
// error, unless the caller breaks off; reconnecting with the last index that was seen whole is the caller's. WatchEvents does that.
func (c *Client) Events(ctx context.Context, index uint64) iter.Seq2[model.Event, error] {
	return c.EventsFrom(ctx, index, nil)
}

// EventsFrom is Events, and calls opened, unless that is nil, with the URL of the master that has accepted the stream, as it is in
// Config.Endpoints but without a slash at the end. A master whose stream breaks is asked after the others for a while.
func (c *Client) EventsFrom(ctx context.Context, index uint64, opened func(endpoint string)) iter.Seq2[model.Event, error] {
	q := query()
	if index > 0 {
		q.Set("index", strconv.FormatUint(index, 10))
	}
	return stream[model.Event](ctx, c, request{method: http.MethodGet, path: path("v1", "events"), query: q, opened: opened})
}
