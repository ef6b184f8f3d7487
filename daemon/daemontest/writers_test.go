//go:build unix

package daemontest_test

import (
	"context"
	"fmt"
	"sync"
	"testing"
	"time"

	"github.com/heliosctl/heliosctl/client"
	"github.com/heliosctl/heliosctl/daemon/daemontest"
	"github.com/heliosctl/heliosctl/model"
)

// writers create jobs and read them back through all masters until they are stopped, as users do: with the client's retries.
type writers struct {
	stop context.CancelFunc
	work sync.WaitGroup

	mu           sync.Mutex
	calls        int
	acknowledged []model.JobID
	failed       []error
}

func startWriters(t *testing.T, f *daemontest.Fleet, n int) *writers {
	t.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	w := &writers{stop: cancel}
	t.Cleanup(func() { w.end() })
	for i := range n {
		c := f.Client(fmt.Sprintf("writer-%d", i))
		w.work.Go(func() {
			for j := 0; ctx.Err() == nil; j++ {
				w.write(c, fmt.Sprintf("job-%d-%d", i, j))
			}
		})
	}
	return w
}

// write creates a job and reads it. Not with a context that ends: what has begun is seen through.
func (w *writers) write(c *client.Client, name string) {
	ctx := context.Background()
	id, err := c.CreateJob(ctx, sleeper(name))
	w.note("create "+name, err)
	if err != nil {
		return
	}
	w.mu.Lock()
	w.acknowledged = append(w.acknowledged, id)
	w.mu.Unlock()
	_, err = c.Job(ctx, id)
	w.note("read "+name, err)
	_, err = c.JobStatus(ctx, id)
	w.note("status of "+name, err)
}

func (w *writers) note(what string, err error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.calls++
	if err != nil {
		w.failed = append(w.failed, fmt.Errorf("%s: %w", what, err))
	}
}

func (w *writers) end() {
	w.stop()
	w.work.Wait()
}

// awaitMore waits until some more calls have come to an end.
func (w *writers) awaitMore(t *testing.T, more int) {
	t.Helper()
	w.mu.Lock()
	from := w.calls
	w.mu.Unlock()
	daemontest.Await(t, "calls", func() error {
		w.mu.Lock()
		defer w.mu.Unlock()
		if w.calls < from+more {
			return fmt.Errorf("there were %d", w.calls-from)
		}
		return nil
	})
}

// expectKept fails unless every master has every job whose creation was acknowledged.
func (w *writers) expectKept(t *testing.T, f *daemontest.Fleet) {
	t.Helper()
	for _, m := range f.Masters {
		var jobs map[string]model.Job
		if err := m.Get("/jobs", &jobs); err != nil {
			t.Fatal(err)
		}
		lost := 0
		for _, id := range w.acknowledged {
			if _, ok := jobs[id.String()]; !ok {
				lost++
			}
		}
		if lost > 0 {
			t.Errorf("%s has lost %d of %d acknowledged jobs", m.Name(), lost, len(w.acknowledged))
		}
	}
	if len(w.acknowledged) == 0 {
		t.Error("nothing was acknowledged")
	}
	t.Logf("%d calls, %d jobs acknowledged, %d calls failed", w.calls, len(w.acknowledged), len(w.failed))
}

// Whichever process is killed, and whenever, no acknowledged write is lost.
func TestKillingAnyOneProcessLosesNothing(t *testing.T) {
	t.Parallel()
	f := startCluster(t, 2)
	w := startWriters(t, f, 3)
	for _, victim := range append(f.Daemons(), f.AwaitLeader()) {
		w.awaitMore(t, 30)
		victim.Kill()
		w.awaitMore(t, 30)
		f.Start(victim)
		f.AwaitLeader()
	}
	w.end()
	f.AwaitHosts(model.Up, f.Agents...)
	w.expectKept(t, f)
	awaitAgreement(t, f)
	for _, err := range w.failed {
		t.Logf("failed, which may happen: %v", err)
	}
}

// All masters are restarted one after the other under load: no call fails.
func TestRollingRestartFailsNoCall(t *testing.T) {
	t.Parallel()
	f := startCluster(t, 1)
	w := startWriters(t, f, 3)
	for _, m := range f.Masters {
		w.awaitMore(t, 30)
		f.Stop(m)
		w.awaitMore(t, 30)
		f.Start(m)
		f.AwaitLeader()
	}
	w.awaitMore(t, 30)
	w.end()
	for _, err := range w.failed {
		t.Errorf("a call failed: %v", err)
	}
	w.expectKept(t, f)
	awaitAgreement(t, f)
}

