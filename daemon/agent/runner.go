package agent

import (
	"context"
	"errors"
	"time"

	"github.com/heliosctl/heliosctl/daemon/container"
	"github.com/heliosctl/heliosctl/healthcheck"
	"github.com/heliosctl/heliosctl/model"
)

// errRemoved is a container that someone removed while it was ours.
var errRemoved = model.Errorf(model.CodeNotFound, "the container was removed by someone else")

// runContainer takes one container through its life: adopted if one is running, else made; healthy; watched until its end. It
// always returns an error: an *exitError at the container's end, ctx's, or what went wrong. When ctx ends, the container stays as
// it is.
func runContainer(ctx context.Context, t *task) error {
	state, err := t.adopt(ctx)
	if err != nil {
		return err
	}
	replaced := !state.Running && t.record().ContainerID != ""
	if !state.Running {
		if state, err = t.start(ctx); err != nil {
			return err
		}
	}
	if !t.record().Ready {
		if err := t.awaitHealthy(ctx, state); err != nil {
			return err
		}
	}
	t.policy.running(time.Now())
	if err := t.reportOnce(model.StateRunning, t.ready); err != nil {
		return err
	}
	if err := t.register(); err != nil {
		return err
	}
	if replaced {
		t.agent.sweep.kick.now()
	}
	end := t.wait(ctx, state.ID)
	if ctx.Err() != nil {
		return ctx.Err() // a stop takes its time to unregister, and the agent's own end leaves everything as it is
	}
	if err := t.unregister(ctx, exitPatience); err != nil {
		return err
	}
	return end
}

// ready says that the container passed its health check, and that clients are about to find it.
func (t *task) ready(record *model.TaskRecord) {
	record.Ready = true
	record.Registered = record.Registered || t.agent.registrations.concern(record.Task.Job)
}

// adopt returns the task's container if it runs. One that ended while nobody looked is reported.
func (t *task) adopt(ctx context.Context) (container.State, error) {
	record := t.record()
	state, err := t.find(ctx, record)
	if err != nil {
		return state, err
	}
	if !state.Running {
		if err := t.unregister(ctx, exitPatience); err != nil {
			return state, err
		}
	}
	if state.Running {
		if state.ID == record.ContainerID {
			return state, nil
		}
		err := t.agent.book.change(t.id, func(record *model.TaskRecord) {
			record.ContainerName, record.ContainerID, record.Ready = state.Name, state.ID, false
		})
		if err != nil {
			return state, &recordError{err}
		}
		return state, nil
	}
	if state.Exited() && state.ID == record.ContainerID && ran(record) {
		return state, t.report(model.StateExited, describeExit(state), unready, ending(state))
	}
	return state, nil
}

// start makes and starts a new container.
func (t *task) start(ctx context.Context) (container.State, error) {
	var none container.State
	select {
	case <-t.agent.orders.settled:
	case <-ctx.Done():
		return none, ctx.Err()
	}
	record := t.record()
	job := record.Task.Job
	if err := t.prepareImage(ctx, job.Image, record.ContainerID != ""); err != nil {
		return none, err
	}
	name := newContainerName(t.agent.ID(), t.id)
	err := t.report(model.StateCreating, "", func(record *model.TaskRecord) { record.ContainerName, record.Ready = name, false })
	if err != nil {
		return none, err
	}
	if ctx.Err() != nil {
		return none, ctx.Err()
	}
	// From here to the answer of start a change of mind has to wait: an engine goes on with what it was asked, so a container could
	// begin to run after it was found not running. The runtime bounds both calls.
	unhurried := context.WithoutCancel(ctx)
	id, err := t.runtime().Create(unhurried, containerSpec(t.agent.config, t.agent.ID(), name, job, record.Ports))
	if errors.Is(err, container.ErrImageNotFound) {
		return none, &imageError{image: job.Image, cause: err}
	}
	if err != nil {
		return none, err
	}
	t.policy.imageFound()
	t.unhealthy = ""
	err = t.report(model.StateStarting, "", func(record *model.TaskRecord) {
		record.ContainerID = id
		record.Containers++
	})
	if err != nil {
		return none, err
	}
	if ctx.Err() != nil {
		return none, ctx.Err()
	}
	if err := t.runtime().Start(unhurried, id); err != nil {
		return none, err
	}
	return container.State{ID: id, Name: name, Running: true}, ctx.Err()
}

