package gossip_test

import (
	"log/slog"
	"strings"
	"testing"

	"github.com/heliosctl/heliosctl/daemon/gossip"
)

func of(cluster string, m gossip.Member) gossip.Member {
	m.ClusterID = cluster
	return m
}

func names(members []gossip.Member) string {
	var all []string
	for _, m := range members {
		all = append(all, m.Name)
	}
	return strings.Join(all, " ")
}

// Whichever side joins, and whether it has a cluster itself or is in the pool of one, two clusters stay two.
func TestTwoClustersNeverMerge(t *testing.T) {
	t.Parallel()
	for name, joiner := range map[string]gossip.Member{
		"a master of one joins the other":     of("c-a", master("a2")),
		"an agent of one joins the other":     of("c-a", agent("web-a2", "AAAA")),
		"a fresh daemon in one joins another": agent("web-a2", "AAAA"),
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			told := &lines{}
			a := start(t, gossip.Config{Member: of("c-a", master("a1"))})
			b := start(t, gossip.Config{Member: of("c-b", master("b1")), Logger: slog.New(told)})
			bAgent := start(t, gossip.Config{Member: of("c-b", agent("web-b", "BBBB")), Join: []string{b.Addr()}})
			await(t, b, "its agent", func() bool { return b.AgentAlive("web-b", "BBBB") })

			j := start(t, gossip.Config{Member: joiner, Join: []string{a.Addr()}})
			await(t, j, "its master", func() bool { return strings.HasPrefix(names(j.Masters()), "a1") })
			if _, err := gossip.JoinNow(j.Gossip, b.Addr()); err == nil {
				t.Error("the join went well")
			}
			if _, err := gossip.JoinNow(b.Gossip, j.Addr()); err == nil {
				t.Error("the join from the other side went well")
			}
			for _, g := range []started{a, j} {
				if strings.Contains(names(g.KnownMasters()), "b1") || g.AgentAlive("web-b", "BBBB") {
					t.Errorf("%s knows members of the other cluster: %+v", g.Addr(), g.Members())
				}
			}
			for _, g := range []started{b, bAgent} {
				if strings.Contains(names(g.KnownMasters()), "a") {
					t.Errorf("%s knows members of the other cluster: %+v", g.Addr(), g.Members())
				}
			}
			refusals := told.having("WARN refused to gossip")
			if len(refusals) != 1 || !strings.Contains(refusals[0], "its_cluster=c-a") || !strings.Contains(refusals[0], "--join") {
				t.Errorf("the log of the other cluster says %q", refusals)
			}
			if noise := append(told.having("ERROR"), told.having("WARN memberlist")...); len(noise) > 0 {
				t.Errorf("beside that it says %q", noise)
			}
		})
	}
}

func TestAFreshDaemonJoinsAnyCluster(t *testing.T) {
	t.Parallel()
	m := start(t, gossip.Config{Member: of("c-a", master("a1"))})
	fresh := start(t, gossip.Config{Member: master("a2"), Join: []string{m.Addr()}})
	await(t, m, "the fresh master", func() bool { return names(m.Masters()) == "a1 a2" })
	if err := fresh.Update(func(m *gossip.Member) { m.ClusterID = "c-a" }); err != nil {
		t.Fatal(err)
	}
	await(t, m, "its cluster id", func() bool { return m.Masters()[1].ClusterID == "c-a" })
}

// A cluster that is replaced by a restored one gets that one's id, on one master after the other.
func TestAClusterCanChangeItsID(t *testing.T) {
	t.Parallel()
	m1 := start(t, gossip.Config{Member: of("c-a", master("m1"))})
	m2 := start(t, gossip.Config{Member: of("c-a", master("m2")), Join: []string{m1.Addr()}})
	a := start(t, gossip.Config{Member: agent("web-1", "AAAA"), Join: []string{m1.Addr()}})
	for _, g := range []started{m1, m2, a} {
		await(t, g, "the masters", func() bool { return len(g.Masters()) == 2 })
	}
	for _, g := range []started{m1, m2} {
		if err := g.Update(func(m *gossip.Member) { m.ClusterID = "c-b" }); err != nil {
			t.Fatal(err)
		}
		await(t, a, "the new id", func() bool {
			return len(a.Masters()) == 2 && strings.Contains(a.Masters()[0].ClusterID+a.Masters()[1].ClusterID, "c-b")
		})
	}
	for _, g := range []started{m1, m2, a} {
		await(t, g, "one cluster again", func() bool {
			masters := g.Masters()
			return len(masters) == 2 && masters[0].ClusterID == "c-b" && masters[1].ClusterID == "c-b"
		})
	}
}

// Those that were in one pool before they knew that they are not one cluster do not count each other.
func TestMembersOfAnotherClusterDoNotCount(t *testing.T) {
	t.Parallel()
	m1 := start(t, gossip.Config{Member: master("m1")})
	m2 := start(t, gossip.Config{Member: master("m2"), Join: []string{m1.Addr()}})
	a := start(t, gossip.Config{Member: of("c-b", agent("web-1", "AAAA")), Join: []string{m1.Addr()}})
	await(t, m1, "everyone", func() bool { return len(m1.Masters()) == 2 && m1.AgentAlive("web-1", "AAAA") })
	for cluster, g := range map[string]started{"c-a": m1, "c-b": m2} {
		if err := g.Update(func(m *gossip.Member) { m.ClusterID = cluster }); err != nil {
			t.Fatal(err)
		}
	}
	await(t, m1, "the other to be ignored", func() bool {
		return names(m1.Masters()) == "m1" && names(m1.KnownMasters()) == "m1" && !m1.AgentAlive("web-1", "AAAA")
	})
	await(t, a, "the other to be ignored", func() bool { return names(a.Masters()) == "m2" })
}
