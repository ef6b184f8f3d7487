package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/heliosctl/heliosctl/cmd/heliosctl/config"
)

func TestKeepContextLeavesTheRestOfTheFile(t *testing.T) {
	path := filepath.Join(t.TempDir(), "deep", "config.yaml")
	lab := config.Context{Name: "lab", Masters: []string{"http://lab:5801"}, ReadOnly: true}
	if err := keepContext(path, lab); err != nil {
		t.Fatal(err)
	}
	if f, err := config.Load(path); err != nil || f.Current != "lab" || !f.Contexts[0].ReadOnly {
		t.Errorf("a new file says %+v, %v", f, err)
	}
	mine := "# mine\nconsole:\n  theme: light # by day"
	if err := os.WriteFile(path, []byte(mine), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := keepContext(path, lab); err != nil {
		t.Fatal(err)
	}
	text, err := os.ReadFile(path)
	if err != nil || !strings.Contains(string(text), "# mine\n") || !strings.Contains(string(text), "theme: light # by day\n") {
		t.Errorf("the file is now %q, %v", text, err)
	}
	if err := keepContext(path, config.Context{Name: "lab", Masters: []string{"http://other:5801"}}); err == nil {
		t.Error("a context was added under a name that is taken")
	}
	if now, _ := os.ReadFile(path); string(now) != string(text) {
		t.Errorf("it was changed to %q", now)
	}
}
