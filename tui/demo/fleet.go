// Package demo simulates a fleet of hosts with jobs, rollouts and failures as a source of the console, all in this process. With the
// same seed and the same steps it is always the same, so that it is also what tests and pictures are made of.
package demo

import (
	"container/heap"
	"context"
	"fmt"
	"math/rand/v2"
	"sync"
	"sync/atomic"
	"time"

	"github.com/heliosctl/heliosctl/model"
	"github.com/heliosctl/heliosctl/tui"
)

// Token is the token of the jobs of the demo that have one.
const Token = "demo"

// ClusterName is what the fleet is called.
const ClusterName = "demo-eu"

// Options say what to simulate.
type Options struct {
	Hosts int       // default 400
	Seed  uint64    // of everything that looks random
	Start time.Time // when the simulation begins
}

// Fleet is a simulated fleet. It is safe for concurrent use.
type Fleet struct {
	changed  chan struct{}
	snapshot atomic.Pointer[tui.Snapshot]

	mu       sync.Mutex
	now      time.Time
	random   *rand.Rand
	store    *tui.Store
	queue    schedule
	order    uint64 // breaks ties in the queue
	index    uint64 // of events
	quiet    bool   // nothing is reported: the past is being made up
	hosts    []*host
	byName   map[string]*host
	tasks    map[taskKey]*task
	jobs     map[model.JobID]*model.Job
	groups   map[string]*group
	history  map[taskKey][]tui.Transition
	breaking map[taskKey]fault
	rollouts int
}

type taskKey struct {
	host string
	job  model.JobID
}

type host struct {
	facts   tui.Host
	load    float64
	memory  float64
	drained *model.Drain
}

// New makes a fleet that is at Options.Start.
func New(o Options) *Fleet {
	if o.Hosts <= 0 {
		o.Hosts = 400
	}
	f := &Fleet{
		changed: make(chan struct{}, 1), now: o.Start, random: rand.New(rand.NewPCG(o.Seed, 7)), byName: map[string]*host{},
		tasks: map[taskKey]*task{}, jobs: map[model.JobID]*model.Job{}, groups: map[string]*group{},
		history: map[taskKey][]tui.Transition{}, breaking: map[taskKey]fault{},
	}
	f.store = tui.NewStore(tui.Cluster{Name: ClusterName, Environment: tui.EnvironmentDemo}, func() time.Time { return f.now })
	f.mu.Lock()
	defer f.mu.Unlock()
	f.build(o.Hosts)
	f.publish()
	return f
}

// Advance simulates everything that happens until then.
func (f *Fleet) Advance(to time.Time) {
	f.mu.Lock()
	defer f.mu.Unlock()
	for len(f.queue) > 0 && !f.queue[0].at.After(to) {
		next := heap.Pop(&f.queue).(*moment)
		f.now = next.at
		next.run()
	}
	f.now = to
	f.publish()
}

// Run lets the fleet live by the clock until the context ends. It publishes at most every 33 ms, and only what is new.
func (f *Fleet) Run(ctx context.Context) {
	f.mu.Lock()
	offset := time.Until(f.now)
	f.mu.Unlock()
	ticker := time.NewTicker(100 * time.Millisecond)
	defer ticker.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-ticker.C:
			f.Advance(time.Now().Add(offset))
		}
	}
}

// Now is what time it is in the fleet.
func (f *Fleet) Now() time.Time {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.now
}

// Snapshot returns what the fleet is like.
func (f *Fleet) Snapshot() *tui.Snapshot { return f.snapshot.Load() }

// Changed tells that it has changed.
func (f *Fleet) Changed() <-chan struct{} { return f.changed }

// Resync makes the masters answer again.
func (f *Fleet) Resync() {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.store.SetFreshness(tui.Freshness{State: tui.Live, Master: "master-2", Leader: true})
	f.publish()
}

// Disconnect makes the data old, as if no master answered since then.
func (f *Fleet) Disconnect(since time.Time, reason string) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.store.SetFreshness(tui.Freshness{
		State: tui.Stale, Master: "master-2", AsOf: since, Error: reason, Attempt: 4, RetryAt: f.now.Add(6 * time.Second),
		Next: []string{"master-1", "master-3"},
	})
	f.publish()
}

func (f *Fleet) publish() {
	snapshot := f.store.Snapshot()
	if f.snapshot.Swap(snapshot) == snapshot {
		return
	}
	select {
	case f.changed <- struct{}{}:
	default:
	}
}

// History returns what is kept of the past: the last 30 transitions of a task.
func (f *Fleet) History(_ context.Context, q tui.HistoryQuery) ([]tui.Transition, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	var found []tui.Transition
	for _, h := range f.hosts {
		if q.Host != "" && q.Host != h.facts.Name {
			continue
		}
		for _, job := range f.sortedJobs() {
			if q.Job.IsZero() || q.Job == job.ID {
				found = append(found, f.history[taskKey{h.facts.Name, job.ID}]...)
			}
		}
	}
	sortTransitions(found)
	return found, nil
}

// moment is something that will happen.
type moment struct {
	at    time.Time
	order uint64
	run   func()
}

type schedule []*moment

func (s schedule) Len() int { return len(s) }
func (s schedule) Less(i, j int) bool {
	return s[i].at.Before(s[j].at) || s[i].at.Equal(s[j].at) && s[i].order < s[j].order
}
func (s schedule) Swap(i, j int) { s[i], s[j] = s[j], s[i] }

// Push adds to the heap.
func (s *schedule) Push(x any) { *s = append(*s, x.(*moment)) }

// Pop takes the last one.
func (s *schedule) Pop() any {
	last := (*s)[len(*s)-1]
	*s = (*s)[:len(*s)-1]
	return last
}

func (f *Fleet) after(d time.Duration, run func()) {
	f.order++
	heap.Push(&f.queue, &moment{at: f.now.Add(d), order: f.order, run: run})
}

// between is a random duration.
func (f *Fleet) between(from, to time.Duration) time.Duration {
	return from + time.Duration(f.random.Int64N(int64(to-from)+1))
}

func (f *Fleet) event(e tui.Event) {
	if f.quiet {
		return
	}
	f.index++
	e.Index, e.At = f.index, f.now
	f.store.AddEvent(e)
}

func (f *Fleet) hash(text string) string {
	const digits = "0123456789abcdef"
	source := rand.New(rand.NewPCG(uint64(len(text)), sum(text)))
	hash := make([]byte, 40)
	for i := range hash {
		hash[i] = digits[source.IntN(16)]
	}
	return string(hash)
}

func sum(text string) uint64 {
	n := uint64(14695981039346656037)
	for i := range len(text) {
		n = (n ^ uint64(text[i])) * 1099511628211
	}
	return n
}

func (f *Fleet) job(name string, version int) model.JobID {
	id := model.JobID{Name: name, Version: fmt.Sprint(version)}
	id.Hash = f.hash(id.String())
	return id
}
