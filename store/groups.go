package store

import (
	"slices"

	"github.com/hashicorp/go-memdb"

	"github.com/heliosctl/heliosctl/model"
)

const (
	commandCreateGroup  CommandType = "createGroup"
	commandRemoveGroup  CommandType = "removeGroup"
	commandSetSelectors CommandType = "setSelectors"
)

// CreateGroup adds a deployment group. The Status of its Result is CodeGroupCreated, or CodeGroupNotModified when there is one of that
// name with the same selectors; other selectors are an error with CodeGroupConflict.
type CreateGroup struct {
	Group model.DeploymentGroup `json:"group"`
}

func (CreateGroup) commandType() CommandType { return commandCreateGroup }
func (c CreateGroup) subject() string        { return c.Group.Name }

// RemoveGroup removes a deployment group with its rollouts, also while it rolls out. What it deployed stays deployed.
type RemoveGroup struct {
	Name string `json:"name"`
}

func (RemoveGroup) commandType() CommandType { return commandRemoveGroup }
func (c RemoveGroup) subject() string        { return c.Name }

// SetSelectors changes which hosts belong to a group. Those that come and go are brought to where the group is as when their labels had
// changed. The same selectors again change nothing.
type SetSelectors struct {
	Group     string                `json:"group"`
	Selectors []model.HostSelector  `json:"selectors"`
	Was       *[]model.HostSelector `json:"was,omitempty"` // refused with CodeGroupConflict when the group has neither these nor Selectors
}

func (SetSelectors) commandType() CommandType { return commandSetSelectors }
func (c SetSelectors) subject() string        { return c.Group }

// groupRow is a group on disk.
type groupRow struct {
	Group   model.DeploymentGroup        `json:"group"`
	Status  *model.DeploymentGroupStatus `json:"status,omitempty"`  // of the last rollout
	Rollout uint64                       `json:"rollout,omitempty"` // id of the last rollout
}

// groupRecord is a group in memory. The lists follow from the labels of hosts, and are in the order in which rollouts visit hosts.
type groupRecord struct {
	groupRow
	hosts []string // the hosts that its selectors match
	left  []string // registered hosts that it rolled to, and that its selectors do not match any more
}

func (r *groupRecord) name() string { return r.Group.Name }

// memberRecord says that a group has rolled to a host.
type memberRecord struct{ group, host string }

func (b *batch) createGroup(h header, c CreateGroup) Result {
	if err := model.ValidateDeploymentGroupName(c.Group.Name); err != nil {
		return Result{Err: asError(err)}
	}
	if old := b.groupNamed(c.Group.Name); old != nil {
		if old.Group.SameSelectors(c.Group) {
			return Result{Status: model.CodeGroupNotModified}
		}
		return Result{Err: model.Errorf(model.CodeGroupConflict,
			"deployment group %s exists with other selectors; use another name, or remove it first", c.Group.Name)}
	}
	record := &groupRecord{groupRow: groupRow{Group: c.Group}}
	record.match(b.mem)
	b.putGroup(record)
	b.event(eventRecord{kind: model.EventGroupCreated, at: h.Time, user: h.User, rollout: &rolloutEvent{group: c.Group.Name}})
	return Result{Status: model.CodeGroupCreated}
}

// match finds the group's hosts.
func (r *groupRecord) match(txn *memdb.Txn) {
	r.hosts, r.left = nil, nil
	each(txn, tableHosts, indexID, nil, func(h *hostRecord) {
		switch {
		case r.Group.Matches(h.Labels):
			r.hosts = append(r.hosts, h.Name)
		case first[memberRecord](txn, tableMembers, indexID, r.name(), h.Name) != nil:
			r.left = append(r.left, h.Name)
		}
	})
	model.SortHosts(r.hosts)
	model.SortHosts(r.left)
}

