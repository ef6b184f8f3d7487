package main

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/heliosctl/heliosctl/tui"
)

func TestTwoConsolesKeepEachOthersViews(t *testing.T) {
	file := stateFile{filepath.Join(t.TempDir(), "heliosctl", "console.yaml")}
	var consoles sync.WaitGroup
	for c := range 4 {
		consoles.Go(func() {
			for n := range 10 {
				if err := file.change(func(s *tui.State) { s.SetView(fmt.Sprintf("%d-%d", c, n), "hosts") }); err != nil {
					t.Error(err)
				}
			}
		})
	}
	consoles.Wait()
	state, err := file.load()
	if err != nil || len(state.Views) != 40 {
		t.Errorf("%d of 40 views are there, %v", len(state.Views), err)
	}
	info, err := os.Stat(file.path)
	if err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("the file has %v, %v", info.Mode(), err)
	}
	entries, err := os.ReadDir(filepath.Dir(file.path))
	if err != nil || len(entries) != 2 { // with the lock
		t.Errorf("the folder has %v, %v", entries, err)
	}
}

func TestStateIsReadAsItWasWritten(t *testing.T) {
	file := stateFile{filepath.Join(t.TempDir(), "console.yaml")}
	want := tui.State{
		Views:   map[string]string{"front": "hosts?f=role=web&s=-load&c=-agent"},
		Marks:   map[string]map[string]string{"eu": {"a": "jobs", "1": "hosts?sel=x"}},
		Screens: map[string]tui.Look{"hosts": {Sort: "mem", Reverse: true, Columns: map[string]bool{"agent": false}}},
	}
	if err := file.change(func(s *tui.State) { *s = want }); err != nil {
		t.Fatal(err)
	}
	got, err := file.load()
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
}

func TestADamagedStateIsPutAside(t *testing.T) {
	file := stateFile{filepath.Join(t.TempDir(), "console.yaml")}
	for n, damage := range []string{"views: [", "views: {a: [b]}"} {
		if err := os.WriteFile(file.path, []byte(damage), 0o600); err != nil {
			t.Fatal(err)
		}
		if _, err := file.load(); err == nil || !strings.Contains(err.Error(), "is damaged") {
			t.Errorf("reading it says %v", err)
		}
		if left, err := os.ReadFile(file.path); err != nil || string(left) != damage {
			t.Errorf("reading it changed it to %q, %v", left, err)
		}
		if err := file.change(func(s *tui.State) { s.SetView("a", "hosts") }); err != nil {
			t.Fatal(err)
		}
		if state, err := file.load(); err != nil || state.Views["a"] != "hosts" {
			t.Errorf("afterwards there is %v, %v", state, err)
		}
		name := file.bad() + []string{"", "2"}[n]
		if aside, err := os.ReadFile(name); err != nil || string(aside) != damage {
			t.Errorf("%s has %q, %v", name, aside, err)
		}
	}
}

// A file that may not be read is not replaced: it may be in order.
func TestAnUnreadableStateIsLeftAlone(t *testing.T) {
	file := stateFile{filepath.Join(t.TempDir(), "console.yaml")}
	if err := os.Mkdir(file.path, 0o700); err != nil {
		t.Fatal(err)
	}
	if err := file.change(func(s *tui.State) { s.SetView("a", "hosts") }); err == nil {
		t.Error("it was changed")
	}
	if info, err := os.Stat(file.path); err != nil || !info.IsDir() {
		t.Errorf("it is gone: %v", err)
	}
}
