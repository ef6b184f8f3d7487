// Package apitest holds a master in memory for tests of what speaks the API. It behaves like a real one in what the API shows, and
// can be told to misbehave; it is not durable and not replicated.
package apitest

import (
	"cmp"
	"context"
	"io"
	"maps"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/heliosctl/heliosctl/model"
)

// Backend is one master of a cluster in memory. It satisfies api.Backend and is safe for concurrent use. The zero value is not
// usable; see New and NewCluster.
type Backend struct {
	*cluster
	name     string
	isolated chan struct{}
}

// cluster is what all masters of a cluster share, as if every change reached all of them at once.
type cluster struct {
	mu       sync.Mutex
	masters  []*Backend
	urls     map[*Backend]string
	leads    *Backend      // nil: none of them
	elected  chan struct{} // closed at the next change of who leads
	patience time.Duration // how long masters wait for a leader
	doubt    bool          // the next change is made, and its maker told that it may not have been
	applied  int           // changes that were made
	index    uint64
	jobs     map[model.JobID]model.Job
	hosts    map[string]*host
	history  map[model.JobID][]model.TaskStatusEvent
	groups   map[string]*group
	events   []model.Event
	oldest   uint64                 // events up to here are forgotten
	changed  chan struct{}          // closed at the next change
	requests map[string]error       // outcomes by request id
	created  map[string]model.JobID // ids of jobs by request id
	save     func(io.Writer) error  // writes what snapshots hold; nil: the jobs
	peers    []model.Peer           // raft's servers that are none of masters
	left     map[*Backend]bool      // masters that are out of raft's servers
	fault    error                  // what everything that can fail fails with
}

type host struct {
	agentID      string
	alive        bool
	epoch        uint64
	registration model.Registration
	tasks        map[model.JobID]model.Task
	statuses     map[model.JobID]model.TaskStatus
	ackedSeq     uint64
	gauges       model.Gauges
	drain        *model.Drain
}

// Break makes everything that can fail do so with err; nil mends it.
func (b *Backend) Break(err error) {
	b.set(func() { b.fault = err })
}

// ForgetEvents makes all events so far too old to be resumed from.
func (b *Backend) ForgetEvents() {
	b.set(func() { b.events, b.oldest = nil, b.index })
}

// Advance raises the index without any other change.
func (b *Backend) Advance(index uint64) {
	b.set(func() { b.index = index })
}

func (b *Backend) set(change func()) {
	b.mu.Lock()
	defer b.mu.Unlock()
	change()
}

// SetAlive says whether the agent of a host is alive. It is once it has registered.
func (b *Backend) SetAlive(name string, alive bool) {
	b.set(func() { b.hosts[name].alive = alive })
}

// Renew makes the registration of a host another one, as a restored state does.
func (b *Backend) Renew(name string) {
	b.set(func() {
		b.hosts[name].epoch += 1000
		close(b.changed)
		b.changed = make(chan struct{})
	})
}

// AddJobs adds jobs as they are, for tests that need many: no two of them may have the same name and version, and no event tells of them.
func (b *Backend) AddJobs(jobs []model.Job) {
	b.set(func() {
		for _, job := range jobs {
			b.jobs[job.ID] = job
		}
	})
}

// Gauges returns the last readings of a host.
func (b *Backend) Gauges(name string) model.Gauges {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.hosts[name].gauges
}

// change applies one change of the cluster exactly once per request id. Its events are published when it succeeds.
func (b *Backend) change(requestID string, apply func() ([]model.Event, error)) error {
	b.mu.Lock()
	defer b.mu.Unlock()
	if err := cmp.Or(b.fault, b.mayWrite()); err != nil {
		return err
	}
	if err, done := b.requests[requestID]; done && requestID != "" {
		return err
	}
	b.index++
	events, err := apply()
	b.requests[requestID] = err
	if err != nil {
		b.index--
		return err
	}
	b.applied++
	for _, e := range events {
		e.Index = b.index
		b.events = append(b.events, e)
	}
	close(b.changed)
	b.changed = make(chan struct{})
	if b.doubt {
		b.doubt = false
		return model.Errorf(model.CodeOutcomeUnknown, "the change may or may not have been made: leadership was lost")
	}
	return nil
}

