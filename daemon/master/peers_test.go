package master

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/hashicorp/raft"

	"github.com/heliosctl/heliosctl/daemon/daemontest/ports"
	"github.com/heliosctl/heliosctl/daemon/gossip"
	"github.com/heliosctl/heliosctl/model"
)

// servers makes a configuration of ids, those in brackets without a vote. A server's address is its id in lower case.
func servers(words ...string) []raft.Server {
	var servers []raft.Server
	for _, word := range words {
		id := strings.Trim(word, "()")
		s := raft.Server{Suffrage: raft.Voter, ID: raft.ServerID(id), Address: namedAddress(raft.ServerID(id), strings.ToLower(id))}
		if word != id {
			s.Suffrage = raft.Nonvoter
		}
		servers = append(servers, s)
	}
	return servers
}

// seen makes members of words NAME or NAME/ID, with "!" for dead ones.
func seen(words ...string) []gossip.Member {
	var members []gossip.Member
	for _, word := range words {
		word, dead := strings.CutSuffix(word, "!")
		name, id, found := strings.Cut(word, "/")
		if !found {
			id = name
		}
		members = append(members, gossip.Member{
			Role: gossip.RoleMaster, Name: name, ID: id, Raft: strings.ToLower(id), ClusterID: "c1", Alive: !dead,
		})
	}
	return members
}

