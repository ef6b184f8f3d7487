package registrar

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"math/rand/v2"
	"reflect"
	"slices"
	"time"

	"github.com/heliosctl/heliosctl/model"
)

const (
	lastChance = 3 * time.Second // for what is on its way when a keeper ends
	firstPause = time.Second     // after a failure; grows to maxPause
	maxPause   = 30 * time.Second
)

// record is one endpoint under the id it has in the discovery service.
type record struct {
	id       string
	endpoint Endpoint
	job      model.JobID
}

// backend speaks to one discovery service. Errors of code UNAVAILABLE mean that it does not answer, all others that it refused what
// was asked. Only one call is made at a time.
type backend interface {
	// id names the record of an endpoint, the same for every process; it fails for an endpoint that cannot be registered.
	id(Endpoint) (string, error)

	// put writes a record, or writes over it, so that it lives until it is removed or refresh is not called for the time to live.
	put(context.Context, record) error

	// remove takes a record away. One that is not there, or is no longer this process's, is removed.
	remove(ctx context.Context, id string) error

	// refresh tells that the host lives. It returns the ids of records that have been lost and must be put again.
	refresh(ctx context.Context, ids []string) (lost []string, err error)

	close()
}

// keeper is a Registrar: it makes a discovery service agree with a book, and keeps it so.
type keeper struct {
	*book
	dial    func(context.Context) (backend, error)
	refresh time.Duration // between two calls of backend.refresh
	timeout time.Duration // of one call
	log     *slog.Logger

	// Of Run alone.
	service backend           // nil until it was dialled
	have    map[string]record // what the service has, or may have, of ours
	due     time.Time         // of the next refresh
	trouble string            // what the last round ended in, "" when it went well
	refused map[string]string // endpoints that cannot be registered, and why
}

func newKeeper(dial func(context.Context) (backend, error), refresh, timeout time.Duration, log *slog.Logger) *keeper {
	if log == nil {
		log = slog.New(slog.DiscardHandler)
	}
	return &keeper{book: newBook(), dial: dial, refresh: refresh, timeout: timeout, log: log, have: map[string]record{}}
}

// Register implements Registrar.
func (k *keeper) Register(r Registration) string { return k.add(r) }

// Unregister implements Registrar.
func (k *keeper) Unregister(ctx context.Context, handle string) error { return k.drop(ctx, handle) }

// Run implements Registrar.
func (k *keeper) Run(ctx context.Context) error {
	defer func() {
		if k.service != nil {
			k.service.close()
		}
	}()
	pause := firstPause
	for {
		err := k.round(ctx)
		if ctx.Err() != nil {
			k.finish(ctx)
			return nil
		}
		k.tell(err)
		wait := max(time.Until(k.due), 0)
		if err != nil {
			wait = jitter(pause)
			pause = min(2*pause, maxPause, k.refresh)
		} else {
			pause = firstPause
		}
		k.await(ctx, wait, errors.Is(err, model.ErrUnavailable))
	}
}

// await returns after a time or when there is a change to write. Changes do not cut the time short while the service is away, or a
// busy host would call for it all the time.
func (k *keeper) await(ctx context.Context, wait time.Duration, away bool) {
	timer := time.NewTimer(wait)
	defer timer.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-timer.C:
			return
		case <-k.kick:
			if !away {
				return
			}
			k.settleUnwritten()
		}
	}
}

// settleUnwritten lets those go on who wait for the removal of what never was written.
func (k *keeper) settleUnwritten() {
	wanted, version := map[string]record{}, k.now()
	if k.service != nil {
		wanted, version = k.records()
	}
	for id := range k.have {
		if _, keep := wanted[id]; !keep {
			return
		}
	}
	k.settle(version)
}

// finish does what is still to be done in a hurry. The refresh gives the records their whole time to live.
func (k *keeper) finish(ctx context.Context) {
	if k.service == nil {
		return
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), lastChance)
	defer cancel()
	k.due = time.Time{}
	if err := k.round(ctx); err != nil {
		k.log.Warn("the service registry did not take everything before the end", "error", err)
	}
}

