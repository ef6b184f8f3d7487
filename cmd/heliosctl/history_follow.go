package main

import (
	"context"
	"io"
	"strings"

	"github.com/heliosctl/heliosctl/client"
	"github.com/heliosctl/heliosctl/model"
)

// historyFollower prints what comes to a job's history. It reads the history anew whenever the masters' event stream tells of a change.
type historyFollower struct {
	api     *client.Client
	id      model.JobID
	keep    func([]model.TaskStatusEvent) []model.TaskStatusEvent
	printer *historyPrinter
	seen    map[historyEntry]bool
}

// historyEntry is what makes two entries of a history the same.
type historyEntry struct {
	host      string
	timestamp model.Timestamp
	state     model.State
	throttled model.Throttle
	container string
}

func entryOf(e model.TaskStatusEvent) historyEntry {
	return historyEntry{e.Host, e.Timestamp, e.Status.State, e.Status.Throttled, e.Status.ContainerID}
}

// run prints the first entries, and then what is not among those that are known.
func (f *historyFollower) run(ctx context.Context, known, first []model.TaskStatusEvent) error {
	f.seen = map[historyEntry]bool{}
	for _, event := range known {
		f.seen[entryOf(event)] = true
	}
	if err := f.printer.print(first); err != nil {
		return err
	}
	kicks, stop := following(ctx, f.api, f.concerns)
	defer stop()
	reading := steadyReading{
		news: kicks, poll: watchPoll, pause: watchPause, began: true, outage: outage{log: f.printer.io.err},
		read: func(ctx context.Context) error {
			events, err := f.api.History(ctx, f.id)
			if err != nil {
				return err
			}
			return f.printNew(events)
		},
	}
	return reading.run(ctx)
}

func (f *historyFollower) concerns(event model.Event) bool {
	return event.JobID != nil && *event.JobID == f.id
}

func (f *historyFollower) printNew(events []model.TaskStatusEvent) error {
	var fresh []model.TaskStatusEvent
	seen := map[historyEntry]bool{} // the history itself is bounded, so that what it has forgotten need not be remembered
	for _, event := range f.keep(events) {
		entry := entryOf(event)
		if seen[entry] = true; !f.seen[entry] {
			fresh = append(fresh, event)
		}
	}
	f.seen = seen
	return f.printer.print(fresh)
}

// historyPrinter prints entries as they come, the first ones with a header over them.
type historyPrinter struct {
	io     streams
	json   bool
	widths []int
}

func (p *historyPrinter) print(events []model.TaskStatusEvent) error {
	if p.json {
		for _, event := range events {
			if err := printCompact(p.io, event); err != nil {
				return err
			}
		}
		return nil
	}
	var rows [][]string
	if p.widths == nil {
		rows, p.widths = [][]string{historyHeader()}, []int{0, 0, len(model.StateHealthchecking), len(model.ThrottleImagePullFailed), 0, 0}
	}
	for _, event := range events {
		rows = append(rows, historyRow(event))
	}
	var b strings.Builder
	for _, row := range rows {
		for i, cell := range row {
			p.widths[i] = max(p.widths[i], textWidth(oneLine(cell)))
		}
	}
	for _, row := range rows {
		var text strings.Builder
		for i, cell := range row {
			cell = oneLine(cell)
			text.WriteString(cell + strings.Repeat(" ", p.widths[i]-textWidth(cell)+columnGap))
		}
		b.WriteString(strings.TrimRight(text.String(), " ") + "\n")
	}
	_, err := io.WriteString(p.io.out, b.String())
	return err
}