func TestNextPeerChange(t *testing.T) {
	now := time.Now()
	long, short := now.Add(-5*time.Minute), now.Add(-time.Second)
	at := func(when time.Time, ids ...raft.ServerID) map[raft.ServerID]time.Time {
		times := map[raft.ServerID]time.Time{}
		for _, id := range ids {
			times[id] = when
		}
		return times
	}
	with := func(members []gossip.Member, change func(*gossip.Member)) []gossip.Member {
		change(&members[len(members)-1])
		return members
	}
	for name, test := range map[string]struct {
		servers      []raft.Server
		masters      []gossip.Member
		gone, stable map[raft.ServerID]time.Time
		removed      string
		want         string
	}{
		"nothing to do":     {servers: servers("A", "B", "C"), masters: seen("A", "B", "C")},
		"gossip knows none": {servers: servers("A", "B", "C"), gone: at(short, "B", "C")},

		"new":            {servers: servers("A"), masters: seen("A", "B"), want: "taken in B Nonvoter b"},
		"new and dead":   {servers: servers("A"), masters: seen("A", "B!")},
		"new and gone":   {servers: servers("A"), masters: seen("A", "B"), removed: "B"},
		"of another":     {servers: servers("A"), masters: with(seen("A", "B"), func(m *gossip.Member) { m.ClusterID = "c2" })},
		"silent":         {servers: servers("A"), masters: with(seen("A", "B"), func(m *gossip.Member) { m.ClusterID = "" })},
		"waiting":        {servers: servers("A"), masters: with(seen("A", "B"), func(m *gossip.Member) { m.ClusterID, m.Initial = "", "join" }), want: "taken in B Nonvoter b"},
		"without raft":   {servers: servers("A"), masters: with(seen("A", "B"), func(m *gossip.Member) { m.Raft = "" })},
		"without id":     {servers: servers("A"), masters: with(seen("A", "B"), func(m *gossip.Member) { m.ID = "" })},
		"same name":      {servers: servers("A", "B", "C"), masters: seen("A", "B", "C", "C/D")},
		"same as leader": {servers: servers("A", "B", "C"), masters: seen("A", "B", "C", "A/D")},
		"in its place":   {servers: servers("A", "B", "C"), masters: seen("A", "B", "C!", "C/D"), gone: at(short, "C"), want: "taken in D Nonvoter d"},

		"not stable":        {servers: servers("A", "(B)"), masters: seen("A", "B")},
		"stable for short":  {servers: servers("A", "(B)"), masters: seen("A", "B"), stable: at(short, "B")},
		"stable":            {servers: servers("A", "(B)"), masters: seen("A", "B"), stable: at(long, "B"), want: "given a vote B Voter b"},
		"stable and dead":   {servers: servers("A", "(B)"), masters: seen("A", "B!"), stable: at(long, "B"), gone: at(short, "B")},
		"non-voter gone":    {servers: servers("A", "(B)"), masters: seen("A", "B!"), gone: at(long, "B"), want: "removed B Nonvoter b"},
		"non-voter leaving": {servers: servers("A", "(B)"), masters: seen("A", "B!"), gone: at(short, "B")},

		"moved":           {servers: servers("A", "B", "C"), masters: with(seen("A", "B", "C"), func(m *gossip.Member) { m.Raft = "x" }), want: "noted the new address C Voter x"},
		"non-voter moved": {servers: servers("A", "(B)"), masters: with(seen("A", "B"), func(m *gossip.Member) { m.Raft = "x" }), want: "noted the new address B Nonvoter x"},
		"old format":      {servers: []raft.Server{{ID: "A", Address: "a"}}, masters: seen("A"), want: "noted the new address A Voter a"},
		"moved and dead":  {servers: servers("A", "B", "C"), masters: with(seen("A", "B", "C!"), func(m *gossip.Member) { m.Raft = "x" })},

		"marked":           {servers: servers("A", "B", "C"), masters: seen("A", "B", "C"), removed: "C", want: "removed C Voter c"},
		"marked, too few":  {servers: servers("A", "B", "C"), masters: seen("A", "B!", "C"), removed: "C"},
		"marked non-voter": {servers: servers("A", "B", "(C)"), masters: seen("A", "B!", "C"), removed: "C", want: "removed C Nonvoter c"},
		"leader is marked": {servers: servers("A", "B", "C"), masters: seen("A", "B", "C"), removed: "A"},

		"dead voter":             {servers: servers("A", "B", "C"), masters: seen("A", "B", "C!"), gone: at(long, "C")},
		"forgotten voter":        {servers: servers("A", "B", "C"), masters: seen("A", "B"), gone: at(long, "C")},
		"most are dead":          {servers: servers("A", "B", "C", "D"), masters: seen("A", "B", "C!", "D!"), gone: at(long, "C", "D")},
		"replacement waits":      {servers: servers("A", "B", "C", "(D)"), masters: seen("A", "B", "C!", "C/D"), gone: at(long, "C")},
		"replaced by its name":   {servers: servers("A", "B", "C", "D"), masters: seen("A", "B", "C!", "C/D"), gone: at(short, "C"), want: "removed C Voter c"},
		"replacement is dead":    {servers: servers("A", "B", "C", "D"), masters: seen("A", "B", "C!", "C/D!"), gone: at(short, "C", "D")},
		"replaced by another":    {servers: servers("A", "B", "C", "D"), masters: seen("A", "B", "C!", "D"), gone: at(long, "C"), want: "removed C Voter c"},
		"replaced just now":      {servers: servers("A", "B", "C", "D"), masters: seen("A", "B", "C!", "D"), gone: at(short, "C")},
		"two of two":             {servers: servers("A", "B"), masters: seen("A", "B!"), gone: at(long, "B")},
		"one of five":            {servers: servers("A", "B", "C", "D", "E"), masters: seen("A", "B", "C", "D", "E!"), gone: at(long, "E")},
		"two of six":             {servers: servers("A", "B", "C", "D", "E", "F"), masters: seen("A", "B", "C", "D!", "E!", "F"), gone: at(long, "D", "E"), want: "removed D Voter d"},
		"three of six":           {servers: servers("A", "B", "C", "D", "E", "F"), masters: seen("A", "B", "C", "D!", "E!", "F!"), gone: at(long, "D", "E", "F")},
		"wiped one of five":      {servers: servers("A", "B", "C", "D", "E", "F"), masters: seen("A", "B", "C", "D!", "E!", "E/F"), gone: at(short, "D", "E"), want: "removed E Voter e"},
		"vote before the burial": {servers: servers("A", "B", "C", "(D)"), masters: seen("A", "B", "C!", "C/D"), gone: at(long, "C"), stable: at(long, "D"), want: "given a vote D Voter d"},
	} {
		t.Run(name, func(t *testing.T) {
			change := peerView{
				servers: test.servers, self: "A", address: "a", clusterID: "c1", masters: test.masters, now: now, gone: test.gone, stable: test.stable,
				removed: func(id string) bool { return id == test.removed },
				config:  Config{}.withDefaults(),
			}.next()
			got := ""
			if change.action != "" {
				got = fmt.Sprintf("%s %s %s %s", change.action, change.server.ID, change.server.Suffrage, plainAddress(change.server.Address))
			}
			if diff := cmp.Diff(test.want, got); diff != "" {
				t.Error(diff)
			}
		})
	}
}

