package main

import (
	"context"
	"slices"

	"github.com/spf13/cobra"

	"github.com/heliosctl/heliosctl/client"
)

type mastersOptions struct {
	JSON bool
}

func newMastersCommand(env *environment) *cobra.Command {
	var opts mastersOptions
	cmd := &cobra.Command{
		Use:     "masters",
		Short:   "List the masters that are alive",
		Long:    "List the names of the masters that are alive.",
		Example: `  heliosctl masters`,
		Args:    positional,
		RunE: func(cmd *cobra.Command, _ []string) error {
			opts.JSON = env.options.json
			return withClient(env, func(api *client.Client) error {
				return runMasters(cmd.Context(), env.streams, api, opts)
			})
		},
	}
	cmd.Flags().BoolP("full", "f", false, "accepted for scripts: names are always printed in full")
	return cmd
}

func runMasters(ctx context.Context, io streams, api *client.Client, opts mastersOptions) error {
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
