package registrar

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/heliosctl/heliosctl/model"
)

// shelf is a discovery service in memory that can be away, refuse, hang and forget.
type shelf struct {
	mu      sync.Mutex
	records map[string]Endpoint
	away    bool
	hangs   bool            // answers nothing until the caller gives up
	refuses map[string]bool // ids
	calls   int
	beats   int
	gone    []string // every id removed
	closed  bool
}

func newShelf() *shelf {
	return &shelf{records: map[string]Endpoint{}, refuses: map[string]bool{}}
}

func (s *shelf) change(edit func()) {
	s.mu.Lock()
	defer s.mu.Unlock()
	edit()
}

func (s *shelf) ids() []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Sorted(maps.Keys(s.records))
}

func (s *shelf) answer(ctx context.Context, id string) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.calls++
	if s.hangs {
		s.mu.Unlock()
		<-ctx.Done()
		s.mu.Lock()
		return model.Errorf(model.CodeUnavailable, "no answer")
	}
	if s.away {
		return model.Errorf(model.CodeUnavailable, "away")
	}
	if s.refuses[id] {
		return model.Errorf(model.CodeForbidden, "refused")
	}
	return nil
}

func (s *shelf) id(e Endpoint) (string, error) {
	if e.Port == 0 {
		return "", errors.New("no port")
	}
	return fmt.Sprintf("%s:%d", e.Name, e.Port), nil
}

func (s *shelf) put(ctx context.Context, r record) error {
	err := s.answer(ctx, r.id)
	if err == nil {
		s.change(func() { s.records[r.id] = r.endpoint })
	}
	return err
}

func (s *shelf) remove(ctx context.Context, id string) error {
	err := s.answer(ctx, id)
	if err == nil {
		s.change(func() { delete(s.records, id); s.gone = append(s.gone, id) })
	}
	return err
}

func (s *shelf) refresh(ctx context.Context, ids []string) (lost []string, err error) {
	if err := s.answer(ctx, "refresh"); err != nil {
		return nil, err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.beats++
	for _, id := range ids {
		if _, there := s.records[id]; !there {
			lost = append(lost, id)
		}
	}
	return lost, nil
}

func (s *shelf) close() { s.change(func() { s.closed = true }) }

// keep runs a keeper on a shelf until the test ends or stop is called.
func keep(t *testing.T, s *shelf) (k *keeper, stop func()) {
	t.Helper()
	k = newKeeper(func(ctx context.Context) (backend, error) { return s, s.answer(ctx, "dial") }, 10*time.Second, 5*time.Second, testLogger(t))
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() { done <- k.Run(ctx) }()
	return k, func() {
		cancel()
		if err := <-done; err != nil {
			t.Errorf("Run: %v", err)
		}
	}
}

func registration(names ...string) Registration {
	r := Registration{Job: model.JobID{Name: "job", Version: "1"}}
	for _, name := range names {
		r.Endpoints = append(r.Endpoints, Endpoint{Name: name, Port: 80})
	}
	return r
}

func wantIDs(t *testing.T, s *shelf, want ...string) {
	t.Helper()
	if diff := cmp.Diff(want, s.ids()); diff != "" {
		t.Errorf("records (-want +got):\n%s", diff)
	}
}

func TestKeeperRegistersAndUnregisters(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newShelf()
		k, stop := keep(t, s)
		defer stop()
		first := k.Register(registration("web", "admin"))
		second := k.Register(registration("db"))
		synctest.Wait()
		wantIDs(t, s, "admin:80", "db:80", "web:80")

		if err := k.Unregister(t.Context(), first); err != nil {
			t.Error(err)
		}
		wantIDs(t, s, "db:80")
		if err := k.Unregister(t.Context(), first); err != nil {
			t.Errorf("once more: %v", err)
		}
		if err := k.Unregister(t.Context(), second); err != nil {
			t.Error(err)
		}
		wantIDs(t, s)
	})
}

