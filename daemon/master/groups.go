package master

import (
	"context"
	"slices"

	"github.com/heliosctl/heliosctl/daemon/rollout"
	"github.com/heliosctl/heliosctl/model"
	"github.com/heliosctl/heliosctl/store"
)

// Groups returns the names of all deployment groups, sorted.
func (m *Master) Groups() []string { return m.folders.state.Groups() }

// Group fails with CodeGroupNotFound.
func (m *Master) Group(name string) (model.DeploymentGroup, error) {
	return m.folders.state.Group(name)
}

// CreateGroup returns CodeGroupCreated, or CodeGroupNotModified when there is one of that name with the same selectors. It fails with
// CodeGroupConflict when it has others, and with CodeInvalid.
func (m *Master) CreateGroup(ctx context.Context, req model.Request, group model.DeploymentGroup) (model.Code, error) {
	if err := model.ValidateDeploymentGroupName(group.Name); err != nil {
		return "", err
	}
	if _, err := group.RolloutOptions.Settings(); err != nil {
		return "", err
	}
	result, err := m.write(ctx, req, store.CreateGroup{Group: group})
	return result.Status, err
}

// RemoveGroup removes a group, also while it rolls out; what it deployed stays deployed. It fails with CodeGroupNotFound.
func (m *Master) RemoveGroup(ctx context.Context, req model.Request, name string) error {
	_, err := m.write(ctx, req, store.RemoveGroup{Name: name})
	return err
}

// GroupStatus sums up a group, with its hosts that are up. It fails with CodeGroupNotFound.
func (m *Master) GroupStatus(name string) (model.DeploymentGroupStatusResponse, error) {
	return m.folders.state.GroupStatus(name, m.hostUp)
}

// hostUp tells whether gossip finds the agent of a host.
func (m *Master) hostUp(host string) bool {
	id, err := m.folders.state.AgentID(host)
	return err == nil && m.members.AgentAlive(host, id)
}

// SetSelectors changes which hosts belong to a group. It fails with CodeGroupNotFound, and with CodeGroupConflict when was is not nil and
// not what the selectors were.
func (m *Master) SetSelectors(ctx context.Context, req model.Request, group string, selectors []model.HostSelector, was *[]model.HostSelector) error {
	_, err := m.write(ctx, req, store.SetSelectors{Group: group, Selectors: selectors, Was: was})
	return err
}

// RollingUpdate brings a group to a job and returns the id of the rollout. What the options, which may be nil, leave unset the job's
// options or the defaults fill. It fails with CodeGroupNotFound, CodeJobNotFound or CodeInvalid.
func (m *Master) RollingUpdate(
	ctx context.Context, req model.Request, group string, job model.JobID, options *model.RolloutOptions,
) (uint64, error) {
	result, err := m.write(ctx, req, store.StartRollout{Group: group, JobID: job, Options: options})
	return result.Rollout, err
}

// RollingUpdateAfter is RollingUpdate, and fails with CodeRolloutChanged when the group's last rollout that is no convergence is not the
// one named; 0: when there was one.
func (m *Master) RollingUpdateAfter(
	ctx context.Context, req model.Request, group string, after uint64, job model.JobID, options *model.RolloutOptions,
) (uint64, error) {
	result, err := m.write(ctx, req, store.StartRollout{Group: group, JobID: job, Options: options, After: &after})
	return result.Rollout, err
}

// StopGroup ends a group's rollout where it is. It fails with CodeGroupNotFound.
func (m *Master) StopGroup(ctx context.Context, req model.Request, name string) error {
	_, err := m.write(ctx, req, store.StopRollout{Group: name})
	return err
}

// Rollouts returns a group's rollouts, the newest first, without their hosts. It fails with CodeGroupNotFound.
func (m *Master) Rollouts(group string) ([]model.Rollout, error) {
	return m.folders.state.Rollouts(group)
}

// Rollout returns a rollout with its hosts; id 0 is the last one. It fails with CodeGroupNotFound, or with CodeNotFound when there is no
// such rollout.
func (m *Master) Rollout(group string, id uint64) (model.Rollout, error) {
	if id == 0 {
		view, err := m.folders.state.GroupView(group)
		if err != nil {
			return model.Rollout{}, err
		}
		last := view.Rollout()
		if last == nil {
			return model.Rollout{}, model.Errorf(model.CodeNotFound, "deployment group %s has had no rollout; start one", group)
		}
		id = last.ID
	}
	found, hosts, err := m.folders.state.Rollout(group, id)
	found.Hosts = hosts
	return found, err
}

// PauseRollout has further hosts of a group's rollout wait. It fails with CodeGroupNotFound or CodeNotRollingOut.
func (m *Master) PauseRollout(ctx context.Context, req model.Request, group string) error {
	_, err := m.write(ctx, req, store.PauseRollout{Group: group})
	return err
}

// ResumeRollout has a rollout that waits go on. It fails with CodeGroupNotFound or CodeNotRollingOut.
func (m *Master) ResumeRollout(ctx context.Context, req model.Request, group string) error {
	_, err := m.write(ctx, req, store.ResumeRollout{Group: group})
	return err
}

// RollBack undoes a group's last rollout, or brings the group to the job to when it is set. Where the last rollout was one of the job
// that the group had already, it goes to the job before that. It fails with CodeGroupNotFound, CodeJobNotFound, or CodeNotRollingOut
// when there is nothing to go back to.
func (m *Master) RollBack(ctx context.Context, req model.Request, group string, to model.JobID) error {
	if to.IsZero() {
		if err := m.ReadIndex(ctx); err != nil {
			return err
		}
		if done, err := m.folders.state.RolledBack(req.ID, group); done {
			return err // it is sent again, and the group is back already
		}
		var err error
		if to, err = m.rollbackTarget(group); err != nil {
			return err
		}
	}
	_, err := m.write(ctx, req, store.RollBack{Group: group, To: to})
	return err
}

// rollbackTarget returns the job to name in a rollback that goes further back than the last rollout; zero where undoing that one is meant.
// It is the leader's decision, so that masters of all versions apply the same.
func (m *Master) rollbackTarget(group string) (model.JobID, error) {
	rollouts, err := m.folders.state.Rollouts(group)
	if err != nil {
		return model.JobID{}, err
	}
	last := slices.IndexFunc(rollouts, func(r model.Rollout) bool { return r.Reason != model.RolloutConverge })
	if last < 0 || rollouts[last].From.IsZero() || rollouts[last].From != rollouts[last].To {
		return model.JobID{}, nil
	}
	before := model.JobBefore(rollouts)
	if before.IsZero() {
		return before, model.Errorf(model.CodeNotRollingOut, "deployment group %s has no job to go back to; name one", group)
	}
	return before, nil
}

// PreviewRollout tells what a rolling update would do. It fails as RollingUpdate.
func (m *Master) PreviewRollout(group string, job model.JobID, options *model.RolloutOptions) (model.RolloutPreview, error) {
	view, err := m.folders.state.GroupView(group)
	if err != nil {
		return model.RolloutPreview{}, err
	}
	found := view.Job(job)
	if found == nil {
		return model.RolloutPreview{}, model.Errorf(model.CodeJobNotFound, "job %s does not exist; create it first", job)
	}
	merged := model.MergeRolloutOptions(options, found.RolloutOptions)
	hosts, err := rollout.Preview(view, job, merged)
	return model.RolloutPreview{Options: merged, Hosts: hosts}, err
}
