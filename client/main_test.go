package client_test

import (
	"net/http"
	"net/http/httptest"
	"sync"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/heliosctl/heliosctl/client"
	"github.com/heliosctl/heliosctl/daemon/api"
	"github.com/heliosctl/heliosctl/daemon/api/apitest"
)

func TestMain(m *testing.M) {
	// The examples run whole clusters, whose end does not cut a ping of gossip short; that takes up to a second.
	goleak.VerifyTestMain(m, goleak.IgnoreTopFunction("github.com/hashicorp/memberlist.(*Memberlist).probeNode"))
}

// newClient makes a client that gives up soon. Fields that are set in config stay.
func newClient(t *testing.T, config client.Config) *client.Client {
	t.Helper()
	if config.RetryTimeout == 0 {
		config.RetryTimeout = 100 * time.Millisecond
	}
	if config.User == "" {
		config.User = "alice"
	}
	c, err := client.New(config)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := c.Close(); err != nil {
			t.Error(err)
		}
	})
	return c
}

// newMaster serves a cluster in memory.
func newMaster(t *testing.T, config api.Config) (*apitest.Backend, *httptest.Server) {
	t.Helper()
	backend := apitest.New()
	config.Backend = backend
	server := api.New(config)
	h := httptest.NewServer(server.Handler())
	t.Cleanup(func() {
		server.Close()
		h.Close()
	})
	return backend, h
}

// fake is a server that answers as it is told, and remembers what it was asked.
type fake struct {
	*httptest.Server
	mu       sync.Mutex
	requests []*http.Request
}

func newFake(t *testing.T, handle http.HandlerFunc) *fake {
	t.Helper()
	f := &fake{}
	f.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		f.mu.Lock()
		f.requests = append(f.requests, r)
		f.mu.Unlock()
		handle(w, r)
	}))
	t.Cleanup(f.Close)
	return f
}

func (f *fake) seen() []*http.Request {
	f.mu.Lock()
	defer f.mu.Unlock()
	return append([]*http.Request(nil), f.requests...)
}

// answer makes a handler of a fixed answer.
func answer(status int, body string) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) {
		w.WriteHeader(status)
		_, _ = w.Write([]byte(body))
	}
}

// nobody returns the URL of a port on which nothing listens.
func nobody(t *testing.T) string {
	t.Helper()
	s := httptest.NewServer(http.NotFoundHandler())
	s.Close()
	return s.URL
}
