package tui

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
	"time"

	tea "github.com/charmbracelet/bubbletea"

	"github.com/heliosctl/heliosctl/model"
	"github.com/heliosctl/heliosctl/tui/theme"
	"github.com/heliosctl/heliosctl/tui/widget"
)

// groups lists the deployment groups, those that roll out first.
type groups struct {
	*list[*Group]
	keys []*command
	now  func() time.Time
}

func newGroups(a *app) page {
	p := &groups{now: a.now}
	p.list = newList(list[*Group]{
		name: "groups", id: func(g *Group) string { return g.Spec.Name }, usual: rankGroups, ranked: "active first", columns: p.columns(),
		problem: func(g *Group) bool {
			return g.Rollout != nil && (g.Rollout.State == RolloutFailed || progressOf(g.Rollout).failed > 0)
		},
	})
	p.keys = append([]*command{
		bind("groups.open", "enter", "rollout", p.onGroup(func(a *app, g *Group) tea.Cmd { return a.goTo(newRollout(g.Spec.Name)) })),
		bindWrite("groups.roll", "O", "rolling update", func(a *app) tea.Cmd { return a.chooseRollout(p.picked()...) }),
		bindWrite("groups.stop", "K", "stop rollout", func(a *app) tea.Cmd { return a.confirmRollout(VerbRollStop, p.picked()) }),
		bindWrite("groups.pause", "P", "pause/resume", func(a *app) tea.Cmd { return a.confirmPause(p.picked()) }),
		bindWrite("groups.back", "B", "roll back", func(a *app) tea.Cmd { return a.confirmRollBack(p.picked()) }),
		bind("groups.hosts", "h", "hosts matched", p.onGroup(func(a *app, g *Group) tea.Cmd {
			return a.goFiltered(1, selectorFilter(g))
		})),
		bind("groups.inspect", "y", "json", p.onGroup(func(a *app, g *Group) tea.Cmd {
			name := g.Spec.Name
			return a.goTo(newInspect([]string{"Groups", name, "JSON"}, "", func(a *app) any { return groupDocument(a.snap.Group(name)) }))
		})),
		bindWrite("groups.new", "N", "new", func(a *app) tea.Cmd { return a.open(newGroupForm(a)) }),
		bindWrite("groups.remove", "E", "remove", func(a *app) tea.Cmd { return a.confirmGroupDrop(p.picked()) }).more(),
	}, p.moves()...)
	return p
}

func (p *groups) onGroup(do func(a *app, g *Group) tea.Cmd) func(a *app) tea.Cmd {
	return func(a *app) tea.Cmd {
		if g, ok := p.current(); ok {
			return do(a, g)
		}
		return nil
	}
}

// selectorFilter says a group's selectors as a filter of hosts.
func selectorFilter(g *Group) string {
	var terms []string
	for _, s := range g.Spec.HostSelectors {
		switch s.Operator {
		case model.SelectorEquals:
			terms = append(terms, s.Label+"="+s.Operand)
		case model.SelectorNotEquals:
			terms = append(terms, s.Label+"!="+s.Operand)
		case model.SelectorIn:
			terms = append(terms, s.Label+"="+strings.Join(s.Operands, "|"))
		case model.SelectorNotIn:
			terms = append(terms, s.Label+"!="+strings.Join(s.Operands, "|"))
		}
	}
	return strings.Join(terms, " ")
}

func groupRank(g *Group) int {
	switch {
	case g.Rollout == nil:
		return 0
	case g.Rollout.Active():
		return 3
	case g.Rollout.State == RolloutFailed:
		return 2
	}
	return 1
}

func rankGroups(a, b *Group) int {
	if n := groupRank(b) - groupRank(a); n != 0 {
		return n
	}
	if a.Rollout != nil && b.Rollout != nil {
		if n := b.Rollout.Started.Compare(a.Rollout.Started); n != 0 {
			return n
		}
	}
	return strings.Compare(a.Spec.Name, b.Spec.Name)
}

var rolloutLooks = map[RolloutState]struct {
	glyph string
	color theme.Color
}{
	RolloutRunning: {"▶", theme.Progress}, RolloutPaused: {"∥", theme.Warn}, RolloutDone: {"✓", theme.OK}, RolloutFailed: {"✗", theme.Fail},
	RolloutStopped: {"■", theme.Stopped}, RolloutRolledBack: {"↶", theme.Warn}, RolloutCanary: {"◆", theme.Warn}, RolloutReplaced: {"»", theme.Stopped},
}

