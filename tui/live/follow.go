package live

import (
	"context"
	"errors"
	"runtime/debug"
	"sync"
	"time"

	"github.com/heliosctl/heliosctl/client"
	"github.com/heliosctl/heliosctl/model"
	"github.com/heliosctl/heliosctl/tui"
)

// errNoStream is what a master says that has accepted the stream and ended it before it began.
var errNoStream = model.Errorf(model.CodeUnavailable, "the master ended the stream")

// session is one stream of events and what is read beside it.
type session struct {
	*Source
	ctx     context.Context
	link    *link
	home    *client.Client // of the master that the stream comes from
	queue   *queue
	held    []model.Event     // came while everything was read
	found   chan func() error // what the readers found, for the owner to apply
	reading bool              // everything
	partial bool              // the store has some of it
	rereads bool              // objects that events have named
	flying  objects           // which
	polling map[string]bool   // by what is polled
	workers sync.WaitGroup    // the stream and the readers
	reached bool              // a master has accepted the stream
	reread  *time.Timer       // runs while objects wait to be read again
	show    *time.Timer       // runs while something waits to be published
	waiting struct{ show, reread bool }
	gauges  struct {
		version uint64
		at      time.Time // when they were read
	}
	members struct {
		known []model.Member
		at    time.Time // when they were read
	}
}

// follow reads the stream of one master until it ends, and everything else that is needed. It tells whether the data
// was current then.
func (s *Source) follow(ctx context.Context, l *link) (current bool, err error) {
	ctx, stop := context.WithCancel(ctx)
	w := &session{
		Source: s, ctx: ctx, link: l, queue: &queue{ready: make(chan struct{}, 1)}, found: make(chan func() error), polling: map[string]bool{},
		reread: stoppedTimer(), show: stoppedTimer(), flying: newObjects(),
	}
	if s.position.whole == 0 {
		s.complete, s.position = false, position{} // a stream from 0 begins now
	}
	s.position.resume()
	w.workers.Go(func() { w.queue.fill(ctx, l.stream, s.position.whole) })
	defer func() {
		stop()
		w.abandon()
		if w.home != nil {
			_ = w.home.Close()
		}
	}()
	err = w.run()
	return w.freshness.State == tui.Live, err
}

func stoppedTimer() *time.Timer {
	t := time.NewTimer(time.Hour)
	t.Stop()
	return t
}

// abandon waits for the readers, whose findings nobody wants any more, and keeps in mind what they were to read.
func (w *session) abandon() {
	done := make(chan struct{})
	go func() {
		w.workers.Wait()
		close(done)
	}()
	for {
		select {
		case <-w.found:
		case <-done:
			w.wanted.add(w.flying)
			if w.reading || len(w.held) > 0 {
				w.complete = false
			}
			if w.reading {
				w.options.Reading(false)
			}
			w.reread.Stop()
			w.show.Stop()
			return
		}
	}
}

// run is the loop of the owner.
func (w *session) run() error {
	polls := time.NewTicker(pollEvery)
	defer polls.Stop()
	for {
		select {
		case <-w.queue.ready:
			if err := w.takeEvents(); err != nil {
				return err
			}
		case apply := <-w.found:
			if err := apply(); err != nil {
				return err
			}
		case <-w.reread.C:
			w.waiting.reread = false
			w.readWanted()
		case <-w.show.C:
			w.waiting.show = false
			w.publish()
		case <-polls.C:
			w.pollGauges()
			w.pollMasters()
			w.recall()
		case <-w.resync:
			if !w.reached {
				continue
			}
			w.readAll()
		case <-w.ctx.Done():
			return w.ctx.Err()
		}
		w.changedSomething()
	}
}

// changedSomething has what the store holds published, now or when the last time is long enough ago.
func (w *session) changedSomething() {
	every := publishEvery
	if w.reading && !w.complete {
		every = partialEvery
	}
	if w.waiting.show || w.reading && !w.complete && !w.partial {
		return
	}
	if wait := every - time.Since(w.published); wait > 0 {
		w.waiting.show = true
		w.show.Reset(wait)
		return
	}
	w.publish()
}

// start runs a reader. What it returns is applied by the owner.
func (w *session) start(read func() func() error) {
	w.workers.Go(func() {
		apply := read()
		select {
		case w.found <- apply:
		case <-w.ctx.Done():
		}
	})
}

