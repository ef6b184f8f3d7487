package registrar

import (
	"context"
	"errors"
	"log/slog"
	"net"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/hashicorp/consul/api"

	"github.com/heliosctl/heliosctl/model"
)

const (
	consulTimeout      = 5 * time.Second  // of one call
	consulCheckTimeout = 10 * time.Second // that Consul gives an HTTP or TCP check
	minConsulTTL       = 3 * time.Second
	minConsulRemoval   = time.Minute // Consul takes anything shorter for this
)

// ConsulConfig says how services are registered with a Consul agent: the one on the same host, by the rules of Consul. Zero values
// take the default that is named; what Consul's own environment variables set (CONSUL_CACERT and others) holds too.
type ConsulConfig struct {
	Address string // HOST:PORT, or a URL of http, https or unix; CONSUL_HTTP_ADDR, else localhost:8500
	Token   string // CONSUL_HTTP_TOKEN

	TTL           time.Duration // a service is critical when its daemon is not heard of for so long, 3 s or more; 30 s
	RemoveAfter   time.Duration // of being critical, 1 min or more; 1 min
	CheckInterval time.Duration // between two HTTP or TCP checks of services whose jobs have one; 10 s

	Logger *slog.Logger // nil: silent
}

func (c ConsulConfig) withDefaults() ConsulConfig {
	setDefault(&c.TTL, 30*time.Second)
	setDefault(&c.RemoveAfter, minConsulRemoval)
	setDefault(&c.CheckInterval, 10*time.Second)
	return c
}

// NewConsul makes a registrar that speaks to a Consul agent. The error has CodeInvalid and lists every fault of the configuration in
// its Details. Nothing is connected before Run.
func NewConsul(config ConsulConfig) (Registrar, error) {
	config = config.withDefaults()
	var faults []string
	if config.TTL < minConsulTTL {
		faults = append(faults, "the time to live of services is shorter than "+minConsulTTL.String())
	}
	if config.RemoveAfter < minConsulRemoval {
		faults = append(faults, "critical services are removed sooner than after "+minConsulRemoval.String())
	}
	service, err := newConsulBackend(config)
	if err != nil {
		faults = append(faults, err.Error())
	}
	if err := invalid("consul service registry", faults); err != nil {
		return nil, err
	}
	refresh := config.TTL / 3
	return newKeeper(func(context.Context) (backend, error) { return service, nil }, refresh, min(consulTimeout, refresh), config.Logger), nil
}

func newConsulBackend(config ConsulConfig) (*consul, error) {
	settings := api.DefaultConfig()
	if config.Address != "" {
		settings.Address = config.Address
	}
	if config.Token != "" {
		settings.Token = config.Token
	}
	client, err := api.NewClient(settings)
	if err != nil {
		return nil, err
	}
	return &consul{agent: client.Agent(), config: config, http: settings.HttpClient}, nil
}

// consul is the backend of one host. Each service has a check that only this daemon can pass, so that it becomes critical when the
// host or the daemon is gone, and a check of its own where its job has one.
type consul struct {
	agent  *api.Agent
	config ConsulConfig
	http   *http.Client // of the agent
}

func (c *consul) id(e Endpoint) (string, error) {
	if e.Name == "" || e.Host == "" || e.Port <= 0 {
		return "", model.Errorf(model.CodeInvalid, "an endpoint needs the name of a service, a host and a port")
	}
	parts := []string{"helios", e.Host, e.Name, e.Protocol, strconv.Itoa(e.Port)}
	for i, part := range parts {
		parts[i] = strings.Map(instanceRune, strings.ToLower(part))
	}
	return strings.Join(parts, "-"), nil
}

func (c *consul) put(ctx context.Context, r record) error {
	// Checks that an earlier registration had and this one has not would keep the service critical.
	options := api.ServiceRegisterOpts{ReplaceExistingChecks: true}.WithContext(ctx)
	if err := c.agent.ServiceRegisterOpts(c.service(r), options); err != nil {
		return consulError(err)
	}
	// A check that is registered again keeps the state it had, critical after an absence.
	return c.pass(ctx, r.id)
}

