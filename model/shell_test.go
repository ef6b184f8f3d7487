package model

import (
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"
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
			got, err := SplitWords(test.text)
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(test.want, got); diff != "" {
				t.Errorf("words differ (-want +got):\n%s", diff)
			}
		})
	}
	for _, text := range []string{"", "  ", `a "b`, `a 'b`, `a \`} {
		if got, err := SplitWords(text); err == nil {
			t.Errorf("SplitWords(%q) = %q, want an error", text, got)
		}
	}
}

func TestQuotedWordsAreReadAsTheyAre(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		words := rapid.SliceOfN(rapid.String(), 1, 6).Draw(t, "words")
		got, err := SplitWords(QuoteWords(words))
		if err != nil || !slices.Equal(got, words) {
			t.Fatalf("%q is read as %q: %v", QuoteWords(words), got, err)
		}
	})
	if got := QuoteWords([]string{"sh", "-c", "echo it's $HOME"}); got != `sh -c 'echo it'\''s $HOME'` {
		t.Errorf("quoted as %s", got)
	}
}
