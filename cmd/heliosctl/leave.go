package main

import (
	"context"
	"fmt"

	"github.com/spf13/cobra"

	"github.com/heliosctl/heliosctl/client"
	"github.com/heliosctl/heliosctl/model"
)

type leaveOptions struct {
	Master string
	Yes    bool
	JSON   bool
}

func newLeaveCommand(env *environment) *cobra.Command {
	var opts leaveOptions
	cmd := &cobra.Command{
		Use:   "leave [MASTER]",
		Short: "Make a master leave the cluster for good",
		Long: `Make a master leave the cluster for good and end. Without MASTER it is the one that answers. Any master takes the request and passes
it on.

A master that is only restarted, or stopped for a while, should not leave: it stays a part of the cluster. One that is gone already is
removed with 'heliosctl operator raft remove-peer'.`,
		Example: `  heliosctl leave m3
  heliosctl leave --master http://m3:5801 --yes`,
		Args: positional,
		RunE: func(cmd *cobra.Command, args []string) error {
			if len(args) > 0 {
				if opts.Master = args[0]; opts.Master == "" {
					return usagef("leave: the master's name is empty")
				}
			}
			opts.JSON = env.options.json
			return withOneClient(env, func(api *client.Client) error {
				return runLeave(cmd.Context(), env.streams, api, opts)
			})
		},
	}
	cmd.Flags().BoolVar(&opts.Yes, "yes", false, "do not ask")
	return cmd
}

func runLeave(ctx context.Context, io streams, api *client.Client, opts leaveOptions) error {
	if opts.Master == "" {
		self, err := api.Self(ctx)
		if err != nil {
			return err
		}
		opts.Master = self.Name
	}
	if !opts.Yes {
		if err := confirm(ctx, io, fmt.Sprintf("Make master %s leave the cluster for good, and end it?", opts.Master)); err != nil {
			return err
		}
	}
	if !opts.JSON {
		fmt.Fprintf(io.out, "Making master %s leave the cluster\n", oneLine(opts.Master))
	}
	if err := api.LeaveMaster(ctx, opts.Master); err != nil {
		return err
	}
	if opts.JSON {
		return printJSON(io.out, model.MasterResponse{Status: model.CodeOK, Master: opts.Master})
	}
	fmt.Fprintf(io.out, "%s: done\n", oneLine(opts.Master))
	return nil
}
