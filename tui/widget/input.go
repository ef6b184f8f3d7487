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

// runesInCell is how many runes a cell of a field is expected to hold at most: a letter and its marks.
const runesInCell = 8

// Draw draws the field over w cells, scrolled so that the cursor is seen. The cursor is drawn only with focus.
func (i *Input) Draw(a Area, x, y, w int, bg theme.Color, focus bool) {
	field := a.Sub(x, y, w, 1)
	field.Fill(bg)
	style := theme.Style{FG: theme.Text, BG: bg}
	text := i.Value()
	if i.Secret {
		text = strings.Repeat("•", len(i.text))
	}
	runes := []rune(text)
	// However much was pasted, only what may be seen is looked at.
	start, reach := i.at, runesInCell*max(w, 1)
	for start > 0 && i.at-start < reach && Width(string(runes[start-1:i.at])) <= w-1 {
		start--
	}
	field.Text(0, 0, style, string(runes[start:min(len(runes), i.at+reach)]))
	if focus {
		under := " "
		if i.at < len(runes) {
			under = string(runes[i.at])
		}
		field.Text(Width(string(runes[start:i.at])), 0, theme.Style{FG: theme.OnColor, BG: theme.Here}, under)
	}
}
