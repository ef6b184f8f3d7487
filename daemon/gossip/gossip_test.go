package gossip_test

import (
	"context"
	"log/slog"
	"net"
	"net/netip"
	"strings"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/heliosctl/heliosctl/daemon/gossip"
)

func TestMain(m *testing.M) {
	// Serf leaves the first two behind when it cannot listen, which one test provokes; a Gossip that is not closed leaves others too.
	// The third ends by itself: closing memberlist does not cut a ping short, which takes up to its interval of a second.
	goleak.VerifyTestMain(m,
		goleak.IgnoreTopFunction("github.com/hashicorp/serf/serf.(*serfQueries).stream"),
		goleak.IgnoreTopFunction("github.com/hashicorp/serf/serf.(*Snapshotter).teeStream"),
		goleak.IgnoreTopFunction("github.com/hashicorp/memberlist.(*Memberlist).probeNode"))
}

// started is a member of the pool together with the means to end it.
type started struct {
	*gossip.Gossip
	stop func() error // leaves the pool first
	kill func()       // says nothing to the others
}

// start starts a member with the timings for one machine.
func start(t *testing.T, cfg gossip.Config) started {
	t.Helper()
	cfg.Loopback = true
	return startProfile(t, cfg)
}

func startProfile(t *testing.T, cfg gossip.Config) started {
	t.Helper()
	if cfg.Bind == "" {
		cfg.Bind = "127.0.0.1:0"
	}
	if cfg.Logger == nil {
		cfg.Logger = slog.New(slog.DiscardHandler)
	}
	g, err := gossip.New(cfg)
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- g.Run(ctx) }()
	var ended bool
	stop := func() error {
		if ended {
			return nil
		}
		ended = true
		cancel()
		return <-done
	}
	kill := func() {
		if !ended {
			ended = true
			_ = g.Close() // Run takes it for being expelled
			<-done
			cancel()
		}
	}
	t.Cleanup(func() { _ = stop() })
	return started{g, stop, kill}
}

// await waits until the condition holds of the pool as g sees it.
func await(t *testing.T, g started, what string, condition func() bool) {
	t.Helper()
	deadline := time.After(60 * time.Second)
	// Not all of what is waited for is told of by a change of the pool.
	tick := time.NewTicker(100 * time.Millisecond)
	defer tick.Stop()
	for {
		changed := g.Changed()
		if condition() {
			return
		}
		select {
		case <-changed:
		case <-tick.C:
		case <-deadline:
			t.Fatalf("gave up waiting for %s; members: %+v", what, g.Members())
		}
	}
}

func master(name string) gossip.Member {
	return gossip.Member{Role: gossip.RoleMaster, Name: name, ID: "id-of-" + name, API: "http://127.0.0.1:5801", Version: "0.1.0"}
}

func agent(host, id string) gossip.Member {
	return gossip.Member{Role: gossip.RoleAgent, Name: host, ID: id}
}

func TestMembersFindEachOther(t *testing.T) {
	m := start(t, gossip.Config{Member: master("m1")})
	a := start(t, gossip.Config{Member: agent("web-1", "AAAA"), Join: []string{m.Addr()}})

	await(t, m, "the agent", func() bool { return m.AgentAlive("web-1", "AAAA") })
	await(t, a, "the master", func() bool { return len(a.Masters()) == 1 })
	if got := a.Masters()[0].API; got != "http://127.0.0.1:5801" {
		t.Errorf("the agent learnt API address %q", got)
	}
	if m.AgentAlive("web-1", "BBBB") {
		t.Error("another agent id on the same host counts as alive")
	}
	if m.AgentAlive("web-2", "AAAA") {
		t.Error("the agent counts as alive on another host")
	}
	if found, ok := m.Agent("web-1", "AAAA"); !ok || found.Name != "web-1" || found.IP != netip.MustParseAddr("127.0.0.1") {
		t.Errorf("the agent is %+v, %v", found, ok)
	}
}

func TestAgentThatLeavesIsDownAtOnce(t *testing.T) {
	m := start(t, gossip.Config{Member: master("m1")})
	a := start(t, gossip.Config{Member: agent("web-1", "AAAA"), Join: []string{m.Addr()}})
	await(t, m, "the agent", func() bool { return m.AgentAlive("web-1", "AAAA") })
	if m.AgentGone("web-1", "AAAA") || m.AgentGone("web-1", "BBBB") || m.AgentGone("web-2", "AAAA") {
		t.Error("an agent counts as gone that is there or was never seen")
	}

	if err := a.stop(); err != nil {
		t.Fatal(err)
	}
	await(t, m, "the agent to be gone", func() bool { return !m.AgentAlive("web-1", "AAAA") })
	if !m.AgentGone("web-1", "AAAA") || m.AgentGone("web-1", "BBBB") {
		t.Error("not the agent that left counts as gone")
	}
}

func TestClusterIDReachesOthers(t *testing.T) {
	m := start(t, gossip.Config{Member: master("m1")})
	a := start(t, gossip.Config{Member: agent("web-1", "AAAA"), Join: []string{m.Addr()}})
	await(t, a, "the master", func() bool { return len(a.Masters()) == 1 })
	if err := m.Update(func(m *gossip.Member) { m.ClusterID = "c-1" }); err != nil {
		t.Fatal(err)
	}
	await(t, a, "the cluster id", func() bool { return a.Masters()[0].ClusterID == "c-1" })
}

func TestBadAddressesAreNamed(t *testing.T) {
	used, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer used.Close()
	for name, tt := range map[string]struct{ bind, advertise, join, want string }{
		"no port":           {bind: "127.0.0.1", want: `gossip address "127.0.0.1"`},
		"a word as port":    {bind: "127.0.0.1:x", want: `port "x"`},
		"a name":            {bind: "localhost:5805", want: `"localhost" is not an IP address`},
		"port in use":       {bind: used.Addr().String(), want: "cannot gossip on " + used.Addr().String()},
		"advertised a name": {bind: "127.0.0.1:0", advertise: "host:1", want: `advertised address "host:1"`},
		"joins no port":     {bind: "127.0.0.1:0", join: "host:x", want: `cannot join "host:x"`},
		"joins a URL":       {bind: "127.0.0.1:0", join: "http://host:5805", want: `cannot join "http://host:5805"`},
		"joins nothing":     {bind: "127.0.0.1:0", join: ":5805", want: `cannot join ":5805"`},
	} {
		t.Run(name, func(t *testing.T) {
			cfg := gossip.Config{
				Member: master("m"), Bind: tt.bind, Advertise: tt.advertise, Loopback: true, Logger: slog.New(slog.DiscardHandler),
			}
			if tt.join != "" {
				cfg.Join = []string{tt.join}
			}
			_, err := gossip.New(cfg)
			if err == nil || !strings.Contains(err.Error(), tt.want) {
				t.Errorf("got %v, want it to contain %q", err, tt.want)
			}
		})
	}
}
