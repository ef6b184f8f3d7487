package main

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/heliosctl/heliosctl/client"
	"github.com/heliosctl/heliosctl/daemon/daemontest/ports"
	"github.com/heliosctl/heliosctl/model"
)

// cluster is three masters as processes on loopback, with encrypted gossip.
type cluster struct {
	t       *testing.T
	key     string
	dirs    map[string]string
	gossip  map[string]string
	raft    map[string]string
	urls    map[string]string
	masters map[string]*process
}

var clusterNames = []string{"m1", "m2", "m3"}

func startCluster(t *testing.T) *cluster {
	t.Helper()
	c := &cluster{
		t: t, key: strings.TrimSpace(must(t, "keygen")), dirs: map[string]string{}, gossip: map[string]string{}, raft: map[string]string{},
		urls: map[string]string{}, masters: map[string]*process{},
	}
	for _, name := range clusterNames {
		c.dirs[name], c.gossip[name], c.raft[name], c.urls[name] = t.TempDir(), ports.Address(t), ports.Address(t), "http://"+ports.Address(t)
	}
	for _, name := range clusterNames {
		c.start(name)
	}
	for _, name := range clusterNames {
		c.masters[name].waitFor("msg=ready")
	}
	return c
}

// start starts a master with the command line that it always has.
func (c *cluster) start(name string) {
	c.t.Helper()
	var initial []string
	for _, each := range clusterNames {
		initial = append(initial, each+"="+c.gossip[each])
	}
	c.masters[name] = startProcessEnv(c.t, []string{"HELIOSCTL_ENCRYPT=" + c.key}, "master", "--name", name, "--state-dir", c.dirs[name],
		"--masters", strings.Join(initial, ","), "--gossip", c.gossip[name], "--gossip-profile", "fast", "--raft", c.raft[name],
		"--http", strings.TrimPrefix(c.urls[name], "http://"), "--admin", ports.Address(c.t))
}

func (c *cluster) agent(name string, args ...string) *process {
	c.t.Helper()
	return startProcess(c.t, append([]string{"agent", "--name", name, "--state-dir", filepath.Join(c.t.TempDir(), name), "--no-http",
		"--gossip", ports.Address(c.t), "--gossip-profile", "fast", "--encrypt", c.key, "--join", c.gossip["m2"], "--runtime", "sim"}, args...)...)
}

// all is a client of all masters.
func (c *cluster) all() *client.Client {
	c.t.Helper()
	api, err := client.New(client.Config{Endpoints: []string{c.urls["m1"], c.urls["m2"], c.urls["m3"]}, RetryTimeout: 30 * time.Second})
	if err != nil {
		c.t.Fatal(err)
	}
	c.t.Cleanup(func() { _ = api.Close() })
	return api
}

// leader is the name of the master that leads.
func (c *cluster) leader() string {
	c.t.Helper()
	var leader string
	eventually(c.t, func() error {
		for _, name := range clusterNames {
			self, err := clientOf(c.t, c.urls[name]).Self(context.Background())
			if err != nil {
				return err
			}
			if self.State == model.MasterLeader {
				leader = name
				return nil
			}
		}
		return errors.New("no master leads")
	})
	return leader
}

// eventually waits until the check passes, and fails with its last error.
func eventually(t *testing.T, check func() error) {
	t.Helper()
	var err error
	for deadline := time.Now().Add(time.Minute); time.Now().Before(deadline); time.Sleep(50 * time.Millisecond) {
		if err = check(); err == nil {
			return
		}
	}
	t.Fatal(err)
}

func TestThreeMastersFormOneCluster(t *testing.T) {
	t.Parallel()
	c := startCluster(t)
	c.agent("web-1").waitFor("msg=ready")
	api := c.all()
	awaitHost(t, api, "web-1", model.Up)

	// Whichever master is asked, the answer is the same, and it reflects what another one has just acknowledged.
	var id model.JobID
	for i, name := range clusterNames {
		id = createdJob(t, c.urls[name], fmt.Sprintf("web:%d", i+1), "unused:1")
		for _, other := range clusterNames {
			if out := must(t, "jobs", "--master", c.urls[other], "-q"); !contains(out, id.String()) {
				t.Errorf("%s does not know the job that %s has just created: %s", other, name, out)
			}
		}
	}
	must(t, "deploy", "--master", c.urls["m3"], "--wait", id.String(), "web-1")
	if out := must(t, "masters", "--master", c.urls["m2"]); strings.Join(strings.Fields(out), " ") != "m1 m2 m3" {
		t.Errorf("the masters are %q", out)
	}
	if out := must(t, "members", "--master", c.urls["m1"]); strings.Count(out, "alive") != 4 {
		t.Errorf("the members are\n%s", out)
	}

	// The leader dies; the others go on with everything that was acknowledged, and it comes back as one of them.
	leader := c.leader()
	c.masters[leader].signal(syscall.SIGKILL)
	c.masters[leader].wait()
	if _, err := api.CreateJob(context.Background(), model.Job{ID: model.JobID{Name: "after", Version: "1"}, Image: "unused:1"}); err != nil {
		t.Errorf("a job could not be created after the leader had died: %v", err)
	}
	c.start(leader)
	c.masters[leader].waitFor("msg=ready")
	if out := must(t, "jobs", "--master", c.urls[leader], "-q"); strings.Count(out, "\n") != 4 {
		t.Errorf("the former leader knows these jobs:\n%s", out)
	}
	if out := must(t, "status", "--master", c.urls[leader], "--job", id.String()); !contains(out, "RUNNING") {
		t.Errorf("the former leader tells\n%s", out)
	}
}

