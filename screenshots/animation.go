package main

import (
	"bytes"
	"image"
	"image/color"
	"image/gif"
	"slices"
	"time"

	"github.com/heliosctl/heliosctl/tui"
	"github.com/heliosctl/heliosctl/tui/demo"
	"github.com/heliosctl/heliosctl/tui/theme"
)

// rollingOut draws a rollout from its first minutes on as an animation.
func rollingOut() ([]byte, error) {
	const frames = 45
	colors, err := theme.New(theme.Default, theme.TrueColor)
	if err != nil {
		return nil, err
	}
	at := began.Add(90 * time.Second)
	fleet := demo.New(demo.Options{Seed: 1, Start: began})
	fleet.Advance(at)
	stage := tui.NewStage(tui.Options{Source: fleet, Theme: colors, Version: "1.4.0", Now: func() time.Time { return at }, Zone: time.UTC}, 100, 30)
	stage.Press("4", "/payments", "enter", "enter")
	r, err := newRenderer(13)
	if err != nil {
		return nil, err
	}
	fg, bg := rgba(colors.RGB(theme.Text)), rgba(colors.RGB(theme.Base))
	var pictures []*image.RGBA
	for range frames {
		fleet.Advance(at)
		stage.Refresh()
		pictures = append(pictures, r.window(parseFrame(stage.Frame(), fg, bg), "heliosctl — a rolling update", bg, fg))
		at = at.Add(22 * time.Second)
	}
	return encodeGIF(pictures)
}

// encodeGIF writes pictures with one palette: their most frequent colours.
func encodeGIF(pictures []*image.RGBA) ([]byte, error) {
	palette := commonColors(pictures, nil)
	nearest := map[color.RGBA]uint8{}
	animation := &gif.GIF{}
	var screen *image.Paletted // what the frames so far add up to
	for i, picture := range pictures {
		frame := reduce(picture, palette, nearest)
		whole := frame
		if i > 0 {
			frame = changed(screen, frame)
		}
		screen = whole
		animation.Image = append(animation.Image, frame)
		animation.Delay = append(animation.Delay, 25)
		animation.Disposal = append(animation.Disposal, gif.DisposalNone)
	}
	animation.Delay[len(pictures)-1] = 300
	var out bytes.Buffer
	err := gif.EncodeAll(&out, animation)
	return out.Bytes(), err
}

// changed returns the rows of a frame from the first to the last that differs from what is on the screen.
func changed(screen, frame *image.Paletted) *image.Paletted {
	var box image.Rectangle
	for y := range frame.Bounds().Dy() {
		row := y * frame.Stride
		if slices.Equal(frame.Pix[row:row+frame.Stride], screen.Pix[row:row+frame.Stride]) {
			continue
		}
		box = box.Union(image.Rect(0, y, frame.Bounds().Dx(), y+1))
	}
	if box.Empty() {
		box = image.Rect(0, 0, 1, 1)
	}
	return frame.SubImage(box).(*image.Paletted)
}

// reduce draws a picture with the colours of a palette. What has been found to be nearest is kept in the map.
func reduce(picture *image.RGBA, palette color.Palette, nearest map[color.RGBA]uint8) *image.Paletted {
	frame := image.NewPaletted(picture.Bounds(), palette)
	var last color.RGBA
	var lastAt uint8
	for j := 0; j < len(picture.Pix); j += 4 {
		c := color.RGBA{picture.Pix[j], picture.Pix[j+1], picture.Pix[j+2], picture.Pix[j+3]}
		if j > 0 && c == last {
			frame.Pix[j/4] = lastAt
			continue
		}
		at, ok := nearest[c]
		if !ok {
			at = uint8(palette.Index(c))
			nearest[c] = at
		}
		frame.Pix[j/4], last, lastAt = at, c, at
	}
	return frame
}

// commonColors returns 256 colours: those that have to be kept, and those that pictures have most of.
func commonColors(pictures []*image.RGBA, keep []color.RGBA) color.Palette {
	counts := map[color.RGBA]int{}
	const first = 1 << 30
	for _, c := range keep {
		counts[c] = first
	}
	for _, picture := range pictures {
		for i := 0; i < len(picture.Pix); i += 4 {
			counts[color.RGBA{picture.Pix[i], picture.Pix[i+1], picture.Pix[i+2], picture.Pix[i+3]}]++
		}
	}
	all := make([]color.RGBA, 0, len(counts))
	for c := range counts {
		all = append(all, c)
	}
	value := func(c color.RGBA) int { return int(c.A)<<24 | int(c.R)<<16 | int(c.G)<<8 | int(c.B) }
	slices.SortFunc(all, func(a, b color.RGBA) int {
		if counts[a] != counts[b] {
			return counts[b] - counts[a]
		}
		return value(a) - value(b)
	})
	var palette color.Palette
	for _, c := range all[:min(256, len(all))] {
		palette = append(palette, c)
	}
	return palette
}
