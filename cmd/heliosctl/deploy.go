package main

import (
	"context"
	"time"

	"github.com/spf13/cobra"

	"github.com/heliosctl/heliosctl/client"
	"github.com/heliosctl/heliosctl/model"
)

type deployOptions struct {
	waitOptions
	Job      string
	Hosts    []string
	Token    string
	NoStart  bool
	Watch    bool
	Interval time.Duration
	JSON     bool
	look     look
}

func newDeployCommand(env *environment) *cobra.Command {
	opts := deployOptions{Interval: defaultWatchInterval}
	cmd := &cobra.Command{
		Use:   "deploy JOB HOST...",
		Short: "Deploy a job to hosts",
		Long: `Deploy a job to one or more hosts, where it is started at once.

JOB is a name, name:version, or the start of an id; HOST is a name or the unique start of one. Every host is tried, whatever becomes
of the others. Without --wait the command ends when the master has recorded the deployments; with it, when the job runs on every
host, or with the reason why it does not. A job without a health check runs as soon as its container has started. With --watch it
goes on to show how the job fares on these hosts, as 'heliosctl watch --exact' does, until Ctrl-C is pressed.`,
		Example: `  heliosctl deploy web:1 web-1.example.com
  heliosctl deploy web:1 web-1 web-2 --wait --timeout 2m
  heliosctl deploy web:1 web-1 --no-start
  heliosctl deploy web:1 web-1 --watch --interval 5`,
		Args: positional,
		RunE: func(cmd *cobra.Command, args []string) error {
			opts.Job, opts.Hosts, opts.JSON, opts.look = args[0], args[1:], env.options.json, lookOf(env)
			if err := opts.check(cmd); err != nil {
				return err
			}
			switch {
			case opts.Wait && opts.Watch:
				return usagef("give either --wait, which ends, or --watch, which does not")
			case cmd.Flags().Changed("interval") && !opts.Watch:
				return usagef("--interval only means something together with --watch")
			}
			return env.withClientOrTogether(opts.Watch, func(io streams, api *client.Client) error {
				return runDeploy(cmd.Context(), io, api, opts)
			})
		},
	}
	flags := cmd.Flags()
	bindToken(flags, &opts.Token)
	flags.BoolVar(&opts.NoStart, "no-start", false, "deploy with the goal STOP, to be started later")
	flags.BoolVar(&opts.Watch, "watch", false, "show how the job fares on the hosts, until Ctrl-C is pressed")
	flags.Var((*seconds)(&opts.Interval), "interval", "with --watch: how often to show what has not changed, in `SECONDS`")
	opts.bind(flags, "the job runs on every host")
	return cmd
}

func runDeploy(ctx context.Context, io streams, api *client.Client, opts deployOptions) error {
	job, hosts, err := findJobAndHosts(ctx, api, findJob, opts.Job, opts.Hosts)
	if err != nil {
		return err
	}
	goal := model.GoalStart
	if opts.NoStart {
		goal = model.GoalStop
	}
	deployment := model.Deployment{JobID: job.ID, Goal: goal}
	command := hostsCommand{
		verb: "Deploying", onto: "on", job: job.ID, hosts: hosts, json: opts.JSON, lines: opts.Watch,
		action: func(ctx context.Context, host string) error {
			return api.Deploy(ctx, host, deployment, opts.Token)
		},
	}
	var wait *waiter
	if opts.Wait {
		wait = newGoalWaiter(api, io.err, job.ID, goal, true, opts.Timeout)
	}
	if err := command.run(ctx, io, wait); err != nil || !opts.Watch {
		return err
	}
	watched := watchOptions{Hosts: hostNames(hosts), Exact: true, Interval: opts.Interval, JSON: opts.JSON, look: opts.look}
	return watchJobs(ctx, io, api, []model.JobID{job.ID}, watched)
}
