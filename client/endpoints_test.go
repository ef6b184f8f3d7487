package client

import (
	"context"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"
)

// firsts counts by endpoint how many rounds begin with it.
func firsts(t *testing.T, e *endpoints, rounds int) map[string]int {
	t.Helper()
	first := map[string]int{}
	for range rounds {
		order, _, err := e.round(context.Background())
		if err != nil {
			t.Fatal(err)
		}
		first[order[0].label]++
	}
	return first
}

// TestMastersThatDoNotAnswerAreTriedLast holds that one paused master does not cost every call the time until it is given up.
func TestMastersThatDoNotAnswerAreTriedLast(t *testing.T) {
	const paused, one, two = "http://127.0.0.1:1", "http://127.0.0.2:1", "http://127.0.0.3:1"
	synctest.Test(t, func(t *testing.T) {
		e, err := newEndpoints(Config{Endpoints: []string{paused, one, two}})
		if err != nil {
			t.Fatal(err)
		}
		want := func(when string, want map[string]int) {
			t.Helper()
			if diff := cmp.Diff(want, firsts(t, e, 6)); diff != "" {
				t.Errorf("%s: tried first (-want +got):\n%s", when, diff)
			}
		}
		want("at first", map[string]int{paused: 2, one: 2, two: 2})
		ep := e.known[0]
		answered := e.ask(ep)
		synctest.Wait()
		want("while a call waits for its answer", map[string]int{paused: 2, one: 2, two: 2})
		time.Sleep(suspicion)
		synctest.Wait()
		if got := firsts(t, e, 6); got[paused] != 0 {
			t.Errorf("a call has waited for long, and others go there: %v", got)
		}
		answered()
		want("after the answer", map[string]int{paused: 2, one: 2, two: 2})

		e.mark(ep, false)
		if got := firsts(t, e, 6); got[paused] != 0 {
			t.Errorf("it has failed, and others go there: %v", got)
		}
		time.Sleep(penalty)
		if got := firsts(t, e, 12); got[paused] != 1 {
			t.Errorf("of many calls after the penalty want one to try it, got %v", got)
		}
		time.Sleep(penalty)
		for probe := false; !probe; {
			var err error
			if _, probe, err = e.round(context.Background()); err != nil {
				t.Fatal(err)
			}
		}
		e.mark(ep, true)
		want("after it has answered again", map[string]int{paused: 2, one: 2, two: 2})
	})
}
