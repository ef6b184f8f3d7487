package daemon

import (
	"context"
	"log/slog"
	"net/netip"
	"net/url"
	"strconv"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/heliosctl/heliosctl/daemon/container"
	"github.com/heliosctl/heliosctl/daemon/registrar"
	"github.com/heliosctl/heliosctl/model"
)

// startCluster runs a master with agents on the simulated runtime until the test ends.
func startCluster(t *testing.T, hosts ...string) *masterDaemon {
	t.Helper()
	config := Config{
		StateDir: t.TempDir(), Logger: slog.New(slog.DiscardHandler), Loopback: true,
		Master: &Master{Name: "m1", HTTP: "127.0.0.1:0", Gossip: "127.0.0.1:0", Raft: "127.0.0.1:0"},
	}
	sim := container.NewSim()
	for i, host := range hosts {
		config.Agents = append(config.Agents, Agent{
			Name: host, Gossip: "127.0.0.1:0", Runtime: RuntimeSim, Simulated: sim, PortRange: share(DefaultPortRange(), i, len(hosts)),
		})
	}
	var opened closers
	made, stages, err := open(config, &opened)
	t.Cleanup(func() {
		if err := opened.close(); err != nil {
			t.Error(err)
		}
	})
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- runStages(ctx, stages...) }()
	t.Cleanup(func() {
		cancel()
		if err := <-ended; err != nil {
			t.Error(err)
		}
	})
	if !made.awaitReady(t.Context()) {
		t.Fatal("the cluster is not ready")
	}
	return made.master
}

func TestCatalogTellsWhatIsAlive(t *testing.T) {
	d := startCluster(t, "h1", "h2")
	c := newCatalog(d.master, d.pool, "example.com")
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		_ = c.run(ctx)
	}()
	defer func() {
		cancel()
		<-ended
	}()

	loopback := netip.MustParseAddr("127.0.0.1")
	api, err := url.Parse(reachable(d.http, ""))
	if err != nil {
		t.Fatal(err)
	}
	port, err := strconv.Atoi(api.Port())
	if err != nil {
		t.Fatal(err)
	}
	masters := []registrar.Endpoint{{Name: "helios", Protocol: "http", Domain: "example.com", Port: port, Host: "m1", IP: loopback}}
	if diff := cmp.Diff(masters, c.Masters(), cmpopts.EquateComparable(netip.Addr{})); diff != "" {
		t.Errorf("masters (-want +got):\n%s", diff)
	}

	static := 8080
	job := model.Job{
		ID: model.JobID{Name: "web", Version: "1"}, Image: "nginx:1", RegistrationDomain: "eu",
		Ports: map[string]model.PortMapping{
			"http":  {InternalPort: 80, Protocol: "tcp"},
			"admin": {InternalPort: 81, ExternalPort: &static, Protocol: "tcp"},
		},
		Registration: map[model.ServiceEndpoint]model.ServicePorts{
			{Name: "web", Protocol: "http"}:   {Ports: map[string]model.ServicePortParameters{"http": {Tags: []string{"v1"}}}},
			{Name: "admin", Protocol: "http"}: {Ports: map[string]model.ServicePortParameters{"admin": {}}},
		},
	}
	user := model.Request{User: "alice"}
	id, err := d.master.CreateJob(ctx, user, job)
	if err != nil {
		t.Fatal(err)
	}
	for _, host := range []string{"h1", "h2"} {
		if err := d.master.Deploy(ctx, user, host, model.Deployment{JobID: id, Goal: model.GoalStart}, ""); err != nil {
			t.Fatal(err)
		}
	}
	offers := func(host string) []registrar.Endpoint {
		status, err := d.master.JobStatus(id)
		if err != nil {
			t.Fatal(err)
		}
		dynamic := 0
		if external := status.TaskStatuses[host].Ports["http"].ExternalPort; external != nil {
			dynamic = *external
		}
		return []registrar.Endpoint{
			{Name: "admin", Protocol: "http", Domain: "eu.example.com", Port: static, Host: host, IP: loopback},
			{Name: "web", Protocol: "http", Domain: "eu.example.com", Port: dynamic, Host: host, IP: loopback, Tags: []string{"v1"}},
		}
	}
	await := func(what string, hosts ...string) {
		t.Helper()
		deadline := time.After(20 * time.Second)
		for {
			changed := c.Changed()
			var want []registrar.Endpoint
			for _, host := range hosts {
				want = append(want, offers(host)...)
			}
			diff := cmp.Diff(want, c.Endpoints(), cmpopts.EquateComparable(netip.Addr{}))
			if diff == "" {
				return
			}
			select {
			case <-changed:
			case <-deadline:
				t.Fatalf("%s (-want +got):\n%s", what, diff)
			}
		}
	}
	await("both hosts", "h1", "h2")
	if err := d.master.SetGoal(ctx, user, "h1", model.Deployment{JobID: id, Goal: model.GoalStop}, ""); err != nil {
		t.Fatal(err)
	}
	await("after a stop", "h2")
	if err := d.master.Undeploy(ctx, user, "h2", id, ""); err != nil {
		t.Fatal(err)
	}
	await("after an undeploy")
}

func TestAPIAddress(t *testing.T) {
	for base, want := range map[string]struct {
		host string
		port int
		ok   bool
	}{
		"http://10.0.0.1:5801":   {"10.0.0.1", 5801, true},
		"http://[2001:db8::1]:1": {"2001:db8::1", 1, true},
		"http://10.0.0.1":        {},
		"http://a:99999":         {"a", 0, false},
		"":                       {},
		"::":                     {},
	} {
		host, port, ok := apiAddress(base)
		if ok != want.ok || ok && (host != want.host || port != want.port) {
			t.Errorf("%q: %q, %d, %v", base, host, port, ok)
		}
	}
}
