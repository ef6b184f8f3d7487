package main

import (
	"cmp"
	"context"
	"slices"

	"github.com/spf13/cobra"

	"github.com/heliosctl/heliosctl/client"
	"github.com/heliosctl/heliosctl/model"
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
		Long: `List the names of the masters that are alive. With --detail it is all masters of the cluster, with what each is, its term of raft, the
index of the last change it has applied, and by how many it is behind the leader.`,
		Example: `  heliosctl masters
  heliosctl masters --detail`,
		Args: positional,
		RunE: func(cmd *cobra.Command, _ []string) error {
			opts.JSON = env.options.json
			return withClient(env, func(api *client.Client) error {
				if opts.Detail {
					return runMastersDetail(cmd.Context(), env.streams, api, opts)
				}
				return runMasters(cmd.Context(), env.streams, api, opts)
			})
		},
	}
	cmd.Flags().BoolP("full", "f", false, "accepted for scripts: names are always printed in full")
	cmd.Flags().BoolVar(&opts.Detail, "detail", false, "what each of them is and how far it has come")
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

func runMastersDetail(ctx context.Context, io streams, api *client.Client, opts mastersOptions) error {
	peers, err := api.Peers(ctx)
	if err != nil {
		return err
	}
	if opts.JSON {
		return printJSON(io.out, peers)
	}
	t := newTable("NAME", "STATE", "TERM", "INDEX", "BEHIND", "ADDRESS", "VERSION")
	for _, p := range peers {
		state := peerState(p)
		if !p.Alive {
			state += ", down"
		}
		t.add(cmp.Or(p.Name, p.ID), state, numberOrDash(p.Term), numberOrDash(p.Index), behind(p, peers), p.Address, cmp.Or(p.Version, "-"))
	}
	t.write(io.out)
	return nil
}

// behind is how many changes a master has yet to apply, a dash where that is not known. The masters are not asked at the same moment,
// so one may be found ahead.
func behind(p model.Peer, peers []model.Peer) string {
	leader := slices.IndexFunc(peers, func(p model.Peer) bool { return p.Leader })
	if leader < 0 || p.Index == 0 {
		return "-"
	}
	if p.Index >= peers[leader].Index {
		return "0"
	}
	return numberOrDash(peers[leader].Index - p.Index)
}
