package widget

import (
	"strings"
	"unicode"

	"github.com/heliosctl/heliosctl/tui/theme"
)

// Input is a field of one line that is typed into.
type Input struct {
	Secret bool // shown as dots
	text   []rune
	at     int
}

// Value returns what has been typed.
func (i *Input) Value() string { return string(i.text) }

// Set replaces what has been typed.
func (i *Input) Set(s string) {
	i.text = []rune(s)
	i.at = len(i.text)
}

// Wipe overwrites what has been typed.
func (i *Input) Wipe() {
	clear(i.text[:cap(i.text)])
	i.text, i.at = i.text[:0], 0
}

// Key edits with a key as Bubble Tea names it, and reports whether it was one for editing. Typed and pasted text comes to Insert.
func (i *Input) Key(name string) bool {
	switch name {
	case "left", "ctrl+b":
		i.at = max(0, i.at-1)
	case "right", "ctrl+f":
		i.at = min(len(i.text), i.at+1)
	case "home", "ctrl+a":
		i.at = 0
	case "end", "ctrl+e":
		i.at = len(i.text)
	case "backspace":
		i.delete(max(0, i.at-1), i.at)
	case "delete":
		i.delete(i.at, min(len(i.text), i.at+1))
	case "ctrl+u":
		i.delete(0, i.at)
	case "ctrl+k":
		i.delete(i.at, len(i.text))
	case "ctrl+w", "alt+backspace":
		i.delete(i.wordStart(), i.at)
	default:
		return false
	}
	return true
}

func (i *Input) wordStart() int {
	at := i.at
	for at > 0 && unicode.IsSpace(i.text[at-1]) {
		at--
	}
	for at > 0 && !unicode.IsSpace(i.text[at-1]) {
		at--
	}
	return at
}

func (i *Input) delete(from, to int) {
	i.text = append(i.text[:from], i.text[to:]...)
	i.at = from
}

// Insert puts text where the cursor is. Lines that were pasted together come apart by a space, as do words by a tab; other control
// characters are left out.
func (i *Input) Insert(runes []rune) {
	var clean []rune
	gap := false
	for _, r := range runes {
		switch {
		case r == '\n' || r == '\r' || r == '\t':
			gap = true
			continue
		case unicode.IsControl(r):
			continue
		case gap && len(clean) > 0:
			clean = append(clean, ' ')
		}
		clean, gap = append(clean, r), false
	}
	i.text = append(i.text[:i.at], append(clean, i.text[i.at:]...)...)
	i.at += len(clean)
}

// Draw draws the field over w cells, scrolled so that the cursor is seen. The cursor is drawn only with focus.
func (i *Input) Draw(a Area, x, y, w int, bg theme.Color, focus bool) {
	field := a.Sub(x, y, w, 1)
	field.Fill(bg)
	style := theme.Style{FG: theme.Text, BG: bg}
	// Only what is to be seen is measured: anything may be pasted, and of any length.
	under := " "
	if i.at < len(i.text) {
		under = i.shown(i.at, i.at+1)
	}
	start := i.at
	for used := max(1, Width(under)); start > 0; start-- {
		if used += i.width(start - 1); used > w {
			break
		}
	}
	end := start
	for used := 0; end < len(i.text) && used <= w; end++ {
		used += i.width(end)
	}
	field.Text(0, 0, style, i.shown(start, end))
	if focus {
		field.Text(Width(i.shown(start, i.at)), 0, theme.Style{FG: theme.OnColor, BG: theme.Here}, under)
	}
}

// shown is a part of the text as it is drawn.
func (i *Input) shown(from, to int) string {
	if i.Secret {
		return strings.Repeat(dot, to-from)
	}
	return string(i.text[from:to])
}

// width is how many cells a letter takes, if it stands alone.
func (i *Input) width(at int) int { return Width(i.shown(at, at+1)) }

// dot stands for each letter of a secret.
const dot = "•"
