package store

import (
	"encoding/json"

	"github.com/heliosctl/heliosctl/model"
)

const commandRecordStatuses CommandType = "statuses"

// recordStatuses is the command that records the status reports of several hosts, see EncodeStatuses.
type recordStatuses struct {
	Batches []hostStatuses `json:"batches"`
}

func (recordStatuses) commandType() CommandType { return commandRecordStatuses }

// hostStatuses is one host's part of it.
type hostStatuses struct {
	Host    string         `json:"host"`
	AgentID string         `json:"agentId"`
	Reports []statusReport `json:"reports"`
}

// statusReport is a model.StatusReport that leaves the job out where the state has it.
type statusReport struct {
	Seq       uint64          `json:"seq"`
	JobID     model.JobID     `json:"jobId"`
	Timestamp model.Timestamp `json:"timestamp"`
	Removed   bool            `json:"removed,omitempty"`
	Status    *statusFields   `json:"status,omitempty"`
	Job       *model.Job      `json:"job,omitempty"`
}

// statusFields is a task status without its job, and without its progress, which changes too often to be kept.
type statusFields struct {
	Goal           model.Goal                   `json:"goal,omitempty"`
	State          model.State                  `json:"state"`
	ContainerID    string                       `json:"containerId,omitempty"`
	Throttled      model.Throttle               `json:"throttled,omitempty"`
	Ports          map[string]model.PortMapping `json:"ports,omitempty"`
	Env            map[string]string            `json:"env,omitempty"`
	ContainerError string                       `json:"containerError,omitempty"`
	ExitCode       *int                         `json:"exitCode,omitempty"`
	OOMKilled      bool                         `json:"oomKilled,omitempty"`
	Signal         string                       `json:"signal,omitempty"`
	Restarts       int                          `json:"restarts,omitempty"`
	Since          model.Timestamp              `json:"since,omitempty"`
	Unhealthy      bool                         `json:"unhealthy,omitempty"`
	HealthError    string                       `json:"healthError,omitempty"`
}

// statusRecord is a task's status in memory.
type statusRecord struct {
	host   string
	key    string // the job id as a string
	id     model.JobID
	job    *model.Job   // shared with the job's record
	fields statusFields // without the maps
	maps   packed

	// stray is a status that its job's history does not lead to: the job is removed, or was created again since the last report.
	stray bool
}

// newStatus makes a record. Strings that the job's or an earlier record has are kept once: there are as many records as tasks.
func newStatus(host, key string, id model.JobID, fields statusFields) *statusRecord {
	r := &statusRecord{host: host, key: key, id: id, fields: fields, maps: pack(fields.Ports, fields.Env)}
	r.fields.Ports, r.fields.Env = nil, nil
	return r
}

// of makes a record that of a job, which has its id already.
func (r *statusRecord) of(job *jobRecord) {
	r.job, r.key, r.id = job.job, job.key, job.job.ID
}

// statusRow is a task's status on disk. Its job is that of the job's row, or of the row of a removed job.
type statusRow struct {
	Host   string       `json:"host"`
	JobID  model.JobID  `json:"jobId"`
	Status statusFields `json:"status"`
}

// EncodeHostStatuses returns one host's part of a statuses command. The jobs that known says the state has are left out: they would be
// most of its size.
func EncodeHostStatuses(host string, batch model.StatusBatch, known func(model.JobID) bool) ([]byte, error) {
	part := hostStatuses{Host: host, AgentID: batch.AgentID, Reports: make([]statusReport, len(batch.Reports))}
	for i, report := range batch.Reports {
		r := statusReport{Seq: report.Seq, JobID: report.JobID, Timestamp: report.Timestamp, Removed: report.Removed}
		if !report.Removed {
			if report.Status == nil {
				return nil, model.Errorf(model.CodeInvalid, "status report %d of job %s has no status", report.Seq, report.JobID)
			}
			r.Status = fieldsOf(report.Status)
			if !known(report.JobID) && !report.Status.Job.ID.IsZero() {
				r.Job = &report.Status.Job
			}
		}
		part.Reports[i] = r
	}
	return json.Marshal(part)
}

// EncodeStatuses returns the log entry that records the given parts, in their order.
func EncodeStatuses(at model.Timestamp, parts [][]byte) ([]byte, error) {
	body := []byte(`{"batches":[`)
	for i, part := range parts {
		if i > 0 {
			body = append(body, ',')
		}
		body = append(body, part...)
	}
	return encodeCommand(header{Type: commandRecordStatuses, Time: at}, append(body, "]}"...))
}

func fieldsOf(s *model.TaskStatus) *statusFields {
	return &statusFields{
		Goal: s.Goal, State: s.State, ContainerID: s.ContainerID, Throttled: s.Throttled,
		Ports: s.Ports, Env: s.Env, ContainerError: s.ContainerError,
		ExitCode: s.ExitCode, OOMKilled: s.OOMKilled, Signal: s.Signal, Restarts: s.Restarts, Since: s.Since,
		Unhealthy: s.Unhealthy, HealthError: s.HealthError,
	}
}

