package client

import (
	"context"
	"net/http"

	"github.com/heliosctl/heliosctl/model"
)

// Drain makes a host take no new deployments, which fail with CodeHostDrained from then on; with stopGroupJobs the jobs that groups
// deployed to it are stopped. A host that is drained stays so. It fails with CodeHostNotFound.
func (c *Client) Drain(ctx context.Context, host string, stopGroupJobs bool) (model.Drain, error) {
	var drain model.Drain
	stop := ""
	if stopGroupJobs {
		stop = "true"
	}
	err := c.call(ctx, request{
		method: http.MethodPut, path: path("v1", "hosts", host, "drain"), query: query("stopGroupJobs", stop),
		absent: model.Errorf(model.CodeHostNotFound, "host %s is not registered", host),
	}, &drain)
	return drain, err
}

// Undrain ends a drain and starts what was stopped with it; where there is none nothing changes. It fails with CodeHostNotFound.
func (c *Client) Undrain(ctx context.Context, host string) error {
	return c.call(ctx, request{
		method: http.MethodDelete, path: path("v1", "hosts", host, "drain"),
		absent: model.Errorf(model.CodeHostNotFound, "host %s is not registered", host),
	}, nil)
}
