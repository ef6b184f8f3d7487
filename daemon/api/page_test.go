package api

import (
	"os"
	"strings"
	"testing"

	"github.com/heliosctl/heliosctl/daemon/api/apitest"
)

// TestCompatibilityPageHasEveryRoute holds that every route of the original's part has a line in docs/compatibility.md, and no other.
func TestCompatibilityPageHasEveryRoute(t *testing.T) {
	page, err := os.ReadFile("../../docs/compatibility.md")
	if err != nil {
		t.Fatal(err)
	}
	_, rest, _ := strings.Cut(string(page), "\n## Routes\n")
	section, _, _ := strings.Cut(rest, "\n## ")
	s := New(Config{Backend: apitest.New()})
	defer s.Close()
	routes := 0
	for _, r := range s.routes() {
		if strings.HasPrefix(r.pattern, "/v1/") {
			continue
		}
		routes++
		if line := "\n| `" + r.method + " " + r.pattern + "` | "; strings.Count(section, line) != 1 {
			t.Errorf("%s %s: %d lines on the page", r.method, r.pattern, strings.Count(section, line))
		}
	}
	if lines := strings.Count(section, "\n| `"); lines != routes {
		t.Errorf("%d lines for %d routes", lines, routes)
	}
}

// TestAPIPageHasEveryRoute holds that every other route has a line in docs/api.md, and no other.
func TestAPIPageHasEveryRoute(t *testing.T) {
	content, err := os.ReadFile("../../docs/api.md")
	if err != nil {
		t.Fatal(err)
	}
	page := string(content)
	s := New(Config{Backend: apitest.New()})
	defer s.Close()
	routes := 0
	for _, r := range s.routes() {
		if !strings.HasPrefix(r.pattern, "/v1/") {
			continue
		}
		routes++
		if line := "\n| `" + r.method + " " + r.pattern + "` | "; strings.Count(page, line) != 1 {
			t.Errorf("%s %s: %d lines on the page", r.method, r.pattern, strings.Count(page, line))
		}
	}
	if lines := strings.Count(page, "\n| `"); lines != routes {
		t.Errorf("%d lines for %d routes", lines, routes)
	}
}
