package master

import (
	"errors"
	"fmt"
	"os"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/heliosctl/heliosctl/daemon/gossip"
	"github.com/heliosctl/heliosctl/model"
)

func TestPlanForming(t *testing.T) {
	names := []string{"c", "a", "b"}
	tag := gossip.InitialTag(names)
	member := func(name string, change ...func(*gossip.Member)) gossip.Member {
		m := gossip.Member{Role: gossip.RoleMaster, Name: name, ID: "id-" + name, Raft: name + ":5806", Initial: tag, Alive: true}
		for _, c := range change {
			c(&m)
		}
		return m
	}
	dead := func(m *gossip.Member) { m.Alive = false }
	for name, test := range map[string]struct {
		known []gossip.Member
		want  []string // names in order
		waits string
	}{
		"all":           {[]gossip.Member{member("a"), member("b"), member("c")}, []string{"a", "b", "c"}, ""},
		"not itself":    {[]gossip.Member{member("c"), member("a")}, []string{"a", "b", "c"}, ""},
		"nobody":        {nil, nil, "a, c to appear"},
		"dead":          {[]gossip.Member{member("a", dead), member("c")}, nil, "a to appear"},
		"not one of us": {[]gossip.Member{member("a"), member("c"), member("d", func(m *gossip.Member) { m.Initial = "" })}, []string{"a", "b", "c"}, ""},
		"other list": {[]gossip.Member{member("a", func(m *gossip.Member) { m.Initial = "x" }), member("c")}, nil,
			"a to be told the same list of initial masters"},
		"has state": {[]gossip.Member{member("a", func(m *gossip.Member) { m.Initial = "" }), member("c")}, nil, "a to wait for the initial masters"},
		"no raft":   {[]gossip.Member{member("a", func(m *gossip.Member) { m.Raft = "" }), member("c")}, nil, "a to wait for the initial masters"},
		"two of a name": {[]gossip.Member{member("a"), member("a", func(m *gossip.Member) { m.ID = "other" }), member("c")}, nil,
			"a to be there only once"},
		"old self": {[]gossip.Member{member("a"), member("c"), member("b", func(m *gossip.Member) { m.ID = "old" }, dead)}, []string{"a", "b", "c"}, ""},
		"a cluster": {[]gossip.Member{member("a"), member("c"), member("d", func(m *gossip.Member) { m.ClusterID = "c1" })}, nil,
			"the cluster c1 of d to take it in"},
		"a cluster that is dead": {[]gossip.Member{member("a"), member("c"), member("d", dead, func(m *gossip.Member) { m.ClusterID = "c1" })},
			[]string{"a", "b", "c"}, ""},
		"several": {[]gossip.Member{member("a", func(m *gossip.Member) { m.Initial = "x" })}, nil,
			"c to appear; a to be told the same list of initial masters"},
	} {
		t.Run(name, func(t *testing.T) {
			initial, waits := planForming(member("b"), names, test.known)
			if waits != test.waits {
				t.Errorf("waits for %q, want %q", waits, test.waits)
			}
			var got []string
			for _, m := range initial {
				got = append(got, m.Name)
			}
			if waits == "" && cmp.Diff(test.want, got) != "" {
				t.Error(cmp.Diff(test.want, got))
			}
		})
	}
}

func TestFormingInAnyOrder(t *testing.T) {
	for _, order := range []string{"abc", "acb", "bac", "bca", "cab", "cba"} {
		t.Run(order, func(t *testing.T) {
			t.Parallel()
			p := newPool(t)
			for i, name := range strings.Split(order, "") {
				r := p.start(name, t.TempDir(), named(nil, "a", "b", "c"))
				if tag, _ := r.Initializing(); i < 2 && tag != gossip.InitialTag([]string{"c", "b", "a"}) {
					t.Errorf("%s gossips %q", name, tag)
				}
				if i < 2 {
					wantCode(t, r.ReadIndex(t.Context()), model.CodeUnavailable)
					wantCode(t, r.Health()["raft"], model.CodeUnavailable)
				}
			}
			p.awaitLeader()
			p.awaitServers("a", "b", "c")
			p.mustCreate("web")
			p.awaitJobs("web")
			p.wantOneCluster()
		})
	}
}

