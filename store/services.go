package store

import "github.com/heliosctl/heliosctl/model"

// ServiceTask is a task that offers services: its job registers some, it is RUNNING, and it is meant to go on.
type ServiceTask struct {
	Host    string
	AgentID string
	Job     *model.Job     // shared; only to be read
	Ports   map[string]int // external ports in use, by name
}

// ServiceTasks returns the tasks that offer services, sorted by job and host. Whether their hosts are UP is not looked at.
func (s *State) ServiceTasks() []ServiceTask {
	txn := s.mem.Txn(false)
	var tasks []ServiceTask
	each(txn, tableJobs, indexID, nil, func(job *jobRecord) {
		if len(job.job.Registration) == 0 {
			return
		}
		each(txn, tableDeployments, indexJob, []any{job.key}, func(d *deploymentRecord) {
			status := first[statusRecord](txn, tableStatuses, indexID, d.host, d.key)
			if d.deployment.Goal != model.GoalStart || status == nil || status.fields.State != model.StateRunning {
				return
			}
			host := first[hostRecord](txn, tableHosts, indexID, d.host)
			tasks = append(tasks, ServiceTask{Host: d.host, AgentID: host.AgentID, Job: job.job, Ports: status.externalPorts()})
		})
	})
	return tasks
}

func (r *statusRecord) externalPorts() map[string]int {
	mappings, _ := r.maps.maps()
	ports := make(map[string]int, len(mappings))
	for name, mapping := range mappings {
		if mapping.ExternalPort != nil {
			ports[name] = *mapping.ExternalPort
		}
	}
	return ports
}

// Changed returns a channel that is closed when anything in the state has changed since the call.
func (s *State) Changed() <-chan struct{} {
	changed, _, err := s.mem.Txn(false).FirstWatch(tableMeta, indexID, metaApplied)
	if err != nil {
		panic(err) // see first
	}
	return changed
}
