package agent

import (
	"log/slog"
	"time"

	"github.com/heliosctl/heliosctl/daemon/container"
	"github.com/heliosctl/heliosctl/model"
)

// task is one job on this host, as its supervisor and runner see it. Only they use it, one after the other.
type task struct {
	agent  *Agent
	id     model.JobID
	log    *slog.Logger
	policy restartPolicy

	unhealthy string // why the running container is, "" while it is well
}

func (a *Agent) newTask(id model.JobID) *task {
	t := &task{agent: a, id: id, log: a.log.With("job", id.Short())}
	if last := t.record().Status; last != nil {
		t.unhealthy = last.HealthError
	}
	return t
}

func (t *task) record() model.TaskRecord { return t.agent.book.get(t.id) }

func (t *task) runtime() Runtime { return t.agent.config.Runtime }

// detail adds to what a status tells beside the state.
type detail func(*model.TaskStatus)

// report records a state and hands it to the masters. edit, which may be nil, changes the record in the same write.
func (t *task) report(state model.State, containerError string, edit func(*model.TaskRecord), details ...detail) error {
	now := time.Now()
	throttled := t.policy.throttle(now)
	err := t.agent.book.report(t.id, func(record *model.TaskRecord) {
		if edit != nil {
			edit(record)
		}
		status := t.status(*record, state, model.TimestampOf(now))
		status.Throttled, status.ContainerError = throttled, containerError
		for _, add := range details {
			add(status)
		}
		record.Status = status
	})
	if err != nil {
		return &recordError{err}
	}
	record := t.record()
	t.log.Info("task is "+string(state), "container", record.ContainerID, "error", containerError, "throttled", throttled,
		"restarts", record.Status.Restarts, "unhealthy", record.Status.HealthError)
	return nil
}

func (t *task) status(record model.TaskRecord, state model.State, now model.Timestamp) *model.TaskStatus {
	job := record.Task.Job
	status := &model.TaskStatus{
		Job:         job,
		Goal:        record.Task.Goal,
		State:       state,
		ContainerID: record.ContainerID,
		Ports:       publishedPorts(job, record.Ports),
		Env:         environment(t.agent.config, job, record.Ports),
		Restarts:    max(0, record.Containers-1),
		Since:       now,
	}
	if last := record.Status; last != nil && last.State == state && last.ContainerID == record.ContainerID && last.Since != 0 {
		status.Since = last.Since
	}
	if state == model.StateRunning {
		status.Unhealthy, status.HealthError = t.unhealthy != "", t.unhealthy
	}
	return status
}

// ending tells how a container ended, nothing when it did not or never began to run.
func ending(state container.State) detail {
	return func(status *model.TaskStatus) {
		if !state.Exited() {
			return
		}
		status.ExitCode, status.OOMKilled, status.Signal = &state.ExitCode, state.OOMKilled, state.Signal()
	}
}

// recordError says that the records took no write, so nothing may go on that depends on it.
type recordError struct{ err error }

func (e *recordError) Error() string { return "not recorded: " + e.err.Error() }
func (e *recordError) Unwrap() error { return e.err }

// ran reports whether the task's last status says that its container had been started.
func ran(record model.TaskRecord) bool {
	if record.Status == nil || record.Status.ContainerID != record.ContainerID {
		return false
	}
	switch record.Status.State {
	case model.StateStarting, model.StateHealthchecking, model.StateRunning:
		return true
	}
	return false
}

// describeExit says in words how a container ended, "" for a plain exit.
func describeExit(state container.State) string {
	switch {
	case state.Error != "":
		return state.Error
	case state.OOMKilled:
		return exitCode(state) + " (out of memory)"
	case state.ExitCode != 0:
		return exitCode(state)
	}
	return ""
}
