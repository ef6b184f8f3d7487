package registrar

import (
	"net/netip"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/heliosctl/heliosctl/model"
)

var sameAddr = cmp.Comparer(func(a, b netip.Addr) bool { return a == b })

func TestEndpoints(t *testing.T) {
	web := model.ServiceEndpoint{Name: "web", Protocol: "http"}
	admin := model.ServiceEndpoint{Name: "admin", Protocol: "tcp"}
	ports := func(names ...string) model.ServicePorts {
		registered := model.ServicePorts{Ports: map[string]model.ServicePortParameters{}}
		for _, name := range names {
			registered.Ports[name] = model.ServicePortParameters{}
		}
		return registered
	}
	fixed := 8080
	host := Host{Name: "web1.example.com", IP: netip.MustParseAddr("10.0.0.1"), Domain: "example.com"}
	endpoint := func(edit func(*Endpoint)) Endpoint {
		e := Endpoint{Name: "web", Protocol: "http", Domain: "example.com", Port: 20001, Host: host.Name, IP: host.IP}
		edit(&e)
		return e
	}
	same := func(*Endpoint) {}
	mapped := map[string]model.PortMapping{"http": {InternalPort: 80}}
	in := func(domain string) model.Job {
		return model.Job{
			Ports: mapped, RegistrationDomain: domain, Registration: map[model.ServiceEndpoint]model.ServicePorts{web: ports("http")},
		}
	}
	allocated := map[string]int{"http": 20001}

	tests := map[string]struct {
		job     model.Job
		ports   map[string]int
		host    Host
		want    []Endpoint
		skipped []string
	}{
		"job without registration": {job: model.Job{Ports: mapped}, ports: allocated, host: host},
		"dynamic port":             {job: in(""), ports: allocated, host: host, want: []Endpoint{endpoint(same)}},
		"static port": {
			job: model.Job{
				Ports:        map[string]model.PortMapping{"http": {InternalPort: 80, ExternalPort: &fixed}},
				Registration: map[model.ServiceEndpoint]model.ServicePorts{web: ports("http")},
			},
			host: host,
			want: []Endpoint{endpoint(func(e *Endpoint) { e.Port = 8080 })},
		},
		"one endpoint for each port of each service": {
			job: model.Job{
				Ports:        map[string]model.PortMapping{"http": {}, "alt": {}, "admin": {}},
				Registration: map[model.ServiceEndpoint]model.ServicePorts{web: ports("http", "alt"), admin: ports("admin")},
			},
			ports: map[string]int{"http": 20001, "alt": 20002, "admin": 20003},
			host:  host,
			want: []Endpoint{
				endpoint(func(e *Endpoint) { e.Name, e.Protocol, e.Port = "admin", "tcp", 20003 }),
				endpoint(func(e *Endpoint) { e.Port = 20002 }),
				endpoint(same),
			},
		},
		"port that is not mapped": {
			job: model.Job{
				Ports:        mapped,
				Registration: map[model.ServiceEndpoint]model.ServicePorts{web: ports("http", "https")},
			},
			ports: allocated, host: host,
			want:    []Endpoint{endpoint(same)},
			skipped: []string{`service web/http: port "https" is not mapped`},
		},
		"port that was not allocated": {
			job: in(""), host: host, skipped: []string{`service web/http: port "http" has no external port`},
		},
		"tags": {
			job: model.Job{Ports: mapped, Registration: map[model.ServiceEndpoint]model.ServicePorts{
				web: {Ports: map[string]model.ServicePortParameters{"http": {Tags: []string{"blue", "v2"}}}},
			}},
			ports: allocated, host: host,
			want: []Endpoint{endpoint(func(e *Endpoint) { e.Tags = []string{"blue", "v2"} })},
		},
		"port bound to one address": {
			job: model.Job{
				Ports:        map[string]model.PortMapping{"http": {IP: "10.9.9.9"}},
				Registration: map[model.ServiceEndpoint]model.ServicePorts{web: ports("http")},
			},
			ports: allocated, host: host,
			want: []Endpoint{endpoint(func(e *Endpoint) { e.Bind = netip.MustParseAddr("10.9.9.9") })},
		},
		"port bound to all addresses": {
			job: model.Job{
				Ports:        map[string]model.PortMapping{"http": {IP: "0.0.0.0"}},
				Registration: map[model.ServiceEndpoint]model.ServicePorts{web: ports("http")},
			},
			ports: allocated, host: host,
			want: []Endpoint{endpoint(same)},
		},
		"domain below the host's": {
			job: in("blue"), ports: allocated, host: host,
			want: []Endpoint{endpoint(func(e *Endpoint) { e.Domain = "blue.example.com" })},
		},
		"domain of its own": {
			job: in("other.org."), ports: allocated, host: host,
			want: []Endpoint{endpoint(func(e *Endpoint) { e.Domain = "other.org." })},
		},
		"domain below a host without one": {
			job: in("blue"), ports: allocated, host: Host{Name: host.Name, IP: host.IP},
			want: []Endpoint{endpoint(func(e *Endpoint) { e.Domain = "blue." })},
		},
		"no domain at all": {
			job: in(""), ports: allocated, host: Host{Name: host.Name, IP: host.IP},
			want: []Endpoint{endpoint(func(e *Endpoint) { e.Domain = "" })},
		},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			got, skipped := Endpoints(test.job, test.ports, test.host)
			if diff := cmp.Diff(test.want, got, sameAddr); diff != "" {
				t.Errorf("endpoints (-want +got):\n%s", diff)
			}
			if diff := cmp.Diff(test.skipped, skipped); diff != "" {
				t.Errorf("skipped (-want +got):\n%s", diff)
			}
		})
	}
}

