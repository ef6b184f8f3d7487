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
}

func (a *Agent) newTask(id model.JobID) *task {
	return &task{agent: a, id: id, log: a.log.With("job", id.Short())}
}

func (t *task) record() model.TaskRecord { return t.agent.book.get(t.id) }

func (t *task) runtime() Runtime { return t.agent.config.Runtime }

// report records a state and hands it to the masters. edit, which may be nil, changes the record in the same write.
func (t *task) report(state model.State, containerError string, edit func(*model.TaskRecord)) error {
	throttled := t.policy.throttle(time.Now())
	err := t.agent.book.report(t.id, func(record *model.TaskRecord) {
		if edit != nil {
			edit(record)
		}
		record.Status = t.status(*record, state, throttled, containerError)
	})
	if err != nil {
		return &recordError{err}
	}
	record := t.record()
	t.log.Info("task is "+string(state), "container", record.ContainerID, "error", containerError, "throttled", throttled)
	return nil
}

func (t *task) status(record model.TaskRecord, state model.State, throttled model.Throttle, containerError string) *model.TaskStatus {
	job := record.Task.Job
	return &model.TaskStatus{
		Job:            job,
		Goal:           record.Task.Goal,
		State:          state,
		ContainerID:    record.ContainerID,
		Throttled:      throttled,
		Ports:          publishedPorts(job, record.Ports),
		Env:            environment(t.agent.config, job, record.Ports),
		ContainerError: containerError,
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
