package manifest

import (
	"maps"
	"slices"

	"github.com/heliosctl/heliosctl/model"
)

// Cluster is what there is, as far as the manifests are about it.
type Cluster struct {
	Jobs   map[model.JobID]model.Job
	Groups map[string]ClusterGroup

	// Hosts are the registered ones, with their labels where a Deployment selects by them. Needed only with Deployments.
	Hosts map[string]map[string]string

	// Deployed are the deployments of jobs by host. Needed of the jobs of Deployments and, for Prune, of those that Outdated names.
	Deployed map[model.JobID]map[string]model.Deployment
}

// ClusterGroup is a deployment group with what its rollouts came to.
type ClusterGroup struct {
	model.DeploymentGroup
	Status model.DeploymentGroupState // "" before the first rollout

	// Last is the last rollout that is no convergence, 0 where there is none. A change is refused when there was another since.
	Last uint64

	// Rollout is the last of all rollouts, 0 where there is none.
	Rollout uint64

	// Back is what a rollback would bring back, which pruning spares.
	Back model.JobID
}

// Action is what is to be done about an object.
type Action string

// The actions.
const (
	ActionNone     Action = "unchanged"
	ActionCreate   Action = "create"
	ActionUpdate   Action = "update"
	ActionRoll     Action = "roll" // a rolling update
	ActionRemove   Action = "remove"
	ActionKeep     Action = "keep"     // it is to be absent, but removing was not asked for
	ActionConflict Action = "conflict" // it cannot be brought to what the manifests say
)

// Change is what is to be done about one object, and all that is needed to do it.
type Change struct {
	Kind   Kind
	Name   string
	Host   string // of a Deployment
	Action Action
	Note   string // why, or what else there is to know
	Origin Origin // zero for what no document names

	// Before and After are the object as a document; empty where there is none.
	Before, After string

	Job     model.Job             // of a Job; only its id where it is removed
	Group   model.DeploymentGroup // that is created or updated, as it is to be
	Was     []model.HostSelector  // of a group that is updated
	JobID   model.JobID           // that a group rolls to, or that is deployed or removed
	Options model.RolloutOptions  // of a roll
	Last    uint64                // of a roll: the last rollout that is no convergence
	Rollout uint64                // of a group that is unchanged: the rollout that is at work there
	Goal    model.Goal            // of a Deployment
	Token   string                // with which a job is deployed, undeployed or removed
}

// Plan is what brings a cluster to the manifests, in the order in which it has to be done.
type Plan []Change

// Pending reports whether there is anything to be done.
func (p Plan) Pending() bool { return slices.ContainsFunc(p, Change.Pending) }

// Pending reports whether there is something to be done about the object.
func (c Change) Pending() bool {
	return c.Action == ActionCreate || c.Action == ActionUpdate || c.Action == ActionRoll || c.Action == ActionRemove
}

// Conflicts returns what cannot be done. Such a plan is not to be carried out.
func (p Plan) Conflicts() []Change {
	return slices.DeleteFunc(slices.Clone(p), func(c Change) bool { return c.Action != ActionConflict })
}

// Count returns how many objects have an action.
func (p Plan) Count(action Action) int {
	n := 0
	for _, c := range p {
		if c.Action == action {
			n++
		}
	}
	return n
}

// planner makes a plan.
type planner struct {
	manifests *Manifests
	cluster   Cluster
	prune     bool
	plan      Plan
	deployed  map[model.JobID]map[string]Origin // which hosts the documents name or select
}

// Plan compares the manifests, which are resolved, with what there is. Only with prune is anything removed: what the manifests say is to
// be absent, and what Outdated names. What the manifests do not name is left alone.
func (m *Manifests) Plan(cluster Cluster, prune bool) Plan {
	p := &planner{manifests: m, cluster: cluster, prune: prune, deployed: map[model.JobID]map[string]Origin{}}
	for i := range m.Jobs {
		if !m.Jobs[i].Absent {
			p.job(&m.Jobs[i])
		}
	}
	var rolls []func()
	for i := range m.Groups {
		if g := &m.Groups[i]; !g.Absent {
			rolls = append(rolls, p.group(g))
		}
	}
	for _, roll := range rolls {
		roll()
	}
	for i := range m.Deployments {
		p.deployment(&m.Deployments[i])
	}
	if prune {
		p.undeployments()
	}
	p.removals()
	return p.plan
}