func (b *batch) removeGroup(h header, c RemoveGroup) Result {
	group := b.groupNamed(c.Name)
	if group == nil {
		return Result{Err: groupNotFound(c.Name)}
	}
	for _, rollout := range collect[rolloutRecord](b.mem, tableRollouts, indexID, c.Name) {
		b.dropRollout(rollout)
	}
	b.dropProgress(c.Name)
	for _, member := range collect[memberRecord](b.mem, tableMembers, indexID, c.Name) {
		b.drop(tableMembers, member)
		b.remove(memberKey(member.group, member.host))
	}
	b.drop(tableGroups, group)
	b.remove(groupKey(c.Name))
	b.event(eventRecord{kind: model.EventGroupRemoved, at: h.Time, user: h.User, rollout: &rolloutEvent{group: c.Name}})
	return Result{}
}

func (b *batch) setSelectors(h header, c SetSelectors) Result {
	group := b.groupNamed(c.Group)
	if group == nil {
		return Result{Err: groupNotFound(c.Group)}
	}
	record := *group
	record.Group.HostSelectors = c.Selectors
	if group.Group.SameSelectors(record.Group) {
		return Result{Status: model.CodeGroupNotModified}
	}
	if c.Was != nil && !group.Group.SameSelectors(model.DeploymentGroup{HostSelectors: *c.Was}) {
		return Result{Err: model.Errorf(model.CodeGroupConflict,
			"the selectors of deployment group %s are not what they were; look at it again", c.Group)}
	}
	record.match(b.mem)
	b.putGroup(&record)
	b.event(eventRecord{kind: model.EventGroupChanged, at: h.Time, user: h.User, rollout: &rolloutEvent{group: c.Group}})
	return Result{Status: model.CodeOK}
}

func (b *batch) groupNamed(name string) *groupRecord {
	return first[groupRecord](b.mem, tableGroups, indexID, name)
}

func (b *batch) putGroup(group *groupRecord) {
	b.insert(tableGroups, group)
	b.put(groupKey(group.name()), group.groupRow)
}

// regroup follows a change of a host's labels; those of a host that is gone are nil.
func (b *batch) regroup(host string, labels map[string]string, registered bool) {
	for _, group := range collect[groupRecord](b.mem, tableGroups, indexID) {
		matches := group.Group.Matches(labels)
		left := registered && !matches && b.member(group.name(), host) != nil
		b.placeHost(group, host, matches, left)
	}
}

// placeHost puts a host into the lists of a group or takes it out. Readers may hold the old lists.
func (b *batch) placeHost(group *groupRecord, host string, matches, left bool) {
	hosts, joined := placed(group.hosts, host, matches)
	leavers, gone := placed(group.left, host, left)
	if joined || gone {
		record := *group
		record.hosts, record.left = hosts, leavers
		b.insert(tableGroups, &record)
	}
}

// placed returns the sorted list with or without the host, and whether that is a change.
func placed(list []string, host string, there bool) ([]string, bool) {
	at, found := slices.BinarySearchFunc(list, host, model.CompareHosts)
	if found == there {
		return list, false
	}
	if there {
		return slices.Insert(slices.Clone(list), at, host), true
	}
	return slices.Delete(slices.Clone(list), at, at+1), true
}

func (b *batch) member(group, host string) *memberRecord {
	return first[memberRecord](b.mem, tableMembers, indexID, group, host)
}

// putMember notes that the group rolls to the host.
func (b *batch) putMember(group, host string) {
	if b.member(group, host) == nil {
		b.insert(tableMembers, &memberRecord{group: group, host: host})
		b.writes = append(b.writes, write{key: memberKey(group, host), value: []byte{}})
	}
}

// dropMember notes that the group has nothing on the host any more.
func (b *batch) dropMember(group, host string) {
	member := b.member(group, host)
	if member == nil {
		return
	}
	b.drop(tableMembers, member)
	b.remove(memberKey(group, host))
	record := b.groupNamed(group)
	_, matches := slices.BinarySearchFunc(record.hosts, host, model.CompareHosts)
	b.placeHost(record, host, matches, false)
}

