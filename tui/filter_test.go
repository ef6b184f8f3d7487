package tui_test

import (
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/heliosctl/heliosctl/model"
	"github.com/heliosctl/heliosctl/tui"
)

func TestFilterLanguage(t *testing.T) {
	f := newFixed()
	for _, h := range []struct {
		name, role string
		load       float64
		state      model.State
	}{{"web-1", "web", 2, model.StateRunning}, {"web-2", "web", 14, model.StateFailed}, {"pay-1", "pay", 15, model.StateRunning}, {"pay-10", "pay", 1, model.StateUnknown}} {
		f.store.SetHost(tui.Host{Name: h.name, Status: model.Up, Labels: map[string]string{"role": h.role}, Info: &model.HostInfo{CPUs: 16, MemoryTotalBytes: 100}})
		f.store.SetGauges(h.name, h.load, 50, now.Add(-time.Second))
		f.task(h.name, id("job"), h.state)
	}
	for text, want := range map[string]string{
		"web": "web-1 web-2", "!web": "pay-1 pay-10", "web|pay-10": "pay-10 web-1 web-2", "role=pay": "pay-1 pay-10", "role!=pay": "web-1 web-2",
		"load>80": "pay-1 web-2", "load<10": "pay-10", "state:FAILED|UNKNOWN": "pay-10 web-2", "state:FAIL": "web-2", `/^pay-1\b/`: "pay-1",
		"/pay-1$/": "", "~w2": "web-2", "web load>80": "web-2", "host=pay-1*": "pay-1 pay-10", "nothing": "", "job=job:1 role=web": "web-1 web-2",
		"!role=web !host=pay-1": "pay-10", "tasks>0 problems>0": "pay-10 web-2",
	} {
		s := stage(options(f), 120, 36, []string{"2", "/" + text, "enter"})
		var got []string
		for line := range strings.SplitSeq(s.Plain(), "\n") {
			for _, word := range strings.Fields(line) {
				if strings.HasPrefix(word, "web-") || strings.HasPrefix(word, "pay-") {
					if strings.Contains(line, "▲ UP") {
						got = append(got, word)
					}
				}
			}
		}
		slices.Sort(got)
		if strings.Join(got, " ") != want {
			t.Errorf("filter %q passes %q, want %q", text, strings.Join(got, " "), want)
		}
	}
}

func TestABrokenFilterSaysSo(t *testing.T) {
	f := newFixed()
	f.host("a1", model.Up)
	if frame := stage(options(f), 120, 36, []string{"2", "//(/", "enter"}).Plain(); !strings.Contains(frame, "missing closing") {
		t.Errorf("nothing is said of a broken expression:\n%s", frame)
	}
}
