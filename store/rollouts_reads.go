package store

import (
	"encoding/json"
	"iter"
	"slices"

	"github.com/dgraph-io/badger/v4"
	"github.com/hashicorp/go-memdb"

	"github.com/heliosctl/heliosctl/model"
)

// Rollouts returns a group's rollouts, the newest first; CodeGroupNotFound when there is no such group.
func (s *State) Rollouts(group string) ([]model.Rollout, error) {
	txn := s.mem.Txn(false)
	if first[groupRecord](txn, tableGroups, indexID, group) == nil {
		return nil, groupNotFound(group)
	}
	rollouts := []model.Rollout{}
	each(txn, tableRollouts, indexID, []any{group}, func(r *rolloutRecord) { rollouts = append(rollouts, r.Rollout) })
	slices.Reverse(rollouts)
	return rollouts, nil
}

// Rollout returns a rollout with its hosts in the order of their turns, those whose turn has not come last; CodeGroupNotFound when
// there is no such group, CodeNotFound when it has no such rollout.
func (s *State) Rollout(group string, id uint64) (model.Rollout, []model.RolloutHost, error) {
	txn := s.mem.Txn(false)
	record := first[groupRecord](txn, tableGroups, indexID, group)
	if record == nil {
		return model.Rollout{}, nil, groupNotFound(group)
	}
	rollout := first[rolloutRecord](txn, tableRollouts, indexID, group, rolloutName(id))
	if rollout == nil {
		return model.Rollout{}, nil, model.Errorf(model.CodeNotFound, "deployment group %s has no rollout %d; list its rollouts", group, id)
	}
	var hosts []model.RolloutHost
	var err error
	if id == record.Rollout {
		hosts = lastProgress(txn, record, rollout)
	} else if hosts, err = s.pastProgress(group, id); err != nil {
		return model.Rollout{}, nil, err
	}
	slices.SortStableFunc(hosts, compareTurns)
	return rollout.Rollout, hosts, nil
}

// lastProgress adds the hosts that have none yet, as far as they are known now.
func lastProgress(txn *memdb.Txn, group *groupRecord, rollout *rolloutRecord) []model.RolloutHost {
	var hosts []model.RolloutHost
	each(txn, tableProgress, indexID, []any{group.name()}, func(p *progressRecord) { hosts = append(hosts, p.row) })
	if !rollout.State.Active() || rollout.Listed || rollout.Reason == model.RolloutConverge {
		return hosts
	}
	for _, host := range slices.Concat(group.left, group.hosts) {
		if first[progressRecord](txn, tableProgress, indexID, group.name(), host) == nil {
			hosts = append(hosts, model.RolloutHost{Host: host, Phase: model.PhasePending, Since: rollout.Started})
		}
	}
	return hosts
}

func (s *State) pastProgress(group string, id uint64) ([]model.RolloutHost, error) {
	var hosts []model.RolloutHost
	err := s.view(func(txn *badger.Txn) error {
		return scan(txn, string(joinedKey(progressPrefix, group, rolloutName(id))), func(_, value []byte) error {
			var row model.RolloutHost
			if err := json.Unmarshal(value, &row); err != nil {
				return err
			}
			hosts = append(hosts, row)
			return nil
		})
	})
	return hosts, err
}

func compareTurns(a, b model.RolloutHost) int {
	switch {
	case (a.Started == 0) != (b.Started == 0) && a.Started == 0:
		return 1
	case (a.Started == 0) != (b.Started == 0):
		return -1
	case a.Started != b.Started && a.Started < b.Started:
		return -1
	case a.Started != b.Started:
		return 1
	default:
		return model.CompareHosts(a.Host, b.Host)
	}
}

// GroupsOf returns the groups to which a change of the host may matter: its hosts and those that left it, as far as a rollout that is
// not through has not done with them.
func (s *State) GroupsOf(host string) []string {
	txn := s.mem.Txn(false)
	var names []string
	each(txn, tableGroups, indexID, nil, func(g *groupRecord) {
		row := first[progressRecord](txn, tableProgress, indexID, g.name(), host)
		_, belongs := slices.BinarySearchFunc(g.hosts, host, model.CompareHosts)
		if row == nil && !belongs && !slices.Contains(g.left, host) {
			return
		}
		rollout := first[rolloutRecord](txn, tableRollouts, indexID, g.name(), rolloutName(g.Rollout))
		if row == nil || !row.row.Phase.Final() || rollout == nil || !rollout.State.Active() {
			names = append(names, g.name())
		}
	})
	return names
}

