package agent

import (
	"maps"
	"slices"

	"github.com/heliosctl/heliosctl/model"
)

// view is all that a reconciliation looks at.
type view struct {
	desired       map[model.JobID]model.Task
	authoritative bool // what is not desired is to be taken down
	surveyed      bool // containers without a record are known, so new tasks may begin
	records       map[model.JobID]model.TaskRecord
	supervised    map[model.JobID]model.Goal // the goal of each supervisor

	// allocate picks ports for a job; used tells what holds each port that is in use.
	allocate func(job model.Job, used map[int]string) (map[string]int, error)
}

// verb is what a step does.
type verb string

const (
	stepAdd       verb = "add"       // a record
	stepTarget    verb = "target"    // give a record its new task
	stepPorts     verb = "ports"     // give a record its ports
	stepPend      verb = "pend"      // say why a record has no ports
	stepSupervise verb = "supervise" // start a supervisor
	stepSteer     verb = "steer"     // give a supervisor its new goal
)

// step is one thing to do. Steps are done in order; when one fails the rest waits for the next reconciliation.
type step struct {
	do     verb
	id     model.JobID
	task   model.Task
	ports  map[string]int
	reason string
}

// plan compares what is wanted with what is and returns the steps that bring them together. It is pure, apart from allocate.
//
// Invariants: a task gets a record before anything else, its ports before a supervisor; a record with goal UNDEPLOY keeps it until
// its supervisor has taken everything down, whatever is desired by then; ports of such a record stay in use until then.
func plan(v view) []step {
	var steps []step
	records := maps.Clone(v.records)
	for _, id := range sortedIDs(records) {
		record := records[id]
		if task, changed := nextTask(record.Task, v); changed {
			record.Task = task
			records[id] = record
			steps = append(steps, step{do: stepTarget, id: id, task: task})
		}
	}
	for _, id := range sortedIDs(v.desired) {
		task := v.desired[id]
		if _, known := records[id]; known || !v.surveyed || task.Goal == model.GoalUndeploy {
			continue
		}
		records[id] = model.TaskRecord{Task: task}
		steps = append(steps, step{do: stepAdd, id: id, task: task})
	}
	steps = append(steps, planPorts(records, v)...)
	for _, id := range sortedIDs(records) {
		record := records[id]
		goal, supervised := v.supervised[id]
		switch {
		case supervised && goal != record.Task.Goal:
			steps = append(steps, step{do: stepSteer, id: id, task: record.Task})
		case !supervised && needsSupervisor(record):
			steps = append(steps, step{do: stepSupervise, id: id, task: record.Task})
		}
	}
	return steps
}

// nextTask returns what a record's task becomes.
func nextTask(task model.Task, v view) (next model.Task, changed bool) {
	if task.Goal == model.GoalUndeploy {
		return task, false
	}
	next = task
	want, desired := v.desired[task.Job.ID]
	switch {
	case !desired && !v.authoritative:
	case !desired, want.Goal == model.GoalUndeploy, redeployed(task, want):
		next.Goal = model.GoalUndeploy
	default:
		next.Goal = want.Goal
	}
	return next, next.Goal != task.Goal
}

// redeployed reports whether the task was undeployed and deployed again while the agent was not looking.
func redeployed(have, want model.Task) bool {
	return have.Generation != 0 && want.Generation != 0 && have.Generation != want.Generation
}

func planPorts(records map[model.JobID]model.TaskRecord, v view) []step {
	var steps []step
	used := make(map[int]string)
	for id, record := range records {
		for _, port := range record.Ports {
			used[port] = id.Short()
		}
	}
	for _, id := range sortedIDs(records) {
		record := records[id]
		if hasPorts(record) || record.Task.Goal == model.GoalUndeploy {
			continue
		}
		ports, err := v.allocate(record.Task.Job, used)
		if err != nil {
			if record.Task.Goal == model.GoalStart && !saysWhy(record, err.Error()) {
				steps = append(steps, step{do: stepPend, id: id, task: record.Task, reason: err.Error()})
			}
			continue
		}
		for _, port := range ports {
			used[port] = id.Short()
		}
		record.Ports = ports
		records[id] = record
		steps = append(steps, step{do: stepPorts, id: id, task: record.Task, ports: ports})
	}
	return steps
}

func hasPorts(record model.TaskRecord) bool {
	return len(record.Ports) >= len(record.Task.Job.Ports)
}

func saysWhy(record model.TaskRecord, reason string) bool {
	return record.Status != nil && record.Status.State == model.StateFailed && record.Status.ContainerError == reason
}

// needsSupervisor reports whether there is anything to do for a record: keep it running, stop it, or take it away. A stopped task,
// and one that was deployed with the goal STOP, only keep their ports.
func needsSupervisor(record model.TaskRecord) bool {
	switch record.Task.Goal {
	case model.GoalStart:
		return hasPorts(record)
	case model.GoalUndeploy:
		return true
	}
	return needsStop(record)
}

// needsStop reports whether a task that is not to run has yet to be brought to STOPPED.
func needsStop(record model.TaskRecord) bool {
	if record.Status == nil {
		return record.ContainerName+record.ContainerID != ""
	}
	return record.Status.State != model.StateStopped
}

func sortedIDs[T any](m map[model.JobID]T) []model.JobID {
	return slices.SortedFunc(maps.Keys(m), model.JobID.Compare)
}
