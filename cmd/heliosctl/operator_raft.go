package main

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/spf13/cobra"

	"github.com/heliosctl/heliosctl/client"
	"github.com/heliosctl/heliosctl/model"
)

func newRaftCommand(env *environment) *cobra.Command {
	cmd := &cobra.Command{
		Use:   "raft",
		Short: "List or remove the masters that replicate the state",
		Long: `List or remove the masters that replicate the state. Those that vote decide by majority who leads and what is written; the others
follow.`,
		Args: asUsage(cobra.ArbitraryArgs),
		RunE: needsSubcommand("operator raft", "list-peers or remove-peer"),
	}
	cmd.AddCommand(newListPeersCommand(env), newRemovePeerCommand(env))
	return cmd
}

func newListPeersCommand(env *environment) *cobra.Command {
	return &cobra.Command{
		Use:   "list-peers",
		Short: "List the masters that replicate the state",
		Long: `List the masters that replicate the state, with what they are in raft, whether they are alive, and the index of the last change
that each has applied.`,
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
	t := newTable("NAME", "ID", "ADDRESS", "STATE", "ALIVE", "INDEX", "VERSION")
	for _, p := range peers {
		t.add(cmp.Or(p.Name, "-"), p.ID, p.Address, peerState(p), yesNo(p.Alive), numberOrDash(p.Index), cmp.Or(p.Version, "-"))
	}
	t.write(io.out)
	return nil
}

// peerState is what a server is in raft.
func peerState(p model.Peer) string {
	switch {
	case p.Leader:
		return "leader"
	case p.Voter:
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

// numberOrDash is for numbers that a master may not tell.
func numberOrDash(n uint64) string {
	if n == 0 {
		return "-"
	}
	return strconv.FormatUint(n, 10)
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
		Short: "Remove a master that is gone for good",
		Long: `Remove a master from the cluster for good, given by raft id or name. It is meant for one that is gone: one that runs leaves with
'heliosctl leave', which ends it too.

It is refused where most of the masters that remain would not be alive, unless --force is given. Then nothing can be written until most
of them are back.`,
		Example: `  heliosctl operator raft remove-peer m3
  heliosctl operator raft remove-peer 0b6e0f5e-7d0b-4b6c-a6b1-3f1d8e0a5c11 --yes`,
		Args: asUsage(positional),
		RunE: func(cmd *cobra.Command, args []string) error {
			opts.Peer, opts.JSON = args[0], env.options.json
			if opts.Peer == "" {
				return usagef("remove-peer: the master's id or name is empty")
			}
			return withOneClient(env, func(api *client.Client) error {
				return runRemovePeer(cmd.Context(), env.streams, api, opts)
			})
		},
	}
	cmd.Flags().BoolVar(&opts.Force, "force", false, "even when most of those that remain are not alive")
	cmd.Flags().BoolVar(&opts.Yes, "yes", false, "do not ask")
	return cmd
}

func runRemovePeer(ctx context.Context, io streams, api *client.Client, opts removePeerOptions) error {
	peers, err := api.Peers(ctx)
	if err != nil {
		return err
	}
	peer, err := findPeer(peers, opts.Peer)
	if err != nil {
		return err
	}
	if !opts.Yes {
		if err := confirm(ctx, io, removePeerQuestion(peer)); err != nil {
			return err
		}
	}
	if !opts.JSON {
		fmt.Fprintf(io.out, "Removing master %s\n", oneLine(describePeer(peer)))
	}
	if err := api.RemovePeer(ctx, peer.ID, opts.Force); err != nil {
		return err
	}
	if opts.JSON {
		return printJSON(io.out, model.MasterResponse{Status: model.CodeOK, Master: peer.ID})
	}
	fmt.Fprintf(io.out, "%s: done\n", oneLine(peer.ID))
	return nil
}

// findPeer returns the server of that id, else the only one of that name. One that is not listed is for the leader to judge: the list of
// the master that answers may be behind, and to remove a second time what is removed already is no failure.
func findPeer(peers []model.Peer, reference string) (model.Peer, error) {
	var found []model.Peer
	for _, p := range peers {
		if p.ID == reference {
			return p, nil
		}
		if p.Name == reference {
			found = append(found, p)
		}
	}
	switch len(found) {
	case 0:
		return model.Peer{ID: reference}, nil
	case 1:
		return found[0], nil
	}
	ids := make([]string, len(found))
	for i, p := range found {
		ids[i] = p.ID
	}
	slices.Sort(ids)
	return model.Peer{}, model.Errorf(model.CodeInvalid, "master %q is ambiguous: give one of the ids %s", reference, strings.Join(ids, ", "))
}

func describePeer(p model.Peer) string {
	if p.Name == "" {
		return p.ID
	}
	return p.Name + " (" + p.ID + ")"
}

func removePeerQuestion(p model.Peer) string {
	if p.Address == "" {
		return fmt.Sprintf("Remove master %s, which is not listed, from the cluster for good?", p.ID)
	}
	alive := "not alive"
	if p.Alive {
		alive = "alive"
	}
	return fmt.Sprintf("Remove master %s, a %s that is %s, from the cluster for good?", describePeer(p), peerState(p), alive)
}
