package main

import (
	"cmp"
	"context"
	"fmt"
	"strconv"
	"strings"

	"github.com/spf13/cobra"

	"github.com/heliosctl/heliosctl/client"
	"github.com/heliosctl/heliosctl/model"
)

func newPauseCommand(env *environment, name string) *cobra.Command {
	return newNamedGroupCommand(env, name, "Hold a group's rollout",
		`Hold the rollout of a deployment group: no further host's turn comes until 'heliosctl resume'. Hosts in the middle of it go on.`,
		func(ctx context.Context, io streams, api *client.Client, opts groupOptions) error {
			return tellGroup(io, opts, api.PauseRollout(ctx, opts.Group), "paused")
		})
}

func newResumeCommand(env *environment, name string) *cobra.Command {
	var follow followOptions
	cmd := newNamedGroupCommand(env, name, "Have a group's rollout go on",
		`Have a rollout go on that is paused, or that waits behind its canaries. Failures so far are accepted. The command follows the
rollout as 'heliosctl rolling-update' does, unless --async is given.`,
		func(ctx context.Context, io streams, api *client.Client, opts groupOptions) error {
			follow.JSON, follow.look = opts.JSON, lookOf(env)
			return runResume(ctx, io, api, opts, follow)
		})
	follow.bind(cmd.Flags())
	return cmd
}

func runResume(ctx context.Context, io streams, api *client.Client, opts groupOptions, follow followOptions) error {
	var known model.Rollout
	if !follow.Async {
		var err error
		if known, err = api.Rollout(ctx, opts.Group, 0); err != nil && model.CodeOf(err) != model.CodeNotFound {
			return err
		}
	}
	err := api.ResumeRollout(ctx, opts.Group)
	if err != nil || follow.Async {
		return tellGroup(io, opts, err, "resumed")
	}
	if !opts.JSON {
		fmt.Fprintf(io.out, "Deployment-group %s resumed\n\n", oneLine(opts.Group))
	}
	return followRollout(ctx, io, api, opts.Group, known, follow)
}

func newRollbackCommand(env *environment, name string) *cobra.Command {
	var follow followOptions
	var to string
	cmd := newNamedGroupCommand(env, name, "Bring a group back to what ran before",
		`Bring the hosts of a deployment group back to what ran there before its last rollout, or with --to to another job, host by host and
with the options of that rollout. Rollouts of the job that the group had already do not count: the group goes back to the last job that
was another one, as far as its rollouts are kept. A rollout that is under way ends. There is no question: with --async the command returns at once,
and otherwise it follows the rollback as 'heliosctl rolling-update' does.`,
		func(ctx context.Context, io streams, api *client.Client, opts groupOptions) error {
			follow.JSON, follow.look = opts.JSON, lookOf(env)
			return runRollback(ctx, io, api, opts, to, follow)
		})
	cmd.Example += "\n  heliosctl " + name + " web --to web:1"
	cmd.Flags().StringVar(&to, "to", "", "the `JOB` to go to (default: what ran before)")
	follow.bind(cmd.Flags())
	return cmd
}

func runRollback(ctx context.Context, io streams, api *client.Client, opts groupOptions, to string, follow followOptions) error {
	var target model.JobID
	if to != "" {
		job, err := findJob(ctx, api, to)
		if err != nil {
			return err
		}
		target = job.ID
	}
	before, err := newestRollout(ctx, api, opts.Group)
	if err != nil {
		return err
	}
	err = api.RollBack(ctx, opts.Group, target)
	if err != nil || follow.Async {
		return tellGroup(io, opts, err, "rolls back")
	}
	id, err := startedRollout(ctx, api, opts.Group, before, func(r model.Rollout) bool {
		return r.Reason != model.RolloutConverge && (target.IsZero() || r.To == target)
	})
	if err != nil {
		return err
	}
	known, err := api.Rollout(ctx, opts.Group, id)
	if err != nil {
		return err
	}
	if !opts.JSON {
		fmt.Fprintf(io.out, "Rollback started: %s -> %s (%s)\n\n", oneLine(opts.Group), displayTarget(known.To),
			displayMergedOptions(known.Options))
	}
	return followRollout(ctx, io, api, opts.Group, model.Rollout{ID: id, Options: known.Options}, follow)
}

type rolloutsOptions struct {
	groupOptions
	ID   uint64 // 0: all
	Full bool
}

