package main

import (
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// The page of compatibility has every command of the original, each of which exists, and every row names scripts or tests that are there.
func TestOriginalCommandsPageIsComplete(t *testing.T) {
	text, err := os.ReadFile("../../docs/compatibility.md")
	if err != nil {
		t.Fatal(err)
	}
	_, page, _ := strings.Cut(string(text), "\n## Commands\n")
	scripts, tests := regexp.MustCompile("`([a-z_]+\\.txtar)`"), regexp.MustCompile("`(Test[^`]+)`")
	sources := testSources(t)
	listed, section := map[string]bool{}, "Commands"
	for line := range strings.Lines(page) {
		line = strings.TrimSpace(line)
		if heading, ok := strings.CutPrefix(line, "## "); ok {
			section = heading
		}
		if !strings.HasPrefix(line, "|") || strings.HasPrefix(line, "| ---") || strings.HasSuffix(line, "| proved by |") {
			continue
		}
		cells := strings.Split(strings.Trim(line, "|"), "|")
		if section == "Commands" {
			listed[strings.Trim(cells[0], " `")] = true
		}
		proof := cells[len(cells)-1]
		named, inGo := scripts.FindAllStringSubmatch(proof, -1), tests.FindAllStringSubmatch(proof, -1)
		if len(named)+len(inGo) == 0 {
			t.Errorf("nothing proves: %s", line)
		}
		for _, match := range inGo {
			if _, ok := sources[match[1]]; !ok {
				t.Errorf("there is no test %s", match[1])
			}
		}
		for _, match := range named {
			if _, err := os.Stat(filepath.Join("testdata/script", match[1])); err != nil {
				t.Errorf("there is no script %s", match[1])
			}
		}
	}
	root := newRootCommand(processEnvironment())
	for _, name := range originalCommands {
		if !listed[name] {
			t.Errorf("%s is not on the page", name)
		}
		if cmd, _, err := root.Find([]string{name}); err != nil || cmd.Name() != name {
			t.Errorf("there is no command %s", name)
		}
	}
	if len(listed) != len(originalCommands) {
		t.Errorf("%d commands on the page, want %d", len(listed), len(originalCommands))
	}
}
