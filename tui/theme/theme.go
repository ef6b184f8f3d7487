// Package theme owns the console's colours: what they mean, how they look in each theme, and how they are said to terminals that
// know true colour, 256 colours, 16 or none.
//
// Everything that is drawn names a Color by its meaning, never by its shade. A Theme is a value; nothing here is global.
package theme

import (
	"fmt"
	"slices"
	"strings"
)

// Color is what a colour means.
type Color uint8

// The colours of text.
const (
	Text     Color = iota // what is to be read
	Muted                 // what is secondary
	Faint                 // decoration
	OK                    // running, done, up
	Progress              // pulling, creating, starting, rolling out
	Warn                  // health checking, exited, near a timeout
	Fail                  // failed, down, throttled
	Unknown               // nobody knows
	Stopped               // stopping, stopped, idle
	Focus                 // keys, the selection, links
	Border                // frames of panels
	OnColor               // text on a background that is a colour of its own
	Lane1                 // sources of merged output, told apart
	Lane2
	Lane3
	Lane4

	// The colours of backgrounds.
	Base   // of the screen
	Strip  // of the first row, of table heads and of the row of keys
	Select // of the selected row
	Chip   // of what stands for a setting, and of input fields
	Panel  // of dialogs
	Danger // of the button that changes something
	Prod   // of the stripe of a production cluster
	Stage
	Dev
	Alarm // of the banner over old data
	Hit   // of what a search found
	Here  // of the cursor and of the hit that it is on
	colors
)

// Attr is how text is set beside its colour.
type Attr uint8

// The attributes.
const (
	Bold Attr = 1 << iota
	Underline
	Reverse
	Dim
)

// Style is how one cell looks.
type Style struct {
	FG, BG Color
	Attr   Attr
}

// On returns the style on another background.
func (s Style) On(bg Color) Style {
	s.BG = bg
	return s
}

// Bold returns the style in bold.
func (s Style) Bold() Style {
	s.Attr |= Bold
	return s
}

// Fg is text of a colour on the screen's background.
func Fg(c Color) Style { return Style{FG: c, BG: Base} }

// Profile is how many colours a terminal knows.
type Profile uint8

// The profiles.
const (
	TrueColor Profile = iota
	Colors256
	Colors16
	NoColor
)

// RGB is a colour as screens make it.
type RGB struct{ R, G, B uint8 }

// Theme says how colours look. It is safe for concurrent use.
type Theme struct {
	name    string
	profile Profile
	rgb     *[colors]RGB
	fg, bg  [colors]string // control sequences without their brackets
	turn    [colors]string // whole sequences that change the colour of the text alone
}

// Default is the theme of those who choose none.
const Default = "dark"

// Names lists the themes.
func Names() []string { return []string{"dark", "light", "high-contrast", "terminal"} }

// New makes a theme. It fails for a name that Names does not have.
func New(name string, profile Profile) (*Theme, error) {
	t := &Theme{name: name, profile: profile}
	switch name {
	case "dark":
		t.rgb = &dark
	case "light":
		t.rgb = &light
	case "high-contrast":
		t.rgb = &highContrast
	case "terminal":
		t.rgb = &dark // for pictures only: the terminal has its own 16 colours
		t.profile = max(profile, Colors16)
	default:
		return nil, fmt.Errorf("there is no theme %q; there are %s", name, strings.Join(Names(), ", "))
	}
	for c := range colors {
		t.fg[c], t.bg[c] = t.sequence(c, false), t.sequence(c, true)
		t.turn[c] = "\x1b[" + t.fg[c] + "m"
	}
	return t, nil
}

// Name is the theme's name.
func (t *Theme) Name() string { return t.name }

// Profile is how many colours it uses.
func (t *Theme) Profile() Profile { return t.profile }

// RGB is how a colour looks where there is true colour.
func (t *Theme) RGB(c Color) RGB { return t.rgb[c] }

func (t *Theme) sequence(c Color, background bool) string {
	base := 38
	if background {
		base = 48
	}
	rgb := t.rgb[c]
	switch t.profile {
	case TrueColor:
		return fmt.Sprintf("%d;2;%d;%d;%d", base, rgb.R, rgb.G, rgb.B)
	case Colors256:
		return fmt.Sprintf("%d;5;%d", base, nearest256(rgb))
	case Colors16:
		code := ansi16[c]
		switch {
		case code == plain:
			return fmt.Sprint(base + 1)
		case background:
			code += 10
		}
		return fmt.Sprint(code)
	default:
		return ""
	}
}