func newRolloutsCommand(env *environment, name string) *cobra.Command {
	var opts rolloutsOptions
	cmd := &cobra.Command{
		Use:   name + " GROUP [ID]",
		Short: "Show the rollouts of a deployment group",
		Long: `Show the rollouts of a deployment group, the newest first: who started them and when, from and to which job, and what became
of them. With the ID of one, show what happened on each host. Times are local.

The reason is USER for a rolling update, ROLLBACK, or CONVERGE where hosts came, came back, left, or lost the group's job.`,
		Example: "  heliosctl " + name + " web\n  heliosctl " + name + " web 7",
		Args:    positional,
		RunE: func(cmd *cobra.Command, args []string) error {
			opts.Group, opts.JSON = args[0], env.options.json
			if err := opts.take(args[1:]); err != nil {
				return err
			}
			return withClient(env, func(api *client.Client) error {
				if opts.ID != 0 {
					return runRollout(cmd.Context(), env.streams, api, opts)
				}
				return runRollouts(cmd.Context(), env.streams, api, opts)
			})
		},
	}
	cmd.Flags().BoolVarP(&opts.Full, "full", "f", false, "print full job ids")
	return cmd
}

func (o *rolloutsOptions) take(ids []string) error {
	if len(ids) == 0 {
		return nil
	}
	var err error
	if o.ID, err = strconv.ParseUint(ids[0], 10, 64); err != nil || o.ID == 0 {
		return usagef("the rollout is %q; give its number, as in 'heliosctl rollouts %s'", ids[0], o.Group)
	}
	return nil
}

func runRollouts(ctx context.Context, io streams, api *client.Client, opts rolloutsOptions) error {
	rollouts, err := api.Rollouts(ctx, opts.Group)
	switch {
	case err != nil:
		return err
	case opts.JSON:
		return printJSON(io.out, rollouts)
	}
	t := newTable("ID", "STARTED", "TOOK", "USER", "REASON", "FROM", "TO", "STATE", "DONE", "FAILED", "RESULT")
	for _, r := range rollouts {
		done, failed := "", ""
		if r.Counts != nil {
			done, failed = strconv.Itoa(r.Counts.Done), strconv.Itoa(r.Counts.Failed)
		}
		t.add(strconv.FormatUint(r.ID, 10), displayMoment(r.Started), displayTook(r.Started, r.Ended), cmp.Or(r.User, "-"), string(r.Reason),
			displayJobOrNone(r.From, opts.Full), displayJobOrNone(r.To, opts.Full), string(r.State), done, failed, r.Result)
	}
	t.write(io.out)
	return nil
}

func displayJobOrNone(id model.JobID, full bool) string {
	if id.IsZero() {
		return "-"
	}
	return displayID(id, full)
}

// displayTook tells how long something took that has ended.
func displayTook(started, ended model.Timestamp) string {
	if started == 0 || ended == 0 {
		return ""
	}
	return shortDuration(ended.Time().Sub(started.Time()))
}

func runRollout(ctx context.Context, io streams, api *client.Client, opts rolloutsOptions) error {
	rollout, err := api.Rollout(ctx, opts.Group, opts.ID)
	switch {
	case err != nil:
		return err
	case opts.JSON:
		return printJSON(io.out, rollout)
	}
	fmt.Fprint(io.out, displayRollout(rollout, opts.Full))
	t := newTable("HOST", "PHASE", "STARTED", "TOOK", "BEFORE", "REASON")
	for _, h := range rollout.Hosts {
		reason := h.Reason
		if h.Code != "" && string(h.Code) != reason {
			reason = strings.TrimSpace(reason + " (" + string(h.Code) + ")")
		}
		var before []string
		for _, id := range h.Before {
			before = append(before, displayID(id, opts.Full))
		}
		t.add(h.Host, displayPhase(h), displayMoment(h.Started), displayTook(h.Started, h.Ended), cmp.Or(strings.Join(before, ", "), "-"), reason)
	}
	t.write(io.out)
	return nil
}

func displayRollout(r model.Rollout, full bool) string {
	var b strings.Builder
	for _, row := range [][2]string{
		{"Group", r.Group},
		{"Rollout", strconv.FormatUint(r.ID, 10)},
		{"Reason", string(r.Reason)},
		{"User", r.User},
		{"From", displayJobOrNone(r.From, full)},
		{"To", displayJobOrNone(r.To, full)},
		{"Options", displayMergedOptions(r.Options)},
		{"Started", displayMoment(r.Started)},
		{"Ended", displayMoment(r.Ended)},
		{"State", string(r.State)},
		{"Result", r.Result},
		{"Cause", r.Cause},
		{"Undoes", displayUndone(r.Undoes)},
	} {
		if row[1] != "" {
			fmt.Fprintf(&b, "%s: %s\n", row[0], oneLine(row[1]))
		}
	}
	b.WriteByte('\n')
	return b.String()
}

func displayUndone(id uint64) string {
	if id == 0 {
		return ""
	}
	return "rollout " + strconv.FormatUint(id, 10)
}