// An agent that is told of one cluster takes no orders from another.
func TestAgentKeepsToItsCluster(t *testing.T) {
	t.Parallel()
	gossip, api := ports.Address(t), ports.Address(t)
	startProcess(t, "master", "--name", "m1", "--state-dir", t.TempDir(), "--http", api, "--admin", ports.Address(t),
		"--gossip", gossip, "--raft", ports.Address(t)).waitFor("msg=ready")
	about, err := clientOf(t, "http://"+api).About(context.Background())
	if err != nil {
		t.Fatal(err)
	}
	agent := func(cluster string) *process {
		return startProcess(t, "agent", "--name", "web-1", "--state-dir", t.TempDir(), "--no-http", "--gossip", ports.Address(t),
			"--join", gossip, "--runtime", "sim", "--cluster-id", cluster)
	}
	stranger := agent("another-cluster")
	stranger.waitFor("another-cluster")
	stranger.waitFor(about.ClusterID)
	stranger.signal(syscall.SIGTERM)
	stranger.wait()
	if hosts, err := clientOf(t, "http://"+api).Hosts(context.Background(), "", nil); err != nil || len(hosts) != 0 {
		t.Errorf("hosts %v (%v) after an agent of another cluster had come", hosts, err)
	}
	agent(about.ClusterID)
	awaitHost(t, clientOf(t, "http://"+api), "web-1", model.Up)
}

// A master that leaves is gone for good: its process ends, the others go on, and its folder is refused.
func TestMastersLeaveTheirCluster(t *testing.T) {
	t.Parallel()
	c := startCluster(t)
	id := createdJob(t, c.urls["m1"], "web:1", "unused:1")
	c.awaitVoters("m1", 3)
	out := must(t, "masters", "--detail", "--master", c.urls["m1"])
	if states := regexp.MustCompile(`(?m)^m\d +(leader|voter|non-voter) +[1-9]\d* +[1-9]\d* +\d+ +\S+ +[^-\s]`).FindAllString(out, -1); len(states) != 3 {
		t.Errorf("the masters are\n%s", out)
	}

	// The leader leaves, asked through another one.
	gone := c.leader()
	rest := slices.DeleteFunc(slices.Clone(clusterNames), func(name string) bool { return name == gone })
	must(t, "leave", gone, "--yes", "--master", c.urls[rest[0]])
	if code := c.masters[gone].wait(); code != exitOK {
		t.Errorf("the master that left ended with %d", code)
	}
	c.awaitVoters(rest[1], 2)
	c.start(gone)
	if code := c.masters[gone].wait(); code == exitOK {
		t.Error("a master that has left started again")
	}
	printed, _ := c.masters[gone].out.read()
	if want := "for good; remove its folder " + c.dirs[gone]; strings.Count(strings.TrimSpace(printed), "\n") != 0 || !contains(printed, want) {
		t.Errorf("a master that has left says, where one line with %q is expected:\n%s", want, printed)
	}
	if out := must(t, "jobs", "--master", c.urls[rest[1]], "-q"); strings.TrimSpace(out) != id.String() {
		t.Errorf("the jobs are %s", out)
	}
	if _, stderr, code := runProgram(t, "leave", "nobody", "--yes", "--master", c.urls[rest[0]]); code != 3 {
		t.Errorf("nobody left with %d: %s", code, stderr)
	}
}

// A dead master is removed, by its name, by the two that remain.
func TestADeadMasterIsRemoved(t *testing.T) {
	t.Parallel()
	c := startCluster(t)
	c.awaitVoters("m1", 3)
	c.masters["m3"].kill()
	var dead model.Peer
	eventually(t, func() error {
		peers, err := clientOf(t, c.urls["m1"]).Peers(context.Background())
		if err != nil {
			return err
		}
		i := slices.IndexFunc(peers, func(p model.Peer) bool { return p.Name == "m3" })
		if i < 0 || peers[i].Alive {
			return fmt.Errorf("the masters are %+v", peers)
		}
		dead = peers[i]
		return nil
	})
	must(t, "operator", "raft", "remove-peer", "m3", "--yes", "--master", c.urls["m1"])
	c.awaitVoters("m2", 2)
	// To remove it a second time, as after an answer that was lost, is no failure.
	must(t, "operator", "raft", "remove-peer", dead.ID, "--yes", "--master", c.urls["m2"])
	createdJob(t, c.urls["m2"], "after:1", "unused:1")
	// It does not come back by itself.
	c.start("m3")
	c.masters["m3"].waitFor("this master was removed from its cluster")
	c.awaitVoters("m1", 2)
}

// awaitVoters waits until that master lists so many peers, all of which vote and are alive, and so does list-peers.
func (c *cluster) awaitVoters(name string, want int) {
	c.t.Helper()
	eventually(c.t, func() error {
		peers, err := clientOf(c.t, c.urls[name]).Peers(context.Background())
		if err != nil {
			return err
		}
		if len(peers) != want || slices.ContainsFunc(peers, func(p model.Peer) bool { return !p.Voter || !p.Alive }) {
			return fmt.Errorf("%s lists the masters %+v, want %d that vote", name, peers, want)
		}
		return nil
	})
	out := must(c.t, "operator", "raft", "list-peers", "--master", c.urls[name])
	if strings.Count(out, "\n") != want+1 || len(regexp.MustCompile(` (leader|voter) +yes `).FindAllString(out, -1)) != want {
		c.t.Errorf("%s lists\n%s", name, out)
	}
}
