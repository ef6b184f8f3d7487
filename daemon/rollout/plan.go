package rollout

import (
	"fmt"
	"iter"
	"slices"
	"time"

	"github.com/heliosctl/heliosctl/model"
)

// View is a group with everything that decides what to do next, as of one moment.
type View interface {
	Group() model.DeploymentGroup
	Status() *model.DeploymentGroupStatus      // nil before the first rollout
	Rollout() *model.Rollout                   // the last one; nil before the first
	Progress() iter.Seq[model.RolloutHost]     // of the last rollout
	Hosts() []string                           // of the group, in the order of their turns
	Left() []string                            // hosts that the group rolled to and that are not its own any more
	Host(name string) (model.HostStatus, bool) // false when it is not registered
	Job(id model.JobID) *model.Job             // nil when there is none

	// Unseen tells of a host that is recorded as up that nobody sees it now. It is seen again soon, or recorded as down.
	Unseen(host string) bool
	// DownSince is when a host that is down was last heard of; 0 when it is up, or never was.
	DownSince(host string) model.Timestamp
}

// maxMoves keeps a plan's moves below the size of a log entry.
const maxMoves = 64

// Plan is what to do next. The moves come first, then the change of the whole rollout; both may go into one entry of the log. After
// they are made there may be more to do at once.
type Plan struct {
	Rollout uint64 // the last rollout that the plan was made for
	Moves   []model.RolloutMove
	Change  *Change
	Again   model.Timestamp // when to look again though nothing happened; 0: no need
	Unseen  bool            // a host's turn waits until it is seen, or recorded as down
}

// Change ends a rollout or has it wait. Converge starts one instead.
type Change struct {
	Converge bool
	State    model.RolloutState // DONE, FAILED, ROLLED_BACK, PAUSED or CANARY
	Code     model.Code
	Reason   string
}

// Next plans.
func Next(view View, now model.Timestamp) Plan {
	rollout := view.Rollout()
	if rollout == nil || !rollout.State.Active() {
		return converge(view, rollout)
	}
	p := newPlanner(view, rollout, now)
	if p.bad != nil {
		p.plan.Change = &Change{State: model.RolloutFailed, Code: model.CodeInvalid, Reason: p.bad.Error()}
		return p.plan
	}
	p.proceed()
	if !p.react() {
		p.startHosts()
	}
	return p.plan
}

// planner makes one plan. It keeps the progress as it will be after the moves planned so far.
type planner struct {
	view     View
	rollout  *model.Rollout
	settings model.RolloutSettings
	bad      error
	now      model.Timestamp

	progress  map[string]model.RolloutHost
	order     []string // of the hosts with progress
	active    int
	failed    int
	lastError model.RolloutHost // the failure that came last
	plan      Plan
}

func newPlanner(view View, rollout *model.Rollout, now model.Timestamp) *planner {
	p := &planner{view: view, rollout: rollout, now: now, progress: map[string]model.RolloutHost{}, plan: Plan{Rollout: rollout.ID}}
	p.settings, p.bad = rollout.Options.Settings()
	for h := range view.Progress() {
		p.order = append(p.order, h.Host)
		p.note(h)
	}
	slices.SortFunc(p.order, model.CompareHosts)
	return p
}

// note takes up a host's progress.
func (p *planner) note(h model.RolloutHost) {
	if p.progress[h.Host].Phase.Active() && p.progress[h.Host].Phase != "" {
		p.active--
	}
	p.progress[h.Host] = h
	switch {
	case h.Phase.Active():
		p.active++
	case h.Phase == model.PhaseFailed:
		p.failed++
		if p.lastError.Host == "" || h.Ended >= p.lastError.Ended {
			p.lastError = h
		}
	}
}

// full tells that no more moves fit; what is left waits for the next plan.
func (p *planner) full() bool {
	if len(p.plan.Moves) < maxMoves {
		return false
	}
	p.plan.Again = p.now
	return true
}

// move plans a move and takes up what it will come to.
func (p *planner) move(h model.RolloutHost, m model.RolloutMove) {
	m.Host, m.From, m.Step = h.Host, h.Phase, h.Step
	m.Reason = shortened(m.Reason)
	p.plan.Moves = append(p.plan.Moves, m)
	h.Phase, h.Since, h.Step, h.Code, h.Reason = m.To, p.now, h.Step+1, m.Code, m.Reason
	if m.To.Final() {
		h.Ended = p.now
	}
	if h.Started == 0 && m.To != model.PhaseSkipped {
		h.Started = p.now
	}
	if len(m.Deploy) > 0 && m.To != model.PhaseDone {
		h.Deployed = p.now
	}
	p.note(h)
}

// maxReason bounds what is kept of a container's error.
const maxReason = 400

func shortened(reason string) string {
	if runes := []rune(reason); len(runes) > maxReason {
		return string(runes[:maxReason]) + "…"
	}
	return reason
}

// again asks to look again at a time.
func (p *planner) again(at model.Timestamp) {
	if p.plan.Again == 0 || at < p.plan.Again {
		p.plan.Again = at
	}
}

func after(at model.Timestamp, wait time.Duration) model.Timestamp {
	return at + model.Timestamp(wait.Milliseconds())
}

// proceed moves the hosts on whose turn it is.
func (p *planner) proceed() {
	for _, name := range p.order {
		h := p.progress[name]
		if !h.Phase.Active() {
			continue
		}
		if p.full() {
			return
		}
		if host, registered := p.view.Host(name); registered {
			p.proceedHost(h, host)
		}
	}
}