func (c *consul) remove(ctx context.Context, id string) error {
	err := consulError(c.agent.ServiceDeregisterOpts(id, (&api.QueryOptions{}).WithContext(ctx)))
	if errors.Is(err, errUnknownToConsul) {
		return nil
	}
	return err
}

// refresh passes the checks. A Consul agent that does not know one has been restarted without its state.
func (c *consul) refresh(ctx context.Context, ids []string) (lost []string, err error) {
	for _, id := range ids {
		err := c.pass(ctx, id)
		if errors.Is(err, model.ErrUnavailable) {
			return nil, err
		}
		if err != nil {
			lost = append(lost, id)
		}
	}
	return lost, nil
}

func (c *consul) pass(ctx context.Context, id string) error {
	err := c.agent.UpdateTTLOpts(aliveCheck(id), "heliosctl runs it", api.HealthPassing, (&api.QueryOptions{}).WithContext(ctx))
	return consulError(err)
}

func (c *consul) close() { c.http.CloseIdleConnections() }

func aliveCheck(id string) string { return id + "-alive" }

// service says what Consul is told of an endpoint. The protocol is a tag, so that _web._http.service.consul finds it.
func (c *consul) service(r record) *api.AgentServiceRegistration {
	e := r.endpoint
	address := e.Host
	if ip := e.Address(); ip.IsValid() {
		address = ip.String()
	}
	tags := slices.Clone(e.Tags)
	if e.Protocol != "" && !slices.Contains(tags, e.Protocol) {
		tags = append(tags, e.Protocol)
	}
	checks := api.AgentServiceChecks{{
		CheckID:                        aliveCheck(r.id),
		Name:                           "heliosctl",
		TTL:                            c.config.TTL.String(),
		Status:                         api.HealthPassing,
		DeregisterCriticalServiceAfter: c.config.RemoveAfter.String(),
	}}
	if check := c.check(r.id, e, net.JoinHostPort(address, strconv.Itoa(e.Port))); check != nil {
		checks = append(checks, check)
	}
	meta := map[string]string{"host": e.Host, "domain": e.Domain, "protocol": e.Protocol}
	if r.job != (model.JobID{}) {
		meta["job"] = r.job.String()
	}
	return &api.AgentServiceRegistration{
		ID: r.id, Name: e.Name, Tags: tags, Port: e.Port, Address: address, Meta: meta, Checks: checks,
	}
}

// check is what Consul asks the service itself, nil when its job does not say. The task has just passed it.
func (c *consul) check(id string, e Endpoint, address string) *api.AgentServiceCheck {
	if e.HealthCheck == nil {
		return nil
	}
	check := &api.AgentServiceCheck{
		CheckID:  id + "-health",
		Name:     e.HealthCheck.Type + " health check",
		Interval: c.config.CheckInterval.String(),
		Timeout:  consulCheckTimeout.String(),
		Status:   api.HealthPassing,
	}
	if e.HealthCheck.Type == model.HealthCheckTCP {
		check.TCP = address
	} else {
		check.HTTP = "http://" + address + "/" + strings.TrimPrefix(e.HealthCheck.Path, "/")
	}
	return check
}

// errUnknownToConsul is what Consul says of a service that it does not have.
var errUnknownToConsul = &model.Error{Code: model.CodeNotFound}

// consulError tells a Consul that does not answer from one that refuses.
func consulError(err error) error {
	var refusal api.StatusError
	switch {
	case err == nil:
		return nil
	case !errors.As(err, &refusal):
		return model.Errorf(model.CodeUnavailable, "consul does not answer: %v", err)
	}
	switch refusal.Code {
	case http.StatusNotFound:
		return model.Errorf(model.CodeNotFound, "consul does not know it: %v", err)
	case http.StatusForbidden, http.StatusUnauthorized:
		return model.Errorf(model.CodeForbidden, "consul does not let us: %v", err)
	case http.StatusTooManyRequests, http.StatusBadGateway, http.StatusServiceUnavailable, http.StatusGatewayTimeout:
		return model.Errorf(model.CodeUnavailable, "consul cannot answer: %v", err)
	default:
		return model.Errorf(model.CodeInternal, "consul refuses: %v", err)
	}
}
