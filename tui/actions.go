package tui

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	tea "github.com/charmbracelet/bubbletea"

	"github.com/heliosctl/heliosctl/model"
	"github.com/heliosctl/heliosctl/tui/theme"
	"github.com/heliosctl/heliosctl/tui/widget"
)

// said is a title that does not depend on how many targets there are.
func said(text string) func([]target) string { return func([]target) string { return text } }

// jobReference is how the command line names a job without doubt.
func (a *app) jobReference(id model.JobID) string {
	for _, j := range a.snap.Jobs {
		if other := j.Spec.ID; other != id && other.Name == id.Name && other.Version == id.Version {
			return model.QuoteWord(id.String())
		}
	}
	return model.QuoteWord(versionText(id))
}

// tokenFlag is what the command line needs for jobs with a token. The token itself is never shown.
func (a *app) tokenFlag(needed bool) string {
	switch {
	case !needed:
		return ""
	case a.Token != nil:
		return ` --token "` + a.Token.Shell + `"`
	}
	return ` --token "$TOKEN"`
}

func (a *app) hasToken(id model.JobID) bool {
	j := a.snap.Job(id)
	return j != nil && j.Spec.Token != ""
}

// forEach is a command line that takes one name in the place of %s, for one or several of them.
func forEach(names []string, command string) string {
	if len(names) == 1 {
		return strings.Replace(command, "%s", names[0], 1)
	}
	return "for x in " + strings.Join(names, " ") + "; do " + strings.Replace(command, "%s", `"$x"`, 1) + "; done"
}

func spanNote(style theme.Style, text string) func(*app) []widget.Span {
	return func(*app) []widget.Span { return []widget.Span{{Style: style, Text: text}} }
}

// goneNote says that a job that a dialog was opened for has been removed since.
func goneNote() []widget.Span {
	return []widget.Span{{Style: theme.Fg(theme.Warn), Text: "is not there any more"}}
}

// chooseHosts asks where to deploy jobs: on any number of the hosts that do not have them.
func (a *app) chooseHosts(ids ...model.JobID) tea.Cmd {
	picked := map[string]bool{}
	var options []option
	for _, h := range a.snap.Hosts {
		if !slices.ContainsFunc(ids, func(id model.JobID) bool { return h.Task(id) == nil }) {
			continue
		}
		name := h.Name
		options = append(options, option{title: name, note: string(h.Status) + " " + h.labelText, do: func(*app) tea.Cmd { picked[name] = !picked[name]; return nil }})
	}
	title := "Deploy " + counted(len(ids), "job") + " to"
	if len(ids) == 1 {
		title = "Deploy " + versionText(ids[0]) + " to"
	}
	return a.open(&hostChooser{chooser{title: title, options: options, many: true}, picked, ids})
}

// hostChooser goes on to the dialog once the hosts are chosen.
type hostChooser struct {
	chooser
	picked map[string]bool
	ids    []model.JobID
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
	var refs []taskRef
	for _, id := range c.ids {
		for _, name := range names {
			if h := a.snap.Host(name); h != nil && h.Task(id) == nil {
				refs = append(refs, taskRef{id, name})
			}
		}
	}
	return a.confirmTasks(VerbDeploy, refs)
}

var hostVerbs = map[Verb]struct{ title, button, impact string }{
	VerbDrain:      {"Drain %s", "Drain", "These hosts take no new deployments from now on:"},
	VerbUndrain:    {"End the drain of %s", "End drain", "These hosts take deployments again:"},
	VerbDeregister: {"Deregister %s", "Deregister", "This forgets the host, its deployments and its history:"},
}

