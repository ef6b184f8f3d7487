package tui

import (
	"fmt"
	"maps"
	"net/url"
	"slices"
	"strings"

	tea "github.com/charmbracelet/bubbletea"

	"github.com/heliosctl/heliosctl/model"
)

// Place is where one is in the console: a screen, or one object of it, with the filter, the selection and the look of its table. It is
// also a line of text, such as hosts?f=role=pay&s=-load, in which marks and saved views are kept and that the palette understands.
type Place struct {
	Screen   string   // its name in lower case
	Object   string   // a host, a job id or a group; "" for the screen itself
	View     string   // of the object, "" for the usual one
	Filter   string   // what is searched for, in logs
	Problems bool     // those only
	Selected string   // the id of a row
	Hosts    []string // whose logs
	Look     *Look    // nil leaves it as it is
}

// Look is how a table is sorted and which of its columns are shown.
type Look struct {
	Sort    string          `yaml:"sort,omitempty"` // a column, "" for the usual order
	Reverse bool            `yaml:"reverse,omitempty"`
	Columns map[string]bool `yaml:"columns,omitempty"` // shown or not, where that is not as usual
}

// usualLook stands in addresses for a look that nobody has changed.
const usualLook = "usual"

// String returns the address, which ParsePlace reads.
func (p Place) String() string {
	var b strings.Builder
	b.WriteString(escapePlace(p.Screen))
	if p.Object != "" {
		b.WriteString("/" + escapePlace(p.Object))
	}
	sign := "?"
	add := func(key, value string) {
		b.WriteString(sign + key + "=" + escapePlace(value))
		sign = "&"
	}
	if p.View != "" {
		add("v", p.View)
	}
	if p.Filter != "" {
		add("f", p.Filter)
	}
	if p.Problems {
		add("p", "1")
	}
	if len(p.Hosts) > 0 {
		add("h", strings.Join(p.Hosts, ","))
	}
	if p.Look != nil {
		add("s", p.Look.sortText())
		add("c", p.Look.columnsText())
	}
	if p.Selected != "" {
		add("sel", p.Selected)
	}
	return b.String()
}

func (l *Look) sortText() string {
	switch {
	case l.Sort == "":
		return usualLook
	case l.Reverse:
		return "-" + l.Sort
	}
	return l.Sort
}

func (l *Look) columnsText() string {
	if len(l.Columns) == 0 {
		return usualLook
	}
	var parts []string
	for _, id := range slices.Sorted(maps.Keys(l.Columns)) {
		parts = append(parts, map[bool]string{true: "+", false: "-"}[l.Columns[id]]+id)
	}
	return strings.Join(parts, ",")
}

// escapePlace escapes what has a meaning in addresses.
func escapePlace(text string) string {
	var b strings.Builder
	for _, c := range []byte(text) {
		if c < ' ' || c == 0x7f || strings.IndexByte("%&?/", c) >= 0 {
			fmt.Fprintf(&b, "%%%02X", c)
		} else {
			b.WriteByte(c)
		}
	}
	return b.String()
}

// ParsePlace reads an address. It does not check that there is such an object, or such a column. Parameters that it does not know are
// left out: a later version may have written them.
func ParsePlace(text string) (Place, error) {
	path, query, _ := strings.Cut(text, "?")
	name, object, _ := strings.Cut(path, "/")
	var p Place
	var err error
	if p.Screen, err = url.PathUnescape(name); err != nil {
		return Place{}, err
	}
	p.Screen = strings.ToLower(p.Screen)
	if p.Object, err = url.PathUnescape(object); err != nil {
		return Place{}, err
	}
	if !slices.ContainsFunc(registry(), func(s screen) bool { return strings.EqualFold(s.name, p.Screen) }) {
		return Place{}, fmt.Errorf("there is no screen %q", p.Screen)
	}
	for part := range strings.SplitSeq(query, "&") {
		key, value, _ := strings.Cut(part, "=")
		if value, err = url.PathUnescape(value); err != nil {
			return Place{}, err
		}
		p.set(key, value)
	}
	return p, nil
}

func (p *Place) set(key, value string) {
	switch key {
	case "v":
		p.View = value
	case "f":
		p.Filter = value
	case "p":
		p.Problems = value == "1"
	case "sel":
		p.Selected = value
	case "h":
		for host := range strings.SplitSeq(value, ",") {
			if host != "" {
				p.Hosts = append(p.Hosts, host)
			}
		}
	case "s":
		look := p.look()
		if look.Sort, look.Reverse = strings.CutPrefix(value, "-"); look.Sort == usualLook || look.Sort == "" {
			look.Sort, look.Reverse = "", false
		}
	case "c":
		look := p.look()
		for id := range strings.SplitSeq(value, ",") {
			if len(id) < 2 || id[0] != '+' && id[0] != '-' {
				continue
			}
			if look.Columns == nil {
				look.Columns = map[string]bool{}
			}
			look.Columns[id[1:]] = id[0] == '+'
		}
	}
}

func (p *Place) look() *Look {
	if p.Look == nil {
		p.Look = &Look{}
	}
	return p.Look
}

// addressed is a page that can be found again.
type addressed interface {
	// place says where one is.
	place() Place
	// apply makes the page show what a place says. The page is the one of the place's screen and object.
	apply(a *app, p Place) tea.Cmd
}

// here is the address of what is shown; false when it has none.
func (a *app) here() (Place, bool) {
	p, ok := a.page.(addressed)
	if !ok {
		return Place{}, false
	}
	return p.place(), true
}