func (w *session) takeEvents() error {
	events, opened, ended, err := w.queue.take()
	if opened != "" && !w.reached {
		if err := w.open(opened); err != nil {
			return err
		}
	}
	if len(events) > 0 {
		w.heard = w.options.Now()
	}
	w.held = append(w.held, events...)
	w.applyHeld()
	if ended {
		if err == nil {
			err = errNoStream
		}
		return err
	}
	return nil
}

// open is called once a master has accepted the stream.
func (w *session) open(endpoint string) (err error) {
	w.reached = true
	w.Source.link.Store(w.link)
	if w.home, err = w.link.only(endpoint); err != nil {
		return err
	}
	w.freshness = tui.Freshness{Master: hostOf(endpoint)}
	if !w.known {
		w.setFreshness(w.freshness)
	}
	return nil
}

// applyHeld applies the events that have come, unless everything is being read.
func (w *session) applyHeld() {
	for i, e := range w.held {
		if w.reading {
			w.held = w.held[i:]
			return
		}
		w.apply(e)
	}
	w.held = nil
}

func (w *session) apply(e model.Event) {
	before := w.position
	if !w.position.pass(e) {
		return
	}
	switch e.Type {
	case model.EventHeartbeat:
		if before == (position{}) {
			w.past = e.Index
		}
		w.caughtUp()
		return
	case model.EventReset:
		w.complete, w.past = false, 0
		if e.Index >= before.whole { // else it is another cluster
			w.past = e.Index
		}
		w.readAll()
		return
	}
	w.store.Apply(e)
	w.note(e)
}

// caughtUp is called when the stream says how far it is: with its first line, and every 10 s.
func (w *session) caughtUp() {
	switch {
	case !w.complete:
		w.readAll()
	case w.freshness.State != tui.Live:
		w.live()
	}
}

// live tells that the data is current.
func (w *session) live() {
	w.setFreshness(tui.Freshness{State: tui.Live, Master: w.freshness.Master, Leader: w.freshness.Leader})
	w.pollMasters()
	w.pollGauges()
	w.recall()
	w.wake(0)
}

// readAll reads everything, while events wait.
func (w *session) readAll() {
	if w.reading {
		return
	}
	w.reading = true
	w.options.Reading(true)
	c, now := w.link.calls, w.options.Now()
	var show func([]seenHost)
	if len(w.store.Snapshot().Hosts) == 0 {
		show = w.showHosts
	}
	w.start(func() func() error {
		all, err := readCluster(w.ctx, c, now, show)
		return func() error {
			w.reading = false
			w.options.Reading(false)
			if err != nil {
				return err
			}
			all.fill(w.store)
			w.complete, w.partial, w.known = true, false, true
			w.workers.Go(debug.FreeOSMemory) // what was read is several times what is kept
			w.live()
			w.applyHeld()
			return nil
		}
	})
}

// showHosts has hosts shown while the others are still read.
func (w *session) showHosts(some []seenHost) {
	apply := func() error {
		w.partial = true
		for _, h := range some {
			h.fill(w.store, nil)
		}
		return nil
	}
	select {
	case w.found <- apply:
	case <-w.ctx.Done():
	}
}

// wake has the objects that wait read again after a while.
func (w *session) wake(after time.Duration) {
	if w.waiting.reread || w.rereads || w.wanted.empty() || !w.complete {
		return
	}
	w.waiting.reread = true
	w.reread.Reset(after)
}

// note has read again what an event changes and does not carry.
func (w *session) note(e model.Event) {
	w.wanted.note(e, w.flying)
	w.wake(rereadEvery)
}

func (w *session) readWanted() {
	if w.rereads || w.wanted.empty() {
		return
	}
	w.rereads = true
	w.flying, w.wanted = w.wanted, newObjects()
	flying, c, now := w.flying, w.link.calls, w.options.Now()
	w.start(func() func() error {
		news, err := readObjects(w.ctx, c, flying, now)
		return func() error {
			w.rereads, w.flying = false, newObjects()
			if err != nil {
				w.wanted.add(flying)
				w.wake(rereadPause)
				return nil // the stream tells whether the masters are gone
			}
			news.update(w.store)
			w.wake(rereadEvery)
			return nil
		}
	})
}

// poll runs a reader unless the last one of its kind is still at it. What fails is tried again with the next tick.
func (w *session) poll(what string, read func() (func(), error)) {
	if !w.reached || !w.complete || w.polling[what] {
		return
	}
	w.polling[what] = true
	w.start(func() func() error {
		apply, err := read()
		return func() error {
			delete(w.polling, what)
			if err == nil {
				apply()
			}
			if errors.Is(err, model.ErrForbidden) {
				return err
			}
			return nil
		}
	})
}
