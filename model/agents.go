package model

import "time"

// This file holds what agents and masters say to each other under /v1/agents, and what an agent remembers of its own host.

// Registration is how an agent claims its host name and reports the facts of its machine. It is sent at start, after every
// reconnect, and when a fact changes; an unchanged one costs no write.
type Registration struct {
	Host        string            `json:"host"`
	AgentID     string            `json:"agentId"`
	HostInfo    HostInfo          `json:"hostInfo"`
	AgentInfo   AgentInfo         `json:"agentInfo"`
	Environment map[string]string `json:"environment"`
	Labels      map[string]string `json:"labels"`

	// ClusterID is of the only cluster that the agent takes orders from; masters of another one refuse it. Empty: any.
	ClusterID string `json:"clusterId,omitempty"`

	// TTL is how long the agent that has the host name must have been away until this one may take it over, in milliseconds. Nil:
	// DefaultRegistrationTTL; 0: as soon as it is away.
	TTL *int64 `json:"ttl,omitempty"`
}

// DefaultRegistrationTTL is how long an agent keeps its host name while it is away and another one claims it, as in the original.
const DefaultRegistrationTTL = 10 * time.Minute

// TakeOverAfter is TTL with its default.
func (r Registration) TakeOverAfter() time.Duration {
	if r.TTL == nil {
		return DefaultRegistrationTTL
	}
	return time.Duration(*r.TTL) * time.Millisecond
}

// Registered is a master's answer to a Registration. AckedSeq is the highest status sequence number of this agent that is safely
// recorded, so an agent that lost its own memory goes on above it.
type Registered struct {
	Epoch     uint64 `json:"epoch"` // changes when the host is registered anew or taken over
	AckedSeq  uint64 `json:"ackedSeq"`
	ClusterID string `json:"clusterId"`

	// Index is what the leader had applied then: an agent that remembers a higher one has seen a state that was since replaced by an
	// older one. 0: not told.
	Index uint64 `json:"index,omitempty"`
}

// TaskUpdateType tells the lines of the agent stream apart.
type TaskUpdateType string

// The lines of GET /v1/agents/{host}/tasks, a stream of newline-delimited JSON.
const (
	TaskUpdateSnapshot  TaskUpdateType = "snapshot"  // Tasks is everything deployed to the host
	TaskUpdateChange    TaskUpdateType = "change"    // Tasks are new or changed, Removed are gone
	TaskUpdateHeartbeat TaskUpdateType = "heartbeat" // nothing changed; every 10 s
	TaskUpdateSession   TaskUpdateType = "session"   // nothing changed; Session is asked for
)

// TaskUpdate is one line of the agent stream. Index never goes down; an agent ignores a line below the one it has.
type TaskUpdate struct {
	Type    TaskUpdateType  `json:"type"`
	Index   uint64          `json:"index"`
	Tasks   []Task          `json:"tasks,omitempty"`
	Removed []JobID         `json:"removed,omitempty"`
	Session *SessionRequest `json:"session,omitempty"`

	// Epoch is the host's registration at the time; an agent that knows another one registers again. 0: not told.
	Epoch uint64 `json:"epoch,omitempty"`
}

// StatusReport is one transition of one task, numbered by the agent. Removed reports (the task is gone from the host) end the
// task's status and leave its history alone; for them only JobID counts.
type StatusReport struct {
	Seq       uint64      `json:"seq"`
	JobID     JobID       `json:"jobId"`
	Timestamp Timestamp   `json:"timestamp"`
	Status    *TaskStatus `json:"status,omitempty"`
	Removed   bool        `json:"removed,omitempty"`
}

// StatusBatch is what an agent posts: reports in rising order of Seq. Reports at or below the recorded one are skipped, so a
// batch may be sent again.
type StatusBatch struct {
	AgentID string         `json:"agentId"`
	Reports []StatusReport `json:"reports"`
}

// StatusAck answers a StatusBatch.
type StatusAck struct {
	AckedSeq uint64 `json:"ackedSeq"`
}

// Gauges are readings of a host that masters keep in memory only.
type Gauges struct {
	AgentID         string  `json:"agentId"`
	LoadAvg         float64 `json:"loadAvg"`
	MemoryFreeBytes int64   `json:"memoryFreeBytes"`
	SwapFreeBytes   int64   `json:"swapFreeBytes"`
	Uptime          int64   `json:"uptime"` // of the agent, milliseconds

	// Progress is how far the image of each task that waits for one is pulled.
	Progress map[JobID]string `json:"progress,omitempty"`
}

// TaskRecord is what an agent remembers of one task, saved before it acts on it.
type TaskRecord struct {
	Task Task `json:"task"`

	// Ports are the external ports in use, by port name; nil until they are allocated. They stay the same until undeploy.
	Ports map[string]int `json:"ports,omitempty"`

	// ContainerName is chosen before the container is created, so that it can be found when the answer to create is lost.
	ContainerName string `json:"containerName,omitempty"`
	ContainerID   string `json:"containerId,omitempty"`

	// Ready tells that the container passed its health check (or had none), so that adopting it does not check again.
	Ready bool `json:"ready,omitempty"`

	// Containers is how many containers were made since the task was deployed or last stopped.
	Containers int `json:"containers,omitempty"`

	// Registered tells that the task's services may be known to a discovery service.
	Registered bool `json:"registered,omitempty"`

	// Status is the last one reported, nil before the first.
	Status *TaskStatus `json:"status,omitempty"`
}
