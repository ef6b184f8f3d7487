package daemon

import (
	"context"
	"net"
	"net/http"
	"sync"
	"time"

	"github.com/heliosctl/heliosctl/client"
	"github.com/heliosctl/heliosctl/daemon/master"
	"github.com/heliosctl/heliosctl/model"
)

const (
	// peerDialTimeout is how long another master may take to accept a connection.
	peerDialTimeout = time.Second
	// peerTimeout is longer than another master waits for there to be a leader before it answers.
	peerTimeout = 2500 * time.Millisecond
)

// peers asks other masters over their API. Each question is asked once: whoever asks knows best whether to go on. It is safe for
// concurrent use.
type peers struct {
	version   string
	transport *http.Transport

	mu      sync.Mutex
	clients map[string]*client.Client // by the URL of the API
}

// A master asks the others over HTTP.
var _ master.Remote = (*peers)(nil)

func newPeers(version string) *peers {
	dialer := &net.Dialer{Timeout: peerDialTimeout, KeepAlive: 15 * time.Second}
	return &peers{
		version: version, clients: map[string]*client.Client{},
		transport: &http.Transport{DialContext: dialer.DialContext, MaxIdleConnsPerHost: 64, IdleConnTimeout: time.Minute},
	}
}

// ConfirmedIndex asks for the index that reads must reflect; see master.Remote.
func (p *peers) ConfirmedIndex(ctx context.Context, api string) (uint64, error) {
	c, err := p.client(api)
	if err != nil {
		return 0, err
	}
	return c.ConfirmedIndex(ctx)
}

// Self asks what a master is and does; see master.Remote.
func (p *peers) Self(ctx context.Context, api string) (model.MasterStatus, error) {
	c, err := p.client(api)
	if err != nil {
		return model.MasterStatus{}, err
	}
	return c.Self(ctx)
}

// GaugesSince asks for readings; see master.Remote.
func (p *peers) GaugesSince(ctx context.Context, api string, version uint64) (model.GaugeUpdate, error) {
	c, err := p.client(api)
	if err != nil {
		return model.GaugeUpdate{}, err
	}
	return c.GaugesSince(ctx, version)
}

// RemovePeer has a server removed in the name of a request; see master.Remote.
func (p *peers) RemovePeer(ctx context.Context, api string, req model.Request, id string, force bool) error {
	c, err := p.client(api)
	if err != nil {
		return err
	}
	return c.As(req).RemovePeer(ctx, id, force)
}

// client returns the client of one master. There are few of them, and their addresses hardly change.
func (p *peers) client(api string) (*client.Client, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if c, ok := p.clients[api]; ok {
		return c, nil
	}
	c, err := client.New(client.Config{
		Endpoints: []string{api}, HTTPTimeout: peerTimeout, RetryTimeout: time.Nanosecond, Transport: p.transport,
		UserAgent: "heliosctl/" + p.version,
	})
	if err != nil {
		return nil, err
	}
	p.clients[api] = c
	return c, nil
}

// close closes the connections that are not in use.
func (p *peers) close() error {
	p.transport.CloseIdleConnections()
	return nil
}
