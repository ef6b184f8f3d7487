package tui

import (
	"cmp"
	"fmt"
	"strings"
	"time"

	tea "github.com/charmbracelet/bubbletea"

	"github.com/heliosctl/heliosctl/model"
	"github.com/heliosctl/heliosctl/tui/theme"
	"github.com/heliosctl/heliosctl/tui/widget"
)

// jobs lists the jobs.
type jobs struct {
	*list[*Job]
	keys    []*command
	now     func() time.Time
	rolling map[model.JobID]string // group by job that is being rolled out
	groups  map[model.JobID]string // group by job that it wants
	side    *jobDetail
}

func newJobs(a *app) page {
	p := &jobs{now: a.now}
	p.list = newList(list[*Job]{
		name: "jobs", now: a.now, id: func(j *Job) string { return j.Spec.ID.String() }, rank: p.rankJobs, ranked: "problems first", columns: p.columns(),
		problem: func(j *Job) bool { return j.Counts.Problems() > 0 },
	})
	p.keys = append([]*command{
		bind("jobs.open", "enter", "detail", p.onJob(func(a *app, j *Job) tea.Cmd { return a.goTo(newJobDetail(j.Spec.ID, "")) })),
		bind("jobs.timeline", "t", "timeline", p.onJob(func(a *app, j *Job) tea.Cmd { return a.goTo(newJobDetail(j.Spec.ID, "")) })),
		bindWrite("jobs.deploy", "D", "deploy", p.deploy),
		bindWrite("jobs.undeploy", "U", "undeploy", p.onTasks(VerbUndeploy)),
		bindWrite("jobs.stop", "X", "stop", p.onTasks(VerbStop)),
		bindWrite("jobs.start", "R", "start", p.onTasks(VerbStart)),
		bind("jobs.inspect", "y", "spec", p.onJob(func(a *app, j *Job) tea.Cmd { return a.goTo(newJobInspect(a, j.Spec.ID)) })),
		bindWrite("jobs.new", "N", "new", func(a *app) tea.Cmd { return a.chooseCreate(p.template()) }).more(),
		bindWrite("jobs.remove", "E", "remove", func(a *app) tea.Cmd { return a.confirmRemove(p.picked()) }).more(),
		bind("jobs.logs", "l", "logs", p.onJob(func(a *app, j *Job) tea.Cmd { return a.showLogs(j.Spec.ID, nil) })),
		bind("jobs.hosts", "h", "hosts of this", p.onJob(func(a *app, j *Job) tea.Cmd {
			return a.goFiltered(1, "job="+j.Spec.ID.Name+":"+j.Spec.ID.Version)
		})).more(),
	}, p.moves()...)
	return p
}

func (p *jobs) onJob(do func(a *app, j *Job) tea.Cmd) func(a *app) tea.Cmd {
	return func(a *app) tea.Cmd {
		if j, ok := p.current(); ok {
			return do(a, j)
		}
		return nil
	}
}

// onTasks acts on the marked jobs on all their hosts.
func (p *jobs) onTasks(verb Verb) func(a *app) tea.Cmd {
	return func(a *app) tea.Cmd {
		var refs []taskRef
		for _, j := range p.picked() {
			refs = append(refs, refsOf(j.Tasks)...)
		}
		return a.confirmTasks(verb, refs)
	}
}

func (p *jobs) deploy(a *app) tea.Cmd {
	var ids []model.JobID
	for _, j := range p.picked() {
		ids = append(ids, j.Spec.ID)
	}
	if len(ids) == 0 {
		return nil
	}
	return a.chooseHosts(ids...)
}

// template is the job that a new one is made from: the selected one.
func (p *jobs) template() *model.Job {
	if j, ok := p.current(); ok {
		return j.Spec
	}
	return nil
}

// severity orders jobs as their glyphs say: a job that is rolled out comes before those of which some task is merely not known.
func (p *jobs) severity(j *Job) int {
	s := 2 * severity(&j.Counts)
	if rolled := 2*2 + 1; p.rolling[j.Spec.ID] != "" {
		return max(s, rolled)
	}
	return s
}

func (p *jobs) rankJobs(j *Job) int { return p.severity(j)<<32 | j.Counts.Problems() }

