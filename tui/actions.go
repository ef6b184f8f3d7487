package tui

import (
	"cmp"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	tea "github.com/charmbracelet/bubbletea"

	"github.com/heliosctl/heliosctl/model"
	"github.com/heliosctl/heliosctl/tui/theme"
	"github.com/heliosctl/heliosctl/tui/widget"
)

// gateNumber makes the number of targets something that has to be typed, where there are several.
func (d *dialog) gateNumber() *dialog {
	if n := len(d.targets); n > 1 {
		d.gate, d.gateText = strconv.Itoa(n), "the number of targets"
	}
	return d
}

// taskVerbs are what can be done with tasks.
var taskVerbs = map[Verb]struct{ title, button, impact string }{
	VerbUndeploy: {"Undeploy %s from %s", "Undeploy", "This stops and removes the container on:"},
	VerbStop:     {"Stop %s on %s", "Stop", "This stops the container and leaves the job deployed on:"},
	VerbStart:    {"Start %s on %s", "Start", "This starts the job on:"},
	VerbDeploy:   {"Deploy %s to %s", "Deploy", "This deploys and starts the job on:"},
}

func (a *app) confirmTasks(verb Verb, id model.JobID, hosts []string) tea.Cmd {
	j := a.snap.Job(id)
	if len(hosts) == 0 || j == nil {
		a.say("%s is on no host", id.Short())
		return nil
	}
	words := taskVerbs[verb]
	d := &dialog{
		title: fmt.Sprintf(words.title, versionText(id), counted(len(hosts), "host")), verb: words.button, impact: words.impact,
		cli: strings.Join(append([]string{a.Program, string(verb), versionText(id)}, hosts...), " "), token: j.Spec.Token != "",
	}
	for _, name := range hosts {
		d.targets = append(d.targets, target{name: name, note: a.taskNote(name, id, verb), action: Action{Verb: verb, Job: id, Host: name, Goal: model.GoalStart}})
	}
	d.warnings = append(a.rolloutWarnings(id, hosts), a.downWarnings(hosts)...)
	if verb == VerbDeploy {
		d.warnings = append(d.warnings, a.drainWarnings(hosts)...)
	}
	return a.open(d.gateNumber())
}

func (a *app) confirmDeploy(id model.JobID, hosts []string) tea.Cmd {
	return a.confirmTasks(VerbDeploy, id, hosts)
}

// taskNote says how a task is now.
func (a *app) taskNote(name string, id model.JobID, verb Verb) []widget.Span {
	h := a.snap.Host(name)
	if h == nil {
		return []widget.Span{{Style: theme.Fg(theme.Warn), Text: "is not known"}}
	}
	t := h.Task(id)
	switch {
	case t == nil && verb == VerbDeploy && h.Status == model.Up:
		return []widget.Span{{Style: theme.Fg(theme.OK), Text: "▲ UP "}, {Style: muted, Text: counted(h.Counts.Total(), "task")}}
	case t == nil && verb == VerbDeploy:
		return []widget.Span{{Style: theme.Fg(theme.Fail), Text: "▼ DOWN"}}
	case t == nil:
		return []widget.Span{{Style: theme.Fg(theme.Warn), Text: "does not have it"}}
	}
	return append(stateSpans(t.State, true), widget.Span{Style: muted, Text: "  " + Age(a.now().Sub(t.Since)) + "  " + t.Describe()})
}

// rolloutWarnings say when a running rollout will undo what is about to be done.
func (a *app) rolloutWarnings(id model.JobID, hosts []string) []string {
	var warnings []string
	for _, g := range activeFirst(a.snap.Groups) {
		r := g.Rollout
		touched := 0
		for _, name := range hosts {
			if _, ok := slices.BinarySearch(g.Hosts, name); ok {
				touched++
			}
		}
		if touched == 0 || id != r.From && id != r.To {
			continue
		}
		warnings = append(warnings, fmt.Sprintf("%s is being rolled by group %s: the rollout will bring %s to %s.",
			versionText(id), g.Spec.Name, map[bool]string{true: "this host", false: "these hosts"}[touched == 1], versionText(r.To)))
	}
	return warnings
}

