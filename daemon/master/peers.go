package master

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"time"

	"github.com/hashicorp/raft"

	"github.com/heliosctl/heliosctl/daemon/gossip"
)

// The leader keeps raft's configuration in step with who is there, one change at a time: it takes new masters in, gives them a vote
// once they are up to date, notes where they moved to, and gives up dead ones whose place was taken. A dead voter without a replacement
// stays: were it removed, a cluster that is cut in pieces would let each piece agree with itself.

// caughtUp is how many log entries a new master may be behind to count as up to date.
const caughtUp = 256

// peerView is what the decision is made from.
type peerView struct {
	servers   []raft.Server
	self      raft.ServerID // the leader
	address   string        // of the leader, IP:PORT
	clusterID string
	masters   []gossip.Member
	removed   func(id string) bool // for good

	now    time.Time
	gone   map[raft.ServerID]time.Time // since when each server was seen to be gone
	stable map[raft.ServerID]time.Time // since when each non-voter is alive and up to date
	config Config
}

// peerAction is what becomes of a server.
type peerAction string

// The actions.
const (
	peerRemove  peerAction = "removed"
	peerMove    peerAction = "noted the new address"
	peerPromote peerAction = "given a vote"
	peerAdd     peerAction = "taken in"
)

// peerChange is one change of the configuration; the zero value is none.
type peerChange struct {
	action peerAction
	server raft.Server // as it will be
	why    string
}

// next returns what to change first.
func (v peerView) next() peerChange {
	for _, decide := range []func(raft.Server) peerChange{v.finishRemoval, v.move, v.giveUp, v.promote} {
		for _, server := range v.servers {
			if change := decide(server); change.action != "" {
				return change
			}
		}
	}
	for _, master := range v.masters {
		if change := v.add(master); change.action != "" {
			return change
		}
	}
	return peerChange{}
}

// finishRemoval does what an earlier leader may not have come to, where the rest can go on.
func (v peerView) finishRemoval(server raft.Server) peerChange {
	if server.ID == v.self || !v.removed(string(server.ID)) {
		return peerChange{}
	}
	if left, alive := v.without(server).voters(); server.Suffrage == raft.Voter && !majority(alive, left) {
		return peerChange{}
	}
	return peerChange{peerRemove, server, "it was removed for good"}
}

func (v peerView) move(server raft.Server) peerChange {
	address := v.address
	if server.ID != v.self {
		member, _ := v.member(server.ID)
		address = member.Raft
		if !member.Alive || address == "" {
			return peerChange{}
		}
	}
	now := namedAddress(server.ID, address)
	if now == server.Address {
		return peerChange{}
	}
	server.Address = now
	return peerChange{peerMove, server, "it is there now"}
}

// giveUp removes a dead server, a voter only where another took its place.
func (v peerView) giveUp(server raft.Server) peerChange {
	since, gone := v.gone[server.ID]
	if !gone || server.ID == v.self {
		return peerChange{}
	}
	long := v.now.Sub(since) >= v.config.DeadPeerGrace
	if server.Suffrage != raft.Voter {
		if long {
			return peerChange{peerRemove, server, "it has been gone for long and has no vote"}
		}
		return peerChange{}
	}
	voters, alive := v.voters()
	if !majority(alive, voters) || !majority(alive, voters-1) {
		return peerChange{}
	}
	switch {
	case v.successor(server):
		return peerChange{peerRemove, server, "another master of its name has taken its place"}
	case long && voters%2 == 0:
		return peerChange{peerRemove, server, "it has been gone for long, and without it as many others may fail"}
	}
	return peerChange{}
}

// successor reports whether another voter that is alive bears the server's name.
func (v peerView) successor(server raft.Server) bool {
	dead, known := v.member(server.ID)
	if !known {
		return false
	}
	for _, other := range v.servers {
		if member, _ := v.member(other.ID); other.ID != server.ID && other.Suffrage == raft.Voter && v.alive(other.ID) && member.Name == dead.Name {
			return true
		}
	}
	return false
}

func (v peerView) promote(server raft.Server) peerChange {
	since, stable := v.stable[server.ID]
	if server.Suffrage == raft.Voter || !stable || !v.alive(server.ID) || v.now.Sub(since) < v.config.PeerStableTime {
		return peerChange{}
	}
	server.Suffrage = raft.Voter
	return peerChange{peerPromote, server, "it has been up to date for long enough"}
}

// add takes in a master that belongs to this cluster, or to none and says that it waits. One that says nothing may be about to form a
// cluster of itself.
func (v peerView) add(member gossip.Member) peerChange {
	belongs := member.ClusterID == v.clusterID && v.clusterID != "" || member.ClusterID == "" && member.Initial != ""
	if !member.Alive || member.ID == "" || member.Raft == "" || !belongs || v.removed(member.ID) {
		return peerChange{}
	}
	for _, server := range v.servers {
		if server.ID == raft.ServerID(member.ID) {
			return peerChange{}
		}
		if other, _ := v.member(server.ID); v.alive(server.ID) && other.Name == member.Name {
			return peerChange{} // two of a name: the one that is in stays
		}
	}
	id := raft.ServerID(member.ID)
	server := raft.Server{Suffrage: raft.Nonvoter, ID: id, Address: namedAddress(id, member.Raft)}
	return peerChange{peerAdd, server, "it is new"}
}

