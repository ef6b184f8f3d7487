package main

import (
	"context"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/heliosctl/heliosctl/client"
	"github.com/heliosctl/heliosctl/model"
)

// followOptions are the flags of the commands that start a rollout, or have one go on, and follow it.
type followOptions struct {
	Async   bool
	Timeout time.Duration
	JSON    bool
	look    look
}

const defaultRolloutTimeout = time.Hour

func (o *followOptions) bind(flags *pflag.FlagSet) {
	o.Timeout = defaultRolloutTimeout
	flags.BoolVar(&o.Async, "async", false, "return at once; the rollout goes on by itself")
	flags.VarP((*minutes)(&o.Timeout), "rollout-timeout", "T",
		"stop waiting after so many `MINUTES`, or after a duration such as 90s; the rollout goes on")
}

// minutes is a flag that takes whole minutes, as the original did, or a duration such as 90s.
type minutes time.Duration

func (m *minutes) String() string { return time.Duration(*m).String() }

// Set accepts positive values only.
func (m *minutes) Set(text string) error {
	d, err := time.ParseDuration(text)
	if n, numberErr := strconv.ParseInt(text, 10, 32); numberErr == nil {
		d, err = time.Duration(n)*time.Minute, nil
	}
	if err != nil || d <= 0 {
		return usagef("give minutes, or a duration such as 90s, above zero")
	}
	*m = minutes(d)
	return nil
}

// Type names the kind of value in help texts.
func (m *minutes) Type() string { return "minutes" }

// wholeSeconds is a flag that takes whole seconds or a duration such as 1m30s; nil is "not given".
type wholeSeconds struct{ value **int64 }

func (s wholeSeconds) String() string {
	if s.value == nil {
		return ""
	}
	return displayInt(*s.value)
}

// Set leaves it to the options' own check whether zero is allowed.
func (s wholeSeconds) Set(text string) error {
	d, err := time.ParseDuration(text)
	if n, numberErr := strconv.ParseInt(text, 10, 32); numberErr == nil {
		d, err = time.Duration(n)*time.Second, nil
	}
	if err != nil || d != d.Truncate(time.Second) {
		return usagef("give whole seconds, or a duration such as 1m30s")
	}
	n := int64(d / time.Second)
	*s.value = &n
	return nil
}

// Type names the kind of value in help texts.
func (s wholeSeconds) Type() string { return "seconds" }

type rollingUpdateOptions struct {
	followOptions
	Job     string
	Group   string
	Options model.RolloutOptions
	DryRun  bool
}

func newRollingUpdateCommand(env *environment, name string) *cobra.Command {
	var opts rollingUpdateOptions
	var given rolloutFlags
	cmd := &cobra.Command{
		Use:   name + " JOB GROUP",
		Short: "Bring a deployment group to a job",
		Long: `Bring all hosts of a deployment group to a job, a few at a time: the group's old job is undeployed, the new one deployed, and the
next host's turn comes when it runs. What is not given is what the job's own rollout options say, else the default.

In a terminal the command shows the progress in place; otherwise it prints a line for each host. It ends when the rollout does, when
it is paused, or behind its canaries; the exit code tells which (see 'heliosctl exit-codes'). Ctrl-C leaves the rollout running.

When more hosts fail than --max-failures, the rollout stops, pauses or goes back to what ran before, as --on-failure says. A host
fails when the job does not run there within --timeout, and at once when it cannot: no such image, wrong token, port taken.

With --json each line is one object: events ("event": "rollout" or "host"), and last the result ("event": "result").`,
		Example: fmt.Sprintf(`  heliosctl %[1]s web:2 web
  heliosctl %[1]s web:2 web --parallelism 5 --overlap --min-healthy 30
  heliosctl %[1]s web:2 web --canary 1 --on-failure rollback --max-failures 10%%
  heliosctl %[1]s web:2 web --dry-run`, name),
		Args: positional,
		RunE: func(cmd *cobra.Command, args []string) error {
			opts.Job, opts.Group, opts.JSON, opts.look = args[0], args[1], env.options.json, lookOf(env)
			var err error
			if opts.Options, err = given.options(cmd.Flags()); err != nil {
				return err
			}
			if opts.DryRun && opts.Async {
				return usagef("give either --dry-run or --async")
			}
			return withClientUntilFailure(env, func(api *client.Client) error {
				return runRollingUpdate(cmd.Context(), env.streams, api, opts)
			})
		},
	}
	flags := cmd.Flags()
	given.bind(flags)
	opts.bind(flags)
	flags.BoolVar(&opts.DryRun, "dry-run", false, "print which hosts would change, in which order and how; change nothing")
	return cmd
}

