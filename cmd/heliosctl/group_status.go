package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/heliosctl/heliosctl/client"
	"github.com/heliosctl/heliosctl/model"
)

type groupStatusOptions struct {
	groupOptions
	Full     bool
	Interval time.Duration // of watching
	look     look
}

func newGroupStatusCommand(env *environment, name string) *cobra.Command {
	var opts groupStatusOptions
	cmd := newNamedGroupCommand(env, name, "Show how far a deployment group is",
		`Show how far a deployment group is: IDLE before its first rolling update, ROLLING_OUT, ACTIVE when that is done, or FAILED.
UP-TO-DATE marks the hosts that have the group's job. While the last rollout is under way, or when it did not end well, the table
tells its phase on each host, since when, and why a host failed.`,
		func(ctx context.Context, io streams, api *client.Client, group groupOptions) error {
			opts.groupOptions = group
			return runGroupStatus(ctx, io, api, opts)
		})
	cmd.Flags().BoolVarP(&opts.Full, "full", "f", false, "print full job ids")
	return cmd
}

func runGroupStatus(ctx context.Context, io streams, api *client.Client, opts groupStatusOptions) error {
	status, rollout, err := readGroup(ctx, api, opts)
	if err != nil {
		return err
	}
	return printGroupStatus(io, opts, status, rollout)
}

// readGroup returns the status of a group and its last rollout, if that is shown and there is one.
func readGroup(
	ctx context.Context, api *client.Client, opts groupStatusOptions,
) (status model.DeploymentGroupStatusResponse, rollout *model.Rollout, err error) {
	if status, err = api.GroupStatus(ctx, opts.Group); err != nil || opts.JSON {
		return status, nil, err
	}
	last, err := api.Rollout(ctx, opts.Group, 0)
	switch {
	case errors.Is(err, model.Errorf(model.CodeNotFound, "")):
		return status, nil, nil
	case err != nil:
		return status, nil, err
	}
	return status, &last, nil
}

func printGroupStatus(io streams, opts groupStatusOptions, status model.DeploymentGroupStatusResponse, rollout *model.Rollout) error {
	if opts.JSON {
		return printJSON(io.out, status)
	}
	_, err := fmt.Fprint(io.out, displayGroupStatus(status, rollout, opts.Full, pageOf(io.out)))
	return err
}

// displayGroupStatus writes a status as the original did, with the phases of the rollout in further columns unless it is done.
func displayGroupStatus(status model.DeploymentGroupStatusResponse, rollout *model.Rollout, full bool, p page) string {
	var b strings.Builder
	group := status.DeploymentGroup
	fmt.Fprintf(&b, "Name: %s\nJob Id: %s\nStatus: %s\n", oneLine(group.Name), displayGroupJob(group.JobID, full), status.Status)
	b.WriteString(displaySelectors(group))
	if status.Error != nil && *status.Error != "" {
		fmt.Fprintf(&b, "Error: %s\n", oneLine(*status.Error))
	}
	phases := map[string]model.RolloutHost{}
	if rollout != nil && rollout.State != model.RolloutDone {
		fmt.Fprintf(&b, "Rollout: %s\n", displayRolloutState(*rollout))
		for _, h := range rollout.Hosts {
			phases[h.Host] = h
		}
	}
	b.WriteByte('\n')
	groupStatusTable(status, rollout, phases, full).write(&output{Writer: &b, page: p})
	return b.String()
}

// displayRolloutState tells in a line where a rollout is.
func displayRolloutState(rollout model.Rollout) string {
	text := fmt.Sprintf("%d %s", rollout.ID, rollout.State)
	if rollout.Since != 0 {
		text += " since " + displayMoment(rollout.Since)
	}
	if rollout.Result != "" {
		text += ": " + oneLine(rollout.Result)
	}
	return text
}

func groupStatusTable(
	status model.DeploymentGroupStatusResponse, rollout *model.Rollout, phases map[string]model.RolloutHost, full bool,
) *table {
	header := []string{"HOST", "UP-TO-DATE", "JOB", "STATE"}
	if len(phases) > 0 {
		header = append(header, "PHASE", "SINCE", "REASON")
	}
	t := newTable(header...)
	add := func(host, upToDate, job, state string) {
		row := []string{host, upToDate, job, state}
		if len(phases) > 0 {
			h := phases[host]
			row = append(row, displayPhase(h), displayMoment(h.Since), h.Reason)
		}
		t.add(row...)
	}
	listed := map[string]bool{}
	for _, h := range status.HostStatuses {
		listed[h.Host] = true
		job, state, upToDate := "-", "-", ""
		if !h.JobID.IsZero() {
			job = displayID(h.JobID, full)
			if h.JobID == status.DeploymentGroup.JobID {
				upToDate = "X"
			}
		}
		if h.State != "" {
			state = string(h.State)
		}
		add(h.Host, upToDate, job, state)
	}
	if len(phases) == 0 {
		return t
	}
	// The status leaves out hosts that are down; the rollout knows them.
	for _, h := range rollout.Hosts {
		if !listed[h.Host] {
			add(h.Host, "", "-", "-")
		}
	}
	return t
}

