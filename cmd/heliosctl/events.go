package main

import (
	"context"
	"fmt"
	"io"
	"math"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/heliosctl/heliosctl/client"
	"github.com/heliosctl/heliosctl/model"
	"github.com/heliosctl/heliosctl/tui"
)

const (
	recentEvents = 50            // shown unless somebody says how many
	allEvents    = math.MaxInt32 // that a master knows
)

type eventsOptions struct {
	Last   int
	Follow bool
	Jobs   []string
	Hosts  []string
	Types  []string
	JSON   bool
	Since  time.Time // zero: whenever

	now func() time.Time
}

func newEventsCommand(env *environment) *cobra.Command {
	opts := eventsOptions{now: env.now}
	var since string
	cmd := &cobra.Command{
		Use:   "events",
		Short: "Show what happens in the cluster",
		Long: `Show what happened lately, oldest first, in local time: to which host and which job, and who asked for it. With --follow the command
goes on with what happens until Ctrl-C is pressed. When its master goes away, it goes on with another one where it was.

A master knows some thousands of events, from its own start on; what a job went through before that, 'heliosctl history' shows.

JOB is a name, name:version, or an id, of which the end of the hash may be missing; a name means all its versions, also those that come.
HOST is a name or the unique start of one. What is removed is found as long as an event tells of it. TYPE is one such as task.status.

With --json each event is one object a line, as masters stream them; with --follow, one of the type reset says that some may be missing.`,
		Example: `  heliosctl events
  heliosctl events -f --job web --host web-1
  heliosctl events --type host.down --type host.up --since 1h
  heliosctl events -n 1000 --json | jq -r 'select(.user) | .user + " " + .type'`,
		Args: positional,
		RunE: func(cmd *cobra.Command, _ []string) error {
			opts.JSON = env.options.json
			if err := opts.check(since, cmd.Flags().Changed("last")); err != nil {
				return err
			}
			return withClientsTogether(env, func(io streams, api *client.Client) error {
				return explainNoEvents(runEvents(cmd.Context(), io, api, opts))
			})
		},
	}
	flags := cmd.Flags()
	flags.IntVarP(&opts.Last, "last", "n", recentEvents, "begin with the last `NUMBER` of events")
	flags.BoolVarP(&opts.Follow, "follow", "f", false, "go on with what happens, until Ctrl-C is pressed")
	flags.StringVar(&since, "since", "", "leave out events from before this `TIME`, such as 2006-01-02T15:04:05Z, or older than 10m")
	flags.StringArrayVar(&opts.Jobs, "job", nil, "only what concerns `JOB`; may be repeated")
	flags.StringArrayVar(&opts.Hosts, "host", nil, "only what happened on `HOST`; may be repeated")
	flags.StringArrayVar(&opts.Types, "type", nil, "only events of this `TYPE`; may be repeated")
	return cmd
}

func eventTypeNames() []string {
	var names []string
	for _, t := range model.EventTypes() {
		names = append(names, string(t))
	}
	return names
}

// check completes the options. All events since a time are meant, unless a number is said.
func (o *eventsOptions) check(since string, limited bool) error {
	for _, t := range o.Types {
		if names := eventTypeNames(); !slices.Contains(names, t) {
			hint := didYouMean(t, names)
			if hint == "" {
				hint = "; there are " + strings.Join(names, ", ")
			}
			return usagef("--type is %q, which is no type of events%s", t, hint)
		}
	}
	if slices.Contains(o.Jobs, "") {
		return usagef("a job is empty; give a name, name:version, or an id")
	}
	if o.Last < 0 || o.Last == 0 && !o.Follow {
		return usagef("--last is %d; give a number above zero", o.Last)
	}
	if since == "" {
		return nil
	}
	var q model.LogQuery
	if err := q.SetSince(since); err != nil {
		return usagef("--since: %v", err)
	}
	if o.Since = q.Since; q.Age > 0 {
		o.Since = o.now().Add(-q.Age)
	}
	if !limited {
		o.Last = allEvents
	}
	return nil
}

