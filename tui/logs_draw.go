package tui

import (
	"bytes"
	"cmp"
	"encoding/json"
	"fmt"
	"strings"
	"time"

	"github.com/heliosctl/heliosctl/tui/theme"
	"github.com/heliosctl/heliosctl/tui/widget"
)

var laneColors = []theme.Color{theme.Lane1, theme.Lane3, theme.Lane2, theme.Lane4}

func (p *logs) color(host string) theme.Color {
	if st := p.streams[host]; st != nil {
		return laneColors[st.lane%len(laneColors)]
	}
	return theme.Muted
}

func (p *logs) draw(a *app, area widget.Area) {
	if p.job.IsZero() {
		area.Cut(2, 1, area.W-4, plain, "No job's output is shown yet.")
		for y, line := range widget.Wrap(p.ways(a), area.W-4) {
			area.Text(2, 3+y, muted, line)
		}
		return
	}
	p.label = 4
	for _, name := range p.names {
		p.label = max(p.label, widget.Width(shortHost(name)))
	}
	p.label = min(p.label, mostLogHost)
	p.drawStreams(a, area.Row(0))
	body := area.Sub(0, 1, area.W, area.H-1)
	p.seen = max(1, body.H)
	p.scroll(body)
	y := 0
	for i := p.offset; y < body.H && i < len(p.shown); i++ {
		y += p.drawLine(a, body.Sub(0, y, body.W-1, body.H-y), i)
	}
	if len(p.shown) == 0 {
		body.Cut(2, min(1, body.H-1), body.W-4, muted, p.nothing(a))
	}
	widget.Scrollbar(body, p.offset, p.seen, len(p.shown))
}

// ways says how output comes to be shown here.
func (p *logs) ways(a *app) string {
	var ways []string
	if open := a.hint("logs.open", "chooses a job"); open != "" {
		ways = append(ways, open)
	}
	var names []string
	places := []struct{ key, name string }{
		{a.keyOn(a.root(1), "hosts.logs"), "a host"}, {a.keyOn(a.root(2), "jobs.logs"), "a job"}, {a.keyOn(newRollout(""), "rollout.logs"), "a rollout"},
	}
	for i, at := range places {
		if names = append(names, at.name); i+1 < len(places) && places[i+1].key == at.key {
			continue // the same key does it at the next place, too
		}
		if at.key != "" {
			ways = append(ways, at.key+" on "+either(names)+" shows its output here, of marked rows together")
		}
		names = nil
	}
	return strings.Join(ways, "; ")
}

// either lists several of which one is enough.
func either(names []string) string {
	last := len(names) - 1
	if last < 1 {
		return strings.Join(names, "")
	}
	return strings.Join(names[:last], ", ") + " or " + names[last]
}

// scroll chooses the first line that is drawn, so that the selected one is seen whole where there is room for it, and the last one is at
// the bottom.
func (p *logs) scroll(body widget.Area) {
	p.offset = max(0, min(p.offset, p.cursor))
	p.offset = max(p.offset, p.firstToFill(body, p.cursor))
	p.offset = max(0, min(p.offset, p.firstToFill(body, len(p.shown)-1)))
}

// firstToFill is the first line that is drawn when one is at the bottom.
func (p *logs) firstToFill(body widget.Area, last int) int {
	rows := 0
	for i := last; i >= 0 && i < len(p.shown); i-- {
		rows += p.rows(&p.lines[p.shown[i]], body.W-1)
		if rows > body.H {
			return min(i+1, last)
		}
	}
	return 0
}

// rows is how many rows a line takes.
func (p *logs) rows(l *logEntry, width int) int {
	switch {
	case l.rule || !p.wrap && !l.unfolded:
		return 1
	}
	return len(p.parts(l, width))
}

// parts are the rows that a line takes.
func (p *logs) parts(l *logEntry, width int) []string {
	room := max(1, width-p.textAt()-1)
	var parts []string
	if text, ok := document(l.Text); ok && l.unfolded {
		for line := range strings.SplitSeq(text, "\n") {
			parts = append(parts, widget.Cut(line, room))
		}
		return parts
	}
	if p.wrap {
		parts = widget.Wrap(cmp.Or(l.Text, " "), room)
	}
	if len(parts) == 0 {
		parts = []string{widget.Cut(cmp.Or(l.Text, " "), room)}
	}
	return parts
}

// document lays out a line of JSON, if it is one.
func document(text string) (string, bool) {
	text = strings.TrimSpace(text)
	if !strings.HasPrefix(text, "{") && !strings.HasPrefix(text, "[") {
		return "", false
	}
	var out bytes.Buffer
	if json.Indent(&out, []byte(text), "", "  ") != nil {
		return "", false
	}
	return out.String(), true
}

