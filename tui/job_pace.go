package tui

import (
	"fmt"
	"slices"
	"time"

	"github.com/heliosctl/heliosctl/model"
)

// jobPace is how long the hosts of a job took for what comes before it runs, worked out of its history.
type jobPace struct {
	counted int // transitions
	deploys []time.Duration
	limits  map[model.State]time.Duration // that only the slowest twentieth took longer than
}

// leastPace is how many hosts there have to be for some to be called slow.
const leastPace = 20

// take works the pace out, unless that has been done for as many transitions.
func (p *jobPace) take(transitions []Transition, id model.JobID) {
	if p.counted == len(transitions) {
		return
	}
	*p = jobPace{counted: len(transitions), limits: map[model.State]time.Duration{}}
	last, began := map[string]*Transition{}, map[string]time.Time{}
	lasted := map[model.State][]time.Duration{}
	for i := range transitions {
		t := &transitions[i]
		if t.Job != id {
			continue
		}
		before := last[t.Host]
		last[t.Host] = t
		if before != nil && comesBeforeRunning(before.State) {
			lasted[before.State] = append(lasted[before.State], t.At.Sub(before.At))
		}
		switch {
		case before == nil && comesBeforeRunning(t.State), before != nil && before.State == model.StateStopped:
			began[t.Host] = t.At
		case t.State == model.StateRunning && !began[t.Host].IsZero():
			p.deploys = append(p.deploys, t.At.Sub(began[t.Host]))
			delete(began, t.Host)
		}
	}
	slices.Sort(p.deploys)
	for state, took := range lasted {
		if slices.Sort(took); len(took) >= leastPace {
			p.limits[state] = took[len(took)*95/100]
		}
	}
}

func comesBeforeRunning(s model.State) bool {
	switch s {
	case model.StatePullingImage, model.StateCreating, model.StateStarting, model.StateHealthchecking:
		return true
	}
	return false
}

// slow tells whether a state lasted longer on a host than on nearly all others.
func (p *jobPace) slow(s model.State, lasted time.Duration) bool {
	limit, ok := p.limits[s]
	return ok && lasted > limit
}

// text says how long it takes until the job runs on a host, "" when that is not known.
func (p *jobPace) text() string {
	n := len(p.deploys)
	if n == 0 {
		return ""
	}
	return fmt.Sprintf("deploy→running p50 %s p95 %s", Age(p.deploys[n/2]), Age(p.deploys[n*95/100]))
}
