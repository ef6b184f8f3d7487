package registrar

import (
	"fmt"
	"net/netip"
	"sync"
)

// liveCatalog is a Catalog that a test changes.
type liveCatalog struct {
	mu        sync.Mutex
	endpoints []Endpoint
	masters   []Endpoint
	changed   chan struct{}
}

func newCatalog(endpoints ...Endpoint) *liveCatalog {
	return &liveCatalog{endpoints: endpoints, changed: make(chan struct{})}
}

func (c *liveCatalog) Endpoints() []Endpoint {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.endpoints
}

func (c *liveCatalog) Masters() []Endpoint {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.masters
}

func (c *liveCatalog) Changed() <-chan struct{} {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.changed
}

// set changes what is alive.
func (c *liveCatalog) set(endpoints ...Endpoint) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.endpoints = endpoints
	close(c.changed)
	c.changed = make(chan struct{})
}

// web is an endpoint of the service web/http in the domain helios.test.
func web(host, ip string, port int) Endpoint {
	e := Endpoint{Name: "web", Protocol: "http", Domain: "helios.test", Host: host, Port: port}
	if ip != "" {
		e.IP = netip.MustParseAddr(ip)
	}
	return e
}

// manyWebs is a service on a number of hosts.
func manyWebs(count int) []Endpoint {
	endpoints := make([]Endpoint, count)
	for i := range endpoints {
		endpoints[i] = web(fmt.Sprintf("web%d.example.com", i), netip.AddrFrom4([4]byte{10, 1, byte(i >> 8), byte(i)}).String(), 20000+i%1000)
	}
	return endpoints
}
