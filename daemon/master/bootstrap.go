package master

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/hashicorp/raft"

	"github.com/heliosctl/heliosctl/daemon/gossip"
	"github.com/heliosctl/heliosctl/model"
)

// A cluster is formed by the masters that are named beforehand, the same list on each. A count would not do: masters that see
// different halves of a network can each find enough of each other, and two clusters that began apart never become one. So nothing
// happens until every named master is seen alive, without state, and with the same list. Then one of them, the first by name, writes
// the configuration with all of them, and it alone: there cannot be two configurations. The others have an empty log; they accept what
// it sends and vote for it. Where a cluster exists already, a master without state waits for it to take it in.

// joinTag is what a master without state gossips in place of a list when it waits for a cluster that there is.
const joinTag = "join"

// formEvery is how often a master that waits looks again, beside changes in gossip.
const formEvery = 250 * time.Millisecond

// membership is what this master knows of whether it is part of a cluster. It is safe for concurrent use.
type membership struct {
	tag   string        // what it gossips while it waits
	taken chan struct{} // closed when it has entries, or forms a cluster of itself
	left  chan struct{} // closed when it has left for good

	takenOnce, leftOnce sync.Once

	mu      sync.Mutex
	seen    bool // the configuration had this master since it started
	removed bool // another master says so, or the configuration does
	told    bool // another master says so: that does not pass
}

func newMembership(c Config, empty bool) *membership {
	s := &membership{taken: make(chan struct{}), left: make(chan struct{})}
	switch {
	case !empty, !c.Join && len(c.Initial) == 0:
		s.takenIn()
	case c.Join:
		s.tag = joinTag
	default:
		s.tag = gossip.InitialTag(c.Initial)
	}
	return s
}

func (s *membership) takenIn() { s.takenOnce.Do(func() { close(s.taken) }) }
func (s *membership) leave()   { s.leftOnce.Do(func() { close(s.left) }) }

func (s *membership) waits() bool {
	select {
	case <-s.taken:
		return false
	default:
		return true
	}
}

// Initializing returns what others must learn by gossip, as gossip.Member.Initial, while this master has no state and waits: "" when it
// does not. The channel is closed when it no longer does.
func (m *Master) Initializing() (tag string, over <-chan struct{}) {
	if m.membership.waits() {
		return m.membership.tag, m.membership.taken
	}
	return "", m.membership.taken
}

// formsAlone says to bootstrap at once, before raft runs.
func (m *Master) formsAlone() bool {
	empty, err := m.folders.empty()
	return err == nil && empty && !m.membership.waits()
}

// membershipError is nil for a master that is part of a cluster.
func (m *Master) membershipError() error {
	m.membership.mu.Lock()
	removed := m.membership.removed
	m.membership.mu.Unlock()
	switch {
	case removed:
		return model.Errorf(model.CodeUnavailable,
			"this master was removed from its cluster; try another one, and stop this one and remove its folder %s to begin anew", m.config.DataDir)
	case m.membership.waits():
		return model.Errorf(model.CodeUnavailable, "this master is not part of a cluster yet; try another one")
	}
	return nil
}

// form waits until this master is part of a cluster, and begins one when that is its turn.
func (m *Master) form(ctx context.Context, n *node) {
	tick := time.NewTicker(formEvery)
	defer tick.Stop()
	said := ""
	for m.membership.waits() {
		changed := m.members.Changed()
		if n.LastIndex() > 0 {
			m.log.Info("this master is part of a cluster now")
			m.membership.takenIn()
			return
		}
		if waitsFor := m.formOnce(ctx, n); waitsFor != said {
			said = waitsFor
			m.log.Info("this master is not part of a cluster yet", "waits for", waitsFor)
		}
		select {
		case <-changed:
		case <-tick.C:
		case <-ctx.Done():
			return
		}
	}
}

