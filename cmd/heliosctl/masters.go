package main

import (
	"context"
	"slices"

	"github.com/spf13/cobra"

	"github.com/heliosctl/heliosctl/client"
)

type mastersOptions struct {
	Detail bool
	JSON   bool
}

func newMastersCommand(env *environment) *cobra.Command {
	var opts mastersOptions
	cmd := &cobra.Command{
		Use:   "masters",
		Short: "List the masters that are alive",
		Long:  "List the names of the masters that are alive; with --detail all that replicate the state, and what they do.",
		Example: `  heliosctl masters
  heliosctl masters --detail`,
		Args: positional,
		RunE: func(cmd *cobra.Command, _ []string) error {
			opts.JSON = env.options.json
			return withClient(env, func(api *client.Client) error {
				return runMasters(cmd.Context(), env.streams, api, opts)
			})
		},
	}
	cmd.Flags().BoolVar(&opts.Detail, "detail", false, "tell which one leads and how far each is, as operator raft list-peers does")
	cmd.Flags().BoolP("full", "f", false, "accepted for scripts: names are always printed in full")
	return cmd
}

func runMasters(ctx context.Context, io streams, api *client.Client, opts mastersOptions) error {
	if opts.Detail {
		return runListPeers(ctx, io, api, opts.JSON)
	}
	masters, err := api.Masters(ctx)
	if err != nil {
		return err
	}
	slices.Sort(masters)
	if opts.JSON {
		return printJSON(io.out, masters)
	}
	printLines(io.out, masters)
	return nil
}
