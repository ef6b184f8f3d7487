package registrar

import (
	"fmt"
	"maps"
	"net/netip"
	"slices"
	"strings"

	"github.com/heliosctl/heliosctl/model"
)

// The service as which the masters are found.
const (
	MasterService  = "helios"
	MasterProtocol = "http"
)

// Host is where endpoints are.
type Host struct {
	Name   string     // as the agent was given it
	IP     netip.Addr // at which others reach it; zero when not known
	Domain string     // of services whose job names none, or a relative one
}

// Endpoint is one port of a running task under the name of a service.
type Endpoint struct {
	Name     string // of the service
	Protocol string // that it speaks, such as http
	Domain   string // in which it is to be found, with or without a trailing dot
	Port     int    // on the host

	Host string     // name of the host, or its address when it has no name
	IP   netip.Addr // of the host; zero when not known
	Bind netip.Addr // the only address of the host that the port answers at; zero when it answers at all of them

	Tags        []string
	HealthCheck *HealthCheck // nil: none that the network can ask
}

// HealthCheck tells how to ask an endpoint for its health.
type HealthCheck struct {
	Type string // model.HealthCheckHTTP or model.HealthCheckTCP
	Path string // of HTTP
}

// Registration is everything to register for one task.
type Registration struct {
	Job       model.JobID // zero for what is not a job, such as a master
	Endpoints []Endpoint
}

// Address is where the endpoint answers, zero when not known.
func (e Endpoint) Address() netip.Addr {
	// What is no address has none.
	named, _ := netip.ParseAddr(e.Host)
	for _, address := range []netip.Addr{e.Bind, e.IP, named} {
		if address.IsValid() && address.Zone() == "" {
			return address.Unmap()
		}
	}
	return netip.Addr{}
}

// Endpoints returns the endpoints of a task in a stable order: one for each port of each service that the job registers. ports are
// the external ports in use, by name; those the job fixes need not be there. A service whose port is not mapped or has no external
// port is left out, with a line in skipped.
func Endpoints(job model.Job, ports map[string]int, host Host) (endpoints []Endpoint, skipped []string) {
	domain := registrationDomain(job.RegistrationDomain, host.Domain)
	for _, service := range slices.SortedFunc(maps.Keys(job.Registration), model.ServiceEndpoint.Compare) {
		registered := job.Registration[service].Ports
		for _, name := range slices.Sorted(maps.Keys(registered)) {
			mapping, mapped := job.Ports[name]
			if !mapped {
				skipped = append(skipped, fmt.Sprintf("service %s: port %q is not mapped", service, name))
				continue
			}
			port := ports[name]
			if mapping.ExternalPort != nil {
				port = *mapping.ExternalPort
			}
			if port <= 0 {
				skipped = append(skipped, fmt.Sprintf("service %s: port %q has no external port", service, name))
				continue
			}
			endpoints = append(endpoints, Endpoint{
				Name:        service.Name,
				Protocol:    service.Protocol,
				Domain:      domain,
				Port:        port,
				Host:        host.Name,
				IP:          host.IP.Unmap(),
				Bind:        bindAddress(mapping.IP),
				Tags:        registered[name].Tags,
				HealthCheck: endpointCheck(job.HealthCheck, name),
			})
		}
	}
	return endpoints, skipped
}

// MasterEndpoint is how the master at an address is registered.
func MasterEndpoint(host Host, port int) Endpoint {
	return Endpoint{
		Name: MasterService, Protocol: MasterProtocol, Domain: host.Domain, Port: port, Host: host.Name, IP: host.IP.Unmap(),
	}
}

// registrationDomain is the original's rule: a job's domain is below the agent's unless it ends in a dot.
func registrationDomain(job, agent string) string {
	switch {
	case job == "":
		return agent
	case strings.HasSuffix(job, "."):
		return job
	default:
		return job + "." + agent
	}
}

// bindAddress returns the address that a port is bound to when that restricts where it answers. A port of the loopback is
// registered like any other: which hosts may use it is for the job to know.
func bindAddress(ip string) netip.Addr {
	address, err := netip.ParseAddr(ip)
	if err != nil || address.IsUnspecified() || address.IsLoopback() || address.Zone() != "" {
		return netip.Addr{}
	}
	return address.Unmap()
}

func endpointCheck(check *model.HealthCheck, port string) *HealthCheck {
	if check == nil || check.Port != port {
		return nil
	}
	switch check.Type {
	case model.HealthCheckHTTP:
		return &HealthCheck{Type: model.HealthCheckHTTP, Path: check.Path}
	case model.HealthCheckTCP:
		return &HealthCheck{Type: model.HealthCheckTCP}
	}
	return nil
}
