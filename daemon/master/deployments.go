package master

import (
	"context"

	"github.com/heliosctl/heliosctl/model"
	"github.com/heliosctl/heliosctl/store"
)

// Deployment fails with CodeHostNotFound or CodeJobNotDeployed.
func (m *Master) Deployment(host string, id model.JobID) (model.Deployment, error) {
	return m.folders.state.Deployment(host, id)
}

// Deploy puts a job on a host in the name of req's user. It fails with CodeJobNotFound, CodeForbidden, CodeInvalid for a wrong goal,
// CodeJobAlreadyDeployed, CodeHostNotFound, CodeHostDrained or CodePortConflict, checked in this order.
func (m *Master) Deploy(ctx context.Context, req model.Request, host string, d model.Deployment, token string) error {
	_, err := m.write(ctx, req, store.Deploy{Host: host, Deployment: d, Token: token})
	return err
}

// SetGoal changes the goal of a deployment and nothing else of it. It fails with CodeJobNotDeployed when there is no such job,
// CodeForbidden, CodeHostNotFound, CodeJobNotDeployed or CodeInvalid for a wrong goal, checked in this order.
func (m *Master) SetGoal(ctx context.Context, req model.Request, host string, d model.Deployment, token string) error {
	_, err := m.write(ctx, req, store.SetGoal{Host: host, JobID: d.JobID, Goal: d.Goal, Token: token})
	return err
}

// Undeploy takes a job off a host. It fails with CodeHostNotFound, CodeJobNotFound when it is not deployed there, or CodeForbidden,
// checked in this order.
func (m *Master) Undeploy(ctx context.Context, req model.Request, host string, id model.JobID, token string) error {
	_, err := m.write(ctx, req, store.Undeploy{Host: host, JobID: id, Token: token})
	return err
}
