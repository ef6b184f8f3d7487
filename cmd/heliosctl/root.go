package main

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/heliosctl/heliosctl/client"
	"github.com/heliosctl/heliosctl/model"
)

// commandGroup is a heading of the help and the commands under it.
type commandGroup struct {
	id       string
	title    string
	commands []*cobra.Command
}

// commandGroups is the place where commands are added.
func commandGroups(env *environment) []commandGroup {
	return []commandGroup{
		{"jobs", "Jobs:", []*cobra.Command{
			newCreateCommand(env), newInspectCommand(env), newJobsCommand(env), newRemoveCommand(env), newHistoryCommand(env),
		}},
		{"deployments", "Deployments:", []*cobra.Command{
			newDeployCommand(env), newUndeployCommand(env), newStartCommand(env), newStopCommand(env), newStatusCommand(env),
			newLogsCommand(env), newExecCommand(env),
		}},
		{"groups", "Deployment groups:", newGroupCommands(env)},
		{"hosts", "Hosts:", []*cobra.Command{
			newHostsCommand(env), newRegisterCommand(env), newDeregisterCommand(env), newDrainCommand(env),
		}},
		{"cluster", "Cluster:", []*cobra.Command{
			newDashboardCommand(env), newMastersCommand(env), newLeaveCommand(env), newOperatorCommand(env), newVersionCommand(env),
			newMembersCommand(env), newRTTCommand(env), newKeygenCommand(env), newKeyringCommand(env),
		}},
		{"daemons", "Daemons:", []*cobra.Command{
			newMasterCommand(env), newAgentCommand(env), newDevCommand(env), newDemoCommand(env),
		}},
	}
}

func newRootCommand(env *environment) *cobra.Command {
	root := &cobra.Command{
		Use:   "heliosctl",
		Short: "Run Docker jobs on a fleet of hosts",
		Long: `heliosctl runs Docker jobs on a fleet of hosts.

Create a job, deploy it to hosts, and the agents there keep it running. Without a command, on a terminal, it opens the dashboard.`,
		Example: `  heliosctl create web:1 nginx:1.25 -p http=80:8080
  heliosctl hosts
  heliosctl deploy web:1 web-1.example.com --wait
  heliosctl status --job web:1`,
		Version:       productVersion(),
		SilenceErrors: true,
		SilenceUsage:  true,
		Args:          cobra.ArbitraryArgs,
		RunE: func(cmd *cobra.Command, args []string) error {
			if len(args) > 0 {
				return usagef("unknown command %q", args[0])
			}
			if env.terminal != nil {
				return runDashboard(cmd.Context(), env, defaultDashboard())
			}
			return cmd.Help()
		},
	}
	root.SuggestionsMinimumDistance = 2
	root.Flags().Bool("version", false, "print the version of this binary") // without cobra's -v
	root.SetVersionTemplate("heliosctl {{.Version}}\n")
	root.SetFlagErrorFunc(func(_ *cobra.Command, err error) error { return usagef("%v", err) })
	env.options.bind(root.PersistentFlags())
	for _, group := range commandGroups(env) {
		root.AddGroup(&cobra.Group{ID: group.id, Title: group.title})
		for _, cmd := range group.commands {
			cmd.GroupID = group.id
			cmd.Args = asUsage(cmd.Args)
			root.AddCommand(cmd)
		}
	}
	root.AddCommand(newDemoServiceCommand(env), newExitCodesTopic())
	return root
}

// asUsage makes usage errors of what is wrong with the arguments, whoever checks them.
func asUsage(check cobra.PositionalArgs) cobra.PositionalArgs {
	return func(cmd *cobra.Command, args []string) error {
		if check == nil {
			return nil
		}
		err := check(cmd, args)
		var usage *usageError
		if err == nil || errors.As(err, &usage) {
			return err
		}
		return usagef("%v", err)
	}
}

// execute runs a command line and returns the exit code. It prints whatever there is to say about a failure.
func execute(ctx context.Context, env *environment, args []string) int {
	out := &output{Writer: env.out}
	env.out = out
	root := newRootCommand(env)
	root.SetIn(env.in)
	root.SetOut(env.out)
	root.SetErr(env.err)
	root.SetArgs(spellOut(root, args))
	cmd, err := root.ExecuteContextC(ctx)
	var usage *usageError
	if errors.As(err, &usage) {
		if cmd == root {
			usage.message = explainUnknownCommand(root, args, usage.message)
		}
		usage.command = cmd.CommandPath()
	}
	if err == nil && out.failure != nil {
		err = model.Errorf(model.CodeInternal, "writing the output: %v", out.failure)
	}
	if err != nil {
		report(env, out, err)
	}
	return exitCode(err)
}

// explainUnknownCommand replaces the message about a flag that the root does not know, when the real fault is the command before it.
func explainUnknownCommand(root *cobra.Command, args []string, message string) string {
	word := commandWord(root, args)
	if word == "" {
		return message
	}
	message = fmt.Sprintf("unknown command %q", word)
	if similar := root.SuggestionsFor(word); len(similar) > 0 {
		message += "; did you mean " + strings.Join(similar, " or ") + "?"
	}
	return message
}

// commandWord returns the first argument that is neither a flag nor the value of a global flag.
func commandWord(root *cobra.Command, args []string) string {
	for i := 0; i < len(args); i++ {
		arg := args[i]
		switch {
		case arg == "--":
			return strings.Join(args[min(i+1, len(args)):min(i+2, len(args))], "")
		case !strings.HasPrefix(arg, "-") || arg == "-":
			return arg
		case takesValue(root.PersistentFlags(), arg):
			i++
		}
	}
	return ""
}

// takesValue tells whether the value of a flag is the next argument.
func takesValue(flags *pflag.FlagSet, arg string) bool {
	var flag *pflag.Flag
	if name, long := strings.CutPrefix(arg, "--"); long {
		flag = flags.Lookup(name)
	} else if len(arg) == 2 {
		flag = flags.ShorthandLookup(arg[1:])
	}
	return flag != nil && flag.NoOptDefVal == ""
}

// withClient runs a command with a client of the master, and closes it.
func withClient(env *environment, run func(*client.Client) error) error {
	api, err := env.connect()
	if err != nil {
		return err
	}
	defer api.Close()
	return run(api)
}

func bindToken(flags *pflag.FlagSet, token *string) {
	flags.StringVar(token, "token", "", "the job's `TOKEN`, if it has one")
}

func findJobAndHosts(ctx context.Context, api *client.Client, job string, hosts []string) (model.Job, []hostReference, error) {
	found, err := findJob(ctx, api, job)
	if err != nil {
		return found, nil, err
	}
	references, err := findHosts(ctx, api, hosts)
	return found, references, err
}

// positional checks the number of arguments against the words of the command's usage line: NAME is needed, [NAME] is not, and an
// ellipsis takes any number.
func positional(cmd *cobra.Command, args []string) error {
	words := strings.Fields(cmd.Use)[1:]
	for i, word := range words {
		if i >= len(args) && !strings.HasPrefix(word, "[") {
			return usagef("%s: %s is missing", cmd.Name(), strings.TrimSuffix(word, "..."))
		}
	}
	if len(args) <= len(words) || strings.Contains(cmd.Use, "...") {
		return nil
	}
	return usagef("%s: unexpected argument %q", cmd.Name(), args[len(words)])
}
