package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"io"
	"regexp"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/spf13/cobra"

	"github.com/heliosctl/heliosctl/model"
)

// leaves calls visit for every command that does something, hidden ones aside.
func leaves(cmd *cobra.Command, visit func(*cobra.Command)) {
	for _, child := range cmd.Commands() {
		switch {
		case child.Hidden, child.Name() == "help":
		case child.HasSubCommands():
			leaves(child, visit)
		default:
			visit(child)
		}
	}
}

// Whoever adds a command adds its sentence, its examples, and its contract.
func TestEveryCommandIsExplained(t *testing.T) {
	listed := map[string]bool{}
	leaves(newRootCommand(processEnvironment()), func(cmd *cobra.Command) {
		path := cmd.CommandPath()
		_, name, _ := strings.Cut(path, " ")
		listed[name] = true
		if cmd.Short == "" || cmd.Long == "" {
			t.Errorf("%s has no sentence that explains it", path)
		}
		if cmd.Example == "" {
			t.Errorf("%s has no example", path)
		}
		if _, ok := contractOf(cmd); !ok {
			t.Errorf("%s is missing in contracts(): say which exit codes it has and what --json prints", path)
		}
	})
	for name := range contracts() {
		if !listed[name] {
			t.Errorf("contracts() has %q, which is no command", name)
		}
	}
}

// examples returns the command lines of a command's examples that are ours: those before and behind a pipe, without the shell's words.
func examples(t *testing.T, cmd *cobra.Command) [][]string {
	t.Helper()
	var found [][]string
	for text := range strings.Lines(cmd.Example) {
		if strings.TrimSpace(text) == "" || strings.HasPrefix(strings.TrimSpace(text), "#") {
			continue
		}
		words, err := model.SplitWords(text)
		if err != nil {
			t.Errorf("%s: the example %q is no command line: %v", cmd.CommandPath(), text, err)
			continue
		}
		ours := false
		for _, part := range splitAt(words, "|", "&&", ";") {
			for len(part) > 0 && strings.Contains(part[0], "=") {
				part = part[1:] // a variable for the command
			}
			if end := slices.IndexFunc(part, func(word string) bool { return word == ">" || word == "<" || word == "&" }); end >= 0 {
				part = part[:end]
			}
			if len(part) > 0 && part[0] == "heliosctl" {
				ours = true
				found = append(found, part[1:])
			}
		}
		if !ours {
			t.Errorf("%s: the example %q does not run heliosctl", cmd.CommandPath(), text)
		}
	}
	return found
}

func splitAt(words []string, separators ...string) [][]string {
	var parts [][]string
	for {
		i := slices.IndexFunc(words, func(word string) bool { return slices.Contains(separators, word) })
		if i < 0 {
			return append(parts, words)
		}
		parts, words = append(parts, words[:i]), words[i+1:]
	}
}

// Examples are what people copy: flags, their values and the number of arguments are right in each.
func TestExamplesRunAsPrinted(t *testing.T) {
	check := func(of *cobra.Command) {
		own := false
		for _, args := range examples(t, of) {
			root := newRootCommand(processEnvironment())
			spelt, err := spellOut(root, args)
			if err != nil {
				t.Errorf("%s: example %q: %v", of.CommandPath(), args, err)
				continue
			}
			cmd, rest, err := root.Find(spelt)
			switch {
			case err != nil:
				t.Errorf("%s: example %q: %v", of.CommandPath(), args, err)
				continue
			case cmd.CommandPath() == of.CommandPath():
				own = true
			}
			if err := cmd.ParseFlags(rest); err != nil {
				t.Errorf("%s: example %q: %v", of.CommandPath(), args, err)
				continue
			}
			if err := cmd.ValidateArgs(cmd.Flags().Args()); err != nil {
				t.Errorf("%s: example %q: %v", of.CommandPath(), args, err)
			}
		}
		if !own && of.HasParent() && !of.HasSubCommands() {
			t.Errorf("no example of %s shows it", of.CommandPath())
		}
	}
	root := newRootCommand(processEnvironment())
	check(root)
	leaves(root, check)
}

