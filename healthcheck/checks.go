package healthcheck

import (
	"context"
	"fmt"
	"net"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/heliosctl/heliosctl/model"
)

// The limits of one check, those of the original except that it let a command run for ever.
const (
	connectTimeout = 500 * time.Millisecond
	readTimeout    = 10 * time.Second // of every single read
	execTimeout    = 30 * time.Second
	maxRedirects   = 20
)

// Checker makes one attempt after the other.
type Checker interface {
	// Check returns nil when the target is ready; otherwise the error says why it is not. It makes a single attempt, bounded in time
	// even if ctx is not. It is safe for concurrent use.
	Check(ctx context.Context) error
}

// Execer runs commands inside the container that is checked.
type Execer interface {
	// Exec returns the exit code of the command, or an error when it could not be run or ctx ended first.
	Exec(ctx context.Context, command []string) (exitCode int, err error)
}

// Target is what a check talks to. Http and tcp checks need Host and Ports, exec checks need Execer.
type Target struct {
	Host   string         // address at which the container's ports are published
	Ports  map[string]int // external ports by port name
	Execer Execer
}

// New returns the checker for a job's health check. The error has model.CodeInvalid: the check is not complete, or names a port that
// the target lacks.
func New(hc model.HealthCheck, target Target) (Checker, error) {
	switch hc.Type {
	case model.HealthCheckHTTP:
		address, err := target.address(hc)
		if err != nil {
			return nil, err
		}
		return newHTTPCheck(address, hc.Path, connectTimeout, readTimeout)
	case model.HealthCheckTCP:
		address, err := target.address(hc)
		if err != nil {
			return nil, err
		}
		return &tcpCheck{address: address, dialer: net.Dialer{Timeout: connectTimeout}}, nil
	case model.HealthCheckExec:
		if len(hc.Command) == 0 {
			return nil, model.Errorf(model.CodeInvalid, "exec health check has no command")
		}
		if target.Execer == nil {
			return nil, model.Errorf(model.CodeInvalid, "exec health check has no container to run in")
		}
		return &execCheck{command: hc.Command, execer: target.Execer}, nil
	default:
		return nil, model.Errorf(model.CodeInvalid, "health check type %q is not known: want exec, http or tcp", hc.Type)
	}
}

func (t Target) address(hc model.HealthCheck) (string, error) {
	port, ok := t.Ports[hc.Port]
	if !ok {
		return "", model.Errorf(model.CodeInvalid, "%s health check refers to port %q, which has no external port", hc.Type, hc.Port)
	}
	return net.JoinHostPort(t.Host, strconv.Itoa(port)), nil
}

// tcpCheck wants a connection to be accepted.
type tcpCheck struct {
	address string
	dialer  net.Dialer
}

func (c *tcpCheck) Check(ctx context.Context) error {
	conn, err := c.dialer.DialContext(ctx, "tcp", c.address)
	if err != nil {
		return fmt.Errorf("tcp health check: %w", err)
	}
	return conn.Close()
}

// execCheck wants a command to exit with 0.
type execCheck struct {
	command []string
	execer  Execer
}

func (c *execCheck) Check(ctx context.Context) error {
	ctx, cancel := context.WithTimeoutCause(ctx, execTimeout, fmt.Errorf("it took longer than %s", execTimeout))
	defer cancel()
	code, err := c.execer.Exec(ctx, c.command)
	switch {
	case err != nil && ctx.Err() != nil:
		return fmt.Errorf("exec health check %q: %w", c.command, context.Cause(ctx))
	case err != nil:
		return fmt.Errorf("exec health check %q: %w", c.command, err)
	case code != 0:
		return fmt.Errorf("exec health check %q: exit code %d", c.command, code)
	default:
		return nil
	}
}

// httpCheck wants a GET to be answered with a status from 200 to 399.
type httpCheck struct {
	url    string
	client http.Client
}

func newHTTPCheck(address, path string, connect, read time.Duration) (*httpCheck, error) {
	if !strings.HasPrefix(path, "/") {
		path = "/" + path
	}
	url := "http://" + address + path
	if _, err := http.NewRequest(http.MethodGet, url, nil); err != nil {
		return nil, model.Errorf(model.CodeInvalid, "http health check has path %q, which does not make an address: %s", path, err)
	}
	dialer := net.Dialer{Timeout: connect}
	transport := &http.Transport{
		// Each check opens a connection of its own, to see that the service still accepts them.
		DisableKeepAlives: true,
		DialContext: func(ctx context.Context, network, address string) (net.Conn, error) {
			conn, err := dialer.DialContext(ctx, network, address)
			if err != nil {
				return nil, err
			}
			return &impatientConn{Conn: conn, timeout: read}, nil
		},
	}
	return &httpCheck{url: url, client: http.Client{Transport: transport, CheckRedirect: followRedirect}}, nil
}

// followRedirect stays with the scheme of the first request: a redirect to another one is an answer like any other. That lets
// services pass that send everybody to https.
func followRedirect(next *http.Request, via []*http.Request) error {
	if next.URL.Scheme != via[0].URL.Scheme {
		return http.ErrUseLastResponse
	}
	if len(via) > maxRedirects {
		return fmt.Errorf("more than %d redirects", maxRedirects)
	}
	return nil
}

func (c *httpCheck) Check(ctx context.Context) error {
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, c.url, nil)
	if err != nil {
		return fmt.Errorf("http health check: %w", err)
	}
	request.Header.Set("User-Agent", "heliosctl-healthcheck")
	response, err := c.client.Do(request)
	if err != nil {
		return fmt.Errorf("http health check: %w", err)
	}
	response.Body.Close() // nothing of it was read, so there is nothing left to fail
	if response.StatusCode < 200 || response.StatusCode > 399 {
		return fmt.Errorf("http health check: %s answers %s", response.Request.URL, response.Status)
	}
	return nil
}

// impatientConn limits the time of each read, so that a service which answers slowly but steadily passes, and one which stops does
// not hold the check.
type impatientConn struct {
	net.Conn
	timeout time.Duration
}

func (c *impatientConn) Read(p []byte) (int, error) {
	if err := c.SetReadDeadline(time.Now().Add(c.timeout)); err != nil {
		return 0, err
	}
	return c.Conn.Read(p)
}
