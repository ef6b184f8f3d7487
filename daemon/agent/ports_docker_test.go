package agent_test

import (
	"fmt"
	"io"
	"net"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/docker/go-connections/nat"
	"github.com/google/go-cmp/cmp"

	"github.com/heliosctl/heliosctl/daemon/agent"
	"github.com/heliosctl/heliosctl/model"
)

// freePort returns a port of this machine that nobody listens on.
func freePort(t testing.TB) int {
	t.Helper()
	listener, err := net.Listen("tcp", "0.0.0.0:0")
	if err != nil {
		t.Fatal(err)
	}
	defer listener.Close()
	return listener.Addr().(*net.TCPAddr).Port
}

// answers waits until whoever listens there says the text. The engine's proxy accepts before the container listens, so only what
// comes back counts.
func answers(t testing.TB, address, want string) {
	t.Helper()
	var text []byte
	for deadline := time.Now().Add(30 * time.Second); time.Now().Before(deadline); time.Sleep(time.Millisecond) {
		conn, err := net.Dial("tcp", address)
		if err != nil {
			continue
		}
		text, _ = io.ReadAll(conn)
		_ = conn.Close()
		if string(text) == want+"\n" {
			return
		}
	}
	t.Fatalf("%s says %q, want %q", address, text, want)
}

// gets waits until datagrams to the address arrive in the container. Nobody listens for them there, which its kernel counts.
func (r running) gets(address string) {
	r.t.Helper()
	const count = "awk '/^Udp: [0-9]/ {print $3}' /proc/net/snmp"
	before := r.inside(count)
	conn, err := net.Dial("udp", address)
	if err != nil {
		r.t.Fatal(err)
	}
	defer conn.Close()
	for deadline := time.Now().Add(30 * time.Second); time.Now().Before(deadline); {
		_, _ = conn.Write([]byte("ping\n")) // refused by one that arrived before
		if r.inside(count) != before {
			return
		}
	}
	r.t.Errorf("no datagram to %s arrives", address)
}

const servePorts = `nc -ll -p 80 -e echo http & nc -ll -p 81 -e echo admin & ` + serveUntilTerm

