package model

import "slices"

// RolloutCheck is what decides whether a group can have jobs on a host. Jobs returns nil for a job that does not exist.
type RolloutCheck struct {
	Group       string
	Host        string
	Settings    RolloutSettings
	Migrate     bool // jobs of others may become the group's
	Deployments map[JobID]Deployment
	Jobs        func(JobID) *Job
}

// Outdated returns the group's jobs on the host that are not wanted, sorted.
func (c RolloutCheck) Outdated(wanted []JobID) []JobID {
	var outdated []JobID
	for id, deployment := range c.Deployments {
		if deployment.DeploymentGroupName == c.Group && !slices.Contains(wanted, id) {
			outdated = append(outdated, id)
		}
	}
	slices.SortFunc(outdated, JobID.Compare)
	return outdated
}

// UpToDate reports whether the group has exactly the wanted jobs on the host, to be started.
func (c RolloutCheck) UpToDate(wanted []JobID) bool {
	return len(c.Outdated(wanted)) == 0 && !slices.ContainsFunc(wanted, func(id JobID) bool {
		deployment, deployed := c.Deployments[id]
		return !deployed || deployment.DeploymentGroupName != c.Group || deployment.Goal != GoalStart
	})
}

// Refusal returns why the host cannot be brought to the wanted jobs, nil when it can. What the group has there besides goes first,
// or last when the settings say overlap: then it keeps its ports.
func (c RolloutCheck) Refusal(wanted []JobID) *Error {
	outdated := c.Outdated(wanted)
	for _, id := range outdated {
		if job := c.Jobs(id); job != nil && job.Token != c.Settings.Token {
			return tokenRefused(id)
		}
	}
	var freed []JobID
	if !c.Settings.Overlap {
		freed = outdated
	}
	for _, id := range wanted {
		if err := c.refusal(id, freed); err != nil {
			return err
		}
	}
	return nil
}

func (c RolloutCheck) refusal(id JobID, freed []JobID) *Error {
	job := c.Jobs(id)
	if job == nil {
		return Errorf(CodeJobNotFound, "job %s does not exist", id)
	}
	deployment, deployed := c.Deployments[id]
	if deployed && deployment.DeploymentGroupName == c.Group && deployment.Goal == GoalStart {
		return nil
	}
	if job.Token != c.Settings.Token {
		return tokenRefused(id)
	}
	if deployed && deployment.DeploymentGroupName != c.Group && !c.Migrate {
		return Errorf(CodeJobAlreadyDeployed, "job %s is already deployed %s; undeploy it, or use migrate to take it over", id, byWhom(deployment))
	}
	if deployed {
		return nil
	}
	return c.portConflict(job, freed)
}

func (c RolloutCheck) portConflict(job *Job, freed []JobID) *Error {
	ports := job.StaticPorts()
	if len(ports) == 0 {
		return nil
	}
	for _, id := range sortedJobs(c.Deployments) {
		other := c.Jobs(id)
		if other == nil || slices.Contains(freed, id) {
			continue
		}
		for _, port := range other.StaticPorts() {
			if slices.Contains(ports, port) {
				return Errorf(CodePortConflict, "port %d of job %s is taken by job %s, which was deployed %s", port, job.ID, id, byWhom(c.Deployments[id]))
			}
		}
	}
	return nil
}

func sortedJobs(deployments map[JobID]Deployment) []JobID {
	ids := make([]JobID, 0, len(deployments))
	for id := range deployments {
		ids = append(ids, id)
	}
	slices.SortFunc(ids, JobID.Compare)
	return ids
}

func byWhom(d Deployment) string {
	if d.DeploymentGroupName == "" {
		return "by hand"
	}
	return "by group " + d.DeploymentGroupName
}

func tokenRefused(id JobID) *Error {
	return Errorf(CodeTokenVerification, "the rollout's token is not that of job %s", id)
}
