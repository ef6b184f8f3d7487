package widget_test

import (
	"strings"
	"testing"

	"github.com/charmbracelet/x/ansi"
	"pgregory.net/rapid"

	"github.com/heliosctl/heliosctl/tui/theme"
	"github.com/heliosctl/heliosctl/tui/widget"
)

// Whatever is written wherever, a frame has as many lines as the canvas, each exactly as wide as it.
func TestAnyTextKeepsTheFrame(t *testing.T) {
	colors, err := theme.New(theme.Default, theme.TrueColor)
	if err != nil {
		t.Fatal(err)
	}
	rapid.Check(t, func(t *rapid.T) {
		var c widget.Canvas
		w, h := rapid.IntRange(1, 40).Draw(t, "w"), rapid.IntRange(1, 5).Draw(t, "h")
		c.Reset(w, h)
		for range rapid.IntRange(1, 5).Draw(t, "texts") {
			x, y := rapid.IntRange(-5, 45).Draw(t, "x"), rapid.IntRange(-1, 6).Draw(t, "y")
			text := rapid.OneOf(rapid.String(), rapid.StringOf(rapid.SampledFrom([]rune("a漢字e\u0301\u200d👩👧🇩🇪\x1b\t\u202eאב가ㄱ각")))).Draw(t, "text")
			c.Area().Text(x, y, theme.Fg(theme.Text), text)
			c.Area().Cut(x, y, rapid.IntRange(0, 20).Draw(t, "cut"), theme.Fg(theme.OK).Bold(), text)
		}
		lines := strings.Split(c.Render(colors, false), "\n")
		if len(lines) != h {
			t.Fatalf("%d lines, want %d", len(lines), h)
		}
		for _, line := range lines {
			if got := ansi.StringWidth(line); got != w {
				t.Fatalf("a line is %d wide, want %d: %q", got, w, line)
			}
		}
	})
}

func TestCutNeverTakesMoreThanItMay(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		text, w := rapid.String().Draw(t, "text"), rapid.IntRange(0, 20).Draw(t, "w")
		if got := widget.Width(widget.Cut(text, w)); got > w {
			t.Fatalf("%q cut to %d is %d wide", text, w, got)
		}
	})
	if got := widget.Cut("漢字漢字", 4); got != "漢…" {
		t.Errorf("cut to %q", got)
	}
}

func TestFoldLeavesNothingOut(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		text := rapid.OneOf(rapid.String(), rapid.StringOf(rapid.SampledFrom([]rune("ab  漢e\u0301\u200d👩'\n")))).Draw(t, "text")
		w := rapid.IntRange(2, 20).Draw(t, "w")
		lines := widget.Fold(text, w)
		if got := strings.ReplaceAll(strings.Join(lines, ""), "\n", ""); got != strings.ReplaceAll(text, "\n", "") {
			t.Fatalf("%q is folded to %q", text, lines)
		}
		for _, line := range lines {
			if widget.Width(line) > w {
				t.Fatalf("%q is wider than %d", line, w)
			}
		}
	})
}

func TestSharesFillTheBarAndForgetNobody(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		w := rapid.IntRange(1, 60).Draw(t, "w")
		var parts []widget.Part
		some := 0
		for range rapid.IntRange(1, 6).Draw(t, "parts") {
			n := rapid.IntRange(0, 5000).Draw(t, "n")
			parts = append(parts, widget.Part{N: n})
			if n > 0 {
				some++
			}
		}
		sum := 0
		for i, cells := range widget.Shares(w, parts) {
			sum += cells
			if cells < 0 || cells > 0 && parts[i].N == 0 || cells == 0 && parts[i].N > 0 && some <= w {
				t.Fatalf("%d cells for %d of %+v in %d", cells, parts[i].N, parts, w)
			}
		}
		if some > 0 && sum != w {
			t.Fatalf("%d cells of %d are used by %+v", sum, w, parts)
		}
	})
}

func TestInputEdits(t *testing.T) {
	var in widget.Input
	in.Insert([]rune("hello wörld\x1b"))
	for _, key := range []string{"left", "backspace", "home", "delete", "end", "ctrl+w"} {
		if !in.Key(key) {
			t.Errorf("%s does not edit", key)
		}
	}
	if in.Value() != "ello " {
		t.Errorf("the text is %q", in.Value())
	}
	in.Wipe()
	if in.Value() != "" {
		t.Error("it is not wiped")
	}
}

// Whatever is pasted, however long, the part around the cursor is seen.
func TestInputShowsWhereItsCursorIs(t *testing.T) {
	colors, err := theme.New(theme.Default, theme.TrueColor)
	if err != nil {
		t.Fatal(err)
	}
	seen := func(in *widget.Input) string {
		var c widget.Canvas
		c.Reset(12, 1)
		in.Draw(c.Area(), 1, 0, 10, theme.Chip, true)
		return ansi.Strip(c.Render(colors, false))
	}
	var in widget.Input
	in.Insert([]rune(strings.Repeat("0123456789", 200_000) + "漢字"))
	for _, step := range []struct{ key, want string }{
		{"end", " 56789漢字  "}, {"left", " 456789漢字 "}, {"left", " 23456789漢 "}, {"home", " 0123456789 "}, {"right", " 0123456789 "},
	} {
		in.Key(step.key)
		if got := seen(&in); got != step.want {
			t.Errorf("after %s: %q, want %q", step.key, got, step.want)
		}
	}
	in.Secret = true
	if got := seen(&in); got != " •••••••••• " {
		t.Errorf("a secret: %q", got)
	}
}

// Lines and words that are pasted together do not become one word.
func TestPastedLinesComeApart(t *testing.T) {
	for pasted, want := range map[string]string{
		"web\n": "web", "\nweb": "web", "echo a\nsleep 1\n": "echo a sleep 1", "a\r\n\r\nb": "a b", "a\tb": "a b", "\x1b[31ma\x00b": "[31mab",
	} {
		var in widget.Input
		in.Insert([]rune(pasted))
		if in.Value() != want {
			t.Errorf("%q becomes %q, want %q", pasted, in.Value(), want)
		}
	}
}

// A field shows what is at its cursor, and a million letters hold it up no more than ten do.
func TestAFieldWithVeryMuchInIt(t *testing.T) {
	for _, letters := range []string{"x", "漢", "e\u0301"} {
		var in widget.Input
		var c widget.Canvas
		in.Insert([]rune(strings.Repeat(letters, 1_000_000) + "the end"))
		c.Reset(20, 1)
		in.Draw(c.Area(), 0, 0, 20, theme.Chip, true)
		if got := c.Plain(); !strings.Contains(got, letters) || !strings.Contains(got, "the end") {
			t.Errorf("at the end it shows %q", got)
		}
		in.Key("home")
		c.Reset(20, 1)
		in.Draw(c.Area(), 0, 0, 20, theme.Chip, true)
		if got := c.Plain(); !strings.Contains(got, strings.Repeat(letters, 8)) {
			t.Errorf("at the beginning it shows %q", got)
		}
	}
}