// react plans what follows from failures, and tells whether no further host may have its turn.
func (p *planner) react() bool {
	if p.rollout.Reason == model.RolloutByUser && p.tooManyFailed() {
		change := &Change{State: model.RolloutFailed, Code: p.lastError.Code, Reason: p.failure()}
		switch p.settings.OnFailure {
		case model.OnFailurePause:
			if p.rollout.State == model.RolloutPaused {
				return true
			}
			change.State = model.RolloutPaused
		case model.OnFailureRollback:
			change.State = model.RolloutRolledBack
		}
		p.plan.Change = change
		return true
	}
	return p.rollout.State != model.RolloutRunning || p.full()
}

func (p *planner) tooManyFailed() bool {
	if p.settings.IgnoreFailures || p.failed <= p.rollout.Accepted {
		return false
	}
	limit, err := p.settings.MaxFailures.Of(p.total())
	return err != nil || p.failed-p.rollout.Accepted > limit
}

// total is the number of the rollout's hosts.
func (p *planner) total() int {
	total := len(p.progress)
	if p.rollout.Listed || p.rollout.Reason == model.RolloutConverge {
		return total
	}
	for _, list := range [][]string{p.view.Left(), p.view.Hosts()} {
		for _, name := range list {
			if _, known := p.progress[name]; !known {
				total++
			}
		}
	}
	return total
}

// failure is the error of the group, in the original's form.
func (p *planner) failure() string {
	text := p.lastError.Host + ": " + p.lastError.Reason
	if others := p.failed - 1; others == 1 {
		text += " (and another host failed)"
	} else if others > 1 {
		text += fmt.Sprintf(" (and %d other hosts failed)", others)
	}
	return text
}

// candidate is a host whose turn may come.
type candidate struct {
	row   model.RolloutHost
	leave bool
}

// candidates goes through the hosts whose turn has not come, in the order in which it does: those that an earlier rollout left
// unfinished, then those that left the group, then the others.
func (p *planner) candidates() iter.Seq[candidate] {
	return func(yield func(candidate) bool) {
		for _, first := range []bool{true, false} {
			for _, name := range p.order {
				row := p.progress[name]
				if row.Phase == model.PhasePending && row.First == first && !yield(candidate{row: row, leave: !row.Restore && !p.belongs(name)}) {
					return
				}
			}
		}
		if p.rollout.Listed {
			return
		}
		for i, list := range [][]string{p.view.Left(), p.view.Hosts()} {
			for _, name := range list {
				if _, known := p.progress[name]; known {
					continue
				}
				if !yield(candidate{row: model.RolloutHost{Host: name, Phase: model.PhasePending}, leave: i == 0}) {
					return
				}
			}
		}
	}
}

func (p *planner) belongs(host string) bool {
	_, found := slices.BinarySearchFunc(p.view.Hosts(), host, model.CompareHosts)
	return found
}

// startHosts has as many hosts as may begin their turn, and ends the rollout when there is none left.
func (p *planner) startHosts() {
	gate := p.canaryGate()
	waiting := false
	var away []candidate
	for c := range p.candidates() {
		if p.full() {
			return
		}
		host, registered := p.view.Host(c.row.Host)
		if !registered {
			continue
		}
		v := p.visit(c.row, host, c.leave)
		switch {
		case p.rollout.Reason == model.RolloutConverge && !v.drifted():
			continue
		case v.absence() != "":
			away = append(away, c)
			continue
		case p.view.Unseen(c.row.Host):
			waiting, p.plan.Unseen = true, true
			continue
		}
		if v.settled() {
			p.begin(v)
			continue
		}
		if p.active >= p.settings.Parallelism || gate == 0 {
			waiting = true
			break
		}
		p.begin(v)
		if gate > 0 {
			gate--
		}
		if p.rollout.Reason == model.RolloutByUser && p.tooManyFailed() {
			p.react()
			return
		}
	}
	switch {
	case p.active > 0:
	case waiting && gate == 0:
		p.plan.Change = &Change{State: model.RolloutCanary, Reason: "the canaries are done; resume to go on"}
	case !waiting:
		p.finish(away)
	}
}

// canaryGate is how many more hosts may change before the rollout waits; -1 when it does not.
func (p *planner) canaryGate() int {
	if p.settings.Canary == 0 || p.rollout.CanaryPassed {
		return -1
	}
	changed := 0
	for _, h := range p.progress {
		if h.Phase.Active() || h.Phase == model.PhaseFailed || h.Deployed != 0 || len(h.Undeployed) > 0 {
			changed++
		}
	}
	return max(0, p.settings.Canary-changed)
}

// finish ends the rollout. Hosts that are away are skipped: the group catches up with them when they return.
func (p *planner) finish(away []candidate) {
	for _, c := range away {
		if p.full() {
			return
		}
		host, _ := p.view.Host(c.row.Host)
		p.move(c.row, model.RolloutMove{To: model.PhaseSkipped, Reason: p.visit(c.row, host, c.leave).absence()})
	}
	if p.tooManyFailed() {
		p.plan.Change = &Change{State: model.RolloutFailed, Code: p.lastError.Code, Reason: p.failure()}
		return
	}
	change := &Change{State: model.RolloutDone}
	if p.failed > 0 {
		change.Reason = "failed on " + p.failure()
	}
	p.plan.Change = change
}
