// Package session carries the frames of a session over a connection: it sends pings, takes a silent peer for gone, and lets several
// goroutines send. What the frames mean is their users' business; how they look is told in package model.
//
// # Why sessions come from the agents
//
// Logs and commands belong to an agent's host, and whoever wants them speaks to a master. An agent's own HTTP API would be one way
// between the two, but agents need not be reachable: behind a NAT, with the API switched off, or in dev, where they have none. Agents
// find masters, and not the other way round. So a master asks for a session on the stream of tasks that each agent keeps open anyway,
// and the agent calls the master back and makes the connection. It costs one round trip more, needs no further port or address, and
// nothing of a host can be reached that its agent did not offer.
//
// The request names the master that waits, for the agent's stream may end at another one: the master that got the client's request
// hands it to its peers where the agent is not connected to itself. Roles do not matter, since nothing of a session is state of the
// cluster.
//
// For a command the master joins the client's connection and the agent's and copies bytes; for logs it merges the lines of all hosts
// into one answer. Nothing is stored on the way and nothing is dropped: a reader that is slow holds up its own sessions, down to the
// container engine, and no others.
package session

import (
	"bufio"
	"encoding/json"
	"errors"
	"io"
	"net"
	"sync"
	"sync/atomic"
	"time"

	"github.com/heliosctl/heliosctl/model"
)

// ErrSilent ends Receive when the peer has not been heard for too long.
var ErrSilent = errors.New("nothing was heard for too long")

// Config holds the times of a connection. Zero is the default.
type Config struct {
	Ping    time.Duration // between two pings; default 10 s
	Silence time.Duration // after which the peer is taken for gone; default 30 s
}

func (c Config) withDefaults() Config {
	if c.Ping <= 0 {
		c.Ping = 10 * time.Second
	}
	if c.Silence <= 0 {
		c.Silence = 30 * time.Second
	}
	return c
}

// Conn is one end of a session. Receive is for one goroutine; everything else is safe for concurrent use.
type Conn struct {
	raw     io.ReadWriteCloser
	reader  *bufio.Reader
	silence time.Duration
	watch   *time.Timer // runs while Receive waits
	silent  atomic.Bool

	writing chan struct{} // holds a token while somebody writes
	buffer  []byte

	closeOnce sync.Once
	closeErr  error
	closed    chan struct{}
	pinging   sync.WaitGroup
}

// New takes a connection over and begins to send pings. The caller closes the Conn.
func New(raw io.ReadWriteCloser, config Config) *Conn {
	config = config.withDefaults()
	c := &Conn{
		raw: raw, reader: bufio.NewReaderSize(raw, 32<<10), silence: config.Silence,
		writing: make(chan struct{}, 1), closed: make(chan struct{}),
	}
	c.watch = time.AfterFunc(config.Silence, func() {
		c.silent.Store(true)
		c.shut()
	})
	c.watch.Stop()
	c.pinging.Go(func() { c.ping(config.Ping) })
	return c
}

func (c *Conn) ping(every time.Duration) {
	ticker := time.NewTicker(every)
	defer ticker.Stop()
	for {
		select {
		case <-ticker.C:
			if c.Send(model.FramePing, nil) != nil {
				return
			}
		case <-c.closed:
			return
		}
	}
}

// Receive returns the next frame that is not a ping. The orderly end is io.EOF. It fails with ErrSilent when not even pings came;
// the time between two calls does not count.
func (c *Conn) Receive() (model.Frame, error) {
	for {
		c.watch.Reset(c.silence)
		frame, err := model.ReadFrame(c.reader)
		c.watch.Stop()
		switch {
		case err != nil && c.silent.Load():
			return frame, ErrSilent
		case err != nil || frame.Type != model.FramePing:
			return frame, err
		}
	}
}

// Send sends a frame. It blocks while the peer does not read, until Close.
func (c *Conn) Send(t model.FrameType, payload []byte) error {
	select {
	case c.writing <- struct{}{}:
		defer func() { <-c.writing }()
	case <-c.closed:
		return net.ErrClosed
	}
	c.buffer = model.AppendFrame(c.buffer[:0], t, payload)
	_, err := c.raw.Write(c.buffer)
	return err
}

// SendJSON sends a frame whose payload is JSON.
func (c *Conn) SendJSON(t model.FrameType, payload any) error {
	text, err := json.Marshal(payload)
	if err != nil {
		return err
	}
	return c.Send(t, text)
}

// Close closes the connection, which ends Receive and Send, and returns when no goroutine of the Conn is left.
func (c *Conn) Close() error {
	err := c.shut()
	c.watch.Stop()
	c.pinging.Wait()
	return err
}

func (c *Conn) shut() error {
	c.closeOnce.Do(func() {
		close(c.closed)
		c.closeErr = c.raw.Close()
	})
	return c.closeErr
}
