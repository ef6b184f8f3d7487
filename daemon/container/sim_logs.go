package container

import (
	"context"
	"io"
)

// Logs returns the lines the container printed.
func (s *Sim) Logs(ctx context.Context, id string, options LogOptions) (io.ReadCloser, error) {
	if err := s.enter(ctx, "logs"); err != nil {
		return nil, err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	c := s.find(id)
	if c == nil {
		return nil, notFound(id, nil)
	}
	at := 0
	if options.Tail > 0 {
		at = max(0, len(c.lines)-options.Tail)
	}
	reading, cancel := context.WithCancel(ctx)
	closing := s.closing
	return &lineReader{
		timestamps: options.Timestamps,
		since:      options.Since,
		closeLog:   func() error { cancel(); return nil },
		next: func() (logLine, error) {
			line, err := s.line(reading, closing, c, at, options.Follow)
			at++
			return line, err
		},
	}, nil
}

// line returns a line of a container's output, and waits for it when it is to come and follow is set.
func (s *Sim) line(ctx context.Context, closing <-chan struct{}, c *simContainer, at int, follow bool) (logLine, error) {
	for {
		s.mu.Lock()
		lines, changed, running := c.lines, c.changed, c.state.Running
		s.mu.Unlock()
		switch {
		case at < len(lines):
			return lines[at], nil
		case !follow || !running:
			return logLine{}, io.EOF
		}
		select {
		case <-changed:
		case <-closing:
			return logLine{}, fail(ErrUnavailable, nil, "the simulated engine was closed")
		case <-ctx.Done():
			return logLine{}, context.Cause(ctx)
		}
	}
}
