package main

import (
	"context"
	"fmt"

	"github.com/spf13/cobra"

	"github.com/heliosctl/heliosctl/client"
	"github.com/heliosctl/heliosctl/model"
)

type removeOptions struct {
	Job   string
	Token string
	Yes   bool
	JSON  bool
}

func newRemoveCommand(env *environment) *cobra.Command {
	var opts removeOptions
	cmd := &cobra.Command{
		Use:   "remove JOB",
		Short: "Remove a job that is not deployed",
		Long: `Remove a job. It must not be deployed to any host.

JOB is a name, name:version, or name:version with the start of the id's hash.`,
		Example: `  heliosctl remove web:1
  heliosctl remove web:1 --yes --token abc123`,
		Args: positional,
		RunE: func(cmd *cobra.Command, args []string) error {
			opts.Job, opts.JSON = args[0], env.options.json
			return withClient(env, func(api *client.Client) error {
				return runRemove(cmd.Context(), env.streams, api, opts)
			})
		},
	}
	bindToken(cmd.Flags(), &opts.Token)
	cmd.Flags().BoolVar(&opts.Yes, "yes", false, "do not ask")
	return cmd
}

func runRemove(ctx context.Context, io streams, api *client.Client, opts removeOptions) error {
	job, err := findWholeJob(ctx, api, opts.Job)
	if err != nil {
		return err
	}
	if !opts.Yes {
		if err := confirm(ctx, io, fmt.Sprintf("Remove job %s?", job.ID)); err != nil {
			return err
		}
	}
	if !opts.JSON {
		fmt.Fprintf(io.out, "Removing job %s\n", job.ID)
	}
	if err := api.RemoveJob(ctx, job.ID, opts.Token); err != nil {
		return err
	}
	if opts.JSON {
		return printJSON(io.out, model.JobDeleteResponse{Status: model.CodeOK})
	}
	fmt.Fprintf(io.out, "%s: done\n", job.ID)
	return nil
}
