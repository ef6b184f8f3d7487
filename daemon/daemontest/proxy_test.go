package daemontest_test

import (
	"bytes"
	"errors"
	"io"
	"net"
	"sync"
	"testing"
	"time"

	"github.com/heliosctl/heliosctl/daemon/daemontest"
)

// startEcho starts a server that sends back what it gets, until the other side ends.
func startEcho(t *testing.T) string {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	var work sync.WaitGroup
	work.Go(func() {
		for {
			conn, err := listener.Accept()
			if err != nil {
				return
			}
			work.Go(func() {
				defer conn.Close()
				_, _ = io.Copy(conn, conn)
			})
		}
	})
	t.Cleanup(func() {
		_ = listener.Close()
		work.Wait()
	})
	return listener.Addr().String()
}

func startProxy(t *testing.T, target string) *daemontest.Proxy {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	p := daemontest.NewProxy(listener, target)
	t.Cleanup(func() { _ = p.Close() })
	return p
}

func dial(t *testing.T, addr string) *net.TCPConn {
	t.Helper()
	conn, err := net.Dial("tcp", addr)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = conn.Close() })
	_ = conn.SetDeadline(time.Now().Add(daemontest.Patience))
	return conn.(*net.TCPConn)
}

// echo sends a word and returns how long it took to come back.
func echo(t *testing.T, conn net.Conn, word string) time.Duration {
	t.Helper()
	started := time.Now()
	if _, err := io.WriteString(conn, word); err != nil {
		t.Fatal(err)
	}
	back := make([]byte, len(word))
	if _, err := io.ReadFull(conn, back); err != nil {
		t.Fatal(err)
	}
	if string(back) != word {
		t.Fatalf("%q came back as %q", word, back)
	}
	return time.Since(started)
}

func TestProxyCarriesEverythingInOrder(t *testing.T) {
	t.Parallel()
	conn := dial(t, startProxy(t, startEcho(t)).Addr())
	sent := bytes.Repeat([]byte("0123456789abcdef"), 1<<16)
	go func() {
		_, _ = conn.Write(sent)
		_ = conn.CloseWrite()
	}()
	got, err := io.ReadAll(conn)
	if err != nil || !bytes.Equal(got, sent) {
		t.Errorf("of %d bytes %d came back, %v", len(sent), len(got), err)
	}
}

func TestProxyDelaysEachDirection(t *testing.T) {
	t.Parallel()
	p := startProxy(t, startEcho(t))
	conn := dial(t, p.Addr())
	echo(t, conn, "open")
	const delay = 100 * time.Millisecond
	for name, links := range map[string][2]daemontest.Link{
		"up":     {{Delay: delay}, {}},
		"down":   {{}, {Delay: delay}},
		"both":   {{Delay: delay / 2}, {Delay: delay / 2, Jitter: time.Millisecond}},
		"stalls": {{StallChance: 1, Stall: delay}, {}},
		"narrow": {{BytesPerSecond: 100}, {}},
	} {
		p.Shape(links[0], links[1])
		if took := echo(t, conn, "ten bytes!"); took < delay {
			t.Errorf("%s: a word was there and back within %s, want at least %s", name, took, delay)
		}
	}
}

func TestDelayDoesNotLimitThroughput(t *testing.T) {
	t.Parallel()
	p := startProxy(t, startEcho(t))
	conn := dial(t, p.Addr())
	echo(t, conn, "open")
	const delay, words = time.Second, 50
	p.Shape(daemontest.Link{Delay: delay}, daemontest.Link{})
	started := time.Now()
	go func() {
		for range words {
			_, _ = io.WriteString(conn, "word")
			time.Sleep(time.Millisecond) // so that each is a piece of its own
		}
	}()
	if _, err := io.ReadFull(conn, make([]byte, words*len("word"))); err != nil {
		t.Fatal(err)
	}
	if took := time.Since(started); took > words*delay/2 {
		t.Errorf("%d words took %s: they waited for each other", words, took)
	}
}

func TestBlockedLinkHoldsBackUntilItIsOpen(t *testing.T) {
	t.Parallel()
	p := startProxy(t, startEcho(t))
	conn := dial(t, p.Addr())
	echo(t, conn, "open")
	p.Shape(daemontest.Link{Blocked: true}, daemontest.Link{})
	if _, err := io.WriteString(conn, "late"); err != nil {
		t.Fatal(err)
	}
	_ = conn.SetReadDeadline(time.Now().Add(200 * time.Millisecond))
	if n, err := conn.Read(make([]byte, 4)); n > 0 || !isTimeout(err) {
		t.Fatalf("%d bytes came through a blocked link, %v", n, err)
	}
	_ = conn.SetReadDeadline(time.Now().Add(daemontest.Patience))
	p.Shape(daemontest.Link{}, daemontest.Link{})
	if _, err := io.ReadFull(conn, make([]byte, 4)); err != nil {
		t.Error(err)
	}
}

func isTimeout(err error) bool {
	var timeout net.Error
	return errors.As(err, &timeout) && timeout.Timeout()
}

func TestProxyCutsAndRestores(t *testing.T) {
	t.Parallel()
	p := startProxy(t, startEcho(t))
	conn := dial(t, p.Addr())
	echo(t, conn, "open")
	p.Cut()
	if _, err := conn.Read(make([]byte, 1)); err == nil || isTimeout(err) {
		t.Errorf("a connection that was cut reads with %v", err)
	}
	refused, err := net.Dial("tcp", p.Addr())
	if err == nil {
		_ = refused.SetDeadline(time.Now().Add(daemontest.Patience))
		if _, err := refused.Read(make([]byte, 1)); err == nil || isTimeout(err) {
			t.Errorf("a connection through a proxy that cuts reads with %v", err)
		}
		_ = refused.Close()
	}
	p.Restore()
	echo(t, dial(t, p.Addr()), "again")
}

func TestProxyTellsThatNobodyListens(t *testing.T) {
	t.Parallel()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	nobody := listener.Addr().String()
	_ = listener.Close()
	conn, err := net.Dial("tcp", startProxy(t, nobody).Addr())
	if err == nil { // else it was reset before it was seen to be made
		defer conn.Close()
		_ = conn.SetDeadline(time.Now().Add(daemontest.Patience))
		_, err = conn.Read(make([]byte, 1))
	}
	if err == nil || isTimeout(err) {
		t.Errorf("reading ended with %v", err)
	}
}
