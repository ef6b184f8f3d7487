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

type statusOptions struct {
	Job  string
	Host string
	Full bool
	JSON bool
}

func newStatusCommand(env *environment) *cobra.Command {
	var opts statusOptions
	cmd := &cobra.Command{
		Use:   "status",
		Short: "Show what runs where",
		Long: `Show the tasks of jobs by host: their goal, their state, their container and their ports, and the error of those that have one. With
--full there are also the times they were restarted and since when they are in their state.

When nothing matches, that is an error; a cluster without jobs is none.`,
		Example: `  heliosctl status
  heliosctl status --job web:1
  heliosctl status --host '^web-' --full`,
		Args: positional,
		RunE: func(cmd *cobra.Command, _ []string) error {
			opts.JSON = env.options.json
			return withClient(env, func(api *client.Client) error {
				return runStatus(cmd.Context(), env.streams, api, opts)
			})
		},
	}
	flags := cmd.Flags()
	flags.StringVarP(&opts.Job, "job", "j", "", "only jobs whose id contains `TEXT`")
	flags.StringVar(&opts.Host, "host", "", "only hosts whose name matches the regular expression `PATTERN`")
	flags.BoolVarP(&opts.Full, "full", "f", false, "print full job ids and container ids")
	return cmd
}

func runStatus(ctx context.Context, io streams, api *client.Client, opts statusOptions) error {
	var hosts []string
	var err error
	if opts.Host != "" {
		if hosts, err = hostsMatching(ctx, api, "--host", opts.Host, nil); err != nil {
			return err
		}
	}
	jobs, err := api.Jobs(ctx, opts.Job, opts.Host)
	if err != nil {
		return err
	}
	statuses := map[model.JobID]model.JobStatus{}
	if len(jobs) > 0 {
		if statuses, err = api.JobStatuses(ctx, sortedIDs(jobs)); err != nil {
			return err
		}
	}
	if opts.Host != "" {
		keepHosts(statuses, hosts)
	}
	switch {
	case opts.JSON:
		if err := printJSON(io.out, statuses); err != nil {
			return err
		}
	case len(statuses) > 0 || opts.Job == "" && opts.Host == "":
		statusTable(statuses, opts.Full).write(io.out)
	}
	switch {
	case len(statuses) > 0:
		return nil
	case opts.Host != "":
		return noMatch(false, "no jobs%s are deployed to hosts matching %s; see 'heliosctl hosts %s'", ofJob(opts.Job), opts.Host, opts.Host)
	case opts.Job != "":
		return noMatch(false, "job id matcher %q matched no jobs", opts.Job)
	}
	return nil
}

func ofJob(text string) string {
	if text == "" {
		return ""
	}
	return fmt.Sprintf(" matching %q", text)
}

// keepHosts cuts statuses down to hosts, and drops the jobs that are deployed to none of them.
func keepHosts(statuses map[model.JobID]model.JobStatus, hosts []string) {
	there := map[string]bool{}
	for _, host := range hosts {
		there[host] = true
	}
	maps.DeleteFunc(statuses, func(_ model.JobID, status model.JobStatus) bool {
		maps.DeleteFunc(status.Deployments, func(host string, _ model.Deployment) bool { return !there[host] })
		maps.DeleteFunc(status.TaskStatuses, func(host string, _ model.TaskStatus) bool { return !there[host] })
		return len(status.Deployments) == 0
	})
}

func statusTable(statuses map[model.JobID]model.JobStatus, full bool) *table {
	header := []string{"JOB ID", "HOST", "GOAL", "STATE", "CONTAINER ID", "PORTS"}
	if full {
		header = append(header, "RESTARTS", "SINCE")
	}
	failing := anyFails(statuses)
	if failing {
		header = append(header, "ERROR")
	}
	t := newTable(header...)
	for _, id := range sortedIDs(statuses) {
		status := statuses[id]
		for _, host := range hostsOfJob(status) {
			task := status.TaskStatuses[host]
			row := []string{
				displayID(id, full), host, string(status.Deployments[host].Goal), displayState(task),
				displayContainer(task.ContainerID, full), displayPorts(task.Ports),
			}
			switch _, reported := status.TaskStatuses[host]; {
			case full && reported:
				row = append(row, strconv.Itoa(task.Restarts), displayMoment(task.Since))
			case full:
				row = append(row, "", "")
			}
			if failing {
				row = append(row, taskError(task))
			}
			t.add(row...)
		}
	}
	return t
}

// anyFails tells whether there is an error to show.
func anyFails(statuses map[model.JobID]model.JobStatus) bool {
	for _, status := range statuses {
		for _, task := range status.TaskStatuses {
			if taskError(task) != "" {
				return true
			}
		}
	}
	return false
}

// taskError is why a task does not run or is not healthy, as far as its agent said.
func taskError(task model.TaskStatus) string {
	switch {
	case task.Unhealthy:
		return task.HealthError
	case task.State == model.StateRunning, task.ExitCode != nil && task.State == model.StateExited:
		return "" // it is that of a container before this one, or the state tells it
	}
	return task.ContainerError
}

// displayState adds to the state what is remarkable about it.
func displayState(task model.TaskStatus) string {
	var remarks []string
	switch {
	case task.State == model.StateExited, task.State == model.StateFailed:
		remarks = append(remarks, displayEnd(task)...)
	case task.Unhealthy:
		remarks = append(remarks, "unhealthy")
	case task.Progress != "":
		remarks = append(remarks, task.Progress)
	}
	if task.Throttled != "" && task.Throttled != model.ThrottleNo {
		remarks = append(remarks, string(task.Throttled))
	}
	if len(remarks) == 0 {
		return string(task.State)
	}
	return fmt.Sprintf("%s (%s)", task.State, strings.Join(remarks, ", "))
}

// displayEnd tells how a container ended, in nothing when that is not known.
func displayEnd(task model.TaskStatus) []string {
	if task.ExitCode == nil {
		return nil
	}
	words := []string{fmt.Sprintf("exit code %d", *task.ExitCode)}
	if task.Signal != "" {
		words = append(words, task.Signal)
	}
	if task.OOMKilled {
		words = append(words, "out of memory")
	}
	return words
}

// displayMoment writes a time to the millisecond in the local zone, nothing when it is not known.
func displayMoment(t model.Timestamp) string {
	if t == 0 {
		return ""
	}
	return t.Time().Local().Format("2006-01-02 15:04:05.000")
}

func displayContainer(id string, full bool) string {
	const shown = 7
	if full || len(id) <= shown {
		return id
	}
	return id[:shown]
}

// displayPorts writes name=internal:external for each port, and name=internal where no external port is known.
func displayPorts(ports map[string]model.PortMapping) string {
	var words []string
	for _, name := range slices.Sorted(maps.Keys(ports)) {
		word := fmt.Sprintf("%s=%d", name, ports[name].InternalPort)
		if external := ports[name].ExternalPort; external != nil {
			word += fmt.Sprintf(":%d", *external)
		}
		words = append(words, word)
	}
	return strings.Join(words, " ")
}
