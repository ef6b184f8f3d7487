package tui_test

import (
	"fmt"
	"regexp"
	"slices"
	"testing"
	"time"

	"github.com/heliosctl/heliosctl/model"
	"github.com/heliosctl/heliosctl/tui"
)

// The host map shows what is there now, whatever it has shown before: after hosts have come, gone or changed, with other groups, and at
// another size. A console that has just begun is what each is compared with.
func TestMapIsAsCurrentAsANewOne(t *testing.T) {
	f := crowd(300)
	s := stage(options(f), 120, 36, nil)
	regrouped, w, h := 0, 120, 36
	last := s.Frame()
	compare := func(what string) {
		t.Helper()
		fresh := stage(options(f), w, h, nil)
		for range regrouped {
			fresh.Press("o")
		}
		if got, want := s.Frame(), fresh.Frame(); got != want {
			t.Errorf("after %s:\n%s\nwant\n%s", what, s.Plain(), fresh.Plain())
		} else if got == last {
			t.Errorf("%s changes nothing that is seen", what)
		} else {
			last = got
		}
	}
	name := func(i int) string { return fmt.Sprintf("host-%05d.example.com", i) }
	for i := 0; i < 300; i += 20 {
		f.store.SetStatus(name(i), model.Down, now)
	}
	s.Refresh()
	compare("a rack went down")
	f.store.SetTask(&tui.Task{Host: name(1), Job: f.Snapshot().Hosts[1].Tasks[0].Job, Goal: model.GoalStart, State: model.StateFailed, Since: now})
	s.Refresh()
	compare("a task failed")
	for i := range 100 {
		f.store.SetHost(tui.Host{Name: fmt.Sprintf("new-%03d", i), Status: model.Up, Since: now.Add(-time.Hour), Labels: map[string]string{"rack": "a0"}})
	}
	s.Refresh()
	compare("hosts came")
	for i := range 50 {
		f.store.RemoveHost(name(i))
	}
	s.Refresh()
	compare("hosts went")
	for range 3 {
		regrouped++
		s.Press("o")
		compare("regrouping")
	}
	for _, size := range [][2]int{{200, 60}, {80, 24}, {100, 30}, {70, 40}, {240, 70}, {120, 36}} {
		w, h = size[0], size[1]
		s.Resize(w, h)
		compare(fmt.Sprintf("a new size of %d×%d", w, h))
	}
}

// Racks are in the order that people count them in.
func TestMapOrdersNumbersAsPeopleDo(t *testing.T) {
	f := newFixed()
	for i, rack := range []string{"b10", "b2", "b1", "b11", "b02", "a9", ""} {
		f.store.SetHost(tui.Host{Name: fmt.Sprintf("host-%d", i), Status: model.Up, Labels: map[string]string{"rack": rack}})
	}
	racks := regexp.MustCompile(`(?m)│ (—|[ab]\d+) +■`).FindAllStringSubmatch(stage(options(f), 120, 36, nil).Plain(), -1)
	var got []string
	for _, rack := range racks {
		got = append(got, rack[1])
	}
	if want := []string{"—", "a9", "b1", "b02", "b2", "b10", "b11"}; !slices.Equal(got, want) {
		t.Errorf("the racks are %q, want %q", got, want)
	}
}
