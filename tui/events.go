package tui

import (
	"encoding/json"
	"fmt"
	"strings"
	"time"

	tea "github.com/charmbracelet/bubbletea"

	"github.com/heliosctl/heliosctl/model"
	"github.com/heliosctl/heliosctl/tui/theme"
	"github.com/heliosctl/heliosctl/tui/widget"
)

// events is the feed of what happens. It follows until somebody scrolls up, and says then how much is newer.
type events struct {
	now      func() time.Time
	all      []Event
	order    []int32 // of those that pass the filter
	counted  int     // how many events the filter has looked at
	filter   filter
	input    *widget.Input
	before   string
	cursor   int
	offset   int
	seen     int
	follow   bool
	relative bool
	keys     []*command
}

func newEvents(a *app) page {
	p := &events{follow: true, now: a.now}
	do := func(f func(a *app)) func(*app) tea.Cmd { return func(a *app) tea.Cmd { f(a); return nil } }
	p.keys = []*command{
		bind("events.follow", "f", "follow", do(func(*app) { p.follow = true; p.last() })),
		bind("events.filter", "/", "filter", do(func(*app) {
			p.before, p.input = p.filter.text, &widget.Input{}
			p.input.Set(p.filter.text)
		})),
		bind("events.open", "enter", "open subject", p.openSubject),
		bind("events.timeline", "t", "timeline here", p.openTimeline),
		bind("events.exclude", "i", "exclude this", do(func(*app) { p.exclude() })),
		bind("events.time", "T", "times or ages", do(func(*app) { p.relative = !p.relative })),
		bind("events.problems", "!", "problems only", do(func(*app) {
			if strings.Contains(p.filter.text, "to:FAILED|UNKNOWN|EXITED") {
				p.narrow(strings.TrimSpace(strings.ReplaceAll(p.filter.text, "to:FAILED|UNKNOWN|EXITED", "")))
			} else {
				p.narrow(strings.TrimSpace(p.filter.text + " to:FAILED|UNKNOWN|EXITED"))
			}
		})),
		bind("events.export", "e", "export", func(a *app) tea.Cmd { return a.chooseExport("events", p.csv, p.json) }).more(),
		bind("events.copy", "c", "copy", func(a *app) tea.Cmd {
			if e := p.current(); e != nil {
				return a.copy(a.timeText(e.At)+" "+e.Host+" "+versionText(e.Job)+" "+e.Detail, "the event")
			}
			return nil
		}).more(),
		bind("events.up", "up k", "up", do(func(*app) { p.move(-1) })).more(),
		bind("events.down", "down j", "down", do(func(*app) { p.move(1) })).more(),
		bind("events.pageup", "pgup ctrl+u", "page up", do(func(*app) { p.move(-max(1, p.seen-1)) })).more(),
		bind("events.pagedown", "pgdown ctrl+d", "page down", do(func(*app) { p.move(max(1, p.seen-1)) })).more(),
		bind("events.first", "g home", "first", do(func(*app) { p.move(-len(p.order)) })).more(),
		bind("events.last", "G end", "last", do(func(*app) { p.move(len(p.order)) })).more(),
	}
	return p
}

func (p *events) crumbs() []string          { return []string{"Events"} }
func (p *events) commands() []*command      { return p.keys }
func (p *events) typing() bool              { return p.input != nil }
func (p *events) commandLine(a *app) string { return a.program() + " events --follow" }

func (p *events) key(_ *app, msg tea.KeyMsg) tea.Cmd {
	switch name := msg.String(); name {
	case "enter":
		p.input = nil
	case "esc":
		p.input = nil
		p.narrow(p.before)
	default:
		if !p.input.Key(name) && (msg.Type == tea.KeyRunes || msg.Type == tea.KeySpace) {
			p.input.Insert(msg.Runes)
		}
		if p.input.Value() != p.filter.text {
			p.narrow(p.input.Value())
		}
	}
	return nil
}

func (p *events) escape(*app) bool {
	if p.filter.text == "" {
		return false
	}
	p.narrow("")
	return true
}

// narrow sets the filter and looks at everything again.
func (p *events) narrow(text string) {
	p.filter = parseFilter(text)
	p.order, p.counted = p.order[:0], 0
	p.take()
}

