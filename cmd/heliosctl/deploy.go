package main

import (
	"context"

	"github.com/spf13/cobra"

	"github.com/heliosctl/heliosctl/client"
	"github.com/heliosctl/heliosctl/model"
)

type deployOptions struct {
	waitOptions
	Job     string
	Hosts   []string
	Token   string
	NoStart bool
	JSON    bool
}

func newDeployCommand(env *environment) *cobra.Command {
	var opts deployOptions
	cmd := &cobra.Command{
		Use:   "deploy JOB HOST...",
		Short: "Deploy a job to hosts",
		Long: `Deploy a job to one or more hosts, where it is started at once.

JOB is a name, name:version, or the start of an id; HOST is a name or the unique start of one. Every host is tried, whatever becomes
of the others. Without --wait the command ends when the master has recorded the deployments; with it, when the job runs on every
host, or with the reason why it does not. A job without a health check runs as soon as its container has started.`,
		Example: `  heliosctl deploy web:1 web-1.example.com
  heliosctl deploy web:1 web-1 web-2 --wait --timeout 2m
  heliosctl deploy web:1 web-1 --no-start`,
		Args: positional,
		RunE: func(cmd *cobra.Command, args []string) error {
			opts.Job, opts.Hosts, opts.JSON = args[0], args[1:], env.options.json
			if err := opts.check(cmd); err != nil {
				return err
			}
			return withClient(env, func(api *client.Client) error {
				return runDeploy(cmd.Context(), env.streams, api, opts)
			})
		},
	}
	flags := cmd.Flags()
	bindToken(flags, &opts.Token)
	flags.BoolVar(&opts.NoStart, "no-start", false, "deploy with the goal STOP, to be started later")
	opts.bind(flags, "the job runs on every host")
	return cmd
}

func runDeploy(ctx context.Context, io streams, api *client.Client, opts deployOptions) error {
	job, hosts, err := findJobAndHosts(ctx, api, opts.Job, opts.Hosts)
	if err != nil {
		return err
	}
	goal := model.GoalStart
	if opts.NoStart {
		goal = model.GoalStop
	}
	deployment := model.Deployment{JobID: job.ID, Goal: goal}
	command := hostsCommand{
		verb: "Deploying", onto: "on", job: job.ID, hosts: hosts, json: opts.JSON,
		action: func(ctx context.Context, host string) error {
			return api.Deploy(ctx, host, deployment, opts.Token)
		},
	}
	var wait *waiter
	if opts.Wait {
		wait = newGoalWaiter(api, io.err, job.ID, goal, true, opts.Timeout)
	}
	return command.run(ctx, io, wait)
}