func TestEndpointHealthCheck(t *testing.T) {
	tests := map[string]struct {
		check *model.HealthCheck
		want  *HealthCheck
	}{
		"none":       {},
		"http":       {&model.HealthCheck{Type: "http", Path: "/up", Port: "http"}, &HealthCheck{Type: "http", Path: "/up"}},
		"tcp":        {&model.HealthCheck{Type: "tcp", Port: "http"}, &HealthCheck{Type: "tcp"}},
		"exec":       {&model.HealthCheck{Type: "exec", Command: []string{"true"}}, nil},
		"other port": {&model.HealthCheck{Type: "tcp", Port: "admin"}, nil},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			job := model.Job{
				Ports:       map[string]model.PortMapping{"http": {}, "admin": {}},
				HealthCheck: test.check,
				Registration: map[model.ServiceEndpoint]model.ServicePorts{
					{Name: "web", Protocol: "http"}: {Ports: map[string]model.ServicePortParameters{"http": {}}},
				},
			}
			endpoints, _ := Endpoints(job, map[string]int{"http": 1, "admin": 2}, Host{Name: "h"})
			if len(endpoints) != 1 {
				t.Fatalf("got %d endpoints, want 1", len(endpoints))
			}
			if diff := cmp.Diff(test.want, endpoints[0].HealthCheck); diff != "" {
				t.Errorf("health check (-want +got):\n%s", diff)
			}
		})
	}
}

func TestEndpointAddress(t *testing.T) {
	ip := netip.MustParseAddr
	tests := map[string]struct {
		endpoint Endpoint
		want     netip.Addr
	}{
		"none":                    {Endpoint{Host: "web1"}, netip.Addr{}},
		"of the host":             {Endpoint{Host: "web1", IP: ip("10.0.0.1")}, ip("10.0.0.1")},
		"of the port":             {Endpoint{Host: "web1", IP: ip("10.0.0.1"), Bind: ip("10.9.9.9")}, ip("10.9.9.9")},
		"in the name of the host": {Endpoint{Host: "fd00::1"}, ip("fd00::1")},
		"IPv4 written as IPv6":    {Endpoint{Host: "web1", IP: ip("::ffff:10.0.0.1")}, ip("10.0.0.1")},
		"of one interface only":   {Endpoint{Host: "web1", IP: ip("fe80::1%eth0")}, netip.Addr{}},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			if got := test.endpoint.Address(); got != test.want {
				t.Errorf("got %v, want %v", got, test.want)
			}
		})
	}
}
