package api_test

import (
	"bytes"
	"context"
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"go.uber.org/goleak"

	"github.com/heliosctl/heliosctl/daemon/api"
	"github.com/heliosctl/heliosctl/daemon/api/apitest"
	"github.com/heliosctl/heliosctl/model"
)

func TestMain(m *testing.M) {
	goleak.VerifyTestMain(m)
}

// world is a served API over a cluster in memory.
type world struct {
	t       *testing.T
	backend *apitest.Backend
	server  *api.Server
	http    *httptest.Server
}

func newWorld(t *testing.T, config api.Config) *world {
	t.Helper()
	return newWorldOf(t, apitest.New(), config)
}

// newWorldOf serves a given master, or what config puts in its place.
func newWorldOf(t *testing.T, backend *apitest.Backend, config api.Config) *world {
	t.Helper()
	w := &world{t: t, backend: backend}
	if config.Backend == nil {
		config.Backend = backend
	}
	w.server = api.New(config)
	w.http = httptest.NewServer(w.server.Handler())
	t.Cleanup(func() {
		w.server.Close()
		w.http.Close()
	})
	return w
}

// send makes a request; headers are pairs of names and values.
func (w *world) send(method, path, body string, headers ...string) (*http.Response, string) {
	w.t.Helper()
	req, err := http.NewRequest(method, w.http.URL+path, strings.NewReader(body))
	if err != nil {
		w.t.Fatal(err)
	}
	for i := 0; i < len(headers); i += 2 {
		req.Header.Set(headers[i], headers[i+1])
	}
	client := *w.http.Client()
	client.CheckRedirect = func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
	resp, err := client.Do(req)
	if err != nil {
		w.t.Fatal(err)
	}
	defer resp.Body.Close()
	data, err := io.ReadAll(resp.Body)
	if err != nil {
		w.t.Fatal(err)
	}
	return resp, string(data)
}

// job creates a job with a token, and returns its id.
func (w *world) job(name, token string) model.JobID {
	w.t.Helper()
	port := 8080
	id, err := w.backend.CreateJob(context.Background(), model.Request{User: "alice"}, model.Job{
		ID: model.JobID{Name: name, Version: "1"}, Image: "nginx:1", Token: token,
		Ports: map[string]model.PortMapping{"http": {InternalPort: 80, ExternalPort: &port, Protocol: "tcp"}},
	})
	if err != nil {
		w.t.Fatal(err)
	}
	return id
}

func (w *world) agent(host string, labels map[string]string) {
	w.t.Helper()
	_, err := w.backend.RegisterAgent(context.Background(), model.Registration{Host: host, AgentID: "id-" + host, Labels: labels})
	if err != nil {
		w.t.Fatal(err)
	}
}

func (w *world) deploy(host string, id model.JobID, token string) {
	w.t.Helper()
	err := w.backend.Deploy(context.Background(), model.Request{User: "alice"}, host,
		model.Deployment{JobID: id, Goal: model.GoalStart, DeployerUser: "alice"}, token)
	if err != nil {
		w.t.Fatal(err)
	}
}

func decoded[T any](t *testing.T, text string) T {
	t.Helper()
	var v T
	d := json.NewDecoder(bytes.NewReader([]byte(text)))
	if err := d.Decode(&v); err != nil {
		t.Fatalf("cannot decode %q: %v", text, err)
	}
	return v
}