// wantOneCluster checks that all masters have the same servers and cluster id, and none waits any more.
func (p *pool) wantOneCluster() {
	p.t.Helper()
	leader := p.awaitLeader()
	for _, r := range p.running() {
		p.eventually(func() error { return r.ReadIndex(p.t.Context()) })
		if r.ClusterID() == "" || r.ClusterID() != leader.ClusterID() {
			p.t.Errorf("%s is of cluster %q, the leader of %q", r.name, r.ClusterID(), leader.ClusterID())
		}
		_, over := r.Initializing()
		<-over
		if tag, _ := r.Initializing(); tag != "" {
			p.t.Errorf("%s still gossips %q", r.name, tag)
		}
	}
}

// wantWaiting checks that masters do not form a cluster, however often they look.
func (p *pool) wantWaiting(names ...string) {
	p.t.Helper()
	for _, name := range names {
		r := p.get(name)
		for range 3 {
			if got := r.formOnce(p.t.Context(), r.node.Load()); got == "" {
				p.t.Errorf("%s does not wait", name)
			}
		}
		if last := r.node.Load().LastIndex(); last > 0 {
			p.t.Errorf("%s has %d entries", name, last)
		}
	}
}

// awaitNodes waits until raft runs on all masters.
func (p *pool) awaitNodes() {
	p.t.Helper()
	p.eventually(func() error {
		for _, r := range p.running() {
			if r.node.Load() == nil {
				return fmt.Errorf("%s has not started raft", r.name)
			}
		}
		return nil
	})
}

// TestFormingWaitsForEveryNamedMaster has the first boot happen while the network is cut.
func TestFormingWaitsForEveryNamedMaster(t *testing.T) {
	for name, divide := range map[string]func(*pool){
		"one is invisible":                      func(p *pool) { p.hide("a", "c", true); p.hide("b", "c", true) },
		"gossip sees it and it does not answer": func(p *pool) { p.cut("a", "c", true) },
		"nobody sees anybody": func(p *pool) {
			p.hide("a", "b", true)
			p.hide("a", "c", true)
			p.hide("b", "c", true)
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			p := newPool(t)
			divide(p)
			for _, name := range []string{"c", "a", "b"} {
				p.start(name, t.TempDir(), named(nil, "a", "b", "c"))
			}
			p.awaitNodes()
			p.wantWaiting("a", "b", "c")
			for _, pair := range []string{"ab", "ac", "bc"} {
				p.hide(pair[:1], pair[1:], false)
				p.cut(pair[:1], pair[1:], false)
			}
			p.awaitLeader()
			p.awaitServers("a", "b", "c")
			p.wantOneCluster()
		})
	}
}

// TestFourMastersInTwoViews is the split that a bare count of masters does not survive: two overlapping halves of enough masters each.
func TestFourMastersInTwoViews(t *testing.T) {
	p := newPool(t)
	p.hide("a", "d", true)
	p.cut("a", "d", true)
	for _, name := range []string{"a", "b", "c", "d"} {
		p.start(name, t.TempDir(), named(nil, "a", "b", "c", "d"))
	}
	p.awaitNodes()
	p.wantWaiting("a", "b", "c", "d")
	p.hide("a", "d", false)
	p.cut("a", "d", false)
	p.awaitServers("a", "b", "c", "d")
	p.wantOneCluster()
}

func TestDifferentListsNeverForm(t *testing.T) {
	p := newPool(t)
	p.start("a", t.TempDir(), named(nil, "a", "b", "c"))
	p.start("b", t.TempDir(), named(nil, "a", "b", "c"))
	p.start("c", t.TempDir(), named(nil, "b", "c"))
	p.awaitNodes()
	p.wantWaiting("a", "b", "c")
	if got := p.get("b").formOnce(t.Context(), p.get("b").node.Load()); got != "c to be told the same list of initial masters" {
		t.Errorf("b waits for %q", got)
	}
}

func TestInitialMasterOfItself(t *testing.T) {
	p := newPool(t)
	p.start("a", t.TempDir(), named(nil, "a"))
	p.awaitLeader()
	p.mustCreate("web")
	p.awaitJobs("web")
}

