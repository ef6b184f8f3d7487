package main

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/heliosctl/heliosctl/client"
	"github.com/heliosctl/heliosctl/model"
)

type undeployOptions struct {
	waitOptions
	Job   string
	Hosts []string
	All   bool
	Yes   bool
	Token string
	JSON  bool
}

func newUndeployCommand(env *environment) *cobra.Command {
	var opts undeployOptions
	cmd := &cobra.Command{
		Use:   "undeploy JOB [HOST...]",
		Short: "Take a job off hosts",
		Long: `Take a job off hosts, or off all its hosts with --all, which asks first.

JOB is a name, name:version, or name:version with the start of the id's hash; HOST is a name or the unique start of one. Every host is tried, whatever becomes
of the others. Without --wait the command ends when the master has recorded it; with it, when the containers are gone.`,
		Example: `  heliosctl undeploy web:1 web-1
  heliosctl undeploy web:1 --all --yes --wait`,
		Args: positional,
		RunE: func(cmd *cobra.Command, args []string) error {
			opts.Job, opts.Hosts, opts.JSON = args[0], args[1:], env.options.json
			if err := opts.check(cmd); err != nil {
				return err
			}
			switch {
			case opts.All && len(opts.Hosts) > 0:
				return usagef("give either hosts or --all")
			case !opts.All && len(opts.Hosts) == 0:
				return usagef("give the hosts to undeploy from, or --all")
			}
			return withClient(env, func(api *client.Client) error {
				return runUndeploy(cmd.Context(), env.streams, api, opts)
			})
		},
	}
	flags := cmd.Flags()
	bindToken(flags, &opts.Token)
	flags.BoolVarP(&opts.All, "all", "a", false, "undeploy from every host that the job is deployed to")
	flags.BoolVar(&opts.Yes, "yes", false, "do not ask")
	opts.bind(flags, "the job is gone from every host")
	return cmd
}

func runUndeploy(ctx context.Context, io streams, api *client.Client, opts undeployOptions) error {
	job, err := findWholeJob(ctx, api, opts.Job)
	if err != nil {
		return err
	}
	var hosts []hostReference
	if opts.All {
		hosts, err = deployedHosts(ctx, api, job.ID)
	} else {
		hosts, err = findHosts(ctx, api, opts.Hosts)
	}
	if err != nil {
		return err
	}
	if len(hosts) == 0 {
		if opts.JSON {
			return printHostResults(io, []hostResult{})
		}
		fmt.Fprintf(io.out, "%s is not deployed to any host\n", job.ID)
		return nil
	}
	if opts.All && !opts.Yes {
		question := fmt.Sprintf("Undeploy %s from %s?", job.ID, strings.Join(hostNames(hosts), ", "))
		if err := confirm(ctx, io, question); err != nil {
			return err
		}
	}
	command := hostsCommand{
		verb: "Undeploying", onto: "from", job: job.ID, hosts: hosts, json: opts.JSON,
		action: func(ctx context.Context, host string) error {
			return api.Undeploy(ctx, host, job.ID, opts.Token)
		},
	}
	var wait *waiter
	if opts.Wait {
		wait = newGoneWaiter(api, io.err, job.ID, opts.Timeout)
	}
	return command.run(ctx, io, wait)
}

func deployedHosts(ctx context.Context, api *client.Client, id model.JobID) ([]hostReference, error) {
	status, err := api.JobStatus(ctx, id)
	if err != nil {
		return nil, err
	}
	var hosts []hostReference
	for _, name := range slices.Sorted(maps.Keys(status.Deployments)) {
		hosts = append(hosts, hostReference{name: name})
	}
	return hosts, nil
}
