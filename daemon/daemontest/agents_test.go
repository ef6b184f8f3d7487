//go:build unix

package daemontest_test

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/heliosctl/heliosctl/daemon/container/containertest"
	"github.com/heliosctl/heliosctl/daemon/daemontest"
	"github.com/heliosctl/heliosctl/model"
)

// witness is a job that writes its process id to a file each time it starts, and runs on.
func witness(t *testing.T, name string) (job model.Job, file string) {
	t.Helper()
	file = filepath.Join(t.TempDir(), "pids")
	return command(name, fmt.Sprintf("echo $$ >> %s; exec sleep 100000", file)), file
}

// expectOneProcess fails unless the witness was started once and runs.
func expectOneProcess(t *testing.T, file string) {
	t.Helper()
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	pids := strings.Fields(string(text))
	if len(pids) != 1 {
		t.Fatalf("the job was started %d times", len(pids))
	}
	if pid, err := strconv.Atoi(pids[0]); err != nil || syscall.Kill(pid, 0) != nil {
		t.Errorf("process %s of the job is gone", pids[0])
	}
}

// flaky is a job that waits until it is let go, ends with exit code 1 at its first start, 2 at its second and so on, and runs on at the
// last. Each start is a line of a file.
func flaky(t *testing.T, starts int) (job model.Job, letGo func(), started func() int) {
	t.Helper()
	dir := t.TempDir()
	file, signal := filepath.Join(dir, "starts"), filepath.Join(dir, "go")
	job = command("flaky", fmt.Sprintf(`while [ ! -e %s ]; do sleep 0.05; done
echo $$ >> %s
n=$(wc -l < %s)
[ $n -lt %d ] && exit $n
exec sleep 100000`, signal, file, file, starts))
	letGo = func() { fill(t, signal, 1) }
	started = func() int {
		text, _ := os.ReadFile(file)
		return strings.Count(string(text), "\n")
	}
	return job, letGo, started
}

// An agent that is cut off while its job restarts again and again tells everything afterwards: in order, and each thing once.
func TestAgentThatIsCutOffTellsEverythingAfterwards(t *testing.T) {
	t.Parallel()
	f := startCluster(t, 2)
	host := f.Agents[0]
	const starts = 5 // with all its states that is what history keeps of a job on a host
	job, letGo, started := flaky(t, starts)
	id := deployed(t, f, job, host)
	quiet, pids := witness(t, "quiet")
	quietID := deployed(t, f, quiet, host)
	awaitState(t, f.Masters[0], id, host, model.StateRunning)
	awaitState(t, f.Masters[0], quietID, host, model.StateRunning)

	f.Network.Isolate(host.Node)
	f.AwaitHosts(model.Down, host)
	letGo()
	daemontest.Await(t, "the job to restart", func() error {
		if n := started(); n < starts {
			return fmt.Errorf("it was started %d times", n)
		}
		return nil
	})
	if *chaosFor >= longRun {
		t.Log("the agent stays cut off for two minutes")
		time.Sleep(2 * time.Minute)
	}
	f.Network.Heal()
	f.AwaitHosts(model.Up, host)
	for _, m := range f.Masters {
		daemontest.Await(t, "the whole history at "+m.Name(), func() error { return completeHistory(m, id, host, starts) })
	}
	expectOneProcess(t, pids)

	var own map[string]model.TaskStatus
	if err := host.Get("/helios/taskstatus", &own); err != nil {
		t.Fatal(err)
	}
	told, err := taskStatus(f.Masters[1], id, host)
	if err != nil {
		t.Fatal(err)
	}
	if mine := own[id.String()]; told.State != mine.State || told.ContainerID != mine.ContainerID || told.Restarts != mine.Restarts {
		t.Errorf("the agent says %s, container %s, %d restarts; a master says %s, container %s, %d restarts",
			mine.State, mine.ContainerID, mine.Restarts, told.State, told.ContainerID, told.Restarts)
	}
	awaitAgreement(t, f)
}

// completeHistory complains unless a flaky job's history at a master has every run: each container's states in order, none twice, and the exit
// codes 1, 2, 3 and so on.
func completeHistory(master *daemontest.Daemon, id model.JobID, host *daemontest.Daemon, starts int) error {
	var answer model.TaskStatusEvents
	if err := master.Get("/history/jobs/"+strings.ReplaceAll(id.String(), ":", "%3A"), &answer); err != nil {
		return err
	}
	seen := map[string]bool{}
	var exits, running int
	var before model.Timestamp
	for i, event := range answer.Events {
		status := event.Status
		what := fmt.Sprintf("%s of container %s (start %d)", status.State, status.ContainerID, status.Restarts)
		if event.Host != host.Name() {
			return fmt.Errorf("event %d is of %s", i, event.Host)
		}
		if seen[what] {
			return fmt.Errorf("event %d, %s, is there twice", i, what)
		}
		seen[what] = true
		if event.Timestamp < before {
			return fmt.Errorf("event %d, %s, is older than the one before", i, what)
		}
		before = event.Timestamp
		switch status.State {
		case model.StateRunning:
			if running++; running != exits+1 {
				return fmt.Errorf("event %d, %s, follows %d exits", i, what, exits)
			}
		case model.StateExited:
			exits++
			if status.ExitCode == nil || *status.ExitCode != exits {
				return fmt.Errorf("event %d, %s, has not exit code %d", i, what, exits)
			}
		}
	}
	if exits != starts-1 || running != starts {
		return fmt.Errorf("of %d starts %d are told of, and %d exits: %d events", starts, running, exits, len(answer.Events))
	}
	return nil
}

