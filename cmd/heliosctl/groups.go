package main

import (
	"context"
	"fmt"
	"strconv"
	"strings"

	"github.com/spf13/cobra"

	"github.com/heliosctl/heliosctl/client"
	"github.com/heliosctl/heliosctl/model"
)

// namedCommand makes a command that bears the name it is given: those of groups have two, the original's and one under "group".
type namedCommand func(env *environment, name string) *cobra.Command

// groupCommands lists the commands of deployment groups. Full is the name among all commands, short the one under "group".
func groupCommands() []struct {
	full, short string
	make        namedCommand
} {
	return []struct {
		full, short string
		make        namedCommand
	}{
		{"create-deployment-group", "create", newCreateGroupCommand},
		{"remove-deployment-group", "remove", newRemoveGroupCommand},
		{"list-deployment-groups", "list", newListGroupsCommand},
		{"inspect-deployment-group", "inspect", newInspectGroupCommand},
		{"deployment-group-status", "status", newGroupStatusCommand},
		{"watch-deployment-group", "watch", newWatchGroupCommand},
		{"rolling-update", "update", newRollingUpdateCommand},
		{"stop-deployment-group", "stop", newStopGroupCommand},
		{"pause", "pause", newPauseCommand},
		{"resume", "resume", newResumeCommand},
		{"rollback", "rollback", newRollbackCommand},
		{"rollouts", "rollouts", newRolloutsCommand},
	}
}

// newGroupCommands returns the commands of deployment groups under their full names, and their parent under the short ones.
func newGroupCommands(env *environment) []*cobra.Command {
	parent := &cobra.Command{
		Use:   "group",
		Short: "The same commands, with short names",
		Args:  cobra.ArbitraryArgs,
	}
	var commands []*cobra.Command
	var names []string
	for _, command := range groupCommands() {
		commands = append(commands, command.make(env, command.full))
		short := command.make(env, command.short)
		short.Example = strings.ReplaceAll(short.Example, "heliosctl "+command.short, "heliosctl group "+command.short)
		short.Args = asUsage(short.Args)
		parent.AddCommand(short)
		names = append(names, command.short)
	}
	last := len(names) - 1
	parent.RunE = needsSubcommand("group", strings.Join(names[:last], ", ")+" or "+names[last])
	return append(commands, parent)
}

type createGroupOptions struct {
	Group model.DeploymentGroup
	Quiet bool
	JSON  bool
}

func newCreateGroupCommand(env *environment, name string) *cobra.Command {
	var opts createGroupOptions
	cmd := &cobra.Command{
		Use:   name + " NAME SELECTOR...",
		Short: "Create a deployment group",
		Long: `Create a deployment group: the hosts whose labels match all selectors, now and later.

A selector is LABEL=VALUE, LABEL!=VALUE, LABEL in (A, B) or LABEL notin (A, B), and one argument: quote it where it has blanks or
parentheses. A host without the label never matches. The same group again, its selectors in any order, is NOT_MODIFIED; one of the
same name with other selectors is refused.`,
		Example: "  heliosctl " + name + " web role=web\n  heliosctl " + name + " canary role=web 'zone in (a, b)'",
		Args:    positional,
		RunE: func(cmd *cobra.Command, args []string) error {
			opts.JSON = env.options.json
			if err := opts.take(args); err != nil {
				return err
			}
			return withClient(env, func(api *client.Client) error {
				return runCreateGroup(cmd.Context(), env.streams, api, opts)
			})
		},
	}
	cmd.Flags().BoolVarP(&opts.Quiet, "quiet", "q", false, "print the outcome only")
	return cmd
}

// take reads name and selectors, and names the selector that is wrong.
func (o *createGroupOptions) take(args []string) error {
	if err := model.ValidateDeploymentGroupName(args[0]); err != nil {
		return usagef("%v", err)
	}
	o.Group = model.DeploymentGroup{Name: args[0], HostSelectors: []model.HostSelector{}}
	for _, arg := range args[1:] {
		selector, err := parseSelector(arg)
		if err != nil {
			return err
		}
		o.Group.HostSelectors = append(o.Group.HostSelectors, selector)
	}
	return nil
}

func runCreateGroup(ctx context.Context, io streams, api *client.Client, opts createGroupOptions) error {
	if !opts.Quiet && !opts.JSON {
		text, err := compactJSON(opts.Group)
		if err != nil {
			return err
		}
		fmt.Fprintf(io.out, "Creating deployment group: %s\n", text)
	}
	status, err := api.CreateGroup(ctx, opts.Group)
	if err != nil {
		return err
	}
	return printCompact(io, model.CreateDeploymentGroupResponse{Status: status})
}

// printCompact prints one document on one line.
func printCompact(io streams, document any) error {
	return encodeJSON(io.out, document, "")
}

// groupOptions are what the commands take that need a group's name only.
type groupOptions struct {
	Group string
	JSON  bool
}

// newNamedGroupCommand makes a command that takes a group's name only.
func newNamedGroupCommand(
	env *environment, name, short, long string, run func(context.Context, streams, *client.Client, groupOptions) error,
) *cobra.Command {
	return &cobra.Command{
		Use:     name + " GROUP",
		Short:   short,
		Long:    long,
		Example: "  heliosctl " + name + " web",
		Args:    positional,
		RunE: func(cmd *cobra.Command, args []string) error {
			opts := groupOptions{Group: args[0], JSON: env.options.json}
			return withClient(env, func(api *client.Client) error {
				return run(cmd.Context(), env.streams, api, opts)
			})
		},
	}
}

