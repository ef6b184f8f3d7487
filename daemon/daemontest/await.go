package daemontest

import (
	"testing"
	"time"
)

// Patience is how long something may take on a busy machine until a test gives up on it.
const Patience = time.Minute

// awaitPoll is the pause between two looks.
const awaitPoll = 25 * time.Millisecond

// Await looks again and again until there is nothing left to complain of, and fails the test with the last complaint after Patience.
func Await(t testing.TB, what string, look func() error) {
	t.Helper()
	AwaitWithin(t, Patience, what, look)
}

// AwaitWithin is Await with another patience.
func AwaitWithin(t testing.TB, patience time.Duration, what string, look func() error) {
	t.Helper()
	deadline := time.Now().Add(patience)
	for {
		err := look()
		if err == nil {
			return
		}
		if time.Now().After(deadline) {
			t.Fatalf("waited %s for %s: %v", patience, what, err)
		}
		time.Sleep(awaitPoll)
	}
}
