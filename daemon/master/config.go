package master

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/heliosctl/heliosctl/daemon/gossip"
	"github.com/heliosctl/heliosctl/model"
)

// Members tells who is alive. It is safe for concurrent use.
type Members interface {
	// AgentAlive reports whether the agent of that id is alive under that host name.
	AgentAlive(host, agentID string) bool
	// AgentGone reports whether the agent of that id was seen to leave or to fail, and not to come back. One that was never seen is
	// neither alive nor gone.
	AgentGone(host, agentID string) bool
	// MasterNames returns the names of the masters that are alive.
	MasterNames() []string
	// KnownMasters returns all masters of this cluster, or of none yet, that gossip knows: alive, failed or gone.
	KnownMasters() []gossip.Member
	// Changed returns a channel that is closed at the next change of any of it.
	Changed() <-chan struct{}
}

// Remote asks other masters, by the base URL of their API. It is safe for concurrent use. Errors are or wrap a *model.Error:
// CodeUnavailable when the other does not answer or does not lead.
type Remote interface {
	// ConfirmedIndex is Master.ConfirmedIndex of the master there.
	ConfirmedIndex(ctx context.Context, api string) (uint64, error)
	// Self is Master.Self of the master there.
	Self(ctx context.Context, api string) (model.MasterStatus, error)
	// GaugesSince is Master.GaugesSince of the master there.
	GaugesSince(ctx context.Context, api string, version uint64) (model.GaugeUpdate, error)
	// RemovePeer is Master.RemovePeer of the master there.
	RemovePeer(ctx context.Context, api string, req model.Request, id string, force bool) error
}

// DefaultMinFreeBytes is the free disk space below which writes are refused.
const DefaultMinFreeBytes = 200 << 20

// defaultLivenessGrace is longer than a freshly started gossip takes to find everyone again.
const defaultLivenessGrace = 10 * time.Second

// How long a new master must be up to date before it votes, and a dead one gone before it is given up.
const (
	defaultPeerStableTime = 10 * time.Second
	defaultDeadPeerGrace  = 5 * time.Minute
)

// Config says how a master runs. Name and DataDir are required.
type Config struct {
	Name    string // of this master, as clients see it
	DataDir string // a folder of its own

	// RaftBind is the address at which other masters' raft reaches this one; "127.0.0.1:0" when empty.
	RaftBind string
	// RaftAdvertise is the address others are told: an IP or IP:port. When empty it is RaftBind's, which must then be a single one.
	RaftAdvertise string

	// Initial are the names of the masters that form the cluster, this one's among them, the same on each; see the package gossip for
	// how they find each other. Empty: a master that has no state forms a cluster of itself, unless Join says that there is one.
	Initial []string
	// Join says that a master without state waits to be taken into an existing cluster.
	Join bool
	// PeerStableTime is how long a new master must have been there and up to date until it votes; 0 means 10 s.
	PeerStableTime time.Duration
	// DeadPeerGrace is how long a voter must be gone until it is removed in favour of one that took its place; 0 means 5 minutes.
	DeadPeerGrace time.Duration

	Logger  *slog.Logger
	Version string // of the product, for snapshots

	// CapabilityWhitelist are the capabilities that jobs may add to their containers.
	CapabilityWhitelist []string
	// HistoryLimit is how many status changes are kept of each job on each host; 0 means store.DefaultHistoryLimit. It must be the
	// same on every master.
	HistoryLimit int
	// MinFreeBytes is the free disk space below which writes are refused; 0 means DefaultMinFreeBytes.
	MinFreeBytes uint64
	// LivenessGrace is how long a new leader waits before it takes an agent that it has not seen for gone, so that its gossip can find
	// everyone first; 0 means 10 s.
	LivenessGrace time.Duration

	// AgentReapingTimeout is how long an agent is away until its host is deregistered with everything deployed to it; 0 or less: never.
	AgentReapingTimeout time.Duration
	// JobRetention is how long a job that is deployed nowhere is kept after its last use; 0 or less: for ever.
	JobRetention time.Duration
	// ReapHistory says to look for the history of jobs that do not exist.
	ReapHistory bool
	// AgentReapInterval and JobReapInterval are how often a leader looks for dead agents, and for old jobs and history; 0 means 30
	// minutes and a day.
	AgentReapInterval, JobReapInterval time.Duration
}