func (a *app) confirmHosts(verb Verb, names []string) tea.Cmd {
	if len(names) == 0 {
		return nil
	}
	words := hostVerbs[verb]
	d := &dialog{
		title: func(targets []target) string { return fmt.Sprintf(words.title, hostsText(targets)) }, verb: words.button, impact: words.impact,
		cli: func(targets []target) string { return a.hostTwin(verb, targets) },
	}
	up := 0
	for _, name := range names {
		if h := a.snap.Host(name); h != nil && h.Status == model.Up {
			up++
		}
		d.targets = append(d.targets, target{
			name: name, note: func(a *app) []widget.Span { return hostNote(a.snap.Host(name)) },
			outlook: func(a *app) outlook { return hostOutlook(verb, a.snap.Host(name)) }, action: Action{Verb: verb, Host: name},
		})
	}
	d.gateNumber()
	d.warnings = a.hostRolloutWarnings(verb, names)
	if verb == VerbDeregister {
		if up > 0 {
			d.warnings = append(d.warnings, counted(up, "host")+" still UP: stop the agent first, or it will be back.")
		}
		if len(names) == 1 {
			d.gate, d.gateText = names[0], "the name of the host"
		}
	}
	return a.open(d)
}

// hostsText is the one host, or how many there are.
func hostsText(targets []target) string {
	if len(targets) == 1 {
		return targets[0].action.Host
	}
	return counted(len(targets), "host")
}

// hostTwin is the command line for a change of hosts. A host that is UP or has jobs is forgotten by force only.
func (a *app) hostTwin(verb Verb, targets []target) string {
	command := map[Verb]string{VerbDrain: "drain %s", VerbUndrain: "drain %s --undo", VerbDeregister: "deregister %s --yes"}[verb]
	var names []string
	force := false
	for i := range targets {
		names = append(names, model.QuoteWord(targets[i].action.Host))
		h := a.snap.Host(targets[i].action.Host)
		force = force || h != nil && (h.Status == model.Up || deployments(h.Tasks) > 0)
	}
	if verb == VerbDeregister && force {
		command += " --force"
	}
	return forEach(names, a.program()+" "+command)
}

// hostNote says how a host is now.
func hostNote(h *Host) []widget.Span {
	if h == nil {
		return []widget.Span{{Style: theme.Fg(theme.Warn), Text: "is not known"}}
	}
	note := []widget.Span{{Style: theme.Fg(theme.Fail), Text: "▼ DOWN "}}
	if h.Status == model.Up {
		note = []widget.Span{{Style: theme.Fg(theme.OK), Text: "▲ UP "}}
	}
	if h.Drain != nil {
		note = append(note, widget.Span{Style: theme.Fg(theme.Warn), Text: "▽ drained "})
	}
	return append(note, widget.Span{Style: muted, Text: counted(h.Counts.Total(), "task")})
}

// hostOutlook is what a change of a host would come to.
func hostOutlook(verb Verb, h *Host) outlook {
	switch {
	case h == nil:
		return outlook{wouldFail, "there is no such host"}
	case verb == VerbDrain && h.Drain != nil:
		return outlook{wouldNot, "it is drained already"}
	case verb == VerbUndrain && h.Drain == nil:
		return outlook{wouldNot, "it is not drained"}
	case verb == VerbDrain:
		return outlook{wouldChange, "takes no new deployments; its " + counted(h.Counts.Total(), "task") + " run on"}
	case verb == VerbUndrain:
		return outlook{wouldChange, "takes deployments again"}
	case h.Status == model.Up:
		return outlook{wouldChange, "forgotten; its agent registers it anew and stops its " + counted(h.Counts.Total(), "task")}
	}
	return outlook{wouldChange, "forgotten, with " + counted(h.Counts.Total(), "task")}
}

// hostRolloutWarnings say which running rollouts a change of hosts gets in the way of.
func (a *app) hostRolloutWarnings(verb Verb, names []string) []string {
	effect := map[Verb]string{
		VerbDrain: "it skips hosts that are drained when their turn comes", VerbUndrain: "it may still come to them",
		VerbDeregister: "they leave the rollout",
	}[verb]
	var warnings []string
	for _, g := range activeFirst(a.snap.Groups) {
		if n := touched(g, names); n > 0 {
			warnings = append(warnings, fmt.Sprintf("Group %s is rolling out to %s of these: %s.", g.Spec.Name, counted(n, "host"), effect))
		}
	}
	return warnings
}

// touched counts the hosts that a group selects.
func touched(g *Group, names []string) int {
	n := 0
	for _, name := range names {
		if _, ok := slices.BinarySearch(g.Hosts, name); ok {
			n++
		}
	}
	return n
}

