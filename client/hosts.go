package client

import (
	"context"
	"net/http"

	"github.com/heliosctl/heliosctl/model"
)

// Hosts returns the names of the registered hosts whose name matches the regular expression anywhere and whose labels match
// every selector. An empty pattern and no selectors match all. It fails with CodeInvalid when one of them is malformed.
func (c *Client) Hosts(ctx context.Context, pattern string, selectors []string) ([]string, error) {
	q := query("namePattern", pattern)
	for _, s := range selectors {
		q.Add("selector", s)
	}
	hosts := []string{}
	err := c.call(ctx, request{method: http.MethodGet, path: path("hosts"), query: q}, &hosts)
	return hosts, err
}

// HostStatus returns everything known of a host. It fails with CodeHostNotFound.
func (c *Client) HostStatus(ctx context.Context, host string) (model.HostStatus, error) {
	var status model.HostStatus
	err := c.call(ctx, request{
		method: http.MethodGet, path: path("hosts", host, "status"),
		absent: model.Errorf(model.CodeHostNotFound, "host %s is not registered", host),
	}, &status)
	return status, err
}

// HostStatuses returns the statuses of several hosts at once, leaving out those that are not registered or whose liveness is not
// the wanted one. An empty liveness wants all.
func (c *Client) HostStatuses(ctx context.Context, hosts []string, status model.Liveness) (map[string]model.HostStatus, error) {
	if hosts == nil {
		hosts = []string{}
	}
	statuses := map[string]model.HostStatus{}
	err := c.call(ctx, request{
		method: http.MethodPost, path: path("hosts", "statuses"), query: query("status", string(status)), body: hosts, read: true,
	}, &statuses)
	return statuses, err
}

// RegisterHost registers a host for the agent with the given id. Registering it again with the same id changes nothing. It fails
// with CodeInvalidID when the id is empty and with CodeHostConflict when the name belongs to another id.
func (c *Client) RegisterHost(ctx context.Context, host, id string) error {
	return c.call(ctx, request{method: http.MethodPut, path: path("hosts", host), query: query("id", id)}, nil)
}

// DeregisterHost removes a host with its deployments and history. Its agent, when it is alive or comes back, registers it anew and
// stops the jobs that it ran. It fails with CodeHostNotFound.
func (c *Client) DeregisterHost(ctx context.Context, host string) error {
	return c.call(ctx, request{
		method: http.MethodDelete, path: path("hosts", host),
		absent: model.Errorf(model.CodeHostNotFound, "host %s is not registered", host),
	}, nil)
}
