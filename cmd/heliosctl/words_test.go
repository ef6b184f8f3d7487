package main

import (
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestSplitWords(t *testing.T) {
	tests := []struct {
		text string
		want []string
	}{
		{"touch /this", []string{"touch", "/this"}},
		{"  a\t b ", []string{"a", "b"}},
		{`test -e 'a b'`, []string{"test", "-e", "a b"}},
		{`test -e "a b"c`, []string{"test", "-e", "a bc"}},
		{`echo ""`, []string{"echo", ""}},
		{`echo a\ b \"`, []string{"echo", "a b", `"`}},
		{`echo 'a\b'`, []string{"echo", `a\b`}},
		{`echo "it's"`, []string{"echo", "it's"}},
	}
	for _, test := range tests {
		t.Run(test.text, func(t *testing.T) {
			got, err := splitWords(test.text)
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(test.want, got); diff != "" {
				t.Errorf("words differ (-want +got):\n%s", diff)
			}
		})
	}
	for _, text := range []string{"", "  ", `a "b`, `a 'b`, `a \`} {
		if got, err := splitWords(text); err == nil {
			t.Errorf("splitWords(%q) = %q, want an error", text, got)
		}
	}
}