func (a *app) downWarnings(hosts []string) []string {
	down := 0
	for _, name := range hosts {
		if h := a.snap.Host(name); h != nil && h.Status != model.Up {
			down++
		}
	}
	if down == 0 {
		return nil
	}
	return []string{counted(down, "host") + map[bool]string{true: " is", false: " are"}[down == 1] + " DOWN: it happens there when the agent is back."}
}

func (a *app) drainWarnings(hosts []string) []string {
	drained := 0
	for _, name := range hosts {
		if h := a.snap.Host(name); h != nil && h.Drain != nil {
			drained++
		}
	}
	if drained == 0 {
		return nil
	}
	return []string{counted(drained, "host") + " drained: deployments there are refused."}
}

// chooseHosts asks where to deploy a job: on any number of the hosts that do not have it.
func (a *app) chooseHosts(id model.JobID) tea.Cmd {
	picked := map[string]bool{}
	var options []option
	for _, h := range a.snap.Hosts {
		if h.Task(id) != nil {
			continue
		}
		name := h.Name
		options = append(options, option{title: name, note: string(h.Status) + " " + h.labelText, do: func(*app) tea.Cmd { picked[name] = !picked[name]; return nil }})
	}
	return a.open(&hostChooser{chooser{title: "Deploy " + versionText(id) + " to", options: options, many: true}, picked, id})
}

// hostChooser goes on to the dialog once the hosts are chosen.
type hostChooser struct {
	chooser
	picked map[string]bool
	id     model.JobID
}

func (c *hostChooser) key(a *app, msg tea.KeyMsg) tea.Cmd {
	if msg.String() != "enter" {
		return c.chooser.key(a, msg)
	}
	var names []string
	for _, name := range sortedKeys(c.picked) {
		if c.picked[name] {
			names = append(names, name)
		}
	}
	if found := c.matching(); len(names) == 0 && c.cursor < len(found) {
		names = []string{c.options[found[c.cursor]].title}
	}
	a.modal = nil
	return a.confirmDeploy(c.id, names)
}

var hostVerbs = map[Verb]struct{ title, button, impact string }{
	VerbDrain:      {"Drain %s", "Drain", "These hosts take no new deployments from now on:"},
	VerbUndrain:    {"End the drain of %s", "End drain", "These hosts take deployments again:"},
	VerbDeregister: {"Deregister %s", "Deregister", "This forgets the host, its deployments and its history:"},
}

// hostTwins are what the command line has for a verb; %s is the host.
var hostTwins = map[Verb]string{VerbDrain: "drain %s", VerbUndrain: "drain %s --undo", VerbDeregister: "deregister %s --yes"}

// forEach is a command line that takes one name, for one or several of them.
func forEach(names []string, command string) string {
	if len(names) == 1 {
		return fmt.Sprintf(command, names[0])
	}
	return "for x in " + strings.Join(names, " ") + "; do " + fmt.Sprintf(command, "$x") + "; done"
}

func (a *app) confirmHosts(verb Verb, names []string) tea.Cmd {
	if len(names) == 0 {
		return nil
	}
	words := hostVerbs[verb]
	d := &dialog{
		title: fmt.Sprintf(words.title, counted(len(names), "host")), verb: words.button, impact: words.impact,
		cli: forEach(names, a.Program+" "+hostTwins[verb]),
	}
	up := 0
	for _, name := range names {
		note := []widget.Span{{Style: theme.Fg(theme.Fail), Text: "▼ DOWN "}}
		if h := a.snap.Host(name); h != nil {
			if h.Status == model.Up {
				up++
				note = []widget.Span{{Style: theme.Fg(theme.OK), Text: "▲ UP "}}
			}
			note = append(note, widget.Span{Style: muted, Text: counted(h.Counts.Total(), "task")})
		}
		d.targets = append(d.targets, target{name: name, note: note, action: Action{Verb: verb, Host: name}})
	}
	d.gateNumber()
	if verb == VerbDeregister {
		if up > 0 {
			d.warnings = []string{counted(up, "host") + " still UP: stop the agent first, or it will be back."}
		}
		if len(names) == 1 {
			d.gate, d.gateText = names[0], "the name of the host"
		}
	}
	return a.open(d)
}

