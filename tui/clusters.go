package tui

import (
	"context"
	"fmt"
	"strings"

	tea "github.com/charmbracelet/bubbletea"

	"github.com/heliosctl/heliosctl/tui/theme"
	"github.com/heliosctl/heliosctl/tui/widget"
)

// ClusterChoice is a cluster that can be looked at.
type ClusterChoice struct {
	Cluster
	Masters string // where they are, in words
}

// clusterChooser asks for another cluster to look at, and finds out meanwhile how each of them is.
type clusterChooser struct {
	chooser
	choices []ClusterChoice
}

func (a *app) chooseCluster() tea.Cmd {
	if a.Switch == nil || len(a.Clusters) == 0 {
		a.say("there is no other cluster configured")
		return nil
	}
	c := &clusterChooser{chooser{title: "Clusters"}, a.Clusters}
	w := 0
	for _, choice := range a.Clusters {
		w = max(w, widget.Width(choice.label(a)))
	}
	for i, choice := range a.Clusters {
		label := choice.label(a)
		here := choice.Name == a.snap.Cluster.Name
		if here {
			c.cursor = i
		}
		c.options = append(c.options, option{
			title: label + strings.Repeat(" ", w+2-widget.Width(label)) + choice.Masters, on: here,
			do: func(a *app) tea.Cmd { return a.switchTo(choice.Name) },
		})
	}
	return a.open(c)
}

// label is the name of a cluster and what is special about it.
func (c ClusterChoice) label(a *app) string {
	label := c.Name
	if c.Environment != EnvironmentNone {
		label = fmt.Sprintf("%-7s %s", "["+string(c.Environment)+"]", c.Name)
	}
	if c.ReadOnly || a.ReadOnly {
		label += " (ro)"
	}
	return label
}

type probedMsg struct {
	index int
	Probed
}

// Probed is what became of an attempt to reach a cluster.
type Probed struct {
	OK   bool
	Text string
}

func (c *clusterChooser) open(a *app) tea.Cmd {
	var commands []tea.Cmd
	for i, choice := range c.choices {
		switch {
		case choice.Name == a.snap.Cluster.Name:
			c.show(i, map[FreshnessState]Probed{
				Connecting: {false, "connecting"}, Stale: {false, "no master answers"},
				Live: {true, fmt.Sprintf("%d▲ %d▼, shown now", a.snap.Up, a.snap.Down)},
			}[a.snap.Freshness.State])
		case a.Probe != nil:
			probe, name := a.Probe, choice.Name
			commands = append(commands, a.async(func(ctx context.Context) tea.Msg { return answer{c, probedMsg{i, probe(ctx, name)}} }))
		}
	}
	return tea.Batch(commands...)
}

func (c *clusterChooser) receive(_ *app, msg tea.Msg) tea.Cmd {
	probed := msg.(probedMsg)
	c.show(probed.index, probed.Probed)
	return nil
}

func (c *clusterChooser) show(i int, p Probed) {
	o := &c.options[i]
	o.glyph, o.color = "●", theme.OK
	if !p.OK {
		o.glyph, o.color = "✗", theme.Fail
	}
	o.note = p.Text
}

type switchedMsg struct {
	source Source
	err    error
}

// switchTo shows another cluster. The source of the one before has ended when its answer comes.
func (a *app) switchTo(name string) tea.Cmd {
	switch {
	case a.going != "":
		a.say("still connecting to %s", a.going)
		return nil
	case name == a.snap.Cluster.Name:
		return nil
	}
	a.going = name
	a.say("connecting to %s", name)
	return a.async(func(ctx context.Context) tea.Msg {
		source, err := a.Switch(ctx, name)
		return answer{(*switcher)(a), switchedMsg{source, err}}
	})
}

// switcher takes over the source of another cluster.
type switcher app

func (s *switcher) receive(a *app, msg tea.Msg) tea.Cmd {
	switched := msg.(switchedMsg)
	a.going = ""
	if switched.err != nil {
		a.say("cannot switch: %v", switched.err)
		return nil
	}
	return a.look(switched.source)
}

// look shows the data of another source, on the same screen. Nothing of what belongs to the one before is left: no page, no history of
// pages, no dialog.
func (a *app) look(source Source) tea.Cmd {
	a.close()
	close(a.away)
	root := a.page.crumbs()[0]
	a.Source, a.away = source, make(chan struct{})
	a.back, a.forward, a.last, a.modal, a.zoomed = nil, nil, nil, nil, false
	a.roots = make([]page, len(a.screens))
	a.snap, a.troubles, a.troubleOf, a.acked = source.Snapshot(), nil, 0, map[string]bool{}
	a.page = a.root(0)
	for i, s := range a.screens {
		if s.name == root {
			a.page = a.root(i)
		}
	}
	a.say("looking at %s", strings.TrimSpace(string(a.snap.Cluster.Environment)+" "+a.snap.Cluster.Name))
	a.refresh()
	var opened tea.Cmd
	if o, ok := a.page.(opener); ok {
		opened = o.open(a)
	}
	if a.alone {
		return opened
	}
	return tea.Batch(opened, a.awaitChange())
}
