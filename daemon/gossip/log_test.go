package gossip_test

import (
	"context"
	"log/slog"
	"strings"
	"sync"
)

// lines is a log that is kept, as "LEVEL message key=value...".
type lines struct {
	mu   sync.Mutex
	text []string
	on   string        // closes told when it is in a line; "": never
	told chan struct{} // closed once
}

// awaitLine is a log that closes a channel at the first line that contains a text.
func awaitLine(text string, told chan struct{}) *slog.Logger {
	return slog.New(&lines{on: text, told: told})
}

func (l *lines) Enabled(context.Context, slog.Level) bool { return true }
func (l *lines) WithAttrs([]slog.Attr) slog.Handler       { return l }
func (l *lines) WithGroup(string) slog.Handler            { return l }

func (l *lines) Handle(_ context.Context, r slog.Record) error {
	line := r.Level.String() + " " + r.Message
	r.Attrs(func(a slog.Attr) bool {
		line += " " + a.String()
		return true
	})
	l.mu.Lock()
	defer l.mu.Unlock()
	l.text = append(l.text, line)
	if l.on != "" && strings.Contains(line, l.on) {
		l.on = ""
		close(l.told)
	}
	return nil
}

// having returns the lines that contain a text.
func (l *lines) having(text string) []string {
	l.mu.Lock()
	defer l.mu.Unlock()
	var found []string
	for _, line := range l.text {
		if strings.Contains(line, text) {
			found = append(found, line)
		}
	}
	return found
}
