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

const (
	logsKept = 20_000
	logTail  = 500
)

// logs shows what a job prints, of several hosts at once and in the order of time.
type logs struct {
	job      model.JobID
	hosts    []string
	previous bool
	feed     *feed
	ended    bool
	err      error
	lines    []model.LogLine
	shown    []int32 // lines that are drawn
	streams  []string
	off      map[string]bool
	search   string
	only     bool // lines that the search finds
	input    *widget.Input
	before   string
	cursor   int
	offset   int
	seen     int
	follow   bool
	wrap     bool
	clock    int // of time: local, UTC, age
	keys     []*command
	root     bool
}

func newLogs(a *app) page {
	p := newLogPage(model.JobID{}, nil)
	p.root = true
	return p
}

func newLogPage(id model.JobID, hosts []string) *logs {
	p := &logs{job: id, hosts: hosts, follow: true, off: map[string]bool{}}
	do := func(f func(a *app)) func(*app) tea.Cmd { return func(a *app) tea.Cmd { f(a); return nil } }
	p.keys = []*command{
		bind("logs.choose", "enter", "choose a job", p.choose),
		bind("logs.follow", "f", "follow", do(func(*app) { p.follow = true; p.move(len(p.shown)) })),
		bind("logs.search", "/", "search", do(func(*app) {
			p.before, p.input = p.search, &widget.Input{}
			p.input.Set(p.search)
		})),
		bind("logs.only", "&", "hits only", do(func(*app) { p.only = !p.only; p.arrange() })),
		bind("logs.next", "n", "next hit", do(func(a *app) { p.jump(a, 1) })),
		bind("logs.back", "N", "hit before", do(func(a *app) { p.jump(a, -1) })).more(),
		bind("logs.host", "h", "hosts", p.chooseHosts),
		bind("logs.time", "t", "time", do(func(*app) { p.clock = (p.clock + 1) % 3 })),
		bind("logs.wrap", "w", "wrap", do(func(*app) { p.wrap = !p.wrap })),
		bind("logs.previous", "p", "previous container", func(a *app) tea.Cmd { p.previous = !p.previous; return p.start(a, logTail) }),
		bind("logs.all", "0", "since the start", func(a *app) tea.Cmd { return p.start(a, -1) }),
		bind("logs.copy", "c", "copy", func(a *app) tea.Cmd {
			if p.cursor < len(p.shown) {
				return a.copy(p.lines[p.shown[p.cursor]].Text, "the line")
			}
			return nil
		}).more(),
		bind("logs.export", "e", "export", func(a *app) tea.Cmd { return a.chooseExport("logs", p.csv, p.json) }).more(),
		bind("logs.up", "up k", "up", do(func(*app) { p.move(-1) })).more(),
		bind("logs.down", "down j", "down", do(func(*app) { p.move(1) })).more(),
		bind("logs.pageup", "pgup ctrl+u", "page up", do(func(*app) { p.move(-max(1, p.seen-1)) })).more(),
		bind("logs.pagedown", "pgdown ctrl+d", "page down", do(func(*app) { p.move(max(1, p.seen-1)) })).more(),
		bind("logs.first", "g home", "first", do(func(*app) { p.move(-len(p.shown)) })).more(),
		bind("logs.last", "G end", "last", do(func(*app) { p.move(len(p.shown)) })).more(),
	}
	return p
}

// showLogs shows the output of a job on hosts, on all of its own when there are none.
func (a *app) showLogs(id model.JobID, hosts []string) tea.Cmd {
	p := a.root(5).(*logs)
	p.close()
	p.job, p.hosts, p.previous = id, hosts, false
	if a.page == p {
		return p.start(a, logTail)
	}
	return a.goTo(p)
}

func (p *logs) arrange() {
	p.shown = p.shown[:0]
	word := strings.ToLower(p.search)
	for i := range p.lines {
		line := &p.lines[i]
		if p.off[line.Host] || p.only && word != "" && !strings.Contains(strings.ToLower(line.Text), word) {
			continue
		}
		p.shown = append(p.shown, int32(i))
	}
	if p.follow {
		p.cursor = len(p.shown) - 1
	}
	p.cursor = min(max(p.cursor, 0), max(0, len(p.shown)-1))
}

func (p *logs) move(n int) {
	p.cursor = min(max(p.cursor+n, 0), max(0, len(p.shown)-1))
	p.follow = p.cursor >= len(p.shown)-1
}

func (p *logs) jump(a *app, n int) {
	if p.search == "" {
		a.say("/ searches first")
		return
	}
	word := strings.ToLower(p.search)
	for i := p.cursor + n; i >= 0 && i < len(p.shown); i += n {
		if strings.Contains(strings.ToLower(p.lines[p.shown[i]].Text), word) {
			p.cursor, p.follow = i, false
			return
		}
	}
	a.say("no further hit")
}

func (p *logs) choose(a *app) tea.Cmd {
	var ids []model.JobID
	for _, j := range a.snap.Jobs {
		if j.Counts.Total() > 0 {
			ids = append(ids, j.Spec.ID)
		}
	}
	return a.chooseJob("Logs of which job?", ids, func(a *app, id model.JobID) tea.Cmd { return a.showLogs(id, nil) })
}

