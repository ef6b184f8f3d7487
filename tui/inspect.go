package tui

import (
	"fmt"
	"strings"

	tea "github.com/charmbracelet/bubbletea"

	"github.com/heliosctl/heliosctl/model"
	"github.com/heliosctl/heliosctl/tui/theme"
	"github.com/heliosctl/heliosctl/tui/widget"
)

// inspect shows a thing as JSON or YAML. Tokens are never on the screen.
type inspect struct {
	path    []string
	twin    string
	make    func(a *app) any
	tree    *node
	fault   error
	yaml    bool
	folded  map[string]bool // by path
	lines   []line
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
	p := &inspect{path: path, twin: twin, make: document, folded: map[string]bool{}}
	do := func(f func(a *app)) func(*app) tea.Cmd { return func(a *app) tea.Cmd { f(a); return nil } }
	p.keys = []*command{
		bind("inspect.fold", "enter space", "fold", do(func(*app) { p.toggle() })),
		bind("inspect.foldall", "f", "fold all", do(func(*app) { p.toggleAll() })),
		bind("inspect.yaml", "tab", "JSON/YAML", do(func(*app) { p.yaml = !p.yaml; p.write(p.here()) })),
		bind("inspect.search", "/", "search", do(func(*app) {
			p.before, p.input = p.search, &widget.Input{}
			p.input.Set(p.search)
		})),
		bind("inspect.next", "n", "next hit", do(func(*app) { p.jump(1) })),
		bind("inspect.back", "N", "hit before", do(func(*app) { p.jump(-1) })).more(),
		bind("inspect.copy", "c", "copy all", func(a *app) tea.Cmd { return a.copy(p.text(), "the document") }),
		bind("inspect.path", "p", "copy the path", func(a *app) tea.Cmd { path := p.here(); return a.copy(path, path) }),
		bind("inspect.export", "e", "export", func(a *app) tea.Cmd {
			return a.save(p.path[len(p.path)-2]+"."+strings.ToLower(p.format()), func() ([]byte, error) { return []byte(p.text() + "\n"), nil })
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

func (p *inspect) format() string {
	if p.yaml {
		return "YAML"
	}
	return "JSON"
}

// text is the whole document, whatever is folded.
func (p *inspect) text() string {
	if p.tree == nil {
		return ""
	}
	var lines []string
	for _, l := range documentLines(p.tree, p.yaml, nil) {
		lines = append(lines, l.text)
	}
	return strings.Join(lines, "\n")
}

// here is the path of the selected line.
func (p *inspect) here() string {
	if p.cursor < len(p.lines) {
		return p.lines[p.cursor].path
	}
	return "."
}

// write writes the lines anew and selects the one of a path.
func (p *inspect) write(path string) {
	p.lines = nil
	if p.tree != nil {
		p.lines = documentLines(p.tree, p.yaml, p.folded)
	}
	for i := range p.lines {
		if p.lines[i].path == path {
			p.cursor = i
			break
		}
	}
	p.move(0)
}

// toggle folds what begins at the selected line or what it is in, or unfolds it.
func (p *inspect) toggle() {
	for i := p.cursor; i >= 0 && i < len(p.lines); i-- {
		l := p.lines[i]
		if l.fold && l.path != "." && (i == p.cursor || within(p.here(), l.path)) {
			p.folded[l.path] = !p.folded[l.path]
			p.write(l.path)
			return
		}
	}
}

// within tells whether a path is another one or leads further into it.
func within(path, of string) bool {
	return path == of || strings.HasPrefix(path, of+".") || strings.HasPrefix(path, of+"[")
}

// toggleAll folds everything but the outermost, or unfolds everything.
func (p *inspect) toggleAll() {
	path := p.here()
	if len(p.folded) > 0 {
		p.folded = map[string]bool{}
	} else if p.tree != nil {
		for _, part := range p.tree.parts {
			if len(part.parts) > 0 {
				p.folded[part.path] = true
			}
			if within(path, part.path) {
				path = part.path
			}
		}
	}
	p.write(path)
}

func newJobInspect(a *app, id model.JobID) *inspect {
	return newInspect([]string{"Jobs", id.Short(), "JSON"}, a.program()+" inspect "+id.Name+":"+id.Version+" --json", func(a *app) any {
		j := a.snap.Job(id)
		if j == nil {
			return nil
		}
		spec := j.Spec.Clone()
		if spec.Token != "" {
			spec.Token = hiddenToken
		}
		hideToken(spec.RolloutOptions)
		return spec
	})
}

const hiddenToken = "(hidden)"

// hideToken keeps the token of options off the screen.
func hideToken(o *model.RolloutOptions) {
	if o != nil && o.Token != nil && *o.Token != "" {
		hidden := hiddenToken
		o.Token = &hidden
	}
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
	spec := g.Spec
	if spec.RolloutOptions != nil {
		options := *spec.RolloutOptions
		hideToken(&options)
		spec.RolloutOptions = &options
	}
	document := map[string]any{"deploymentGroup": spec, "hosts": g.Hosts}
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
	if p.version == a.snap.Version && p.tree != nil {
		return
	}
	p.version = a.snap.Version
	at := p.cursor
	p.tree, p.fault = parseDocument(p.make(a))
	p.write("")
	p.cursor = at
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

// jump goes to the next line with what is searched for, and unfolds where it is.
func (p *inspect) jump(n int) {
	word := strings.ToLower(p.search)
	if word == "" || p.tree == nil {
		return
	}
	all := documentLines(p.tree, p.yaml, nil)
	at := 0
	for i := range all {
		if all[i].path == p.here() {
			at = i
			break
		}
	}
	for i := at + n; i >= 0 && i < len(all); i += n {
		if strings.Contains(strings.ToLower(all[i].text), word) {
			p.unfold(all[i].path)
			p.write(all[i].path)
			return
		}
	}
}

// unfold unfolds all that a path is in.
func (p *inspect) unfold(path string) {
	for folded := range p.folded {
		if path != folded && within(path, folded) {
			delete(p.folded, folded)
		}
	}
}

func (p *inspect) status(*app) (left, right []widget.Span) {
	if p.input != nil || p.search != "" {
		text := p.search
		if p.input != nil {
			text = p.input.Value() + "▏"
		}
		left = append(left, widget.Span{Style: theme.Style{FG: theme.Text, BG: theme.Chip}, Text: " / " + text + " "}, widget.Span{Style: plain, Text: " "})
	}
	return append(left, widget.Span{Style: muted, Text: fmt.Sprintf("line %d/%d · ", p.cursor+1, len(p.lines))}, widget.Span{Style: focus, Text: p.here()}),
		[]widget.Span{{Style: muted, Text: p.twin}}
}

func (p *inspect) draw(_ *app, area widget.Area) {
	in := widget.Panel{Title: strings.Join(p.path[:len(p.path)-1], " › "), Note: p.format()}.Draw(area)
	if p.fault != nil {
		in.Cut(0, 0, in.W, theme.Fg(theme.Warn), p.fault.Error())
		return
	}
	p.seen = max(1, in.H)
	p.offset = max(0, min(min(max(p.offset, p.cursor-p.seen+1), p.cursor), len(p.lines)-p.seen))
	for y := 0; y < in.H && p.offset+y < len(p.lines); y++ {
		bg := theme.Base
		if p.offset+y == p.cursor {
			bg = theme.Select
			widget.SelectRow(area.Sub(1, 1+y, area.W-2, 1))
		}
		l := p.lines[p.offset+y]
		if l.fold && l.path != "." {
			glyph := "▾"
			if p.folded[l.path] {
				glyph = "▸"
			}
			in.Text(0, y, muted.On(bg), glyph)
		}
		drawJSON(in.Sub(2, y, in.W-2, 1), widget.Cut(l.text, in.W-2), bg)
	}
	widget.Scrollbar(area.Sub(0, 1, area.W, in.H), p.offset, p.seen, len(p.lines))
}

// drawJSON draws a line of a document, its name apart from its value.
func drawJSON(line widget.Area, text string, bg theme.Color) {
	trimmed := strings.TrimLeft(text, " ")
	x := len(text) - len(trimmed)
	if dashless, ok := strings.CutPrefix(trimmed, "- "); ok {
		x, trimmed = line.Text(x, 0, faint.On(bg), "- "), dashless
	}
	if name, value, ok := strings.Cut(trimmed, `": `); ok && strings.HasPrefix(name, `"`) {
		x = line.Text(x, 0, focus.On(bg), name+`"`)
		x = line.Text(x, 0, faint.On(bg), ": ")
		trimmed = value
	} else if name, value, ok := strings.Cut(trimmed+" ", ": "); ok && !strings.HasPrefix(trimmed, `"`) {
		x = line.Text(x, 0, focus.On(bg), name)
		x = line.Text(x, 0, faint.On(bg), ": ")
		trimmed = strings.TrimSuffix(value, " ")
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
