package agent

import (
	"context"
	"errors"
	"fmt"
	"io"
	"iter"
	"log/slog"
	"maps"
	"net"
	"slices"
	"strings"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/heliosctl/heliosctl/daemon/container"
	"github.com/heliosctl/heliosctl/model"
)

// Master is how an agent speaks to the masters, whichever of them answers.
type Master interface {
	// RegisterAgent claims the host name and reports facts; ErrHostConflict when the name belongs to another agent.
	RegisterAgent(ctx context.Context, r model.Registration) (model.Registered, error)

	// Tasks streams what is deployed to the host: a snapshot no older than index, then changes. It ends with the error.
	Tasks(ctx context.Context, host, agentID string, index uint64) iter.Seq2[model.TaskUpdate, error]

	PostStatuses(ctx context.Context, host string, batch model.StatusBatch) (model.StatusAck, error)
	PostGauges(ctx context.Context, host string, g model.Gauges) error

	// Session answers a request for a session: it connects to the master at the URL, or to any when it is empty.
	Session(ctx context.Context, master, host, id string) (io.ReadWriteCloser, error)
}

// Records is the agent's memory. Every write is durable when the method returns, and fails with CodeStorageFull, changing nothing,
// while the disk is nearly full.
type Records interface {
	ID() string

	Registered() (registered model.Registered, ok bool, err error)
	SaveRegistered(registered model.Registered) error

	Desired() (tasks []model.Task, index uint64, err error)
	SaveDesired(update model.TaskUpdate) error

	Tasks() ([]model.TaskRecord, error)
	SaveTask(record model.TaskRecord) error
	// ReportTask saves the record and appends its status to the outbox; RemoveTask forgets it and appends its removal.
	ReportTask(record model.TaskRecord, at model.Timestamp) error
	RemoveTask(id model.JobID, at model.Timestamp) error

	// Outbox returns the oldest unsent reports in order; Ack drops those up to seq.
	Outbox(limit int) ([]model.StatusReport, error)
	Ack(seq uint64) error

	CheckSpace() error
}

// Runtime runs containers; daemon/container documents each method.
type Runtime interface {
	Name() string
	Info(ctx context.Context) (container.Info, error)
	Pull(ctx context.Context, image string) error
	Image(ctx context.Context, image string) (container.Image, error)
	Create(ctx context.Context, spec container.Spec) (id string, err error)
	Start(ctx context.Context, id string) error
	Inspect(ctx context.Context, idOrName string) (container.State, error)
	Stop(ctx context.Context, idOrName string, timeout time.Duration) error
	Kill(ctx context.Context, idOrName string) error
	Remove(ctx context.Context, idOrName string) error
	List(ctx context.Context, agentID string) ([]container.State, error)
	Exec(ctx context.Context, id string, command []string) (exitCode int, err error)
	ExecAttached(ctx context.Context, id string, options container.ExecOptions) (exitCode int, err error)
	Logs(ctx context.Context, id string, options container.LogOptions) iter.Seq2[container.LogLine, error]
	Events(ctx context.Context) iter.Seq2[container.Event, error]
}

// Config is everything an agent needs. Durations of zero take the default that is named.
type Config struct {
	Host    string // name in the cluster, and the host part of HELIOS_PORT_*
	Master  Master
	Records Records
	Runtime Runtime
	Logger  *slog.Logger // nil: silent

	Registrar Registrar // nil: services are not registered

	Version string            // of heliosctl, reported to the masters
	Labels  map[string]string // of the host, for selectors
	Env     map[string]string // given to every container

	PortRange        PortRange // zero: 20000 up to 32768
	DNS              []string  // name servers of every container, IP addresses
	ExtraHosts       []string  // "name:ip" lines in every container's hosts file
	Binds            []string  // added to every container: "path" (an anonymous volume), "source:path" or "source:path:ro|rw"
	SyslogRedirectTo string    // host:port; containers log to syslog there instead of the engine's default

	// ClusterID, when set, is the only cluster the agent takes orders from. When empty it is the cluster of the first registration,
	// so that masters that lost their state cannot take an agent's jobs away.
	ClusterID string

	// RegistrationTTL is how long an agent that has this host name must have been away until this one takes it over, zero for as soon
	// as it is away; nil: model.DefaultRegistrationTTL.
	RegistrationTTL *time.Duration

	Poll          time.Duration // between two looks at everything when nothing happens; 30 s
	InspectPoll   time.Duration // between two looks at a running container when no event comes; 15 s
	GaugeInterval time.Duration // 10 s
	FactsInterval time.Duration // between two looks at the host's facts; 60 s
	BootGrace     time.Duration // how long a starting agent waits for a master before it acts on what it remembers; 10 s

	MaxSessions int           // of logs and commands at the same time; 64
	SessionIdle time.Duration // a command without input and output for so long is ended; 4 h
}

