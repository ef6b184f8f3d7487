package model

// MarshalJSON leaves out what is unset.
func (g DeploymentGroup) MarshalJSON() ([]byte, error) {
	return appendDeploymentGroup(nil, &g), nil
}

// UnmarshalJSON reads a group, its job id from "jobId" or "job"; "jobId" wins. The error has CodeInvalid.
func (g *DeploymentGroup) UnmarshalJSON(data []byte) error {
	return decode(data, g, readDeploymentGroup)
}

func appendDeploymentGroup(dst []byte, g *DeploymentGroup) []byte {
	dst = append(dst, '{')
	if g.Name != "" {
		dst = appendString(appendKey(dst, "name"), g.Name)
	}
	if g.HostSelectors != nil {
		dst = appendList(appendKey(dst, "hostSelectors"), g.HostSelectors, appendHostSelector)
	}
	if !g.JobID.IsZero() {
		dst = appendString(appendKey(dst, "jobId"), g.JobID.String())
	}
	if g.RolloutOptions != nil {
		dst = appendRolloutOptions(appendKey(dst, "rolloutOptions"), g.RolloutOptions)
	}
	if g.RollingUpdateReason != "" {
		dst = appendString(appendKey(dst, "rollingUpdateReason"), string(g.RollingUpdateReason))
	}
	return append(dst, '}')
}

func readDeploymentGroup(r *reader, g *DeploymentGroup) error {
	var job JobID
	err := r.object(func(key []byte) error {
		switch string(key) {
		case "name":
			return readString(r, &g.Name)
		case "hostSelectors":
			return readList(r, &g.HostSelectors, true, readHostSelector)
		case "jobId":
			return readJobID(r, &g.JobID)
		case "job":
			return readJobID(r, &job)
		case "rolloutOptions":
			return readNullable(r, &g.RolloutOptions, readRolloutOptions)
		case "rollingUpdateReason":
			return readWord(r, &g.RollingUpdateReason, "rolling update reason", rollingUpdateReasons)
		default:
			return r.skip()
		}
	})
	if g.JobID.IsZero() {
		g.JobID = job
	}
	return err
}

// MarshalJSON writes all fields.
func (s DeploymentGroupStatus) MarshalJSON() ([]byte, error) {
	return appendDeploymentGroupStatus(nil, &s), nil
}

// UnmarshalJSON reads a status, which must have a state. The error has CodeInvalid.
func (s *DeploymentGroupStatus) UnmarshalJSON(data []byte) error {
	return decode(data, s, readDeploymentGroupStatus)
}

func appendDeploymentGroupStatus(dst []byte, s *DeploymentGroupStatus) []byte {
	dst = appendStringOrNull(append(dst, `{"state":`...), string(s.State))
	dst = appendStringOrNull(append(dst, `,"error":`...), s.Error)
	return append(dst, '}')
}

func readDeploymentGroupStatus(r *reader, s *DeploymentGroupStatus) error {
	err := r.object(func(key []byte) error {
		switch string(key) {
		case "state":
			return readWord(r, &s.State, "deployment group state", deploymentGroupStates)
		case "error":
			return readString(r, &s.Error)
		default:
			return r.skip()
		}
	})
	if err == nil && s.State == "" {
		return missing("state")
	}
	return err
}

// MarshalJSON writes all fields.
func (t RolloutTask) MarshalJSON() ([]byte, error) {
	return appendRolloutTask(nil, t), nil
}

// UnmarshalJSON reads a step; its action and its target must be there. The error has CodeInvalid.
func (t *RolloutTask) UnmarshalJSON(data []byte) error {
	return decode(data, t, readRolloutTask)
}

func appendRolloutTask(dst []byte, t RolloutTask) []byte {
	dst = appendString(append(dst, `{"action":`...), string(t.Action))
	dst = appendString(append(dst, `,"target":`...), t.Target)
	return append(dst, '}')
}

func readRolloutTask(r *reader, t *RolloutTask) error {
	err := r.object(func(key []byte) error {
		switch string(key) {
		case "action":
			return readWord(r, &t.Action, "rollout action", rolloutActions)
		case "target":
			return readString(r, &t.Target)
		default:
			return r.skip()
		}
	})
	switch {
	case err != nil:
		return err
	case t.Action == "":
		return missing("action")
	case t.Target == "":
		return missing("target")
	default:
		return nil
	}
}

// MarshalJSON writes all fields.
func (t DeploymentGroupTasks) MarshalJSON() ([]byte, error) {
	dst := appendList([]byte(`{"rolloutTasks":`), t.RolloutTasks, appendRolloutTask)
	dst = appendInt(append(dst, `,"taskIndex":`...), t.TaskIndex)
	dst = appendNullable(append(dst, `,"deploymentGroup":`...), t.DeploymentGroup, appendDeploymentGroup)
	return append(dst, '}'), nil
}