func (p *planner) add(c Change) { p.plan = append(p.plan, c) }

// job finds a job of the cluster by name and version, and by its hash where that is given.
func (c Cluster) job(id model.JobID) (model.Job, bool) {
	for found, job := range c.Jobs {
		if found.Name == id.Name && found.Version == id.Version && (id.Hash == "" || id.Hash == found.Hash) {
			return job, true
		}
	}
	return model.Job{}, false
}

func (p *planner) job(j *Job) {
	change := Change{Kind: KindJob, Name: j.Name(), Origin: j.Origin, Job: j.Job, After: showJob(j.Job)}
	there, exists := p.cluster.job(model.JobID{Name: j.Job.ID.Name, Version: j.Job.ID.Version})
	switch {
	case !exists:
		change.Action = ActionCreate
	case there.ComputeID() == j.Job.ID:
		change.Action, change.Before = ActionNone, change.After
	default:
		change.Action, change.Before = ActionConflict, showJob(there)
		change.Note = "a job cannot be changed: raise its version (the cluster has " + there.ID.Short() + ", this is " + j.Job.ID.Short() + ")"
		if there.Token != j.Job.Token || rolloutToken(there) != rolloutToken(j.Job) {
			change.Note += "; the tokens differ"
		}
	}
	p.add(change)
}

// reference finds the job that a group or a deployment names: in the manifests, else in the cluster. The id of one that the cluster has
// is the one that it has there.
func (p *planner) reference(id model.JobID) (model.Job, string) {
	if j := p.manifests.job(id); j != nil {
		switch {
		case j.Absent:
			return model.Job{}, "job " + j.Name() + " is to be absent (" + j.Origin.String() + ")"
		case id.Hash != "" && id.Hash != j.Job.ID.Hash:
			return model.Job{}, "job " + id.Short() + " is " + j.Job.ID.Short() + " in " + j.Origin.String() + ": leave the hash out"
		}
		if there, exists := p.cluster.job(model.JobID{Name: id.Name, Version: id.Version}); exists {
			return there, ""
		}
		return j.Job, ""
	}
	if there, exists := p.cluster.job(id); exists {
		return there, ""
	}
	return model.Job{}, "job " + id.Short() + " is neither in the manifests nor in the cluster"
}

// group plans what a group is, and returns what plans what it runs: rollouts come after all groups.
func (p *planner) group(g *Group) (roll func()) {
	there, exists := p.cluster.Groups[g.Name]
	want := model.DeploymentGroup{Name: g.Name, HostSelectors: g.Selectors}
	change := Change{Kind: KindGroup, Name: g.Name, Origin: g.Origin, Group: want, After: showGroup(want)}
	switch {
	case !exists:
		change.Action = ActionCreate
	case there.SameSelectors(want):
		change.Action, change.Before = ActionNone, change.After
	default:
		change.Action, change.Before, change.Was = ActionUpdate, showGroup(there.DeploymentGroup), there.HostSelectors
		change.Note = "other hosts"
	}
	if change.Action != ActionNone || g.Job.IsZero() {
		p.add(change)
	}
	return func() {
		if g.Job.IsZero() {
			return
		}
		// A group is unchanged when both what it is and what it runs are.
		if rolled := p.roll(g, there); rolled.Action != ActionNone || change.Action == ActionNone {
			p.add(rolled)
		}
	}
}

// roll plans what a group runs.
func (p *planner) roll(g *Group, there ClusterGroup) Change {
	change := Change{Kind: KindGroup, Name: g.Name, Origin: g.Origin, Last: there.Last}
	job, fault := p.reference(g.Job)
	if fault != "" {
		change.Action, change.Note = ActionConflict, fault
		return change
	}
	change.JobID, change.Options = job.ID, p.rolloutOptions(g, job)
	change.After = showRollout(g.Name, job.ID, change.Options)
	if !there.JobID.IsZero() {
		change.Before = showRollout(g.Name, there.JobID, model.MergeRolloutOptions(there.RolloutOptions, nil))
	}
	switch wanted, before := settingsOf(&change.Options), settingsOf(there.RolloutOptions); {
	case there.JobID.IsZero():
		change.Action, change.Note = ActionRoll, "to "+job.ID.Short()
	case there.JobID != job.ID:
		change.Action, change.Note = ActionRoll, there.JobID.Short()+" to "+job.ID.Short()
	case wanted != before:
		change.Action, change.Note = ActionRoll, "other options"
		if wanted.Token != before.Token {
			change.Note += ", another token"
		}
	case there.Status == model.GroupFailed:
		change.Action, change.Note = ActionRoll, "the last rollout failed or was stopped"
	default:
		change.Action = ActionNone
		if there.Status == model.GroupRollingOut {
			change.Rollout, change.Note = there.Rollout, "it is rolling out"
		}
	}
	return change
}

