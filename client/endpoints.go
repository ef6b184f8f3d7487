package client

import (
	"cmp"
	"context"
	"crypto/tls"
	"fmt"
	"math/rand/v2"
	"net"
	"net/http"
	"net/netip"
	"net/url"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/heliosctl/heliosctl/model"
)

const (
	// dialTimeout is enough for a first packet that is lost, which is sent again after a second.
	dialTimeout    = 1500 * time.Millisecond
	resolveTimeout = 2 * time.Second

	// penalty is how long an endpoint that failed is tried after the others.
	penalty = 5 * time.Second

	// suspicion is how long an endpoint may be silent until new calls try the others first.
	suspicion = time.Second

	// resolveAgain is how old the addresses must be to be looked up again after none of them answered.
	resolveAgain = 5 * time.Second
)

// target is one URL that was configured, or found in a domain.
type target struct {
	url *url.URL
	clients
}

// clients speak to targets of the same scheme, and with HTTPS of the same name.
type clients struct {
	calls   *http.Client
	streams *http.Client
}

// endpoint is one address of a target.
type endpoint struct {
	url   string // as configured, without a slash at the end
	label string // for messages: the configured URL, with the address where that is not in it
	base  string // scheme, address, port and path, without a slash at the end
	host  string // the Host header
	clients

	// Guarded by endpoints.mu.
	failed time.Time // when it last failed; zero when it has answered since
	silent int       // calls that have waited for it for longer than suspicion
}

// endpoints gives out the addresses of all targets in turn, those that do not answer last. It is safe for concurrent use.
type endpoints struct {
	targets  []target // configured
	domain   *Domain
	resolver *net.Resolver
	plain    clients
	tls      *tls.Config
	shared   bool // the transport of plain calls is somebody else's

	mu       sync.Mutex
	secure   map[string]clients // by the name in the certificate
	known    []*endpoint
	resolved time.Time
	next     int
}

func newEndpoints(config Config) (*endpoints, error) {
	if len(config.Endpoints) == 0 && config.Domain == nil {
		return nil, model.Errorf(model.CodeInvalid, "no masters to speak to: name at least one, such as http://localhost:5801")
	}
	calls, shared := config.Transport, config.Transport != nil
	if !shared {
		calls = newTransport(callDialer())
	}
	e := &endpoints{
		domain: config.Domain, resolver: config.Resolver, tls: config.TLS, shared: shared, next: rand.IntN(1 << 16), secure: map[string]clients{},
		plain: clients{calls: newHTTPClient(calls), streams: newHTTPClient(newTransport(streamDialer()))},
	}
	if e.resolver == nil {
		e.resolver = net.DefaultResolver
	}
	for _, text := range config.Endpoints {
		t, err := e.newTarget(text)
		if err != nil {
			return nil, err
		}
		e.targets = append(e.targets, t)
	}
	return e, nil
}

func (e *endpoints) newTarget(text string) (target, error) {
	u, err := parseEndpoint(text)
	if err != nil {
		return target{}, err
	}
	if u.Scheme != "https" {
		return target{u, e.plain}, nil
	}
	// Requests go to addresses, so the name to check the certificate against has to be given.
	name := strings.TrimSuffix(u.Hostname(), ".")
	e.mu.Lock()
	defer e.mu.Unlock()
	secure, ok := e.secure[name]
	if !ok {
		secure = clients{calls: e.newTLSClient(callDialer(), name), streams: e.newTLSClient(streamDialer(), name)}
		e.secure[name] = secure
	}
	return target{u, secure}, nil
}

func (e *endpoints) newTLSClient(dialer *net.Dialer, name string) *http.Client {
	transport := newTransport(dialer)
	transport.TLSClientConfig = &tls.Config{}
	if e.tls != nil {
		transport.TLSClientConfig = e.tls.Clone()
	}
	transport.TLSClientConfig.ServerName = name
	return newHTTPClient(transport)
}

func newHTTPClient(transport *http.Transport) *http.Client {
	return &http.Client{
		Transport:     transport,
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}
}

func parseEndpoint(text string) (*url.URL, error) {
	u, err := url.Parse(text)
	if err != nil || (u.Scheme != "http" && u.Scheme != "https") || u.Hostname() == "" || u.Port() == "" {
		return nil, model.Errorf(model.CodeInvalid, "bad master address %q: it must look like http://host:5801 or https://host:443", text)
	}
	if u.User != nil || u.RawQuery != "" || u.Fragment != "" {
		return nil, model.Errorf(model.CodeInvalid, "bad master address %q: it may only have a scheme, a host, a port and a path", text)
	}
	return u, nil
}

