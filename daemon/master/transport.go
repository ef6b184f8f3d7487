package master

import (
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"strings"
	"sync"
	"time"

	"github.com/hashicorp/raft"
)

// Raft sends its messages to addresses, and an address may belong to another server by now: one whose disk was wiped, or a master of
// another cluster. Such a server would take entries and grant votes in the name of one that it is not, and what a majority has
// acknowledged could be lost. So every connection begins with a greeting that says who calls and who is meant; a server answers only
// when it is that one, and tells callers that were removed from the cluster that they were.
const (
	raftGreeting     = "heliosctl-raft 1" // the number is the protocol's version
	maxGreeting      = 256                // bytes
	greetingTimeout  = 2 * time.Second
	answerWelcome    = "welcome"
	answerNotMe      = "not me"
	answerYouAreGone = "you were removed"
)

// raftStream carries raft over TCP. Its address is the one to tell others.
type raftStream struct {
	net.Listener
	address net.Addr
	self    raft.ServerID
	log     *slog.Logger

	dial    func(network, address string, timeout time.Duration) (net.Conn, error)
	removed func(id string) bool // whether that server was removed for good
	toldOff func()               // another server says that this one was removed

	mu     sync.Mutex
	conns  map[net.Conn]struct{} // open ones, whoever began them
	closed bool
}

// listenRaft opens the port of raft.
func listenRaft(c Config, self raft.ServerID) (*raftStream, error) {
	listener, err := net.Listen("tcp", c.RaftBind)
	if err != nil {
		return nil, fmt.Errorf("cannot listen for raft on %s: %w", c.RaftBind, err)
	}
	address, err := advertised(c.RaftAdvertise, listener.Addr().(*net.TCPAddr))
	if err != nil {
		return nil, errors.Join(err, listener.Close())
	}
	return &raftStream{
		Listener: listener, address: address, self: self, log: c.Logger, dial: net.DialTimeout, conns: map[net.Conn]struct{}{},
	}, nil
}

// Addr returns the advertised address.
func (s *raftStream) Addr() net.Addr { return s.address }

// Accept returns a connection that reads the greeting first, in the goroutine of whoever reads from it.
func (s *raftStream) Accept() (net.Conn, error) {
	conn, err := s.Listener.Accept()
	if err != nil {
		return nil, err
	}
	return s.track(&greetedConn{trackedConn: trackedConn{Conn: conn, stream: s}})
}

// Dial connects to a server, given by a named address, or to this one itself.
func (s *raftStream) Dial(address raft.ServerAddress, timeout time.Duration) (net.Conn, error) {
	id, at, named := strings.Cut(string(address), "@")
	switch {
	case string(address) == s.address.String():
		// A server that calls itself need not be able to reach the address that others do.
		id, at = string(s.self), s.Listener.Addr().String()
	case !named:
		return nil, fmt.Errorf("it is not known which raft server is at %s", address)
	}
	timeout = min(timeout, greetingTimeout)
	plain, err := s.dial("tcp", at, timeout)
	if err != nil {
		return nil, err
	}
	conn, err := s.track(&trackedConn{Conn: plain, stream: s})
	if err != nil {
		return nil, err
	}
	if err := s.introduce(conn, id, timeout); err != nil {
		return nil, errors.Join(fmt.Errorf("raft server %s at %s: %w", id, at, err), conn.Close())
	}
	return conn, nil
}

// introduce says who calls and who is meant, and waits to be welcomed.
func (s *raftStream) introduce(conn net.Conn, target string, timeout time.Duration) error {
	if err := conn.SetDeadline(time.Now().Add(timeout)); err != nil {
		return err
	}
	if _, err := fmt.Fprintf(conn, "%s %s %s\n", raftGreeting, s.self, target); err != nil {
		return err
	}
	answer, err := readGreeting(conn)
	if err != nil {
		return err
	}
	switch answer {
	case answerWelcome:
		return conn.SetDeadline(time.Time{})
	case answerYouAreGone:
		s.toldOff()
		return errors.New("this master was removed from the cluster")
	}
	return fmt.Errorf("another server answered: %q", answer)
}

