package api

import (
	"bytes"
	"context"
	"errors"
	"io"
	"net"
	"net/http"
	"net/http/httptrace"
	"net/textproto"
	"net/url"
	"strings"
	"sync/atomic"
	"time"

	"github.com/heliosctl/heliosctl/model"
)

// headerForwardedBy names the master that sent a request on. Such a request is never sent on again.
const headerForwardedBy = "Helios-Forwarded-By"

const (
	// leaderWait is how long a request that a leader failed is tried again, at that one or its successor.
	leaderWait = 2 * time.Second
	// hopWait is how long a forwarded request waits for this master to lead; the rest of the waiting is the forwarder's.
	hopWait = 250 * time.Millisecond
	// leaderCheck is how often a leader that is silent is asked after: it may be paused, or cut off, and replaced.
	leaderCheck = 300 * time.Millisecond

	firstForwardPause = 20 * time.Millisecond
	maxForwardPause   = 200 * time.Millisecond

	// maxRelayed bounds the answer to a write, in bytes.
	maxRelayed = 64 << 20
)

// newPeerTransport makes the transport to other masters. Answers go back as they are, so it does not inflate them.
func newPeerTransport() *http.Transport {
	dialer := &net.Dialer{Timeout: time.Second, KeepAlive: 15 * time.Second}
	return &http.Transport{
		DialContext: dialer.DialContext, MaxIdleConnsPerHost: 256, IdleConnTimeout: time.Minute, DisableCompression: true,
		ExpectContinueTimeout: time.Second,
	}
}

// toLeader has the leader carry out a request: this master where it leads, else the one that does. A request that was forwarded is
// carried out here or not at all.
func (s *Server) toLeader(rt route, w http.ResponseWriter, r *http.Request) error {
	if by := r.Header.Get(headerForwardedBy); by != "" {
		return s.handleForwarded(rt, w, r, by)
	}
	f := &forwarding{server: s, route: rt}
	if rt.kind == kindWrite {
		var err error
		if f.body, err = heldBody(w, r, s.bodyLimit(rt)); err != nil {
			return err
		}
	}
	return f.run(w, r)
}

func (s *Server) handleForwarded(rt route, w http.ResponseWriter, r *http.Request, by string) error {
	ctx, cancel := context.WithTimeout(r.Context(), hopWait)
	_, self, err := s.backend.Leader(ctx)
	cancel()
	if err != nil || !self {
		return model.Errorf(model.CodeUnavailable, "master %s takes this master for the leader, which it is not; try again in a moment", by)
	}
	return rt.handle(w, r)
}

// bodyLimit is how large the body of a write may be, in bytes, before it is inflated.
func (s *Server) bodyLimit(rt route) int64 {
	switch rt.pattern {
	case "/jobs":
		return s.config.MaxJobBytes
	case "/v1/agents/{host}/statuses":
		return s.config.MaxBatchBytes
	}
	return s.config.MaxBodyBytes
}

// heldBody reads the body of r, so that it can be sent more than once.
func heldBody(w http.ResponseWriter, r *http.Request, limit int64) ([]byte, error) {
	data, err := io.ReadAll(http.MaxBytesReader(w, r.Body, limit))
	var large *http.MaxBytesError
	switch {
	case errors.As(err, &large):
		return nil, errTooLarge(r, limit)
	case err != nil:
		return nil, errUnreadBody(err)
	}
	return data, nil
}

// forwarding is one request on its way to the leader. It may be tried several times: writes have request ids, reads change nothing,
// and a body of any size is sent once.
type forwarding struct {
	server   *Server
	route    route
	body     []byte    // of a write
	deadline time.Time // for further tries; zero before the first has failed
	unknown  bool      // a try may have taken effect
}

func (f *forwarding) run(w http.ResponseWriter, r *http.Request) error {
	for pause := firstForwardPause; ; pause = min(2*pause, maxForwardPause) {
		leader, self, err := f.leader(r.Context())
		if err != nil {
			return f.failure(err)
		}
		if self {
			err = f.handle(w, r)
		} else {
			err = f.relay(w, r, leader)
		}
		if err == nil || !f.mayTryAgain(err) {
			return f.failure(err)
		}
		f.server.log.Debug("the leader failed a request", "method", r.Method, "path", r.URL.Path, "leader", leader, "error", err)
		if !f.rest(r.Context(), pause) {
			return f.failure(err)
		}
	}
}

