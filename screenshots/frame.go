package main

import (
	"image/color"
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/clipperhouse/displaywidth"
)

// cell is one place of a terminal as it is seen.
type cell struct {
	r         rune
	wide      bool
	fg, bg    color.RGBA
	bold      bool
	underline bool
}

// parseFrame reads a frame of the console: lines of text with control sequences for colours. What has no colour of its own is drawn
// in fg on bg.
func parseFrame(frame string, fg, bg color.RGBA) [][]cell {
	var grid [][]cell
	for line := range strings.SplitSeq(frame, "\n") {
		grid = append(grid, parseLine(line, fg, bg))
	}
	return grid
}

type pen struct {
	fg, bg                     color.RGBA
	bold, dim, underline, swap bool
}

func parseLine(line string, fg, bg color.RGBA) []cell {
	var cells []cell
	p := pen{fg: fg, bg: bg}
	for len(line) > 0 {
		if rest, ok := strings.CutPrefix(line, "\x1b["); ok {
			codes, after, _ := strings.Cut(rest, "m")
			p.apply(strings.Split(codes, ";"), fg, bg)
			line = after
			continue
		}
		r, size := utf8.DecodeRuneInString(line)
		line = line[size:]
		w := displaywidth.Rune(r)
		if w == 0 {
			continue // combining marks are drawn by terminals, not in pictures
		}
		cells = append(cells, p.cell(r))
		if w == 2 {
			cells[len(cells)-1].wide = true
			cells = append(cells, p.cell(' '))
		}
	}
	return cells
}

func (p *pen) cell(r rune) cell {
	c := cell{r: r, fg: p.fg, bg: p.bg, bold: p.bold, underline: p.underline}
	if p.dim {
		c.fg = mix(p.fg, p.bg, 0.45)
	}
	if p.swap {
		c.fg, c.bg = c.bg, c.fg
	}
	return c
}

func (p *pen) apply(codes []string, fg, bg color.RGBA) {
	for i := 0; i < len(codes); i++ {
		switch codes[i] {
		case "", "0":
			*p = pen{fg: fg, bg: bg}
		case "1":
			p.bold = true
		case "2":
			p.dim = true
		case "4":
			p.underline = true
		case "7":
			p.swap = true
		case "22":
			p.bold, p.dim = false, false
		case "24":
			p.underline = false
		case "27":
			p.swap = false
		case "39":
			p.fg = fg
		case "49":
			p.bg = bg
		case "38", "48":
			if i+4 >= len(codes) || codes[i+1] != "2" {
				continue
			}
			c := color.RGBA{number(codes[i+2]), number(codes[i+3]), number(codes[i+4]), 255}
			if codes[i] == "38" {
				p.fg = c
			} else {
				p.bg = c
			}
			i += 4
		}
	}
}

func number(s string) uint8 {
	n, _ := strconv.ParseUint(s, 10, 8) // of our own making
	return uint8(n)
}

// mix returns a colour between two.
func mix(a, b color.RGBA, share float64) color.RGBA {
	part := func(x, y uint8) uint8 { return uint8(float64(x)*(1-share) + float64(y)*share + 0.5) }
	return color.RGBA{part(a.R, b.R), part(a.G, b.G), part(a.B, b.B), 255}
}
