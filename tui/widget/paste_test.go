package widget_test

import (
	"testing"

	"github.com/heliosctl/heliosctl/tui/theme"
	"github.com/heliosctl/heliosctl/tui/widget"
)

// Cells that are pasted lie where characters drawn one by one would lie, wherever that is and whatever was there.
func TestPasteIsAsDrawingEachCell(t *testing.T) {
	style := theme.Fg(theme.Fail)
	cells := []widget.Cell{{Rune: '■', Style: style, Width: 1}, {Rune: ' ', Style: style, Width: 1}, {Rune: '✗', Style: style, Width: 1}}
	colors, err := theme.New(theme.Default, theme.TrueColor)
	if err != nil {
		t.Fatal(err)
	}
	for x := -5; x < 12; x++ {
		for y := -1; y < 3; y++ {
			for n := range len(cells) + 1 {
				drawn := func(draw func(in widget.Area)) string {
					var c widget.Canvas
					c.Reset(12, 3)
					for y := range 3 {
						c.Area().Text(y, y, theme.Fg(theme.OK), "漢字漢字漢")
					}
					draw(c.Area().Sub(1, 0, 9, 2))
					return c.Render(colors, false)
				}
				got := drawn(func(in widget.Area) { in.Paste(x, y, cells[:n]) })
				want := drawn(func(in widget.Area) {
					for i, cell := range cells[:n] {
						in.Repeat(x+i, y, 1, cell.Style, cell.Rune)
					}
				})
				if got != want {
					t.Errorf("%d cells at %d, %d:\n%q\nwant\n%q", n, x, y, got, want)
				}
			}
		}
	}
}