func (a *app) confirmRemove(rows []*Job) tea.Cmd {
	if len(rows) == 0 {
		return nil
	}
	d := &dialog{
		verb: "Remove", impact: "This forgets the job and its history:",
		title: func(targets []target) string {
			if len(targets) == 1 {
				return "Remove job " + versionText(targets[0].action.Job)
			}
			return "Remove " + counted(len(targets), "job")
		},
		cli: a.removeTwin,
	}
	deployed := 0
	for _, j := range rows {
		id := j.Spec.ID
		deployed += deployments(j.Tasks)
		d.targets = append(d.targets, target{
			name: id.Short(), token: j.Spec.Token != "", action: Action{Verb: VerbRemove, Job: id},
			note: func(a *app) []widget.Span {
				if a.snap.Job(id) == nil {
					return goneNote()
				}
				return []widget.Span{{Style: muted, Text: "deployed to " + counted(a.deployedTo(id), "host")}}
			},
			outlook: func(a *app) outlook {
				switch n := a.deployedTo(id); {
				case a.snap.Job(id) == nil:
					return outlook{wouldFail, "there is no such job"}
				case n > 0:
					return outlook{wouldFail, "it is deployed to " + counted(n, "host") + ": undeploy it first"}
				}
				return outlook{wouldChange, "forgotten, with its history"}
			},
		})
		for _, g := range activeFirst(a.snap.Groups) {
			if g.Rollout.To == id || g.Rollout.From == id {
				d.warnings = append(d.warnings, fmt.Sprintf("%s is being rolled by group %s.", versionText(id), g.Spec.Name))
			}
		}
	}
	if deployed > 0 {
		d.warnings = append(d.warnings, "A job that is deployed cannot be removed: undeploy it first.")
	}
	d.gateNumber()
	if len(rows) == 1 {
		d.gate, d.gateText = rows[0].Spec.ID.Name, "the name of the job"
	}
	return a.open(d)
}

// deployedTo is on how many hosts a job is deployed.
func (a *app) deployedTo(id model.JobID) int {
	if j := a.snap.Job(id); j != nil {
		return deployments(j.Tasks)
	}
	return 0
}

// deployments counts the tasks that are wanted. Others are reported until their containers are gone.
func deployments(tasks []*Task) int {
	n := 0
	for _, t := range tasks {
		if t.Goal != "" && t.Goal != model.GoalUndeploy {
			n++
		}
	}
	return n
}

// removeTwin takes the jobs with a token apart from those without.
func (a *app) removeTwin(targets []target) string {
	var commands []string
	for _, token := range []bool{false, true} {
		var names []string
		for i := range targets {
			if targets[i].token == token {
				names = append(names, a.jobReference(targets[i].action.Job))
			}
		}
		if len(names) > 0 {
			commands = append(commands, forEach(names, a.program()+" remove %s --yes"+a.tokenFlag(token)))
		}
	}
	return strings.Join(commands, "; ")
}

// confirmCreate asks before a job is created.
func (a *app) confirmCreate(job model.Job, from *model.Job, back modal) tea.Cmd {
	id := job.WithID().ID
	twin := a.createTwin(job, from)
	note := job.Image
	if len(job.Command) > 0 {
		note += "  " + model.QuoteWords(job.Command)
	}
	return a.open(&dialog{
		title: said("Create job " + versionText(id)), verb: "Create", impact: "This makes a new job; it runs nowhere until it is deployed:",
		cli: said(twin), back: back, warnings: a.createWarnings(job),
		targets: []target{{name: id.Short(), note: spanNote(muted, note), action: Action{Verb: VerbCreate, Spec: &job}, outlook: func(a *app) outlook {
			if a.snap.Job(id) != nil {
				return outlook{wouldFail, "there is such a job already"}
			}
			return outlook{wouldChange, "created as " + id.String()}
		}}},
	})
}

func (a *app) createTwin(job model.Job, from *model.Job) string {
	if from == nil {
		return createTwin(a.program(), job, nil, "")
	}
	return createTwin(a.program(), job, from, a.jobReference(from.ID))
}