func (a *app) confirmRemove(rows []*Job) tea.Cmd {
	if len(rows) == 0 {
		return nil
	}
	d := &dialog{title: "Remove " + counted(len(rows), "job"), verb: "Remove", impact: "This forgets the job and its history:"}
	var names []string
	deployed := 0
	for _, j := range rows {
		names = append(names, versionText(j.Spec.ID))
		deployed += j.Counts.Total()
		d.token = d.token || j.Spec.Token != ""
		note := []widget.Span{{Style: muted, Text: "on " + counted(j.Counts.Total(), "host")}}
		d.targets = append(d.targets, target{name: j.Spec.ID.Short(), note: note, action: Action{Verb: VerbRemove, Job: j.Spec.ID}})
	}
	if deployed > 0 {
		d.warnings = []string{"A job that is deployed cannot be removed: undeploy it first."}
	}
	d.cli = forEach(names, a.Program+" remove --yes %s")
	d.gateNumber()
	if len(rows) == 1 {
		d.gate, d.gateText = rows[0].Spec.ID.Name, "the name of the job"
	}
	return a.open(d)
}

// chooseRollout asks for the job of a rolling update.
func (a *app) chooseRollout(g *Group) tea.Cmd {
	var ids []model.JobID
	for _, j := range a.snap.Jobs {
		ids = append(ids, j.Spec.ID)
	}
	name := g.Spec.JobID.Name
	slices.SortStableFunc(ids, func(x, y model.JobID) int {
		return cmp.Or(boolRank(y.Name == name)-boolRank(x.Name == name), x.Compare(y))
	})
	return a.chooseJob("Roll which job out to "+g.Spec.Name+"?", ids, func(a *app, id model.JobID) tea.Cmd { return a.confirmRoll(VerbRoll, g, id) })
}

// confirmRoll asks before a rolling update, with the options of the last one.
func (a *app) confirmRoll(verb Verb, g *Group, id model.JobID) tea.Cmd {
	options := RolloutOptions{Parallelism: 1, Timeout: 5 * time.Minute}
	d := &dialog{verb: "Roll out", title: fmt.Sprintf("Rolling update of %s to %s", g.Spec.Name, versionText(id)), token: false}
	if verb == VerbRollBack {
		d.verb, d.title = "Roll back", fmt.Sprintf("Roll %s back to %s", g.Spec.Name, versionText(id))
	}
	if g.Rollout != nil {
		options = g.Rollout.Options
		if g.Rollout.Active() {
			d.warnings = append(d.warnings, fmt.Sprintf("The rollout of %s that runs now ends where it is.", versionText(g.Rollout.To)))
		}
	}
	if j := a.snap.Job(id); j != nil {
		d.token = j.Spec.Token != ""
	}
	up := 0
	for _, name := range g.Hosts {
		if h := a.snap.Host(name); h != nil && h.Status == model.Up {
			up++
		}
	}
	d.impact = fmt.Sprintf("This replaces the group's job on %d hosts (%d up), %d at a time, %s each at most:",
		len(g.Hosts), up, options.Parallelism, Age(options.Timeout))
	d.cli = fmt.Sprintf("%s rolling-update %s %s --par %d --timeout %d", a.Program, versionText(id), g.Spec.Name, options.Parallelism, int(options.Timeout.Seconds()))
	if verb == VerbRollBack {
		d.cli = fmt.Sprintf("%s rollback %s --to %s", a.Program, g.Spec.Name, versionText(id))
	}
	note := []widget.Span{{Style: muted, Text: versionText(g.Spec.JobID) + " → "}, {Style: focus, Text: versionText(id)}}
	d.targets = []target{{name: g.Spec.Name, note: note, action: Action{Verb: verb, Group: g.Spec.Name, Job: id, Options: &options}}}
	d.gate, d.gateText = g.Spec.Name, "the name of the group"
	return a.open(d)
}

