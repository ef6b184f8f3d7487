//go:build unix

// Command fleet runs masters and agents as separate processes on this machine, to try a cluster out and to break it by hand. It needs no
// root. Everything that it started and made is gone when it ends. HELIOSCTL_BINARY names a heliosctl to use; else one is built.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"sync"
	"syscall"
	"time"

	"github.com/heliosctl/heliosctl/daemon/daemontest"
)

type options struct {
	masters, agents int
	port            int
	runtime         string
}

func main() {
	var o options
	flag.IntVar(&o.masters, "masters", 3, "how many masters")
	flag.IntVar(&o.agents, "agents", 5, "how many agents")
	flag.IntVar(&o.port, "port", 25800, "the first of ten ports of 127.0.0.1 for each daemon")
	flag.StringVar(&o.runtime, "runtime", "", "docker, process or sim (default: docker if an engine answers, else process)")
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	if err := run(ctx, o, os.Stdout); err != nil {
		fmt.Fprintln(os.Stderr, "fleet:", err)
		os.Exit(1)
	}
}

// run runs a fleet until ctx ends.
func run(ctx context.Context, o options, out io.Writer) (err error) {
	if o.masters < 1 || o.agents < 0 {
		return fmt.Errorf("%d masters and %d agents are no fleet", o.masters, o.agents)
	}
	if o.runtime == "" {
		o.runtime = answeringRuntime(ctx)
	}
	dir, err := os.MkdirTemp("", "heliosctl-fleet-")
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(dir)) }()
	binary := os.Getenv("HELIOSCTL_BINARY")
	if binary == "" {
		fmt.Fprintln(out, "building heliosctl …")
		if binary, err = daemontest.BuildBinary(ctx, dir, daemontest.Build{}); err != nil {
			return err
		}
	}
	f := newFleet(o, dir, binary)
	defer func() { err = errors.Join(err, f.end()) }()
	if err := f.start(); err != nil {
		return err
	}
	if err := f.await(ctx); err != nil {
		if ctx.Err() != nil {
			return nil
		}
		return err
	}
	f.tell(out)
	<-ctx.Done()
	fmt.Fprintln(out, "\nending …")
	return nil
}

// answeringRuntime is docker if an engine answers.
func answeringRuntime(ctx context.Context) string {
	ctx, cancel := context.WithTimeout(ctx, 5*time.Second)
	defer cancel()
	if exec.CommandContext(ctx, "docker", "version").Run() == nil {
		return "docker"
	}
	return "process"
}

// fleet is the daemons on this machine.
type fleet struct {
	options
	dir     string
	binary  string
	masters []*daemontest.Daemon
	agents  []*daemontest.Daemon

	mu    sync.Mutex
	ended error // the first daemon that ended by itself
}

// portsEach is how many ports each daemon has.
const portsEach = 10

func (f *fleet) place(number int) daemontest.Place {
	first := f.port + number*portsEach
	return daemontest.Place{IP: "127.0.0.1", HTTP: first + 1, Admin: first + 2, Agent: first + 3, Gossip: first + 5, Raft: first + 6}
}

func newFleet(o options, dir, binary string) *fleet {
	f := &fleet{options: o, dir: dir, binary: binary}
	var initial, join []string
	for i := range o.masters {
		gossip := f.place(i).GossipAddress()
		initial, join = append(initial, fmt.Sprintf("m%d=%s", i+1, gossip)), append(join, gossip)
	}
	if o.masters == 1 {
		initial = nil
	}
	const fast = "--gossip-profile=fast"
	for i := range o.masters {
		name, place := fmt.Sprintf("m%d", i+1), f.place(i)
		f.masters = append(f.masters, f.daemon(name, place.HTTP, place.MasterArgs(name, f.stateDir(name), initial, fast)))
	}
	for i := range o.agents {
		name, place := fmt.Sprintf("h%d", i+1), f.place(o.masters+i)
		args := place.AgentArgs(name, f.stateDir(name), join, fast, "--runtime", o.runtime, "--port-range", portRange(i))
		f.agents = append(f.agents, f.daemon(name, place.Agent, args))
	}
	return f
}

// portRange is the dynamic ports of an agent: all share one machine.
func portRange(agent int) string {
	const first, each = 30000, 500
	return fmt.Sprintf("%d:%d", first+agent*each, first+(agent+1)*each)
}

func (f *fleet) stateDir(name string) string { return filepath.Join(f.dir, name) }

func (f *fleet) daemon(name string, port int, args []string) *daemontest.Daemon {
	return daemontest.NewDaemon(nil, fmt.Sprintf("http://127.0.0.1:%d", port), f.dir, daemontest.Command{
		Name: name, Path: f.binary, Args: args, StateDir: f.stateDir(name), Ended: f.note,
	})
}

func (f *fleet) note(err error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.ended == nil {
		f.ended = err
	}
}

func (f *fleet) failure() error {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.ended
}

func (f *fleet) start() error {
	for _, d := range f.daemons() {
		if err := d.Start(); err != nil {
			return err
		}
	}
	return nil
}

// await waits until every host is registered.
func (f *fleet) await(ctx context.Context) error {
	for {
		var hosts []string
		err := f.masters[0].Get("/hosts", &hosts)
		if err == nil && len(hosts) == len(f.agents) {
			return nil
		}
		if failed := f.failure(); failed != nil {
			return failed
		}
		select {
		case <-time.After(100 * time.Millisecond):
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

// tell says what there is and what can be done with it.
func (f *fleet) tell(out io.Writer) {
	fmt.Fprintf(out, "\n%d masters and %d agents (%s runtime) are up.\n\n", len(f.masters), len(f.agents), f.runtime)
	for _, d := range f.daemons() {
		fmt.Fprintf(out, "  %-4s %s   process %d, log %s\n", d.Name(), d.API, d.Pid(), d.LogFile())
	}
	first := f.masters[0].API
	fmt.Fprintf(out, `
Use any of the masters:
  export HELIOS_MASTER=%s
  %[2]s hosts
  %[2]s create web:1 busybox:1.36 -- sh -c 'while :; do date; sleep 1; done'
  %[2]s deploy web:1 h1 h2
  %[2]s status

Break it: kill -9 a process above, kill -STOP and -CONT one. Ctrl-C ends everything and removes what it made.
`, first, f.binary)
}
