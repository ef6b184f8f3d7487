package store

import (
	"fmt"
	"log/slog"
	"strings"
)

// badgerLogger hands Badger's messages to slog. Badger reports its routine work as information; that is detail to us.
type badgerLogger struct{ logger *slog.Logger }

// Errorf logs at error level.
func (l badgerLogger) Errorf(format string, args ...any) { l.logger.Error(message(format, args)) }

// Warningf logs at warning level.
func (l badgerLogger) Warningf(format string, args ...any) { l.logger.Warn(message(format, args)) }

// Infof logs at debug level.
func (l badgerLogger) Infof(format string, args ...any) { l.logger.Debug(message(format, args)) }

// Debugf is dropped: it is one line for each table read.
func (l badgerLogger) Debugf(string, ...any) {}

func message(format string, args []any) string {
	return "badger: " + strings.TrimSpace(fmt.Sprintf(format, args...))
}
