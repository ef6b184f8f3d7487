package tui

import (
	"fmt"
	"slices"
	"time"

	"github.com/heliosctl/heliosctl/model"
)

// jobPace is how long the hosts of a job took for what comes before it runs, worked out of its history. What is added to that costs no
// more than itself.
type jobPace struct {
	of      int // reading of the history
	taken   int // transitions of it
	deploys []time.Duration
	lasted  map[model.State][]time.Duration
	hosts   map[string]*hostPace
}

// hostPace is how far a host has come with the job.
type hostPace struct {
	state model.State
	since time.Time
	began time.Time // the deployment that does not run yet, zero when there is none
}

// leastPace is how many hosts there have to be for some to be called slow.
const leastPace = 20

// take works in the transitions that it has not seen.
func (p *jobPace) take(h *history, id model.JobID) {
	if p.hosts == nil || p.of != h.readings || p.taken > len(h.transitions) {
		*p = jobPace{of: h.readings, lasted: map[model.State][]time.Duration{}, hosts: map[string]*hostPace{}}
	}
	if p.taken == len(h.transitions) {
		return
	}
	for i := range h.transitions[p.taken:] {
		if t := &h.transitions[p.taken+i]; t.Job == id {
			p.add(t)
		}
	}
	p.taken = len(h.transitions)
	slices.Sort(p.deploys)
	for _, took := range p.lasted {
		slices.Sort(took)
	}
}

func (p *jobPace) add(t *Transition) {
	host := p.hosts[t.Host]
	first := host == nil
	if first {
		host = &hostPace{}
		p.hosts[t.Host] = host
	}
	before, since := host.state, host.since
	host.state, host.since = t.State, t.At
	if comesBeforeRunning(before) {
		p.lasted[before] = append(p.lasted[before], t.At.Sub(since))
	}
	switch {
	case first && comesBeforeRunning(t.State), before == model.StateStopped:
		host.began = t.At
	case t.State == model.StateRunning && !host.began.IsZero():
		p.deploys = append(p.deploys, t.At.Sub(host.began))
		host.began = time.Time{}
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
	took := p.lasted[s]
	return len(took) >= leastPace && lasted > took[len(took)*95/100]
}

// text says how long it takes until the job runs on a host, "" when that is not known.
func (p *jobPace) text() string {
	n := len(p.deploys)
	if n == 0 {
		return ""
	}
	return fmt.Sprintf("deploy→running p50 %s p95 %s", Age(p.deploys[n/2]), Age(p.deploys[n*95/100]))
}
