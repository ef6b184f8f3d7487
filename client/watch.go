package client

import (
	"context"
	"iter"
	"net/http"
	"reflect"
	"strconv"
	"sync"
	"time"

	"github.com/heliosctl/heliosctl/model"
)

// EventQuery says which events are wanted. The zero value wants all, from now on.
type EventQuery struct {
	Index uint64            // those after it; 0: from now on
	Last  int               // without an Index: at most so many of the recent ones first, as far as the master still knows them
	Types []model.EventType // nil: all
	Job   string            // a part of the full id of the job
	Host  string
	Group string

	// Lost is told by WatchEvents why it has to go on elsewhere, which may take several tries. An error that it returns ends the watching
	// with that error. It may be nil.
	Lost func(error) error
}

// request asks for the events after what was read.
func (q EventQuery) request(at position) request {
	parameters := query("job", q.Job, "host", q.Host, "group", q.Group)
	for _, kind := range q.Types {
		parameters.Add("type", string(kind))
	}
	switch {
	case at.known:
		parameters.Set("index", strconv.FormatUint(at.whole, 10))
	case q.Last > 0:
		parameters.Set("last", strconv.Itoa(q.Last))
	}
	return request{
		method: http.MethodGet, path: path("v1", "events"), query: parameters,
		absent: model.Errorf(model.CodeNotFound, "the master is too old to tell of events"),
	}
}

// WatchEvents is Events for as long as ctx lasts: when the stream breaks, it goes on at another master, where it was. No event comes
// twice, and none is left out unless an event of the type EventReset says so. The first one behind those that Last asks for is a
// heartbeat, so that what is read after it misses nothing. It ends with an error that another try would not mend, or that of ctx.
func (c *Client) WatchEvents(ctx context.Context, q EventQuery) iter.Seq2[model.Event, error] {
	return func(yield func(model.Event, error) bool) {
		w := eventWatch{at: position{known: q.Index > 0, whole: q.Index, last: q.Index}, past: q.Index == 0 && q.Last > 0}
		for pause := firstPause; ; pause = min(2*pause, maxPause) {
			w.reopened()
			var lost error
			for event, err := range stream[model.Event](ctx, c, q.request(w.at)) {
				if err != nil {
					lost = err
					break
				}
				pause = firstPause
				for _, event := range w.next(event) {
					if !yield(event, nil) {
						return
					}
				}
			}
			if ctx.Err() == nil && passing(lost) {
				lost = q.outlives(lost)
			}
			if lost == nil {
				lost = rest(ctx, pause)
			}
			if lost != nil {
				yield(model.Event{}, lost)
				return
			}
		}
	}
}

// outlives is nil unless the one who asks does not want to outlive the loss of a stream.
func (q EventQuery) outlives(lost error) error {
	if q.Lost == nil {
		return nil
	}
	return q.Lost(lost)
}

// RecentEvents returns the events that a master still knows, the last q.Last of those that are wanted, oldest first. A master keeps
// thousands, in memory: one that was started a moment ago knows of none before.
func (c *Client) RecentEvents(ctx context.Context, q EventQuery) ([]model.Event, error) {
	var recent []model.Event
	q.Index = 0
	for event, err := range stream[model.Event](ctx, c, q.request(position{})) {
		if err != nil {
			return nil, err
		}
		if event.Type == model.EventHeartbeat {
			break
		}
		recent = append(recent, event)
	}
	return recent, nil
}

// rest waits, unless ctx ends.
func rest(ctx context.Context, pause time.Duration) error {
	select {
	case <-time.After(pause):
		return nil
	case <-ctx.Done():
		return interrupted(ctx, nil)
	}
}

// passing reports whether an error may be gone at the next try.
func passing(err error) bool {
	switch model.CodeOf(err).Class() {
	case model.ClassUnavailable, model.ClassTimeout:
		return true
	}
	return false
}

// position is how far a stream of events was read. Several events share an index, so that the last one may have come in part.
type position struct {
	known    bool   // something was read, or where to begin was said
	whole    uint64 // of this index, and of all before it, every event was seen
	last     uint64
	seen     int // events of last
	repeated int // of them since the stream was opened
}

// eventWatch is what WatchEvents has read.
type eventWatch struct {
	at   position
	past bool          // the events that Last asks for have not all come
	held []model.Event // of them
}

// reopened takes note that another stream begins. Of a past that broke off nothing has been told, and it is asked for again: of the index
// that it begins with, nobody knows how many events the limit has cut off, so that there is no place in it to go on from.
func (w *eventWatch) reopened() {
	w.at.repeated, w.held = 0, nil
}

