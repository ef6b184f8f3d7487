package tui

import (
	"fmt"
	"strings"
	"time"

	"github.com/heliosctl/heliosctl/model"
)

// Apply brings the store up to date with an event of the masters' stream and adds it to the feed. It reports whether the event could
// be applied; after one that could not (a reset, or a job or host that has to be read first) the source has to read what it names.
func (s *Store) Apply(e model.Event) bool {
	line := EventOf(e)
	known := true
	switch e.Type {
	case model.EventHeartbeat:
		return true
	case model.EventReset:
		return false
	case model.EventTaskStatus:
		s.applyStatus(e, &line)
	case model.EventTaskRemoved:
		s.RemoveTask(e.Host, line.Job)
	case model.EventDeploymentCreated, model.EventDeploymentChanged:
		s.applyDeployment(e, line.Job)
	case model.EventDeploymentRemoved:
		s.applyUndeploy(e, line.Job)
	case model.EventHostUp:
		s.SetStatus(e.Host, model.Up, line.At)
	case model.EventHostDown:
		s.SetStatus(e.Host, model.Down, line.At)
	case model.EventHostDeregistered:
		s.RemoveHost(e.Host)
	case model.EventJobRemoved:
		s.RemoveJob(line.Job)
	default:
		known = false
	}
	s.share(&line)
	s.AddEvent(line)
	return known
}

// EventOf is what the feed says of an event, without the state that a task was in before.
func EventOf(e model.Event) Event {
	line := Event{Index: e.Index, At: e.Time.Time(), Type: e.Type, Host: e.Host, User: e.User}
	if e.JobID != nil {
		line.Job = *e.JobID
	}
	switch e.Type {
	case model.EventTaskStatus:
		if e.Status != nil {
			task := TaskOf(e.Host, line.Job, nil, e.Status)
			line.To, line.Detail = task.State, task.Describe()
			if containerEnded(task.State) {
				line.Container = strings.Clone(shortContainer(task.ContainerID))
			}
		}
	case model.EventTaskRemoved:
		line.Detail = "no longer on the host"
	case model.EventDeploymentCreated, model.EventDeploymentChanged:
		line.Detail = "goal "
		if e.Deployment != nil {
			line.Detail += string(e.Deployment.Goal)
		}
		line.Detail += byUser(e)
	case model.EventDeploymentRemoved:
		line.Detail = "undeployed" + byUser(e)
	case model.EventHostUp:
		line.Detail = "host is UP"
	case model.EventHostDown:
		line.Detail = "host went DOWN"
	case model.EventHostDeregistered:
		line.Detail = "host deregistered" + byUser(e)
	case model.EventJobRemoved:
		line.Detail = "job removed" + byUser(e)
	case model.EventRolloutHost:
		if look := lookOfPhase(e.Phase); look != nil {
			line.Phase = look.phase
		}
		line.Detail = DescribeRolloutHost(e.Group, e.Phase, e.Message)
	default:
		line.Detail = describeOther(e) + byUser(e)
	}
	if e.Reason != "" {
		line.Detail += ", " + string(e.Reason)
	}
	return line
}

func byUser(e model.Event) string {
	if e.User == "" {
		return ""
	}
	return " by " + e.User
}

// share has a line of the feed, which is kept for long, name its host and its job with the words of the store.
func (s *Store) share(line *Event) {
	if host, ok := s.hosts[line.Host]; ok {
		line.Host = host.Name
	}
	if job, ok := s.jobs[line.Job]; ok {
		line.Job = job.Spec.ID
	}
}

// describeOther says what an event tells that changes nothing here, such as those of groups.
func describeOther(e model.Event) string {
	if e.Group == "" {
		return strings.ReplaceAll(string(e.Type), ".", " ")
	}
	parts := []string{"group " + e.Group}
	for _, part := range []string{string(e.State), string(e.Phase), e.Message} {
		if part != "" {
			parts = append(parts, part)
		}
	}
	return strings.Join(parts, " ")
}

// DescribeRolloutHost says what has become of a host in a rollout. Why it failed says that it did.
func DescribeRolloutHost(group string, phase model.RolloutPhase, reason string) string {
	parts := make([]string, 0, 2)
	if phase != "" && (phase != model.PhaseFailed || reason == "") {
		parts = append(parts, strings.ToLower(strings.ReplaceAll(string(phase), "_", " ")))
	}
	if reason != "" {
		parts = append(parts, reason)
	}
	return strings.TrimSuffix("rollout "+group+": "+strings.Join(parts, ", "), ": ")
}

