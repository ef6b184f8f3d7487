package container

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"log/slog"
	"net"
	"net/http"
	"net/url"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/containerd/errdefs"
	"github.com/docker/docker/client"

	"github.com/heliosctl/heliosctl/model"
)

// DockerConfig says how to reach a Docker engine. The zero value is the local one with the usual limits.
type DockerConfig struct {
	// Host is the endpoint: unix:///path, tcp://host:port or host[:port] (port 2375 when left out). "" is the platform's default.
	Host string

	// CertPath is a folder with ca.pem, cert.pem and key.pem; a TCP endpoint is then spoken to with TLS. "" for none.
	CertPath string

	// ConfigDir is the folder of Docker's config.json, whose registry credentials pulls use. It is read at every pull, so a login
	// counts at once. "" for $DOCKER_CONFIG, or else .docker in the home folder.
	ConfigDir string

	CallTimeout     time.Duration // of every short call; 0: 60 s, so that an engine that needs half a minute for everything can be used
	StopSlack       time.Duration // how much longer than its own timeout a stop may take; 0: 60 s
	PullIdleTimeout time.Duration // a pull ends with ErrPullTimeout after so long without a byte; 0: 30 s

	Logger *slog.Logger // nil: silent
}

func (c DockerConfig) withDefaults() DockerConfig {
	if c.ConfigDir == "" {
		c.ConfigDir = defaultConfigDir()
	}
	if c.CallTimeout <= 0 {
		c.CallTimeout = time.Minute
	}
	if c.StopSlack <= 0 {
		c.StopSlack = time.Minute
	}
	if c.PullIdleTimeout <= 0 {
		c.PullIdleTimeout = 30 * time.Second
	}
	if c.Logger == nil {
		c.Logger = slog.New(slog.DiscardHandler)
	}
	return c
}

// Docker runs containers in a Docker engine, API 1.41 (Docker 20.10) or later. Safe for concurrent use.
type Docker struct {
	config   DockerConfig
	endpoint *url.URL
	client   *client.Client
	log      *slog.Logger

	negotiated  atomic.Bool
	negotiating chan struct{} // holds a token while one call asks for the API version

	closeOnce sync.Once
	closed    chan struct{}
}

// NewDocker makes a runtime for the engine at config.Host. It talks to nobody: an engine that is down is noticed by the first call,
// and one that comes back is used again. It fails only for an endpoint or certificates that cannot be understood.
func NewDocker(config DockerConfig) (*Docker, error) {
	config = config.withDefaults()
	endpoint, err := parseEndpoint(config.Host)
	if err != nil {
		return nil, err
	}
	transport := &http.Transport{MaxIdleConns: 16, MaxIdleConnsPerHost: 16, IdleConnTimeout: 30 * time.Second}
	options := []client.Opt{
		client.WithHTTPClient(&http.Client{Transport: transport, CheckRedirect: client.CheckRedirect}),
		client.WithHost(endpoint.String()),
	}
	if config.CertPath != "" && endpoint.Scheme == "tcp" {
		in := func(file string) string { return filepath.Join(config.CertPath, file) }
		options = append(options, client.WithTLSClientConfig(in("ca.pem"), in("cert.pem"), in("key.pem")))
	}
	engine, err := client.NewClientWithOpts(options...)
	if err != nil {
		return nil, invalid("docker endpoint %s: %v", endpoint, err)
	}
	return &Docker{
		config:      config,
		endpoint:    endpoint,
		client:      engine,
		log:         config.Logger,
		negotiating: make(chan struct{}, 1),
		closed:      make(chan struct{}),
	}, nil
}

