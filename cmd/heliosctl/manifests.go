package main

import (
	"context"
	"errors"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"

	"github.com/spf13/pflag"

	"github.com/heliosctl/heliosctl/client"
	"github.com/heliosctl/heliosctl/cmd/heliosctl/manifest"
	"github.com/heliosctl/heliosctl/model"
)

// manifestOptions say which manifests there are and how they are compared with the cluster.
type manifestOptions struct {
	Files     []string // files, folders, or - for standard input
	Recursive bool
	Prune     bool
}

func (o *manifestOptions) bind(flags *pflag.FlagSet) {
	flags.StringArrayVarP(&o.Files, "file", "f", nil, "read the manifests of a `FILE`, of a folder's files, or of - for standard input; may be repeated")
	flags.BoolVarP(&o.Recursive, "recursive", "R", false, "read folders within folders too")
	flags.BoolVar(&o.Prune, "prune", false, "remove what is to be absent, versions of the jobs that are not used, and deployments that no manifest names")
}

func (o *manifestOptions) check(args []string) error {
	switch {
	case len(args) > 0:
		return usagef("unexpected argument %q; manifests are given with -f", args[0])
	case len(o.Files) == 0:
		return usagef("no manifests; give them with -f FILE, a folder, or - for standard input")
	}
	n := 0
	for _, file := range o.Files {
		if file == "-" {
			n++
		}
	}
	if n > 1 {
		return usagef("standard input was given %d times; it can be read once", n)
	}
	return nil
}

// read reads the manifests and completes them with the tokens of the environment.
func (o *manifestOptions) read(env *environment) (*manifest.Manifests, error) {
	m := &manifest.Manifests{}
	var faults []string
	for _, file := range o.Files {
		sources, err := o.sources(file)
		if err != nil {
			return nil, err
		}
		for _, source := range sources {
			if err := addManifests(m, env.in, source); err != nil {
				faults = append(faults, faultsOf(err)...)
			}
		}
	}
	if len(faults) > 1 {
		return nil, &model.Error{Code: model.CodeInvalid, Message: "the manifests have faults; nothing was changed", Details: faults}
	}
	if len(faults) == 1 {
		return nil, model.Errorf(model.CodeInvalid, "%s", faults[0])
	}
	if m.Empty() {
		return nil, model.Errorf(model.CodeInvalid, "there are no manifests in %s; see 'heliosctl apply --help'", shortList(o.Files))
	}
	return m, m.Resolve(env.getenv, model.TimestampOf(env.now()))
}

// faultsOf returns the lines of an error that has several, else the error's own.
func faultsOf(err error) []string {
	if details := detailsOf(err); len(details) > 0 {
		return details
	}
	return []string{err.Error()}
}

// sources returns the files that an argument stands for: those of a folder that have the ending of a manifest, sorted.
func (o *manifestOptions) sources(file string) ([]string, error) {
	if file == "-" {
		return []string{file}, nil
	}
	info, err := os.Stat(file)
	if err != nil {
		return nil, model.Errorf(model.CodeInvalid, "cannot read the manifests: %v", err)
	}
	if !info.IsDir() {
		return []string{file}, nil
	}
	var sources []string
	err = filepath.WalkDir(file, func(path string, entry fs.DirEntry, err error) error {
		switch {
		case err != nil:
			return err
		case entry.IsDir() && path != file && !o.Recursive:
			return fs.SkipDir
		case !entry.IsDir() && slices.Contains([]string{".yaml", ".yml", ".json"}, filepath.Ext(path)):
			sources = append(sources, path)
		}
		return nil
	})
	if err != nil {
		return nil, model.Errorf(model.CodeInvalid, "cannot read the manifests: %v", err)
	}
	if len(sources) == 0 {
		return nil, model.Errorf(model.CodeInvalid, "folder %s has no files that end in .yaml, .yml or .json", file)
	}
	return sources, nil
}

func addManifests(m *manifest.Manifests, in io.Reader, source string) error {
	if source == "-" {
		return addFrom(m, in, "standard input")
	}
	file, err := os.Open(source)
	if err != nil {
		return model.Errorf(model.CodeInvalid, "cannot read the manifests: %v", err)
	}
	defer file.Close()
	return addFrom(m, file, source)
}

