package api_test

import (
	"bufio"
	"context"
	"fmt"
	"net"
	"net/http"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/heliosctl/heliosctl/daemon/api"
	"github.com/heliosctl/heliosctl/daemon/api/apitest"
	"github.com/heliosctl/heliosctl/model"
)

// odd is a cluster whose read indexes and lists do what a test wants.
type odd struct {
	*apitest.Backend
	readIndex func(context.Context) error
	jobs      func()
}

func (o *odd) ReadIndex(ctx context.Context) error {
	if o.readIndex == nil {
		return nil
	}
	return o.readIndex(ctx)
}

func (o *odd) Jobs(filter model.JobFilter) []model.Job {
	if o.jobs != nil {
		o.jobs()
	}
	return o.Backend.Jobs(filter)
}

// serve serves a backend until the context ends, and returns the address and the result of Serve.
func serve(ctx context.Context, t *testing.T, config api.Config) (string, <-chan error) {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	served := make(chan error, 1)
	go func() { served <- api.New(config).Serve(ctx, listener) }()
	return listener.Addr().String(), served
}

func await(t *testing.T, served <-chan error) {
	t.Helper()
	select {
	case err := <-served:
		if err != nil {
			t.Errorf("Serve failed: %v", err)
		}
	case <-time.After(patience):
		t.Fatal("Serve did not return")
	}
}

func TestServeLetsRequestsFinish(t *testing.T) {
	entered, release := make(chan struct{}), make(chan struct{})
	backend := &odd{Backend: apitest.New(), readIndex: func(ctx context.Context) error {
		close(entered)
		select {
		case <-release:
			return nil
		case <-ctx.Done():
			return ctx.Err()
		}
	}}
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	address, served := serve(ctx, t, api.Config{Backend: backend})
	status := make(chan int, 1)
	go func() {
		defer close(status)
		transport := &http.Transport{DisableKeepAlives: true}
		resp, err := (&http.Client{Transport: transport}).Get("http://" + address + "/jobs")
		if err != nil {
			t.Error(err)
			return
		}
		defer resp.Body.Close()
		status <- resp.StatusCode
	}()
	<-entered
	cancel()
	close(release)
	if got := <-status; got != 200 {
		t.Errorf("status %d, want 200", got)
	}
	await(t, served)
}

func TestServeCutsOffRequestsThatDoNotFinish(t *testing.T) {
	entered := make(chan struct{})
	backend := &odd{Backend: apitest.New(), readIndex: func(ctx context.Context) error {
		close(entered)
		<-ctx.Done()
		return ctx.Err()
	}}
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	address, served := serve(ctx, t, api.Config{Backend: backend, ShutdownTimeout: 10 * time.Millisecond, RequestTimeout: time.Hour})
	conn, err := net.Dial("tcp", address)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	if _, err := fmt.Fprint(conn, "GET /jobs HTTP/1.1\r\nHost: x\r\n\r\n"); err != nil {
		t.Fatal(err)
	}
	<-entered
	cancel()
	await(t, served)
}

func TestARequestThatTakesTooLong(t *testing.T) {
	backend := &odd{Backend: apitest.New(), readIndex: func(ctx context.Context) error {
		<-ctx.Done()
		return ctx.Err()
	}}
	w := newWorld(t, api.Config{})
	w.http.Config.Handler = api.New(api.Config{Backend: backend, RequestTimeout: time.Millisecond}).Handler()
	resp, body := w.send("GET", "/jobs", "")
	if e := decoded[model.Error](t, body); resp.StatusCode != 504 || e.Code != model.CodeTimeout {
		t.Errorf("status %d, body %s", resp.StatusCode, body)
	}
}

func TestAPanicIsAnInternalError(t *testing.T) {
	backend := &odd{Backend: apitest.New(), jobs: func() { panic("secret") }}
	w := newWorld(t, api.Config{})
	w.http.Config.Handler = api.New(api.Config{Backend: backend}).Handler()
	for _, encoding := range []string{"identity", "gzip"} {
		resp, body := w.send("GET", "/jobs", "", "Accept-Encoding", encoding, "Helios-Request-Id", "req-1")
		e := decoded[model.Error](t, body)
		if resp.StatusCode != 500 || e.Code != model.CodeInternal || !strings.Contains(e.Message, "req-1") || strings.Contains(body, "secret") {
			t.Errorf("%s: status %d, body %s", encoding, resp.StatusCode, body)
		}
	}
}

// TestATaskStreamCostsOneGoroutine holds what lets a master serve thousands of agents.
func TestATaskStreamCostsOneGoroutine(t *testing.T) {
	w := newWorld(t, api.Config{})
	w.agent("host1", nil)
	before := runtime.NumGoroutine()
	const streams = 50
	for range streams {
		conn, err := net.Dial("tcp", w.http.Listener.Addr().String())
		if err != nil {
			t.Fatal(err)
		}
		defer conn.Close()
		if _, err := fmt.Fprint(conn, "GET /v1/agents/host1/tasks?agent=id-host1 HTTP/1.1\r\nHost: x\r\n\r\n"); err != nil {
			t.Fatal(err)
		}
		resp, err := http.ReadResponse(bufio.NewReader(conn), nil)
		if err != nil || resp.StatusCode != 200 {
			t.Fatalf("response %v, error %v", resp, err)
		}
	}
	// The goroutines of the HTTP server go away by themselves, soon after the connections were taken over.
	deadline := time.Now().Add(patience)
	for runtime.NumGoroutine()-before > streams {
		if time.Now().After(deadline) {
			t.Fatalf("%d more goroutines for %d streams", runtime.NumGoroutine()-before, streams)
		}
		runtime.Gosched()
	}
}
