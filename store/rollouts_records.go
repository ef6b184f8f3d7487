package store

import (
	"slices"

	"github.com/heliosctl/heliosctl/model"
)

// How rollouts end, and the records that they consist of.

// ending is how a rollout ends.
type ending struct {
	state  model.RolloutState
	code   model.Code
	reason string
	cause  string // the failure, of a rollout that is rolled back because of one
}

func (b *batch) endActive(h header, group *groupRecord, end ending) {
	if rollout := b.rollout(group.name(), group.Rollout); rollout != nil && rollout.State.Active() {
		b.end(h, rollout, end)
	}
}

// end leaves every host where it is. The group's status follows.
func (b *batch) end(h header, rollout *rolloutRecord, end ending) {
	record := *rollout
	record.State, record.Since, record.Ended, record.Code, record.Result = end.state, h.Time, h.Time, end.code, end.reason
	record.Counts = &model.RolloutCounts{}
	for _, p := range b.progressOf(record.Group) {
		row := p.row
		if row.Phase.Active() {
			row.Phase, row.Since, row.Ended, row.Step, row.Reason = model.PhaseStopped, h.Time, h.Time, row.Step+1, end.reason
			b.putProgress(&record, row)
		}
		count(record.Counts, row.Phase)
	}
	b.putRollout(&record)
	group := *b.groupNamed(record.Group)
	group.Status = statusAfter(&record.Rollout)
	b.putGroup(&group)
	b.rolloutEvent(h, model.EventRolloutFinished, &record)
}

// statusAfter is the group's status after a rollout. One that was rolled back because hosts failed stays FAILED, whatever became of
// the rollback: who asked for it has to see that.
func statusAfter(r *model.Rollout) *model.DeploymentGroupStatus {
	switch {
	case r.State == model.RolloutDone && r.Cause == "":
		return &model.DeploymentGroupStatus{State: model.GroupDone}
	case r.State == model.RolloutDone && r.To.IsZero():
		return &model.DeploymentGroupStatus{State: model.GroupFailed, Error: r.Cause + "; rolled back to nothing"}
	case r.State == model.RolloutDone:
		return &model.DeploymentGroupStatus{State: model.GroupFailed, Error: r.Cause + "; rolled back to job " + r.To.String()}
	case r.Cause != "":
		return &model.DeploymentGroupStatus{State: model.GroupFailed, Error: r.Cause + "; the rollback failed too: " + r.Result}
	default:
		return &model.DeploymentGroupStatus{State: model.GroupFailed, Error: r.Result}
	}
}

func count(counts *model.RolloutCounts, phase model.RolloutPhase) {
	switch phase {
	case model.PhaseDone:
		counts.Done++
	case model.PhaseFailed:
		counts.Failed++
	case model.PhaseSkipped:
		counts.Skipped++
	case model.PhaseStopped:
		counts.Stopped++
	}
}

// activeRollout returns the group's rollout that is not through.
func (b *batch) activeRollout(group string) (*rolloutRecord, *model.Error) {
	record := b.groupNamed(group)
	if record == nil {
		return nil, groupNotFound(group)
	}
	rollout := b.rollout(group, record.Rollout)
	if rollout == nil || !rollout.State.Active() {
		return nil, model.Errorf(model.CodeNotRollingOut, "deployment group %s is not rolling out", group)
	}
	return rollout, nil
}

func (b *batch) rollout(group string, id uint64) *rolloutRecord {
	return first[rolloutRecord](b.mem, tableRollouts, indexID, group, rolloutName(id))
}

func (b *batch) putRollout(rollout *rolloutRecord) {
	b.insert(tableRollouts, rollout)
	b.put(rolloutKey(rollout.Group, rollout.ID), rollout.Rollout)
}

// pruneRollouts makes room for one more.
func (b *batch) pruneRollouts(group string) {
	kept := collect[rolloutRecord](b.mem, tableRollouts, indexID, group)
	for len(kept) >= rolloutLimit {
		b.dropRollout(kept[0])
		kept = kept[1:]
	}
}

// dropRollout forgets a rollout and its progress on disk.
func (b *batch) dropRollout(rollout *rolloutRecord) {
	for _, host := range rollout.visited {
		b.remove(progressKey(rollout.Group, rollout.ID, host))
	}
	b.drop(tableRollouts, rollout)
	b.remove(rolloutKey(rollout.Group, rollout.ID))
}

func (b *batch) progress(group, host string) *progressRecord {
	return first[progressRecord](b.mem, tableProgress, indexID, group, host)
}

func (b *batch) progressOf(group string) []*progressRecord {
	return collect[progressRecord](b.mem, tableProgress, indexID, group)
}

// putProgress keeps how far a rollout is on a host, and returns the rollout's record, which is another one after the first time.
func (b *batch) putProgress(rollout *rolloutRecord, row model.RolloutHost) *rolloutRecord {
	known := b.progress(rollout.Group, row.Host) != nil
	b.insert(tableProgress, &progressRecord{group: rollout.Group, rollout: rollout.ID, row: row})
	b.put(progressKey(rollout.Group, rollout.ID, row.Host), row)
	if known {
		return rollout
	}
	record := *rollout
	record.visited = append(record.visited, row.Host) // shared with records that are shorter, which do not see it
	b.insert(tableRollouts, &record)
	return &record
}

// forgetProgress drops a host from a rollout, on disk too.
func (b *batch) forgetProgress(rollout *rolloutRecord, row *progressRecord) {
	b.drop(tableProgress, row)
	b.remove(progressKey(row.group, row.rollout, row.row.Host))
	record := *rollout
	record.visited = slices.DeleteFunc(slices.Clone(rollout.visited), func(host string) bool { return host == row.row.Host })
	b.insert(tableRollouts, &record)
}

// dropProgress drops a group's progress from memory.
func (b *batch) dropProgress(group string) {
	for _, row := range b.progressOf(group) {
		b.drop(tableProgress, row)
	}
}

func (b *batch) rolloutEvent(h header, kind model.EventType, r *rolloutRecord) {
	b.event(eventRecord{kind: kind, at: h.Time, user: h.User, job: r.To, rollout: &rolloutEvent{
		group: r.Group, id: r.ID, state: r.State, message: r.Result,
	}})
}

func rolloutChanged(group string) *model.Error {
	return model.Errorf(model.CodeRolloutChanged, "the rollout of deployment group %s went on since it was looked at; look again", group)
}