func addFrom(m *manifest.Manifests, r io.Reader, source string) error {
	data, err := io.ReadAll(io.LimitReader(r, maxJobFile+1))
	switch {
	case err != nil:
		return model.Errorf(model.CodeInvalid, "cannot read the manifests: %v", err)
	case len(data) > maxJobFile:
		return model.Errorf(model.CodeTooLarge, "%s is larger than %d bytes; are these manifests?", source, maxJobFile)
	}
	return m.Add(source, data)
}

// plan compares the manifests with the cluster.
func (o *manifestOptions) plan(ctx context.Context, api *client.Client, m *manifest.Manifests) (manifest.Plan, error) {
	cluster, err := readCluster(ctx, api, m, o.Prune)
	if err != nil {
		return nil, err
	}
	return m.Plan(cluster, o.Prune), nil
}

// readCluster reads what the manifests are about.
func readCluster(ctx context.Context, api *client.Client, m *manifest.Manifests, prune bool) (manifest.Cluster, error) {
	cluster := manifest.Cluster{Groups: map[string]manifest.ClusterGroup{}, Deployed: map[model.JobID]map[string]model.Deployment{}}
	var err error
	if cluster.Jobs, err = api.Jobs(ctx, "", ""); err != nil {
		return cluster, err
	}
	var names []string
	for _, g := range m.Groups {
		names = append(names, g.Name)
	}
	if prune { // others may need the jobs
		if names, err = api.Groups(ctx); err != nil {
			return cluster, err
		}
	}
	for _, name := range names {
		group, err := readClusterGroup(ctx, api, name)
		if errors.Is(err, model.ErrGroupNotFound) {
			continue
		}
		if err != nil {
			return cluster, err
		}
		cluster.Groups[name] = group
	}
	if len(m.Deployments) > 0 {
		if cluster.Hosts, err = readHosts(ctx, api, m); err != nil {
			return cluster, err
		}
	}
	return cluster, readDeployed(ctx, api, m, prune, cluster)
}

// readClusterGroup reads a group after its rollouts, so that what happens in between is not taken for known.
func readClusterGroup(ctx context.Context, api *client.Client, name string) (manifest.ClusterGroup, error) {
	var group manifest.ClusterGroup
	rollouts, unknown := api.Rollouts(ctx, name)
	if unknown != nil && !errors.Is(unknown, model.ErrGroupNotFound) {
		return group, unknown
	}
	status, err := api.GroupStatus(ctx, name)
	if err != nil {
		return group, err
	}
	if unknown != nil {
		return group, model.Errorf(model.CodeNotFound, "the master does not tell the rollouts of deployment group %s; it is too old for manifests of groups", name)
	}
	group.DeploymentGroup = status.DeploymentGroup
	if status.DeploymentGroupStatus != nil {
		group.Status = status.DeploymentGroupStatus.State
	}
	if len(rollouts) > 0 {
		group.Rollout = rollouts[0].ID
	}
	if i := slices.IndexFunc(rollouts, func(r model.Rollout) bool { return r.Reason != model.RolloutConverge }); i >= 0 {
		group.Last, group.Back = rollouts[i].ID, model.JobBefore(rollouts)
	}
	return group, nil
}

// readHosts reads which hosts there are, and their labels where they count.
func readHosts(ctx context.Context, api *client.Client, m *manifest.Manifests) (map[string]map[string]string, error) {
	names, err := api.Hosts(ctx, "", nil)
	if err != nil {
		return nil, err
	}
	hosts := map[string]map[string]string{}
	for _, name := range names {
		hosts[name] = nil
	}
	if !slices.ContainsFunc(m.Deployments, func(d manifest.Deployment) bool { return d.Selectors != nil }) {
		return hosts, nil
	}
	statuses, err := api.HostStatuses(ctx, names, "")
	for name, status := range statuses {
		hosts[name] = status.Labels
	}
	return hosts, err
}

// readDeployed reads where the jobs are deployed that may be deployed or removed.
func readDeployed(ctx context.Context, api *client.Client, m *manifest.Manifests, prune bool, cluster manifest.Cluster) error {
	var ids []model.JobID
	if prune {
		ids = m.Outdated(cluster.Jobs)
	}
	for id := range cluster.Jobs {
		if slices.ContainsFunc(m.Deployments, func(d manifest.Deployment) bool { return d.Job.Name == id.Name && d.Job.Version == id.Version }) {
			ids = append(ids, id)
		}
	}
	if len(ids) == 0 {
		return nil
	}
	statuses, err := api.JobStatuses(ctx, ids)
	for id, status := range statuses {
		cluster.Deployed[id] = status.Deployments
	}
	return err
}
