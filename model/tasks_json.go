package model

// MarshalJSON leaves out the master and the group where there are none.
func (d Deployment) MarshalJSON() ([]byte, error) {
	return appendDeployment(nil, &d), nil
}

// UnmarshalJSON reads a deployment, its job id from "jobId" or "job"; "jobId" wins. The error has CodeInvalid.
func (d *Deployment) UnmarshalJSON(data []byte) error {
	return decode(data, d, readDeployment)
}

func appendDeployment(dst []byte, d *Deployment) []byte {
	dst = appendIDOrNull(append(dst, `{"jobId":`...), d.JobID)
	dst = appendStringOrNull(append(dst, `,"goal":`...), string(d.Goal))
	dst = appendStringOrNull(append(dst, `,"deployerUser":`...), d.DeployerUser)
	if d.DeployerMaster != "" {
		dst = appendString(append(dst, `,"deployerMaster":`...), d.DeployerMaster)
	}
	if d.DeploymentGroupName != "" {
		dst = appendString(append(dst, `,"deploymentGroupName":`...), d.DeploymentGroupName)
	}
	return append(dst, '}')
}

func readDeployment(r *reader, d *Deployment) error {
	var job JobID
	err := r.object(func(key []byte) error {
		switch string(key) {
		case "jobId":
			return readJobID(r, &d.JobID)
		case "job":
			return readJobID(r, &job)
		case "goal":
			return readGoal(r, &d.Goal)
		case "deployerUser":
			return readString(r, &d.DeployerUser)
		case "deployerMaster":
			return readString(r, &d.DeployerMaster)
		case "deploymentGroupName":
			return readString(r, &d.DeploymentGroupName)
		default:
			return r.skip()
		}
	})
	if d.JobID.IsZero() {
		d.JobID = job
	}
	return err
}

// MarshalJSON writes all fields, the generation when there is one.
func (t Task) MarshalJSON() ([]byte, error) {
	return appendTask(nil, &t), nil
}

// UnmarshalJSON reads a task, which must have a job and a goal. The error has CodeInvalid.
func (t *Task) UnmarshalJSON(data []byte) error {
	return decode(data, t, readTask)
}

func appendTask(dst []byte, t *Task) []byte {
	dst = appendJob(append(dst, `{"job":`...), &t.Job)
	dst = appendStringOrNull(append(dst, `,"goal":`...), string(t.Goal))
	dst = appendStringOrNull(append(dst, `,"deployerUser":`...), t.DeployerUser)
	dst = appendStringOrNull(append(dst, `,"deployerMaster":`...), t.DeployerMaster)
	dst = appendStringOrNull(append(dst, `,"deploymentGroupName":`...), t.DeploymentGroupName)
	if t.Generation != 0 {
		dst = appendInt(append(dst, `,"generation":`...), t.Generation)
	}
	return append(dst, '}')
}

func readTask(r *reader, t *Task) error {
	hasJob := false
	err := r.object(func(key []byte) error {
		switch string(key) {
		case "job":
			return readPresent(r, &hasJob, &t.Job, readJob)
		case "goal":
			return readGoal(r, &t.Goal)
		case "deployerUser":
			return readString(r, &t.DeployerUser)
		case "deployerMaster":
			return readString(r, &t.DeployerMaster)
		case "deploymentGroupName":
			return readString(r, &t.DeploymentGroupName)
		case "generation":
			return readUint64(r, &t.Generation)
		default:
			return r.skip()
		}
	})
	switch {
	case err != nil:
		return err
	case !hasJob:
		return missing("job")
	case t.Goal == "":
		return missing("goal")
	default:
		return nil
	}
}

// MarshalJSON writes the original's fields, and those of the others that say something.
func (s TaskStatus) MarshalJSON() ([]byte, error) {
	return appendTaskStatus(make([]byte, 0, 1536), &s), nil
}

// UnmarshalJSON reads a status, which must have a job and a state. The error has CodeInvalid.
func (s *TaskStatus) UnmarshalJSON(data []byte) error {
	return decode(data, s, readTaskStatus)
}

func appendTaskStatus(dst []byte, s *TaskStatus) []byte {
	dst = appendJob(append(dst, `{"job":`...), &s.Job)
	dst = appendStringOrNull(append(dst, `,"goal":`...), string(s.Goal))
	dst = appendStringOrNull(append(dst, `,"state":`...), string(s.State))
	dst = appendStringOrNull(append(dst, `,"containerId":`...), s.ContainerID)
	throttled := s.Throttled
	if throttled == "" {
		throttled = ThrottleNo
	}
	dst = appendString(append(dst, `,"throttled":`...), string(throttled))
	dst = appendMap(append(dst, `,"ports":`...), s.Ports, appendPortMapping)
	dst = appendStringMap(append(dst, `,"env":`...), s.Env)
	dst = appendString(append(dst, `,"containerError":`...), s.ContainerError)
	dst = appendPrunedInt(dst, "exitCode", s.ExitCode)
	dst = appendPrunedTrue(dst, "oomKilled", s.OOMKilled)
	dst = appendPrunedString(dst, "signal", s.Signal)
	dst = appendPrunedPositive(dst, "restarts", s.Restarts)
	dst = appendPrunedPositive(dst, "since", s.Since)
	dst = appendPrunedTrue(dst, "unhealthy", s.Unhealthy)
	dst = appendPrunedString(dst, "healthError", s.HealthError)
	dst = appendPrunedString(dst, "progress", s.Progress)
	return append(dst, '}')
}