// next returns the events to tell of after one more has come.
func (w *eventWatch) next(e model.Event) []model.Event {
	signal := e.Type == model.EventHeartbeat || e.Type == model.EventReset
	if w.past && !signal {
		w.held = append(w.held, e)
		return nil
	}
	if !w.at.isNew(e) {
		return nil
	}
	told := append(w.held, e)
	w.past, w.held = false, nil
	return told
}

// isNew takes note of an event and reports whether it has not come before.
func (p *position) isNew(e model.Event) bool {
	switch {
	case e.Type == model.EventReset, e.Type == model.EventHeartbeat && e.Index >= p.last:
		*p = position{known: true, whole: e.Index, last: e.Index}
		return true
	case e.Type == model.EventHeartbeat:
		return true
	case e.Index != p.last:
		*p = position{known: true, whole: max(p.whole, p.last), last: e.Index, seen: 1, repeated: 1}
		return true
	}
	p.repeated++
	if p.repeated <= p.seen {
		return false
	}
	p.seen = p.repeated
	return true
}

// WatchDeployment yields what the agent says of a job on a host, at first as it is now and then whenever it changes. Nothing comes before
// the agent has said anything. It ends with CodeJobNotDeployed when the job is not deployed there and the agent has nothing left of it,
// or with CodeHostNotFound, or with the error of ctx. Masters that are away for a while do not end it.
//
// Where the job was deployed to the host before, the first status may be one that the former deployment left behind.
func (c *Client) WatchDeployment(ctx context.Context, host string, id model.JobID) iter.Seq2[model.TaskStatus, error] {
	return func(yield func(model.TaskStatus, error) bool) {
		var last *model.TaskStatus
		err := c.follow(ctx, EventQuery{Host: host}, ofJob(id), func(ctx context.Context) (bool, error) {
			status, err := c.HostStatus(ctx, host)
			if err != nil {
				return false, err
			}
			task, reported := status.Statuses[id]
			if _, deployed := status.Jobs[id]; !deployed && !reported {
				return false, model.Errorf(model.CodeJobNotDeployed, "job %s is not deployed to %s", id, host)
			}
			if !reported || last != nil && reflect.DeepEqual(*last, task) {
				return false, nil
			}
			last = &task
			return !yield(task, nil), nil
		})
		if err != nil {
			yield(model.TaskStatus{}, err)
		}
	}
}

func ofJob(id model.JobID) func(model.Event) bool {
	return func(e model.Event) bool { return e.JobID == nil || *e.JobID == id }
}

// WatchRollout yields a rollout of a group with its hosts, at first as it is now and then whenever it changes, and ends after it has ended;
// id 0 is the group's last one. It fails with CodeGroupNotFound, with CodeNotFound when there is no such rollout, or with the error of
// ctx. Masters that are away for a while do not end it.
func (c *Client) WatchRollout(ctx context.Context, group string, id uint64) iter.Seq2[model.Rollout, error] {
	return func(yield func(model.Rollout, error) bool) {
		var last model.Rollout
		err := c.follow(ctx, EventQuery{Group: group}, nil, func(ctx context.Context) (bool, error) {
			rollout, err := c.Rollout(ctx, group, id)
			if err != nil {
				return false, err
			}
			id = rollout.ID
			if reflect.DeepEqual(last, rollout) {
				return false, nil
			}
			last = rollout
			return !yield(rollout, nil) || !rollout.State.Active(), nil
		})
		if err != nil {
			yield(model.Rollout{}, err)
		}
	}
}

// follow calls read when the events of a query have begun to come, and again after those that concern it, until it is done or fails for
// good. Events that come while it reads count once.
func (c *Client) follow(
	ctx context.Context, q EventQuery, concerns func(model.Event) bool, read func(context.Context) (done bool, err error),
) error {
	listening, stop := context.WithCancel(ctx)
	kicks, ended := make(chan struct{}, 1), make(chan error, 1)
	kick := func() {
		select {
		case kicks <- struct{}{}:
		default:
		}
	}
	var listener sync.WaitGroup
	listener.Go(func() {
		for event, err := range c.WatchEvents(listening, q) {
			if err != nil {
				ended <- err
				return
			}
			if concerns == nil || concerns(event) {
				kick()
			}
		}
	})
	defer listener.Wait()
	defer stop()
	for {
		select {
		case err := <-ended:
			return err
		case <-kicks:
		}
		done, err := read(ctx)
		switch {
		case done:
			return nil
		case err == nil:
		case ctx.Err() != nil || !passing(err):
			return err
		default:
			if err := rest(ctx, maxPause); err != nil {
				return err
			}
			kick()
		}
	}
}
