package gossip_test

import (
	"fmt"
	"log/slog"
	"strings"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/heliosctl/heliosctl/daemon/gossip"
	"github.com/heliosctl/heliosctl/model"
)

func TestMembersAreListedByRoleAndName(t *testing.T) {
	t.Parallel()
	m2 := start(t, gossip.Config{Member: of("c-a", master("m2"))})
	m1 := start(t, gossip.Config{Member: gossip.Member{
		Role: gossip.RoleMaster, Name: "m1", ID: "raft-1", API: "http://10.0.0.1:5801", Raft: "10.0.0.1:5806", ClusterID: "c-a", Version: "0.1.0",
	}, Join: []string{m2.Addr()}})
	left := start(t, gossip.Config{Member: agent("web-2", "BBBB"), Join: []string{m2.Addr()}})
	failed := start(t, gossip.Config{Member: agent("web-1", "AAAA"), Join: []string{m2.Addr()}})
	for _, g := range []started{m2, m1, left, failed} {
		await(t, g, "everyone", func() bool { return len(g.Members()) == 4 })
	}
	if err := left.stop(); err != nil {
		t.Fatal(err)
	}
	failed.kill()
	want := []model.Member{
		{
			Name: "m1", Role: "master", ID: "raft-1", Status: model.MemberAlive, Address: m1.Addr(), API: "http://10.0.0.1:5801", Raft: "10.0.0.1:5806",
			ClusterID: "c-a", Version: "0.1.0",
		},
		{Name: "m2", Role: "master", ID: "id-of-m2", Status: model.MemberAlive, Address: m2.Addr(), API: "http://127.0.0.1:5801", ClusterID: "c-a", Version: "0.1.0"},
		{Name: "web-1", Role: "agent", ID: "AAAA", Status: model.MemberFailed, Address: failed.Addr()},
		{Name: "web-2", Role: "agent", ID: "BBBB", Status: model.MemberLeft, Address: left.Addr()},
	}
	await(t, m2, "the ends of two", func() bool { return cmp.Equal(want, m2.Members()) })
}

func TestLongNamesFitOrAreRefused(t *testing.T) {
	t.Parallel()
	agentID := strings.Repeat("A", 36)
	long := gossip.Member{Role: gossip.RoleAgent, Name: strings.Repeat("h", 255), ID: agentID, ClusterID: agentID, Version: "1.22.333-rc.4+abcdef0"}
	m := start(t, gossip.Config{Member: master("m1")})
	start(t, gossip.Config{Member: long, Join: []string{m.Addr()}})
	await(t, m, "the agent with a long name", func() bool { return m.AgentAlive(long.Name, long.ID) })

	full := gossip.Member{
		Role: gossip.RoleMaster, ID: agentID, API: "http://[2001:db8:1111:2222:3333:4444:5555:6666]:65535",
		Raft: "[2001:db8:1111:2222:3333:4444:5555:6666]:65535", Version: "1.22.333-rc.4+abcdef0",
	}
	full.Name = strings.Repeat("m", 255)
	refuse := func(member gossip.Member) error {
		g, err := gossip.New(gossip.Config{Member: member, Bind: "127.0.0.1:0", Loopback: true, Logger: slog.New(slog.DiscardHandler)})
		if err == nil {
			if err := g.Close(); err != nil {
				t.Error(err)
			}
		}
		return err
	}
	err := refuse(full)
	var fits int
	if err == nil {
		t.Fatal("a master whose tags are too long is taken")
	}
	if _, scanned := fmt.Sscanf(err.Error(), "the master name of 255 bytes is too long to be gossiped: give it with --name in at most %d", &fits); scanned != nil {
		t.Fatalf("got %v", err)
	}
	full.Name = strings.Repeat("m", fits+1)
	if err := refuse(full); model.CodeOf(err) != model.CodeInvalid {
		t.Errorf("a name of %d bytes: %v", fits+1, err)
	}

	// What is taken can still learn all there is to know.
	full.Name = strings.Repeat("m", fits)
	g := start(t, gossip.Config{Member: full, Join: []string{m.Addr()}})
	err = g.Update(func(m *gossip.Member) {
		m.ClusterID, m.Initial = agentID, gossip.InitialTag([]string{"m1"})
	})
	if err != nil {
		t.Fatal(err)
	}
	await(t, m, "the master with everything", func() bool {
		masters := m.Masters()
		return len(masters) == 2 && masters[1].Name == full.Name && masters[1].ClusterID == agentID && masters[1].Raft == full.Raft
	})
	if err := g.Update(func(m *gossip.Member) { m.API = strings.Repeat("x", 100) }); model.CodeOf(err) != model.CodeInvalid {
		t.Errorf("an update that is too long: %v", err)
	}
}

// What is read of this daemon while it changes is never torn; the race detector watches.
func TestUpdatesAndReadsAtTheSameTime(t *testing.T) {
	t.Parallel()
	m := start(t, gossip.Config{Member: master("m1")})
	a := start(t, gossip.Config{Member: agent("web-1", "AAAA"), Join: []string{m.Addr()}})
	await(t, m, "the agent", func() bool { return m.AgentAlive("web-1", "AAAA") })
	var done sync.WaitGroup
	for i := range 4 {
		done.Go(func() {
			for n := range 4 {
				if err := m.Update(func(m *gossip.Member) { m.ClusterID = fmt.Sprintf("c-%d-%d", i, n) }); err != nil {
					t.Error(err)
				}
				m.Masters()
				m.Agent("web-1", "AAAA")
				m.Members()
			}
		})
	}
	done.Wait()
	if err := m.Update(func(m *gossip.Member) { *m = gossip.Member{Role: gossip.RoleAgent, ClusterID: "c-last"} }); err != nil {
		t.Fatal(err)
	}
	await(t, a, "the last update, which keeps role, name and id", func() bool {
		masters := a.Masters()
		return len(masters) == 1 && masters[0].ClusterID == "c-last" && masters[0].Name == "m1" && masters[0].ID == "id-of-m1"
	})
}
