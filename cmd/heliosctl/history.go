package main

import (
	"context"
	"errors"

	"github.com/spf13/cobra"

	"github.com/heliosctl/heliosctl/client"
	"github.com/heliosctl/heliosctl/model"
)

type historyOptions struct {
	Job  string
	JSON bool
}

func newHistoryCommand(env *environment) *cobra.Command {
	var opts historyOptions
	return &cobra.Command{
		Use:   "history JOB",
		Short: "Show what happened to a job",
		Long: `Show the states that a job went through on all its hosts, oldest first, in local time.

JOB is a name, name:version, or the start of an id. The history of a removed job is found by its full id.`,
		Example: `  heliosctl history web:1`,
		Args:    positional,
		RunE: func(cmd *cobra.Command, args []string) error {
			opts.Job, opts.JSON = args[0], env.options.json
			return withClient(env, func(api *client.Client) error {
				return runHistory(cmd.Context(), env.streams, api, opts)
			})
		},
	}
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
	if opts.JSON {
		if events == nil {
			events = []model.TaskStatusEvent{}
		}
		return printJSON(io.out, model.TaskStatusEvents{Events: events, Status: model.CodeOK})
	}
	t := newTable("HOST", "TIMESTAMP", "STATE", "THROTTLED", "CONTAINERID")
	for _, event := range events {
		container := event.Status.ContainerID
		if container == "" {
			container = "<none>"
		}
		timestamp := event.Timestamp.Time().Local().Format("2006-01-02 15:04:05.000")
		t.add(event.Host, timestamp, string(event.Status.State), string(event.Status.Throttled), container)
	}
	t.write(io.out)
	return nil
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
