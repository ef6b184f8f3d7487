package daemon

import (
	"context"
	"net"
	"net/netip"
	"net/url"
	"strconv"
	"sync"

	"github.com/heliosctl/heliosctl/daemon/gossip"
	"github.com/heliosctl/heliosctl/daemon/master"
	"github.com/heliosctl/heliosctl/daemon/registrar"
)

// catalog tells a name server what is alive: what runs as this master knows it, at the addresses that gossip knows. It is safe for
// concurrent use; changes are told of while run runs.
type catalog struct {
	master *master.Master
	pool   *gossip.Gossip
	domain string // of services whose job names none, or a relative one

	mu      sync.Mutex
	changed chan struct{}
}

var _ registrar.Catalog = (*catalog)(nil)

func newCatalog(m *master.Master, pool *gossip.Gossip, domain string) *catalog {
	return &catalog{master: m, pool: pool, domain: domain, changed: make(chan struct{})}
}

// run follows what changes until ctx ends.
func (c *catalog) run(ctx context.Context) error {
	c.master.FollowServices(ctx, c.tell)
	return nil
}

func (c *catalog) tell() {
	c.mu.Lock()
	defer c.mu.Unlock()
	close(c.changed)
	c.changed = make(chan struct{})
}

// Changed returns a channel that is closed when either list may have changed since the call.
func (c *catalog) Changed() <-chan struct{} {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.changed
}

// Endpoints returns the endpoints of the tasks that offer services now.
func (c *catalog) Endpoints() []registrar.Endpoint {
	var endpoints []registrar.Endpoint
	for _, task := range c.master.ServiceTasks() {
		agent, alive := c.pool.Agent(task.Host, task.AgentID)
		if !alive {
			continue
		}
		// The agent has logged what cannot be registered.
		offered, _ := registrar.Endpoints(*task.Job, task.Ports, registrar.Host{Name: task.Host, IP: agent.IP, Domain: c.domain})
		endpoints = append(endpoints, offered...)
	}
	return endpoints
}

// Masters returns the endpoints of the masters that are alive and say where they answer.
func (c *catalog) Masters() []registrar.Endpoint {
	var endpoints []registrar.Endpoint
	for _, m := range c.pool.Masters() {
		host, port, ok := apiAddress(m.API)
		if !ok {
			continue
		}
		// A master may answer at another address than it gossips at.
		ip := m.IP
		if addr, err := netip.ParseAddr(host); err == nil {
			ip = addr
		}
		endpoints = append(endpoints, registrar.MasterEndpoint(registrar.Host{Name: m.Name, IP: ip, Domain: c.domain}, port))
	}
	return endpoints
}

// apiAddress takes the base URL of an API apart.
func apiAddress(base string) (host string, port int, ok bool) {
	u, err := url.Parse(base)
	if err != nil {
		return "", 0, false
	}
	host, text, err := net.SplitHostPort(u.Host)
	if err != nil {
		return "", 0, false
	}
	number, err := strconv.ParseUint(text, 10, 16)
	return host, int(number), err == nil
}
