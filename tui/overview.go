package tui

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
	"time"

	tea "github.com/charmbracelet/bubbletea"

	"github.com/heliosctl/heliosctl/model"
	"github.com/heliosctl/heliosctl/tui/theme"
	"github.com/heliosctl/heliosctl/tui/widget"
)

// overview answers three questions at a glance: is the fleet healthy, what has changed, and what needs somebody.
type overview struct {
	keys    []*command
	label   int // of labels, that the map is grouped by
	panel   int // that has the focus: 0 attention, 1 rollouts, 2 events
	cursor  [3]int
	shown   [3]int // how many lines each has
	silent  bool   // acknowledged troubles are shown
	load    [2]float64
	memory  [2]float64
	version uint64
	busiest []*Host // highest load first, as many as there may be room for
	hosts   hostMap
	listed  listedTroubles
}

// listedTroubles are the troubles that the overview lists, worked out once for each snapshot and acknowledgement.
type listedTroubles struct {
	version      uint64 // of the snapshot, 0 when they have to be worked out
	acks         int    // changes of what is acknowledged
	shown        []trouble
	acknowledged int
}

func newOverview(*app) page {
	o := &overview{}
	o.keys = []*command{
		bind("overview.open", "enter", "open", o.openSelected),
		bind("overview.panel", "tab", "next panel", func(*app) tea.Cmd { o.panel = (o.panel + 1) % 3; return nil }),
		bind("overview.regroup", "o", "regroup map", func(a *app) tea.Cmd { o.label = (o.label + 1) % len(mapLabels); o.arrangeMap(a.snap.Hosts); return nil }),
		bind("overview.acknowledge", "i", "acknowledge", o.acknowledge),
		bind("overview.filter", "/", "filter hosts", func(a *app) tea.Cmd {
			cmd := a.goTo(a.root(1))
			return tea.Batch(cmd, withID(a.page.commands(), "list.filter").run(a))
		}),
		bind("overview.problems", "!", "problems only", func(a *app) tea.Cmd {
			p := a.root(1).(*hosts)
			p.only = true
			p.arrange()
			return a.goTo(p)
		}),
		bind("overview.acknowledged", "I", "show acknowledged", func(*app) tea.Cmd { o.silent, o.listed.version = !o.silent, 0; return nil }).more(),
		bind("overview.up", "up k", "up", func(*app) tea.Cmd { o.cursor[o.panel] = max(0, o.cursor[o.panel]-1); return nil }).more(),
		bind("overview.down", "down j", "down", func(*app) tea.Cmd {
			o.cursor[o.panel] = min(max(0, o.shown[o.panel]-1), o.cursor[o.panel]+1)
			return nil
		}).more(),
	}
	return o
}

func (o *overview) crumbs() []string     { return []string{"Overview"} }
func (o *overview) commands() []*command { return o.keys }

func (o *overview) commandLine(a *app) string { return a.program() + " hosts" }

func (o *overview) refresh(a *app) {
	if o.version == a.snap.Version {
		return
	}
	o.version = a.snap.Version
	var load, memory []float64
	for _, h := range a.snap.Hosts {
		if h.Status == model.Up && !h.GaugedAt.IsZero() {
			load, memory = append(load, h.LoadShare()), append(memory, h.MemoryShare())
		}
	}
	o.load, o.memory = percentiles(load), percentiles(memory)
	o.busiest = busiestOf(a.snap.Hosts, 60)
	o.arrangeMap(a.snap.Hosts)
}

// busiestOf returns the hosts with the highest load, at most n of them, without having all of them sorted.
func busiestOf(hosts []*Host, n int) []*Host {
	order := func(x, y *Host) int {
		return cmp.Or(cmp.Compare(y.LoadShare(), x.LoadShare()), strings.Compare(x.Name, y.Name))
	}
	best := make([]*Host, 0, n+1)
	for _, h := range hosts {
		if len(best) == n && order(h, best[n-1]) > 0 {
			continue
		}
		i, _ := slices.BinarySearchFunc(best, h, order)
		best = slices.Insert(best, i, h)
		best = best[:min(len(best), n)]
	}
	return best
}

func percentiles(values []float64) [2]float64 {
	if len(values) == 0 {
		return [2]float64{}
	}
	slices.Sort(values)
	return [2]float64{values[len(values)/2], values[len(values)*95/100]}
}

func (o *overview) troubles(a *app) (shown []trouble, acknowledged int) {
	l := &o.listed
	if l.version == a.snap.Version && l.acks == a.acks {
		return l.shown, l.acknowledged
	}
	*l = listedTroubles{version: a.snap.Version, acks: a.acks}
	for _, t := range needsAttention(a) {
		if a.acked[t.key] {
			l.acknowledged++
			if !o.silent {
				continue
			}
		}
		l.shown = append(l.shown, t)
	}
	return l.shown, l.acknowledged
}

