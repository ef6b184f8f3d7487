package store

import "github.com/heliosctl/heliosctl/model"

const commandExpireJobs CommandType = "expireJobs"

// ExpireJobs undeploys jobs everywhere and removes them when their time is over at the time of the command, whatever their tokens;
// those first that were to go first.
type ExpireJobs struct {
	Limit int `json:"limit"` // the most jobs to remove
}

func (ExpireJobs) commandType() CommandType { return commandExpireJobs }

func (b *batch) expireJobs(h header, c ExpireJobs) Result {
	h.reason = model.ReasonExpired
	var result Result
	for len(result.Removed) < c.Limit {
		job := first[jobRecord](b.mem, tableJobs, indexExpires)
		if job == nil || *job.job.Expires > h.Time {
			break
		}
		b.expireJob(h, job)
		result.Removed = append(result.Removed, job.job.ID)
	}
	return result
}

// expireJob ends everything that a job is part of, and the job.
func (b *batch) expireJob(h header, job *jobRecord) {
	for _, deployment := range collect[deploymentRecord](b.mem, tableDeployments, indexJob, job.key) {
		b.removeDeployment(h, deployment)
		b.touchTasks(b.host(deployment.host))
	}
	b.failRolloutsOf(h, job)
	b.dropJob(h, job)
}

// NextExpiry returns when the next job expires, false when none does, and a channel that is closed when that may have changed.
func (s *State) NextExpiry() (at model.Timestamp, some bool, changed <-chan struct{}) {
	changed, found, err := s.mem.Txn(false).FirstWatch(tableJobs, indexExpires)
	if err != nil {
		panic(err) // see first
	}
	if found == nil {
		return 0, false, changed
	}
	return *found.(*jobRecord).job.Expires, true, changed
}