// RollingOut returns the groups that have a rollout which is not through.
func (s *State) RollingOut() []string {
	txn := s.mem.Txn(false)
	var names []string
	each(txn, tableGroups, indexID, nil, func(g *groupRecord) {
		rollout := first[rolloutRecord](txn, tableRollouts, indexID, g.name(), rolloutName(g.Rollout))
		if rollout != nil && rollout.State.Active() {
			names = append(names, g.name())
		}
	})
	return names
}

// GroupsOfJob returns the groups that are at a job, or on the way there.
func (s *State) GroupsOfJob(id model.JobID) []string {
	var names []string
	each(s.mem.Txn(false), tableGroups, indexID, nil, func(g *groupRecord) {
		if g.Group.JobID == id {
			names = append(names, g.name())
		}
	})
	return names
}

// GroupView is a group with everything that decides what to do next, all as of one moment. What it returns is shared: only to be
// read.
type GroupView struct {
	txn   *memdb.Txn
	group *groupRecord
	seen  func(host, agentID string) bool
}

// GroupView returns the view of a group; CodeGroupNotFound when there is none.
func (s *State) GroupView(name string) (*GroupView, error) {
	txn := s.mem.Txn(false)
	group := first[groupRecord](txn, tableGroups, indexID, name)
	if group == nil {
		return nil, groupNotFound(name)
	}
	return &GroupView{txn: txn, group: group}, nil
}

// SeeBy has Unseen ask whether the agent of a host is seen to be alive; without it, what is recorded counts.
func (v *GroupView) SeeBy(seen func(host, agentID string) bool) { v.seen = seen }

// Group returns the group.
func (v *GroupView) Group() model.DeploymentGroup { return v.group.Group }

// Status returns the outcome of its last rollout, nil when there was none.
func (v *GroupView) Status() *model.DeploymentGroupStatus { return v.group.Status }

// Rollout returns its last rollout, nil when there was none.
func (v *GroupView) Rollout() *model.Rollout {
	if r := first[rolloutRecord](v.txn, tableRollouts, indexID, v.group.name(), rolloutName(v.group.Rollout)); r != nil {
		return &r.Rollout
	}
	return nil
}

// Progress goes through the hosts whose turn in the last rollout has come or is set down, sorted by name.
func (v *GroupView) Progress() iter.Seq[model.RolloutHost] {
	return func(yield func(model.RolloutHost) bool) {
		it, err := v.txn.Get(tableProgress, indexID, v.group.name())
		if err != nil {
			panic(err) // see first
		}
		for record := it.Next(); record != nil; record = it.Next() {
			if !yield(record.(*progressRecord).row) {
				return
			}
		}
	}
}

// Hosts returns the hosts that its selectors match, in the order of their turns.
func (v *GroupView) Hosts() []string { return v.group.hosts }

// Left returns the hosts that it rolled to and that its selectors do not match any more.
func (v *GroupView) Left() []string { return v.group.left }

// Host returns what is deployed to a host and runs there, whether it was last recorded to be up, and its drain; false when it is not
// registered.
func (v *GroupView) Host(name string) (model.HostStatus, bool) {
	record := first[hostRecord](v.txn, tableHosts, indexID, name)
	if record == nil {
		return model.HostStatus{}, false
	}
	status := model.HostStatus{
		Status: model.Down, Labels: record.Labels,
		Jobs: map[model.JobID]model.Deployment{}, Statuses: map[model.JobID]model.TaskStatus{},
	}
	if record.Up {
		status.Status = model.Up
	}
	status.Drain = record.Drain
	each(v.txn, tableDeployments, indexID, []any{name}, func(d *deploymentRecord) { status.Jobs[d.deployment.JobID] = d.deployment })
	each(v.txn, tableStatuses, indexID, []any{name}, func(t *statusRecord) { status.Statuses[t.jobID()] = t.taskStatus() })
	return status, true
}

// Unseen tells whether a host is recorded as up, and its agent is not seen.
func (v *GroupView) Unseen(name string) bool {
	record := first[hostRecord](v.txn, tableHosts, indexID, name)
	return record != nil && record.Up && v.seen != nil && !v.seen(name, record.AgentID)
}

// DownSince returns when a leader last heard of a host that is recorded as down; 0 when it is up, or there was nothing to hear.
func (v *GroupView) DownSince(name string) model.Timestamp {
	record := first[hostRecord](v.txn, tableHosts, indexID, name)
	if record == nil || record.Up || record.AgentInfo == nil {
		return 0
	}
	return record.lastSeen()
}

// Job returns a job, nil when it does not exist.
func (v *GroupView) Job(id model.JobID) *model.Job {
	if record := first[jobRecord](v.txn, tableJobs, indexID, id.String()); record != nil {
		return record.job
	}
	return nil
}