// explainNoEvents says in one line, however a master words it, that it does not know the stream of events.
func explainNoEvents(err error) error {
	if model.CodeOf(err) == model.CodeNotFound {
		return model.Errorf(model.CodeNotFound, "the master does not tell of events; those of the original Helios do not")
	}
	return err
}

func runEvents(ctx context.Context, io streams, api *client.Client, opts eventsOptions) error {
	for _, reference := range opts.Jobs {
		if err := knownJob(ctx, api, reference); err != nil {
			return err
		}
	}
	var err error
	if opts.Hosts, err = hostsOfEvents(ctx, api, opts.Hosts); err != nil {
		return err
	}
	p := &eventPrinter{io: io, json: opts.JSON, now: opts.now}
	if opts.Follow {
		p.widths = []int{0, 0, 0, len(model.StateHealthchecking), 0}
		return whileRead(ctx, func(ctx context.Context) error { return opts.follow(ctx, api, p) })
	}
	events, err := api.RecentEvents(ctx, opts.query())
	if err != nil {
		return err
	}
	return p.print(opts.wanted(events))
}

// knownJob fails with CodeJobNotFound where a reference is that of no job, and of none that an event tells of. An id in full is taken as it
// is.
func knownJob(ctx context.Context, api *client.Client, reference string) error {
	jobs, err := api.Jobs(ctx, reference, "")
	if err != nil {
		return err
	}
	for id := range jobs {
		if isJob(id, reference) {
			return nil
		}
	}
	if id, err := model.ParseJobID(reference); err == nil && id.FullyQualified() {
		return nil
	}
	events, err := api.RecentEvents(ctx, client.EventQuery{Last: allEvents, Job: reference})
	if err != nil {
		return err
	}
	if slices.ContainsFunc(events, func(e model.Event) bool { return e.JobID != nil && isJob(*e.JobID, reference) }) {
		return nil
	}
	return suggestJob(ctx, api, reference,
		model.Errorf(model.CodeJobNotFound, "job %s not found: there is none of this name or id, and no event tells of one", reference))
}

// isJob tells whether a job has this name, name:version, or id, of which the end of the hash may be missing.
func isJob(id model.JobID, reference string) bool {
	whole := id.Name + ":" + id.Version
	return reference == id.Name || reference == whole || strings.HasPrefix(reference, whole+":") && strings.HasPrefix(id.String(), reference)
}

// hostsOfEvents resolves references to hosts that exist, or that an event tells of.
func hostsOfEvents(ctx context.Context, api *client.Client, references []string) ([]string, error) {
	hosts, unknown := namedHosts(ctx, api, references)
	if model.CodeOf(unknown) != model.CodeHostNotFound {
		return hosts, unknown
	}
	names, err := api.Hosts(ctx, "", nil)
	if err != nil {
		return nil, err
	}
	events, err := api.RecentEvents(ctx, client.EventQuery{Last: allEvents})
	if err != nil {
		return nil, err
	}
	for _, e := range events {
		if e.Host != "" {
			names = append(names, e.Host)
		}
	}
	slices.Sort(names)
	names = slices.Compact(names)
	hosts = nil
	for _, reference := range references {
		host := resolveHost(reference, names, systemSearchDomains)
		if host.err != nil {
			return nil, unknown
		}
		hosts = append(hosts, host.name)
	}
	return hosts, nil
}

// query asks for what is wanted, or for more than that where masters cannot be told so exactly.
func (o *eventsOptions) query() client.EventQuery {
	q := client.EventQuery{Last: o.Last}
	for _, t := range o.Types {
		q.Types = append(q.Types, model.EventType(t))
	}
	if len(o.Hosts) == 1 {
		q.Host = o.Hosts[0]
	}
	if len(o.Jobs) == 1 {
		q.Job = o.Jobs[0]
	}
	if o.Last > 0 && (len(o.Hosts) > 1 || len(o.Jobs) > 0) {
		q.Last = allEvents
	}
	return q
}

