package tui

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	tea "github.com/charmbracelet/bubbletea"

	"github.com/heliosctl/heliosctl/model"
	"github.com/heliosctl/heliosctl/tui/theme"
	"github.com/heliosctl/heliosctl/tui/widget"
)

// rollout shows how a rolling update gets on: all hosts at a glance, what happens to those that are being rolled, and what went wrong.
type rollout struct {
	name      string
	group     *Group
	past      history
	readOf    string // the rollout that the history was read for
	byHost    hostLanes
	order     []int // of the lanes, indexes of hosts
	failures  bool  // only those
	byName    bool
	lanesOnly bool   // on a small screen
	frozen    *Group // what is shown while it is frozen
	frozenAt  time.Time
	longest   int // name of a host, in cells
	cursor    int
	offset    int
	seen      int
	selected  string
	keys      []*command
}

var phaseWords = [...]string{
	PhaseWaiting: "waiting", PhaseUndeploy: "UNDEPLOY", PhaseAwaitUndeployed: "AWAIT_UNDEPLOYED", PhaseDeploy: "DEPLOY",
	PhaseAwaitRunning: "AWAIT_RUNNING", PhaseDone: "done", PhaseFailed: "failed", PhaseSkipped: "down, skipped",
	PhaseStopped: "stopped",
}

func newRollout(name string) *rollout {
	r := &rollout{name: name}
	on := func(do func(a *app, g *Group) tea.Cmd) func(a *app) tea.Cmd {
		return func(a *app) tea.Cmd {
			if r.group == nil {
				return nil
			}
			return do(a, r.group)
		}
	}
	do := func(f func(a *app)) func(*app) tea.Cmd { return func(a *app) tea.Cmd { f(a); return nil } }
	r.keys = []*command{
		bindWrite("rollout.stop", "K", "stop rollout", on(func(a *app, g *Group) tea.Cmd { return a.confirmRollout(VerbRollStop, []*Group{g}) })),
		bindWrite("rollout.pause", "P", "pause/resume", on(func(a *app, g *Group) tea.Cmd { return a.confirmPause([]*Group{g}) })),
		bindWrite("rollout.back", "B", "roll back", on(func(a *app, g *Group) tea.Cmd { return a.confirmRollBack([]*Group{g}) })),
		bindWrite("rollout.retry", "R", "retry host", on(func(a *app, g *Group) tea.Cmd { return a.confirmRetry(g, r.selected) })),
		bind("rollout.failures", "!", "failures only", do(func(*app) { r.failures = !r.failures; r.arrange() })),
		bind("rollout.host", "enter", "host", func(a *app) tea.Cmd { return a.goTo(newHostDetail(r.selected)) }),
		bind("rollout.logs", "l", "logs", on(func(a *app, g *Group) tea.Cmd { return a.showLogs(g.Rollout.To, []string{r.selected}) })),
		bind("rollout.freeze", "space", "freeze", r.freeze),
		bind("rollout.order", "o", "order", do(func(*app) { r.byName = !r.byName; r.arrange() })),
		bind("rollout.view", "tab", "lanes", do(func(*app) { r.lanesOnly = !r.lanesOnly })).more(),
		bindWrite("rollout.new", "O", "rolling update", on(func(a *app, g *Group) tea.Cmd { return a.chooseRollout(g) })).more(),
		bind("rollout.job", "t", "timeline of the job", on(func(a *app, g *Group) tea.Cmd { return a.goTo(newJobDetail(g.Rollout.To, r.selected)) })).more(),
		bind("rollout.acknowledge", "i", "acknowledge", r.acknowledge).more(),
		bind("rollout.inspect", "y", "json", func(a *app) tea.Cmd {
			return a.goTo(newInspect([]string{"Groups", name, "JSON"}, "", func(a *app) any { return groupDocument(a.snap.Group(name)) }))
		}).more(),
		bind("rollout.up", "up k", "up", do(func(*app) { r.move(-1) })).more(),
		bind("rollout.down", "down j", "down", do(func(*app) { r.move(1) })).more(),
		bind("rollout.pageup", "pgup ctrl+u", "page up", do(func(*app) { r.move(-max(1, r.seen-1)) })).more(),
		bind("rollout.pagedown", "pgdown ctrl+d", "page down", do(func(*app) { r.move(max(1, r.seen-1)) })).more(),
		bind("rollout.first", "g home", "first", do(func(*app) { r.move(-len(r.order)) })).more(),
		bind("rollout.last", "G end", "last", do(func(*app) { r.move(len(r.order)) })).more(),
	}
	return r
}

