package main

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"

	"github.com/spf13/cobra"

	"github.com/heliosctl/heliosctl/client"
	"github.com/heliosctl/heliosctl/model"
)

type inspectOptions struct {
	Job  string
	JSON bool
}

func newInspectCommand(env *environment) *cobra.Command {
	var opts inspectOptions
	return &cobra.Command{
		Use:   "inspect JOB",
		Short: "Show the definition of a job",
		Long: `Show the definition of a job. With --json it is what 'heliosctl create --file' takes.

JOB is a name, name:version, or the start of an id.`,
		Example: `  heliosctl inspect web:1
  heliosctl inspect web:1 --json > web.json`,
		Args: positional,
		RunE: func(cmd *cobra.Command, args []string) error {
			opts.Job, opts.JSON = args[0], env.options.json
			return withClient(env, func(api *client.Client) error {
				return runInspect(cmd.Context(), env.streams, api, opts)
			})
		},
	}
}

func runInspect(ctx context.Context, io streams, api *client.Client, opts inspectOptions) error {
	job, err := findJob(ctx, api, opts.Job)
	if err != nil {
		return err
	}
	if opts.JSON {
		return printJSON(io.out, job)
	}
	var text strings.Builder
	for _, item := range jobItems(job) {
		item.write(&text)
	}
	fmt.Fprint(io.out, text.String())
	return nil
}

// jobItem is a labelled fact; each value after the first has a line of its own under it.
type jobItem struct {
	label  string
	values []string
}

func (i jobItem) write(b *strings.Builder) {
	prefix := i.label + ": "
	lines := i.values
	if len(lines) == 0 {
		lines = []string{""}
	}
	for _, line := range lines {
		b.WriteString(strings.TrimRight(prefix+oneLine(line), " "))
		b.WriteByte('\n')
		prefix = strings.Repeat(" ", len(prefix))
	}
}

func jobItems(job model.Job) []jobItem {
	one := func(label, value string) jobItem { return jobItem{label, []string{value}} }
	return []jobItem{
		one("Id", job.ID.String()),
		one("Image", job.Image),
		one("Created", displayTime(job.Created, "")),
		one("Created by", job.CreatingUser),
		one("Expires", displayTime(job.Expires, "never")),
		one("Hostname", job.Hostname),
		one("Command", "["+strings.Join(quoteEach(job.Command), ", ")+"]"),
		{"Env", displayPairs(job.Env)},
		one("Health check", displayHealthCheck(job.HealthCheck)),
		one("Grace period (seconds)", displayInt(job.GracePeriod)),
		one("Time to wait before kill (seconds)", displayInt(job.SecondsToWaitBeforeKill)),
		{"Metadata", displayPairs(job.Metadata)},
		{"Labels", displayPairs(job.Labels)},
		{"Ports", displayPortMappings(job.Ports)},
		{"Reg", displayRegistrations(job.Registration)},
		one("Registration domain", job.RegistrationDomain),
		one("Security options", "["+strings.Join(job.SecurityOpt, ", ")+"]"),
		one("Network mode", job.NetworkMode),
		one("Token", job.Token),
		{"Volumes", displayVolumes(job.Volumes)},
		{"Ramdisks", displayPairs(job.Ramdisks)},
		one("Resources", displayResources(job.Resources)),
		one("Add capabilities", strings.Join(job.AddCapabilities, ", ")),
		one("Drop capabilities", strings.Join(job.DropCapabilities, ", ")),
		one("Runtime", job.Runtime),
		one("Rollout options (unset ones fall back when rolling out)", displayRolloutOptions(job.RolloutOptions)),
	}
}

func displayTime(t *model.Timestamp, unset string) string {
	if t == nil {
		return unset
	}
	return t.Time().Local().Format("Mon, 2 Jan 2006 15:04:05 -0700")
}

func displayInt[T int | int64](n *T) string {
	if n == nil {
		return ""
	}
	return strconv.FormatInt(int64(*n), 10)
}

func displayPairs(m map[string]string) []string {
	var lines []string
	for _, key := range slices.Sorted(maps.Keys(m)) {
		lines = append(lines, key+"="+quoteWord(m[key]))
	}
	return lines
}

func displayHealthCheck(check *model.HealthCheck) string {
	if check == nil {
		return ""
	}
	var text string
	switch check.Type {
	case model.HealthCheckHTTP:
		text = fmt.Sprintf("type: http, port: %s, path: %s", check.Port, check.Path)
	case model.HealthCheckTCP:
		text = fmt.Sprintf("type: tcp, port: %s", check.Port)
	default:
		text = fmt.Sprintf("type: %s, command: %s", check.Type, quoteWords(check.Command))
	}
	if check.Interval > 0 {
		failures := check.UnhealthyAfter
		if failures == 0 {
			failures = model.DefaultUnhealthyAfter
		}
		text += fmt.Sprintf(", interval: %d s, unhealthy after: %d", check.Interval, failures)
	}
	return text
}

// displayPortMappings writes name=[ip:]internal[:external]/protocol.
func displayPortMappings(ports map[string]model.PortMapping) []string {
	var lines []string
	for _, name := range slices.Sorted(maps.Keys(ports)) {
		port := ports[name]
		line := name + "="
		if port.IP != "" {
			line += port.IP + ":"
		}
		line += strconv.Itoa(port.InternalPort)
		if port.ExternalPort != nil {
			line += ":" + strconv.Itoa(*port.ExternalPort)
		}
		lines = append(lines, line+"/"+port.Protocol)
	}
	return lines
}

func displayRegistrations(registrations map[model.ServiceEndpoint]model.ServicePorts) []string {
	var lines []string
	for _, endpoint := range slices.SortedFunc(maps.Keys(registrations), model.ServiceEndpoint.Compare) {
		ports := slices.Sorted(maps.Keys(registrations[endpoint].Ports))
		lines = append(lines, endpoint.String()+"="+strings.Join(ports, ", "))
	}
	return lines
}

func displayVolumes(volumes map[string]string) []string {
	var lines []string
	for _, path := range slices.Sorted(maps.Keys(volumes)) {
		lines = append(lines, volumes[path]+":"+path)
	}
	return lines
}

func displayResources(r *model.Resources) string {
	if r == nil {
		return ""
	}
	return joinSet(
		"memory", displayInt(r.Memory),
		"memory and swap", displayInt(r.MemorySwap),
		"cpu shares", displayInt(r.CPUShares),
		"cpuset", r.Cpuset,
	)
}

func displayRolloutOptions(o *model.RolloutOptions) string {
	if o == nil {
		return ""
	}
	token := ""
	if o.Token != nil {
		token = *o.Token
	}
	return joinSet(
		"timeout", displayInt(o.Timeout),
		"parallelism", displayInt(o.Parallelism),
		"migrate", displayBool(o.Migrate),
		"overlap", displayBool(o.Overlap),
		"token", token,
		"ignoreFailures", displayBool(o.IgnoreFailures),
		"canary", displayInt(o.Canary),
		"maxFailures", string(o.MaxFailures),
		"minHealthy", displayInt(o.MinHealthy),
		"onFailure", string(o.OnFailure),
	)
}

func displayBool(b *bool) string {
	if b == nil {
		return ""
	}
	return strconv.FormatBool(*b)
}

// joinSet writes "name: value" for the pairs that have a value.
func joinSet(pairs ...string) string {
	var words []string
	for i := 0; i < len(pairs); i += 2 {
		if pairs[i+1] != "" {
			words = append(words, pairs[i]+": "+pairs[i+1])
		}
	}
	return strings.Join(words, ", ")
}
