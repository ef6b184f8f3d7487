package main

import (
	"regexp"
	"testing"

	"github.com/heliosctl/heliosctl/model"
)

func TestResolveHost(t *testing.T) {
	names := []string{"a.b", "axb", "host1.bar.com", "host1.foo.com", "web-1", "web-10"}
	tests := []struct {
		reference string
		want      string
		code      model.Code
	}{
		{"host1.bar.com", "host1.bar.com", ""},
		{"host1.b", "host1.bar.com", ""},
		{"web-1", "web-1", ""},
		{"a.", "a.b", ""},
		{"host1", "host1", model.CodeInvalid},
		{"whee", "whee", model.CodeHostNotFound},
		{"eb-1", "eb-1", model.CodeHostNotFound},
		{"", "", model.CodeHostNotFound},
	}
	for _, test := range tests {
		t.Run(test.reference, func(t *testing.T) {
			got := resolveHost(test.reference, names)
			if got.name != test.want || model.CodeOf(got.err) != test.code {
				t.Errorf("got %q with %v, want %q with code %q", got.name, got.err, test.want, test.code)
			}
			if matches := regexp.MustCompile(hostPattern([]string{test.reference})).MatchString(test.want); test.code == "" && !matches {
				t.Errorf("the pattern for %q does not ask for %q", test.reference, test.want)
			}
		})
	}
}

func TestHostPatternOfMany(t *testing.T) {
	if got := hostPattern(make([]string, maxPatternHosts+1)); got != "" {
		t.Errorf("got %q, want all hosts", got)
	}
}
