// Package live feeds the console from the masters of a cluster: it reads everything once, follows the stream of events, and when
// that is lost goes on looking for a master for ever.
//
// One goroutine, that of Source.Run, owns the store that snapshots are made of. Everything that waits for a master does so elsewhere
// and hands it what it found.
package live

import (
	"cmp"
	"context"
	"net/url"
	"sync/atomic"
	"time"

	"github.com/heliosctl/heliosctl/client"
	"github.com/heliosctl/heliosctl/model"
	"github.com/heliosctl/heliosctl/tui"
)

// How often things happen.
const (
	publishEvery = 33 * time.Millisecond
	partialEvery = 250 * time.Millisecond // while everything is read
	pollEvery    = 10 * time.Second       // what is in no event
	rereadEvery  = 200 * time.Millisecond // objects that events have named
	rereadPause  = time.Second            // after they could not be read
)

// Options say which cluster to look at.
type Options struct {
	// Config says how to reach the masters and as whom. Masters that it does not name are learned from those that it does.
	Config client.Config

	// Cluster is what the console calls it. Without a name it is called after its masters.
	Cluster tui.Cluster

	Now func() time.Time // default time.Now

	// Reading, unless nil, is told when everything begins to be read, which makes much garbage, and when that is over, for whatever reason.
	// It must not block.
	Reading func(bool)
}

// Source is a tui.Source of a cluster. It is safe for concurrent use.
type Source struct {
	options  Options
	changed  chan struct{}
	snapshot atomic.Pointer[tui.Snapshot]
	resync   chan struct{}
	link     atomic.Pointer[link] // that calls go through
	again    bell                 // rings when a master serves us again

	// Of the goroutine of Run.
	configured *link
	learned    *link // masters that were learned; nil as long as there are none
	learnedAPI []string
	store      *tui.Store
	published  time.Time
	freshness  tui.Freshness
	heard      time.Time // when a master last said something
	known      bool      // everything has been read at least once
	complete   bool      // the store has everything up to where the stream is
	position   position
	past       uint64  // the feed is to have what was before it, up to that index; 0: it has
	wanted     objects // to be read again
}

// New makes a source, which has nothing to show until Run. It fails with CodeInvalid when Config names no masters or a wrong one.
func New(o Options) (*Source, error) {
	if o.Now == nil {
		o.Now = time.Now
	}
	if o.Reading == nil {
		o.Reading = func(bool) {}
	}
	o.Cluster.Name = cmp.Or(o.Cluster.Name, clusterName(o.Config))
	configured, err := newLink(o.Config)
	if err != nil {
		return nil, err
	}
	s := &Source{
		options: o, changed: make(chan struct{}, 1), resync: make(chan struct{}, 1), configured: configured,
		store: tui.NewStore(o.Cluster, o.Now), wanted: newObjects(),
	}
	s.link.Store(configured)
	s.publish()
	return s, nil
}

func clusterName(c client.Config) string {
	if c.Domain != nil {
		return c.Domain.Name
	}
	for _, endpoint := range c.Endpoints {
		if u, err := url.Parse(endpoint); err == nil {
			return u.Host
		}
	}
	return ""
}

// Snapshot returns what is known now.
func (s *Source) Snapshot() *tui.Snapshot { return s.snapshot.Load() }

// Changed tells that Snapshot returns something new.
func (s *Source) Changed() <-chan struct{} { return s.changed }

// Resync asks for a new attempt to connect, or for everything to be read again.
func (s *Source) Resync() {
	select {
	case s.resync <- struct{}{}:
	default:
	}
}

// Run keeps the source up to date until the context ends.
func (s *Source) Run(ctx context.Context) {
	defer s.close()
	for attempt := 0; ; attempt++ {
		current, err := s.connect(ctx)
		if ctx.Err() != nil {
			return
		}
		if current {
			attempt = 0
		}
		if !s.await(ctx, attempt, err) {
			return
		}
	}
}

func (s *Source) close() {
	s.configured.close()
	if s.learned != nil {
		s.learned.close()
	}
}

// publish shows what the store holds, if that is new.
func (s *Source) publish() {
	s.published = time.Now()
	snapshot := s.store.Snapshot()
	old := s.snapshot.Swap(snapshot)
	if old == snapshot {
		return
	}
	if old != nil && old.Freshness.State != tui.Live && snapshot.Freshness.State == tui.Live {
		s.again.ring()
	}
	select {
	case s.changed <- struct{}{}:
	default:
	}
}

// setFreshness leaves the store alone where nothing has changed, so that nothing is drawn.
func (s *Source) setFreshness(f tui.Freshness) {
	s.freshness = f
	s.store.SetFreshness(f)
}

// position is where the stream of events is, so that the next one can go on there.
type position struct {
	whole uint64 // every event up to it was seen
	index uint64 // of the last event, if that is not whole yet
	seen  int    // events of that index
	skip  int    // events of that index that were seen in the stream before
}

// resume prepares for a stream that begins after what was seen whole.
func (p *position) resume() { p.skip, p.seen = p.seen, 0 }

// pass counts an event and reports whether it is new.
func (p *position) pass(e model.Event) bool {
	switch {
	case e.Type == model.EventHeartbeat && e.Index < p.index: // of a stream that goes on in the middle
		return true
	case e.Type == model.EventHeartbeat || e.Type == model.EventReset:
		*p = position{whole: e.Index}
		return true
	}
	if e.Index != p.index {
		p.whole, p.index, p.seen, p.skip = max(p.whole, p.index), e.Index, 0, 0
	}
	p.seen++
	return p.seen > p.skip
}
