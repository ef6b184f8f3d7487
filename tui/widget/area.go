package widget

import (
	"strings"
	"unicode/utf8"

	"github.com/heliosctl/heliosctl/tui/theme"
)

// Area is a rectangle of a canvas. What is drawn outside of it is not drawn.
type Area struct {
	c    *Canvas
	X, Y int // on the canvas
	W, H int
}

// Empty reports whether there is no room at all.
func (a Area) Empty() bool { return a.W <= 0 || a.H <= 0 }

// Sub returns the part of the area at x, y that is w wide and h high, or what there is of it.
func (a Area) Sub(x, y, w, h int) Area {
	x, y = min(max(x, 0), max(a.W, 0)), min(max(y, 0), max(a.H, 0))
	return Area{c: a.c, X: a.X + x, Y: a.Y + y, W: max(0, min(w, a.W-x)), H: max(0, min(h, a.H-y))}
}

// Row returns one row of the area.
func (a Area) Row(y int) Area { return a.Sub(0, y, a.W, 1) }

// Inset leaves so many columns and rows on each side free.
func (a Area) Inset(dx, dy int) Area { return a.Sub(dx, dy, a.W-2*dx, a.H-2*dy) }

// SplitX cuts the area in two, the left one w wide.
func (a Area) SplitX(w int) (left, right Area) {
	w = max(0, min(w, a.W))
	return a.Sub(0, 0, w, a.H), a.Sub(w, 0, a.W-w, a.H)
}

// SplitY cuts the area in two, the upper one h high.
func (a Area) SplitY(h int) (top, bottom Area) {
	h = max(0, min(h, a.H))
	return a.Sub(0, 0, a.W, h), a.Sub(0, h, a.W, a.H-h)
}

// Fill sets the background of the whole area and clears it.
func (a Area) Fill(bg theme.Color) {
	style := theme.Style{FG: theme.Text, BG: bg}
	for y := range a.H {
		for x := range a.W {
			a.c.put(a.X+x, a.Y+y, ' ', 1, style)
		}
	}
}

// Tint sets the background of what has been drawn.
func (a Area) Tint(bg theme.Color) {
	for y := range a.H {
		for i := (a.Y+y)*a.c.W + a.X; i < (a.Y+y)*a.c.W+a.X+a.W; i++ {
			a.c.cells[i].Style.BG = bg
		}
	}
}

// Fade sets what has been drawn back.
func (a Area) Fade() {
	for y := range a.H {
		for i := (a.Y+y)*a.c.W + a.X; i < (a.Y+y)*a.c.W+a.X+a.W; i++ {
			style := &a.c.cells[i].Style
			style.FG, style.Attr = theme.Faint, 0
		}
	}
}

// Text writes a text and returns the column after it. Characters that do not fit are left out.
func (a Area) Text(x, y int, style theme.Style, s string) int {
	if y < 0 || y >= a.H {
		return x + Width(s)
	}
	row := a.Y + y
	for i := 0; i < len(s); {
		r := rune(s[i])
		size := 1
		if r >= utf8.RuneSelf {
			r, size = utf8.DecodeRuneInString(s[i:])
		}
		i += size
		if r == joiner { // what is joined to a character is not drawn: terminals disagree about its width
			_, size = utf8.DecodeRuneInString(s[i:])
			i += size
			continue
		}
		drawn, w := glyph(r)
		switch {
		case w < 0:
		case w == 0:
			if x > 0 && x <= a.W {
				a.c.addMark(a.X+x-1, row, drawn)
			}
		default:
			if x >= 0 && x+w <= a.W {
				a.c.put(a.X+x, row, drawn, w, style)
			}
			x += w
		}
	}
	return x
}

// Cut writes a text in at most w cells, with an ellipsis where it is longer, and returns x+w.
func (a Area) Cut(x, y, w int, style theme.Style, s string) int {
	w = min(w, a.W-x)
	a.Text(x, y, style, Cut(s, w))
	return x + w
}

// Right writes a text that ends before the column x and returns where it begins.
func (a Area) Right(x, y int, style theme.Style, s string) int {
	start := x - Width(s)
	a.Text(start, y, style, s)
	return start
}

// Span is a piece of text in one style.
type Span struct {
	Style theme.Style
	Text  string
}

// Spans writes pieces one after the other and returns the column after them.
func (a Area) Spans(x, y int, spans ...Span) int {
	for _, span := range spans {
		x = a.Text(x, y, span.Style, span.Text)
	}
	return x
}

// SpansWidth is how many cells pieces take.
func SpansWidth(spans []Span) int {
	n := 0
	for _, span := range spans {
		n += Width(span.Text)
	}
	return n
}

// Repeat writes a character n times and returns the column after them.
func (a Area) Repeat(x, y, n int, style theme.Style, r rune) int {
	if y < 0 || y >= a.H {
		return x + max(n, 0)
	}
	for range n {
		if x >= 0 && x < a.W {
			a.c.put(a.X+x, a.Y+y, r, 1, style)
		}
		x++
	}
	return x
}

// Paste writes cells of one character each, those that there is room for.
func (a Area) Paste(x, y int, cells []Cell) {
	if y < 0 || y >= a.H {
		return
	}
	if x < 0 {
		x, cells = 0, cells[min(-x, len(cells)):]
	}
	cells = cells[:max(0, min(len(cells), a.W-x))]
	if len(cells) == 0 {
		return
	}
	row := a.c.cells[(a.Y+y)*a.c.W : (a.Y+y+1)*a.c.W]
	a.c.split(row, a.X+x)
	a.c.split(row, a.X+x+len(cells)-1)
	copy(row[a.X+x:], cells)
}

// Wrap breaks a text into lines of at most w cells, between words where it can.
func Wrap(s string, w int) []string {
	if w <= 0 {
		return nil
	}
	var lines []string
	for paragraph := range strings.SplitSeq(s, "\n") {
		line := ""
		for _, word := range strings.Fields(paragraph) {
			for Width(word) > w {
				if line != "" {
					lines, line = append(lines, line), ""
				}
				head, tail := splitAt(word, w)
				lines, word = append(lines, head), tail
			}
			switch {
			case line == "":
				line = word
			case Width(line)+1+Width(word) <= w:
				line += " " + word
			default:
				lines, line = append(lines, line), word
			}
		}
		lines = append(lines, line)
	}
	return lines
}

// Fold breaks a text into lines of at most w cells behind blanks where it can, and leaves nothing out: unlike Wrap it keeps all blanks,
// so that what is read off the screen is what was meant.
func Fold(s string, w int) []string {
	if w <= 0 {
		return nil
	}
	var lines []string
	for paragraph := range strings.SplitSeq(s, "\n") {
		for Width(paragraph) > w {
			head, tail := splitAt(paragraph, w)
			if tail == "" {
				break
			}
			if at := strings.LastIndexByte(head, ' '); at > 0 {
				head, tail = paragraph[:at+1], paragraph[at+1:]
			}
			lines, paragraph = append(lines, head), tail
		}
		lines = append(lines, paragraph)
	}
	return lines
}

func splitAt(s string, w int) (head, tail string) {
	n := 0
	for i, r := range s {
		_, cells := glyph(r)
		if n += max(cells, 0); n > w && i > 0 {
			return s[:i], s[i:]
		}
	}
	return s, ""
}
