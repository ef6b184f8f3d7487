package tui

import (
	"fmt"
	"strings"
	"time"

	"github.com/heliosctl/heliosctl/model"
	"github.com/heliosctl/heliosctl/tui/theme"
	"github.com/heliosctl/heliosctl/tui/widget"
)

func (r *rollout) drawHead(a *app, area widget.Area) {
	ro := r.group.Rollout
	p := progressOf(ro)
	title := r.name + "  "
	if !ro.From.IsZero() {
		title += versionText(ro.From) + " → "
	}
	title += versionText(ro.To)
	if ro.Back {
		title += " (back)"
	}
	panel := widget.Panel{Title: title, Note: rolloutGlyph(ro.State) + " " + string(ro.State) + " " + r.took(a).Truncate(time.Second).String(), Color: theme.Focus}
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
	options := strings.Join(ro.Options.words(), "   ")
	left, rounds, median := eta(ro, p)
	x = in.Text(0, 2, muted, "ETA ")
	if left > 0 {
		x = in.Text(x, 2, strong, "~"+Age(left.Truncate(time.Second)))
		moment, why := " ("+a.minuteText(a.now().Add(left))+")", counted(rounds, "round")+" × "
		for _, explained := range []string{moment + " = " + why + "median " + Age(median), moment + " " + why + Age(median), moment} {
			if x+widget.Width(explained)+3+widget.Width(options) <= in.W {
				x = in.Text(x, 2, muted, explained)
				break
			}
		}
	} else {
		x = in.Text(x, 2, muted, "—")
	}
	in.Cut(x+3, 2, in.W-x-3, muted, options)
	r.drawPace(in, a, p)
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
	why := stateReason(ro)
	if why != "" && x+6 <= in.W {
		in.Cut(x+btoi(x > 0)*3, 3, in.W-x-3, theme.Fg(rolloutColor(ro.State)), why)
	}
}

// stateReason says why a rollout is in its state, and what a way back takes back.
func stateReason(ro *Rollout) string {
	words := []string{}
	if ro.Error != "" && ro.State != RolloutFailed {
		words = append(words, rolloutGlyph(ro.State)+" "+ro.Error)
	}
	switch {
	case ro.Cause != "":
		words = append(words, "↶ since "+ro.Cause)
	case ro.Back && ro.Undoes != "":
		words = append(words, "↶ takes back rollout "+ro.Undoes)
	}
	return strings.Join(words, "   ")
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
	hostWidth := min(max(r.longest+1, 13), max(22, in.W/6))
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
		drawState(line, x, r.taskState(a, h.Host), bg, true)
		used := a.now().Sub(h.Started)
		widget.Gauge(line, x+9, 0, 10, ratio(used, ro.Options.Timeout), color, bg)
		line.Text(x+20, 0, theme.Style{FG: color, BG: bg}, fmt.Sprintf("%s/%s", Age(used.Truncate(time.Second)), Age(ro.Options.Timeout)))
	}
}

// taskState is the state of the new job on a host; until there is any, of what else the group has there.
func (r *rollout) taskState(a *app, name string) model.State {
	host := a.snap.Host(name)
	if host == nil {
		return ""
	}
	if t := host.Task(r.group.Rollout.To); t != nil && t.State != "" {
		return t.State
	}
	for _, t := range host.Tasks {
		if t.Group == r.name && t.State != "" {
			return t.State
		}
	}
	if t := host.Task(r.group.Rollout.From); t != nil {
		return t.State
	}
	return ""
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
	in := widget.Panel{Title: title, Note: "─ the job before · " + a.keyOf("rollout.order") + " order"}.Draw(area)
	label, tail := min(max(r.longest+3, 14), max(22, in.W/4)), 22
	w := max(1, in.W-label-tail)
	drawAxis(a, in.Row(0), label, w, from, to, -1, time.Time{})
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
		l := lane{name: h.Host, own: ro.To, transitions: r.byHost.joined[h.Host]}
		drawLane(line, label, l.cells(from, to, w, to), bg, -1)
		line.Text(label+w+2, 0, theme.Style{FG: color, BG: bg}, glyph+" "+word)
		if !h.Started.IsZero() {
			end := a.now()
			if !busyPhase(h.Phase) {
				end = h.Since
			}
			line.Right(in.W, 0, muted.On(bg), Age(end.Sub(h.Started)))
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
		if host := a.snap.Host(h.Host); host != nil && host.Status == model.Up {
			return "▼", "skipped", theme.Warn // it is back, or it is drained
		}
		return "▼", "down", theme.Fail
	case PhaseStopped:
		return "□", "stopped", theme.Stopped
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

func (r *rollout) drawFailures(a *app, area widget.Area, found []wrong) {
	n := 0
	for _, w := range found {
		if w.glyph == "✗" {
			n++
		}
	}
	in := widget.Panel{Title: fmt.Sprintf("Failures (%d) + at risk (%d)", n, len(found)-n), Note: strings.Trim(a.hint("rollout.retry", "retry host…")+" · "+a.hint("rollout.acknowledge", "acknowledge"), " ·"), Border: theme.Fail}.Draw(area)
	for y, w := range found {
		if y >= in.H {
			break
		}
		line := in.Row(y)
		line.Text(0, 0, theme.Fg(w.color), w.glyph)
		x := line.Cut(2, 0, min(r.longest, max(20, in.W/4)), plain, w.host) + 2
		if in.W >= 100 {
			x = line.Cut(x, 0, len("AWAIT_UNDEPLOYED"), muted, w.phase) + 2
		}
		end := line.Right(line.W, 0, muted, w.at)
		line.Cut(x, 0, end-x-1, plain, w.text)
	}
}