// formOnce forms the cluster if everything is ready for it and it is this master's turn, and returns what it waits for.
func (m *Master) formOnce(ctx context.Context, n *node) string {
	if m.config.Join {
		return "the masters of a cluster to take it in"
	}
	self := gossip.Member{
		Role: gossip.RoleMaster, Name: m.config.Name, ID: m.ServerID(), Raft: m.RaftAddress(), Initial: m.membership.tag, Alive: true,
	}
	initial, waitsFor := planForming(self, m.config.Initial, m.members.KnownMasters())
	if waitsFor != "" {
		return waitsFor
	}
	if initial[0].ID != self.ID {
		return fmt.Sprintf("%s to form the cluster of %s", initial[0].Name, strings.Join(m.config.Initial, ", "))
	}
	if err := m.confirmEmpty(ctx, initial[1:]); err != nil {
		return err.Error()
	}
	configuration := raft.Configuration{}
	for _, member := range initial {
		configuration.Servers = append(configuration.Servers, raft.Server{
			Suffrage: raft.Voter, ID: raft.ServerID(member.ID), Address: namedAddress(raft.ServerID(member.ID), member.Raft),
		})
	}
	// Should entries of a leader have come in between, this fails, and they count.
	if err := n.BootstrapCluster(configuration).Error(); err != nil {
		return fmt.Sprintf("its log to be empty: %v", err)
	}
	m.log.Info("formed a cluster", "masters", m.config.Initial)
	m.membership.takenIn()
	n.electAtOnce(m.folders.serverID)
	return ""
}

// planForming returns the initial masters, sorted by name, when all of them are ready; else what is missing.
func planForming(self gossip.Member, names []string, known []gossip.Member) (initial []gossip.Member, waitsFor string) {
	alive := map[string][]gossip.Member{self.Name: {self}}
	for _, member := range known {
		switch {
		case !member.Alive || member.ID == self.ID:
		case member.ClusterID != "":
			return nil, fmt.Sprintf("the cluster %s of %s to take it in", member.ClusterID, member.Name)
		default:
			alive[member.Name] = append(alive[member.Name], member)
		}
	}
	var missing, others, full, twice []string
	for _, name := range slices.Sorted(slices.Values(names)) {
		switch found := alive[name]; {
		case len(found) == 0:
			missing = append(missing, name)
		case len(found) > 1:
			twice = append(twice, name)
		case found[0].Initial == "" || found[0].ID == "" || found[0].Raft == "":
			full = append(full, name)
		case found[0].Initial != self.Initial:
			others = append(others, name)
		default:
			initial = append(initial, found[0])
		}
	}
	var faults []string
	for _, fault := range []struct {
		what  string
		names []string
	}{
		{"to appear", missing}, {"to be told the same list of initial masters", others}, {"to wait for the initial masters", full},
		{"to be there only once", twice},
	} {
		if len(fault.names) > 0 {
			faults = append(faults, strings.Join(fault.names, ", ")+" "+fault.what)
		}
	}
	return initial, strings.Join(faults, "; ")
}

// confirmEmpty asks the masters themselves whether they have no state: what gossip says of them may be old.
func (m *Master) confirmEmpty(ctx context.Context, members []gossip.Member) error {
	if len(members) > 0 && m.remote == nil {
		return errors.New("a way to ask the other masters")
	}
	answers := m.askSelves(ctx, members)
	for i, member := range members {
		switch answer := answers[i]; {
		case answer.err != nil:
			return fmt.Errorf("%s to answer at %s", member.Name, member.API)
		case answer.ID != member.ID || answer.LastIndex > 0 || answer.ClusterID != "" || answer.State == model.MasterStopped:
			return fmt.Errorf("%s to be ready at %s", member.Name, member.API)
		}
	}
	return nil
}

// selfTimeout is how long another master may take to tell of itself.
const selfTimeout = time.Second

// selfAnswer is what another master says of itself.
type selfAnswer struct {
	model.MasterStatus
	err error
}

// askSelves asks masters at the same time what they are and do.
func (m *Master) askSelves(ctx context.Context, members []gossip.Member) []selfAnswer {
	ctx, cancel := context.WithTimeout(ctx, selfTimeout)
	defer cancel()
	answers := make([]selfAnswer, len(members))
	var asked sync.WaitGroup
	for i, member := range members {
		asked.Go(func() {
			if m.remote == nil || member.API == "" {
				answers[i].err = errors.New("there is no way to ask")
				return
			}
			answers[i].MasterStatus, answers[i].err = m.remote.Self(ctx, member.API)
		})
	}
	asked.Wait()
	return answers
}
