package tui

import (
	"context"
	"iter"
	"time"

	"github.com/heliosctl/heliosctl/model"
)

// Source is where the console gets its data from and who does what it asks for. All methods are safe for concurrent use.
//
// A source lives as long as its owner runs it; the console never closes it. It keeps the last data it had when its masters are gone,
// says so in Freshness, and goes on trying for ever.
type Source interface {
	// Snapshot returns what is known now, without blocking. It never returns nil. What it returns is never changed afterwards: a
	// later call returns the same pointer until something has changed. Parts that did not change keep their pointers, too.
	Snapshot() *Snapshot

	// Changed has room for one value, which is there once Snapshot returns something new. A source puts it there at most every
	// 33 ms, however fast things change; the console draws at most that often.
	Changed() <-chan struct{}

	// History returns the transitions that are still known of a job, of a host, or of one task, oldest first. It blocks.
	History(ctx context.Context, q HistoryQuery) ([]Transition, error)

	// Logs streams output until there is no more, the context ends, or the caller breaks off. Lines of one host are in order. What is
	// followed goes on by itself after a master or an agent was lost.
	//
	// A line with an Error was not printed: it tells that the stream of its host, of all that are asked for when it names none, broke
	// or cannot be opened. One without a Stream tells that it goes on again; so does any line that was printed.
	Logs(ctx context.Context, q LogQuery) iter.Seq2[model.LogLine, error]

	// Do carries out one action on one target and blocks until it is done or refused. The console calls it for several targets at
	// once, up to eight. It must not keep or log the token.
	Do(ctx context.Context, a Action) error

	// Preview tells what a rolling update, a retry or a way back would do, host by host, and changes nothing. It blocks.
	Preview(ctx context.Context, a Action) (model.RolloutPreview, error)

	// Resync asks for a new attempt to connect or for everything to be read again, without waiting for it.
	Resync()
}

// Snapshot is all that the console shows, at one moment. It is read only.
type Snapshot struct {
	Version   uint64 // rises with each snapshot
	Cluster   Cluster
	Freshness Freshness
	Hosts     []*Host  // by name
	Jobs      []*Job   // by id
	Groups    []*Group // by name
	Masters   []Master // by name
	Members   []model.Member
	Events    []Event // oldest first, as many as are kept
	Rate      []Bucket
	Tasks     Counts // of the whole fleet
	Up, Down  int    // hosts
}

// Cluster names what the console looks at.
type Cluster struct {
	Name        string
	Environment Environment
	ReadOnly    bool
	Flags       string // that command lines need to get there, such as --context lab; "" where they do without
}

// Environment says how careful one has to be with a cluster. The stripe at the top left shows it.
type Environment string

// The environments.
const (
	EnvironmentNone       Environment = ""
	EnvironmentProduction Environment = "PROD"
	EnvironmentStaging    Environment = "STAGE"
	EnvironmentDevelop    Environment = "DEV"
	EnvironmentDemo       Environment = "DEMO"
)

// FreshnessState tells whether data is current.
type FreshnessState uint8

// The states of freshness.
const (
	Connecting FreshnessState = iota // nothing has been read yet
	Live
	Stale // no master answers: the data is as of AsOf
)

// Freshness tells how current a snapshot is.
type Freshness struct {
	State   FreshnessState
	Master  string    // that is or was read from
	Leader  bool      // that master leads
	AsOf    time.Time // when the data was last known to be current; zero while it is live or before anything was read
	Error   string    // why it is not live
	Attempt int       // how many times it has tried to connect since
	RetryAt time.Time // when it tries again
	Next    []string  // masters that are tried after that
	Refused bool      // masters answer, but they do not accept who asks: trying again does not help
}

// Host is one host of the fleet.
type Host struct {
	Name        string
	Status      model.Liveness
	Since       time.Time // of the status, zero when it is not known
	Info        *model.HostInfo
	Agent       *model.AgentInfo
	Labels      map[string]string
	Environment map[string]string
	Drain       *model.Drain
	Load        float64 // load average of one minute
	MemoryFree  int64
	GaugedAt    time.Time // when those two were read, zero when they never were
	Trend       []Gauge   // oldest first
	Tasks       []*Task   // by job
	Counts      Counts

	labelText string
	text      string // all of it in lower case, for filters
	epoch     uint64
	index     int
}

// Gauge is one reading of a host: its load in shares of its processors, its memory in shares of what it has.
type Gauge struct {
	At     time.Time
	Load   float32
	Memory float32
}

// Job is a job and where it runs.
type Job struct {
	Spec   *model.Job
	Group  string  // that rolls it out, "" when none does
	Tasks  []*Task // by host
	Counts Counts
	Last   Event // what happened to it last; its time is zero when that is not known

	restarts []restart
	text     string
	epoch    uint64
	index    int
}

// Task is one job on one host: what is wanted of it and what its agent reports.
type Task struct {
	Host        string
	Job         model.JobID
	Goal        model.Goal  // "" once it is undeployed and its agent still reports it
	State       model.State // "" until its agent has reported it
	Throttle    model.Throttle
	Since       time.Time // of the state
	Group       string
	ContainerID string
	Error       string // of the container
	ExitCode    *int
	OOMKilled   bool
	Signal      string
	Restarts    int
	Ports       map[string]model.PortMapping
	Unhealthy   bool
	HealthError string
	Progress    string // of its image
}

// Group is a deployment group and its rollouts.
type Group struct {
	Spec    model.DeploymentGroup
	Hosts   []string   // that it selects now, by name
	Rollout *Rollout   // that runs or was the last, nil when there was none
	Past    []*Rollout // before that, latest first; their Hosts may be nil
}