// ReadIndex implements api.Backend.
func (b *Backend) ReadIndex(context.Context) error {
	b.mu.Lock()
	defer b.mu.Unlock()
	return cmp.Or(b.fault, b.hasLeader())
}

// Index implements api.Backend.
func (b *Backend) Index() uint64 {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.index
}

// Jobs implements api.Backend.
func (b *Backend) Jobs(filter model.JobFilter) []model.Job {
	b.mu.Lock()
	defer b.mu.Unlock()
	var jobs []model.Job
	for id, job := range b.jobs {
		if strings.Contains(id.String(), filter.Query) && (filter.HostMatches == nil || b.deployedTo(id, filter.HostMatches)) {
			jobs = append(jobs, job)
		}
	}
	slices.SortFunc(jobs, func(x, y model.Job) int { return x.ID.Compare(y.ID) })
	return jobs
}

func (b *Backend) deployedTo(id model.JobID, matches func(string) bool) bool {
	for name, h := range b.hosts {
		if _, ok := h.tasks[id]; ok && matches(name) {
			return true
		}
	}
	return false
}

// Job implements api.Backend.
func (b *Backend) Job(id model.JobID) (model.Job, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.fault != nil {
		return model.Job{}, b.fault
	}
	return b.job(id)
}

func (b *Backend) job(id model.JobID) (model.Job, error) {
	job, ok := b.jobs[id]
	if !ok {
		return model.Job{}, model.Errorf(model.CodeJobNotFound, "job %s does not exist", id)
	}
	return job, nil
}

// JobStatus implements api.Backend.
func (b *Backend) JobStatus(id model.JobID) (model.JobStatus, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	job, err := b.job(id)
	if err := cmp.Or(b.fault, err); err != nil {
		return model.JobStatus{}, err
	}
	status := model.JobStatus{Job: job, TaskStatuses: map[string]model.TaskStatus{}, Deployments: map[string]model.Deployment{}}
	for name, h := range b.hosts {
		task, ok := h.tasks[id]
		if !ok {
			continue
		}
		status.Deployments[name] = deployment(task)
		if s, ok := h.statuses[id]; ok {
			status.TaskStatuses[name] = s
		}
	}
	return status, nil
}

// CreateJob implements api.Backend.
func (b *Backend) CreateJob(_ context.Context, req model.Request, job model.Job) (model.JobID, error) {
	job = job.WithID()
	if job.Image == "" {
		return model.JobID{}, &model.Error{Code: model.CodeInvalidJob, Message: "the job is not valid", Details: []string{"Image was not specified."}}
	}
	err := b.change(req.ID, func() ([]model.Event, error) {
		for id := range b.jobs {
			if id.Name == job.ID.Name && id.Version == job.ID.Version {
				return nil, model.Errorf(model.CodeJobAlreadyExists, "job %s:%s exists already", id.Name, id.Version)
			}
		}
		created := model.Timestamp(1500000000000)
		job.Created, job.CreatingUser = &created, req.User
		b.jobs[job.ID] = job
		b.created[req.ID] = job.ID
		return []model.Event{{Type: model.EventJobCreated, JobID: &job.ID, User: req.User}}, nil
	})
	if err != nil {
		return model.JobID{}, err
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.created[req.ID], nil
}

// RemoveJob implements api.Backend.
func (b *Backend) RemoveJob(_ context.Context, req model.Request, id model.JobID, token string) error {
	return b.change(req.ID, func() ([]model.Event, error) {
		if err := b.authorize(id, token); err != nil {
			return nil, err
		}
		if b.deployedTo(id, func(string) bool { return true }) {
			return nil, model.Errorf(model.CodeJobStillInUse, "job %s is still deployed: undeploy it first", id)
		}
		delete(b.jobs, id)
		delete(b.history, id)
		return []model.Event{{Type: model.EventJobRemoved, JobID: &id, User: req.User}}, nil
	})
}

func (b *Backend) authorize(id model.JobID, token string) error {
	job, err := b.job(id)
	if err == nil && job.Token != token {
		err = model.Errorf(model.CodeForbidden, "the token is not that of job %s", id)
	}
	return err
}

// Hosts implements api.Backend.
func (b *Backend) Hosts() []string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return slices.Sorted(maps.Keys(b.hosts))
}

