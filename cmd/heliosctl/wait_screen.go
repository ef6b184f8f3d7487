package main

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/heliosctl/heliosctl/model"
)

// progressScreen is a terminal on which a command shows how far it has come, beside its results.
type progressScreen struct {
	look look
	size func() model.TerminalSize
}

// waitTick is how often what is shown while waiting is brought up to date, for the clocks in it.
const waitTick = time.Second

// waitScreen shows the progress of a waiter in place, and leaves nothing behind: results tell how it ended.
type waitScreen struct {
	look  look
	area  liveArea
	hosts []string // in the order given
	seen  map[string]progress
	since map[string]time.Time // of the state
	began time.Time
	ticks *time.Ticker
}

func newWaitScreen(streams streams) *waitScreen {
	on := streams.progress
	return &waitScreen{look: on.look, area: liveArea{out: streams.err, size: on.size, colour: on.look.colour}}
}

func (s *waitScreen) begin(hosts []string) {
	s.hosts, s.seen, s.since, s.began = hosts, map[string]progress{}, map[string]time.Time{}, s.look.now()
	for _, host := range hosts {
		s.since[host] = s.began
	}
	s.ticks = time.NewTicker(waitTick)
	s.draw()
}

// end takes what is shown away.
func (s *waitScreen) end() {
	s.ticks.Stop()
	_ = s.area.draw(nil)
}

// redraw tells when to draw; a nil screen never does.
func (s *waitScreen) redraw() <-chan time.Time {
	if s == nil {
		return nil
	}
	return s.ticks.C
}

func (s *waitScreen) set(host string, p progress) {
	if p.state != s.seen[host].state {
		s.since[host] = s.look.now()
	}
	s.seen[host] = p
	s.draw()
}

// draw ignores failures: nobody sees it then.
func (s *waitScreen) draw() {
	size := s.area.size()
	_ = s.area.draw(cutLines(s.lines(size), size))
}

// lines are a bar, and the hosts that are not done, those that failed last.
func (s *waitScreen) lines(size model.TerminalSize) []line {
	done, failed, active := 0, 0, 0
	var pending, bad []string
	for _, host := range s.hosts {
		switch p := s.seen[host]; {
		case p.err != nil:
			failed++
			bad = append(bad, host)
		case p.ended:
			done++
		default:
			if p.state != "" {
				active++
			}
			pending = append(pending, host)
		}
	}
	columns := int(size.Columns) - 1
	figures := line{{text: fmt.Sprintf("  %d/%d  ", done, len(s.hosts))}, {shortDuration(s.look.now().Sub(s.began)), styleFaint}}
	const shortestBar, longestBar, brackets = 5, 30, 2
	bar := s.look.barOf(min(longestBar, max(columns-figures.width()-brackets, shortestBar)), len(s.hosts), done, active, failed)
	return append([]line{append(bar, figures...)}, s.hostLines(slices.Concat(pending, bad), columns, max(int(size.Rows)-3, 1))...)
}

// hostLines are lines of hosts within a number of them: name, state, and since when.
func (s *waitScreen) hostLines(hosts []string, columns, room int) []line {
	shown := hosts[:min(len(hosts), room)]
	name, state := 0, 0
	for _, host := range shown {
		name, state = max(name, textWidth(oneLine(host))), max(state, len(s.state(host)))
	}
	const clock, gaps = 6, 6
	name = min(name, max(columns-state-clock-gaps, shortestColumn))
	var lines []line
	for _, host := range shown {
		text := oneLine(host)
		if textWidth(text) > name {
			text = cutText(text, name)
		}
		lines = append(lines, line{
			{text: "  " + text + strings.Repeat(" ", name-textWidth(text)+2)},
			{fmt.Sprintf("%-*s", state, s.state(host)), styleOfWait(s.seen[host])},
			{"  " + shortDuration(s.look.now().Sub(s.since[host])), styleFaint},
		})
	}
	if rest := len(hosts) - len(shown); rest > 0 {
		lines = append(lines, line{{"  and " + plural(int64(rest), "other"), styleFaint}})
	}
	return lines
}

func (s *waitScreen) state(host string) string {
	if state := s.seen[host].state; state != "" {
		return oneLine(string(state))
	}
	return "waiting"
}

func styleOfWait(p progress) style {
	if p.err != nil {
		return styleBad
	}
	return styleActive
}
