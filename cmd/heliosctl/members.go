package main

import (
	"cmp"
	"context"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/heliosctl/heliosctl/client"
	"github.com/heliosctl/heliosctl/model"
)

type membersOptions struct {
	Role   string
	Status model.MemberStatus
	JSON   bool
}

func newMembersCommand(env *environment) *cobra.Command {
	var opts membersOptions
	var status string
	cmd := &cobra.Command{
		Use:   "members",
		Short: "List the members of the gossip pool",
		Long: `List the members of the gossip pool, as the master that answers sees it: masters, agents, and what is none of heliosctl.

A member is alive, leaving, left (it said so) or failed (it stopped answering).`,
		Example: `  heliosctl members
  heliosctl members --role agent --status failed`,
		Args: positional,
		RunE: func(cmd *cobra.Command, _ []string) error {
			opts.JSON = env.options.json
			if err := opts.check(status); err != nil {
				return err
			}
			return withClient(env, func(api *client.Client) error {
				return runMembers(cmd.Context(), env.streams, api, opts)
			})
		},
	}
	cmd.Flags().StringVar(&opts.Role, "role", "", "only members that are a `master|agent`")
	cmd.Flags().StringVar(&status, "status", "", "only members that are `alive|leaving|left|failed`")
	return cmd
}

func (o *membersOptions) check(status string) error {
	o.Role, o.Status = strings.ToLower(o.Role), model.MemberStatus(strings.ToLower(status))
	if !slices.Contains([]string{"", model.RoleMaster, model.RoleAgent}, o.Role) {
		return usagef("--role is %q; it can be master or agent", o.Role)
	}
	if !slices.Contains([]model.MemberStatus{"", model.MemberAlive, model.MemberLeaving, model.MemberLeft, model.MemberFailed}, o.Status) {
		return usagef("--status is %q; it can be alive, leaving, left or failed", status)
	}
	return nil
}

func runMembers(ctx context.Context, io streams, api *client.Client, opts membersOptions) error {
	members, err := api.Members(ctx)
	if err != nil {
		return err
	}
	members = slices.DeleteFunc(members, func(m model.Member) bool {
		return opts.Role != "" && m.Role != opts.Role || opts.Status != "" && m.Status != opts.Status
	})
	if opts.JSON {
		return printJSON(io.out, members)
	}
	t := newTable("NAME", "ROLE", "STATUS", "ADDRESS", "VERSION", "ID")
	for _, m := range members {
		t.add(m.Name, cmp.Or(m.Role, "-"), string(m.Status), m.Address, cmp.Or(m.Version, "-"), cmp.Or(m.ID, "-"))
	}
	t.write(io.out)
	return nil
}
