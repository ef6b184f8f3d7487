package main

import (
	"cmp"
	"context"
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/heliosctl/heliosctl/client"
	"github.com/heliosctl/heliosctl/cmd/heliosctl/config"
	"github.com/heliosctl/heliosctl/tui/theme"
)

// completionPatience is how long a person who has pressed the tab key is kept waiting for masters.
const completionPatience = time.Second

func newCompletionCommand(env *environment) *cobra.Command {
	cmd := &cobra.Command{
		Use:   "completion",
		Short: "Let the shell complete commands, options and the names in the cluster",
		Long: `Print a script that lets a shell complete commands, options, and what is in the cluster: jobs, hosts, groups and contexts.

Names come from the cluster that the command line speaks to, with the options that have been typed. Where no master answers within a
second, there are none, and nothing is said.`,
		Example: `  source <(heliosctl completion bash)
  heliosctl completion fish > ~/.config/fish/completions/heliosctl.fish`,
		Args: cobra.ArbitraryArgs,
		RunE: needsSubcommand("completion", "bash, zsh, fish or powershell"),
	}
	for _, shell := range []struct {
		name, setUp string
		write       func(*cobra.Command, io.Writer) error
	}{
		{
			"bash", "Needs the package bash-completion. For every new shell, put the script where that package looks for it, or this into ~/.bashrc:\n\n" +
				"  source <(heliosctl completion bash)",
			func(root *cobra.Command, w io.Writer) error { return root.GenBashCompletionV2(w, true) },
		},
		{
			"zsh", "For every new shell, put this into ~/.zshrc, after compinit:\n\n  source <(heliosctl completion zsh)",
			func(root *cobra.Command, w io.Writer) error { return root.GenZshCompletion(w) },
		},
		{
			"fish", "For every new shell:\n\n  heliosctl completion fish > ~/.config/fish/completions/heliosctl.fish",
			func(root *cobra.Command, w io.Writer) error { return root.GenFishCompletion(w, true) },
		},
		{
			"powershell", "For every new shell, put this into the file that $PROFILE names:\n\n" +
				"  heliosctl completion powershell | Out-String | Invoke-Expression",
			func(root *cobra.Command, w io.Writer) error { return root.GenPowerShellCompletionWithDesc(w) },
		},
	} {
		cmd.AddCommand(&cobra.Command{
			Use: shell.name, Short: "Print the script for " + shell.name, Long: "Print the script for " + shell.name + ". " + shell.setUp,
			Example: "  heliosctl completion " + shell.name, Args: asUsage(positional), ValidArgsFunction: cobra.NoFileCompletions,
			RunE: func(cmd *cobra.Command, _ []string) error { return shell.write(cmd.Root(), env.out) },
		})
	}
	return cmd
}

// unfinished is a command line of which a word is to be completed.
type unfinished struct {
	env  *environment
	cmd  *cobra.Command
	args []string // before the word
	word string
}

// completer offers what may stand in the place of a word.
type completer func(context.Context, unfinished) []cobra.Completion

// argumentCompleters are those of arguments, by their words in usage lines.
func argumentCompleters() map[string]completer {
	return map[string]completer{
		"JOB": fromCluster(jobNames), "HOST": completeHosts, "GROUP": fromCluster(groupNames), "CONTEXT": completeContexts, "MASTER": fromCluster(masterNames),
		"MEMBER": fromCluster(memberNames), "ID|NAME": fromCluster(masterNames),
	}
}

// flagCompleters are those of the values of flags, by their names, or by a command and a name where it matters.
func flagCompleters() map[string]completer {
	return map[string]completer{
		"context": completeContextList, "job": fromCluster(jobNames), "template": fromCluster(jobNames), "host": completeHosts,
		"events type": words(eventTypeNames()...), "status": words("UP", "DOWN"), "on-failure": words("stop", "pause", "rollback"), "environment": words("production", "staging", "development"),
		"theme": words(theme.Names()...), "dashboard color": words("auto", "true", "256", "16", "never"), "gossip-profile": words("lan", "fast"),
		"google-credentials": words("true", "false"), "network-mode": words("bridge", "host", "container:"),
		"agent runtime": words("docker", "process", "sim"), "dev runtime": words("auto", "docker", "process", "sim"),
		"demo runtime": words("auto", "docker", "process"),
	}
}

// completeEverywhere lets the arguments and flags of a command, and of those below it, be completed.
func completeEverywhere(env *environment, cmd *cobra.Command) {
	if cmd.ValidArgsFunction == nil && !cmd.HasSubCommands() {
		cmd.ValidArgsFunction = completeArguments(env)
	}
	flags := flagCompleters()
	register := func(flag *pflag.Flag) {
		complete := flags[cmd.Name()+" "+flag.Name]
		if complete == nil {
			complete = flags[flag.Name]
		}
		if complete != nil {
			_ = cmd.RegisterFlagCompletionFunc(flag.Name, completeBy(env, complete)) // it exists
		} else if flag.NoOptDefVal == "" && !takesFile(flag) {
			_ = cmd.RegisterFlagCompletionFunc(flag.Name, cobra.NoFileCompletions)
		}
	}
	cmd.LocalNonPersistentFlags().VisitAll(register)
	cmd.PersistentFlags().VisitAll(register)
	for _, sub := range cmd.Commands() {
		completeEverywhere(env, sub)
	}
}

// takesFile tells whether the value of a flag is a path here, which the shell completes.
func takesFile(flag *pflag.Flag) bool {
	kind, _ := pflag.UnquoteUsage(flag)
	return kind == "FILE" || kind == "FOLDER"
}