func (p *events) refresh(a *app) {
	events := a.snap.Events
	if p.counted == 0 || len(events) >= p.counted && sameEvent(&events[0], &p.all[0]) && sameEvent(&events[p.counted-1], &p.all[p.counted-1]) {
		p.all = events
		p.take()
		return
	}
	// The oldest ones have gone, or older ones have come. The selection stays on its event.
	selected := p.current()
	p.all, p.order, p.counted = events, p.order[:0], 0
	p.take()
	if selected == nil || p.follow {
		return
	}
	p.cursor = 0 // if it has gone
	for i, at := range p.order {
		if sameEvent(&p.all[at], selected) {
			p.cursor = i
		}
	}
}

func sameEvent(x, y *Event) bool {
	return x.Index == y.Index && x.Type == y.Type && x.Host == y.Host && x.Job == y.Job && x.At.Equal(y.At)
}

// take looks at the events that are new.
func (p *events) take() {
	now := p.now()
	for i := p.counted; i < len(p.all); i++ {
		if len(p.filter.terms) == 0 || p.filter.matches(&p.all[i], now) {
			p.order = append(p.order, int32(i))
		}
	}
	p.counted = len(p.all)
	if p.follow {
		p.last()
	}
	p.cursor = min(max(p.cursor, 0), max(0, len(p.order)-1))
}

func (p *events) last() { p.cursor = max(0, len(p.order)-1) }

func (p *events) move(n int) {
	p.cursor = min(max(p.cursor+n, 0), max(0, len(p.order)-1))
	p.follow = p.cursor == len(p.order)-1
}

func (p *events) current() *Event {
	if p.cursor >= len(p.order) {
		return nil
	}
	return &p.all[p.order[p.cursor]]
}

func (p *events) openSubject(a *app) tea.Cmd {
	e := p.current()
	switch {
	case e == nil:
		return nil
	case e.Host != "" && a.snap.Host(e.Host) != nil:
		return a.goTo(newHostDetail(e.Host))
	case !e.Job.IsZero():
		return a.goTo(newJobDetail(e.Job, e.Host))
	}
	return nil
}

func (p *events) openTimeline(a *app) tea.Cmd {
	e := p.current()
	if e == nil || e.Job.IsZero() {
		a.say("this event is not about a job")
		return nil
	}
	d := newJobDetail(e.Job, e.Host)
	d.at, d.end = e.At, e.At.Add(windows[d.window]/2)
	if d.end.After(a.now()) {
		d.end = a.now()
	}
	return a.goTo(d)
}

// exclude adds the subject of the selected event to the filter.
func (p *events) exclude() {
	if e := p.current(); e != nil {
		term := "!host=" + e.Host
		if !e.Job.IsZero() {
			term = "!job=" + e.Job.Name
		}
		p.narrow(strings.TrimSpace(p.filter.text + " " + term))
	}
}

func (p *events) status(a *app) (left, right []widget.Span) {
	chip := theme.Style{FG: theme.Text, BG: theme.Chip}
	switch {
	case p.input != nil:
		left = append(left, widget.Span{Style: chip, Text: " / " + p.input.Value()}, widget.Span{Style: theme.Style{FG: theme.OnColor, BG: theme.Here}, Text: " "}, widget.Span{Style: chip, Text: " "})
	case p.filter.text != "":
		left = append(left, widget.Span{Style: chip, Text: " / " + widget.Cut(p.filter.text, 50) + " "})
	}
	left = append(left, widget.Span{Style: plain, Text: " "})
	if p.follow {
		left = append(left, widget.Span{Style: theme.Fg(theme.OK), Text: "● following"})
	} else {
		left = append(left, widget.Span{Style: theme.Fg(theme.Warn), Text: fmt.Sprintf("∥ scrolled: %d newer below, %s", len(p.order)-1-p.cursor, a.hint("events.follow", "follows"))})
	}
	rate := ""
	if n := len(a.snap.Rate); n > 1 {
		rate = fmt.Sprintf("%.1f ev/s · ", float64(a.snap.Rate[n-2].Total)/BucketLength.Seconds())
	}
	kept := fmt.Sprintf("%d kept (at most %dk)", len(p.all), eventsKept/1000)
	if len(p.order) < len(p.all) {
		kept = fmt.Sprintf("%d of ", len(p.order)) + kept
	}
	return left, []widget.Span{{Style: muted, Text: rate + kept}}
}

