package tui_test

import (
	"strings"
	"testing"
)

// Where a chart has one row, its name and its value stand side by side.
func TestChartsOfAHostInOneRow(t *testing.T) {
	frame := stage(options(shared()), 120, 20, []string{"2", "/geo-365", "enter", "enter"}).Plain()
	if !strings.Contains(frame, "│ load 55%") || !strings.Contains(frame, "│ mem 62%") {
		t.Errorf("the charts are not told apart:\n%s", frame)
	}
}