func (p *logs) chooseHosts(a *app) tea.Cmd {
	var options []option
	for _, name := range p.streams {
		options = append(options, option{title: name, on: !p.off[name], do: func(*app) tea.Cmd {
			p.off[name] = !p.off[name]
			p.arrange()
			return nil
		}})
	}
	return a.open(&chooser{title: "Hosts", options: options, many: true})
}

func (p *logs) crumbs() []string {
	if p.job.IsZero() {
		return []string{"Logs"}
	}
	what := "all hosts"
	if n := len(p.hosts); n == 1 {
		what = p.hosts[0]
	} else if n > 1 {
		what = fmt.Sprintf("%d hosts merged", n)
	}
	return []string{"Logs", versionText(p.job), what}
}

func (p *logs) commands() []*command { return p.keys }
func (p *logs) refresh(*app)         {}
func (p *logs) typing() bool         { return p.input != nil }

func (p *logs) commandLine(a *app) string {
	if p.job.IsZero() {
		return a.Program + " logs JOB"
	}
	return strings.TrimSpace(a.Program + " logs --follow " + versionText(p.job) + " " + strings.Join(p.hosts, " "))
}

func (p *logs) key(a *app, msg tea.KeyMsg) tea.Cmd {
	switch name := msg.String(); name {
	case "enter":
		p.input = nil
		p.jump(a, -1)
		a.flash = ""
	case "esc":
		p.input, p.search = nil, p.before
	default:
		if !p.input.Key(name) && (msg.Type == tea.KeyRunes || msg.Type == tea.KeySpace) {
			p.input.Insert(msg.Runes)
		}
		p.search = p.input.Value()
	}
	p.arrange()
	return nil
}

func (p *logs) escape(*app) bool {
	if p.search == "" && !p.only {
		return false
	}
	p.search, p.only = "", false
	p.arrange()
	return true
}

func (p *logs) hits() (n, at int) {
	word := strings.ToLower(p.search)
	for i, l := range p.shown {
		if strings.Contains(strings.ToLower(p.lines[l].Text), word) {
			n++
			if i <= p.cursor {
				at = n
			}
		}
	}
	return n, at
}

func (p *logs) status(*app) (left, right []widget.Span) {
	chip := theme.Style{FG: theme.Text, BG: theme.Chip}
	switch {
	case p.input != nil:
		left = append(left, widget.Span{Style: chip, Text: " / " + p.input.Value()}, widget.Span{Style: theme.Style{FG: theme.OnColor, BG: theme.Here}, Text: " "}, widget.Span{Style: chip, Text: " "})
	case p.search != "":
		left = append(left, widget.Span{Style: chip, Text: " / " + p.search + " "})
	}
	if p.search != "" {
		n, at := p.hits()
		left = append(left, widget.Span{Style: plain, Text: fmt.Sprintf("  %d hits, %d/%d  ", n, at, n)})
	}
	if p.only {
		left = append(left, widget.Span{Style: chip, Text: " & hits only "})
	}
	left = append(left, widget.Span{Style: muted, Text: fmt.Sprintf(" %d lines · time: %s", len(p.lines), []string{"local", "UTC", "age"}[p.clock])})
	switch {
	case p.job.IsZero():
	case p.err != nil:
		right = []widget.Span{{Style: theme.Fg(theme.Warn), Text: "⚠ " + p.err.Error()}}
	case p.ended:
		right = []widget.Span{{Style: muted, Text: "the stream has ended"}}
	case p.follow:
		right = []widget.Span{{Style: theme.Fg(theme.OK), Text: fmt.Sprintf("● following %s", counted(len(p.streams), "stream"))}}
	default:
		right = []widget.Span{{Style: theme.Fg(theme.Warn), Text: fmt.Sprintf("∥ scrolled: %d newer below, f follows", len(p.shown)-1-p.cursor)}}
	}
	return left, right
}

var laneColors = []theme.Color{theme.Lane1, theme.Lane3, theme.Lane2, theme.Lane4}

func (p *logs) color(host string) theme.Color {
	return laneColors[max(0, slices.Index(p.streams, host))%len(laneColors)]
}

func (p *logs) draw(a *app, area widget.Area) {
	if p.job.IsZero() {
		area.Cut(2, 1, area.W-4, plain, "No job's output is shown yet.")
		area.Spans(2, 3, widget.Span{Style: focus.Bold(), Text: "⏎"}, widget.Span{Style: muted, Text: " chooses a job; "},
			widget.Span{Style: focus.Bold(), Text: "l"}, widget.Span{Style: muted, Text: " on a host, a job or a rollout shows its output here, of marked rows together"})
		return
	}
	p.drawStreams(a, area.Row(0))
	body := area.Sub(0, 1, area.W, area.H-1)
	p.seen = max(1, body.H)
	p.offset = max(0, min(min(max(p.offset, p.cursor-p.seen+1), p.cursor), len(p.shown)-p.seen))
	if p.wrap && p.follow {
		p.offset = p.firstToFill(body)
	}
	y := 0
	for i := p.offset; y < body.H && i < len(p.shown); i++ {
		y += p.drawLine(a, body.Sub(0, y, body.W-1, body.H-y), i)
	}
	if len(p.shown) == 0 {
		body.Cut(2, 1, body.W-4, muted, "no output yet")
	}
	widget.Scrollbar(body, p.offset, p.seen, len(p.shown))
}

