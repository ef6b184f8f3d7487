package daemontest

import (
	"errors"
	"io"
	"math/rand/v2"
	"net"
	"sync"
	"time"
)

// Link is how one direction of a connection behaves. The zero value is a perfect one.
type Link struct {
	Delay          time.Duration // of everything
	Jitter         time.Duration // up to this much more, anew for each piece; pieces stay in order, as TCP keeps them
	BytesPerSecond int           // 0: no limit

	// A lost packet of a TCP connection is a pause until it is sent again: StallChance of the pieces wait for Stall.
	StallChance float64
	Stall       time.Duration

	// Blocked holds everything back until the link changes, as a network does that loses every packet.
	Blocked bool
}

// Proxy forwards TCP connections over links that are as slow and as bad as a test wants. Its methods are safe for concurrent use.
type Proxy struct {
	listener net.Listener
	dial     func() (net.Conn, error)
	work     sync.WaitGroup

	mu      sync.Mutex
	up      Link // from whoever connects to the target
	down    Link
	changed chan struct{} // closed when the links change
	refuses bool
	conns   map[net.Conn]struct{}
	closed  bool
}

// NewProxy forwards what connects to the listener to a TCP address until it is closed.
func NewProxy(listener net.Listener, target string) *Proxy {
	return newProxy(listener, func() (net.Conn, error) { return net.DialTimeout("tcp", target, dialLimit) })
}

// dialLimit is how long the target of a proxy may take to accept a connection.
const dialLimit = 5 * time.Second

func newProxy(listener net.Listener, dial func() (net.Conn, error)) *Proxy {
	p := &Proxy{listener: listener, dial: dial, changed: make(chan struct{}), conns: map[net.Conn]struct{}{}}
	p.work.Go(p.accept)
	return p
}

// Addr returns where to connect.
func (p *Proxy) Addr() string { return p.listener.Addr().String() }

// Shape sets the links, also those of connections that are open.
func (p *Proxy) Shape(up, down Link) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.up, p.down = up, down
	close(p.changed)
	p.changed = make(chan struct{})
}

// Cut resets all connections, and those to come as soon as they are made, until Restore.
func (p *Proxy) Cut() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.refuses = true
	for conn := range p.conns {
		reset(conn)
	}
}

// Restore lets connections through again.
func (p *Proxy) Restore() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.refuses = false
}

// Close ends everything and waits until it has ended.
func (p *Proxy) Close() error {
	p.mu.Lock()
	p.closed = true
	close(p.changed) // for the last time: nobody shapes a closed proxy
	p.changed = make(chan struct{})
	for conn := range p.conns {
		reset(conn)
	}
	p.mu.Unlock()
	err := p.listener.Close()
	p.work.Wait()
	return err
}

// reset ends a connection so that the other side sees an error and not an orderly end.
func reset(conn net.Conn) {
	if tcp, ok := conn.(*net.TCPConn); ok {
		_ = tcp.SetLinger(0)
	}
	_ = conn.Close()
}

func (p *Proxy) accept() {
	for {
		conn, err := p.listener.Accept()
		if errors.Is(err, net.ErrClosed) {
			return
		}
		if err != nil {
			continue
		}
		p.work.Go(func() { p.forward(conn) })
	}
}

// hold remembers a connection, or ends it when there are to be none.
func (p *Proxy) hold(conn net.Conn) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.refuses || p.closed {
		reset(conn)
		return false
	}
	p.conns[conn] = struct{}{}
	return true
}

func (p *Proxy) drop(conn net.Conn) {
	p.mu.Lock()
	defer p.mu.Unlock()
	delete(p.conns, conn)
	_ = conn.Close()
}

func (p *Proxy) forward(conn net.Conn) {
	if !p.hold(conn) {
		return
	}
	defer p.drop(conn)
	target, err := p.dial()
	if err != nil {
		reset(conn)
		return
	}
	if !p.hold(target) {
		return
	}
	defer p.drop(target)
	var both sync.WaitGroup
	both.Go(func() { p.pump(target, conn, func() Link { return p.up }) })
	both.Go(func() { p.pump(conn, target, func() Link { return p.down }) })
	both.Wait()
}

// piece is what was read at once, and when it was.
type piece struct {
	data []byte
	at   time.Time
}

// inFlight is how many pieces can be on their way in one direction.
const inFlight = 256

// pump carries one direction. What arrives waits on the way while more arrives, so that delay does not limit the throughput.
func (p *Proxy) pump(to, from net.Conn, link func() Link) {
	pieces, broken := make(chan piece, inFlight), make(chan struct{})
	var reader sync.WaitGroup
	reader.Go(func() {
		defer close(pieces)
		for {
			data := make([]byte, 16<<10)
			n, err := from.Read(data)
			if n > 0 {
				select {
				case pieces <- piece{data[:n], time.Now()}:
				case <-broken:
					return
				}
			}
			if err != nil {
				if !errors.Is(err, io.EOF) {
					reset(to)
				}
				return
			}
		}
	})
	if p.deliver(to, pieces, link) {
		if tcp, ok := to.(*net.TCPConn); ok {
			_ = tcp.CloseWrite()
		}
	} else {
		reset(from)
	}
	close(broken)
	reader.Wait()
}

// deliver hands over pieces when they are due and tells whether all of them arrived.
func (p *Proxy) deliver(to net.Conn, pieces <-chan piece, link func() Link) bool {
	for next := range pieces {
		if !p.travel(next, link) {
			return false
		}
		if _, err := to.Write(next.data); err != nil {
			return false
		}
	}
	return true
}

// travel waits for as long as a piece is on its way; false when the proxy is closed meanwhile.
func (p *Proxy) travel(next piece, link func() Link) bool {
	luck, late := rand.Float64(), rand.Float64()
	started := time.Now()
	for {
		p.mu.Lock()
		l, changed, closed := link(), p.changed, p.closed
		p.mu.Unlock()
		if closed {
			return false
		}
		due := next.at.Add(l.Delay + time.Duration(late*float64(l.Jitter)))
		if luck < l.StallChance {
			due = due.Add(l.Stall)
		}
		if l.BytesPerSecond > 0 {
			sent := started.Add(time.Duration(len(next.data)) * time.Second / time.Duration(l.BytesPerSecond))
			if sent.After(due) {
				due = sent
			}
		}
		var arrived <-chan time.Time
		if !l.Blocked {
			arrived = time.After(time.Until(due))
		}
		select {
		case <-arrived:
			return true
		case <-changed:
		}
	}
}
