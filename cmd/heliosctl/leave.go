package main

import (
	"context"
	"fmt"

	"github.com/spf13/cobra"

	"github.com/heliosctl/heliosctl/client"
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
		Short: "Have a master leave its cluster for good",
		Long: `Have a master leave its cluster for good and end. It hands leadership over, is removed from those that replicate the state, and does
not start again with its folder. One that is only to restart needs nothing of this.

Without a name it is the master that answers.`,
		Example: `  heliosctl leave m3
  heliosctl leave --master http://10.0.0.3:5801`,
		Args: positional,
		RunE: func(cmd *cobra.Command, args []string) error {
			if len(args) > 0 {
				opts.Master = args[0]
			}
			opts.JSON = env.options.json
			return withClient(env, func(api *client.Client) error {
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
		if err := confirm(ctx, io, fmt.Sprintf("Have master %s leave its cluster for good?", opts.Master)); err != nil {
			return err
		}
	}
	if err := api.Leave(ctx, opts.Master); err != nil {
		return err
	}
	return printMasterDone(io, opts.Master, "left", opts.JSON)
}
