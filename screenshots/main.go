// Command screenshots draws the console's real screens, fed with a simulated fleet, as pictures into the folder screenshots. It needs no
// terminal, no display and no network, and makes the same bytes every time.
package main

import (
	"bytes"
	"fmt"
	"image"
	"image/color"
	"image/png"
	"os"
	"path/filepath"

	"github.com/heliosctl/heliosctl/tui/theme"
)

func main() {
	if err := run("screenshots"); err != nil {
		fmt.Fprintln(os.Stderr, "screenshots:", err)
		os.Exit(1)
	}
}

// run writes all pictures into a folder.
func run(folder string) error {
	for _, s := range scenes() {
		picture, err := s.picture()
		if err != nil {
			return err
		}
		if err := os.WriteFile(filepath.Join(folder, s.name+".png"), picture, 0o644); err != nil {
			return err
		}
	}
	animation, err := rollingOut()
	if err != nil {
		return err
	}
	return os.WriteFile(filepath.Join(folder, "rollout.gif"), animation, 0o644)
}

// picture draws a scene. It fails when there is a character that no font has.
func (s *scene) picture() ([]byte, error) {
	stage, colors, err := s.stage()
	if err != nil {
		return nil, err
	}
	r, err := newRenderer(20)
	if err != nil {
		return nil, err
	}
	fg, bg := rgba(colors.RGB(theme.Text)), rgba(colors.RGB(theme.Base))
	img := r.window(parseFrame(stage.Frame(), fg, bg), "heliosctl — "+s.name, bg, fg)
	if len(r.missing) > 0 {
		return nil, fmt.Errorf("scene %s: no font has %q", s.name, keysOf(r.missing))
	}
	var out bytes.Buffer
	keep := append([]color.RGBA{}, lights...)
	for c := theme.Text; c <= theme.Here; c++ {
		keep = append(keep, rgba(colors.RGB(c)))
	}
	palette := commonColors([]*image.RGBA{img}, keep)
	err = (&png.Encoder{CompressionLevel: png.DefaultCompression}).Encode(&out, reduce(img, palette, map[color.RGBA]uint8{}))
	return out.Bytes(), err
}

func rgba(c theme.RGB) color.RGBA { return color.RGBA{c.R, c.G, c.B, 255} }

func keysOf(m map[rune]bool) string {
	var keys []rune
	for r := range m {
		keys = append(keys, r)
	}
	return string(keys)
}
