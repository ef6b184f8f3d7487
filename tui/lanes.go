package tui

import (
	"slices"
	"sort"
	"strings"
	"time"

	"github.com/heliosctl/heliosctl/model"
	"github.com/heliosctl/heliosctl/tui/theme"
	"github.com/heliosctl/heliosctl/tui/widget"
)

// lane is the history of one thing as a line in time.
type lane struct {
	name        string
	task        *Task        // as it is now, nil when there is none
	own         model.JobID  // whose lane it is; what others left in it is drawn apart. Unset: everything is its own
	transitions []Transition // oldest first
}

// historyKept is how many changes masters keep of a job on a host unless they are told otherwise. A lane with as many may have begun
// before the first of them.
const historyKept = 30

// What a cell of a lane shows besides a state.
const (
	laneBlank  = -1 // not deployed
	laneNoData = -2 // before what is kept
)

// cells returns what each of n columns between from and to shows: the worst state within it, so that a short failure is not lost.
func (l *lane) cells(from, to time.Time, n int, now time.Time) []int {
	cells := make([]int, n)
	start, step, last := from.UnixNano(), int64(to.Sub(from))/int64(max(n, 1)), now.UnixNano()
	next := sort.Search(len(l.transitions), func(i int) bool { return l.transitions[i].At.After(from) })
	state := l.before(next)
	for i := range cells {
		cells[i] = state
		if start+step*int64(i) > last {
			cells[i] = laneBlank
			continue
		}
		for ; next < len(l.transitions) && l.transitions[next].At.UnixNano() <= start+step*int64(i+1); next++ {
			state = l.index(next)
			if cells[i] < 0 || looks[state%stateCount].weight > looks[cells[i]%stateCount].weight {
				cells[i] = state
			}
		}
	}
	return cells
}

// before is what the lane shows before the transition with this index.
func (l *lane) before(next int) int {
	switch {
	case next > 0:
		return l.index(next - 1)
	case len(l.transitions) == 0:
		if l.task != nil {
			return laneNoData
		}
		return laneBlank
	}
	if first := l.transitions[0].State; !l.cutOff() && (first == model.StatePullingImage || first == model.StateCreating) {
		return laneBlank // a life begins there
	}
	return laneNoData
}

// cutOff tells whether there may have been more before the first transition than is kept.
func (l *lane) cutOff() bool {
	n := 0
	for i := range l.transitions {
		if l.transitions[i].Job == l.transitions[0].Job {
			n++
		}
	}
	return n >= historyKept
}

// index is what a transition leads to, as a cell shows it: a state, behind all states when it is another job's.
func (l *lane) index(i int) int {
	t := &l.transitions[i]
	state := stateIndex(t.State)
	if !l.own.IsZero() && t.Job != l.own {
		state += stateCount
	}
	return state
}

// joined are the transitions of a host in one lane: those of a job, and those of the job before it while that one is not there.
func joined(transitions []Transition, own model.JobID) []Transition {
	var lane []Transition
	here := false          // the job itself
	var hidden *Transition // the last one of the job before while the job itself was there
	for i := range transitions {
		t := &transitions[i]
		switch {
		case t.Job == own:
			lane = append(lane, *t)
			if here = t.State != model.StateStopped; !here && hidden != nil && hidden.State != model.StateStopped {
				still := *hidden
				still.At = t.At
				lane = append(lane, still)
			}
			if !here {
				hidden = nil
			}
		case here:
			hidden = t
		default:
			lane = append(lane, *t)
		}
	}
	return lane
}

// beforeLane is what a lane shows where the job before ran.
const beforeLane = '─'

// drawLane draws cells as textures. A column of at least 0 is where the cursor stands.
func drawLane(line widget.Area, x int, cells []int, bg theme.Color, cursor int) {
	for i, state := range cells {
		r, style := ' ', theme.Style{FG: theme.Faint, BG: bg}
		switch {
		case state == laneNoData && i+1 < len(cells) && cells[i+1] != laneNoData:
			r, style.FG = '┊', theme.Muted // where what is kept begins
		case state == laneNoData:
			r = '·'
		case state >= stateCount:
			look := &looks[state-stateCount]
			r, style.FG = look.laneBy, theme.Muted
			if state-stateCount == countRunning {
				r = beforeLane
			}
		case state >= 0:
			look := &looks[state]
			r, style.FG = look.lane, look.color
			if i > 0 && cells[i-1] == state {
				r = look.laneBy
			}
			if state == countFailed && r == look.lane {
				style.Attr = theme.Bold
			}
		}
		if i == cursor && (state < 0 || state%stateCount == countRunning) {
			r, style = '┿', theme.Style{FG: theme.Text, BG: bg}
			if state < 0 {
				r = '│'
			}
		}
		line.Repeat(x+i, 0, 1, style, r)
	}
}

// axisSteps are how far apart the times of an axis may be.
var axisSteps = []time.Duration{
	time.Second, 5 * time.Second, 10 * time.Second, 30 * time.Second, time.Minute, 2 * time.Minute, 5 * time.Minute, 10 * time.Minute,
	15 * time.Minute, 30 * time.Minute, time.Hour, 2 * time.Hour, 3 * time.Hour, 6 * time.Hour, 12 * time.Hour, 24 * time.Hour,
}