// parseEndpoint understands what the original's --docker flag did, and what DOCKER_HOST may hold.
func parseEndpoint(host string) (*url.URL, error) {
	switch {
	case host == "":
		host = client.DefaultDockerHost
	case strings.HasPrefix(host, "/"):
		host = "unix://" + host
	case !strings.Contains(host, "://"):
		host = "tcp://" + host
	}
	endpoint, err := url.Parse(host)
	if err != nil {
		return nil, invalid("docker endpoint %q: %v", host, err)
	}
	switch endpoint.Scheme {
	case "unix", "npipe":
		return endpoint, nil
	case "ssh":
		return nil, invalid("docker endpoint %q: ssh is not supported; use unix:// or tcp://", host)
	}
	if endpoint.Hostname() == "" {
		return nil, invalid("docker endpoint %q has no host name", host)
	}
	port := endpoint.Port()
	if port == "" {
		port = "2375"
	}
	return &url.URL{Scheme: "tcp", Host: net.JoinHostPort(endpoint.Hostname(), port), Path: endpoint.Path}, nil
}

// Name returns "docker".
func (d *Docker) Name() string { return "docker" }

// Close ends running Events and followed Logs and lets go of idle connections. Containers keep running.
func (d *Docker) Close() error {
	d.closeOnce.Do(func() { close(d.closed) })
	return d.client.Close()
}

// Info asks the engine for its version: the cheapest proof that it answers. ErrUnavailable when it does not.
func (d *Docker) Info(ctx context.Context) (Info, error) {
	info := Info{Runtime: d.Name(), Endpoint: d.endpoint.String(), Address: "localhost"}
	if d.endpoint.Scheme == "tcp" {
		info.Address = d.endpoint.Hostname()
	}
	err := d.call(ctx, d.config.CallTimeout, func(ctx context.Context) error {
		version, err := d.client.ServerVersion(ctx)
		info.Version, info.OS, info.Architecture = version.Version, version.Os, version.Arch
		info.KernelVersion, info.GitCommit, info.GoVersion = version.KernelVersion, version.GitCommit, version.GoVersion
		info.APIVersion = version.APIVersion
		return named(info.Version, err)
	})
	if err != nil {
		return info, d.refused(err, "read the engine's version")
	}
	return info, nil
}

// call runs one short request under a limit, and the first of all another one before it. What it returns is either an error that says the engine is not there (or the caller's
// own context error), or the engine's answer, to be told apart with package errdefs.
func (d *Docker) call(ctx context.Context, limit time.Duration, request func(context.Context) error) error {
	if err := d.within(ctx, d.config.CallTimeout, d.negotiate); err != nil {
		return err
	}
	return d.within(ctx, limit, request)
}

func (d *Docker) within(ctx context.Context, limit time.Duration, request func(context.Context) error) error {
	limited, cancel := context.WithTimeout(ctx, limit)
	defer cancel()
	err := request(limited)
	if err == nil {
		return nil
	}
	if ctx.Err() == nil && limited.Err() != nil {
		return d.silent(limit, err)
	}
	return d.explain(ctx, err)
}

// ready makes sure of the API version ahead of a request that has no limit of its own.
func (d *Docker) ready(ctx context.Context) error {
	return d.call(ctx, d.config.CallTimeout, func(context.Context) error { return nil })
}

// negotiate settles the API version once. The client library can do it too, but there a hung engine makes callers queue on a lock
// that knows no context.
func (d *Docker) negotiate(ctx context.Context) error {
	if d.negotiated.Load() {
		return nil
	}
	select {
	case d.negotiating <- struct{}{}:
		defer func() { <-d.negotiating }()
	case <-ctx.Done():
		return ctx.Err()
	}
	if d.negotiated.Load() {
		return nil
	}
	ping, err := d.client.Ping(ctx)
	switch {
	case err == nil && ping.APIVersion == "":
		return fail(ErrUnavailable, nil, "what answers at %s is not a docker engine: name another endpoint", d.endpoint)
	case errdefs.IsInvalidArgument(err), errdefs.IsNotFound(err), errdefs.IsPermissionDenied(err), errdefs.IsUnauthorized(err):
		return fail(ErrUnavailable, err, "the docker engine at %s cannot be used: %s", d.endpoint, reason(err))
	case err != nil:
		return err
	}
	d.client.NegotiateAPIVersionPing(ping)
	d.negotiated.Store(true)
	return nil
}

