package tui

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/heliosctl/heliosctl/model"
	"github.com/heliosctl/heliosctl/tui/theme"
	"github.com/heliosctl/heliosctl/tui/widget"
)

// stream is the output of the job on one host.
type stream struct {
	lane   int       // of its colour
	off    bool      // its lines are not shown
	first  time.Time // of its lines, zero while there is none
	broken string    // why there is no more of it now
}

// endsKept bounds the ends of containers that wait for lines.
const endsKept = 1000

// openStreams begins with the hosts that are asked for, or with all that the job is on.
func (p *logs) openStreams(a *app) {
	off := map[string]bool{}
	for name, st := range p.streams {
		off[name] = st.off
	}
	p.streams, p.names, p.begun = map[string]*stream{}, nil, a.Now()
	hosts := p.hosts
	if j := a.snap.Job(p.job); len(hosts) == 0 && j != nil {
		for _, t := range j.Tasks {
			hosts = append(hosts, t.Host)
		}
	}
	for _, name := range hosts {
		p.stream(name).off = off[name]
	}
}

// stream returns the stream of a host.
func (p *logs) stream(name string) *stream {
	st := p.streams[name]
	if st == nil {
		st = &stream{}
		p.streams[name] = st
		i, _ := slices.BinarySearch(p.names, name)
		p.names = slices.Insert(p.names, i, name)
		for lane, name := range p.names[i:] {
			p.streams[name].lane = i + lane
		}
	}
	return st
}

func (p *logs) heardLine(line model.LogLine) {
	st := p.stream(line.Host)
	st.broken = ""
	if st.first.IsZero() || line.Time.Before(st.first) {
		st.first = line.Time
	}
	p.add(logEntry{LogLine: line})
}

// broken takes it that there is no more of a host, or of all.
func (p *logs) broken(a *app, line model.LogLine) {
	names, what := []string{line.Host}, "stream "+line.Host
	if line.Host == "" {
		names, what = p.names, "all streams"
	}
	for _, name := range names {
		p.stream(name).broken = line.Error.Message
	}
	text := what + ": " + line.Error.Message
	if p.follows(a) && passes(line.Error) {
		text += "; sought again"
	}
	at := line.Time
	if n := len(p.lines); n > 0 && at.Before(p.lines[n-1].Time) && line.Host == "" {
		at = p.lines[n-1].Time
	}
	p.rule(line.Host, at, text)
}

// passes reports whether what ended a stream may be over soon; then its source seeks the stream again.
func passes(err *model.Error) bool {
	class := err.Code.Class()
	return class == model.ClassUnavailable || class == model.ClassTimeout
}

func (p *logs) goesOn(host string) {
	for name, st := range p.streams {
		if host == "" || host == name {
			st.broken = ""
		}
	}
}

func (p *logs) follows(a *app) bool { return !p.previous && !a.alone }

// over takes it that there will be no more lines.
func (p *logs) over(a *app, err error) {
	p.err, p.ended = err, true
	switch {
	case err != nil:
		p.rule("", a.Now(), "the streams ended: "+err.Error())
	case p.follows(a):
		p.rule("", a.Now(), "the streams ended: the job is on none of these hosts any more")
	case p.previous:
		p.previousEnds(a)
	}
	p.arrange()
}

func (p *logs) rule(host string, at time.Time, text string) {
	p.add(logEntry{LogLine: model.LogLine{Host: host, Time: at, Text: text}, rule: true})
}

// refresh notes the ends of containers that the feed tells of.
func (p *logs) refresh(a *app) {
	if p.feed == nil {
		return
	}
	events := a.snap.Events
	first := len(events)
	for first > 0 && events[first-1].Index > p.heard {
		first--
	}
	for _, e := range events[first:] {
		p.heard = max(p.heard, e.Index)
		if e.Job == p.job && containerEnded(e.To) && p.streams[e.Host] != nil {
			p.ends = append(p.ends, e)
		}
	}
	p.ends = p.ends[max(0, len(p.ends)-endsKept):]
	if p.settleEnds(a) {
		p.arrange()
	}
}

func containerEnded(s model.State) bool {
	return s == model.StateExited || s == model.StateFailed || s == model.StateStopped
}