// freeze stops what is shown, and the ages with it; what comes is read all the same and shown after the next one.
func (r *rollout) freeze(a *app) tea.Cmd {
	if r.frozen == nil {
		r.frozen, r.frozenAt = r.group, a.now()
		return nil
	}
	r.frozen, r.frozenAt = nil, time.Time{}
	r.refresh(a)
	return nil
}

// acknowledge takes the trouble of the rollout out of the overview, or back into it.
func (r *rollout) acknowledge(a *app) tea.Cmd {
	if r.group == nil || r.group.Rollout == nil {
		return nil
	}
	key := rolloutKey(r.group.Rollout)
	switch {
	case !slices.ContainsFunc(rolloutTroubles(a), func(t trouble) bool { return t.key == key }):
		a.say("the overview does not list it: there is nothing to acknowledge")
	case a.acknowledge(key):
		a.say("acknowledged: the overview leaves it out")
	default:
		a.say("the overview shows it again")
	}
	return nil
}

// stoppedAt is the moment that is shown, zero when that is the present.
func (r *rollout) stoppedAt() time.Time { return r.frozenAt }

func (r *rollout) crumbs() []string          { return []string{"Groups", r.name} }
func (r *rollout) commands() []*command      { return r.keys }
func (r *rollout) commandLine(a *app) string { return a.program() + " rollout-status " + r.name }

func (r *rollout) move(n int) {
	r.cursor = min(max(r.cursor+n, 0), max(0, len(r.order)-1))
	if r.cursor < len(r.order) {
		r.selected = r.hosts()[r.order[r.cursor]].Host
	}
}

func (r *rollout) hosts() []RolloutHost {
	if r.group == nil || r.group.Rollout == nil {
		return nil
	}
	return r.group.Rollout.Hosts
}

func (r *rollout) open(a *app) tea.Cmd {
	if r.group == nil || r.group.Rollout == nil {
		return nil
	}
	r.readOf = r.group.Rollout.ID
	return a.readHistory(r, r.group.Rollout.To, r.group.Rollout.From)
}

// readHistory reads what is kept of a job, and of the one before it if there is one.
func (a *app) readHistory(to receiver, id, before model.JobID) tea.Cmd {
	source := a.Source
	return a.async(func(ctx context.Context) tea.Msg {
		transitions, err := source.History(ctx, HistoryQuery{Job: id})
		if err == nil && !before.IsZero() && before != id {
			var more []Transition
			more, err = source.History(ctx, HistoryQuery{Job: before})
			transitions = append(transitions, more...)
		}
		return answer{to, historyMsg{transitions, err}}
	})
}

func (r *rollout) receive(a *app, msg tea.Msg) tea.Cmd {
	read := msg.(historyMsg)
	r.past.take(read.transitions, read.err)
	r.refresh(a)
	return nil
}

func (r *rollout) refresh(a *app) {
	r.group = a.snap.Group(r.name)
	if r.frozen != nil {
		r.group = r.frozen
	}
	if r.group == nil || r.group.Rollout == nil {
		return
	}
	ro := r.group.Rollout
	r.past.follow(a.snap.Events, func(e *Event) bool { return e.Job == ro.To || e.Job == ro.From })
	r.byHost.take(&r.past, ro.To)
	r.arrange()
}

func (r *rollout) arrange() {
	r.order = r.order[:0]
	hosts := r.hosts()
	r.longest = 0
	for i := range hosts {
		if len(hosts[i].Host) > r.longest {
			r.longest = max(r.longest, widget.Width(hosts[i].Host))
		}
	}
	for i := range hosts {
		if !r.failures || hosts[i].Phase == PhaseFailed || hosts[i].Phase == PhaseSkipped {
			r.order = append(r.order, i)
		}
	}
	slices.SortStableFunc(r.order, func(x, y int) int {
		if r.byName {
			return strings.Compare(hosts[x].Host, hosts[y].Host)
		}
		return cmp.Or(laneOrder(&hosts[x])-laneOrder(&hosts[y]), hosts[y].Started.Compare(hosts[x].Started))
	})
	if r.selected == "" && r.group.Rollout.State == RolloutFailed {
		for _, h := range hosts {
			if h.Phase == PhaseFailed {
				r.selected = h.Host
			}
		}
	}
	r.cursor = min(r.cursor, max(0, len(r.order)-1))
	for at, i := range r.order {
		if hosts[i].Host == r.selected {
			r.cursor = at
		}
	}
	r.move(0)
}

