package client

import (
	"context"
	"net/http"

	"github.com/heliosctl/heliosctl/model"
)

// Deploy puts the job d.JobID with the goal d.Goal on a host. Success means recorded, not running. It fails with CodeInvalidID,
// CodeJobNotFound, CodeForbidden when the token is not the job's, CodeJobAlreadyDeployed, CodeHostNotFound or CodePortConflict.
func (c *Client) Deploy(ctx context.Context, host string, d model.Deployment, token string) error {
	return c.call(ctx, request{
		method: http.MethodPut, path: path("hosts", host, "jobs", d.JobID.String()), query: query("token", token), body: d,
	}, nil)
}

// SetGoal changes the goal of a deployment. It fails with CodeForbidden, CodeHostNotFound or CodeJobNotDeployed, the last also
// when the job does not exist.
func (c *Client) SetGoal(ctx context.Context, host string, d model.Deployment, token string) error {
	return c.call(ctx, request{
		method: http.MethodPatch, path: path("hosts", host, "jobs", d.JobID.String()), query: query("token", token), body: d,
		absent: model.Errorf(model.CodeJobNotDeployed, "job %s is not deployed to %s", d.JobID, host),
	}, nil)
}

// Undeploy takes a job off a host. It fails with CodeInvalidID, CodeHostNotFound, CodeForbidden, or CodeJobNotFound when the job
// is not deployed there.
func (c *Client) Undeploy(ctx context.Context, host string, id model.JobID, token string) error {
	return c.call(ctx, request{
		method: http.MethodDelete, path: path("hosts", host, "jobs", id.String()), query: query("token", token),
		absent: model.Errorf(model.CodeJobNotFound, "job %s is not deployed to %s", id, host),
	}, nil)
}

// Deployment returns the deployment of a job on a host. It fails with CodeInvalidID, or with CodeJobNotDeployed when there is
// none, the host being unknown included.
func (c *Client) Deployment(ctx context.Context, host string, id model.JobID) (model.Deployment, error) {
	var d model.Deployment
	if !id.FullyQualified() {
		// The masters refuse this one without a word.
		return d, model.Errorf(model.CodeInvalidID, "job id %s is not complete: name:version:hash is needed", id)
	}
	err := c.call(ctx, request{
		method: http.MethodGet, path: path("hosts", host, "jobs", id.String()),
		absent: model.Errorf(model.CodeJobNotDeployed, "job %s is not deployed to %s", id, host),
	}, &d)
	return d, err
}