// inProcess runs a command line in this process, against a master, and returns what it printed and its exit code. One that may never end
// is interrupted after the first line, or after a second in which it has none to print.
func inProcess(t *testing.T, master string, endless bool, args ...string) (stdout, stderr string, code int) {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	var out, errs bytes.Buffer
	env := &environment{
		streams: streams{in: strings.NewReader(""), out: &out, err: &errs},
		getenv:  func(name string) string { return map[string]string{"HELIOS_MASTER": master}[name] },
		login:   func() string { return "tester" },
		now:     time.Now,
	}
	if endless {
		env.out = &untilLine{Writer: &out, ended: cancel}
		defer time.AfterFunc(time.Second, cancel).Stop()
	}
	code = execute(ctx, env, args)
	return out.String(), errs.String(), code
}

// untilLine calls ended when a line has been written.
type untilLine struct {
	io.Writer
	ended func()
}

func (u *untilLine) Write(p []byte) (int, error) {
	n, err := u.Writer.Write(p)
	if bytes.HasSuffix(p, []byte("\n")) {
		u.ended()
	}
	return n, err
}

// checkDocuments fails when output is not the JSON that a contract promises. A failure is one document everywhere.
func checkDocuments(c contract, stdout string, failed bool) error {
	decoder := json.NewDecoder(strings.NewReader(stdout))
	documents := 0
	for {
		var document any
		err := decoder.Decode(&document)
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return err
		}
		documents++
	}
	switch {
	case documents == 0:
		return errors.New("there is no document")
	case !strings.HasSuffix(stdout, "\n"):
		return errors.New("the last line has no end")
	case documents > 1 && (failed || c.json == jsonDocument):
		return errors.New("there is more than one document")
	case c.json == jsonLines && documents > 1 && strings.Count(stdout, "\n") != documents:
		return errors.New("an object takes more than one line")
	}
	return nil
}

