package model

import (
	"slices"
	"strings"
	"unicode"
)

// DeploymentGroup is a set of hosts, chosen by their labels, that run one job. Unset members are left out on the wire.
type DeploymentGroup struct {
	Name                string              `json:"name"`
	HostSelectors       []HostSelector      `json:"hostSelectors"` // all must match; nil is left out, empty is []
	JobID               JobID               `json:"jobId"`         // unset until the first rolling update; read as "jobId" or "job"
	RolloutOptions      *RolloutOptions     `json:"rolloutOptions"`
	RollingUpdateReason RollingUpdateReason `json:"rollingUpdateReason"`
}

// RollingUpdateReason says why a group rolls out.
type RollingUpdateReason string

// The reasons.
const (
	ReasonManual       RollingUpdateReason = "MANUAL"
	ReasonHostsChanged RollingUpdateReason = "HOSTS_CHANGED"
)

// SameSelectors reports whether both groups choose their hosts in the same words, in whatever order.
func (g DeploymentGroup) SameSelectors(other DeploymentGroup) bool {
	return hasSelectors(g.HostSelectors, other.HostSelectors) && hasSelectors(other.HostSelectors, g.HostSelectors)
}

func hasSelectors(all, some []HostSelector) bool {
	return !slices.ContainsFunc(some, func(s HostSelector) bool { return !slices.ContainsFunc(all, s.Equal) })
}

// Matches reports whether a host with these labels belongs to the group. A group without selectors has no hosts.
func (g DeploymentGroup) Matches(labels map[string]string) bool {
	for _, selector := range g.HostSelectors {
		if !selector.Matches(labels) {
			return false
		}
	}
	return len(g.HostSelectors) > 0
}

// ValidateDeploymentGroupName refuses names that cannot be part of a path, or are longer than MaxNameLength. The error has CodeInvalid.
func ValidateDeploymentGroupName(name string) error {
	switch {
	case name == "":
		return Errorf(CodeInvalid, "deployment group has no name")
	case len(name) > MaxNameLength:
		return Errorf(CodeInvalid, "deployment group name has %d bytes: want at most %d", len(name), MaxNameLength)
	case name == ".", name == "..", strings.Contains(name, "/"), strings.ContainsFunc(name, unicode.IsControl):
		return Errorf(CodeInvalid, "deployment group name %q is not legal: it must not be . or .. nor contain / or control characters", name)
	default:
		return nil
	}
}

// DeploymentGroupState is where a group's last rollout is.
type DeploymentGroupState string

// The states of a rollout.
const (
	GroupRollingOut DeploymentGroupState = "ROLLING_OUT"
	GroupFailed     DeploymentGroupState = "FAILED"
	GroupDone       DeploymentGroupState = "DONE"
)

// DeploymentGroupStatus is the outcome of a group's last rollout so far.
type DeploymentGroupStatus struct {
	State DeploymentGroupState `json:"state"`
	Error string               `json:"error"` // null when empty
}

// RolloutAction is what one step of a rollout does.
type RolloutAction string

// The steps of a rollout.
const (
	ActionUndeployOldJobs   RolloutAction = "UNDEPLOY_OLD_JOBS"
	ActionDeployNewJob      RolloutAction = "DEPLOY_NEW_JOB"
	ActionAwaitRunning      RolloutAction = "AWAIT_RUNNING"
	ActionForceUndeployJobs RolloutAction = "FORCE_UNDEPLOY_JOBS"
	ActionAwaitUndeployed   RolloutAction = "AWAIT_UNDEPLOYED"
	ActionMarkUndeployed    RolloutAction = "MARK_UNDEPLOYED"
)

// RolloutTask is one step of a rollout on one host.
type RolloutTask struct {
	Action RolloutAction `json:"action"`
	Target string        `json:"target"`
}

// DeploymentGroupTasks is the plan of a rollout, how far it has come, and the group as it was when the plan was made.
type DeploymentGroupTasks struct {
	RolloutTasks    []RolloutTask    `json:"rolloutTasks"`
	TaskIndex       int              `json:"taskIndex"`
	DeploymentGroup *DeploymentGroup `json:"deploymentGroup"`
}