// leader finds the leader. The first time it may take as long as the backend waits, later as long as there is time for further tries.
func (f *forwarding) leader(ctx context.Context) (url string, self bool, err error) {
	if !f.deadline.IsZero() {
		var cancel context.CancelFunc
		ctx, cancel = context.WithDeadline(ctx, f.deadline)
		defer cancel()
	}
	return f.server.backend.Leader(ctx)
}

// rest waits until the next try, unless there is no time for it.
func (f *forwarding) rest(ctx context.Context, pause time.Duration) bool {
	now := time.Now()
	if f.deadline.IsZero() {
		f.deadline = now.Add(leaderWait)
	}
	if now.Add(pause).After(f.deadline) {
		return false
	}
	select {
	case <-time.After(pause):
		return true
	case <-ctx.Done():
		return false
	}
}

// handle carries the request out here.
func (f *forwarding) handle(w http.ResponseWriter, r *http.Request) error {
	if f.route.kind != kindWrite {
		return f.route.handle(w, r)
	}
	local := *r
	local.Body = io.NopCloser(bytes.NewReader(f.body))
	err := f.route.handle(w, &local)
	switch model.CodeOf(err) {
	case model.CodeUnavailable:
		return &retryable{err: err}
	case model.CodeOutcomeUnknown:
		return &retryable{err: err, sent: true}
	}
	return err
}

// retryable is the failure of a try for which the request is not to blame.
type retryable struct {
	err   error
	sent  bool // the request may have taken effect
	final bool // nobody leads, so that trying again is in vain
}

func (e *retryable) Error() string { return e.err.Error() }

func (e *retryable) Unwrap() error { return e.err }

// mayTryAgain judges the failure of a try, and remembers whether it may have taken effect.
func (f *forwarding) mayTryAgain(err error) bool {
	var failed *retryable
	if !errors.As(err, &failed) {
		return false
	}
	changes := f.route.kind != kindLeader
	f.unknown = f.unknown || changes && failed.sent
	return !failed.final && !(f.route.kind == kindUpload && failed.sent)
}

// failure words what the request comes to in the end.
func (f *forwarding) failure(err error) error {
	var failed *retryable
	if errors.As(err, &failed) {
		err = failed.err
	}
	if err != nil && f.unknown && model.CodeOf(err) != model.CodeOutcomeUnknown {
		return model.Errorf(model.CodeOutcomeUnknown, "the change may or may not have been made: %v; look before trying again", err)
	}
	return err
}

// relay sends the request to the leader and its answer back. When the answer has begun, breaking off is all that can go wrong.
func (f *forwarding) relay(w http.ResponseWriter, r *http.Request, leader string) error {
	ctx, cancel := context.WithCancelCause(r.Context())
	defer cancel(nil)
	stopWatching := f.server.watchLeader(ctx, leader, cancel)
	resp, sent, err := f.ask(ctx, r, leader)
	var held []byte
	if err == nil && f.route.kind == kindWrite {
		held, err = io.ReadAll(io.LimitReader(resp.Body, maxRelayed+1))
		resp.Body.Close()
	}
	stopWatching()
	if err != nil {
		return askFailure(ctx, leader, sent, err)
	}
	if err := unusable(resp, leader, len(held)); err != nil {
		resp.Body.Close()
		return err
	}
	copyHeader(w.Header(), resp.Header)
	w.WriteHeader(resp.StatusCode)
	if f.route.kind == kindWrite {
		if _, err := w.Write(held); err != nil {
			f.server.log.Debug("the client did not take the answer", "method", r.Method, "path", r.URL.Path, "error", err)
		}
		return nil
	}
	defer resp.Body.Close()
	if _, err := io.Copy(w, resp.Body); err != nil {
		f.server.log.Debug("the leader's answer broke off", "method", r.Method, "path", r.URL.Path, "error", err)
		panic(http.ErrAbortHandler) // the client must not take it for whole
	}
	return nil
}

