package tui_test

import (
	"fmt"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/heliosctl/heliosctl/tui"
	"github.com/heliosctl/heliosctl/tui/demo"
)

func TestPeek(t *testing.T) {
	if os.Getenv("PEEK") == "" {
		t.Skip()
	}
	start := time.Date(2026, 6, 1, 11, 46, 9, 0, time.UTC)
	now := start.Add(18*time.Minute + 22*time.Second)
	f := demo.New(demo.Options{Seed: 1, Start: start})
	f.Advance(now)
	var w, h int
	fmt.Sscanf(os.Getenv("SIZE"), "%dx%d", &w, &h)
	s := tui.NewStage(tui.Options{Source: f, Now: func() time.Time { return now }, Zone: time.UTC}, w, h)
	s.Press(strings.Fields(os.Getenv("PEEK"))...)
	fmt.Println(s.Plain())
}
