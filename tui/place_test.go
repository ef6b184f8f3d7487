package tui_test

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/heliosctl/heliosctl/tui"
)

func TestPlacesAreReadAsTheyAreWritten(t *testing.T) {
	for text, want := range map[string]tui.Place{
		"overview":                       {Screen: "overview"},
		"hosts?f=role=pay load>50&p=1":   {Screen: "hosts", Filter: "role=pay load>50", Problems: true},
		"hosts/web-1?sel=web:1:aa":       {Screen: "hosts", Object: "web-1", Selected: "web:1:aa"},
		"hosts?s=-load&c=-agent,+drain":  {Screen: "hosts", Look: &tui.Look{Sort: "load", Reverse: true, Columns: map[string]bool{"agent": false, "drain": true}}},
		"jobs?s=usual&c=usual":           {Screen: "jobs", Look: &tui.Look{}},
		"jobs/web:1:aa?v=hosts":          {Screen: "jobs", Object: "web:1:aa", View: "hosts"},
		"logs/web:1:aa?f=100%25&h=a,b":   {Screen: "logs", Object: "web:1:aa", Filter: "100%", Hosts: []string{"a", "b"}},
		"events?f=%2F^pay-1%2F a%26b%3F": {Screen: "events", Filter: "/^pay-1/ a&b?"},
	} {
		got, err := tui.ParsePlace(text)
		if err != nil {
			t.Errorf("%q: %v", text, err)
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("%q (-want +got):\n%s", text, diff)
		}
		if back := got.String(); back != text {
			t.Errorf("%q is written as %q", text, back)
		}
	}
}

func TestParsePlaceNamesTheFault(t *testing.T) {
	for text, want := range map[string]string{
		"": `there is no screen ""`, "host?f=x": `there is no screen "host"`, "hosts?f=%zz": `invalid URL escape "%zz"`,
	} {
		if _, err := tui.ParsePlace(text); err == nil || err.Error() != want {
			t.Errorf("ParsePlace(%q) = %v, want %s", text, err, want)
		}
	}
}

// What people write may have parts that mean nothing; what comes of it is written and read again without a loss.
func FuzzParsePlace(f *testing.F) {
	for _, text := range []string{"hosts?f=role=pay&s=-load&c=-agent,+drain&sel=a", "logs/web:1?h=a,b", "HOSTS/a%2Fb?x=1&p=1&s=&c=", "jobs?s=--", "groups/%"} {
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, text string) {
		p, err := tui.ParsePlace(text)
		if err != nil {
			return
		}
		again, err := tui.ParsePlace(p.String())
		if err != nil {
			t.Fatalf("%q is written as %q, which is not understood: %v", text, p.String(), err)
		}
		if diff := cmp.Diff(p, again); diff != "" {
			t.Errorf("%q is written as %q (-first +second):\n%s", text, p.String(), diff)
		}
	})
}
