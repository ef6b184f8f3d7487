package model

// Liveness tells whether a host's agent is alive.
type Liveness string

// The liveness words.
const (
	Up   Liveness = "UP"
	Down Liveness = "DOWN"
)

// HostStatus is everything known of a host. HostInfo and AgentInfo are nil until its agent has reported.
type HostStatus struct {
	Status      Liveness             `json:"status"`
	Jobs        map[JobID]Deployment `json:"jobs"`
	Statuses    map[JobID]TaskStatus `json:"statuses"`
	HostInfo    *HostInfo            `json:"hostInfo"`
	AgentInfo   *AgentInfo           `json:"agentInfo"`
	Environment map[string]string    `json:"environment"`
	Labels      map[string]string    `json:"labels"`

	// Drain is set while the host takes no new deployments. The original has none.
	Drain *Drain `json:"drain,omitempty"`
}

// Drain tells since when and by whose wish a host takes no new deployments.
type Drain struct {
	Since   Timestamp `json:"since"`
	User    string    `json:"user,omitempty"`
	Stopped []JobID   `json:"stopped,omitempty"` // group jobs that were stopped with it, to be started when it ends
}

// HostInfo describes the machine. LoadAvg and the free bytes are gauges: current while the host is UP, last known afterwards.
type HostInfo struct {
	Hostname         string         `json:"hostname"`
	Uname            string         `json:"uname"`
	Architecture     string         `json:"architecture"`
	OSName           string         `json:"osName"`
	OSVersion        string         `json:"osVersion"`
	CPUs             int            `json:"cpus"`
	LoadAvg          float64        `json:"loadAvg"` // one minute
	MemoryTotalBytes int64          `json:"memoryTotalBytes"`
	MemoryFreeBytes  int64          `json:"memoryFreeBytes"`
	SwapTotalBytes   int64          `json:"swapTotalBytes"`
	SwapFreeBytes    int64          `json:"swapFreeBytes"`
	DockerVersion    *DockerVersion `json:"dockerVersion"` // nil when no engine answers
	DockerHost       string         `json:"dockerHost"`
	DockerCertPath   string         `json:"dockerCertPath"` // null when empty

	// Runtime is what runs the containers: "docker", "process" or "sim". The original knew only Docker.
	Runtime string `json:"runtime,omitempty"`
}

// DockerVersion is what the engine says of itself.
type DockerVersion struct {
	APIVersion    string `json:"apiVersion"`
	Arch          string `json:"arch"`
	GitCommit     string `json:"gitCommit"`
	GoVersion     string `json:"goVersion"`
	KernelVersion string `json:"kernelVersion"`
	OS            string `json:"os"`
	Version       string `json:"version"`
}

// AgentInfo describes the agent process. StartTime plus Uptime is when the agent was last known to be alive.
type AgentInfo struct {
	Name           string    `json:"name"`
	VMName         string    `json:"vmName"`
	VMVendor       string    `json:"vmVendor"`
	VMVersion      string    `json:"vmVersion"`
	SpecName       string    `json:"specName"`
	SpecVendor     string    `json:"specVendor"`
	SpecVersion    string    `json:"specVersion"`
	InputArguments []string  `json:"inputArguments"`
	Uptime         int64     `json:"uptime"` // milliseconds
	StartTime      Timestamp `json:"startTime"`
	Version        string    `json:"version"`
}
