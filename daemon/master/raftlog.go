package master

import (
	"context"
	"io"
	"log"
	"log/slog"

	"github.com/hashicorp/go-hclog"
)

// raftLogger hands raft's messages to slog, one level below the one raft gives them: what it informs of is detail to us, and what it
// warns of (an election at every start) is its ordinary work.
type raftLogger struct{ to *slog.Logger }

var raftLevels = map[hclog.Level]slog.Level{
	hclog.Warn:  slog.LevelInfo,
	hclog.Error: slog.LevelError,
}

func slogLevel(level hclog.Level) slog.Level {
	if l, ok := raftLevels[level]; ok {
		return l
	}
	return slog.LevelDebug
}

// Log logs at the level that belongs to raft's.
func (l raftLogger) Log(level hclog.Level, msg string, args ...any) {
	l.to.Log(context.Background(), slogLevel(level), "raft: "+msg, args...)
}

// Trace is dropped.
func (l raftLogger) Trace(string, ...any) {}

// Debug logs raft's debug messages.
func (l raftLogger) Debug(msg string, args ...any) { l.Log(hclog.Debug, msg, args...) }

// Info logs raft's information.
func (l raftLogger) Info(msg string, args ...any) { l.Log(hclog.Info, msg, args...) }

// Warn logs raft's warnings.
func (l raftLogger) Warn(msg string, args ...any) { l.Log(hclog.Warn, msg, args...) }

// Error logs raft's errors.
func (l raftLogger) Error(msg string, args ...any) { l.Log(hclog.Error, msg, args...) }

func (l raftLogger) enabled(level hclog.Level) bool {
	return l.to.Enabled(context.Background(), slogLevel(level))
}

// IsTrace reports false: those messages are dropped.
func (l raftLogger) IsTrace() bool { return false }

// IsDebug reports whether such messages are logged.
func (l raftLogger) IsDebug() bool { return l.enabled(hclog.Debug) }

// IsInfo reports whether such messages are logged.
func (l raftLogger) IsInfo() bool { return l.enabled(hclog.Info) }

// IsWarn reports whether such messages are logged.
func (l raftLogger) IsWarn() bool { return l.enabled(hclog.Warn) }

// IsError reports whether such messages are logged.
func (l raftLogger) IsError() bool { return l.enabled(hclog.Error) }

// ImpliedArgs returns nil: slog keeps them.
func (l raftLogger) ImpliedArgs() []any { return nil }

// With returns a logger that adds args to every message.
func (l raftLogger) With(args ...any) hclog.Logger { return raftLogger{l.to.With(args...)} }

// Name returns "".
func (l raftLogger) Name() string { return "" }

// Named returns the logger itself: every message says that it is raft's.
func (l raftLogger) Named(string) hclog.Logger { return l }

// ResetNamed returns the logger itself.
func (l raftLogger) ResetNamed(string) hclog.Logger { return l }

// SetLevel does nothing: the level is slog's.
func (l raftLogger) SetLevel(hclog.Level) {}

// GetLevel returns the lowest level that is logged.
func (l raftLogger) GetLevel() hclog.Level {
	for _, level := range []hclog.Level{hclog.Debug, hclog.Warn} {
		if l.enabled(level) {
			return level
		}
	}
	return hclog.Error
}

// StandardLogger returns a logger of the standard library that logs raft's information.
func (l raftLogger) StandardLogger(*hclog.StandardLoggerOptions) *log.Logger {
	return slog.NewLogLogger(l.to.Handler(), slog.LevelDebug)
}

// StandardWriter returns a writer whose lines are logged as raft's information.
func (l raftLogger) StandardWriter(options *hclog.StandardLoggerOptions) io.Writer {
	return l.StandardLogger(options).Writer()
}