// rolloutFlags are options of a rollout as flags.
type rolloutFlags struct {
	timeout        *int64
	minHealthy     *int64
	parallelism    int
	canary         int
	migrate        bool
	overlap        bool
	ignoreFailures bool
	token          string
	maxFailures    string
	onFailure      string
}

func (f *rolloutFlags) bind(flags *pflag.FlagSet) {
	flags.IntVarP(&f.parallelism, "parallelism", "p", 0, "how many `HOSTS` may be in the middle of it at a time (default 1)")
	flags.IntVar(&f.parallelism, "par", 0, "the original's name of --parallelism")
	_ = flags.MarkHidden("par") // it exists
	flags.VarP(wholeSeconds{&f.timeout}, "timeout", "t", "a host fails that does not run the job after so many `SECONDS` (default 300)")
	flags.BoolVar(&f.migrate, "migrate", false, "take over the job where somebody else deployed it")
	flags.BoolVar(&f.overlap, "overlap", false, "start the new job on a host before the old one is stopped; not with static ports")
	bindToken(flags, &f.token)
	flags.BoolVar(&f.ignoreFailures, "ignore-failures", false, "go on however many hosts fail")
	flags.IntVar(&f.canary, "canary", 0, "wait for 'heliosctl resume' after so many `HOSTS`")
	flags.StringVar(&f.maxFailures, "max-failures", "", "how many hosts may fail, as a `NUMBER` or a share such as 10% (default 0)")
	flags.Var(wholeSeconds{&f.minHealthy}, "min-healthy",
		"how many `SECONDS` a host has to keep running before the next one's turn (default 0)")
	flags.StringVar(&f.onFailure, "on-failure", "", "what to do when more fail: `stop|pause|rollback` (default stop)")
}

// options returns what was given, and nothing else. Faults are usage errors.
func (f *rolloutFlags) options(flags *pflag.FlagSet) (model.RolloutOptions, error) {
	o := model.RolloutOptions{
		Timeout: f.timeout, MinHealthy: f.minHealthy, MaxFailures: model.FailureLimit(f.maxFailures),
		OnFailure: model.OnFailure(strings.ToUpper(f.onFailure)),
	}
	if flags.Changed("parallelism") || flags.Changed("par") {
		o.Parallelism = &f.parallelism
	}
	if flags.Changed("migrate") {
		o.Migrate = &f.migrate
	}
	if flags.Changed("overlap") {
		o.Overlap = &f.overlap
	}
	if flags.Changed("token") {
		o.Token = &f.token
	}
	if flags.Changed("ignore-failures") {
		o.IgnoreFailures = &f.ignoreFailures
	}
	if flags.Changed("canary") {
		o.Canary = &f.canary
	}
	if _, err := o.Settings(); err != nil {
		return o, usagef("%v", err)
	}
	return o, nil
}

func runRollingUpdate(ctx context.Context, io streams, api *client.Client, opts rollingUpdateOptions) error {
	job, err := findJob(ctx, api, opts.Job)
	if err != nil {
		return err
	}
	if opts.DryRun {
		return previewRollout(ctx, io, api, job, opts)
	}
	merged := model.MergeRolloutOptions(&opts.Options, job.RolloutOptions)
	var before uint64
	if !opts.Async {
		if before, err = newestRollout(ctx, api, opts.Group); err != nil {
			return err
		}
	}
	if _, err := api.RollingUpdate(ctx, opts.Group, job.ID, opts.Options); err != nil {
		return err
	}
	if opts.Async {
		return tellStarted(io, opts, job.ID, merged)
	}
	if !opts.JSON {
		fmt.Fprintf(io.out, "Rolling update started: %s -> %s (%s)\n\n", oneLine(opts.Group), job.ID.Short(), displayMergedOptions(merged))
	}
	id, err := startedRollout(ctx, api, opts.Group, before, func(r model.Rollout) bool {
		return r.Reason == model.RolloutByUser && r.To == job.ID
	})
	if err != nil {
		return err
	}
	return followRollout(ctx, io, api, opts.Group, model.Rollout{ID: id, Options: merged}, opts.followOptions)
}

