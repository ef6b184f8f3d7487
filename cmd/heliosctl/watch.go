package main

import (
	"context"
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/heliosctl/heliosctl/client"
	"github.com/heliosctl/heliosctl/model"
)

type watchOptions struct {
	Hosts    []string // beginnings of names, or whole names if exact
	Exact    bool
	Interval time.Duration
	JSON     bool
	look     look
}

func newWatchCommand(env *environment) *cobra.Command {
	opts := watchOptions{Interval: defaultWatchInterval}
	cmd := &cobra.Command{
		Use:   "watch JOB [HOST...]",
		Short: "Watch the tasks of jobs",
		Long: `Show how the tasks of jobs fare until Ctrl-C is pressed: in a terminal in place, and otherwise at every change and, as long as there is
anything to show, every --interval. It ends too when the jobs are removed.

JOB is a name, name:version or id, or else a part of the ids of several jobs. HOST is the beginning of the names of hosts; with --exact
it is one host, and one without the job is UNKNOWN. With --json there is an object a line for the present state of every task and for
every change of it; its status is null once the task is gone.`,
		Example: `  heliosctl watch web:1
  heliosctl watch web web-1 web-2
  heliosctl watch web:1 --exact web-1.example.com --json`,
		Args: positional,
		RunE: func(cmd *cobra.Command, args []string) error {
			opts.Hosts, opts.JSON, opts.look = args[1:], env.options.json, lookOf(env)
			if opts.Exact && len(opts.Hosts) == 0 {
				return usagef("--exact needs the names of hosts")
			}
			return withClientsTogether(env, func(io streams, api *client.Client) error {
				return runWatch(cmd.Context(), io, api, args[0], opts)
			})
		},
	}
	cmd.Flags().BoolVar(&opts.Exact, "exact", false, "show precisely the named hosts, whether they have the job or not")
	cmd.Flags().Var((*seconds)(&opts.Interval), "interval", "how often to show what has not changed, in `SECONDS`")
	return cmd
}

func runWatch(ctx context.Context, io streams, api *client.Client, reference string, opts watchOptions) error {
	ids, err := matchingJobs(ctx, api, reference)
	if err != nil {
		return err
	}
	return watchJobs(ctx, io, api, ids, opts)
}

// matchingJobs returns the jobs that a reference names exactly, else those whose ids contain it; there is at least one.
func matchingJobs(ctx context.Context, api *client.Client, reference string) ([]model.JobID, error) {
	if reference == "" {
		return nil, usagef("the job is empty; give a name, name:version, or a part of an id")
	}
	jobs, err := api.Jobs(ctx, reference, "")
	if err != nil {
		return nil, err
	}
	if len(jobs) == 0 {
		return nil, model.Errorf(model.CodeJobNotFound, "job %s not found: no id contains it", reference)
	}
	ids := sortedIDs(jobs)
	for _, exactly := range []func(model.JobID) bool{
		func(id model.JobID) bool { return reference == id.String() || reference == id.Name+":"+id.Version },
		func(id model.JobID) bool { return reference == id.Name },
	} {
		if named := slices.DeleteFunc(slices.Clone(ids), func(id model.JobID) bool { return !exactly(id) }); len(named) > 0 {
			return named, nil
		}
	}
	return ids, nil
}

// watchJobs shows the tasks of jobs until ctx ends or the jobs are gone.
func watchJobs(ctx context.Context, io streams, api *client.Client, ids []model.JobID, opts watchOptions) error {
	var show taskReporter
	switch {
	case opts.JSON:
		show = &jsonTasks{out: io.out, now: opts.look.now, shown: map[watchedTask]string{}}
	case opts.look.on(io).live():
		show = &liveTasks{screen: liveArea{out: io.out, size: io.screenSize, colour: opts.look.colour}}
	default:
		show = &lineTasks{out: io.out, now: opts.look.now}
	}
	w := jobWatcher{api: api, ids: ids, opts: opts, log: io.err}
	return whileRead(ctx, func(ctx context.Context) error { return w.run(ctx, show) })
}

// watchedTask is a job on a host.
type watchedTask struct {
	job  model.JobID
	host string
}

