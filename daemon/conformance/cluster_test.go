package conformance_test

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/heliosctl/heliosctl/daemon"
	"github.com/heliosctl/heliosctl/daemon/container"
	"github.com/heliosctl/heliosctl/daemon/daemontest/ports"
	"github.com/heliosctl/heliosctl/daemon/gossip"
	"github.com/heliosctl/heliosctl/model"
)

// cluster is masters that run in this process as they do in production, and whatever else is told to join them.
type cluster struct {
	t       testing.TB
	names   []string
	apis    []string // HOST:PORT
	admins  []string
	gossips []string
	at      int // the master that is asked
}

// startCluster runs masters until the test ends. The one that is asked is the only one, or one that does not lead.
func startCluster(t testing.TB, masters int) *cluster {
	t.Helper()
	c := &cluster{t: t}
	var initial []daemon.InitialMaster
	for i := range masters {
		c.names = append(c.names, fmt.Sprintf("m%d", i+1))
		c.apis, c.admins, c.gossips = append(c.apis, ports.Address(t)), append(c.admins, ports.Address(t)), append(c.gossips, ports.Address(t))
		initial = append(initial, daemon.InitialMaster{Name: c.names[i], Gossip: c.gossips[i]})
	}
	if masters == 1 {
		initial = nil
	}
	for i := range masters {
		c.run(daemon.Config{StateDir: t.TempDir(), Master: &daemon.Master{
			Name: c.names[i], HTTP: c.apis[i], Admin: c.admins[i], Gossip: c.gossips[i], Raft: "127.0.0.1:0", Initial: initial,
		}})
	}
	if masters > 1 {
		c.at = c.follower()
	}
	eventually(t, "reads", func() error { return expectStatus(c.ask("GET", "/jobs", ""), http.StatusOK) })
	return c
}

// run runs daemons in this process until the test ends.
func (c *cluster) run(config daemon.Config) (stop func()) {
	c.t.Helper()
	config.Loopback, config.Version = true, "conformance"
	config.Logger = slog.New(slog.NewTextHandler(c.t.Output(), &slog.HandlerOptions{Level: slog.LevelError}))
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- daemon.Run(ctx, config) }()
	stopped := false
	stop = func() {
		if stopped {
			return
		}
		stopped = true
		cancel()
		if err := <-ended; err != nil {
			c.t.Error(err)
		}
	}
	c.t.Cleanup(stop)
	return stop
}

// follower waits until all masters follow the same one and returns another.
func (c *cluster) follower() int {
	c.t.Helper()
	found := -1
	eventually(c.t, "one leader", func() error {
		leaders := map[string]bool{}
		for i, address := range c.apis {
			conn, err := net.Dial("tcp", address)
			if err != nil {
				return err
			}
			_ = conn.Close()
			self := decoded[struct {
				Leader string
				State  model.MasterState
			}](c.t, ask(c.t, address, "GET", "/v1/self", "").body)
			leaders[self.Leader] = true
			if self.State != model.MasterLeader {
				found = i
			}
		}
		if len(leaders) != 1 || leaders[""] || found < 0 {
			return fmt.Errorf("they follow %v", leaders)
		}
		return nil
	})
	return found
}

// eventually waits until there is nothing left to complain of.
func eventually(t testing.TB, what string, look func() error) {
	t.Helper()
	poll := time.NewTicker(10 * time.Millisecond)
	defer poll.Stop()
	for deadline := time.Now().Add(patience); ; <-poll.C {
		err := look()
		if err == nil {
			return
		}
		if time.Now().After(deadline) {
			t.Fatalf("waited %s for %s: %v", patience, what, err)
		}
	}
}

// ask sends the master one request of the original's client and, as that does, turns to it again after a 502: on a busy machine masters
// may lose their leader for a moment.
func (c *cluster) ask(method, target, body string, headers ...string) answer {
	c.t.Helper()
	var got answer
	eventually(c.t, "a master that leads", func() error {
		got = c.askOnce(method, target, body, headers...)
		if got.status == http.StatusBadGateway {
			return errors.New(got.body)
		}
		return nil
	})
	return got
}

// askOnce is ask without another try. A master that does not listen yet is waited for.
func (c *cluster) askOnce(method, target, body string, headers ...string) answer {
	c.t.Helper()
	var conn net.Conn
	eventually(c.t, "a connection", func() (err error) {
		conn, err = net.Dial("tcp", c.apis[c.at])
		return err
	})
	_ = conn.Close()
	return ask(c.t, c.apis[c.at], method, target, body, headers...)
}

// must is ask for what has to succeed.
func (c *cluster) must(method, target, body string) string {
	c.t.Helper()
	got := c.ask(method, target, body)
	if got.status/100 != 2 {
		c.t.Fatalf("%s %s %s: %d %s", method, target, body, got.status, got.body)
	}
	return got.body
}

func expectStatus(got answer, want int) error {
	if got.status != want {
		return fmt.Errorf("status %d, want %d: %s", got.status, want, got.body)
	}
	return nil
}

// expect fails the test unless a request is answered so.
func (c *cluster) expect(method, target, body string, status int, want string) {
	c.t.Helper()
	got := c.ask(method, target, body)
	if got.status != status {
		c.t.Fatalf("%s %s %s: status %d, want %d: %s", method, target, body, got.status, status, got.body)
	}
	if want == "" {
		if got.body != "" {
			c.t.Fatalf("%s %s: body %q, want none", method, target, got.body)
		}
		return
	}
	if diff := differences(want, got.body); len(diff) > 0 {
		c.t.Fatalf("%s %s %s:\n%s", method, target, body, strings.Join(diff, "\n"))
	}
}

