package main

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/heliosctl/heliosctl/client"
	"github.com/heliosctl/heliosctl/model"
)

type hostsOptions struct {
	Pattern   string
	Status    model.Liveness
	Selectors []string
	Labels    []string // further selectors
	AndLabels []string // and more of them
	Quiet     bool
	JSON      bool
	Now       time.Time
}

func newHostsCommand(env *environment) *cobra.Command {
	var opts hostsOptions
	var status string
	cmd := &cobra.Command{
		Use:   "hosts [PATTERN]",
		Short: "List hosts",
		Long: `List hosts: all of them, or those whose name matches the regular expression PATTERN.

A selector compares a label: role=web, role!=web, role in (web, db), role notin (web, db). A host without the label never matches.
With several selectors, all must match. --label is another name of --selector.

When nothing matches, that is an error; a cluster without hosts is none.`,
		Example: `  heliosctl hosts
  heliosctl hosts '^web-' --status up
  heliosctl hosts -l role=web -l zone=a
  heliosctl hosts --selector 'role in (web, db)' --quiet`,
		Args: positional,
		RunE: func(cmd *cobra.Command, args []string) error {
			if len(args) > 0 {
				opts.Pattern = args[0]
			}
			opts.JSON, opts.Now = env.options.json, env.now()
			if err := opts.check(status); err != nil {
				return err
			}
			opts := opts
			opts.Selectors = slices.Concat(opts.Selectors, opts.Labels, opts.AndLabels)
			return withClient(env, func(api *client.Client) error {
				return runHosts(cmd.Context(), env.streams, api, opts)
			})
		},
	}
	flags := cmd.Flags()
	flags.BoolP("full", "f", false, "accepted for scripts: names are always printed in full")
	flags.BoolVarP(&opts.Quiet, "quiet", "q", false, "print names only")
	flags.StringVar(&status, "status", "", "only hosts that are `UP|DOWN`")
	letLackValue(flags, "status")
	flags.StringArrayVarP(&opts.Selectors, "selector", "s", nil, "only hosts whose labels match `SELECTOR`; may be repeated")
	flags.StringArrayVarP(&opts.Labels, "label", "l", nil, "only hosts whose labels match `SELECTOR`, such as role=web; may be repeated")
	flags.StringArrayVarP(&opts.AndLabels, "and-label", "b", nil, "as --label; the original's manual writes it so")
	_ = flags.MarkHidden("and-label") // it exists
	return cmd
}

func (o *hostsOptions) check(status string) error {
	o.Status = model.Liveness(strings.ToUpper(status))
	if o.Status != "" && o.Status != model.Up && o.Status != model.Down {
		return usagef("--status is %q; it can be UP or DOWN", status)
	}
	for _, selector := range slices.Concat(o.Selectors, o.Labels, o.AndLabels) {
		if _, err := parseSelector(selector); err != nil {
			return err
		}
	}
	return nil
}

// hostsMatching returns the hosts whose names match a pattern that was given as source. Expressions are those of the masters, as the
// original's were: it is they who read them.
func hostsMatching(ctx context.Context, api *client.Client, source, pattern string, selectors []string) ([]string, error) {
	names, err := api.Hosts(ctx, pattern, selectors)
	var coded *model.Error
	if pattern != "" && errors.As(err, &coded) && coded.Code == model.CodeInvalid {
		reason := strings.TrimPrefix(coded.Message, fmt.Sprintf("bad namePattern %q: ", pattern))
		return nil, usagef("%s %q is not a regular expression: %s", source, pattern, reason)
	}
	return names, err
}

