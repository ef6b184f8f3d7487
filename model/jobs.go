package model

import (
	"maps"
	"slices"
)

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

	// Interval is how many seconds after a check of a running container the next follows; 0: none does once it runs.
	Interval int `json:"interval,omitempty"`

	// UnhealthyAfter is how many checks in a row have to fail until a running container counts as unhealthy;
	// 0: DefaultUnhealthyAfter. It takes an Interval.
	UnhealthyAfter int `json:"unhealthyAfter,omitempty"`
}

// DefaultUnhealthyAfter is how many checks have to fail when a health check does not say.
const DefaultUnhealthyAfter = 3

// RolloutOptions steer a rolling update. Nil fields fall back to the job's and then to the defaults.
type RolloutOptions struct {
	Timeout        *int64  `json:"timeout"` // seconds
	Parallelism    *int    `json:"parallelism"`
	Migrate        *bool   `json:"migrate"`
	Overlap        *bool   `json:"overlap"`
	Token          *string `json:"token"`
	IgnoreFailures *bool   `json:"ignoreFailures"`

	// What the original did not have. Each is left out where it is unset.

	Canary      *int         `json:"canary,omitempty"`      // hosts to change before the rollout waits for a resume; 0: none
	MaxFailures FailureLimit `json:"maxFailures,omitempty"` // hosts that may fail: a number, or a share of the hosts such as "10%"
	MinHealthy  *int64       `json:"minHealthy,omitempty"`  // seconds a host has to keep running before the next one's turn
	OnFailure   OnFailure    `json:"onFailure,omitempty"`   // what to do when more hosts failed
}

// Clone returns a copy that shares nothing with the job.
func (j Job) Clone() Job {
	j.Created = clonePointer(j.Created)
	j.Command = slices.Clone(j.Command)
	j.Env = maps.Clone(j.Env)
	if j.Resources != nil {
		r := *j.Resources
		r.Memory, r.MemorySwap, r.CPUShares = clonePointer(r.Memory), clonePointer(r.MemorySwap), clonePointer(r.CPUShares)
		j.Resources = &r
	}
	j.Ports = clonePorts(j.Ports)
	j.Registration = maps.Clone(j.Registration)
	for endpoint, services := range j.Registration {
		services.Ports = maps.Clone(services.Ports)
		for name, parameters := range services.Ports {
			parameters.Tags = slices.Clone(parameters.Tags)
			services.Ports[name] = parameters
		}
		j.Registration[endpoint] = services
	}
	j.GracePeriod = clonePointer(j.GracePeriod)
	j.Volumes = maps.Clone(j.Volumes)
	j.Expires = clonePointer(j.Expires)
	if j.HealthCheck != nil {
		check := *j.HealthCheck
		check.Command = slices.Clone(check.Command)
		j.HealthCheck = &check
	}
	j.SecurityOpt = slices.Clone(j.SecurityOpt)
	j.Metadata = maps.Clone(j.Metadata)
	j.AddCapabilities = slices.Clone(j.AddCapabilities)
	j.DropCapabilities = slices.Clone(j.DropCapabilities)
	j.Labels = maps.Clone(j.Labels)
	j.SecondsToWaitBeforeKill = clonePointer(j.SecondsToWaitBeforeKill)
	j.Ramdisks = maps.Clone(j.Ramdisks)
	j.RolloutOptions = j.RolloutOptions.clone()
	return j
}

func (o *RolloutOptions) clone() *RolloutOptions {
	if o == nil {
		return nil
	}
	return &RolloutOptions{
		Timeout:        clonePointer(o.Timeout),
		Parallelism:    clonePointer(o.Parallelism),
		Migrate:        clonePointer(o.Migrate),
		Overlap:        clonePointer(o.Overlap),
		Token:          clonePointer(o.Token),
		IgnoreFailures: clonePointer(o.IgnoreFailures),
		Canary:         clonePointer(o.Canary),
		MaxFailures:    o.MaxFailures,
		MinHealthy:     clonePointer(o.MinHealthy),
		OnFailure:      o.OnFailure,
	}
}

func clonePorts(ports map[string]PortMapping) map[string]PortMapping {
	ports = maps.Clone(ports)
	for name, mapping := range ports {
		mapping.ExternalPort = clonePointer(mapping.ExternalPort)
		ports[name] = mapping
	}
	return ports
}

func clonePointer[T any](p *T) *T {
	if p == nil {
		return nil
	}
	v := *p
	return &v
}

// StaticPorts returns the external ports that the job asks for, sorted, without repetitions.
func (j Job) StaticPorts() []int {
	var ports []int
	for _, mapping := range j.Ports {
		if mapping.ExternalPort != nil {
			ports = append(ports, *mapping.ExternalPort)
		}
	}
	slices.Sort(ports)
	return slices.Compact(ports)
}