// firstToFill is the first line that is shown so that the last one is at the bottom, when lines are wrapped.
func (p *logs) firstToFill(body widget.Area) int {
	rows := 0
	for i := len(p.shown) - 1; i >= 0; i-- {
		rows += len(widget.Wrap(p.lines[p.shown[i]].Text, max(1, body.W-p.textAt()-1)))
		if rows > body.H {
			return i + 1
		}
	}
	return 0
}

func (p *logs) drawStreams(a *app, line widget.Area) {
	x := 1
	for _, name := range p.streams {
		state := ""
		if h := a.snap.Host(name); h != nil {
			if t := h.Task(p.job); t != nil {
				state = look(t.State).code + " " + Age(a.now().Sub(t.Since))
			}
		}
		if x+widget.Width(name)+widget.Width(state)+3 > line.W {
			line.Text(x, 0, muted, fmt.Sprintf("… %d streams", len(p.streams)))
			return
		}
		style := theme.Fg(p.color(name))
		if p.off[name] {
			style = faint
		}
		x = line.Text(line.Text(x, 0, style, "▌"), 0, style, name) + 1
		x = line.Text(x, 0, muted, state) + 2
	}
}

const logHostWidth = 12

func (p *logs) textAt() int { return 1 + 13 + 1 + logHostWidth + 1 }

func (p *logs) drawLine(a *app, area widget.Area, at int) int {
	l := &p.lines[p.shown[at]]
	bg := theme.Base
	if at == p.cursor && !p.follow {
		bg = theme.Select
		area.Row(0).Fill(bg)
	}
	when := l.Time.In(a.Zone).Format("15:04:05.000")
	switch p.clock {
	case 1:
		when = l.Time.UTC().Format("15:04:05.000")
	case 2:
		when = Age(a.now().Sub(l.Time)) + " ago"
	}
	area.Text(1, 0, muted.On(bg), when)
	color := p.color(l.Host)
	host, _, _ := strings.Cut(l.Host, ".")
	area.Text(14, 0, theme.Style{FG: color, BG: bg}, "▌")
	area.Cut(15, 0, logHostWidth-1, theme.Style{FG: color, BG: bg}, host)
	text, style := cmp.Or(l.Text, " "), plain
	if l.Error != nil {
		text, style = "── "+l.Error.Error()+" ──", theme.Fg(theme.Warn)
	}
	x := p.textAt()
	if !p.wrap {
		p.drawText(area, x, 0, widget.Cut(text, area.W-x-1), style.On(bg), at == p.cursor)
		return 1
	}
	lines := widget.Wrap(text, max(1, area.W-x-1))
	for y, part := range lines {
		p.drawText(area, x, y, part, style.On(bg), at == p.cursor)
	}
	return max(1, len(lines))
}

// drawText draws a line with its level and what the search has found.
func (p *logs) drawText(area widget.Area, x, y int, text string, style theme.Style, here bool) {
	for _, level := range []struct {
		word  string
		color theme.Color
		bold  bool
	}{{"ERROR", theme.Fail, true}, {"FATAL", theme.Fail, true}, {"WARN", theme.Warn, false}, {"INFO", theme.Muted, false}, {"DEBUG", theme.Faint, false}} {
		if rest, ok := strings.CutPrefix(text, level.word); ok {
			word := theme.Style{FG: level.color, BG: style.BG}
			if level.bold {
				word = word.Bold()
			}
			x, text = area.Text(x, y, word, level.word), rest
			break
		}
	}
	word := strings.ToLower(p.search)
	for word != "" {
		i := strings.Index(strings.ToLower(text), word)
		if i < 0 || i+len(word) > len(text) {
			break
		}
		hit := theme.Style{FG: theme.OnColor, BG: theme.Hit}
		if here {
			hit.BG = theme.Here
			hit = hit.Bold()
		}
		x = area.Text(x, y, style, text[:i])
		x = area.Text(x, y, hit, text[i:i+len(word)])
		text = text[i+len(word):]
	}
	area.Text(x, y, style, text)
}

func (p *logs) csv() ([]byte, error) {
	rows := [][]string{{"time", "host", "stream", "text"}}
	for _, i := range p.shown {
		l := p.lines[i]
		rows = append(rows, []string{l.Time.Format(time.RFC3339Nano), l.Host, string(l.Stream), l.Text})
	}
	return writeCSV(rows)
}

func (p *logs) json() ([]byte, error) {
	var out []byte
	for _, i := range p.shown {
		out = append(p.lines[i].AppendTo(out), '\n')
	}
	return out, nil
}
