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

// logs shows what a job prints, of several hosts at once and in the order of time. Between the lines, rules say where containers ended
// and streams broke.
type logs struct {
	job      model.JobID
	hosts    []string
	previous bool
	feed     *feed
	ended    bool
	err      error
	lines    []logEntry
	shown    []int32 // lines that are drawn
	found    []int32 // places among the shown ones that the search finds
	printed  int     // lines that are no rules
	streams  map[string]*stream
	names    []string // of the streams, in their order
	begun    time.Time
	ends     []Event // of containers, that may be among the lines
	heard    uint64  // index of the last event that was looked at
	search   string
	only     bool // lines that the search finds
	input    *widget.Input
	before   string
	cursor   int
	offset   int
	seen     int
	label    int // cells of the names of hosts, as they were drawn last
	follow   bool
	wrap     bool
	clock    int // of time: local, UTC, age
	keys     []*command
	root     bool
}

// logEntry is a line, or a rule that is drawn across the page.
type logEntry struct {
	model.LogLine
	rule     bool
	unfolded bool // a line of JSON that is shown as a document
}

func newLogs(a *app) page {
	p := newLogPage(model.JobID{}, nil)
	p.root = true
	return p
}

func newLogPage(id model.JobID, hosts []string) *logs {
	p := &logs{job: id, hosts: hosts, follow: true, streams: map[string]*stream{}}
	do := func(f func(a *app)) func(*app) tea.Cmd { return func(a *app) tea.Cmd { f(a); return nil } }
	p.keys = []*command{
		bind("logs.open", "enter", "unfold JSON", p.unfold),
		bind("logs.choose", "o", "other job", p.choose).more(),
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

// labels say in the row of keys what there is to do while no job is chosen: nothing but that.
func (p *logs) labels() map[string]string {
	if !p.job.IsZero() {
		return nil
	}
	labels := map[string]string{}
	for _, c := range p.keys {
		labels[c.id] = ""
	}
	labels["logs.open"] = "choose a job"
	return labels
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

// arrange works out which lines are shown and where the search finds something.
func (p *logs) arrange() {
	p.shown, p.found, p.printed = p.shown[:0], p.found[:0], 0
	word := strings.ToLower(p.search)
	for i := range p.lines {
		line := &p.lines[i]
		if !line.rule {
			p.printed++
		}
		if st := p.streams[line.Host]; st != nil && st.off {
			continue
		}
		hit := word != "" && !line.rule && containsFold(line.Text, word)
		if p.only && word != "" && !hit {
			continue
		}
		if hit {
			p.found = append(p.found, int32(len(p.shown)))
		}
		p.shown = append(p.shown, int32(i))
	}
	if p.follow {
		p.cursor = len(p.shown) - 1
	}
	p.cursor = min(max(p.cursor, 0), max(0, len(p.shown)-1))
}

// containsFold reports whether a text contains a word that is in lower case.
func containsFold(text, word string) bool {
	return strings.Contains(text, word) || strings.Contains(strings.ToLower(text), word)
}

func (p *logs) move(n int) {
	p.cursor = min(max(p.cursor+n, 0), max(0, len(p.shown)-1))
	p.follow = p.cursor >= len(p.shown)-1
}

// jump goes to the next hit, or to the one before.
func (p *logs) jump(a *app, n int) {
	if p.search == "" {
		a.say("%s", cmp.Or(a.hint("logs.search", "searches first"), "there is nothing to search for"))
		return
	}
	i, here := slices.BinarySearch(p.found, int32(p.cursor))
	if n < 0 {
		i--
	} else if here {
		i++
	}
	if i < 0 || i >= len(p.found) {
		a.say("no further hit")
		return
	}
	p.cursor, p.follow = int(p.found[i]), false
}

// unfold shows the selected line of JSON as a document, or as a line again.
func (p *logs) unfold(a *app) tea.Cmd {
	if p.job.IsZero() {
		return p.choose(a)
	}
	if p.cursor >= len(p.shown) {
		return nil
	}
	line := &p.lines[p.shown[p.cursor]]
	if _, ok := document(line.Text); !ok || line.rule {
		a.say("this line is not JSON")
		return nil
	}
	line.unfolded = !line.unfolded
	return nil
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
	for _, name := range p.names {
		st := p.streams[name]
		options = append(options, option{title: name, on: !st.off, do: func(*app) tea.Cmd {
			st.off = !st.off
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
func (p *logs) typing() bool         { return p.input != nil }

func (p *logs) commandLine(a *app) string {
	if p.job.IsZero() {
		return a.program() + " logs JOB"
	}
	return strings.TrimSpace(a.program() + " logs --follow " + versionText(p.job) + " " + strings.Join(p.hosts, " "))
}

func (p *logs) key(a *app, msg tea.KeyMsg) tea.Cmd {
	switch name := msg.String(); name {
	case "enter":
		p.input = nil
		if p.search != "" {
			if _, here := slices.BinarySearch(p.found, int32(p.cursor)); !here {
				p.jump(a, -1)
			}
			a.flash = ""
		}
	case "esc":
		p.input = nil
		p.find(p.before)
	default:
		if !p.input.Key(name) && (msg.Type == tea.KeyRunes || msg.Type == tea.KeySpace) {
			p.input.Insert(msg.Runes)
		}
		p.find(p.input.Value())
	}
	return nil
}

func (p *logs) escape(*app) bool {
	if p.search == "" && !p.only {
		return false
	}
	p.only = false
	p.find("")
	return true
}

// find searches for a text and keeps the selected line selected.
func (p *logs) find(text string) {
	selected := int32(-1)
	if p.cursor < len(p.shown) {
		selected = p.shown[p.cursor]
	}
	p.search = text
	p.arrange()
	if at, _ := slices.BinarySearch(p.shown, selected); selected >= 0 && !p.follow {
		p.cursor = min(at, max(0, len(p.shown)-1))
	}
}

// hits counts what the search finds, and how many of that up to the selected line.
func (p *logs) hits() (n, at int) {
	at, _ = slices.BinarySearch(p.found, int32(p.cursor+1))
	return len(p.found), at
}

func (p *logs) status(a *app) (left, right []widget.Span) {
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
		left = append(left, widget.Span{Style: chip, Text: " " + cmp.Or(a.hint("logs.only", "hits only"), "hits only") + " "})
	}
	left = append(left, widget.Span{Style: muted, Text: fmt.Sprintf(" %s · time: %s", counted(p.printed, "line"), []string{"local", "UTC", "age"}[p.clock])})
	switch {
	case p.job.IsZero():
	case p.err != nil:
		right = []widget.Span{{Style: theme.Fg(theme.Warn), Text: "⚠ " + p.err.Error()}}
	case p.ended && p.follow:
		right = []widget.Span{{Style: muted, Text: "the stream has ended"}}
	case p.follow:
		right = []widget.Span{p.followed()}
	default:
		right = []widget.Span{{Style: theme.Fg(theme.Warn), Text: fmt.Sprintf("∥ scrolled: %d newer below, %s", len(p.shown)-1-p.cursor, a.hint("logs.follow", "follows"))}}
	}
	return left, right
}

func (p *logs) csv() ([]byte, error) {
	rows := [][]string{{"time", "host", "stream", "text"}}
	for _, i := range p.shown {
		l := p.lines[i]
		if l.rule {
			continue
		}
		rows = append(rows, []string{l.Time.Format(time.RFC3339Nano), l.Host, string(l.Stream), l.Text})
	}
	return writeCSV(rows)
}

func (p *logs) json() ([]byte, error) {
	var out []byte
	for _, i := range p.shown {
		if p.lines[i].rule {
			continue
		}
		out = append(p.lines[i].AppendTo(out), '\n')
	}
	return out, nil
}