// Ports of every kind are reached from outside, told inside, and stay through restarts of the container and of the agent.
func TestDockerPorts(t *testing.T) {
	t.Parallel()
	h := newDockerHost(t)
	static := freePort(t)
	h.change = func(c *agent.Config) { c.PortRange = agent.PortRange{Start: 21100, End: 21300} }
	h.start()
	job := h.job("ports", servePorts, func(job *model.Job) {
		job.Ports = map[string]model.PortMapping{
			"dynamic":  {InternalPort: 80, Protocol: "tcp"},
			"static":   {InternalPort: 81, ExternalPort: &static, Protocol: "tcp"},
			"same-udp": {InternalPort: 53, ExternalPort: &static, Protocol: "udp"},
			"udp":      {InternalPort: 53, Protocol: "udp"},
			"loopback": {InternalPort: 81, IP: "127.0.0.1", Protocol: "tcp"},
		}
	})
	check := func(r running) {
		t.Helper()
		port := func(name string) int { return *r.status.Ports[name].ExternalPort }
		if port("static") != static || port("same-udp") != static {
			t.Errorf("static ports %d and %d, want %d", port("static"), port("same-udp"), static)
		}
		for _, name := range []string{"dynamic", "udp", "loopback"} {
			if port(name) < 21100 || port(name) >= 21300 {
				t.Errorf("port %d for %s is not of the range", port(name), name)
			}
		}
		env := r.environ()
		for name := range r.job.Ports {
			if want := fmt.Sprintf("host1:%d", port(name)); env["HELIOS_PORT_"+name] != want {
				t.Errorf("HELIOS_PORT_%s is %q, want %s", name, env["HELIOS_PORT_"+name], want)
			}
		}
		text := strconv.Itoa
		want := nat.PortMap{
			"80/tcp": {{HostPort: text(port("dynamic"))}},
			"81/tcp": {{HostIP: "127.0.0.1", HostPort: text(port("loopback"))}, {HostPort: text(static)}},
			"53/udp": {{HostPort: text(static)}, {HostPort: text(port("udp"))}},
		}
		if diff := cmp.Diff(want, r.info.HostConfig.PortBindings); diff != "" {
			t.Errorf("bindings (-want +got):\n%s", diff)
		}
		answers(t, fmt.Sprintf("127.0.0.1:%d", port("dynamic")), "http")
		answers(t, fmt.Sprintf("127.0.0.1:%d", static), "admin")
		answers(t, fmt.Sprintf("127.0.0.1:%d", port("loopback")), "admin")
		r.gets(fmt.Sprintf("127.0.0.1:%d", static))
		r.gets(fmt.Sprintf("127.0.0.1:%d", port("udp")))
	}
	first := h.run(job)
	check(first)
	// Bound to the loopback address, a port is not reached at another of this machine's.
	state, err := h.docker.Inspect(t.Context(), first.status.ContainerID)
	if err != nil || state.Gateway == "" {
		t.Fatalf("gateway %q, %v", state.Gateway, err)
	}
	conn, err := net.Dial("tcp", net.JoinHostPort(state.Gateway, strconv.Itoa(*first.status.Ports["loopback"].ExternalPort)))
	if err == nil {
		_ = conn.Close()
		t.Error("the port bound to 127.0.0.1 is reached at another address")
	}

	if err := h.docker.Kill(t.Context(), first.status.ContainerID); err != nil {
		t.Fatal(err)
	}
	second := h.see(job, h.wait(job.ID, model.StateRunning, first.status.ContainerID))
	if diff := cmp.Diff(first.status.Ports, second.status.Ports); diff != "" {
		t.Errorf("ports after the container was killed (-before +after):\n%s", diff)
	}
	check(second)

	h.stop()
	h.change = func(c *agent.Config) { c.PortRange = agent.PortRange{Start: 21300, End: 21310} }
	h.start()
	h.adopted(job.ID)
	if err := h.docker.Kill(t.Context(), second.status.ContainerID); err != nil {
		t.Fatal(err)
	}
	third := h.see(job, h.wait(job.ID, model.StateRunning, second.status.ContainerID))
	if diff := cmp.Diff(first.status.Ports, third.status.Ports); diff != "" {
		t.Errorf("ports after an agent with another range (-before +after):\n%s", diff)
	}
	check(third)
}

// Two jobs have dynamic ports of a range of two.
func TestDockerPortRange(t *testing.T) {
	t.Parallel()
	h := newDockerHost(t)
	h.change = func(c *agent.Config) { c.PortRange = agent.PortRange{Start: 21310, End: 21312} }
	h.start()
	port := map[string]model.PortMapping{"http": {InternalPort: 80, Protocol: "tcp"}}
	var got []int
	for _, name := range []string{"one", "two"} {
		r := h.run(h.job(name, serveUntilTerm, func(job *model.Job) { job.Ports = port }))
		got = append(got, *r.status.Ports["http"].ExternalPort)
	}
	if got[0]+got[1] != 21310+21311 || got[0] == got[1] {
		t.Errorf("ports %v, want 21310 and 21311", got)
	}
}

// A static port that somebody else on the machine listens on is told, and taken once it is free.
func TestDockerPortTakenByAStranger(t *testing.T) {
	t.Parallel()
	h := newDockerHost(t)
	h.start()
	stranger, err := net.Listen("tcp", "0.0.0.0:0")
	if err != nil {
		t.Fatal(err)
	}
	defer stranger.Close()
	port := stranger.Addr().(*net.TCPAddr).Port
	job := h.job("taken", servePorts, func(job *model.Job) {
		job.Ports = map[string]model.PortMapping{"http": {InternalPort: 80, ExternalPort: &port, Protocol: "tcp"}}
	})
	h.master.deploy(job, model.GoalStart)
	failed := h.wait(job.ID, model.StateFailed, "any, or none")
	if told := failed.ContainerError; !strings.Contains(told, strconv.Itoa(port)) || !strings.Contains(told, "in use") {
		t.Errorf("failed with %q, want the port and that it is in use", told)
	}
	if err := stranger.Close(); err != nil {
		t.Fatal(err)
	}
	h.wait(job.ID, model.StateRunning, failed.ContainerID)
	answers(t, fmt.Sprintf("127.0.0.1:%d", port), "http")
}
