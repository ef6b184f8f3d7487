package store

import (
	"slices"
	"sync"

	"github.com/heliosctl/heliosctl/model"
)

// eventsAtOnce is about how many events Events returns at most; more would hold much memory for a slow reader.
const eventsAtOnce = 1024

// eventRecord is an event as kept in memory; it shares what it can with the state's records.
type eventRecord struct {
	index      uint64
	kind       model.EventType
	at         model.Timestamp
	job        model.JobID
	host       string
	user       string
	reason     model.EventReason
	deployment *model.Deployment
	status     *statusRecord
	rollout    *rolloutEvent
}

// rolloutEvent is what events of groups and rollouts tell besides.
type rolloutEvent struct {
	group   string
	id      uint64
	state   model.RolloutState
	phase   model.RolloutPhase
	message string
}

// event notes an event of the command being applied.
func (b *batch) event(e eventRecord) {
	e.index = b.index
	b.events = append(b.events, e)
}

func (e *eventRecord) event() model.Event {
	event := model.Event{Index: e.index, Type: e.kind, Time: e.at, Host: e.host, User: e.user, Reason: e.reason, Deployment: e.deployment}
	if !e.job.IsZero() {
		id := e.job
		event.JobID = &id
	}
	if e.status != nil {
		status := e.status.taskStatus()
		event.Status = &status
	}
	if r := e.rollout; r != nil {
		event.Group, event.Rollout, event.State, event.Phase, event.Message = r.group, r.id, r.state, r.phase, r.message
	}
	return event
}

// broker keeps the recent events for any number of readers, who ask when they are ready: no reader holds up the state or another
// reader. It is safe for concurrent use.
type broker struct {
	limit int

	mu     sync.Mutex
	events []eventRecord // in order of index
	floor  uint64        // every event above it is in events
	more   chan struct{}
}

func newBroker(limit int, index uint64) *broker {
	return &broker{limit: limit, floor: index, more: make(chan struct{})}
}

// publish adds the events of the entries just applied, and wakes the readers.
func (b *broker) publish(events []eventRecord) {
	if len(events) == 0 {
		return
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	b.events = append(b.events, events...)
	if len(b.events) > b.limit {
		b.trim()
	}
	b.wake()
}

// trim drops the oldest quarter and whatever else has the index of the last one dropped. It copies, so that the memory is freed.
func (b *broker) trim() {
	drop := len(b.events) - b.limit*3/4
	b.floor = b.events[drop-1].index
	for drop < len(b.events) && b.events[drop].index == b.floor {
		drop++
	}
	b.events = append(make([]eventRecord, 0, b.limit), b.events[drop:]...)
}

// reset forgets all events: the state was replaced by that of index.
func (b *broker) reset(index uint64) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.events, b.floor = nil, index
	b.wake()
}

func (b *broker) wake() {
	close(b.more)
	b.more = make(chan struct{})
}

func (b *broker) after(index uint64) (found []eventRecord, rest, reset bool, more <-chan struct{}) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if index < b.floor {
		return nil, false, true, b.more
	}
	start, _ := slices.BinarySearchFunc(b.events, index+1, func(e eventRecord, i uint64) int {
		if e.index < i {
			return -1
		}
		return 1
	})
	end := min(len(b.events), start+eventsAtOnce)
	for end < len(b.events) && b.events[end].index == b.events[end-1].index {
		end++
	}
	return slices.Clone(b.events[start:end]), end < len(b.events), false, b.more
}

// recent returns all events that are kept, and the index up to which they are all there is. The events must not be changed.
func (b *broker) recent() (events []eventRecord, index uint64) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if n := len(b.events); n > 0 {
		return b.events[:n:n], b.events[n-1].index
	}
	return nil, b.floor
}

// RecentEvents returns the latest of the events that are still in memory and that keep keeps, at most n, oldest first. Events returns
// what comes after them from index on. A restart or a restored state leaves none.
func (s *State) RecentEvents(n int, keep func(model.Event) bool) (events []model.Event, index uint64) {
	records, index := s.broker.recent()
	for i := len(records) - 1; i >= 0 && len(events) < n; i-- {
		if e := records[i].event(); keep(e) {
			events = append(events, e)
		}
	}
	slices.Reverse(events)
	return events, index
}

// Events returns events after index, all those of an index together, and a channel that is closed when there are more. After a reset
// (events after index are no longer known, or were lost with a restart) read everything again and go on from the Index of before.
func (s *State) Events(index uint64) (events []model.Event, reset bool, more <-chan struct{}) {
	found, rest, reset, more := s.broker.after(index)
	if rest {
		now := make(chan struct{})
		close(now)
		more = now
	}
	for i := range found {
		events = append(events, found[i].event())
	}
	return events, reset, more
}
