package main

import (
	"context"
	"fmt"
	"strings"
	"sync"

	"github.com/heliosctl/heliosctl/model"
)

// hostResult is what became of a command on one host, and its JSON.
type hostResult struct {
	Status  model.Code  `json:"status"`
	Host    string      `json:"host"`
	Job     string      `json:"job"`
	State   model.State `json:"state,omitempty"` // of the task, when it was waited for
	Message string      `json:"message,omitempty"`
	err     error
}

func (r *hostResult) fail(err error) {
	r.err = err
	r.Status = statusOf(err)
	r.Message = err.Error()
}

// reason tells a failure in words and in the status word of the API.
func (r *hostResult) reason() string {
	if r.Message == string(r.Status) {
		return r.Message
	}
	return fmt.Sprintf("%s (%s)", r.Message, r.Status)
}

// hostAction changes something on one host.
type hostAction func(ctx context.Context, host string) error

// maxConcurrentHosts bounds the requests under way at a time.
const maxConcurrentHosts = 8

// onHosts carries out an action on every host that could be resolved, a few at a time, and calls report for each in the order
// given. One that fails keeps none of the others from being tried.
func onHosts(ctx context.Context, hosts []hostReference, id model.JobID, action hostAction, report func(hostResult)) []hostResult {
	results := make([]hostResult, len(hosts))
	finished := make([]chan struct{}, len(hosts))
	slots := make(chan struct{}, maxConcurrentHosts)
	var workers sync.WaitGroup
	defer workers.Wait()
	for i, host := range hosts {
		results[i] = hostResult{Status: model.CodeOK, Host: host.name, Job: id.String()}
		finished[i] = make(chan struct{})
		workers.Go(func() {
			defer close(finished[i])
			slots <- struct{}{}
			defer func() { <-slots }()
			err := host.err
			if err == nil {
				err = action(ctx, host.name)
			}
			if err != nil {
				results[i].fail(err)
			}
		})
	}
	for i := range hosts {
		<-finished[i]
		report(results[i])
	}
	return results
}

// hostsCommand is a change of one job on several hosts: what deploy, undeploy, start and stop have in common.
type hostsCommand struct {
	verb   string // as in "Deploying", for text
	onto   string // "on" or "from"
	job    model.JobID
	hosts  []hostReference
	action hostAction
	json   bool
	lines  bool // with json: an object a line, because more will follow
}

// run prints what is about to happen and the outcome of each host, carries the action out, and, unless wait is nil, waits for the
// hosts where it was accepted.
func (c *hostsCommand) run(ctx context.Context, io streams, wait *waiter) error {
	report := func(hostResult) {}
	if !c.json {
		fmt.Fprintf(io.out, "%s %s %s [%s]\n", c.verb, c.job, c.onto, strings.Join(hostNames(c.hosts), ", "))
		report = func(r hostResult) { printHostResult(io, r) }
	}
	if wait != nil {
		wait.showOn(io)
		if err := wait.prepare(ctx, resolvedNames(c.hosts)); err != nil {
			return err
		}
	}
	results := onHosts(ctx, c.hosts, c.job, c.action, report)
	if wait != nil {
		if err := c.awaitResults(ctx, io, wait, results); err != nil {
			return err
		}
	}
	if ctx.Err() != nil {
		return c.interrupted(ctx, results, "")
	}
	if c.json {
		if err := c.printResults(io, results); err != nil {
			return err
		}
	}
	return failureOfHosts(results)
}

func (c *hostsCommand) printResults(io streams, results []hostResult) error {
	if !c.lines {
		return printHostResults(io, results)
	}
	for _, r := range results {
		if err := printCompact(io, r); err != nil {
			return err
		}
	}
	return nil
}

// awaitResults waits for the hosts that accepted the change and adds to results what became of them.
func (c *hostsCommand) awaitResults(ctx context.Context, io streams, wait *waiter, results []hostResult) error {
	var accepted []string
	for _, r := range results {
		if r.err == nil {
			accepted = append(accepted, r.Host)
		}
	}
	ended, err := wait.run(ctx, accepted)
	if ctx.Err() != nil && err != nil {
		return c.interrupted(ctx, wait.stillUnderWay(results), ", and goes on without this command")
	}
	if err != nil {
		return err
	}
	for i := range results {
		r := &results[i]
		progress, ok := ended[r.Host]
		if !ok || r.err != nil {
			continue
		}
		r.State = progress.state
		if progress.err != nil {
			r.fail(progress.err)
		}
		if !c.json {
			printAwaited(io, *r)
		}
	}
	return nil
}

// interrupted makes the error of a command that was interrupted: what it has asked for stays as it is.
func (c *hostsCommand) interrupted(ctx context.Context, results []hostResult, more string) error {
	asked := 0
	var details []string
	for _, r := range results {
		state := string(r.State)
		if r.err != nil {
			state = r.Message
		} else {
			asked++
		}
		if state == "" {
			state = "asked for"
		}
		details = append(details, r.Host+": "+state)
	}
	left := fmt.Sprintf("what was asked for on %d of %s stays%s", asked, plural(int64(len(results)), "host"), more)
	if asked < len(results) {
		left += "; the others may or may not have it"
	}
	return &interruptedError{
		cause:   ctx.Err(),
		left:    left,
		hint:    fmt.Sprintf("see 'heliosctl status --job %s'", c.job.Short()),
		details: details,
	}
}

func printHostResult(io streams, r hostResult) {
	if r.err != nil {
		fmt.Fprintf(io.out, "%s: failed: %s\n", oneLine(r.Host), oneLine(r.reason()))
		return
	}
	fmt.Fprintf(io.out, "%s: done\n", oneLine(r.Host))
}

func printAwaited(io streams, r hostResult) {
	switch {
	case r.err != nil:
		printHostResult(io, r)
	case r.State == "":
		fmt.Fprintf(io.out, "%s: gone\n", oneLine(r.Host))
	default:
		fmt.Fprintf(io.out, "%s: %s\n", oneLine(r.Host), r.State)
	}
}

// printHostResults prints an object for one host, as the original did, and an array for any other number.
func printHostResults(io streams, results []hostResult) error {
	if len(results) == 1 {
		return printJSON(io.out, results[0])
	}
	return printJSON(io.out, results)
}

// failureOfHosts is nil when nothing failed. Its class is that of the failures when they agree.
func failureOfHosts(results []hostResult) error {
	var failed []hostResult
	for _, r := range results {
		if r.err != nil {
			failed = append(failed, r)
		}
	}
	if len(failed) == 0 {
		return nil
	}
	class := classOf(failed[0].err)
	for _, r := range failed {
		if classOf(r.err) != class {
			class = model.ClassInternal
		}
	}
	message := fmt.Sprintf("%s: %s", failed[0].Host, failed[0].Message)
	if len(failed) > 1 {
		message = fmt.Sprintf("failed on %d of %s", len(failed), plural(int64(len(results)), "host"))
	}
	return &outcomeError{class: class, message: message}
}

func hostNames(hosts []hostReference) []string {
	names := make([]string, len(hosts))
	for i, host := range hosts {
		names[i] = host.name
	}
	return names
}

func resolvedNames(hosts []hostReference) []string {
	names := []string{}
	for _, host := range hosts {
		if host.err == nil {
			names = append(names, host.name)
		}
	}
	return names
}
