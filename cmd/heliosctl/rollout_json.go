package main

import (
	"fmt"

	"github.com/heliosctl/heliosctl/model"
)

// jsonReporter prints an object a line for every change, and a last one with the result.
type jsonReporter struct {
	io      streams
	options model.RolloutOptions
	changes rolloutChanges
	outage  outage
}

// rolloutEvent is the JSON of a rollout that came to another state.
type rolloutEvent struct {
	Event   string              `json:"event"`
	Group   string              `json:"group"`
	Rollout uint64              `json:"rollout"`
	Reason  model.RolloutReason `json:"reason"`
	From    *model.JobID        `json:"from"`
	To      *model.JobID        `json:"to"`
	State   model.RolloutState  `json:"state"`
	Since   model.Timestamp     `json:"since"`
	Message string              `json:"message,omitempty"`
	Hosts   int                 `json:"hosts"`
}

// hostEvent is the JSON of a host that came to another phase.
type hostEvent struct {
	Event   string             `json:"event"`
	Rollout uint64             `json:"rollout"`
	Host    string             `json:"host"`
	Phase   model.RolloutPhase `json:"phase"`
	Since   model.Timestamp    `json:"since"`
	Attempt int                `json:"attempt,omitempty"`
	Code    model.Code         `json:"code,omitempty"`
	Message string             `json:"message,omitempty"`
	Done    int                `json:"done"` // hosts so far
	Hosts   int                `json:"hosts"`
}

// rolloutResult is the last object: the original's, and more.
type rolloutResult struct {
	Event    string  `json:"event"`
	Duration float64 `json:"duration"` // seconds
	Error    string  `json:"error,omitempty"`
	shownOptions
	Status  outcomeStatus        `json:"status"`
	Group   string               `json:"group"`
	Rollout uint64               `json:"rollout,omitempty"`
	Counts  *model.RolloutCounts `json:"counts,omitempty"`
	Hosts   int                  `json:"hosts"`
}

func (r *jsonReporter) show(v rolloutView) error {
	if v.lost == "" {
		r.outage.ended()
	}
	for _, change := range r.changes.take(v) {
		var event any = rolloutEvent{
			Event: "rollout", Group: v.Group, Rollout: v.ID, Reason: v.Reason, From: idOrNull(v.From), To: idOrNull(v.To),
			State: v.State, Since: v.Since, Message: v.Result, Hosts: len(v.Hosts),
		}
		if h := change.host; h != nil {
			event = hostEvent{
				Event: "host", Rollout: v.ID, Host: h.Host, Phase: h.Phase, Since: h.Since, Attempt: h.Attempt, Code: h.Code, Message: h.Reason,
				Done: change.done, Hosts: len(v.Hosts),
			}
		}
		if err := printCompact(r.io, event); err != nil {
			return err
		}
	}
	return nil
}

func idOrNull(id model.JobID) *model.JobID {
	if id.IsZero() {
		return nil
	}
	return &id
}

func (r *jsonReporter) lost(err error) error {
	r.outage.began(err)
	return nil
}

func (r *jsonReporter) end(v rolloutView, outcome rolloutOutcome) error {
	result := rolloutResult{
		Event: "result", Duration: outcome.duration.Seconds(), shownOptions: shownOptionsOf(r.options), Status: outcome.status,
		Group: v.Group, Rollout: v.ID, Counts: v.counts(), Hosts: len(v.Hosts),
	}
	if outcome.status != outcomeDone {
		result.Error = outcome.reason
	}
	if outcome.status == outcomeInterrupted {
		fmt.Fprintln(r.io.err, outcome.text())
		for _, hint := range outcome.hints(v.Group) {
			fmt.Fprintln(r.io.err, hint)
		}
	}
	return printCompact(r.io, result)
}

// counts is how many hosts are through, nil when nothing is known of the rollout.
func (v rolloutView) counts() *model.RolloutCounts {
	if v.ID == 0 {
		return nil
	}
	return &model.RolloutCounts{
		Done: v.count(isPhase(model.PhaseDone)), Failed: v.count(isPhase(model.PhaseFailed)),
		Skipped: v.count(isPhase(model.PhaseSkipped)), Stopped: v.count(isPhase(model.PhaseStopped)),
	}
}
