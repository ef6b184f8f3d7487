package main

import (
	"context"
	"errors"
	"fmt"
	"slices"
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
			newDeployCommand(env), newUndeployCommand(env), newStartCommand(env), newStopCommand(env), newStatusCommand(env), newWatchCommand(env),
			newLogsCommand(env), newExecCommand(env), newEventsCommand(env),
		}},
		{"groups", "Deployment groups:", newGroupCommands(env)},
		{"manifests", "Manifests:", []*cobra.Command{newApplyCommand(env), newDiffCommand(env), newExportCommand(env)}},
		{"hosts", "Hosts:", []*cobra.Command{
			newHostsCommand(env), newRegisterCommand(env), newDeregisterCommand(env), newDrainCommand(env),
		}},
		{"cluster", "Cluster:", []*cobra.Command{
			newDashboardCommand(env), newContextCommand(env), newMastersCommand(env), newLeaveCommand(env), newOperatorCommand(env), newVersionCommand(env),
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
				return usagef("%s", unknownCommand(cmd, args[0]))
			}
			if env.fullScreen() {
				o, given := defaultDashboard()
				return runDashboard(cmd.Context(), env, o, given)
			}
			return cmd.Help()
		},
	}
	root.Flags().Bool("version", false, "print the version of this binary") // without cobra's -v
	root.SetVersionTemplate("heliosctl {{.Version}}\n")
	root.SetFlagErrorFunc(explainFlag)
	env.options.bind(root.PersistentFlags())
	root.PersistentFlags().StringVar(&env.color, "color", "auto",
		"`WHEN` to colour: auto, on a terminal unless $NO_COLOR is set; always; never")
	root.PersistentPreRunE = func(cmd *cobra.Command, args []string) error {
		env.arguments = argumentsOf(cmd, args)
		env.noteGoogle()
		return env.settle(cmd)
	}
	root.SetHelpFunc(func(cmd *cobra.Command, _ []string) { env.printHelp(cmd) })
	for _, group := range commandGroups(env) {
		root.AddGroup(&cobra.Group{ID: group.id, Title: group.title})
		for _, cmd := range group.commands {
			cmd.GroupID = group.id
			cmd.Args = asUsage(cmd.Args)
			root.AddCommand(cmd)
		}
	}
	root.AddCommand(newDemoServiceCommand(env), newExitCodesCommand(env), newCompletionCommand(env))
	root.SetHelpCommand(newHelpCommand())
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
	env.out, env.running = out, ctx
	root := newRootCommand(env)
	root.SetIn(env.in)
	root.SetOut(env.out)
	root.SetErr(env.err)
	if completes(args) {
		completeEverywhere(env, root)
	}
	cmd := root
	spelt, err := spellOut(root, args)
	if err == nil {
		args = spelt
		root.SetArgs(args)
		cmd, err = root.ExecuteContextC(ctx)
	}
	var usage *usageError
	if errors.As(err, &usage) && usage.command == "" {
		if cmd == root {
			usage.message = explainUnknownCommand(root, args, usage.message)
		}
		usage.command = cmd.CommandPath()
		env.options.json = env.options.json || asksForJSON(args)
	}
	if err == nil && out.failure != nil {
		err = model.Errorf(model.CodeInternal, "writing the output: %v", out.failure)
	}
	if err != nil {
		c, _ := contractOf(cmd)
		env.linewise = c.json == jsonLines
		report(env, out, err)
	}
	return exitCode(err)
}

// explainFlag makes a usage error of what pflag says, with the flags that are meant perhaps.
func explainFlag(cmd *cobra.Command, err error) error {
	var unknown *pflag.NotExistError
	if !errors.As(err, &unknown) || unknown.GetSpecifiedShortnames() != "" {
		return usagef("%v", err)
	}
	var names []string
	cmd.Flags().VisitAll(func(flag *pflag.Flag) {
		if !flag.Hidden {
			names = append(names, "--"+flag.Name)
		}
	})
	return usagef("%v%s", err, didYouMean("--"+unknown.GetSpecifiedName(), names))
}

func unknownCommand(parent *cobra.Command, word string) string {
	var names []string
	for _, cmd := range parent.Commands() {
		if !cmd.Hidden {
			names = append(names, cmd.Name())
		}
	}
	return fmt.Sprintf("unknown command %q%s", word, didYouMean(word, names))
}

// asksForJSON finds --json in a command line that could not be read.
func asksForJSON(args []string) bool {
	flags := args
	if end := slices.Index(args, "--"); end >= 0 {
		flags = args[:end]
	}
	return slices.Contains(flags, "--json")
}

// settle takes from the global flags what all commands have in common.
func (env *environment) settle(cmd *cobra.Command) error {
	p, err := env.page()
	if err != nil {
		return err
	}
	if out, ok := env.out.(*output); ok {
		out.page = p
	}
	if l := env.lookAt(env.errors); l.live() && !env.options.json {
		env.progress = &progressScreen{look: l, size: env.errors.size}
	}
	if !env.options.json {
		return nil
	}
	env.machine = true
	return checkJSON(cmd)
}

// explainUnknownCommand replaces the message about a flag that the root does not know, when the real fault is the command before it.
func explainUnknownCommand(root *cobra.Command, args []string, message string) string {
	word := commandWord(root, args)
	if word == "" {
		return message
	}
	return unknownCommand(root, word)
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

func bindToken(flags *pflag.FlagSet, token *string) {
	flags.StringVar(token, "token", "", "the job's `TOKEN`, if it has one")
	letLackValue(flags, "token")
}

// findJobAndHosts resolves what a command was given; find is findJob or findWholeJob.
func findJobAndHosts(
	ctx context.Context, api *client.Client, find func(context.Context, *client.Client, string) (model.Job, error), job string, hosts []string,
) (model.Job, []hostReference, error) {
	found, err := find(ctx, api, job)
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
