package model

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestParseHostSelector(t *testing.T) {
	equals := func(label, operand string) HostSelector {
		return HostSelector{Label: label, Operator: SelectorEquals, Operand: operand}
	}
	in := func(label string, operands ...string) HostSelector {
		return HostSelector{Label: label, Operator: SelectorIn, Operands: operands}
	}
	notIn := func(label string, operands ...string) HostSelector {
		return HostSelector{Label: label, Operator: SelectorNotIn, Operands: operands}
	}
	for text, want := range map[string]HostSelector{
		"A=B":             equals("A", "B"),
		"A = B":           equals("A", "B"),
		"A =B":            equals("A", "B"),
		"A= B":            equals("A", "B"),
		"A\t\t=  B":       equals("A", "B"),
		"A\v=\nB":         equals("A", "B"),
		"foo=123":         equals("foo", "123"),
		"a=(b)":           equals("a", "(b)"),
		"a=(b,c)":         equals("a", "(b,c)"),
		"A!=B":            {Label: "A", Operator: SelectorNotEquals, Operand: "B"},
		"A\t\t!=  B":      {Label: "A", Operator: SelectorNotEquals, Operand: "B"},
		"_abc!=d-e":       {Label: "_abc", Operator: SelectorNotEquals, Operand: "d-e"},
		"a in (foo, bar)": in("a", "bar", "foo"),
		"a in(foo,bar)":   in("a", "bar", "foo"),
		"a in(foo)":       in("a", "foo"),
		"a in foo":        in("a", "foo"),
		"a in ()":         in("a", ""),
		"a in (x,,)":      in("a", "x"),
		"a in (x, x)":     in("a", "x"),
		"a in (\tx)":      in("a", "\tx"),
		"a notin (foo)":   notIn("a", "foo"),
		"a notin(foo)":    notIn("a", "foo"),
		"a notin ()":      notIn("a", ""),
		"anotinb":         in("anot", "b"),
		"anotin(x)":       in("anot", "x"),
		"ain(b)":          in("a", "b"),
		"in in in":        in("in", "in"),
		"finance":         in("f", "ance"),
		"pinned":          in("p", "ned"),
	} {
		got, err := ParseHostSelector(text)
		if err != nil {
			t.Errorf("%q: %v", text, err)
			continue
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("%q (-want +got):\n%s", text, diff)
		}
	}
	for _, text := range []string{
		"", "foo", "foo = @123", "f/oo = 123", "f=oo = 123", "foo = 12=3", "fo o = 123", "foo = 1 23", "foo=!123", "!foo=bar",
		"foo or 123", "foo==123", "foo&&123", "=123", " =123", "foo=", "foo= ", " a=b", "a=b ", "é=b", "a=é", "a in (b", "a in b)",
		"a in", "in", "notin", "a in (b;c)",
	} {
		if got, err := ParseHostSelector(text); CodeOf(err) != CodeInvalid {
			t.Errorf("%q is read as %v, %v, want %s", text, got, err, CodeInvalid)
		}
	}
}

func TestHostSelectorMatches(t *testing.T) {
	labels := map[string]string{"role": "web", "empty": ""}
	for text, want := range map[string]bool{
		"role=web":            true,
		"role=Web":            false,
		"role!=web":           false,
		"role!=db":            true,
		"role in (web, db)":   true,
		"role in (db)":        false,
		"role notin (web)":    false,
		"role notin (db)":     true,
		"empty in ()":         true,
		"role in ()":          false,
		"pool=web":            false,
		"pool!=web":           false,
		"pool in (web)":       false,
		"pool notin (web)":    false,
		"pool notin ()":       false,
		"Role=web":            false,
		"role in (w,e,b,web)": true,
	} {
		selector, err := ParseHostSelector(text)
		if err != nil {
			t.Fatal(err)
		}
		if got := selector.Matches(labels); got != want {
			t.Errorf("%s: Matches = %v, want %v", text, got, want)
		}
	}
	if (HostSelector{Label: "role"}).Matches(labels) {
		t.Error("a selector without an operator matches")
	}
}

func TestDeploymentGroupMatches(t *testing.T) {
	web := HostSelector{Label: "role", Operator: SelectorEquals, Operand: "web"}
	eu := HostSelector{Label: "region", Operator: SelectorEquals, Operand: "eu"}
	labels := map[string]string{"role": "web", "region": "us"}
	for name, test := range map[string]struct {
		selectors []HostSelector
		want      bool
	}{
		"none":          {nil, false},
		"one":           {[]HostSelector{web}, true},
		"only one does": {[]HostSelector{web, eu}, false},
	} {
		if got := (DeploymentGroup{HostSelectors: test.selectors}).Matches(labels); got != test.want {
			t.Errorf("%s: Matches = %v, want %v", name, got, test.want)
		}
	}
}