// Host implements api.Backend.
func (b *Backend) Host(name string) (model.HostStatus, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	h, err := b.host(name)
	if err := cmp.Or(b.fault, err); err != nil {
		return model.HostStatus{}, err
	}
	status := model.HostStatus{
		Status: model.Down, Jobs: map[model.JobID]model.Deployment{}, Statuses: maps.Clone(h.statuses),
		Environment: h.registration.Environment, Labels: h.registration.Labels, Drain: h.drain,
	}
	if h.alive {
		status.Status = model.Up
		status.HostInfo, status.AgentInfo = &h.registration.HostInfo, &h.registration.AgentInfo
	}
	for id, task := range h.tasks {
		status.Jobs[id] = deployment(task)
	}
	return status, nil
}

func (b *Backend) host(name string) (*host, error) {
	h, ok := b.hosts[name]
	if !ok {
		return nil, model.Errorf(model.CodeHostNotFound, "host %s is not registered", name)
	}
	return h, nil
}

// ownHost returns a host that belongs to the agent.
func (b *Backend) ownHost(name, agentID string) (*host, error) {
	h, err := b.host(name)
	if err == nil && h.agentID != agentID {
		err = model.Errorf(model.CodeHostConflict, "host %s belongs to agent %s", name, h.agentID)
	}
	return h, err
}

// HostLabels implements api.Backend.
func (b *Backend) HostLabels(name string) map[string]string {
	b.mu.Lock()
	defer b.mu.Unlock()
	if h, ok := b.hosts[name]; ok {
		return h.registration.Labels
	}
	return nil
}

// RegisterHost implements api.Backend.
func (b *Backend) RegisterHost(_ context.Context, req model.Request, name, id string) error {
	return b.change(req.ID, func() ([]model.Event, error) {
		return b.claim(name, id)
	})
}

func (b *Backend) claim(name, id string) ([]model.Event, error) {
	if _, ok := b.hosts[name]; ok {
		_, err := b.ownHost(name, id)
		return nil, err
	}
	b.hosts[name] = &host{
		agentID: id, epoch: b.index,
		tasks: map[model.JobID]model.Task{}, statuses: map[model.JobID]model.TaskStatus{},
	}
	return []model.Event{{Type: model.EventHostRegistered, Host: name}}, nil
}

// DeregisterHost implements api.Backend.
func (b *Backend) DeregisterHost(_ context.Context, req model.Request, name string) error {
	return b.change(req.ID, func() ([]model.Event, error) {
		if _, err := b.host(name); err != nil {
			return nil, err
		}
		delete(b.hosts, name)
		return []model.Event{{Type: model.EventHostDeregistered, Host: name, User: req.User}}, nil
	})
}

func deployment(t model.Task) model.Deployment {
	return model.Deployment{
		JobID: t.Job.ID, Goal: t.Goal, DeployerUser: t.DeployerUser, DeployerMaster: t.DeployerMaster, DeploymentGroupName: t.DeploymentGroupName,
	}
}

// Deployment implements api.Backend.
func (b *Backend) Deployment(name string, id model.JobID) (model.Deployment, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	task, err := b.task(name, id)
	return deployment(task), cmp.Or(b.fault, err)
}

