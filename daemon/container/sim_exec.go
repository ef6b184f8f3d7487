package container

import (
	"context"

	"github.com/heliosctl/heliosctl/model"
)

// SimAttached answers a command that is run, with its input and output, in a simulated container.
type SimAttached func(ctx context.Context, spec Spec, options ExecOptions) (exitCode int, err error)

// Exec answers as SetExec says, 0 without it. ErrNotRunning when the container does not run.
func (s *Sim) Exec(ctx context.Context, id string, command []string) (int, error) {
	if err := (ExecOptions{Command: command}).check(id); err != nil {
		return 0, err
	}
	spec, _, err := s.execIn(ctx, id)
	if err != nil {
		return 0, err
	}
	s.mu.Lock()
	exec := s.script.exec
	s.mu.Unlock()
	if exec == nil {
		return 0, nil
	}
	return exec(ctx, spec, command)
}

// ExecAttached does as SetAttached says; without it, it writes its input back until that ends, and ends with 0. It ends with the
// container, with code 137. ErrNotRunning when the container does not run.
func (s *Sim) ExecAttached(ctx context.Context, id string, options ExecOptions) (int, error) {
	if err := options.check(id); err != nil {
		return 0, err
	}
	spec, ended, err := s.execIn(ctx, id)
	if err != nil {
		return 0, err
	}
	s.mu.Lock()
	attached, closing := s.script.attached, s.closing
	s.mu.Unlock()
	if attached != nil {
		return attached(ctx, spec, options)
	}
	input := options.Input
	if input == nil {
		return 0, nil
	}
	for {
		select {
		case in, ok := <-input:
			if !ok {
				return 0, nil
			}
			if in.Resize != nil {
				continue
			}
			if err := options.Output(model.Stdout, in.Data); err != nil {
				return 0, err
			}
		case <-ended:
			return 137, nil
		case <-closing:
			return 0, fail(ErrUnavailable, nil, "the simulated engine was closed")
		case <-ctx.Done():
			return 0, context.Cause(ctx)
		}
	}
}

// execIn returns what a command runs in, and what is closed when that ends.
func (s *Sim) execIn(ctx context.Context, id string) (Spec, <-chan struct{}, error) {
	if err := s.enter(ctx, "exec"); err != nil {
		return Spec{}, nil, err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	c := s.find(id)
	switch {
	case c == nil:
		return Spec{}, nil, notFound(id, nil)
	case !c.state.Running:
		return Spec{}, nil, fail(ErrNotRunning, nil, "container %s is not running", id)
	}
	return c.spec, c.ended, nil
}
