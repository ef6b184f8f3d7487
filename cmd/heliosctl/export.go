package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path"
	"path/filepath"
	"strings"

	"github.com/google/renameio/v2"
	"github.com/spf13/cobra"

	"github.com/heliosctl/heliosctl/client"
	"github.com/heliosctl/heliosctl/cmd/heliosctl/manifest"
	"github.com/heliosctl/heliosctl/model"
)

type exportOptions struct {
	Jobs        []string // patterns of names or of name:version
	Groups      []string // patterns of names
	Format      string
	Dir         string
	Tokens      bool
	Deployments bool
}

func newExportCommand(env *environment) *cobra.Command {
	var opts exportOptions
	cmd := &cobra.Command{
		Use:   "export",
		Short: "Write the cluster's jobs and groups as manifests",
		Long: `Write jobs and deployment groups as manifests, which 'heliosctl apply' reads: applied to an empty cluster they give the same jobs, with
the same ids, and the same groups.

Patterns are names with * and ?; one for jobs may have a version, as in 'web:*'. With --group, the jobs that these groups run are
written too. Without either everything is. Deployments that no group made are written with --deployments.

Tokens are left out, and variables of the environment are named in their stead, which have to have them when the manifests are applied.
With --dir each object has a file of its own, which replaces one of that name; other files stay.`,
		Example: `  heliosctl export > cluster.yaml
  heliosctl export --group web --dir manifests
  heliosctl export --job 'web:*' -o json
  heliosctl export --with-tokens | heliosctl apply -f - --yes --master http://other:5801`,
		Args: positional,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if err := opts.check(cmd.Flags().Changed("output"), env.options.json); err != nil {
				return err
			}
			return withClient(env, func(api *client.Client) error {
				return runExport(cmd.Context(), env.streams, api, opts)
			})
		},
	}
	flags := cmd.Flags()
	flags.StringArrayVar(&opts.Jobs, "job", nil, "write the jobs that match a `PATTERN`; may be repeated")
	flags.StringArrayVar(&opts.Groups, "group", nil, "write the groups that match a `PATTERN`, and their jobs; may be repeated")
	flags.StringVarP(&opts.Format, "output", "o", "yaml", "the form: `yaml|json`; --json is -o json")
	flags.StringVar(&opts.Dir, "dir", "", "write each object into a file of its own in a `FOLDER`")
	flags.BoolVar(&opts.Tokens, "with-tokens", false, "write tokens in clear")
	flags.BoolVar(&opts.Deployments, "deployments", false, "write the deployments of the jobs that no group made too")
	return cmd
}

func (o *exportOptions) check(formatGiven, asJSON bool) error {
	if asJSON {
		if formatGiven && o.Format != "json" {
			return usagef("give either --json or -o %s", o.Format)
		}
		o.Format = "json"
	}
	if o.Format != "yaml" && o.Format != "json" {
		return usagef("the form is %q; give yaml or json", o.Format)
	}
	for _, patterns := range [][]string{o.Jobs, o.Groups} {
		for _, pattern := range patterns {
			if _, err := path.Match(pattern, ""); err != nil || pattern == "" {
				return usagef("%q is not a pattern; give a name, with * and ? for any characters", pattern)
			}
		}
	}
	return nil
}

func runExport(ctx context.Context, io streams, api *client.Client, opts exportOptions) error {
	jobs, groups, err := opts.find(ctx, api)
	if err != nil {
		return err
	}
	options := manifest.ExportOptions{Tokens: opts.Tokens}
	if opts.Deployments {
		if options.Deployments, err = deploymentsOf(ctx, api, jobs); err != nil {
			return err
		}
	}
	exported := manifest.Export(jobs, groups, options)
	if len(exported.Variables) > 0 {
		fmt.Fprintf(io.err, "heliosctl: tokens are left out; to apply this, set %s\n", strings.Join(exported.Variables, ", "))
	}
	if opts.Dir != "" {
		return writeDocuments(io, exported.Documents, opts)
	}
	return printDocuments(io, exported.Documents, opts.Format)
}

