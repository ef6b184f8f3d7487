//go:build unix

package daemontest

import (
	"context"
	"math/rand/v2"
	"slices"
	"time"
)

// Nemesis makes one thing after the other go wrong with the masters of a fleet, and mends each before the next: a minority of the masters is
// killed, paused or cut off at a time, so that the rest can always go on. Its methods are for the goroutine of the test.
type Nemesis struct {
	fleet  *Fleet
	random *rand.Rand

	Faults        int // so far
	LeadersKilled int
}

// NewNemesis makes a nemesis that draws from a seed.
func NewNemesis(fleet *Fleet, seed uint64) *Nemesis {
	return &Nemesis{fleet: fleet, random: rand.New(rand.NewPCG(seed, 0x6e656d65736973))}
}

// How long a fault lasts and how long all is well between two.
const (
	shortestFault, longestFault = 500 * time.Millisecond, 2500 * time.Millisecond
	shortestPeace, longestPeace = 200 * time.Millisecond, time.Second
)

func (n *Nemesis) between(least, most time.Duration) time.Duration {
	return least + time.Duration(n.random.Int64N(int64(most-least)))
}

// Run goes on until ctx ends and leaves the fleet mended.
func (n *Nemesis) Run(ctx context.Context) {
	n.fleet.t.Helper()
	faults := []func() (mend func()){
		n.killLeader, n.pauseLeader, n.isolateLeader, n.splitOff, n.oneWay, n.killAny, n.pauseAny, n.killLeader,
	}
	// Everything has its turn before anything has another; a leader is killed first, so that a short run has that at least.
	for next := 0; wait(ctx, n.between(shortestPeace, longestPeace)); next = (next + 1) % len(faults) {
		if next == 1 {
			n.random.Shuffle(len(faults)-1, func(i, j int) { faults[i+1], faults[j+1] = faults[j+1], faults[i+1] })
		}
		mend := faults[next]()
		n.Faults++
		wait(ctx, n.between(shortestFault, longestFault))
		mend()
	}
}

// wait waits and tells whether ctx goes on.
func wait(ctx context.Context, d time.Duration) bool {
	select {
	case <-time.After(d):
		return true
	case <-ctx.Done():
		return false
	}
}

// any is one of the masters.
func (n *Nemesis) any() *Daemon { return n.fleet.Masters[n.random.IntN(len(n.fleet.Masters))] }

// leader is the master that leads, any when none does.
func (n *Nemesis) leader() *Daemon {
	if leader := n.fleet.Leader(); leader != nil {
		return leader
	}
	return n.any()
}

func (n *Nemesis) killLeader() func() {
	if leader := n.fleet.Leader(); leader != nil {
		n.LeadersKilled++
		return n.kill(leader)
	}
	return n.killAny()
}

func (n *Nemesis) killAny() func() { return n.kill(n.any()) }

func (n *Nemesis) kill(victim *Daemon) func() {
	n.fleet.t.Logf("nemesis: kill %s", victim.Name())
	victim.Kill()
	return func() { n.fleet.Start(victim) }
}

func (n *Nemesis) pauseLeader() func() { return n.pause(n.leader()) }
func (n *Nemesis) pauseAny() func()    { return n.pause(n.any()) }

func (n *Nemesis) pause(victim *Daemon) func() {
	n.fleet.t.Logf("nemesis: pause %s", victim.Name())
	n.fleet.must(victim.Pause())
	return func() { n.fleet.must(victim.Resume()) }
}

// splitOff cuts a minority off.
func (n *Nemesis) splitOff() func() {
	masters := slices.Clone(n.fleet.Masters)
	n.random.Shuffle(len(masters), func(i, j int) { masters[i], masters[j] = masters[j], masters[i] })
	var minority []*Node
	for _, m := range masters[:(len(masters)-1)/2] {
		minority = append(minority, m.Node)
	}
	n.fleet.t.Logf("nemesis: split off %s", names(minority))
	n.fleet.Network.Split(minority)
	return n.fleet.Network.Heal
}

func (n *Nemesis) isolateLeader() func() {
	victim := n.leader()
	n.fleet.t.Logf("nemesis: isolate %s", victim.Name())
	n.fleet.Network.Isolate(victim.Node)
	return n.fleet.Network.Heal
}

// oneWay loses what one master sends to another, or, every second time, all that it sends.
func (n *Nemesis) oneWay() func() {
	from := n.leader()
	if n.random.IntN(2) == 0 {
		from = n.any()
	}
	others := slices.DeleteFunc(slices.Clone(n.fleet.Masters), func(m *Daemon) bool { return m == from })
	if n.random.IntN(2) == 0 {
		others = others[:1]
	}
	for _, to := range others {
		n.fleet.t.Logf("nemesis: lose what %s sends to %s", from.Name(), to.Name())
		n.fleet.Network.PartitionOneWay(from.Node, to.Node)
	}
	return n.fleet.Network.Heal
}

func names(nodes []*Node) []string {
	var names []string
	for _, node := range nodes {
		names = append(names, node.Name)
	}
	return names
}