// RollingUpdateRequest is the body of POST /deployment-group/{name}/rolling-update.
type RollingUpdateRequest struct {
	JobID          JobID           `json:"job"` // required
	RolloutOptions *RolloutOptions `json:"rolloutOptions"`
}

// SelectorsRequest is the body of PUT /v1/groups/{name}/selectors.
type SelectorsRequest struct {
	HostSelectors []HostSelector  `json:"hostSelectors"` // that the group is to have
	Was           *[]HostSelector `json:"was,omitempty"` // that it must have until now; nil: any
}

// StartRolloutRequest is the body of POST /v1/groups/{name}/roll.
type StartRolloutRequest struct {
	JobID          JobID           `json:"job"`
	RolloutOptions *RolloutOptions `json:"rolloutOptions,omitempty"`
	After          *uint64         `json:"after,omitempty"` // the last rollout that is no convergence must be this one, 0: there is none; nil: any
}

// CreateDeploymentGroupResponse answers POST /deployment-group.
type CreateDeploymentGroupResponse struct {
	Status Code `json:"status"`
}

// RemoveDeploymentGroupResponse answers DELETE /deployment-group/{name}.
type RemoveDeploymentGroupResponse struct {
	Status Code `json:"status"`
}

// RollingUpdateResponse answers POST /deployment-group/{name}/rolling-update.
type RollingUpdateResponse struct {
	Status Code `json:"status"`
}

// StartRolloutResponse answers POST /v1/groups/{name}/roll.
type StartRolloutResponse struct {
	Rollout uint64 `json:"rollout"` // the id of what was started
}

// The status words of deployment groups that are no failures. CodeGroupConflict is the code of an error too.
const (
	CodeGroupCreated     Code = "CREATED"
	CodeGroupNotModified Code = "NOT_MODIFIED"
	CodeGroupConflict    Code = "CONFLICT"
	CodeGroupRemoved     Code = "REMOVED"
)

// DeploymentGroupStatusWord sums up a group in a status answer.
type DeploymentGroupStatusWord string

// The words of a status answer.
const (
	GroupStatusRollingOut DeploymentGroupStatusWord = "ROLLING_OUT"
	GroupStatusActive     DeploymentGroupStatusWord = "ACTIVE"
	GroupStatusFailed     DeploymentGroupStatusWord = "FAILED"
	GroupStatusIdle       DeploymentGroupStatusWord = "IDLE"
)

// DeploymentGroupStatusResponse answers GET /deployment-group/{name}/status.
type DeploymentGroupStatusResponse struct {
	DeploymentGroup       DeploymentGroup             `json:"deploymentGroup"`
	Status                DeploymentGroupStatusWord   `json:"status"`
	Error                 *string                     `json:"error"` // null unless failed; "" when idle
	HostStatuses          []DeploymentGroupHostStatus `json:"hostStatuses"`
	DeploymentGroupStatus *DeploymentGroupStatus      `json:"deploymentGroupStatus"` // nil when idle
}

// StatusResponse sums up a group as the original did. The error is null unless the group FAILED, and "" while it is idle.
func (g DeploymentGroup) StatusResponse(status *DeploymentGroupStatus, hosts []DeploymentGroupHostStatus) DeploymentGroupStatusResponse {
	response := DeploymentGroupStatusResponse{DeploymentGroup: g, HostStatuses: hosts, DeploymentGroupStatus: status}
	if status == nil {
		response.Status, response.Error = GroupStatusIdle, new(string)
		return response
	}
	switch status.State {
	case GroupRollingOut:
		response.Status = GroupStatusRollingOut
	case GroupDone:
		response.Status = GroupStatusActive
	case GroupFailed:
		text := status.Error
		response.Status, response.Error = GroupStatusFailed, &text
	}
	return response
}

// DeploymentGroupHostStatus is one host of a group in a status answer. JobID and State are null while nothing of the group runs there.
type DeploymentGroupHostStatus struct {
	Host  string `json:"host"`
	JobID JobID  `json:"jobId"`
	State State  `json:"state"`
}
