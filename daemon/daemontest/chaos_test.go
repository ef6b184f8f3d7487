//go:build unix

package daemontest_test

import (
	"context"
	"flag"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
	"time"

	"github.com/heliosctl/heliosctl/daemon/daemontest"
	"github.com/heliosctl/heliosctl/daemon/daemontest/linear"
	"github.com/heliosctl/heliosctl/model"
)

var (
	chaosFor  = flag.Duration("chaos.for", 10*time.Second, "how long TestChaos makes things go wrong; from a minute on slow tests run too")
	chaosSeed = flag.Uint64("chaos.seed", 0, "what TestChaos draws from; 0: something new")
)

// longRun is the -chaos.for from which on slow tests run.
const longRun = time.Minute

// run runs a command.
func run(t *testing.T, argv ...string) {
	t.Helper()
	if out, err := exec.Command(argv[0], argv[1:]...).CombinedOutput(); err != nil {
		t.Fatalf("%v: %v: %s", argv, err, out)
	}
}

// registers creates a job and registers hosts for a workload.
func registers(t *testing.T, f *daemontest.Fleet, during time.Duration) (job model.JobID, hosts []string) {
	t.Helper()
	c := f.Client("tester")
	job, err := c.CreateJob(t.Context(), sleeper("register"))
	if err != nil {
		t.Fatal(err)
	}
	for i := range linear.Registers(during) {
		host := fmt.Sprintf("register-%d", i)
		if err := c.RegisterHost(t.Context(), host, "nobody-"+host); err != nil {
			t.Fatal(err)
		}
		hosts = append(hosts, host)
	}
	return job, hosts
}

// picturesFolder is where pictures of illegal histories stay after the test.
func picturesFolder(t *testing.T) string { return filepath.Join(os.TempDir(), "heliosctl-"+t.Name()) }

const (
	chaosClients = 16               // some wait for a master that was killed or paused at any time
	decide       = 20 * time.Second // for each register
)

// Random clients at random masters never see anything that one master could not have answered, whatever happens to the masters.
func TestChaos(t *testing.T) {
	t.Parallel()
	f := startCluster(t, 0)
	seed := *chaosSeed
	if seed == 0 {
		seed = rand.Uint64()
	}
	t.Logf("repeat with -chaos.for=%s -chaos.seed=%d", *chaosFor, seed)
	job, hosts := registers(t, f, *chaosFor)
	work := linear.Workload{Masters: f.URLs(), Job: job, Hosts: hosts, Clients: chaosClients, For: *chaosFor, Seed: seed}

	ctx, cancel := context.WithTimeout(t.Context(), *chaosFor)
	defer cancel()
	var history []linear.Operation
	var strange []error
	done := make(chan struct{})
	go func() {
		defer close(done)
		history, strange = work.Run(ctx)
	}()
	nemesis := daemontest.NewNemesis(f, seed)
	nemesis.Run(ctx)
	<-done

	f.AwaitLeader(f.Masters...)
	awaitAgreement(t, f)
	for _, err := range strange {
		t.Errorf("an answer that no master should give: %v", err)
	}
	verdict, err := linear.Check(history, decide, picturesFolder(t))
	if err != nil {
		t.Fatal(err)
	}
	line := fmt.Sprintf("chaos: %s, %d faults, leaders killed %d times, seed %d: %s", *chaosFor, nemesis.Faults, nemesis.LeadersKilled, seed, verdict)
	t.Log(line)
	if file := os.Getenv("HELIOSCTL_CHAOS_VERDICT"); file != "" {
		if err := os.WriteFile(file, []byte(line+"\n"), 0o644); err != nil {
			t.Error(err)
		}
	}
	if !verdict.OK() {
		t.Error(line)
	}
	effective := 0
	for _, op := range history {
		if op.Outcome == linear.Done || op.Outcome == linear.Refused {
			effective++
		}
	}
	if nemesis.Faults == 0 || effective < 100 {
		t.Errorf("%d faults and %d operations with a known effect prove nothing", nemesis.Faults, effective)
	}
}

// Without faults and agents, a cluster of one answers as one.
func TestOneMasterIsLinearizable(t *testing.T) {
	t.Parallel()
	const during = 3 * time.Second
	f := daemontest.StartFleet(t, daemontest.FleetConfig{Masters: 1})
	job, hosts := registers(t, f, during)
	ctx, cancel := context.WithTimeout(t.Context(), during)
	defer cancel()
	work := linear.Workload{Masters: f.URLs(), Job: job, Hosts: hosts, Clients: 4, For: during, Seed: 7}
	var history []linear.Operation
	var strange []error
	done := make(chan struct{})
	go func() {
		defer close(done)
		history, strange = work.Run(ctx)
	}()
	f.Masters[0].Kill()
	f.Start(f.Masters[0])
	<-done
	verdict, err := linear.Check(history, decide, picturesFolder(t))
	if err != nil {
		t.Fatal(err)
	}
	t.Log(verdict)
	if !verdict.OK() || len(strange) > 0 {
		t.Errorf("%s; strange answers: %v", verdict, strange)
	}
}

// The check has teeth: a follower that is cut off answers stale reads with what was true once, and reads that are to be current not at all.
func TestStaleReadsOfACutOffFollowerAreFound(t *testing.T) {
	t.Parallel()
	f := startCluster(t, 0)
	job, hosts := registers(t, f, 0)
	cutOff := follower(f)
	leader := f.AwaitLeader()
	caller := linear.NewCaller(job)
	began := time.Now()
	var history []linear.Operation
	call := func(master *daemontest.Daemon, op linear.Operation) linear.Operation {
		t.Helper()
		op.Host, op.Client, op.Call = hosts[0], len(history), time.Since(began)
		if err := caller.Call(t.Context(), master.API, fmt.Sprintf("stale-%d", len(history)), &op); err != nil {
			t.Fatal(err)
		}
		op.Return = time.Since(began)
		history = append(history, op)
		return op
	}
	legal := func() bool {
		t.Helper()
		verdict, err := linear.Check(history, decide, t.TempDir())
		if err != nil {
			t.Fatal(err)
		}
		return verdict.OK()
	}

	call(leader, linear.Operation{Kind: linear.Deploy, User: "first", Goal: model.GoalStart})
	if seen := call(cutOff, linear.Operation{Kind: linear.Read}); seen.Seen.Deployer != "first" {
		t.Fatalf("a follower answers a read with %s", seen)
	}
	f.Network.Isolate(cutOff.Node)
	leader = f.AwaitLeader(others(f, cutOff)...)
	for _, op := range []linear.Operation{{Kind: linear.Undeploy}, {Kind: linear.Deploy, User: "second", Goal: model.GoalStart}} {
		if done := call(leader, op); done.Outcome != linear.Done {
			t.Fatal(done)
		}
	}
	if current := call(cutOff, linear.Operation{Kind: linear.Read}); current.Outcome != linear.NoEffect {
		t.Errorf("a follower that is cut off answers a read that is to be current: %s", current)
	}
	if !legal() {
		t.Fatal("the history is illegal before the stale read")
	}
	if stale := call(cutOff, linear.Operation{Kind: linear.Read, Stale: true}); stale.Seen.Deployer != "first" {
		t.Fatalf("the stale read is not stale: %s", stale)
	}
	if legal() {
		t.Error("the stale read was not found")
	}
}
