package main

import (
	"cmp"
	"context"
	"fmt"
	"io"
	"strconv"

	"github.com/spf13/cobra"

	"github.com/heliosctl/heliosctl/client"
	"github.com/heliosctl/heliosctl/model"
)

func newListPeersCommand(env *environment) *cobra.Command {
	return &cobra.Command{
		Use:   "list-peers",
		Short: "List the masters that replicate the state",
		Long: `List the servers of raft's configuration: the leader, those that vote, and those that do not vote yet. INDEX is the last change that a
master has applied.`,
		Example: `  heliosctl operator raft list-peers`,
		Args:    asUsage(positional),
		RunE: func(cmd *cobra.Command, _ []string) error {
			return withClient(env, func(api *client.Client) error {
				return runListPeers(cmd.Context(), env.streams, api, env.options.json)
			})
		},
	}
}

func runListPeers(ctx context.Context, io streams, api *client.Client, asJSON bool) error {
	peers, err := api.Peers(ctx)
	if err != nil {
		return err
	}
	if asJSON {
		return printJSON(io.out, peers)
	}
	printPeers(io.out, peers)
	return nil
}

func printPeers(out io.Writer, peers []model.Peer) {
	t := newTable("NAME", "ID", "ADDRESS", "STATE", "ALIVE", "INDEX", "VERSION")
	for _, peer := range peers {
		index := "-"
		if peer.Index > 0 {
			index = strconv.FormatUint(peer.Index, 10)
		}
		t.add(cmp.Or(peer.Name, "-"), peer.ID, peer.Address, peerState(peer), yesNo(peer.Alive), index, cmp.Or(peer.Version, "-"))
	}
	t.write(out)
}

func peerState(peer model.Peer) string {
	switch {
	case peer.Leader:
		return "leader"
	case peer.Voter:
		return "voter"
	}
	return "non-voter"
}

func yesNo(yes bool) string {
	if yes {
		return "yes"
	}
	return "no"
}

type removePeerOptions struct {
	Peer  string
	Force bool
	Yes   bool
	JSON  bool
}

func newRemovePeerCommand(env *environment) *cobra.Command {
	var opts removePeerOptions
	cmd := &cobra.Command{
		Use:   "remove-peer ID|NAME",
		Short: "Remove a master for good",
		Long: `Remove a master from the cluster for good, by its raft id or its name; it is not taken in again. One that runs should rather leave by
itself: see heliosctl leave.

A removal that would leave the others without a majority is refused unless --force is given.`,
		Example: `  heliosctl operator raft remove-peer m3`,
		Args:    asUsage(positional),
		RunE: func(cmd *cobra.Command, args []string) error {
			opts.Peer, opts.JSON = args[0], env.options.json
			if opts.Peer == "" {
				return usagef("the master may not be empty")
			}
			return withClient(env, func(api *client.Client) error {
				return runRemovePeer(cmd.Context(), env.streams, api, opts)
			})
		},
	}
	cmd.Flags().BoolVar(&opts.Force, "force", false, "even when the others have no majority without it")
	cmd.Flags().BoolVar(&opts.Yes, "yes", false, "do not ask")
	return cmd
}

func runRemovePeer(ctx context.Context, io streams, api *client.Client, opts removePeerOptions) error {
	if !opts.Yes {
		if err := confirm(ctx, io, fmt.Sprintf("Remove master %s for good?", opts.Peer)); err != nil {
			return err
		}
	}
	if err := api.RemovePeer(ctx, opts.Peer, opts.Force); err != nil {
		return err
	}
	return printMasterDone(io, opts.Peer, "removed", opts.JSON)
}

// printMasterDone tells what was done to a master.
func printMasterDone(io streams, master, done string, asJSON bool) error {
	if asJSON {
		return printJSON(io.out, map[string]string{"status": string(model.CodeOK), "master": master})
	}
	fmt.Fprintf(io.out, "%s: %s\n", oneLine(master), done)
	return nil
}