func TestNewMastersJoin(t *testing.T) {
	p := newPool(t)
	p.start("a", t.TempDir(), func(c *Config) { c.PeerStableTime = time.Hour })
	p.awaitLeader()
	p.mustCreate("web")
	b := p.start("b", t.TempDir(), joining)
	if tag, _ := b.Initializing(); tag == "" {
		t.Error("a master that waits does not say so")
	}
	p.awaitServers("(b)", "a")
	p.awaitJobs("web")
	a := p.get("a")
	a.stop()
	p.start("a", a.dir, nil)
	p.awaitServers("a", "b")
	p.start("c", t.TempDir(), joining)
	p.awaitServers("a", "b", "c")
	p.mustCreate("db")
	p.awaitJobs("db", "web")
	p.wantOneCluster()
	p.awaitLeader().crash()
	p.mustCreate("more")
	p.awaitJobs("db", "more", "web")
}

// TestNewMasterGetsASnapshot joins when the leader's log does not go back to the beginning.
func TestNewMasterGetsASnapshot(t *testing.T) {
	p := newPool(t)
	a := p.start("a", t.TempDir(), nil)
	p.awaitLeader()
	names := []string{"web", "db", "mail"}
	for _, name := range names {
		p.mustCreate(name)
	}
	n := a.node.Load()
	config := n.ReloadableConfig()
	config.TrailingLogs = 1
	if err := errors.Join(n.ReloadConfig(config), n.Snapshot().Error()); err != nil {
		t.Fatal(err)
	}
	if first, err := a.folders.log.FirstIndex(); err != nil || first < 2 {
		t.Fatalf("the log begins at %d, %v", first, err)
	}
	b := p.start("b", t.TempDir(), joining)
	p.awaitServers("a", "b")
	p.awaitJobs(names...)
	if b.ClusterID() != a.ClusterID() {
		t.Errorf("it is of cluster %q", b.ClusterID())
	}
	b.stop()
	p.start("b", b.dir, joining)
	p.mustCreate("more")
	p.awaitJobs(append(names, "more")...)
}

// TestMasterOfItselfIsNotTakenIn: one that forms its own cluster belongs to that.
func TestMasterOfItselfIsNotTakenIn(t *testing.T) {
	p := newPool(t)
	a := p.start("a", t.TempDir(), nil)
	b := p.start("b", t.TempDir(), nil)
	for _, r := range []*peer{a, b} {
		p.eventually(func() error { return r.ReadIndex(t.Context()) })
		if r.keepOnce(t.Context(), r.node.Load(), &peerKeeper{gone: map[raft.ServerID]time.Time{}, stable: map[raft.ServerID]time.Time{}}) {
			t.Errorf("%s changed its configuration", r.name)
		}
		if n := r.node.Load().voters(); n != 1 {
			t.Errorf("%s has %d voters", r.name, n)
		}
	}
	if a.ClusterID() == b.ClusterID() {
		t.Error("the clusters are one")
	}
}

func TestDeadNonVoterIsRemoved(t *testing.T) {
	p := newPool(t)
	p.start("a", t.TempDir(), func(c *Config) { c.PeerStableTime, c.DeadPeerGrace = time.Hour, 100*time.Millisecond })
	p.awaitLeader()
	b := p.start("b", t.TempDir(), joining)
	p.awaitServers("(b)", "a")
	b.stop()
	p.awaitServers("a")
	p.start("b", b.dir, joining)
	p.awaitServers("(b)", "a")
	p.mustCreate("web")
	p.awaitJobs("web")
}

