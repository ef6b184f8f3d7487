package master

import (
	"context"
	"sync"
	"sync/atomic"
	"time"

	"github.com/hashicorp/raft"

	"github.com/heliosctl/heliosctl/daemon/gossip"
)

// isolatedAfter is how old what a master knows may be until it says that it is cut off.
const isolatedAfter = 5 * time.Second

// contactEvery is how often a master looks at what binds it to the others, and freshEvery how often it asks whether it knows everything.
const (
	contactEvery = 250 * time.Millisecond
	freshEvery   = time.Second
)

// contact tells whether this master keeps up with the leader. It is safe for concurrent use.
type contact struct {
	fresh atomic.Int64 // when this master last knew everything that was acknowledged, in nanoseconds of the epoch

	mu       sync.Mutex
	isolated bool
	lost     chan struct{} // closed while isolated
}

func newContact() *contact { return &contact{lost: make(chan struct{})} }

// set reports whether anything changed.
func (c *contact) set(isolated bool) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	if isolated == c.isolated {
		return false
	}
	c.isolated = isolated
	if isolated {
		close(c.lost)
	} else {
		c.lost = make(chan struct{})
	}
	return true
}

// Isolated returns a channel that is closed once this master has not kept up with a leader for five seconds: because there is none,
// because it is cut off, or because it cannot take what it is sent. When it has caught up, the next call returns a new one.
func (m *Master) Isolated() <-chan struct{} {
	m.contact.mu.Lock()
	defer m.contact.mu.Unlock()
	return m.contact.lost
}

// followContact watches over what binds this master to the others: word of the leader, their addresses, its place in the configuration.
func (m *Master) followContact(ctx context.Context, n *node) {
	tick := time.NewTicker(contactEvery)
	defer tick.Stop()
	m.contact.fresh.Store(time.Now().UnixNano())
	var asking sync.WaitGroup
	defer asking.Wait()
	asking.Go(func() { m.followLeader(ctx, n) })
	for {
		changed := m.members.Changed()
		n.book.refresh()
		m.noteConfiguration(n)
		m.noteLeader(n)
		fresh := time.Unix(0, m.contact.fresh.Load())
		if isolated := time.Since(fresh) > isolatedAfter; m.contact.set(isolated) {
			m.log.Warn("contact with the leader changed", "isolated", isolated)
		}
		select {
		case <-changed:
		case <-tick.C:
		case <-ctx.Done():
			return
		}
	}
}

// followLeader notes when this master last knew everything. Hearing of the leader would not do: one whose disk is full is sent heartbeats
// too, and agents that follow it would never learn of anything new.
func (m *Master) followLeader(ctx context.Context, n *node) {
	for ctx.Err() == nil {
		asked := time.Now()
		check, cancel := context.WithTimeout(ctx, isolatedAfter)
		if n.isLeader() || m.ReadIndex(check) == nil { // a leader that loses its majority steps down by itself
			m.contact.fresh.Store(asked.UnixNano())
		}
		cancel()
		select {
		case <-time.After(freshEvery):
		case <-ctx.Done():
		}
	}
}

// noteConfiguration notes whether this server is out of the configuration. One that is still being sent the log sees old ones, from
// before it was taken in; it is out only if it was in, or was removed for good.
func (m *Master) noteConfiguration(n *node) {
	servers, _ := n.servers()
	in := m.inConfiguration(n, m.folders.serverID)
	m.membership.mu.Lock()
	m.membership.seen = m.membership.seen || in
	was := m.membership.seen
	m.membership.mu.Unlock()
	m.setRemoved(len(servers) > 0 && !in && (was || m.folders.state.PeerRemoved(m.ServerID())), false)
}

// noteRemoved notes that another master says that this one was removed.
func (m *Master) noteRemoved() { m.setRemoved(true, true) }

func (m *Master) setRemoved(removed, told bool) {
	m.membership.mu.Lock()
	defer m.membership.mu.Unlock()
	m.membership.told = m.membership.told || told
	removed = removed || m.membership.told
	if removed == m.membership.removed {
		return
	}
	m.membership.removed = removed
	if removed {
		m.log.Warn("this master was removed from its cluster; stop it, and remove its folder to begin anew", "folder", m.config.DataDir)
	} else {
		m.log.Info("this master was taken into its cluster again")
	}
}

// raftAddresses returns where the servers are: as gossip sees those alive, else as the configuration says.
func (m *Master) raftAddresses() map[raft.ServerID]string {
	addresses := map[raft.ServerID]string{}
	if n := m.node.Load(); n != nil {
		servers, _ := n.servers()
		for _, server := range servers {
			addresses[server.ID] = plainAddress(server.Address)
		}
	}
	for _, member := range m.members.KnownMasters() {
		if member.Alive && member.ID != "" && member.Raft != "" {
			addresses[raft.ServerID(member.ID)] = member.Raft
		}
	}
	return addresses
}

// member returns what gossip knows of a server, the zero member where that is nothing: the one that is alive, should there be several.
func (m *Master) member(id raft.ServerID) gossip.Member {
	var found gossip.Member
	for _, member := range m.members.KnownMasters() {
		if member.ID == string(id) && (found.ID == "" || member.Alive) {
			found = member
		}
	}
	return found
}

// apiOf returns the base URL of a server's API, "" where gossip does not know it.
func (m *Master) apiOf(id raft.ServerID) string {
	return m.member(id).API
}