// round makes the service agree with the book. Removals come first: a task may be waiting for them.
func (k *keeper) round(ctx context.Context) error {
	if k.service == nil {
		service, err := k.call(ctx, k.dial)
		if err != nil {
			k.settleUnwritten()
			return err
		}
		k.service = service
	}
	wanted, version := k.records()
	var errs []error
	attempt := func(id string, act func(context.Context) error) bool {
		ctx, cancel := context.WithTimeout(ctx, k.timeout)
		defer cancel()
		err := act(ctx)
		if err != nil {
			errs = append(errs, fmt.Errorf("%s: %w", id, err))
		}
		return !errors.Is(err, model.ErrUnavailable)
	}
	if k.removeUnwanted(wanted, attempt) {
		k.settle(version)
		if k.refreshDue(attempt) {
			k.putMissing(wanted, attempt)
		}
	}
	return errors.Join(errs...)
}

func (k *keeper) call(ctx context.Context, dial func(context.Context) (backend, error)) (backend, error) {
	ctx, cancel := context.WithTimeout(ctx, k.timeout)
	defer cancel()
	return dial(ctx)
}

// attempting runs one call to the service and keeps its error. It returns false when the service does not answer, so that the rest
// is not tried either.
type attempting func(id string, act func(context.Context) error) bool

func (k *keeper) removeUnwanted(wanted map[string]record, attempt attempting) bool {
	for _, id := range slices.Sorted(maps.Keys(k.have)) {
		if _, keep := wanted[id]; keep {
			continue
		}
		answered := attempt(id, func(ctx context.Context) error {
			err := k.service.remove(ctx, id)
			if err == nil {
				delete(k.have, id)
				k.log.Info("service unregistered", "record", id)
			}
			return err
		})
		if !answered {
			return false
		}
	}
	return true
}

func (k *keeper) refreshDue(attempt attempting) bool {
	if time.Now().Before(k.due) {
		return true
	}
	return attempt("refresh", func(ctx context.Context) error {
		lost, err := k.service.refresh(ctx, slices.Sorted(maps.Keys(k.have)))
		if err != nil {
			return err
		}
		for _, id := range lost {
			k.log.Warn("the service registry lost a record; writing it again", "record", id)
			delete(k.have, id)
		}
		k.due = time.Now().Add(k.refresh)
		return nil
	})
}

func (k *keeper) putMissing(wanted map[string]record, attempt attempting) {
	for _, id := range slices.Sorted(maps.Keys(wanted)) {
		r := wanted[id]
		old, had := k.have[id]
		if had && reflect.DeepEqual(old, r) {
			continue
		}
		// A call that fails may have been obeyed, so the record is ours to remove from here on. It differs from any that is
		// wanted, so it is put again.
		k.have[id] = record{id: id}
		answered := attempt(id, func(ctx context.Context) error {
			err := k.service.put(ctx, r)
			if err == nil {
				k.have[id] = r
				k.log.Info("service registered", "record", id, "host", r.endpoint.Host, "port", r.endpoint.Port)
			}
			return err
		})
		if !answered {
			return
		}
	}
}

// records returns the book's endpoints by id. Of two with the same id the newer registration's counts.
func (k *keeper) records() (map[string]record, uint64) {
	registrations, version := k.wanted()
	wanted := map[string]record{}
	refused := map[string]string{}
	for _, r := range registrations {
		for _, endpoint := range r.Endpoints {
			id, err := k.service.id(endpoint)
			if err != nil {
				name := endpoint.Name + "/" + endpoint.Protocol
				refused[name] = err.Error()
				if k.refused[name] != err.Error() {
					k.log.Warn("a service cannot be registered", "service", name, "job", r.Job.String(), "error", err)
				}
				continue
			}
			wanted[id] = record{id: id, endpoint: endpoint, job: r.Job}
		}
	}
	k.refused = refused
	return wanted, version
}

// tell logs when the service gets into trouble, into another kind of it, and out of it.
func (k *keeper) tell(err error) {
	trouble := ""
	switch {
	case errors.Is(err, model.ErrUnavailable):
		// How it fails to answer changes from one attempt to the next.
		trouble = string(model.CodeUnavailable)
	case err != nil:
		trouble = err.Error()
	}
	switch {
	case trouble == k.trouble:
	case trouble == "":
		k.log.Info("the service registry has everything again")
	default:
		k.log.Warn("the service registry is in trouble; what it lacks will be written later", "error", err)
	}
	k.trouble = trouble
}

// jitter keeps the agents of a fleet from asking in step.
func jitter(d time.Duration) time.Duration {
	return d/2 + rand.N(d/2+1)
}