func rolloutGlyph(s RolloutState) string { return cmp.Or(rolloutLooks[s].glyph, "○") }

func rolloutColor(s RolloutState) theme.Color {
	if look, ok := rolloutLooks[s]; ok {
		return look.color
	}
	return theme.Stopped
}

func groupState(g *Group) string {
	if g.Rollout == nil {
		return "IDLE"
	}
	return string(g.Rollout.State)
}

func (p *groups) columns() []column[*Group] {
	return []column[*Group]{
		{id: "state", title: "STATE", width: 13, priority: 0, text: groupState, compare: func(a, b *Group) int { return groupRank(b) - groupRank(a) },
			draw: func(a widget.Area, x, w int, g *Group, bg theme.Color) {
				glyph, color := "○", theme.Stopped
				if g.Rollout != nil {
					glyph, color = rolloutGlyph(g.Rollout.State), rolloutColor(g.Rollout.State)
				}
				style := theme.Style{FG: color, BG: bg}
				a.Cut(a.Text(x, 0, style, glyph+" "), 0, w-2, style.Bold(), groupState(g))
			}},
		{id: "group", title: "GROUP", width: 14, fit: true, priority: 0, compare: func(a, b *Group) int { return strings.Compare(a.Spec.Name, b.Spec.Name) },
			text: func(g *Group) string { return g.Spec.Name }, style: func(*Group) theme.Style { return plain }},
		{id: "job", title: "JOB", width: 18, fit: true, priority: 1, compare: func(a, b *Group) int { return a.Spec.JobID.Compare(b.Spec.JobID) },
			text: func(g *Group) string { return versionText(g.Spec.JobID) }, style: func(*Group) theme.Style { return focus }},
		{id: "hosts", title: "HOSTS", width: 5, right: true, priority: 3, compare: func(a, b *Group) int { return len(b.Hosts) - len(a.Hosts) },
			text: func(g *Group) string { return fmt.Sprint(len(g.Hosts)) }, style: func(*Group) theme.Style { return plain }},
		{id: "progress", title: "PROGRESS", width: 20, priority: 1, text: func(g *Group) string {
			if g.Rollout == nil {
				return "0%"
			}
			return fmt.Sprintf("%d%%", progressOf(g.Rollout).percent())
		}, draw: drawGroupProgress},
		{id: "parallel", title: "∥", width: 3, right: true, priority: 4, text: func(g *Group) string {
			if g.Rollout == nil {
				return ""
			}
			return fmt.Sprint(g.Rollout.Options.Parallelism)
		}},
		{id: "options", title: "OPTIONS", width: 12, fit: true, priority: 5, text: optionText},
		{id: "last", title: "LAST / ETA", width: 14, flex: true, priority: 2, text: p.lastText, style: func(g *Group) theme.Style {
			if g.Rollout != nil && g.Rollout.State != RolloutDone {
				return theme.Fg(rolloutColor(g.Rollout.State))
			}
			return muted
		}},
	}
}

func versionText(id model.JobID) string {
	if id.IsZero() {
		return "—"
	}
	return id.Name + ":" + id.Version
}

func drawGroupProgress(a widget.Area, x, w int, g *Group, bg theme.Color) {
	var p progress
	if g.Rollout != nil {
		p = progressOf(g.Rollout)
	} else {
		p.waiting = max(1, len(g.Hosts))
		p.total = p.waiting
	}
	var parts []widget.Part
	for _, part := range p.parts() {
		parts = append(parts, widget.Part{N: part.n, Rune: part.thin, Color: part.color})
	}
	widget.Bar(a, x, 0, w-5, bg, parts...)
	a.Right(x+w, 0, theme.Style{FG: theme.Text, BG: bg}, fmt.Sprintf("%d%%", p.percent()))
}

