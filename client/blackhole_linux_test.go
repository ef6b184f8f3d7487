package client_test

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"os"
	"os/exec"
	"runtime"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/heliosctl/heliosctl/client"
	"github.com/heliosctl/heliosctl/model"
)

// island is a network namespace with one link to this machine.
type island struct {
	t    *testing.T
	name string
	ip   string // of the island
}

func newIsland(t *testing.T) *island {
	t.Helper()
	if os.Getuid() != 0 {
		t.Skip("SKIPPED: network namespaces need root")
	}
	n := os.Getpid() % 16000
	i := &island{t: t, name: fmt.Sprintf("hcc%d", n), ip: fmt.Sprintf("10.213.%d.%d", n/64, n%64*4+2)}
	ours := fmt.Sprintf("10.213.%d.%d", n/64, n%64*4+1)
	if out, err := exec.Command("ip", "netns", "add", i.name).CombinedOutput(); err != nil {
		t.Skipf("SKIPPED: no network namespaces here: %v: %s", err, out)
	}
	t.Cleanup(func() { i.run("netns", "del", i.name) })
	i.run("link", "add", i.name, "type", "veth", "peer", "name", "out", "netns", i.name)
	i.run("addr", "add", ours+"/30", "dev", i.name)
	i.run("link", "set", i.name, "up")
	i.run("-n", i.name, "addr", "add", i.ip+"/30", "dev", "out")
	i.run("-n", i.name, "link", "set", "out", "up")
	return i
}

// run runs the command ip.
func (i *island) run(args ...string) {
	i.t.Helper()
	if out, err := exec.Command("ip", args...).CombinedOutput(); err != nil {
		i.t.Errorf("ip %v: %v: %s", args, err, out)
	}
}

// listen listens on the island.
func (i *island) listen() net.Listener {
	i.t.Helper()
	type result struct {
		net.Listener
		err error
	}
	listening := make(chan result, 1)
	go func() {
		runtime.LockOSThread() // and let the thread end with the goroutine: it has left our namespace
		there, err := os.Open("/var/run/netns/" + i.name)
		if err != nil {
			listening <- result{err: err}
			return
		}
		defer there.Close()
		if err := unix.Setns(int(there.Fd()), unix.CLONE_NEWNET); err != nil {
			listening <- result{err: err}
			return
		}
		l, err := net.Listen("tcp", i.ip+":0")
		listening <- result{l, err}
	}()
	r := <-listening
	if r.err != nil {
		i.t.Fatal(r.err)
	}
	return r.Listener
}

// sink makes the island lose every packet from now on.
func (i *island) sink() {
	i.t.Helper()
	if out, err := exec.Command("ip", "netns", "exec", i.name, "iptables", "-I", "INPUT", "-j", "DROP").CombinedOutput(); err != nil {
		i.t.Skipf("SKIPPED: no iptables here: %v: %s", err, out)
	}
}

// TestAStreamLeavesAMachineThatIsGone holds that it does so long before a heartbeat is missed.
func TestAStreamLeavesAMachineThatIsGone(t *testing.T) {
	i := newIsland(t)
	listener := i.listen()
	server := &http.Server{Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		_, _ = w.Write([]byte(`{"index":7,"type":"heartbeat","time":1}` + "\n"))
		_ = http.NewResponseController(w).Flush()
		<-r.Context().Done()
	})}
	served := make(chan error, 1)
	go func() { served <- server.Serve(listener) }()
	defer func() {
		_ = server.Close()
		<-served
	}()
	c := newClient(t, client.Config{Endpoints: []string{"http://" + listener.Addr().String()}, StreamTimeout: time.Hour})
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	var sunk time.Time
	for _, err := range c.Events(ctx, 0) {
		if err == nil {
			i.sink()
			sunk = time.Now()
			continue
		}
		if !errors.Is(err, model.ErrUnavailable) || ctx.Err() != nil {
			t.Errorf("error %v", err)
		}
		t.Logf("noticed after %s: %v", time.Since(sunk), err)
	}
}
