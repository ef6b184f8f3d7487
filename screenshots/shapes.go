package main

import (
	"image"
	"image/color"
	"image/draw"
	"math"
)

func fill(img *image.RGBA, box image.Rectangle, c color.RGBA) {
	draw.Draw(img, box, image.NewUniform(c), image.Point{}, draw.Src)
}

// blend puts a colour over a pixel.
func blend(img *image.RGBA, x, y int, c color.RGBA, share float64) {
	if share <= 0 || !(image.Point{X: x, Y: y}).In(img.Bounds()) {
		return
	}
	img.SetRGBA(x, y, mix(img.RGBAAt(x, y), c, min(share, 1)))
}

// cover fills the pixels of a box as far as a shape covers them, with 4 by 4 samples for each.
func cover(img *image.RGBA, box image.Rectangle, c color.RGBA, inside func(x, y float64) bool) {
	const n = 4
	for y := box.Min.Y; y < box.Max.Y; y++ {
		for x := box.Min.X; x < box.Max.X; x++ {
			hits := 0
			for sy := range n {
				for sx := range n {
					if inside(float64(x)+(float64(sx)+0.5)/n, float64(y)+(float64(sy)+0.5)/n) {
						hits++
					}
				}
			}
			blend(img, x, y, c, float64(hits)/(n*n))
		}
	}
}

func disc(img *image.RGBA, cx, cy, radius float64, c color.RGBA) {
	box := image.Rect(int(cx-radius)-1, int(cy-radius)-1, int(cx+radius)+2, int(cy+radius)+2)
	cover(img, box, c, func(x, y float64) bool { return math.Hypot(x-cx, y-cy) <= radius })
}

func roundedRect(img *image.RGBA, box image.Rectangle, radius float64, c color.RGBA) {
	for y := box.Min.Y; y < box.Max.Y; y++ {
		for x := box.Min.X; x < box.Max.X; x++ {
			dx := max(radius-float64(x)-0.5, float64(x)+0.5-(float64(box.Dx())-radius), 0)
			dy := max(radius-float64(y)-0.5, float64(y)+0.5-(float64(box.Dy())-radius), 0)
			if a := min(max(radius-math.Hypot(dx, dy)+0.5, 0), 1); a > 0 {
				img.SetRGBA(x, y, color.RGBA{uint8(float64(c.R) * a), uint8(float64(c.G) * a), uint8(float64(c.B) * a), uint8(255 * a)})
			}
		}
	}
}

// The arms of lines: which sides of the cell they reach, and how thick they are.
type arms struct{ left, right, up, down int } // 1 light, 2 heavy

var lines = map[rune]arms{
	'─': {1, 1, 0, 0}, '│': {0, 0, 1, 1}, '━': {2, 2, 0, 0}, '┃': {0, 0, 2, 2}, '┿': {2, 2, 1, 1}, '┼': {1, 1, 1, 1}, '╸': {2, 0, 0, 0},
}

// dashes are lines with gaps: in how many pieces.
var dashes = map[rune]struct {
	pieces int
	thick  int
}{'╍': {2, 2}, '┄': {3, 1}, '╌': {2, 1}}

