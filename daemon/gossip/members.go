package gossip

import (
	"cmp"
	"crypto/sha256"
	"encoding/hex"
	"maps"
	"net"
	"net/netip"
	"slices"
	"strconv"
	"strings"
	"sync"

	"github.com/hashicorp/memberlist"
	"github.com/hashicorp/serf/serf"

	"github.com/heliosctl/heliosctl/model"
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

// tagsMax is how many bytes tags may take encoded, and what is kept free in them for what a daemon learns later.
const (
	tagsMax        = memberlist.MetaMaxSize
	clusterIDSpace = 36
	initialSpace   = 12
)

// checkSize fails with CodeInvalid for a member whose tags are too large to be gossiped, now or once it knows its cluster.
func (m Member) checkSize() error {
	if m.ClusterID == "" {
		m.ClusterID = strings.Repeat("-", clusterIDSpace)
	}
	if m.Role == RoleMaster && m.Initial == "" {
		m.Initial = strings.Repeat("-", initialSpace)
	}
	over := tagsSize(m.tags()) - tagsMax
	if over <= 0 {
		return nil
	}
	return model.Errorf(model.CodeInvalid, "the %s name of %d bytes is too long to be gossiped: give it with --name in at most %d",
		m.Role, len(m.Name), max(len(m.Name)-over, 0))
}

// tagsSize is how many bytes Serf makes of tags: MessagePack without its shorter form of strings, after a byte of its own.
func tagsSize(tags map[string]string) int {
	size := 2
	for key, value := range tags {
		for _, text := range []string{key, value} {
			size += 1 + len(text)
			if len(text) > 31 {
				size += 2
			}
		}
	}
	return size
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

// memberOf reads the tags of a member; its role is empty unless it is one of ours, which also go by the name that their tags make.
func memberOf(m serf.Member) Member {
	member := Member{
		Role: Role(m.Tags[tagRole]), Name: m.Tags[tagName], ID: m.Tags[tagID], API: m.Tags[tagAPI], Raft: m.Tags[tagRaft], Initial: m.Tags[tagInitial],
		ClusterID: m.Tags[tagCluster], Version: m.Tags[tagVersion], Alive: m.Status == serf.StatusAlive, IP: ipOf(m.Addr),
	}
	ours := member.Role == RoleMaster || member.Role == RoleAgent
	if !ours || member.Name == "" || member.nodeName() != m.Name {
		return Member{Name: m.Name, Alive: member.Alive, IP: member.IP}
	}
	return member
}

// ipOf is zero for what is no address.
func ipOf(ip net.IP) netip.Addr {
	addr, _ := netip.AddrFromSlice(ip)
	return addr.Unmap()
}

func addrOf(m serf.Member) string {
	return net.JoinHostPort(m.Addr.String(), strconv.Itoa(int(m.Port)))
}

// members is the picture of the pool, kept from events: asking Serf for its list copies all of it every time.
type members struct {
	mu      sync.RWMutex
	byNode  map[string]Member
	masters map[string]string // gossip addresses of those among them that are masters, dead or alive
	changed chan struct{}     // closed and replaced at every change
}

func newMembers() *members {
	return &members{byNode: map[string]Member{}, masters: map[string]string{}, changed: make(chan struct{})}
}

func (m *members) apply(event serf.MemberEvent) {
	m.mu.Lock()
	defer m.mu.Unlock()
	for _, member := range event.Members {
		delete(m.masters, member.Name)
		if event.Type == serf.EventMemberReap {
			delete(m.byNode, member.Name)
			continue
		}
		seen := memberOf(member)
		// The status inside the event may be older than the event itself.
		seen.Alive = event.Type == serf.EventMemberJoin || event.Type == serf.EventMemberUpdate && seen.Alive
		m.byNode[member.Name] = seen
		if seen.Role == RoleMaster {
			m.masters[member.Name] = addrOf(member)
		}
	}
	close(m.changed)
	m.changed = make(chan struct{})
}

// alive tells whether the picture has that node, alive.
func (m *members) alive(node string) bool {
	m.mu.RLock()
	defer m.mu.RUnlock()
	return m.byNode[node].Alive
}

// clusterID is that of the live masters, "" when none of them knows one or they differ.
func (m *members) clusterID() string {
	m.mu.RLock()
	defer m.mu.RUnlock()
	found := ""
	for node := range m.masters {
		master := m.byNode[node]
		if !master.Alive || master.ClusterID == "" {
			continue
		}
		if found != "" && found != master.ClusterID {
			return ""
		}
		found = master.ClusterID
	}
	return found
}

// Members returns everyone in the pool, masters first, then agents, then what is none of ours, each sorted by name. It copies the
// whole list: it is for being shown, not for being polled.
func (g *Gossip) Members() []model.Member {
	shown := []model.Member{}
	for _, m := range g.serf.Members() {
		if status, ok := statuses[m.Status]; ok {
			shown = append(shown, show(m, status))
		}
	}
	place := map[string]int{model.RoleMaster: 0, model.RoleAgent: 1, "": 2}
	slices.SortFunc(shown, func(a, b model.Member) int {
		return cmp.Or(place[a.Role]-place[b.Role], strings.Compare(a.Name, b.Name), strings.Compare(a.ID, b.ID))
	})
	return shown
}

var statuses = map[serf.MemberStatus]model.MemberStatus{
	serf.StatusAlive: model.MemberAlive, serf.StatusLeaving: model.MemberLeaving, serf.StatusLeft: model.MemberLeft, serf.StatusFailed: model.MemberFailed,
}

func show(m serf.Member, status model.MemberStatus) model.Member {
	of := memberOf(m)
	shown := model.Member{
		Name: of.Name, Role: string(of.Role), ID: of.ID, Status: status, Address: addrOf(m), API: of.API, Raft: of.Raft,
		ClusterID: of.ClusterID, Version: of.Version,
	}
	if of.Role == "" {
		shown.Tags = m.Tags
	}
	return shown
}

// stranger tells whether a member is of another cluster than this daemon.
func (g *Gossip) stranger(m Member) bool {
	own := g.own.Load().ClusterID
	return own != "" && m.ClusterID != "" && m.ClusterID != own
}

// AgentAlive reports whether the agent with that id is alive on that host.
func (g *Gossip) AgentAlive(host, agentID string) bool {
	_, alive := g.Agent(host, agentID)
	return alive
}

// AgentGone reports whether the agent with that id on that host was seen and has left or failed since. That is forgotten after a day.
func (g *Gossip) AgentGone(host, agentID string) bool {
	m, known := g.known(host, agentID)
	return known && !m.Alive
}

// Agent returns the agent with that id on that host; false when it is not alive, or of another cluster.
func (g *Gossip) Agent(host, agentID string) (Member, bool) {
	m, known := g.known(host, agentID)
	if !known || !m.Alive {
		return Member{}, false
	}
	return m, true
}

// known returns the agent with that id on that host, alive or not; false when it was never seen, or is of another cluster.
func (g *Gossip) known(host, agentID string) (Member, bool) {
	g.members.mu.RLock()
	defer g.members.mu.RUnlock()
	m, ok := g.members.byNode[Member{Role: RoleAgent, Name: host, ID: agentID}.nodeName()]
	return m, ok && m.Role == RoleAgent && m.ID == agentID && !g.stranger(m)
}

// Masters returns the live masters of this daemon's cluster, or of any as long as it knows none, sorted by name.
func (g *Gossip) Masters() []Member {
	return slices.DeleteFunc(g.KnownMasters(), func(m Member) bool { return !m.Alive })
}

// KnownMasters returns what Masters does, and those that are not alive.
func (g *Gossip) KnownMasters() []Member {
	g.members.mu.RLock()
	defer g.members.mu.RUnlock()
	var masters []Member
	for node := range g.members.masters {
		if m := g.members.byNode[node]; !g.stranger(m) {
			masters = append(masters, m)
		}
	}
	slices.SortFunc(masters, func(a, b Member) int { return cmp.Or(strings.Compare(a.Name, b.Name), strings.Compare(a.ID, b.ID)) })
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