// explain turns failures to reach the engine into ErrUnavailable and leaves the engine's answers alone.
func (d *Docker) explain(ctx context.Context, err error) error {
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	var netErr net.Error
	var request *url.Error
	switch {
	case errors.Is(err, ErrUnavailable):
		return err
	case errors.Is(err, fs.ErrPermission):
		return fail(ErrUnavailable, err, "permission denied on the docker engine at %s: run as root or join the group that owns the socket", d.endpoint)
	case client.IsErrConnectionFailed(err) && !errors.As(err, &request):
		// The library has dropped the cause: nobody listens there, or connecting timed out.
		return fail(ErrUnavailable, err, "no docker engine answers at %s: start it, or name another endpoint", d.endpoint)
	case client.IsErrConnectionFailed(err), errdefs.IsUnavailable(err), errors.As(err, &netErr):
		return fail(ErrUnavailable, err, "the docker engine at %s cannot be used: %s", d.endpoint, reason(err))
	case garbled(err):
		return fail(ErrUnavailable, err, "the docker engine at %s gives answers that cannot be understood: %s", d.endpoint, reason(err))
	}
	return err
}

// errNameless is an answer that names nothing where it has to.
var errNameless = errors.New("what it tells of has no id")

// garbled reports whether an answer was no answer to the question: not JSON, cut off, or of another shape.
func garbled(err error) bool {
	var syntax *json.SyntaxError
	var shape *json.UnmarshalTypeError
	return errors.Is(err, errNameless) || errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) ||
		errors.As(err, &syntax) || errors.As(err, &shape)
}

// named passes the error on, and makes one of an answer without an id, which would else be taken for a thing that is not there.
func named(id string, err error) error {
	if err == nil && id == "" {
		return errNameless
	}
	return err
}

// reason is what is behind a failed request, without the URL that the library puts before it.
func reason(err error) string {
	var request *url.Error
	if errors.As(err, &request) {
		err = request.Err
	}
	return strings.ReplaceAll(strings.TrimPrefix(err.Error(), engineSays), "\n", " ")
}

// engineSays is what the library puts before a message of the engine.
const engineSays = "Error response from daemon: "

func (d *Docker) silent(limit time.Duration, cause error) error {
	return fail(ErrUnavailable, cause, "the docker engine at %s did not answer within %s: it hangs or is overloaded", d.endpoint, limit)
}

// refused is the error for an answer of the engine that no caller can act on but a person can. Errors that are ours already, and
// context errors, pass through.
func (d *Docker) refused(err error, format string, args ...any) error {
	var ours *failure
	if errors.As(err, &ours) || errors.Is(err, context.Canceled) || errors.Is(err, context.DeadlineExceeded) {
		return err
	}
	code := model.CodeInternal
	if errdefs.IsInvalidArgument(err) {
		code = model.CodeInvalid
	}
	return &failure{err: model.Errorf(code, "%s: %s", fmt.Sprintf(format, args...), reason(err)), cause: err}
}

// stream returns a context for a request without an end of its own: it is cancelled with ctx, with Close, and when established has
// not been called within the call timeout. The caller calls cancel when done.
func (d *Docker) stream(ctx context.Context) (streamed context.Context, established func(), cancel context.CancelFunc) {
	streamed, cause := context.WithCancelCause(ctx)
	timer := time.AfterFunc(d.config.CallTimeout, func() {
		cause(d.silent(d.config.CallTimeout, nil))
	})
	go func() {
		select {
		case <-d.closed:
			cause(fail(ErrUnavailable, nil, "the connection to the docker engine was closed"))
		case <-streamed.Done():
		}
	}()
	return streamed, func() { timer.Stop() }, func() { timer.Stop(); cause(nil) }
}
