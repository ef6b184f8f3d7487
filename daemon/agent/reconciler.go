package agent

import (
	"context"
	"time"

	"github.com/heliosctl/heliosctl/healthcheck"
	"github.com/heliosctl/heliosctl/model"
)

// runReconciler compares what is wanted with what is on every kick and every Poll. It alone starts and steers supervisors, and it
// ends only when all of them have.
func (a *Agent) runReconciler(ctx context.Context) error {
	supervisors := make(map[model.JobID]*supervisor)
	allocator := newPortAllocator(a.config.PortRange)
	ctx, cancel := context.WithCancel(ctx)
	defer func() {
		cancel()
		for _, s := range supervisors {
			<-s.done
		}
	}()
	poll := time.NewTicker(a.config.Poll)
	defer poll.Stop()
	retry := &healthcheck.Backoff{}
	for {
		var again <-chan time.Time
		if err := a.reconcileOnce(ctx, supervisors, allocator); err != nil {
			pause := retry.Next()
			a.log.Error("reconciliation stopped half way; it is tried again", "error", err, "in", pause)
			again = time.After(pause)
		} else {
			retry.Reset()
		}
		select {
		case <-a.reconcile:
		case <-poll.C:
		case <-again:
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

func (a *Agent) reconcileOnce(ctx context.Context, supervisors map[model.JobID]*supervisor, allocator *portAllocator) error {
	for id, s := range supervisors {
		select {
		case <-s.done:
			delete(supervisors, id)
		default:
		}
	}
	if a.orders.fenced() {
		for _, s := range supervisors {
			s.detach()
		}
		return nil
	}
	goals := make(map[model.JobID]model.Goal, len(supervisors))
	for id, s := range supervisors {
		goals[id] = s.wanted()
	}
	authoritative := a.orders.authoritative() // before the tasks are read, so that it holds for them
	for _, step := range plan(view{
		desired:       a.orders.tasks(),
		authoritative: authoritative,
		surveyed:      a.sweep.surveyed(),
		records:       a.book.all(),
		supervised:    goals,
		allocate:      a.allocateWith(allocator),
	}) {
		if err := a.take(ctx, step, supervisors); err != nil {
			return err
		}
	}
	if authoritative {
		a.orders.settle()
	}
	return nil
}

// allocateWith prefers the ports of a container that is running for the job already.
func (a *Agent) allocateWith(allocator *portAllocator) func(model.Job, map[int]string) (map[string]int, error) {
	return func(job model.Job, used map[int]string) (map[string]int, error) {
		if orphan, ok := a.sweep.orphan(job.ID); ok {
			if ports, ok := parsePorts(orphan.Labels[labelPorts], job); ok {
				return ports, nil
			}
		}
		return allocator.allocate(job, used)
	}
}

func (a *Agent) take(ctx context.Context, step step, supervisors map[model.JobID]*supervisor) error {
	log := a.log.With("job", step.id.Short())
	switch step.do {
	case stepAdd:
		return a.addTask(step.task)
	case stepTarget:
		err := a.book.change(step.id, func(record *model.TaskRecord) { record.Task = step.task })
		if err == nil {
			log.Info("task has a new goal", "goal", step.task.Goal)
		}
		return err
	case stepPorts:
		return a.book.change(step.id, func(record *model.TaskRecord) { record.Ports = step.ports })
	case stepPend:
		log.Warn("task has to wait", "reason", step.reason)
		return a.newTask(step.id).report(model.StateFailed, step.reason, nil)
	case stepSupervise:
		s := newSupervisor(a.newTask(step.id), step.task.Goal)
		supervisors[step.id] = s
		go s.run(ctx)
	case stepSteer:
		supervisors[step.id].steer(step.task.Goal)
	}
	return nil
}

// addTask begins a record, with the container that is running for its job already if there is one.
func (a *Agent) addTask(task model.Task) error {
	record := model.TaskRecord{Task: task}
	if orphan, ok := a.sweep.orphan(task.Job.ID); ok {
		a.log.Info("found a running container for a task that is not in the records", "job", task.Job.ID.Short(), "container", orphan.ID)
		record.ContainerName, record.ContainerID, record.Containers = orphan.Name, orphan.ID, 1
	}
	if err := a.book.add(record); err != nil {
		return err
	}
	a.sweep.adopted(task.Job.ID)
	a.log.Info("task is new", "job", task.Job.ID.Short(), "goal", task.Goal)
	return nil
}
