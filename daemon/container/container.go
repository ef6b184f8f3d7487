package container

import (
	"strings"
	"time"

	"github.com/heliosctl/heliosctl/model"
)

// Labels every container of ours carries. They are set by Create and win over labels of the same key in the Spec.
const (
	LabelAgent = "heliosctl.agent" // id of the agent the container belongs to
	LabelHost  = "heliosctl.host"  // name of its host
	LabelJob   = "heliosctl.job"   // full id of its job
)

// Spec is what a container is made of.
type Spec struct {
	Name string `json:"name"` // unique in the engine; letters, digits and "_.-", starting with a letter or digit

	// AgentID, Host and JobID become labels. AgentID must be set.
	AgentID string `json:"agentId"`
	Host    string `json:"host,omitempty"`
	JobID   string `json:"jobId,omitempty"`

	Image    string            `json:"image"`
	Hostname string            `json:"hostname,omitempty"` // "": the engine picks one
	Command  []string          `json:"command,omitempty"`  // empty: the image's
	Env      map[string]string `json:"env,omitempty"`
	Labels   map[string]string `json:"labels,omitempty"` // the job's

	Ports []PortBinding `json:"ports,omitempty"`

	Binds            []string          `json:"binds,omitempty"`            // "source:path[:ro|rw]"; source is a host path or a volume name
	AnonymousVolumes []string          `json:"anonymousVolumes,omitempty"` // paths, a ":ro" or ":rw" after them does not count; removed together with the container
	Tmpfs            map[string]string `json:"tmpfs,omitempty"`            // mount point to mount options

	NetworkMode string   `json:"networkMode,omitempty"` // "": the engine's default (bridge)
	DNS         []string `json:"dns,omitempty"`
	ExtraHosts  []string `json:"extraHosts,omitempty"` // "name:ip"

	SecurityOpt      []string `json:"securityOpt,omitempty"`
	AddCapabilities  []string `json:"addCapabilities,omitempty"`
	DropCapabilities []string `json:"dropCapabilities,omitempty"`
	Runtime          string   `json:"runtime,omitempty"` // OCI runtime; "": the engine's default

	// Limits; zero means none.
	Memory     int64  `json:"memory,omitempty"`     // bytes
	MemorySwap int64  `json:"memorySwap,omitempty"` // bytes of memory and swap together; -1: unlimited swap
	CPUShares  int64  `json:"cpuShares,omitempty"`
	Cpuset     string `json:"cpuset,omitempty"` // "0-2,4"

	LogDriver  string            `json:"logDriver,omitempty"` // "": the engine's default
	LogOptions map[string]string `json:"logOptions,omitempty"`
}

// PortBinding publishes one port of the container on the host.
type PortBinding struct {
	Name         string `json:"name,omitempty"` // of the job's port; used by the process runtime only
	InternalPort int    `json:"internalPort"`
	ExternalPort int    `json:"externalPort"`
	IP           string `json:"ip,omitempty"`       // host address to bind to; "" for all
	Protocol     string `json:"protocol,omitempty"` // "tcp" (also when empty) or "udp"
}

// Status is the life stage of a container, in Docker's words.
type Status string

// The life stages.
const (
	StatusCreated    Status = "created"
	StatusRunning    Status = "running"
	StatusPaused     Status = "paused"
	StatusRestarting Status = "restarting"
	StatusRemoving   Status = "removing"
	StatusExited     Status = "exited"
	StatusDead       Status = "dead"
)

// State is what a container is at one moment.
type State struct {
	ID     string            `json:"id"`
	Name   string            `json:"name"` // without the leading "/" that Docker shows
	Image  string            `json:"image"`
	Labels map[string]string `json:"labels,omitempty"`

	Status    Status    `json:"status"`
	Running   bool      `json:"running"` // true also while paused
	Paused    bool      `json:"paused,omitempty"`
	Pid       int       `json:"pid,omitempty"` // 0 unless running
	ExitCode  int       `json:"exitCode"`      // counts once FinishedAt is set; 128 + n after signal n
	OOMKilled bool      `json:"oomKilled,omitempty"`
	Error     string    `json:"error,omitempty"` // why it could not be started
	CreatedAt time.Time `json:"createdAt"`
	StartedAt time.Time `json:"startedAt"` // zero: never started

	// FinishedAt is zero while the container runs and before its first start.
	FinishedAt time.Time `json:"finishedAt"`

	// IPAddress and Gateway belong to the first network of the container; "" where it has none (host network, not running).
	IPAddress string `json:"ipAddress,omitempty"`
	Gateway   string `json:"gateway,omitempty"`
}

