package store

import "github.com/heliosctl/heliosctl/model"

// What people ask of rollouts, and what a leader decides about one as a whole. The moves of its hosts are in rollouts_steps.go.

const (
	commandStartRollout  CommandType = "startRollout"
	commandRollBack      CommandType = "rollBack"
	commandPauseRollout  CommandType = "pauseRollout"
	commandResumeRollout CommandType = "resumeRollout"
	commandStopRollout   CommandType = "stopRollout"
	commandConvergeGroup CommandType = "convergeGroup"
	commandHoldRollout   CommandType = "holdRollout"
	commandFinishRollout CommandType = "finishRollout"
)

// rolloutLimit is how many rollouts of each group are kept.
const rolloutLimit = 20

// stoppedByUser is the original's error of a group that was stopped.
const stoppedByUser = "Stopped by user"

// StartRollout brings a group to a job. It replaces a rollout that is not through.
type StartRollout struct {
	Group   string                `json:"group"`
	JobID   model.JobID           `json:"jobId"`
	Options *model.RolloutOptions `json:"options,omitempty"` // as requested: those of the job and the defaults fill what is unset
	After   *uint64               `json:"after,omitempty"`   // refused when the last rollout that is no convergence is another; 0: there is none
}

func (StartRollout) commandType() CommandType { return commandStartRollout }
func (c StartRollout) subject() string        { return c.Group + " " + c.JobID.String() }

// RollBack undoes a group's last rollout, host by host where that is still known, or brings the group to the job To. A rollout that is
// not through ends. A leader names To where the last rollout was one of the job that the group had already: undoing it would change
// nothing.
type RollBack struct {
	Group string      `json:"group"`
	To    model.JobID `json:"to,omitzero"`
}

func (RollBack) commandType() CommandType { return commandRollBack }
func (c RollBack) subject() string        { return c.Group + " " + c.To.String() }

// PauseRollout keeps further hosts of a group's rollout waiting. One that waits already stays as it is.
type PauseRollout struct {
	Group string `json:"group"`
}

func (PauseRollout) commandType() CommandType { return commandPauseRollout }
func (c PauseRollout) subject() string        { return c.Group }

// ResumeRollout has a rollout that waits go on. It accepts the failures so far, and the canaries.
type ResumeRollout struct {
	Group string `json:"group"`
}

func (ResumeRollout) commandType() CommandType { return commandResumeRollout }
func (c ResumeRollout) subject() string        { return c.Group }

// StopRollout ends a group's rollout where it is. As in the original the group is FAILED afterwards, even when nothing rolled out.
type StopRollout struct {
	Group string `json:"group"`
}

func (StopRollout) commandType() CommandType { return commandStopRollout }
func (c StopRollout) subject() string        { return c.Group }

// ConvergeGroup brings hosts that came, came back, left or lost the group's job to where the group is. Rollout is the group's last
// one: the command is refused when there was another since.
type ConvergeGroup struct {
	Group   string `json:"group"`
	Rollout uint64 `json:"rollout"`
}

func (ConvergeGroup) commandType() CommandType { return commandConvergeGroup }

// HoldRollout has a running rollout wait behind its canaries, or because too many hosts failed.
type HoldRollout struct {
	Group   string             `json:"group"`
	Rollout uint64             `json:"rollout"`
	State   model.RolloutState `json:"state"` // RolloutPaused or RolloutCanary
	Code    model.Code         `json:"code,omitempty"`
	Reason  string             `json:"reason,omitempty"`
}

func (HoldRollout) commandType() CommandType { return commandHoldRollout }

// FinishRollout ends a rollout with RolloutDone or RolloutFailed, or with RolloutRolledBack, which starts the rollback.
type FinishRollout struct {
	Group   string             `json:"group"`
	Rollout uint64             `json:"rollout"`
	State   model.RolloutState `json:"state"`
	Code    model.Code         `json:"code,omitempty"`
	Reason  string             `json:"reason,omitempty"`
}

func (FinishRollout) commandType() CommandType { return commandFinishRollout }

// rolloutRecord is a rollout in memory.
type rolloutRecord struct {
	model.Rollout
	visited []string // the hosts that it has progress of on disk
}

// progressRecord is how far the last rollout of a group is on a host. That of earlier ones is on disk only.
type progressRecord struct {
	group   string
	rollout uint64
	row     model.RolloutHost
}

func (b *batch) startRollout(h header, c StartRollout) Result {
	group := b.groupNamed(c.Group)
	if group == nil {
		return Result{Err: groupNotFound(c.Group)}
	}
	job := b.job(c.JobID)
	if job == nil {
		return Result{Err: jobNotFound(c.JobID)}
	}
	if c.After != nil && *c.After != idOf(b.lastChange(group)) {
		return Result{Err: model.Errorf(model.CodeRolloutChanged, "somebody else has rolled out deployment group %s meanwhile; look at it again", c.Group)}
	}
	options := model.MergeRolloutOptions(c.Options, job.job.RolloutOptions)
	if _, err := options.Settings(); err != nil {
		return Result{Err: asError(err)}
	}
	rows := b.unfinished(group)
	b.endActive(h, group, ending{state: model.RolloutReplaced, reason: "replaced by a rollout of job " + c.JobID.String()})
	return b.begin(h, model.Rollout{Group: c.Group, Reason: model.RolloutByUser, To: c.JobID, Options: options}, rows)
}

