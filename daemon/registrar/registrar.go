package registrar

import (
	"context"
	"log/slog"

	"github.com/heliosctl/heliosctl/model"
)

// Registrar keeps registrations in a discovery service. Its methods are safe for concurrent use; Run is called once.
type Registrar interface {
	// Register has the endpoints registered and kept so until Unregister, and returns at once. Where the same endpoint is
	// registered twice, it stays until both are gone.
	Register(r Registration) (handle string)

	// Unregister takes a registration out. It returns nil when the discovery service has taken away what only this registration
	// asked for, or has refused to. When ctx ends first the removal goes on and the error has CodeTimeout, so a task never has to
	// wait longer than it wants to. An unknown handle is unregistered.
	Unregister(ctx context.Context, handle string) error

	// Run does the work until ctx ends. Then it gives removals on their way a last chance of a few seconds and leaves the records as
	// they are: they stay for the time to live that the back end gives them, in which a successor may take them over.
	Run(ctx context.Context) error
}

// None registers nothing.
type None struct{}

// Register does nothing.
func (None) Register(Registration) string { return "" }

// Unregister does nothing.
func (None) Unregister(context.Context, string) error { return nil }

// Run waits for ctx.
func (None) Run(ctx context.Context) error {
	<-ctx.Done()
	return nil
}

// Tasks registers the tasks of one host. It is what an agent needs of a Registrar, in terms of jobs.
type Tasks struct {
	registrar Registrar
	host      Host
	log       *slog.Logger
}

// ForHost returns the Tasks of a host.
func ForHost(registrar Registrar, host Host, log *slog.Logger) *Tasks {
	if log == nil {
		log = slog.New(slog.DiscardHandler)
	}
	return &Tasks{registrar: registrar, host: host, log: log}
}

// Register has a running task registered, given its external ports by name. It returns at once.
func (t *Tasks) Register(job model.Job, ports map[string]int) (handle string) {
	endpoints, skipped := Endpoints(job, ports, t.host)
	for _, reason := range skipped {
		t.log.Warn("a service is not registered", "job", job.ID.String(), "reason", reason)
	}
	return t.registrar.Register(Registration{Job: job.ID, Endpoints: endpoints})
}

// Unregister takes a task out, as Registrar.Unregister does.
func (t *Tasks) Unregister(ctx context.Context, handle string) error {
	return t.registrar.Unregister(ctx, handle)
}
