// Package widget draws the parts that the console's screens are made of on a canvas of cells: text, panels, gauges, lanes of time,
// tables, fields. It owns how many cells a text takes; it knows nothing of jobs and hosts.
package widget

import (
	"sync"
	"unicode"
	"unicode/utf8"

	"github.com/clipperhouse/displaywidth"

	"github.com/heliosctl/heliosctl/tui/theme"
)

// Cell is one place of the screen. A character that is two cells wide is followed by a cell with width 0.
type Cell struct {
	Rune  rune
	marks uint16 // combining marks, an index into the canvas's list plus one
	Style theme.Style
	Width uint8
}

// Canvas is a screen of cells. It is not safe for concurrent use.
type Canvas struct {
	W, H  int
	cells []Cell
	marks []string
	out   []byte
	ascii []Cell // of a row that is drawn so
}

// Reset makes the canvas so large and clears it to spaces on the screen's background.
func (c *Canvas) Reset(w, h int) {
	c.W, c.H = max(w, 0), max(h, 0)
	if n := c.W * c.H; cap(c.cells) < n {
		c.cells = make([]Cell, n)
	} else {
		c.cells = c.cells[:n]
	}
	c.marks = c.marks[:0]
	blank := Cell{Rune: ' ', Style: theme.Fg(theme.Text), Width: 1}
	for i := range c.cells {
		c.cells[i] = blank
	}
}

// At returns the cell in a column of a row.
func (c *Canvas) At(x, y int) Cell { return c.cells[y*c.W+x] }

// Marks returns the combining marks of a cell.
func (c *Canvas) Marks(cell Cell) string {
	if cell.marks == 0 {
		return ""
	}
	return c.marks[cell.marks-1]
}

// Fade sets everything that has been drawn back, for a dialog to be drawn over it.
func (c *Canvas) Fade() {
	for i := range c.cells {
		c.cells[i].Style = theme.Fg(theme.Faint)
	}
}

// Area returns the whole canvas.
func (c *Canvas) Area() Area { return Area{c: c, W: c.W, H: c.H} }

// put writes one character and returns how many cells it took.
func (c *Canvas) put(x, y int, r rune, w int, style theme.Style) {
	row := c.cells[y*c.W : (y+1)*c.W]
	c.split(row, x)
	if w == 2 {
		c.split(row, x+1)
		row[x+1] = Cell{Style: style}
	}
	row[x] = Cell{Rune: r, Style: style, Width: uint8(w)}
}

// split makes a space of the other half of a wide character of which one half is about to be overwritten.
func (c *Canvas) split(row []Cell, x int) {
	if row[x].Width == 0 && x > 0 {
		row[x-1].Rune, row[x-1].Width, row[x-1].marks = ' ', 1, 0
	}
	if row[x].Width == 2 && x+1 < len(row) {
		row[x+1].Rune, row[x+1].Width = ' ', 1
	}
}

// addMark puts a combining mark on the character that ends at x.
func (c *Canvas) addMark(x, y int, mark rune) {
	i := y*c.W + x
	if x > 0 && c.cells[i].Width == 0 {
		i--
	}
	if cell := &c.cells[i]; cell.marks != 0 {
		c.marks[cell.marks-1] += string(mark)
	} else if len(c.marks) < 1<<16-1 {
		c.marks = append(c.marks, string(mark))
		cell.marks = uint16(len(c.marks))
	}
}

// Render returns the canvas as H lines of W cells with control sequences, without a line break at the end. With ascii, what the
// console draws is drawn with ASCII characters; texts of others stay as they are.
func (c *Canvas) Render(t *theme.Theme, ascii bool) string {
	out := c.out[:0]
	for y := range c.H {
		if y > 0 {
			out = append(out, '\n')
		}
		row := c.cells[y*c.W : (y+1)*c.W]
		if ascii {
			row = c.rowInASCII(row)
		}
		out = c.appendRow(out, row, t)
	}
	c.out = out
	return string(out)
}

func (c *Canvas) rowInASCII(row []Cell) []Cell {
	c.ascii = append(c.ascii[:0], row...)
	for i := range c.ascii {
		if cell := &c.ascii[i]; cell.Rune >= utf8.RuneSelf {
			cell.Rune = inASCII(cell.Rune)
		}
	}
	return c.ascii
}

