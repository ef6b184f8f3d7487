package main

import (
	"context"
	"fmt"
	"io"
	"time"
)

// outage is a time in which no master answers. It is told of once, and so is its end.
type outage struct {
	log  io.Writer
	told bool
}

func (o *outage) began(err error) {
	if !o.told {
		o.told = true
		fmt.Fprintf(o.log, "trying again until a master answers: %s\n", oneLine(err.Error()))
	}
}

func (o *outage) ended() {
	if o.told {
		o.told = false
		fmt.Fprintln(o.log, "a master answers again")
	}
}

// steadyReading reads again and again what masters know, and outlives the time in which none answers.
type steadyReading struct {
	read   func(context.Context) error // and shows what it has read
	repeat func() error                // shows what was read last, at every tick; may be nil
	news   <-chan struct{}             // is when to read; may be nil
	poll   time.Duration               // between reads without news
	tick   time.Duration               // between repeats
	pause  time.Duration               // between any two reads, at least
	began  bool                        // a read has succeeded before, so that the first one may fail like the others
	outage outage
}

// run reads until ctx ends, or until a read fails for a reason that is not that masters are away. So does the first read that fails, unless
// one has succeeded before.
func (s *steadyReading) run(ctx context.Context) error {
	polls := time.NewTicker(s.poll)
	defer polls.Stop()
	var ticks <-chan time.Time
	if s.repeat != nil {
		ticker := time.NewTicker(s.tick)
		defer ticker.Stop()
		ticks = ticker.C
	}
	err := s.once(ctx)
	for err == nil {
		select {
		case <-s.news:
			err = s.once(ctx)
		case <-polls.C:
			err = s.once(ctx)
		case <-ticks:
			if !s.outage.told {
				err = s.repeat()
			}
		case <-ctx.Done():
			err = ctx.Err()
		}
	}
	return err
}

// once reads once and waits for the pause. It fails when reading is to end.
func (s *steadyReading) once(ctx context.Context) error {
	err := s.read(ctx)
	switch {
	case err == nil:
		s.began = true
		s.outage.ended()
	case ctx.Err() != nil:
		return ctx.Err()
	case !s.began || !passing(err):
		return err
	default:
		s.outage.began(err)
	}
	return sleep(ctx, s.pause)
}

func sleep(ctx context.Context, d time.Duration) error {
	select {
	case <-time.After(d):
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}
