package api

import (
	"context"

	"github.com/heliosctl/heliosctl/model"
)

// Backend is what the handlers need of a master. Everything is safe for concurrent use. What it returns is shared and must not be
// changed. Errors carry a model code; one without a code is answered as an internal error.
type Backend interface {
	// ReadIndex returns when local reads reflect every write that was acknowledged before the call. It fails with CodeUnavailable
	// when there is no leader for two seconds.
	ReadIndex(ctx context.Context) error

	// Index is the index of the last change that local reads reflect.
	Index() uint64

	// Jobs returns the jobs that the filter keeps, sorted by id.
	Jobs(filter model.JobFilter) []model.Job

	// Job fails with CodeJobNotFound.
	Job(id model.JobID) (model.Job, error)

	// JobStatus fails with CodeJobNotFound.
	JobStatus(id model.JobID) (model.JobStatus, error)

	// CreateJob stamps the job with the time and the user, checks it, and returns its full id. It fails with CodeInvalidJob, one
	// line of Details per fault, or with CodeJobAlreadyExists.
	CreateJob(ctx context.Context, req model.Request, job model.Job) (model.JobID, error)

	// RemoveJob fails with CodeJobNotFound, CodeForbidden or CodeJobStillInUse, checked in this order.
	RemoveJob(ctx context.Context, req model.Request, id model.JobID, token string) error

	// Hosts returns the names of all registered hosts, sorted.
	Hosts() []string

	// Host returns a host with its liveness and its gauges. It fails with CodeHostNotFound.
	Host(name string) (model.HostStatus, error)

	// HostLabels returns the labels of a host, nil for one that is unknown or has none.
	HostLabels(name string) map[string]string

	// RegisterHost registers a host for an agent id. The same id again is no change; another one fails with CodeHostConflict.
	RegisterHost(ctx context.Context, req model.Request, host, id string) error

	// DeregisterHost removes a host with its deployments, statuses and history. It fails with CodeHostNotFound.
	DeregisterHost(ctx context.Context, req model.Request, host string) error

	// Deployment fails with CodeHostNotFound or CodeJobNotDeployed.
	Deployment(host string, id model.JobID) (model.Deployment, error)

	// Deploy fails with CodeJobNotFound, CodeForbidden, CodeJobAlreadyDeployed, CodeHostNotFound or CodePortConflict, checked in this order.
	Deploy(ctx context.Context, req model.Request, host string, d model.Deployment, token string) error

	// SetGoal fails with CodeJobNotFound, CodeForbidden, CodeHostNotFound or CodeJobNotDeployed, checked in this order.
	SetGoal(ctx context.Context, req model.Request, host string, d model.Deployment, token string) error

	// Undeploy fails with CodeHostNotFound, CodeJobNotDeployed or CodeForbidden, checked in this order.
	Undeploy(ctx context.Context, req model.Request, host string, id model.JobID, token string) error

	// History returns what happened to a job on all hosts, oldest first. It fails with CodeJobNotFound when neither the job nor
	// any history of it is known.
	History(ctx context.Context, id model.JobID) ([]model.TaskStatusEvent, error)

	// Masters returns the names of the masters that are alive, sorted.
	Masters() []string

	// ClusterID names the cluster, "" before it is formed.
	ClusterID() string

	// Events returns the events after index in rising order, never a part of one change, and a channel that is closed when there
	// are more. Reset tells that events after index are missing because it is too old.
	Events(index uint64) (events []model.Event, reset bool, more <-chan struct{})

	// RegisterAgent claims the host name for the agent and records its facts. It fails with CodeHostConflict when the name belongs
	// to another agent id.
	RegisterAgent(ctx context.Context, r model.Registration) (model.Registered, error)

	// HostTasks returns everything deployed to the host, the index it was read at, and a channel that is closed when it changes.
	// It fails with CodeHostNotFound, or with CodeHostConflict when the host belongs to another agent id.
	HostTasks(host, agentID string) (tasks []model.Task, index uint64, changed <-chan struct{}, err error)

	// PostStatuses records an agent's reports. It fails with CodeHostNotFound or CodeHostConflict.
	PostStatuses(ctx context.Context, host string, batch model.StatusBatch) (model.StatusAck, error)

	// PostGauges remembers readings of a host. It fails with CodeHostNotFound or CodeHostConflict.
	PostGauges(host string, g model.Gauges) error
}
