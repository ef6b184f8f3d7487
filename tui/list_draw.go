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
	full int // how wide it would be with room for all of its texts
}

// roomyFrom is how many cells have to be left over for columns to be two blanks apart.
const roomyFrom = 12

// layout chooses the columns that there is room for: by priority, in their own order. What is left goes to those whose texts are longer
// than their width, and then to the flexible one.
func (l *list[T]) layout(width int) []placed[T] {
	chosen := l.shownColumns()
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
	for i := range chosen {
		if more := min(chosen[i].full-chosen[i].w, spare); more > 0 {
			chosen[i].w += more
			spare -= more
		}
	}
	wider := btoi(spare-len(chosen) >= roomyFrom)
	spare -= wider * (len(chosen) - 1)
	x := 0
	for i := range chosen {
		c := &chosen[i]
		if c.flex && spare > 0 {
			c.w += spare
			spare = 0
		}
		c.x, c.w = x, min(c.w, width-x)
		x += c.w + c.gap() + wider
	}
	return chosen
}

// shownColumns are the columns that are wanted, as wide as they are at least; those that are scrolled over are left out.
func (l *list[T]) shownColumns() []placed[T] {
	columns := make([]placed[T], 0, len(l.columns))
	for i := range l.columns {
		c := &l.columns[i]
		if c.off {
			continue
		}
		shown := placed[T]{column: c, w: c.width, full: c.width}
		if c.fit && i < len(l.longest) && l.longest[i] > 0 {
			shown.w, shown.full = min(c.width, l.longest[i]), l.longest[i]
		}
		columns = append(columns, shown)
	}
	if n := len(columns) - 2; l.scroll > 0 && n > 0 { // the first two stay
		l.scroll = min(l.scroll, n-1)
		columns = append(columns[:2], columns[2+l.scroll:]...)
	}
	return columns
}

func (c *placed[T]) gap() int { return 1 + btoi(c.apart) }

func columnsWidth[T any](columns []placed[T]) int {
	n := 0
	for i := range columns {
		n += columns[i].w
		if i < len(columns)-1 {
			n += columns[i].gap()
		}
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
		} else if l.sortBy == "" && c.id == l.second {
			style.FG = theme.Focus
			title += " ↓"
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
		text = a.andHint(fmt.Sprintf("none of %d %s passes the filter", len(l.rows), l.name), "back", "takes it back")
	}
	body.Cut(tableIndent, min(1, body.H-1), body.W-tableIndent, muted, text)
}

// status says how the list is filtered, sorted and marked.
func (l *list[T]) status(a *app) (left, right []widget.Span) {
	chip := theme.Style{FG: theme.Text, BG: theme.Chip}
	if l.input != nil {
		text := l.input.Value()
		left = append(left, widget.Span{Style: chip, Text: " / " + text}, widget.Span{Style: theme.Style{FG: theme.OnColor, BG: theme.Here}, Text: " "}, widget.Span{Style: chip, Text: " "})
	} else if l.filter.text != "" {
		left = append(left, widget.Span{Style: chip, Text: " / " + widget.Cut(l.filter.text, 40) + " "})
	}
	if l.only {
		left = append(left, widget.Span{Style: chip, Text: " " + cmp.Or(a.hint("list.problems", "problems"), "problems") + " "})
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