// axisStep is how far apart the times over w columns are, and how they are written.
func axisStep(span time.Duration, w int) (step time.Duration, layout string) {
	const apart = 12 // columns at least
	for _, step = range axisSteps {
		if int64(w)*int64(step)/int64(max(span, 1)) >= apart {
			break
		}
	}
	switch {
	case span > 24*time.Hour:
		return max(step, 24*time.Hour), "Jan 02"
	case step < time.Minute:
		return step, "15:04:05"
	}
	return step, "15:04"
}

// drawAxis writes round times over w columns, each where its column begins. The moment of a cursor, when it stands in a column, stands out.
func drawAxis(a *app, line widget.Area, x, w int, from, to time.Time, cursor int, at time.Time) {
	span := to.Sub(from)
	step, layout := axisStep(span, w)
	last := to.In(a.Zone).Format(layout)
	end := x + w - len(last)
	line.Text(end, 0, muted, last)
	mark, moment := -1, ""
	if cursor >= 0 {
		moment = at.In(a.Zone).Format("15:04:05")
		mark = min(max(x, x+cursor-len(moment)/2), x+w-len(moment))
	}
	_, seconds := from.In(a.Zone).Zone()
	zone := time.Duration(seconds) * time.Second
	for t := from.Add(zone).Truncate(step).Add(-zone); t.Before(to); t = t.Add(step) {
		pos := x + int(int64(t.Sub(from))/max(int64(span)/int64(max(w, 1)), 1))
		free := mark < 0 || pos+len(layout) < mark || pos > mark+len(moment)
		if free && !t.Before(from) && pos+len(layout)+2 <= end {
			line.Text(pos, 0, muted, t.In(a.Zone).Format(layout))
		}
	}
	if mark >= 0 {
		line.Text(end, 0, muted, strings.Repeat(" ", len(last)*btoi(mark+len(moment) >= end)))
		line.Text(mark, 0, theme.Style{FG: theme.OnColor, BG: theme.Here, Attr: theme.Bold}, moment)
	}
}

// lanesBy sorts transitions into lanes by a key.
func lanesBy(transitions []Transition, key func(Transition) string) map[string][]Transition {
	lanes := map[string][]Transition{}
	for _, t := range transitions {
		lanes[key(t)] = append(lanes[key(t)], t)
	}
	return lanes
}

// hostLanes are the lanes of a history that grows: only those of hosts of which there is more are joined anew.
type hostLanes struct {
	own    model.JobID
	of     int                     // reading of the history
	taken  int                     // transitions of it
	all    map[string][]Transition // by host
	joined map[string][]Transition
}

// take returns the lanes by host. They are not to be changed.
func (l *hostLanes) take(h *history, own model.JobID) map[string][]Transition {
	if l.all == nil || l.own != own || l.of != h.readings || l.taken > len(h.transitions) {
		*l = hostLanes{own: own, of: h.readings, all: map[string][]Transition{}, joined: map[string][]Transition{}}
	}
	more := map[string]bool{}
	for _, t := range h.transitions[l.taken:] {
		l.all[t.Host] = append(l.all[t.Host], t)
		more[t.Host] = true
	}
	for host := range more {
		l.joined[host] = joined(l.all[host], own)
	}
	l.taken = len(h.transitions)
	return l.joined
}

// history is what has been read of the past, kept up to date with what the feed brings.
type history struct {
	transitions []Transition
	read        bool
	readings    int // how often it was read
	err         error
}

// follow adds the events that have come since the history was read.
func (h *history) follow(events []Event, wanted func(*Event) bool) {
	if !h.read {
		return
	}
	start := 0
	if n := len(h.transitions); n > 0 {
		last := h.transitions[n-1].At
		start = sort.Search(len(events), func(i int) bool { return events[i].At.After(last) })
	}
	for i := start; i < len(events); i++ {
		if e := &events[i]; e.Type == model.EventTaskStatus && wanted(e) {
			h.transitions = append(h.transitions, Transition{At: e.At, Host: e.Host, Job: e.Job, State: e.To, Detail: e.Detail})
		}
	}
}

func (h *history) take(transitions []Transition, err error) {
	h.read, h.err = true, err
	if err == nil {
		h.readings++
		h.transitions = transitions
		slices.SortStableFunc(h.transitions, func(a, b Transition) int { return a.At.Compare(b.At) })
	}
}

// timeText shows a moment to the millisecond.
func (a *app) timeText(t time.Time) string { return t.In(a.Zone).Format("15:04:05.000") }

// minuteText shows a moment to the minute.
func (a *app) minuteText(t time.Time) string { return t.In(a.Zone).Format("15:04") }

// stateSpans is a state as glyph and code.
func stateSpans(s model.State, bold bool) []widget.Span {
	look := look(s)
	style := theme.Fg(look.color)
	code := style
	if bold {
		code = code.Bold()
	}
	return []widget.Span{{Style: style, Text: string(look.glyph) + " "}, {Style: code, Text: look.code}}
}

// drawState writes a state in six cells.
func drawState(line widget.Area, x int, s model.State, bg theme.Color, bold bool) {
	for _, sp := range stateSpans(s, bold) {
		x = line.Text(x, 0, sp.Style.On(bg), sp.Text)
	}
}