// shape draws the characters that have to join with their neighbours. It reports whether it is one of them.
func (r *renderer) shape(img *image.RGBA, x, y int, c cell) bool {
	w, h := r.cellW, r.cellH
	box := func(x0, y0, x1, y1 int) { fill(img, image.Rect(x+x0, y+y0, x+x1, y+y1), c.fg) }
	switch {
	case c.r >= 0x2801 && c.r < 0x2900:
		r.braille(img, x, y, c)
		return true
	case c.r >= '▁' && c.r <= '█':
		box(0, h-(h*int(c.r-'▁'+1)+4)/8, w, h)
		return true
	}
	if a, ok := lines[c.r]; ok {
		r.line(box, a)
		return true
	}
	if d, ok := dashes[c.r]; ok {
		t := r.thickness(d.thick)
		for i := range d.pieces {
			box(i*w/d.pieces, h/2-t/2, i*w/d.pieces+w/d.pieces-max(1, w/d.pieces/3), h/2-t/2+t)
		}
		return true
	}
	switch c.r {
	case '╭', '╮', '╰', '╯':
		r.corner(img, x, y, c)
	case '▌':
		box(0, 0, (w+1)/2, h)
	case '▏':
		box(0, 0, max(1, w/8), h)
	case '░', '▒', '▓':
		share := map[rune]float64{'░': 0.3, '▒': 0.55, '▓': 0.8}[c.r]
		fill(img, image.Rect(x, y+h/8, x+w, y+h-h/8), mix(c.bg, c.fg, share))
	case '▞':
		for i := range 2 {
			box(i*w/2, h/8, (i+1)*w/2, h/2)
			fill(img, image.Rect(x+i*w/2, y+h/8, x+(i+1)*w/2, y+h-h/8), c.bg)
		}
		box(w/2, h/8, w, h/2)
		box(0, h/2, w/2, h-h/8)
	case '■':
		box(1, h/4, w-1, h-h/4)
	case '▣':
		box(1, h/4, w-1, h-h/4)
		fill(img, image.Rect(x+3, y+h/4+2, x+w-3, y+h-h/4-2), c.bg)
		box(w/2-1, h/2-2, w/2+2, h/2+2)
	default:
		return false
	}
	return true
}

func (r *renderer) thickness(weight int) int {
	if weight == 2 {
		return max(2, r.cellW/4)
	}
	return max(1, r.cellW/12)
}

func (r *renderer) line(box func(x0, y0, x1, y1 int), a arms) {
	w, h := r.cellW, r.cellH
	arm := func(weight int, draw func(t int)) {
		if weight > 0 {
			draw(r.thickness(weight))
		}
	}
	arm(a.left, func(t int) { box(0, h/2-t/2, w/2+1, h/2-t/2+t) })
	arm(a.right, func(t int) { box(w/2, h/2-t/2, w, h/2-t/2+t) })
	arm(a.up, func(t int) { box(w/2-t/2, 0, w/2-t/2+t, h/2+1) })
	arm(a.down, func(t int) { box(w/2-t/2, h/2, w/2-t/2+t, h) })
}

// corner draws a rounded corner of a frame: a quarter of a circle and what is left to the sides of the cell.
func (r *renderer) corner(img *image.RGBA, x, y int, c cell) {
	w, h := float64(r.cellW), float64(r.cellH)
	t := float64(r.thickness(1))
	midX, midY := float64(int(w)/2)+t/2-float64(int(t)/2), float64(int(h)/2)+t/2-float64(int(t)/2)
	radius := w/2 - 0.5
	right, down := c.r == '╭' || c.r == '╰', c.r == '╭' || c.r == '╮'
	sx, sy := 1.0, 1.0
	if !right {
		sx = -1
	}
	if !down {
		sy = -1
	}
	cover(img, image.Rect(x, y, x+r.cellW, y+r.cellH), c.fg, func(px, py float64) bool {
		dx, dy := (px-float64(x)-midX)*sx, (py-float64(y)-midY)*sy // from the middle, towards the arms
		switch {
		case dx >= radius:
			return math.Abs(dy) <= t/2
		case dy >= radius:
			return math.Abs(dx) <= t/2
		case dx < -t/2 || dy < -t/2:
			return false
		}
		return math.Abs(math.Hypot(dx-radius, dy-radius)-radius) <= t/2
	})
}

// braille draws dots in their places.
func (r *renderer) braille(img *image.RGBA, x, y int, c cell) {
	bits := int(c.r - 0x2800)
	order := [8][2]int{{0, 0}, {0, 1}, {0, 2}, {1, 0}, {1, 1}, {1, 2}, {0, 3}, {1, 3}}
	radius := float64(r.cellW) * 0.17
	for i, at := range order {
		if bits&(1<<i) != 0 {
			disc(img, float64(x)+float64(r.cellW)*(0.25+0.5*float64(at[0])), float64(y)+float64(r.cellH)*(0.125+0.25*float64(at[1])), radius, c.fg)
		}
	}
}