// optionText abbreviates the options of a rollout.
func optionText(g *Group) string {
	if g.Rollout == nil {
		return ""
	}
	o := g.Rollout.Options
	var words []string
	if o.Timeout > 0 {
		words = append(words, "t"+Age(o.Timeout))
	}
	for _, w := range []struct {
		on   bool
		word string
	}{{o.IgnoreFailures, "ign"}, {o.Overlap, "ovl"}, {o.Migrate, "mig"}, {o.Token, "tok"}, {o.Canary > 0, "can"}, {o.MinHealthy > 0, "min"}} {
		if w.on {
			words = append(words, w.word)
		}
	}
	return strings.Join(words, " ")
}

func (p *groups) lastText(g *Group) string {
	r := g.Rollout
	switch {
	case r == nil:
		return "never rolled"
	case r.Active():
		return etaText(r, progressOf(r))
	case r.State == RolloutFailed:
		return cmp.Or(r.Error, "failed")
	case r.State == RolloutRolledBack:
		return cmp.Or(r.Error, "rolled back")
	}
	return Age(r.Finished.Sub(r.Started)) + ", " + Age(p.now().Sub(r.Finished)) + " ago"
}

func (p *groups) crumbs() []string                          { return []string{"Groups"} }
func (p *groups) commands() []*command                      { return p.keys }
func (p *groups) escape(*app) bool                          { return p.list.escape() }
func (p *groups) refresh(a *app)                            { p.set(a.snap.Groups) }
func (p *groups) commandLine(a *app) string                 { return a.program() + " groups" }
func (p *groups) status(a *app) (left, right []widget.Span) { return p.list.status(a) }

// leastGroupDetail is how many rows the detail of a group needs to say more than the list: its frame, selector, hosts, job and options.
const leastGroupDetail = 6

func (p *groups) draw(a *app, area widget.Area) {
	detail := area.H - len(p.order) - 2 // what the list leaves
	if area.H >= 24 {
		detail = max(detail, 14)
	}
	if detail < leastGroupDetail {
		detail = 0
	}
	top, bottom := area.SplitY(area.H - detail)
	p.list.draw(a, top)
	g, ok := p.current()
	if !ok || detail == 0 {
		return
	}
	left, right := bottom, widget.Area{}
	if area.W >= 100 {
		left, right = bottom.SplitX(area.W * 62 / 100)
	}
	p.drawOptions(a, left, g)
	if area.W >= 100 {
		p.drawPast(a, right, g)
	}
}

func (p *groups) drawOptions(a *app, area widget.Area, g *Group) {
	in := widget.Panel{Title: g.Spec.Name + " — selector and rollout options", Color: theme.Text}.Draw(area)
	up := 0
	for _, name := range g.Hosts {
		if h := a.snap.Host(name); h != nil && h.Status == model.Up {
			up++
		}
	}
	var selectors []string
	for _, s := range g.Spec.HostSelectors {
		selectors = append(selectors, s.String())
	}
	facts := [][2]string{
		{"selector", strings.Join(selectors, " AND ")},
		{"matches", fmt.Sprintf("%s (%d up, %d down)   %s", counted(len(g.Hosts), "host"), up, len(g.Hosts)-up, a.hint("groups.hosts", "lists them"))},
	}
	if r := g.Rollout; r != nil {
		job := r.To.Short()
		if !r.From.IsZero() {
			job += "   was " + r.From.Short()
		}
		started := r.Started.In(a.Zone).Format("15:04:05")
		if a.now().Sub(r.Started) > 24*time.Hour {
			started = r.Started.In(a.Zone).Format("Jan 02 15:04")
		}
		facts = append(facts, [2]string{"job", job},
			[2]string{"options", strings.Join(r.Options.words(), "   ")}, [2]string{"started", started + " by " + cmp.Or(r.User, "somebody")})
		if r.Options.Token {
			facts = append(facts, [2]string{"token", "required for this job; asked for before any write"})
		}
		if r.Error != "" {
			facts = append(facts, [2]string{strings.ToLower(string(r.State)), r.Error})
		}
		if r.Back {
			facts = append(facts, [2]string{"rolls back", cmp.Or(r.Cause, "asked for by "+cmp.Or(r.User, "somebody"))})
		}
	}
	facts = append(facts, [2]string{"steps/host", "UNDEPLOY → AWAIT_UNDEPLOYED → DEPLOY → AWAIT_RUNNING"})
	for y, fact := range facts {
		in.Text(0, y, muted, fact[0])
		in.Cut(12, y, in.W-12, plain, fact[1])
	}
	drawGroupHosts(a, in.Sub(0, len(facts)+1, in.W, in.H-len(facts)-1), g)
}

