package main

import (
	"io"
	"slices"
	"strings"
)

const (
	columnGap = 4 // what the original put between columns
	narrowGap = 2 // on a terminal that has no room for that

	// shortestColumn and shortestFirst are how far columns are shortened before the last ones are left out. The first says what a row
	// is about.
	shortestColumn = 8
	shortestFirst  = 12
)

// stateColumns are the columns whose cells are coloured.
var stateColumns = []string{"STATE", "STATUS", "PHASE", "ALIVE", "CHANGE"}

// table lays out rows of cells in columns, the first row being the header.
type table struct {
	rows [][]string
}

func newTable(header ...string) *table {
	return &table{rows: [][]string{header}}
}

func (t *table) add(cells ...string) {
	row := make([]string, len(cells))
	for i, cell := range cells {
		row[i] = oneLine(cell)
	}
	t.rows = append(t.rows, row)
}

// write prints the table without blanks at the ends of lines: in full, except that on a terminal it is made to fit. The longest columns
// are shortened first; where that is not enough, the last ones are left out, and an ellipsis in the header says so.
func (t *table) write(w io.Writer) {
	p := pageOf(w)
	layout := layoutOf(t.widths(), p.columns)
	var text strings.Builder
	for i, row := range t.rows {
		text.WriteString(t.line(row, i == 0, layout).text(p.colour))
		text.WriteByte('\n')
	}
	io.WriteString(w, text.String())
}

// widths returns how wide each column is.
func (t *table) widths() []int {
	var widths []int
	for _, row := range t.rows {
		for i, cell := range row {
			if i == len(widths) {
				widths = append(widths, 0)
			}
			widths[i] = max(widths[i], textWidth(cell))
		}
	}
	return widths
}

// layout is how wide the columns of a table are that are shown.
type layout struct {
	widths []int
	gap    int
	cut    bool // there are more columns
}

// layoutOf fits columns into a line, which is as long as it takes when columns is 0.
func layoutOf(widths []int, columns int) layout {
	shown := layout{widths: slices.Clone(widths), gap: columnGap}
	if columns <= 0 || shown.width() <= columns {
		return shown
	}
	shown.gap = narrowGap
	for len(shown.widths) > 1 && shown.least() > columns {
		shown.widths = shown.widths[:len(shown.widths)-1]
		shown.cut = true
	}
	for shown.width() > columns {
		longest := shown.longest()
		if shown.widths[longest] <= 1 {
			break
		}
		shown.widths[longest]--
	}
	return shown
}

// width is the length of a line.
func (l layout) width() int {
	n := l.gap * (len(l.widths) - 1)
	for _, width := range l.widths {
		n += width
	}
	if l.cut {
		n += l.gap + 1
	}
	return n
}

// least is the length of a line whose columns are as short as they may become.
func (l layout) least() int {
	least := layout{gap: l.gap, cut: l.cut}
	for i := range l.widths {
		least.widths = append(least.widths, min(l.widths[i], shortest(i)))
	}
	return least.width()
}

func shortest(column int) int {
	if column == 0 {
		return shortestFirst
	}
	return shortestColumn
}

// longest returns the column that is shortened next: the one with most to spare, the last of several.
func (l layout) longest() int {
	found, most := 0, 1
	for i, width := range l.widths {
		if spare := width - shortest(i); spare >= most {
			found, most = i, spare
		}
	}
	return found
}

func (t *table) line(cells []string, header bool, shown layout) line {
	row := make(line, 0, 2*len(shown.widths)+1)
	for i, width := range shown.widths {
		if i >= len(cells) {
			break
		}
		cell, length := cells[i], textWidth(cells[i])
		if length > width {
			cell = cutText(cell, width)
			length = textWidth(cell)
		}
		row = append(row, span{cell, t.style(cells[i], i, header)}, span{text: strings.Repeat(" ", width-length+shown.gap)})
	}
	if header && shown.cut {
		row = append(row, span{"…", styleFaint})
	}
	return row
}

func (t *table) style(cell string, column int, header bool) style {
	switch {
	case header:
		return styleBold
	case column < len(t.rows[0]) && slices.Contains(stateColumns, t.rows[0][column]):
		return styleOfState(cell)
	}
	return styleNone
}
