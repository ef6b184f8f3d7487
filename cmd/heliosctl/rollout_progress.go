package main

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/heliosctl/heliosctl/model"
)

// rolloutView is a rollout as it is shown.
type rolloutView struct {
	model.Rollout
	now   time.Time
	tasks map[string]model.TaskStatus // what agents last said of hosts that the rollout is at work on, as far as it was heard
	lost  string                      // why nothing newer is known, if so
}

// count returns on how many hosts the rollout is in such a phase.
func (v rolloutView) count(in func(model.RolloutPhase) bool) int {
	n := 0
	for _, h := range v.Hosts {
		if in(h.Phase) {
			n++
		}
	}
	return n
}

func isPhase(phase model.RolloutPhase) func(model.RolloutPhase) bool {
	return func(p model.RolloutPhase) bool { return p == phase }
}

// left estimates how long the rollout will take, from how long the hosts so far took. It cannot before the first has ended, while the
// rollout waits for somebody, or once a host takes longer than all that was left.
func (v rolloutView) left() (time.Duration, bool) {
	through := v.count(model.RolloutPhase.Final)
	if through == 0 || through == len(v.Hosts) || v.State != model.RolloutRunning {
		return 0, false
	}
	var last model.Timestamp
	for _, h := range v.Hosts {
		last = max(last, h.Ended)
	}
	each := last.Time().Sub(v.Started.Time()) / time.Duration(through)
	left := each*time.Duration(len(v.Hosts)-through) - v.now.Sub(last.Time())
	return left, left > 0
}

// enoughForDetail is how many columns a longer detail needs beside its host; with fewer it takes a line of its own.
const enoughForDetail = 40

// frame draws the progress of a rollout for a terminal of a size: what goes where, a bar, and the hosts that failed or are at work.
func (l look) frame(v rolloutView, size model.TerminalSize) []line {
	columns := max(int(size.Columns)-1, 1)
	lines := []line{v.heading(columns)}
	lines = append(lines, l.progressLines(v, columns)...)
	if v.lost != "" {
		lines = append(lines, line{{v.lost + "; trying again", styleBad}})
	}
	room := int(size.Rows) - 1 - len(lines)
	return cutLines(append(lines, l.hostLines(v, columns, room)...), size)
}

func (v rolloutView) heading(columns int) line {
	what := line{{oneLine(v.Group), styleBold}}
	switch {
	case v.Reason == model.RolloutBack:
		what = append(what, span{text: ": back to " + displayTarget(v.To)})
	case v.From.IsZero() || v.From == v.To:
		what = append(what, span{text: ": " + displayTarget(v.To)})
	default:
		what = append(what, span{text: ": " + v.From.Short() + " -> " + displayTarget(v.To)})
	}
	end := v.now
	if v.Ended != 0 {
		end = v.Ended.Time()
	}
	took := shortDuration(end.Sub(v.Started.Time()))
	gap := columns - what.width() - textWidth(took)
	if gap < 2 {
		return what
	}
	return append(what, span{text: strings.Repeat(" ", gap)}, span{took, styleFaint})
}

// displayTarget names what a rollout brings to hosts.
func displayTarget(to model.JobID) string {
	if to.IsZero() {
		return "what was there"
	}
	return to.Short()
}

// progressLines is the bar with the figures beside it, or below it where there is not room for both.
func (l look) progressLines(v rolloutView, columns int) []line {
	figures := v.figures()
	beside := columns - figures.width() - 4 // brackets and blanks
	const shortest, longest = 20, 60
	if beside < shortest {
		return []line{l.bar(v, min(columns-2, longest)), figures}
	}
	row := l.bar(v, min(beside, longest))
	return []line{append(append(row, span{text: "  "}), figures...)}
}

func (v rolloutView) figures() line {
	figures := line{{text: fmt.Sprintf("%d/%d done", v.count(isPhase(model.PhaseDone)), len(v.Hosts))}}
	if n := v.count(isPhase(model.PhaseFailed)); n > 0 {
		figures = append(figures, span{text: "  "}, span{fmt.Sprintf("%d failed", n), styleBad})
	}
	if n := v.count(isPhase(model.PhaseSkipped)); n > 0 {
		figures = append(figures, span{text: fmt.Sprintf("  %d skipped", n)})
	}
	left, known := v.left()
	switch {
	case known:
		figures = append(figures, span{text: "  about " + shortDuration(left) + " left"})
	case v.State == model.RolloutPaused:
		figures = append(figures, span{"  paused", styleActive})
	case v.State == model.RolloutCanary:
		figures = append(figures, span{"  canaries done", styleActive})
	}
	return figures
}

