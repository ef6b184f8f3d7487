package tui

import (
	"encoding/json"
	"fmt"
	"strings"

	tea "github.com/charmbracelet/bubbletea"

	"github.com/heliosctl/heliosctl/model"
	"github.com/heliosctl/heliosctl/tui/theme"
	"github.com/heliosctl/heliosctl/tui/widget"
)

// inspect shows a thing as JSON. Tokens are never on the screen.
type inspect struct {
	path    []string
	twin    string
	make    func(a *app) any
	lines   []string
	search  string
	input   *widget.Input
	before  string
	cursor  int
	offset  int
	seen    int
	version uint64
	keys    []*command
}

func newInspect(path []string, twin string, document func(a *app) any) *inspect {
	p := &inspect{path: path, twin: twin, make: document}
	do := func(f func(a *app)) func(*app) tea.Cmd { return func(a *app) tea.Cmd { f(a); return nil } }
	p.keys = []*command{
		bind("inspect.search", "/", "search", do(func(*app) {
			p.before, p.input = p.search, &widget.Input{}
			p.input.Set(p.search)
		})),
		bind("inspect.next", "n", "next hit", do(func(*app) { p.jump(1) })),
		bind("inspect.back", "N", "hit before", do(func(*app) { p.jump(-1) })).more(),
		bind("inspect.copy", "c", "copy all", func(a *app) tea.Cmd { return a.copy(strings.Join(p.lines, "\n"), "the document") }),
		bind("inspect.path", "p", "copy the path", func(a *app) tea.Cmd { path := jsonPath(p.lines, p.cursor); return a.copy(path, path) }),
		bind("inspect.export", "e", "export", func(a *app) tea.Cmd {
			return a.save(p.path[len(p.path)-2]+".json", func() ([]byte, error) { return []byte(strings.Join(p.lines, "\n") + "\n"), nil })
		}),
		bind("inspect.up", "up k", "up", do(func(*app) { p.move(-1) })).more(),
		bind("inspect.down", "down j", "down", do(func(*app) { p.move(1) })).more(),
		bind("inspect.pageup", "pgup ctrl+u", "page up", do(func(*app) { p.move(-max(1, p.seen-1)) })).more(),
		bind("inspect.pagedown", "pgdown ctrl+d", "page down", do(func(*app) { p.move(max(1, p.seen-1)) })).more(),
		bind("inspect.first", "g home", "first", do(func(*app) { p.move(-len(p.lines)) })).more(),
		bind("inspect.last", "G end", "last", do(func(*app) { p.move(len(p.lines)) })).more(),
	}
	return p
}

func newJobInspect(a *app, id model.JobID) *inspect {
	return newInspect([]string{"Jobs", id.Short(), "JSON"}, a.Program+" inspect "+id.Name+":"+id.Version+" --json", func(a *app) any {
		j := a.snap.Job(id)
		if j == nil {
			return nil
		}
		spec := *j.Spec
		if spec.Token != "" {
			spec.Token = "(hidden)"
		}
		return spec
	})
}

// hostDocument is a host as JSON.
func hostDocument(h *Host) any {
	if h == nil {
		return nil
	}
	tasks := map[string]any{}
	for _, t := range h.Tasks {
		tasks[t.Job.String()] = taskDocument(t)
	}
	return map[string]any{
		"name": h.Name, "status": h.Status, "labels": h.Labels, "environment": h.Environment, "hostInfo": h.Info, "agentInfo": h.Agent,
		"drain": h.Drain, "loadAvg": h.Load, "memoryFreeBytes": h.MemoryFree, "tasks": tasks,
	}
}

func taskDocument(t *Task) any {
	document := map[string]any{"goal": t.Goal, "state": t.State, "throttled": t.Throttle, "containerId": t.ContainerID, "restarts": t.Restarts}
	if t.ExitCode != nil {
		document["exitCode"] = *t.ExitCode
	}
	if t.Error != "" {
		document["containerError"] = t.Error
	}
	if len(t.Ports) > 0 {
		document["ports"] = t.Ports
	}
	return document
}

// groupDocument is a group with its rollout as JSON.
func groupDocument(g *Group) any {
	if g == nil {
		return nil
	}
	document := map[string]any{"deploymentGroup": g.Spec, "hosts": g.Hosts}
	if r := g.Rollout; r != nil {
		var hosts []any
		for _, h := range r.Hosts {
			host := map[string]any{"host": h.Host, "phase": phaseWords[h.Phase], "attempt": h.Attempt}
			if h.Reason != "" {
				host["reason"] = h.Reason
			}
			hosts = append(hosts, host)
		}
		document["rollout"] = map[string]any{
			"id": r.ID, "from": versionText(r.From), "to": r.To, "state": r.State, "error": r.Error, "user": r.User, "started": r.Started, "hosts": hosts,
		}
	}
	return document
}

