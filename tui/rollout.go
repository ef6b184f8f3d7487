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
	byHost    map[string][]Transition
	order     []int // of the lanes, indexes of hosts
	failures  bool  // only those
	byName    bool
	lanesOnly bool   // on a small screen
	frozen    *Group // what is shown while it is frozen
	cursor    int
	offset    int
	seen      int
	selected  string
	keys      []*command
}

var phaseWords = [...]string{
	PhaseWaiting: "waiting", PhaseUndeploy: "UNDEPLOY", PhaseAwaitUndeployed: "AWAIT_UNDEPLOYED", PhaseDeploy: "DEPLOY",
	PhaseAwaitRunning: "AWAIT_RUNNING", PhaseDone: "done", PhaseFailed: "failed", PhaseSkipped: "down, skipped",
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
		bindWrite("rollout.stop", "K", "stop rollout", on(func(a *app, g *Group) tea.Cmd { return a.confirmRollout(VerbRollStop, g) })),
		bindWrite("rollout.pause", "P", "pause/resume", on(func(a *app, g *Group) tea.Cmd { return a.confirmPause(g) })),
		bindWrite("rollout.back", "B", "roll back", on(func(a *app, g *Group) tea.Cmd { return a.confirmRollBack(g) })),
		bindWrite("rollout.retry", "R", "retry host", on(func(a *app, g *Group) tea.Cmd { return a.confirmRetry(g, r.selected) })),
		bind("rollout.failures", "!", "failures only", do(func(*app) { r.failures = !r.failures; r.arrange() })),
		bind("rollout.host", "enter", "host", func(a *app) tea.Cmd { return a.goTo(newHostDetail(r.selected)) }),
		bind("rollout.logs", "l", "logs", on(func(a *app, g *Group) tea.Cmd { return a.showLogs(g.Rollout.To, []string{r.selected}) })),
		bind("rollout.freeze", "space", "freeze", do(func(*app) {
			if r.frozen != nil {
				r.frozen = nil
			} else {
				r.frozen = r.group
			}
		})),
		bind("rollout.order", "o", "order", do(func(*app) { r.byName = !r.byName; r.arrange() })),
		bind("rollout.view", "tab", "lanes", do(func(*app) { r.lanesOnly = !r.lanesOnly })).more(),
		bindWrite("rollout.new", "O", "rolling update", on(func(a *app, g *Group) tea.Cmd { return a.chooseRollout(g) })).more(),
		bind("rollout.job", "t", "timeline of the job", on(func(a *app, g *Group) tea.Cmd { return a.goTo(newJobDetail(g.Rollout.To, r.selected)) })).more(),
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

func (r *rollout) crumbs() []string          { return []string{"Groups", r.name} }
func (r *rollout) commands() []*command      { return r.keys }
func (r *rollout) commandLine(a *app) string { return a.Program + " rollout-status " + r.name }

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
	source, from, to := a.Source, r.group.Rollout.From, r.group.Rollout.To
	return a.async(func(ctx context.Context) tea.Msg {
		transitions, err := source.History(ctx, HistoryQuery{Job: to})
		if err == nil && !from.IsZero() && from != to {
			var before []Transition
			before, err = source.History(ctx, HistoryQuery{Job: from})
			transitions = append(transitions, before...)
		}
		return answer{r, historyMsg{transitions, err}}
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
	r.byHost = lanesBy(r.past.transitions, func(t Transition) string { return t.Host })
	r.arrange()
}

func (r *rollout) arrange() {
	r.order = r.order[:0]
	hosts := r.hosts()
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
	if r.frozen != nil {
		left = append(left, widget.Span{Style: theme.Style{FG: theme.OnColor, BG: theme.Hit, Attr: theme.Bold}, Text: " ∥ FROZEN "}, widget.Span{Style: plain, Text: "  "})
	}
	switch {
	case ro.State == RolloutFailed:
		left = append(left, widget.Span{Style: theme.Fg(theme.Fail), Text: "✗ " + ro.Error})
	case p.failed > 0 && ro.Options.IgnoreFailures:
		left = append(left, widget.Span{Style: theme.Fg(theme.Warn), Text: fmt.Sprintf("⚠ %s tolerated (ignoreFailures). ", counted(p.failed, "failure"))},
			widget.Span{Style: muted, Text: "K stops after the step of each host; finished hosts keep the new job."})
	default:
		left = append(left, widget.Span{Style: muted, Text: fmt.Sprintf("lane %d/%d", r.cursor+1, len(r.order))})
	}
	return left, nil
}

func (r *rollout) draw(a *app, area widget.Area) {
	if r.readOf != "" && r.group != nil && r.group.Rollout != nil && r.group.Rollout.ID != r.readOf {
		r.past = history{read: true}
		r.readOf = r.group.Rollout.ID
	}
	switch {
	case r.group == nil:
		area.Cut(2, 1, area.W-4, muted, "there is no group "+r.name+" any more; esc goes back")
		return
	case r.group.Rollout == nil:
		area.Cut(2, 1, area.W-4, muted, "group "+r.name+" has never been rolled; O rolls a job out")
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

func (r *rollout) drawHead(a *app, area widget.Area) {
	ro := r.group.Rollout
	p := progressOf(ro)
	title := r.name + "  "
	if !ro.From.IsZero() {
		title += versionText(ro.From) + " → "
	}
	panel := widget.Panel{Title: title + versionText(ro.To), Note: rolloutGlyph(ro.State) + " " + string(ro.State) + " " + r.took(a).Truncate(time.Second).String(), Color: theme.Focus}
	if ro.State == RolloutFailed {
		panel.Border, panel.Color = theme.Fail, theme.Fail
	}
	in := panel.Draw(area)
	end := in.Right(in.W, 0, strong, fmt.Sprintf("%d/%d %3d%%", p.done, p.total, p.percent()))
	drawProgress(in, 0, 0, end-2, p, true)
	x := 0
	for _, part := range p.parts() {
		style := theme.Fg(part.color)
		if part.n == 0 {
			style = faint
		}
		text := fmt.Sprintf("%c %d %s", part.high, part.n, part.word)
		if x+widget.Width(text) <= in.W {
			x = in.Text(x, 1, style, text) + 2
		}
	}
	left, rounds, median := eta(ro, p)
	x = in.Text(0, 2, muted, "ETA ")
	if left > 0 {
		x = in.Text(x, 2, strong, "~"+Age(left.Truncate(time.Second)))
		x = in.Text(x, 2, muted, fmt.Sprintf(" (%s) = %s × median %s", a.minuteText(a.now().Add(left)), counted(rounds, "round"), Age(median)))
	} else {
		x = in.Text(x, 2, muted, "—")
	}
	in.Cut(x+3, 2, in.W-x-3, muted, fmt.Sprintf("∥%d   timeout %s%s", ro.Options.Parallelism, Age(ro.Options.Timeout), overlapText(ro.Options)))
	r.drawPace(in, a, p)
}

func overlapText(o RolloutOptions) string {
	text := ""
	if o.Overlap {
		text += "   overlap"
	}
	if o.Migrate {
		text += "   migrate"
	}
	return text
}

// drawPace draws how fast hosts are done, minute by minute.
func (r *rollout) drawPace(in widget.Area, a *app, p progress) {
	ro := r.group.Rollout
	times := hostTimes(ro)
	x := 0
	if len(times) > 0 {
		x = in.Text(0, 3, muted, fmt.Sprintf("host time p50 %s  p95 %s", Age(times[len(times)/2]), Age(times[len(times)*95/100])))
	}
	if took := r.took(a); took > time.Minute {
		x = in.Text(x, 3, muted, fmt.Sprintf("   %.1f hosts/min ", float64(p.done)/took.Minutes()))
		minutes := make([]float64, min(40, int(took.Minutes())+1))
		end := ro.Started.Add(took)
		for _, h := range ro.Hosts {
			if back := int(end.Sub(h.Since).Minutes()); h.Phase == PhaseDone && back >= 0 && back < len(minutes) {
				minutes[len(minutes)-1-back]++
			}
		}
		widget.Spark(in, x, 3, min(len(minutes), in.W-x), focus, minutes, false)
		x += len(minutes)
	}
	stop := "   stops at the first failure"
	if ro.Options.IgnoreFailures {
		stop = "   failures are ignored"
	}
	if x+widget.Width(stop) <= in.W {
		in.Text(x, 3, muted, stop)
	}
}

// drawBusy draws the hosts that are being rolled, a lane of steps for each.
func (r *rollout) drawBusy(a *app, area widget.Area, busy []RolloutHost) {
	ro := r.group.Rollout
	in := widget.Panel{Title: fmt.Sprintf("In progress: %s now", counted(len(busy), "host")), Note: "step · time used / timeout"}.Draw(area)
	steps := []RolloutPhase{PhaseUndeploy, PhaseAwaitUndeployed, PhaseDeploy, PhaseAwaitRunning}
	names := []string{"UNDEPLOY", "AWAIT_UNDEPL", "DEPLOY", "AWAIT_RUNNING"}
	if in.W < 100 {
		names = []string{"UNDP", "AWUN", "DEPL", "AWRUN"}
	}
	hostWidth := min(22, max(13, in.W/6))
	tail := 7 + 2 + 10 + 13
	step := max(5, (in.W-hostWidth-tail)/4)
	in.Text(0, 0, muted.Bold(), "HOST")
	for i, name := range names {
		in.Cut(hostWidth+i*step, 0, step-1, muted.Bold(), name)
	}
	x := hostWidth + 4*step
	in.Text(x, 0, muted.Bold(), "TASK")
	in.Text(x+9, 0, muted.Bold(), "TIME USED")
	for y, h := range busy {
		if 1+y >= in.H {
			break
		}
		line, bg := in.Row(1+y), theme.Base
		if h.Host == r.selected {
			bg = theme.Select
			widget.SelectRow(area.Sub(1, 2+y, area.W-2, 1))
		}
		line.Cut(0, 0, hostWidth-1, plain.On(bg), h.Host)
		color := r.riskColor(a, &h)
		for i, phase := range steps {
			drawStep(line, hostWidth+i*step, step-1, &h, phase, a.now().Sub(h.Since), ro.Options.Timeout, color, bg)
		}
		state := model.State("")
		if host := a.snap.Host(h.Host); host != nil {
			if t := host.Task(ro.To); t != nil {
				state = t.State
			} else if t := host.Task(ro.From); t != nil {
				state = t.State
			}
		}
		drawState(line, x, state, bg, true)
		used := a.now().Sub(h.Started)
		widget.Gauge(line, x+9, 0, 10, ratio(used, ro.Options.Timeout), color, bg)
		line.Text(x+20, 0, theme.Style{FG: color, BG: bg}, fmt.Sprintf("%s/%s", Age(used.Truncate(time.Second)), Age(ro.Options.Timeout)))
	}
}

func ratio(d, of time.Duration) float64 {
	if of <= 0 {
		return 0
	}
	return float64(d) / float64(of)
}

// riskColor warns of a host before its rollout fails.
func (r *rollout) riskColor(a *app, h *RolloutHost) theme.Color {
	ro := r.group.Rollout
	if host := a.snap.Host(h.Host); host != nil {
		if t := host.Task(ro.To); t != nil && (t.State == model.StateFailed || throttleIndex(t.Throttle) >= 0) {
			return theme.Fail
		}
	}
	if ratio(a.now().Sub(h.Started), ro.Options.Timeout) > 0.8 {
		return theme.Warn
	}
	return theme.Progress
}

// drawStep draws one step of a host: done, going on, or to come.
func drawStep(line widget.Area, x, w int, h *RolloutHost, step RolloutPhase, since, timeout time.Duration, color, bg theme.Color) {
	switch {
	case h.Phase > step:
		line.Text(x, 0, theme.Style{FG: theme.OK, BG: bg}, "✓")
		line.Repeat(x+1, 0, w-1, theme.Style{FG: theme.OK, BG: bg}, '━')
	case h.Phase == step:
		line.Text(x, 0, theme.Style{FG: color, BG: bg}, "▶")
		n := max(1, min(w-1, int(float64(w-1)*ratio(since, timeout))))
		line.Repeat(x+1, 0, n, theme.Style{FG: color, BG: bg}, '╍')
	default:
		line.Text(x, 0, theme.Style{FG: theme.Faint, BG: bg}, "○")
		line.Repeat(x+1, 0, w-1, theme.Style{FG: theme.Border, BG: bg}, '╌')
	}
}

func (r *rollout) drawLanes(a *app, area widget.Area) {
	ro := r.group.Rollout
	to := a.now()
	if !ro.Finished.IsZero() {
		to = ro.Finished.Add(r.took(a) / 10)
	}
	from := ro.Started.Add(-max(30*time.Second, to.Sub(ro.Started)/15))
	title := fmt.Sprintf("All hosts  %s – %s", a.minuteText(from), a.minuteText(to))
	if r.failures {
		title = "Failures only"
	}
	in := widget.Panel{Title: title, Note: "one lane per host · o order"}.Draw(area)
	label, tail := min(22, in.W/4), 22
	w := max(1, in.W-label-tail)
	drawAxis(a, in.Row(0), label, w, from, to, -1)
	body := in.Sub(0, 1, in.W, in.H-1)
	r.seen = max(1, body.H)
	r.offset = max(0, min(min(max(r.offset, r.cursor-r.seen+1), r.cursor), len(r.order)-r.seen))
	hosts := r.hosts()
	if r.past.err != nil {
		body.Cut(0, 0, body.W, theme.Fg(theme.Warn), "the history cannot be read: "+r.past.err.Error())
	}
	for y := 0; y < body.H && r.offset+y < len(r.order); y++ {
		h := &hosts[r.order[r.offset+y]]
		line, bg := body.Row(y), theme.Base
		if r.offset+y == r.cursor {
			bg = theme.Select
			widget.SelectRow(area.Sub(1, 2+y, area.W-2, 1))
		}
		glyph, word, color := r.hostWord(a, h)
		line.Text(0, 0, theme.Style{FG: color, BG: bg}, glyph)
		line.Cut(2, 0, label-3, plain.On(bg), h.Host)
		l := lane{name: h.Host, transitions: r.byHost[h.Host]}
		drawLane(line, label, l.cells(from, to, w, to), bg, -1)
		line.Text(label+w+2, 0, theme.Style{FG: color, BG: bg}, glyph+" "+word)
		if !h.Started.IsZero() {
			end := a.now()
			if !busyPhase(h.Phase) {
				end = h.Since
			}
			line.Right(in.W, 0, muted.On(bg), Age(end.Sub(h.Started).Truncate(time.Second)))
		}
	}
	if rest := len(r.order) - r.offset - body.H; rest > 0 {
		area.Text(3, area.H-1, faint, fmt.Sprintf(" ▼ %d more lanes ", rest))
	}
	widget.Scrollbar(area.Sub(0, 2, area.W, body.H), r.offset, body.H, len(r.order))
}

func (r *rollout) hostWord(a *app, h *RolloutHost) (glyph, word string, color theme.Color) {
	switch h.Phase {
	case PhaseWaiting:
		return "○", "waiting", theme.Stopped
	case PhaseDone:
		return "✓", "done", theme.OK
	case PhaseFailed:
		return "✗", "failed", theme.Fail
	case PhaseSkipped:
		return "▼", "down", theme.Fail
	}
	return "▶", fmt.Sprintf("step %d/4", h.Phase), r.riskColor(a, h)
}

// wrong is a host of a rollout that failed or may soon.
type wrong struct {
	glyph string
	color theme.Color
	host  string
	phase string
	text  string
	at    string
}

func (r *rollout) failed(a *app) []wrong {
	ro := r.group.Rollout
	var found []wrong
	for _, h := range ro.Hosts {
		if h.Phase == PhaseFailed {
			found = append(found, wrong{"✗", theme.Fail, h.Host, phaseWords[h.Failed], h.Reason, a.minuteText(h.Since)})
		}
	}
	for _, h := range ro.Hosts {
		if !busyPhase(h.Phase) || r.riskColor(a, &h) == theme.Progress {
			continue
		}
		text := fmt.Sprintf("%.0f%% of timeout used", 100*ratio(a.now().Sub(h.Started), ro.Options.Timeout))
		if host := a.snap.Host(h.Host); host != nil {
			if t := host.Task(ro.To); t != nil {
				text += ", " + string(t.State) + " " + t.Describe()
			}
		}
		found = append(found, wrong{"⚠", theme.Warn, h.Host, phaseWords[h.Phase], text, "now"})
	}
	return found
}

func (r *rollout) drawFailures(_ *app, area widget.Area, found []wrong) {
	n := 0
	for _, w := range found {
		if w.glyph == "✗" {
			n++
		}
	}
	in := widget.Panel{Title: fmt.Sprintf("Failures (%d) + at risk (%d)", n, len(found)-n), Note: "R retry host…", Border: theme.Fail}.Draw(area)
	for y, w := range found {
		if y >= in.H {
			break
		}
		line := in.Row(y)
		line.Text(0, 0, theme.Fg(w.color), w.glyph)
		x := line.Cut(2, 0, min(20, in.W/4), plain, w.host) + 1
		if in.W >= 100 {
			x = line.Cut(x, 0, 17, muted, w.phase) + 1
		}
		end := line.Right(line.W, 0, muted, w.at)
		line.Cut(x, 0, end-x-1, plain, w.text)
	}
}
