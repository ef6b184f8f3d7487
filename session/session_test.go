package session_test

import (
	"errors"
	"io"
	"net"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"go.uber.org/goleak"

	"github.com/heliosctl/heliosctl/model"
	"github.com/heliosctl/heliosctl/session"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func pair(t *testing.T, config session.Config) (a, b *session.Conn) {
	x, y := net.Pipe()
	a, b = session.New(x, config), session.New(y, config)
	t.Cleanup(func() { _ = a.Close(); _ = b.Close() })
	return a, b
}

func TestFramesArriveWholeFromSeveralSenders(t *testing.T) {
	a, b := pair(t, session.Config{})
	const senders, each = 8, 200
	var sending sync.WaitGroup
	for s := range senders {
		sending.Go(func() {
			payload := make([]byte, 1000+s)
			for i := range payload {
				payload[i] = byte(s)
			}
			for range each {
				if err := a.Send(model.FrameStdout, payload); err != nil {
					t.Error(err)
				}
			}
		})
	}
	for range senders * each {
		frame, err := b.Receive()
		if err != nil {
			t.Fatal(err)
		}
		for _, c := range frame.Payload {
			if int(c)+1000 != len(frame.Payload) {
				t.Fatalf("a frame of %d bytes has a byte of sender %d", len(frame.Payload), c)
			}
		}
	}
	sending.Wait()
}

func TestAPeerThatSaysNothingIsKeptByItsPings(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a, b := pair(t, session.Config{})
		go func() { _, _ = a.Receive() }()
		got := make(chan model.Frame)
		go func() {
			frame, err := b.Receive()
			if err != nil {
				t.Error(err)
			}
			got <- frame
		}()
		time.Sleep(time.Hour)
		if err := a.SendJSON(model.FrameExit, model.ExecExit{Code: 3}); err != nil {
			t.Fatal(err)
		}
		if frame := <-got; frame.Type != model.FrameExit || string(frame.Payload) != `{"code":3}` {
			t.Errorf("frame %+v", frame)
		}
		_ = a.Close()
		_ = b.Close()
	})
}

func TestASilentPeerIsGone(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		x, y := net.Pipe()
		go func() { _, _ = io.Copy(io.Discard, y) }() // hears and says nothing
		a := session.New(x, session.Config{})
		defer a.Close()
		began := time.Now()
		if _, err := a.Receive(); !errors.Is(err, session.ErrSilent) {
			t.Errorf("error %v", err)
		}
		if took := time.Since(began); took != 30*time.Second {
			t.Errorf("it took %s", took)
		}
		if err := a.Send(model.FramePing, nil); err == nil {
			t.Error("a connection that is given up takes frames")
		}
	})
}

func TestTheReadersOwnTimeIsNoSilence(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		x, y := net.Pipe()
		a := session.New(x, session.Config{})
		defer a.Close()
		for range 3 {
			go func() { _, _ = y.Write(model.AppendFrame(nil, model.FrameLines, []byte("x\n"))) }()
			if _, err := a.Receive(); err != nil {
				t.Fatal(err)
			}
			time.Sleep(time.Hour)
		}
		_ = y.Close()
	})
}

func TestCloseEndsEverything(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a, b := pair(t, session.Config{})
		ended := make(chan error, 2)
		go func() { _, err := a.Receive(); ended <- err }()
		go func() { ended <- a.Send(model.FrameStdout, make([]byte, 100)) }() // nobody reads
		synctest.Wait()
		_ = a.Close()
		for range 2 {
			if err := <-ended; err == nil {
				t.Error("something went well on a closed connection")
			}
		}
		if _, err := b.Receive(); err != io.EOF {
			t.Errorf("the peer got %v", err)
		}
		_ = b.Close()
	})
}