func (c Config) withDefaults() Config {
	setDefault(&c.PortRange, PortRange{Start: 20000, End: 32768})
	setDefault(&c.Poll, 30*time.Second)
	setDefault(&c.InspectPoll, 15*time.Second)
	setDefault(&c.GaugeInterval, 10*time.Second)
	setDefault(&c.FactsInterval, time.Minute)
	setDefault(&c.BootGrace, 10*time.Second)
	setDefault(&c.MaxSessions, 64)
	setDefault(&c.SessionIdle, 4*time.Hour)
	if c.Logger == nil {
		c.Logger = slog.New(slog.DiscardHandler)
	}
	return c
}

// registrationTTL is what masters are told, nothing for what they take for granted.
func (c Config) registrationTTL() *int64 {
	if c.RegistrationTTL == nil || *c.RegistrationTTL == model.DefaultRegistrationTTL {
		return nil
	}
	ttl := c.RegistrationTTL.Milliseconds()
	return &ttl
}

func setDefault[T comparable](field *T, value T) {
	var zero T
	if *field == zero {
		*field = value
	}
}

// Validate returns an error with CodeInvalid that lists everything wrong with the configuration in its Details.
func (c Config) Validate() error {
	var faults []string
	fault := func(format string, args ...any) { faults = append(faults, fmt.Sprintf(format, args...)) }
	if c.Host == "" {
		fault("the host has no name")
	}
	if c.Master == nil || c.Records == nil || c.Runtime == nil {
		fault("master, records and runtime must be given")
	}
	if c.MaxSessions < 0 || c.SessionIdle < 0 {
		fault("limits of sessions are %d and %s: they must not be below zero", c.MaxSessions, c.SessionIdle)
	}
	if c.RegistrationTTL != nil && *c.RegistrationTTL < 0 {
		fault("registration TTL %s: it must not be below zero", *c.RegistrationTTL)
	}
	if r := c.PortRange; r != (PortRange{}) && (r.Start < 1 || r.End > 65536 || r.End <= r.Start) {
		fault("port range %d:%d: want START:END with 1 <= START < END <= 65536", r.Start, r.End)
	}
	for _, server := range c.DNS {
		if net.ParseIP(server) == nil {
			fault("dns server %q is not an IP address", server)
		}
	}
	for _, entry := range c.ExtraHosts {
		if name, ip, _ := strings.Cut(entry, ":"); name == "" || net.ParseIP(ip) == nil {
			fault("extra host %q: want NAME:IP", entry)
		}
	}
	for _, bind := range c.Binds {
		if !validBind(bind) {
			fault("bind %q: want PATH, SOURCE:PATH or SOURCE:PATH:ro|rw", bind)
		}
	}
	if c.SyslogRedirectTo != "" {
		if _, _, err := net.SplitHostPort(c.SyslogRedirectTo); err != nil {
			fault("syslog address %q: want HOST:PORT", c.SyslogRedirectTo)
		}
	}
	if len(faults) == 0 {
		return nil
	}
	return &model.Error{Code: model.CodeInvalid, Message: "agent configuration: " + strings.Join(faults, "; "), Details: faults}
}

func validBind(bind string) bool {
	parts := strings.Split(bind, ":")
	if slices.Contains(parts, "") || len(parts) > 3 {
		return false
	}
	return len(parts) < 3 || parts[2] == "ro" || parts[2] == "rw"
}

