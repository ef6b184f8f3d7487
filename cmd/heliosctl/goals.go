package main

import (
	"context"

	"github.com/spf13/cobra"

	"github.com/heliosctl/heliosctl/client"
	"github.com/heliosctl/heliosctl/model"
)

type goalOptions struct {
	waitOptions
	Job   string
	Hosts []string
	Token string
	Goal  model.Goal
	JSON  bool
}

func newStartCommand(env *environment) *cobra.Command {
	return newGoalCommand(env, model.GoalStart, "the job runs on every host", &cobra.Command{
		Use:   "start JOB HOST...",
		Short: "Start a stopped job on hosts",
		Long: `Start a job that is deployed to hosts and was stopped there, or was deployed with --no-start.

JOB is a name, name:version, or the start of an id; HOST is a name or the unique start of one. Every host is tried, whatever becomes
of the others.`,
		Example: `  heliosctl start web:1 web-1
  heliosctl start web:1 web-1 web-2 --wait`,
	})
}

func newStopCommand(env *environment) *cobra.Command {
	return newGoalCommand(env, model.GoalStop, "the job has stopped on every host", &cobra.Command{
		Use:   "stop JOB HOST...",
		Short: "Stop a job on hosts, leaving it deployed",
		Long: `Stop a job on hosts. It stays deployed and keeps its ports, so that it can be started again.

JOB is a name, name:version, or name:version with the start of the id's hash; HOST is a name or the unique start of one. Every host is tried, whatever becomes
of the others.`,
		Example: `  heliosctl stop web:1 web-1
  heliosctl stop web:1 web-1 web-2 --wait --timeout 30s`,
	})
}

func newGoalCommand(env *environment, goal model.Goal, until string, cmd *cobra.Command) *cobra.Command {
	opts := goalOptions{Goal: goal}
	cmd.Args = positional
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		opts.Job, opts.Hosts, opts.JSON = args[0], args[1:], env.options.json
		if err := opts.check(cmd); err != nil {
			return err
		}
		return withClient(env, func(api *client.Client) error {
			return runGoal(cmd.Context(), env.streams, api, opts)
		})
	}
	bindToken(cmd.Flags(), &opts.Token)
	opts.bind(cmd.Flags(), until)
	return cmd
}

func runGoal(ctx context.Context, io streams, api *client.Client, opts goalOptions) error {
	verb, find := "Starting", findJob
	if opts.Goal == model.GoalStop {
		verb, find = "Stopping", findWholeJob
	}
	job, hosts, err := findJobAndHosts(ctx, api, find, opts.Job, opts.Hosts)
	if err != nil {
		return err
	}
	deployment := model.Deployment{JobID: job.ID, Goal: opts.Goal}
	command := hostsCommand{
		verb: verb, onto: "on", job: job.ID, hosts: hosts, json: opts.JSON,
		action: func(ctx context.Context, host string) error {
			return api.SetGoal(ctx, host, deployment, opts.Token)
		},
	}
	var wait *waiter
	if opts.Wait {
		wait = newGoalWaiter(api, io.err, job.ID, opts.Goal, false, opts.Timeout)
	}
	return command.run(ctx, io, wait)
}