// RolloutState is where a rollout is.
type RolloutState string

// The states of rollouts.
const (
	RolloutRunning    RolloutState = "ROLLING_OUT"
	RolloutPaused     RolloutState = "PAUSED"
	RolloutCanary     RolloutState = "CANARY" // the canaries are done; the others wait for a resume
	RolloutDone       RolloutState = "DONE"
	RolloutFailed     RolloutState = "FAILED"
	RolloutStopped    RolloutState = "STOPPED"
	RolloutReplaced   RolloutState = "REPLACED" // by another rollout of the group
	RolloutRolledBack RolloutState = "ROLLED_BACK"
)

// Rollout is one rolling update of a group.
type Rollout struct {
	ID       string
	Group    string
	From, To model.JobID // From is unset for a group's first rollout
	State    RolloutState
	Error    string // why it is in its state
	Back     bool   // it brings hosts back to what ran before
	Undoes   string // the rollout that it takes back
	Cause    string // the failure that had it begin, "" when somebody asked for it
	User     string
	Started  time.Time
	Finished time.Time // zero while it runs
	Options  RolloutOptions
	Hosts    []RolloutHost // in the order of the rollout

	Counts *model.RolloutCounts // how its hosts ended, where they are not known one by one
}

// RolloutOptions are what a rollout was started with.
type RolloutOptions struct {
	Parallelism    int
	Timeout        time.Duration // of each host
	Migrate        bool
	Overlap        bool
	IgnoreFailures bool
	Canary         int                // hosts to change before it waits for a resume
	MaxFailures    model.FailureLimit // hosts that may fail
	MinHealthy     time.Duration      // that a host has to keep running before the next one's turn
	OnFailure      model.OnFailure    // what it does when more fail
	Token          bool               // its job has a token
}

// RolloutPhase is what a rollout does with a host.
type RolloutPhase uint8

// The phases, in the order a host goes through them. Done, failed and skipped are ends.
const (
	PhaseWaiting RolloutPhase = iota
	PhaseUndeploy
	PhaseAwaitUndeployed
	PhaseDeploy
	PhaseAwaitRunning
	PhaseDone
	PhaseFailed
	PhaseSkipped // the host is down
	PhaseStopped // the rollout ended in the middle of it
)

// RolloutHost is one host in a rollout.
type RolloutHost struct {
	Host    string
	Phase   RolloutPhase
	Since   time.Time // of the phase
	Started time.Time // zero while it waits
	Attempt int       // counted from 1
	Failed  RolloutPhase
	Reason  string
}

// Master is one master as the others know it.
type Master struct {
	Name        string
	Address     string // of its API
	State       model.MasterState
	Voter       bool
	Alive       bool
	Version     string
	Index       uint64 // of the last change it has applied
	Term        uint64
	LastContact time.Duration // with the leader, negative when there never was one
	Connected   bool          // this console reads from it
}

// Event is one line of the feed.
type Event struct {
	Index  uint64
	At     time.Time
	Type   model.EventType
	Host   string
	Job    model.JobID
	From   model.State // of a task, "" when it is not known
	To     model.State
	Detail string
	User   string
	Past   bool // it was over before the source told of it: the source has begun since, or was without a master for long

	Container string             // of a task, the beginning of its id; "" when it is not known
	Phase     model.RolloutPhase // of a rollout on the host, "" when it is not known
}

// Bucket counts what happened within BucketLength.
type Bucket struct {
	Start  time.Time
	Total  int
	Failed int // tasks that failed
}

// BucketLength is how long a Bucket counts.
const BucketLength = 30 * time.Second

// Transition is one entry of a history.
type Transition struct {
	At     time.Time
	Host   string
	Job    model.JobID
	State  model.State
	Detail string
}

// HistoryQuery says whose history is wanted. An empty field is any.
type HistoryQuery struct {
	Host string
	Job  model.JobID
}

// LogQuery says whose output is wanted: of a job on hosts, of all its hosts when there are none.
type LogQuery struct {
	Job      model.JobID
	Hosts    []string
	Tail     int  // the last so many lines of each host to begin with; negative: all
	Previous bool // of the container before the current one; there is nothing to follow then
	Follow   bool // go on with what comes; else the stream ends with what there is
}

// Verb is what an action does.
type Verb string

// The verbs.
const (
	VerbCreate     Verb = "create"         // Spec
	VerbRemove     Verb = "remove"         // Job
	VerbDeploy     Verb = "deploy"         // Job, Host, Goal
	VerbUndeploy   Verb = "undeploy"       // Job, Host
	VerbStart      Verb = "start"          // Job, Host
	VerbStop       Verb = "stop"           // Job, Host
	VerbDrain      Verb = "drain"          // Host
	VerbUndrain    Verb = "undrain"        // Host
	VerbDeregister Verb = "deregister"     // Host
	VerbRoll       Verb = "rolling-update" // Group, Job, Options
	VerbRollStop   Verb = "stop-rollout"   // Group
	VerbPause      Verb = "pause"          // Group
	VerbResume     Verb = "resume"         // Group
	VerbRollBack   Verb = "rollback"       // Group, Job: the one to go back to
	VerbRetry      Verb = "retry"          // Group, Host, Job, Options: those of the rollout
	VerbGroupMake  Verb = "create-group"   // Group, Selectors
	VerbGroupDrop  Verb = "remove-group"   // Group
)

// Action is one thing to do with one target. The fields that count are named at its verb.
type Action struct {
	Verb    Verb
	Job     model.JobID
	Host    string
	Group   string
	Goal    model.Goal
	Spec    *model.Job
	Options *RolloutOptions

	Selectors []model.HostSelector
	Token     string // "" when the job has none
}
