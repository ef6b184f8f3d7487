package main

import (
	"fmt"
	"os"
	"strings"
	"testing"

	"github.com/spf13/cobra"
)

// The page for those who write scripts has every exit code, every command that waits and every one that asks.
func TestScriptingPage(t *testing.T) {
	content, err := os.ReadFile("../../docs/scripting.md")
	if err != nil {
		t.Fatal(err)
	}
	page := string(content)
	for _, m := range exitMeanings() {
		meaning := strings.ReplaceAll(m.Meaning, "(exec,", "(`exec`,")
		if row := fmt.Sprintf("| %d | %s |\n", m.Code, meaning); !strings.Contains(page, row) {
			t.Errorf("the page lacks the row %q", row)
		}
	}
	_, waiting, _ := strings.Cut(page, "\n## Waiting\n")
	waiting, asking, _ := strings.Cut(waiting, "\n## Questions\n")
	asking, _, _ = strings.Cut(asking, "\n## ")
	leaves(newRootCommand(processEnvironment()), func(cmd *cobra.Command) {
		_, name, _ := strings.Cut(cmd.CommandPath(), " ")
		if strings.HasPrefix(name, "group ") {
			return
		}
		for _, flag := range []string{"wait", "async"} {
			if cmd.Flags().Lookup(flag) != nil && !strings.Contains(waiting, "`"+name+"`") {
				t.Errorf("the section about waiting lacks %s", name)
			}
		}
		if cmd.Flags().Lookup("yes") != nil && !strings.Contains(asking, "`"+name) {
			t.Errorf("the section about questions lacks %s", name)
		}
	})
}
