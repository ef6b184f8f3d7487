package conformance_test

import (
	"maps"
	"os"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
)

const page = "../../docs/compatibility.md"

// pageRoutes returns the second cell of each row of the page's table of routes.
func pageRoutes(t *testing.T) map[string]string {
	t.Helper()
	text, err := os.ReadFile(page)
	if err != nil {
		t.Fatal(err)
	}
	_, rest, _ := strings.Cut(string(text), "\n## Routes\n")
	section, _, _ := strings.Cut(rest, "\n## ")
	routes := map[string]string{}
	for _, match := range regexp.MustCompile("(?m)^\\| `([A-Z]+ /[^`]*)` \\| (.*) \\| [^|]* \\|$").FindAllStringSubmatch(section, -1) {
		routes[match[1]] = match[2]
	}
	return routes
}

// TestPageTellsTheStatuses holds that the page has for each route the very statuses that the contract has. 413 is held by
// TestLargeBodies.
func TestPageTellsTheStatuses(t *testing.T) {
	rows := contract()
	codes := regexp.MustCompile("`(\\d{3})`")
	routes := pageRoutes(t)
	if len(routes) == 0 {
		t.Fatal("there is no route on the page")
	}
	for route, text := range routes {
		told, held := map[int]bool{}, map[int]bool{}
		for _, match := range codes.FindAllStringSubmatch(text, -1) {
			if code, _ := strconv.Atoi(match[1]); code != 413 {
				told[code] = true
			}
		}
		method, _, _ := strings.Cut(route, " ")
		for _, row := range rows[route] {
			if row.method == method {
				held[row.status] = true
			}
		}
		if !maps.Equal(told, held) {
			t.Errorf("%s: the page tells of %v, the contract of %v", route, slices.Sorted(maps.Keys(told)), slices.Sorted(maps.Keys(held)))
		}
	}
}

// TestPageNamesRows holds that every route, and every row, of the contract that the page names exists.
func TestPageNamesRows(t *testing.T) {
	text, err := os.ReadFile(page)
	if err != nil {
		t.Fatal(err)
	}
	names := regexp.MustCompile("`TestContract/([^`]+)`").FindAllStringSubmatch(string(text), -1)
	if len(names) == 0 {
		t.Fatal("the page names no row")
	}
	rows := contract()
	for _, name := range names {
		if !namesRow(rows, name[1]) {
			t.Errorf("the contract has no %s", name[1])
		}
	}
}

func namesRow(rows map[string][]row, name string) bool {
	for route, rows := range rows {
		if name == route {
			return true
		}
		if rest, ok := strings.CutPrefix(name, route+"/"); ok && slices.ContainsFunc(rows, func(r row) bool { return r.name == rest }) {
			return true
		}
	}
	return false
}