// receive reads a greeting and answers it. An error says that the connection is of no use.
func (s *raftStream) receive(conn net.Conn) error {
	if err := conn.SetDeadline(time.Now().Add(greetingTimeout)); err != nil {
		return err
	}
	greeting, err := readGreeting(conn)
	if err != nil {
		return err
	}
	rest, ours := strings.CutPrefix(greeting, raftGreeting+" ")
	caller, target, _ := strings.Cut(rest, " ")
	answer := answerWelcome
	switch {
	case !ours || target != string(s.self):
		answer = answerNotMe
	case s.removed(caller):
		answer = answerYouAreGone
	}
	if _, err := fmt.Fprintln(conn, answer); err != nil {
		return err
	}
	if answer != answerWelcome {
		s.log.Debug("refused a raft connection", "from", conn.RemoteAddr(), "greeting", greeting, "answer", answer)
		return errors.New(answer)
	}
	return conn.SetDeadline(time.Time{})
}

// readGreeting reads a line byte by byte: what follows belongs to raft.
func readGreeting(conn net.Conn) (string, error) {
	var line []byte
	for one := make([]byte, 1); len(line) < maxGreeting; {
		if _, err := io.ReadFull(conn, one); err != nil {
			return "", err
		}
		if one[0] == '\n' {
			return string(line), nil
		}
		line = append(line, one[0])
	}
	return "", errors.New("the greeting is too long")
}

// track remembers a connection until it is closed, so that Close can.
func (s *raftStream) track(conn net.Conn) (net.Conn, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed {
		return nil, errors.Join(net.ErrClosed, connOf(conn).Close())
	}
	s.conns[connOf(conn)] = struct{}{}
	return conn, nil
}

func connOf(conn net.Conn) net.Conn {
	switch c := conn.(type) {
	case *greetedConn:
		return c.Conn
	case *trackedConn:
		return c.Conn
	}
	return conn
}

// Close closes the port and every connection. It may be called again.
func (s *raftStream) Close() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed {
		return nil
	}
	s.closed = true
	for conn := range s.conns {
		_ = conn.Close() // whoever uses it sees to the rest
	}
	return s.Listener.Close()
}

// trackedConn is forgotten when it is closed.
type trackedConn struct {
	net.Conn
	stream *raftStream
}

// Close closes the connection.
func (c *trackedConn) Close() error {
	c.stream.mu.Lock()
	delete(c.stream.conns, c.Conn)
	c.stream.mu.Unlock()
	return c.Conn.Close()
}

// greetedConn is a connection that another server began.
type greetedConn struct {
	trackedConn
	once    sync.Once
	refused bool
}

// Read reads what follows the greeting; there is nothing after one that was refused.
func (c *greetedConn) Read(p []byte) (int, error) {
	c.once.Do(func() { c.refused = c.stream.receive(c.Conn) != nil })
	if c.refused {
		return 0, io.EOF
	}
	return c.Conn.Read(p)
}

// namedAddress is how addresses stand in raft's configuration: with the id of the server that is meant, so that one that is gone and
// the one that took its place may have the same.
func namedAddress(id raft.ServerID, address string) raft.ServerAddress {
	return raft.ServerAddress(string(id) + "@" + address)
}

// plainAddress is IP:PORT of an address of the configuration.
func plainAddress(address raft.ServerAddress) string {
	if _, plain, named := strings.Cut(string(address), "@"); named {
		return plain
	}
	return string(address)
}

// addressBook knows where raft's servers are: where gossip sees them or else where the configuration says, so that servers that moved
// find each other before a leader could note it. It is safe for concurrent use.
type addressBook struct {
	self    raft.ServerID
	address raft.ServerAddress
	look    func() map[raft.ServerID]string

	mu    sync.RWMutex
	known map[raft.ServerID]string // IP:PORT; servers that were removed stay: they are sent word of it
}

// ServerAddr returns the address of a server.
func (b *addressBook) ServerAddr(id raft.ServerID) (raft.ServerAddress, error) {
	if id == b.self {
		return b.address, nil
	}
	b.mu.RLock()
	address, known := b.known[id]
	b.mu.RUnlock()
	if !known {
		b.refresh()
		b.mu.RLock()
		address, known = b.known[id]
		b.mu.RUnlock()
	}
	if !known {
		return "", fmt.Errorf("neither gossip nor the configuration knows raft server %s", id)
	}
	return namedAddress(id, address), nil
}

// refresh looks again where everyone is.
func (b *addressBook) refresh() {
	seen := b.look()
	b.mu.Lock()
	defer b.mu.Unlock()
	for id, address := range seen {
		b.known[id] = address
	}
}
