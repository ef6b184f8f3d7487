package registrar

import (
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"net"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/hashicorp/consul/api"

	"github.com/heliosctl/heliosctl/model"
)

// consulAgent answers like the agent of Consul's documented HTTP API, as far as services and their checks go. What it does with
// time it does when the test says so.
type consulAgent struct {
	*httptest.Server

	mu       sync.Mutex
	services map[string]*consulService
	status   int // answered to everything instead of doing it; 0: none
	hangs    bool
	token    string // asked for in every request; empty: none
	requests int
	gone     []string // services that were deregistered
}

type consulService struct {
	api.AgentServiceRegistration
	checks map[string]*consulCheck
}

type consulCheck struct {
	definition *api.AgentServiceCheck
	status     string
	passed     int
}

func startConsul(t *testing.T) *consulAgent {
	t.Helper()
	c := newConsulAgent()
	c.Start()
	t.Cleanup(c.Close)
	return c
}

// newConsulAgent makes one that has not started.
func newConsulAgent() *consulAgent {
	c := &consulAgent{services: map[string]*consulService{}}
	mux := http.NewServeMux()
	mux.HandleFunc("PUT /v1/agent/service/register", c.register)
	mux.HandleFunc("PUT /v1/agent/service/deregister/{id}", c.deregister)
	mux.HandleFunc("PUT /v1/agent/check/update/{id}", c.updateCheck)
	c.Server = httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		c.mu.Lock()
		c.requests++
		hangs, status, token := c.hangs, c.status, c.token
		c.mu.Unlock()
		switch {
		case hangs:
			// The caller's end is noticed only once its request has been read.
			_, _ = io.Copy(io.Discard, r.Body)
			<-r.Context().Done()
		case status != 0:
			http.Error(w, "as the test wants it", status)
		case token != "" && r.Header.Get("X-Consul-Token") != token:
			http.Error(w, "Permission denied", http.StatusForbidden)
		default:
			mux.ServeHTTP(w, r)
		}
	}))
	return c
}

func (c *consulAgent) register(w http.ResponseWriter, r *http.Request) {
	var registration api.AgentServiceRegistration
	if err := json.NewDecoder(r.Body).Decode(&registration); err != nil || registration.Name == "" {
		http.Error(w, "Missing service name", http.StatusBadRequest)
		return
	}
	service := &consulService{AgentServiceRegistration: registration, checks: map[string]*consulCheck{}}
	c.mu.Lock()
	defer c.mu.Unlock()
	old := c.services[registration.ID]
	if old != nil && r.URL.Query().Get("replace-existing-checks") != "true" {
		maps.Copy(service.checks, old.checks)
	}
	for _, definition := range registration.Checks {
		check := &consulCheck{definition: definition, status: definition.Status}
		// A check that is known keeps its state when its service is registered again.
		if old != nil && old.checks[definition.CheckID] != nil {
			check.status = old.checks[definition.CheckID].status
		}
		service.checks[definition.CheckID] = check
	}
	c.services[registration.ID] = service
}

func (c *consulAgent) deregister(w http.ResponseWriter, r *http.Request) {
	c.mu.Lock()
	defer c.mu.Unlock()
	id := r.PathValue("id")
	if c.services[id] == nil {
		http.Error(w, fmt.Sprintf("Unknown service ID %q", id), http.StatusNotFound)
		return
	}
	delete(c.services, id)
	c.gone = append(c.gone, id)
}

