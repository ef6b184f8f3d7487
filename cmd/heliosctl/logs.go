package main

import (
	"context"
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/spf13/cobra"

	"github.com/heliosctl/heliosctl/client"
	"github.com/heliosctl/heliosctl/model"
)

type logsOptions struct {
	Job        string
	Hosts      []string
	Query      model.LogQuery
	Timestamps bool
	JSON       bool

	since string
	tail  int
}

func newLogsCommand(env *environment) *cobra.Command {
	var opts logsOptions
	cmd := &cobra.Command{
		Use:   "logs JOB [HOST...]",
		Short: "Show what a job prints",
		Long: `Show what the containers of a job printed on one host, on several, or on all that it is deployed to. Lines of several hosts come
in the order in which they arrive, each with its host before it. What goes to error output is shown as well.

JOB is a name, name:version, or the start of an id; HOST is a name or the unique start of one. With --follow the command goes on with
new lines, and with the next container when the job is restarted, until the job is undeployed or Ctrl-C is pressed. When its master goes
away, it goes on with another one where it was. --previous shows the container before the current one: why it ended, perhaps.

With --json each line is one object: {"host", "time", "stream", "text"}, where stream is stdout or stderr. A host that cannot be read
has a last one with "error" in it; the others go on, and the exit code tells that not all went well.`,
		Example: `  heliosctl logs web:1
  heliosctl logs web:1 web-1.example.com --previous --tail 50
  heliosctl logs -f --since 10m web:1
  heliosctl logs web:1 --json | jq -r 'select(.stream == "stderr") | .host + " " + .text'`,
		Args: positional,
		RunE: func(cmd *cobra.Command, args []string) error {
			opts.Job, opts.Hosts, opts.JSON = args[0], args[1:], env.options.json
			if err := opts.check(cmd); err != nil {
				return err
			}
			return withClientsTogether(env, func(io streams, api *client.Client) error {
				return runLogs(cmd.Context(), io, api, opts)
			})
		},
	}
	flags := cmd.Flags()
	flags.BoolVarP(&opts.Query.Follow, "follow", "f", false, "go on with what comes")
	flags.StringVar(&opts.since, "since", "", "leave out lines from before this `TIME`, such as 2006-01-02T15:04:05Z, or older than 10m")
	flags.IntVar(&opts.tail, "tail", 0, "begin with the last `LINES` of each host (default all)")
	flags.BoolVarP(&opts.Query.Previous, "previous", "p", false, "show the container before the current one")
	flags.BoolVarP(&opts.Timestamps, "timestamps", "t", false, "show when each line was printed, in local time")
	return cmd
}

func (o *logsOptions) check(cmd *cobra.Command) error {
	if cmd.Flags().Changed("tail") {
		o.Query.Tail = &o.tail
	}
	if o.since != "" {
		if err := o.Query.SetSince(o.since); err != nil {
			return usagef("--since: %v", err)
		}
	}
	if err := o.Query.Validate(); err != nil {
		return usagef("%v", err)
	}
	return nil
}

func runLogs(ctx context.Context, io streams, api *client.Client, opts logsOptions) error {
	job, err := findJob(ctx, api, opts.Job)
	if err != nil {
		return err
	}
	p := &logPrinter{io: io, json: opts.JSON, timestamps: opts.Timestamps}
	hosts, err := namedHosts(ctx, api, opts.Hosts)
	if err != nil {
		return err
	}
	var deployed []string
	if len(hosts) == 0 && (!opts.JSON || opts.Query.Follow) {
		status, err := api.JobStatus(ctx, job.ID)
		if err != nil {
			return err
		}
		deployed = slices.Collect(maps.Keys(status.Deployments))
		p.align(deployed)
	} else if len(hosts) > 1 {
		p.align(hosts)
	}
	if opts.Query.Follow && !opts.Query.Previous {
		f := newLogFollower(io, api, job.ID, opts.Query, p)
		if err := f.run(ctx, hosts, deployed); err != nil {
			return err
		}
		return p.outcome()
	}
	for line, err := range api.Logs(ctx, job.ID, hosts, opts.Query) {
		if err == nil {
			err = p.print(line)
		}
		if err != nil {
			return err
		}
	}
	return p.outcome()
}

// namedHosts resolves references to hosts, all of which have to exist.
func namedHosts(ctx context.Context, api *client.Client, references []string) ([]string, error) {
	if len(references) == 0 {
		return nil, nil
	}
	found, err := findHosts(ctx, api, references)
	if err != nil {
		return nil, err
	}
	for _, host := range found {
		if host.err != nil {
			return nil, host.err
		}
	}
	return hostNames(found), nil
}

// logPrinter prints lines of logs.
type logPrinter struct {
	io         streams
	json       bool
	timestamps bool
	width      int // of the column of hosts; 0: none

	failed []model.Class // of the hosts that could not be read
}

// align makes a column that has room for these hosts.
func (p *logPrinter) align(hosts []string) {
	for _, host := range hosts {
		p.width = max(p.width, textWidth(oneLine(host)))
	}
}

func (p *logPrinter) print(line model.LogLine) error {
	if line.Error != nil {
		p.failed = append(p.failed, line.Error.Code.Class())
	}
	switch {
	case p.json:
		_, err := p.io.out.Write(append(line.AppendTo(nil), '\n'))
		return err
	case line.Error != nil:
		fmt.Fprintf(p.io.err, "heliosctl: %s: %s\n", oneLine(line.Host), oneLine(line.Error.Message))
		return nil
	}
	_, err := io.WriteString(p.io.out, p.text(line))
	return err
}

func (p *logPrinter) text(line model.LogLine) string {
	var b strings.Builder
	if p.width > 0 {
		host := oneLine(line.Host)
		b.WriteString(host)
		b.WriteString(strings.Repeat(" ", max(0, p.width-textWidth(host))+2))
	}
	if p.timestamps {
		b.WriteString(line.Time.Local().Format("2006-01-02 15:04:05.000") + "  ")
	}
	if p.io.screen {
		b.WriteString(harmless(line.Text))
	} else {
		b.WriteString(line.Text)
	}
	b.WriteByte('\n')
	return b.String()
}

// outcome is nil when every host could be read. Its class is that of the failures when they agree.
func (p *logPrinter) outcome() error {
	if len(p.failed) == 0 {
		return nil
	}
	class := p.failed[0]
	for _, other := range p.failed {
		if other != class {
			class = model.ClassInternal
		}
	}
	return &outcomeError{class: class}
}

// harmless writes what would drive the terminal as escapes, except for colours and tabs.
func harmless(s string) string {
	if strings.IndexFunc(s, unicode.IsControl) < 0 {
		return s
	}
	var b strings.Builder
	for len(s) > 0 {
		if n := colour(s); n > 0 {
			b.WriteString(s[:n])
			s = s[n:]
			continue
		}
		r, size := utf8.DecodeRuneInString(s)
		if r == '\t' {
			b.WriteByte('\t')
		} else {
			b.WriteString(oneLine(s[:size]))
		}
		s = s[size:]
	}
	return b.String()
}

// colour returns the length of the sequence at the beginning of s that sets a colour or another look of characters, 0 where there is none.
func colour(s string) int {
	rest, ok := strings.CutPrefix(s, "\x1b[")
	if !ok {
		return 0
	}
	parameters := len(rest) - len(strings.TrimLeft(rest, "0123456789;:"))
	if parameters == len(rest) || rest[parameters] != 'm' {
		return 0
	}
	return len("\x1b[") + parameters + 1
}