// taskRow is what is known of one; nothing of a host that was asked for and has not the job.
type taskRow struct {
	watchedTask
	goal   model.Goal
	status *model.TaskStatus
}

// words are the columns of the original, and behind them what is remarkable.
func (r taskRow) words() (state, throttled, detail string) {
	switch {
	case r.status != nil:
		return string(r.status.State), string(r.status.Throttled), displayDetail(*r.status)
	case r.goal != "":
		return "-", "-", "nothing was reported yet"
	}
	return string(model.StateUnknown), "UNKNOWN", ""
}

// text is the line of the original; it is not cut, so that names and ids stay whole.
func (r taskRow) text() string {
	state, throttled, detail := r.words()
	return strings.TrimRight(oneLine(fmt.Sprintf("%-20s %-30s %-8s %-9s %s", r.job.Short(), r.host, state, throttled, detail)), " ")
}

// taskReporter shows tasks. Changed tells that something is not as it was shown before.
type taskReporter interface {
	show(rows []taskRow, changed bool) error
}

// jobWatcher reads how tasks fare, whenever the masters' event stream tells of a change.
type jobWatcher struct {
	api  *client.Client
	ids  []model.JobID
	opts watchOptions
	log  io.Writer
}

const (
	watchPoll  = 10 * time.Second       // between reads that no event asked for
	watchPause = 100 * time.Millisecond // between any two reads
)

// run shows what it reads until ctx ends or no job is left.
func (w *jobWatcher) run(ctx context.Context, show taskReporter) error {
	kicks, stop := following(ctx, w.api, w.concerns)
	defer stop()
	var rows []taskRow
	shown := false
	reading := steadyReading{
		news: kicks, poll: watchPoll, tick: w.opts.Interval, pause: watchPause, outage: outage{log: w.log},
		read: func(ctx context.Context) error {
			read, err := w.read(ctx)
			if err != nil || shown && slices.EqualFunc(rows, read, sameRow) {
				return err
			}
			rows, shown = read, true
			return show.show(rows, true)
		},
		repeat: func() error { return show.show(rows, false) },
	}
	return reading.run(ctx)
}

func (w *jobWatcher) concerns(event model.Event) bool {
	return event.JobID != nil && slices.Contains(w.ids, *event.JobID)
}

// read fails with CodeJobNotFound when no job is left. The rows are never nil.
func (w *jobWatcher) read(ctx context.Context) ([]taskRow, error) {
	statuses, err := w.api.JobStatuses(ctx, w.ids)
	if err != nil {
		return nil, err
	}
	if len(statuses) == 0 {
		return nil, model.Errorf(model.CodeJobNotFound, "%s meanwhile removed", wereJobs(w.ids))
	}
	rows := []taskRow{}
	for _, id := range sortedIDs(statuses) {
		status := statuses[id]
		for _, host := range w.hostsOf(status) {
			row := taskRow{watchedTask: watchedTask{id, host}, goal: status.Deployments[host].Goal}
			if task, reported := status.TaskStatuses[host]; reported {
				row.status = &task
			}
			rows = append(rows, row)
		}
	}
	return rows, nil
}

func wereJobs(ids []model.JobID) string {
	if len(ids) == 1 {
		return "job " + ids[0].Short() + " was"
	}
	return fmt.Sprintf("all %d jobs were", len(ids))
}

// hostsOf returns the hosts to show of a job.
func (w *jobWatcher) hostsOf(status model.JobStatus) []string {
	if w.opts.Exact {
		return w.opts.Hosts
	}
	hosts := hostsOfJob(status)
	return slices.DeleteFunc(hosts, func(host string) bool {
		return len(w.opts.Hosts) > 0 && !slices.ContainsFunc(w.opts.Hosts, func(prefix string) bool { return strings.HasPrefix(host, prefix) })
	})
}

// hostsOfJob returns the hosts to which a job is deployed or which still report it, sorted.
func hostsOfJob(status model.JobStatus) []string {
	hosts := slices.Collect(maps.Keys(status.Deployments))
	for host := range status.TaskStatuses {
		if _, deployed := status.Deployments[host]; !deployed {
			hosts = append(hosts, host)
		}
	}
	slices.Sort(hosts)
	return hosts
}

