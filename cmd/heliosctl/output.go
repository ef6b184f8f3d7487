package main

import (
	"encoding/json"
	"fmt"
	"io"
	"strconv"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/heliosctl/heliosctl/model"
)

// oneLine writes characters that would break the line, drive the terminal or change the order of what is read as escapes.
func oneLine(s string) string {
	if strings.IndexFunc(s, disturbs) < 0 && utf8.ValidString(s) {
		return s
	}
	var b strings.Builder
	for _, r := range s {
		if !disturbs(r) {
			b.WriteRune(r)
			continue
		}
		quoted := strconv.QuoteRune(r)
		b.WriteString(quoted[1 : len(quoted)-1])
	}
	return b.String()
}

// disturbs tells whether a character does something to the text around it: controls, separators of lines, marks of direction.
func disturbs(r rune) bool {
	return r < ' ' || r >= 0x7f && (unicode.IsControl(r) || unicode.In(r, unicode.Zl, unicode.Zp, unicode.Bidi_Control))
}

// printJSON prints one document over several lines, with sorted map keys.
func printJSON(w io.Writer, document any) error {
	return encodeJSON(w, document, "  ")
}

// compactJSON returns the document on one line.
func compactJSON(document any) (string, error) {
	var b strings.Builder
	err := encodeJSON(&b, document, "")
	return strings.TrimSuffix(b.String(), "\n"), err
}

func encodeJSON(w io.Writer, document any, indent string) error {
	encoder := json.NewEncoder(w)
	encoder.SetEscapeHTML(false)
	encoder.SetIndent("", indent)
	if err := encoder.Encode(document); err != nil {
		return fmt.Errorf("writing JSON: %w", err)
	}
	return nil
}

// printLines prints each word on a line of its own.
func printLines[T ~string](w io.Writer, lines []T) {
	var b strings.Builder
	for _, line := range lines {
		b.WriteString(oneLine(string(line)))
		b.WriteByte('\n')
	}
	io.WriteString(w, b.String())
}

// humanDuration tells a duration in its largest unit, rounded down.
func humanDuration(d time.Duration) string {
	units := []struct {
		length time.Duration
		name   string
	}{{24 * time.Hour, "day"}, {time.Hour, "hour"}, {time.Minute, "minute"}, {time.Second, "second"}}
	for _, unit := range units {
		if n := int64(d / unit.length); n > 0 {
			return plural(n, unit.name)
		}
	}
	return plural(0, "second")
}

func plural(n int64, noun string) string {
	if n == 1 {
		return "1 " + noun
	}
	return fmt.Sprintf("%d %ss", n, noun)
}

// quoteWords joins words by blanks, with double quotes around those that contain white space.
func quoteWords(words []string) string {
	return strings.Join(quoteEach(words), " ")
}

func quoteEach(words []string) []string {
	quoted := make([]string, len(words))
	for i, word := range words {
		quoted[i] = quoteWord(word)
	}
	return quoted
}

func quoteWord(word string) string {
	if word == "" || strings.IndexFunc(word, unicode.IsSpace) >= 0 {
		return `"` + word + `"`
	}
	return word
}

// displayID returns the id in full, or in its short form.
func displayID(id model.JobID, full bool) string {
	if full {
		return id.String()
	}
	return id.Short()
}
