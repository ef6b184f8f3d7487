package model

// EventType names what happened.
type EventType string

// The types of events.
const (
	EventJobCreated        EventType = "job.created"
	EventJobRemoved        EventType = "job.removed"
	EventDeploymentCreated EventType = "deployment.created"
	EventDeploymentChanged EventType = "deployment.changed" // its goal
	EventDeploymentRemoved EventType = "deployment.removed"
	EventHostRegistered    EventType = "host.registered"
	EventHostChanged       EventType = "host.changed" // facts, labels, environment
	EventHostDeregistered  EventType = "host.deregistered"
	EventHostUp            EventType = "host.up"
	EventHostDown          EventType = "host.down"
	EventHostDrained       EventType = "host.drained"
	EventHostUndrained     EventType = "host.undrained"
	EventTaskStatus        EventType = "task.status"
	EventTaskRemoved       EventType = "task.removed"
	EventGroupCreated      EventType = "group.created"
	EventGroupChanged      EventType = "group.changed" // its selectors
	EventGroupRemoved      EventType = "group.removed"
	EventRolloutStarted    EventType = "rollout.started"
	EventRolloutHost       EventType = "rollout.host"   // a host came to another phase
	EventRolloutPaused     EventType = "rollout.paused" // by somebody, by a failure or behind its canaries
	EventRolloutResumed    EventType = "rollout.resumed"
	EventRolloutFinished   EventType = "rollout.finished"
	EventHeartbeat         EventType = "heartbeat" // nothing happened; every 10 s
	EventReset             EventType = "reset"     // events before Index are no longer known: read everything again
)

// EventTypes returns the types of what happens, without those of heartbeats and resets.
func EventTypes() []EventType {
	return []EventType{
		EventJobCreated, EventJobRemoved, EventDeploymentCreated, EventDeploymentChanged, EventDeploymentRemoved,
		EventHostRegistered, EventHostChanged, EventHostDeregistered, EventHostUp, EventHostDown, EventHostDrained, EventHostUndrained,
		EventTaskStatus, EventTaskRemoved, EventGroupCreated, EventGroupChanged, EventGroupRemoved,
		EventRolloutStarted, EventRolloutHost, EventRolloutPaused, EventRolloutResumed, EventRolloutFinished,
	}
}

// EventReason tells why masters changed something by themselves. It is empty when somebody asked for the change.
type EventReason string

// The reasons.
const (
	ReasonExpired EventReason = "expired" // the job's time was over
	ReasonUnused  EventReason = "unused"  // the job was not used for as long as jobs are kept
	ReasonDead    EventReason = "dead"    // the host's agent was away for as long as hosts are kept
)

// Event is one line of GET /v1/events. Index rises by change of the cluster's state; several events of one change share it. A
// client that reconnects with the last Index it has seen whole misses nothing and sees nothing twice.
type Event struct {
	Index      uint64      `json:"index"`
	Type       EventType   `json:"type"`
	Time       Timestamp   `json:"time"`
	JobID      *JobID      `json:"jobId,omitempty"`
	Host       string      `json:"host,omitempty"`
	User       string      `json:"user,omitempty"`
	Reason     EventReason `json:"reason,omitempty"`
	Deployment *Deployment `json:"deployment,omitempty"`
	Status     *TaskStatus `json:"status,omitempty"` // for task.status

	// Of groups and rollouts.
	Group   string       `json:"group,omitempty"`
	Rollout uint64       `json:"rollout,omitempty"`
	State   RolloutState `json:"state,omitempty"`   // that the rollout came to
	Phase   RolloutPhase `json:"phase,omitempty"`   // that the host came to
	Message string       `json:"message,omitempty"` // why
}