// unfinished returns the hosts that the group's running rollout leaves in the middle: their turn comes first in the next.
func (b *batch) unfinished(group *groupRecord) []model.RolloutHost {
	var rows []model.RolloutHost
	for _, p := range b.progressOf(group.name()) {
		if p.row.Phase.Active() {
			rows = append(rows, model.RolloutHost{Host: p.row.Host, Phase: model.PhasePending, First: true})
		}
	}
	return rows
}

func (b *batch) rollBack(h header, c RollBack) Result {
	group := b.groupNamed(c.Group)
	if group == nil {
		return Result{Err: groupNotFound(c.Group)}
	}
	if c.To.IsZero() {
		undone := b.lastChange(group)
		if undone == nil || undone.From.IsZero() {
			return Result{Err: model.Errorf(model.CodeNotRollingOut, "deployment group %s has no job to go back to; name one", c.Group)}
		}
		return b.undo(h, group, undone, ending{state: model.RolloutRolledBack, reason: "rolled back"})
	}
	if b.job(c.To) == nil {
		return Result{Err: jobNotFound(c.To)}
	}
	rows := b.unfinished(group)
	b.endActive(h, group, ending{state: model.RolloutRolledBack, reason: "rolled back to job " + c.To.String()})
	return b.begin(h, model.Rollout{
		Group: c.Group, Reason: model.RolloutBack, To: c.To, Options: backOptions(group.Group.RolloutOptions),
	}, rows)
}

// lastChange returns the last rollout that somebody asked for.
func (b *batch) lastChange(group *groupRecord) *rolloutRecord {
	var last *rolloutRecord
	each(b.mem, tableRollouts, indexID, []any{group.name()}, func(r *rolloutRecord) {
		if r.Reason != model.RolloutConverge {
			last = r
		}
	})
	return last
}

// idOf is 0 where there is no rollout.
func idOf(rollout *rolloutRecord) uint64 {
	if rollout == nil {
		return 0
	}
	return rollout.ID
}

// undo ends a rollout, if it is not through, and starts the one that undoes it. What ran on each host is known of the last rollout;
// of an earlier one only what the group's job was.
func (b *batch) undo(h header, group *groupRecord, undone *rolloutRecord, end ending) Result {
	back := model.Rollout{
		Group: group.name(), Reason: model.RolloutBack, To: undone.From, Undoes: undone.ID, Cause: end.cause,
		Options: backOptions(&undone.Options),
	}
	var rows []model.RolloutHost
	if undone.ID == group.Rollout {
		back.Listed = true
		for _, p := range b.progressOf(group.name()) {
			if p.row.Started != 0 && b.host(p.row.Host) != nil {
				rows = append(rows, model.RolloutHost{
					Host: p.row.Host, Phase: model.PhasePending, Restore: true, Wanted: p.row.Before, First: p.row.Phase != model.PhaseDone,
				})
			}
		}
	} else {
		rows = b.unfinished(group)
	}
	b.endActive(h, group, end)
	return b.begin(h, back, rows)
}

// backOptions are those of a rollback: it neither waits nor is undone.
func backOptions(options *model.RolloutOptions) model.RolloutOptions {
	merged := model.MergeRolloutOptions(options, nil)
	merged.Canary, merged.OnFailure = nil, ""
	return merged
}

func (b *batch) convergeGroup(h header, c ConvergeGroup) Result {
	group := b.groupNamed(c.Group)
	if group == nil {
		return Result{Err: groupNotFound(c.Group)}
	}
	last := b.rollout(c.Group, group.Rollout)
	if group.Rollout != c.Rollout || last != nil && last.State.Active() || group.Group.JobID.IsZero() {
		return Result{Err: rolloutChanged(c.Group)}
	}
	options := backOptions(group.Group.RolloutOptions)
	if _, err := options.Settings(); err != nil {
		return Result{Err: asError(err)}
	}
	return b.begin(h, model.Rollout{Group: c.Group, Reason: model.RolloutConverge, To: group.Group.JobID, Options: options}, nil)
}