func (s *Store) applyStatus(e model.Event, line *Event) {
	if e.Status == nil {
		return
	}
	old := s.Task(e.Host, line.Job)
	task := TaskOf(e.Host, line.Job, nil, e.Status)
	if old != nil {
		task.Goal, task.Group, line.From = old.Goal, old.Group, old.State
	}
	if task.Since.IsZero() {
		task.Since = line.At
	}
	s.SetTask(task)
}

func (s *Store) applyDeployment(e model.Event, id model.JobID) {
	task := &Task{Host: e.Host, Job: id}
	if old := s.Task(e.Host, id); old != nil {
		changed := *old
		task = &changed
	}
	if e.Deployment != nil {
		task.Goal, task.Group = e.Deployment.Goal, e.Deployment.DeploymentGroupName
	}
	s.SetTask(task)
}

// applyUndeploy keeps the task, without a goal, until its agent has taken it off the host.
func (s *Store) applyUndeploy(e model.Event, id model.JobID) {
	old := s.Task(e.Host, id)
	if old == nil {
		return
	}
	if old.State == "" {
		s.RemoveTask(e.Host, id)
		return
	}
	changed := *old
	changed.Goal = model.GoalUndeploy
	s.SetTask(&changed)
}

// TaskOf makes a task of what is wanted on a host and of what its agent reports; each may be nil.
func TaskOf(host string, id model.JobID, d *model.Deployment, status *model.TaskStatus) *Task {
	t := &Task{Host: host, Job: id}
	if d != nil {
		t.Goal, t.Group = d.Goal, d.DeploymentGroupName
	}
	if status == nil {
		return t
	}
	t.State, t.Throttle, t.ContainerID, t.Error = status.State, status.Throttled, status.ContainerID, status.ContainerError
	t.ExitCode, t.OOMKilled, t.Signal, t.Restarts = status.ExitCode, status.OOMKilled, status.Signal, status.Restarts
	t.Unhealthy, t.HealthError, t.Progress = status.Unhealthy, status.HealthError, status.Progress
	if len(status.Ports) > 0 {
		t.Ports = status.Ports
	}
	if status.Since != 0 {
		t.Since = status.Since.Time()
	}
	if t.Goal == "" {
		t.Goal = status.Goal
	}
	return t
}

// Describe says in a few words what there is to know of a task beside its state.
func (t *Task) Describe() string {
	var parts []string
	switch t.State {
	case model.StatePullingImage:
		parts = append(parts, strings.TrimSpace("pulling "+t.Progress))
	case model.StateStarting, model.StateCreating, model.StateHealthchecking:
		if t.ContainerID != "" {
			parts = append(parts, "container "+shortContainer(t.ContainerID))
		}
	case model.StateUnknown:
		parts = append(parts, "its host does not answer")
	}
	if t.ExitCode != nil {
		parts = append(parts, exitText(t))
	}
	if t.Error != "" && (t.ExitCode == nil || t.Error != fmt.Sprintf("exit code %d", *t.ExitCode)) {
		parts = append(parts, t.Error)
	}
	if t.Unhealthy {
		parts = append(parts, strings.TrimSuffix("unhealthy: "+t.HealthError, ": "))
	}
	if t.Restarts > 0 && t.State != model.StateRunning {
		parts = append(parts, fmt.Sprintf("restart #%d", t.Restarts))
	}
	if i := throttleIndex(t.Throttle); i >= 0 {
		parts = append(parts, throttleGlyphs[i]+" "+string(t.Throttle))
	}
	return strings.Join(parts, ", ")
}

func exitText(t *Task) string {
	text := fmt.Sprintf("exit %d", *t.ExitCode)
	switch {
	case t.OOMKilled:
		text += " (OOM)"
	case t.Signal != "":
		text += " (" + t.Signal + ")"
	}
	return text
}

func shortContainer(id string) string { return id[:min(len(id), 12)] }

// wholeAge is an age in whole seconds, and in whole minutes from the first one on.
func wholeAge(d time.Duration) string {
	if d < time.Minute {
		return fmt.Sprintf("%ds", int(max(d, 0).Seconds()))
	}
	return Age(d.Truncate(time.Minute))
}

// Age says how long something took or has been, in at most four characters or so.
func Age(d time.Duration) string {
	switch {
	case d < 0:
		return "0s"
	case d < 10*time.Second:
		return fmt.Sprintf("%.1fs", d.Seconds())
	case d < time.Minute:
		return fmt.Sprintf("%ds", int(d.Seconds()))
	case d < time.Hour:
		if s := int(d.Seconds()) % 60; d < 10*time.Minute && s != 0 {
			return fmt.Sprintf("%dm%02ds", int(d.Minutes()), s)
		}
		return fmt.Sprintf("%dm", int(d.Minutes()))
	case d < 48*time.Hour:
		return fmt.Sprintf("%dh", int(d.Hours()))
	}
	return fmt.Sprintf("%dd", int(d.Hours()/24))
}