// settled makes a master that has what the examples speak of.
func settled(t *testing.T) *fakeMaster {
	t.Helper()
	m := newFakeMaster(t)
	ctx, req := t.Context(), model.Request{User: "tester"}
	must := func(err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	for _, host := range []string{"web-1.example.com", "web-2.example.com", "db-1.example.com"} {
		must(m.addHost(host, model.Up, "docker", map[string]string{"role": "web"}))
	}
	for _, name := range []string{"web:1", "web:2", "db:3"} {
		id, err := model.ParseJobID(name)
		must(err)
		_, err = m.CreateJob(ctx, req, model.Job{ID: id, Image: "nginx:1.25"})
		must(err)
	}
	job, err := m.job("web:2")
	must(err)
	must(m.Deploy(ctx, req, "web-2.example.com", model.Deployment{JobID: job.ID, Goal: model.GoalStart}, ""))
	selector, err := model.ParseHostSelector("role=web")
	must(err)
	_, err = m.CreateGroup(ctx, req, model.DeploymentGroup{Name: "web", HostSelectors: []model.HostSelector{selector}})
	must(err)
	return m
}

// busy makes a master on which the examples' jobs are deployed already, a rollout is under way or paused, and a host is down.
func busy(t *testing.T, paused bool) *fakeMaster {
	t.Helper()
	m := settled(t)
	ctx, req := t.Context(), model.Request{User: "tester"}
	job, err := m.job("web:1")
	if err != nil {
		t.Fatal(err)
	}
	err = errors.Join(
		m.addHost("web-3.example.com", model.Down, "docker", nil),
		m.Deploy(ctx, req, "web-1.example.com", model.Deployment{JobID: job.ID, Goal: model.GoalStart}, ""),
	)
	_, rolling := m.RollingUpdate(ctx, req, "web", job.ID, &model.RolloutOptions{})
	err = errors.Join(err, rolling)
	if paused {
		err = errors.Join(err, m.PauseRollout(ctx, req, "web"))
	}
	if err != nil {
		t.Fatal(err)
	}
	return m
}

// What a command prints with --json is JSON, whether it succeeds or not: with what the examples speak of, without it, and without a
// master.
func TestEveryCommandSpeaksJSON(t *testing.T) {
	// These run until they are told to end, and print nothing until then, or are tried elsewhere.
	daemons := []string{"master", "agent", "dev"}
	leaves(newRootCommand(processEnvironment()), func(of *cobra.Command) {
		_, name, _ := strings.Cut(of.CommandPath(), " ")
		c, _ := contractOf(of)
		if slices.Contains(daemons, name) || c.json == jsonRefused {
			return
		}
		t.Run(name, func(t *testing.T) {
			t.Chdir(t.TempDir())
			succeeded := false
			lines := examples(t, of)
			if slices.Contains(neverSucceed(), name) {
				lines = lines[:1] // each of them fails alike
			}
			for _, example := range lines {
				args, c := withJSON(of, example), c
				if slices.Contains(args, "--watch") || slices.Contains(args, "--follow") {
					c.json = jsonLines
				}
				endless := c.json == jsonLines
				for _, master := range []string{
					settled(t).server.URL, busy(t, false).server.URL, busy(t, true).server.URL, newFakeMaster(t).server.URL, "http://127.0.0.1:1",
				} {
					stdout, stderr, code := inProcess(t, master, endless, args...)
					if name == "events" && stdout == "" && code == exitOK {
						continue // nothing of the kind has happened, of which there are no lines
					}
					if err := checkDocuments(c, stdout, code != exitOK && !endless); err != nil {
						t.Errorf("%q ends with %d, and its output is not what it should be: %v\nstdout:\n%s\nstderr:\n%s", args, code, err, stdout, stderr)
					}
					if !slices.Contains(c.exits, code) {
						t.Errorf("%q ends with %d, which its help does not list", args, code)
					}
					succeeded = succeeded || code == exitOK || endless && code == exitInterrupted
				}
			}
			if !succeeded && !slices.Contains(neverSucceed(), name) {
				t.Error("no example succeeded, so nothing is known of what it prints then")
			}
		})
	})
}

// neverSucceed are the commands whose examples need more than the masters of these tests have. Scripts try them.
func neverSucceed() []string {
	return []string{
		"logs", "exec", "operator snapshot restore", "operator snapshot inspect", "operator snapshot save", "operator raft remove-peer",
		"keyring list", "keyring install", "keyring use", "keyring remove", "rtt", "leave", "apply",
		"context add", "context use", "context remove", "context rename",
	}
}

// withJSON adds --json to a command line, and what keeps it from asking or waiting long.
func withJSON(cmd *cobra.Command, example []string) []string {
	added := []string{"--json", "--retry-timeout", "1ms"}
	if cmd.Flags().Lookup("yes") != nil {
		added = append(added, "--yes")
	}
	args := slices.Clone(example)
	if slices.Contains(args, "--wait") {
		added = append(added, "--timeout=1ms")
	}
	end := slices.Index(args, "--")
	if end < 0 {
		end = len(args)
	}
	return slices.Insert(args, end, added...)
}

// dev tells as JSON where its cluster is, once it is up.
func TestDevSpeaksJSON(t *testing.T) {
	p := startProcess(t, "dev", "--json", "--no-console", "--runtime", "sim", "--agents", "2", "--http", "127.0.0.1:0", "--state-dir", t.TempDir())
	document := regexp.MustCompile(`(?s)\{\n.*\n\}\n`) // the log goes to error output, which is here too
	p.waitMatch(document)
	printed, _ := p.out.read()
	var ready devReady
	if err := json.Unmarshal([]byte(document.FindString(printed)), &ready); err != nil {
		t.Fatalf("%v: %s", err, printed)
	}
	if len(ready.Hosts) != 2 || ready.Runtime != "sim" || !strings.HasPrefix(ready.Master, "http://") {
		t.Errorf("dev prints %s", printed)
	}
	p.signal(syscall.SIGTERM)
	if code := p.wait(); code != exitOK {
		t.Errorf("dev ends with %d", code)
	}
}