// begin makes a rollout the group's last one. One that has no host to go to is done at once.
func (b *batch) begin(h header, rollout model.Rollout, rows []model.RolloutHost) Result {
	record := *b.groupNamed(rollout.Group)
	b.dropProgress(rollout.Group)
	b.pruneRollouts(rollout.Group)
	rollout.ID = max(b.index, record.Rollout+1) // rises, also within an entry, and does not repeat when the group is made anew
	rollout.User, rollout.State = h.User, model.RolloutRunning
	rollout.Started, rollout.Since = h.Time, h.Time
	rollout.From = record.Group.JobID
	record.Group.JobID = rollout.To
	switch rollout.Reason {
	case model.RolloutByUser:
		record.Group.RolloutOptions, record.Group.RollingUpdateReason = &rollout.Options, model.ReasonManual
	case model.RolloutBack:
		record.Group.RollingUpdateReason = model.ReasonManual
	case model.RolloutConverge:
		record.Group.RollingUpdateReason = model.ReasonHostsChanged
	}
	record.Rollout = rollout.ID
	record.Status = &model.DeploymentGroupStatus{State: model.GroupRollingOut}
	b.putGroup(&record)
	current := &rolloutRecord{Rollout: rollout}
	b.putRollout(current)
	for _, row := range rows {
		row.Since = h.Time
		current = b.putProgress(current, row)
	}
	b.rolloutEvent(h, model.EventRolloutStarted, current)
	if len(rows) == 0 && (rollout.Listed || len(record.hosts)+len(record.left) == 0) {
		b.end(h, current, ending{state: model.RolloutDone, reason: "no host of the group needs it"})
	}
	return Result{Rollout: rollout.ID}
}

func (b *batch) pauseRollout(h header, c PauseRollout) Result {
	rollout, err := b.activeRollout(c.Group)
	if err != nil || rollout.State != model.RolloutRunning {
		return Result{Err: err}
	}
	b.hold(h, rollout, model.RolloutPaused, "", "paused by "+nameOf(h.User))
	return Result{}
}

func nameOf(user string) string {
	if user == "" {
		return "somebody"
	}
	return user
}

func (b *batch) hold(h header, rollout *rolloutRecord, state model.RolloutState, code model.Code, reason string) {
	record := *rollout
	record.State, record.Since, record.Code, record.Result = state, h.Time, code, reason
	b.putRollout(&record)
	b.rolloutEvent(h, model.EventRolloutPaused, &record)
}

func (b *batch) resumeRollout(h header, c ResumeRollout) Result {
	rollout, err := b.activeRollout(c.Group)
	if err != nil || rollout.State == model.RolloutRunning {
		return Result{Err: err}
	}
	record := *rollout
	record.CanaryPassed = record.CanaryPassed || record.State == model.RolloutCanary
	record.Accepted = 0
	for _, p := range b.progressOf(c.Group) {
		if p.row.Phase == model.PhaseFailed {
			record.Accepted++
		}
	}
	record.State, record.Since, record.Code, record.Result = model.RolloutRunning, h.Time, "", ""
	b.putRollout(&record)
	b.rolloutEvent(h, model.EventRolloutResumed, &record)
	return Result{}
}

func (b *batch) stopRollout(h header, c StopRollout) Result {
	group := b.groupNamed(c.Group)
	if group == nil {
		return Result{Err: groupNotFound(c.Group)}
	}
	b.endActive(h, group, ending{state: model.RolloutStopped, reason: stoppedByUser})
	record := *b.groupNamed(c.Group)
	record.Status = &model.DeploymentGroupStatus{State: model.GroupFailed, Error: stoppedByUser}
	b.putGroup(&record)
	return Result{}
}

func (b *batch) holdRollout(h header, c HoldRollout) Result {
	rollout, err := b.activeRollout(c.Group)
	switch {
	case err != nil:
		return Result{Err: err}
	case rollout.ID != c.Rollout || rollout.State != model.RolloutRunning:
		return Result{Err: rolloutChanged(c.Group)}
	case c.State != model.RolloutPaused && c.State != model.RolloutCanary:
		return Result{Err: model.Errorf(model.CodeInvalid, "a rollout cannot wait in the state %q", string(c.State))}
	}
	b.hold(h, rollout, c.State, c.Code, c.Reason)
	return Result{}
}

func (b *batch) finishRollout(h header, c FinishRollout) Result {
	rollout, err := b.activeRollout(c.Group)
	switch {
	case err != nil:
		return Result{Err: err}
	case rollout.ID != c.Rollout:
		return Result{Err: rolloutChanged(c.Group)}
	case c.State != model.RolloutDone && c.State != model.RolloutFailed && c.State != model.RolloutRolledBack:
		return Result{Err: model.Errorf(model.CodeInvalid, "a rollout cannot end in the state %q by itself", string(c.State))}
	}
	end := ending{state: c.State, code: c.Code, reason: c.Reason}
	if c.State == model.RolloutRolledBack {
		end.cause = c.Reason
		return b.undo(h, b.groupNamed(c.Group), rollout, end)
	}
	b.end(h, rollout, end)
	return Result{}
}

// failRolloutsOf ends the rollouts of a job that is no more.
func (b *batch) failRolloutsOf(h header, job *jobRecord) {
	for _, group := range collect[groupRecord](b.mem, tableGroups, indexID) {
		rollout := b.rollout(group.name(), group.Rollout)
		if rollout != nil && rollout.State.Active() && rollout.To == job.job.ID {
			b.end(h, rollout, ending{
				state: model.RolloutFailed, code: model.CodeJobNotFound, reason: "job " + job.key + " has expired",
			})
		}
	}
}
