package healthcheck

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"
	"time"
)

func TestBackoff(t *testing.T) {
	const most = 30 * time.Second
	varied := false
	var firstSecond time.Duration
	for range 100 {
		var b Backoff
		last := b.Next()
		if last != time.Second {
			t.Fatalf("the first wait is %s, want 1s", last)
		}
		for i := range 10 {
			next := b.Next()
			least, mostNow := min(last*3/2, most), min(last*5/2, most)
			if next < least || next > mostNow {
				t.Fatalf("wait %d is %s after %s, want %s to %s", i+2, next, last, least, mostNow)
			}
			if i == 0 {
				varied = varied || firstSecond != 0 && next != firstSecond
				firstSecond = next
			}
			last = next
		}
		if last != most {
			t.Fatalf("after eleven waits it is %s, want %s", last, most)
		}
		b.Reset()
		if got := b.Next(); got != time.Second {
			t.Fatalf("after Reset the wait is %s, want 1s", got)
		}
	}
	if !varied {
		t.Error("a hundred runs have the same second wait: there is no jitter")
	}
}

func TestBackoffBounds(t *testing.T) {
	b := Backoff{First: 10 * time.Millisecond, Max: 15 * time.Millisecond}
	for _, want := range []time.Duration{10 * time.Millisecond, 15 * time.Millisecond, 15 * time.Millisecond} {
		if got := b.Next(); got != want {
			t.Errorf("Next = %s, want %s", got, want)
		}
	}
}

// checkFunc is a Checker.
type checkFunc func(context.Context) error

func (f checkFunc) Check(ctx context.Context) error { return f(ctx) }

var errNotReady = errors.New("not ready")

func TestWaitTriesUntilItSucceeds(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		begin := time.Now()
		attempts, failures := 0, 0
		checker := checkFunc(func(context.Context) error {
			if attempts++; attempts < 4 {
				return errNotReady
			}
			return nil
		})
		err := Wait(t.Context(), checker, func(err error) {
			if err != errNotReady {
				t.Errorf("onFailure got %v", err)
			}
			failures++
		})
		if err != nil || attempts != 4 || failures != 3 {
			t.Errorf("Wait = %v after %d attempts and %d failures, want nil, 4 and 3", err, attempts, failures)
		}
		// 1 s, then 1.5 to 2.5 s, then 2.25 to 6.25 s.
		if took := time.Since(begin); took < 4750*time.Millisecond || took > 9750*time.Millisecond {
			t.Errorf("it took %s", took)
		}
	})
}

func TestWaitChecksAtOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		begin := time.Now()
		if err := Wait(t.Context(), checkFunc(func(context.Context) error { return nil }), nil); err != nil {
			t.Error(err)
		}
		if took := time.Since(begin); took != 0 {
			t.Errorf("it took %s", took)
		}
	})
}

func TestWaitEndsWithItsContext(t *testing.T) {
	stop := errors.New("the goal is STOP now")
	tests := map[string]func(context.Context) error{
		"between checks": func(context.Context) error { return errNotReady },
		"during a check": func(ctx context.Context) error { <-ctx.Done(); return ctx.Err() },
	}
	for name, check := range tests {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				ctx, cancel := context.WithCancelCause(t.Context())
				go func() {
					time.Sleep(10 * time.Minute)
					cancel(stop)
				}()
				err := Wait(ctx, checkFunc(check), func(err error) {
					if err != errNotReady {
						t.Errorf("onFailure was called with %v", err)
					}
				})
				if !errors.Is(err, stop) {
					t.Errorf("Wait = %v, want %v", err, stop)
				}
			})
		})
	}
}
