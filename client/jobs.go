package client

import (
	"context"
	"net/http"

	"github.com/heliosctl/heliosctl/model"
)

// Jobs returns jobs by their ids: those whose full id contains q and, when hostPattern is not empty, that are deployed to a host
// whose name matches the regular expression anywhere.
func (c *Client) Jobs(ctx context.Context, q, hostPattern string) (map[model.JobID]model.Job, error) {
	jobs := map[model.JobID]model.Job{}
	err := c.call(ctx, request{method: http.MethodGet, path: path("jobs"), query: query("q", q, "hostPattern", hostPattern)}, &jobs)
	return jobs, err
}

// Job returns a job by its full id. It fails with CodeInvalidID or CodeJobNotFound.
func (c *Client) Job(ctx context.Context, id model.JobID) (model.Job, error) {
	var job model.Job
	err := c.call(ctx, request{
		method: http.MethodGet, path: path("jobs", id.String()),
		absent: model.Errorf(model.CodeJobNotFound, "job %s does not exist", id),
	}, &job)
	return job, err
}

// CreateJob creates a job and returns its full id. The hash of job.ID may be empty. It fails with CodeInvalidJob, one line of
// Details per fault, or with CodeJobAlreadyExists when there is a job of that name and version.
func (c *Client) CreateJob(ctx context.Context, job model.Job) (model.JobID, error) {
	var answer model.CreateJobResponse
	err := c.call(ctx, request{method: http.MethodPost, path: path("jobs"), body: job}, &answer)
	if err != nil {
		return model.JobID{}, err
	}
	id, err := model.ParseJobID(answer.ID)
	if err != nil {
		return model.JobID{}, model.Errorf(model.CodeInternal, "the master answered with the unreadable job id %q", answer.ID)
	}
	return id, nil
}

// RemoveJob removes a job that is not deployed anywhere. It fails with CodeInvalidID, CodeJobNotFound, CodeForbidden when the
// token is not the job's, or CodeJobStillInUse.
func (c *Client) RemoveJob(ctx context.Context, id model.JobID, token string) error {
	return c.call(ctx, request{
		method: http.MethodDelete, path: path("jobs", id.String()), query: query("token", token),
		absent: model.Errorf(model.CodeJobNotFound, "job %s does not exist", id),
	}, nil)
}

// JobStatus returns a job with its deployments and task statuses by host. It fails with CodeInvalidID or CodeJobNotFound.
func (c *Client) JobStatus(ctx context.Context, id model.JobID) (model.JobStatus, error) {
	var status model.JobStatus
	err := c.call(ctx, request{
		method: http.MethodGet, path: path("jobs", id.String(), "status"),
		absent: model.Errorf(model.CodeJobNotFound, "job %s does not exist", id),
	}, &status)
	return status, err
}

// JobStatuses returns the statuses of several jobs at once, leaving out those that do not exist. It fails with CodeInvalidID.
func (c *Client) JobStatuses(ctx context.Context, ids []model.JobID) (map[model.JobID]model.JobStatus, error) {
	if ids == nil {
		ids = []model.JobID{}
	}
	statuses := map[model.JobID]model.JobStatus{}
	err := c.call(ctx, request{method: http.MethodPost, path: path("jobs", "statuses"), body: ids, read: true}, &statuses)
	return statuses, err
}
