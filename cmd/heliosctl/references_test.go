package main

import (
	"regexp"
	"strings"
	"testing"

	"github.com/heliosctl/heliosctl/model"
)

// The first rows are those of the original's tests (T17, T18 and T19).
func TestResolveHost(t *testing.T) {
	bars := []string{"host1.bar.com", "host1.foo.com"}
	names := []string{"a.b", "axb", "host1.bar.com", "host1.foo.com", "web-1", "web-10", "web-2.x", "web-20.x"}
	tests := []struct {
		reference string
		names     []string
		search    []string
		want      string
		code      model.Code
	}{
		{"host1.bar.com", bars, nil, "host1.bar.com", ""},
		{"whee.bar.com", bars, nil, "whee.bar.com", model.CodeHostNotFound},
		{"host1.bar", bars, nil, "host1.bar.com", ""},
		{"host1.b", bars, nil, "host1.bar.com", ""},
		{"host1", bars, nil, "host1", model.CodeInvalid},
		{"host1", bars, []string{"bar.com", "foo.com"}, "host1.bar.com", ""},
		{"ho", bars, []string{"bar.com", "foo.com"}, "host1.bar.com", ""},
		{"ho", []string{"host1.foo.com", "host2.foo.com"}, []string{"foo.com"}, "ho", model.CodeInvalid},

		{"host1", bars, []string{"nothing.com", "foo.com"}, "host1.foo.com", ""},
		{"host1", bars, []string{"nothing.com"}, "host1", model.CodeInvalid},
		{"host1", bars, []string{"ar.com"}, "host1", model.CodeInvalid},
		{"web-1", names, nil, "web-1", ""},
		{"web-1.", names, nil, "web-1", ""},
		{"web-2", names, nil, "web-2.x", ""},
		{"web-2.x.", names, nil, "web-2.x", ""},
		{"a.", names, nil, "a.b", ""},
		{"a", names, nil, "a.b", ""},
		{"ax", names, nil, "axb", ""},
		{"whee", names, nil, "whee", model.CodeHostNotFound},
		{"eb-1", names, nil, "eb-1", model.CodeHostNotFound},
		{"", names, nil, "", model.CodeHostNotFound},
		{".", names, nil, ".", model.CodeHostNotFound},
		{"host1.", []string{"host1", "host1."}, nil, "host1.", ""},
	}
	for _, test := range tests {
		t.Run(test.reference, func(t *testing.T) {
			got := resolveHost(test.reference, test.names, func() []string { return test.search })
			if got.name != test.want || model.CodeOf(got.err) != test.code {
				t.Errorf("got %q with %v, want %q with code %q", got.name, got.err, test.want, test.code)
			}
			if matches := regexp.MustCompile(hostPattern([]string{test.reference})).MatchString(test.want); test.code == "" && !matches {
				t.Errorf("the pattern for %q does not ask for %q", test.reference, test.want)
			}
		})
	}
}

func TestSearchDomains(t *testing.T) {
	for _, test := range []struct{ name, file, variable, want string }{
		{"search", "nameserver 1.2.3.4\nsearch a.example b.example.\n", "", "a.example b.example"},
		{"domain", "domain a.example\n", "", "a.example"},
		{"the last line counts", "domain a.example\nsearch b.example\n", "", "b.example"},
		{"the variable wins", "search a.example\n", " c.example .d.example ", "c.example d.example"},
		{"none", "nameserver 1.2.3.4\nsearch\n", "", ""},
	} {
		t.Run(test.name, func(t *testing.T) {
			path := t.TempDir() + "/resolv.conf"
			writeText(t, path, test.file)
			got := searchDomains(func(string) string { return test.variable }, path)
			if strings.Join(got, " ") != test.want {
				t.Errorf("got %q, want %q", got, test.want)
			}
		})
	}
	if got := searchDomains(func(string) string { return "" }, t.TempDir()+"/none"); len(got) != 0 {
		t.Errorf("got %q without a file", got)
	}
}

func TestHostPatternOfMany(t *testing.T) {
	if got := hostPattern(make([]string, maxPatternHosts+1)); got != "" {
		t.Errorf("got %q, want all hosts", got)
	}
}
