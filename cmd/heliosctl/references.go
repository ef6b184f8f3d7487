package main

import (
	"context"
	"maps"
	"regexp"
	"slices"
	"strings"

	"github.com/heliosctl/heliosctl/client"
	"github.com/heliosctl/heliosctl/model"
)

// findJob returns the one job that a reference names: an exact name, name:version or id, else the unique id that starts with it.
func findJob(ctx context.Context, api *client.Client, reference string) (model.Job, error) {
	if reference == "" {
		return model.Job{}, usagef("the job is empty; give a name, name:version, or the start of an id")
	}
	jobs, err := api.Jobs(ctx, reference, "")
	if err != nil {
		return model.Job{}, err
	}
	id, err := model.ResolveJob(reference, slices.Collect(maps.Keys(jobs)))
	if err != nil {
		return model.Job{}, err
	}
	return jobs[id], nil
}

// hostReference is a host as it was typed and what it stands for. Err says why it stands for no host; name is then as typed.
type hostReference struct {
	name string
	err  error
}

// maxPatternHosts is how many references are looked up by a pattern; with more, it is simpler to ask for all hosts.
const maxPatternHosts = 20

// findHosts resolves references to hosts: an exact name, else the unique name that starts with it. Several references to one host
// count once. The error is that of asking the master.
func findHosts(ctx context.Context, api *client.Client, references []string) ([]hostReference, error) {
	names, err := api.Hosts(ctx, hostPattern(references), nil)
	if err != nil {
		return nil, err
	}
	slices.Sort(names)
	var found []hostReference
	seen := map[string]bool{}
	for _, reference := range references {
		host := resolveHost(reference, names)
		if !seen[host.name] {
			seen[host.name] = true
			found = append(found, host)
		}
	}
	return found, nil
}

// findHost is findHosts for one reference.
func findHost(ctx context.Context, api *client.Client, reference string) (string, error) {
	hosts, err := findHosts(ctx, api, []string{reference})
	if err != nil {
		return "", err
	}
	return hosts[0].name, hosts[0].err
}

// hostPattern matches the names that start with one of the references, or everything when there are many.
func hostPattern(references []string) string {
	if len(references) > maxPatternHosts {
		return ""
	}
	quoted := make([]string, len(references))
	for i, reference := range references {
		quoted[i] = regexp.QuoteMeta(reference)
	}
	return "^(" + strings.Join(quoted, "|") + ")"
}

func resolveHost(reference string, sorted []string) hostReference {
	var candidates []string
	for _, name := range sorted {
		if name == reference {
			return hostReference{name: name}
		}
		if reference != "" && strings.HasPrefix(name, reference) {
			candidates = append(candidates, name)
		}
	}
	switch len(candidates) {
	case 0:
		return hostReference{reference, model.Errorf(model.CodeHostNotFound, "host %q does not exist; see 'heliosctl hosts'", reference)}
	case 1:
		return hostReference{name: candidates[0]}
	}
	return hostReference{reference, model.Errorf(model.CodeInvalid, "host %q is ambiguous: it could be %s", reference, shortList(candidates))}
}

// shortList names the first few words and counts the rest.
func shortList(words []string) string {
	const shown = 5
	if len(words) <= shown {
		return strings.Join(words, ", ")
	}
	return strings.Join(words[:shown], ", ") + " and " + plural(int64(len(words)-shown), "other")
}
