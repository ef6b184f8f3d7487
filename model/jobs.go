package model

// Timestamp is a moment in epoch milliseconds. It is written as a number and read from a number or from any of the date strings
// that the original read (ISO 8601 with or without time, milliseconds and zone; RFC 1123).
type Timestamp int64

// Job is what runs: an image with everything the container needs. Fields left unset are null or empty on the wire, as the original
// wrote them. Pointers tell "unset" from zero where the job id does.
type Job struct {
	ID                      JobID                            `json:"id"`
	Image                   string                           `json:"image"`
	Hostname                string                           `json:"hostname"`
	Created                 *Timestamp                       `json:"created"` // set by the master; not part of the id
	Command                 []string                         `json:"command"`
	Env                     map[string]string                `json:"env"`
	Resources               *Resources                       `json:"resources"`
	Ports                   map[string]PortMapping           `json:"ports"` // by port name
	Registration            map[ServiceEndpoint]ServicePorts `json:"registration"`
	GracePeriod             *int                             `json:"gracePeriod"` // seconds
	Volumes                 map[string]string                `json:"volumes"`     // container path[:mode] to host path, volume name or ""
	Expires                 *Timestamp                       `json:"expires"`
	RegistrationDomain      string                           `json:"registrationDomain"`
	CreatingUser            string                           `json:"creatingUser"` // set by the master; not part of the id
	Token                   string                           `json:"token"`
	HealthCheck             *HealthCheck                     `json:"healthCheck"`
	SecurityOpt             []string                         `json:"securityOpt"`
	NetworkMode             string                           `json:"networkMode"`
	Metadata                map[string]string                `json:"metadata"`
	AddCapabilities         []string                         `json:"addCapabilities"`
	DropCapabilities        []string                         `json:"dropCapabilities"`
	Labels                  map[string]string                `json:"labels"`
	SecondsToWaitBeforeKill *int                             `json:"secondsToWaitBeforeKill"`
	Ramdisks                map[string]string                `json:"ramdisks"` // mount point to mount options
	RolloutOptions          *RolloutOptions                  `json:"rolloutOptions"`
	Runtime                 string                           `json:"runtime"`
}

// PortMapping publishes a port of the container on the host.
type PortMapping struct {
	IP           string `json:"ip"` // literal address to bind to, "" for all
	InternalPort int    `json:"internalPort"`
	ExternalPort *int   `json:"externalPort"` // nil: the agent picks one
	Protocol     string `json:"protocol"`     // "tcp" or "udp"; tcp when the JSON has none
}

// Resources limits a container. Nil and "" mean no limit.
type Resources struct {
	Memory     *int64 `json:"memory"`     // bytes
	MemorySwap *int64 `json:"memorySwap"` // bytes
	CPUShares  *int64 `json:"cpuShares"`
	Cpuset     string `json:"cpuset"`
}

// The types of health checks.
const (
	HealthCheckHTTP = "http"
	HealthCheckTCP  = "tcp"
	HealthCheckExec = "exec"
)

// HealthCheck tells when a started container is ready. Type says which of the other fields count.
type HealthCheck struct {
	Type    string   `json:"type"`
	Command []string `json:"command,omitempty"` // exec
	Path    string   `json:"path,omitempty"`    // http
	Port    string   `json:"port,omitempty"`    // http and tcp: a name in Job.Ports
}

// ServiceEndpoint is a service name and its protocol, "name/protocol" as a JSON map key; "http" when the key has no protocol.
type ServiceEndpoint struct {
	Name     string
	Protocol string
}

// ServicePorts are the ports registered under one endpoint, by name. Nil is null on the wire.
type ServicePorts struct {
	Ports map[string]ServicePortParameters `json:"ports"`
}

// ServicePortParameters carries the tags of a registered port. Nil tags are left out, empty ones are written.
type ServicePortParameters struct {
	Tags []string `json:"tags"`
}

// RolloutOptions steer a rolling update. Nil fields fall back to the job's and then to the defaults.
type RolloutOptions struct {
	Timeout        *int64  `json:"timeout"` // seconds
	Parallelism    *int    `json:"parallelism"`
	Migrate        *bool   `json:"migrate"`
	Overlap        *bool   `json:"overlap"`
	Token          *string `json:"token"`
	IgnoreFailures *bool   `json:"ignoreFailures"`
}
