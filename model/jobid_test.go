package model

import (
	"encoding/json"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

const hash40 = "516f0009a604f081faea80a76f421cb48e6098b4"

func TestParseJobID(t *testing.T) {
	for _, test := range []struct {
		text    string
		lenient *JobID // what ParseJobID makes of it, nil for an error
		strict  bool   // whether JSON accepts it, with the same result
	}{
		{"foo", &JobID{Name: "foo"}, false},
		{"foo:", &JobID{Name: "foo"}, false},
		{"foo::", &JobID{Name: "foo"}, false},
		{"foo:1", &JobID{Name: "foo", Version: "1"}, true},
		{"foo:1:", &JobID{Name: "foo", Version: "1"}, true},
		{"foo:1:::", &JobID{Name: "foo", Version: "1"}, true},
		{"foo:1:abc", &JobID{Name: "foo", Version: "1", Hash: "abc"}, true},
		{"foo:17:deadbeef", &JobID{Name: "foo", Version: "17", Hash: "deadbeef"}, true},
		{"foo::abc", &JobID{Name: "foo", Hash: "abc"}, true},
		{":1:abc", &JobID{Version: "1", Hash: "abc"}, true},
		{"a:b:c:d", nil, false},
		{"::", nil, false},
		{":::", nil, false},
		{"", nil, false},
	} {
		t.Run(test.text, func(t *testing.T) {
			id, err := ParseJobID(test.text)
			switch {
			case test.lenient == nil && CodeOf(err) != CodeInvalidID:
				t.Errorf("ParseJobID = %v, %v, want %s", id, err, CodeInvalidID)
			case test.lenient != nil && (err != nil || id != *test.lenient):
				t.Errorf("ParseJobID = %v, %v, want %v", id, err, *test.lenient)
			}
			data, _ := json.Marshal(test.text)
			var read JobID
			err = json.Unmarshal(data, &read)
			switch {
			case !test.strict && CodeOf(err) != CodeInvalidID:
				t.Errorf("reading it as JSON gives %v, %v, want %s", read, err, CodeInvalidID)
			case test.strict && (err != nil || read != *test.lenient):
				t.Errorf("reading it as JSON gives %v, %v, want %v", read, err, *test.lenient)
			}
		})
	}
}

func TestJobIDText(t *testing.T) {
	for _, test := range []struct {
		id            JobID
		text, short   string
		fullyQualifed bool
	}{
		{JobID{"foo", "bar", "baz"}, "foo:bar:baz", "foo:bar:baz", false},
		{JobID{"foo", "bar", ""}, "foo:bar", "foo:bar", false},
		{JobID{"foo", "", ""}, "foo:null", "foo:null", false},
		{JobID{"foo", "", "baz"}, "foo::baz", "foo::baz", false},
		{JobID{"web", "3", hash40}, "web:3:" + hash40, "web:3:516f000", true},
		{JobID{"web", "3", strings.Repeat("x", 40)}, "web:3:" + strings.Repeat("x", 40), "web:3:xxxxxxx", true},
		{JobID{"web", "3", hash40[1:]}, "web:3:" + hash40[1:], "web:3:16f0009", false},
		{JobID{"web", "", hash40}, "web::" + hash40, "web::516f000", false},
		{JobID{"", "3", hash40}, ":3:" + hash40, ":3:516f000", false},
	} {
		if got := test.id.String(); got != test.text {
			t.Errorf("String of %#v = %q, want %q", test.id, got, test.text)
		}
		if got := test.id.Short(); got != test.short {
			t.Errorf("Short of %#v = %q, want %q", test.id, got, test.short)
		}
		if got := test.id.FullyQualified(); got != test.fullyQualifed {
			t.Errorf("FullyQualified of %#v = %v", test.id, got)
		}
	}
}

func TestJobIDIsAMapKey(t *testing.T) {
	want := map[JobID]int{{"a", "1", hash40}: 1, {"b", "2", ""}: 2}
	data, err := json.Marshal(want)
	if err != nil {
		t.Fatal(err)
	}
	if got, want := string(data), `{"a:1:`+hash40+`":1,"b:2":2}`; got != want {
		t.Errorf("JSON is %s, want %s", got, want)
	}
	var got map[JobID]int
	if err := json.Unmarshal(data, &got); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	if _, err := json.Marshal(JobID{}); CodeOf(err) != CodeInvalidID {
		t.Errorf("writing the unset id gives %v, want %s", err, CodeInvalidID)
	}
}

func TestJobIDCompare(t *testing.T) {
	sorted := []JobID{{}, {"a", "", ""}, {"a", "1", ""}, {"a", "1", "x"}, {"a", "10", ""}, {"a", "2", ""}, {"b", "1", ""}}
	shuffled := slices.Clone(sorted)
	slices.Reverse(shuffled)
	slices.SortFunc(shuffled, JobID.Compare)
	if diff := cmp.Diff(sorted, shuffled); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

func TestResolveJob(t *testing.T) {
	hash := func(first string) string { return first + strings.Repeat("0", 40-len(first)) }
	foo1 := JobID{"foo", "1", hash("abc")}
	foo10 := JobID{"foo", "10", hash("abd")}
	foobar := JobID{"foobar", "1", hash("f00")}
	solo := JobID{"solo", "1", hash("123")}
	solo2 := JobID{"solo-2", "1", hash("123")}
	twin, twin2 := JobID{"twin", "1", hash("aa1")}, JobID{"twin", "1", hash("aa2")}
	ids := []JobID{solo2, twin2, foo10, foobar, solo, twin, foo1}
	for _, id := range "abcdefg" {
		ids = append(ids, JobID{"many", string(id), hash("9")})
	}

	for ref, want := range map[string]JobID{
		foo1.String():   foo1,
		"foo:1":         foo1, // although it begins foo:10 too
		"foo:10":        foo10,
		"foo:1:":        foo1,
		"foo:1:a":       foo1,
		"foo:1:abc0000": foo1,
		"foob":          foobar,
		"foobar":        foobar,
		"solo":          solo, // although it begins solo-2 too
		"solo-":         solo2,
		"twin:1:aa1":    twin,
	} {
		if got, err := ResolveJob(ref, ids); err != nil || got != want {
			t.Errorf("ResolveJob(%q) = %v, %v, want %v", ref, got, err, want)
		}
	}

	for ref, want := range map[string]string{
		"bar":      "job bar not found: no job has this name or an id that begins so",
		"oo:1":     "job oo:1 not found: no job has this name or an id that begins so",
		"foo:1:b":  "job foo:1:b not found: no job has this name or an id that begins so",
		"foo:2":    "job foo:2 not found: no job has this name or an id that begins so",
		"Foo:1":    "job Foo:1 not found: no job has this name or an id that begins so",
		foo1.Hash:  "job " + foo1.Hash + " not found: no job has this name or an id that begins so",
		"foo:1:ab": "",
	} {
		_, err := ResolveJob(ref, ids)
		switch {
		case want == "" && err != nil:
			t.Errorf("ResolveJob(%q) = %v", ref, err)
		case want != "" && (CodeOf(err) != CodeJobNotFound || err.Error() != want):
			t.Errorf("ResolveJob(%q) = %q (%s), want %q", ref, err, CodeOf(err), want)
		}
	}

	for ref, want := range map[string]string{
		"foo":    "job reference foo is ambiguous: it means foo:1:abc0000 or foo:10:abd0000: give more of the id",
		"twin:1": "job reference twin:1 is ambiguous: it means twin:1:aa10000 or twin:1:aa20000: give more of the id",
		"twin":   "job reference twin is ambiguous: it means twin:1:aa10000 or twin:1:aa20000: give more of the id",
		"many": "job reference many is ambiguous: it means many:a:9000000, many:b:9000000, many:c:9000000, many:d:9000000, " +
			"many:e:9000000 or 2 more: give more of the id",
	} {
		_, err := ResolveJob(ref, ids)
		if CodeOf(err) != CodeAmbiguousJobReference || err.Error() != want {
			t.Errorf("ResolveJob(%q) = %q (%s)\nwant %q", ref, err, CodeOf(err), want)
		}
	}
	if _, err := ResolveJob("", ids); CodeOf(err) != CodeInvalidID {
		t.Errorf(`ResolveJob("") = %v, want %s`, err, CodeInvalidID)
	}
}

func FuzzParseJobID(f *testing.F) {
	for _, seed := range []string{"foo", "foo:1", "foo:1:abc", "foo::abc", ":1", "a:b:c:d", "::"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) {
		lenient, err := ParseJobID(text)
		if err != nil {
			if CodeOf(err) != CodeInvalidID {
				t.Errorf("the error of %q is %s", text, CodeOf(err))
			}
			return
		}
		if again, err := ParseJobID(lenient.String()); lenient.Version+lenient.Hash != "" && (err != nil || again != lenient) {
			t.Errorf("%q is %#v, which reads as %#v, %v", text, lenient, again, err)
		}
		var strict JobID
		if err := strict.UnmarshalText([]byte(text)); err == nil && strict != lenient {
			t.Errorf("%q is %#v and %#v", text, lenient, strict)
		}
	})
}
