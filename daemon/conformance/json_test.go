package conformance_test

import (
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"
	"testing"
)

// parsed reads exactly one JSON value and keeps numbers as they are written.
func parsed(text string) (any, error) {
	d := json.NewDecoder(strings.NewReader(text))
	d.UseNumber()
	var v any
	if err := d.Decode(&v); err != nil {
		return nil, fmt.Errorf("%q is not JSON: %w", text, err)
	}
	if _, err := d.Token(); err != io.EOF {
		return nil, fmt.Errorf("there is something after the JSON in %q", text)
	}
	return v, nil
}

// differences compares JSON. In what is wanted "<number>" stands for any number and "<text>" for any text but an empty one.
func differences(want, got string) []string {
	w, err := parsed(want)
	if err != nil {
		return []string{"wanted: " + err.Error()}
	}
	g, err := parsed(got)
	if err != nil {
		return []string{err.Error()}
	}
	return compare("", w, g)
}

func compare(path string, want, got any) []string {
	switch w := want.(type) {
	case map[string]any:
		if g, ok := got.(map[string]any); ok {
			return compareObjects(path, w, g)
		}
	case []any:
		if g, ok := got.([]any); ok && len(w) == len(g) {
			var all []string
			for i := range w {
				all = append(all, compare(fmt.Sprintf("%s[%d]", path, i), w[i], g[i])...)
			}
			return all
		}
	case string:
		if matches(w, got) {
			return nil
		}
	default:
		if want == got {
			return nil
		}
	}
	return []string{fmt.Sprintf("%s: %s, want %s", path, encoded(got), encoded(want))}
}

func matches(want string, got any) bool {
	_, number := got.(json.Number)
	text, isText := got.(string)
	switch want {
	case "<number>":
		return number
	case "<text>":
		return isText && text != ""
	}
	return isText && text == want
}

// compareObjects takes a member too many for a difference as well: what is ours alone is told in the contract.
func compareObjects(path string, want, got map[string]any) []string {
	var all []string
	for _, key := range slices.Sorted(maps.Keys(want)) {
		if value, ok := got[key]; ok {
			all = append(all, compare(path+"."+key, want[key], value)...)
		} else {
			all = append(all, fmt.Sprintf("%s.%s is missing, want %s", path, key, encoded(want[key])))
		}
	}
	for _, key := range slices.Sorted(maps.Keys(got)) {
		if _, ok := want[key]; !ok {
			all = append(all, fmt.Sprintf("%s.%s is there, and not in the contract: %s", path, key, encoded(got[key])))
		}
	}
	return all
}

func encoded(v any) string {
	text, err := json.Marshal(v)
	if err != nil {
		return err.Error()
	}
	return string(text)
}

func decoded[T any](t testing.TB, text string) T {
	t.Helper()
	var v T
	if err := json.Unmarshal([]byte(text), &v); err != nil {
		t.Fatalf("cannot decode %q: %v", text, err)
	}
	return v
}
