package tui

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"
	"sigs.k8s.io/yaml"
)

func writeLines(t *rapid.T, v any, asYAML bool) string {
	tree, err := parseDocument(v)
	if err != nil {
		t.Fatal(err)
	}
	var lines []string
	for _, l := range documentLines(tree, asYAML, nil) {
		lines = append(lines, l.text)
	}
	return strings.Join(lines, "\n")
}

// anyValue is anything that JSON can say.
func anyValue() *rapid.Generator[any] {
	words := rapid.OneOf(rapid.String(), rapid.SampledFrom([]string{"", "yes", "null", "- a", "a: b", "a #b", "007", "1.5", "~", "a ", "*x", "{", "web-1", "/bin/sh -c"}))
	scalar := rapid.OneOf(
		rapid.Map(words, func(s string) any { return s }), rapid.Map(rapid.IntRange(-9, 1<<40), func(n int) any { return float64(n) }),
		rapid.Map(rapid.Bool(), func(b bool) any { return b }), rapid.Just[any](nil),
	)
	inner := rapid.OneOf(
		scalar, rapid.Map(rapid.SliceOfN(scalar, 0, 3), func(l []any) any { return l }),
		rapid.Map(rapid.MapOfN(words, scalar, 0, 3), func(m map[string]any) any { return m }),
	)
	return rapid.OneOf(
		rapid.Map(rapid.SliceOfN(inner, 0, 3), func(l []any) any { return l }), rapid.Map(rapid.MapOfN(words, inner, 0, 3), func(m map[string]any) any { return m }),
	)
}

func TestDocumentsSayWhatTheyAreMadeOf(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		want := anyValue().Draw(t, "value")
		var got any
		if err := json.Unmarshal([]byte(writeLines(t, want, false)), &got); err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Fatalf("as JSON it is another one (-want +got):\n%s", diff)
		}
		text := writeLines(t, want, true)
		got = nil
		if err := yaml.Unmarshal([]byte(text), &got); err != nil {
			t.Fatalf("%v\n%s", err, text)
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Fatalf("as YAML it is another one (-want +got):\n%s\n%s", diff, text)
		}
	})
}

func TestPathsAreThoseOfJQ(t *testing.T) {
	tree, err := parseDocument(map[string]any{"a-b": []any{map[string]any{"c": 1}, "x"}, "d": map[string]any{}})
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, l := range documentLines(tree, false, map[string]bool{`."a-b"[0]`: true}) {
		got = append(got, l.path+" "+strings.TrimSpace(l.text))
	}
	want := []string{`. {`, `."a-b" "a-b": [`, `."a-b"[0] { … 1 },`, `."a-b"[1] "x"`, `."a-b" ],`, `.d "d": {}`, `. }`}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("lines (-want +got):\n%s", diff)
	}
}