// Append appends the control sequence that leads from one style to another. At the start of a line there is none before: whole asks
// for everything to be said.
func (t *Theme) Append(dst []byte, from, to Style, whole bool) []byte {
	if t.profile == NoColor {
		from, to = t.colorless(from), t.colorless(to)
	}
	switch {
	case whole:
	case from == to:
		return dst
	case from.BG == to.BG && from.Attr == to.Attr:
		return append(dst, t.turn[to.FG]...)
	}
	dst = append(dst, '\x1b', '[')
	if whole {
		dst = append(dst, '0')
		from.Attr = 0
	}
	dst = appendAttr(dst, from.Attr, to.Attr)
	if t.profile != NoColor {
		if whole || from.FG != to.FG {
			dst = appendPart(dst, t.fg[to.FG])
		}
		if whole || from.BG != to.BG {
			dst = appendPart(dst, t.bg[to.BG])
		}
	}
	return append(dst, 'm')
}

func appendPart(dst []byte, part string) []byte {
	if dst[len(dst)-1] != '[' {
		dst = append(dst, ';')
	}
	return append(dst, part...)
}

// appendAttr appends the codes that take back what is no longer wanted and add what is new.
func appendAttr(dst []byte, from, to Attr) []byte {
	if from == to {
		return dst
	}
	if from&^to&(Bold|Dim) != 0 {
		dst = appendPart(dst, "22") // takes both back
		from &^= Bold | Dim
	}
	for _, a := range attrCodes {
		switch {
		case to&a.attr != 0 && from&a.attr == 0:
			dst = appendPart(dst, a.on)
		case to&a.attr == 0 && from&a.attr != 0:
			dst = appendPart(dst, a.off)
		}
	}
	return dst
}

var attrCodes = []struct {
	attr    Attr
	on, off string
}{{Bold, "1", "22"}, {Dim, "2", "22"}, {Underline, "4", "24"}, {Reverse, "7", "27"}}

// colorless says in attributes what matters of the colours.
func (t *Theme) colorless(s Style) Style {
	attr := s.Attr
	if slices.Contains(loudBackgrounds, s.BG) {
		attr |= Reverse
	}
	if s.FG == Faint || s.FG == Border {
		attr |= Dim
	}
	if s.FG == Focus {
		attr |= Bold
	}
	return Style{FG: Text, BG: Base, Attr: attr}
}

var loudBackgrounds = []Color{Danger, Prod, Stage, Dev, Alarm, Hit, Here}

// Detect tells from the environment how many colours the terminal knows.
func Detect(getenv func(string) string) Profile {
	term := getenv("TERM")
	switch color := getenv("COLORTERM"); {
	case getenv("NO_COLOR") != "", term == "dumb", term == "":
		return NoColor
	case color == "truecolor", color == "24bit", strings.HasSuffix(term, "-direct"):
		return TrueColor
	case strings.Contains(term, "256color"), strings.HasPrefix(term, "xterm-kitty"), strings.HasPrefix(term, "alacritty"):
		return Colors256
	}
	return Colors16
}

// nearest256 returns the entry of the 256-colour table that is nearest to the colour, of its cube or of its greys.
func nearest256(c RGB) int {
	levels := [6]int{0, 95, 135, 175, 215, 255}
	level := func(v uint8) int {
		best := 0
		for i, l := range levels {
			if abs(l-int(v)) < abs(levels[best]-int(v)) {
				best = i
			}
		}
		return best
	}
	r, g, b := level(c.R), level(c.G), level(c.B)
	cube := distance(c, levels[r], levels[g], levels[b])
	grey := min(23, max(0, (int(c.R)+int(c.G)+int(c.B)-3*3)/30))
	shade := 8 + 10*grey
	if distance(c, shade, shade, shade) < cube {
		return 232 + grey
	}
	return 16 + 36*r + 6*g + b
}

func distance(c RGB, r, g, b int) int {
	dr, dg, db := int(c.R)-r, int(c.G)-g, int(c.B)-b
	return dr*dr + dg*dg + db*db
}

func abs(n int) int { return max(n, -n) }
