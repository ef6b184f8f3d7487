package main

import (
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
		{"beginning of several", "agent --do x", "agent --do x"},
		{"of a global flag", "agent --user x", "agent --username x"},
		{"global flag before the command", "--master http://m jobs --js", "--master http://m jobs --json"},
		{"unknown", "agent --nothing x", "agent --nothing x"},
		{"value that looks like a flag", "agent --name --docker-c", "agent --name --docker-c"},
		{"after the end of flags", "create a b -- --docker-c", "create a b -- --docker-c"},
		{"several pairs", "agent --labels a=b c=d --env E=1 F=2 -v", "agent --labels a=b --labels=c=d --env E=1 --env=F=2 -v"},
		{"several pairs by a beginning", "agent --lab=a=b c=d", "agent --labels=a=b --labels=c=d"},
		{"help", "agent --hel", "agent --help"},
		{"unknown command", "nothing --js", "nothing --json"},
	} {
		t.Run(test.name, func(t *testing.T) {
			got := strings.Join(spellOut(newRootCommand(processEnvironment()), strings.Fields(test.args)), " ")
			if diff := cmp.Diff(test.want, got); diff != "" {
				t.Errorf("arguments (-want +got):\n%s", diff)
			}
		})
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
