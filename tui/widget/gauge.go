package widget

import "github.com/heliosctl/heliosctl/tui/theme"

// Gauge draws a thin bar of w cells for a share between 0 and 1, coloured only where it is worth a look.
func Gauge(a Area, x, y, w int, share float64, color theme.Color, bg theme.Color) {
	share = min(max(share, 0), 1)
	halves := int(share*float64(2*w) + 0.5)
	full := theme.Style{FG: color, BG: bg}
	x = a.Repeat(x, y, halves/2, full, '━')
	rest := w - halves/2
	if halves%2 == 1 && rest > 0 {
		x = a.Repeat(x, y, 1, full, '╸')
		rest--
	}
	a.Repeat(x, y, rest, theme.Style{FG: theme.Border, BG: bg}, '─')
}

// Part is one share of a bar.
type Part struct {
	N     int
	Rune  rune
	Color theme.Color
}

// Bar draws parts in proportion over w cells. Every part that is not zero gets at least one cell, so that none is overlooked.
func Bar(a Area, x, y, w int, bg theme.Color, parts ...Part) {
	for i, cells := range Shares(w, parts) {
		x = a.Repeat(x, y, cells, theme.Style{FG: parts[i].Color, BG: bg}, parts[i].Rune)
	}
}

// Shares divides w cells among parts: in proportion, at least one for each that is not zero, as long as there are enough.
func Shares(w int, parts []Part) []int {
	cells := make([]int, len(parts))
	total, largest, used := 0, 0, 0
	for i, part := range parts {
		total += part.N
		if part.N > parts[largest].N {
			largest = i
		}
	}
	if total == 0 || w <= 0 {
		return cells
	}
	for i, part := range parts {
		if part.N > 0 {
			cells[i] = max(1, w*part.N/total)
			used += cells[i]
		}
	}
	cells[largest] += w - used
	for cells[largest] < 1 && giveOne(cells, largest) {
		cells[largest]++
	}
	cells[largest] = max(0, cells[largest])
	return cells
}

// giveOne takes a cell from the part that has the most, other than one; the last of several gives. It reports whether there was any.
func giveOne(cells []int, except int) bool {
	giver := -1
	for i, n := range cells {
		if i != except && n > 0 && (giver < 0 || n >= cells[giver]) {
			giver = i
		}
	}
	if giver >= 0 {
		cells[giver]--
	}
	return giver >= 0
}

var eighths = []rune("▁▂▃▄▅▆▇█")

// Spark draws values as a row of bars, newest last, in w cells. With flat, zeros are dots.
func Spark(a Area, x, y, w int, style theme.Style, values []float64, flat bool) {
	if len(values) > w {
		values = values[len(values)-w:]
	}
	highest := 0.0
	for _, v := range values {
		highest = max(highest, v)
	}
	for i, v := range values {
		r := eighths[0]
		switch {
		case highest > 0:
			r = eighths[min(7, max(0, int(v/highest*7.999)))]
			if flat && v == 0 {
				r = '·'
			}
		case flat:
			r = '·'
		}
		a.Repeat(x+i, y, 1, style, r)
	}
}

// Braille draws values as columns of dots, two values to a cell, newest last, over the whole area. highest is the value of a full
// column; 0 means the highest of them.
func Braille(a Area, style func(i int) theme.Style, values []float64, highest float64) {
	if n := 2 * a.W; len(values) > n {
		values = values[len(values)-n:]
	}
	if highest <= 0 {
		for _, v := range values {
			highest = max(highest, v)
		}
	}
	if highest <= 0 {
		highest = 1
	}
	dots := 4 * a.H
	height := func(i int) int {
		if i < 0 || i >= len(values) {
			return 0
		}
		n := int(min(values[i]/highest, 1)*float64(dots) + 0.5)
		if values[i] > 0 {
			n = max(n, 1)
		}
		return n
	}
	first := 2*a.W - len(values)
	for col := range a.W {
		left, right := height(2*col-first), height(2*col+1-first)
		for row := range a.H {
			below := 4 * (a.H - 1 - row)
			bits := brailleColumn(left-below, leftDots) | brailleColumn(right-below, rightDots)
			if bits != 0 {
				a.Repeat(col, row, 1, style(2*col-first), rune(0x2800+bits))
			}
		}
	}
}

var (
	leftDots  = [4]int{0x40, 0x04, 0x02, 0x01} // from the bottom
	rightDots = [4]int{0x80, 0x20, 0x10, 0x08}
)

func brailleColumn(n int, dots [4]int) int {
	bits := 0
	for i := range min(max(n, 0), 4) {
		bits |= dots[i]
	}
	return bits
}
