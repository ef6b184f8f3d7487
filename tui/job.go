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

// jobDetail is one job: where it runs and what has happened to it, a lane of time for each host.
type jobDetail struct {
	id     model.JobID
	before model.JobID // that it took the place of, as far as that is known
	job    *Job
	view   int // timeline, hosts
	tasks  *list[*Task]
	past   history
	byHost hostLanes
	events []Transition // of the selected lane

	lanes    []lane
	order    int // of lanes, an index into laneOrders
	problems bool
	selected string // host
	cursor   int    // lane
	offset   int
	seen     int
	longest  int     // name of a lane, in cells
	pace     jobPace // of its deployments
	window   int
	end      time.Time // of the window; zero follows now
	at       time.Time // of the cross-hair; zero: none
	cells    int       // of a lane, as it was drawn last
	keys     []*command
	hostKeys []*command // where the hosts are listed
}

func newJobDetail(id model.JobID, host string) *jobDetail {
	d := &jobDetail{id: id, window: halfHour, selected: host}
	d.tasks = newTaskList(func(t *Task) string { return t.Host })
	for i := range d.tasks.columns {
		if c := &d.tasks.columns[i]; c.id == "job" {
			c.title, c.text = "HOST", func(t *Task) string { return t.Host }
			c.compare = func(a, b *Task) int { return strings.Compare(a.Host, b.Host) }
		}
	}
	own := []*command{
		bind("job.view", "tab", "timeline/hosts", func(*app) tea.Cmd { d.view = 1 - d.view; return nil }),
		bind("job.host", "enter", "host", func(a *app) tea.Cmd { return a.goTo(newHostDetail(d.selectedHost())) }),
		bind("job.logs", "l", "logs", func(a *app) tea.Cmd { return a.showLogs(d.id, d.hostsPicked(false)) }),
		bind("job.spec", "y", "json", func(a *app) tea.Cmd { return a.goTo(newJobInspect(a, d.id)) }),
		bindWrite("job.deploy", "D", "deploy", func(a *app) tea.Cmd { return a.chooseHosts(d.id) }),
		bindWrite("job.undeploy", "U", "undeploy", d.act(VerbUndeploy)),
		bindWrite("job.stop", "X", "stop", d.act(VerbStop)),
		bindWrite("job.start", "R", "start", d.act(VerbStart)),
		bindWrite("job.new", "N", "new version", func(a *app) tea.Cmd {
			if d.job == nil {
				return a.chooseCreate(nil)
			}
			return a.chooseCreate(d.job.Spec)
		}).more(),
		bindWrite("job.remove", "E", "remove", func(a *app) tea.Cmd {
			if d.job == nil {
				return nil
			}
			return a.confirmRemove([]*Job{d.job})
		}).more(),
	}
	d.keys, d.hostKeys = append(d.timelineKeys(), own...), append(own, d.tasks.moves()...)
	return d
}

func (d *jobDetail) crumbs() []string {
	return []string{"Jobs", d.id.Short(), []string{"Timeline", "Hosts"}[d.view]}
}

func (d *jobDetail) commands() []*command {
	if d.view == 1 {
		return d.hostKeys
	}
	return d.keys
}

func (d *jobDetail) typing() bool                       { return d.tasks.typing() }
func (d *jobDetail) key(a *app, msg tea.KeyMsg) tea.Cmd { return d.tasks.key(a, msg) }

func (d *jobDetail) escape(*app) bool {
	if d.view == 0 && !d.at.IsZero() {
		d.at, d.end = time.Time{}, time.Time{}
		return true
	}
	return d.tasks.escape()
}

func (d *jobDetail) commandLine(a *app) string {
	return a.program() + " history " + d.id.Name + ":" + d.id.Version
}

func (d *jobDetail) open(a *app) tea.Cmd {
	d.before = a.jobBefore(d.id)
	return a.readHistory(d, d.id, d.before)
}

func (d *jobDetail) receive(a *app, msg tea.Msg) tea.Cmd {
	read := msg.(historyMsg)
	d.past.take(read.transitions, read.err)
	d.pace.take(&d.past, d.id)
	d.arrange(a)
	return nil
}

func (d *jobDetail) refresh(a *app) {
	d.job = a.snap.Job(d.id)
	a.describeTasks(d.tasks)
	if d.job != nil {
		d.tasks.show(d.job.Tasks) // lanes of hosts that had the job can be marked, too
	} else {
		d.tasks.show(nil)
	}
	d.past.follow(a.snap.Events, func(e *Event) bool { return e.Job == d.id || e.Job == d.before })
	d.pace.take(&d.past, d.id)
	d.arrange(a)
}

func (d *jobDetail) selectedHost() string {
	if d.view == 1 {
		if t, ok := d.tasks.current(); ok {
			return t.Host
		}
		return ""
	}
	return d.selected
}

// hostsPicked are the marked hosts, else the selected one; with all, else all of them.
func (d *jobDetail) hostsPicked(all bool) []string {
	if len(d.tasks.marks) > 0 {
		return sortedKeys(d.tasks.marks)
	}
	if host := d.selectedHost(); host != "" && !all {
		return []string{host}
	}
	return nil
}

func (d *jobDetail) act(verb Verb) func(a *app) tea.Cmd {
	return func(a *app) tea.Cmd { return a.confirmTasks(verb, onHosts(d.id, d.hostsPicked(false))) }
}