func TestKeeperRegistersNothingForATaskWithoutServices(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newShelf()
		s.away = true
		k, stop := keep(t, s)
		defer stop()
		handle := k.Register(registration())
		if handle == "" {
			t.Error("no handle")
		}
		if err := k.Unregister(t.Context(), handle); err != nil {
			t.Errorf("a task without services waits for the registry: %v", err)
		}
	})
}

// An endpoint that moves from one task to the next on the same port must not be lost to the clean-up of the first.
func TestKeeperKeepsWhatAnotherRegistrationAsksFor(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newShelf()
		k, stop := keep(t, s)
		defer stop()
		old := k.Register(registration("web"))
		k.Register(registration("web"))
		synctest.Wait()
		if err := k.Unregister(t.Context(), old); err != nil {
			t.Error(err)
		}
		synctest.Wait()
		wantIDs(t, s, "web:80")
		if len(s.gone) != 0 {
			t.Errorf("%v was away for a moment", s.gone)
		}
	})
}

func TestKeeperWritesTheNewerOfTwo(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newShelf()
		k, stop := keep(t, s)
		defer stop()
		k.Register(registration("web"))
		synctest.Wait()
		newer := registration("web")
		newer.Endpoints[0].Tags = []string{"new"}
		handle := k.Register(newer)
		synctest.Wait()
		if tags := s.records["web:80"].Tags; len(tags) != 1 {
			t.Errorf("tags %v, want those of the newer", tags)
		}
		if err := k.Unregister(t.Context(), handle); err != nil {
			t.Error(err)
		}
		synctest.Wait()
		if tags := s.records["web:80"].Tags; len(tags) != 0 {
			t.Errorf("tags %v, want those of the older again", tags)
		}
	})
}

func TestKeeperOutlastsAnOutage(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newShelf()
		s.away = true
		k, stop := keep(t, s)
		defer stop()
		handle := k.Register(registration("web"))
		k.Register(registration("db"))
		time.Sleep(time.Hour)
		s.change(func() {
			if perMinute := s.calls / 60; perMinute < 4 || perMinute > 20 {
				t.Errorf("%d calls in an hour of outage", s.calls)
			}
		})

		began := time.Now()
		if err := k.Unregister(t.Context(), handle); err != nil {
			t.Error(err)
		}
		if waited := time.Since(began); waited > 0 {
			t.Errorf("waited %v for the removal of what never was written", waited)
		}

		s.change(func() { s.away = false })
		time.Sleep(maxPause)
		synctest.Wait()
		wantIDs(t, s, "db:80")
	})
}

func TestKeeperRemovesLaterWhatItCouldNot(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newShelf()
		k, stop := keep(t, s)
		defer stop()
		handle := k.Register(registration("web"))
		synctest.Wait()
		s.change(func() { s.hangs = true })
		soon, cancel := context.WithTimeout(t.Context(), 2*time.Second)
		defer cancel()
		if err := k.Unregister(soon, handle); model.CodeOf(err) != model.CodeTimeout {
			t.Errorf("unregister from a registry that hangs: %v, want code %s", err, model.CodeTimeout)
		}
		s.change(func() { s.hangs = false })
		time.Sleep(maxPause)
		synctest.Wait()
		wantIDs(t, s)
	})
}

func TestKeeperLetsOneRefusalNotHoldUpTheRest(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newShelf()
		s.refuses["admin:80"] = true
		k, stop := keep(t, s)
		defer stop()
		refused := k.Register(registration("admin", "web"))
		synctest.Wait()
		wantIDs(t, s, "web:80")

		other := k.Register(registration("db"))
		synctest.Wait()
		wantIDs(t, s, "db:80", "web:80")
		began := time.Now()
		if err := k.Unregister(t.Context(), other); err != nil {
			t.Error(err)
		}
		if err := k.Unregister(t.Context(), refused); err != nil {
			t.Error(err)
		}
		if waited := time.Since(began); waited > 0 {
			t.Errorf("waited %v for what was refused", waited)
		}
		wantIDs(t, s)
	})
}