func tellStarted(io streams, opts rollingUpdateOptions, job model.JobID, merged model.RolloutOptions) error {
	if opts.JSON {
		return printCompact(io, struct {
			shownOptions
			Status model.Code `json:"status"`
		}{shownOptionsOf(merged), model.CodeOK})
	}
	fmt.Fprintf(io.out, "Rolling update (async) started: %s -> %s (%s)\n", oneLine(opts.Group), job.Short(), displayMergedOptions(merged))
	return nil
}

// followRollout shows a rollout until it ends. Known is what was shown of it before: nothing but its id, when it is new.
func followRollout(
	ctx context.Context, io streams, api *client.Client, group string, known model.Rollout, opts followOptions,
) error {
	seen := rolloutChanges{id: known.ID, hosts: map[string]model.RolloutHost{}}
	if len(known.Hosts) > 0 {
		seen.take(rolloutView{Rollout: known})
	}
	f := &rolloutFollower{api: api, group: group, id: known.ID, timeout: opts.Timeout, now: opts.look.now}
	switch {
	case opts.JSON:
		f.reporter = &jsonReporter{io: io, changes: seen, options: known.Options, outage: outage{log: io.err}}
	case opts.look.live():
		f.reporter = &liveReporter{io: io, look: opts.look, screen: liveArea{out: io.out, size: io.screenSize, colour: opts.look.colour}}
	default:
		f.reporter = &lineReporter{io: io, changes: seen, outage: outage{log: io.err}}
	}
	return f.run(ctx)
}

// hiddenToken stands for a token: what rolling updates print ends up in the logs of builds.
const hiddenToken = "***"

// shownOptions are merged options as the original's JSON had them, and ours where they are set.
type shownOptions struct {
	IgnoreFailures bool               `json:"ignoreFailures"`
	Migrate        bool               `json:"migrate"`
	Overlap        bool               `json:"overlap"`
	Parallelism    int                `json:"parallelism"`
	Timeout        int64              `json:"timeout"`
	Token          string             `json:"token"`
	Canary         *int               `json:"canary,omitempty"`
	MaxFailures    model.FailureLimit `json:"maxFailures,omitempty"`
	MinHealthy     *int64             `json:"minHealthy,omitempty"`
	OnFailure      model.OnFailure    `json:"onFailure,omitempty"`
}

// shownOptionsOf returns options to be shown; what is unset is a default.
func shownOptionsOf(options model.RolloutOptions) shownOptions {
	o := model.MergeRolloutOptions(&options, nil)
	token := *o.Token
	if token != "" {
		token = hiddenToken
	}
	return shownOptions{
		IgnoreFailures: *o.IgnoreFailures, Migrate: *o.Migrate, Overlap: *o.Overlap,
		Parallelism: *o.Parallelism, Timeout: *o.Timeout, Token: token,
		Canary: o.Canary, MaxFailures: o.MaxFailures, MinHealthy: o.MinHealthy, OnFailure: o.OnFailure,
	}
}

// displayMergedOptions writes merged options in the order of the original, and ours after them where they are set.
func displayMergedOptions(options model.RolloutOptions) string {
	o := shownOptionsOf(options)
	text := fmt.Sprintf("parallelism=%d, timeout=%d, overlap=%t, token=%s, ignoreFailures=%t, migrate=%t",
		o.Parallelism, o.Timeout, o.Overlap, o.Token, o.IgnoreFailures, o.Migrate)
	for _, option := range [][2]string{
		{"canary", displayInt(o.Canary)}, {"maxFailures", string(o.MaxFailures)},
		{"minHealthy", displayInt(o.MinHealthy)}, {"onFailure", string(o.OnFailure)},
	} {
		if option[1] != "" {
			text += ", " + option[0] + "=" + option[1]
		}
	}
	return text
}
