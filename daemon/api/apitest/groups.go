package apitest

import (
	"cmp"
	"context"
	"maps"
	"slices"

	"github.com/heliosctl/heliosctl/model"
)

// group is a deployment group with its rollouts, the oldest first. Their hosts are in them.
type group struct {
	model.DeploymentGroup
	status   *model.DeploymentGroupStatus
	rollouts []model.Rollout
}

// last is the group's last rollout, nil before the first.
func (g *group) last() *model.Rollout {
	if len(g.rollouts) == 0 {
		return nil
	}
	return &g.rollouts[len(g.rollouts)-1]
}

// Groups implements api.Backend.
func (b *Backend) Groups() []string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return append([]string{}, slices.Sorted(maps.Keys(b.groups))...)
}

func (b *Backend) group(name string) (*group, error) {
	g, ok := b.groups[name]
	if !ok {
		return nil, model.Errorf(model.CodeGroupNotFound, "deployment group %s does not exist", name)
	}
	return g, nil
}

// Group implements api.Backend.
func (b *Backend) Group(name string) (model.DeploymentGroup, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	g, err := b.group(name)
	if err := cmp.Or(b.fault, err); err != nil {
		return model.DeploymentGroup{}, err
	}
	return g.DeploymentGroup, nil
}

// CreateGroup implements api.Backend.
func (b *Backend) CreateGroup(_ context.Context, req model.Request, made model.DeploymentGroup) (model.Code, error) {
	if err := model.ValidateDeploymentGroupName(made.Name); err != nil {
		return "", err
	}
	status := model.CodeGroupCreated
	err := b.change(req.ID, func() ([]model.Event, error) {
		if g, exists := b.groups[made.Name]; exists {
			if !g.SameSelectors(made) {
				return nil, model.Errorf(model.CodeGroupConflict, "deployment group %s exists with other selectors", made.Name)
			}
			status = model.CodeGroupNotModified
			return nil, nil
		}
		b.groups[made.Name] = &group{DeploymentGroup: made}
		return []model.Event{{Type: model.EventGroupCreated, Group: made.Name, User: req.User}}, nil
	})
	return status, err
}

// RemoveGroup implements api.Backend.
func (b *Backend) RemoveGroup(_ context.Context, req model.Request, name string) error {
	return b.change(req.ID, func() ([]model.Event, error) {
		if _, err := b.group(name); err != nil {
			return nil, err
		}
		delete(b.groups, name)
		return []model.Event{{Type: model.EventGroupRemoved, Group: name, User: req.User}}, nil
	})
}

// SetSelectors implements api.Backend.
func (b *Backend) SetSelectors(_ context.Context, req model.Request, name string, selectors []model.HostSelector, was *[]model.HostSelector) error {
	return b.change(req.ID, func() ([]model.Event, error) {
		g, err := b.group(name)
		if err != nil {
			return nil, err
		}
		if was != nil && !g.SameSelectors(model.DeploymentGroup{HostSelectors: *was}) {
			return nil, model.Errorf(model.CodeGroupConflict, "the selectors of deployment group %s are not what they were", name)
		}
		g.HostSelectors = selectors
		return []model.Event{{Type: model.EventGroupChanged, Group: name, User: req.User}}, nil
	})
}

// GroupStatus implements api.Backend.
func (b *Backend) GroupStatus(name string) (model.DeploymentGroupStatusResponse, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	g, err := b.group(name)
	if err := cmp.Or(b.fault, err); err != nil {
		return model.DeploymentGroupStatusResponse{}, err
	}
	hosts := []model.DeploymentGroupHostStatus{}
	for _, host := range b.hostsOf(g) {
		if !b.hosts[host].alive {
			continue
		}
		status := model.DeploymentGroupHostStatus{Host: host}
		for id, task := range b.hosts[host].tasks {
			if task.DeploymentGroupName == name {
				status.JobID, status.State = id, b.hosts[host].statuses[id].State
			}
		}
		hosts = append(hosts, status)
	}
	return g.StatusResponse(g.status, hosts), nil
}

func (b *Backend) hostsOf(g *group) []string {
	var names []string
	for name, h := range b.hosts {
		if g.Matches(h.registration.Labels) {
			names = append(names, name)
		}
	}
	model.SortHosts(names)
	return names
}
