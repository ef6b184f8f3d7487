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
	dialTimeout    = 2 * time.Second
	resolveTimeout = 2 * time.Second

	// penalty is how long an endpoint that failed is tried after the others.
	penalty = 5 * time.Second

	// resolveAgain is how old the addresses must be to be looked up again after none of them answered.
	resolveAgain = 5 * time.Second
)

func dialer() *net.Dialer {
	return &net.Dialer{Timeout: dialTimeout, KeepAlive: 15 * time.Second}
}

// target is one configured URL.
type target struct {
	url  *url.URL
	http *http.Client
}

// endpoint is one address of a target.
type endpoint struct {
	url    string // as configured, without a slash at the end
	label  string // for messages: the configured URL, with the address where that is not in it
	base   string // scheme, address, port and path, without a slash at the end
	host   string // the Host header
	http   *http.Client
	failed time.Time // when it last failed; guarded by endpoints.mu
}

// endpoints gives out the addresses of all targets in turn, those that failed lately last. It is safe for concurrent use.
type endpoints struct {
	targets []target

	mu       sync.Mutex
	known    []*endpoint
	resolved time.Time
	next     int
}

func newEndpoints(urls []string, transport *http.Transport) (*endpoints, error) {
	if len(urls) == 0 {
		return nil, model.Errorf(model.CodeInvalid, "no masters to speak to: name at least one, such as http://localhost:5801")
	}
	plain := newHTTPClient(transport)
	e := &endpoints{next: rand.IntN(1 << 16)}
	for _, text := range urls {
		u, err := parseEndpoint(text)
		if err != nil {
			return nil, err
		}
		t := target{url: u, http: plain}
		if u.Scheme == "https" {
			// Requests go to addresses, so the name to check the certificate against has to be given.
			secure := transport.Clone()
			secure.TLSClientConfig = &tls.Config{ServerName: strings.TrimSuffix(u.Hostname(), ".")}
			t.http = newHTTPClient(secure)
		}
		e.targets = append(e.targets, t)
	}
	return e, nil
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

// round returns every address once, in the order to try them in. It fails with CodeUnavailable when no name can be resolved.
func (e *endpoints) round(ctx context.Context) ([]*endpoint, error) {
	e.mu.Lock()
	known := e.known
	e.mu.Unlock()
	if len(known) == 0 {
		if err := e.resolve(ctx); err != nil {
			return nil, err
		}
	}
	e.mu.Lock()
	defer e.mu.Unlock()
	start := e.next % len(e.known)
	e.next++
	order := slices.Concat(e.known[start:], e.known[:start])
	now := time.Now()
	slices.SortStableFunc(order, func(a, b *endpoint) int {
		return cmp.Compare(penalized(a, now), penalized(b, now))
	})
	return order, nil
}

func penalized(ep *endpoint, now time.Time) int {
	if now.Sub(ep.failed) < penalty {
		return 1
	}
	return 0
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
	for _, t := range e.targets {
		addrs, err := lookup(ctx, t.url.Hostname())
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
	for _, ep := range found {
		if i := slices.IndexFunc(e.known, func(old *endpoint) bool { return old.label == ep.label }); i >= 0 {
			ep.failed = e.known[i].failed
		}
	}
	e.known, e.resolved = found, time.Now()
	return nil
}

func lookup(ctx context.Context, host string) ([]netip.Addr, error) {
	if addr, err := netip.ParseAddr(host); err == nil {
		return []netip.Addr{addr}, nil
	}
	ctx, cancel := context.WithTimeout(ctx, resolveTimeout)
	defer cancel()
	addrs, err := net.DefaultResolver.LookupNetIP(ctx, "ip", host)
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
	return &endpoint{url: configured, label: label, base: strings.TrimSuffix(base.String(), "/"), host: t.url.Host, http: t.http}
}

func (e *endpoints) closeIdle() {
	for _, t := range e.targets {
		t.http.CloseIdleConnections()
	}
}