// rolloutOptions are those of the rolling update: the group's, then the job's, then the defaults. A token that nobody gives is that of
// the job, where the manifests have it.
func (p *planner) rolloutOptions(g *Group, job model.Job) model.RolloutOptions {
	options := model.MergeRolloutOptions(g.Options, job.RolloutOptions)
	if j := p.manifests.job(job.ID); j != nil && *options.Token == "" && (g.Options == nil || g.Options.Token == nil) {
		options.Token = &j.Job.Token
	}
	return options
}

// settingsOf are options as they can be compared. Those that are not sound are nobody's.
func settingsOf(options *model.RolloutOptions) model.RolloutSettings {
	settings, err := options.Settings()
	if err != nil {
		return model.RolloutSettings{}
	}
	return settings
}

func (p *planner) deployment(d *Deployment) {
	change := Change{Kind: KindDeployment, Name: nameOf(d.Job), Origin: d.Origin, Goal: d.Goal, Token: d.Token}
	job, fault := p.reference(d.Job)
	if fault != "" {
		change.Action, change.Note = ActionConflict, fault
		p.add(change)
		return
	}
	change.JobID = job.ID
	if j := p.manifests.job(job.ID); j != nil && change.Token == "" {
		change.Token = j.Job.Token
	}
	hosts := d.Hosts
	if d.Selectors != nil {
		hosts = p.selected(d.Selectors)
	}
	if len(hosts) == 0 {
		change.Action, change.Note = ActionNone, "no host has such labels"
		p.add(change)
	}
	if p.deployed[job.ID] == nil {
		p.deployed[job.ID] = map[string]Origin{}
	}
	for _, host := range hosts {
		planned := p.deploymentOn(change, host)
		if before, twice := p.deployed[job.ID][host]; twice {
			planned.Action, planned.Note = ActionConflict, "it is in "+before.String()+" already, with another goal"
		}
		p.deployed[job.ID][host] = d.Origin
		p.add(planned)
	}
}

// selected returns the hosts whose labels match, sorted.
func (p *planner) selected(selectors []model.HostSelector) []string {
	group := model.DeploymentGroup{HostSelectors: selectors}
	var hosts []string
	for host, labels := range p.cluster.Hosts {
		if group.Matches(labels) {
			hosts = append(hosts, host)
		}
	}
	model.SortHosts(hosts)
	return hosts
}

func (p *planner) deploymentOn(change Change, host string) Change {
	change.Host = host
	change.After = showDeployment(change.JobID, host, change.Goal)
	there, deployed := p.cluster.Deployed[change.JobID][host]
	if deployed {
		change.Before = showDeployment(change.JobID, host, there.Goal)
	}
	_, known := p.cluster.Hosts[host]
	switch {
	case !known:
		change.Action, change.Note = ActionConflict, "host "+host+" is not registered"
	case !deployed:
		change.Action = ActionCreate
	case there.DeploymentGroupName != "":
		change.Action, change.Note = ActionConflict, "deployment group "+there.DeploymentGroupName+" has deployed it there"
	case there.Goal != change.Goal:
		change.Action, change.Note = ActionUpdate, string(there.Goal)+" to "+string(change.Goal)
	default:
		change.Action = ActionNone
	}
	return change
}

// undeployments takes the jobs of Deployments off the hosts to which somebody deployed them by hand and which no document names.
func (p *planner) undeployments() {
	for _, id := range slices.SortedFunc(maps.Keys(p.deployed), model.JobID.Compare) {
		there := p.cluster.Deployed[id]
		for _, host := range slices.Sorted(maps.Keys(there)) {
			if _, named := p.deployed[id][host]; named || there[host].DeploymentGroupName != "" {
				continue
			}
			p.add(Change{
				Kind: KindDeployment, Name: nameOf(id), Host: host, Action: ActionRemove, Note: "no document names the host",
				Before: showDeployment(id, host, there[host].Goal), JobID: id, Token: p.tokenOf(id.Name),
			})
		}
	}
}