func readTaskStatus(r *reader, s *TaskStatus) error {
	hasJob := false
	err := r.object(func(key []byte) error {
		switch string(key) {
		case "job":
			return readPresent(r, &hasJob, &s.Job, readJob)
		case "goal":
			return readGoal(r, &s.Goal)
		case "state":
			return readState(r, &s.State)
		case "containerId":
			return readString(r, &s.ContainerID)
		case "throttled":
			return readThrottle(r, &s.Throttled)
		case "ports":
			return readMap(r, &s.Ports, readPortMapping)
		case "env":
			return readStringMap(r, &s.Env)
		case "containerError":
			return readString(r, &s.ContainerError)
		case "exitCode":
			return readOptionalInt(r, &s.ExitCode)
		case "oomKilled":
			return readBool(r, &s.OOMKilled)
		case "signal":
			return readString(r, &s.Signal)
		case "restarts":
			return readInt(r, &s.Restarts)
		case "since":
			return readMillis(r, &s.Since)
		case "unhealthy":
			return readBool(r, &s.Unhealthy)
		case "healthError":
			return readString(r, &s.HealthError)
		case "progress":
			return readString(r, &s.Progress)
		default:
			return r.skip()
		}
	})
	if s.Throttled == "" {
		s.Throttled = ThrottleNo
	}
	switch {
	case err != nil:
		return err
	case !hasJob:
		return missing("job")
	case s.State == "":
		return missing("state")
	default:
		return nil
	}
}

// MarshalJSON writes all fields.
func (e TaskStatusEvent) MarshalJSON() ([]byte, error) {
	return appendTaskStatusEvent(nil, &e), nil
}

// UnmarshalJSON reads an event, which must have a status. The error has CodeInvalid.
func (e *TaskStatusEvent) UnmarshalJSON(data []byte) error {
	return decode(data, e, readTaskStatusEvent)
}

func appendTaskStatusEvent(dst []byte, e *TaskStatusEvent) []byte {
	dst = appendTaskStatus(append(dst, `{"status":`...), &e.Status)
	dst = appendInt(append(dst, `,"timestamp":`...), e.Timestamp)
	dst = appendString(append(dst, `,"host":`...), e.Host)
	return append(dst, '}')
}

func readTaskStatusEvent(r *reader, e *TaskStatusEvent) error {
	hasStatus := false
	err := r.object(func(key []byte) error {
		switch string(key) {
		case "status":
			return readPresent(r, &hasStatus, &e.Status, readTaskStatus)
		case "timestamp":
			return readMillis(r, &e.Timestamp)
		case "host":
			return readString(r, &e.Host)
		default:
			return r.skip()
		}
	})
	if err == nil && !hasStatus {
		return missing("status")
	}
	return err
}

// MarshalJSON writes [] for no events.
func (e TaskStatusEvents) MarshalJSON() ([]byte, error) {
	dst := appendList([]byte(`{"events":`), e.Events, func(dst []byte, event TaskStatusEvent) []byte {
		return appendTaskStatusEvent(dst, &event)
	})
	dst = appendStringOrNull(append(dst, `,"status":`...), string(e.Status))
	return append(dst, '}'), nil
}

// MarshalJSON writes all fields.
func (s JobStatus) MarshalJSON() ([]byte, error) {
	dst := appendJob([]byte(`{"job":`), &s.Job)
	dst = appendMap(append(dst, `,"taskStatuses":`...), s.TaskStatuses, func(dst []byte, status TaskStatus) []byte {
		return appendTaskStatus(dst, &status)
	})
	dst = appendMap(append(dst, `,"deployments":`...), s.Deployments, func(dst []byte, d Deployment) []byte {
		return appendDeployment(dst, &d)
	})
	return append(dst, '}'), nil
}

// UnmarshalJSON reads the status of a job. The error has CodeInvalid.
func (s *JobStatus) UnmarshalJSON(data []byte) error {
	return decode(data, s, readJobStatus)
}

func readJobStatus(r *reader, s *JobStatus) error {
	hasJob := false
	err := r.object(func(key []byte) error {
		switch string(key) {
		case "job":
			return readPresent(r, &hasJob, &s.Job, readJob)
		case "taskStatuses":
			return readMap(r, &s.TaskStatuses, readTaskStatus)
		case "deployments":
			return readMap(r, &s.Deployments, readDeployment)
		default:
			return r.skip()
		}
	})
	if err == nil && !hasJob {
		return missing("job")
	}
	return err
}