func (o *eventsOptions) keeps(e model.Event) bool {
	switch {
	case len(o.Hosts) > 0 && !slices.Contains(o.Hosts, e.Host):
		return false
	case e.Time.Time().Before(o.Since):
		return false
	case len(o.Jobs) == 0:
		return true
	}
	return e.JobID != nil && slices.ContainsFunc(o.Jobs, func(reference string) bool { return isJob(*e.JobID, reference) })
}

// wanted returns the last of the events that are wanted.
func (o *eventsOptions) wanted(events []model.Event) []model.Event {
	kept := slices.DeleteFunc(events, func(e model.Event) bool { return !o.keeps(e) })
	return kept[max(0, len(kept)-o.Last):]
}

// follow prints the last events and those that come, until ctx ends. That no master answers it outlives once one has answered.
func (o *eventsOptions) follow(ctx context.Context, api *client.Client, p *eventPrinter) error {
	away := outage{log: p.io.err}
	var past []model.Event
	begun := false // the past is over
	q := o.query()
	q.Lost = func(err error) error {
		if !begun {
			return err
		}
		away.began(err)
		return nil
	}
	for event, err := range api.WatchEvents(ctx, q) {
		if err != nil {
			return err
		}
		away.ended()
		switch signal := event.Type == model.EventHeartbeat || event.Type == model.EventReset; {
		case signal && !begun:
			begun = true
			err = p.print(o.wanted(past))
		case event.Type == model.EventReset:
			err = p.gap(event)
		case signal:
		case !begun:
			past = append(past, event)
		case o.keeps(event):
			err = p.print([]model.Event{event})
		}
		if err != nil {
			return err
		}
	}
	return ctx.Err()
}

// eventPrinter prints events as they come, the first ones with a header over them.
type eventPrinter struct {
	io     streams
	json   bool
	now    func() time.Time
	widths []int
	begun  bool
}

func (p *eventPrinter) print(events []model.Event) error {
	if p.json {
		for _, event := range events {
			if err := printCompact(p.io, event); err != nil {
				return err
			}
		}
		return nil
	}
	page := pageOf(p.io.out)
	if page.columns > 0 && p.io.display != nil {
		page.columns = int(p.io.screenSize().Columns)
	}
	t := newTable("TIME", "HOST", "JOB", "CHANGE", "DETAIL")
	for _, event := range events {
		t.add(p.row(event, page.columns > 0)...)
	}
	for i, width := range t.widths() {
		if i == len(p.widths) {
			p.widths = append(p.widths, 0)
		}
		p.widths[i] = max(p.widths[i], width)
	}
	layout := layoutOf(p.widths, page.columns)
	var b strings.Builder
	for i, row := range t.rows {
		if i > 0 || !p.begun {
			b.WriteString(t.line(row, i == 0, layout).text(page.colour) + "\n")
		}
	}
	p.begun = true
	_, err := io.WriteString(p.io.out, b.String())
	return err
}

// row says of an event what the feed of the dashboard says.
func (p *eventPrinter) row(event model.Event, narrow bool) []string {
	e := tui.EventOf(event)
	when := displayMoment(event.Time)
	if narrow {
		when = narrowMoment(e.At, p.now())
	}
	host, job := "-", "-"
	if e.Host != "" {
		host = e.Host
	}
	if !e.Job.IsZero() {
		job = e.Job.Short()
	}
	change, detail := e.Words()
	return []string{when, host, job, change, strings.TrimSpace(strings.TrimPrefix(detail, change))}
}

// narrowMoment is the time of day, or the day where that was another one, in as many columns as the first of a table always has.
func narrowMoment(at, now time.Time) string {
	at, now = at.Local(), now.Local()
	if at.Format(time.DateOnly) == now.Format(time.DateOnly) {
		return at.Format("15:04:05.000")
	}
	return at.Format("Jan _2 15:04")
}

// gap tells that events may be missing.
func (p *eventPrinter) gap(reset model.Event) error {
	if p.json {
		return printCompact(p.io, reset)
	}
	fmt.Fprintln(p.io.err, "events may be missing here: the master that goes on with them does not know all that was before")
	return nil
}