func (b *Backend) task(name string, id model.JobID) (model.Task, error) {
	h, err := b.host(name)
	if err != nil {
		return model.Task{}, err
	}
	task, ok := h.tasks[id]
	if !ok {
		return model.Task{}, model.Errorf(model.CodeJobNotDeployed, "job %s is not deployed to %s", id, name)
	}
	return task, nil
}

// Deploy implements api.Backend.
func (b *Backend) Deploy(_ context.Context, req model.Request, name string, d model.Deployment, token string) error {
	return b.change(req.ID, func() ([]model.Event, error) {
		if err := b.authorize(d.JobID, token); err != nil {
			return nil, err
		}
		if err := wanted(d); err != nil {
			return nil, err
		}
		job := b.jobs[d.JobID]
		h, err := b.host(name)
		if err != nil {
			return nil, err
		}
		if h.drain != nil {
			return nil, model.Errorf(model.CodeHostDrained, "host %s is drained", name)
		}
		if _, ok := h.tasks[d.JobID]; ok {
			return nil, model.Errorf(model.CodeJobAlreadyDeployed, "job %s is already deployed to %s", d.JobID, name)
		}
		for id, task := range h.tasks {
			for _, port := range task.Job.StaticPorts() {
				if slices.Contains(job.StaticPorts(), port) {
					return nil, model.Errorf(model.CodePortConflict, "port %d of %s is taken by job %s", port, name, id)
				}
			}
		}
		task := model.Task{Job: job, Goal: d.Goal, DeployerUser: d.DeployerUser, Generation: b.index}
		h.tasks[d.JobID] = task
		made := deployment(task)
		return []model.Event{{Type: model.EventDeploymentCreated, JobID: &d.JobID, Host: name, User: req.User, Deployment: &made}}, nil
	})
}

// wanted refuses a deployment without a goal.
func wanted(d model.Deployment) error {
	if d.Goal == "" {
		return model.Errorf(model.CodeInvalid, "the deployment of job %s has no goal", d.JobID)
	}
	return nil
}

// SetGoal implements api.Backend.
func (b *Backend) SetGoal(_ context.Context, req model.Request, name string, d model.Deployment, token string) error {
	return b.change(req.ID, func() ([]model.Event, error) {
		if err := b.authorize(d.JobID, token); err != nil {
			return nil, err
		}
		task, err := b.task(name, d.JobID)
		if err != nil {
			return nil, err
		}
		if err := wanted(d); err != nil {
			return nil, err
		}
		task.Goal = d.Goal
		b.hosts[name].tasks[d.JobID] = task
		made := deployment(task)
		return []model.Event{{Type: model.EventDeploymentChanged, JobID: &d.JobID, Host: name, User: req.User, Deployment: &made}}, nil
	})
}

// Undeploy implements api.Backend.
func (b *Backend) Undeploy(_ context.Context, req model.Request, name string, id model.JobID, token string) error {
	return b.change(req.ID, func() ([]model.Event, error) {
		if _, err := b.task(name, id); err != nil {
			return nil, err
		}
		if err := b.authorize(id, token); err != nil {
			return nil, err
		}
		delete(b.hosts[name].tasks, id)
		return []model.Event{{Type: model.EventDeploymentRemoved, JobID: &id, Host: name, User: req.User}}, nil
	})
}

// History implements api.Backend.
func (b *Backend) History(_ context.Context, id model.JobID) ([]model.TaskStatusEvent, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	events := slices.Clone(b.history[id])
	if len(events) > 0 {
		return events, b.fault
	}
	_, err := b.job(id)
	return nil, cmp.Or(b.fault, err)
}

// Masters implements api.Backend.
func (b *Backend) Masters() []string {
	var names []string
	for _, master := range b.masters {
		names = append(names, master.name)
	}
	return names
}

// ClusterID implements api.Backend.
func (b *Backend) ClusterID() string {
	return "cluster1"
}