// laneOrder puts those first that are being rolled, then the failed ones, then those that were done last.
func laneOrder(h *RolloutHost) int {
	switch {
	case busyPhase(h.Phase):
		return 0
	case h.Phase == PhaseFailed:
		return 1
	case h.Phase == PhaseDone:
		return 2
	case h.Phase == PhaseSkipped:
		return 3
	}
	return 4
}

func (r *rollout) status(a *app) (left, right []widget.Span) {
	if r.group == nil || r.group.Rollout == nil {
		return nil, nil
	}
	ro := r.group.Rollout
	p := progressOf(ro)
	switch {
	case ro.State == RolloutFailed:
		left = append(left, widget.Span{Style: theme.Fg(theme.Fail), Text: "✗ " + ro.Error})
	case ro.Waits():
		left = append(left, widget.Span{Style: theme.Fg(theme.Warn), Text: rolloutGlyph(ro.State) + " " + cmp.Or(ro.Error, "waits for a resume") + ". "},
			widget.Span{Style: muted, Text: a.hint("rollout.pause", "resumes it")})
	case ro.Error != "":
		left = append(left, widget.Span{Style: theme.Fg(rolloutColor(ro.State)), Text: rolloutGlyph(ro.State) + " " + ro.Error})
	case p.failed > 0 && ro.Options.IgnoreFailures:
		left = append(left, widget.Span{Style: theme.Fg(theme.Warn), Text: fmt.Sprintf("⚠ %s tolerated (ignoreFailures). ", counted(p.failed, "failure"))},
			widget.Span{Style: muted, Text: a.hint("rollout.stop", "stops after the step of each host; finished hosts keep the new job.")})
	default:
		left = append(left, widget.Span{Style: muted, Text: fmt.Sprintf("lane %d/%d", r.cursor+1, len(r.order))})
	}
	return left, nil
}

func (r *rollout) draw(a *app, area widget.Area) {
	if r.readOf != "" && r.group != nil && r.group.Rollout != nil && r.group.Rollout.ID != r.readOf {
		r.past = history{read: true, readings: r.past.readings + 1}
		r.readOf = r.group.Rollout.ID
	}
	switch {
	case r.group == nil:
		area.Cut(2, 1, area.W-4, muted, a.andHint("there is no group "+r.name+" any more", "back", "goes back"))
		return
	case r.group.Rollout == nil:
		area.Cut(2, 1, area.W-4, muted, a.andHint("group "+r.name+" has never been rolled", "rollout.new", "rolls a job out"))
		return
	}
	head, rest := area.SplitY(6)
	r.drawHead(a, head)
	busy := r.busy()
	small := rest.H < 22 // then lanes and the rest are shown in turn
	if small && r.lanesOnly {
		r.drawLanes(a, rest)
		return
	}
	batch := min(len(busy)+3, max(4, rest.H/3))
	if small {
		batch = min(len(busy)+3, max(4, rest.H*3/5))
	}
	if len(busy) == 0 {
		batch = 0
	}
	now, rest := rest.SplitY(batch)
	if batch > 0 {
		r.drawBusy(a, now, busy)
	}
	wrong := r.failed(a)
	failures := 0
	if len(wrong) > 0 {
		failures = min(len(wrong)+2, max(3, rest.H/3))
	}
	lanes, bottom := rest.SplitY(rest.H - failures)
	if small && len(wrong) > 0 || lanes.H < 5 { // too little room for lanes: what went wrong matters more
		bottom = rest
	} else {
		r.drawLanes(a, lanes)
	}
	if len(wrong) > 0 {
		r.drawFailures(a, bottom, wrong)
	}
}

func (r *rollout) busy() []RolloutHost {
	var busy []RolloutHost
	for _, h := range r.hosts() {
		if busyPhase(h.Phase) {
			busy = append(busy, h)
		}
	}
	slices.SortStableFunc(busy, func(x, y RolloutHost) int { return x.Started.Compare(y.Started) })
	return busy
}

func (r *rollout) took(a *app) time.Duration {
	ro := r.group.Rollout
	if ro.Finished.IsZero() {
		return a.now().Sub(ro.Started)
	}
	return ro.Finished.Sub(ro.Started)
}