func TestKeeperTriesAgainWhatWasRefused(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newShelf()
		s.refuses["web:80"] = true
		k, stop := keep(t, s)
		defer stop()
		k.Register(registration("web"))
		time.Sleep(time.Minute)
		s.change(func() { clear(s.refuses) })
		time.Sleep(maxPause)
		synctest.Wait()
		wantIDs(t, s, "web:80")
	})
}

func TestKeeperLeavesOutWhatHasNoID(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newShelf()
		k, stop := keep(t, s)
		defer stop()
		r := registration("web")
		r.Endpoints = append(r.Endpoints, Endpoint{Name: "nameless"})
		handle := k.Register(r)
		synctest.Wait()
		wantIDs(t, s, "web:80")
		if err := k.Unregister(t.Context(), handle); err != nil {
			t.Error(err)
		}
	})
}

func TestKeeperWritesAgainWhatIsLost(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newShelf()
		k, stop := keep(t, s)
		defer stop()
		k.Register(registration("web"))
		synctest.Wait()
		s.change(func() { clear(s.records) })
		time.Sleep(k.refresh)
		synctest.Wait()
		wantIDs(t, s, "web:80")
	})
}

func TestKeeperLeavesItsRecordsAtTheEnd(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newShelf()
		k, stop := keep(t, s)
		k.Register(registration("web"))
		synctest.Wait()
		beats := s.beats
		stop()
		wantIDs(t, s, "web:80")
		if s.beats == beats {
			t.Error("the records were not given their whole time to live")
		}
		if !s.closed {
			t.Error("the connection was left open")
		}

		// The successor on the same host finds them, writes over them, and answers for them.
		k, stop = keep(t, s)
		defer stop()
		handle := k.Register(registration("web"))
		synctest.Wait()
		if len(s.gone) != 0 {
			t.Errorf("%v was away for a moment", s.gone)
		}
		if err := k.Unregister(t.Context(), handle); err != nil {
			t.Error(err)
		}
		wantIDs(t, s)
	})
}

func TestKeeperGivesRemovalsALastChance(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newShelf()
		k, stop := keep(t, s)
		handle := k.Register(registration("web"))
		synctest.Wait()
		s.change(func() { s.away = true })
		soon, cancel := context.WithTimeout(t.Context(), time.Millisecond)
		defer cancel()
		if err := k.Unregister(soon, handle); err == nil {
			t.Error("unregistered from a registry that is away")
		}
		s.change(func() { s.away = false })
		stop()
		wantIDs(t, s)
	})
}

func TestKeeperEndsInTimeWhenTheRegistryHangs(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newShelf()
		k, stop := keep(t, s)
		k.Register(registration("web"))
		synctest.Wait()
		s.change(func() { s.hangs = true })
		began := time.Now()
		stop()
		if took := time.Since(began); took > lastChance {
			t.Errorf("took %v to end", took)
		}
	})
}

func TestNoneRegistersNothing(t *testing.T) {
	var r Registrar = None{}
	if err := r.Unregister(t.Context(), r.Register(registration("web"))); err != nil {
		t.Error(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if err := r.Run(ctx); err != nil {
		t.Error(err)
	}
}

func TestTasksRegisterTheirEndpoints(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newShelf()
		k, stop := keep(t, s)
		defer stop()
		tasks := ForHost(k, Host{Name: "web1", Domain: "local"}, nil)
		job := model.Job{
			ID:    model.JobID{Name: "job", Version: "1"},
			Ports: map[string]model.PortMapping{"http": {InternalPort: 80}},
			Registration: map[model.ServiceEndpoint]model.ServicePorts{
				{Name: "web", Protocol: "http"}: {Ports: map[string]model.ServicePortParameters{"http": {}, "none": {}}},
			},
		}
		handle := tasks.Register(job, map[string]int{"http": 20001})
		synctest.Wait()
		wantIDs(t, s, "web:20001")
		if err := tasks.Unregister(t.Context(), handle); err != nil {
			t.Error(err)
		}
		wantIDs(t, s)
	})
}