// Events implements api.Backend.
func (b *Backend) Events(index uint64) ([]model.Event, bool, <-chan struct{}) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if index < b.oldest {
		return nil, true, b.changed
	}
	from, _ := slices.BinarySearchFunc(b.events, index+1, func(e model.Event, at uint64) int { return cmp.Compare(e.Index, at) })
	return slices.Clone(b.events[from:]), false, b.changed
}

// RecentEvents implements api.Backend.
func (b *Backend) RecentEvents(n int, keep func(model.Event) bool) ([]model.Event, uint64) {
	b.mu.Lock()
	defer b.mu.Unlock()
	kept := slices.DeleteFunc(slices.Clone(b.events), func(e model.Event) bool { return !keep(e) })
	return kept[max(0, len(kept)-n):], b.index
}

// RegisterAgent implements api.Backend.
func (b *Backend) RegisterAgent(_ context.Context, r model.Registration) (model.Registered, error) {
	var registered model.Registered
	err := b.change("", func() ([]model.Event, error) {
		events, err := b.claim(r.Host, r.AgentID)
		if err != nil {
			return nil, err
		}
		h := b.hosts[r.Host]
		h.registration, h.alive = r, true
		registered = model.Registered{Epoch: h.epoch, AckedSeq: h.ackedSeq, ClusterID: b.ClusterID()}
		return append(events, model.Event{Type: model.EventHostUp, Host: r.Host}), nil
	})
	return registered, err
}

// HostTasks implements api.Backend.
func (b *Backend) HostTasks(name, agentID string) ([]model.Task, uint64, <-chan struct{}, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	h, err := b.ownHost(name, agentID)
	if err := cmp.Or(b.fault, err); err != nil {
		return nil, 0, nil, err
	}
	tasks := slices.SortedFunc(maps.Values(h.tasks), func(x, y model.Task) int { return x.Job.ID.Compare(y.Job.ID) })
	return tasks, b.index, b.changed, nil
}

// HostEpoch implements api.Backend.
func (b *Backend) HostEpoch(name string) uint64 {
	b.mu.Lock()
	defer b.mu.Unlock()
	if h, ok := b.hosts[name]; ok {
		return h.epoch
	}
	return 0
}

// PostStatuses implements api.Backend.
func (b *Backend) PostStatuses(_ context.Context, name string, batch model.StatusBatch) (model.StatusAck, error) {
	var ack model.StatusAck
	err := b.change("", func() ([]model.Event, error) {
		h, err := b.ownHost(name, batch.AgentID)
		if err != nil {
			return nil, err
		}
		var events []model.Event
		for _, report := range batch.Reports {
			if report.Seq > h.ackedSeq {
				h.ackedSeq = report.Seq
				events = append(events, b.record(name, h, report))
			}
		}
		ack.AckedSeq = h.ackedSeq
		return events, nil
	})
	return ack, err
}

func (b *Backend) record(name string, h *host, report model.StatusReport) model.Event {
	id := report.JobID
	if report.Removed {
		delete(h.statuses, id)
		return model.Event{Type: model.EventTaskRemoved, JobID: &id, Host: name, Time: report.Timestamp}
	}
	h.statuses[id] = *report.Status
	b.history[id] = append(b.history[id], model.TaskStatusEvent{Status: *report.Status, Timestamp: report.Timestamp, Host: name})
	return model.Event{Type: model.EventTaskStatus, JobID: &id, Host: name, Time: report.Timestamp, Status: report.Status}
}

// PostGauges implements api.Backend.
func (b *Backend) PostGauges(name string, g model.Gauges) error {
	b.mu.Lock()
	defer b.mu.Unlock()
	h, err := b.ownHost(name, g.AgentID)
	if err := cmp.Or(b.fault, b.mayWrite(), err); err != nil {
		return err
	}
	h.gauges = g
	return nil
}
