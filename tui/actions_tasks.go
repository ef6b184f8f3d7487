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

// taskRef names a task that is there or is to be.
type taskRef struct {
	job  model.JobID
	host string
}

// onHosts are the tasks of one job on hosts.
func onHosts(id model.JobID, hosts []string) []taskRef {
	refs := make([]taskRef, len(hosts))
	for i, host := range hosts {
		refs[i] = taskRef{id, host}
	}
	return refs
}

// refsOf are the references to tasks.
func refsOf(tasks []*Task) []taskRef {
	refs := make([]taskRef, len(tasks))
	for i, t := range tasks {
		refs[i] = taskRef{t.Job, t.Host}
	}
	return refs
}

// taskVerbs are what can be done with tasks.
var taskVerbs = map[Verb]struct{ title, button, impact string }{
	VerbUndeploy: {"Undeploy %s from %s", "Undeploy", "This stops and removes the container on:"},
	VerbStop:     {"Stop %s on %s", "Stop", "This stops the container and leaves the job deployed on:"},
	VerbStart:    {"Start %s on %s", "Start", "This starts the job on:"},
	VerbDeploy:   {"Deploy %s to %s", "Deploy", "This deploys and starts the job on:"},
}

// confirmTasks asks before something is done with tasks, of one job or of several.
func (a *app) confirmTasks(verb Verb, refs []taskRef) tea.Cmd {
	refs = slices.DeleteFunc(refs, func(r taskRef) bool { return a.snap.Job(r.job) == nil })
	if len(refs) == 0 {
		a.say("there is nothing to %s: the job is on no host", verb)
		return nil
	}
	words := taskVerbs[verb]
	d := &dialog{
		title: func(targets []target) string {
			jobs, hosts := taskCounts(targets)
			return fmt.Sprintf(words.title, jobs, hosts)
		},
		verb: words.button, impact: words.impact, cli: func(targets []target) string { return a.taskTwin(verb, targets) },
	}
	for _, r := range refs {
		d.targets = append(d.targets, target{
			name: taskName(refs, r), note: func(a *app) []widget.Span { return a.taskNote(r, verb) },
			outlook: func(a *app) outlook { return a.taskOutlook(r, verb) }, token: a.hasToken(r.job),
			action: Action{Verb: verb, Job: r.job, Host: r.host, Goal: model.GoalStart},
		})
	}
	d.warnings = append(a.rolloutWarnings(refs), a.downWarnings(refs)...)
	if verb == VerbDeploy {
		d.warnings = append(d.warnings, a.drainWarnings(refs)...)
	}
	return a.open(d.gateNumber())
}

// taskCounts are the one job and the one host of targets, or how many there are.
func taskCounts(targets []target) (jobs, hosts string) {
	ids, names := map[model.JobID]bool{}, map[string]bool{}
	for i := range targets {
		ids[targets[i].action.Job], names[targets[i].action.Host] = true, true
	}
	jobs, hosts = counted(len(ids), "job"), counted(len(names), "host")
	if len(ids) == 1 {
		jobs = versionText(targets[0].action.Job)
	}
	if len(names) == 1 {
		hosts = targets[0].action.Host
	}
	return jobs, hosts
}

// taskName is what tells a task from the others: its host, its job, or both.
func taskName(refs []taskRef, r taskRef) string {
	switch {
	case !slices.ContainsFunc(refs, func(other taskRef) bool { return other.job != r.job }):
		return r.host
	case !slices.ContainsFunc(refs, func(other taskRef) bool { return other.host != r.host }):
		return versionText(r.job)
	}
	return versionText(r.job) + " on " + r.host
}

// taskTwin is a command line for each job.
func (a *app) taskTwin(verb Verb, targets []target) string {
	var ids []model.JobID
	hosts := map[model.JobID][]string{}
	for i := range targets {
		act := &targets[i].action
		if hosts[act.Job] == nil {
			ids = append(ids, act.Job)
		}
		hosts[act.Job] = append(hosts[act.Job], model.QuoteWord(act.Host))
	}
	var commands []string
	for _, id := range ids {
		commands = append(commands, a.program()+" "+string(verb)+" "+a.jobReference(id)+" "+strings.Join(hosts[id], " ")+a.tokenFlag(a.hasToken(id)))
	}
	return strings.Join(commands, "; ")
}

// taskNote says how a task is now.
func (a *app) taskNote(r taskRef, verb Verb) []widget.Span {
	h := a.snap.Host(r.host)
	if h == nil {
		return []widget.Span{{Style: theme.Fg(theme.Warn), Text: "is not known"}}
	}
	t := h.Task(r.job)
	switch {
	case a.snap.Job(r.job) == nil:
		return goneNote()
	case t == nil && verb == VerbDeploy:
		return hostNote(h)
	case t == nil:
		return []widget.Span{{Style: theme.Fg(theme.Warn), Text: "does not have it"}}
	}
	return append(stateSpans(t.State, true), widget.Span{Style: muted, Text: "  " + Age(a.now().Sub(t.Since)) + "  " + t.Describe()})
}

