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
