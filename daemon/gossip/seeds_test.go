package gossip_test

import (
	"context"
	"errors"
	"net"
	"net/netip"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"github.com/heliosctl/heliosctl/daemon/daemontest/ports"
	"github.com/heliosctl/heliosctl/daemon/gossip"
)

// awaitSnapshot waits until a member has put another into its snapshot, which it does a little after it has learnt of it.
func awaitSnapshot(t *testing.T, g started, dir string, of started) {
	t.Helper()
	await(t, g, "the snapshot", func() bool {
		if err := gossip.Poke(g.Gossip); err != nil {
			t.Fatal(err)
		}
		text, err := os.ReadFile(filepath.Join(dir, "serf.snapshot"))
		return err == nil && strings.Contains(string(text), of.Addr())
	})
}

func TestJoinWaitsForADaemonThatStartsLater(t *testing.T) {
	t.Parallel()
	addr := ports.Address(t)
	a := start(t, gossip.Config{Member: agent("web-1", "AAAA"), Join: []string{addr}})

	start(t, gossip.Config{Member: master("m1"), Bind: addr})
	await(t, a, "the master", func() bool { return len(a.Masters()) == 1 })
}

func TestMembersAreRememberedAcrossARestart(t *testing.T) {
	t.Parallel()
	dir := filepath.Join(t.TempDir(), "made", "when", "missing")
	m := start(t, gossip.Config{Member: master("m1")})
	a := start(t, gossip.Config{Member: agent("web-1", "AAAA"), Join: []string{m.Addr()}, StateDir: dir})
	await(t, m, "the agent", func() bool { return m.AgentAlive("web-1", "AAAA") })
	await(t, a, "the master", func() bool { return len(a.Masters()) == 1 })
	awaitSnapshot(t, a, dir, m)
	if err := a.stop(); err != nil {
		t.Fatal(err)
	}
	await(t, m, "the agent to be gone", func() bool { return !m.AgentAlive("web-1", "AAAA") })

	again := start(t, gossip.Config{Member: agent("web-1", "AAAA"), StateDir: dir})
	await(t, again, "the master without being told where it is", func() bool { return len(again.Masters()) == 1 })
}

func TestAKilledMemberFindsThePoolWhenItsSeedIsGone(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	seed := start(t, gossip.Config{Member: master("m1")})
	m2 := start(t, gossip.Config{Member: master("m2"), Join: []string{seed.Addr()}})
	a := start(t, gossip.Config{Member: agent("web-1", "AAAA"), Join: []string{seed.Addr()}, StateDir: dir})
	await(t, a, "both masters", func() bool { return len(a.Masters()) == 2 })
	await(t, m2, "the agent", func() bool { return m2.AgentAlive("web-1", "AAAA") })

	awaitSnapshot(t, a, dir, m2)
	a.kill()
	seed.kill()
	await(t, m2, "the failures", func() bool { return !m2.AgentAlive("web-1", "AAAA") && len(m2.Masters()) == 1 })

	again := start(t, gossip.Config{Member: agent("web-1", "AAAA"), StateDir: dir, Bind: a.Addr()})
	await(t, again, "the other master", func() bool { return len(again.Masters()) == 1 && again.Masters()[0].Name == "m2" })
	await(t, m2, "the agent", func() bool { return m2.AgentAlive("web-1", "AAAA") })
}

// A daemon that is killed before Serf has written its snapshot knows the masters all the same.
func TestMastersAreRememberedWithoutASnapshot(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	m := start(t, gossip.Config{Member: master("m1")})
	a := start(t, gossip.Config{Member: agent("web-1", "AAAA"), Join: []string{m.Addr()}, StateDir: dir})
	await(t, a, "the file of masters", func() bool {
		text, err := os.ReadFile(filepath.Join(dir, "masters"))
		return err == nil && string(text) == m.Addr()+"\n"
	})
	a.kill()
	if err := os.Remove(filepath.Join(dir, "serf.snapshot")); err != nil {
		t.Fatal(err)
	}
	await(t, m, "the failure", func() bool { return !m.AgentAlive("web-1", "AAAA") })
	if !m.AgentGone("web-1", "AAAA") {
		t.Error("an agent that has failed does not count as gone")
	}

	again := start(t, gossip.Config{Member: agent("web-1", "AAAA"), StateDir: dir, Bind: a.Addr()})
	await(t, again, "the master without being told where it is", func() bool { return len(again.Masters()) == 1 })
}