// displayPhase names the phase on a host, and which attempt it is from the second on.
func displayPhase(h model.RolloutHost) string {
	phase := string(h.Phase)
	if h.Attempt > 1 {
		phase += " (attempt " + strconv.Itoa(h.Attempt) + ")"
	}
	return phase
}

const defaultWatchInterval = time.Second

func newWatchGroupCommand(env *environment, name string) *cobra.Command {
	opts := groupStatusOptions{Interval: defaultWatchInterval}
	cmd := newNamedGroupCommand(env, name, "Watch a deployment group",
		`Show how far a deployment group is until Ctrl-C is pressed: in a terminal in place, with the progress of the rollout that is under
way, and otherwise again and again. With --json there is an object a line for every time.`, nil)
	// It goes on until it is ended, so that clusters cannot take turns.
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		opts.groupOptions, opts.look = groupOptions{Group: args[0], JSON: env.options.json}, lookOf(env)
		return withClientsTogether(env, func(io streams, api *client.Client) error {
			return runWatchGroup(cmd.Context(), io, api, opts)
		})
	}
	cmd.Flags().BoolVarP(&opts.Full, "full", "f", false, "print full job ids")
	cmd.Flags().Var((*seconds)(&opts.Interval), "interval", "how often to look, in `SECONDS`")
	return cmd
}

func runWatchGroup(ctx context.Context, io streams, api *client.Client, opts groupStatusOptions) error {
	var show func(model.DeploymentGroupStatusResponse, *model.Rollout) error
	switch {
	case opts.JSON:
		show = func(status model.DeploymentGroupStatusResponse, _ *model.Rollout) error {
			return printCompact(io, status)
		}
	case opts.look.on(io).live():
		screen := &liveArea{out: io.out, size: io.screenSize, colour: opts.look.colour}
		show = func(status model.DeploymentGroupStatusResponse, rollout *model.Rollout) error {
			return screen.draw(watchedLines(opts, status, rollout, io.screenSize()))
		}
	default:
		fmt.Fprintln(io.out, "Control-C to stop")
		show = func(status model.DeploymentGroupStatusResponse, rollout *model.Rollout) error {
			fmt.Fprintf(io.out, "%s [%s]\n", strings.Repeat("-", 54), opts.look.now().UTC().Format("2006-01-02 15:04:05 UTC"))
			return printGroupStatus(io, opts, status, rollout)
		}
	}
	reader := groupReader{api: api, opts: opts, log: io.err}
	return whileRead(ctx, func(ctx context.Context) error { return reader.run(ctx, show) })
}

// groupReader reads a group again and again.
type groupReader struct {
	api  *client.Client
	opts groupStatusOptions
	log  io.Writer
}

// run calls show with what it reads until ctx ends.
func (r *groupReader) run(ctx context.Context, show func(model.DeploymentGroupStatusResponse, *model.Rollout) error) error {
	reading := steadyReading{
		poll: r.opts.Interval, outage: outage{log: r.log},
		read: func(ctx context.Context) error {
			status, rollout, err := readGroup(ctx, r.api, r.opts)
			if err != nil {
				return err
			}
			return show(status, rollout)
		},
	}
	return reading.run(ctx)
}

// watchedLines is what a terminal shows of a group: its status, and the progress of a rollout that is under way.
func watchedLines(
	opts groupStatusOptions, status model.DeploymentGroupStatusResponse, rollout *model.Rollout, size model.TerminalSize,
) []line {
	var lines []line
	if rollout != nil && rollout.State.Active() {
		view := rolloutView{Rollout: *rollout, now: opts.look.now()}
		lines = append(opts.look.frame(view, size), line{})
	}
	for text := range strings.Lines(displayGroupStatus(status, rollout, opts.Full, page{})) {
		lines = append(lines, plain(strings.TrimSuffix(text, "\n")))
	}
	lines = append(lines, line{}, plain("Control-C to stop"))
	return cutLines(lines, size)
}
