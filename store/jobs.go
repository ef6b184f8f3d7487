package store

import (
	"slices"
	"strings"

	"github.com/heliosctl/heliosctl/model"
)

const (
	commandCreateJob CommandType = "createJob"
	commandRemoveJob CommandType = "removeJob"
)

// CreateJob adds a job. Its creating user and time of creation are those of the command.
type CreateJob struct {
	Job model.Job `json:"job"`
}

func (CreateJob) commandType() CommandType { return commandCreateJob }
func (c CreateJob) subject() string        { return c.Job.ID.String() }

// RemoveJob removes a job that is not deployed, and its history.
type RemoveJob struct {
	ID    model.JobID `json:"id"`
	Token string      `json:"token,omitempty"`
}

func (RemoveJob) commandType() CommandType { return commandRemoveJob }
func (c RemoveJob) subject() string        { return c.ID.String() }

// jobRecord is a job in memory.
type jobRecord struct {
	key    string // the id as a string
	number uint64 // of the command that created it: a job removed and created again has another
	job    *model.Job
}

// jobRow is a job on disk.
type jobRow struct {
	Number uint64     `json:"number"`
	Job    *model.Job `json:"job"`
}

func (b *batch) createJob(h header, c CreateJob) Result {
	job := c.Job
	if len(job.ID.String()) > maxJobIDInKey {
		return Result{Err: model.Errorf(model.CodeInvalidJob, "the job's id is too long: at most %d characters are allowed", maxJobIDInKey)}
	}
	if same := first[jobRecord](b.mem, tableJobs, indexName, job.ID.Name, job.ID.Version); same != nil {
		return Result{Err: model.Errorf(model.CodeJobAlreadyExists,
			"job %s:%s already exists; use another version or remove %s first", job.ID.Name, job.ID.Version, same.key)}
	}
	job.CreatingUser, job.Created = h.User, &h.Time
	record := &jobRecord{key: job.ID.String(), number: b.identity(), job: &job}
	b.insert(tableJobs, record)
	b.put(jobKey(job.ID), jobRow{Number: record.number, Job: &job})
	b.adoptStatuses(record)
	b.event(eventRecord{kind: model.EventJobCreated, at: h.Time, user: h.User, job: job.ID})
	return Result{}
}

func (b *batch) removeJob(h header, c RemoveJob) Result {
	record := b.job(c.ID)
	if record == nil {
		return Result{Err: jobNotFound(c.ID)}
	}
	if err := checkToken(record.job, c.Token); err != nil {
		return Result{Err: err}
	}
	if hosts := b.deployedHosts(record.key); len(hosts) > 0 {
		return Result{Err: model.Errorf(model.CodeJobStillInUse,
			"job %s is still deployed to %s; undeploy it first", record.key, nameSome(hosts))}
	}
	if group, needed := b.groupJobs()[c.ID]; needed {
		return Result{Err: model.Errorf(model.CodeJobStillInUse,
			"job %s is in use by deployment group %s; roll another job out there, or remove the group first", record.key, group)}
	}
	b.dropJob(h, record)
	return Result{}
}

// dropJob removes a job that is not deployed, and its history.
func (b *batch) dropJob(h header, record *jobRecord) {
	b.drop(tableJobs, record)
	b.remove(jobKey(record.job.ID))
	if b.strayStatuses(record) {
		b.put(removedJobKey(record.key), record.job)
	}
	b.removeJobHistory(record.number)
	b.event(eventRecord{kind: model.EventJobRemoved, at: h.Time, user: h.User, reason: h.reason, job: record.job.ID})
}

func (b *batch) job(id model.JobID) *jobRecord {
	return first[jobRecord](b.mem, tableJobs, indexID, id.String())
}

func (b *batch) deployedHosts(job string) []string {
	var hosts []string
	each(b.mem, tableDeployments, indexJob, []any{job}, func(d *deploymentRecord) { hosts = append(hosts, d.host) })
	slices.Sort(hosts)
	return hosts
}

// checkToken compares exactly: a token given for a job without one is as wrong as a missing one.
func checkToken(job *model.Job, token string) *model.Error {
	if job.Token == token {
		return nil
	}
	return model.Errorf(model.CodeForbidden, "the token for job %s is missing or wrong; give the one it was created with", job.ID)
}

func jobNotFound(id model.JobID) *model.Error {
	return model.Errorf(model.CodeJobNotFound, "job %s does not exist; list the jobs to see which do", id)
}

// nameSome names the first few of a list.
func nameSome(names []string) string {
	const most = 3
	if len(names) > most {
		return strings.Join(names[:most], ", ") + " and others"
	}
	return strings.Join(names, ", ")
}

// Jobs returns the jobs that pass the filter, sorted by id.
func (s *State) Jobs(filter model.JobFilter) []model.Job {
	txn := s.mem.Txn(false)
	var deployed map[string]bool
	if filter.HostMatches != nil {
		deployed = map[string]bool{}
		each(txn, tableHosts, indexID, nil, func(h *hostRecord) {
			if !filter.HostMatches(h.Name) {
				return
			}
			each(txn, tableDeployments, indexID, []any{h.Name}, func(d *deploymentRecord) { deployed[d.key] = true })
		})
	}
	var jobs []model.Job
	each(txn, tableJobs, indexID, nil, func(j *jobRecord) {
		if strings.Contains(j.key, filter.Query) && (deployed == nil || deployed[j.key]) {
			jobs = append(jobs, *j.job)
		}
	})
	slices.SortFunc(jobs, func(a, b model.Job) int { return a.ID.Compare(b.ID) })
	return jobs
}

// Job returns a job; CodeJobNotFound when there is none.
func (s *State) Job(id model.JobID) (model.Job, error) {
	record := first[jobRecord](s.mem.Txn(false), tableJobs, indexID, id.String())
	if record == nil {
		return model.Job{}, jobNotFound(id)
	}
	return *record.job, nil
}

// HasJob reports whether the job exists.
func (s *State) HasJob(id model.JobID) bool {
	return first[jobRecord](s.mem.Txn(false), tableJobs, indexID, id.String()) != nil
}

// JobStatus returns a job with its deployments, and the statuses from the hosts that have one; CodeJobNotFound when there is none.
func (s *State) JobStatus(id model.JobID) (model.JobStatus, error) {
	txn := s.mem.Txn(false)
	record := first[jobRecord](txn, tableJobs, indexID, id.String())
	if record == nil {
		return model.JobStatus{}, jobNotFound(id)
	}
	status := model.JobStatus{
		Job:          *record.job,
		TaskStatuses: map[string]model.TaskStatus{},
		Deployments:  map[string]model.Deployment{},
	}
	each(txn, tableDeployments, indexJob, []any{record.key}, func(d *deploymentRecord) {
		status.Deployments[d.host] = d.deployment
		if task := first[statusRecord](txn, tableStatuses, indexID, d.host, d.key); task != nil {
			status.TaskStatuses[d.host] = task.taskStatus()
		}
	})
	return status, nil
}
