package main

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/spf13/cobra"

	"github.com/heliosctl/heliosctl/client"
	"github.com/heliosctl/heliosctl/cmd/heliosctl/manifest"
	"github.com/heliosctl/heliosctl/model"
)

const manifestHelp = `Manifests are YAML or JSON files, several documents in one separated by lines of ---. A Job document has a job as 'heliosctl inspect
--json' prints it; a DeploymentGroup has selectors, the job that it is to run and the options of its rollouts; a Deployment has a job
and hosts, without a group. 'heliosctl export' writes what a cluster has in this form. A token may be left to a variable of the
environment: tokenFrom: {env: NAME}.`

func newDiffCommand(env *environment) *cobra.Command {
	var opts manifestOptions
	cmd := &cobra.Command{
		Use:   "diff -f FILE...",
		Short: "Show what apply would change",
		Long: `Show what 'heliosctl apply' would change, and change nothing. The exit code is 13 when there is something to change, 0 when there is
nothing, and 4 when the cluster cannot be brought to what the manifests say.

` + manifestHelp,
		Example: `  heliosctl diff -f web.yaml
  heliosctl diff -f manifests -R --prune
  heliosctl export | heliosctl diff -f - --master http://other:5801`,
		Args: func(_ *cobra.Command, args []string) error { return opts.check(args) },
		RunE: func(cmd *cobra.Command, _ []string) error {
			return withPlan(cmd.Context(), env, opts, func(_ *client.Client, plan manifest.Plan) error {
				return showPlan(env, plan)
			})
		},
	}
	opts.bind(cmd.Flags())
	return cmd
}

// withPlan runs a command with what the manifests come to.
func withPlan(ctx context.Context, env *environment, opts manifestOptions, run func(*client.Client, manifest.Plan) error) error {
	m, err := opts.read(env)
	if err != nil {
		return err
	}
	return withClient(env, func(api *client.Client) error {
		plan, err := opts.plan(ctx, api, m)
		if err != nil {
			return err
		}
		return run(api, plan)
	})
}

// showPlan prints a plan that is not carried out, and tells by the error whether there is something to do.
func showPlan(env *environment, plan manifest.Plan) error {
	if env.options.json {
		if err := printJSON(env.out, planDocumentOf(plan)); err != nil {
			return err
		}
	} else {
		printPlan(env.out, plan, lookOf(env).colour)
	}
	if err := conflictOf(plan); err != nil {
		return err
	}
	if plan.Pending() {
		return exitStatus(exitPending)
	}
	return nil
}

type applyOptions struct {
	manifestOptions
	Yes     bool
	DryRun  bool
	Wait    bool
	Timeout time.Duration
}

func newApplyCommand(env *environment) *cobra.Command {
	opts := applyOptions{Timeout: defaultRolloutTimeout}
	cmd := &cobra.Command{
		Use:   "apply -f FILE...",
		Short: "Bring the cluster to what manifests say",
		Long: `Bring the cluster to what manifests say: create jobs, then create and change deployment groups, then roll them out, then deploy. What
will be done is shown first and asked for, unless --yes is given. A second time there is nothing to do.

Jobs cannot be changed: one that differs from the cluster's of the same name and version is a conflict, and its version is to be
raised. With a conflict nothing is done at all. What somebody else changes in between is not overwritten: that object fails, the others
are tried, and the next run goes on. Nothing is removed without --prune, and with it only what is said to be absent, versions of the
manifests' jobs that nobody uses, and their deployments to hosts that no document names.

Without --wait the command ends when rollouts have been started; with it, when they have ended, with the exit code of a rolling update.

` + manifestHelp,
		Example: `  heliosctl apply -f web.yaml
  heliosctl apply -f manifests -R --yes --wait
  heliosctl apply -f web.yaml --dry-run --json
  heliosctl export | heliosctl apply -f - --yes --master http://other:5801`,
		Args: func(_ *cobra.Command, args []string) error { return opts.check(args) },
		RunE: func(cmd *cobra.Command, _ []string) error {
			if cmd.Flags().Changed("rollout-timeout") && !opts.Wait {
				return usagef("--rollout-timeout needs --wait")
			}
			return withPlan(cmd.Context(), env, opts.manifestOptions, func(api *client.Client, plan manifest.Plan) error {
				if opts.DryRun {
					return showPlan(env, plan)
				}
				return runApply(cmd.Context(), env, api, plan, opts)
			})
		},
	}
	flags := cmd.Flags()
	opts.bind(flags)
	flags.BoolVarP(&opts.Yes, "yes", "y", false, "do it without asking")
	flags.BoolVar(&opts.DryRun, "dry-run", false, "show what would be done, as diff does, and do nothing")
	flags.BoolVar(&opts.Wait, "wait", false, "wait until the rollouts have ended")
	flags.VarP((*minutes)(&opts.Timeout), "rollout-timeout", "T",
		"stop waiting for a rollout after so many `MINUTES`, or after a duration such as 90s; it goes on")
	return cmd
}

