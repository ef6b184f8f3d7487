package api

import (
	"bytes"
	"context"
	"errors"
	"io"
	"maps"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"sync"
	"time"

	"github.com/heliosctl/heliosctl/model"
	"github.com/heliosctl/heliosctl/session"
)

// logsAtOnce is how many hosts are read at the same time when the logs are not followed.
const logsAtOnce = 16

// logQuery reads the parameters of a request for logs.
func logQuery(parameters url.Values) (model.LogQuery, error) {
	var q model.LogQuery
	for name, flag := range map[string]*bool{"follow": &q.Follow, "previous": &q.Previous} {
		text := parameters.Get(name)
		if text == "" {
			continue
		}
		on, err := strconv.ParseBool(text)
		if err != nil {
			return q, model.Errorf(model.CodeInvalid, "bad %s %q: it must be true or false", name, text)
		}
		*flag = on
	}
	if text := parameters.Get("tail"); text != "" {
		n, err := strconv.Atoi(text)
		if err != nil {
			return q, model.Errorf(model.CodeInvalid, "bad tail %q: it must be a number", text)
		}
		q.Tail = &n
	}
	if text := parameters.Get("since"); text != "" {
		if err := q.SetSince(text); err != nil {
			return q, err
		}
	}
	return q, q.Validate()
}

// logHosts returns the hosts to read: those that are asked for, else all that the job is deployed to.
func (s *Server) logHosts(id model.JobID, wanted []string) ([]string, error) {
	if len(wanted) == 0 {
		status, err := s.backend.JobStatus(id)
		if err != nil {
			return nil, err
		}
		if len(status.Deployments) == 0 {
			return nil, model.Errorf(model.CodeJobNotDeployed, "job %s is not deployed to any host", id)
		}
		return slices.Sorted(maps.Keys(status.Deployments)), nil
	}
	hosts := slices.Compact(slices.Sorted(slices.Values(wanted)))
	for _, host := range hosts {
		if _, err := s.backend.Deployment(host, id); err != nil {
			return nil, err
		}
	}
	return hosts, nil
}

// streamLogs streams what a job's containers print, merged over its hosts.
func (s *Server) streamLogs(w http.ResponseWriter, r *http.Request) error {
	q, err := logQuery(r.URL.Query())
	if err != nil {
		return err
	}
	id, err := pathJob(r)
	if err != nil {
		return err
	}
	if err := s.fresh(r); err != nil {
		return err
	}
	if _, err := s.knownJob(id); err != nil {
		return err
	}
	hosts, err := s.logHosts(id, r.URL.Query()["host"])
	if err != nil {
		return err
	}
	ctx, cancel := context.WithCancelCause(r.Context())
	defer cancel(nil)
	m := &logMerge{
		server: s, w: w, control: http.NewResponseController(w), cancel: cancel,
		request: model.SessionRequest{Kind: model.SessionLogs, JobID: id, Logs: &q},
	}
	o, ok := s.streams.add(func() {
		cancel(errShuttingDown())
		_ = m.control.SetWriteDeadline(time.Unix(1, 0))
	})
	if !ok {
		return errShuttingDown()
	}
	defer s.streams.release(o)
	// The timeouts of the server are for requests that end.
	if err := m.control.SetReadDeadline(time.Time{}); err != nil && !errors.Is(err, http.ErrNotSupported) {
		return err
	}
	return m.serve(ctx, r.Method, hosts)
}

// logMerge writes the lines of several hosts to one reader.
type logMerge struct {
	server  *Server
	w       http.ResponseWriter
	control *http.ResponseController
	cancel  context.CancelCauseFunc
	request model.SessionRequest

	mu     sync.Mutex
	failed error // the reader took no more
	wrote  bool  // since the last heartbeat
}

