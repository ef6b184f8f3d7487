package main

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/spf13/cobra"
)

// processCommands are those that scripts cannot run, and the tests that run them as processes.
var processCommands = map[string]string{
	"agent": "TestThreeMastersFormOneCluster", "demo": "TestDemoWithoutAnEngine", "dev": "TestDevSpeaksJSON", "master": "TestThreeMastersFormOneCluster",
	"exec": "TestExecInAPipe",
}

// Every command is run by a script, with --json and without, or as a process by a test.
func TestEveryCommandHasAScript(t *testing.T) {
	root := newRootCommand(processEnvironment())
	type use struct{ text, json bool }
	used := map[string]use{}
	scripts, err := filepath.Glob("testdata/script/*.txtar")
	if err != nil || len(scripts) == 0 {
		t.Fatalf("%d scripts, error %v", len(scripts), err)
	}
	for _, script := range scripts {
		text, err := os.ReadFile(script)
		if err != nil {
			t.Fatal(err)
		}
		for line := range strings.Lines(string(text)) {
			args, ok := scriptedArguments(root, line)
			if !ok {
				continue
			}
			cmd, _, err := root.Find(args)
			if err != nil {
				continue
			}
			u := used[cmd.CommandPath()]
			if asksForJSON(args) {
				u.json = true
			} else {
				u.text = true
			}
			used[cmd.CommandPath()] = u
		}
	}
	var check func(*cobra.Command)
	check = func(cmd *cobra.Command) {
		for _, child := range cmd.Commands() {
			_, name, _ := strings.Cut(child.CommandPath(), " ")
			switch {
			case child.HasSubCommands():
				check(child)
			case child.Hidden, child.Name() == "help", strings.HasPrefix(name, "group "), processCommands[name] != "":
			case strings.HasPrefix(name, "completion "): // refuses --json
			default:
				if u := used[child.CommandPath()]; !u.text || !u.json {
					t.Errorf("%s is run with text: %v, with --json: %v", name, u.text, u.json)
				}
			}
		}
	}
	check(root)
	for name, test := range processCommands {
		if !slices.ContainsFunc(testFiles(t), func(text string) bool { return strings.Contains(text, "func "+test+"(") }) {
			t.Errorf("%s: there is no test %s", name, test)
		}
	}
}

// scriptedArguments are those of a line of a script that runs heliosctl, and spelt out.
func scriptedArguments(root *cobra.Command, line string) ([]string, bool) {
	words := strings.Fields(line)
	at := slices.Index(words, "heliosctl")
	if at < 0 || at > 3 || strings.HasPrefix(line, "#") || strings.HasPrefix(line, "std") {
		return nil, false
	}
	args, err := spellOut(root, words[at+1:])
	return args, err == nil
}

func testFiles(t *testing.T) []string {
	t.Helper()
	names, err := filepath.Glob("*_test.go")
	if err != nil {
		t.Fatal(err)
	}
	var texts []string
	for _, name := range names {
		text, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		texts = append(texts, string(text))
	}
	return texts
}