// createJob creates a job and returns its id.
func (c *cluster) createJob(text string) string {
	c.t.Helper()
	answered := decoded[struct{ Status, ID string }](c.t, c.must("POST", "/jobs/?user=test-user", text))
	if answered.Status != "OK" {
		c.t.Fatalf("creating %s: %+v", text, answered)
	}
	return answered.ID
}

// joins has a member of the pool say that the agent of a host is alive, until the test ends or it is told to leave.
func (c *cluster) joins(host, agentID string) (leave func()) {
	c.t.Helper()
	pool, err := gossip.New(gossip.Config{
		Member: gossip.Member{Role: gossip.RoleAgent, Name: host, ID: agentID},
		Bind:   "127.0.0.1:0", Join: []string{c.gossips[0]}, Loopback: true, Logger: slog.New(slog.DiscardHandler),
	})
	if err != nil {
		c.t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- pool.Run(ctx) }()
	left := false
	leave = func() {
		if left {
			return
		}
		left = true
		cancel()
		if err := <-ended; err != nil && !errors.Is(err, context.Canceled) {
			c.t.Error(err)
		}
	}
	c.t.Cleanup(leave)
	return leave
}

// agent is a real agent whose containers are simulated.
type agent struct {
	c      *cluster
	config daemon.Agent
	dir    string
	stop   func()
}

// agent starts a real agent and waits until its host is UP.
func (c *cluster) agent(host string, change ...func(*daemon.Agent)) *agent {
	c.t.Helper()
	return c.agents([]string{host}, change...)[0]
}

// agents starts several at a time.
func (c *cluster) agents(hosts []string, change ...func(*daemon.Agent)) []*agent {
	c.t.Helper()
	var all []*agent
	for _, host := range hosts {
		all = append(all, c.begin(host, change...))
	}
	for _, host := range hosts {
		c.awaitHost(host, "UP")
	}
	return all
}

// begin starts a real agent.
func (c *cluster) begin(host string, change ...func(*daemon.Agent)) *agent {
	c.t.Helper()
	a := &agent{c: c, dir: c.t.TempDir(), config: daemon.Agent{
		Name: host, Gossip: "127.0.0.1:0", Join: []string{c.gossips[0]}, Runtime: daemon.RuntimeSim, Simulated: container.NewSim(),
		PortRange: daemon.DefaultPortRange(),
	}}
	for _, each := range change {
		each(&a.config)
	}
	a.run()
	return a
}

func (a *agent) run() {
	a.c.t.Helper()
	a.stop = a.c.run(daemon.Config{StateDir: a.dir, Agents: []daemon.Agent{a.config}})
}

// start starts an agent again that was stopped and waits until its host is UP.
func (a *agent) start() {
	a.c.t.Helper()
	a.run()
	a.c.awaitHost(a.config.Name, "UP")
}

// end stops the agent and waits until its host is DOWN.
func (a *agent) end() {
	a.c.t.Helper()
	a.stop()
	a.c.awaitHost(a.config.Name, "DOWN")
}

func labels(pairs ...string) func(*daemon.Agent) {
	return func(a *daemon.Agent) {
		a.Labels = map[string]string{}
		for i := 0; i < len(pairs); i += 2 {
			a.Labels[pairs[i]] = pairs[i+1]
		}
	}
}

func (c *cluster) awaitHost(host, liveness string) {
	c.t.Helper()
	eventually(c.t, host+" to be "+liveness, func() error {
		return expectStatus(c.ask("GET", "/hosts/"+url.PathEscape(host)+"/status?status="+liveness, ""), http.StatusOK)
	})
}

// awaitTask waits until a host's task of a job is in a state.
func (c *cluster) awaitTask(host, job, state string) {
	c.t.Helper()
	eventually(c.t, job+" to be "+state+" on "+host, func() error {
		status := decoded[jobStatus](c.t, c.must("GET", "/jobs/"+job+"/status", ""))
		if got := status.TaskStatuses[host].State; got != state {
			return fmt.Errorf("it is %q", got)
		}
		return nil
	})
}

// awaitGone waits until a host tells nothing of a job any more.
func (c *cluster) awaitGone(host, job string) {
	c.t.Helper()
	eventually(c.t, job+" to be gone from "+host, func() error {
		status := c.hostStatus(host)
		if task, ok := status.Statuses[job]; ok {
			return fmt.Errorf("it is %s", task.State)
		}
		return nil
	})
}

func (c *cluster) hostStatus(host string) hostStatus {
	c.t.Helper()
	return decoded[hostStatus](c.t, c.must("GET", "/hosts/"+host+"/status", ""))
}

// The parts of answers that tests look into, in the words of the wire.
type taskStatus struct {
	State, ContainerID, Goal string
	Ports                    map[string]struct{ InternalPort, ExternalPort int }
	Env                      map[string]string
}

type deployment struct {
	JobID, Goal, DeployerUser, DeployerMaster, DeploymentGroupName string
}

type jobStatus struct {
	TaskStatuses map[string]taskStatus
	Deployments  map[string]deployment
}

type hostStatus struct {
	Status      string
	Jobs        map[string]deployment
	Statuses    map[string]taskStatus
	Labels      map[string]string
	Environment map[string]string
}
