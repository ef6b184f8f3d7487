package theme_test

import (
	"bytes"
	"fmt"
	"iter"
	"math"
	"strconv"
	"strings"
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

// What leads from one style to another looks the same as saying the other from the start.
func TestAppendLeadsToTheStyle(t *testing.T) {
	for _, profile := range []theme.Profile{theme.TrueColor, theme.Colors256, theme.Colors16, theme.NoColor} {
		colors, err := theme.New(theme.Default, profile)
		if err != nil {
			t.Fatal(err)
		}
		for from := range styles() {
			for to := range styles() {
				whole := colors.Append(nil, theme.Style{}, from, true)
				text := append(colors.Append(whole, from, to, false), 'x')
				want := append(colors.Append(nil, theme.Style{}, to, true), 'x')
				if got, want := looks(t, text), looks(t, want); got != want {
					t.Fatalf("%v: from %v to %v is %q, want %q", profile, from, to, got, want)
				}
			}
		}
	}
}

func styles() iter.Seq[theme.Style] {
	return func(yield func(theme.Style) bool) {
		for _, fg := range []theme.Color{theme.Text, theme.Fail, theme.Faint, theme.Focus} {
			for _, bg := range []theme.Color{theme.Base, theme.Select, theme.Alarm} {
				for attr := range theme.Attr(16) {
					if !yield(theme.Style{FG: fg, BG: bg, Attr: attr}) {
						return
					}
				}
			}
		}
	}
}

// looks tells how a character looks at the end of a text: its colours and its attributes.
func looks(t *testing.T, text []byte) string {
	t.Helper()
	set := map[string]string{}
	for _, sequence := range bytes.Split(bytes.TrimPrefix(bytes.TrimSuffix(text, []byte("mx")), []byte("\x1b[")), []byte("m\x1b[")) {
		codes := strings.Split(string(sequence), ";")
		for i := 0; i < len(codes); i++ {
			code, err := strconv.Atoi(codes[i])
			if err != nil {
				t.Fatalf("%q has no number: %v", text, err)
			}
			switch {
			case code == 0:
				clear(set)
			case code == 38 || code == 48:
				n := 2
				if codes[i+1] == "2" {
					n = 4
				}
				set[codes[i]], i = strings.Join(codes[i:i+n+1], ";"), i+n
			case code >= 30 && code <= 39 || code >= 90 && code <= 97:
				set["38"] = codes[i]
			case code >= 40 && code <= 49 || code >= 100 && code <= 107:
				set["48"] = codes[i]
			case code == 22:
				delete(set, "1")
				delete(set, "2")
			case code > 20:
				delete(set, strconv.Itoa(code-20))
			default:
				set[codes[i]] = "on"
			}
		}
	}
	return fmt.Sprint(set)
}
