package tui

import (
	"fmt"
	"strings"

	tea "github.com/charmbracelet/bubbletea"

	"github.com/heliosctl/heliosctl/model"
	"github.com/heliosctl/heliosctl/tui/theme"
	"github.com/heliosctl/heliosctl/tui/widget"
)

// groupForm makes a deployment group, and shows while it is typed which hosts it selects.
type groupForm struct {
	*form
	name      *field
	selectors *field
	group     model.DeploymentGroup
	hosts     []*Host // that it selects
}

func newGroupForm(a *app) *groupForm {
	g := &groupForm{
		form:      &form{title: "New deployment group", button: "Create…"},
		name:      newField("name", "such as web", textField),
		selectors: newField("selectors", "LABEL=VALUE, LABEL!=VALUE, LABEL in (A, B), LABEL notin (A, B); all must match", listField),
	}
	g.fields = []*field{g.name, g.selectors}
	g.check = g.read
	g.listing = g.drawHosts
	g.form.twin = func(a *app) string {
		words := []string{a.program(), "create-deployment-group", model.QuoteWord(g.group.Name)}
		for _, text := range g.selectors.values() {
			words = append(words, model.QuoteWord(text))
		}
		return strings.Join(words, " ")
	}
	g.submit = func(a *app) tea.Cmd { return g.confirm(a) }
	g.dry = func(a *app) tea.Cmd {
		p := &plan{title: "create group " + g.group.Name, from: "from the labels that hosts have now", back: g}
		for _, h := range g.hosts {
			p.rows = append(p.rows, planRow{name: h.Name, outlook: outlook{wouldChange, "belongs to it"}})
		}
		a.modal = p
		return nil
	}
	return g
}

// read understands what has been typed.
func (g *groupForm) read(a *app) {
	g.group = model.DeploymentGroup{Name: g.name.value(), HostSelectors: []model.HostSelector{}}
	if err := model.ValidateDeploymentGroupName(g.group.Name); err != nil {
		g.name.fault(0, err.Error())
	} else if a.snap.Group(g.group.Name) != nil {
		g.name.fault(0, "there is a group of this name already")
	}
	for i := range g.selectors.inputs {
		text := strings.TrimSpace(g.selectors.inputs[i].Value())
		if text == "" {
			continue
		}
		selector, err := model.ParseHostSelector(text)
		if err != nil {
			g.selectors.fault(i, err.Error())
			continue
		}
		g.group.HostSelectors = append(g.group.HostSelectors, selector)
	}
	if len(g.selectors.values()) == 0 {
		g.selectors.fault(0, "want at least one selector: a group without any has no hosts")
	}
	g.hosts = nil
	for _, h := range a.snap.Hosts {
		if g.group.Matches(h.Labels) {
			g.hosts = append(g.hosts, h)
		}
	}
}

// drawHosts lists the hosts that match.
func (g *groupForm) drawHosts(a *app, area widget.Area) {
	up := 0
	for _, h := range g.hosts {
		if h.Status == model.Up {
			up++
		}
	}
	color := theme.OK
	if len(g.hosts) == 0 {
		color = theme.Warn
	}
	area.Cut(0, 0, area.W, onPanel(color).Bold(), fmt.Sprintf("matches %d of %s, %d up", len(g.hosts), counted(len(a.snap.Hosts), "host"), up))
	width := 14
	for _, h := range g.hosts {
		width = min(max(width, widget.Width(h.Name)+4), max(14, area.W/2))
	}
	columns := max(1, area.W/width)
	room := columns * (area.H - 1)
	for i, h := range g.hosts {
		x, y := i%columns*width, 1+i/columns
		if i == room-1 && len(g.hosts) > room {
			area.Cut(x, y, width-1, onPanel(theme.Muted), fmt.Sprintf("… %d more", len(g.hosts)-i))
			return
		}
		glyph, color := "▲ ", theme.OK
		if h.Status != model.Up {
			glyph, color = "▼ ", theme.Fail
		}
		area.Text(x, y, onPanel(color), glyph)
		area.Cut(x+2, y, width-3, onPanel(theme.Text), h.Name)
	}
}

func (g *groupForm) confirm(a *app) tea.Cmd {
	group, twin := g.group, g.form.twin(a)
	d := &dialog{
		title: said("Create group " + group.Name), verb: "Create", cli: said(twin), back: g,
		impact: "This makes a group of the hosts that match, now and later; nothing is deployed until a job is rolled out:",
		targets: []target{{
			name: group.Name, note: spanNote(muted, counted(len(g.hosts), "host")+" now"),
			action: Action{Verb: VerbGroupMake, Group: group.Name, Selectors: group.HostSelectors},
			outlook: func(a *app) outlook {
				if a.snap.Group(group.Name) != nil {
					return outlook{wouldFail, "there is such a group already"}
				}
				return outlook{wouldChange, "created, with " + counted(len(g.hosts), "host")}
			},
		}},
	}
	if len(g.hosts) == 0 {
		d.warnings = []string{"No host matches now."}
	}
	for _, other := range a.snap.Groups {
		names := make([]string, len(g.hosts))
		for i, h := range g.hosts {
			names[i] = h.Name
		}
		if n := touched(other, names); n > 0 {
			d.warnings = append(d.warnings, fmt.Sprintf("%s of them belong to group %s, too.", counted(n, "host"), other.Spec.Name))
		}
	}
	return a.open(d)
}