// round returns every address once, in the order to try them in. Probe tells that the first one failed when it was last tried, and is
// tried again by this round alone. It fails with CodeUnavailable when no name can be resolved.
func (e *endpoints) round(ctx context.Context) (order []*endpoint, probe bool, err error) {
	e.mu.Lock()
	known := e.known
	e.mu.Unlock()
	if len(known) == 0 {
		if err := e.resolve(ctx); err != nil {
			return nil, false, err
		}
	}
	e.mu.Lock()
	defer e.mu.Unlock()
	start := e.next % len(e.known)
	e.next++
	order = slices.Concat(e.known[start:], e.known[:start])
	now := time.Now()
	slices.SortStableFunc(order, func(a, b *endpoint) int { return cmp.Compare(a.rank(now), b.rank(now)) })
	if first := order[0]; len(order) > 1 && !first.failed.IsZero() {
		first.failed = now
		return order, true, nil
	}
	return order, false, nil
}

// rank is higher the less an endpoint promises.
func (ep *endpoint) rank(now time.Time) int {
	switch {
	case now.Sub(ep.failed) < penalty:
		return 2
	case ep.silent > 0:
		return 1
	}
	return 0
}

// ask says that a call waits for an endpoint, until answered is called.
func (e *endpoints) ask(ep *endpoint) (answered func()) {
	suspected, over := false, false
	timer := time.AfterFunc(suspicion, func() {
		e.mu.Lock()
		defer e.mu.Unlock()
		if !over {
			ep.silent++
			suspected = true
		}
	})
	return func() {
		timer.Stop()
		e.mu.Lock()
		defer e.mu.Unlock()
		if suspected && !over {
			ep.silent--
		}
		over = true
	}
}

// mark remembers whether an endpoint answered.
func (e *endpoints) mark(ep *endpoint, answered bool) {
	e.mu.Lock()
	defer e.mu.Unlock()
	if answered {
		ep.failed = time.Time{}
	} else {
		ep.failed = time.Now()
	}
}

// refresh looks the names up again when the addresses are not fresh; the old addresses stay where that fails.
func (e *endpoints) refresh(ctx context.Context) {
	e.mu.Lock()
	fresh := time.Since(e.resolved) < resolveAgain
	e.mu.Unlock()
	if !fresh {
		_ = e.resolve(ctx)
	}
}

func (e *endpoints) resolve(ctx context.Context) error {
	var found []*endpoint
	var failures []string
	targets, err := e.allTargets(ctx)
	if err != nil {
		return err
	}
	for _, t := range targets {
		addrs, err := e.lookup(ctx, t.url.Hostname())
		if err != nil {
			failures = append(failures, err.Error())
			continue
		}
		for _, addr := range addrs {
			found = append(found, newEndpoint(t, addr))
		}
	}
	if len(found) == 0 {
		return model.Errorf(model.CodeUnavailable, "no master can be found: %s; check the addresses", strings.Join(failures, "; "))
	}
	e.mu.Lock()
	defer e.mu.Unlock()
	for at, ep := range found {
		if i := slices.IndexFunc(e.known, func(old *endpoint) bool { return old.label == ep.label }); i >= 0 {
			found[at] = e.known[i] // with what is known of it
		}
	}
	e.known, e.resolved = found, time.Now()
	return nil
}

// allTargets adds the masters of the domain to those that are configured. It fails when there are none.
func (e *endpoints) allTargets(ctx context.Context) ([]target, error) {
	if e.domain == nil {
		return e.targets, nil
	}
	urls, err := e.domain.Resolve(ctx)
	if err != nil && len(e.targets) == 0 {
		return nil, err
	}
	targets := slices.Clone(e.targets)
	for _, text := range urls {
		t, err := e.newTarget(text)
		if err != nil {
			return nil, err
		}
		targets = append(targets, t)
	}
	return targets, nil
}

func (e *endpoints) lookup(ctx context.Context, host string) ([]netip.Addr, error) {
	if addr, err := netip.ParseAddr(host); err == nil {
		return []netip.Addr{addr}, nil
	}
	ctx, cancel := context.WithTimeout(ctx, resolveTimeout)
	defer cancel()
	addrs, err := e.resolver.LookupNetIP(ctx, "ip", host)
	if err != nil {
		return nil, fmt.Errorf("%s cannot be resolved: %s", host, reason(err))
	}
	for i := range addrs {
		addrs[i] = addrs[i].Unmap()
	}
	slices.SortStableFunc(addrs, func(a, b netip.Addr) int { return cmp.Compare(a.BitLen(), b.BitLen()) })
	return slices.Compact(addrs), nil
}

func newEndpoint(t target, addr netip.Addr) *endpoint {
	base := *t.url
	base.Host = net.JoinHostPort(addr.String(), t.url.Port())
	label := strings.TrimSuffix(t.url.String(), "/")
	configured := label
	if base.Host != t.url.Host {
		label += " (" + addr.String() + ")"
	}
	return &endpoint{url: configured, label: label, base: strings.TrimSuffix(base.String(), "/"), host: t.url.Host, clients: t.clients}
}

func (e *endpoints) closeIdle() {
	e.mu.Lock()
	defer e.mu.Unlock()
	for _, c := range e.secure {
		c.calls.CloseIdleConnections()
		c.streams.CloseIdleConnections()
	}
	e.plain.streams.CloseIdleConnections()
	if !e.shared {
		e.plain.calls.CloseIdleConnections()
	}
}
