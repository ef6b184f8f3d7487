package main

import (
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/heliosctl/heliosctl/cmd/heliosctl/manifest"
	"github.com/heliosctl/heliosctl/model"
)

// planDocument is the JSON of a plan, or of what became of it.
type planDocument struct {
	Pending bool                    `json:"pending"` // there was something to do
	Counts  map[manifest.Action]int `json:"counts"`
	Changes []planChange            `json:"changes"`
}

// planChange is the JSON of one object of a plan.
type planChange struct {
	Kind   manifest.Kind   `json:"kind"`
	Name   string          `json:"name"`
	Host   string          `json:"host,omitempty"`
	Action manifest.Action `json:"action"`
	Note   string          `json:"note,omitempty"`
	ID     string          `json:"id,omitempty"` // of the job
	File   string          `json:"file,omitempty"`
	Line   int             `json:"line,omitempty"`
	Diff   []string        `json:"diff,omitempty"`

	// Of a plan that was carried out.
	Status  model.Code    `json:"status,omitempty"` // OK, or what went wrong
	Message string        `json:"message,omitempty"`
	Rollout uint64        `json:"rollout,omitempty"`
	Outcome outcomeStatus `json:"outcome,omitempty"` // of the rollout, when it was waited for
}

func planDocumentOf(plan manifest.Plan) planDocument {
	document := planDocument{Pending: plan.Pending(), Counts: map[manifest.Action]int{}, Changes: []planChange{}}
	for _, c := range plan {
		change := planChange{
			Kind: c.Kind, Name: c.Name, Host: c.Host, Action: c.Action, Note: c.Note, File: c.Origin.Source, Line: c.Origin.Line,
		}
		switch {
		case c.Kind == manifest.KindJob && !c.Job.ID.IsZero():
			change.ID = c.Job.ID.String()
		case !c.JobID.IsZero():
			change.ID = c.JobID.String()
		}
		if c.Action != manifest.ActionNone {
			change.Diff = c.Diff()
		}
		document.Counts[c.Action]++
		document.Changes = append(document.Changes, change)
	}
	return document
}

// printPlan shows what is to be done, each object with what changes of it.
func printPlan(w io.Writer, plan manifest.Plan, colour bool) {
	var b strings.Builder
	for _, c := range plan {
		if c.Action == manifest.ActionNone {
			continue
		}
		head := line{{text: objectName(c), style: styleBold}, {text: ": "}, {text: string(c.Action), style: actionStyle(c.Action)}}
		if c.Note != "" {
			head = append(head, span{text: ": " + oneLine(c.Note)})
		}
		if c.Origin.Source != "" {
			head = append(head, span{text: "  (" + oneLine(c.Origin.String()) + ")", style: styleFaint})
		}
		b.WriteString(head.text(colour) + "\n")
		for _, text := range c.Diff() {
			b.WriteString(line{{text: "  " + oneLine(text), style: diffStyle(text)}}.text(colour) + "\n")
		}
		b.WriteString("\n")
	}
	b.WriteString(planSummary(plan) + "\n")
	io.WriteString(w, b.String())
}

// objectName names what a change is about.
func objectName(c manifest.Change) string {
	name := string(c.Kind) + " " + oneLine(c.Name)
	if c.Host != "" {
		name += " on " + oneLine(c.Host)
	}
	return name
}

func actionStyle(action manifest.Action) style {
	switch action {
	case manifest.ActionCreate:
		return styleGood
	case manifest.ActionRemove, manifest.ActionConflict:
		return styleBad
	case manifest.ActionKeep:
		return styleFaint
	}
	return styleActive
}

func diffStyle(text string) style {
	switch {
	case strings.HasPrefix(text, "+"):
		return styleGood
	case strings.HasPrefix(text, "-"):
		return styleBad
	case strings.HasPrefix(text, "@@"):
		return styleFaint
	}
	return styleNone
}

// planSummary counts what is to be done.
func planSummary(plan manifest.Plan) string {
	var words []string
	for _, part := range []struct {
		action manifest.Action
		words  string
	}{
		{manifest.ActionCreate, "to create"}, {manifest.ActionUpdate, "to update"}, {manifest.ActionRoll, "to roll"},
		{manifest.ActionRemove, "to remove"}, {manifest.ActionConflict, "in conflict"}, {manifest.ActionKeep, "to remove with --prune"},
		{manifest.ActionNone, "unchanged"},
	} {
		if n := plan.Count(part.action); n > 0 {
			words = append(words, fmt.Sprintf("%d %s", n, part.words))
		}
	}
	if !plan.Pending() && len(plan.Conflicts()) == 0 {
		return "Nothing to do: " + strings.Join(words, ", ") + "."
	}
	return "Plan: " + strings.Join(words, ", ") + "."
}

// conflictOf is nil for a plan that can be carried out.
func conflictOf(plan manifest.Plan) error {
	conflicts := plan.Conflicts()
	switch len(conflicts) {
	case 0:
		return nil
	case 1:
		c := conflicts[0]
		return &outcomeError{class: model.ClassConflict, message: objectName(c) + ": " + c.Note + "; nothing was changed"}
	}
	var names []string
	for _, c := range conflicts {
		names = append(names, objectName(c))
	}
	slices.Sort(names)
	return &outcomeError{
		class: model.ClassConflict, message: fmt.Sprintf("%d objects are in conflict (%s); nothing was changed", len(names), shortList(slices.Compact(names))),
	}
}

func pendingChanges(plan manifest.Plan) int64 {
	n := int64(0)
	for _, c := range plan {
		if c.Pending() {
			n++
		}
	}
	return n
}
