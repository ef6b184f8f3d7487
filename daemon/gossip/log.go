package gossip

import (
	"context"
	"log"
	"log/slog"
	"strings"
)

// stdLogger turns the "[LEVEL] message" lines of Serf and memberlist into structured ones of the same level.
func stdLogger(to *slog.Logger) *log.Logger {
	return log.New(lineWriter{to}, "", 0)
}

type lineWriter struct{ to *slog.Logger }

func (w lineWriter) Write(p []byte) (int, error) {
	line := strings.TrimSpace(string(p))
	level := slog.LevelInfo
	for prefix, l := range map[string]slog.Level{
		"[DEBUG] ": slog.LevelDebug, "[INFO] ": slog.LevelDebug, "[WARN] ": slog.LevelWarn, "[ERR] ": slog.LevelError, "[ERROR] ": slog.LevelError,
	} {
		if rest, ok := strings.CutPrefix(line, prefix); ok {
			line, level = rest, l
			break
		}
	}
	if tellsRefusal(line) {
		level = slog.LevelDebug
	}
	w.to.Log(context.Background(), level, line)
	return len(p), nil
}