func (f *statusFields) taskStatus(job *model.Job) model.TaskStatus {
	return model.TaskStatus{
		Job: *job, Goal: f.Goal, State: f.State, ContainerID: f.ContainerID, Throttled: f.Throttled,
		Ports: f.Ports, Env: f.Env, ContainerError: f.ContainerError,
		ExitCode: f.ExitCode, OOMKilled: f.OOMKilled, Signal: f.Signal, Restarts: f.Restarts, Since: f.Since,
		Unhealthy: f.Unhealthy, HealthError: f.HealthError,
	}
}

func (r *statusRecord) jobID() model.JobID { return r.id }

func (r *statusRecord) taskStatus() model.TaskStatus {
	fields := r.fields
	fields.Ports, fields.Env = r.maps.maps()
	return fields.taskStatus(r.job)
}

func (b *batch) recordStatuses(_ header, c recordStatuses) Result {
	acks := make([]Ack, len(c.Batches))
	for i, part := range c.Batches {
		acks[i] = b.hostStatuses(part)
	}
	return Result{Acks: acks}
}

// hostStatuses records a host's reports above the last recorded one, in order, and moves that.
func (b *batch) hostStatuses(part hostStatuses) Ack {
	host := b.host(part.Host)
	if host == nil {
		return Ack{Err: hostNotFound(part.Host)}
	}
	if host.AgentID != part.AgentID {
		return Ack{Err: hostConflict(part.Host)}
	}
	before := b.acked(part.Host)
	acked := before
	for _, report := range part.Reports {
		if report.Seq <= acked {
			continue
		}
		acked = report.Seq
		b.report(host.Name, report)
	}
	if acked != before {
		b.insert(tableAcks, &ackRecord{host: host.Name, seq: acked})
		b.writes = append(b.writes, write{key: ackKey(part.Host), value: encodeIndex(acked)})
	}
	return Ack{Seq: acked}
}

func (b *batch) acked(host string) uint64 {
	if ack := first[ackRecord](b.mem, tableAcks, indexID, host); ack != nil {
		return ack.seq
	}
	return 0
}

func (b *batch) report(host string, r statusReport) {
	key := r.JobID.String()
	old := first[statusRecord](b.mem, tableStatuses, indexID, host, key)
	if r.Removed {
		if old != nil {
			b.removeStatus(old)
			b.event(eventRecord{kind: model.EventTaskRemoved, at: r.Timestamp, host: host, job: r.JobID})
		}
		return
	}
	if r.Status == nil || r.JobID.IsZero() || len(key) > maxJobIDInKey {
		return
	}
	record := newStatus(host, key, r.JobID, *r.Status)
	if old != nil {
		record.share(old)
	}
	job := first[jobRecord](b.mem, tableJobs, indexID, key)
	if job != nil {
		record.of(job)
		b.appendHistory(job.number, host, historyRow{Timestamp: r.Timestamp, Status: *r.Status})
	} else {
		record.job, record.stray = b.removedJob(r, key), true
	}
	b.insert(tableStatuses, record)
	b.put(statusKey(host, key), statusRow{Host: host, JobID: r.JobID, Status: *r.Status})
	b.event(eventRecord{kind: model.EventTaskStatus, at: r.Timestamp, host: host, job: r.JobID, status: record})
}

// removedJob returns the job of a status whose job is not in the state: as known from another status of it, else as reported.
func (b *batch) removedJob(r statusReport, key string) *model.Job {
	if other := first[statusRecord](b.mem, tableStatuses, indexStray, key); other != nil {
		return other.job
	}
	job := r.Job
	if job == nil {
		job = &model.Job{ID: r.JobID}
	}
	b.put(removedJobKey(key), job)
	return job
}

// removeStatus forgets a task, and its job when that was removed and this was the last task of it.
func (b *batch) removeStatus(record *statusRecord) {
	b.drop(tableStatuses, record)
	b.remove(statusKey(record.host, record.key))
	if first[jobRecord](b.mem, tableJobs, indexID, record.key) == nil &&
		first[statusRecord](b.mem, tableStatuses, indexStray, record.key) == nil {
		b.remove(removedJobKey(record.key))
	}
}

// adoptStatuses gives a job created again the tasks that its removed namesake left behind.
func (b *batch) adoptStatuses(job *jobRecord) {
	left := collect[statusRecord](b.mem, tableStatuses, indexStray, job.key)
	if len(left) == 0 {
		return
	}
	for _, status := range left {
		record := *status
		record.job = job.job
		b.insert(tableStatuses, &record)
	}
	b.remove(removedJobKey(job.key))
}

// strayStatuses keeps hold of the tasks that a job leaves behind, and tells whether there are any.
func (b *batch) strayStatuses(job *jobRecord) bool {
	for host := range b.state.histories[job.number] {
		if status := first[statusRecord](b.mem, tableStatuses, indexID, host, job.key); status != nil && !status.stray {
			record := *status
			record.stray = true
			b.insert(tableStatuses, &record)
		}
	}
	return first[statusRecord](b.mem, tableStatuses, indexStray, job.key) != nil
}

// share keeps one copy of what does not change from one status of a task to the next.
func (r *statusRecord) share(old *statusRecord) {
	if r.maps == old.maps {
		r.maps = old.maps
	}
	if r.fields.ContainerID == old.fields.ContainerID {
		r.fields.ContainerID = old.fields.ContainerID
	}
}