// find returns what the patterns mean. A pattern that means nothing is an error.
func (o *exportOptions) find(ctx context.Context, api *client.Client) ([]model.Job, []model.DeploymentGroup, error) {
	all, err := api.Jobs(ctx, "", "")
	if err != nil {
		return nil, nil, err
	}
	everything := len(o.Jobs)+len(o.Groups) == 0
	groups, err := o.findGroups(ctx, api, everything)
	if err != nil {
		return nil, nil, err
	}
	needed := map[model.JobID]bool{}
	for _, group := range groups {
		needed[group.JobID] = true
	}
	var jobs []model.Job
	chosen := newPatterns(o.Jobs)
	for id, job := range all {
		if chosen.match(id.Name, id.Name+":"+id.Version) || everything || needed[id] {
			jobs = append(jobs, job)
		}
	}
	return jobs, groups, chosen.unused(model.CodeJobNotFound, "job")
}

func (o *exportOptions) findGroups(ctx context.Context, api *client.Client, everything bool) ([]model.DeploymentGroup, error) {
	if !everything && len(o.Groups) == 0 {
		return nil, nil
	}
	names, err := api.Groups(ctx)
	if err != nil {
		return nil, err
	}
	chosen := newPatterns(o.Groups)
	var groups []model.DeploymentGroup
	for _, name := range names {
		if !everything && !chosen.match(name) {
			continue
		}
		group, err := api.Group(ctx, name)
		if errors.Is(err, model.ErrGroupNotFound) {
			continue // it was removed meanwhile
		}
		if err != nil {
			return nil, err
		}
		groups = append(groups, group)
	}
	return groups, chosen.unused(model.CodeGroupNotFound, "deployment group")
}

// patterns remember which of them matched anything.
type patterns struct {
	texts []string
	used  map[string]bool
}

func newPatterns(texts []string) *patterns { return &patterns{texts, map[string]bool{}} }

// match reports whether a pattern matches one of the names of an object.
func (p *patterns) match(names ...string) bool {
	found := false
	for _, text := range p.texts {
		for _, name := range names {
			if ok, _ := path.Match(text, name); ok {
				p.used[text], found = true, true
			}
		}
	}
	return found
}

func (p *patterns) unused(code model.Code, noun string) error {
	for _, text := range p.texts {
		if !p.used[text] {
			return model.Errorf(code, "no %s matches %q", noun, text)
		}
	}
	return nil
}

func deploymentsOf(ctx context.Context, api *client.Client, jobs []model.Job) (map[model.JobID]map[string]model.Deployment, error) {
	var ids []model.JobID
	for _, job := range jobs {
		ids = append(ids, job.ID)
	}
	statuses, err := api.JobStatuses(ctx, ids)
	deployments := map[model.JobID]map[string]model.Deployment{}
	for id, status := range statuses {
		deployments[id] = status.Deployments
	}
	return deployments, err
}

// printDocuments prints YAML documents, or a list of JSON ones.
func printDocuments(io streams, documents []manifest.Document, format string) error {
	if format == "json" {
		list := []json.RawMessage{}
		for _, document := range documents {
			list = append(list, document.JSON())
		}
		return printJSON(io.out, list)
	}
	for i, document := range documents {
		if i > 0 {
			fmt.Fprintln(io.out, "---")
		}
		fmt.Fprint(io.out, document.YAML())
	}
	return nil
}

// writeDocuments writes a file for each document. With tokens, nobody else may read them.
func writeDocuments(io streams, documents []manifest.Document, opts exportOptions) error {
	mode := os.FileMode(0o644)
	if opts.Tokens {
		mode = 0o600
	}
	if err := os.MkdirAll(opts.Dir, 0o755); err != nil {
		return model.Errorf(model.CodeInvalid, "cannot write the manifests: %v", err)
	}
	names := make([]string, 0, len(documents))
	for _, document := range documents {
		text := document.YAML()
		if opts.Format == "json" {
			var b strings.Builder
			if err := printJSON(&b, document.JSON()); err != nil {
				return err
			}
			text = b.String()
		}
		name := filepath.Join(opts.Dir, document.FileName()+"."+opts.Format)
		if err := replaceFile(name, text, mode); err != nil {
			return model.Errorf(model.CodeInternal, "cannot write the manifests: %v", err)
		}
		names = append(names, name)
	}
	if io.machine {
		return printJSON(io.out, names)
	}
	printLines(io.out, names)
	return nil
}

// replaceFile writes a file in one step. It gets the permissions that are given also where there is one with others: tokens may be new in it.
func replaceFile(name, text string, mode os.FileMode) error {
	file, err := renameio.NewPendingFile(name, renameio.WithStaticPermissions(mode))
	if err != nil {
		return err
	}
	_, err = file.WriteString(text)
	if err != nil {
		return errors.Join(err, file.Cleanup())
	}
	return file.CloseAtomicallyReplace()
}
