package master

import (
	"context"
	"sync"
	"time"

	"github.com/hashicorp/raft"

	"github.com/heliosctl/heliosctl/daemon/gossip"
)

// isolatedAfter is how long a master hears of no leader until it says that it is cut off.
const isolatedAfter = 5 * time.Second

// contactEvery is how often a master looks whether it still hears of the leader.
const contactEvery = 250 * time.Millisecond

// contact tells whether this master hears of a leader. It is safe for concurrent use.
type contact struct {
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

// Isolated returns a channel that is closed once this master has heard of no leader for five seconds. When it hears of one again, the
// next call returns a new one.
func (m *Master) Isolated() <-chan struct{} {
	m.contact.mu.Lock()
	defer m.contact.mu.Unlock()
	return m.contact.lost
}

// followContact watches over what binds this master to the others: word of the leader, their addresses, its place in the configuration.
func (m *Master) followContact(ctx context.Context, n *node) {
	tick := time.NewTicker(contactEvery)
	defer tick.Stop()
	heard := time.Now()
	for {
		changed := m.members.Changed()
		n.book.refresh()
		m.noteConfiguration(n)
		if at := n.heardOfLeader(); at.After(heard) {
			heard = at
		}
		if isolated := time.Since(heard) > isolatedAfter; m.contact.set(isolated) {
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

// heardOfLeader is when there was last word of a leader, zero when none is known now.
func (n *node) heardOfLeader() time.Time {
	if n.isLeader() {
		return time.Now()
	}
	if _, id := n.LeaderWithID(); id == "" {
		return time.Time{}
	}
	return n.LastContact()
}

// noteConfiguration notes whether the configuration has this server.
func (m *Master) noteConfiguration(n *node) {
	servers, _ := n.servers()
	out := len(servers) > 0
	for _, server := range servers {
		if server.ID == m.folders.serverID {
			out = false
		}
	}
	m.setRemoved(out, false)
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

// member returns what gossip knows of a server: the one that is alive, should there be several.
func (m *Master) member(id raft.ServerID) (found gossip.Member, known bool) {
	for _, member := range m.members.KnownMasters() {
		if member.ID == string(id) && (!known || member.Alive) {
			found, known = member, true
		}
	}
	return found, known
}

// apiOf returns the base URL of a server's API, "" where gossip does not know it.
func (m *Master) apiOf(id raft.ServerID) string {
	member, _ := m.member(id)
	return member.API
}
