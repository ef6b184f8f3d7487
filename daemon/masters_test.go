package daemon

import (
	"context"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/heliosctl/heliosctl/daemon/api"
	"github.com/heliosctl/heliosctl/daemon/api/apitest"
	"github.com/heliosctl/heliosctl/daemon/gossip"
	"github.com/heliosctl/heliosctl/model"
)

// member runs a member of a pool until the test ends or it is killed, which the others have to find out.
func member(t *testing.T, m gossip.Member, join ...string) (pool *gossip.Gossip, kill func()) {
	t.Helper()
	pool, err := gossip.New(gossip.Config{
		Member: m, Bind: "127.0.0.1:0", Join: join, Loopback: true, Logger: slog.New(slog.DiscardHandler),
	})
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		_ = pool.Run(ctx) // a member that is killed ends with an error
	}()
	t.Cleanup(func() {
		cancel()
		<-ended
	})
	return pool, func() {
		if err := pool.Close(); err != nil {
			t.Error(err)
		}
		<-ended
	}
}

// frontend is a master as agents see it: its API in front of a state that it shares with others, and its place in the pool.
type frontend struct {
	streams       atomic.Int32 // that were asked for
	registrations atomic.Int32
	kill          func() // ends its gossip, and leaves its connections as they are
	crash         func() // ends its connections, and leaves its gossip as it is
}

func newFrontend(t *testing.T, name string, backend api.Backend, join ...string) (*frontend, *gossip.Gossip) {
	t.Helper()
	f := &frontend{}
	server := api.New(api.Config{Backend: backend})
	handler := server.Handler()
	h := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		switch {
		case strings.HasSuffix(r.URL.Path, "/tasks"):
			f.streams.Add(1)
		case r.Method == http.MethodPut:
			f.registrations.Add(1)
		}
		handler.ServeHTTP(w, r)
	}))
	f.crash = sync.OnceFunc(func() {
		_ = h.Listener.Close()
		_ = server.Close()
		h.CloseClientConnections()
		h.Close()
	})
	t.Cleanup(f.crash)
	pool, kill := member(t, gossip.Member{Role: gossip.RoleMaster, Name: name, ID: name, API: h.URL}, join...)
	f.kill = kill
	return f, pool
}

// TestStreamLeavesAMasterThatGossipHasGivenUp has masters whose processes stand still: their connections stay.
func TestStreamLeavesAMasterThatGossipHasGivenUp(t *testing.T) {
	t.Parallel()
	backend := apitest.New()
	first, seed := newFrontend(t, "m1", backend)
	second, _ := newFrontend(t, "m2", backend, seed.Addr())
	pool, _ := member(t, gossip.Member{Role: gossip.RoleAgent, Name: "h1", ID: "a1"}, seed.Addr())
	alive := func(n int) func() bool { return func() bool { return len(pool.Masters()) == n } }
	await(t, "both masters are known", alive(2))
	if err := backend.RegisterHost(t.Context(), model.Request{}, "h1", "a1"); err != nil {
		t.Fatal(err)
	}

	link := newMasters(pool, "h1", slog.New(slog.DiscardHandler))
	defer func() {
		if err := link.close(); err != nil {
			t.Error(err)
		}
	}()
	follow := func(each func(model.TaskUpdate) bool) error {
		for update, err := range link.Tasks(t.Context(), "h1", "a1", 0) {
			if err != nil {
				return err
			}
			if !each(update) {
				return nil
			}
		}
		return nil
	}
	used, other := first, second
	err := follow(func(model.TaskUpdate) bool {
		if second.streams.Load() > 0 {
			used, other = second, first
		}
		used.kill()
		return true
	})
	if model.CodeOf(err) != model.CodeUnavailable || !strings.Contains(err.Error(), "is gone; another one is there") {
		t.Errorf("the stream ended with %v", err)
	}

	lines := 0
	err = follow(func(update model.TaskUpdate) bool {
		lines++
		if lines > 1 {
			return false
		}
		if other.streams.Load() != 1 || used.streams.Load() != 1 {
			t.Errorf("streams: %d of the master that is gone, %d of the other, want one each", used.streams.Load(), other.streams.Load())
		}
		// It may be this agent that is cut off: the only stream there is goes on.
		other.kill()
		await(t, "no master is known", alive(0))
		id, err := backend.CreateJob(t.Context(), model.Request{}, model.Job{ID: model.JobID{Name: "web", Version: "1"}, Image: "nginx:1"})
		if err == nil {
			err = backend.Deploy(t.Context(), model.Request{}, "h1", model.Deployment{JobID: id, Goal: model.GoalStart}, "")
		}
		if err != nil {
			t.Error(err)
			return false
		}
		return true
	})
	if err != nil || lines != 2 {
		t.Errorf("the stream of the last master ended after %d lines with %v", lines, err)
	}
}

// TestAgentMovesToAnotherMaster takes an agent's master away, long before gossip finds out.
func TestAgentMovesToAnotherMaster(t *testing.T) {
	t.Parallel()
	backend := apitest.New()
	first, seed := newFrontend(t, "m1", backend)
	second, pool := newFrontend(t, "m2", backend, seed.Addr())
	await(t, "the masters know each other", func() bool { return len(pool.Masters()) == 2 })
	m := newMachine(t, &masterDaemon{pool: seed}, "ONE")
	m.start()
	await(t, "the agent is there", func() bool { return first.streams.Load()+second.streams.Load() > 0 })
	used, other := first, second
	if second.streams.Load() > 0 {
		used, other = second, first
	}
	registrations := func() int32 { return first.registrations.Load() + second.registrations.Load() }
	before := registrations()
	began := time.Now()
	used.crash()
	await(t, "the agent has moved", func() bool { return other.streams.Load() > 0 })
	t.Logf("moved within %s", time.Since(began))
	id, err := backend.CreateJob(t.Context(), model.Request{}, model.Job{ID: model.JobID{Name: "web", Version: "1"}, Image: "nginx:1"})
	if err == nil {
		err = backend.Deploy(t.Context(), model.Request{}, "h1", model.Deployment{JobID: id, Goal: model.GoalStart}, "")
	}
	if err != nil {
		t.Fatal(err)
	}
	await(t, "what is deployed then runs", func() bool { return len(m.running()) == 1 })
	if n := registrations() - before; n != 0 {
		t.Errorf("%d further registrations, want none", n)
	}
}
