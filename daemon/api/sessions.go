package api

import (
	"bufio"
	"bytes"
	"context"
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"time"

	"github.com/heliosctl/heliosctl/model"
)

// sessions brings together those who wait for an agent and the agents that call. It is safe for concurrent use.
type sessions struct {
	max int

	mu      sync.Mutex
	waiting map[string]*call                    // by session id
	agents  map[string]map[*taskStream]struct{} // the streams that end here, by host
	joined  chan struct{}                       // closed at the next stream
	open    int
}

// call is the call of an agent that is waited for.
type call struct {
	host string
	conn chan *agentConn // of one
	gone bool            // nobody waits any more; guarded by sessions.mu
}

// agentConn is the connection of an agent that has called.
type agentConn struct {
	net.Conn
	reader *bufio.Reader
}

func (c *agentConn) Read(p []byte) (int, error) { return c.reader.Read(p) }

func newSessions(max int) *sessions {
	return &sessions{
		max: max, waiting: map[string]*call{}, agents: map[string]map[*taskStream]struct{}{}, joined: make(chan struct{}),
	}
}

// join says that the agent of a host listens to a stream.
func (s *sessions) join(st *taskStream) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.agents[st.host] == nil {
		s.agents[st.host] = map[*taskStream]struct{}{}
	}
	s.agents[st.host][st] = struct{}{}
	close(s.joined)
	s.joined = make(chan struct{})
}

func (s *sessions) leave(st *taskStream) {
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.agents[st.host], st)
	if len(s.agents[st.host]) == 0 {
		delete(s.agents, st.host)
	}
}

// announce puts a request on the streams of a host. It reports whether there was one that took it. While an agent reconnects it can
// have two; the one that is not read does no harm.
func (s *sessions) announce(host string, r model.SessionRequest) (taken bool, joined <-chan struct{}) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for st := range s.agents[host] {
		select {
		case st.asked <- r:
			taken = true
		default:
		}
	}
	return taken, s.joined
}

// expect makes room for a session and begins to wait for its call.
func (s *sessions) expect(host, id string) (*call, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.open >= s.max {
		return nil, model.Errorf(model.CodeTooManySessions, "this master has %d sessions of logs and commands open, as many as it allows", s.open)
	}
	s.open++
	c := &call{host: host, conn: make(chan *agentConn, 1)}
	s.waiting[id] = c
	return c, nil
}

// release ends what expect began.
func (s *sessions) release() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.open--
}

// forget ends the waiting for a call. One that has come and was not taken is hung up.
func (s *sessions) forget(id string, c *call) {
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.waiting, id)
	c.gone = true
	select {
	case conn := <-c.conn:
		_ = conn.Close()
	default:
	}
}

// claim returns who waits for a call. Only the first one to ask gets it.
func (s *sessions) claim(host, id string) (*call, bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	c, ok := s.waiting[id]
	if !ok || c.host != host {
		return nil, false
	}
	delete(s.waiting, id)
	return c, true
}

// deliver hands a connection to who waits, or hangs up.
func (s *sessions) deliver(c *call, conn *agentConn) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if c.gone {
		_ = conn.Close()
		return
	}
	c.conn <- conn
}

func errUnreachable(format string, args ...any) *model.Error {
	return model.Errorf(model.CodeAgentUnreachable, format, args...)
}

// openSession gets a session with the agent of a host that is ready to do what is asked. The caller closes the connection and then
// calls release. It fails with CodeAgentUnreachable, CodeTooManySessions, or with what the agent says against it.
func (s *Server) openSession(ctx context.Context, host string, r model.SessionRequest) (conn *agentConn, release func(), err error) {
	status, err := s.backend.Host(host)
	if err != nil {
		return nil, nil, err
	}
	if status.Status == model.Down {
		return nil, nil, errUnreachable("host %s is DOWN: its agent is not running or cannot be reached", host)
	}
	r.ID, r.Master = rand.Text(), s.config.URL
	c, err := s.sessions.expect(host, r.ID)
	if err != nil {
		return nil, nil, err
	}
	deadline := time.Now().Add(s.config.SessionTimeout)
	conn, err = s.awaitCall(ctx, host, r, c)
	s.sessions.forget(r.ID, c)
	if err == nil {
		if err = awaitReady(ctx, host, conn, deadline); err != nil {
			_ = conn.Close()
		}
	}
	if err != nil {
		s.sessions.release()
		return nil, nil, err
	}
	return conn, s.sessions.release, nil
}

// awaitCall asks the agent to call, and waits for it.
func (s *Server) awaitCall(ctx context.Context, host string, r model.SessionRequest, c *call) (*agentConn, error) {
	ctx, cancel := context.WithTimeout(ctx, s.config.SessionTimeout)
	var asking sync.WaitGroup
	defer func() {
		cancel()
		asking.Wait()
	}()
	asked, joined := s.sessions.announce(host, r)
	// A stream that took it may be one that the agent has left without a word, for another master.
	patience := time.Duration(0)
	if asked {
		patience = s.config.SessionTimeout / 8
	}
	others, byOthers := time.After(patience), make(chan bool, 1)
	for {
		select {
		case conn := <-c.conn:
			return conn, nil
		case <-others:
			asking.Go(func() { byOthers <- s.askPeers(ctx, host, r) })
		case taken := <-byOthers:
			asked = asked || taken
		case <-joined:
			// It listens to this master now. If it has heard of the session before, its second call finds nobody waiting.
			var again bool
			again, joined = s.sessions.announce(host, r)
			asked = asked || again
		case <-s.streams.done:
			return nil, errShuttingDown()
		case <-ctx.Done():
			return nil, s.noCall(ctx, host, asked)
		}
	}
}

