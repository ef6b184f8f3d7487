// Package daemon wires masters and agents together and runs them: it is the one place that knows every part. It owns state folders,
// listeners and the order in which parts start and stop; what the parts do is theirs.
package daemon

import (
	"log/slog"
	"path/filepath"
	"time"

	"github.com/heliosctl/heliosctl/daemon/agent"
	"github.com/heliosctl/heliosctl/daemon/container"
	"github.com/heliosctl/heliosctl/model"
)

// Config says what one process runs: a master, agents, or both.
type Config struct {
	StateDir string // created when missing; one process at a time; parts have folders of their own in it
	Version  string // of the product
	Logger   *slog.Logger

	Master *Master // nil: none
	Agents []Agent

	// Loopback is for clusters that live in this process alone: gossip uses short timings and remembers nobody.
	Loopback bool

	// Ready is called once, when everything answers. Nil: nobody wants to know.
	Ready func(Running)
}

// Master configures a master. Addresses are HOST:PORT; port 0 picks a free one.
type Master struct {
	Name      string // in /masters and in deployments; unique in the cluster
	HTTP      string // of the API
	Admin     string // of /healthcheck, /ping and /metrics; empty: none
	Gossip    string
	Raft      string
	DNS       string // of the name server, UDP and TCP; empty: none
	Domain    string // that the name server is the authority of; services whose job names none are there
	Advertise string // IP at which others reach this machine; empty: derived from the addresses

	// Initial are the masters that form the cluster, this one among them, the same on each. Without them, and without Join, a master
	// that has no state forms a cluster of itself; with Join alone it waits to be taken into the cluster that is there.
	Initial []InitialMaster
	Join    []string // gossip addresses of any daemons of the cluster

	GossipKey     string // base64 of 16, 24 or 32 bytes; empty: gossip is not encrypted, unless there are keys in the folder
	GossipProfile string // of timings, see gossip.Config; empty: the usual ones

	CapabilityWhitelist []string // capabilities that jobs may add

	AgentReapingTimeout time.Duration // an agent is away until its host is deregistered; 0 or less: for ever
	JobRetention        time.Duration // a job that is deployed nowhere is kept after its last use; 0 or less: for ever
	ReapHistory         bool          // look for the history of jobs that do not exist
}

// Agent configures the agent of one host. Addresses are HOST:PORT; port 0 picks a free one.
type Agent struct {
	Name      string // of the host; unique in the cluster
	ID        string // of the agent, kept in its folder from the first start on; empty: made up
	HTTP      string // of the agent's API; empty: none
	Admin     string // of /healthcheck, /ping and /metrics; empty: none
	Gossip    string
	Advertise string // IP at which others reach this machine; empty: derived from the addresses
	Join      []string

	ClusterID     string // of the only cluster that this agent takes orders from; empty: the first one it was taken into
	GossipKey     string // as of a master
	GossipProfile string

	Runtime        RuntimeKind
	Docker         string            // endpoint of the engine; empty: $DOCKER_HOST, else the default socket
	DockerCertPath string            // folder with ca.pem, cert.pem and key.pem; empty: $DOCKER_CERT_PATH
	Simulated      *container.Sim    // the engine of RuntimeSim; nil: a new one
	Labels         map[string]string // of the host, for selectors
	Env            map[string]string // given to every container
	PortRange      PortRange         // of dynamic ports
	DNS            []string          // name servers of every container
	ExtraHosts     []string          // NAME:IP lines for every container's /etc/hosts
	Binds          []string          // binds of every container

	SyslogRedirectTo string // HOST:PORT of the syslog server that gets every container's output; empty: the engine's log
	Domain           string // in which services are registered whose job names none
	// RegistrationTTL is how long another agent that has the name must have been away until this one takes it over, zero for as soon
	// as it is away; nil: model.DefaultRegistrationTTL.
	RegistrationTTL *time.Duration

	ServiceRegistry string // where services are registered, see registrar.Open; empty: nowhere
}

// RuntimeKind says what runs the containers.
type RuntimeKind string

// The kinds of runtimes.
const (
	RuntimeDocker  RuntimeKind = "docker"
	RuntimeProcess RuntimeKind = "process" // ordinary child processes: for trying things out
	RuntimeSim     RuntimeKind = "sim"     // nothing runs
)

func (k RuntimeKind) known() bool {
	return k == RuntimeDocker || k == RuntimeProcess || k == RuntimeSim
}

// PortRange is the pool of dynamic ports of an agent: Start belongs to it, End does not.
type PortRange = agent.PortRange

// DefaultPortRange is the original's.
func DefaultPortRange() PortRange { return PortRange{Start: 20000, End: 32768} }

// Running says where the parts of a process answer.
type Running struct {
	MasterURL string   // empty without a master
	Gossip    string   // where others join: the master's address, else the first agent's
	Hosts     []string // whose agents run here
}

// agentDir is the folder of one agent. The only agent of a process keeps its folder when its host is renamed.
func (c Config) agentDir(a Agent) string {
	if c.Master == nil && len(c.Agents) == 1 {
		return filepath.Join(c.StateDir, "agent")
	}
	return filepath.Join(c.StateDir, "agents", a.Name)
}

// Validate reports everything that is missing, as one error. What the parts judge themselves is left to them.
func (c Config) Validate() error {
	var faults []string
	if c.StateDir == "" {
		faults = append(faults, "no state folder; name one with --state-dir")
	}
	if c.Master == nil && len(c.Agents) == 0 {
		faults = append(faults, "nothing to run")
	}
	if c.Master != nil {
		faults = append(faults, c.Master.faults()...)
	}
	for _, a := range c.Agents {
		faults = append(faults, a.faults()...)
	}
	if len(faults) == 0 {
		return nil
	}
	return &model.Error{Code: model.CodeInvalid, Message: faults[0], Details: faults[1:]}
}

func (m Master) faults() []string {
	var faults []string
	if m.Name == "" {
		faults = append(faults, "the master has no name; give it one with --name")
	}
	if m.HTTP == "" {
		faults = append(faults, "the master has no address to answer on; give it one with --http")
	}
	return append(faults, m.initialFaults()...)
}

func (a Agent) faults() []string {
	var faults []string
	if a.Name == "" {
		faults = append(faults, "the agent has no name; give it one with --name")
	}
	if !a.Runtime.known() {
		faults = append(faults, "unknown runtime \""+string(a.Runtime)+"\"; give docker, process or sim")
	}
	return faults
}
