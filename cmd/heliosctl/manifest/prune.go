package manifest

import (
	"fmt"
	"maps"
	"slices"

	"github.com/heliosctl/heliosctl/model"
)

// Outdated returns the jobs that pruning considers: the versions of the manifests' jobs that the manifests do not name, and the jobs that
// are to be absent. It is what Cluster.Deployed is needed of.
func (m *Manifests) Outdated(jobs map[model.JobID]model.Job) []model.JobID {
	names, absent := map[string]bool{}, map[model.JobID]bool{}
	for _, j := range m.Jobs {
		if j.Absent {
			absent[model.JobID{Name: j.Job.ID.Name, Version: j.Job.ID.Version}] = true
		} else {
			names[j.Job.ID.Name] = true
		}
	}
	var outdated []model.JobID
	for id := range jobs {
		if absent[model.JobID{Name: id.Name, Version: id.Version}] || names[id.Name] && m.job(id) == nil {
			outdated = append(outdated, id)
		}
	}
	slices.SortFunc(outdated, model.JobID.Compare)
	return outdated
}

// removals plans what is removed, groups before the jobs that they run.
func (p *planner) removals() {
	for i := range p.manifests.Groups {
		if g := &p.manifests.Groups[i]; g.Absent {
			p.removeGroup(g)
		}
	}
	for i := range p.manifests.Jobs {
		if j := &p.manifests.Jobs[i]; j.Absent {
			p.removeAbsent(j)
		}
	}
	if !p.prune {
		return
	}
	for _, id := range p.manifests.Outdated(p.cluster.Jobs) {
		if p.manifests.job(id) == nil && p.user(id) == "" {
			p.add(p.removalOf(p.cluster.Jobs[id], "not in the manifests any more, and not used"))
		}
	}
}

// removal is the action for what is to be absent.
func (p *planner) removal() (Action, string) {
	if p.prune {
		return ActionRemove, "it is to be absent"
	}
	return ActionKeep, "it is to be absent, and is removed with --prune"
}

func (p *planner) removeGroup(g *Group) {
	change := Change{Kind: KindGroup, Name: g.Name, Origin: g.Origin, Action: ActionNone, Note: "it is absent"}
	if there, exists := p.cluster.Groups[g.Name]; exists {
		change.Before = showGroup(there.DeploymentGroup)
		change.Action, change.Note = p.removal()
		if p.prune {
			change.Note += "; what it deployed stays deployed"
		}
	}
	p.add(change)
}

func (p *planner) removeAbsent(j *Job) {
	there, exists := p.cluster.job(j.Job.ID)
	if !exists {
		p.add(Change{Kind: KindJob, Name: j.Name(), Origin: j.Origin, Action: ActionNone, Note: "it is absent"})
		return
	}
	action, note := p.removal()
	change := p.removalOf(there, note)
	change.Origin, change.Action = j.Origin, action
	if j.Job.Token != "" {
		change.Token = j.Job.Token
	}
	if user := p.user(there.ID); p.prune && user != "" {
		change.Action, change.Note = ActionConflict, "it is to be absent, but "+user
	}
	p.add(change)
}

func (p *planner) removalOf(job model.Job, note string) Change {
	return Change{
		Kind: KindJob, Name: nameOf(job.ID), Action: ActionRemove, Note: note, Before: showJob(job),
		Job: model.Job{ID: job.ID}, JobID: job.ID, Token: p.tokenOf(job.ID.Name),
	}
}

// tokenOf is the token that the manifests have for jobs of that name. The cluster's own would open every door.
func (p *planner) tokenOf(name string) string {
	for _, j := range p.manifests.Jobs {
		if j.Job.ID.Name == name && j.Job.Token != "" {
			return j.Job.Token
		}
	}
	for _, d := range p.manifests.Deployments {
		if d.Job.Name == name && d.Token != "" {
			return d.Token
		}
	}
	return ""
}

// user says what a job is needed for, "" where it is not: a host that has it, or a group that runs it, is to run it, or would go back to
// it. What is undeployed or removed by this plan does not count.
func (p *planner) user(id model.JobID) string {
	for _, host := range slices.Sorted(maps.Keys(p.cluster.Deployed[id])) {
		if !slices.ContainsFunc(p.plan, func(c Change) bool {
			return c.Kind == KindDeployment && c.Action == ActionRemove && c.JobID == id && c.Host == host
		}) {
			return fmt.Sprintf("it is deployed to %s", host)
		}
	}
	for _, g := range p.manifests.Groups {
		if g.Job.Name == id.Name && g.Job.Version == id.Version && !g.Absent {
			return "deployment group " + g.Name + " is to run it"
		}
	}
	for _, name := range slices.Sorted(maps.Keys(p.cluster.Groups)) {
		group := p.cluster.Groups[name]
		removed := slices.ContainsFunc(p.plan, func(c Change) bool {
			return c.Kind == KindGroup && c.Action == ActionRemove && c.Name == name
		})
		switch {
		case removed:
		case group.JobID == id:
			return "deployment group " + name + " runs it"
		case group.Back == id:
			return "deployment group " + name + " would roll back to it"
		}
	}
	for _, d := range p.manifests.Deployments {
		if d.Job.Name == id.Name && d.Job.Version == id.Version {
			return "it is to be deployed (" + d.Origin.String() + ")"
		}
	}
	return ""
}
