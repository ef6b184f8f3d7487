package main

import (
	"encoding/json"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/heliosctl/heliosctl/model"
)

const referencePage = "../../docs/reference.md"

// referenceRows returns, by section of the reference page, the first cell of each row of its table and the tests named in the last.
func referenceRows(t *testing.T) map[string]map[string][]string {
	t.Helper()
	page, err := os.ReadFile(referencePage)
	if err != nil {
		t.Fatal(err)
	}
	tests := regexp.MustCompile("`(Test[^`]+)`")
	sections := map[string]map[string][]string{}
	section := ""
	for line := range strings.Lines(string(page)) {
		line = strings.TrimSpace(line)
		if heading, ok := strings.CutPrefix(line, "## "); ok {
			section = heading
			sections[section] = map[string][]string{}
		}
		cells := strings.Split(strings.Trim(line, "|"), "|")
		first := strings.Trim(strings.TrimSpace(cells[0]), "`")
		if !strings.HasPrefix(line, "|") || strings.HasPrefix(first, "--- ") || first == "---" || strings.Contains(line, "proved by") {
			continue
		}
		sections[section][first] = []string{}
		for _, match := range tests.FindAllStringSubmatch(cells[len(cells)-1], -1) {
			sections[section][first] = append(sections[section][first], match[1])
		}
	}
	return sections
}

func jobFields(t *testing.T) []string {
	t.Helper()
	text, err := json.Marshal(model.Job{})
	if err != nil {
		t.Fatal(err)
	}
	var fields map[string]any
	if err := json.Unmarshal(text, &fields); err != nil {
		t.Fatal(err)
	}
	return slices.Sorted(maps.Keys(fields))
}

func flagNames(command *cobra.Command) []string {
	var names []string
	command.Flags().VisitAll(func(flag *pflag.Flag) { names = append(names, "--"+flag.Name) })
	slices.Sort(names)
	return names
}

// The reference page has every field and every flag, and no other.
func TestReferencePageIsComplete(t *testing.T) {
	rows := referenceRows(t)
	env := processEnvironment()
	for section, want := range map[string][]string{
		"Job fields":     jobFields(t),
		"Agent options":  flagNames(newAgentCommand(env)),
		"Master options": flagNames(newMasterCommand(env)),
		"Options of dev": flagNames(newDevCommand(env)),
	} {
		if diff := cmp.Diff(want, slices.Sorted(maps.Keys(rows[section]))); diff != "" {
			t.Errorf("%s (-in the program +on the page):\n%s", section, diff)
		}
	}
}

// Every row of the reference page names a test, and every test that it names is in the tree.
func TestReferencePageNamesTests(t *testing.T) {
	sources := testSources(t)
	for section, rows := range referenceRows(t) {
		for row, tests := range rows {
			if len(tests) == 0 {
				t.Errorf("%s, %s: no test", section, row)
			}
			for _, name := range tests {
				function, subtest, _ := strings.Cut(name, "/")
				source, ok := sources[function]
				if !ok {
					t.Errorf("%s, %s: there is no test %s", section, row, function)
				} else if subtest != "" && !strings.Contains(source, `"`+subtest+`"`) {
					t.Errorf("%s, %s: %s has no subtest %q", section, row, function, subtest)
				}
			}
		}
	}
}

// testSources returns the text of every test function of the module.
func testSources(t *testing.T) map[string]string {
	t.Helper()
	heads := regexp.MustCompile(`(?m)^func (Test\w+)\(t \*testing\.T\) \{$`)
	sources := map[string]string{}
	err := filepath.WalkDir("../..", func(path string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() || !strings.HasSuffix(path, "_test.go") {
			return err
		}
		text, err := os.ReadFile(path)
		for _, head := range heads.FindAllSubmatchIndex(text, -1) {
			body, _, _ := strings.Cut(string(text[head[0]:]), "\n}\n")
			sources[string(text[head[2]:head[3]])] = body
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return sources
}
