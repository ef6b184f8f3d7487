package tui

import (
	"strings"
	"testing"
)

func listedHosts(names ...string) *list[*Host] {
	l := newList(list[*Host]{name: "hosts", id: func(h *Host) string { return h.Name }, columns: (&hosts{}).columns()[:2]})
	var rows []*Host
	for _, name := range names {
		rows = append(rows, &Host{Name: name, text: name})
	}
	l.set(rows)
	return l
}

func widthOf(t *testing.T, l *list[*Host], id string, room int) int {
	t.Helper()
	for _, c := range l.layout(room) {
		if c.id == id {
			return c.w
		}
	}
	t.Fatalf("the column %s is not shown in %d cells", id, room)
	return 0
}

// A column of names is as wide as its names: short ones leave the room to others, long ones are shown whole where there is room.
func TestColumnsFitTheirTexts(t *testing.T) {
	long := strings.Repeat("n", 33)
	for _, c := range []struct {
		why   string
		names []string
		room  int
		want  int
	}{
		{"short names", []string{"a-1", "pay-101.eu1"}, 100, 11},
		{"names shorter than the title with its arrow", []string{"a"}, 100, len("HOST ↓") - 2},
		{"a long name with room", []string{"a-1", long}, 100, 33},
		{"a long name without room", []string{"a-1", long}, 30, 23},
		{"wide characters", []string{"漢字漢字漢字漢字"}, 100, 16},
	} {
		if got := widthOf(t, listedHosts(c.names...), "host", c.room); got != c.want {
			t.Errorf("%s: the column is %d cells wide, want %d", c.why, got, c.want)
		}
	}
}

// What is filtered away still counts: columns do not jump while somebody types a filter.
func TestFiltersMoveNoColumns(t *testing.T) {
	l := listedHosts("a-1", "a-long-name-of-a-host")
	before := widthOf(t, l, "host", 100)
	l.narrow("a-1")
	if got := widthOf(t, l, "host", 100); got != before || len(l.order) != 1 {
		t.Errorf("with a filter that %d rows pass the column is %d cells wide, before it %d", len(l.order), got, before)
	}
}

// A host that is deregistered while it is marked is neither counted nor hidden by a filter.
func TestWhatIsGoneIsNotMarked(t *testing.T) {
	l := listedHosts("a-1", "a-2", "a-3")
	l.markAll()
	l.narrow("a-3")
	l.set(l.rows[1:])
	if n, seen := len(l.marks), l.seenMarks(); n != 2 || seen != 1 {
		t.Errorf("after one of three is gone, %d are marked and %d of them seen, want 2 and 1", n, seen)
	}
}