func newRemoveGroupCommand(env *environment, name string) *cobra.Command {
	var yes bool
	cmd := newNamedGroupCommand(env, name, "Remove a deployment group",
		`Remove a deployment group, even while it rolls out. What it deployed stays deployed. On a terminal there is a question, which --yes
answers; elsewhere there is none, so that scripts for the original go on working.`,
		func(ctx context.Context, io streams, api *client.Client, opts groupOptions) error {
			if io.interactive && !io.machine && !yes {
				if err := confirm(ctx, io, fmt.Sprintf("Remove deployment group %s?", opts.Group)); err != nil {
					return err
				}
			}
			if err := api.RemoveGroup(ctx, opts.Group); err != nil {
				return err
			}
			if opts.JSON {
				return printCompact(io, model.RemoveDeploymentGroupResponse{Status: model.CodeGroupRemoved})
			}
			fmt.Fprintf(io.out, "Deployment-group %s removed\n", oneLine(opts.Group))
			return nil
		})
	cmd.Flags().BoolVar(&yes, "yes", false, "do not ask")
	return cmd
}

func newStopGroupCommand(env *environment, name string) *cobra.Command {
	return newNamedGroupCommand(env, name, "Stop a group's rollout",
		`Stop the rollout of a deployment group where it is. The hosts keep what they have, and the group is FAILED, even when nothing
rolled out. 'heliosctl pause' holds a rollout that is to go on.`,
		func(ctx context.Context, io streams, api *client.Client, opts groupOptions) error {
			return tellGroup(io, opts, api.StopGroup(ctx, opts.Group), "stopped")
		})
}

// groupResult is the JSON of a change of a group's rollout.
type groupResult struct {
	Status model.Code `json:"status"`
	Group  string     `json:"group"`
}

func tellGroup(io streams, opts groupOptions, err error, outcome string) error {
	switch {
	case err != nil:
		return err
	case opts.JSON:
		return printJSON(io.out, groupResult{model.CodeOK, opts.Group})
	}
	fmt.Fprintf(io.out, "Deployment-group %s %s\n", oneLine(opts.Group), outcome)
	return nil
}

func newListGroupsCommand(env *environment, name string) *cobra.Command {
	return &cobra.Command{
		Use:     name,
		Short:   "List the deployment groups",
		Long:    "List the names of all deployment groups.",
		Example: "  heliosctl " + name,
		Args:    positional,
		RunE: func(cmd *cobra.Command, _ []string) error {
			return withClient(env, func(api *client.Client) error {
				groups, err := api.Groups(cmd.Context())
				switch {
				case err != nil:
					return err
				case env.options.json:
					return printJSON(env.out, groups)
				}
				printLines(env.out, groups)
				return nil
			})
		},
	}
}

func newInspectGroupCommand(env *environment, name string) *cobra.Command {
	return newNamedGroupCommand(env, name, "Show a deployment group",
		"Show what a deployment group is: its selectors, its job, and the options of its last rolling update.",
		func(ctx context.Context, io streams, api *client.Client, opts groupOptions) error {
			group, err := api.Group(ctx, opts.Group)
			switch {
			case err != nil:
				return err
			case opts.JSON:
				return printJSON(io.out, group)
			}
			_, err = fmt.Fprint(io.out, displayGroup(group))
			return err
		})
}

// displayGroup writes a group as the original did, and behind its options those that it did not have, where they are set.
func displayGroup(group model.DeploymentGroup) string {
	var b strings.Builder
	fmt.Fprintf(&b, "Name: %s\n%s", oneLine(group.Name), displaySelectors(group))
	fmt.Fprintf(&b, "Job: %s\n", displayGroupJob(group.JobID, true))
	if group.RollingUpdateReason != "" {
		fmt.Fprintf(&b, "Rolling update reason: %s\n", group.RollingUpdateReason)
	}
	if group.RolloutOptions == nil {
		return b.String()
	}
	b.WriteString("Rollout options:\n")
	for _, option := range displayGroupOptions(*group.RolloutOptions) {
		fmt.Fprintf(&b, "  %s: %s\n", option[0], oneLine(option[1]))
	}
	return b.String()
}

func displayGroupOptions(o model.RolloutOptions) [][2]string {
	set := func(b *bool) string { return strconv.FormatBool(b != nil && *b) }
	options := [][2]string{
		{"Migrate", set(o.Migrate)},
		{"Overlap", set(o.Overlap)},
		{"Parallelism", displayInt(o.Parallelism)},
		{"Timeout", displayInt(o.Timeout)},
	}
	if o.Token != nil && *o.Token != "" {
		options = append(options, [2]string{"Token", *o.Token})
	}
	options = append(options, [2]string{"Ignore failures", set(o.IgnoreFailures)})
	for _, option := range [][2]string{
		{"Canary", displayInt(o.Canary)},
		{"Max failures", string(o.MaxFailures)},
		{"Min healthy", displayInt(o.MinHealthy)},
		{"On failure", string(o.OnFailure)},
	} {
		if option[1] != "" {
			options = append(options, option)
		}
	}
	return options
}

func displaySelectors(group model.DeploymentGroup) string {
	var b strings.Builder
	b.WriteString("Host selectors:\n")
	for _, selector := range group.HostSelectors {
		fmt.Fprintf(&b, "  %s\n", oneLine(selector.String()))
	}
	return b.String()
}

// displayGroupJob writes the id of a group's job, null where it has none.
func displayGroupJob(id model.JobID, full bool) string {
	if id.IsZero() {
		return "null"
	}
	return displayID(id, full)
}
