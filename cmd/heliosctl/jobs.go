package main

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"

	"github.com/spf13/cobra"

	"github.com/heliosctl/heliosctl/client"
	"github.com/heliosctl/heliosctl/model"
)

type jobsOptions struct {
	Pattern  string
	Full     bool
	Quiet    bool
	Deployed bool
	JSON     bool
}

func newJobsCommand(env *environment) *cobra.Command {
	var opts jobsOptions
	cmd := &cobra.Command{
		Use:   "jobs [PATTERN]",
		Short: "List jobs",
		Long:  "List jobs: all of them, or those whose id contains PATTERN.",
		Example: `  heliosctl jobs
  heliosctl jobs web --deployed
  heliosctl jobs --quiet`,
		Args: positional,
		RunE: func(cmd *cobra.Command, args []string) error {
			if len(args) > 0 {
				opts.Pattern = args[0]
			}
			opts.JSON = env.options.json
			return withClient(env, func(api *client.Client) error {
				return runJobs(cmd.Context(), env.streams, api, opts)
			})
		},
	}
	flags := cmd.Flags()
	flags.BoolVarP(&opts.Full, "full", "f", false, "print full ids")
	flags.BoolVarP(&opts.Quiet, "quiet", "q", false, "print ids only, in full")
	flags.BoolVarP(&opts.Deployed, "deployed", "y", false, "only jobs that are deployed somewhere")
	return cmd
}

func runJobs(ctx context.Context, io streams, api *client.Client, opts jobsOptions) error {
	jobs, err := api.Jobs(ctx, opts.Pattern, "")
	if err != nil {
		return err
	}
	matched := len(jobs) > 0
	statuses := map[model.JobID]model.JobStatus{}
	if matched && (opts.Deployed || !opts.Quiet && !opts.JSON) {
		if statuses, err = api.JobStatuses(ctx, sortedIDs(jobs)); err != nil {
			return err
		}
	}
	if opts.Deployed {
		maps.DeleteFunc(jobs, func(id model.JobID, _ model.Job) bool { return len(statuses[id].Deployments) == 0 })
	}
	if err := printJobs(io, jobs, statuses, opts, matched); err != nil {
		return err
	}
	if !matched && opts.Pattern != "" {
		return noMatch(opts.Quiet, "job pattern %s matched no jobs", opts.Pattern)
	}
	return nil
}

func printJobs(io streams, jobs map[model.JobID]model.Job, statuses map[model.JobID]model.JobStatus, opts jobsOptions, matched bool) error {
	ids := sortedIDs(jobs)
	switch {
	case opts.JSON && opts.Quiet:
		return printJSON(io.out, ids)
	case opts.JSON:
		return printJSON(io.out, jobs)
	case opts.Quiet:
		for _, id := range ids {
			fmt.Fprintln(io.out, oneLine(id.String()))
		}
		return nil
	case !matched && opts.Pattern != "":
		return nil
	}
	t := newTable("JOB ID", "NAME", "VERSION", "HOSTS", "COMMAND", "ENVIRONMENT")
	for _, id := range ids {
		job := jobs[id]
		hosts := strconv.Itoa(len(statuses[id].Deployments))
		t.add(displayID(id, opts.Full), id.Name, id.Version, hosts, quoteWords(job.Command), strings.Join(keyValues(job.Env), " "))
	}
	t.write(io.out)
	return nil
}

// noMatch is the failure of a listing for which nothing matches; a quiet one says nothing.
func noMatch(quiet bool, format string, args ...any) error {
	if quiet {
		return &outcomeError{class: model.ClassNotFound}
	}
	return &outcomeError{class: model.ClassNotFound, message: fmt.Sprintf(format, args...)}
}

// sortedIDs returns the keys of a map by job id, sorted; never nil.
func sortedIDs[V any](byID map[model.JobID]V) []model.JobID {
	ids := make([]model.JobID, 0, len(byID))
	for id := range byID {
		ids = append(ids, id)
	}
	slices.SortFunc(ids, model.JobID.Compare)
	return ids
}

// keyValues returns KEY=VALUE for each entry, sorted by key.
func keyValues(m map[string]string) []string {
	var words []string
	for _, key := range slices.Sorted(maps.Keys(m)) {
		words = append(words, key+"="+m[key])
	}
	return words
}