// dropHostFromGroups forgets what groups know of a host that is deregistered.
func (b *batch) dropHostFromGroups(host string) {
	for _, member := range collect[memberRecord](b.mem, tableMembers, indexHost, host) {
		b.drop(tableMembers, member)
		b.remove(memberKey(member.group, host))
	}
	for _, row := range collect[progressRecord](b.mem, tableProgress, indexHost, host) {
		if rollout := b.rollout(row.group, row.rollout); rollout.State.Active() {
			b.forgetProgress(rollout, row)
		}
	}
	b.regroup(host, nil, false)
}

// groupJobs tells which group needs each job: as its own, or in its running rollout, be it to go back.
func (b *batch) groupJobs() map[model.JobID]string {
	needed := map[model.JobID]string{}
	note := func(group string, ids ...model.JobID) {
		for _, id := range ids {
			if _, known := needed[id]; !known && !id.IsZero() {
				needed[id] = group
			}
		}
	}
	each(b.mem, tableGroups, indexID, nil, func(g *groupRecord) {
		note(g.name(), g.Group.JobID)
		rollout := b.rollout(g.name(), g.Rollout)
		if rollout == nil || !rollout.State.Active() {
			return
		}
		note(g.name(), rollout.From, rollout.To)
		each(b.mem, tableProgress, indexID, []any{g.name()}, func(p *progressRecord) {
			note(g.name(), p.row.Before...)
			note(g.name(), p.row.Wanted...)
		})
	})
	return needed
}

func groupNotFound(name string) *model.Error {
	return model.Errorf(model.CodeGroupNotFound, "deployment group %s does not exist", name)
}

// Groups returns the names of all deployment groups, sorted.
func (s *State) Groups() []string {
	names := []string{}
	each(s.mem.Txn(false), tableGroups, indexID, nil, func(g *groupRecord) { names = append(names, g.name()) })
	return names
}

// Group returns a deployment group; CodeGroupNotFound when there is none. It is shared: only to be read.
func (s *State) Group(name string) (model.DeploymentGroup, error) {
	group := first[groupRecord](s.mem.Txn(false), tableGroups, indexID, name)
	if group == nil {
		return model.DeploymentGroup{}, groupNotFound(name)
	}
	return group.Group, nil
}

// GroupHosts returns the hosts that a group's selectors match, in the order rollouts visit them, nil when there is no such group. The
// list is shared: only to be read.
func (s *State) GroupHosts(name string) []string {
	if group := first[groupRecord](s.mem.Txn(false), tableGroups, indexID, name); group != nil {
		return group.hosts
	}
	return nil
}

// GroupStatus sums up a group as the original did: its hosts that are up, in the order of rollouts. CodeGroupNotFound when there is no
// such group.
func (s *State) GroupStatus(name string, up func(host string) bool) (model.DeploymentGroupStatusResponse, error) {
	txn := s.mem.Txn(false)
	group := first[groupRecord](txn, tableGroups, indexID, name)
	if group == nil {
		return model.DeploymentGroupStatusResponse{}, groupNotFound(name)
	}
	hosts := []model.DeploymentGroupHostStatus{}
	for _, host := range group.hosts {
		if up(host) {
			hosts = append(hosts, groupHostStatus(txn, group, host))
		}
	}
	return group.Group.StatusResponse(group.Status, hosts), nil
}

// groupHostStatus tells which job the group has on a host: its present one where there are several.
func groupHostStatus(txn *memdb.Txn, group *groupRecord, host string) model.DeploymentGroupHostStatus {
	status := model.DeploymentGroupHostStatus{Host: host}
	each(txn, tableDeployments, indexID, []any{host}, func(d *deploymentRecord) {
		if d.deployment.DeploymentGroupName == group.name() && (status.JobID.IsZero() || d.deployment.JobID == group.Group.JobID) {
			status.JobID = d.deployment.JobID
		}
	})
	if task := first[statusRecord](txn, tableStatuses, indexID, host, status.JobID.String()); task != nil && !status.JobID.IsZero() {
		status.State = task.fields.State
	}
	return status
}
