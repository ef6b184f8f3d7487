package main

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/heliosctl/heliosctl/client"
	"github.com/heliosctl/heliosctl/model"
)

type drainOptions struct {
	waitOptions
	Host          string
	StopGroupJobs bool
	Undo          bool
	JSON          bool
}

func newDrainCommand(env *environment) *cobra.Command {
	var opts drainOptions
	cmd := &cobra.Command{
		Use:   "drain HOST",
		Short: "Keep new deployments off a host",
		Long: `Drain a host: it takes no new deployments until the drain is ended with --undo. What is deployed to it goes on, can be stopped,
started and undeployed. With --stop-group-jobs the running jobs that deployment groups put there are stopped, and started again when
the drain ends unless somebody gave them another goal meanwhile.

With --wait the command ends when nothing runs on the host any more and nothing is to: other jobs have to be stopped or undeployed
meanwhile. When the time is up it tells what still runs; the host stays drained.

HOST is a name or the unique start of one. A drain outlives restarts of the agent and of the masters; deregistering the host ends it.`,
		Example: `  heliosctl drain web-1
  heliosctl drain web-1 --stop-group-jobs --wait --timeout 10m
  heliosctl drain web-1 --undo`,
		Args: positional,
		RunE: func(cmd *cobra.Command, args []string) error {
			opts.Host, opts.JSON = args[0], env.options.json
			switch {
			case opts.Undo && opts.StopGroupJobs:
				return usagef("give either --undo or --stop-group-jobs")
			case opts.Undo && opts.Wait:
				return usagef("give either --undo or --wait")
			}
			if err := opts.check(cmd); err != nil {
				return err
			}
			return withClient(env, func(api *client.Client) error {
				return runDrain(cmd.Context(), env.streams, api, opts)
			})
		},
	}
	flags := cmd.Flags()
	flags.BoolVar(&opts.StopGroupJobs, "stop-group-jobs", false, "stop the running jobs of deployment groups too")
	flags.BoolVar(&opts.Undo, "undo", false, "end the drain")
	opts.bind(flags, "nothing runs on the host")
	return cmd
}

// drainResult is what became of it, and its JSON.
type drainResult struct {
	Status model.Code   `json:"status"`
	Host   string       `json:"host"`
	Drain  *model.Drain `json:"drain,omitempty"`

	Running []string `json:"running,omitempty"` // jobs that still ran when the time was up
}

func runDrain(ctx context.Context, io streams, api *client.Client, opts drainOptions) error {
	host, err := findHost(ctx, api, opts.Host)
	if err != nil {
		return err
	}
	result, outcome := drainResult{Status: model.CodeOK, Host: host}, "takes deployments again"
	if opts.Undo {
		err = api.Undrain(ctx, host)
	} else {
		var drain model.Drain
		drain, err = api.Drain(ctx, host, opts.StopGroupJobs)
		result.Drain, outcome = &drain, "drained"
		if n := len(drain.Stopped); n > 0 {
			outcome += ", " + plural(int64(n), "group job") + " stopped"
		}
	}
	if err != nil {
		return err
	}
	if !opts.JSON {
		fmt.Fprintf(io.out, "%s: %s\n", oneLine(host), outcome)
	}
	var failed error
	if opts.Wait {
		if result.Running, err = awaitIdle(ctx, io, api, host, opts.Timeout); err != nil {
			return err
		}
		failed = tellIdle(io, &result, opts)
	}
	if opts.JSON {
		if err := printJSON(io.out, result); err != nil {
			return err
		}
	}
	return failed
}

// awaitIdle waits until nothing runs on a host, and returns what did when the time was up.
func awaitIdle(ctx context.Context, io streams, api *client.Client, host string, timeout time.Duration) ([]string, error) {
	status, err := api.HostStatus(ctx, host)
	if err != nil {
		return nil, err
	}
	jobs := map[string]model.JobID{}
	for id := range status.Statuses {
		jobs[id.Short()] = id
	}
	w := &waiter{api: api, timeout: timeout, log: io.err}
	w.showOn(io)
	w.observe = func(ctx context.Context, names []string) (map[string]progress, error) {
		status, err := api.HostStatus(ctx, host)
		if err != nil {
			return nil, err
		}
		seen := map[string]progress{}
		for _, name := range names {
			seen[name] = judgeIdle(status, jobs[name])
		}
		return seen, nil
	}
	ended, err := w.run(ctx, slices.Sorted(maps.Keys(jobs)))
	switch {
	case err != nil && ctx.Err() != nil:
		return nil, &interruptedError{cause: ctx.Err(), left: "the host stays drained", hint: "see 'heliosctl hosts " + quoteWord(host) + "'"}
	case err != nil:
		return nil, err
	}
	var running []string
	for _, name := range slices.Sorted(maps.Keys(ended)) {
		if ended[name].err != nil {
			running = append(running, name)
		}
	}
	return running, nil
}

// judgeIdle tells whether a job neither runs on a host nor is to.
func judgeIdle(host model.HostStatus, id model.JobID) progress {
	task, reported := host.Statuses[id]
	deployment, deployed := host.Jobs[id]
	if !reported || deployed && deployment.Goal == model.GoalStart {
		return progress{state: task.State, ended: !reported}
	}
	idle := task.State == model.StateStopped || task.State == model.StateExited || task.State == model.StateFailed
	return progress{state: task.State, ended: idle}
}

func tellIdle(io streams, result *drainResult, opts drainOptions) error {
	if len(result.Running) == 0 {
		if !opts.JSON {
			fmt.Fprintf(io.out, "%s: nothing runs any more\n", oneLine(result.Host))
		}
		return nil
	}
	result.Status = model.CodeTimeout
	return &outcomeError{class: model.ClassTimeout, message: fmt.Sprintf("host %s is drained, but after %s there is still %s",
		result.Host, opts.Timeout, strings.Join(result.Running, ", "))}
}
