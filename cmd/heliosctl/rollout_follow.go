package main

import (
	"context"
	"fmt"
	"maps"
	"os"
	"os/signal"
	"slices"
	"sync"
	"syscall"
	"time"

	"github.com/heliosctl/heliosctl/client"
	"github.com/heliosctl/heliosctl/model"
)

const (
	rolloutPoll  = 2 * time.Second        // between reads that no event asked for
	rolloutPause = 100 * time.Millisecond // between any two reads
	rolloutTick  = time.Second            // between redraws
)

// rolloutFollower follows a rollout of a group until it ends or waits for somebody, and the rollout that undoes it if there is one. It
// reads the rollout anew whenever the masters' event stream tells of a change, and every now and then without one.
type rolloutFollower struct {
	api      *client.Client
	group    string
	id       uint64
	timeout  time.Duration
	now      func() time.Time
	reporter rolloutReporter

	mu    sync.Mutex
	tasks map[string]model.TaskStatus // the last of each host, of any job
}

// rolloutRead is one look at the rollout.
type rolloutRead struct {
	rollout model.Rollout
	err     error
}

// run returns nil when the rollout is done, and otherwise how it ended.
func (f *rolloutFollower) run(ctx context.Context) error {
	limited, cancel := context.WithTimeout(ctx, f.timeout)
	f.tasks = map[string]model.TaskStatus{}
	reads, kicks := make(chan rolloutRead), make(chan struct{}, 1)
	var workers sync.WaitGroup
	workers.Go(func() { f.listen(limited, kicks) })
	workers.Go(func() { f.read(limited, kicks, reads) })
	defer workers.Wait()
	defer cancel()
	view, outcome, err := f.follow(ctx, limited, reads)
	if err != nil {
		return err
	}
	view.Group = f.group
	if err := f.reporter.end(view, outcome); err != nil {
		return err
	}
	return outcome.err(ctx)
}

// follow shows what is read until there is an outcome.
func (f *rolloutFollower) follow(ctx, limited context.Context, reads <-chan rolloutRead) (rolloutView, rolloutOutcome, error) {
	began := f.now()
	resized := make(chan os.Signal, 1)
	signal.Notify(resized, syscall.SIGWINCH)
	defer signal.Stop(resized)
	ticks := time.NewTicker(rolloutTick)
	defer ticks.Stop()
	var view rolloutView
	var undone *model.Rollout
	var outcome rolloutOutcome
	for outcome.status == "" {
		var err error
		select {
		case read := <-reads:
			switch {
			case read.err == nil:
				view = f.view(read.rollout, view)
				if view.State == model.RolloutRolledBack {
					undone = &read.rollout
				}
				err = f.reporter.show(view)
				outcome = outcomeOf(view, undone)
			case limited.Err() != nil:
			case passing(read.err):
				err = f.reporter.lost(read.err)
				view.lost = oneLine(read.err.Error())
			default:
				err = read.err
			}
		case <-ticks.C:
			err = f.again(&view)
		case <-resized:
			err = f.again(&view)
		case <-limited.Done():
			outcome = rolloutOutcome{status: outcomeTimeout}
			if ctx.Err() != nil {
				outcome.status = outcomeInterrupted
			}
		}
		if err != nil {
			return view, outcome, err
		}
	}
	outcome.duration = f.now().Sub(began)
	return view, outcome, nil
}

// again shows what is known already, as of now.
func (f *rolloutFollower) again(view *rolloutView) error {
	if view.ID == 0 {
		return nil
	}
	view.now = f.now()
	return f.reporter.show(*view)
}

func (f *rolloutFollower) view(rollout model.Rollout, before rolloutView) rolloutView {
	if !rollout.State.Active() && rollout.ID == before.ID {
		rollout.Hosts = withPending(rollout.Hosts, before.Hosts)
	}
	view := rolloutView{Rollout: rollout, now: f.now(), tasks: map[string]model.TaskStatus{}}
	f.mu.Lock()
	defer f.mu.Unlock()
	for _, h := range rollout.Hosts {
		task, heard := f.tasks[h.Host]
		if heard && h.Phase.Active() && slices.Contains(h.Wants(rollout.To), task.Job.ID) {
			view.tasks[h.Host] = task
		}
	}
	return view
}