func (d *jobDetail) status(a *app) (left, right []widget.Span) {
	if d.view == 1 {
		return d.tasks.status(a)
	}
	from, to := d.span(a)
	text := fmt.Sprintf("window %s · 1 col ≈ %s · %d of %d lanes · order: %s",
		Age(windows[d.window]), Age(to.Sub(from)/time.Duration(max(1, d.cells))), min(d.seen, len(d.lanes)), len(d.lanes), laneOrders[d.order])
	if older := " · ┊ nothing older is kept"; !d.problems && widget.Width(text+older)+2 <= a.width {
		text += older
	}
	left = append(left, widget.Span{Style: muted, Text: text})
	if d.problems {
		left = append(left, widget.Span{Style: theme.Fg(theme.Warn), Text: " · " + cmp.Or(a.hint("timeline.problems", "problems and changes only"), "problems and changes only")})
	}
	if n := len(d.tasks.marks); n > 0 {
		left = append(left, widget.Span{Style: focus.Bold(), Text: fmt.Sprintf("  %d marked", n)})
	}
	return left, nil
}

func (d *jobDetail) draw(a *app, area widget.Area) {
	head := 5
	if area.H < 22 {
		head = 4
	}
	top, rest := area.SplitY(head)
	d.drawHead(a, top)
	if d.view == 1 {
		d.drawHosts(a, rest)
		return
	}
	detail := min(5, rest.H/4)
	lanes, events := rest.SplitY(rest.H - detail)
	d.drawLanes(a, lanes)
	d.drawAround(a, events)
}

func (d *jobDetail) drawHosts(a *app, area widget.Area) {
	in := widget.Panel{Title: fmt.Sprintf("Hosts (%d)", len(d.tasks.rows))}.Draw(area)
	d.tasks.draw(a, in)
}

func (d *jobDetail) drawHead(a *app, area widget.Area) {
	if d.job == nil {
		in := widget.Panel{Title: d.id.Short(), Border: theme.Warn}.Draw(area)
		in.Cut(0, 0, in.W, theme.Fg(theme.Warn), "there is no such job any more; what is kept of its history is below")
		return
	}
	c := &d.job.Counts
	in := widget.Panel{Title: d.id.Short(), Note: fmt.Sprintf("● RUN %d/%d", c.states[countRunning], c.Total()), Color: theme.Focus}.Draw(area)
	x := 0
	for _, fact := range d.facts(a) {
		if x > 0 && x+widget.Width(fact[0])+1+widget.Width(fact[1]) > in.W {
			continue // half of it says nothing
		}
		x = in.Text(x, 0, muted, fact[0]) + 1
		x = in.Cut(x, 0, min(widget.Width(fact[1]), in.W-x), plain, fact[1]) + 3
	}
	x = in.Text(0, 1, muted, "tasks") + 1
	end := in.W
	if took := d.pace.text(); took != "" && in.W >= 100 {
		end = in.Right(end, 1, muted, took) - 1
	}
	end = d.drawStateSummary(in.Sub(0, 0, end, in.H), 1)
	widget.Bar(in, x, 1, end-x-2, theme.Base, widget.Part{N: c.states[countRunning], Rune: '▇', Color: theme.OK},
		widget.Part{N: c.Moving(), Rune: '▅', Color: theme.Progress},
		widget.Part{N: c.states[countStopped] + c.states[countExited], Rune: '▁', Color: theme.Stopped},
		widget.Part{N: c.states[countFailed], Rune: '✗', Color: theme.Fail}, widget.Part{N: c.states[countUnknown], Rune: '?', Color: theme.Unknown})
	if in.H > 2 {
		d.drawLegend(in.Row(2))
	}
}

func (d *jobDetail) drawStateSummary(in widget.Area, y int) int {
	x := in.W
	for i := stateCount - 1; i >= 0; i-- {
		if n := d.job.Counts.states[i]; n > 0 {
			x = in.Right(x, y, theme.Fg(looks[i].color), fmt.Sprintf(" %c%d", looks[i].glyph, n))
		}
	}
	return x
}

// drawLegend says what the textures of the lanes mean.
func (d *jobDetail) drawLegend(line widget.Area) {
	x := 0
	for i := range countSilent {
		if x+6 > line.W {
			return
		}
		x = line.Text(x, 0, theme.Fg(looks[i].color), string(looks[i].laneBy))
		x = line.Text(x, 0, muted, strings.ToLower(looks[i].code)) + 2
	}
	x = line.Text(x, 0, muted, "·no data") + 2
	if !d.before.IsZero() && x+8 < line.W {
		x = line.Text(x, 0, muted, string(beforeLane)+" before: ")
		line.Cut(x, 0, line.W-x, muted, versionText(d.before))
	}
}

func (d *jobDetail) facts(a *app) [][2]string {
	spec := d.job.Spec
	facts := [][2]string{{"image", spec.Image}}
	for _, g := range a.snap.Groups {
		if g.Spec.JobID == d.id {
			text := g.Spec.Name
			if g.Rollout != nil && g.Rollout.Active() {
				text += " (rolling since " + a.minuteText(g.Rollout.Started) + ")"
			}
			facts = append(facts, [2]string{"group", text})
		}
	}
	if h := spec.HealthCheck; h != nil {
		facts = append(facts, [2]string{"health", strings.TrimSpace(h.Type + " " + h.Port + h.Path + strings.Join(h.Command, " "))})
	}
	if spec.Token != "" {
		facts = append(facts, [2]string{"token", "✓"})
	}
	if spec.CreatingUser != "" {
		facts = append(facts, [2]string{"by", spec.CreatingUser})
	}
	return facts
}
