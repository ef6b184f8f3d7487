package demo

import (
	"fmt"
	"time"

	"github.com/heliosctl/heliosctl/model"
	"github.com/heliosctl/heliosctl/tui"
)

// fault is what goes wrong with a task.
type fault uint8

const (
	pullFails fault = iota + 1
	flaps
	slowHealth
)

const historyKept = 30

// task is one job on one host. Its life is a chain of moments; a change of mind starts a new chain and lets the old one run dry.
type task struct {
	tui.Task
	life int
}

func (f *Fleet) newTask(hostName string, id model.JobID, goal model.Goal, groupName string) *task {
	t := &task{Task: tui.Task{Host: hostName, Job: id, Goal: goal, Group: groupName}}
	f.tasks[taskKey{hostName, id}] = t
	if !f.quiet {
		f.show(t)
	}
	return t
}

func (f *Fleet) show(t *task) {
	shown := t.Task
	f.store.SetTask(&shown)
}

// enter brings a task into a state and tells everyone.
func (f *Fleet) enter(t *task, state model.State, detail string) {
	from := t.State
	t.State, t.Since = state, f.now
	switch state {
	case model.StateStarting:
		t.ContainerID = f.hash(t.Host + t.Job.Name + f.now.String())[:12]
	case model.StateRunning:
		t.ExitCode, t.OOMKilled, t.Error = nil, false, ""
		if t.Ports == nil {
			t.Ports = f.ports(t)
		}
	}
	key := taskKey{t.Host, t.Job}
	f.history[key] = append(f.history[key], tui.Transition{At: f.now, Host: t.Host, Job: t.Job, State: state, Detail: detail})
	if n := len(f.history[key]); n > historyKept {
		f.history[key] = f.history[key][n-historyKept:]
	}
	f.show(t)
	f.event(tui.Event{Type: model.EventTaskStatus, Host: t.Host, Job: t.Job, From: from, To: state, Detail: detail, Container: t.ContainerID})
}

func (f *Fleet) ports(t *task) map[string]model.PortMapping {
	ports := map[string]model.PortMapping{}
	for name, mapping := range f.jobs[t.Job].Ports {
		external := 20000 + int(sum(t.Host+t.Job.Name)%12000)
		mapping.ExternalPort = &external
		ports[name] = mapping
	}
	return ports
}

// then goes on with a task's life after a while, unless it has begun a new one or its host is gone.
func (f *Fleet) then(t *task, d time.Duration, next func()) {
	life := t.life
	f.after(d, func() {
		if t.life == life && f.byName[t.Host] != nil && f.byName[t.Host].facts.Status == model.Up {
			next()
		}
	})
}

// begin starts a container, from the image on.
func (f *Fleet) begin(t *task) {
	t.life++
	image := f.jobs[t.Job].Image
	f.enter(t, model.StatePullingImage, "pulling "+image)
	wrong := f.breaking[taskKey{t.Host, t.Job}]
	pull := f.between(20*time.Second, 60*time.Second)
	if wrong == pullFails {
		f.then(t, pull, func() {
			t.Throttle, t.Error = model.ThrottleImagePullFailed, "429 too many requests from registry.eu"
			f.enter(t, model.StateFailed, "IMAGE_PULL_FAILED: 429 from registry.eu, next attempt in 70s")
			f.then(t, 70*time.Second, func() { f.begin(t) })
		})
		return
	}
	f.then(t, pull, func() {
		t.Throttle = model.ThrottleNo
		f.enter(t, model.StateCreating, fmt.Sprintf("pulled %s in %s", image, tui.Age(pull)))
		f.then(t, f.between(time.Second, 4*time.Second), func() { f.start(t) })
	})
}

// start starts the container that was created.
func (f *Fleet) start(t *task) {
	f.enter(t, model.StateStarting, "container "+f.hash(t.Host + f.now.String())[:12])
	wrong := f.breaking[taskKey{t.Host, t.Job}]
	f.then(t, f.between(time.Second, 5*time.Second), func() {
		if f.jobs[t.Job].HealthCheck == nil {
			f.running(t, "no health check")
			return
		}
		f.enter(t, model.StateHealthchecking, "GET :http/health")
		check := f.between(15*time.Second, 80*time.Second)
		if wrong == slowHealth {
			check = 270 * time.Second
		}
		f.then(t, check, func() { f.running(t, "healthy after "+tui.Age(check)) })
	})
}

func (f *Fleet) running(t *task, detail string) {
	f.enter(t, model.StateRunning, detail)
	f.rolloutMoved(t.Host)
	if f.breaking[taskKey{t.Host, t.Job}] == flaps {
		f.then(t, f.between(20*time.Second, 50*time.Second), func() { f.crash(t) })
	}
}

// crash ends a container for want of memory and starts it again.
func (f *Fleet) crash(t *task) {
	code := 137
	t.ExitCode, t.OOMKilled = &code, true
	t.Restarts++
	t.Throttle = model.ThrottleFlapping
	f.enter(t, model.StateFailed, fmt.Sprintf("exit 137 (OOM), restart #%d in 30s", t.Restarts))
	f.then(t, 30*time.Second, func() { f.start(t) })
}

// end stops a container and, with remove, takes the job off the host.
func (f *Fleet) end(t *task, why string, remove bool) {
	t.life++
	finish := func() {
		f.enter(t, model.StateStopped, "exit 143 after "+tui.Age(f.now.Sub(t.Since)))
		if remove {
			delete(f.tasks, taskKey{t.Host, t.Job})
			f.store.RemoveTask(t.Host, t.Job)
			f.rolloutMoved(t.Host)
		}
	}
	if t.State == model.StateStopped || t.State == model.StateExited {
		finish()
		return
	}
	f.enter(t, model.StateStopping, why)
	f.then(t, f.between(3*time.Second, 11*time.Second), finish)
}

// fail takes a host down: nobody knows what its tasks do.
func (f *Fleet) fail(name string) {
	h := f.byName[name]
	if h == nil || h.facts.Status != model.Up {
		return
	}
	h.facts.Status, h.facts.Since = model.Down, f.now
	f.store.SetStatus(name, model.Down, f.now)
	n := 0
	for _, job := range f.sortedJobs() {
		if t := f.tasks[taskKey{name, job.ID}]; t != nil {
			t.life++
			n++
			f.enter(t, model.StateUnknown, "host went DOWN, was "+string(t.State))
		}
	}
	f.event(tui.Event{Type: model.EventHostDown, Host: name, Detail: fmt.Sprintf("host went DOWN, %d tasks unknown", n)})
	f.rolloutMoved(name)
}

// recover brings a host back, its containers having run on.
func (f *Fleet) recover(name string) {
	h := f.byName[name]
	if h == nil || h.facts.Status == model.Up {
		return
	}
	h.facts.Status, h.facts.Since = model.Up, f.now
	f.store.SetStatus(name, model.Up, f.now)
	f.event(tui.Event{Type: model.EventHostUp, Host: name, Detail: "host is UP"})
	for _, job := range f.sortedJobs() {
		if t := f.tasks[taskKey{name, job.ID}]; t != nil {
			if t.Goal == model.GoalStart {
				f.running(t, "found running")
			} else {
				f.enter(t, model.StateStopped, "found stopped")
			}
		}
	}
}
