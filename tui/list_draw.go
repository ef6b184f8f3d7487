package tui

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"github.com/heliosctl/heliosctl/tui/theme"
	"github.com/heliosctl/heliosctl/tui/widget"
)

// placed is a column with where it is drawn.
type placed[T any] struct {
	*column[T]
	x, w int
}

// layout chooses the columns that there is room for: by priority, in their own order, the rest of the room to the flexible one.
func (l *list[T]) layout(width int) []placed[T] {
	var chosen []*column[T]
	for i := range l.columns {
		if !l.columns[i].off {
			chosen = append(chosen, &l.columns[i])
		}
	}
	if n := len(chosen) - 2; l.scroll > 0 && n > 0 { // the first two stay
		l.scroll = min(l.scroll, n-1)
		chosen = append(slices.Clone(chosen[:2]), chosen[2+l.scroll:]...)
	}
	for len(chosen) > 1 && columnsWidth(chosen) > width {
		worst := 0
		for i, c := range chosen {
			if c.priority >= chosen[worst].priority {
				worst = i
			}
		}
		chosen = slices.Delete(chosen, worst, worst+1)
	}
	spare := width - columnsWidth(chosen)
	columns := make([]placed[T], 0, len(chosen))
	x := 0
	for _, c := range chosen {
		w := c.width
		if c.flex && spare > 0 {
			w += spare
			spare = 0
		}
		w = min(w, width-x)
		columns = append(columns, placed[T]{c, x, w})
		x += w + 1
	}
	return columns
}

func columnsWidth[T any](columns []*column[T]) int {
	n := -1
	for _, c := range columns {
		n += c.width + 1
	}
	return n
}

// tableIndent is the room for the marks at the left of a table.
const tableIndent = 3

// draw draws the head and the rows that are seen.
func (l *list[T]) draw(a *app, area widget.Area) {
	if area.Empty() {
		return
	}
	columns := l.layout(area.W - tableIndent - 2)
	l.drawHead(area.Row(0), columns)
	body := area.Sub(0, 1, area.W, area.H-1)
	l.body, l.seen = body, max(1, body.H)
	l.offset = min(max(l.offset, l.cursor-l.seen+1), l.cursor)
	l.offset = max(0, min(l.offset, len(l.order)-l.seen))
	for y := 0; y < body.H && l.offset+y < len(l.order); y++ {
		l.drawRow(body.Row(y), columns, l.rows[l.order[l.offset+y]], l.offset+y == l.cursor)
	}
	if len(l.order) == 0 {
		l.drawNone(a, body)
	}
	widget.Scrollbar(body, l.offset, body.H, len(l.order))
}

func (l *list[T]) drawHead(head widget.Area, columns []placed[T]) {
	head.Fill(theme.Strip)
	for _, c := range columns {
		style := theme.Style{FG: theme.Muted, BG: theme.Strip, Attr: theme.Bold}
		title := c.title
		if c.id == l.sortBy {
			style.FG = theme.Focus
			title += map[bool]string{false: " ↑", true: " ↓"}[l.reverse]
		}
		if c.right {
			head.Right(tableIndent+c.x+c.w, 0, style, widget.Cut(title, c.w))
		} else {
			head.Cut(tableIndent+c.x, 0, c.w, style, title)
		}
	}
}

func (l *list[T]) drawRow(line widget.Area, columns []placed[T], row T, selected bool) {
	bg := theme.Base
	if selected {
		bg = theme.Select
		line.Fill(bg)
		line.Text(0, 0, theme.Style{FG: theme.Focus, BG: bg, Attr: theme.Bold}, "▌")
	}
	if len(l.marks) > 0 && l.marks[l.id(row)] {
		line.Text(1, 0, theme.Style{FG: theme.Focus, BG: bg, Attr: theme.Bold}, "✓")
	}
	for _, c := range columns {
		if c.draw != nil {
			c.draw(line, tableIndent+c.x, c.w, row, bg)
			continue
		}
		style := muted
		if c.style != nil {
			style = c.style(row)
		}
		text := widget.Cut(c.text(row), c.w)
		if c.right {
			line.Right(tableIndent+c.x+c.w, 0, style.On(bg), text)
		} else {
			line.Text(tableIndent+c.x, 0, style.On(bg), text)
		}
	}
}

func (l *list[T]) drawNone(a *app, body widget.Area) {
	text := "there are no " + l.name
	switch {
	case a.snap.Freshness.State == Connecting:
		text = "nothing has been read yet"
	case l.filter.text != "" || l.only:
		text = fmt.Sprintf("none of %d %s passes the filter; esc takes it back", len(l.rows), l.name)
	}
	body.Cut(tableIndent, min(1, body.H-1), body.W-tableIndent, muted, text)
}

// status says how the list is filtered, sorted and marked.
func (l *list[T]) status() (left, right []widget.Span) {
	chip := theme.Style{FG: theme.Text, BG: theme.Chip}
	if l.input != nil {
		text := l.input.Value()
		left = append(left, widget.Span{Style: chip, Text: " / " + text}, widget.Span{Style: theme.Style{FG: theme.OnColor, BG: theme.Here}, Text: " "}, widget.Span{Style: chip, Text: " "})
	} else if l.filter.text != "" {
		left = append(left, widget.Span{Style: chip, Text: " / " + widget.Cut(l.filter.text, 40) + " "})
	}
	if l.only {
		left = append(left, widget.Span{Style: chip, Text: " ! problems "})
	}
	if len(left) > 0 {
		left = append(left, widget.Span{Style: plain, Text: "  "})
	}
	if l.filter.fault != "" {
		return append(left, widget.Span{Style: theme.Fg(theme.Warn), Text: l.filter.fault}), nil
	}
	if len(l.order) < len(l.rows) {
		left = append(left, widget.Span{Style: plain, Text: fmt.Sprintf("%d of %d", len(l.order), len(l.rows))})
	} else {
		left = append(left, widget.Span{Style: plain, Text: counted(len(l.rows), strings.TrimSuffix(l.name, "s"))})
	}
	if n := len(l.marks); n > 0 {
		left = append(left, widget.Span{Style: focus.Bold(), Text: fmt.Sprintf("  %d marked", n)})
		if hidden := n - l.seenMarks(); hidden > 0 {
			left = append(left, widget.Span{Style: theme.Fg(theme.Warn), Text: fmt.Sprintf(" (%d hidden)", hidden)})
		}
	}
	sorted := l.ranked
	for _, c := range l.columns {
		if c.id == l.sortBy {
			sorted = strings.ToLower(cmp.Or(c.title, c.id)) + map[bool]string{false: " ↑", true: " ↓"}[l.reverse]
		}
	}
	if sorted != "" {
		left = append(left, widget.Span{Style: muted, Text: " · " + sorted})
	}
	if len(l.order) > 0 {
		left = append(left, widget.Span{Style: muted, Text: fmt.Sprintf(" · row %d/%d", l.cursor+1, len(l.order))})
	}
	return left, nil
}

func (l *list[T]) seenMarks() int {
	n := 0
	for _, i := range l.order {
		if l.marks[l.id(l.rows[i])] {
			n++
		}
	}
	return n
}
