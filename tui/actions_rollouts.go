package tui

import (
	"fmt"
	"slices"
	"strings"

	tea "github.com/charmbracelet/bubbletea"

	"github.com/heliosctl/heliosctl/model"
	"github.com/heliosctl/heliosctl/tui/theme"
	"github.com/heliosctl/heliosctl/tui/widget"
)

// usualOptions are the options of a rolling update to a job for which none are given.
func (a *app) usualOptions(id model.JobID) RolloutOptions {
	j := a.snap.Job(id)
	if j == nil {
		return RolloutOptionsOf(nil, nil)
	}
	return RolloutOptionsOf(nil, j.Spec.RolloutOptions)
}

// rollTwin is the command line for a rolling update.
func (a *app) rollTwin(groups []string, id model.JobID, o RolloutOptions, token bool) string {
	quoted := make([]string, len(groups))
	for i, name := range groups {
		quoted[i] = model.QuoteWord(name)
	}
	command := a.program() + " rolling-update " + a.jobReference(id) + " %s"
	if flags := o.flags(a.usualOptions(id)); flags != "" {
		command += " " + flags
	}
	return forEach(quoted, command+a.tokenFlag(token))
}

// confirmRoll asks before rolling updates of groups.
func (a *app) confirmRoll(rows []*Group, id model.JobID, o RolloutOptions, token string, back modal) tea.Cmd {
	d := &dialog{
		verb: "Roll out", back: back, impact: "This replaces the group's job host by host: " + strings.Join(o.words(), ", "),
		title: func(targets []target) string {
			return fmt.Sprintf("Rolling update of %s to %s", groupsText(targets), versionText(id))
		},
		cli: func(targets []target) string {
			var names []string
			needed := false
			for i := range targets {
				names, needed = append(names, targets[i].name), needed || targets[i].token
			}
			return a.rollTwin(names, id, o, needed)
		},
	}
	for _, g := range rows {
		d.addRoll(a, g, Action{Verb: VerbRoll, Group: g.Spec.Name, Job: id, Options: &o})
	}
	d.secret.Set(token)
	return a.open(d.gateGroups())
}

// addRoll adds a group that is to be rolled.
func (d *dialog) addRoll(a *app, g *Group, action Action) {
	name := g.Spec.Name
	if g.Rollout != nil && g.Rollout.Active() {
		d.warnings = append(d.warnings, fmt.Sprintf("The rollout of %s to %s that runs now ends where it is.", versionText(g.Rollout.To), name))
	}
	for _, other := range activeFirst(a.snap.Groups) {
		if n := touched(other, g.Hosts); other.Spec.Name != name && n > 0 && other.Rollout.To.Name == action.Job.Name {
			d.warnings = append(d.warnings, fmt.Sprintf("Group %s is rolling %s out to %s of these.", other.Spec.Name, versionText(other.Rollout.To), counted(n, "host")))
		}
	}
	if other := a.otherToken(g, action.Job); other != nil {
		d.warnings = append(d.warnings, fmt.Sprintf("%s, which runs there, and %s have different tokens. A rollout has one only: it cannot replace that one.",
			versionText(other.Spec.ID), versionText(action.Job)))
	}
	d.targets = append(d.targets, target{
		name: name, action: action, token: action.Verb != VerbRollBack && a.hasToken(action.Job),
		note: func(a *app) []widget.Span {
			g := a.snap.Group(name)
			if g == nil {
				return []widget.Span{{Style: theme.Fg(theme.Warn), Text: "is not known"}}
			}
			up := 0
			for _, host := range g.Hosts {
				if h := a.snap.Host(host); h != nil && h.Status == model.Up {
					up++
				}
			}
			return []widget.Span{
				{Style: muted, Text: versionText(g.Spec.JobID) + " → "}, {Style: focus, Text: backText(action.Job)},
				{Style: muted, Text: fmt.Sprintf(" on %s, %d up", counted(len(g.Hosts), "host"), up)},
			}
		},
	})
}

// otherToken is a job that a group has on a host and whose token is not that of the job that is to replace it.
func (a *app) otherToken(g *Group, id model.JobID) *Job {
	next := a.snap.Job(id)
	for _, name := range g.Hosts {
		h := a.snap.Host(name)
		if h == nil || next == nil {
			continue
		}
		for _, t := range h.Tasks {
			if old := a.snap.Job(t.Job); t.Group == g.Spec.Name && old != nil && old.Spec.Token != next.Spec.Token {
				return old
			}
		}
	}
	return nil
}

// confirmRollBack asks before groups go back to the job before.
func (a *app) confirmRollBack(rows []*Group) tea.Cmd {
	rows = slices.DeleteFunc(slices.Clone(rows), func(g *Group) bool { return g.Rollout == nil })
	if len(rows) == 0 {
		a.say("it has never been rolled: there is nothing to go back to")
		return nil
	}
	d := &dialog{
		verb: "Roll back", impact: "This brings the hosts back to the job before, with the options of the last rollout:",
		title: func(targets []target) string {
			if len(targets) == 1 {
				return "Roll " + targets[0].name + " back to " + backText(targets[0].action.Job)
			}
			return "Roll " + groupsText(targets) + " back"
		},
		cli: func(targets []target) string {
			var commands []string
			for i := range targets {
				act := &targets[i].action
				command := a.program() + " rollback " + model.QuoteWord(act.Group)
				if !act.Job.IsZero() {
					command += " --to " + a.jobReference(act.Job)
				}
				commands = append(commands, command)
			}
			return strings.Join(commands, "; ")
		},
	}
	for _, g := range rows {
		options := g.Rollout.Options
		action := Action{Verb: VerbRollBack, Group: g.Spec.Name, Options: &options}
		if before := jobBefore(g); a.snap.Job(before) != nil {
			action.Job = before
		}
		d.addRoll(a, g, action)
		if action.Job.IsZero() {
			d.targets[len(d.targets)-1].outlook = func(*app) outlook {
				return outlook{wouldChange, "each host goes back to what ran there before the last rollout"}
			}
		}
	}
	return a.open(d.gateGroups())
}

