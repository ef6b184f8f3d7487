package rollout

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/heliosctl/heliosctl/model"
)

// visit is a host with what the rollout wants of it.
type visit struct {
	row    model.RolloutHost
	host   model.HostStatus
	leave  bool // nothing is wanted
	wanted []model.JobID
	check  model.RolloutCheck
}

func (p *planner) visit(row model.RolloutHost, host model.HostStatus, leave bool) visit {
	v := visit{row: row, host: host, leave: leave, check: model.RolloutCheck{
		Group: p.view.Group().Name, Host: row.Host, Settings: p.settings, Migrate: p.rollout.MayMigrate(),
		Deployments: host.Jobs, Jobs: p.view.Job,
	}}
	if !leave {
		v.wanted = row.Wants(p.rollout.To)
	}
	return v
}

// absence tells why the host cannot have its turn now, "" when it can. A drained host takes no deployments, but gives up its own.
func (v visit) absence() string {
	switch {
	case v.host.Status != model.Up:
		return "the host is down"
	case v.host.Drain != nil && len(v.wanted) > 0:
		return "the host is drained"
	default:
		return ""
	}
}

// settled tells that there is nothing to do on the host and nothing to wait for.
func (v visit) settled() bool {
	return v.check.UpToDate(v.wanted) && v.running() && !v.lingering()
}

// drifted tells that a group that rolls nothing out would have to: its job is missing, or an old one is there. Nothing is begun that
// would end as it began, again and again: where a deployment would be refused, where the old container is not gone yet, or where the
// old job is there only because the new one, deployed beside it, does not run. Jobs that somebody stopped stay stopped.
func (v visit) drifted() bool {
	if v.absence() != "" || slices.ContainsFunc(v.wanted, v.lingers) || v.check.Refusal(v.wanted) != nil {
		return false
	}
	missing := slices.ContainsFunc(v.wanted, func(id model.JobID) bool {
		_, deployed := v.host.Jobs[id]
		return !deployed
	})
	replaced := len(v.check.Outdated(v.wanted)) > 0 && (!v.check.Settings.Overlap || v.running())
	return missing || replaced
}

// running tells that every wanted job runs and is healthy.
func (v visit) running() bool {
	return !slices.ContainsFunc(v.wanted, func(id model.JobID) bool {
		task, reported := v.host.Statuses[id]
		return !reported || task.State != model.StateRunning || task.Unhealthy
	})
}

// lingering tells that a container which was undeployed is in the way: one the rollout undeployed that has not stopped, or a former one
// of a wanted job that is not gone, whose status would be mistaken for that of the new one.
func (v visit) lingering() bool {
	stopping := func(id model.JobID) bool { return v.lingers(id) && v.host.Statuses[id].State != model.StateStopped }
	return slices.ContainsFunc(v.row.Undeployed, stopping) || slices.ContainsFunc(v.wanted, v.lingers)
}

func (v visit) lingers(id model.JobID) bool {
	_, deployed := v.host.Jobs[id]
	_, reported := v.host.Statuses[id]
	return reported && !deployed
}

// begin plans a host's first move.
func (p *planner) begin(v visit) {
	if refusal := v.check.Refusal(v.wanted); refusal != nil {
		p.move(v.row, model.RolloutMove{To: model.PhaseFailed, Leave: v.leave, Code: refusal.Code, Reason: refusal.Message})
		return
	}
	if v.settled() {
		p.move(v.row, model.RolloutMove{To: model.PhaseDone, Leave: v.leave, Deploy: v.wanted})
		return
	}
	outdated := v.check.Outdated(v.wanted)
	move := model.RolloutMove{Leave: v.leave, To: model.PhaseAwaiting, Deploy: v.wanted}
	if !p.settings.Overlap || len(v.wanted) == 0 {
		move.Undeploy = outdated
	}
	reported := slices.ContainsFunc(move.Undeploy, func(id model.JobID) bool {
		_, reported := v.host.Statuses[id]
		return reported
	})
	switch {
	case reported || v.lingering():
		move.To, move.Deploy = model.PhaseUndeploying, nil
	case len(v.wanted) == 0:
		move.To = model.PhaseDone
	}
	p.move(v.row, move)
}

