package container

import (
	"context"
	"iter"
	"strconv"
	"time"

	"github.com/docker/docker/api/types/events"
	"github.com/docker/docker/api/types/filters"
)

// Events yields what happens to containers of ours, EventSubscribed first. It ends with an error: ErrUnavailable when the engine
// goes away, ctx's when ctx is done. Range over it again to subscribe again.
func (d *Docker) Events(ctx context.Context) iter.Seq2[Event, error] {
	return func(yield func(Event, error) bool) {
		if err := d.ready(ctx); err != nil {
			yield(Event{}, err)
			return
		}
		streamed, established, cancel := d.stream(ctx)
		options := events.ListOptions{
			// The engine answers a moment before it subscribes us; it repeats from its memory what happened in between.
			Since:   time.Now().Format(time.RFC3339Nano),
			Filters: eventFilters(),
		}
		messages, failed := d.client.Events(streamed, options)
		established()
		defer func() {
			cancel()
			for range failed { // closed by the library's goroutine as it ends
			}
		}()
		if !d.subscribed(streamed, failed, yield) {
			return
		}
		for {
			select {
			case message := <-messages:
				if !yield(eventOf(message), nil) {
					return
				}
			case err := <-failed:
				yield(Event{}, d.streamEnd(streamed, err))
				return
			}
		}
	}
}

// subscribed yields EventSubscribed, or the error with which the subscription failed at once.
func (d *Docker) subscribed(streamed context.Context, failed <-chan error, yield func(Event, error) bool) bool {
	select {
	case err := <-failed:
		yield(Event{}, d.streamEnd(streamed, err))
		return false
	default:
		return yield(Event{Action: EventSubscribed, Time: time.Now()}, nil)
	}
}

// streamEnd explains why a stream that has no end of its own did end.
func (d *Docker) streamEnd(streamed context.Context, cause error) error {
	if streamed.Err() != nil {
		return context.Cause(streamed)
	}
	return fail(ErrUnavailable, cause, "the docker engine at %s closed the connection: it stopped or restarts", d.endpoint)
}

func eventFilters() filters.Args {
	args := filters.NewArgs(
		filters.Arg("type", string(events.ContainerEventType)),
		filters.Arg("label", LabelAgent),
	)
	// Naming them keeps out the three events that each exec health check causes.
	for _, action := range []Action{EventCreate, EventStart, EventDie, EventOOM, EventPause, EventUnpause, EventDestroy} {
		args.Add("event", string(action))
	}
	return args
}

func eventOf(message events.Message) Event {
	event := Event{
		Action: Action(message.Action),
		ID:     message.Actor.ID,
		Name:   message.Actor.Attributes["name"],
		Labels: map[string]string{},
		Time:   time.Unix(0, message.TimeNano),
	}
	// The engine mixes labels and its own attributes in one map; ours are known by name.
	for _, label := range []string{LabelAgent, LabelHost, LabelJob} {
		event.Labels[label] = message.Actor.Attributes[label]
	}
	if code, err := strconv.Atoi(message.Actor.Attributes["exitCode"]); err == nil {
		event.ExitCode = code
	}
	return event
}