// countAnew forgets the containers before a stop: what somebody wanted stopped was not replaced.
func countAnew(record *model.TaskRecord) {
	if record.Status != nil && record.Status.State == model.StateStopped {
		record.Containers = 0
	}
}

// prepareImage makes sure there is an image to start from, pulling it where the package's rules say so. Nothing is reported before
// the engine has answered once.
func (t *task) prepareImage(ctx context.Context, image string, restart bool) error {
	_, err := t.runtime().Image(ctx, image)
	present := err == nil
	if err != nil && !errors.Is(err, container.ErrImageNotFound) {
		return err
	}
	// A start that had to wait for the engine or the disk begins once more where it was.
	if err := t.reportOnce(model.StatePullingImage, countAnew); err != nil {
		return err
	}
	if present && (restart || !floats(image)) {
		return nil
	}
	return t.fetchImage(ctx, image, present)
}

// wait returns how the container ends. While the engine does not answer, the task keeps its state.
func (t *task) wait(ctx context.Context, id string) error {
	watch, stop := t.agent.engine.watch(id)
	defer stop()
	health, stopMonitor := t.monitored(ctx, id)
	defer stopMonitor()
	trouble := &healthcheck.Backoff{}
	for {
		changed := watch.next()
		state, err := t.runtime().Inspect(ctx, id)
		pause := t.agent.config.InspectPoll
		switch {
		case ctx.Err() != nil:
			return ctx.Err()
		case errors.Is(err, container.ErrNotFound):
			return errRemoved
		case err != nil:
			pause = trouble.Next()
		case !state.Running:
			return &exitError{state: t.explained(ctx, watch, state)}
		default:
			trouble.Reset()
			if err := t.reportOnce(model.StateRunning, nil); err != nil {
				t.log.Warn("a change of the task is not reported yet", "error", err)
			}
		}
		if left := t.policy.recovery(time.Now()); left > 0 {
			pause = min(pause, left)
		}
		timer := time.NewTimer(pause)
		select {
		case <-timer.C:
		case <-changed:
		case t.unhealthy = <-health:
		case <-ctx.Done():
		}
		timer.Stop()
	}
}

// memoryGrace is how long the engine may take to tell that a container was killed for its memory, of which it hears apart from the end.
const memoryGrace = 500 * time.Millisecond

// explained completes the state of a container that ended as one does that is killed for its memory.
func (t *task) explained(ctx context.Context, watch *broadcast, state container.State) container.State {
	limits := t.record().Task.Job.Resources
	if state.OOMKilled || state.ExitCode != 137 || limits == nil || limits.Memory == nil {
		return state
	}
	ended := time.Now()
	for {
		changed := watch.next()
		if t.agent.engine.killedForMemory(state.ID) {
			state.OOMKilled = true
			return state
		}
		left := memoryGrace - time.Since(ended)
		if left <= 0 {
			if again, err := t.runtime().Inspect(ctx, state.ID); err == nil {
				return again
			}
			return state
		}
		if sleep(ctx, left, changed) != nil {
			return state
		}
	}
}

// reportOnce reports a state unless it is what was reported last.
func (t *task) reportOnce(state model.State, edit func(*model.TaskRecord)) error {
	record := t.record()
	last := record.Status
	if last != nil && last.State == state && last.ContainerID == record.ContainerID &&
		last.Throttled == t.policy.throttle(time.Now()) && (state != model.StateRunning || last.HealthError == t.unhealthy) {
		return nil
	}
	return t.report(state, "", edit)
}
