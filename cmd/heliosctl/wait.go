package main

import (
	"context"
	"fmt"
	"io"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/heliosctl/heliosctl/client"
	"github.com/heliosctl/heliosctl/model"
)

const defaultWaitTimeout = 5 * time.Minute

// waitOptions are the flags of the commands that can wait for the outcome.
type waitOptions struct {
	Wait    bool
	Timeout time.Duration
}

func (o *waitOptions) bind(flags *pflag.FlagSet, until string) {
	o.Timeout = defaultWaitTimeout
	flags.BoolVar(&o.Wait, "wait", false, "wait until "+until)
	flags.Var((*seconds)(&o.Timeout), "timeout", "with --wait: give up after so many `SECONDS`, or after a duration such as 1m30s")
}

func (o *waitOptions) check(cmd *cobra.Command) error {
	if cmd.Flags().Changed("timeout") && !o.Wait {
		return usagef("--timeout only means something together with --wait")
	}
	return nil
}

// progress is how far one host has come. State is the task's, empty when there is no task. Ended says that there is nothing more to
// wait for, because it is done or, with err, because it failed.
type progress struct {
	state model.State
	ended bool
	err   error
}

// waiter follows one job on several hosts until each has done what is wanted. It reads the state anew whenever the master's event
// stream tells of a change; while there is no stream, it reads it every now and then.
type waiter struct {
	api     *client.Client
	job     model.JobID // zero: events of every job count
	timeout time.Duration
	log     io.Writer   // a line per change of a host's state
	screen  *waitScreen // instead of lines; nil where there is none

	// observe tells how far hosts have come. A host that is missing from the answer is still on its way.
	observe func(ctx context.Context, hosts []string) (map[string]progress, error)

	before map[string]model.HostStatus // as prepare found the hosts
	shown  map[string]model.State
}

// newGoalWaiter waits until tasks have reached a goal: START until they run, STOP until they do not. Fresh tells that the job is
// being deployed anew, so that what a previous deployment left behind does not count.
func newGoalWaiter(api *client.Client, log io.Writer, job model.JobID, goal model.Goal, fresh bool, timeout time.Duration) *waiter {
	w := &waiter{api: api, job: job, timeout: timeout, log: log}
	w.observe = func(ctx context.Context, hosts []string) (map[string]progress, error) {
		status, err := api.JobStatus(ctx, job)
		if err != nil {
			return nil, err
		}
		seen := map[string]progress{}
		for _, host := range hosts {
			_, deployed := status.Deployments[host]
			task, reported := status.TaskStatuses[host]
			if deployed && (!reported || fresh && isLeftover(task, w.before[host].Statuses, job)) {
				continue
			}
			seen[host] = judge(goal, deployed, task)
		}
		return seen, nil
	}
	return w
}

// newGoneWaiter waits until tasks are gone from their hosts.
func newGoneWaiter(api *client.Client, log io.Writer, job model.JobID, timeout time.Duration) *waiter {
	w := &waiter{api: api, job: job, timeout: timeout, log: log}
	w.observe = func(ctx context.Context, hosts []string) (map[string]progress, error) {
		statuses, err := api.HostStatuses(ctx, hosts, "")
		if err != nil {
			return nil, err
		}
		seen := map[string]progress{}
		for _, host := range hosts {
			seen[host] = judgeGone(statuses[host], job)
		}
		return seen, nil
	}
	return w
}

// judge tells how far a task has come towards its goal.
func judge(goal model.Goal, deployed bool, task model.TaskStatus) progress {
	if !deployed {
		return progress{ended: true, err: model.Errorf(model.CodeJobNotDeployed, "the job was undeployed meanwhile")}
	}
	p := progress{state: task.State}
	// What was reported under another goal is the past, unless it happens to be what is wanted.
	current := task.Goal == goal || task.Goal == ""
	switch {
	case goal == model.GoalStop:
		p.ended = task.State == model.StateStopped || current && (task.State == model.StateExited || task.State == model.StateFailed)
	case task.State == model.StateRunning && task.Throttled != model.ThrottleFlapping:
		p.ended = true
	case current && (task.State == model.StateFailed || task.State == model.StateExited || task.State == model.StateRunning):
		p.ended = true
		p.err = model.Errorf(model.CodeTaskFailed, "%s", failureReason(task))
	}
	return p
}

// failureReason says why a task does not run.
func failureReason(task model.TaskStatus) string {
	var reason string
	switch task.Throttled {
	case model.ThrottleImageMissing:
		reason = fmt.Sprintf("image %s is missing", task.Job.Image)
	case model.ThrottleImagePullFailed:
		reason = fmt.Sprintf("image %s could not be pulled", task.Job.Image)
	case model.ThrottleFlapping:
		reason = "the container keeps exiting"
	default:
		reason = "the container exited"
		if task.State == model.StateFailed {
			reason = "the container could not be run"
		}
	}
	reason = fmt.Sprintf("%s: %s", task.State, reason)
	if end := displayEnd(task); task.ContainerError == "" && len(end) > 0 {
		reason += ": " + strings.Join(end, ", ")
	}
	if task.ContainerError != "" {
		reason += ": " + task.ContainerError
	}
	return reason
}