func (p *events) draw(a *app, area widget.Area) {
	chart := 0
	if area.H >= 18 {
		chart = min(6, area.H/5)
	}
	top, body := area.SplitY(chart)
	if chart > 0 {
		p.drawRate(a, top)
	}
	head := body.Row(0)
	head.Fill(theme.Strip)
	columns := eventColumns(body.W - 4)
	style := theme.Style{FG: theme.Muted, BG: theme.Strip, Attr: theme.Bold}
	for i, name := range []string{"TIME", "HOST", "JOB", "CHANGE", "DETAIL"} {
		head.Text(2+columns[i], 0, style, name)
	}
	rows := body.Sub(0, 1, body.W, body.H-1)
	p.seen = max(1, rows.H)
	p.offset = max(0, min(min(max(p.offset, p.cursor-p.seen+1), p.cursor), len(p.order)-p.seen))
	for y := 0; y < rows.H && p.offset+y < len(p.order); y++ {
		line, bg := rows.Row(y), theme.Base
		if p.offset+y == p.cursor {
			bg = theme.Select
			line.Fill(bg)
			line.Text(0, 0, theme.Style{FG: theme.Focus, BG: bg, Attr: theme.Bold}, "▌")
		}
		e := p.all[p.order[p.offset+y]]
		drawEvent(a, line.Sub(2, 0, line.W-4, 1), &e, bg, p.relative)
	}
	if len(p.order) == 0 {
		text := "nothing has happened yet"
		if len(p.all) > 0 {
			text = a.andHint(fmt.Sprintf("none of %s passes the filter", counted(len(p.all), "event")), "back", "takes it back")
		}
		rows.Cut(2, min(1, rows.H-1), rows.W-4, muted, text)
	}
	widget.Scrollbar(rows, p.offset, p.seen, len(p.order))
}

// drawRate draws how much happens, a column for each bucket up to now. Where tasks failed, there is a row of crosses below the chart.
func (p *events) drawRate(a *app, area widget.Area) {
	title := "events per 30 s"
	if from := a.now().Add(-time.Duration(area.W-4) * BucketLength); len(a.snap.Rate) > 0 {
		if first := a.snap.Rate[0].Start; first.After(from) {
			from = first
		}
		title += ", since " + a.minuteText(from)
	}
	in := widget.Panel{Title: title, Note: "✗ = tasks failed"}.Draw(area)
	buckets := a.snap.bucketsUntil(a.now(), in.W)
	graph, ticks := in.SplitY(in.H - 1)
	values := make([]float64, 0, 2*in.W)
	for col, b := range buckets {
		values = append(values, float64(b.Total), float64(b.Total))
		if b.Failed > 0 && b.Failed*20 > b.Total {
			ticks.Repeat(col, 0, 1, theme.Fg(theme.Fail), '✗')
		}
	}
	widget.Braille(graph, func(int) theme.Style { return focus }, values, 0)
	if empty := in.W - len(a.snap.Rate); empty > 40 && len(a.snap.Rate) > 0 {
		graph.Text(1, graph.H-1, faint, "what happened before "+a.minuteText(a.snap.Rate[0].Start)+" is not kept")
	}
}

// eventColumns says where the parts of an event are drawn. Where there is little room, times are to the second.
func eventColumns(w int) [5]int {
	when, host, job := 14, 14, 15
	switch {
	case w >= 160:
		host, job = 26, 28
	case w >= 100:
		host, job = 17, 21
	default:
		when = 10
	}
	return [5]int{0, when, when + host, when + host + job, when + host + job + 17}
}

// drawEvent draws an event over a row, with its time or how long ago it was.
func drawEvent(a *app, line widget.Area, e *Event, bg theme.Color, relative bool) {
	c := eventColumns(line.W)
	when := a.timeText(e.At)
	if relative {
		when = Age(a.now().Sub(e.At)) + " ago"
	} else if c[1] < len(when)+2 {
		when = e.At.In(a.Zone).Format("15:04:05")
	}
	line.Text(c[0], 0, muted.On(bg), when)
	host, job := e.Host, versionText(e.Job)
	if host == "" {
		host = "—"
	}
	line.Cut(c[1], 0, c[2]-c[1]-1, plain.On(bg), host)
	line.Cut(c[2], 0, c[3]-c[2]-1, focus.On(bg), job)
	if e.To != "" {
		if e.From != "" {
			drawState(line, c[3], e.From, bg, false)
		}
		line.Text(c[3]+7, 0, faint.On(bg), "→")
		drawState(line, c[3]+9, e.To, bg, true)
	} else {
		text, color := eventWords(e)
		line.Cut(c[3], 0, c[4]-c[3]-1, theme.Style{FG: color, BG: bg}, text)
	}
	line.Cut(c[4], 0, line.W-c[4], muted.On(bg), e.Detail)
}

