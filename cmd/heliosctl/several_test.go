package main

import (
	"context"
	"fmt"
	"io"
	"os"
	"strings"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/rogpeppe/go-internal/testscript"
)

// masters are those of a script.
type masters struct {
	now    *fakeMaster            // that its lines are about
	others map[string]*fakeMaster // by the variables that hold their URLs
}

func scriptAnother(ts *testscript.TestScript, _ bool, args []string) {
	all := ts.Value("master").(*masters)
	cluster := fmt.Sprintf("cluster%d", len(all.others)+1)
	if len(args) > 1 {
		cluster = args[1]
	}
	master := startFakeMasterOf(cluster, ts.Defer)
	all.others[args[0]] = master
	ts.Setenv(args[0], master.server.URL)
}

func scriptAt(ts *testscript.TestScript, _ bool, args []string) {
	all := ts.Value("master").(*masters)
	master, ok := all.others[args[0]]
	if !ok {
		ts.Fatalf("there is no master %s", args[0])
	}
	all.now = master
}

func scriptEnvsubst(ts *testscript.TestScript, _ bool, args []string) {
	text := os.Expand(ts.ReadFile(args[0]), ts.Getenv)
	ts.Check(os.WriteFile(ts.MkAbs(args[1]), []byte(text), 0o600))
}

func TestLinesOfSeveralClustersDoNotMix(t *testing.T) {
	for _, test := range []struct {
		json bool
		want string
	}{
		{false, "eu: {\"a\":1}\nus: whole\neu: {\"b\":2}\neu: \nus: the rest\n"},
		{true, `{"cluster":"eu","a":1}` + "\n" + `{"cluster":"us",whole` + "\n" + `{"cluster":"eu","b":2}` + "\n" + `{"cluster":"eu",` + "\n" +
			`{"cluster":"us",the rest` + "\n"},
	} {
		var out, errs strings.Builder
		env := &environment{streams: streams{out: &out, err: &errs}}
		env.options.json = test.json
		var mu sync.Mutex
		eu, us := newClusterLines(env, &mu, "eu"), newClusterLines(env, &mu, "us")
		for _, part := range []struct {
			to   io.Writer
			text string
		}{{eu, `{"a":`}, {us, "who"}, {eu, "1}\n{"}, {us, "le\nthe "}, {eu, `"b":2}` + "\n\n"}, {us, "rest"}} {
			if n, err := io.WriteString(part.to, part.text); n != len(part.text) || err != nil {
				t.Fatalf("wrote %d, %v", n, err)
			}
		}
		eu.end(nil)
		us.end(context.Canceled)
		if diff := cmp.Diff(test.want, out.String()); diff != "" || errs.Len() > 0 {
			t.Errorf("-want +got:\n%s%s", diff, errs.String())
		}
	}
}

func TestOneDocument(t *testing.T) {
	for printed, want := range map[string]string{
		"":                     "null",
		" {\"a\": 1}\n":        `{"a": 1}`,
		"{\"a\":1}\n{\"b\":2}": `[{"a":1},{"b":2}]`,
		"web:1 <x>\n":          `"web:1 <x>\n"`,
		"{\"a\":1} and more":   `"{\"a\":1} and more"`,
	} {
		if got := string(oneDocument([]byte(printed))); got != want {
			t.Errorf("%q: %s, want %s", printed, got, want)
		}
	}
}
