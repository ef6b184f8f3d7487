package agent

import (
	"context"
	"math/rand/v2"
	"sync"
	"time"
)

// kick says that something changed. Several kicks before the receiver looks are one.
type kick chan struct{}

func newKick() kick { return make(kick, 1) }

func (k kick) now() {
	select {
	case k <- struct{}{}:
	default:
	}
}

// broadcast wakes everyone who waits. The zero value is ready. Take the channel before looking at what it announces.
type broadcast struct {
	mu sync.Mutex
	ch chan struct{}
}

// next returns a channel that is closed by the next call of wake.
func (b *broadcast) next() <-chan struct{} {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.ch == nil {
		b.ch = make(chan struct{})
	}
	return b.ch
}

func (b *broadcast) wake() {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.ch != nil {
		close(b.ch)
		b.ch = nil
	}
}

// sleep waits for d, for wake (which may be nil) or for the end of ctx, whose error it returns.
func sleep(ctx context.Context, d time.Duration, wake <-chan struct{}) error {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return nil
	case <-wake:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// backoff gives growing random pauses: min first, then 1.5 to 2.5 times the one before, at most max.
type backoff struct {
	min, max time.Duration
	last     time.Duration
}

func newBackoff() *backoff { return &backoff{min: time.Second, max: 30 * time.Second} }

func (b *backoff) next() time.Duration {
	if b.last == 0 {
		b.last = b.min
		return b.last
	}
	b.last = min(time.Duration(float64(b.last)*(1.5+rand.Float64())), b.max)
	return b.last
}

func (b *backoff) reset() { b.last = 0 }
