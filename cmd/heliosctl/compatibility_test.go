package main

import (
	"os"
	"regexp"
	"strings"
	"testing"
)

// Every test that the page of compatibility names is in the tree.
func TestCompatibilityPageNamesTests(t *testing.T) {
	page, err := os.ReadFile("../../docs/compatibility.md")
	if err != nil {
		t.Fatal(err)
	}
	sources := testSources(t)
	names := regexp.MustCompile("`(Test[^`]+)`").FindAllStringSubmatch(string(page), -1)
	if len(names) == 0 {
		t.Error("the page names no test")
	}
	for _, name := range names {
		function, _, _ := strings.Cut(name[1], "/")
		if _, ok := sources[function]; !ok {
			t.Errorf("there is no test %s", function)
		}
	}
}
