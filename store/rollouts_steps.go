package store

import (
	"slices"

	"github.com/heliosctl/heliosctl/model"
)

const commandStepRollout CommandType = "stepRollout"

// StepRollout moves hosts of a rollout to other phases and changes their deployments with it. Moves that come too late (the host is in
// another phase by now, or gone, or its turn must not come) are left out and named in the Result; when the rollout itself is not the
// group's running one the command is refused.
type StepRollout struct {
	Group   string              `json:"group"`
	Rollout uint64              `json:"rollout"`
	Master  string              `json:"master,omitempty"` // that deploys
	Moves   []model.RolloutMove `json:"moves"`
}

func (StepRollout) commandType() CommandType { return commandStepRollout }

func (b *batch) stepRollout(h header, c StepRollout) Result {
	rollout, err := b.activeRollout(c.Group)
	if err != nil {
		return Result{Err: err}
	}
	if rollout.ID != c.Rollout {
		return Result{Err: rolloutChanged(c.Group)}
	}
	settings, bad := rollout.Options.Settings()
	if bad != nil {
		return Result{Err: asError(bad)}
	}
	var result Result
	for _, move := range c.Moves {
		v := visit{b: b, h: h, group: c.Group, rollout: b.rollout(c.Group, c.Rollout), master: c.Master, move: move}
		if !v.prepare(settings) {
			result.Stale = append(result.Stale, move.Host)
			continue
		}
		v.do()
	}
	return result
}

// visit is one move of one host.
type visit struct {
	b       *batch
	h       header
	group   string
	rollout *rolloutRecord
	master  string
	move    model.RolloutMove

	host  *hostRecord
	row   model.RolloutHost // becomes the new one
	check model.RolloutCheck
}

// prepare tells whether the move may still be made.
func (v *visit) prepare(settings model.RolloutSettings) bool {
	v.row = model.RolloutHost{Host: v.move.Host, Phase: model.PhasePending}
	if p := v.b.progress(v.group, v.move.Host); p != nil {
		v.row = p.row
	}
	v.host = v.b.host(v.move.Host)
	if v.host == nil || v.row.Phase != v.move.From || v.row.Step != v.move.Step || v.row.Phase.Final() {
		return false
	}
	if v.move.From == model.PhasePending && !v.mayBegin() {
		return false
	}
	if v.host.Drain != nil && len(v.move.Deploy) > 0 {
		return false // the planner did not see that it takes no deployments
	}
	v.check = model.RolloutCheck{
		Group: v.group, Host: v.move.Host, Settings: settings, Migrate: v.rollout.MayMigrate(),
		Deployments: map[model.JobID]model.Deployment{},
		Jobs: func(id model.JobID) *model.Job {
			if record := v.b.job(id); record != nil {
				return record.job
			}
			return nil
		},
	}
	each(v.b.mem, tableDeployments, indexID, []any{v.move.Host}, func(d *deploymentRecord) {
		v.check.Deployments[d.deployment.JobID] = d.deployment
	})
	return v.sound()
}

// mayBegin tells whether the host's turn may come: its membership is what the planner saw, and the rollout runs.
func (v *visit) mayBegin() bool {
	if v.rollout.State != model.RolloutRunning {
		return false
	}
	if v.row.Restore {
		return !v.move.Leave
	}
	_, matches := slices.BinarySearchFunc(v.b.groupNamed(v.group).hosts, v.move.Host, model.CompareHosts)
	return matches != v.move.Leave
}

// sound tells whether the move only does what its host's part in the rollout is.
func (v *visit) sound() bool {
	wanted := v.wanted()
	for _, id := range v.move.Deploy {
		if !slices.Contains(wanted, id) {
			return false
		}
	}
	return !slices.ContainsFunc(v.move.Undeploy, func(id model.JobID) bool { return slices.Contains(wanted, id) })
}

func (v *visit) wanted() []model.JobID {
	if v.move.Leave {
		return nil
	}
	return v.row.Wants(v.rollout.To)
}