func runHosts(ctx context.Context, io streams, api *client.Client, opts hostsOptions) error {
	names, err := hostsMatching(ctx, api, "PATTERN", opts.Pattern, opts.Selectors)
	if err != nil {
		return err
	}
	matched := len(names) > 0
	statuses := map[string]model.HostStatus{}
	if matched && (!opts.Quiet || opts.Status != "") {
		if statuses, err = api.HostStatuses(ctx, names, opts.Status); err != nil {
			return err
		}
		names = slices.Collect(maps.Keys(statuses))
	}
	slices.Sort(names)
	if err := printHosts(io, names, statuses, opts, matched); err != nil {
		return err
	}
	switch {
	case matched:
		return nil
	case opts.Pattern != "":
		return noMatch(opts.Quiet, "host pattern %s matched no hosts", opts.Pattern)
	case len(opts.Selectors) > 0:
		return noMatch(opts.Quiet, "no hosts have labels matching %s", strings.Join(opts.Selectors, " and "))
	}
	return nil
}

func printHosts(io streams, names []string, statuses map[string]model.HostStatus, opts hostsOptions, matched bool) error {
	switch {
	case opts.JSON && opts.Quiet:
		return printJSON(io.out, append([]string{}, names...))
	case opts.JSON:
		return printJSON(io.out, statuses)
	case opts.Quiet:
		printLines(io.out, names)
		return nil
	case !matched && (opts.Pattern != "" || len(opts.Selectors) > 0):
		return nil
	}
	t := newTable("HOST", "STATUS", "DEPLOYED", "RUNNING", "CPUS", "MEM", "LOAD AVG", "MEM USAGE", "OS", "HELIOS", "DOCKER", "LABELS")
	for _, name := range names {
		t.add(hostRow(name, statuses[name], opts.Now)...)
	}
	t.write(io.out)
	return nil
}

func hostRow(name string, host model.HostStatus, now time.Time) []string {
	running := 0
	for id := range host.Jobs {
		if host.Statuses[id].State == model.StateRunning {
			running++
		}
	}
	row := []string{name, hostState(host, now), strconv.Itoa(len(host.Jobs)), strconv.Itoa(running)}
	row = append(row, hostFacts(host.HostInfo)...)
	version := ""
	if host.AgentInfo != nil {
		version = host.AgentInfo.Version
	}
	return append(row, version, hostRuntime(host.HostInfo), strings.Join(keyValues(host.Labels), ", "))
}

// hostState is the original's status column, with a word for a host that takes no deployments.
func hostState(host model.HostStatus, now time.Time) string {
	state := hostLiveness(host, now)
	if host.Drain != nil {
		state += " (drained)"
	}
	return state
}

// hostLiveness adds for how long a host has been up, or how long ago its agent was last known to be alive.
func hostLiveness(host model.HostStatus, now time.Time) string {
	word := "Down"
	if host.Status == model.Up {
		word = "Up"
	}
	if host.AgentInfo == nil || host.AgentInfo.StartTime == 0 {
		return word
	}
	since := host.AgentInfo.StartTime.Time()
	if host.Status != model.Up {
		since = since.Add(time.Duration(host.AgentInfo.Uptime) * time.Millisecond)
	}
	return word + " " + humanDuration(now.Sub(since))
}

// hostFacts fills the columns from CPUS to OS, which are blank until the agent has reported.
func hostFacts(info *model.HostInfo) []string {
	if info == nil {
		return make([]string, 5)
	}
	usage := ""
	if total := float64(info.MemoryTotalBytes); total > 0 {
		usage = fmt.Sprintf("%.2f", (total-float64(info.MemoryFreeBytes))/total)
	}
	return []string{
		strconv.Itoa(info.CPUs),
		fmt.Sprintf("%d gb", info.MemoryTotalBytes>>30),
		fmt.Sprintf("%.2f", info.LoadAvg),
		usage,
		strings.TrimSpace(info.OSName + " " + info.OSVersion),
	}
}

// hostRuntime tells what runs the containers, so that nobody takes another runtime for Docker.
func hostRuntime(info *model.HostInfo) string {
	switch {
	case info == nil:
		return ""
	case info.Runtime == "process":
		return "process runtime"
	case info.Runtime == "sim":
		return "simulated runtime"
	case info.DockerVersion == nil:
		return ""
	}
	return fmt.Sprintf("%s (%s)", info.DockerVersion.Version, info.DockerVersion.APIVersion)
}
