package master

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/hashicorp/raft"

	"github.com/heliosctl/heliosctl/model"
	"github.com/heliosctl/heliosctl/store"
)

// leaveWait is how long a master tries to leave.
const leaveWait = 10 * time.Second

// leftFile in the data folder says that its master has left its cluster for good.
const leftFile = "left"

// checkLeft refuses a folder whose master has left its cluster.
func checkLeft(dir string) error {
	cluster, err := os.ReadFile(filepath.Join(dir, leftFile))
	if errors.Is(err, os.ErrNotExist) {
		return nil
	}
	if err != nil {
		return fmt.Errorf("cannot tell whether this master has left its cluster: %w", err)
	}
	return fmt.Errorf("this master has left the cluster %s for good; remove its folder %s to begin anew", strings.TrimSpace(string(cluster)), dir)
}

func (m *Master) wasRemoved() bool {
	m.membership.mu.Lock()
	defer m.membership.mu.Unlock()
	return m.membership.removed
}

// RemovePeer removes a server, given by id or name, for good: it is not taken in again. It fails with CodeNotFound, with CodeInvalid
// for a name that several servers bear, with CodeUnsafe where the rest would have no majority unless forced, or with CodeUnavailable.
// Only the leader can; when that is the one to go it hands leadership over first.
func (m *Master) RemovePeer(ctx context.Context, req model.Request, id string, force bool) error {
	if err := m.awaitLeading(ctx, func(v leaderView) bool { return v.self && v.ready }); err != nil {
		return err
	}
	n := m.node.Load()
	if n == nil {
		return errStopping()
	}
	servers, index := n.servers()
	server, err := m.findPeer(servers, id)
	if err != nil {
		return err
	}
	if server.ID == "" { // removed before
		return nil
	}
	if err := m.checkRemoval(servers, server, force); err != nil {
		return err
	}
	if server.ID == m.folders.serverID {
		if err := m.handOver(n); err != nil {
			return model.Errorf(model.CodeUnavailable, "cannot hand leadership over: %v; try again", err)
		}
		return m.askToRemoveSelf(ctx, req, force)
	}
	// First of all it must not be taken in again. Should this master fail in between, the next leader finishes it.
	if _, err := m.write(ctx, req, store.RemovePeer{ID: string(server.ID)}); err != nil {
		return err
	}
	if err := m.removeServer(ctx, n, server, index); err != nil {
		return model.Errorf(model.CodeUnavailable, "%s is not removed yet: %v; try again", id, err)
	}
	m.log.Info("removed a master for good", "peer", server.ID, "user", req.User, "forced", force)
	return nil
}

// removeServer takes a server out of the configuration of that index. Where that fails because another change came first, the leader's
// own duty is about to do it.
func (m *Master) removeServer(ctx context.Context, n *node, server raft.Server, index uint64) error {
	err := n.apply(peerChange{action: peerRemove, server: server}, index)
	if err == nil {
		return nil
	}
	ctx, cancel := context.WithTimeout(ctx, leaderWait)
	defer cancel()
	for m.inConfiguration(n, server.ID) {
		select {
		case <-time.After(askPause):
		case <-ctx.Done():
			return err
		}
	}
	return nil
}

// findPeer returns the server that id names, one without an id when it was removed for good before.
func (m *Master) findPeer(servers []raft.Server, id string) (raft.Server, error) {
	var found []raft.Server
	for _, server := range servers {
		member := m.member(server.ID)
		if string(server.ID) == id {
			return server, nil
		}
		if member.Name == id || server.ID == m.folders.serverID && m.config.Name == id {
			found = append(found, server)
		}
	}
	switch {
	case id == "":
	case len(found) == 1:
		return found[0], nil
	case len(found) > 1:
		return raft.Server{}, model.Errorf(model.CodeInvalid, "there are %d masters called %s; give the id of one of them", len(found), id)
	case m.folders.state.PeerRemoved(id):
		return raft.Server{}, nil
	}
	return raft.Server{}, model.Errorf(model.CodeNotFound, "there is no master %s; list them with heliosctl operator raft list-peers", id)
}

// checkRemoval fails with CodeUnsafe where the rest could not go on.
func (m *Master) checkRemoval(servers []raft.Server, gone raft.Server, force bool) error {
	if gone.Suffrage != raft.Voter {
		return nil
	}
	view := peerView{servers: servers, self: m.folders.serverID, masters: m.members.KnownMasters()}
	left, alive := view.without(gone).voters()
	switch {
	case left == 0:
		return model.Errorf(model.CodeUnsafe, "this is the only master that votes: without it there is no cluster")
	case !majority(alive, left) && !force:
		return model.Errorf(model.CodeUnsafe,
			"of the %d masters that would be left to vote only %d are alive, and that is no majority; start more of them, or force it", left, alive)
	}
	return nil
}

func (m *Master) inConfiguration(n *node, id raft.ServerID) bool {
	servers, _ := n.servers()
	return slices.ContainsFunc(servers, func(s raft.Server) bool { return s.ID == id })
}

// handOver makes another voter lead: the one that is most up to date, or else any that is alive.
func (m *Master) handOver(n *node) error {
	m.asking.RLock()
	defer m.asking.RUnlock()
	err := n.LeadershipTransfer().Error()
	servers, _ := n.servers()
	for _, server := range servers {
		if err == nil || !n.isLeader() {
			return nil
		}
		member := m.member(server.ID)
		if member.Alive && server.ID != m.folders.serverID && server.Suffrage == raft.Voter {
			err = n.LeadershipTransferToServer(server.ID, server.Address).Error()
		}
	}
	return err
}

// askToRemoveSelf asks whoever leads to remove this master.
func (m *Master) askToRemoveSelf(ctx context.Context, req model.Request, force bool) error {
	ctx, cancel := context.WithTimeout(ctx, leaveWait)
	defer cancel()
	for {
		url, self, err := m.Leader(ctx)
		switch {
		case self:
			err = model.Errorf(model.CodeUnavailable, "this master leads again; try again")
		case err == nil && m.remote == nil:
			return model.Errorf(model.CodeUnavailable, "there is no way to ask the leader")
		case err == nil:
			err = m.remote.RemovePeer(ctx, url, req, m.ServerID(), force)
		}
		// Removed in the middle of asking, it hears no more of anything.
		if err == nil || m.wasRemoved() {
			return nil
		}
		if model.CodeOf(err) != model.CodeUnavailable {
			return err
		}
		select {
		case <-time.After(askPause):
		case <-ctx.Done():
			return err
		}
	}
}

// Leave removes this master from the cluster for good and ends it; its folder cannot be used again. It fails with CodeUnsafe where the
// rest could not go on, or with CodeUnavailable.
func (m *Master) Leave(ctx context.Context, req model.Request) error {
	if err := m.removeSelf(ctx, req); err != nil {
		return err
	}
	err := os.WriteFile(filepath.Join(m.config.DataDir, leftFile), []byte(m.ClusterID()+"\n"), 0o600)
	if err != nil {
		err = model.Errorf(model.CodeInternal, "this master has left, and cannot note that in its folder: %v; remove it", err)
	}
	m.log.Info("this master has left its cluster for good", "user", req.User)
	m.membership.leave()
	return err
}

func (m *Master) removeSelf(ctx context.Context, req model.Request) error {
	if m.wasRemoved() {
		return nil
	}
	if err := m.membershipError(); err != nil {
		return err
	}
	n := m.node.Load()
	if n == nil {
		return errStopping()
	}
	if n.isLeader() {
		return m.RemovePeer(ctx, req, m.ServerID(), false)
	}
	return m.askToRemoveSelf(ctx, req, false)
}