// do makes the move, or has the host fail when that is not possible: then nothing of the host changes.
func (v *visit) do() {
	wanted, now := v.wanted(), v.h.Time
	begins := v.move.From == model.PhasePending && v.move.To != model.PhaseSkipped
	next := &v.row
	next.Phase, next.Since, next.Step = v.move.To, now, next.Step+1
	next.Code, next.Reason, next.TaskSince = v.move.Code, v.move.Reason, v.move.TaskSince
	if begins {
		next.Started, next.Before = now, v.before(wanted)
		if v.move.Leave {
			next.Restore, next.Wanted = true, nil
		}
	}
	if changes := len(v.move.Undeploy)+len(v.move.Deploy) > 0 || begins; changes && next.Phase != model.PhaseFailed {
		if err := v.check.Refusal(wanted); err != nil {
			next.Phase, next.Code, next.Reason = model.PhaseFailed, err.Code, err.Message
		} else {
			v.change(wanted)
		}
	}
	if next.Phase == model.PhaseAwaiting {
		next.Attempt++
	}
	if next.Phase.Final() {
		next.Ended = now
	}
	v.b.putProgress(v.rollout, *next)
	v.noteMembership()
	v.b.event(eventRecord{kind: model.EventRolloutHost, at: now, host: next.Host, job: v.rollout.To, rollout: &rolloutEvent{
		group: v.group, id: v.rollout.ID, state: v.rollout.State, phase: next.Phase, message: next.Reason,
	}})
}

// before returns what was to run of the group, and what the rollout takes over.
func (v *visit) before(wanted []model.JobID) []model.JobID {
	var before []model.JobID
	for id, d := range v.check.Deployments {
		ours := d.DeploymentGroupName == v.group || v.check.Migrate && slices.Contains(wanted, id)
		if ours && d.Goal == model.GoalStart {
			before = append(before, id)
		}
	}
	slices.SortFunc(before, model.JobID.Compare)
	return before
}

func (v *visit) change(wanted []model.JobID) {
	for _, id := range v.move.Undeploy {
		d := v.b.deployment(v.move.Host, id.String())
		if d != nil && d.deployment.DeploymentGroupName == v.group {
			v.b.removeDeployment(v.h, d)
			v.b.touchTasks(v.host)
		}
		v.row.Undeployed = append(slices.Clip(v.row.Undeployed), id)
	}
	for _, id := range v.move.Deploy {
		if v.deploy(id) {
			v.row.Deployed = v.h.Time
		}
	}
	if len(wanted) > 0 {
		v.b.putMember(v.group, v.move.Host)
	}
}

// deploy makes the job the group's, to be started. What Refusal allowed cannot fail.
func (v *visit) deploy(id model.JobID) (changed bool) {
	job := v.b.job(id)
	kind, record := model.EventDeploymentCreated, v.b.deployment(v.move.Host, job.key)
	wish := model.Deployment{JobID: id, Goal: model.GoalStart, DeployerMaster: v.master, DeploymentGroupName: v.group}
	switch {
	case record == nil:
		record = newDeployment(deploymentRow{Host: v.move.Host, Generation: v.b.index, Deployment: wish}, job)
	case record.deployment.DeploymentGroupName == v.group && record.deployment.Goal == model.GoalStart:
		return false
	default:
		taken := *record
		taken.deployment = wish
		kind, record = model.EventDeploymentChanged, &taken
	}
	v.b.putDeployment(v.host, record)
	v.b.event(eventRecord{kind: kind, at: v.h.Time, host: v.move.Host, job: id, deployment: &record.deployment})
	return true
}

// noteMembership forgets a host that left once the group has nothing on it.
func (v *visit) noteMembership() {
	group := v.b.groupNamed(v.group)
	if _, matches := slices.BinarySearchFunc(group.hosts, v.move.Host, model.CompareHosts); matches || !v.row.Phase.Final() {
		return
	}
	ours := false
	each(v.b.mem, tableDeployments, indexID, []any{v.move.Host}, func(d *deploymentRecord) {
		ours = ours || d.deployment.DeploymentGroupName == v.group
	})
	if !ours {
		v.b.dropMember(v.group, v.move.Host)
	}
}