func runApply(ctx context.Context, env *environment, api *client.Client, plan manifest.Plan, opts applyOptions) error {
	asJSON := env.options.json
	if !asJSON {
		printPlan(env.out, plan, lookOf(env).colour)
	}
	if err := conflictOf(plan); err != nil || !plan.Pending() && !opts.Wait {
		if asJSON {
			return errors.Join(printJSON(env.out, planDocumentOf(plan)), err)
		}
		return err
	}
	if plan.Pending() && !opts.Yes {
		if asJSON && env.interactive {
			printPlan(env.err, plan, false)
		}
		if err := confirm(ctx, env.streams, fmt.Sprintf("Make %s?", plural(pendingChanges(plan), "change"))); err != nil {
			return err
		}
	}
	a := &applier{env: env, api: api, plan: plan, document: planDocumentOf(plan), failed: map[string]bool{}, errs: make([]error, len(plan))}
	a.run(ctx)
	if opts.Wait {
		a.wait(ctx, opts.Timeout)
	}
	if asJSON {
		if err := printJSON(env.out, a.document); err != nil {
			return err
		}
	}
	return a.failure(ctx)
}

// codeNotTried is the status word of a change that needs another one, which failed; it never crosses the wire.
const codeNotTried model.Code = "NOT_TRIED"

// applier carries out a plan.
type applier struct {
	env      *environment
	api      *client.Client
	plan     manifest.Plan
	document planDocument
	failed   map[string]bool // objects that are not what those after them need: kind and name
	errs     []error         // of each change
}

// run does one thing after the other until ctx ends. One that fails keeps none from being tried but those that need it.
func (a *applier) run(ctx context.Context) {
	for i, c := range a.plan {
		if ctx.Err() != nil {
			return
		}
		if !c.Pending() {
			continue
		}
		done, err := "", error(nil)
		if needed := a.missing(c); needed != "" {
			err = model.Errorf(codeNotTried, "not tried: %s failed", needed)
		} else {
			done, err = a.do(ctx, i, c)
		}
		a.tell(i, c, done, err)
	}
}

// missing names what a change needs and what failed, "" where there is nothing.
func (a *applier) missing(c manifest.Change) string {
	var needs []string
	switch {
	case c.Action == manifest.ActionRoll:
		needs = []string{string(manifest.KindJob) + " " + c.JobID.Name + ":" + c.JobID.Version, string(manifest.KindGroup) + " " + c.Name}
	case c.Kind == manifest.KindDeployment && c.Action != manifest.ActionRemove:
		needs = []string{string(manifest.KindJob) + " " + c.Name}
	}
	for _, need := range needs {
		if a.failed[need] {
			return need
		}
	}
	return ""
}

func (a *applier) tell(i int, c manifest.Change, done string, err error) {
	a.errs[i] = err
	result := &a.document.Changes[i]
	result.Status = statusOf(err)
	if err != nil {
		a.failed[string(c.Kind)+" "+c.Name] = true
		result.Message = err.Error()
	}
	switch {
	case a.env.options.json:
	case err != nil:
		fmt.Fprintf(a.env.out, "%s: failed: %s (%s)\n", objectName(c), oneLine(err.Error()), statusOf(err))
	default:
		fmt.Fprintf(a.env.out, "%s: %s\n", objectName(c), done)
	}
}

// do makes one change and says in a word what was done.
func (a *applier) do(ctx context.Context, i int, c manifest.Change) (string, error) {
	switch c.Kind {
	case manifest.KindJob:
		return a.doJob(ctx, c)
	case manifest.KindGroup:
		return a.doGroup(ctx, i, c)
	default:
		return a.doDeployment(ctx, c)
	}
}

