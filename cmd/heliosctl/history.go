package main

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/heliosctl/heliosctl/client"
	"github.com/heliosctl/heliosctl/model"
)

type historyOptions struct {
	Job    string
	Hosts  []string
	Limit  int
	Follow bool
	JSON   bool
}

func newHistoryCommand(env *environment) *cobra.Command {
	var opts historyOptions
	cmd := &cobra.Command{
		Use:   "history JOB",
		Short: "Show what happened to a job",
		Long: `Show the states that a job went through on all its hosts, oldest first, in local time.

JOB is a name, name:version, or the start of an id. The history of a removed job is found by its full id. HOST is a name or the unique
start of one. With --json it is one document, with --follow an object a line.`,
		Example: `  heliosctl history web:1
  heliosctl history web:1 --host web-1 --limit 20
  heliosctl history web:1 --follow`,
		Args: positional,
		RunE: func(cmd *cobra.Command, args []string) error {
			opts.Job, opts.JSON = args[0], env.options.json
			if cmd.Flags().Changed("limit") && opts.Limit <= 0 {
				return usagef("--limit is %d; give a number above zero", opts.Limit)
			}
			return env.withClientOrTogether(opts.Follow, func(io streams, api *client.Client) error {
				return runHistory(cmd.Context(), io, api, opts)
			})
		},
	}
	flags := cmd.Flags()
	flags.StringArrayVar(&opts.Hosts, "host", nil, "only what happened on `HOST`; may be repeated")
	flags.IntVarP(&opts.Limit, "limit", "n", 0, "only the latest `NUMBER` of entries")
	flags.BoolVarP(&opts.Follow, "follow", "f", false, "go on with what comes, until Ctrl-C is pressed")
	return cmd
}

func runHistory(ctx context.Context, io streams, api *client.Client, opts historyOptions) error {
	id, err := findJobOrFullID(ctx, api, opts.Job)
	if err != nil {
		return err
	}
	events, err := api.History(ctx, id)
	if err != nil {
		return err
	}
	hosts, err := hostsOfHistory(ctx, api, events, opts.Hosts)
	if err != nil {
		return err
	}
	keep := func(events []model.TaskStatusEvent) []model.TaskStatusEvent {
		return slices.DeleteFunc(events, func(e model.TaskStatusEvent) bool { return len(hosts) > 0 && !slices.Contains(hosts, e.Host) })
	}
	events = keep(events)
	all := events
	if opts.Limit > 0 && len(events) > opts.Limit {
		events = events[len(events)-opts.Limit:]
	}
	if opts.Follow {
		f := historyFollower{api: api, id: id, keep: keep, printer: &historyPrinter{io: io, json: opts.JSON}}
		return whileRead(ctx, func(ctx context.Context) error { return f.run(ctx, all, events) })
	}
	if opts.JSON {
		if events == nil {
			events = []model.TaskStatusEvent{}
		}
		return printJSON(io.out, model.TaskStatusEvents{Events: events, Status: model.CodeOK})
	}
	t := newTable(historyHeader()...)
	for _, event := range events {
		t.add(historyRow(event)...)
	}
	t.write(io.out)
	return nil
}

func historyHeader() []string {
	return []string{"HOST", "TIMESTAMP", "STATE", "THROTTLED", "CONTAINERID", "DETAIL"}
}

func historyRow(event model.TaskStatusEvent) []string {
	container := event.Status.ContainerID
	if container == "" {
		container = "<none>"
	}
	return []string{
		event.Host, displayMoment(event.Timestamp), string(event.Status.State), string(event.Status.Throttled), container, displayDetail(event.Status),
	}
}

// hostsOfHistory resolves references to hosts that have something in the history, or exist.
func hostsOfHistory(ctx context.Context, api *client.Client, events []model.TaskStatusEvent, references []string) ([]string, error) {
	if len(references) == 0 {
		return nil, nil
	}
	if slices.Contains(references, "") {
		return nil, errEmptyHost()
	}
	names, err := api.Hosts(ctx, hostPattern(references), nil)
	if err != nil {
		return nil, err
	}
	for _, event := range events {
		names = append(names, event.Host)
	}
	slices.Sort(names)
	names = slices.Compact(names)
	var hosts []string
	for _, reference := range references {
		host := resolveHost(reference, names, systemSearchDomains)
		if host.err != nil {
			return nil, host.err
		}
		hosts = append(hosts, host.name)
	}
	return hosts, nil
}

// displayDetail tells how a container ended, why a task failed or is unhealthy, and how often it had been restarted by then.
func displayDetail(task model.TaskStatus) string {
	var words []string
	switch {
	case task.ExitCode != nil:
		words = displayEnd(task)
	case task.Unhealthy:
		words = append(words, "unhealthy: "+task.HealthError)
	case task.ContainerError != "":
		words = append(words, task.ContainerError)
	}
	if task.State == model.StateRunning && task.Restarts > 0 {
		words = append(words, fmt.Sprintf("restarts: %d", task.Restarts))
	}
	return strings.Join(words, ", ")
}

// findJobOrFullID is findJob, except that a full id need not be that of a job that still exists.
func findJobOrFullID(ctx context.Context, api *client.Client, reference string) (model.JobID, error) {
	job, err := findJob(ctx, api, reference)
	if errors.Is(err, model.ErrJobNotFound) {
		if id, parseErr := model.ParseJobID(reference); parseErr == nil && id.FullyQualified() {
			return id, nil
		}
	}
	return job.ID, err
}
