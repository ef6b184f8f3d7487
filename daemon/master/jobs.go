package master

import (
	"context"
	"strings"

	"github.com/heliosctl/heliosctl/model"
	"github.com/heliosctl/heliosctl/store"
)

// Jobs returns the jobs that the filter keeps, sorted by id.
func (m *Master) Jobs(filter model.JobFilter) []model.Job { return m.folders.state.Jobs(filter) }

// Job fails with CodeJobNotFound.
func (m *Master) Job(id model.JobID) (model.Job, error) { return m.folders.state.Job(id) }

// JobStatus fails with CodeJobNotFound.
func (m *Master) JobStatus(id model.JobID) (model.JobStatus, error) {
	status, err := m.folders.state.JobStatus(id)
	m.gauges.mergeProgress(status.TaskStatuses)
	return status, err
}

// CreateJob stamps the job with the time and the user, fills in its hash, checks it and returns its full id, also with a refusal. It
// fails with CodeInvalidJob, one line of Details for each fault, or with CodeJobAlreadyExists.
func (m *Master) CreateJob(ctx context.Context, req model.Request, job model.Job) (model.JobID, error) {
	// The time and the user come with the command, so that a repeated request is the same as the first.
	job.Created, job.CreatingUser = nil, ""
	job = job.WithID()
	faults := job.Validate(model.ValidateOptions{
		Now: m.now(), CheckHash: true, CheckCapabilities: true, CapabilityWhitelist: m.config.CapabilityWhitelist,
	})
	if len(faults) > 0 {
		err := model.Errorf(model.CodeInvalidJob, "the job is not valid: %s", strings.Join(faults, "; "))
		err.Details = faults
		return job.ID, err
	}
	_, err := m.write(ctx, req, store.CreateJob{Job: job})
	return job.ID, err
}

// RemoveJob fails with CodeJobNotFound, CodeForbidden or CodeJobStillInUse, checked in this order.
func (m *Master) RemoveJob(ctx context.Context, req model.Request, id model.JobID, token string) error {
	_, err := m.write(ctx, req, store.RemoveJob{ID: id, Token: token})
	return err
}

// History returns what happened to a job on all hosts, oldest first. It fails with CodeJobNotFound; removing a job removes its history.
func (m *Master) History(_ context.Context, id model.JobID) ([]model.TaskStatusEvent, error) {
	return m.folders.state.History(id)
}