// settleEnds draws a rule where a container ended, unless that was before the first line that is shown. It reports whether it has
// drawn any.
func (p *logs) settleEnds(a *app) bool {
	if p.previous || len(p.ends) == 0 {
		return false
	}
	drawn, waiting := false, p.ends[:0]
	for _, e := range p.ends {
		st := p.streams[e.Host]
		switch {
		case st.first.IsZero() && e.At.Before(p.begun):
			waiting = append(waiting, e)
		case !st.first.IsZero() && e.At.Before(st.first):
		default:
			p.rule(e.Host, e.At, a.endText(e))
			drawn = true
		}
	}
	p.ends = waiting
	return drawn
}

// endText says how a container ended and what comes then.
func (a *app) endText(e Event) string {
	what := "stream " + e.Host
	if e.Container != "" {
		what += " container " + e.Container[:min(len(e.Container), 4)]
	}
	how, _, _ := strings.Cut(e.Detail, ", ")
	switch code, ok := strings.CutPrefix(how, "exit "); {
	case ok:
		what += " exited " + code
	case e.To == model.StateStopped:
		what += " stopped"
	case how != "":
		what += " ended: " + how
	default:
		what += " ended"
	}
	what += " at " + e.At.In(a.Zone).Format("15:04:05")
	if e.To != model.StateStopped && a.wanted(e.Host, e.Job) {
		what += ", restarts"
	}
	return what
}

// wanted reports whether a job is to run on a host.
func (a *app) wanted(host string, id model.JobID) bool {
	h := a.snap.Host(host)
	if h == nil {
		return false
	}
	t := h.Task(id)
	return t != nil && t.Goal == model.GoalStart
}

// previousEnds closes the output of previous containers with how each ended, as far as the feed knows it.
func (p *logs) previousEnds(a *app) {
	for _, name := range p.names {
		if p.streams[name].broken != "" || p.streams[name].first.IsZero() {
			continue
		}
		last := time.Time{}
		for _, line := range p.lines {
			if line.Host == name && !line.rule {
				last = line.Time
			}
		}
		end := Event{Host: name, At: last}
		for _, e := range p.ends {
			if e.Host == name {
				end = e
			}
		}
		if end.Job.IsZero() {
			p.rule(name, last, "stream "+name+": the end of the container before the current one")
			continue
		}
		p.rule(name, last, a.endText(end))
	}
}

// followed says how many streams are followed.
func (p *logs) followed() widget.Span {
	broken := 0
	for _, st := range p.streams {
		if st.broken != "" {
			broken++
		}
	}
	n := len(p.streams)
	switch {
	case broken == 0:
		return widget.Span{Style: theme.Fg(theme.OK), Text: fmt.Sprintf("● following %d/%s", n, counted(n, "stream"))}
	case broken == n:
		return widget.Span{Style: theme.Fg(theme.Warn), Text: fmt.Sprintf("◌ seeking %s", counted(n, "stream"))}
	}
	return widget.Span{Style: theme.Fg(theme.Warn), Text: fmt.Sprintf("● following %d/%s", n-broken, counted(n, "stream"))}
}

// streamState says in a few words how a stream is, and how alarming that is.
func (p *logs) streamState(a *app, name string) (string, theme.Style) {
	st := p.streams[name]
	var task *Task
	if h := a.snap.Host(name); h != nil {
		task = h.Task(p.job)
	}
	state := "not here"
	if task != nil {
		state = strings.TrimSpace(look(task.State).code + " " + Age(a.now().Sub(task.Since)))
		if task.Restarts > 0 {
			state = fmt.Sprintf("%s, run #%d", state, task.Restarts+1)
		}
		if containerEnded(task.State) && task.ExitCode != nil {
			state += ", " + exitText(task)
		}
	}
	switch {
	case st.off:
		return "hidden", faint
	case st.broken != "" && p.follows(a) && !p.ended:
		return state + " (broken, sought again)", theme.Fg(theme.Warn)
	case st.broken != "":
		return state + " (" + widget.Cut(st.broken, 40) + ")", theme.Fg(theme.Warn)
	case p.previous:
		return state + ", showing the previous container", muted
	case st.first.IsZero():
		return state + " (no output yet)", muted
	}
	return state, muted
}