// Exited reports whether the container ran and ended.
func (s State) Exited() bool { return !s.Running && !s.FinishedAt.IsZero() }

// Signal returns the name of the signal that ended the container, as its exit code tells it, "" when it ended otherwise or has not.
// A program that makes such a code up itself looks the same.
func (s State) Signal() string {
	if !s.Exited() {
		return ""
	}
	return signalName(s.ExitCode - 128)
}

// AgentID returns the id of the agent the container belongs to, "" for a foreign one.
func (s State) AgentID() string { return s.Labels[LabelAgent] }

// JobID returns the full id of the container's job.
func (s State) JobID() string { return s.Labels[LabelJob] }

// Image is an image that is present.
type Image struct {
	ID         string   // content address, or the name where the runtime has no images
	Tags       []string // names it goes by
	Entrypoint []string
	Command    []string
}

// Info is what a runtime says of itself.
type Info struct {
	Runtime       string // "docker", "process" or "sim"
	Version       string // of the engine
	APIVersion    string // newest that the engine speaks; "" where there is none
	OS            string
	Architecture  string
	KernelVersion string
	GitCommit     string
	GoVersion     string

	Endpoint string // where the engine is spoken to, such as "unix:///var/run/docker.sock"

	// Address is where published ports are reached: "localhost", or the host part of a remote engine's endpoint.
	Address string
}

// Action is what happened to a container, in Docker's words.
type Action string

// The actions. Others can come and are to be ignored.
const (
	EventSubscribed Action = "subscribed" // first of every subscription, without an id: everything that happens from now on is delivered
	EventCreate     Action = "create"
	EventStart      Action = "start"
	EventDie        Action = "die" // the process ended, for whatever reason
	EventOOM        Action = "oom"
	EventPause      Action = "pause"
	EventUnpause    Action = "unpause"
	EventDestroy    Action = "destroy" // removed
)

// Event is one thing that happened to a container of ours.
type Event struct {
	Action   Action
	ID       string
	Name     string
	Labels   map[string]string
	ExitCode int // EventDie only
	Time     time.Time
}

// AgentID returns the id of the agent the container belongs to.
func (e Event) AgentID() string { return e.Labels[LabelAgent] }

// LogOptions choose what Logs yields. The zero value is everything so far.
type LogOptions struct {
	Follow bool      // go on until the container ends
	Tail   int       // only the last so many lines of what there is; 0 means all, NoTail none
	Since  time.Time // only lines from then on; zero means all
}

// NoTail leaves out all lines that are there already.
const NoTail = -1

// LogLine is one line of a container's output, without its line break. A line that does not end is cut after 16 KiB.
type LogLine struct {
	Time   time.Time // when the runtime received it
	Stream model.OutputStream
	Text   string
}

// ImportOptions say how an imported image is run.
type ImportOptions struct {
	Entrypoint []string
	Command    []string
	Env        map[string]string
	WorkingDir string
}

// check refuses a Spec that no runtime could keep track of.
func (s Spec) check() error {
	if s.AgentID == "" {
		return invalid("create container %q: the agent id is empty", s.Name)
	}
	if len(s.Name) < 2 || !isAlphanumeric(s.Name[0]) || strings.ContainsFunc(s.Name, notInName) {
		return invalid("create container: the name %q has to be two or more of letters, digits and \"_.-\", and to begin with a letter or digit", s.Name)
	}
	return nil
}

func notInName(r rune) bool {
	return r > 'z' || !isAlphanumeric(byte(r)) && !strings.ContainsRune("_.-", r)
}

func isAlphanumeric(c byte) bool {
	return 'a' <= c && c <= 'z' || 'A' <= c && c <= 'Z' || '0' <= c && c <= '9'
}

// allLabels returns the job's labels with ours over them.
func (s Spec) allLabels() map[string]string {
	labels := make(map[string]string, len(s.Labels)+3)
	for key, value := range s.Labels {
		labels[key] = value
	}
	labels[LabelAgent] = s.AgentID
	labels[LabelHost] = s.Host
	labels[LabelJob] = s.JobID
	return labels
}