// proceedHost plans the next move of a host whose turn it is, if there is one.
func (p *planner) proceedHost(h model.RolloutHost, host model.HostStatus) {
	v := p.visit(h, host, false)
	if host.Status != model.Up && p.away(v) {
		return
	}
	switch h.Phase {
	case model.PhaseUndeploying:
		p.undeploying(v)
	case model.PhaseAwaiting:
		p.awaiting(v)
	case model.PhaseMinHealthy:
		p.minHealthy(v)
	}
}

// patience is how long a host may be down in its turn before anything of the new job was begun there: an agent that is started anew is
// back before.
const patience = 30 * time.Second

// away plans for a host that has gone down in its turn, and tells whether that is all. One on which nothing of the new job was begun is
// passed by, as if its turn had not come. With the new job it has the whole timeout to come back: it may only start anew.
func (p *planner) away(v visit) bool {
	since := p.view.DownSince(v.row.Host)
	if since == 0 {
		return false
	}
	if v.untouched() {
		until := after(max(since, v.row.Started), patience)
		if p.now < until {
			p.again(until)
			return false
		}
		p.move(v.row, model.RolloutMove{To: model.PhaseSkipped, Reason: fmt.Sprintf("the host has been down for %s", patience)})
		return true
	}
	if v.row.Phase != model.PhaseMinHealthy {
		return false // the deadline for the new job holds
	}
	// What was last reported says nothing of now.
	until := after(max(since, v.row.Since), p.settings.Timeout)
	if p.now < until {
		p.again(until)
	} else {
		p.fail(v, model.CodeRolloutTimedOut, fmt.Sprintf("the host has been down for %s, waiting for %s", p.settings.Timeout, v.awaited()))
	}
	return true
}

// untouched tells that nothing of what the rollout brings to the host was begun there.
func (v visit) untouched() bool {
	return v.row.Phase == model.PhaseUndeploying || !slices.ContainsFunc(v.wanted, func(id model.JobID) bool {
		_, reported := v.host.Statuses[id]
		return reported
	})
}

func (p *planner) undeploying(v visit) {
	deadline := after(v.row.Since, p.settings.Timeout)
	switch {
	case v.host.Drain != nil && len(v.wanted) > 0:
		p.move(v.row, model.RolloutMove{To: model.PhaseSkipped, Reason: "the host is drained"})
	case !v.lingering() && len(v.wanted) == 0:
		p.move(v.row, model.RolloutMove{To: model.PhaseDone})
	case !v.lingering():
		p.move(v.row, model.RolloutMove{To: model.PhaseAwaiting, Deploy: v.wanted})
	case p.now >= deadline:
		p.fail(v, model.CodeUndeployTimedOut, fmt.Sprintf("timed out after %s waiting for the old job to stop%s", p.settings.Timeout, v.whereabouts()))
	default:
		p.again(deadline)
	}
}

func (p *planner) awaiting(v visit) {
	if p.interfered(v) {
		return
	}
	deadline := p.deadline(v)
	missing, found := v.imageMissing()
	switch {
	case v.running() && p.settings.MinHealthy > 0 && v.row.Deployed != 0:
		p.move(v.row, model.RolloutMove{To: model.PhaseMinHealthy, TaskSince: v.taskSince()})
	case v.running():
		p.arrive(v)
	case found && v.row.Deployed != 0:
		p.fail(v, model.CodeImageMissing, "the image of job "+missing.String()+" does not exist"+v.lastState(missing))
	case p.now >= deadline:
		p.timeOut(v)
	default:
		p.again(deadline)
	}
}

// deadline is when the jobs have to run at the latest.
func (p *planner) deadline(v visit) model.Timestamp {
	return after(max(v.row.Started, v.row.Deployed), p.settings.Timeout)
}

