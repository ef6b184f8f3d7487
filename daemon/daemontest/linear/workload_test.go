package linear_test

import (
	"context"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/heliosctl/heliosctl/daemon/daemontest/linear"
	"github.com/heliosctl/heliosctl/model"
)

// toy answers like a master, by itself, and makes one mistake now and then.
type toy struct {
	mistake string

	mu      sync.Mutex
	now     map[string]model.Deployment // by host
	before  map[string]model.Deployment // the value that the last write replaced
	answers map[string]toyAnswer        // by request id
}

type toyAnswer struct {
	status int
	word   model.Code
}

func startToy(t *testing.T, mistake string) string {
	t.Helper()
	toy := &toy{mistake: mistake, now: map[string]model.Deployment{}, before: map[string]model.Deployment{}, answers: map[string]toyAnswer{}}
	server := httptest.NewServer(toy)
	t.Cleanup(server.Close)
	return server.URL
}

func (m *toy) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	m.mu.Lock()
	defer m.mu.Unlock()
	host := strings.Split(r.URL.Path, "/")[2]
	luck := rand.IntN(10)
	if r.Method == http.MethodGet {
		d, ok := m.now[host]
		if m.mistake == "stale reads" && luck == 0 {
			d, ok = m.before[host]
		}
		if !ok || d.Goal == "" {
			w.WriteHeader(http.StatusNotFound)
			return
		}
		_ = json.NewEncoder(w).Encode(d)
		return
	}
	if luck == 1 {
		w.WriteHeader(http.StatusBadGateway)
		if m.mistake != "effect in spite of 502" {
			return
		}
	}
	if luck == 2 && m.mistake == "acknowledged without effect" {
		return
	}
	id := r.Header.Get("Helios-Request-Id")
	answer, again := m.answers[id]
	if !again || m.mistake == "retries take effect again" {
		answer = m.write(host, r)
		m.answers[id] = answer
	}
	switch {
	case luck == 1:
	case luck == 3:
		panic(http.ErrAbortHandler) // the answer gets lost
	default:
		w.WriteHeader(answer.status)
		fmt.Fprintf(w, `{"status":%q}`, answer.word)
	}
}

func (m *toy) write(host string, r *http.Request) toyAnswer {
	var d model.Deployment
	_ = json.NewDecoder(r.Body).Decode(&d)
	old, exists := m.now[host]
	switch r.Method {
	case http.MethodPut:
		if exists {
			return toyAnswer{400, model.CodeJobAlreadyDeployed}
		}
		d.DeployerUser = r.URL.Query().Get("user")
		m.now[host] = d
	case http.MethodPatch:
		if !exists {
			return toyAnswer{404, model.CodeJobNotDeployed}
		}
		m.now[host] = model.Deployment{JobID: old.JobID, Goal: d.Goal, DeployerUser: old.DeployerUser}
	case http.MethodDelete:
		if !exists {
			return toyAnswer{404, model.CodeJobNotFound}
		}
		delete(m.now, host)
	}
	m.before[host] = old
	return toyAnswer{200, model.CodeOK}
}

func TestWorkload(t *testing.T) {
	t.Parallel()
	job := model.JobID{Name: "web", Version: "1", Hash: strings.Repeat("a", 40)}
	for mistake, legal := range map[string]bool{
		"": true, "stale reads": false, "effect in spite of 502": false, "acknowledged without effect": false, "retries take effect again": false,
	} {
		t.Run(mistake, func(t *testing.T) {
			t.Parallel()
			const clients, during = 6, 2 * time.Second
			var hosts []string
			for i := range linear.Registers(during) {
				hosts = append(hosts, fmt.Sprintf("web-%d", i))
			}
			history, strange := linear.Workload{
				Masters: []string{startToy(t, mistake)}, Job: job, Hosts: hosts, Clients: clients, For: during, Seed: 1,
			}.Run(context.Background())
			if len(strange) > 0 {
				t.Fatal(strange)
			}
			verdict, err := linear.Check(history, 5*time.Second, t.TempDir())
			if err != nil {
				t.Fatal(err)
			}
			t.Log(verdict)
			if verdict.OK() != legal {
				t.Errorf("the verdict on a master with the mistake %q is %s", mistake, verdict)
			}
			if verdict.Operations < 100 || verdict.Unknown == 0 {
				t.Errorf("too little happened: %s", verdict)
			}
		})
	}
}

func TestStrangeAnswersAreTold(t *testing.T) {
	t.Parallel()
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusTeapot) }))
	t.Cleanup(server.Close)
	history, strange := linear.Workload{
		Masters: []string{server.URL}, Job: model.JobID{Name: "web", Version: "1"}, Hosts: []string{"web-1"}, Clients: 1, For: 300 * time.Millisecond,
	}.Run(context.Background())
	if len(strange) == 0 || len(history) == 0 {
		t.Errorf("of %d operations %d had strange answers", len(history), len(strange))
	}
}