func (a *applier) doJob(ctx context.Context, c manifest.Change) (string, error) {
	if c.Action == manifest.ActionRemove {
		return "removed", a.api.RemoveJob(ctx, c.Job.ID, c.Token)
	}
	id, err := a.api.CreateJob(ctx, c.Job)
	return "created " + id.Short(), err
}

func (a *applier) doGroup(ctx context.Context, i int, c manifest.Change) (string, error) {
	switch c.Action {
	case manifest.ActionCreate:
		_, err := a.api.CreateGroup(ctx, c.Group)
		return "created", err
	case manifest.ActionUpdate:
		return "updated", a.api.SetSelectors(ctx, c.Name, c.Group.HostSelectors, c.Was)
	case manifest.ActionRemove:
		return "removed", a.api.RemoveGroup(ctx, c.Name)
	}
	id, err := a.api.RollingUpdateAfter(ctx, c.Name, c.Last, c.JobID, c.Options)
	a.document.Changes[i].Rollout = id
	return fmt.Sprintf("rolling out %s (rollout %d)", c.JobID.Short(), id), err
}

func (a *applier) doDeployment(ctx context.Context, c manifest.Change) (string, error) {
	deployment := model.Deployment{JobID: c.JobID, Goal: c.Goal}
	switch c.Action {
	case manifest.ActionCreate:
		return "deployed", a.api.Deploy(ctx, c.Host, deployment, c.Token)
	case manifest.ActionRemove:
		return "undeployed", a.api.Undeploy(ctx, c.Host, c.JobID, c.Token)
	}
	done := map[model.Goal]string{model.GoalStart: "started", model.GoalStop: "stopped"}[c.Goal]
	return done, a.api.SetGoal(ctx, c.Host, deployment, c.Token)
}

// wait follows the rollouts that were started, and those that were at it already, one after the other.
func (a *applier) wait(ctx context.Context, timeout time.Duration) {
	for i, c := range a.plan {
		id := a.document.Changes[i].Rollout
		if c.Action == manifest.ActionNone {
			id = c.Rollout
		}
		if id == 0 || a.errs[i] != nil || ctx.Err() != nil {
			continue
		}
		a.errs[i] = a.follow(ctx, i, c, id, timeout)
	}
}

func (a *applier) follow(ctx context.Context, i int, c manifest.Change, id uint64, timeout time.Duration) error {
	result := &a.document.Changes[i]
	result.Rollout = id
	var err error
	if a.env.options.json {
		quiet := &quietReporter{}
		f := &rolloutFollower{api: a.api, group: c.Name, id: id, timeout: timeout, now: a.env.now, reporter: quiet}
		err = f.run(ctx)
		result.Outcome = quiet.outcome.status
	} else {
		fmt.Fprintf(a.env.out, "\n%s: rollout %d\n", objectName(c), id)
		follow := followOptions{Timeout: timeout, look: lookOf(a.env)}
		err = followRollout(ctx, a.env.streams, a.api, c.Name, model.Rollout{ID: id, Options: c.Options}, follow)
	}
	if err != nil {
		result.Message = err.Error()
	}
	if ended := (*rolloutError)(nil); !errors.As(err, &ended) { // else the outcome tells
		result.Status = statusOf(err)
	}
	return err
}

// quietReporter remembers how a rollout ended.
type quietReporter struct{ outcome rolloutOutcome }

func (*quietReporter) show(rolloutView) error { return nil }
func (*quietReporter) lost(error) error       { return nil }

func (q *quietReporter) end(_ rolloutView, outcome rolloutOutcome) error {
	q.outcome = outcome
	return nil
}

// failure is nil when everything was done. Where all failures have the same exit code, the command has it too.
func (a *applier) failure(ctx context.Context) error {
	var failed []string
	var first error
	same := true
	for i, err := range a.errs {
		if err == nil || model.CodeOf(err) == codeNotTried {
			continue
		}
		if first == nil {
			first = err
		}
		same = same && exitCode(err) == exitCode(first)
		failed = append(failed, objectName(a.plan[i]))
	}
	var rollout *rolloutError
	switch {
	case first == nil:
		return ctx.Err()
	case ctx.Err() != nil:
		return ctx.Err()
	case same && errors.As(first, &rollout):
		return first // what it has to say was said while it was followed
	}
	class := model.ClassInternal
	if same {
		class = classOf(first)
	}
	return &outcomeError{class: class, message: fmt.Sprintf("failed: %s; run it again when that is mended", shortList(failed))}
}