// drawGroupHosts draws a cell for each host of a group: how far its rollout is there, else how the host is.
func drawGroupHosts(a *app, area widget.Area, g *Group) {
	if area.H < 1 {
		return
	}
	area.Text(0, 0, muted, "hosts")
	room := area.Sub(12, 0, area.W-12, area.H)
	at := func(i int, r rune, c theme.Color) { room.Repeat(i%max(1, room.W), i/max(1, room.W), 1, theme.Fg(c), r) }
	fit := room.W * room.H
	if g.Rollout == nil {
		for i, name := range g.Hosts[:min(len(g.Hosts), fit)] {
			cell := mapCells[0]
			if h := a.snap.Host(name); h != nil {
				cell = mapCells[mapRank(h)]
			}
			at(i, cell.Rune, cell.Style.FG)
		}
		return
	}
	for i, h := range g.Rollout.Hosts[:min(len(g.Rollout.Hosts), fit)] {
		switch h.Phase {
		case PhaseWaiting:
			at(i, '·', theme.Muted)
		case PhaseDone:
			at(i, '■', theme.OK)
		case PhaseFailed:
			at(i, '✗', theme.Fail)
		case PhaseSkipped:
			at(i, '▼', theme.Fail)
		case PhaseStopped:
			at(i, '□', theme.Stopped)
		default:
			at(i, '▣', theme.Progress)
		}
	}
}

func yesNo(b bool) string {
	if b {
		return "yes"
	}
	return "no"
}

func (p *groups) drawPast(a *app, area widget.Area, g *Group) {
	in := widget.Panel{Title: "Rollout history", Note: a.hint("groups.open", "rollout"), Color: theme.Text}.Draw(area)
	all := slices.Clone(g.Past)
	if g.Rollout != nil {
		all = append([]*Rollout{g.Rollout}, all...)
	}
	if len(all) == 0 {
		in.Text(0, 0, muted, "never rolled")
		return
	}
	rows := max(1, in.H-5)
	for y, r := range all[:min(len(all), rows)] {
		pr := progressOf(r)
		when := "now"
		if !r.Active() {
			when = wholeAge(a.now().Sub(r.Finished))
		}
		in.Text(0, y, theme.Fg(rolloutColor(r.State)), rolloutGlyph(r.State))
		in.Text(2, y, muted, when)
		end := r.Finished
		if end.IsZero() {
			end = a.now()
		}
		x := in.Right(in.W, y, muted, fmt.Sprintf("%d/%d %d✗ %4s", pr.done, pr.total, pr.failed, wholeAge(end.Sub(r.Started))))
		in.Cut(7, y, x-8, plain, versionText(r.To))
	}
	if in.H-min(len(all), rows) < 5 {
		return
	}
	drawPastCharts(in.Sub(0, in.H-4, in.W, 4), all)
}

// drawPastCharts draws how long the rollouts that are over took and in how many hosts they failed, the latest at the right.
func drawPastCharts(area widget.Area, all []*Rollout) {
	var took, failed []float64
	var shortest, longest time.Duration
	const wide = 2 // columns for each
	for i := len(all) - 1; i >= 0; i-- {
		r := all[i]
		if r.Finished.IsZero() {
			continue
		}
		d := r.Finished.Sub(r.Started)
		if len(took) == 0 || d < shortest {
			shortest = d
		}
		longest = max(longest, d)
		for range wide {
			took, failed = append(took, d.Minutes()), append(failed, float64(progressOf(r).failed))
		}
	}
	if len(took) < 2*wide {
		return
	}
	area.Cut(0, 0, area.W, muted, fmt.Sprintf("duration, last %d rollouts: %s to %s", len(took)/wide, wholeAge(shortest), wholeAge(longest)))
	widget.Spark(area, 0, 1, area.W, focus, took, false)
	area.Cut(0, 2, area.W, muted, fmt.Sprintf("hosts that failed: at most %.0f", slices.Max(failed)))
	widget.Spark(area, 0, 3, area.W, theme.Fg(theme.Fail), failed, true)
}
