package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"go.yaml.in/yaml/v3"

	"github.com/heliosctl/heliosctl/cmd/heliosctl/config"
	"github.com/heliosctl/heliosctl/tui"
)

// What names the first cluster: flags, then the variables, then the file.
func TestFirstClusterIsTheOneNamedFirst(t *testing.T) {
	file := config.File{Current: "lab", Contexts: []config.Context{
		{Name: "eu", Masters: []string{"http://eu1:5801", "http://eu2:5801"}, Environment: config.Production, ReadOnly: true},
		{Name: "lab", Domain: "lab.example.com", Environment: config.Staging, Username: "ann"},
	}}
	eu := tui.Cluster{Name: "eu", Environment: tui.EnvironmentProduction, ReadOnly: true}
	lab := tui.Cluster{Name: "lab", Environment: tui.EnvironmentStaging}
	const ofLab = "SRV of lab.example.com"
	inEu := map[string]string{"HELIOSCTL_CONTEXT": "eu", "HELIOS_MASTER": "http://x:1"}
	inX := map[string]string{"HELIOS_MASTER": "http://x:1"}
	with := func(c tui.Cluster, flags string) tui.Cluster { c.Flags = flags; return c }
	byFlag := func(url string) globalOptions { return globalOptions{masters: []string{url}} }
	for name, tc := range map[string]struct {
		variables map[string]string
		options   globalOptions
		file      config.File
		want      tui.Cluster
		masters   string
		user      string
	}{
		"the context in use":     {file: file, want: lab, masters: ofLab, user: "ann"},
		"its user, overruled":    {file: file, options: globalOptions{username: "bob"}, want: lab, masters: ofLab, user: "bob"},
		"a variable's context":   {file: file, variables: inEu, want: eu, masters: "eu1:5801, eu2:5801", user: "me"},
		"a variable's master":    {file: file, variables: inX, want: tui.Cluster{Name: "x:1"}, masters: "http://x:1", user: "me"},
		"a flag":                 {file: file, variables: inEu, options: byFlag("http://y:1"), want: tui.Cluster{Name: "y:1", Flags: "--master http://y:1"}, masters: "http://y:1", user: "me"},
		"a flag, of a context":   {file: file, options: byFlag("http://eu2:5801"), want: with(eu, "--master http://eu2:5801"), masters: "http://eu2:5801", user: "me"},
		"a domain, of a context": {file: file, options: globalOptions{domains: []string{lab.Name + ".example.com"}}, want: with(lab, "--domains lab.example.com"), masters: ofLab, user: "me"},
		"a flag's context":       {file: file, options: globalOptions{contexts: []string{"eu"}}, want: with(eu, "--context eu"), masters: "eu1:5801, eu2:5801", user: "me"},
		"nothing":                {want: tui.Cluster{Name: "localhost:5801"}, masters: "http://localhost:5801", user: "me"},
	} {
		t.Run(name, func(t *testing.T) {
			env := environmentWith(t, tc.file, tc.variables)
			env.options = tc.options
			got, err := firstCluster(env, tc.file)
			if err != nil {
				t.Fatal(err)
			}
			if got.Cluster != tc.want || got.Masters != tc.masters || got.config.User != tc.user {
				t.Errorf("it is %+v at %s as %s", got.Cluster, got.Masters, got.config.User)
			}
		})
	}
	env := environmentWith(t, file, map[string]string{"HELIOSCTL_CONTEXT": "moon"})
	if _, err := firstCluster(env, file); err == nil || !strings.Contains(err.Error(), `there is no context "moon"`) {
		t.Errorf("a context that is not there: %v", err)
	}
}

// environmentWith has a configuration file and variables.
func environmentWith(t *testing.T, file config.File, variables map[string]string) *environment {
	t.Helper()
	text, err := yaml.Marshal(file)
	if err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(t.TempDir(), "config.yaml")
	if err := os.WriteFile(path, text, 0o600); err != nil {
		t.Fatal(err)
	}
	return &environment{
		now: time.Now, login: func() string { return "me" }, running: t.Context(),
		getenv: func(name string) string {
			if name == "HELIOSCTL_CONFIG" {
				return path
			}
			return variables[name]
		},
	}
}
