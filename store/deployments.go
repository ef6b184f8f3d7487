package store

import (
	"slices"

	"github.com/heliosctl/heliosctl/model"
)

const (
	commandDeploy   CommandType = "deploy"
	commandSetGoal  CommandType = "setGoal"
	commandUndeploy CommandType = "undeploy"
)

// Deploy puts a job on a host. The deployer is the user of the command.
type Deploy struct {
	Host       string           `json:"host"`
	Deployment model.Deployment `json:"deployment"`
	Token      string           `json:"token,omitempty"`
}

func (Deploy) commandType() CommandType { return commandDeploy }
func (c Deploy) subject() string        { return c.Host + " " + c.Deployment.JobID.String() }

// SetGoal changes the goal of a deployment.
type SetGoal struct {
	Host  string      `json:"host"`
	JobID model.JobID `json:"jobId"`
	Goal  model.Goal  `json:"goal"`
	Token string      `json:"token,omitempty"`
}

func (SetGoal) commandType() CommandType { return commandSetGoal }
func (c SetGoal) subject() string        { return c.Host + " " + c.JobID.String() + " " + string(c.Goal) }

// Undeploy takes a job off a host.
type Undeploy struct {
	Host  string      `json:"host"`
	JobID model.JobID `json:"jobId"`
	Token string      `json:"token,omitempty"`
}

func (Undeploy) commandType() CommandType { return commandUndeploy }
func (c Undeploy) subject() string        { return c.Host + " " + c.JobID.String() }

// deploymentRecord is a deployment in memory.
type deploymentRecord struct {
	host       string
	key        string // the job id as a string
	generation uint64 // index of the entry that made it
	deployment model.Deployment
	job        *model.Job
	ports      []int // the job's static external ports: reserved on the host whatever the goal, for every protocol
}

// deploymentRow is a deployment on disk.
type deploymentRow struct {
	Host       string           `json:"host"`
	Generation uint64           `json:"generation"`
	Deployment model.Deployment `json:"deployment"`
}

func newDeployment(row deploymentRow, job *jobRecord) *deploymentRecord {
	ports := slices.Clone(job.job.StaticPorts())
	slices.Sort(ports)
	row.Deployment.JobID = job.job.ID
	return &deploymentRecord{
		host: row.Host, key: job.key, generation: row.Generation,
		deployment: row.Deployment, job: job.job, ports: slices.Compact(ports),
	}
}

func (b *batch) deploy(h header, c Deploy) Result {
	id := c.Deployment.JobID
	job := b.job(id)
	if job == nil {
		return Result{Err: jobNotFound(id)}
	}
	if err := checkToken(job.job, c.Token); err != nil {
		return Result{Err: err}
	}
	if !validGoal(c.Deployment.Goal) {
		return Result{Err: noGoal(id, c.Deployment.Goal)}
	}
	if b.deployment(c.Host, job.key) != nil {
		return Result{Err: model.Errorf(model.CodeJobAlreadyDeployed,
			"job %s is already deployed to %s; undeploy it first or change its goal", id, c.Host)}
	}
	host := b.host(c.Host)
	if host == nil {
		return Result{Err: hostNotFound(c.Host)}
	}
	if host.Drain != nil {
		return Result{Err: hostDrained(host)}
	}
	row := deploymentRow{Host: host.Name, Generation: b.index, Deployment: c.Deployment}
	row.Deployment.DeployerUser = h.User
	record := newDeployment(row, job)
	for _, port := range record.ports {
		if other := first[deploymentRecord](b.mem, tableDeployments, indexPort, c.Host, port); other != nil {
			return Result{Err: model.Errorf(model.CodePortConflict,
				"port %d on %s is taken by job %s; undeploy that one or use another port", port, c.Host, other.key)}
		}
	}
	b.putDeployment(host, record)
	b.event(eventRecord{kind: model.EventDeploymentCreated, at: h.Time, user: h.User, host: c.Host, job: id, deployment: &record.deployment})
	return Result{}
}

func (b *batch) setGoal(h header, c SetGoal) Result {
	job := b.job(c.JobID)
	if job == nil {
		return Result{Err: notDeployed(c.Host, c.JobID)}
	}
	if err := checkToken(job.job, c.Token); err != nil {
		return Result{Err: err}
	}
	host := b.host(c.Host)
	if host == nil {
		return Result{Err: hostNotFound(c.Host)}
	}
	old := b.deployment(c.Host, job.key)
	if old == nil {
		return Result{Err: notDeployed(c.Host, c.JobID)}
	}
	if !validGoal(c.Goal) {
		return Result{Err: noGoal(c.JobID, c.Goal)}
	}
	if old.deployment.Goal == c.Goal {
		return Result{}
	}
	b.changeGoal(h, b.keepOutOfDrain(host, c.JobID), old, c.Goal)
	return Result{}
}

