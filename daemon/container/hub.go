package container

import (
	"context"
	"iter"
	"sync"
	"time"
)

// hub hands the events of a runtime in this process to its subscribers. Safe for concurrent use.
type hub struct {
	mu          sync.Mutex
	subscribers map[*subscriber]struct{}
	ended       error // set once closed: every later subscription ends with it
}

// backlog is how many events a subscriber may be behind. One that is further behind is told to subscribe again, which makes it look
// at everything anew: cheaper than memory without a bound, and as good.
const backlog = 1024

type subscriber struct {
	events chan Event
	err    error // why events was closed; read after that only
}

func (h *hub) publish(event Event) {
	h.mu.Lock()
	defer h.mu.Unlock()
	for s := range h.subscribers {
		select {
		case s.events <- event:
		default:
			h.end(s, fail(ErrUnavailable, nil, "more than %d events were not read in time: subscribe again", backlog))
		}
	}
}

// end ends one subscription. The lock is held.
func (h *hub) end(s *subscriber, err error) {
	delete(h.subscribers, s)
	s.err = err
	close(s.events)
}

// endAll ends the subscriptions of now; new ones can be made.
func (h *hub) endAll(err error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.endEach(err)
}

// close ends all subscriptions, those to come too.
func (h *hub) close(err error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.ended = err
	h.endEach(err)
}

// endEach ends the subscriptions of now. The lock is held.
func (h *hub) endEach(err error) {
	for s := range h.subscribers {
		h.end(s, err)
	}
}

func (h *hub) subscribe() (*subscriber, error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.ended != nil {
		return nil, h.ended
	}
	if h.subscribers == nil {
		h.subscribers = map[*subscriber]struct{}{}
	}
	s := &subscriber{events: make(chan Event, backlog)}
	h.subscribers[s] = struct{}{}
	return s, nil
}

func (h *hub) unsubscribe(s *subscriber) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if _, ok := h.subscribers[s]; ok {
		h.end(s, nil)
	}
}

// events is the Events of a runtime.
func (h *hub) events(ctx context.Context) iter.Seq2[Event, error] {
	return func(yield func(Event, error) bool) {
		s, err := h.subscribe()
		if err != nil {
			yield(Event{}, err)
			return
		}
		defer h.unsubscribe(s)
		if !yield(Event{Action: EventSubscribed, Time: time.Now()}, nil) {
			return
		}
		for {
			select {
			case event, ok := <-s.events:
				if !ok {
					yield(Event{}, s.err)
					return
				}
				if !yield(event, nil) {
					return
				}
			case <-ctx.Done():
				yield(Event{}, context.Cause(ctx))
				return
			}
		}
	}
}
