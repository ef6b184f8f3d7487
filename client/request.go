package client

import (
	"bytes"
	"cmp"
	"compress/gzip"
	"context"
	crand "crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"net/http/httptrace"
	"net/url"
	"strings"
	"sync/atomic"
	"time"

	"github.com/heliosctl/heliosctl/model"
)

const (
	gzipFrom = 8 << 10   // request bodies of this many bytes are compressed
	maxBody  = 512 << 20 // bytes of an answer

	// probePatience is how long a master that did not answer before may stay silent while there are others to try.
	probePatience = time.Second

	firstPause = 50 * time.Millisecond
	maxPause   = time.Second
)

// errSilent is the cause of a context that ended because the master said nothing for too long.
var errSilent = errors.New("no answer in time")

// request is one call, to be sent to one endpoint after the other until one answers.
type request struct {
	method string
	path   string // escaped; see path
	query  url.Values
	body   any          // sent as JSON when not nil
	read   bool         // changes nothing although it is a POST
	absent *model.Error // what an empty 404 means
	stream bool         // the answer is read line by line
	finite bool         // the stream has an end that is no error
	opened func(string) // is told the configured URL of who answers with a stream; may be nil
	takes  bool         // the connection is taken over for a session
	upload *upload      // sent as it is, instead of body

	encoded []byte
	zipped  bool
	id      string
}

func (r *request) writes() bool {
	return r.method != http.MethodGet && !r.read
}

// answer is what an endpoint said.
type answer struct {
	endpoint *endpoint
	status   int
	body     []byte
	lines    io.ReadCloser // of a stream that was accepted, instead of body
	conn     io.ReadWriteCloser
}

// path joins segments to an escaped path. A dot segment is escaped too, because servers resolve it otherwise.
func path(segments ...string) string {
	var b strings.Builder
	for _, s := range segments {
		b.WriteByte('/')
		switch s {
		case ".", "..":
			b.WriteString(strings.ReplaceAll(s, ".", "%2E"))
		default:
			b.WriteString(url.PathEscape(s))
		}
	}
	return b.String()
}

// query makes parameters of pairs of names and values, leaving out empty values.
func query(pairs ...string) url.Values {
	q := url.Values{}
	for i := 0; i < len(pairs); i += 2 {
		if pairs[i+1] != "" {
			q.Set(pairs[i], pairs[i+1])
		}
	}
	return q
}

// call sends r and decodes a successful answer into out, which may be nil.
func (c *Client) call(ctx context.Context, r request, out any) error {
	a, err := c.send(ctx, &r)
	if err != nil {
		return err
	}
	if a.status != http.StatusOK && a.status != http.StatusNoContent {
		return r.failure(a)
	}
	if out == nil {
		return nil
	}
	if err := json.Unmarshal(a.body, out); err != nil {
		return r.unreadable(a, err)
	}
	return nil
}

// send finds an endpoint that answers.
func (c *Client) send(ctx context.Context, r *request) (*answer, error) {
	if err := c.prepare(r); err != nil {
		return nil, err
	}
	deadline := time.Now().Add(c.config.RetryTimeout)
	var failed failures
	for pause := firstPause; ; pause = min(2*pause, maxPause) {
		round, probe, err := c.endpoints.round(ctx)
		if err != nil {
			return nil, interrupted(ctx, err)
		}
		for i, ep := range round {
			if failed.tried(ep) && time.Now().After(deadline) {
				break
			}
			patience := c.patience(failed.tried(ep), deadline)
			if probe && i == 0 {
				patience = min(patience, probePatience)
			}
			began := time.Now()
			a, err := c.exchange(ctx, ep, r, patience)
			c.trace(ep, r, a, err, time.Since(began))
			if err == nil && !again(a) {
				c.endpoints.mark(ep, true)
				return a, nil
			}
			if ctx.Err() != nil {
				return nil, interrupted(ctx, nil)
			}
			c.endpoints.mark(ep, false)
			failed.add(ep, r, a, err)
			if r.upload != nil && r.upload.sent() {
				return nil, failed.err()
			}
		}
		jittered := pause/2 + rand.N(pause/2)
		if time.Now().Add(jittered).After(deadline) {
			return nil, failed.err()
		}
		select {
		case <-time.After(jittered):
		case <-ctx.Done():
			return nil, interrupted(ctx, nil)
		}
		c.endpoints.refresh(ctx)
	}
}

// patience is how long an endpoint may stay silent: as long as configured at first, no longer than the deadline when it is tried
// again, but never so short that a master that is merely busy is given up.
func (c *Client) patience(again bool, deadline time.Time) time.Duration {
	if !again {
		return c.config.HTTPTimeout
	}
	return min(c.config.HTTPTimeout, max(time.Until(deadline), time.Second))
}

// prepare encodes the parts of r that are the same for every endpoint.
func (c *Client) prepare(r *request) error {
	if strings.Contains(r.path+"/", "//") {
		return model.Errorf(model.CodeInvalid, "cannot call %s: a name in it is empty", r.path)
	}
	if r.query == nil {
		r.query = url.Values{}
	}
	r.id = cmp.Or(c.requestID, crand.Text())
	if r.body == nil {
		return nil
	}
	encoded, err := json.Marshal(r.body)
	if err != nil {
		return model.Errorf(model.CodeInvalid, "cannot encode the request: %s", err)
	}
	r.encoded = encoded
	if len(encoded) < gzipFrom {
		return nil
	}
	var b bytes.Buffer
	w, err := gzip.NewWriterLevel(&b, gzip.BestSpeed)
	if err != nil {
		return err
	}
	if _, err := w.Write(encoded); err != nil {
		return err
	}
	if err := w.Close(); err != nil {
		return err
	}
	r.encoded, r.zipped = b.Bytes(), true
	return nil
}

