package main

import (
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestSpellOut(t *testing.T) {
	for _, test := range []struct{ name, args, want string }{
		{"nothing to do", "agent --name a --no-http", "agent --name a --no-http"},
		{"beginning", "agent --syslog-redirect h:514 --docker-c x", "agent --syslog-redirect-to h:514 --docker-cert-path x"},
		{"beginning with a value", "agent --syslog=h:514", "agent --syslog-redirect-to=h:514"},
		{"exact name that another begins with", "agent --docker x --http y", "agent --docker x --http y"},
		{"command", "hist web:1", "history web:1"},
		{"exact command that others begin with", "create x", "create x"},
		{"command of the original before a later one", "mast", "masters"},
		{"exact command that one of the original begins with", "master", "master"},
		{"command below a command", "gr cr web role=web", "group create web role=web"},
		{"command that is an argument", "history hist", "history hist"},
		{"beginning of a flag before the command", "--mas http://m --js job", "jobs --master http://m --json"},
		{"short flags in one", "-vz http://m jobs -qf", "jobs -vz http://m -qf"},
		{"short flag with its value", "-zhttp://m jobs", "jobs -zhttp://m"},
		{"short flag with its value before others", "-v -uann jobs", "jobs -v -uann"},
		{"no value where it may be lacking", "deploy --token --wait web:1 web-1 --token", "deploy --wait web:1 web-1"},
		{"value where it may be lacking", "deploy --token x web:1 web-1", "deploy --token x web:1 web-1"},
		{"value that begins with a dash", "agent --name=-x", "agent --name=-x"},
		{"negative number", "logs web:1 --tail -5", "logs web:1 --tail -5"},
		{"dash alone", "create web:1 -f -", "create web:1 -f -"},
		{"no value at all", "agent --name", "agent --name"},
		{"end of flags before the command", "-- jobs", "-- jobs"},
		{"completion", "__complete -z http://m job --js", "__complete jobs -z http://m --js"},
		{"of a global flag", "agent --user x", "agent --username x"},
		{"global flag before the command", "--master http://m jobs --js", "jobs --master http://m --json"},
		{"unknown", "agent --nothing x", "agent --nothing x"},
		{"after the end of flags", "create a b -- --docker-c", "create a b -- --docker-c"},
		{"several pairs", "agent --labels a=b c=d --env E=1 F=2 -v", "agent --labels a=b --labels=c=d --env E=1 --env=F=2 -v"},
		{"several pairs by a beginning", "agent --lab=a=b c=d", "agent --labels=a=b --labels=c=d"},
		{"help", "agent --hel", "agent --help"},
		{"unknown command", "nothing --js", "nothing --json"},
	} {
		t.Run(test.name, func(t *testing.T) {
			got, err := spellOut(newRootCommand(processEnvironment()), strings.Fields(test.args))
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(test.want, strings.Join(got, " ")); diff != "" {
				t.Errorf("arguments (-want +got):\n%s", diff)
			}
		})
	}
}

func TestSpellOutRefuses(t *testing.T) {
	for args, want := range map[string]string{
		"st web:1":               `"st" is ambiguous: it could be start, status, stop or stop-deployment-group`,
		"gr r":                   `"r" is ambiguous: it could be`,
		"agent --do x":           "--do is ambiguous: it could be --docker, --docker-cert-path, --domain or --domains",
		"agent --name --docker=": "--name needs a value; one that begins with a dash is given as --name=-…",
		"jobs -z --json":         "-z needs a value; one that begins with a dash is given as -z-…",
		"jobs -qz --":            "-qz needs a value",
	} {
		got, err := spellOut(newRootCommand(processEnvironment()), strings.Fields(args))
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %q, %v, want %q", args, got, err, want)
		}
	}
}

func TestResolverDomain(t *testing.T) {
	for _, test := range []struct{ name, file, want string }{
		{"domain", "nameserver 1.2.3.4\ndomain example.com\n", "example.com"},
		{"tabs and more words", "domain\t lon.example.com other\n", "lon.example.com"},
		{"search does not count", "search example.com\n", ""},
		{"the first that names one", "domain\ndomain a.example\ndomain b.example\n", "a.example"},
		{"comment", "# domain example.com\n", ""},
		{"empty", "", ""},
	} {
		t.Run(test.name, func(t *testing.T) {
			path := t.TempDir() + "/resolv.conf"
			writeText(t, path, test.file)
			if got := resolverDomain(path); got != test.want {
				t.Errorf("domain %q, want %q", got, test.want)
			}
		})
	}
	if got := resolverDomain(t.TempDir() + "/none"); got != "" {
		t.Errorf("domain %q of no file", got)
	}
}

// Whatever is typed, it is spelt out or refused, and what is spelt out already stays as it is.
func FuzzSpellOut(f *testing.F) {
	for _, args := range []string{
		"hist web:1", "-vz http://m jobs -qf", "deploy --token", "agent --labels a=b c=d --env E=1 F=2", "create a b -- -x", "gr cr", "--mas= --js jobs",
		"__complete deploy --token ", "__complete -", "- -- -", "--", "-", "agent --labels", "st", "exec a b -- c --json",
	} {
		f.Add(args)
	}
	f.Fuzz(func(t *testing.T, text string) {
		args := strings.Split(text, " ")
		root := newRootCommand(processEnvironment())
		once, err := spellOut(root, args)
		if err != nil || completes(args) {
			return
		}
		twice, err := spellOut(root, once)
		if err != nil || !slices.Equal(once, twice) {
			t.Errorf("%q: %q, then %q, %v", args, once, twice, err)
		}
	})
}
