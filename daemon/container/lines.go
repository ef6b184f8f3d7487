package container

import (
	"io"
	"time"
)

// logLine is one line of output, without its line break.
type logLine struct {
	at   time.Time
	text string
}

// lineReader is what Logs returns where output is kept line by line. Like every reader it is for one goroutine; Close may come from
// another.
type lineReader struct {
	next       func() (logLine, error) // blocks for the next line; io.EOF after the last
	timestamps bool
	since      time.Time
	closeLog   func() error
	pending    []byte
}

func (r *lineReader) Read(p []byte) (int, error) {
	if len(p) == 0 {
		return 0, nil
	}
	for len(r.pending) == 0 {
		line, err := r.next()
		if err != nil {
			return 0, err
		}
		if line.at.Before(r.since) {
			continue
		}
		if r.timestamps {
			r.pending = append(r.pending, line.at.UTC().Format(time.RFC3339Nano)...)
			r.pending = append(r.pending, ' ')
		}
		r.pending = append(r.pending, line.text...)
		r.pending = append(r.pending, '\n')
	}
	n := copy(p, r.pending)
	r.pending = r.pending[n:]
	return n, nil
}

func (r *lineReader) Close() error { return r.closeLog() }

var _ io.ReadCloser = (*lineReader)(nil)
