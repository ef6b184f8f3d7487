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

// BenchmarkLeaderChange is how long no change is accepted when the leader of three masters goes away: the longest time that a client, who
// makes one change after the other through the other two, then goes without one that is accepted.
func BenchmarkLeaderChange(b *testing.B) {
	for _, way := range []struct {
		name string
		end  func(*daemontest.Fleet, *daemontest.Daemon)
	}{
		{"kill", func(_ *daemontest.Fleet, d *daemontest.Daemon) { d.Kill() }},
		{"stop", func(f *daemontest.Fleet, d *daemontest.Daemon) { f.Stop(d) }},
	} {
		b.Run(way.name, func(b *testing.B) {
			f := startMasters(b, 3, 0)
			var took []time.Duration
			for b.Loop() {
				leader := f.AwaitLeader(f.Masters...)
				took = append(took, writeGap(b, f, leader, func() { way.end(f, leader) }))
				f.Start(leader)
				awaitVoters(b, f)
			}
			reportTimes(b, "ms", took, 0.5, 1)
		})
	}
}

// warmWrites is how many changes are accepted before the leader goes.
const warmWrites = 20

// write is when a change was begun and answered.
type write struct {
	began, ended time.Time
	err          error
}

// writeGap does away with the leader under a client that makes one change after the other, and returns the longest time from then on in
// which none was accepted.
func writeGap(b *testing.B, f *daemontest.Fleet, leader *daemontest.Daemon, end func()) time.Duration {
	b.Helper()
	ctx, cancel := context.WithTimeout(b.Context(), daemontest.Patience)
	writes := make(chan write)
	var all sync.WaitGroup
	defer all.Wait()
	defer cancel()
	c := f.Client("bench", fleetWithout(f, leader).Masters...)
	all.Go(func() { keepWriting(ctx, c, writes) })
	for range warmWrites {
		if w := <-writes; w.err != nil {
			b.Fatal(w.err)
		}
	}
	gone := time.Now()
	ended := make(chan time.Time, 1)
	go func() {
		end()
		ended <- time.Now()
	}()
	var longest time.Duration
	var over time.Time
	for last := gone; ; {
		w := <-writes
		if ctx.Err() != nil {
			b.Fatalf("no change was accepted: %v", w.err)
		}
		if w.err != nil || w.ended.Before(gone) {
			continue
		}
		longest, last = max(longest, w.ended.Sub(last)), w.ended
		select {
		case over = <-ended:
		default:
		}
		if !over.IsZero() && w.began.After(over) {
			return longest
		}
	}
}

// keepWriting makes one change after the other until ctx ends.
func keepWriting(ctx context.Context, c *client.Client, writes chan<- write) {
	defer close(writes)
	for ctx.Err() == nil {
		began := time.Now()
		_, err := c.CreateJob(ctx, benchJob(fmt.Sprint("job-", began.UnixNano())))
		select {
		case writes <- write{began, time.Now(), err}:
		case <-ctx.Done():
		}
	}
}

// awaitVoters waits until every master votes and all follow one.
func awaitVoters(b *testing.B, f *daemontest.Fleet) {
	b.Helper()
	c := f.Client("bench")
	daemontest.Await(b, "every master to vote", func() error {
		peers, err := c.Peers(b.Context())
		if err != nil {
			return err
		}
		for _, p := range peers {
			if !p.Voter {
				return fmt.Errorf("%s does not vote", p.Name)
			}
		}
		return nil
	})
	f.AwaitLeader(f.Masters...)
}

// BenchmarkHostDown is how long it takes until a host that loses its power is DOWN at the last of three masters: one of five whose agents
// run. It takes networks, and with them root: a process that is killed on a machine that goes on is refused connections, which tells more.
func BenchmarkHostDown(b *testing.B) {
	for _, profile := range []string{"lan", "fast"} {
		b.Run(profile, func(b *testing.B) {
			args := []string{"--gossip-profile=" + profile}
			f := daemontest.StartFleet(b, daemontest.FleetConfig{Masters: 3, Agents: 5, Runtime: "sim", MasterArgs: args, AgentArgs: args})
			var took []time.Duration
			for i := 0; b.Loop(); i++ {
				victim := f.Agents[i%len(f.Agents)]
				gone := time.Now()
				f.Network.Isolate(victim.Node)
				victim.Kill()
				took = append(took, downEverywhere(b, f, victim).Sub(gone))
				f.Network.Heal()
				f.Start(victim)
				f.AwaitHosts(model.Up, f.Agents...)
			}
			reportTimes(b, "ms", took, 0.5, 1)
		})
	}
}

// downEverywhere returns when the last master said that a host is DOWN.
func downEverywhere(b *testing.B, f *daemontest.Fleet, victim *daemontest.Daemon) time.Time {
	b.Helper()
	for _, m := range f.Masters {
		daemontest.Await(b, victim.Name()+" to be DOWN at "+m.Name(), func() error {
			var host model.HostStatus
			if err := m.Get("/hosts/"+victim.Name()+"/status?stale=true", &host); err != nil {
				return err
			}
			if host.Status != model.Down {
				return fmt.Errorf("it is %s", host.Status)
			}
			return nil
		})
	}
	return time.Now()
}