func (p *jobs) columns() []column[*Job] {
	return []column[*Job]{
		{id: "problem", title: "!", width: 2, priority: 0, text: func(j *Job) string { return fmt.Sprint(j.Counts.Problems()) }, draw: p.drawCondition},
		{id: "job", title: "JOB", width: 20, fit: true, priority: 0, compare: func(a, b *Job) int { return a.Spec.ID.Compare(b.Spec.ID) },
			text: func(j *Job) string { return j.Spec.ID.Name + ":" + j.Spec.ID.Version }, style: func(*Job) theme.Style { return plain }},
		{id: "hash", title: "HASH", width: 7, priority: 6, text: func(j *Job) string { return j.Spec.ID.Hash[:min(7, len(j.Spec.ID.Hash))] },
			style: func(*Job) theme.Style { return muted }},
		{id: "hosts", title: "RUN/ALL", width: 9, right: true, priority: 1, compare: func(a, b *Job) int { return b.Counts.Total() - a.Counts.Total() },
			text: func(j *Job) string { return fmt.Sprintf("%d/%d", j.Counts.states[countRunning], j.Counts.Total()) }, style: func(*Job) theme.Style { return plain }},
		{id: "states", title: "TASK STATES", width: 18, priority: 2, text: func(j *Job) string { return strings.ReplaceAll(strings.TrimSpace(countedStates(&j.Counts)), "\n", " ") },
			draw: func(a widget.Area, x, w int, j *Job, bg theme.Color) { drawCounts(a, x, w, &j.Counts, bg) }},
		{id: "restarts", title: "RESTARTS", width: 10, priority: 5, text: func(j *Job) string { return fmt.Sprint(total(j.Restarts(p.now()))) },
			compare: func(a, b *Job) int { return cmp.Compare(total(b.Restarts(p.now())), total(a.Restarts(p.now()))) },
			draw: func(a widget.Area, x, w int, j *Job, bg theme.Color) {
				restarts := j.Restarts(p.now())
				style := theme.Style{FG: theme.Faint, BG: bg}
				if total(restarts) > 0 {
					style.FG = theme.Fail
				}
				widget.Spark(a, x, 0, w, style, restarts, true)
			}},
		{id: "age", title: "AGE", width: 5, priority: 4, text: p.ageText, compare: func(a, b *Job) int { return cmp.Compare(createdAt(b), createdAt(a)) }},
		{id: "group", title: "GROUP", width: 9, fit: true, priority: 5, text: func(j *Job) string { return cmp.Or(j.Group, p.groups[j.Spec.ID], "—") },
			compare: func(a, b *Job) int { return strings.Compare(a.Group, b.Group) }},
		{id: "image", title: "IMAGE", width: 24, priority: 9, off: true, text: func(j *Job) string { return j.Spec.Image }},
		{id: "last", title: "LAST EVENT", width: 22, flex: true, priority: 3, text: p.lastText, draw: p.drawLast},
	}
}

func total(values []float64) float64 {
	sum := 0.0
	for _, v := range values {
		sum += v
	}
	return sum
}

func createdAt(j *Job) model.Timestamp {
	if j.Spec.Created == nil {
		return 0
	}
	return *j.Spec.Created
}

func (p *jobs) ageText(j *Job) string {
	if j.Spec.Created == nil {
		return "—"
	}
	return wholeAge(p.now().Sub(j.Spec.Created.Time()))
}

func (p *jobs) drawCondition(a widget.Area, x, _ int, j *Job, bg theme.Color) {
	glyph, color := "●", theme.OK
	switch {
	case j.Counts.Total() == 0:
		glyph, color = "○", theme.Stopped
	case severity(&j.Counts) == 5:
		glyph, color = "✗", theme.Fail
	case severity(&j.Counts) == 4:
		glyph, color = "↯", theme.Fail
	case severity(&j.Counts) == 3:
		glyph, color = "⚠", theme.Warn
	case p.rolling[j.Spec.ID] != "":
		glyph, color = "▶", theme.Progress
	case severity(&j.Counts) == 2:
		glyph, color = "?", theme.Unknown
	case severity(&j.Counts) == 1:
		glyph, color = "◐", theme.Progress
	}
	a.Text(x, 0, theme.Style{FG: color, BG: bg}, glyph)
}

func (p *jobs) lastText(j *Job) string {
	if j.Last.At.IsZero() {
		return ""
	}
	return strings.TrimSpace(Age(p.now().Sub(j.Last.At)) + " " + j.Last.Host + " " + j.Last.Detail)
}

// leastDetail is how many cells the words of an event need to say anything.
const leastDetail = 14

func (p *jobs) drawLast(a widget.Area, x, w int, j *Job, bg theme.Color) {
	if j.Last.At.IsZero() {
		a.Text(x, 0, theme.Style{FG: theme.Faint, BG: bg}, "—")
		return
	}
	look := look(j.Last.To)
	text := j.Last.Host
	if host, _, ok := strings.Cut(text, "."); ok {
		text = host
	}
	style := theme.Style{FG: theme.Muted, BG: bg}
	if look.weight >= 9 {
		style.FG = look.color
	}
	a.Text(x, 0, theme.Style{FG: look.color, BG: bg}, string(look.glyph))
	text = Age(p.now().Sub(j.Last.At)) + " " + text
	if end := widget.Width(text) + 2; j.Last.Detail != "" && w-end >= leastDetail {
		text += "  " + j.Last.Detail
	}
	a.Cut(x+2, 0, w-2, style, text)
}

func (p *jobs) crumbs() []string     { return []string{"Jobs"} }
func (p *jobs) commands() []*command { return p.keys }
func (p *jobs) escape(*app) bool     { return p.list.escape() }

func (p *jobs) commandLine(a *app) string { return a.program() + " jobs" }

func (p *jobs) refresh(a *app) {
	p.rolling = map[model.JobID]string{}
	p.groups = map[model.JobID]string{}
	for _, g := range a.snap.Groups {
		p.groups[g.Spec.JobID] = g.Spec.Name
	}
	for _, g := range activeFirst(a.snap.Groups) {
		p.rolling[g.Rollout.To] = g.Spec.Name
	}
	p.set(a.snap.Jobs)
	if p.side != nil {
		p.side.refresh(a)
	}
}

func (p *jobs) status(a *app) (left, right []widget.Span) { return p.list.status(a) }

func (p *jobs) draw(a *app, area widget.Area) {
	if area.W < splitWidth {
		p.list.draw(a, area)
		return
	}
	left, right := area.SplitX(area.W * 59 / 100)
	p.list.draw(a, left)
	j, ok := p.current()
	if !ok {
		return
	}
	if p.side == nil || p.side.id != j.Spec.ID {
		p.side = newJobDetail(j.Spec.ID, "")
		p.side.refresh(a)
	}
	head, rest := right.SplitY(min(5, right.H))
	p.side.drawHead(a, head)
	p.side.drawHosts(a, rest)
}