// withPending adds the hosts whose turn never came, which masters leave out once a rollout has ended.
func withPending(hosts, before []model.RolloutHost) []model.RolloutHost {
	there := map[string]bool{}
	for _, h := range hosts {
		there[h.Host] = true
	}
	for _, h := range before {
		if h.Phase == model.PhasePending && !there[h.Host] {
			hosts = append(hosts, h)
		}
	}
	return hosts
}

// read hands on what it reads until ctx ends. After a rollout that was rolled back comes the one that undoes it.
func (f *rolloutFollower) read(ctx context.Context, kicks <-chan struct{}, reads chan<- rolloutRead) {
	poll := time.NewTicker(rolloutPoll)
	defer poll.Stop()
	id := f.id
	for {
		rollout, err := f.api.Rollout(ctx, f.group, id)
		select {
		case reads <- rolloutRead{rollout, err}:
		case <-ctx.Done():
			return
		}
		if err == nil && rollout.State == model.RolloutRolledBack {
			if next, found := f.undoing(ctx, id); found {
				id = next
				continue
			}
		}
		select {
		case <-time.After(rolloutPause):
		case <-ctx.Done():
			return
		}
		select {
		case <-kicks:
		case <-poll.C:
		case <-ctx.Done():
			return
		}
	}
}

// undoing finds the rollout that undoes another one.
func (f *rolloutFollower) undoing(ctx context.Context, id uint64) (uint64, bool) {
	rollouts, err := f.api.Rollouts(ctx, f.group)
	if err != nil {
		return 0, false // it is tried again
	}
	i := slices.IndexFunc(rollouts, func(r model.Rollout) bool { return r.Undoes == id })
	if i < 0 {
		return 0, false
	}
	return rollouts[i].ID, true
}

// listen kicks for every event of the group, and remembers what agents say of their tasks, until ctx ends.
func (f *rolloutFollower) listen(ctx context.Context, kicks chan<- struct{}) {
	followEvents(ctx, f.api, f.concerns, kicks)
}

func (f *rolloutFollower) concerns(event model.Event) bool {
	if event.Type == model.EventTaskStatus && event.Status != nil {
		f.mu.Lock()
		defer f.mu.Unlock()
		f.tasks[event.Host] = *event.Status
		return true
	}
	return event.Group == f.group || event.Type == model.EventReset
}

// outcomeStatus is how following a rollout ended, as JSON has it. The original had the first three.
type outcomeStatus string

const (
	outcomeDone        outcomeStatus = "DONE"
	outcomeFailed      outcomeStatus = "FAILED"
	outcomeTimeout     outcomeStatus = "TIMEOUT" // of the waiting; the rollout goes on
	outcomePaused      outcomeStatus = "PAUSED"
	outcomeCanary      outcomeStatus = "CANARY"
	outcomeRolledBack  outcomeStatus = "ROLLED_BACK"
	outcomeReplaced    outcomeStatus = "REPLACED"
	outcomeStopped     outcomeStatus = "STOPPED"
	outcomeInterrupted outcomeStatus = "INTERRUPTED" // as TIMEOUT
)

// rolloutOutcome is how following a rollout ended.
type rolloutOutcome struct {
	status   outcomeStatus
	reason   string
	duration time.Duration
}

// outcomeOf tells whether there is nothing more to wait for, and how it ended then. Undone is the rollout that this one undoes, if that
// was followed before.
func outcomeOf(v rolloutView, undone *model.Rollout) rolloutOutcome {
	outcome := rolloutOutcome{reason: v.Result}
	switch v.State {
	case model.RolloutPaused, model.RolloutCanary:
		if v.count(model.RolloutPhase.Active) == 0 {
			outcome.status = outcomeStatus(v.State)
		}
	case model.RolloutFailed, model.RolloutStopped, model.RolloutReplaced:
		outcome.status = outcomeStatus(v.State)
	case model.RolloutDone:
		outcome.status = outcomeDone
		if undone != nil {
			outcome = rolloutOutcome{status: outcomeRolledBack, reason: v.rollbackCause()}
		}
	}
	return outcome
}