func (c Config) withDefaults() Config {
	if c.RaftBind == "" {
		c.RaftBind = "127.0.0.1:0"
	}
	if c.Logger == nil {
		c.Logger = slog.New(slog.DiscardHandler)
	}
	if c.MinFreeBytes == 0 {
		c.MinFreeBytes = DefaultMinFreeBytes
	}
	if c.LivenessGrace == 0 {
		c.LivenessGrace = defaultLivenessGrace
	}
	if c.PeerStableTime == 0 {
		c.PeerStableTime = defaultPeerStableTime
	}
	if c.DeadPeerGrace == 0 {
		c.DeadPeerGrace = defaultDeadPeerGrace
	}
	if c.AgentReapInterval == 0 {
		c.AgentReapInterval = defaultAgentReapInterval
	}
	if c.JobReapInterval == 0 {
		c.JobReapInterval = defaultJobReapInterval
	}
	return c
}

func (c Config) validate() error {
	var errs []error
	if c.Name == "" {
		errs = append(errs, errors.New("a master needs a name"))
	}
	if c.DataDir == "" {
		errs = append(errs, errors.New("a master needs a data folder"))
	}
	if c.HistoryLimit < 0 {
		errs = append(errs, fmt.Errorf("the history limit is %d; it must be positive", c.HistoryLimit))
	}
	if c.AgentReapInterval < 0 || c.JobReapInterval < 0 {
		errs = append(errs, errors.New("the intervals of the reapers must not be negative"))
	}
	if c.PeerStableTime < 0 || c.DeadPeerGrace < 0 {
		errs = append(errs, errors.New("the times after which masters vote and are given up must not be negative"))
	}
	return errors.Join(append(errs, c.validateInitial()...)...)
}

func (c Config) validateInitial() []error {
	if len(c.Initial) == 0 {
		return nil
	}
	var errs []error
	if c.Join {
		errs = append(errs, errors.New("a master either names the initial masters or joins a cluster that there is, not both"))
	}
	if !slices.Contains(c.Initial, c.Name) {
		errs = append(errs, fmt.Errorf("the initial masters are %s, and this one, %s, is not among them; give the same list to each of them",
			strings.Join(c.Initial, ", "), c.Name))
	}
	sorted := slices.Sorted(slices.Values(c.Initial))
	for i, name := range sorted {
		switch {
		case name == "":
			errs = append(errs, errors.New("an initial master has no name"))
		case i > 0 && name == sorted[i-1]:
			errs = append(errs, fmt.Errorf("the initial master %s is named twice", name))
		}
	}
	return errs
}

// alone are the members of a master without gossip.
type alone struct{}

func (alone) AgentAlive(string, string) bool { return false }
func (alone) AgentGone(string, string) bool  { return false }
func (alone) MasterNames() []string          { return nil }
func (alone) KnownMasters() []gossip.Member  { return nil }
func (alone) Changed() <-chan struct{}       { return nil }

// advertised returns the address to tell others for a listener at bound.
func advertised(configured string, bound *net.TCPAddr) (*net.TCPAddr, error) {
	host, port := configured, strconv.Itoa(bound.Port)
	if h, p, err := net.SplitHostPort(configured); err == nil {
		host, port = h, p
	}
	switch {
	case host != "":
	default:
		host = bound.IP.String()
	}
	addr, err := net.ResolveTCPAddr("tcp", net.JoinHostPort(host, port))
	if err != nil {
		return nil, fmt.Errorf("cannot advertise the raft address %q: %w", configured, err)
	}
	if addr.IP == nil || addr.IP.IsUnspecified() {
		return nil, fmt.Errorf("cannot advertise the raft address %q: others cannot reach it; give an address of this machine", configured)
	}
	return addr, nil
}