func (a *app) confirmRollBack(g *Group) tea.Cmd {
	if g.Rollout == nil || g.Rollout.From.IsZero() {
		a.say("there is no job before the one of %s", g.Spec.Name)
		return nil
	}
	return a.confirmRoll(VerbRollBack, g, g.Rollout.From)
}

var rolloutVerbs = map[Verb]struct{ title, button, impact, cli string }{
	VerbRollStop: {"Stop the rollout of %s", "Stop rollout", "Hosts that are done keep the new job; the others keep the old one:", "stop-deployment-group"},
	VerbPause:    {"Pause the rollout of %s", "Pause", "Hosts that have begun go on to their end; no other begins:", "pause"},
	VerbResume:   {"Resume the rollout of %s", "Resume", "The next hosts begin:", "resume"},
}

func (a *app) confirmRollout(verb Verb, g *Group) tea.Cmd {
	if g.Rollout == nil || !g.Rollout.Active() {
		a.say("group %s is not rolling out", g.Spec.Name)
		return nil
	}
	words := rolloutVerbs[verb]
	p := progressOf(g.Rollout)
	note := []widget.Span{{Style: muted, Text: fmt.Sprintf("%s  %d done, %d in progress, %d waiting", versionText(g.Rollout.To), p.done, p.busy, p.waiting)}}
	return a.open(&dialog{
		title: fmt.Sprintf(words.title, g.Spec.Name), verb: words.button, impact: words.impact, cli: a.Program + " " + words.cli + " " + g.Spec.Name,
		targets: []target{{name: g.Spec.Name, note: note, action: Action{Verb: verb, Group: g.Spec.Name}}},
	})
}

func (a *app) confirmPause(g *Group) tea.Cmd {
	if g.Rollout != nil && g.Rollout.State == RolloutPaused {
		return a.confirmRollout(VerbResume, g)
	}
	return a.confirmRollout(VerbPause, g)
}

func (a *app) confirmRetry(g *Group, host string) tea.Cmd {
	if g.Rollout == nil {
		return nil
	}
	i := slices.IndexFunc(g.Rollout.Hosts, func(h RolloutHost) bool { return h.Host == host && h.Phase == PhaseFailed })
	if i < 0 {
		a.say("%s has not failed", host)
		return nil
	}
	note := []widget.Span{{Style: muted, Text: g.Rollout.Hosts[i].Reason}}
	options := g.Rollout.Options
	j := a.snap.Job(g.Rollout.To)
	return a.open(&dialog{
		title: "Retry " + host + " in the rollout of " + g.Spec.Name, verb: "Retry", token: j != nil && j.Spec.Token != "",
		impact: "This rolls the job out once more; hosts that run it are passed over:",
		cli:    fmt.Sprintf("%s rolling-update %s %s", a.Program, versionText(g.Rollout.To), g.Spec.Name),
		targets: []target{{name: host, note: note, action: Action{
			Verb: VerbRetry, Group: g.Spec.Name, Host: host, Job: g.Rollout.To, Options: &options,
		}}},
	})
}

func (a *app) confirmGroupDrop(g *Group) tea.Cmd {
	note := []widget.Span{{Style: muted, Text: counted(len(g.Hosts), "host")}}
	return a.open(&dialog{
		title: "Remove group " + g.Spec.Name, verb: "Remove", impact: "This forgets the group; what it deployed stays on its hosts:",
		cli: a.Program + " remove-deployment-group " + g.Spec.Name, gate: g.Spec.Name, gateText: "the name of the group",
		targets: []target{{name: g.Spec.Name, note: note, action: Action{Verb: VerbGroupDrop, Group: g.Spec.Name}}},
	})
}