// completeArguments completes arguments by their words in the usage line.
func completeArguments(env *environment) cobra.CompletionFunc {
	return func(cmd *cobra.Command, args []string, typed string) ([]cobra.Completion, cobra.ShellCompDirective) {
		usage := strings.Fields(cmd.Use)[1:]
		if len(usage) == 0 {
			return nil, cobra.ShellCompDirectiveNoFileComp
		}
		at := min(len(args), len(usage)-1)
		if len(args) > at && !strings.Contains(usage[at], "...") {
			return nil, cobra.ShellCompDirectiveNoFileComp
		}
		word := strings.TrimSuffix(strings.Trim(usage[at], "[]"), "...")
		if word == "FILE" {
			return nil, cobra.ShellCompDirectiveDefault
		}
		complete := argumentCompleters()[word]
		if complete == nil {
			return nil, cobra.ShellCompDirectiveNoFileComp
		}
		return completeBy(env, complete)(cmd, args, typed)
	}
}

// completeBy asks for what there is and leaves out what has been typed already. It says nothing about what goes wrong.
func completeBy(env *environment, complete completer) cobra.CompletionFunc {
	return func(cmd *cobra.Command, args []string, typed string) ([]cobra.Completion, cobra.ShellCompDirective) {
		ctx, cancel := context.WithTimeout(env.running, completionPatience)
		defer cancel()
		quiet := *env
		quiet.running, quiet.err, quiet.options.verbosity = ctx, io.Discard, 0
		quiet.options.httpTimeout, quiet.options.retryTimeout = seconds(completionPatience), seconds(oneTry)
		var found []cobra.Completion
		for _, completion := range complete(ctx, unfinished{&quiet, cmd, args, typed}) {
			value, _, _ := strings.Cut(completion, "\t")
			if strings.HasPrefix(value, typed) && !slices.Contains(args, value) {
				found = append(found, completion)
			}
		}
		slices.Sort(found)
		return slices.Compact(found), cobra.ShellCompDirectiveNoFileComp
	}
}

func words(choices ...string) completer {
	return func(context.Context, unfinished) []cobra.Completion { return choices }
}

func completeContexts(_ context.Context, u unfinished) []cobra.Completion {
	file, _ := u.env.configuration()
	var found []cobra.Completion
	for _, c := range file.Contexts {
		found = append(found, described(c.Name, contextHint(c)))
	}
	return found
}

func contextHint(c config.Context) string {
	return cmp.Or(string(c.Environment), c.Domain, strings.Join(c.Masters, ", "))
}

// completeContextList completes the last name of a list.
func completeContextList(ctx context.Context, u unfinished) []cobra.Completion {
	found := completeContexts(ctx, u)
	if at := strings.LastIndexByte(u.word, ','); at >= 0 {
		for i := range found {
			found[i] = u.word[:at+1] + found[i]
		}
	}
	return found
}

// described is a completion with a hint, which shells show beside it.
func described(value, hint string) cobra.Completion {
	return cobra.CompletionWithDesc(oneLine(value), oneLine(hint))
}

// fromCluster makes a completer of a question to a cluster. Several clusters are asked at the same time.
func fromCluster(question func(context.Context, *client.Client) []cobra.Completion) completer {
	return func(ctx context.Context, u unfinished) []cobra.Completion {
		var mu sync.Mutex
		var found []cobra.Completion
		_ = withClients(u.env, func(clusters []clusterClient) error {
			var asking sync.WaitGroup
			for _, cluster := range clusters {
				asking.Go(func() {
					answer := question(ctx, cluster.api)
					mu.Lock()
					defer mu.Unlock()
					found = append(found, answer...)
				})
			}
			asking.Wait()
			return nil
		})
		return found
	}
}

// jobNames are name:version, with the hash where that means several.
func jobNames(ctx context.Context, api *client.Client) []cobra.Completion {
	jobs, _ := api.Jobs(ctx, "", "")
	count := map[string]int{}
	for id := range jobs {
		count[id.Name+":"+id.Version]++
	}
	var found []cobra.Completion
	for id, job := range jobs {
		name := id.Name + ":" + id.Version
		if count[name] > 1 {
			name = id.Short()
		}
		found = append(found, described(name, job.Image))
	}
	return found
}

// ofDeployed are commands whose hosts are those that their job is deployed to.
var ofDeployed = []string{"undeploy", "start", "stop", "logs", "exec"}

// completeHosts offers hosts, after a job that has to be deployed there those alone that it is deployed to.
func completeHosts(ctx context.Context, u unfinished) []cobra.Completion {
	deployed := len(u.args) > 0 && slices.Contains(ofDeployed, u.cmd.Name())
	return fromCluster(func(ctx context.Context, api *client.Client) []cobra.Completion {
		if !deployed {
			hosts, _ := api.Hosts(ctx, "", nil)
			return hosts
		}
		job, err := findJob(ctx, api, u.args[0])
		if err != nil {
			return nil
		}
		status, err := api.JobStatus(ctx, job.ID)
		if err != nil {
			return nil
		}
		var found []cobra.Completion
		for _, host := range slices.Sorted(maps.Keys(status.Deployments)) {
			found = append(found, described(host, string(status.TaskStatuses[host].State)))
		}
		return found
	})(ctx, u)
}

func groupNames(ctx context.Context, api *client.Client) []cobra.Completion {
	groups, _ := api.Groups(ctx)
	return groups
}

func masterNames(ctx context.Context, api *client.Client) []cobra.Completion {
	masters, _ := api.Masters(ctx)
	return masters
}

func memberNames(ctx context.Context, api *client.Client) []cobra.Completion {
	members, _ := api.Members(ctx)
	var found []cobra.Completion
	for _, m := range members {
		found = append(found, described(m.Name, fmt.Sprint(cmp.Or(m.Role, "member"), ", ", m.Status)))
	}
	return found
}
