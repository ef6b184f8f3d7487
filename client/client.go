package client

import (
	"crypto/tls"
	"net"
	"net/http"
	"time"

	"github.com/heliosctl/heliosctl/model"
)

// Config says which masters to speak to and as whom.
type Config struct {
	// Endpoints are the masters' URLs, such as http://master1:5801. The scheme, the host and the port are required; a path is
	// put in front of every request. A host with several addresses counts as that many masters. At least one is needed, or Domain.
	Endpoints []string

	// Domain is where masters are found by their SRV records, besides Endpoints. Nil: nowhere.
	Domain *Domain

	// Resolver resolves the names of hosts. Default net.DefaultResolver.
	Resolver *net.Resolver

	// User is sent with every call and recorded as the one who made a job or a deployment.
	User string

	// HTTPTimeout is how long a master may stay silent, before or within its answer, until another one is tried. Default 5 s.
	HTTPTimeout time.Duration

	// RetryTimeout is how long a call goes on trying to find a master that answers. Every master is tried at least once, however
	// short it is: a nanosecond is no second try. Default 4 s.
	RetryTimeout time.Duration

	// StreamTimeout is how long a stream may stay silent until it ends with an error. Masters send a heartbeat every 10 s.
	// Default 25 s.
	StreamTimeout time.Duration

	// UserAgent is sent as the header of that name. Default "heliosctl".
	UserAgent string

	// Transport carries calls other than streams, to masters without TLS. Clients can share one, which none of them closes. Default:
	// one of its own.
	Transport *http.Transport

	// TLS is what connections to https masters begin with: a client certificate, other roots. The name to check is set for each of
	// them. Nil: the usual.
	TLS *tls.Config

	// Trace is told of every exchange with a master once it is answered or has failed. It may be called from several goroutines. Nil:
	// nobody is.
	Trace func(Exchange)
}

// Exchange is one request to one master.
type Exchange struct {
	Master string // its URL, with its address where that is not in it
	Method string
	Path   string // without the query, in which there may be a token
	Status int    // 0 when there was no answer
	Err    error  // why there was none
	Took   time.Duration
}

// Client calls masters. It is safe for concurrent use. Every error of its methods is or wraps a *model.Error, so that
// errors.Is(err, model.ErrJobNotFound) works, except that a call whose context ended also wraps the context's error.
//
// Calls go round the endpoints. One that does not answer, or answers that it has no leader, is passed over for the next; writes
// carry a request id, so that one that is sent twice takes effect once.
type Client struct {
	config    Config
	endpoints *endpoints
	requestID string // of the changes it makes; empty: each has its own
}

// New makes a client. It opens no connection and resolves no name yet. It fails with CodeInvalid when an endpoint is not a URL
// with a scheme, a host and a port.
func New(config Config) (*Client, error) {
	if config.HTTPTimeout <= 0 {
		config.HTTPTimeout = 5 * time.Second
	}
	if config.RetryTimeout <= 0 {
		config.RetryTimeout = 4 * time.Second
	}
	if config.StreamTimeout <= 0 {
		config.StreamTimeout = 25 * time.Second
	}
	if config.UserAgent == "" {
		config.UserAgent = "heliosctl"
	}
	endpoints, err := newEndpoints(config)
	if err != nil {
		return nil, err
	}
	return &Client{config: config, endpoints: endpoints}, nil
}

// As returns a client that makes a change in the name of a request that somebody else has made: with its user and, where it has one,
// its id. It shares everything else with c, which closes it.
func (c *Client) As(req model.Request) *Client {
	as := *c
	as.config.User, as.requestID = req.User, req.ID
	return &as
}

// Close closes the connections that are not in use. Streams that are still open end with their contexts.
func (c *Client) Close() error {
	c.endpoints.closeIdle()
	return nil
}

// newTransport makes the transport for plain HTTP. There is no proxy: masters are reached by address, which exceptions to a
// proxy by name would not cover.
func newTransport(dialer *net.Dialer) *http.Transport {
	return &http.Transport{
		DialContext:            dialer.DialContext,
		TLSHandshakeTimeout:    2 * time.Second,
		MaxIdleConnsPerHost:    16,
		IdleConnTimeout:        60 * time.Second, // below the masters' own, so that they do not close one in use
		ExpectContinueTimeout:  time.Second,
		MaxResponseHeaderBytes: 64 << 10,
	}
}

func callDialer() *net.Dialer {
	return &net.Dialer{Timeout: dialTimeout, KeepAlive: 15 * time.Second}
}

// streamDialer is for connections on which nothing may happen for long. A master whose machine is gone is noticed within about three
// seconds, where a heartbeat would be missed much later. The system counts in whole seconds.
func streamDialer() *net.Dialer {
	return &net.Dialer{
		Timeout:         dialTimeout,
		KeepAliveConfig: net.KeepAliveConfig{Enable: true, Idle: time.Second, Interval: time.Second, Count: 2},
	}
}
