package master

import (
	"context"

	"github.com/heliosctl/heliosctl/model"
	"github.com/heliosctl/heliosctl/store"
)

// Drain makes a host take no new deployments; with stopGroupJobs the jobs that groups deployed to it are stopped. It returns the drain
// as it is then, and fails with CodeHostNotFound.
func (m *Master) Drain(ctx context.Context, req model.Request, host string, stopGroupJobs bool) (model.Drain, error) {
	if _, err := m.write(ctx, req, store.DrainHost{Host: host, StopGroupJobs: stopGroupJobs}); err != nil {
		return model.Drain{}, err
	}
	drain, drained := m.folders.state.Drain(host)
	if !drained {
		return model.Drain{}, model.Errorf(model.CodeHostConflict, "the drain of host %s was ended by somebody else at the same time", host)
	}
	return drain, nil
}

// Undrain ends a drain and starts what was stopped with it. It fails with CodeHostNotFound.
func (m *Master) Undrain(ctx context.Context, req model.Request, host string) error {
	_, err := m.write(ctx, req, store.UndrainHost{Host: host})
	return err
}

// Drained tells whether a host takes no new deployments.
func (m *Master) Drained(host string) bool { return m.folders.state.Drained(host) }