func (b *batch) changeGoal(h header, host *hostRecord, old *deploymentRecord, goal model.Goal) {
	record := *old
	record.deployment.Goal = goal
	b.putDeployment(host, &record)
	b.event(eventRecord{
		kind: model.EventDeploymentChanged, at: h.Time, user: h.User, host: host.Name, job: record.deployment.JobID, deployment: &record.deployment,
	})
}

func (b *batch) undeploy(h header, c Undeploy) Result {
	host := b.host(c.Host)
	if host == nil {
		return Result{Err: hostNotFound(c.Host)}
	}
	record := b.deployment(c.Host, c.JobID.String())
	if record == nil {
		return Result{Err: model.Errorf(model.CodeJobNotFound, "job %s is not deployed to %s", c.JobID, c.Host)}
	}
	if err := checkToken(record.job, c.Token); err != nil {
		return Result{Err: err}
	}
	b.removeDeployment(h, record)
	b.touchTasks(host)
	return Result{}
}

func (b *batch) deployment(host, job string) *deploymentRecord {
	return first[deploymentRecord](b.mem, tableDeployments, indexID, host, job)
}

func (b *batch) putDeployment(host *hostRecord, record *deploymentRecord) {
	b.insert(tableDeployments, record)
	b.put(deploymentKey(record.host, record.key), deploymentRow{
		Host: record.host, Generation: record.generation, Deployment: record.deployment,
	})
	b.touchTasks(host)
}

func (b *batch) removeDeployment(h header, record *deploymentRecord) {
	b.drop(tableDeployments, record)
	b.remove(deploymentKey(record.host, record.key))
	b.event(eventRecord{
		kind: model.EventDeploymentRemoved, at: h.Time, user: h.User, reason: h.reason,
		host: record.host, job: record.deployment.JobID, deployment: &record.deployment,
	})
}

func validGoal(goal model.Goal) bool {
	return goal == model.GoalStart || goal == model.GoalStop || goal == model.GoalUndeploy
}

func noGoal(id model.JobID, goal model.Goal) *model.Error {
	return model.Errorf(model.CodeInvalid, "the deployment of job %s has the goal %q; use START, STOP or UNDEPLOY", id, goal)
}

func notDeployed(host string, id model.JobID) *model.Error {
	return model.Errorf(model.CodeJobNotDeployed, "job %s is not deployed to %s; deploy it first", id, host)
}

// Deployment returns the deployment of a job on a host; CodeHostNotFound for an unknown host, CodeJobNotDeployed when there is none.
func (s *State) Deployment(host string, id model.JobID) (model.Deployment, error) {
	txn := s.mem.Txn(false)
	if record := first[deploymentRecord](txn, tableDeployments, indexID, host, id.String()); record != nil {
		return record.deployment, nil
	}
	if first[hostRecord](txn, tableHosts, indexID, host) == nil {
		return model.Deployment{}, hostNotFound(host)
	}
	return model.Deployment{}, notDeployed(host, id)
}

// Tasks returns what the host's agent has to do, sorted by job, the index that is true for, and a channel that is closed when it may
// have changed. CodeHostNotFound for an unknown host, CodeHostConflict when it belongs to another agent.
func (s *State) Tasks(host, agentID string) (tasks []model.Task, index uint64, changed <-chan struct{}, err error) {
	txn := s.mem.Txn(false)
	if readCluster(txn).Restoring {
		return nil, 0, nil, model.Errorf(model.CodeUnavailable, "a saved state is being restored; try again in a moment")
	}
	changed, found, err := txn.FirstWatch(tableHosts, indexID, host)
	if err != nil {
		return nil, 0, nil, err
	}
	if found == nil {
		return nil, 0, nil, hostNotFound(host)
	}
	if found.(*hostRecord).AgentID != agentID {
		return nil, 0, nil, hostConflict(host)
	}
	each(txn, tableDeployments, indexID, []any{host}, func(d *deploymentRecord) {
		tasks = append(tasks, model.Task{
			Job:                 *d.job,
			Goal:                d.deployment.Goal,
			DeployerUser:        d.deployment.DeployerUser,
			DeployerMaster:      d.deployment.DeployerMaster,
			DeploymentGroupName: d.deployment.DeploymentGroupName,
			Generation:          d.generation,
		})
	})
	slices.SortFunc(tasks, func(a, b model.Task) int { return a.Job.ID.Compare(b.Job.ID) })
	return tasks, readApplied(txn), changed, nil
}
