package main

import (
	"strings"
	"testing"
)

func TestDidYouMean(t *testing.T) {
	names := []string{"deploy", "undeploy", "web:1", "web:10", "db-primary.example.com", "Frontend", "a", "übung"}
	for word, want := range map[string]string{
		"depoly":      "deploy",
		"deploy2":     "deploy",
		"unde":        "undeploy", // the beginning of it
		"web:2":       "web:1",
		"db-primray":  "db-primary.example.com",
		"frontend":    "Frontend",
		"ubung":       "übung",
		"b":           "a",
		"nothing":     "",
		"":            "",
		"web:1":       "web:1 or web:10",
		"primary.exa": "db-primary.example.com",
	} {
		if got := strings.TrimSuffix(strings.TrimPrefix(didYouMean(word, names), "; did you mean "), "?"); got != want {
			t.Errorf("%q: %q, want %q", word, got, want)
		}
	}
	if got := didYouMean("hosd", []string{"hose", "host", "hosx", "hosy"}); got != "; did you mean hose, host or hosx?" {
		t.Errorf("of many: %q", got)
	}
}

func TestTypos(t *testing.T) {
	for _, test := range []struct {
		from, to string
		want     int
	}{{"", "", 0}, {"", "ab", 2}, {"ab", "", 2}, {"ab", "ba", 1}, {"abc", "abd", 1}, {"kitten", "sitting", 3}, {"ca", "abc", 3}} {
		if got := typos(test.from, test.to); got != test.want {
			t.Errorf("typos(%q, %q) = %d, want %d", test.from, test.to, got, test.want)
		}
	}
}