// UnmarshalJSON reads a plan; its steps must be there. The error has CodeInvalid.
func (t *DeploymentGroupTasks) UnmarshalJSON(data []byte) error {
	return decode(data, t, readDeploymentGroupTasks)
}

func readDeploymentGroupTasks(r *reader, t *DeploymentGroupTasks) error {
	hasTasks := false
	err := r.object(func(key []byte) error {
		switch string(key) {
		case "rolloutTasks":
			return readPresent(r, &hasTasks, &t.RolloutTasks, func(r *reader, list *[]RolloutTask) error {
				return readList(r, list, false, readRolloutTask)
			})
		case "taskIndex":
			return readInt(r, &t.TaskIndex)
		case "deploymentGroup":
			return readNullable(r, &t.DeploymentGroup, readDeploymentGroup)
		default:
			return r.skip()
		}
	})
	if err == nil && !hasTasks {
		return missing("rolloutTasks")
	}
	return err
}

// MarshalJSON writes all fields.
func (q RollingUpdateRequest) MarshalJSON() ([]byte, error) {
	dst := appendIDOrNull([]byte(`{"job":`), q.JobID)
	dst = appendNullable(append(dst, `,"rolloutOptions":`...), q.RolloutOptions, appendRolloutOptions)
	return append(dst, '}'), nil
}

// UnmarshalJSON reads a request, which must name a job. The error has CodeInvalid.
func (q *RollingUpdateRequest) UnmarshalJSON(data []byte) error {
	return decode(data, q, readRollingUpdateRequest)
}

func readRollingUpdateRequest(r *reader, q *RollingUpdateRequest) error {
	err := r.object(func(key []byte) error {
		switch string(key) {
		case "job":
			return readJobID(r, &q.JobID)
		case "rolloutOptions":
			return readNullable(r, &q.RolloutOptions, readRolloutOptions)
		default:
			return r.skip()
		}
	})
	if err == nil && q.JobID.IsZero() {
		return missing("job")
	}
	return err
}

// MarshalJSON writes all fields.
func (s DeploymentGroupStatusResponse) MarshalJSON() ([]byte, error) {
	dst := appendDeploymentGroup([]byte(`{"deploymentGroup":`), &s.DeploymentGroup)
	dst = appendStringOrNull(append(dst, `,"status":`...), string(s.Status))
	dst = append(dst, `,"error":`...)
	if s.Error == nil {
		dst = append(dst, "null"...)
	} else {
		dst = appendString(dst, *s.Error)
	}
	dst = appendList(append(dst, `,"hostStatuses":`...), s.HostStatuses, appendGroupHostStatus)
	dst = appendNullable(append(dst, `,"deploymentGroupStatus":`...), s.DeploymentGroupStatus, appendDeploymentGroupStatus)
	return append(dst, '}'), nil
}

// UnmarshalJSON reads the status of a group. The error has CodeInvalid.
func (s *DeploymentGroupStatusResponse) UnmarshalJSON(data []byte) error {
	return decode(data, s, readDeploymentGroupStatusResponse)
}

func readDeploymentGroupStatusResponse(r *reader, s *DeploymentGroupStatusResponse) error {
	return r.object(func(key []byte) error {
		switch string(key) {
		case "deploymentGroup":
			var present bool
			return readPresent(r, &present, &s.DeploymentGroup, readDeploymentGroup)
		case "status":
			return readWord(r, &s.Status, "deployment group status", groupStatusWords)
		case "error":
			return readNullable(r, &s.Error, readString)
		case "hostStatuses":
			return readList(r, &s.HostStatuses, false, readGroupHostStatus)
		case "deploymentGroupStatus":
			return readNullable(r, &s.DeploymentGroupStatus, readDeploymentGroupStatus)
		default:
			return r.skip()
		}
	})
}

// MarshalJSON writes all fields.
func (s DeploymentGroupHostStatus) MarshalJSON() ([]byte, error) {
	return appendGroupHostStatus(nil, s), nil
}

// UnmarshalJSON reads one host of a group. The error has CodeInvalid.
func (s *DeploymentGroupHostStatus) UnmarshalJSON(data []byte) error {
	return decode(data, s, readGroupHostStatus)
}

func appendGroupHostStatus(dst []byte, s DeploymentGroupHostStatus) []byte {
	dst = appendString(append(dst, `{"host":`...), s.Host)
	dst = appendIDOrNull(append(dst, `,"jobId":`...), s.JobID)
	dst = appendStringOrNull(append(dst, `,"state":`...), string(s.State))
	return append(dst, '}')
}

func readGroupHostStatus(r *reader, s *DeploymentGroupHostStatus) error {
	return r.object(func(key []byte) error {
		switch string(key) {
		case "host":
			return readString(r, &s.Host)
		case "jobId":
			return readJobID(r, &s.JobID)
		case "state":
			return readState(r, &s.State)
		default:
			return r.skip()
		}
	})
}
