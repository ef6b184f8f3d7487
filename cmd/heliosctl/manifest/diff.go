package manifest

import (
	"strings"

	"github.com/rogpeppe/go-internal/diff"
)

// Diff returns what changes as a unified diff without its header: each line begins with a blank, "-", "+" or "@@". An object that comes
// or goes is there whole.
func (c Change) Diff() []string {
	switch {
	case c.Before == c.After:
		return nil
	case c.Before == "":
		return marked("+", c.After)
	case c.After == "":
		return marked("-", c.Before)
	}
	text := string(diff.Diff("before", []byte(c.Before), "after", []byte(c.After)))
	lines := strings.Split(strings.TrimSuffix(text, "\n"), "\n")
	const header = 3
	return lines[header:]
}

func marked(mark, text string) []string {
	var lines []string
	for line := range strings.Lines(text) {
		lines = append(lines, mark+strings.TrimSuffix(line, "\n"))
	}
	return lines
}