// TestCutShortBootstrap leaves the term that raft writes before the first entry.
func TestCutShortBootstrap(t *testing.T) {
	p := newPool(t)
	dir := t.TempDir()
	f, err := openFolders(Config{Name: "a", DataDir: dir}.withDefaults())
	if err != nil {
		t.Fatal(err)
	}
	if err := errors.Join(f.log.SetUint64([]byte(currentTermKey), 1), f.close()); err != nil {
		t.Fatal(err)
	}
	p.start("a", dir, named(nil, "a", "b"))
	p.start("b", t.TempDir(), named(nil, "a", "b"))
	p.awaitServers("a", "b")
}

// TestVoterWithoutEntriesFormsNothing: it has helped to elect a leader, so there is a cluster whether gossip shows it or not.
func TestVoterWithoutEntriesFormsNothing(t *testing.T) {
	p := newPool(t)
	dir := t.TempDir()
	f, err := openFolders(Config{Name: "a", DataDir: dir}.withDefaults())
	if err != nil {
		t.Fatal(err)
	}
	err = errors.Join(f.log.SetUint64([]byte(currentTermKey), 2), f.log.SetUint64([]byte(lastVoteTermKey), 2), f.close())
	if err != nil {
		t.Fatal(err)
	}
	r := p.start("a", dir, named(nil, "a"))
	p.awaitNodes()
	p.wantWaiting("a")
	if term := r.node.Load().CurrentTerm(); term != 2 {
		t.Errorf("the term is %d", term)
	}
}

func TestWipedDiskRejoins(t *testing.T) {
	p := startThree(t, nil)
	p.mustCreate("before")
	leader := p.awaitLeader()
	victim := p.others(leader)[0]
	old := victim.ServerID()
	victim.crash()
	p.mustCreate("meanwhile")
	if err := os.RemoveAll(victim.dir); err != nil {
		t.Fatal(err)
	}
	// At the same address: the leader must not take the new server for the old one.
	again := p.start(victim.name, victim.dir, named(func(c *Config) { c.RaftBind = victim.RaftAddress() }, "a", "b", "c"))
	if again.ServerID() == old {
		t.Fatal("the id came back")
	}
	p.awaitServers("a", "b", "c")
	p.mustCreate("after")
	p.awaitJobs("before", "meanwhile", "after")
	p.wantOneCluster()
	servers, _ := again.node.Load().servers()
	for _, server := range servers {
		if string(server.ID) == old {
			t.Errorf("the old server is still there: %+v", servers)
		}
	}
}

// TestWipedDiskDoesNotVoteForTheOld: of three masters one is wiped and one dies. The empty one must not help the third, which lacks an
// acknowledged write, to lead.
func TestWipedDiskDoesNotVoteForTheOld(t *testing.T) {
	p := startThree(t, nil)
	leader := p.awaitLeader()
	behind, victim := p.others(leader)[0], p.others(leader)[1]
	p.isolate(behind.name, true)
	p.mustCreate("acknowledged")
	victim.crash()
	leader.crash()
	if err := os.RemoveAll(victim.dir); err != nil {
		t.Fatal(err)
	}
	empty := p.start(victim.name, victim.dir, named(func(c *Config) { c.RaftBind = victim.RaftAddress() }, "a", "b", "c"))
	p.isolate(behind.name, false)
	// It must have tried to be elected: twice candidate is often enough.
	var term uint64
	p.eventually(func() error {
		if state := behind.Self().State; state != model.MasterCandidate {
			return fmt.Errorf("%s is a %s", behind.name, state)
		}
		term = behind.Self().Term
		return nil
	})
	<-behind.Isolated()
	if got := behind.Self(); got.State == model.MasterLeader || got.Leader != "" {
		t.Errorf("without the acknowledged write it leads: %+v, term before %d", got, term)
	}
	if last := empty.node.Load().LastIndex(); last != 0 {
		t.Errorf("the wiped master took %d entries in the name of the old one", last)
	}
	p.start(leader.name, leader.dir, named(nil, "a", "b", "c"))
	p.awaitServers("a", "b", "c")
	p.awaitJobs("acknowledged")
}