// Words say in a few words what happened, which is the state that a task came to where it is one, and what there is to know besides. They
// are without the marks that the feed has.
func (e *Event) Words() (change, detail string) {
	change, _ = eventWords(e)
	if e.To != "" {
		change = string(e.To)
	}
	detail = e.Detail
	for _, mark := range append(throttleGlyphs[:], "▲", "▼", "▽", "○", "▶", "✓", "✗", "■") {
		change, detail = strings.TrimPrefix(change, mark+" "), strings.ReplaceAll(detail, mark+" ", "")
	}
	return change, detail
}

// eventWords say in as many cells as a change of state takes what happened, for what is none.
func eventWords(e *Event) (string, theme.Color) {
	if look := lookOfPhase(e.Phase); look != nil {
		return look.text, look.color
	}
	switch e.Type {
	case model.EventHostUp:
		return "▲ host up", theme.OK
	case model.EventHostDown:
		return "▼ host down", theme.Fail
	case model.EventHostDrained:
		return "▽ host drained", theme.Warn
	case model.EventHostDeregistered:
		return "deregistered", theme.Muted
	case model.EventDeploymentCreated:
		return "deployed", theme.Muted
	case model.EventDeploymentChanged:
		return "goal changed", theme.Muted
	case model.EventDeploymentRemoved:
		return "undeployed", theme.Muted
	case model.EventRolloutStarted, model.EventRolloutResumed:
		return strings.ReplaceAll(string(e.Type), ".", " "), theme.Progress
	case model.EventRolloutPaused:
		return "rollout paused", theme.Warn
	}
	return strings.ReplaceAll(string(e.Type), ".", " "), theme.Muted
}

// phaseLook says in as many cells what has become of a host in a rollout.
type phaseLook struct {
	phase model.RolloutPhase
	text  string
	color theme.Color
}

var phaseLooks = [...]phaseLook{
	{model.PhasePending, "○ waiting", theme.Muted}, {model.PhaseUndeploying, "▶ undeploying", theme.Progress}, {model.PhaseAwaiting, "▶ awaits run", theme.Progress},
	{model.PhaseMinHealthy, "▶ runs, waits", theme.Progress}, {model.PhaseDone, "✓ rolled out", theme.OK}, {model.PhaseFailed, "✗ roll failed", theme.Fail},
	{model.PhaseSkipped, "▽ skipped", theme.Warn}, {model.PhaseStopped, "■ stopped", theme.Stopped},
}

// lookOfPhase returns nil for what is no phase.
func lookOfPhase(phase model.RolloutPhase) *phaseLook {
	for i := range phaseLooks {
		if phaseLooks[i].phase == phase {
			return &phaseLooks[i]
		}
	}
	return nil
}

type eventRecord struct {
	Time   time.Time `json:"time"`
	Type   string    `json:"type"`
	Host   string    `json:"host,omitempty"`
	Job    string    `json:"job,omitempty"`
	From   string    `json:"from,omitempty"`
	To     string    `json:"to,omitempty"`
	Detail string    `json:"detail,omitempty"`
	User   string    `json:"user,omitempty"`
}

func (p *events) records() []eventRecord {
	records := make([]eventRecord, 0, len(p.order))
	for _, i := range p.order {
		e := p.all[i]
		job := ""
		if !e.Job.IsZero() {
			job = e.Job.String()
		}
		records = append(records, eventRecord{e.At, string(e.Type), e.Host, job, string(e.From), string(e.To), e.Detail, e.User})
	}
	return records
}

func (p *events) json() ([]byte, error) { return json.MarshalIndent(p.records(), "", "  ") }

func (p *events) csv() ([]byte, error) {
	rows := [][]string{{"time", "type", "host", "job", "from", "to", "detail", "user"}}
	for _, r := range p.records() {
		rows = append(rows, []string{r.Time.Format(time.RFC3339Nano), r.Type, r.Host, r.Job, r.From, r.To, r.Detail, r.User})
	}
	return writeCSV(rows)
}
