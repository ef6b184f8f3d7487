package main

import (
	"image"
	"image/color"
	"image/draw"

	"github.com/go-fonts/dejavu/dejavusans"
	"github.com/go-fonts/dejavu/dejavusansmono"
	"github.com/go-fonts/dejavu/dejavusansmonobold"
	"golang.org/x/image/font"
	"golang.org/x/image/font/opentype"
	"golang.org/x/image/font/sfnt"
	"golang.org/x/image/math/fixed"
)

// renderer draws frames as pictures of a terminal's window. Lines, blocks and dots are drawn as shapes, as terminals do, so that they
// join; fonts are for the rest.
type renderer struct {
	cellW, cellH int
	baseline     int
	regular      *face
	bold         *face
	fallback     *face
	missing      map[rune]bool // characters that no font has
}

// face is a font at a size.
type face struct {
	font.Face
	font *sfnt.Font
	buf  sfnt.Buffer
}

func (f *face) has(r rune) bool {
	i, err := f.font.GlyphIndex(&f.buf, r)
	return err == nil && i != 0
}

func newFace(ttf []byte, size float64) (*face, error) {
	parsed, err := opentype.Parse(ttf)
	if err != nil {
		return nil, err
	}
	f, err := opentype.NewFace(parsed, &opentype.FaceOptions{Size: size, DPI: 72, Hinting: font.HintingNone})
	if err != nil {
		return nil, err
	}
	return &face{Face: f, font: parsed}, nil
}

// newRenderer makes a renderer for a size of the font in pixels.
func newRenderer(size int) (*renderer, error) {
	r := &renderer{cellW: size * 3 / 5, cellH: size * 5 / 4, baseline: size * 19 / 20, missing: map[rune]bool{}}
	var err error
	if r.regular, err = newFace(dejavusansmono.TTF, float64(size)); err != nil {
		return nil, err
	}
	if r.bold, err = newFace(dejavusansmonobold.TTF, float64(size)); err != nil {
		return nil, err
	}
	r.fallback, err = newFace(dejavusans.TTF, float64(size)*0.95)
	return r, err
}

// lights are the buttons of the window.
var lights = []color.RGBA{{0xFF, 0x5F, 0x57, 255}, {0xFE, 0xBC, 0x2E, 255}, {0x28, 0xC8, 0x40, 255}}

// window draws cells in a window with a title.
func (r *renderer) window(grid [][]cell, title string, bg, fg color.RGBA) *image.RGBA {
	margin, top := r.cellW*3/2, r.cellH*9/4
	w, h := 0, len(grid)*r.cellH
	for _, line := range grid {
		w = max(w, len(line)*r.cellW)
	}
	img := image.NewRGBA(image.Rect(0, 0, w+2*margin, h+top+r.cellH*2/3))
	roundedRect(img, img.Bounds(), float64(r.cellW), bg)
	for i, c := range lights {
		disc(img, float64(margin)+float64(i)*float64(r.cellW)*1.9+6, float64(top)/2-2, float64(r.cellH)*0.28, c)
	}
	tw := len([]rune(title)) * r.cellW
	for i, ch := range []rune(title) {
		r.glyph(img, (img.Bounds().Dx()-tw)/2+i*r.cellW, top/2-r.cellH/2-2, cell{r: ch, fg: mix(fg, bg, 0.4), bg: bg})
	}
	for y, line := range grid {
		for x, c := range line {
			cellW := r.cellW
			if c.wide {
				cellW *= 2
			}
			box := image.Rect(margin+x*r.cellW, top+y*r.cellH, margin+x*r.cellW+cellW, top+(y+1)*r.cellH)
			if c.bg != bg {
				draw.Draw(img, box, image.NewUniform(c.bg), image.Point{}, draw.Src)
			}
		}
	}
	for y, line := range grid {
		for x, c := range line {
			r.cell(img, margin+x*r.cellW, top+y*r.cellH, c)
		}
	}
	return img
}

// cell draws the character of a cell whose background is there.
func (r *renderer) cell(img *image.RGBA, x, y int, c cell) {
	if c.r != ' ' && !r.shape(img, x, y, c) {
		r.glyph(img, x, y, c)
	}
	if c.underline {
		fill(img, image.Rect(x, y+r.baseline+2, x+r.cellW, y+r.baseline+4), c.fg)
	}
}

// glyph draws a character with the first font that has it.
func (r *renderer) glyph(img *image.RGBA, x, y int, c cell) {
	f := r.regular
	if c.bold {
		f = r.bold
	}
	switch {
	case f.has(c.r):
	case r.regular.has(c.r):
		f = r.regular
	case r.fallback.has(c.r):
		f = r.fallback
	default:
		r.missing[c.r] = true
		return
	}
	dot := fixed.P(x, y+r.baseline)
	if advance, ok := f.GlyphAdvance(c.r); ok && f == r.fallback {
		dot.X += (fixed.I(r.cellW) - advance) / 2 // in the middle of its cell
	}
	drawer := font.Drawer{Dst: img, Src: image.NewUniform(c.fg), Face: f, Dot: dot}
	drawer.DrawString(string(c.r))
}