func (c *consulAgent) updateCheck(w http.ResponseWriter, r *http.Request) {
	var update struct{ Status, Output string }
	if err := json.NewDecoder(r.Body).Decode(&update); err != nil {
		http.Error(w, err.Error(), http.StatusBadRequest)
		return
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, service := range c.services {
		check := service.checks[r.PathValue("id")]
		if check == nil {
			continue
		}
		if check.definition.TTL == "" {
			http.Error(w, "CheckID does not have associated TTL", http.StatusBadRequest)
			return
		}
		check.status, check.passed = update.Status, check.passed+1
		return
	}
	http.Error(w, "Unknown check ID", http.StatusNotFound)
}

func (c *consulAgent) change(edit func()) {
	c.mu.Lock()
	defer c.mu.Unlock()
	edit()
}

// passing lists what Consul would hand out: the services all of whose checks pass.
func (c *consulAgent) passing() []string {
	c.mu.Lock()
	defer c.mu.Unlock()
	var ids []string
	for id, service := range c.services {
		healthy := true
		for _, check := range service.checks {
			healthy = healthy && check.status == api.HealthPassing
		}
		if healthy {
			ids = append(ids, id)
		}
	}
	slices.Sort(ids)
	return ids
}

func (c *consulAgent) awaitPassing(t *testing.T, want ...string) {
	t.Helper()
	eventually(t, func() error {
		if diff := cmp.Diff(want, c.passing()); diff != "" {
			return fmt.Errorf("passing services (-want +got):\n%s", diff)
		}
		return nil
	})
}

func (c *consulAgent) registrar(t *testing.T, edit func(*ConsulConfig)) Registrar {
	t.Helper()
	config := ConsulConfig{Address: c.URL, TTL: minConsulTTL, Logger: testLogger(t)}
	if edit != nil {
		edit(&config)
	}
	r, err := NewConsul(config)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

const (
	web1Service = "helios-web1_example_com-web-http-8080"
	web2Service = "helios-web2_example_com-web-http-8080"
)

func TestConsulRegistersAndUnregisters(t *testing.T) {
	t.Parallel()
	c := startConsul(t)
	r := c.registrar(t, nil)
	run(t, r)
	first := r.Register(webOn("web1.example.com", 8080))
	second := r.Register(webOn("web2.example.com", 8080))
	c.awaitPassing(t, web1Service, web2Service)
	if err := r.Unregister(t.Context(), first); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff([]string{web2Service}, c.passing()); diff != "" {
		t.Errorf("services after the first left (-want +got):\n%s", diff)
	}

	// One that Consul has dropped already is unregistered.
	c.change(func() { clear(c.services) })
	if err := r.Unregister(t.Context(), second); err != nil {
		t.Fatal(err)
	}
}

func TestConsulIsToldEverythingOfAnEndpoint(t *testing.T) {
	t.Parallel()
	c := startConsul(t)
	r := c.registrar(t, nil)
	run(t, r)
	r.Register(Registration{
		Job: model.JobID{Name: "shop", Version: "7", Hash: strings.Repeat("b", 40)},
		Endpoints: []Endpoint{{
			Name: "shop", Protocol: "http", Domain: "example.com", Port: 20001, Host: "web1", IP: netip.MustParseAddr("fd00::1"),
			Tags: []string{"blue"}, HealthCheck: &HealthCheck{Type: "http", Path: "up?deep=1"},
		}},
	})
	const id = "helios-web1-shop-http-20001"
	c.awaitPassing(t, id)
	want := api.AgentServiceRegistration{
		ID: id, Name: "shop", Tags: []string{"blue", "http"}, Port: 20001, Address: "fd00::1",
		Meta: map[string]string{
			"host": "web1", "job": "shop:7:" + strings.Repeat("b", 40), "domain": "example.com", "protocol": "http",
		},
		Checks: api.AgentServiceChecks{
			{
				CheckID: id + "-alive", Name: "heliosctl", TTL: "3s", Status: "passing", DeregisterCriticalServiceAfter: "1m0s",
			},
			{
				CheckID: id + "-health", Name: "http health check", HTTP: "http://[fd00::1]:20001/up?deep=1",
				Interval: "10s", Timeout: "10s", Status: "passing",
			},
		},
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if diff := cmp.Diff(want, c.services[id].AgentServiceRegistration); diff != "" {
		t.Errorf("registration (-want +got):\n%s", diff)
	}
}

func TestConsulHealthChecks(t *testing.T) {
	service, err := newConsulBackend(ConsulConfig{}.withDefaults())
	if err != nil {
		t.Fatal(err)
	}
	tests := map[string]struct {
		check     *HealthCheck
		http, tcp string
	}{
		"none": {},
		"http": {check: &HealthCheck{Type: "http", Path: "/up"}, http: "http://h:80/up"},
		"tcp":  {check: &HealthCheck{Type: "tcp"}, tcp: "h:80"},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			check := service.check("id", Endpoint{HealthCheck: test.check}, "h:80")
			if (check != nil) != (test.check != nil) {
				t.Fatalf("got %v for %v", check, test.check)
			}
			if check != nil && (check.HTTP != test.http || check.TCP != test.tcp) {
				t.Errorf("got http %q, tcp %q; want http %q, tcp %q", check.HTTP, check.TCP, test.http, test.tcp)
			}
		})
	}
}

func TestConsulServicesStayAlive(t *testing.T) {
	t.Parallel()
	c := startConsul(t)
	r := c.registrar(t, nil)
	run(t, r)
	r.Register(webOn("web1.example.com", 8080))
	c.awaitPassing(t, web1Service)
	eventually(t, func() error {
		c.mu.Lock()
		defer c.mu.Unlock()
		if passed := c.services[web1Service].checks[aliveCheck(web1Service)].passed; passed < 3 {
			return fmt.Errorf("passed %d times", passed)
		}
		return nil
	})
}

// A Consul agent that restarts without its state has lost every service.
func TestConsulThatForgetsIsToldAgain(t *testing.T) {
	t.Parallel()
	c := startConsul(t)
	r := c.registrar(t, nil)
	run(t, r)
	r.Register(webOn("web1.example.com", 8080))
	r.Register(webOn("web2.example.com", 8080))
	c.awaitPassing(t, web1Service, web2Service)
	c.change(func() { clear(c.services) })
	c.awaitPassing(t, web1Service, web2Service)
}

func TestConsulOutages(t *testing.T) {
	t.Parallel()
	outages := map[string]func(c *consulAgent, on bool){
		"hanging":         func(c *consulAgent, on bool) { c.hangs = on },
		"no answer":       func(c *consulAgent, on bool) { c.status = map[bool]int{true: http.StatusBadGateway}[on] },
		"internal errors": func(c *consulAgent, on bool) { c.status = map[bool]int{true: http.StatusInternalServerError}[on] },
		"rate limit":      func(c *consulAgent, on bool) { c.status = map[bool]int{true: http.StatusTooManyRequests}[on] },
	}
	for name, outage := range outages {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			c := startConsul(t)
			c.change(func() { outage(c, true) })
			r := c.registrar(t, nil)
			run(t, r)
			r.Register(webOn("web1.example.com", 8080))
			eventually(t, func() error {
				c.mu.Lock()
				defer c.mu.Unlock()
				if c.requests == 0 {
					return fmt.Errorf("not asked yet")
				}
				return nil
			})
			c.change(func() { outage(c, false) })
			c.awaitPassing(t, web1Service)
		})
	}
}