func (m *logMerge) serve(ctx context.Context, method string, hosts []string) error {
	header := func() {
		m.w.Header().Set("Content-Type", contentTypeLines)
		m.w.Header().Set("Cache-Control", "no-store")
		m.w.WriteHeader(http.StatusOK)
	}
	if method == http.MethodHead {
		header()
		return nil
	}
	readers := []func(){}
	if len(hosts) == 1 {
		// What can be said against one host is the answer.
		conn, release, err := m.server.openSession(ctx, hosts[0], m.request)
		if err != nil {
			return err
		}
		readers = append(readers, func() { m.read(ctx, hosts[0], conn, release) })
	} else {
		for _, host := range hosts {
			readers = append(readers, func() { m.open(ctx, host) })
		}
	}
	header()
	m.heartbeat()
	m.readAll(readers)
	if ctx.Err() != nil {
		panic(http.ErrAbortHandler) // the reader must not take it for whole
	}
	return nil
}

// readAll returns when every reader has. Meanwhile it shows the client that somebody is here.
func (m *logMerge) readAll(readers []func()) {
	slots := make(chan struct{}, logsAtOnce)
	if m.request.Logs.Follow {
		slots = make(chan struct{}, len(readers))
	}
	done := make(chan struct{})
	var reading sync.WaitGroup
	for _, read := range readers {
		reading.Go(func() {
			slots <- struct{}{}
			defer func() { <-slots }()
			read()
		})
	}
	go func() {
		reading.Wait()
		close(done)
	}()
	beat := time.NewTicker(m.server.config.Heartbeat)
	defer beat.Stop()
	for {
		select {
		case <-beat.C:
			m.heartbeat()
		case <-done:
			return
		}
	}
}

// open reads a host's lines from the beginning of a session.
func (m *logMerge) open(ctx context.Context, host string) {
	conn, release, err := m.server.openSession(ctx, host, m.request)
	if err != nil {
		m.fail(ctx, host, err)
		return
	}
	m.read(ctx, host, conn, release)
}

// read writes a host's lines until its session ends.
func (m *logMerge) read(ctx context.Context, host string, conn *agentConn, release func()) {
	defer release()
	c := session.New(conn, session.Config{})
	defer c.Close()
	defer context.AfterFunc(ctx, func() { _ = conn.Close() })()
	for {
		frame, err := c.Receive()
		if err != nil {
			m.fail(ctx, host, errUnreachable("the connection to the agent of %s broke: %s", host, brokenWhy(err)))
			return
		}
		switch frame.Type {
		case model.FrameLines:
			m.write(frame.Payload)
		case model.FrameError:
			m.fail(ctx, host, frame.ErrorOf())
			return
		case model.FrameExit:
			return
		}
	}
}

func brokenWhy(err error) string {
	if errors.Is(err, io.EOF) {
		return "it was closed"
	}
	return err.Error()
}

// fail writes why there is no more from a host, unless nobody wants to know.
func (m *logMerge) fail(ctx context.Context, host string, err error) {
	if ctx.Err() != nil {
		return
	}
	var coded *model.Error
	if !errors.As(err, &coded) {
		m.server.log.Error("the logs of a host cannot be read", "host", host, "error", err)
		coded = model.Errorf(model.CodeInternal, "internal error; the master's log tells more")
	}
	m.write(append(model.LogLine{Host: host, Time: time.Now(), Error: coded}.AppendTo(nil), '\n'))
}

// heartbeat writes an empty line when nothing else was written lately.
func (m *logMerge) heartbeat() {
	m.mu.Lock()
	quiet := !m.wrote
	m.wrote = false
	m.mu.Unlock()
	if quiet {
		m.write([]byte{'\n'})
	}
}

// write writes whole lines, those of one host at a time. It holds a host up while the reader is slow, and ends everything when the
// reader is gone or takes nothing for too long.
func (m *logMerge) write(lines []byte) {
	if !bytes.HasSuffix(lines, []byte{'\n'}) {
		lines = append(lines, '\n')
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.failed != nil {
		return
	}
	m.wrote = true
	if err := m.send(lines); err != nil {
		m.failed = err
		m.cancel(err)
	}
}

func (m *logMerge) send(lines []byte) error {
	if err := m.control.SetWriteDeadline(time.Now().Add(m.server.config.StallTimeout)); err != nil && !errors.Is(err, http.ErrNotSupported) {
		return err
	}
	// The shutdown sets a deadline too, and must not lose against this one.
	select {
	case <-m.server.streams.done:
		return errShuttingDown()
	default:
	}
	if _, err := m.w.Write(lines); err != nil {
		return err
	}
	return m.control.Flush()
}
