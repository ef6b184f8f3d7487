package tui

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/maruel/natural"

	"github.com/heliosctl/heliosctl/model"
	"github.com/heliosctl/heliosctl/tui/theme"
	"github.com/heliosctl/heliosctl/tui/widget"
)

// mapLabels are what the map's hosts are grouped by, by turns.
var mapLabels = []string{"rack", "role", "zone"}

// hostMap is the map of all hosts. It is worked out once for each snapshot and label, and its cells once for each scale: a map that is full
// would be most of the overview otherwise.
type hostMap struct {
	groups     []mapGroup // by name, numbers in it by their value
	worstFirst []int      // the same, those with the most trouble first
	width      int        // of the longest name
	longest    int        // hosts in one group
	scale      mapScale   // that cells are drawn in, unset when they have to be worked out
}

// mapGroup are the hosts that have the same value of the label.
type mapGroup struct {
	name    string
	ranks   []uint8
	trouble int // the worse its hosts are, the more
	cells   []widget.Cell
}

// mapScale says how many hosts one cell stands for and how far apart cells are.
type mapScale struct{ per, step int }

// The looks of hosts on the map, worst last.
var mapCells = []widget.Cell{
	{Rune: '■', Style: theme.Fg(theme.OK), Width: 1},
	{Rune: '▣', Style: theme.Fg(theme.Progress), Width: 1},
	{Rune: '?', Style: theme.Fg(theme.Unknown), Width: 1},
	{Rune: '✗', Style: theme.Fg(theme.Fail), Width: 1},
	{Rune: '▼', Style: theme.Fg(theme.Fail), Width: 1},
}

var mapGap = widget.Cell{Rune: ' ', Style: plain, Width: 1}

func mapRank(h *Host) uint8 {
	switch severity(&h.Counts) {
	case 5, 4, 3:
		if h.Status == model.Up {
			return 3
		}
	case 1:
		if h.Status == model.Up {
			return 1
		}
	case 2:
		if h.Status == model.Up {
			return 2
		}
	}
	if h.Status != model.Up {
		return 4
	}
	return 0
}

// arrangeMap groups the hosts by the label.
func (o *overview) arrangeMap(hosts []*Host) {
	ranks, trouble := map[string][]uint8{}, map[string]int{}
	for _, h := range hosts {
		value, rank := h.Labels[mapLabels[o.label]], mapRank(h)
		ranks[value] = append(ranks[value], rank)
		if rank > 1 {
			trouble[value] += int(rank)
		}
	}
	m := hostMap{}
	for i, name := range slices.SortedFunc(maps.Keys(ranks), byNumbers) {
		m.groups = append(m.groups, mapGroup{name: name, ranks: ranks[name], trouble: trouble[name]})
		m.worstFirst = append(m.worstFirst, i)
		m.width = max(m.width, widget.Width(name))
		m.longest = max(m.longest, len(ranks[name]))
	}
	slices.SortStableFunc(m.worstFirst, func(x, y int) int { return m.groups[y].trouble - m.groups[x].trouble })
	o.hosts = m
}

// byNumbers compares names, the numbers in them by their value. Names that are different are never equal.
func byNumbers(x, y string) int { return cmp.Or(natural.Compare(x, y), strings.Compare(x, y)) }

// shown are the groups that are drawn where there is room for so many lines: all of them, or those with the most trouble.
func (m *hostMap) shown(lines int) []int {
	return slices.Sorted(slices.Values(m.worstFirst[:min(len(m.worstFirst), max(0, lines))]))
}

// drawMap draws a cell for each host, grouped by a label, so that a dark rack is a block. Where there is not enough room, a cell stands
// for several hosts, of which the worst is seen.
func (o *overview) drawMap(a *app, area widget.Area) {
	m := &o.hosts
	width := min(max(m.width, 3), 12)
	room := max(1, area.W-6-width)
	lines := max(1, (area.H-2)/max(1, len(m.groups))) // of each group
	scale := mapScale{per: max(1, (m.longest+room*lines-1)/(room*lines)), step: 1}
	if scale.per == 1 && 2*m.longest <= room {
		scale.step = 2 // with a gap between hosts, where there is room for it
	}
	in := widget.Panel{
		Title: "Host map", Note: strings.TrimSuffix(fmt.Sprintf("1 cell = %s · by %s · %s", counted(scale.per, "host"), mapLabels[o.label], a.hint("overview.regroup", "regroup")), " · "),
	}.Draw(area)
	m.fill(scale)
	shown := m.shown(in.H)
	if rest := len(m.groups) - len(shown); rest > 0 {
		area.Text(3, area.H-1, faint, fmt.Sprintf(" ▼ %d more ", rest))
	}
	y := 0
	for _, i := range shown {
		group := &m.groups[i]
		in.Cut(0, y, width, muted, cmp.Or(group.name, "—"))
		for cells := range slices.Chunk(group.cells, room) {
			in.Paste(width+1, y, cells)
			y++
		}
	}
}

// fill works out the cells, each of which shows the worst of its hosts.
func (m *hostMap) fill(scale mapScale) {
	if m.scale == scale {
		return
	}
	m.scale = scale
	for i := range m.groups {
		group := &m.groups[i]
		group.cells = nil
		for hosts := range slices.Chunk(group.ranks, scale.per) {
			group.cells = append(group.cells, mapCells[slices.Max(hosts)])
			if scale.step == 2 {
				group.cells = append(group.cells, mapGap)
			}
		}
	}
}