// bar shows hosts that are done, at work, failed, and the rest, in this order.
func (l look) bar(v rolloutView, columns int) line {
	done, failed := v.count(isPhase(model.PhaseDone)), v.count(isPhase(model.PhaseFailed))
	active := v.count(model.RolloutPhase.Active)
	return l.barOf(columns, len(v.Hosts), done, active, failed)
}

// barOf shows how many of all are done, at work and failed, and the rest, in this order.
func (l look) barOf(columns, all, done, active, failed int) line {
	glyphs := [4]string{"#", ">", "!", "."}
	if l.blocks {
		glyphs = [4]string{"█", "▒", "×", "░"}
	}
	bar, drawn, counted := line{{text: "["}}, 0, 0
	for i, part := range []struct {
		count int
		style style
	}{{done, styleGood}, {active, styleActive}, {failed, styleBad}, {all - done - active - failed, styleFaint}} {
		counted += part.count
		until := columns
		if all > 0 {
			until = columns * counted / all
		}
		if part.count > 0 && until == drawn && until < columns {
			until++ // what there is, is to be seen
		}
		if n := until - drawn; n > 0 {
			bar = append(bar, span{strings.Repeat(glyphs[i], n), part.style})
			drawn = until
		}
	}
	return append(bar, span{text: "]"})
}

// hostLines lists the hosts that failed and those at work, the latest first, within a number of lines.
func (l look) hostLines(v rolloutView, columns, room int) []line {
	var shown []model.RolloutHost
	for _, h := range v.Hosts {
		if h.Phase == model.PhaseFailed || h.Phase.Active() {
			shown = append(shown, h)
		}
	}
	slices.SortStableFunc(shown, func(a, b model.RolloutHost) int {
		if a.Phase.Active() != b.Phase.Active() {
			if a.Phase.Active() {
				return -1
			}
			return 1
		}
		if a.Phase.Active() {
			return cmp.Compare(a.Started, b.Started)
		}
		return cmp.Compare(b.Since, a.Since)
	})
	layout := newHostLayout(shown, columns)
	var lines []line
	for i, h := range shown {
		next := layout.lines(v, h)
		rest := len(shown) - i
		if len(lines)+len(next) > room || rest > 1 && len(lines)+len(next) == room {
			if room > 0 {
				lines = append(lines, line{{fmt.Sprintf("  and %s", plural(int64(rest), "other host")), styleFaint}})
			}
			break
		}
		lines = append(lines, next...)
	}
	return lines
}

// hostLayout is how wide the columns of hosts are.
type hostLayout struct {
	columns int
	name    int
	phase   int
}

func newHostLayout(hosts []model.RolloutHost, columns int) hostLayout {
	layout := hostLayout{columns: columns}
	for _, h := range hosts {
		layout.name = max(layout.name, textWidth(oneLine(h.Host)))
		layout.phase = max(layout.phase, len(shortPhase(h)))
	}
	const since, gaps = 6, 6
	layout.name = min(layout.name, max(columns-layout.phase-since-gaps, 8))
	return layout
}

func (l hostLayout) lines(v rolloutView, h model.RolloutHost) []line {
	look := styleActive
	if h.Phase == model.PhaseFailed {
		look = styleBad
	}
	name, phase := oneLine(h.Host), shortPhase(h)
	if textWidth(name) > l.name {
		name = cutText(name, l.name)
	}
	row := line{
		{text: "  " + name + strings.Repeat(" ", l.name-textWidth(name)+2)},
		{phase, look},
		{text: strings.Repeat(" ", l.phase-len(phase)+2)},
		{fmt.Sprintf("%6s", shortDuration(v.now.Sub(h.Since.Time()))), styleFaint},
	}
	detail := oneLine(v.detail(h))
	room := l.columns - row.width() - 2
	switch {
	case detail == "":
		return []line{row}
	case room < enoughForDetail && textWidth(detail) > room:
		return []line{row, {{text: "    " + detail}}}
	}
	return []line{append(row, span{text: "  " + detail})}
}

// shortPhase is displayPhase in fewer columns.
func shortPhase(h model.RolloutHost) string {
	if h.Attempt > 1 {
		return fmt.Sprintf("%s #%d", h.Phase, h.Attempt)
	}
	return string(h.Phase)
}

// detail tells why a host failed, or else what its task is at.
func (v rolloutView) detail(h model.RolloutHost) string {
	if h.Reason != "" {
		return h.Reason
	}
	task, heard := v.tasks[h.Host]
	if !heard || !h.Phase.Active() {
		return ""
	}
	return displayState(task)
}