func TestSameSelectors(t *testing.T) {
	a := HostSelector{Label: "a", Operator: SelectorIn, Operands: []string{"x", "y"}}
	turned := HostSelector{Label: "a", Operator: SelectorIn, Operands: []string{"y", "x"}}
	fewer := HostSelector{Label: "a", Operator: SelectorIn, Operands: []string{"x"}}
	not := HostSelector{Label: "a", Operator: SelectorNotIn, Operands: []string{"x", "y"}}
	b := HostSelector{Label: "b", Operator: SelectorEquals, Operand: "x"}
	otherB := HostSelector{Label: "b", Operator: SelectorEquals, Operand: "y"}
	for name, test := range map[string]struct {
		first, second []HostSelector
		want          bool
	}{
		"both none":         {nil, []HostSelector{}, true},
		"the same":          {[]HostSelector{a, b}, []HostSelector{a, b}, true},
		"list in any order": {[]HostSelector{a}, []HostSelector{turned}, true},
		"in any order":      {[]HostSelector{a, b}, []HostSelector{b, turned}, true},
		"repeated":          {[]HostSelector{a, b, a}, []HostSelector{a, b}, true},
		"one instead":       {[]HostSelector{a, b}, []HostSelector{a, otherB}, false},
		"shorter list":      {[]HostSelector{a}, []HostSelector{fewer}, false},
		"other operator":    {[]HostSelector{a}, []HostSelector{not}, false},
		"other operand":     {[]HostSelector{b}, []HostSelector{otherB}, false},
		"other label":       {[]HostSelector{a}, []HostSelector{b}, false},
		"one more":          {[]HostSelector{a}, []HostSelector{a, b}, false},
	} {
		for _, pair := range [][2][]HostSelector{{test.first, test.second}, {test.second, test.first}} {
			first, second := DeploymentGroup{HostSelectors: pair[0]}, DeploymentGroup{HostSelectors: pair[1]}
			if got := first.SameSelectors(second); got != test.want {
				t.Errorf("%s: SameSelectors = %v, want %v", name, got, test.want)
			}
		}
	}
}

func TestHostSelectorString(t *testing.T) {
	for text, want := range map[string]string{
		"a=b":          "a = b",
		"a!=b":         "a != b",
		"a in(c,b)":    "a in [b, c]",
		"a notin(b,c)": "a notin [b, c]",
	} {
		selector, err := ParseHostSelector(text)
		if err != nil {
			t.Fatal(err)
		}
		if got := selector.String(); got != want {
			t.Errorf("String of %s is %q, want %q", text, got, want)
		}
	}
}

func TestValidateDeploymentGroupName(t *testing.T) {
	for _, name := range []string{"web", "web group", "größe", "a.b", "...", strings.Repeat("a", MaxNameLength)} {
		if err := ValidateDeploymentGroupName(name); err != nil {
			t.Error(err)
		}
	}
	for _, name := range []string{"", ".", "..", "a/b", "a\nb", "\x7f", strings.Repeat("a", MaxNameLength+1)} {
		if err := ValidateDeploymentGroupName(name); CodeOf(err) != CodeInvalid {
			t.Errorf("name %q: %v, want %s", name, err, CodeInvalid)
		}
	}
}

func FuzzParseHostSelector(f *testing.F) {
	for _, seed := range []string{"a=b", "a in (b, c)", "anotinb", "in in in", "a notin()", "a!=\tb", "a=(b)"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) {
		selector, err := ParseHostSelector(text)
		if err != nil {
			if CodeOf(err) != CodeInvalid {
				t.Errorf("the error of %q is %s", text, CodeOf(err))
			}
			return
		}
		data, err := json.Marshal(selector)
		if err != nil {
			t.Fatal(err)
		}
		var read HostSelector
		if err := json.Unmarshal(data, &read); err != nil {
			t.Fatalf("%q gives %s, which cannot be read: %v", text, data, err)
		}
		if diff := cmp.Diff(selector, read); diff != "" {
			t.Errorf("%q changes on the wire (-sent +received):\n%s", text, diff)
		}
	})
}
