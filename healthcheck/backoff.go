package healthcheck

import (
	"context"
	"math/rand/v2"
	"time"
)

// Backoff spaces attempts: first a second, then 1.5 to 2.5 times the one before, at most 30 seconds. The zero value is ready to use.
// It is not safe for concurrent use.
type Backoff struct {
	First time.Duration // 1 s when zero
	Max   time.Duration // 30 s when zero

	last time.Duration
}

// Next returns how long to wait before the next attempt.
func (b *Backoff) Next() time.Duration {
	first, most := b.First, b.Max
	if first == 0 {
		first = time.Second
	}
	if most == 0 {
		most = 30 * time.Second
	}
	if b.last == 0 {
		b.last = first
	} else {
		b.last = time.Duration(float64(b.last) * (1.5 + rand.Float64()))
	}
	b.last = min(b.last, most)
	return b.last
}

// Reset begins anew, as after a success.
func (b *Backoff) Reset() {
	b.last = 0
}

// Wait checks at once and then again, spaced by a Backoff, until a check succeeds (nil) or ctx ends (its cause). It calls onFailure,
// unless that is nil, with the outcome of every check that failed while ctx was alive.
func Wait(ctx context.Context, checker Checker, onFailure func(error)) error {
	var backoff Backoff
	for {
		err := checker.Check(ctx)
		if err == nil {
			return nil
		}
		if ctx.Err() != nil {
			return context.Cause(ctx)
		}
		if onFailure != nil {
			onFailure(err)
		}
		timer := time.NewTimer(backoff.Next())
		select {
		case <-timer.C:
		case <-ctx.Done():
			timer.Stop()
			return context.Cause(ctx)
		}
	}
}
