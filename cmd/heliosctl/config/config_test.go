package config_test

import (
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/heliosctl/heliosctl/cmd/heliosctl/config"
)

func TestParseReadsEverything(t *testing.T) {
	got, err := config.Parse([]byte(`
current: eu
contexts:
  - name: eu
    masters: [http://m1:5801, http://m2:5801]
    environment: production
    readOnly: true
  - name: lab
    domain: lab.example.com
    srvName: helios
    username: ann
console:
  theme: light
  keys:
    quit: [Q, ctrl+q]
`))
	if err != nil {
		t.Fatal(err)
	}
	want := config.File{
		Current: "eu",
		Contexts: []config.Context{
			{Name: "eu", Masters: []string{"http://m1:5801", "http://m2:5801"}, Environment: config.Production, ReadOnly: true},
			{Name: "lab", Domain: "lab.example.com", SRVName: "helios", Username: "ann"},
		},
		Console: config.Console{Theme: "light", Keys: map[string][]string{"quit": {"Q", "ctrl+q"}}},
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
}

func TestParseNamesTheFault(t *testing.T) {
	for text, want := range map[string]string{
		"contexts: [{masters: [http://m:1]}]":                     "has no name",
		"contexts: [{name: a}]":                                   `context "a" has neither masters nor a domain`,
		"contexts: [{name: a, domain: b, masters: [http://m:1]}]": "has both masters and a domain",
		"contexts: [{name: a, domain: b}, {name: a, domain: c}]":  `two contexts called "a"`,
		"contexts: [{name: a, domain: b, environment: live}]":     `environment is "live"`,
		"current: x": `current is "x"`,
		"contexts: [{name: a, domain: b, readonly: true}]": "line 1: field readonly not found",
		"current: [": "line 1",
	} {
		if _, err := config.Parse([]byte(text)); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("Parse(%q) = %v, want %q", text, err, want)
		}
	}
}

func TestLoadWithoutAFileIsEmpty(t *testing.T) {
	got, err := config.Load(filepath.Join(t.TempDir(), "config.yaml"))
	if err != nil || !cmp.Equal(got, config.File{}) {
		t.Errorf("Load = %v, %v", got, err)
	}
}

func TestPathsFollowXDG(t *testing.T) {
	for _, tc := range []struct {
		env         map[string]string
		file, state string
	}{
		{map[string]string{"HOME": "/home/ann"}, "/home/ann/.config/heliosctl/config.yaml", "/home/ann/.local/state/heliosctl/console.yaml"},
		{map[string]string{"HOME": "/home/ann", "XDG_CONFIG_HOME": "/cfg", "XDG_STATE_HOME": "relative"}, "/cfg/heliosctl/config.yaml", "/home/ann/.local/state/heliosctl/console.yaml"},
		{map[string]string{"HELIOSCTL_CONFIG": "/x.yaml"}, "/x.yaml", ""},
		{nil, "", ""},
	} {
		getenv := func(name string) string { return tc.env[name] }
		if file, state := config.Path(getenv), config.StatePath(getenv); file != tc.file || state != tc.state {
			t.Errorf("%v: %q, %q, want %q, %q", tc.env, file, state, tc.file, tc.state)
		}
	}
}
