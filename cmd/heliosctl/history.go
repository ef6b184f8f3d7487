package main

import (
	"context"
	"errors"
	"fmt"
	"strings"

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
	t := newTable("HOST", "TIMESTAMP", "STATE", "THROTTLED", "CONTAINERID", "DETAIL")
	for _, event := range events {
		container := event.Status.ContainerID
		if container == "" {
			container = "<none>"
		}
		t.add(event.Host, displayMoment(event.Timestamp), string(event.Status.State), string(event.Status.Throttled), container,
			displayDetail(event.Status))
	}
	t.write(io.out)
	return nil
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