// Agent runs the jobs of one host. Its methods are safe for concurrent use; Run is called once.
type Agent struct {
	config  Config
	log     *slog.Logger
	started time.Time

	inContainer bool // the agent itself runs in one

	book    *book
	orders  *orders
	engine  *engine
	masters *masters
	report  *reporter
	facts   *facts
	sweep   *sweeper

	registrations *registrations
	pulls         *pulls
	sessions      *sessions

	reconcile kick
}

// New makes an agent out of its configuration and what its records remember. It starts nothing.
func New(config Config) (*Agent, error) {
	if err := config.Validate(); err != nil {
		return nil, err
	}
	config = config.withDefaults()
	a := &Agent{config: config, log: config.Logger.With("host", config.Host), started: time.Now(), reconcile: newKick(), inContainer: runsInContainer()}
	a.report = newReporter(a)
	records, err := config.Records.Tasks()
	if err != nil {
		return nil, err
	}
	a.book = newBook(config.Records, records, a.report.kick.now)
	tasks, index, err := config.Records.Desired()
	if err != nil {
		return nil, err
	}
	a.orders = newOrders(tasks, index)
	a.engine = newEngine(config.Runtime, a.log)
	a.facts = &facts{agent: a}
	a.masters = newMasters(a)
	a.sweep = newSweeper(a)
	a.registrations = newRegistrations(config.Registrar)
	a.pulls = newPulls()
	a.sessions = newSessions(a)
	return a, nil
}

// Run works until ctx is done, and returns when every goroutine has ended. Containers keep running. The error is nil unless
// something broke that the agent cannot live with.
func (a *Agent) Run(ctx context.Context) error {
	group, ctx := errgroup.WithContext(ctx)
	for _, part := range []func(context.Context) error{
		a.engine.run, a.masters.run, a.report.run, a.facts.run, a.sweep.run, a.sessions.run, a.runReconciler, a.endBootGrace,
	} {
		group.Go(func() error { return part(ctx) })
	}
	a.log.Info("agent started", "agent", a.config.Records.ID(), "runtime", a.config.Runtime.Name(), "tasks", len(a.book.all()))
	err := group.Wait()
	a.log.Info("agent stopped; containers keep running")
	if errors.Is(err, context.Canceled) {
		return nil
	}
	return err
}

// endBootGrace lets the agent act on what it remembers when no master has answered for a while.
func (a *Agent) endBootGrace(ctx context.Context) error {
	if err := sleep(ctx, a.config.BootGrace, nil); err != nil {
		return err
	}
	if a.orders.settle() {
		a.log.Warn("no master has answered yet; going on with the tasks that are remembered")
	}
	return nil
}

// ID returns the agent's id.
func (a *Agent) ID() string { return a.config.Records.ID() }

// Tasks returns what the masters last wanted of this host.
func (a *Agent) Tasks() map[model.JobID]model.Task { return a.orders.tasks() }

// TaskStatuses returns the last status of every task that has one, with the progress of its pull.
func (a *Agent) TaskStatuses() map[model.JobID]model.TaskStatus {
	statuses := make(map[model.JobID]model.TaskStatus)
	progress := a.pulls.all()
	for id, record := range a.book.all() {
		if record.Status == nil {
			continue
		}
		status := *record.Status
		if status.State == model.StatePullingImage {
			status.Progress = progress[id]
		}
		statuses[id] = status
	}
	return statuses
}

// The names of the health checks.
const (
	HealthMasters      = "masters"      // a master's stream is open
	HealthRegistration = "registration" // the host name is this agent's
	HealthDisk         = "disk"         // there is room for the records and they can be written
)

// Health returns the agent's checks by name, nil for those that are well. Beside the constants there is one named after the runtime
// ("docker"), which is well while the engine answers and its containers can be listed.
func (a *Agent) Health() map[string]error {
	checks := map[string]error{
		a.config.Runtime.Name(): a.engine.fault(),
		HealthDisk:              a.config.Records.CheckSpace(),
	}
	if checks[a.config.Runtime.Name()] == nil {
		checks[a.config.Runtime.Name()] = a.sweep.fault()
	}
	if fault := a.book.fault(); checks[HealthDisk] == nil && model.CodeOf(fault) != model.CodeStorageFull {
		checks[HealthDisk] = fault // a lack of space may be over by now; what else went wrong at the last write is not
	}
	maps.Copy(checks, a.masters.health())
	return checks
}
