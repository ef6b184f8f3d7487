//go:build unix

package daemontest_test

import (
	"errors"
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/heliosctl/heliosctl/daemon/daemontest"
	"github.com/heliosctl/heliosctl/model"
)

// However three masters are cut off from each other when they start for the first time, there are never two leaders, and afterwards there is one
// cluster.
func TestFirstBootDuringASplit(t *testing.T) {
	t.Parallel()
	daemontest.RequireNetns(t)
	for name, cut := range map[string]func(*daemontest.Fleet){
		"one and two": func(f *daemontest.Fleet) { f.Network.Isolate(f.Masters[0].Node) },
		"one, one and one": func(f *daemontest.Fleet) {
			f.Network.Split([]*daemontest.Node{f.Masters[0].Node}, []*daemontest.Node{f.Masters[1].Node})
		},
		"a chain": func(f *daemontest.Fleet) { f.Network.Partition(f.Masters[0].Node, f.Masters[2].Node) },
		"one hears nothing": func(f *daemontest.Fleet) {
			f.Network.PartitionOneWay(f.Masters[1].Node, f.Masters[0].Node)
			f.Network.PartitionOneWay(f.Masters[2].Node, f.Masters[0].Node)
		},
		"one is not heard": func(f *daemontest.Fleet) {
			f.Network.PartitionOneWay(f.Masters[0].Node, f.Masters[1].Node)
			f.Network.PartitionOneWay(f.Masters[0].Node, f.Masters[2].Node)
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			f := daemontest.NewFleet(t, clusterOf(0))
			cut(f)
			f.Start()
			for _, m := range f.Masters {
				daemontest.Await(t, m.Name()+" to answer", func() error { return m.Get("/version", nil) })
			}
			// Long enough for an election after everything that can find each other has.
			for until := time.Now().Add(4 * time.Second); time.Now().Before(until); time.Sleep(50 * time.Millisecond) {
				expectOneLeader(t, f)
			}
			f.Network.Heal()
			f.AwaitLeader(f.Masters...)
			expectOneLeader(t, f)
			if ids := clusterIDs(t, f.Masters...); len(ids) != 1 || ids[""] {
				t.Errorf("the clusters of the masters are %v", ids)
			}
			deployed(t, f, sleeper("after"))
			awaitAgreement(t, f)
		})
	}
}

// expectOneLeader fails when two masters lead in the same term, or both could commit: a leader that was cut off steps down later than the
// other side elects one, which the term tells.
func expectOneLeader(t *testing.T, f *daemontest.Fleet) {
	t.Helper()
	byTerm := map[uint64]string{}
	ids := map[string]bool{}
	for _, m := range f.Masters {
		self, err := f.Self(m)
		if err != nil {
			continue
		}
		if self.ClusterID != "" {
			ids[self.ClusterID] = true
		}
		if self.State == model.MasterLeader {
			if other := byTerm[self.Term]; other != "" {
				t.Fatalf("%s and %s both lead in term %d", other, m.Name(), self.Term)
			}
			byTerm[self.Term] = m.Name()
		}
	}
	if len(ids) > 1 {
		t.Fatalf("there are %d clusters: %v", len(ids), ids)
	}
}

// The smaller half of a split refuses, the larger goes on, and afterwards all tell the same.
func TestBothHalvesOfASplit(t *testing.T) {
	t.Parallel()
	f := startCluster(t, 2)
	for _, leaderAlone := range []bool{false, true} {
		alone := f.AwaitLeader()
		if !leaderAlone {
			alone = others(f, alone)[0]
		}
		t.Logf("%s is cut off; it leads: %v", alone.Name(), leaderAlone)
		f.Network.Isolate(alone.Node)
		rest := others(f, alone)
		f.AwaitLeader(rest...)
		id := deployed(t, fleetWithout(f, alone), sleeper(fmt.Sprintf("during-%v", leaderAlone)), f.Agents...)
		for _, host := range f.Agents {
			awaitState(t, rest[0], id, host, model.StateRunning)
		}
		for _, method := range []string{http.MethodGet, http.MethodDelete} {
			started := time.Now()
			path := "/jobs/" + strings.ReplaceAll(id.String(), ":", "%3A")
			if err := alone.Do(t.Context(), method, path, nil); !daemontest.Refuses(err) {
				t.Errorf("%s of a master without a majority: %v", method, err)
			}
			t.Logf("%s was refused after %s", method, time.Since(started).Round(time.Millisecond))
		}
		f.Network.Heal()
		f.AwaitLeader(f.Masters...)
		f.AwaitHosts(model.Up, f.Agents...)
		awaitAgreement(t, f)
	}
}

// fleetWithout is the fleet as clients see it who know the other masters only.
func fleetWithout(f *daemontest.Fleet, without *daemontest.Daemon) *daemontest.Fleet {
	seen := *f
	seen.Masters = others(f, without)
	return &seen
}

// A write on a master that is cut off with its leadership is never acknowledged.
func TestLeaderThatIsCutOffAcknowledgesNothing(t *testing.T) {
	t.Parallel()
	f := startCluster(t, 0)
	leader := f.AwaitLeader()
	f.Network.Isolate(leader.Node)
	err := leader.Do(t.Context(), http.MethodPut, "/hosts/ghost?id=ghost", nil)
	var status *daemontest.StatusError
	if !errors.As(err, &status) || status.Status != http.StatusBadGateway && status.Status != http.StatusGatewayTimeout {
		t.Errorf("a write on a leader without followers ended with %v", err)
	}
	f.AwaitLeader(others(f, leader)...)
	f.Network.Heal()
	f.AwaitLeader(f.Masters...)
	awaitAgreement(t, f)
}
