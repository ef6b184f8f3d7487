package rollout

import "github.com/heliosctl/heliosctl/model"

// converge starts a rollout when a host of the group is not what the group's last rollout made of it, and may be made so again.
func converge(view View, last *model.Rollout) Plan {
	plan := Plan{}
	group := view.Group()
	if last != nil {
		plan.Rollout = last.ID
	}
	if group.JobID.IsZero() || !mayConverge(view, last) {
		return plan
	}
	options := model.MergeRolloutOptions(group.RolloutOptions, nil)
	p := newPlanner(view, &model.Rollout{Reason: model.RolloutConverge, To: group.JobID, Options: options}, 0)
	p.plan = plan
	if p.bad != nil {
		return plan
	}
	for i, list := range [][]string{view.Left(), view.Hosts()} {
		for _, name := range list {
			host, registered := view.Host(name)
			if registered && p.visit(model.RolloutHost{Host: name, Phase: model.PhasePending}, host, i == 0).drifted() {
				plan.Change = &Change{Converge: true}
				return plan
			}
		}
	}
	return plan
}

// mayConverge follows the original: a group that somebody's rollout left FAILED is left alone. One that went back to what ran before
// is as it should be.
func mayConverge(view View, last *model.Rollout) bool {
	status := view.Status()
	switch {
	case status == nil, status.State == model.GroupDone:
		return true
	case status.State != model.GroupFailed || last == nil:
		return false
	case view.Group().RollingUpdateReason == model.ReasonHostsChanged:
		return true
	default:
		return last.Reason == model.RolloutBack && last.State == model.RolloutDone
	}
}
