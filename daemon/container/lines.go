package container

import (
	"errors"
	"io"
)

// yieldLines yields what next returns, which is io.EOF after the last line, as Logs does.
func yieldLines(options LogOptions, next func() (LogLine, error), yield func(LogLine, error) bool) {
	for {
		line, err := next()
		switch {
		case errors.Is(err, io.EOF):
			return
		case err != nil:
			yield(LogLine{}, err)
			return
		case line.Time.Before(options.Since):
		case !yield(line, nil):
			return
		}
	}
}
