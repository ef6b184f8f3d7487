package tui

import (
	"strings"
	"testing"
	"time"

	"github.com/heliosctl/heliosctl/tui/widget"
)

// axisText is an axis as it is read.
func axisText(a *app, w int, from, to time.Time, cursor int, at time.Time) string {
	var canvas widget.Canvas
	canvas.Reset(w, 1)
	drawAxis(a, canvas.Area(), 0, w, from, to, cursor, at)
	return strings.TrimRight(canvas.Plain(), " \n")
}

func TestAxesHaveRoundTimes(t *testing.T) {
	zone := time.FixedZone("half past", 5*3600+1800)
	from := time.Date(2026, 6, 1, 6, 4, 31, 0, time.UTC) // 11:34:31 there
	a := newApp(Options{Source: nowhere(), Zone: zone})
	for _, c := range []struct {
		span time.Duration
		w    int
		want string
	}{
		{30 * time.Minute, 94, " 11:35           11:40          11:45           11:50           11:55          12:00     12:04"},
		{5 * time.Minute, 40, "           11:36           11:38   11:39"},
		{24 * time.Hour, 60, " 12:00          18:00          00:00          06:00    11:34"},
		{72 * time.Hour, 60, "          Jun 02              Jun 03                  Jun 04"},
	} {
		got := axisText(a, c.w, from, from.Add(c.span), -1, time.Time{})
		if got != c.want {
			t.Errorf("%s over %d columns: %q, want %q", c.span, c.w, got, c.want)
		}
	}
}

// The moment of the cross-hair covers no half of another time, wherever it stands, and is the moment itself, not where its column begins.
func TestTheCrossHairHidesWholeTimesOnly(t *testing.T) {
	from := time.Date(2026, 6, 1, 11, 49, 0, 0, time.UTC)
	to := from.Add(10 * time.Minute)
	a := newApp(Options{Source: nowhere(), Zone: time.UTC})
	const w = 60
	for cursor := range w {
		at := from.Add(to.Sub(from)*time.Duration(cursor)/w + 3*time.Second)
		text := axisText(a, w, from, to, cursor, at)
		if !strings.Contains(text, at.Format("15:04:05")) {
			t.Errorf("column %d: %q does not show %s", cursor, text, at.Format("15:04:05"))
		}
		for _, word := range strings.Fields(text) {
			if len(word) != len("15:04") && len(word) != len("15:04:05") {
				t.Errorf("column %d: %q has half a time, %q", cursor, text, word)
			}
		}
	}
}