// interfered fails or skips a host whose deployment somebody changed.
func (p *planner) interfered(v visit) bool {
	for _, id := range v.wanted {
		deployment, deployed := v.host.Jobs[id]
		switch {
		case !deployed:
			p.fail(v, model.CodeUnexpectedlyUndeploy, "job "+id.String()+" was undeployed, perhaps by hand")
		case deployment.DeploymentGroupName != v.check.Group:
			p.fail(v, model.CodeJobAlreadyDeployed, "job "+id.String()+" was deployed by hand or by another group")
		case deployment.Goal != model.GoalStart && v.host.Drain != nil:
			p.move(v.row, model.RolloutMove{To: model.PhaseSkipped, Reason: "the host is drained"})
		case deployment.Goal != model.GoalStart:
			p.fail(v, model.CodeRolloutTimedOut, "job "+id.String()+" was given the goal "+string(deployment.Goal)+", perhaps by hand")
		default:
			continue
		}
		return true
	}
	return false
}

func (p *planner) minHealthy(v visit) {
	if p.interfered(v) {
		return
	}
	enough := after(v.row.Since, p.settings.MinHealthy)
	switch {
	case !v.running() || v.taskSince() != v.row.TaskSince:
		if p.now >= p.deadline(v) {
			p.timeOut(v)
			return
		}
		p.move(v.row, model.RolloutMove{To: model.PhaseAwaiting})
	case p.now >= enough:
		p.arrive(v)
	default:
		p.again(enough)
	}
}

// arrive ends a host's turn well. What was there before goes now if it did not go first.
func (p *planner) arrive(v visit) {
	p.move(v.row, model.RolloutMove{To: model.PhaseDone, Undeploy: v.check.Outdated(v.wanted)})
}

func (p *planner) fail(v visit, code model.Code, reason string) {
	p.move(v.row, model.RolloutMove{To: model.PhaseFailed, Code: code, Reason: reason})
}

func (p *planner) timeOut(v visit) {
	code := model.CodeRolloutTimedOut
	for _, id := range v.wanted {
		if task := v.host.Statuses[id]; task.Throttled == model.ThrottleImagePullFailed {
			code = model.CodeImagePullFailed
		} else if task.Throttled == model.ThrottleImageMissing {
			code = model.CodeImageMissing
		}
	}
	p.fail(v, code, fmt.Sprintf("timed out after %s waiting for %s%s", p.settings.Timeout, v.awaited(), v.whereabouts()))
}

// awaited tells what is waited for, and how far it came.
func (v visit) awaited() string {
	var states []string
	for _, id := range v.wanted {
		states = append(states, fmt.Sprintf("job %s to run%s", id, v.lastState(id)))
	}
	return strings.Join(states, " and ")
}

// imageMissing returns a wanted job whose image does not exist.
func (v visit) imageMissing() (model.JobID, bool) {
	for _, id := range v.wanted {
		if v.host.Statuses[id].Throttled == model.ThrottleImageMissing {
			return id, true
		}
	}
	return model.JobID{}, false
}

// taskSince changes whenever a wanted task runs anew.
func (v visit) taskSince() model.Timestamp {
	var since model.Timestamp
	for _, id := range v.wanted {
		since = max(since, v.host.Statuses[id].Since)
	}
	return since
}

// lastState tells what was last reported of a task.
func (v visit) lastState(id model.JobID) string {
	task, reported := v.host.Statuses[id]
	if !reported {
		return "; nothing was reported of it"
	}
	text := "; it is " + string(task.State)
	if task.Throttled != "" && task.Throttled != model.ThrottleNo {
		text += " (" + string(task.Throttled) + ")"
	}
	if task.ExitCode != nil {
		text += fmt.Sprintf(", exit code %d", *task.ExitCode)
	}
	if task.Restarts > 0 { // which may be all that is left to tell of why it does not run
		text += fmt.Sprintf(", start number %d", task.Restarts+1)
	}
	for _, why := range []string{task.ContainerError, task.HealthError} {
		if why != "" {
			text += ": " + why
		}
	}
	return text
}

func (v visit) whereabouts() string {
	if v.host.Status != model.Up {
		return "; the host is down"
	}
	return ""
}
