package theme_test

import (
	"math"
	"testing"

	"github.com/heliosctl/heliosctl/tui/theme"
)

func luminance(c theme.RGB) float64 {
	part := func(v uint8) float64 {
		s := float64(v) / 255
		if s <= 0.03928 {
			return s / 12.92
		}
		return math.Pow((s+0.055)/1.055, 2.4)
	}
	return 0.2126*part(c.R) + 0.7152*part(c.G) + 0.0722*part(c.B)
}

func contrast(a, b theme.RGB) float64 {
	x, y := luminance(a), luminance(b)
	return (max(x, y) + 0.05) / (min(x, y) + 0.05)
}

// What has to be read can be read, on the screen and on the selected row.
func TestContrast(t *testing.T) {
	for _, name := range theme.Names() {
		colors, err := theme.New(name, theme.TrueColor)
		if err != nil {
			t.Fatal(err)
		}
		for _, c := range []theme.Color{theme.Text, theme.Muted, theme.OK, theme.Progress, theme.Warn, theme.Fail, theme.Unknown, theme.Focus} {
			for _, bg := range []theme.Color{theme.Base, theme.Select, theme.Strip, theme.Panel} {
				if got := contrast(colors.RGB(c), colors.RGB(bg)); got < 3.7 {
					t.Errorf("theme %s: colour %d on %d has a contrast of %.1f only", name, c, bg, got)
				}
			}
		}
	}
}

func TestDetect(t *testing.T) {
	for want, environments := range map[theme.Profile][]map[string]string{
		theme.NoColor:   {{"NO_COLOR": "1", "TERM": "xterm", "COLORTERM": "truecolor"}, {"TERM": "dumb"}, {}},
		theme.TrueColor: {{"TERM": "xterm-256color", "COLORTERM": "truecolor"}, {"TERM": "xterm-direct"}},
		theme.Colors256: {{"TERM": "xterm-256color"}, {"TERM": "tmux-256color"}},
		theme.Colors16:  {{"TERM": "xterm"}, {"TERM": "linux"}},
	} {
		for _, environment := range environments {
			if got := theme.Detect(func(name string) string { return environment[name] }); got != want {
				t.Errorf("%v gives profile %d, want %d", environment, got, want)
			}
		}
	}
}

func TestUnknownTheme(t *testing.T) {
	if _, err := theme.New("nice", theme.TrueColor); err == nil {
		t.Error("there is a theme called nice")
	}
}
