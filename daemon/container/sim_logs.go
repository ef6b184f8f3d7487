package container

import (
	"context"
	"io"
	"iter"
)

// Logs yields the lines the container printed.
func (s *Sim) Logs(ctx context.Context, id string, options LogOptions) iter.Seq2[LogLine, error] {
	return func(yield func(LogLine, error) bool) {
		if err := s.enter(ctx, "logs"); err != nil {
			yield(LogLine{}, err)
			return
		}
		s.mu.Lock()
		c, closing := s.find(id), s.closing
		at := 0
		if c != nil && options.Tail != 0 {
			at = max(0, len(c.lines)-max(0, options.Tail))
		}
		s.mu.Unlock()
		if c == nil {
			yield(LogLine{}, notFound(id, nil))
			return
		}
		yieldLines(options, func() (LogLine, error) {
			line, err := s.line(ctx, closing, c, at, options.Follow)
			at++
			return line, err
		}, yield)
	}
}

// line returns a line of a container's output, and waits for it when it is to come and follow is set.
func (s *Sim) line(ctx context.Context, closing <-chan struct{}, c *simContainer, at int, follow bool) (LogLine, error) {
	for {
		s.mu.Lock()
		lines, changed, running := c.lines, c.changed, c.state.Running
		s.mu.Unlock()
		switch {
		case ctx.Err() != nil:
			return LogLine{}, context.Cause(ctx)
		case at < len(lines):
			return lines[at], nil
		case !follow || !running:
			return LogLine{}, io.EOF
		}
		select {
		case <-changed:
		case <-closing:
			return LogLine{}, fail(ErrUnavailable, nil, "the simulated engine was closed")
		case <-ctx.Done():
			return LogLine{}, context.Cause(ctx)
		}
	}
}
