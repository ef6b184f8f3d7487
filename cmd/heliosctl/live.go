package main

import (
	"io"
	"strconv"
	"strings"
	"time"

	"github.com/clipperhouse/displaywidth"

	"github.com/heliosctl/heliosctl/model"
)

// style is how a piece of a line looks, as the parameters of the terminal's sequence for it.
type style string

const (
	styleNone   style = ""
	styleBold   style = "1"
	styleFaint  style = "2"
	styleGood   style = "32"
	styleActive style = "33"
	styleBad    style = "31"
)

// span is a piece of a line that looks the same.
type span struct {
	text  string
	style style
}

// line is one row of a terminal.
type line []span

func plain(text string) line { return line{{text: oneLine(text)}} }

func (l line) width() int {
	n := 0
	for _, s := range l {
		n += textWidth(s.text)
	}
	return n
}

// text writes the line, with the sequences of its styles if colour is true.
func (l line) text(colour bool) string {
	var b strings.Builder
	for _, s := range l {
		if colour && s.style != styleNone && s.text != "" {
			b.WriteString("\x1b[" + string(s.style) + "m" + s.text + "\x1b[0m")
		} else {
			b.WriteString(s.text)
		}
	}
	return strings.TrimRight(b.String(), " ")
}

// cut returns the line within a width, its end replaced by an ellipsis where it was longer.
func (l line) cut(width int) line {
	if l.width() <= width {
		return l
	}
	var short line
	for _, s := range l {
		n := textWidth(s.text)
		if n < width {
			short = append(short, s)
			width -= n
			continue
		}
		return append(short, span{cutText(s.text, width), s.style})
	}
	return short
}

// cutText returns text of at most a width, an ellipsis at its end where it was longer or where it fills the width of a line that goes on.
func cutText(text string, width int) string {
	if width <= 0 {
		return ""
	}
	used, kept := 0, 0
	for graphemes := displaywidth.StringGraphemes(text); graphemes.Next(); kept += len(graphemes.Value()) {
		if used += graphemes.Width(); used >= width {
			break
		}
	}
	return text[:kept] + "…"
}

// textWidth is how many columns text takes.
func textWidth(text string) int { return displaywidth.String(text) }

// cutLines makes lines fit a terminal: one column and one row stay free, so that nothing wraps or scrolls.
func cutLines(lines []line, size model.TerminalSize) []line {
	if rows := max(int(size.Rows)-1, 1); len(lines) > rows {
		lines = lines[:rows]
	}
	fitting := make([]line, len(lines))
	for i, l := range lines {
		fitting[i] = l.cut(max(int(size.Columns)-1, 1))
	}
	return fitting
}

// liveArea is the end of a terminal's output that is drawn again and again. What was drawn last stays when nobody draws any more.
type liveArea struct {
	out    io.Writer
	size   func() model.TerminalSize
	colour bool
	drawn  []int // widths of the lines on the screen
}

// draw replaces what was drawn before, with one write.
func (a *liveArea) draw(lines []line) error {
	var b strings.Builder
	b.WriteString(a.back())
	a.drawn = a.drawn[:0]
	for _, l := range lines {
		b.WriteString(l.text(a.colour) + "\x1b[K\n")
		a.drawn = append(a.drawn, l.width())
	}
	b.WriteString("\x1b[J")
	_, err := io.WriteString(a.out, b.String())
	return err
}

// back moves the cursor to where the lines on the screen begin. A terminal that became narrower has wrapped them.
func (a *liveArea) back() string {
	columns, rows := max(int(a.size().Columns), 1), 0
	for _, width := range a.drawn {
		rows += max(1, (width+columns-1)/columns)
	}
	if rows == 0 {
		return ""
	}
	return "\r\x1b[" + strconv.Itoa(rows) + "A"
}

// look is how a command shows what changes while it runs.
type look struct {
	now    func() time.Time
	screen bool // in a terminal that can move its cursor
	colour bool
	blocks bool // the terminal has more than ASCII
}

func lookOf(env *environment) look { return env.lookAt(env.display) }

// lookAt is the look of what is shown on a terminal, which is nil for anything else.
func (env *environment) lookAt(screen *terminal) look {
	kind := env.getenv("TERM")
	l := look{now: env.now, screen: screen != nil && kind != "" && kind != "dumb"}
	l.colour = env.coloured(l.screen)
	for _, variable := range []string{"LC_ALL", "LC_CTYPE", "LANG"} {
		if locale := strings.ToUpper(env.getenv(variable)); locale != "" {
			l.blocks = strings.Contains(locale, "UTF-8") || strings.Contains(locale, "UTF8")
			break
		}
	}
	return l
}

// on is the look on streams, which need not be those of the process.
func (l look) on(io streams) look {
	l.screen = l.screen && io.display != nil
	return l
}

func (l look) live() bool { return l.screen }

// shortDuration writes a duration in its two largest units: 5s, 2m05s, 3h20m, 2d04h. What is negative, because clocks differ, is 0s.
func shortDuration(d time.Duration) string {
	two := func(n int64) string {
		if n < 10 {
			return "0" + strconv.FormatInt(n, 10)
		}
		return strconv.FormatInt(n, 10)
	}
	s := max(int64(d/time.Second), 0)
	switch {
	case s < 60:
		return strconv.FormatInt(s, 10) + "s"
	case s < 3600:
		return strconv.FormatInt(s/60, 10) + "m" + two(s%60) + "s"
	case s < 24*3600:
		return strconv.FormatInt(s/3600, 10) + "h" + two(s%3600/60) + "m"
	}
	return strconv.FormatInt(s/(24*3600), 10) + "d" + two(s%(24*3600)/3600) + "h"
}