// A host whose agent is killed is DOWN at every master.
func TestKilledHostIsDownAtEveryMaster(t *testing.T) {
	t.Parallel()
	f := startCluster(t, 2)
	began := time.Now()
	f.Agents[0].Kill()
	for _, m := range f.Masters {
		f.AwaitHostsAt(m, model.Down, f.Agents[0])
		t.Logf("%s says so after %s", m.Name(), time.Since(began).Round(time.Millisecond))
	}
	f.AwaitHosts(model.Up, f.Agents[1])
	f.Start(f.Agents[0])
	f.AwaitHosts(model.Up, f.Agents[0])
}

// When the leader is killed, agents go on with another master, and what they run does not notice.
func TestAgentsGoOnWithAnotherMaster(t *testing.T) {
	t.Parallel()
	f := startCluster(t, 3)
	var files []string
	for i, host := range f.Agents {
		job, file := witness(t, fmt.Sprintf("witness-%d", i))
		awaitState(t, f.Masters[0], deployed(t, f, job, host), host, model.StateRunning)
		files = append(files, file)
	}
	// Every master that agents may be connected to is killed once.
	for _, victim := range f.Masters {
		f.AwaitLeader()
		began := time.Now()
		victim.Kill()
		rest := fleetWithout(f, victim)
		id := deployed(t, rest, sleeper("after-"+victim.Name()), f.Agents...)
		t.Logf("without %s a deployment is accepted after %s", victim.Name(), time.Since(began).Round(time.Millisecond))
		for _, host := range f.Agents {
			awaitState(t, rest.Masters[0], id, host, model.StateRunning)
		}
		t.Logf("and runs everywhere after %s", time.Since(began).Round(time.Millisecond))
		f.Start(victim)
	}
	f.AwaitLeader()
	for _, file := range files {
		expectOneProcess(t, file)
	}
	awaitAgreement(t, f)
}

// All masters are away for a while: containers run on, and what happened meanwhile is told when the masters are back.
func TestOutageOfAllMasters(t *testing.T) {
	t.Parallel()
	f := startCluster(t, 1)
	host := f.Agents[0]
	const starts = 3
	job, letGo, started := flaky(t, starts)
	id := deployed(t, f, job, host)
	quiet, pids := witness(t, "quiet")
	awaitState(t, f.Masters[0], deployed(t, f, quiet, host), host, model.StateRunning)
	awaitState(t, f.Masters[0], id, host, model.StateRunning)
	for _, m := range f.Masters {
		m.Kill()
	}
	letGo()
	daemontest.Await(t, "the job to restart", func() error {
		if n := started(); n < starts {
			return fmt.Errorf("it was started %d times", n)
		}
		return nil
	})
	f.Start(f.Masters...)
	f.AwaitLeader()
	for _, m := range f.Masters {
		daemontest.Await(t, "the whole history at "+m.Name(), func() error { return completeHistory(m, id, host, starts) })
	}
	expectOneProcess(t, pids)
}

// Containers of a real engine are left alone when the agent is killed, and when its host is cut off.
func TestContainersAreLeftAlone(t *testing.T) {
	t.Parallel()
	daemontest.RequireNetns(t)
	docker := containertest.RequireDocker(t)
	image := containertest.BusyboxImage(t, docker)
	agentID := containertest.AgentID(t, docker)
	f := daemontest.StartFleet(t, daemontest.FleetConfig{Masters: 1, Agents: 1, Runtime: "docker", AgentArgs: []string{"--id", agentID}})
	master, host := f.Masters[0], f.Agents[0]
	job := sleeper("real")
	job.Image, job.Command = image, []string{"sleep", "100000"}
	id := deployed(t, f, job, host)
	before := awaitState(t, master, id, host, model.StateRunning)
	state, err := docker.Inspect(t.Context(), before.ContainerID)
	if err != nil {
		t.Fatal(err)
	}
	unchanged := func(when string) {
		t.Helper()
		now, err := docker.Inspect(t.Context(), before.ContainerID)
		if err != nil || !now.Running || now.Pid != state.Pid {
			t.Errorf("%s: running %v with process %d, which was %d; %v", when, now.Running, now.Pid, state.Pid, err)
		}
		daemontest.Await(t, "the same container "+when, func() error {
			after, err := taskStatus(master, id, host)
			if err == nil && (after.State != model.StateRunning || after.ContainerID != before.ContainerID) {
				err = errors.New("it is " + string(after.State) + " in container " + after.ContainerID)
			}
			return err
		})
	}
	host.Kill()
	f.AwaitHosts(model.Down, host)
	unchanged("after the agent was killed")
	f.Start(host)
	f.AwaitHosts(model.Up, host)
	unchanged("after the agent came back")
	f.Network.Isolate(host.Node)
	f.AwaitHosts(model.Down, host)
	f.Network.Heal()
	f.AwaitHosts(model.Up, host)
	unchanged("after the host was cut off")
}