// A master whose disk was lost comes back empty and is filled again; then it counts for the majority.
func TestWipedMasterRejoins(t *testing.T) {
	t.Parallel()
	f := startCluster(t, 0)
	w := startWriters(t, f, 1)
	w.awaitMore(t, 30)
	victim := follower(f)
	victim.Kill()
	if err := victim.Wipe(); err != nil {
		t.Fatal(err)
	}
	w.awaitMore(t, 30)
	f.Start(victim)
	f.AwaitLeader(f.Masters...)
	w.awaitMore(t, 30)
	w.end()
	w.expectKept(t, f)
	awaitAgreement(t, f)
	if ids := clusterIDs(t, f.Masters...); len(ids) != 1 {
		t.Errorf("the clusters of the masters are %v", ids)
	}
	// As long as the lost server has a vote too, one of four, a second loss is one too many.
	daemontest.Await(t, victim.Name()+" to vote instead of what it was", func() error {
		if n, err := servers(victim); err != nil || n != len(f.Masters) {
			return fmt.Errorf("there are %d servers, %v", n, err)
		}
		return votes(f, victim)
	})

	// The others need it now.
	other := others(f, victim)[0]
	other.Kill()
	f.AwaitLeader(others(f, other)...)
	deployed(t, fleetWithout(f, other), sleeper("two-are-enough"))
}

// servers is how many servers the masters' configuration has, those that are gone among them.
func servers(master *daemontest.Daemon) (int, error) {
	var peers []model.Peer
	err := master.Get("/v1/raft/peers", &peers)
	return len(peers), err
}

// votes complains unless the master that runs under the name of the given one has a vote.
func votes(f *daemontest.Fleet, master *daemontest.Daemon) error {
	self, err := f.Self(master)
	if err != nil {
		return err
	}
	var peers []model.Peer
	if err := master.Get("/v1/raft/peers", &peers); err != nil {
		return err
	}
	for _, p := range peers {
		if p.ID == self.ID && p.Voter {
			return nil
		}
	}
	return fmt.Errorf("%s is none of the voters: %+v", self.ID, peers)
}

// A fourth and a fifth master join, and two may die then.
func TestMastersJoinLater(t *testing.T) {
	t.Parallel()
	f := startCluster(t, 0)
	w := startWriters(t, f, 1)
	for _, name := range []string{"m4", "m5"} {
		added := f.AddMaster(name)
		f.Start(added)
		f.AwaitReads(added)
		daemontest.Await(t, name+" to vote", func() error { return votes(f, added) })
	}
	leader := f.AwaitLeader(f.Masters...)
	victims := []*daemontest.Daemon{leader, others(f, leader)[0]}
	for _, victim := range victims {
		victim.Kill()
	}
	f.AwaitLeader()
	w.awaitMore(t, 30)
	f.Start(victims...)
	f.AwaitLeader(f.Masters...)
	w.end()
	w.expectKept(t, f)
}

// The network between the masters is slow and bad for a while: writes take longer, and none is lost.
func TestSlowNetworkBetweenMasters(t *testing.T) {
	t.Parallel()
	f := startCluster(t, 0)
	w := startWriters(t, f, 3)
	bad := daemontest.Link{Delay: 30 * time.Millisecond, Jitter: 20 * time.Millisecond, StallChance: 0.01, Stall: 200 * time.Millisecond}
	var proxies []*daemontest.Proxy
	for _, m := range f.Masters {
		proxies = append(proxies, f.Network.Slow(m.Node, 5806))
	}
	for _, p := range proxies {
		p.Shape(bad, bad)
	}
	// Connections that were open before go through no proxy: a new leader makes new ones.
	leader := f.AwaitLeader()
	leader.Kill()
	f.Start(leader)
	f.AwaitLeader(f.Masters...)
	w.awaitMore(t, 30)
	for _, p := range proxies {
		p.Shape(daemontest.Link{}, daemontest.Link{})
	}
	w.awaitMore(t, 30)
	w.end()
	w.expectKept(t, f)
	awaitAgreement(t, f)
}

func (w *writers) snapshot() []model.JobID {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.acknowledged[:len(w.acknowledged):len(w.acknowledged)]
}

// moreThan complains until more writes than that are acknowledged.
func (w *writers) moreThan(n int) error {
	if got := len(w.snapshot()); got <= n {
		return fmt.Errorf("%d are acknowledged", got)
	}
	return nil
}
