package client

import (
	"context"
	"io"
	"net/http"

	"github.com/heliosctl/heliosctl/model"
)

// take opens a session and returns its connection. Finding a master is tried as for any call: nothing is done in a session before
// both sides have the connection, so that it may be asked for again.
func (c *Client) take(ctx context.Context, r request) (io.ReadWriteCloser, error) {
	r.takes, r.read = true, true
	a, err := c.send(ctx, &r)
	if err != nil {
		return nil, err
	}
	if a.conn != nil {
		return a.conn, nil
	}
	if a.status == http.StatusOK || a.status == http.StatusSwitchingProtocols {
		return nil, model.Errorf(model.CodeInternal, "%s answered %s %s without giving the connection away", a.endpoint.label, r.method, r.path)
	}
	return nil, r.failure(a)
}