// sameRow tells whether two rows are shown the same.
func sameRow(a, b taskRow) bool {
	if a.watchedTask != b.watchedTask || a.goal != b.goal || (a.status == nil) != (b.status == nil) {
		return false
	}
	return a.status == nil || statusText(*a.status) == statusText(*b.status)
}

// statusText is a status in JSON.
func statusText(status model.TaskStatus) string {
	text, err := compactJSON(status)
	if err != nil {
		return fmt.Sprint(status)
	}
	return text
}

// lineTasks prints the original's rounds.
type lineTasks struct {
	out   io.Writer
	now   func() time.Time
	begun bool
}

func (l *lineTasks) show(rows []taskRow, changed bool) error {
	if !changed && len(rows) == 0 {
		return nil
	}
	var b strings.Builder
	if !l.begun {
		l.begun = true
		fmt.Fprintf(&b, "Control-C to stop\n%-20s %-30s %-8s %s\n", "JOB", "HOST", "STATE", "THROTTLED?")
	}
	fmt.Fprintf(&b, "%s [%s]\n", strings.Repeat("-", 54), l.now().UTC().Format("2006-01-02 15:04:05 UTC"))
	if len(rows) == 0 {
		b.WriteString("not deployed\n")
	}
	for _, row := range rows {
		b.WriteString(row.text() + "\n")
	}
	_, err := io.WriteString(l.out, b.String())
	return err
}

// liveTasks draws the tasks in place.
type liveTasks struct{ screen liveArea }

func (l *liveTasks) show(rows []taskRow, _ bool) error {
	size := l.screen.size()
	t := newTable("JOB", "HOST", "STATE", "THROTTLED?", "")
	for _, row := range rows {
		state, throttled, detail := row.words()
		t.add(row.job.Short(), row.host, state, throttled, detail)
	}
	var text strings.Builder
	t.write(&text)
	var lines []line
	for row := range strings.Lines(text.String()) {
		lines = append(lines, plain(strings.TrimSuffix(row, "\n")))
	}
	if len(rows) == 0 {
		lines = append(lines, plain("not deployed"))
	}
	return l.screen.draw(cutLines(append(lines, line{}, plain("Control-C to stop")), size))
}

// taskChange is the JSON of a task that is not as it was.
type taskChange struct {
	Timestamp model.Timestamp   `json:"timestamp"`
	JobID     model.JobID       `json:"jobId"`
	Host      string            `json:"host"`
	Goal      *model.Goal       `json:"goal"`   // null where the job is not deployed
	Status    *model.TaskStatus `json:"status"` // null where there is no task
}

// jsonTasks prints an object a line for what has changed.
type jsonTasks struct {
	out   io.Writer
	now   func() time.Time
	shown map[watchedTask]string
}

func (j *jsonTasks) show(rows []taskRow, changed bool) error {
	if !changed {
		return nil
	}
	there := map[watchedTask]bool{}
	for _, row := range rows {
		there[row.watchedTask] = true
		change := taskChange{Timestamp: model.TimestampOf(j.now()), JobID: row.job, Host: row.host, Status: row.status}
		if row.goal != "" {
			change.Goal = &row.goal
		}
		text := string(row.goal)
		if row.status != nil {
			text += statusText(*row.status)
		}
		if before, known := j.shown[row.watchedTask]; known && before == text {
			continue
		}
		j.shown[row.watchedTask] = text
		if err := encodeJSON(j.out, change, ""); err != nil {
			return err
		}
	}
	for _, task := range slices.SortedFunc(maps.Keys(j.shown), compareTasks) {
		if there[task] {
			continue
		}
		delete(j.shown, task)
		gone := taskChange{Timestamp: model.TimestampOf(j.now()), JobID: task.job, Host: task.host}
		if err := encodeJSON(j.out, gone, ""); err != nil {
			return err
		}
	}
	return nil
}

func compareTasks(a, b watchedTask) int {
	if c := a.job.Compare(b.job); c != 0 {
		return c
	}
	return strings.Compare(a.host, b.host)
}
