package store

import (
	"slices"

	"github.com/heliosctl/heliosctl/model"
)

const (
	commandDrainHost   CommandType = "drainHost"
	commandUndrainHost CommandType = "undrainHost"
)

// DrainHost makes a host take no new deployments until UndrainHost. A drained host stays drained since when it was and by whom; only
// more group jobs may be stopped.
type DrainHost struct {
	Host          string `json:"host"`
	StopGroupJobs bool   `json:"stopGroupJobs,omitempty"` // stop what groups have running there, until the drain ends
}

func (DrainHost) commandType() CommandType { return commandDrainHost }
func (c DrainHost) subject() string {
	if c.StopGroupJobs {
		return c.Host + " stopping"
	}
	return c.Host
}

// UndrainHost lets a host take deployments again, and starts what was stopped with the drain, is still deployed and still stopped.
type UndrainHost struct {
	Host string `json:"host"`
}

func (UndrainHost) commandType() CommandType { return commandUndrainHost }
func (c UndrainHost) subject() string        { return c.Host }

func (b *batch) drainHost(h header, c DrainHost) Result {
	host := b.host(c.Host)
	if host == nil {
		return Result{Err: hostNotFound(c.Host)}
	}
	drain := model.Drain{Since: h.Time, User: h.User}
	if host.Drain != nil {
		drain = *host.Drain
	}
	var stopping []*deploymentRecord
	if c.StopGroupJobs {
		each(b.mem, tableDeployments, indexID, []any{c.Host}, func(d *deploymentRecord) {
			if d.deployment.DeploymentGroupName != "" && d.deployment.Goal == model.GoalStart {
				stopping = append(stopping, d)
			}
		})
	}
	if host.Drain != nil && len(stopping) == 0 {
		return Result{}
	}
	drain.Stopped = slices.Clone(drain.Stopped) // the record in the working set shares it
	for _, d := range stopping {
		drain.Stopped = append(drain.Stopped, d.deployment.JobID)
	}
	record := *host
	record.Drain = &drain
	b.putHost(&record)
	b.event(eventRecord{kind: model.EventHostDrained, at: h.Time, user: h.User, host: c.Host})
	for _, d := range stopping {
		b.changeGoal(h, &record, d, model.GoalStop)
	}
	return Result{}
}

func (b *batch) undrainHost(h header, c UndrainHost) Result {
	host := b.host(c.Host)
	if host == nil {
		return Result{Err: hostNotFound(c.Host)}
	}
	if host.Drain == nil {
		return Result{}
	}
	record := *host
	record.Drain = nil
	b.putHost(&record)
	b.event(eventRecord{kind: model.EventHostUndrained, at: h.Time, user: h.User, host: c.Host})
	for _, id := range host.Drain.Stopped {
		if d := b.deployment(c.Host, id.String()); d != nil && d.deployment.Goal == model.GoalStop {
			b.changeGoal(h, &record, d, model.GoalStart)
		}
	}
	return Result{}
}

// keepOutOfDrain makes the end of a drain leave a deployment alone: somebody gave it a goal of its own. It returns the host as it is
// then.
func (b *batch) keepOutOfDrain(host *hostRecord, id model.JobID) *hostRecord {
	if host.Drain == nil || !slices.Contains(host.Drain.Stopped, id) {
		return host
	}
	drain := *host.Drain
	drain.Stopped = slices.DeleteFunc(slices.Clone(drain.Stopped), func(stopped model.JobID) bool { return stopped == id })
	record := *host
	record.Drain = &drain
	b.putHost(&record)
	return &record
}

func hostDrained(host *hostRecord) *model.Error {
	by := ""
	if host.Drain.User != "" {
		by = " by " + host.Drain.User
	}
	return model.Errorf(model.CodeHostDrained,
		"host %s was drained%s at %s and takes no new deployments; choose another host, or end it with: heliosctl drain %s --undo",
		host.Name, by, host.Drain.Since, host.Name)
}

// Drained tells whether a host takes no new deployments. One that is not registered is not drained.
func (s *State) Drained(host string) bool {
	record := first[hostRecord](s.mem.Txn(false), tableHosts, indexID, host)
	return record != nil && record.Drain != nil
}

// Drain returns a host's drain, false when it has none. The caller owns it.
func (s *State) Drain(host string) (model.Drain, bool) {
	record := first[hostRecord](s.mem.Txn(false), tableHosts, indexID, host)
	if record == nil || record.Drain == nil {
		return model.Drain{}, false
	}
	return *record.drain(), true
}

// drain returns a copy of the host's drain, nil when it has none.
func (r *hostRecord) drain() *model.Drain {
	if r.Drain == nil {
		return nil
	}
	drain := *r.Drain
	drain.Stopped = slices.Clone(drain.Stopped)
	return &drain
}
