package rollout

import (
	"slices"

	"github.com/heliosctl/heliosctl/model"
)

// converge starts a rollout when a host of the group is not what the group's last rollout made of it, and may be made so again.
func converge(view View, last *model.Rollout) Plan {
	plan := Plan{}
	if last != nil {
		plan.Rollout = last.ID
	}
	p := convergence(view, last)
	if p == nil {
		return plan
	}
	for _, list := range [][]string{view.Left(), view.Hosts()} {
		for _, name := range list {
			if p.drifts(name) {
				plan.Change = &Change{Converge: true}
				return plan
			}
		}
	}
	return plan
}

// Drifts reports whether Next would start a rollout because of this host. It looks at nothing else, where Next, when nothing rolls out,
// looks at every host of the group.
func Drifts(view View, host string) bool {
	last := view.Rollout()
	if last != nil && last.State.Active() {
		return false
	}
	p := convergence(view, last)
	return p != nil && p.drifts(host)
}

// convergence is the planner of a rollout that converges, nil when the group must not have one.
func convergence(view View, last *model.Rollout) *planner {
	group := view.Group()
	if group.JobID.IsZero() || !mayConverge(view, last) {
		return nil
	}
	p := &planner{view: view, rollout: &model.Rollout{Reason: model.RolloutConverge, To: group.JobID}}
	var err error
	if p.settings, err = group.RolloutOptions.Settings(); err != nil {
		return nil
	}
	return p
}

func (p *planner) drifts(name string) bool {
	belongs := p.belongs(name)
	if !belongs && !slices.Contains(p.view.Left(), name) {
		return false
	}
	host, registered := p.view.Host(name)
	return registered && p.visit(model.RolloutHost{Host: name, Phase: model.PhasePending}, host, !belongs).drifted()
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
