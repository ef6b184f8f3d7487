package model

// State is where a task is in its life.
type State string

// The states, in the order a task goes through them.
const (
	StatePullingImage   State = "PULLING_IMAGE"
	StateCreating       State = "CREATING"
	StateStarting       State = "STARTING"
	StateHealthchecking State = "HEALTHCHECKING"
	StateRunning        State = "RUNNING"
	StateExited         State = "EXITED"
	StateStopping       State = "STOPPING"
	StateStopped        State = "STOPPED"
	StateFailed         State = "FAILED"
	StateUnknown        State = "UNKNOWN"
)

// Throttle says why the next start of a task is being held back.
type Throttle string

// The throttle states.
const (
	ThrottleNo              Throttle = "NO"
	ThrottleFlapping        Throttle = "FLAPPING"
	ThrottleImageMissing    Throttle = "IMAGE_MISSING"
	ThrottleImagePullFailed Throttle = "IMAGE_PULL_FAILED"
)

// TaskStatus is what an agent reports of one job on its host. Job and State are always there.
type TaskStatus struct {
	Job            Job                    `json:"job"`
	Goal           Goal                   `json:"goal"`
	State          State                  `json:"state"`
	ContainerID    string                 `json:"containerId"` // null when empty
	Throttled      Throttle               `json:"throttled"`
	Ports          map[string]PortMapping `json:"ports"` // with the external ports in use
	Env            map[string]string      `json:"env"`   // everything the container was given
	ContainerError string                 `json:"containerError"`

	// What the original did not tell. Each is left out of the JSON where it has nothing to say.
	ExitCode    *int      `json:"exitCode,omitempty"`    // how the container ended; nil while it has not
	OOMKilled   bool      `json:"oomKilled,omitempty"`   // it ended for want of memory
	Signal      string    `json:"signal,omitempty"`      // that ended it, such as "SIGKILL"; told from the exit code
	Restarts    int       `json:"restarts,omitempty"`    // containers that were replaced since the task was deployed or last stopped
	Since       Timestamp `json:"since,omitempty"`       // when this state began
	Unhealthy   bool      `json:"unhealthy,omitempty"`   // it runs, but its health check has begun to fail
	HealthError string    `json:"healthError,omitempty"` // why it is unhealthy
	Progress    string    `json:"progress,omitempty"`    // how far the image is pulled; masters know it from Gauges and keep it in memory only
}

// TaskStatusEvent is one entry of a task's history.
type TaskStatusEvent struct {
	Status    TaskStatus `json:"status"`
	Timestamp Timestamp  `json:"timestamp"`
	Host      string     `json:"host"`
}

// JobStatus is a job with everything deployed and reported of it, by host.
type JobStatus struct {
	Job          Job                   `json:"job"`
	TaskStatuses map[string]TaskStatus `json:"taskStatuses"`
	Deployments  map[string]Deployment `json:"deployments"`
}
