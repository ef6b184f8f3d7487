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
		return model.Job{}, suggestJob(ctx, api, reference, err)
	}
	return jobs[id], nil
}

// findWholeJob is findJob for what takes a job away from where it runs: the reference must not break off in the middle of a name or of a
// version. Else "web:1" would mean web:10 once web:1 is gone.
func findWholeJob(ctx context.Context, api *client.Client, reference string) (model.Job, error) {
	job, err := findJob(ctx, api, reference)
	if err != nil {
		return job, err
	}
	whole := job.ID.Name + ":" + job.ID.Version
	if reference == job.ID.Name || reference == whole || strings.HasPrefix(reference, whole+":") {
		return job, nil
	}
	return model.Job{}, model.Errorf(model.CodeJobNotFound,
		"job %s not found: only %s begins so; to change where it runs, give its name, name:version, or more of its id", reference, job.ID.Short())
}

// hostReference is a host as it was typed and what it stands for. Err says why it stands for no host; name is then as typed.
type hostReference struct {
	name string
	err  error
}

// maxPatternHosts is how many references are looked up by a pattern; with more, it is simpler to ask for all hosts.
const maxPatternHosts = 20

// findHosts resolves references to hosts: an exact name, else the one name whose first words are the reference, as web-1 is of
// web-1.example.com, else the one name that starts with it. A dot at the end does not count. Where several names are left, the one in the
// earliest of the system's search domains is meant. Several references to one host count once. The error is that of asking the master.
func findHosts(ctx context.Context, api *client.Client, references []string) ([]hostReference, error) {
	if slices.Contains(references, "") {
		return nil, errEmptyHost()
	}
	names, err := api.Hosts(ctx, hostPattern(references), nil)
	if err != nil {
		return nil, err
	}
	slices.Sort(names)
	var found []hostReference
	seen := map[string]bool{}
	for _, reference := range references {
		host := resolveHost(reference, names, systemSearchDomains)
		if !seen[host.name] {
			seen[host.name] = true
			found = append(found, host)
		}
	}
	suggestHosts(ctx, api, found)
	return found, nil
}

func errEmptyHost() error { return usagef("a host is empty; give a name, or the unique start of one") }

// findHost is findHosts for one reference.
func findHost(ctx context.Context, api *client.Client, reference string) (string, error) {
	hosts, err := findHosts(ctx, api, []string{reference})
	if err != nil {
		return "", err
	}
	return hosts[0].name, hosts[0].err
}

// findWholeHost is findHost for what cannot be undone: the reference must not break off in the middle of a word of the name.
func findWholeHost(ctx context.Context, api *client.Client, reference string) (string, error) {
	host, err := findHost(ctx, api, reference)
	if err != nil || host == bareName(reference) || strings.HasPrefix(host, bareName(reference)+".") || host == reference {
		return host, err
	}
	return reference, model.Errorf(model.CodeHostNotFound, "host %q does not exist; did you mean %s?", reference, host)
}

// hostPattern matches the names that start with one of the references, or everything when there are many.
func hostPattern(references []string) string {
	if len(references) > maxPatternHosts {
		return ""
	}
	quoted := make([]string, len(references))
	for i, reference := range references {
		quoted[i] = regexp.QuoteMeta(bareName(reference))
	}
	return "^(" + strings.Join(quoted, "|") + ")"
}

// bareName is a host's name without the dot that makes it absolute: the original printed names with one.
func bareName(reference string) string {
	return strings.TrimSuffix(reference, ".")
}

func resolveHost(reference string, sorted []string, searchDomains func() []string) hostReference {
	name := bareName(reference)
	var words, beginnings []string
	for _, candidate := range sorted {
		switch {
		case candidate == reference:
			return hostReference{name: candidate}
		case name == "":
		case candidate == name:
			words = []string{candidate}
		case strings.HasPrefix(candidate, name+"."):
			words = append(words, candidate)
		case strings.HasPrefix(candidate, reference):
			beginnings = append(beginnings, candidate)
		}
	}
	if len(words) > 0 && words[0] == name {
		return hostReference{name: name}
	}
	for _, candidates := range [][]string{words, append(words, beginnings...)} {
		if host := nearest(candidates, searchDomains); host != "" {
			return hostReference{name: host}
		}
	}
	candidates := append(words, beginnings...)
	if len(candidates) == 0 {
		return hostReference{reference, model.Errorf(model.CodeHostNotFound, "host %q does not exist; see 'heliosctl hosts'", reference)}
	}
	slices.Sort(candidates)
	return hostReference{reference, model.Errorf(model.CodeInvalid, "host %q is ambiguous: it could be %s", reference, shortList(candidates))}
}

// nearest returns the only candidate, else the only one in the earliest search domain that has any, else "".
func nearest(candidates []string, searchDomains func() []string) string {
	if len(candidates) < 2 {
		return strings.Join(candidates, "")
	}
	for _, domain := range searchDomains() {
		var within []string
		for _, candidate := range candidates {
			if strings.HasSuffix(candidate, "."+domain) {
				within = append(within, candidate)
			}
		}
		if len(within) > 0 {
			if len(within) == 1 {
				return within[0]
			}
			return ""
		}
	}
	return ""
}

// shortList names the first few words and counts the rest.
func shortList(words []string) string {
	const shown = 5
	if len(words) <= shown {
		return strings.Join(words, ", ")
	}
	return strings.Join(words[:shown], ", ") + " and " + plural(int64(len(words)-shown), "other")
}