func TestDeadVoterIsReplacedAndNeverJustRemoved(t *testing.T) {
	p := startThree(t, func(c *Config) { c.DeadPeerGrace = 100 * time.Millisecond })
	victim := p.others(p.awaitLeader())[0]
	victim.crash()
	leader := p.awaitLeader()
	// Many looks later the dead voter is still there.
	keeper := peerKeeper{gone: map[raft.ServerID]time.Time{victim.folders.serverID: time.Now().Add(-time.Hour)}, stable: map[raft.ServerID]time.Time{}}
	if leader.keepOnce(t.Context(), leader.node.Load(), &keeper) {
		t.Error("the dead voter was removed")
	}
	p.start("d", t.TempDir(), func(c *Config) { c.Join, c.DeadPeerGrace = true, 100*time.Millisecond })
	want := []string{"a", "b", "c", "d"}
	p.awaitServers(slices.DeleteFunc(want, func(name string) bool { return name == victim.name })...)
	// It comes back as what it was: a master of this cluster.
	p.start(victim.name, victim.dir, func(c *Config) { c.DeadPeerGrace = 100 * time.Millisecond })
	p.awaitServers("a", "b", "c", "d")
	p.mustCreate("web")
	p.awaitJobs("web")
}

// TestMastersThatMove restarts all masters at once on other ports: only gossip knows where they are.
func TestMastersThatMove(t *testing.T) {
	if raceDetector {
		// updateLastAppended reads followerReplication.peer.ID without the lock under which startStopReplication replaces the peer by one
		// with the same id and another address. The run without the detector has this test.
		t.Skip("hashicorp/raft 1.8.0 has a data race of its own when the address of a peer changes")
	}
	p := startThree(t, nil)
	p.mustCreate("before")
	old := p.running()
	ids := map[string]string{}
	addresses := map[string]bool{}
	for _, r := range old {
		r.crash()
		ids[r.name], addresses[r.RaftAddress()] = r.ServerID(), true
	}
	for _, r := range old {
		elsewhere := ports.Address(t)
		again := p.start(r.name, r.dir, named(func(c *Config) { c.RaftBind = elsewhere }, "a", "b", "c"))
		if again.ServerID() != ids[r.name] {
			t.Errorf("%s has another id", r.name)
		}
	}
	leader := p.awaitLeader()
	p.eventually(func() error {
		servers, _ := leader.node.Load().servers()
		for _, server := range servers {
			if addresses[plainAddress(server.Address)] {
				return fmt.Errorf("%s is still at %s", server.ID, server.Address)
			}
		}
		return nil
	})
	p.mustCreate("after")
	p.awaitJobs("after", "before")
}

func TestRemovedPeerStaysOut(t *testing.T) {
	p := startThree(t, nil)
	leader := p.awaitLeader()
	victim := p.others(leader)[0]
	wantCode(t, leader.RemovePeer(t.Context(), by("u"), "nobody", false), model.CodeNotFound)
	wantCode(t, leader.RemovePeer(t.Context(), by("u"), "", false), model.CodeNotFound)
	wantCode(t, victim.RemovePeer(t.Context(), by("u"), leader.name, false), model.CodeUnavailable)
	wantCode(t, leader.RemovePeer(t.Context(), by("u"), victim.name, false), "")
	wantCode(t, leader.RemovePeer(t.Context(), by("u"), victim.ServerID(), false), "") // a repeated request
	p.eventually(func() error {
		if err := victim.Health()["raft"]; err == nil || !strings.Contains(err.Error(), "was removed from its cluster") {
			return fmt.Errorf("the health of the removed master is %v", err)
		}
		return nil
	})
	wantCode(t, victim.ReadIndex(t.Context()), model.CodeUnavailable)
	_, err := victim.CreateJob(t.Context(), by("u"), testJob("web", "1"))
	wantCode(t, err, model.CodeUnavailable)
	if state := victim.Self().State; state != model.MasterStopped {
		t.Errorf("the removed master is a %s", state)
	}
	// It is alive, of this cluster, and not taken in, also not after a restart and by another leader.
	victim.stop()
	again := p.start(victim.name, victim.dir, named(nil, "a", "b", "c"))
	p.eventually(func() error {
		if err := again.Health()["raft"]; err == nil || !strings.Contains(err.Error(), "was removed from its cluster") {
			return fmt.Errorf("the health of the removed master is %v", err)
		}
		return nil
	})
	if leader.keepOnce(t.Context(), leader.node.Load(), &peerKeeper{gone: map[raft.ServerID]time.Time{}, stable: map[raft.ServerID]time.Time{}}) {
		t.Error("the removed master was taken in")
	}
	if got := leader.node.Load().voters(); got != 2 {
		t.Errorf("%d voters", got)
	}
}

