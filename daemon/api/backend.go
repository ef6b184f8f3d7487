package api

import (
	"context"
	"io"

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

	// Deploy fails with CodeJobNotFound, CodeForbidden, CodeJobAlreadyDeployed, CodeHostNotFound, CodeHostDrained or CodePortConflict,
	// checked in this order.
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

	// RecentEvents returns the latest events that are still known and that keep keeps, at most n in rising order. Events goes on after
	// them from index.
	RecentEvents(n int, keep func(model.Event) bool) (events []model.Event, index uint64)

	// RegisterAgent claims the host name for the agent and records its facts. It fails with CodeHostConflict when the name belongs
	// to another agent id that is alive or has not been away for long enough.
	RegisterAgent(ctx context.Context, r model.Registration) (model.Registered, error)

	// HostTasks returns everything deployed to the host, the index it was read at, and a channel that is closed when it changes.
	// It fails with CodeHostNotFound, or with CodeHostConflict when the host belongs to another agent id.
	HostTasks(host, agentID string) (tasks []model.Task, index uint64, changed <-chan struct{}, err error)

	// HostEpoch tells the registrations of a host apart, 0 for one that is unknown.
	HostEpoch(host string) uint64

	// PostStatuses records an agent's reports. It fails with CodeHostNotFound or CodeHostConflict.
	PostStatuses(ctx context.Context, host string, batch model.StatusBatch) (model.StatusAck, error)

	// PostGauges remembers readings of a host. It fails with CodeHostNotFound or CodeHostConflict.
	PostGauges(host string, g model.Gauges) error

	// Leader returns the URL of the leader's API, or self when this master leads. It waits up to two seconds for there to be one, and
	// fails with CodeUnavailable.
	Leader(ctx context.Context) (url string, self bool, err error)

	// ConfirmedIndex returns the index that reads anywhere must reflect to be current now. Only the leader knows; others fail with
	// CodeUnavailable.
	ConfirmedIndex(ctx context.Context) (uint64, error)

	// Isolated returns a channel that is closed once this master has heard of no leader for five seconds. Streams end then, because
	// what they would tell may be long past.
	Isolated() <-chan struct{}

	// Self tells what this master is and does. Its Version is left to the caller.
	Self() model.MasterStatus

	// Peers returns the servers of the raft configuration, sorted by name. It fails with CodeUnavailable.
	Peers(ctx context.Context) ([]model.Peer, error)

	// RemovePeer removes a server, given by id or name, for good: it is not taken in again. It fails with CodeNotFound, with CodeUnsafe
	// where the rest would have no majority unless forced, or with CodeUnavailable. Only the leader can.
	RemovePeer(ctx context.Context, req model.Request, id string, force bool) error

	// Leave removes this master from the cluster for good and ends it. It fails with CodeUnsafe or CodeUnavailable.
	Leave(ctx context.Context, req model.Request) error

	// GaugesSince returns the readings that came after a version, all of them for version 0.
	GaugesSince(version uint64) model.GaugeUpdate

	// Snapshot returns the state as of now, to be read and closed. Only the leader's is sure to be current.
	Snapshot(ctx context.Context) (model.SnapshotInfo, io.ReadCloser, error)

	// Restore replaces the state of the whole cluster by a snapshot. It fails with CodeInvalid for what is none, with CodeUnsafe where
	// the cluster has jobs or hosts unless forced, and with CodeUnavailable. Only the leader can.
	Restore(ctx context.Context, req model.Request, snapshot io.Reader, force bool) (model.SnapshotInfo, error)

	// Drain makes a host take no new deployments; with stopGroupJobs the jobs that groups deployed to it are stopped. A second time
	// changes only that. It fails with CodeHostNotFound.
	Drain(ctx context.Context, req model.Request, host string, stopGroupJobs bool) (model.Drain, error)

	// Undrain ends a drain and starts what was stopped with it; where there is none nothing changes. It fails with CodeHostNotFound.
	Undrain(ctx context.Context, req model.Request, host string) error

	// Groups returns the names of all deployment groups, sorted.
	Groups() []string

	// Group fails with CodeGroupNotFound.
	Group(name string) (model.DeploymentGroup, error)

	// CreateGroup returns CodeGroupCreated, or CodeGroupNotModified when there is one of that name with the same selectors. It fails
	// with CodeGroupConflict when it has others, and with CodeInvalid.
	CreateGroup(ctx context.Context, req model.Request, group model.DeploymentGroup) (model.Code, error)

	// RemoveGroup removes a group; what it deployed stays deployed. It fails with CodeGroupNotFound.
	RemoveGroup(ctx context.Context, req model.Request, name string) error

	// GroupStatus sums up a group, with its hosts that are up. It fails with CodeGroupNotFound.
	GroupStatus(name string) (model.DeploymentGroupStatusResponse, error)

	// SetSelectors changes which hosts belong to a group. It fails with CodeGroupNotFound, and with CodeGroupConflict when was is not nil
	// and not what the selectors were.
	SetSelectors(ctx context.Context, req model.Request, group string, selectors []model.HostSelector, was *[]model.HostSelector) error

	// RollingUpdate brings a group to a job and returns the id of the rollout. Options may be nil. It fails with CodeGroupNotFound,
	// CodeJobNotFound or CodeInvalid, checked in this order.
	RollingUpdate(
		ctx context.Context, req model.Request, group string, job model.JobID, options *model.RolloutOptions,
	) (rollout uint64, err error)

	// RollingUpdateAfter is RollingUpdate, and fails with CodeRolloutChanged when the group's last rollout that is no convergence is
	// another; 0: when there was one.
	RollingUpdateAfter(
		ctx context.Context, req model.Request, group string, after uint64, job model.JobID, options *model.RolloutOptions,
	) (rollout uint64, err error)

	// StopGroup ends a group's rollout where it is. It fails with CodeGroupNotFound.
	StopGroup(ctx context.Context, req model.Request, name string) error

	// Rollouts returns a group's rollouts, the newest first, without their hosts. It fails with CodeGroupNotFound.
	Rollouts(group string) ([]model.Rollout, error)

	// Rollout returns a rollout with its hosts in the order of their turns; id 0 is the last one. It fails with CodeGroupNotFound or
	// CodeNotFound.
	Rollout(group string, id uint64) (model.Rollout, error)

	// PauseRollout has further hosts wait, and ResumeRollout has a rollout that waits go on. They fail with CodeGroupNotFound or
	// CodeNotRollingOut.
	PauseRollout(ctx context.Context, req model.Request, group string) error
	ResumeRollout(ctx context.Context, req model.Request, group string) error

	// RollBack undoes a group's last rollout, or brings the group to the job to when it is set. Where the last rollout was one of the
	// job that the group had already, it brings the group to the job before that. It fails with CodeGroupNotFound,
	// CodeJobNotFound or CodeNotRollingOut.
	RollBack(ctx context.Context, req model.Request, group string, to model.JobID) error

	// PreviewRollout tells what a rolling update would do. It fails as RollingUpdate does.
	PreviewRollout(group string, job model.JobID, options *model.RolloutOptions) (model.RolloutPreview, error)
}

// Pool is what the handlers need of gossip. Everything is safe for concurrent use.
type Pool interface {
	// Members returns everyone in the pool, sorted by role and name.
	Members() []model.Member

	// RoundTrip estimates the time between two members, named as Members does. It fails with CodeNotFound, or with CodeUnavailable
	// as long as too little is known.
	RoundTrip(from, to string) (model.RoundTrip, error)

	// Keyring lists or changes the keys of all members. It fails with CodeInvalid when gossip is not encrypted or the key is none, and
	// with CodeUnavailable, the answers given beside it, when not everyone did it.
	Keyring(ctx context.Context, change model.KeyringChange) (model.Keyring, error)
}