func judgeGone(host model.HostStatus, job model.JobID) progress {
	if _, again := host.Jobs[job]; again {
		return progress{ended: true, err: model.Errorf(model.CodeJobAlreadyDeployed, "the job was deployed again meanwhile")}
	}
	task, left := host.Statuses[job]
	return progress{state: task.State, ended: !left}
}

// isLeftover tells whether a status is still the one that a previous deployment of the job had left on the host.
func isLeftover(task model.TaskStatus, before map[model.JobID]model.TaskStatus, job model.JobID) bool {
	old, ok := before[job]
	switch {
	case !ok:
		return false
	case old.ContainerID != "":
		return task.ContainerID == old.ContainerID
	}
	return task.ContainerID == "" && task.State == old.State && task.Throttled == old.Throttled && task.ContainerError == old.ContainerError
}

// showOn makes the waiter show its progress where people see it: in place on a terminal, in lines elsewhere, and nowhere with --json.
func (w *waiter) showOn(streams streams) {
	switch {
	case streams.machine:
		w.log = io.Discard
	case streams.progress != nil:
		w.screen = newWaitScreen(streams)
	}
}

// prepare remembers how the hosts are before anything is changed.
func (w *waiter) prepare(ctx context.Context, hosts []string) error {
	before, err := w.api.HostStatuses(ctx, hosts, "")
	w.before = before
	return err
}

// run waits for the hosts and returns how each ended. The error is for what ends the waiting as a whole; a timeout is that of the
// hosts still on their way.
func (w *waiter) run(ctx context.Context, hosts []string) (map[string]progress, error) {
	if len(hosts) == 0 {
		return nil, nil
	}
	w.announce(hosts)
	w.shown = map[string]model.State{}
	if w.screen != nil {
		w.screen.begin(hosts)
		defer w.screen.end()
	}
	limited, cancel := context.WithTimeout(ctx, w.timeout)
	kicks := make(chan struct{}, 1)
	var follower sync.WaitGroup
	follower.Go(func() { w.follow(limited, kicks) })
	defer follower.Wait()
	defer cancel()

	ended := map[string]progress{}
	pending := slices.Clone(hosts)
	away := outage{log: w.log}
	if w.screen != nil {
		away.log = io.Discard // lines would be drawn over
	}
	// However short the timeout, the hosts are looked at once.
	for looking := ctx; len(pending) > 0; looking = limited {
		seen, err := w.observe(looking, pending)
		switch {
		case err == nil:
			away.ended()
		case looking.Err() != nil:
		case !passing(err):
			return nil, err
		default:
			away.began(err)
		}
		pending = slices.DeleteFunc(pending, func(host string) bool {
			p := seen[host]
			w.show(host, p)
			if p.ended {
				ended[host] = p
			}
			return p.ended
		})
		if len(pending) == 0 {
			break
		}
		select {
		case <-kicks:
		case <-w.screen.redraw():
			w.screen.draw()
		case <-limited.Done():
			if ctx.Err() != nil {
				return nil, ctx.Err()
			}
			w.expire(pending, ended)
			return ended, nil
		}
	}
	return ended, nil
}

// passing tells whether an error may be gone at the next try.
func passing(err error) bool {
	class := classOf(err)
	return class == model.ClassUnavailable || class == model.ClassTimeout
}

func (w *waiter) announce(hosts []string) {
	for _, host := range hosts {
		if w.before[host].Status == model.Down {
			fmt.Fprintf(w.log, "%s: the host is DOWN; waiting for it\n", oneLine(host))
		}
	}
}

func (w *waiter) show(host string, p progress) {
	if w.screen != nil {
		w.shown[host] = p.state
		w.screen.set(host, p)
		return
	}
	if p.state != "" && p.state != w.shown[host] {
		w.shown[host] = p.state
		fmt.Fprintf(w.log, "%s: %s\n", oneLine(host), oneLine(string(p.state)))
	}
}

func (w *waiter) expire(pending []string, ended map[string]progress) {
	for _, host := range pending {
		last := w.shown[host]
		message := fmt.Sprintf("still %s after %s", last, w.timeout)
		if last == "" {
			message = fmt.Sprintf("nothing was reported within %s; is the agent up?", w.timeout)
		}
		ended[host] = progress{state: last, ended: true, err: model.Errorf(model.CodeTimeout, "%s", message)}
	}
}

// stillUnderWay adds to results the states in which hosts were last seen.
func (w *waiter) stillUnderWay(results []hostResult) []hostResult {
	for i := range results {
		results[i].State = w.shown[results[i].Host]
	}
	return results
}

const (
	firstReconnect = 100 * time.Millisecond
	lastReconnect  = 2 * time.Second
)

// follow kicks for every event that may concern the job, and for every loss of the stream, until ctx ends.
func (w *waiter) follow(ctx context.Context, kicks chan<- struct{}) {
	concerns := func(event model.Event) bool { return event.JobID == nil || w.job.IsZero() || *event.JobID == w.job }
	followEvents(ctx, w.api, concerns, kicks)
}
