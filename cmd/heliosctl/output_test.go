package main

import (
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

func TestHumanDuration(t *testing.T) {
	const day = 24 * time.Hour
	tests := map[string]time.Duration{
		"0 seconds":  0,
		"1 second":   time.Second,
		"59 seconds": 59*time.Second + 999*time.Millisecond,
		"1 minute":   time.Minute,
		"59 minutes": 59 * time.Minute,
		"1 hour":     time.Hour,
		"23 hours":   23 * time.Hour,
		"1 day":      day,
		"365 days":   365 * day,
		"4711 days":  4711 * day,
	}
	for want, d := range tests {
		t.Run(want, func(t *testing.T) {
			if got := humanDuration(d); got != want {
				t.Errorf("humanDuration(%v) = %q, want %q", d, got, want)
			}
		})
	}
	if got := humanDuration(-time.Hour); got != "0 seconds" {
		t.Errorf("humanDuration(-1h) = %q, want 0 seconds", got)
	}
}

func TestTable(t *testing.T) {
	tests := []struct {
		name string
		rows [][]string
		want string
	}{
		{"header only", nil, "HOST    STATE\n"},
		{"columns are as wide as their widest cell", [][]string{{"web-1.example", "RUNNING"}, {"db", "EXITED"}},
			"HOST             STATE\nweb-1.example    RUNNING\ndb               EXITED\n"},
		{"no blanks at the end of a line", [][]string{{"web-1", ""}}, "HOST     STATE\nweb-1\n"},
		{"characters count, not bytes", [][]string{{"hôte", "UP"}}, "HOST    STATE\nhôte    UP\n"},
		{"control characters cannot break the table", [][]string{{"a\nb", "\x1b[2J"}}, "HOST    STATE\na\\nb    \\x1b[2J\n"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			table := newTable("HOST", "STATE")
			for _, row := range test.rows {
				table.add(row...)
			}
			var b strings.Builder
			table.write(&b)
			if diff := cmp.Diff(test.want, b.String()); diff != "" {
				t.Errorf("table differs (-want +got):\n%s", diff)
			}
		})
	}
}

func TestQuoteWords(t *testing.T) {
	got := quoteWords([]string{"/bin/sh", "-c", "while true; do date; done", ""})
	if want := `/bin/sh -c "while true; do date; done" ""`; got != want {
		t.Errorf("got %s, want %s", got, want)
	}
}