func (p *inspect) crumbs() []string     { return p.path }
func (p *inspect) commands() []*command { return p.keys }
func (p *inspect) typing() bool         { return p.input != nil }

func (p *inspect) commandLine(*app) string { return p.twin }

func (p *inspect) refresh(a *app) {
	if p.version == a.snap.Version {
		return
	}
	p.version = a.snap.Version
	text, err := json.MarshalIndent(p.make(a), "", "  ")
	if err != nil {
		text = []byte(err.Error())
	}
	p.lines = strings.Split(string(text), "\n")
	p.move(0)
}

func (p *inspect) key(_ *app, msg tea.KeyMsg) tea.Cmd {
	switch name := msg.String(); name {
	case "enter":
		p.input = nil
		p.jump(1)
	case "esc":
		p.input, p.search = nil, p.before
	default:
		if !p.input.Key(name) && (msg.Type == tea.KeyRunes || msg.Type == tea.KeySpace) {
			p.input.Insert(msg.Runes)
		}
		p.search = p.input.Value()
	}
	return nil
}

func (p *inspect) escape(*app) bool {
	found := p.search != ""
	p.search = ""
	return found
}

func (p *inspect) move(n int) { p.cursor = min(max(p.cursor+n, 0), max(0, len(p.lines)-1)) }

func (p *inspect) jump(n int) {
	word := strings.ToLower(p.search)
	for i := p.cursor + n; word != "" && i >= 0 && i < len(p.lines); i += n {
		if strings.Contains(strings.ToLower(p.lines[i]), word) {
			p.cursor = i
			return
		}
	}
}

// jsonPath is where a line of an indented document is, as jq writes it.
func jsonPath(lines []string, at int) string {
	var path []string
	indent := 1 << 30
	for i := min(at, len(lines)-1); i >= 0; i-- {
		text := strings.TrimLeft(lines[i], " ")
		if depth := len(lines[i]) - len(text); depth < indent && text != "" && !strings.ContainsAny(text[:1], "]}") {
			indent = depth
			if name, _, ok := strings.Cut(text, `": `); ok && strings.HasPrefix(name, `"`) {
				path = append([]string{name + `"`}, path...)
			}
		}
	}
	return "." + strings.Join(path, ".")
}

func (p *inspect) status(*app) (left, right []widget.Span) {
	if p.input != nil || p.search != "" {
		text := p.search
		if p.input != nil {
			text = p.input.Value() + "▏"
		}
		left = append(left, widget.Span{Style: theme.Style{FG: theme.Text, BG: theme.Chip}, Text: " / " + text + " "}, widget.Span{Style: plain, Text: " "})
	}
	return append(left, widget.Span{Style: muted, Text: fmt.Sprintf("line %d/%d · ", p.cursor+1, len(p.lines))}, widget.Span{Style: focus, Text: jsonPath(p.lines, p.cursor)}),
		[]widget.Span{{Style: muted, Text: p.twin}}
}

func (p *inspect) draw(_ *app, area widget.Area) {
	in := widget.Panel{Title: strings.Join(p.path[:len(p.path)-1], " › "), Note: "JSON"}.Draw(area)
	p.seen = max(1, in.H)
	p.offset = max(0, min(min(max(p.offset, p.cursor-p.seen+1), p.cursor), len(p.lines)-p.seen))
	for y := 0; y < in.H && p.offset+y < len(p.lines); y++ {
		bg := theme.Base
		if p.offset+y == p.cursor {
			bg = theme.Select
			widget.SelectRow(area.Sub(1, 1+y, area.W-2, 1))
		}
		drawJSON(in.Row(y), widget.Cut(p.lines[p.offset+y], in.W), bg)
	}
	widget.Scrollbar(area.Sub(0, 1, area.W, in.H), p.offset, p.seen, len(p.lines))
}

// drawJSON draws a line of a document, its name apart from its value.
func drawJSON(line widget.Area, text string, bg theme.Color) {
	trimmed := strings.TrimLeft(text, " ")
	x := len(text) - len(trimmed)
	if name, value, ok := strings.Cut(trimmed, `": `); ok && strings.HasPrefix(name, `"`) {
		x = line.Text(x, 0, focus.On(bg), name+`"`)
		x = line.Text(x, 0, faint.On(bg), ": ")
		trimmed = value
	}
	style := plain
	switch {
	case strings.HasPrefix(trimmed, `"`):
		style = theme.Fg(theme.OK)
	case strings.ContainsAny(trimmed[:min(1, len(trimmed))], "{}[]"):
		style = muted
	case strings.HasPrefix(trimmed, "null"), strings.HasPrefix(trimmed, "false"):
		style = faint
	}
	line.Text(x, 0, style.On(bg), trimmed)
}
