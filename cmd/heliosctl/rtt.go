package main

import (
	"context"
	"fmt"

	"github.com/spf13/cobra"

	"github.com/heliosctl/heliosctl/client"
)

type rttOptions struct {
	From string
	To   string
	JSON bool
}

func newRTTCommand(env *environment) *cobra.Command {
	var opts rttOptions
	cmd := &cobra.Command{
		Use:   "rtt MEMBER [MEMBER]",
		Short: "Estimate the round trip between two members",
		Long: `Estimate the time that a packet takes between two members and back; without a second one, between a member and the master that answers.

It is reckoned from the pings of gossip, nothing is sent. Below a millisecond it says little. Where a master and a host have one
name, say master:NAME or agent:NAME.`,
		Example: `  heliosctl rtt web-1.example.com
  heliosctl rtt web-1.example.com db-1.example.com`,
		Args: positional,
		RunE: func(cmd *cobra.Command, args []string) error {
			opts.From, opts.JSON = args[0], env.options.json
			if len(args) > 1 {
				opts.To = args[1]
			}
			return withClient(env, func(api *client.Client) error {
				return runRTT(cmd.Context(), env.streams, api, opts)
			})
		},
	}
	return cmd
}

func runRTT(ctx context.Context, io streams, api *client.Client, opts rttOptions) error {
	trip, err := api.RoundTrip(ctx, opts.From, opts.To)
	if err != nil {
		return err
	}
	if opts.JSON {
		return printJSON(io.out, trip)
	}
	fmt.Fprintf(io.out, "%s ↔ %s: %.2f ms (estimate)\n", oneLine(trip.From), oneLine(trip.To), trip.Millis)
	return nil
}