// TestRemovedWhileCutOff hears of its removal when it comes back: nobody sends it entries any more.
func TestRemovedWhileCutOff(t *testing.T) {
	p := startThree(t, nil)
	leader := p.awaitLeader()
	victim := p.others(leader)[0]
	p.isolate(victim.name, true)
	p.eventually(func() error { return leader.RemovePeer(t.Context(), by("u"), victim.ServerID(), false) })
	p.isolate(victim.name, false)
	p.eventually(func() error {
		if err := victim.Health()["raft"]; err == nil || !strings.Contains(err.Error(), "was removed from its cluster") {
			return fmt.Errorf("the health of the removed master is %v", err)
		}
		return nil
	})
	if now := p.leader(); now != leader {
		t.Error("the removed master disturbed the leader")
	}
}

func TestUnsafeRemovals(t *testing.T) {
	p := newPool(t)
	a := p.start("a", t.TempDir(), nil)
	p.awaitLeader()
	for _, force := range []bool{false, true} {
		wantCode(t, a.RemovePeer(t.Context(), by("u"), "a", force), model.CodeUnsafe)
	}
	wantCode(t, a.Leave(t.Context(), by("u")), model.CodeUnsafe)

	p = startThree(t, nil)
	leader := p.awaitLeader()
	dead, other := p.others(leader)[0], p.others(leader)[1]
	dead.crash()
	// Of the two left one is dead.
	wantCode(t, leader.RemovePeer(t.Context(), by("u"), other.name, false), model.CodeUnsafe)
	wantCode(t, leader.RemovePeer(t.Context(), by("u"), leader.name, false), model.CodeUnsafe)
	wantCode(t, leader.RemovePeer(t.Context(), by("u"), dead.name, false), "")
	p.mustCreate("web")
	p.awaitJobs("web")
	wantCode(t, leader.RemovePeer(t.Context(), by("u"), other.name, true), "")
	p.awaitServers(leader.name)
}

func TestLeaderIsRemoved(t *testing.T) {
	p := startThree(t, nil)
	leader := p.awaitLeader()
	wantCode(t, leader.RemovePeer(t.Context(), by("u"), leader.ServerID(), false), "")
	p.eventually(func() error {
		if now := p.leader(); now == nil || now == leader {
			return errors.New("no other master leads")
		}
		return nil
	})
	want := []string{"a", "b", "c"}
	p.awaitServers(slices.DeleteFunc(want, func(name string) bool { return name == leader.name })...)
	p.mustCreate("web")
}

func TestLeave(t *testing.T) {
	for _, leads := range []bool{false, true} {
		t.Run(fmt.Sprintf("leader %v", leads), func(t *testing.T) {
			t.Parallel()
			p := startThree(t, nil)
			p.mustCreate("before")
			leaver := p.awaitLeader()
			if !leads {
				leaver = p.others(leaver)[0]
			}
			wantCode(t, leaver.Leave(t.Context(), by("u")), "")
			<-leaver.ended
			leaver.stop()
			rest := slices.DeleteFunc([]string{"a", "b", "c"}, func(name string) bool { return name == leaver.name })
			p.awaitServers(rest...)
			p.mustCreate("after")
			p.awaitJobs("after", "before")
			_, err := New(Config{Name: leaver.name, DataDir: leaver.dir})
			if err == nil || !strings.Contains(err.Error(), "has left the cluster "+leaver.ClusterID()) || strings.Contains(err.Error(), "\n") {
				t.Errorf("it starts again: %v", err)
			}
		})
	}
}
