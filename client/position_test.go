package client

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/heliosctl/heliosctl/model"
)

// An event is told once, however often and wherever the connection breaks.
func TestPositionAfterBreaks(t *testing.T) {
	type sent struct {
		index uint64
		name  string
	}
	log := []sent{{5, "a"}, {6, "b"}, {6, "c"}, {6, "d"}, {7, "e"}, {9, "f"}, {9, "g"}}
	after := func(index uint64) []sent {
		for i, e := range log {
			if e.index > index {
				return log[i:]
			}
		}
		return nil
	}
	for first := range len(log) + 1 {
		for second := range len(log) + 1 {
			at := position{whole: 4, last: 4}
			var told string
			for _, length := range []int{first, second, len(log)} {
				at.repeated = 0
				at.isNew(model.Event{Type: model.EventHeartbeat, Index: at.whole}) // as masters begin
				for i, e := range after(at.whole) {
					if i < length && at.isNew(model.Event{Type: model.EventJobCreated, Index: e.index}) {
						told += e.name
					}
				}
			}
			if diff := cmp.Diff("abcdefg", told); diff != "" {
				t.Errorf("broken after %d and %d (-want +got):\n%s", first, second, diff)
			}
		}
	}
	at := position{whole: 9, last: 9, seen: 2}
	if !at.isNew(model.Event{Type: model.EventReset, Index: 3}) || at.whole != 3 || !at.isNew(model.Event{Type: model.EventJobCreated, Index: 4}) {
		t.Errorf("after a reset %+v", at)
	}
}

// The limit may cut the first index of the past. Wherever the connection breaks, and whatever has happened meanwhile, what is told begins
// with the last events that a master knows and goes on without a gap.
func TestPastAfterBreaks(t *testing.T) {
	type sent struct {
		index uint64
		name  string
	}
	log := []sent{{5, "a"}, {6, "b"}, {6, "c"}, {6, "d"}, {6, "e"}, {7, "f"}, {9, "g"}}
	const all = "abcdefg"
	for limit := 1; limit <= len(log)+1; limit++ {
		past := log[max(0, len(log)-limit):]
		for first := range len(past) + 2 {
			for second := range len(past) + 2 {
				w := eventWatch{past: true}
				told, beats := "", 0
				next := func(event model.Event) {
					for _, e := range w.next(event) {
						if e.Type == model.EventHeartbeat {
							beats++
							continue
						}
						told += e.User
					}
				}
				for _, length := range []int{first, second, len(past) + 1} {
					w.reopened()
					if w.at.known {
						next(model.Event{Type: model.EventHeartbeat, Index: w.at.whole})
						continue // there is nothing after the heartbeat behind the past
					}
					for i, e := range past {
						if i < length {
							next(model.Event{Type: model.EventJobCreated, Index: e.index, User: e.name})
						}
					}
					if length > len(past) {
						next(model.Event{Type: model.EventHeartbeat, Index: 9})
					}
				}
				if want := all[max(0, len(all)-limit):]; told != want || beats == 0 || w.at.whole != 9 {
					t.Errorf("the last %d, broken after %d and %d: %q, want %q; %d heartbeats, then after %d",
						limit, first, second, told, want, beats, w.at.whole)
				}
			}
		}
	}
}