// unusable makes a failure of an answer that says that the leader could not do it, or does not know whether it did.
func unusable(resp *http.Response, leader string, held int) error {
	switch {
	case resp.StatusCode == http.StatusBadGateway:
		return &retryable{err: model.Errorf(model.CodeUnavailable, "the master at %s does not lead; try again in a moment", leader)}
	case resp.StatusCode == http.StatusGatewayTimeout:
		return &retryable{err: model.Errorf(model.CodeUnavailable, "the leader at %s does not know what became of the request", leader), sent: true}
	case held > maxRelayed:
		return model.Errorf(model.CodeInternal, "the answer of the leader at %s is larger than %d bytes", leader, maxRelayed)
	}
	return nil
}

// askFailure makes the failure of a try that got no answer.
func askFailure(ctx context.Context, leader string, sent bool, err error) error {
	failed := &retryable{sent: sent}
	cause := context.Cause(ctx)
	var gone *leaderGone
	if errors.As(cause, &gone) {
		err, failed.final = gone, gone.nobody
	} else if cause != nil {
		failed.final = true
	}
	failed.err = model.Errorf(model.CodeUnavailable, "the leader at %s did not answer: %v; try again in a moment", leader, withoutURL(err))
	return failed
}

// withoutURL takes the URL off the error of a request: there may be a token in it.
func withoutURL(err error) error {
	var call *url.Error
	if errors.As(err, &call) {
		return call.Err
	}
	return err
}

// ask sends the request to the leader; sent tells whether that may have got it.
func (f *forwarding) ask(ctx context.Context, r *http.Request, leader string) (resp *http.Response, sent bool, err error) {
	var connected atomic.Bool
	ctx = httptrace.WithClientTrace(ctx, &httptrace.ClientTrace{GotConn: func(httptrace.GotConnInfo) { connected.Store(true) }})
	var body io.Reader = bytes.NewReader(f.body)
	if f.route.kind == kindUpload {
		body = r.Body
	}
	req, err := http.NewRequestWithContext(ctx, r.Method, strings.TrimSuffix(leader, "/")+r.URL.RequestURI(), body)
	if err != nil {
		return nil, false, err
	}
	copyHeader(req.Header, r.Header)
	req.Header.Del("Expect")
	if f.route.kind == kindUpload {
		// A leader that refuses from the outset would cut the connection while the body is being sent, and its answer be lost.
		req.Header.Set("Expect", "100-continue")
	}
	req.Header.Set(headerRequestID, request(r).ID)
	req.Header.Set(headerForwardedBy, f.server.backend.Self().Name)
	if f.route.kind == kindUpload {
		req.ContentLength = r.ContentLength
	} else {
		// The transport may send it again when a kept connection turns out to be closed; the empty value is not sent.
		req.Header["X-Idempotency-Key"] = nil
	}
	resp, err = f.server.peers.Do(req)
	return resp, connected.Load(), err
}

// hopByHop are the headers that are between two ends of a connection.
var hopByHop = []string{
	"Connection", "Keep-Alive", "Proxy-Connection", "Te", "Trailer", "Transfer-Encoding", "Upgrade",
}

// copyHeader adds the headers of from to to, in place of what is there, except those that do not go on.
func copyHeader(to, from http.Header) {
	for name, values := range from {
		to[name] = values
	}
	for _, named := range from["Connection"] {
		for name := range strings.SplitSeq(named, ",") {
			to.Del(textproto.TrimString(name))
		}
	}
	for _, name := range hopByHop {
		to.Del(name)
	}
}

// leaderGone is the cause of breaking off a request to a leader that no longer is one.
type leaderGone struct {
	nobody bool // leads now
}

func (e *leaderGone) Error() string {
	if e.nobody {
		return "it no longer leads, and nobody else does"
	}
	return "it no longer leads"
}

// watchLeader breaks a request off once its leader does not lead any more. The function it returns ends that and waits for it.
func (s *Server) watchLeader(ctx context.Context, leader string, cancel context.CancelCauseFunc) (stop func()) {
	ctx, end := context.WithCancel(ctx)
	done := make(chan struct{})
	timer := time.AfterFunc(leaderCheck, func() {
		defer close(done)
		for ctx.Err() == nil {
			url, self, err := s.backend.Leader(ctx)
			if ctx.Err() == nil && (err != nil || self || url != leader) {
				cancel(&leaderGone{nobody: err != nil})
				return
			}
			select {
			case <-time.After(leaderCheck):
			case <-ctx.Done():
			}
		}
	})
	return func() {
		end()
		if !timer.Stop() {
			<-done
		}
	}
}
