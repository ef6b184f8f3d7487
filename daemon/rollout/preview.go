package rollout

import (
	"github.com/heliosctl/heliosctl/model"
)

// Preview returns what a rolling update of the group to a job would do, in the order in which it would, as long as no host fails.
// Options are merged ones; the error has CodeInvalid.
func Preview(view View, to model.JobID, options model.RolloutOptions) ([]model.RolloutVisit, error) {
	rollout := &model.Rollout{Group: view.Group().Name, Reason: model.RolloutByUser, To: to, Options: options}
	p := &planner{view: view, rollout: rollout, progress: map[string]model.RolloutHost{}}
	var err error
	if p.settings, err = options.Settings(); err != nil {
		return nil, err
	}
	if last := view.Rollout(); last != nil && last.State.Active() {
		for h := range view.Progress() {
			if h.Phase.Active() {
				p.order = append(p.order, h.Host)
				p.progress[h.Host] = model.RolloutHost{Host: h.Host, Phase: model.PhasePending, First: true}
			}
		}
		model.SortHosts(p.order)
	}
	visits := []model.RolloutVisit{}
	canaries := p.settings.Canary
	for c := range p.candidates() {
		host, registered := view.Host(c.row.Host)
		if !registered {
			continue
		}
		v := p.visit(c.row, host, c.leave)
		visit := v.preview()
		if changes := visit.Skipped == "" && !visit.UpToDate; changes && canaries > 0 {
			canaries--
			visit.Canary = true
		}
		visits = append(visits, visit)
	}
	return visits, nil
}

func (v visit) preview() model.RolloutVisit {
	visit := model.RolloutVisit{Host: v.row.Host, Skipped: v.absence()}
	if visit.Skipped != "" {
		return visit
	}
	if err := v.check.Refusal(v.wanted); err != nil {
		visit.Code, visit.Failure = err.Code, err.Message
		return visit
	}
	if visit.UpToDate = v.check.UpToDate(v.wanted); visit.UpToDate {
		return visit
	}
	visit.Undeploy = v.check.Outdated(v.wanted)
	visit.Deploy = v.wanted
	return visit
}
