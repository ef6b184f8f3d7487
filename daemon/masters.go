package daemon

import (
	"cmp"
	"context"
	"io"
	"iter"
	"log/slog"
	"slices"
	"strings"
	"sync"

	"github.com/heliosctl/heliosctl/client"
	"github.com/heliosctl/heliosctl/daemon/gossip"
	"github.com/heliosctl/heliosctl/model"
)

// masters is an agent's way to the masters: whichever ones gossip says are alive now. Calls wait until there is one.
// It is safe for concurrent use.
type masters struct {
	pool *gossip.Gossip
	user string
	log  *slog.Logger

	mu        sync.Mutex
	endpoints []string
	client    *client.Client // speaks to endpoints; nil before the first call
}

func newMasters(pool *gossip.Gossip, user string, log *slog.Logger) *masters {
	return &masters{pool: pool, user: user, log: log}
}

// RegisterAgent claims the host name; see client.Client.
func (m *masters) RegisterAgent(ctx context.Context, r model.Registration) (model.Registered, error) {
	c, err := m.current(ctx)
	if err != nil {
		return model.Registered{}, err
	}
	registered, err := c.RegisterAgent(ctx, r)
	if err == nil {
		m.tellCluster(registered.ClusterID)
	}
	return registered, err
}

// tellCluster gossips which cluster took a new agent in, so that it is kept out of others from now on.
func (m *masters) tellCluster(id string) {
	err := m.pool.Update(func(member *gossip.Member) { member.ClusterID = cmp.Or(member.ClusterID, id) })
	if err != nil {
		m.log.Warn("the others do not know of which cluster this agent is", "err", err)
	}
}

// Tasks streams what is deployed to the host; see client.Client. It ends with CodeUnavailable once gossip says that the master it comes
// from is gone and another one is there: a process that stands still keeps its connections.
func (m *masters) Tasks(ctx context.Context, host, agentID string, index uint64) iter.Seq2[model.TaskUpdate, error] {
	return func(yield func(model.TaskUpdate, error) bool) {
		c, err := m.current(ctx)
		if err != nil {
			yield(model.TaskUpdate{}, err)
			return
		}
		streaming, hangUp := context.WithCancelCause(ctx)
		var watch sync.WaitGroup
		defer watch.Wait()
		defer hangUp(nil)
		opened := func(endpoint string) {
			watch.Go(func() {
				if gone := m.awaitGone(streaming, endpoint); gone != nil {
					hangUp(gone)
				}
			})
		}
		for update, err := range c.TasksFrom(streaming, host, agentID, index, opened) {
			if gone := context.Cause(streaming); err != nil && gone != nil && ctx.Err() == nil {
				err = gone
			}
			if !yield(update, err) {
				return
			}
		}
	}
}

// awaitGone returns an error once there are live masters and the one at the endpoint is not among them, nil when ctx ends first. Where
// gossip knows no live master at all, it may as well be this daemon that is cut off.
func (m *masters) awaitGone(ctx context.Context, endpoint string) error {
	for {
		changed := m.pool.Changed()
		alive := m.known()
		if len(alive) > 0 && !slices.ContainsFunc(alive, func(url string) bool { return strings.TrimSuffix(url, "/") == endpoint }) {
			return model.Errorf(model.CodeUnavailable, "the master at %s is gone; another one is there", endpoint)
		}
		select {
		case <-changed:
		case <-ctx.Done():
			return nil
		}
	}
}

// PostStatuses reports what tasks did; see client.Client.
func (m *masters) PostStatuses(ctx context.Context, host string, batch model.StatusBatch) (model.StatusAck, error) {
	c, err := m.current(ctx)
	if err != nil {
		return model.StatusAck{}, err
	}
	return c.PostStatuses(ctx, host, batch)
}

// PostGauges reports readings of the host; see client.Client.
func (m *masters) PostGauges(ctx context.Context, host string, g model.Gauges) error {
	c, err := m.current(ctx)
	if err != nil {
		return err
	}
	return c.PostGauges(ctx, host, g)
}

// Session answers a request for a session; see client.Client. The master that waits for it has to be one that gossip knows.
func (m *masters) Session(ctx context.Context, master, host, id string) (io.ReadWriteCloser, error) {
	if master == "" {
		c, err := m.current(ctx)
		if err != nil {
			return nil, err
		}
		return c.Session(ctx, host, id)
	}
	if !slices.Contains(m.known(), master) {
		return nil, model.Errorf(model.CodeForbidden, "%s is not known as a master of this cluster", master)
	}
	c, err := client.New(client.Config{Endpoints: []string{master}, User: m.user})
	if err != nil {
		return nil, err
	}
	defer c.Close() // the connection is not the client's any more
	return c.Session(ctx, host, id)
}

// current returns a client of the masters that are alive, and waits for one where there is none.
func (m *masters) current(ctx context.Context) (*client.Client, error) {
	for {
		changed := m.pool.Changed()
		if endpoints := m.known(); len(endpoints) > 0 {
			return m.clientOf(endpoints)
		}
		select {
		case <-changed:
		case <-ctx.Done():
			return nil, model.Errorf(model.CodeUnavailable, "no master has been found by gossip yet; is one running, and does --join name it?")
		}
	}
}

// known lists where the live masters answer.
func (m *masters) known() []string { return masterURLs(m.pool) }

func masterURLs(pool *gossip.Gossip) []string {
	var endpoints []string
	for _, master := range pool.Masters() {
		if master.API != "" {
			endpoints = append(endpoints, master.API)
		}
	}
	return endpoints
}

// clientOf keeps one client as long as the masters stay the same, so that its connections are used again.
func (m *masters) clientOf(endpoints []string) (*client.Client, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.client != nil && slices.Equal(m.endpoints, endpoints) {
		return m.client, nil
	}
	c, err := client.New(client.Config{Endpoints: endpoints, User: m.user})
	if err != nil {
		return nil, err
	}
	if m.client != nil {
		_ = m.client.Close()
	}
	m.client, m.endpoints = c, endpoints
	return c, nil
}

// close closes the connections that are not in use.
func (m *masters) close() error {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.client == nil {
		return nil
	}
	return m.client.Close()
}