// Serf asks the members that it remembers only once; the network, or all of them, may come up later.
func TestRememberedMembersAreAskedUntilOneAnswers(t *testing.T) {
	t.Parallel()
	dir, addr := t.TempDir(), ports.Address(t)
	m := start(t, gossip.Config{Member: master("m1"), Bind: addr})
	a := start(t, gossip.Config{Member: agent("web-1", "AAAA"), Join: []string{addr}, StateDir: dir})
	await(t, a, "the master", func() bool { return len(a.Masters()) == 1 })
	awaitSnapshot(t, a, dir, m)
	a.kill()
	m.kill()

	missed := make(chan struct{})
	again := start(t, gossip.Config{Member: agent("web-1", "AAAA"), StateDir: dir, Logger: awaitLine("cannot join the gossip pool yet", missed)})
	<-missed
	start(t, gossip.Config{Member: master("m1"), Bind: addr})
	await(t, again, "the master", func() bool { return len(again.Masters()) == 1 })
}

// A master that left does not look for those it left behind, and may come back knowing nobody.
func TestADaemonThatBecameAloneJoinsAgain(t *testing.T) {
	t.Parallel()
	addr := ports.Address(t)
	m := start(t, gossip.Config{Member: master("m1"), Bind: addr})
	a := start(t, gossip.Config{Member: agent("web-1", "AAAA"), Join: []string{addr}})
	await(t, a, "the master", func() bool { return len(a.Masters()) == 1 })
	if err := m.stop(); err != nil {
		t.Fatal(err)
	}
	await(t, a, "the master to be gone", func() bool { return len(a.Masters()) == 0 })

	start(t, gossip.Config{Member: master("m1"), Bind: addr})
	await(t, a, "the master to be back", func() bool { return len(a.Masters()) == 1 })
}

// A pool that has agents only is no company: a master that others joined goes on looking for its peers.
func TestAMasterWithAgentsStillJoinsMasters(t *testing.T) {
	t.Parallel()
	addr := ports.Address(t)
	m1 := start(t, gossip.Config{Member: master("m1"), Join: []string{addr}})
	a := start(t, gossip.Config{Member: agent("web-1", "AAAA"), Join: []string{m1.Addr()}})
	await(t, m1, "the agent", func() bool { return m1.AgentAlive("web-1", "AAAA") })
	start(t, gossip.Config{Member: master("m2"), Bind: addr})
	await(t, a, "both masters", func() bool { return len(a.Masters()) == 2 })
}

func TestNamesToJoinAreResolvedAnew(t *testing.T) {
	t.Parallel()
	var mu sync.Mutex
	known := map[string]string{}
	var asked []string
	lookup := func(_ context.Context, _, host string) ([]netip.Addr, error) {
		mu.Lock()
		defer mu.Unlock()
		asked = append(asked, host)
		if ip, ok := known[host]; ok {
			return []netip.Addr{netip.MustParseAddr(ip)}, nil
		}
		return nil, errors.New("no such host")
	}
	resolve := func(name, ip string) {
		mu.Lock()
		defer mu.Unlock()
		known[name] = ip
	}
	m1 := start(t, gossip.Config{Member: master("m1")})
	_, port, err := net.SplitHostPort(m1.Addr())
	if err != nil {
		t.Fatal(err)
	}
	missed := make(chan struct{})
	a := start(t, gossip.Config{
		Member: agent("web-1", "AAAA"), Join: []string{"seed.example:" + port}, Lookup: lookup,
		Logger: awaitLine("cannot join the gossip pool yet", missed),
	})
	<-missed
	resolve("seed.example", "127.0.0.1")
	await(t, a, "the master", func() bool { return len(a.Masters()) == 1 })

	// The master moves, as one does that gets a new machine, and the name with it.
	if err := m1.stop(); err != nil {
		t.Fatal(err)
	}
	await(t, a, "the master to be gone", func() bool { return len(a.Masters()) == 0 })
	start(t, gossip.Config{Member: master("m2"), Bind: "127.0.0.2:" + port})
	resolve("seed.example", "127.0.0.2")
	await(t, a, "the new master", func() bool { return len(a.Masters()) == 1 && a.Masters()[0].Name == "m2" })
}

func TestJoinHasADefaultPort(t *testing.T) {
	t.Parallel()
	m := start(t, gossip.Config{Member: master("m1"), Bind: "127.77.0.1:5805"})
	a := start(t, gossip.Config{Member: agent("web-1", "AAAA"), Join: []string{"127.77.0.1"}})
	await(t, a, "the master", func() bool { return len(a.Masters()) == 1 })
	_ = m
}