// jobBefore returns the job that a group had before its present one: rollouts of that one again, one after the other, do not count.
func jobBefore(g *Group) model.JobID {
	for _, r := range append([]*Rollout{g.Rollout}, g.Past...) {
		if r.From != g.Rollout.To {
			return r.From
		}
	}
	return model.JobID{}
}

// backText names the job that a group goes back to. Without one it is whatever each host had.
func backText(id model.JobID) string {
	if id.IsZero() {
		return "what ran before"
	}
	return versionText(id)
}

var rolloutVerbs = map[Verb]struct{ title, button, impact, cli, outlook string }{
	VerbRollStop: {
		"Stop the rollout of %s", "Stop rollout", "Hosts keep what they have: the new job where it is deployed, the old one where no turn has come:", "stop-deployment-group %s",
		"ends: %d done keep the new job, %d under way stay, %d keep the old",
	},
	VerbPause: {
		"Pause the rollout of %s", "Pause", "Hosts that have begun go on to their end; no other begins:", "pause %s",
		"holds: %d done, %d under way go on to their end, %d wait",
	},
	VerbResume: {
		"Resume the rollout of %s", "Resume", "The next hosts begin; failures so far are accepted:", "resume %s",
		"goes on: %d done, %d under way, %d get their turn",
	},
}

func (a *app) confirmRollout(verb Verb, rows []*Group) tea.Cmd {
	rows = slices.DeleteFunc(slices.Clone(rows), func(g *Group) bool { return g.Rollout == nil || !g.Rollout.Active() })
	if len(rows) == 0 {
		a.say("there is no rollout that goes on")
		return nil
	}
	words := rolloutVerbs[verb]
	d := &dialog{
		title: func(targets []target) string { return fmt.Sprintf(words.title, groupsText(targets)) }, verb: words.button, impact: words.impact,
		cli: a.groupTwin(words.cli),
	}
	for _, g := range rows {
		name := g.Spec.Name
		d.targets = append(d.targets, target{
			name: name, note: groupNote(name), action: Action{Verb: verb, Group: name},
			outlook: func(a *app) outlook { return rolloutOutlook(verb, a.snap.Group(name)) },
		})
		if verb == VerbRollStop {
			d.warnings = append(d.warnings, betweenWarnings(g)...)
		}
	}
	return a.open(d.gateNumber())
}

// betweenWarnings count the hosts that have given up the old job and do not have the new one yet: a rollout that is stopped leaves them so.
func betweenWarnings(g *Group) []string {
	if g.Rollout.Options.Overlap {
		return nil
	}
	between := 0
	for _, h := range g.Rollout.Hosts {
		if h.Phase == PhaseUndeploy || h.Phase == PhaseAwaitUndeployed {
			between++
		}
	}
	if between == 0 {
		return nil
	}
	return []string{fmt.Sprintf("Between the two jobs, and left without either: %s of %s.", counted(between, "host"), g.Spec.Name)}
}

// rolloutOutlook is what would become of a running rollout.
func rolloutOutlook(verb Verb, g *Group) outlook {
	if g == nil || g.Rollout == nil || !g.Rollout.Active() {
		return outlook{wouldFail, "it is not rolling out any more"}
	}
	switch waits := g.Rollout.Waits(); {
	case verb == VerbPause && g.Rollout.State == RolloutPaused:
		return outlook{wouldNot, "it is paused already"}
	case verb == VerbResume && !waits:
		return outlook{wouldNot, "it goes on already"}
	}
	p := progressOf(g.Rollout)
	return outlook{wouldChange, fmt.Sprintf(rolloutVerbs[verb].outlook, p.done, p.busy, p.waiting)}
}

// confirmPause holds rollouts; if all of them wait, it has them go on.
func (a *app) confirmPause(rows []*Group) tea.Cmd {
	goes := func(g *Group) bool { return g.Rollout != nil && g.Rollout.State == RolloutRunning }
	if slices.ContainsFunc(rows, goes) {
		return a.confirmRollout(VerbPause, slices.DeleteFunc(slices.Clone(rows), func(g *Group) bool { return !goes(g) }))
	}
	return a.confirmRollout(VerbResume, rows)
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
	options, token := g.Rollout.Options, a.hasToken(g.Rollout.To)
	d := &dialog{
		title: said("Retry " + host + " in the rollout of " + g.Spec.Name), verb: "Retry",
		impact: "This rolls the job out once more; hosts that run it are passed over:",
		cli:    said(a.rollTwin([]string{g.Spec.Name}, g.Rollout.To, options, token)),
		targets: []target{{name: host, note: spanNote(muted, g.Rollout.Hosts[i].Reason), token: token, action: Action{
			Verb: VerbRetry, Group: g.Spec.Name, Host: host, Job: g.Rollout.To, Options: &options,
		}}},
	}
	if g.Rollout.Active() {
		d.warnings = []string{"The rollout that runs now ends, and begins anew."}
	}
	return a.open(d)
}