// err is nil when the rollout is done.
func (o rolloutOutcome) err(ctx context.Context) error {
	switch o.status {
	case outcomeDone:
		return nil
	case outcomeInterrupted:
		return ctx.Err()
	}
	return &rolloutError{o}
}

// text says it in a line.
func (o rolloutOutcome) text() string {
	words := map[outcomeStatus]string{
		outcomeDone:        "Done.",
		outcomeFailed:      "Failed",
		outcomeTimeout:     "Timed out! (rolling-update still in progress)",
		outcomePaused:      "Paused",
		outcomeCanary:      "Waiting",
		outcomeRolledBack:  "Rolled back",
		outcomeReplaced:    "Replaced",
		outcomeStopped:     "Stopped",
		outcomeInterrupted: "The rollout goes on without this command.",
	}[o.status]
	if o.reason == "" || o.status == outcomeDone {
		return words
	}
	return words + ": " + oneLine(o.reason)
}

// hints says what can be done now.
func (o rolloutOutcome) hints(group string) []string {
	group = quoteWord(oneLine(group))
	switch o.status {
	case outcomeTimeout, outcomeInterrupted:
		return []string{
			fmt.Sprintf("Watch it with 'heliosctl watch-deployment-group %s', hold it with 'heliosctl pause %s',", group, group),
			fmt.Sprintf("end it with 'heliosctl stop-deployment-group %s'.", group),
		}
	case outcomePaused, outcomeCanary:
		return []string{fmt.Sprintf("Go on with 'heliosctl resume %s', or go back with 'heliosctl rollback %s'.", group, group)}
	case outcomeFailed, outcomeStopped:
		return []string{fmt.Sprintf("Go back with 'heliosctl rollback %s'.", group)}
	}
	return nil
}

// rolloutError ends a command that followed a rollout which is not done. Its output has told all there is to tell.
type rolloutError struct{ outcome rolloutOutcome }

func (e *rolloutError) Error() string { return e.outcome.text() }

// exit is the exit code for the outcome.
func (e *rolloutError) exit() int {
	for _, entry := range rolloutExits() {
		if slices.Contains(entry.outcomes, e.outcome.status) {
			return entry.code
		}
	}
	return exitFailure
}

// rolloutExit says with which code the process ends when the rollout it followed is not done, and how the help explains it.
type rolloutExit struct {
	outcomes []outcomeStatus
	code     int
	meaning  string
}

// rolloutExits is the one table of exit codes by outcome. One that took too long has that of its class.
func rolloutExits() []rolloutExit {
	return []rolloutExit{
		{[]outcomeStatus{outcomeTimeout}, exitTimeout, ""},
		{[]outcomeStatus{outcomeFailed}, 8, "the rollout failed: more hosts did than may"},
		{[]outcomeStatus{outcomePaused, outcomeCanary}, 9, "the rollout is paused, or waits behind its canaries, for a resume"},
		{[]outcomeStatus{outcomeRolledBack}, 10, "the rollout failed or was called back, and every host has again what it had before"},
		{[]outcomeStatus{outcomeReplaced}, 11, "another rollout of the group replaced the rollout"},
		{[]outcomeStatus{outcomeStopped}, 12, "somebody stopped the rollout"},
	}
}

// newestRollout returns the id of a group's last rollout, 0 before the first.
func newestRollout(ctx context.Context, api *client.Client, group string) (uint64, error) {
	rollouts, err := api.Rollouts(ctx, group)
	if err != nil || len(rollouts) == 0 {
		return 0, err
	}
	return rollouts[0].ID, nil
}

// startedRollout finds the rollout that a request has started: the first one after another that it can have.
func startedRollout(
	ctx context.Context, api *client.Client, group string, after uint64, started func(model.Rollout) bool,
) (uint64, error) {
	rollouts, err := api.Rollouts(ctx, group)
	if err != nil {
		return 0, err
	}
	byID := map[uint64]model.Rollout{}
	for _, r := range rollouts {
		if r.ID > after && started(r) {
			byID[r.ID] = r
		}
	}
	if len(byID) == 0 {
		return 0, model.Errorf(model.CodeRolloutChanged, "the rollout of group %s is gone already; see 'heliosctl rollouts %s'", group, group)
	}
	return slices.Min(slices.Collect(maps.Keys(byID))), nil
}
