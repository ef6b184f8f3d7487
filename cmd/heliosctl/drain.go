package main

import (
	"context"
	"fmt"

	"github.com/spf13/cobra"

	"github.com/heliosctl/heliosctl/client"
	"github.com/heliosctl/heliosctl/model"
)

type drainOptions struct {
	Host          string
	StopGroupJobs bool
	Undo          bool
	JSON          bool
}

func newDrainCommand(env *environment) *cobra.Command {
	var opts drainOptions
	cmd := &cobra.Command{
		Use:   "drain HOST",
		Short: "Keep new deployments off a host",
		Long: `Drain a host: it takes no new deployments until the drain is ended with --undo. What is deployed to it goes on, can be stopped,
started and undeployed. With --stop-group-jobs the running jobs that deployment groups put there are stopped, and started again when
the drain ends unless somebody gave them another goal meanwhile.

HOST is a name or the unique start of one. A drain outlives restarts of the agent and of the masters; deregistering the host ends it.`,
		Example: `  heliosctl drain web-1
  heliosctl drain web-1 --stop-group-jobs
  heliosctl drain web-1 --undo`,
		Args: positional,
		RunE: func(cmd *cobra.Command, args []string) error {
			opts.Host, opts.JSON = args[0], env.options.json
			if opts.Undo && opts.StopGroupJobs {
				return usagef("give either --undo or --stop-group-jobs")
			}
			return withClient(env, func(api *client.Client) error {
				return runDrain(cmd.Context(), env.streams, api, opts)
			})
		},
	}
	flags := cmd.Flags()
	flags.BoolVar(&opts.StopGroupJobs, "stop-group-jobs", false, "stop the running jobs of deployment groups too")
	flags.BoolVar(&opts.Undo, "undo", false, "end the drain")
	return cmd
}

// drainResult is what became of it, and its JSON.
type drainResult struct {
	Status model.Code   `json:"status"`
	Host   string       `json:"host"`
	Drain  *model.Drain `json:"drain,omitempty"`
}

func runDrain(ctx context.Context, io streams, api *client.Client, opts drainOptions) error {
	host, err := findHost(ctx, api, opts.Host)
	if err != nil {
		return err
	}
	result, outcome := drainResult{Status: model.CodeOK, Host: host}, "takes deployments again"
	if opts.Undo {
		err = api.Undrain(ctx, host)
	} else {
		var drain model.Drain
		drain, err = api.Drain(ctx, host, opts.StopGroupJobs)
		result.Drain, outcome = &drain, "drained"
		if n := len(drain.Stopped); n > 0 {
			outcome += ", " + plural(int64(n), "group job") + " stopped"
		}
	}
	switch {
	case err != nil:
		return err
	case opts.JSON:
		return printJSON(io.out, result)
	}
	fmt.Fprintf(io.out, "%s: %s\n", oneLine(host), outcome)
	return nil
}
