//go:build unix

package daemontest_test

import (
	"fmt"
	"net/url"
	"os"
	"testing"
	"time"

	"github.com/heliosctl/heliosctl/daemon/daemontest"
	"github.com/heliosctl/heliosctl/model"
)

// sleeper is a job that runs until it is stopped.
func sleeper(name string) model.Job {
	return command(name, "exec sleep 100000")
}

// command is a job that runs a shell script.
func command(name, script string) model.Job {
	return model.Job{
		ID: model.JobID{Name: name, Version: "1"}, Image: "busybox:1.36", Command: []string{"/bin/sh", "-c", script},
	}
}

// deployed creates a job and deploys it to hosts.
func deployed(t *testing.T, f *daemontest.Fleet, job model.Job, hosts ...*daemontest.Daemon) model.JobID {
	t.Helper()
	c := f.Client("tester")
	id, err := c.CreateJob(t.Context(), job)
	if err != nil {
		t.Fatal(err)
	}
	for _, host := range hosts {
		if err := c.Deploy(t.Context(), host.Name(), model.Deployment{JobID: id, Goal: model.GoalStart}, ""); err != nil {
			t.Fatal(err)
		}
	}
	return id
}

// taskStatus is what a master says of a job on a host.
func taskStatus(master *daemontest.Daemon, id model.JobID, host *daemontest.Daemon) (model.TaskStatus, error) {
	var status model.JobStatus
	if err := master.Get("/jobs/"+url.PathEscape(id.String())+"/status", &status); err != nil {
		return model.TaskStatus{}, err
	}
	task, ok := status.TaskStatuses[host.Name()]
	if !ok {
		return model.TaskStatus{}, fmt.Errorf("%s says nothing of %s on %s", master.Name(), id, host.Name())
	}
	return task, nil
}

func awaitState(t *testing.T, master *daemontest.Daemon, id model.JobID, host *daemontest.Daemon, want model.State) model.TaskStatus {
	t.Helper()
	var task model.TaskStatus
	daemontest.Await(t, fmt.Sprintf("%s on %s to be %s", id, host.Name(), want), func() (err error) {
		if task, err = taskStatus(master, id, host); err == nil && task.State != want {
			err = fmt.Errorf("it is %s", task.State)
		}
		return err
	})
	return task
}

func TestFleetOfOneMaster(t *testing.T) {
	t.Parallel()
	f := daemontest.StartFleet(t, daemontest.FleetConfig{Masters: 1, Agents: 3})
	master := f.Masters[0]
	id := deployed(t, f, sleeper("sleeper"), f.Agents...)
	for _, agent := range f.Agents {
		awaitState(t, master, id, agent, model.StateRunning)
	}

	t.Log("an agent is killed: its host goes down, and it finds its process again")
	victim := f.Agents[0]
	before := awaitState(t, master, id, victim, model.StateRunning)
	victim.Kill()
	f.AwaitHosts(model.Down, victim)
	f.Start(victim)
	f.AwaitHosts(model.Up, victim)
	if after := awaitState(t, master, id, victim, model.StateRunning); after.ContainerID != before.ContainerID {
		t.Errorf("the agent that came back runs %s, it had left %s", after.ContainerID, before.ContainerID)
	}

	t.Log("the master is killed: the agents wait for it")
	master.Kill()
	f.Start(master)
	f.AwaitReads(master)
	f.AwaitHosts(model.Up, f.Agents...)

	t.Log("the master is paused: nobody answers")
	if err := master.Pause(); err != nil {
		t.Fatal(err)
	}
	if err := master.Get("/hosts", nil); err == nil {
		t.Error("a paused master answered")
	}
	if err := master.Resume(); err != nil {
		t.Fatal(err)
	}
	f.AwaitReads(master)

	f.Stop(f.Agents[1])
	f.AwaitHosts(model.Down, f.Agents[1])
	f.Stop(master)
}

// A host that is cut off is told from one that is well by gossip alone.
func TestHostThatIsCutOffIsDownAndComesBack(t *testing.T) {
	t.Parallel()
	f := daemontest.StartFleet(t, daemontest.FleetConfig{Masters: 1, Agents: 2})
	f.Network.Isolate(f.Agents[0].Node)
	f.AwaitHosts(model.Down, f.Agents[0])
	f.AwaitHosts(model.Up, f.Agents[1])
	f.Network.Heal()
	f.AwaitHosts(model.Up, f.Agents[0])
}

// A client gets its answer over a bad line.
func TestClientOverASlowNetwork(t *testing.T) {
	t.Parallel()
	f := daemontest.StartFleet(t, daemontest.FleetConfig{Masters: 1})
	proxy := f.Network.Slow(f.Masters[0].Node, 5801)
	bad := daemontest.Link{
		Delay: 20 * time.Millisecond, Jitter: 30 * time.Millisecond, BytesPerSecond: 100_000, StallChance: 0.1, Stall: 300 * time.Millisecond,
	}
	proxy.Shape(bad, bad)
	id := deployed(t, f, sleeper("far"))
	if jobs, err := f.Client("tester").Jobs(t.Context(), "", ""); err != nil || len(jobs) != 1 || jobs[id].Image == "" {
		t.Errorf("the jobs are %v, %v", jobs, err)
	}
}

// One master believes that it is an hour later than it is. Dates that it gives are an hour ahead; nothing else depends on it, also when another
// leads after it and the dates go back.
func TestClockOfOneMasterIsOff(t *testing.T) {
	t.Parallel()
	daemontest.RequireNetns(t)
	slow(t)
	const off = time.Hour
	config := clusterOf(1)
	config.Binaries = map[string]string{"m1": daemontest.Binary(t, daemontest.Build{ClockShift: off})}
	f := daemontest.StartFleet(t, config)
	w := startWriters(t, f, 1)
	for _, ahead := range []time.Duration{off, 0, off} {
		makeLead(t, f, f.Masters[0], ahead != 0)
		w.awaitMore(t, 10)
		job, file := witness(t, fmt.Sprintf("ahead-%s-%d", ahead, len(w.snapshot())))
		asked := time.Now()
		id := deployed(t, f, job, f.Agents...)
		awaitState(t, f.Masters[1], id, f.Agents[0], model.StateRunning)
		expectOneProcess(t, file)
		created, err := f.Client("tester").Job(t.Context(), id)
		if err != nil {
			t.Fatal(err)
		}
		if got := created.Created.Time().Sub(asked); got < ahead-time.Minute || got > ahead+10*time.Minute {
			t.Errorf("a job was created %s after it was asked for, by a leader whose clock is %s ahead", got, ahead)
		}
		f.AwaitHosts(model.Up, f.Agents...)
	}
	w.end()
	w.expectKept(t, f)
	awaitAgreement(t, f)
}

// slow skips what takes minutes unless the long run is asked for.
func slow(t *testing.T) {
	t.Helper()
	if *chaosFor < longRun {
		t.Skipf("it builds a program of its own; run with -chaos.for=%s or more", longRun)
	}
}

// tmpfs mounts a small file system that is gone at the end of the test.
func tmpfs(t *testing.T, size string) string {
	t.Helper()
	dir := t.TempDir()
	run(t, "mount", "-t", "tmpfs", "-o", "size="+size, "tmpfs", dir)
	t.Cleanup(func() { run(t, "umount", "-l", dir) })
	return dir
}

// fill writes a file of the given size into a folder.
func fill(t *testing.T, file string, bytes int64) {
	t.Helper()
	if err := os.WriteFile(file, make([]byte, bytes), 0o600); err != nil {
		t.Fatal(err)
	}
}
