package main

import (
	"testing"

	"github.com/heliosctl/heliosctl/model"
)

// The first ones are those of the original's tests (V04).
func TestParseSelector(t *testing.T) {
	for _, text := range []string{
		"A=B", "A = B", "A\t\t=  B", "_abc!=d-e", "a in(foo,bar)", "a in ()", "a notin(foo)", "a in foo", "in in in", "a\tnotin\tb", "finance=x",
	} {
		if _, err := parseSelector(text); err != nil {
			t.Errorf("%q is refused: %v", text, err)
		}
	}
	for _, text := range []string{
		"foo = @123", "f/oo = 123", "f=oo = 123", "foo = 12=3", "fo o = 123", "foo = 1 23", "foo=!123", "!foo=bar", "foo or 123", "foo==123",
		"foo&&123", " = 123", "foo=", "finance", "pinned", "anotin(x)", "anotinb", "ain(b)", "a inb", "",
	} {
		if selector, err := parseSelector(text); err == nil {
			t.Errorf("%q is %v", text, selector)
		}
	}
}

// Whatever is typed, what is read is what masters read.
func FuzzParseSelector(f *testing.F) {
	for _, seed := range []string{"a=b", "a in (b, c)", "finance", "a in", "a  in(b)", "é in b", "notin"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) {
		selector, err := parseSelector(text)
		if err != nil {
			return
		}
		if want, err := model.ParseHostSelector(text); err != nil || !selector.Equal(want) {
			t.Errorf("%q is %v here and %v for masters (%v)", text, selector, want, err)
		}
	})
}
