package gossip

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"maps"
	"math/rand/v2"
	"net"
	"net/netip"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/hashicorp/serf/serf"
)

// Role is what a member of the pool is.
type Role string

// The roles.
const (
	RoleMaster Role = "master"
	RoleAgent  Role = "agent"
)

// Member is what gossip says of one daemon.
type Member struct {
	Role      Role
	Name      string // of the master, or of the agent's host
	ID        string // the agent's id, or the master's raft id
	API       string // base URL of its HTTP API as others reach it
	Raft      string // IP:PORT at which masters reach its raft; of masters
	Initial   string // names the initial masters while this one has no state and waits for them; see InitialTag
	ClusterID string // empty until known
	Version   string
	Alive     bool
	IP        netip.Addr // at which the others reach it
}

// Tags travel in every state exchange and may take 512 bytes encoded, so their names are short.
const (
	tagRole    = "role"
	tagName    = "name"
	tagID      = "id"
	tagAPI     = "api"
	tagRaft    = "raft"
	tagInitial = "init"
	tagCluster = "cluster"
	tagVersion = "v"
)

func (m Member) tags() map[string]string {
	tags := map[string]string{
		tagRole: string(m.Role), tagName: m.Name, tagID: m.ID, tagAPI: m.API, tagCluster: m.ClusterID, tagVersion: m.Version,
		tagRaft: m.Raft, tagInitial: m.Initial,
	}
	maps.DeleteFunc(tags, func(_, value string) bool { return value == "" })
	return tags
}

// InitialTag is a short fingerprint of a list of initial masters, whatever their order.
func InitialTag(names []string) string {
	sum := sha256.Sum256([]byte(strings.Join(slices.Sorted(slices.Values(names)), "\n")))
	return hex.EncodeToString(sum[:6])
}

// nodeName is unique in the pool: two agents that claim one host name are both visible, and the masters decide between them.
// It has no slash, which Serf takes for the end of a name when it rejoins the members it remembers.
func (m Member) nodeName() string {
	id := m.ID
	if len(id) > 8 {
		id = id[:8]
	}
	return string(m.Role) + "." + m.Name + "." + id
}

func memberOf(m serf.Member) Member {
	return Member{
		Role: Role(m.Tags[tagRole]), Name: m.Tags[tagName], ID: m.Tags[tagID], API: m.Tags[tagAPI], Raft: m.Tags[tagRaft], Initial: m.Tags[tagInitial],
		ClusterID: m.Tags[tagCluster], Version: m.Tags[tagVersion], Alive: m.Status == serf.StatusAlive, IP: ipOf(m.Addr),
	}
}

// ipOf is zero for what is no address.
func ipOf(ip net.IP) netip.Addr {
	addr, _ := netip.AddrFromSlice(ip)
	return addr.Unmap()
}

// members is the picture of the pool, kept from events: asking Serf for its list copies all of it every time.
type members struct {
	mu      sync.RWMutex
	byNode  map[string]Member
	changed chan struct{} // closed and replaced at every change
}

func newMembers() *members {
	return &members{byNode: map[string]Member{}, changed: make(chan struct{})}
}

func (m *members) apply(event serf.MemberEvent) {
	m.mu.Lock()
	defer m.mu.Unlock()
	for _, member := range event.Members {
		if event.Type == serf.EventMemberReap {
			delete(m.byNode, member.Name)
			continue
		}
		seen := memberOf(member)
		// The status inside the event may be older than the event itself.
		seen.Alive = event.Type == serf.EventMemberJoin || event.Type == serf.EventMemberUpdate && seen.Alive
		m.byNode[member.Name] = seen
	}
	close(m.changed)
	m.changed = make(chan struct{})
}

// AgentAlive reports whether the agent with that id is alive on that host.
func (g *Gossip) AgentAlive(host, agentID string) bool {
	_, alive := g.Agent(host, agentID)
	return alive
}

// Agent returns the agent with that id on that host; false when it is not alive.
func (g *Gossip) Agent(host, agentID string) (Member, bool) {
	g.members.mu.RLock()
	defer g.members.mu.RUnlock()
	m, ok := g.members.byNode[Member{Role: RoleAgent, Name: host, ID: agentID}.nodeName()]
	if !ok || !m.Alive || m.ID != agentID {
		return Member{}, false
	}
	return m, true
}

// Masters returns the live masters, sorted by name.
func (g *Gossip) Masters() []Member {
	g.members.mu.RLock()
	defer g.members.mu.RUnlock()
	var masters []Member
	for _, m := range g.members.byNode {
		if m.Role == RoleMaster && m.Alive {
			masters = append(masters, m)
		}
	}
	slices.SortFunc(masters, func(a, b Member) int { return strings.Compare(a.Name+a.ID, b.Name+b.ID) })
	return masters
}

// KnownMasters returns all masters that gossip knows, alive or not, sorted by name.
func (g *Gossip) KnownMasters() []Member {
	g.members.mu.RLock()
	defer g.members.mu.RUnlock()
	var masters []Member
	for _, m := range g.members.byNode {
		if m.Role == RoleMaster {
			masters = append(masters, m)
		}
	}
	slices.SortFunc(masters, func(a, b Member) int { return strings.Compare(a.Name+a.ID, b.Name+b.ID) })
	return masters
}

// MasterNames returns the names of the live masters, sorted.
func (g *Gossip) MasterNames() []string {
	masters := g.Masters()
	names := make([]string, len(masters))
	for i, m := range masters {
		names[i] = m.Name
	}
	return names
}

// Changed returns a channel that is closed at the next change of the pool. Take it before reading what it guards.
func (g *Gossip) Changed() <-chan struct{} {
	g.members.mu.RLock()
	defer g.members.mu.RUnlock()
	return g.members.changed
}

// drain takes every event from Serf until quit, whatever else goes on: a full channel would stall the pool.
func (g *Gossip) drain(quit <-chan struct{}) {
	for {
		select {
		case event := <-g.events:
			if member, ok := event.(serf.MemberEvent); ok {
				g.members.apply(member)
			}
		case <-quit:
			return
		}
	}
}

// join tries the named daemons until one answers. A pool of one keeps asking: whoever it waits for may start later.
func (g *Gossip) join(ctx context.Context) {
	if len(g.cfg.Join) == 0 {
		return
	}
	pause := joinRetryMin
	for {
		n, err := g.serf.Join(g.cfg.Join, true)
		if n > 0 {
			g.log.Info("joined the gossip pool", "through", g.cfg.Join)
			return
		}
		g.log.Warn("cannot join the gossip pool yet", "through", g.cfg.Join, "err", err)
		// A fleet that starts together must not knock together.
		jittered := pause/2 + rand.N(pause)
		select {
		case <-time.After(jittered):
		case <-ctx.Done():
			return
		case <-g.serf.ShutdownCh():
			return
		}
		pause = min(pause*2, joinRetryMax)
	}
}