func (v peerView) member(id raft.ServerID) (found gossip.Member, known bool) {
	for _, member := range v.masters {
		if member.ID == string(id) && (!known || member.Alive) {
			found, known = member, true
		}
	}
	return found, known
}

func (v peerView) alive(id raft.ServerID) bool {
	member, _ := v.member(id)
	return id == v.self || member.Alive
}

// voters returns how many there are and how many of them are alive.
func (v peerView) voters() (all, alive int) {
	for _, server := range v.servers {
		if server.Suffrage != raft.Voter {
			continue
		}
		all++
		if v.alive(server.ID) {
			alive++
		}
	}
	return all, alive
}

// without is the view with a server less.
func (v peerView) without(gone raft.Server) peerView {
	v.servers = slices.DeleteFunc(slices.Clone(v.servers), func(s raft.Server) bool { return s.ID == gone.ID })
	return v
}

// majority reports whether so many of all can decide.
func majority(some, all int) bool { return some > all/2 }

// peerKeeper is the leader's memory of the servers; it is lost with the leadership, so that absences are believed in anew.
type peerKeeper struct {
	gone, stable map[raft.ServerID]time.Time
}

// keepPeers keeps the configuration in step with who is there until ctx ends.
func (m *Master) keepPeers(ctx context.Context, n *node) {
	keeper := peerKeeper{gone: map[raft.ServerID]time.Time{}, stable: map[raft.ServerID]time.Time{}}
	// Often enough to notice that a new master is stable, and never busy.
	tick := time.NewTicker(min(max(m.config.PeerStableTime/8, 50*time.Millisecond), time.Second))
	defer tick.Stop()
	for {
		changed := m.members.Changed()
		for m.keepOnce(ctx, n, &keeper) {
		}
		select {
		case <-changed:
		case <-tick.C:
		case <-ctx.Done():
			return
		}
	}
}

// announceAddress makes the configuration say where this server is now: one that restarts elsewhere keeps its id.
func (m *Master) announceAddress(n *node) {
	servers, index := n.servers()
	view := peerView{self: m.folders.serverID, address: m.RaftAddress()}
	for _, server := range servers {
		if change := view.move(server); server.ID == view.self && change.action != "" {
			if err := n.apply(change, index); err != nil {
				m.log.Warn("cannot announce the raft address", "address", view.address, "err", err)
			}
		}
	}
}

// keepOnce makes one change and reports whether there may be another to make.
func (m *Master) keepOnce(ctx context.Context, n *node, keeper *peerKeeper) (more bool) {
	servers, index := n.servers()
	if ctx.Err() != nil || len(servers) == 0 {
		return false
	}
	view := peerView{
		servers: servers, self: m.folders.serverID, address: m.RaftAddress(), clusterID: m.ClusterID(), masters: m.members.KnownMasters(),
		removed: m.folders.state.PeerRemoved, config: m.config, gone: keeper.gone, stable: keeper.stable,
	}
	m.observe(ctx, n, view)
	view.now = time.Now()
	change := view.next()
	if change.action == "" {
		return false
	}
	log := m.log.With("peer", change.server.ID, "address", change.server.Address)
	if err := n.apply(change, index); err != nil {
		log.Warn("cannot change the masters' configuration", "to do", change.action, "err", err)
		return false
	}
	log.Info("changed the masters' configuration", "peer was", change.action, "because", change.why)
	return true
}

// observe brings up to date since when servers are gone or stable.
func (m *Master) observe(ctx context.Context, n *node, view peerView) {
	now := time.Now()
	isNew := map[raft.ServerID]bool{}
	var asked []gossip.Member
	for _, server := range view.servers {
		if view.alive(server.ID) {
			delete(view.gone, server.ID)
		} else if _, known := view.gone[server.ID]; !known {
			view.gone[server.ID] = now
		}
		if member, _ := view.member(server.ID); server.Suffrage != raft.Voter && member.Alive {
			isNew[server.ID] = true
			asked = append(asked, member)
		}
	}
	maps.DeleteFunc(view.stable, func(id raft.ServerID, _ time.Time) bool { return !isNew[id] })
	commit := n.CommitIndex()
	for i, answer := range m.askSelves(ctx, asked) {
		id := raft.ServerID(asked[i].ID)
		if answer.err != nil || answer.ID != asked[i].ID || answer.Index+caughtUp < commit {
			delete(view.stable, id)
		} else if _, known := view.stable[id]; !known {
			view.stable[id] = now
		}
	}
}

// apply makes a change to the configuration of that index, and fails when another came first.
func (n *node) apply(change peerChange, index uint64) error {
	server := change.server
	switch {
	case change.action == peerRemove:
		return n.RemoveServer(server.ID, index, leaderWait).Error()
	case server.Suffrage == raft.Voter:
		return n.AddVoter(server.ID, server.Address, index, leaderWait).Error()
	case server.Suffrage == raft.Nonvoter:
		return n.AddNonvoter(server.ID, server.Address, index, leaderWait).Error()
	}
	return fmt.Errorf("raft server %s has an unknown kind of vote", server.ID)
}
