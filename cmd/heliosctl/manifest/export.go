package manifest

import (
	"encoding/json"
	"fmt"
	"maps"
	"net/url"
	"slices"
	"strings"

	"github.com/heliosctl/heliosctl/model"
)

// Exported is what a cluster has as documents.
type Exported struct {
	Documents []Document
	Variables []string // of the environment, that have to have the tokens which the documents leave out; sorted
}

// Document is one exported object.
type Document struct {
	Kind Kind
	Name string
	json []byte
}

// ExportOptions say what is written, and how.
type ExportOptions struct {
	Tokens      bool // tokens are written; otherwise variables of the environment are named that have to have them
	Deployments map[model.JobID]map[string]model.Deployment
}

// Export writes jobs and groups as documents that Add reads, sorted by kind and name, and the deployments that nobody's group made.
func Export(jobs []model.Job, groups []model.DeploymentGroup, options ExportOptions) Exported {
	e := &exporter{tokens: options.Tokens, variables: map[string]string{}}
	for _, job := range slices.SortedFunc(slices.Values(jobs), func(a, b model.Job) int { return a.ID.Compare(b.ID) }) {
		e.job(job)
	}
	for _, group := range slices.SortedFunc(slices.Values(groups), func(a, b model.DeploymentGroup) int {
		return strings.Compare(a.Name, b.Name)
	}) {
		e.group(group)
	}
	for _, id := range slices.SortedFunc(maps.Keys(options.Deployments), model.JobID.Compare) {
		e.deployments(id, options.Deployments[id])
	}
	return Exported{Documents: e.documents, Variables: slices.Sorted(maps.Values(e.variables))}
}

type exporter struct {
	tokens    bool
	documents []Document
	variables map[string]string // by token
}

func (e *exporter) add(kind Kind, name string, document any) {
	e.documents = append(e.documents, Document{kind, name, mustJSON(document)})
}

func (e *exporter) job(job model.Job) {
	name := nameOf(job.ID)
	text := jobText{Kind: KindJob, Name: name}
	if !e.tokens && job.Token != "" {
		text.TokenFrom = e.variable(job.Token, job.ID.Name)
		job.Token = ""
	}
	if token := rolloutToken(job); !e.tokens && token != "" {
		text.RolloutTokenFrom = e.variable(token, job.ID.Name)
		job = withRolloutToken(job, nil)
	}
	text.Job = bodyOf(job)
	e.add(KindJob, name, text)
}

func (e *exporter) group(group model.DeploymentGroup) {
	text := groupText{Kind: KindGroup, Name: group.Name, HostSelectors: selectorsOf(group.HostSelectors)}
	if !group.JobID.IsZero() {
		text.Job = nameOf(group.JobID)
		options := model.MergeRolloutOptions(group.RolloutOptions, nil)
		if !e.tokens && *options.Token != "" {
			text.TokenFrom = e.variable(*options.Token, group.Name)
			options.Token = nil
		}
		text.RolloutOptions = optionsOf(options)
	}
	e.add(KindGroup, group.Name, text)
}

// deployments writes one document for each goal.
func (e *exporter) deployments(id model.JobID, deployed map[string]model.Deployment) {
	hosts := map[model.Goal][]string{}
	for host, d := range deployed {
		if d.DeploymentGroupName == "" {
			hosts[d.Goal] = append(hosts[d.Goal], host)
		}
	}
	for _, goal := range []model.Goal{model.GoalStart, model.GoalStop} {
		if names := hosts[goal]; len(names) > 0 {
			model.SortHosts(names)
			document := deploymentDocument{Kind: KindDeployment, Job: nameOf(id), Hosts: names, Goal: goal}
			e.add(KindDeployment, nameOf(id)+" "+string(goal), document)
		}
	}
}

// variable names the variable that has a token: one for each token, whoever has it.
func (e *exporter) variable(token, owner string) *TokenFrom {
	if name, known := e.variables[token]; known {
		return &TokenFrom{name}
	}
	base := "HELIOS_TOKEN_" + strings.Map(func(r rune) rune {
		switch {
		case 'a' <= r && r <= 'z':
			return r - 'a' + 'A'
		case 'A' <= r && r <= 'Z', '0' <= r && r <= '9':
			return r
		}
		return '_'
	}, owner)
	name, taken := base, slices.Collect(maps.Values(e.variables))
	for n := 2; slices.Contains(taken, name); n++ {
		name = fmt.Sprintf("%s_%d", base, n)
	}
	e.variables[token] = name
	return &TokenFrom{name}
}

// JSON is the document as JSON.
func (d Document) JSON() json.RawMessage { return d.json }

// YAML is the document as YAML.
func (d Document) YAML() string { return mustYAML(json.RawMessage(d.json)) }

// FileName is a name for a file with the document, without its extension: no other document has it.
func (d Document) FileName() string {
	switch d.Kind {
	case KindGroup:
		return "group-" + url.QueryEscape(d.Name)
	case KindDeployment:
		return "deployment-" + strings.NewReplacer(":", "@", " ", "-").Replace(d.Name)
	}
	return "job-" + strings.ReplaceAll(d.Name, ":", "@") // which names of jobs do not have
}
