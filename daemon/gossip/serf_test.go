package gossip_test

import (
	"bytes"
	"encoding/json"
	"os"
	"os/exec"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/heliosctl/heliosctl/daemon/daemontest/ports"
	"github.com/heliosctl/heliosctl/daemon/gossip"
	"github.com/heliosctl/heliosctl/model"
)

// stockSerf is HashiCorp's own agent, a process of its own.
type stockSerf struct {
	rpc  string
	addr string
	out  *output
}

// output is what a process says; it can be read while the process writes.
type output struct {
	mu   sync.Mutex
	text bytes.Buffer
}

func (o *output) Write(p []byte) (int, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.text.Write(p)
}

func (o *output) String() string {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.text.String()
}

func startStockSerf(t *testing.T, node, key string, args ...string) *stockSerf {
	t.Helper()
	binary, err := exec.LookPath("serf")
	if err != nil {
		if os.Getenv("HELIOSCTL_REQUIRE_SERF") == "1" {
			t.Fatal("HELIOSCTL_REQUIRE_SERF is set, but there is no serf in PATH (Debian's package serf has it)")
		}
		t.Skip("SKIPPED, NOTHING PROVEN: there is no serf in PATH (Debian's package serf has it); HELIOSCTL_REQUIRE_SERF=1 makes this a failure")
	}
	s := &stockSerf{rpc: ports.Address(t), addr: ports.Address(t), out: &output{}}
	args = append([]string{"agent", "-node=" + node, "-bind=" + s.addr, "-rpc-addr=" + s.rpc, "-profile=local", "-tag=dc=eu", "-log-level=debug"}, args...)
	if key != "" {
		args = append(args, "-encrypt="+key)
	}
	cmd := exec.Command(binary, args...)
	cmd.Stdout, cmd.Stderr = s.out, s.out
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = cmd.Process.Kill()
		_ = cmd.Wait()
		if t.Failed() {
			t.Logf("serf agent %s said:\n%s", node, s.out)
		}
	})
	return s
}

// seen is what the stock agent knows of a member.
type seen struct {
	Name   string            `json:"name"`
	Addr   string            `json:"addr"`
	Tags   map[string]string `json:"tags"`
	Status string            `json:"status"`
}

// members asks the stock agent by its own command; false as long as it does not answer.
func (s *stockSerf) members() ([]seen, bool) {
	out, err := exec.Command("serf", "members", "-format=json", "-rpc-addr="+s.rpc).Output()
	var list struct{ Members []seen }
	if err != nil || json.Unmarshal(out, &list) != nil {
		return nil, false
	}
	slices.SortFunc(list.Members, func(a, b seen) int { return strings.Compare(a.Name, b.Name) })
	return list.Members, true
}

func TestAStockSerfAgentJoins(t *testing.T) {
	t.Parallel()
	key := newKey(32)
	m := start(t, gossip.Config{Member: of("c-a", master("m1")), EncryptKey: key})
	a := start(t, gossip.Config{Member: of("c-a", agent("web-1", "AAAA")), EncryptKey: key, Join: []string{m.Addr()}})
	await(t, a, "the master", func() bool { return len(a.Masters()) == 1 })
	// It calls itself a master, as other people's tags may by chance.
	stock := startStockSerf(t, "monitor", key, "-join="+m.Addr(), "-role=master", "-tag=name=m9")

	var got []seen
	await(t, m, "the stock agent to see everyone", func() bool {
		got, _ = stock.members()
		return len(got) == 3
	})
	want := []seen{
		{Name: "agent.web-1.AAAA", Addr: a.Addr(), Status: "alive", Tags: map[string]string{"role": "agent", "name": "web-1", "id": "AAAA", "cluster": "c-a"}},
		{Name: "master.m1.id-of-m1", Addr: m.Addr(), Status: "alive", Tags: map[string]string{
			"role": "master", "name": "m1", "id": "id-of-m1", "cluster": "c-a", "api": "http://127.0.0.1:5801", "v": "0.1.0",
		}},
		{Name: "monitor", Addr: stock.addr, Status: "alive", Tags: map[string]string{"role": "master", "name": "m9", "dc": "eu"}},
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("the stock agent sees (-want +got):\n%s", diff)
	}

	foreign := model.Member{Name: "monitor", Status: model.MemberAlive, Address: stock.addr, Tags: map[string]string{"role": "master", "name": "m9", "dc": "eu"}}
	for _, g := range []started{m, a} {
		await(t, g, "the stock agent", func() bool { return len(g.Members()) == 3 })
		if diff := cmp.Diff(foreign, g.Members()[2]); diff != "" {
			t.Errorf("the stock agent is listed as (-want +got):\n%s", diff)
		}
		if names(g.KnownMasters()) != "m1" {
			t.Errorf("masters are %s", names(g.KnownMasters()))
		}
	}
	// It takes part in a change of keys like everyone.
	next := newKey(32)
	change(t, m, model.KeyringInstall, next)
	change(t, m, model.KeyringUse, next)
	change(t, m, model.KeyringRemove, key)
	ringOf(t, m, keyring(3, next, next))
	await(t, m, "the stock agent to answer after the change of keys", func() bool {
		got, _ := stock.members()
		return len(got) == 3 && got[0].Status == "alive" && got[1].Status == "alive"
	})
}

func TestAStockSerfAgentWithoutTheKeyIsRefused(t *testing.T) {
	t.Parallel()
	m := start(t, gossip.Config{Member: master("m1"), EncryptKey: newKey(32)})
	for name, key := range map[string]string{"no key": "", "another key": newKey(32)} {
		stock := startStockSerf(t, "monitor-"+strings.ReplaceAll(name, " ", "-"), key, "-retry-join="+m.Addr(), "-retry-interval=1s")
		await(t, m, "the refusal of an agent with "+name, func() bool {
			return strings.Contains(stock.out.String(), "Failed to join") || strings.Contains(stock.out.String(), "oin failed")
		})
		if got, ok := stock.members(); !ok || len(got) != 1 {
			t.Errorf("with %s it sees %v", name, got)
		}
		if members := m.Members(); len(members) != 1 {
			t.Errorf("with %s it is in the pool: %v", name, members)
		}
	}
}