// goPlace shows a place.
func (a *app) goPlace(p Place) tea.Cmd {
	target, err := a.pageOf(p)
	if err != nil {
		a.say("%v", err)
		return nil
	}
	shown := a.goTo(target)
	page, ok := target.(addressed)
	if !ok {
		return shown
	}
	return tea.Batch(shown, page.apply(a, p))
}

// pageOf finds or makes the page of a place.
func (a *app) pageOf(p Place) (page, error) {
	if p.Object != "" && p.Screen != "logs" {
		return a.objectPage(p)
	}
	for i, s := range a.screens {
		if strings.EqualFold(s.name, p.Screen) {
			return a.root(i), nil
		}
	}
	return nil, fmt.Errorf("there is no screen %q", p.Screen)
}

func (a *app) objectPage(p Place) (page, error) {
	switch p.Screen {
	case "hosts":
		if a.snap.Host(p.Object) != nil {
			return newHostDetail(p.Object), nil
		}
	case "groups":
		if a.snap.Group(p.Object) != nil {
			return newRollout(p.Object), nil
		}
	case "jobs":
		if id, err := model.ParseJobID(p.Object); err == nil && a.snap.Job(id) != nil {
			return newJobDetail(id, p.Selected), nil
		}
	}
	return nil, fmt.Errorf("%s has no %s %q", a.snap.Cluster.Name, strings.TrimSuffix(p.Screen, "s"), p.Object)
}

// usually tells of each column whether it is shown when nobody has chosen.
func usually[T any](columns []column[T]) map[string]bool {
	shown := map[string]bool{}
	for _, c := range columns {
		shown[c.id] = !c.off
	}
	return shown
}

// look is how the table is sorted and which columns it has now.
func (l *list[T]) look() Look {
	look := Look{Sort: l.sortBy, Reverse: l.reverse && l.sortBy != ""}
	for _, c := range l.columns {
		if c.off != !l.usualColumns[c.id] {
			if look.Columns == nil {
				look.Columns = map[string]bool{}
			}
			look.Columns[c.id] = !c.off
		}
	}
	return look
}

// setLook sorts the table and shows columns. Columns that there are no more are left out.
func (l *list[T]) setLook(look Look) {
	l.sortBy, l.reverse = "", false
	for i := range l.columns {
		c := &l.columns[i]
		shown, ok := look.Columns[c.id]
		if !ok {
			shown = l.usualColumns[c.id]
		}
		c.off = !shown
		if c.id == look.Sort && c.compare != nil {
			l.sortBy, l.reverse = look.Sort, look.Reverse
		}
	}
	l.arrange()
}

// placeIn is where the table is, on a screen or an object of it.
func (l *list[T]) placeIn(screen, object string) Place {
	look := l.look()
	return Place{Screen: screen, Object: object, Filter: l.filter.text, Problems: l.only, Selected: l.selected, Look: &look}
}

// apply makes the table show what a place says.
func (l *list[T]) apply(a *app, p Place) tea.Cmd {
	if p.Look != nil {
		l.setLook(*p.Look)
	}
	l.only = p.Problems
	l.selected, l.cursor = p.Selected, 0
	l.narrow(p.Filter)
	if row, ok := l.current(); p.Selected != "" && (!ok || l.id(row) != p.Selected) {
		l.remember()
		a.say("%s is not among these %s", p.Selected, l.name)
	}
	return nil
}

func (o *overview) place() Place { return Place{Screen: "overview"} }

func (o *overview) apply(*app, Place) tea.Cmd { return nil }

func (p *hosts) place() Place   { return p.placeIn("hosts", "") }
func (p *jobs) place() Place    { return p.placeIn("jobs", "") }
func (p *groups) place() Place  { return p.placeIn("groups", "") }
func (p *masters) place() Place { return p.placeIn("masters", "") }

func (d *hostDetail) place() Place { return d.tasks.placeIn("hosts", d.name) }

func (d *hostDetail) apply(a *app, p Place) tea.Cmd { return d.tasks.apply(a, p) }

// hostsView is what the list of a job's hosts is called in addresses.
const hostsView = "hosts"

func (d *jobDetail) place() Place {
	if d.view == 1 {
		p := d.tasks.placeIn("jobs", d.id.String())
		p.View = hostsView
		return p
	}
	return Place{Screen: "jobs", Object: d.id.String(), Selected: d.selected}
}

func (d *jobDetail) apply(a *app, p Place) tea.Cmd {
	if p.View == hostsView {
		d.view = 1
		return d.tasks.apply(a, p)
	}
	return nil
}

func (r *rollout) place() Place { return Place{Screen: "groups", Object: r.name, Selected: r.selected} }

func (r *rollout) apply(_ *app, p Place) tea.Cmd {
	if p.Selected != "" {
		r.selected = p.Selected
		r.arrange()
	}
	return nil
}

func (p *events) place() Place { return Place{Screen: "events", Filter: p.filter.text} }

func (p *events) apply(_ *app, to Place) tea.Cmd {
	p.narrow(to.Filter)
	return nil
}

func (p *logs) place() Place {
	to := Place{Screen: "logs", Filter: p.search, Hosts: p.hosts}
	if !p.job.IsZero() {
		to.Object = p.job.String()
	}
	return to
}

func (p *logs) apply(a *app, to Place) tea.Cmd {
	p.search = to.Filter
	p.arrange()
	if to.Object == "" {
		return nil
	}
	id, err := model.ParseJobID(to.Object)
	if err != nil || a.snap.Job(id) == nil {
		a.say("%s has no job %q", a.snap.Cluster.Name, to.Object)
		return nil
	}
	return a.showLogs(id, to.Hosts)
}