func (s *Server) noCall(ctx context.Context, host string, asked bool) error {
	switch {
	case !errors.Is(ctx.Err(), context.DeadlineExceeded):
		return ctx.Err()
	case asked:
		return errUnreachable("the agent of %s did not answer within %s; it may be busy, or older than this master", host, s.config.SessionTimeout)
	}
	return errUnreachable("the agent of %s is not connected to a master right now; try again in a moment", host)
}

// awaitReady reads the first thing that the agent says.
func awaitReady(ctx context.Context, host string, conn *agentConn, deadline time.Time) error {
	defer context.AfterFunc(ctx, func() { _ = conn.SetReadDeadline(time.Unix(1, 0)) })()
	if err := conn.SetReadDeadline(deadline); err != nil {
		return err
	}
	for {
		frame, err := model.ReadFrame(conn)
		switch {
		case ctx.Err() != nil:
			return context.Cause(ctx)
		case err != nil:
			return errUnreachable("the agent of %s called and did not say that it is ready; its container engine may be slow", host)
		case frame.Type == model.FrameError:
			return frame.ErrorOf()
		case frame.Type == model.FrameReady:
			return conn.SetReadDeadline(time.Time{})
		}
	}
}

// answerSession is where an agent calls.
func (s *Server) answerSession(w http.ResponseWriter, r *http.Request) error {
	if err := wantsSession(r); err != nil {
		return err
	}
	c, ok := s.sessions.claim(r.PathValue("host"), r.PathValue("session"))
	if !ok {
		return model.Errorf(model.CodeNotFound, "nobody waits for this session of %s: it was answered already, or not in time", r.PathValue("host"))
	}
	conn, err := takeOver(w)
	if err != nil {
		return err
	}
	s.sessions.deliver(c, conn)
	return nil
}

// wantsSession refuses a request that does not offer its connection.
func wantsSession(r *http.Request) error {
	if strings.EqualFold(r.Header.Get("Upgrade"), model.SessionProtocol) {
		return nil
	}
	return model.Errorf(model.CodeInvalid, "%s needs the headers \"Connection: Upgrade\" and \"Upgrade: %s\"", r.URL.Path, model.SessionProtocol)
}

// takeOver accepts a session and returns its connection.
func takeOver(w http.ResponseWriter) (*agentConn, error) {
	var head bytes.Buffer
	head.WriteString("HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: " + model.SessionProtocol + "\r\n")
	if err := w.Header().Write(&head); err != nil {
		return nil, err
	}
	head.WriteString("\r\n")
	conn, buffered, err := http.NewResponseController(w).Hijack()
	if err != nil {
		return nil, fmt.Errorf("taking over the connection of a session: %w", err)
	}
	// A client that does not take the few bytes is found out by the first read.
	_, _ = conn.Write(head.Bytes())
	return &agentConn{Conn: conn, reader: buffered.Reader}, nil
}

// peerTimeout is how long another master may take to say whether it has the agent.
const peerTimeout = 2 * time.Second

// askPeers has the other masters ask for a session, and reports whether one of them could.
func (s *Server) askPeers(ctx context.Context, host string, r model.SessionRequest) bool {
	if s.config.Peers == nil || s.config.URL == "" {
		return false
	}
	ctx, cancel := context.WithTimeout(ctx, peerTimeout)
	defer cancel()
	peers := s.config.Peers()
	answers := make([]bool, len(peers))
	var asking sync.WaitGroup
	for i, peer := range peers {
		if peer != s.config.URL {
			asking.Go(func() { answers[i] = s.askPeer(ctx, peer, host, r) })
		}
	}
	asking.Wait()
	for _, taken := range answers {
		if taken {
			return true
		}
	}
	return false
}

func (s *Server) askPeer(ctx context.Context, peer, host string, r model.SessionRequest) bool {
	body, err := json.Marshal(r)
	if err != nil {
		return false
	}
	target := strings.TrimSuffix(peer, "/") + "/v1/agents/" + url.PathEscape(host) + "/sessions"
	request, err := http.NewRequestWithContext(ctx, http.MethodPost, target, bytes.NewReader(body))
	if err != nil {
		return false
	}
	request.Header.Set("Content-Type", "application/json")
	response, err := s.peers.Do(request)
	if err != nil {
		s.log.Debug("another master cannot be asked for an agent", "peer", peer, "host", host, "error", err)
		return false
	}
	defer response.Body.Close()
	_, _ = io.Copy(io.Discard, io.LimitReader(response.Body, 64<<10)) // so that the connection can be used again
	return response.StatusCode == http.StatusOK
}

// placeSession puts the request of another master on the stream of an agent that listens here.
func (s *Server) placeSession(w http.ResponseWriter, r *http.Request) error {
	request, err := readBody[model.SessionRequest](w, r, s.config.MaxBodyBytes)
	if err != nil {
		return err
	}
	if request.ID == "" || request.Master == "" {
		return model.Errorf(model.CodeInvalid, "the request for a session needs an id and the master that waits")
	}
	host := r.PathValue("host")
	if taken, _ := s.sessions.announce(host, request); !taken {
		return errUnreachable("the agent of %s is not connected to this master", host)
	}
	return s.ok(w, r, struct{}{})
}
