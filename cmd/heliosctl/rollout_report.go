package main

import (
	"cmp"
	"fmt"
	"slices"

	"github.com/heliosctl/heliosctl/model"
)

// rolloutReporter shows a rollout while it is followed. It is used by one goroutine.
type rolloutReporter interface {
	// show shows how far the rollout is. It is called for every change, and now and then without one.
	show(v rolloutView) error

	// lost tells that no master answers at the moment.
	lost(err error) error

	// end tells how it ended.
	end(v rolloutView, outcome rolloutOutcome) error
}

// changedHosts returns the hosts whose phase or attempt is another one than before, those that changed first coming first. Hosts whose
// turn has not come are none.
func changedHosts(before map[string]model.RolloutHost, v rolloutView) []model.RolloutHost {
	var changed []model.RolloutHost
	for _, h := range v.Hosts {
		old, known := before[h.Host]
		if h.Phase == model.PhasePending && !known || known && old.Phase == h.Phase && old.Attempt == h.Attempt {
			continue
		}
		changed = append(changed, h)
	}
	slices.SortStableFunc(changed, func(a, b model.RolloutHost) int { return cmp.Compare(a.Since, b.Since) })
	return changed
}

// rolloutChanges remembers what was shown of a rollout.
type rolloutChanges struct {
	id    uint64
	state model.RolloutState
	hosts map[string]model.RolloutHost
	done  int
}

// rolloutChange is what is new of a rollout. Done counts the hosts that are, this one included.
type rolloutChange struct {
	host *model.RolloutHost // nil: the rollout's state
	done int
}

// take returns what has changed. The first look at a rollout is a change of its state.
func (c *rolloutChanges) take(v rolloutView) []rolloutChange {
	var changes []rolloutChange
	if c.id != v.ID {
		*c = rolloutChanges{id: v.ID, hosts: map[string]model.RolloutHost{}}
	}
	first := c.state == ""
	if first {
		changes = append(changes, rolloutChange{})
	}
	for _, h := range changedHosts(c.hosts, v) {
		if h.Phase == model.PhaseDone {
			c.done++
		}
		c.hosts[h.Host] = h
		changes = append(changes, rolloutChange{host: &h, done: c.done})
	}
	if !first && c.state != v.State {
		changes = append(changes, rolloutChange{})
	}
	c.state = v.State
	return changes
}

// lineReporter prints the original's lines, and on error output those that it did not have.
type lineReporter struct {
	io      streams
	changes rolloutChanges
	outage  outage
}

func (r *lineReporter) show(v rolloutView) error {
	if v.lost == "" {
		r.outage.ended()
	}
	switched := r.changes.id != 0 && r.changes.id != v.ID
	for _, change := range r.changes.take(v) {
		switch h := change.host; {
		case h != nil:
			r.showHost(v, *h, change.done)
		case switched:
			switched = false
			fmt.Fprintf(r.io.out, "\nRolling back: %s\n\n", oneLine(v.rollbackCause()))
		case v.State == model.RolloutRunning && v.CanaryPassed:
			fmt.Fprintln(r.io.err, "the rollout goes on")
		}
	}
	return nil
}

// rollbackCause says why a rollout brings back what was there.
func (v rolloutView) rollbackCause() string {
	switch {
	case v.Cause != "":
		return v.Cause
	case v.User != "":
		return v.User + " asked for it"
	}
	return "somebody asked for it"
}

func (r *lineReporter) showHost(v rolloutView, h model.RolloutHost, done int) {
	host := oneLine(h.Host)
	switch h.Phase {
	case model.PhaseDone:
		fmt.Fprintf(r.io.out, "%s -> %s (%d/%d)\n", host, v.outcomeOn(h), done, len(v.Hosts))
	case model.PhaseFailed, model.PhaseSkipped, model.PhaseStopped:
		fmt.Fprintf(r.io.out, "%s -> %s\n", host, displayEnded(h))
	default:
		fmt.Fprintf(r.io.err, "%s: %s\n", host, displayPhase(h))
	}
}

// outcomeOn says what a host that is done has come to.
func (v rolloutView) outcomeOn(h model.RolloutHost) string {
	if len(h.Wants(v.To)) == 0 {
		return "UNDEPLOYED"
	}
	return string(model.StateRunning)
}

// displayEnded is the phase in which a rollout left a host, and why.
func displayEnded(h model.RolloutHost) string {
	switch {
	case h.Reason == "":
		return string(h.Phase)
	case h.Code == "" || string(h.Code) == h.Reason:
		return fmt.Sprintf("%s: %s", h.Phase, oneLine(h.Reason))
	}
	return fmt.Sprintf("%s: %s (%s)", h.Phase, oneLine(h.Reason), h.Code)
}

func (r *lineReporter) lost(err error) error {
	r.outage.began(err)
	return nil
}

func (r *lineReporter) end(v rolloutView, outcome rolloutOutcome) error {
	return printOutcome(r.io, v, outcome)
}

func printOutcome(io streams, v rolloutView, outcome rolloutOutcome) error {
	text := outcome.text()
	if outcome.status == outcomeInterrupted {
		fmt.Fprintln(io.err, text)
	} else {
		fmt.Fprintf(io.out, "\n%s\nDuration: %.2f s\n", text, outcome.duration.Seconds())
	}
	for _, hint := range outcome.hints(v.Group) {
		fmt.Fprintln(io.err, hint)
	}
	return nil
}

// liveReporter draws the progress in place.
type liveReporter struct {
	io     streams
	look   look
	screen liveArea
	last   rolloutView
	id     uint64
}

func (r *liveReporter) show(v rolloutView) error {
	if r.id != 0 && r.id != v.ID {
		r.screen.drawn = nil // the frame of the rollout that is undone stays
		fmt.Fprintf(r.io.out, "\nRolling back: %s\n\n", oneLine(v.rollbackCause()))
	}
	r.id, r.last = v.ID, v
	return r.draw(v)
}

func (r *liveReporter) draw(v rolloutView) error {
	return r.screen.draw(r.look.frame(v, r.screen.size()))
}

func (r *liveReporter) lost(err error) error {
	if r.id == 0 {
		return nil
	}
	r.last.lost, r.last.now = oneLine(err.Error()), r.look.now()
	return r.draw(r.last)
}

func (r *liveReporter) end(v rolloutView, outcome rolloutOutcome) error {
	// Frames leave out what has no room in them; failures are told in full at the end.
	separate := "\n"
	for _, h := range v.Hosts {
		if h.Phase == model.PhaseFailed || h.Phase == model.PhaseSkipped {
			fmt.Fprintf(r.io.out, "%s%s -> %s\n", separate, oneLine(h.Host), displayEnded(h))
			separate = ""
		}
	}
	return printOutcome(r.io, v, outcome)
}