// createWarnings say what is legal and may still not be meant.
func (a *app) createWarnings(job model.Job) []string {
	var warnings []string
	id := job.WithID().ID
	for _, j := range a.snap.Jobs {
		switch {
		case j.Spec.ID == id:
			warnings = append(warnings, "There is this very job already.")
		case j.Spec.ID.Name == id.Name && j.Spec.ID.Version == id.Version:
			warnings = append(warnings, fmt.Sprintf("There is another %s, with the hash %s: name:version will not tell them apart.", versionText(id), j.Spec.ID.Hash[:min(7, len(j.Spec.ID.Hash))]))
		}
	}
	return warnings
}

// confirmGroupDrop asks before groups are forgotten.
func (a *app) confirmGroupDrop(rows []*Group) tea.Cmd {
	if len(rows) == 0 {
		return nil
	}
	d := &dialog{
		title: func(targets []target) string { return "Remove " + groupsText(targets) }, verb: "Remove",
		impact: "This forgets the group; what it deployed stays on its hosts:", cli: a.groupTwin("remove-deployment-group %s"),
	}
	for _, g := range rows {
		name := g.Spec.Name
		if g.Rollout != nil && g.Rollout.Active() {
			d.warnings = append(d.warnings, fmt.Sprintf("Group %s is rolling out %s: the rollout ends where it is.", name, versionText(g.Rollout.To)))
		}
		d.targets = append(d.targets, target{
			name: name, note: groupNote(name), action: Action{Verb: VerbGroupDrop, Group: name},
			outlook: func(a *app) outlook {
				if g := a.snap.Group(name); g != nil {
					return outlook{wouldChange, "forgotten; " + counted(len(g.Hosts), "host") + " keep what they run"}
				}
				return outlook{wouldFail, "there is no such group"}
			},
		})
	}
	return a.open(d.gateGroups())
}

// gateGroups makes the group's name something that has to be typed; of several it is how many they are.
func (d *dialog) gateGroups() *dialog {
	if d.gateNumber(); len(d.targets) == 1 {
		d.gate, d.gateText = d.targets[0].action.Group, "the name of the group"
	}
	return d
}

func groupsText(targets []target) string {
	if len(targets) == 1 {
		return "group " + targets[0].action.Group
	}
	return counted(len(targets), "group")
}

// groupTwin is the command line for what is done with groups one by one.
func (a *app) groupTwin(command string) func(targets []target) string {
	return func(targets []target) string {
		var names []string
		for i := range targets {
			names = append(names, model.QuoteWord(targets[i].action.Group))
		}
		return forEach(names, a.program()+" "+command)
	}
}

// groupNote says how a group is now.
func groupNote(name string) func(a *app) []widget.Span {
	return func(a *app) []widget.Span {
		g := a.snap.Group(name)
		switch {
		case g == nil:
			return []widget.Span{{Style: theme.Fg(theme.Warn), Text: "is not known"}}
		case g.Rollout == nil:
			return []widget.Span{{Style: muted, Text: "○ IDLE  " + counted(len(g.Hosts), "host")}}
		}
		p := progressOf(g.Rollout)
		return []widget.Span{
			{Style: theme.Fg(rolloutColor(g.Rollout.State)), Text: rolloutGlyph(g.Rollout.State) + " " + string(g.Rollout.State)},
			{Style: muted, Text: fmt.Sprintf("  %s  %d done, %d in progress, %d waiting", versionText(g.Rollout.To), p.done, p.busy, p.waiting)},
		}
	}
}

// chooseRollout asks for the job of a rolling update.
func (a *app) chooseRollout(rows ...*Group) tea.Cmd {
	if len(rows) == 0 {
		return nil
	}
	var ids []model.JobID
	for _, j := range a.snap.Jobs {
		ids = append(ids, j.Spec.ID)
	}
	name := rows[0].Spec.JobID.Name
	slices.SortStableFunc(ids, func(x, y model.JobID) int {
		return cmp.Or(boolRank(y.Name == name)-boolRank(x.Name == name), x.Compare(y))
	})
	title := "Roll which job out to " + rows[0].Spec.Name + "?"
	if len(rows) > 1 {
		title = "Roll which job out to " + counted(len(rows), "group") + "?"
	}
	return a.chooseJob(title, ids, func(a *app, id model.JobID) tea.Cmd { return a.open(newRollForm(a, rows, id)) })
}