func (o *overview) acknowledge(a *app) tea.Cmd {
	shown, _ := o.troubles(a)
	if o.panel == 0 && o.cursor[0] < len(shown) {
		a.acknowledge(shown[o.cursor[0]].key)
	}
	return nil
}

func (o *overview) openSelected(a *app) tea.Cmd {
	switch o.panel {
	case 0:
		shown, _ := o.troubles(a)
		if o.cursor[0] >= len(shown) {
			return nil
		}
		t := shown[o.cursor[0]]
		if t.group != "" {
			return a.goTo(newRollout(t.group))
		}
		return a.goFiltered(t.screen, t.filter)
	case 1:
		if groups := activeFirst(a.snap.Groups); o.cursor[1] < len(groups) {
			return a.goTo(newRollout(groups[o.cursor[1]].Spec.Name))
		}
		return nil
	default:
		return a.goTo(a.root(4))
	}
}

// goFiltered shows one of the screens with a filter.
func (a *app) goFiltered(screen int, text string) tea.Cmd {
	p := a.root(screen)
	cmd := a.goTo(p)
	if f, ok := p.(interface{ narrow(text string) }); ok {
		f.narrow(text)
	}
	return cmd
}

func (o *overview) status(a *app) (left, right []widget.Span) {
	text := "no events yet"
	if n := len(a.snap.Events); n > 0 {
		text = "↻ last change just now"
		if age := a.now().Sub(a.snap.Events[n-1].At); age >= time.Second {
			text = fmt.Sprintf("↻ last change %s ago", Age(age))
		}
	}
	if n := len(a.snap.Rate); n > 1 {
		text += fmt.Sprintf(" · %.1f ev/s", float64(a.snap.Rate[n-2].Total)/BucketLength.Seconds())
	}
	key := a.keyOf("palette")
	if key == "" {
		return []widget.Span{{Style: muted, Text: text}}, nil
	}
	return []widget.Span{{Style: muted, Text: text + " · press "}, {Style: focus.Bold(), Text: key}, {Style: muted, Text: " for any command"}}, nil
}

func (o *overview) draw(a *app, area widget.Area) {
	switch {
	case area.W < 100:
		o.drawNarrow(a, area)
	case area.W < 160:
		fleet := min(58, area.W/2)
		rows, _, _ := stateGrid(fleet-4, 10)
		top, rest := area.SplitY(7 + rows)
		left, right := top.SplitX(fleet)
		o.drawFleet(a, left)
		o.drawAttention(a, right)
		middle, bottom := rest.SplitY(eventsBelow(rest.H, min(max(8, rest.H*2/5+1), 12)))
		left, right = middle.SplitX(area.W * 3 / 5)
		o.drawMap(a, left)
		o.drawRollouts(a, right)
		o.drawEvents(a, bottom)
	default:
		top, rest := area.SplitY(max(10, area.H/5))
		left, right := top.SplitX(max(58, area.W*8/25))
		middle, end := right.SplitX(right.W * 56 / 100)
		o.drawFleet(a, left)
		o.drawAttention(a, middle)
		o.drawRollouts(a, end)
		top, bottom := rest.SplitY(eventsBelow(rest.H, min(max(9, len(o.hosts.groups)+2), rest.H/2)))
		left, right = top.SplitX(area.W * 2 / 3)
		o.drawMap(a, left)
		o.drawBusiest(a, right)
		o.drawEvents(a, bottom)
	}
}

// eventsBelow is how many of the rows are for what is above the events: all of them, unless some events can be seen below.
func eventsBelow(rows, above int) int {
	if rows-above < 5 {
		return rows
	}
	return above
}

// drawNarrow draws one column, as much of it as there is room for.
func (o *overview) drawNarrow(a *app, area widget.Area) {
	rows := 9
	if area.H < 15 {
		rows = 7 // what needs somebody comes before how much goes on
	}
	fleet, rest := area.SplitY(min(rows, area.H))
	o.drawFleet(a, fleet)
	shown, _ := o.troubles(a)
	if o.panel == 1 {
		o.drawRollouts(a, rest)
		return
	}
	attention, rest := rest.SplitY(min(max(3, min(len(shown), 4)+2), rest.H))
	o.drawAttention(a, attention)
	if o.panel == 2 {
		o.drawEvents(a, rest)
		return
	}
	chart, rest := rest.SplitY(min(12, rest.H))
	o.drawMap(a, chart)
	if rest.H >= 4 {
		o.drawEvents(a, rest)
	}
}

func (o *overview) border(panel int) theme.Color {
	if o.panel == panel {
		return theme.Focus
	}
	return theme.Border
}

func activeFirst(groups []*Group) []*Group {
	var active []*Group
	for _, g := range groups {
		if g.Rollout != nil && g.Rollout.Active() {
			active = append(active, g)
		}
	}
	return active
}