// taskOutlook is what would become of a task.
func (a *app) taskOutlook(r taskRef, verb Verb) outlook {
	h, j := a.snap.Host(r.host), a.snap.Job(r.job)
	if h == nil || j == nil {
		return outlook{wouldFail, "there is no such host or job any more"}
	}
	t := h.Task(r.job)
	o := outlook{wouldChange, ""}
	switch {
	case verb == VerbDeploy:
		return deployOutlook(a, h, j, t)
	case t == nil || t.Goal == "" || t.Goal == model.GoalUndeploy && verb != VerbUndeploy:
		return outlook{wouldFail, "the job is not deployed there"}
	case verb == VerbUndeploy && t.Goal == model.GoalUndeploy:
		return outlook{wouldNot, "it is being undeployed already"}
	case verb == VerbStop && t.Goal == model.GoalStop:
		return outlook{wouldNot, "it is to be stopped already"}
	case verb == VerbStart && t.Goal == model.GoalStart:
		return outlook{wouldNot, "it is to run already: " + strings.ToLower(string(t.State))}
	case verb == VerbStart:
		o.text = "start a container of " + j.Spec.Image
	case !holdsContainer(t.State):
		o.text = map[Verb]string{VerbStop: "stays stopped", VerbUndeploy: "taken off the host"}[verb]
	default:
		o.text = map[Verb]string{VerbStop: "stop the container", VerbUndeploy: "stop the container and take the job off the host"}[verb] + killText(j.Spec)
	}
	return later(h, o)
}

func holdsContainer(s model.State) bool {
	return s != "" && s != model.StateStopped && s != model.StateExited && s != model.StateFailed
}

// later is what happens when the host is back.
func later(h *Host, o outlook) outlook {
	if h.Status != model.Up {
		return outlook{wouldWait, "when its agent is back: " + o.text}
	}
	return o
}

func killText(spec *model.Job) string {
	if spec.SecondsToWaitBeforeKill == nil {
		return ""
	}
	return fmt.Sprintf(", killed after %ds", *spec.SecondsToWaitBeforeKill)
}

func deployOutlook(a *app, h *Host, j *Job, t *Task) outlook {
	switch {
	case t != nil && t.Goal != "" && t.Goal != model.GoalUndeploy:
		return outlook{wouldFail, "it is deployed there already"}
	case h.Drain != nil:
		return outlook{wouldFail, "the host is drained"}
	}
	ports := j.Spec.StaticPorts()
	for _, other := range h.Tasks {
		spec := a.snap.Job(other.Job)
		if spec == nil || other.Job == j.Spec.ID {
			continue
		}
		for _, port := range spec.Spec.StaticPorts() {
			if slices.Contains(ports, port) {
				return outlook{wouldFail, fmt.Sprintf("port %d is taken by %s", port, versionText(other.Job))}
			}
		}
	}
	return later(h, outlook{wouldChange, "pull " + j.Spec.Image + " and start it"})
}

// rolloutWarnings say when a running rollout will undo what is about to be done.
func (a *app) rolloutWarnings(refs []taskRef) []string {
	var warnings []string
	for _, g := range activeFirst(a.snap.Groups) {
		r := g.Rollout
		for _, id := range []model.JobID{r.From, r.To} {
			var names []string
			for _, ref := range refs {
				if ref.job == id && !id.IsZero() {
					names = append(names, ref.host)
				}
			}
			if n := touched(g, names); n > 0 {
				warnings = append(warnings, fmt.Sprintf("%s is being rolled by group %s: the rollout will bring %s to %s.",
					versionText(id), g.Spec.Name, map[bool]string{true: "this host", false: "these hosts"}[n == 1], versionText(r.To)))
			}
		}
	}
	return warnings
}

// hostsIn are the hosts of tasks, each once.
func (a *app) hostsIn(refs []taskRef) []*Host {
	var found []*Host
	seen := map[string]bool{}
	for _, r := range refs {
		if h := a.snap.Host(r.host); h != nil && !seen[r.host] {
			seen[r.host] = true
			found = append(found, h)
		}
	}
	return found
}

func (a *app) downWarnings(refs []taskRef) []string {
	down := 0
	for _, h := range a.hostsIn(refs) {
		if h.Status != model.Up {
			down++
		}
	}
	if down == 0 {
		return nil
	}
	return []string{counted(down, "host") + map[bool]string{true: " is", false: " are"}[down == 1] + " DOWN: it happens there when the agent is back."}
}

func (a *app) drainWarnings(refs []taskRef) []string {
	drained := 0
	for _, h := range a.hostsIn(refs) {
		if h.Drain != nil {
			drained++
		}
	}
	if drained == 0 {
		return nil
	}
	return []string{counted(drained, "host") + " drained: deployments there are refused."}
}