// appendRow is most of what a frame costs.
func (c *Canvas) appendRow(out []byte, row []Cell, t *theme.Theme) []byte {
	var style theme.Style
	for x := range row {
		cell := &row[x]
		if cell.Width == 0 {
			continue
		}
		if x == 0 || cell.Style != style && !blankAlike(cell, style) {
			out = t.Append(out, style, cell.Style, x == 0)
			style = cell.Style
		}
		switch r := cell.Rune; {
		case r < utf8.RuneSelf:
			out = append(out, byte(r))
		case r >= firstSymbol && r <= lastSymbol: // the most by far, of three bytes each
			out = append(out, 0xe0|byte(r>>12), 0x80|byte(r>>6)&0x3f, 0x80|byte(r)&0x3f)
		default:
			out = utf8.AppendRune(out, r)
		}
		if cell.marks != 0 {
			out = append(out, c.marks[cell.marks-1]...)
		}
	}
	return append(out, "\x1b[0m"...)
}

// blankAlike tells whether a cell looks the same in another style: a space shows its background only.
func blankAlike(cell *Cell, style theme.Style) bool {
	const seen = theme.Underline | theme.Reverse
	return cell.Rune == ' ' && cell.marks == 0 && cell.Style.BG == style.BG && (cell.Style.Attr|style.Attr)&seen == 0
}

// Plain returns the canvas as text without colours, for tests and exports.
func (c *Canvas) Plain() string {
	var out []byte
	for y := range c.H {
		for x := range c.W {
			if cell := c.cells[y*c.W+x]; cell.Width > 0 {
				out = append(utf8.AppendRune(out, cell.Rune), c.Marks(cell)...)
			}
		}
		out = append(out, '\n')
	}
	return string(out)
}

const joiner = '\u200d'

// The symbols that the console draws with lie close together. Their widths are worked out once.
const firstSymbol, lastSymbol = 0x2000, 0x2fff

var symbolWidths = sync.OnceValue(func() *[lastSymbol - firstSymbol + 1]int8 {
	var widths [lastSymbol - firstSymbol + 1]int8
	for i := range widths {
		widths[i] = int8(anyWidth(firstSymbol + rune(i)))
	}
	return &widths
})

// runeWidth is how many cells a character takes: 2 for wide ones, 0 for combining marks, -1 for what is not drawn at all.
func runeWidth(r rune) int {
	switch {
	case r >= ' ' && r < 0x7f:
		return 1
	case r < 0xa0 || r == 0xad || r == utf8.RuneError:
		return -1
	case r < 0x300:
		return 1
	case r >= firstSymbol && r <= lastSymbol:
		return int(symbolWidths()[r-firstSymbol])
	}
	return anyWidth(r)
}

func anyWidth(r rune) int {
	switch {
	case unicode.In(r, unicode.Mn, unicode.Me):
		if r >= 0xfe00 && r <= 0xfe0f || r >= 0xe0100 { // variation selectors
			return -1
		}
		return 0
	case unicode.In(r, unicode.Cf, unicode.Mc, unicode.Co, unicode.Cs, unicode.Zl, unicode.Zp),
		r >= 0x1160 && r <= 0x11ff, r >= 0xd7b0 && r <= 0xd7ff, // joining jamo
		r >= 0x1f3fb && r <= 0x1f3ff, r >= 0x1f1e6 && r <= 0x1f1ff: // skin tones, letters of flags
		return -1
	}
	if w := displaywidth.Rune(r); w > 0 {
		return w
	}
	return -1
}

// glyph is what is drawn of a character: control characters and what terminals disagree about are replaced or left out.
func glyph(r rune) (rune, int) {
	w := runeWidth(r)
	if w < 0 && (r < ' ' || r == 0x7f || r == utf8.RuneError) {
		return '·', 1
	}
	return r, w
}

// Width is how many cells a text takes.
func Width(s string) int {
	n := 0
	joined := false
	for _, r := range s {
		if r == joiner {
			joined = true
			continue
		}
		if _, w := glyph(r); w > 0 && !joined {
			n += w
		}
		joined = false
	}
	return n
}

// Cut returns the text in at most w cells, the last of them an ellipsis if something had to go.
func Cut(s string, w int) string {
	if len(s) <= w || Width(s) <= w {
		return s
	}
	if w <= 0 {
		return ""
	}
	n := 0
	joined := false
	for i, r := range s {
		_, cells := glyph(r)
		if r == joiner || joined || cells < 0 {
			joined = r == joiner
			continue
		}
		if n+cells > w-1 {
			return s[:i] + "…"
		}
		n += cells
	}
	return s
}