func TestConsulThatStartsLater(t *testing.T) {
	t.Parallel()
	c := newConsulAgent()
	address := c.Listener.Addr().String()
	c.Listener.Close()
	r := c.registrar(t, func(config *ConsulConfig) { config.Address = address })
	run(t, r)
	r.Register(webOn("web1.example.com", 8080))
	var err error
	if c.Listener, err = net.Listen("tcp", address); err != nil {
		t.Fatal(err)
	}
	c.Start()
	t.Cleanup(c.Close)
	c.awaitPassing(t, web1Service)
}

func TestConsulServicesOutliveARestartOfTheirDaemon(t *testing.T) {
	t.Parallel()
	c := startConsul(t)
	old := c.registrar(t, nil)
	stop := run(t, old)
	old.Register(webOn("web1.example.com", 8080))
	c.awaitPassing(t, web1Service)
	stop()
	if diff := cmp.Diff([]string{web1Service}, c.passing()); diff != "" {
		t.Errorf("services while the daemon is away (-want +got):\n%s", diff)
	}

	// The daemon is away for longer than the time to live.
	c.change(func() { c.services[web1Service].checks[aliveCheck(web1Service)].status = api.HealthCritical })
	next := c.registrar(t, nil)
	run(t, next)
	next.Register(webOn("web1.example.com", 8080))
	c.awaitPassing(t, web1Service)
	if len(c.gone) != 0 {
		t.Errorf("%v was away for a moment", c.gone)
	}
}

func TestConsulDropsTheChecksOfAnEarlierJob(t *testing.T) {
	t.Parallel()
	c := startConsul(t)
	old := c.registrar(t, nil)
	stop := run(t, old)
	checked := webOn("web1.example.com", 8080)
	checked.Endpoints[0].HealthCheck = &HealthCheck{Type: "tcp"}
	old.Register(checked)
	c.awaitPassing(t, web1Service)
	stop()
	next := c.registrar(t, nil)
	run(t, next)
	next.Register(webOn("web1.example.com", 8080))
	eventually(t, func() error {
		c.mu.Lock()
		defer c.mu.Unlock()
		if n := len(c.services[web1Service].checks); n != 1 {
			return fmt.Errorf("%d checks, want 1", n)
		}
		return nil
	})
}

func TestConsulToken(t *testing.T) {
	t.Parallel()
	c := startConsul(t)
	c.token = "secret"
	r := c.registrar(t, func(config *ConsulConfig) { config.Token = "secret" })
	run(t, r)
	r.Register(webOn("web1.example.com", 8080))
	c.awaitPassing(t, web1Service)

	refused := c.registrar(t, func(config *ConsulConfig) { config.Token = "wrong" })
	run(t, refused)
	handle := refused.Register(webOn("web2.example.com", 8080))
	if err := refused.Unregister(t.Context(), handle); err != nil {
		t.Errorf("a task waits for a registry that refuses: %v", err)
	}
}

func TestConsulConfigurationFaults(t *testing.T) {
	_, err := NewConsul(ConsulConfig{Address: "gopher://consul", TTL: time.Second, RemoveAfter: time.Second})
	if model.CodeOf(err) != model.CodeInvalid {
		t.Fatalf("got %v, want code %s", err, model.CodeInvalid)
	}
	if details := err.(*model.Error).Details; len(details) != 3 {
		t.Errorf("details %q, want one for each of 3 faults", details)
	}
}