func (c *Client) trace(ep *endpoint, r *request, a *answer, err error, took time.Duration) {
	if c.config.Trace == nil {
		return
	}
	e := Exchange{Master: ep.label, Method: r.method, Path: r.path, Took: took}
	if err != nil {
		e.Err = errors.New(reason(err))
	} else {
		e.Status = a.status
	}
	c.config.Trace(e)
}

// exchange sends r to one endpoint and reads its whole answer, or opens its stream.
func (c *Client) exchange(ctx context.Context, ep *endpoint, r *request, patience time.Duration) (*answer, error) {
	ctx, cancel := context.WithCancelCause(ctx)
	silence := time.AfterFunc(patience, func() { cancel(errSilent) })
	finish := func() {
		silence.Stop()
		cancel(context.Canceled)
	}
	req, err := c.newRequest(ctx, ep, r, silence)
	if err != nil {
		finish()
		return nil, err
	}
	// Once there is a connection, what goes wrong may go wrong after the master has got the request.
	var connected atomic.Bool
	req = req.WithContext(httptrace.WithClientTrace(ctx, &httptrace.ClientTrace{
		GotConn: func(httptrace.GotConnInfo) { connected.Store(true) },
	}))
	answered := c.endpoints.ask(ep)
	resp, err := ep.clientFor(r).Do(req)
	answered()
	if err != nil {
		defer finish()
		err = causeOf(ctx, err)
		if connected.Load() {
			err = &sentError{garbled(err)}
		}
		return nil, err
	}
	body := &watched{ctx: ctx, body: resp.Body, silence: silence, limit: patience, finish: finish}
	a := &answer{endpoint: ep, status: resp.StatusCode}
	if conn, ok := resp.Body.(io.ReadWriteCloser); ok && r.takes && resp.StatusCode == http.StatusSwitchingProtocols {
		silence.Stop()
		a.conn = &taken{ReadWriteCloser: conn, finish: finish}
		return a, nil
	}
	if r.stream && resp.StatusCode == http.StatusOK {
		body.limit = c.config.StreamTimeout
		silence.Stop()
		a.lines = body
		return a, nil
	}
	defer body.Close()
	a.body, err = io.ReadAll(io.LimitReader(body, maxBody+1))
	switch {
	case err != nil:
		return nil, &sentError{err}
	case len(a.body) > maxBody:
		return nil, &sentError{fmt.Errorf("the answer is larger than %d bytes", maxBody)}
	}
	return a, nil
}

func (c clients) clientFor(r *request) *http.Client {
	if r.stream || r.upload != nil {
		return c.streams
	}
	return c.calls
}

// sentError is the failure of a request that the master may have got.
type sentError struct {
	error
}

func (e *sentError) Unwrap() error {
	return e.error
}

// newRequest makes r for one endpoint; silence is what ends it when the master does nothing.
func (c *Client) newRequest(ctx context.Context, ep *endpoint, r *request, silence *time.Timer) (*http.Request, error) {
	var body io.Reader
	switch {
	case r.upload != nil:
		body = r.upload.sendWith(silence)
	case r.body != nil:
		body = bytes.NewReader(r.encoded)
	}
	// The user comes last, as the original's clients send it.
	q := r.query.Encode()
	if q != "" {
		q += "&"
	}
	q += "user=" + url.QueryEscape(c.config.User)
	req, err := http.NewRequestWithContext(ctx, r.method, ep.base+r.path+"?"+q, body)
	if err != nil {
		return nil, err
	}
	req.Host = ep.host
	req.Header.Set("User-Agent", c.config.UserAgent)
	req.Header.Set("Helios-Version", model.ServerVersion)
	req.Header.Set("Helios-Request-Id", r.id)
	// Every call may be sent again on a fresh connection when a kept one turns out to be closed: reads because they change nothing,
	// writes because of the request id. The empty value says so to the transport and is not sent.
	req.Header["X-Idempotency-Key"] = nil
	if r.body != nil {
		req.Header.Set("Content-Type", "application/json")
	}
	if r.upload != nil {
		// A master that refuses from the outset need not be sent anything, and its answer is not lost to a broken connection.
		req.Header.Set("Expect", "100-continue")
		req.Header.Set("Content-Type", "application/octet-stream")
	}
	if r.zipped {
		req.Header.Set("Content-Encoding", "gzip")
	}
	if r.stream {
		req.Header.Set("Accept-Encoding", "identity")
	}
	if r.takes {
		req.Header.Set("Connection", "Upgrade")
		req.Header.Set("Upgrade", model.SessionProtocol)
	}
	return req, nil
}

// taken is a connection that no longer belongs to the transport.
type taken struct {
	io.ReadWriteCloser
	finish func() // lets go of the request's context
}

func (t *taken) Close() error {
	t.finish()
	return t.ReadWriteCloser.Close()
}

// watched is a body that gives up when nothing arrives for the limit. The time that the reader takes between reads does not count.
type watched struct {
	ctx     context.Context
	body    io.ReadCloser
	silence *time.Timer
	limit   time.Duration
	finish  func()
}

func (w *watched) Read(p []byte) (int, error) {
	w.silence.Reset(w.limit)
	n, err := w.body.Read(p)
	w.silence.Stop()
	if err != nil && err != io.EOF {
		err = causeOf(w.ctx, err)
	}
	return n, err
}

func (w *watched) Close() error {
	w.finish()
	return w.body.Close()
}

// causeOf replaces the error of a call whose context ended by the reason it ended for.
func causeOf(ctx context.Context, err error) error {
	if cause := context.Cause(ctx); cause != nil {
		return cause
	}
	return err
}