// nothing says why there are no lines.
func (p *logs) nothing(a *app) string {
	switch {
	case p.only && p.search != "" && len(p.lines) > 0:
		return a.andHint("no line contains "+p.search, "logs.only", "shows all lines again")
	case p.err != nil:
		return "nothing can be read: " + p.err.Error()
	case p.ended:
		return "no output"
	}
	return "no output yet"
}

func (p *logs) drawStreams(a *app, line widget.Area) {
	x := 1
	for i, name := range p.names {
		st := p.streams[name]
		state, style := p.streamState(a, name)
		if x+widget.Width(name)+widget.Width(state)+3 > line.W-8 && i < len(p.names)-1 || x+widget.Width(name)+4 > line.W {
			line.Text(x, 0, muted, fmt.Sprintf("… %d more", len(p.names)-i))
			return
		}
		color := theme.Fg(p.color(name))
		if st.off {
			color = faint
		}
		x = line.Text(line.Text(x, 0, color, "▌"), 0, color, name) + 1
		x = line.Text(x, 0, style, widget.Cut(state, line.W-x)) + 2
	}
}

// mostLogHost is how many cells the name of a host may take before each line.
const mostLogHost = 20

// textAt is where the text of a line begins: behind its time, the bar of its host and the host's name.
func (p *logs) textAt() int { return 1 + 13 + 1 + p.label + 2 }

// shortHost is a host's name without its domain.
func shortHost(name string) string {
	short, _, _ := strings.Cut(name, ".")
	return short
}

func (p *logs) drawLine(a *app, area widget.Area, at int) int {
	l := &p.lines[p.shown[at]]
	bg := theme.Base
	parts := []string{""}
	if !l.rule {
		parts = p.parts(l, area.W)
	}
	if at == p.cursor && !p.follow {
		bg = theme.Select
		for y := range min(len(parts), area.H) {
			area.Row(y).Fill(bg)
		}
	}
	if l.rule {
		p.drawRule(area.Row(0), l, bg)
		return 1
	}
	area.Text(1, 0, muted.On(bg), p.timeText(a, l.Time))
	color := p.color(l.Host)
	area.Text(14, 0, theme.Style{FG: color, BG: bg}, "▌")
	area.Cut(15, 0, p.label, theme.Style{FG: color, BG: bg}, shortHost(l.Host))
	for y, part := range parts {
		p.drawText(area, p.textAt(), y, part, plain.On(bg), at == p.cursor)
	}
	return len(parts)
}

func (p *logs) timeText(a *app, at time.Time) string {
	switch p.clock {
	case 1:
		return at.UTC().Format("15:04:05.000")
	case 2:
		return Age(a.now().Sub(at)) + " ago"
	}
	return at.In(a.Zone).Format("15:04:05.000")
}

// drawRule draws a rule across the page that says what happened to a stream.
func (p *logs) drawRule(row widget.Area, l *logEntry, bg theme.Color) {
	style := theme.Style{FG: theme.Warn, BG: bg}
	text := " " + widget.Cut(l.Text, max(1, row.W-12)) + " "
	left := max(4, (row.W-widget.Width(text))/2)
	row.Repeat(1, 0, left-1, style, '─')
	x := row.Text(left, 0, style, text)
	if x < row.W {
		row.Repeat(x, 0, row.W-x, style, '─')
	}
}

// drawText draws a line with its level and what the search has found.
func (p *logs) drawText(area widget.Area, x, y int, text string, style theme.Style, here bool) {
	for _, level := range []struct {
		word  string
		color theme.Color
		bold  bool
	}{{"ERROR", theme.Fail, true}, {"FATAL", theme.Fail, true}, {"WARN", theme.Warn, false}, {"INFO", theme.Muted, false}, {"DEBUG", theme.Faint, false}} {
		if rest, ok := strings.CutPrefix(text, level.word); ok {
			word := theme.Style{FG: level.color, BG: style.BG}
			if level.bold {
				word = word.Bold()
			}
			x, text = area.Text(x, y, word, level.word), rest
			break
		}
	}
	word := strings.ToLower(p.search)
	for word != "" {
		i := strings.Index(strings.ToLower(text), word)
		if i < 0 || i+len(word) > len(text) {
			break
		}
		hit := theme.Style{FG: theme.OnColor, BG: theme.Hit}
		if here {
			hit.BG = theme.Here
			hit = hit.Bold()
		}
		x = area.Text(x, y, style, text[:i])
		x = area.Text(x, y, hit, text[i:i+len(word)])
		text = text[i+len(word):]
	}
	area.Text(x, y, style, text)
}
