package agent_test

import (
	"bufio"
	"context"
	"fmt"
	"log/slog"
	"os"
	"os/exec"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/heliosctl/heliosctl/daemon/agent"
	"github.com/heliosctl/heliosctl/daemon/container"
	"github.com/heliosctl/heliosctl/daemon/container/containertest"
	"github.com/heliosctl/heliosctl/model"
	"github.com/heliosctl/heliosctl/store"
)

// dockerHost is a host with a real engine.
type dockerHost struct {
	t      testing.TB
	docker *container.Docker
	image  string
	id     string
	dir    string
	master *fakeMaster
	change func(*agent.Config) // before each start
	agent  *agent.Agent
	stop   func()
}

func newDockerHost(t testing.TB) *dockerHost {
	docker := containertest.RequireDocker(t)
	image := containertest.BusyboxImage(t, docker)
	return &dockerHost{
		t: t, docker: docker, image: image, id: containertest.AgentID(t, docker),
		dir: t.TempDir(), master: newFakeMaster(), change: func(*agent.Config) {}, stop: func() {},
	}
}

func (h *dockerHost) start() {
	h.t.Helper()
	records, err := store.OpenAgentRecords(h.dir, store.AgentOptions{ID: h.id})
	if err != nil {
		h.t.Fatal(err)
	}
	config := agent.Config{
		Host: "host1", Master: h.master, Records: records, Runtime: h.docker,
		Logger: slog.New(slog.NewTextHandler(h.t.Output(), nil)),
	}
	h.change(&config)
	a, err := agent.New(config)
	if err != nil {
		h.t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- a.Run(ctx) }()
	h.agent = a
	stopped := false
	h.stop = func() {
		if stopped {
			return
		}
		stopped = true
		cancel()
		if err := <-ended; err != nil {
			h.t.Errorf("run: %v", err)
		}
		if err := records.Close(); err != nil {
			h.t.Errorf("close records: %v", err)
		}
	}
	h.t.Cleanup(h.stop)
}

// in is the same host for a part of a test.
func (h *dockerHost) in(t testing.TB) *dockerHost {
	part := *h
	part.t = t
	return &part
}

func (h *dockerHost) job(name, script string, edits ...func(*model.Job)) model.Job {
	job := model.Job{
		ID: model.JobID{Name: name, Version: "1"}, Image: h.image, Command: []string{"sh", "-c", script},
		SecondsToWaitBeforeKill: ptr(5),
	}
	for _, edit := range edits {
		edit(&job)
	}
	return job.WithID()
}

// wait returns once the master has heard of the state, with a container other than old.
func (h *dockerHost) wait(id model.JobID, state model.State, old string) model.TaskStatus {
	h.t.Helper()
	var last model.TaskStatus
	h.eventually(func() bool {
		var ok bool
		last, ok = h.master.status(id)
		return ok && last.State == state && last.ContainerID != old
	}, func() string {
		return fmt.Sprintf("%s is %s (%s), want %s; so far %v", id.Short(), last.State, last.ContainerError, state, h.master.states(id))
	})
	return last
}

// adopted returns once the agent has its master, its engine and a running task. It need not say so again to a master.
func (h *dockerHost) adopted(id model.JobID) (status model.TaskStatus) {
	h.t.Helper()
	h.eventually(func() bool {
		health := h.agent.Health()
		status = h.agent.TaskStatuses()[id]
		return status.State == model.StateRunning && health["docker"] == nil && health[agent.HealthMasters] == nil
	}, func() string { return fmt.Sprint(status.State, h.agent.Health()) })
	return status
}

func (h *dockerHost) eventually(done func() bool, otherwise func() string) {
	h.t.Helper()
	deadline := time.Now().Add(time.Minute)
	for !done() {
		if time.Now().After(deadline) {
			h.t.Fatal(otherwise())
		}
		time.Sleep(time.Millisecond)
	}
}

func (h *dockerHost) gone(id model.JobID) {
	h.t.Helper()
	h.eventually(func() bool {
		states := h.master.states(id)
		left, err := h.docker.List(h.t.Context(), h.id)
		return err == nil && len(left) == 0 && len(states) > 0 && states[len(states)-1] == "REMOVED"
	}, func() string {
		left, err := h.docker.List(h.t.Context(), h.id)
		return fmt.Sprintf("states %v, containers left %v %v", h.master.states(id), left, err)
	})
}

const serveUntilTerm = `trap 'echo bye; exit 0' TERM; touch /tmp/serves; while true; do sleep 0.05; done`

// serves waits until a container of serveUntilTerm would end on TERM: as the first process of a container a shell takes no notice of it
// before.
func (h *dockerHost) serves(container string) {
	h.t.Helper()
	h.eventually(func() bool {
		code, err := h.docker.Exec(h.t.Context(), container, []string{"test", "-e", "/tmp/serves"})
		return err == nil && code == 0
	}, func() string { return "the container's command has not begun" })
}

func TestDockerLifecycle(t *testing.T) {
	h := newDockerHost(t)
	h.start()
	job := h.job("web", serveUntilTerm, func(job *model.Job) {
		job.Env = map[string]string{"GREETING": "hello world"}
		job.Ports = map[string]model.PortMapping{"http": {InternalPort: 80, Protocol: "tcp"}}
	})
	h.master.deploy(job, model.GoalStart)
	first := h.wait(job.ID, model.StateRunning, "")

	check := fmt.Sprintf(`test "$GREETING" = "hello world" && test "$HELIOS_PORT_http" = "host1:%d"`, *first.Ports["http"].ExternalPort)
	if code, err := h.docker.Exec(t.Context(), first.ContainerID, []string{"sh", "-c", check}); err != nil || code != 0 {
		t.Errorf("the container's environment is not as told: exit code %d, %v", code, err)
	}

	if err := h.docker.Kill(t.Context(), first.ContainerID); err != nil {
		t.Fatal(err)
	}
	second := h.wait(job.ID, model.StateRunning, first.ContainerID)
	h.serves(second.ContainerID)

	h.stop()
	h.start()
	h.eventually(func() bool { return h.agent.Health()["docker"] == nil && h.agent.Health()[agent.HealthMasters] == nil },
		func() string { return fmt.Sprint(h.agent.Health()) })
	h.master.setGoal(job.ID, model.GoalStop)
	if stopped := h.wait(job.ID, model.StateStopped, ""); stopped.ContainerID != second.ContainerID {
		t.Errorf("stopped %s, want the adopted container %s", stopped.ContainerID, second.ContainerID)
	}
	state, err := h.docker.Inspect(t.Context(), second.ContainerID)
	if err != nil || state.ExitCode != 0 {
		t.Errorf("exit code %d, %v; want 0 as it ends on TERM", state.ExitCode, err)
	}
	want := strings.Join(states(started, "EXITED", started, "STOPPING", "STOPPED"), " ")
	if got := strings.Join(h.master.states(job.ID), " "); got != want {
		t.Errorf("states\n%s, want\n%s", got, want)
	}
	h.master.undeploy(job.ID)
	h.gone(job.ID)
}

func TestDockerHealthChecks(t *testing.T) {
	h := newDockerHost(t)
	h.start()
	const lateServer = `mkdir /www; echo ok > /www/health; while ! test -e /ready; do sleep 0.05; done; exec httpd -f -p 80 -h /www`
	port := map[string]model.PortMapping{"http": {InternalPort: 80, Protocol: "tcp"}}
	checks := map[string]*model.HealthCheck{
		"http": {Type: model.HealthCheckHTTP, Port: "http", Path: "/health"},
		"tcp":  {Type: model.HealthCheckTCP, Port: "http"},
		"exec": {Type: model.HealthCheckExec, Command: []string{"test", "-e", "/ready"}},
	}
	var jobs []model.Job
	for kind, check := range checks {
		job := h.job("hc-"+kind, lateServer, func(job *model.Job) { job.HealthCheck, job.Ports = check, port })
		h.master.deploy(job, model.GoalStart)
		jobs = append(jobs, job)
	}
	for _, job := range jobs {
		id := h.wait(job.ID, model.StateHealthchecking, "").ContainerID
		if code, err := h.docker.Exec(t.Context(), id, []string{"touch", "/ready"}); err != nil || code != 0 {
			t.Fatalf("touch: %d %v", code, err)
		}
	}
	for _, job := range jobs {
		h.wait(job.ID, model.StateRunning, "")
		want := "PULLING_IMAGE CREATING STARTING HEALTHCHECKING RUNNING"
		if got := strings.Join(h.master.states(job.ID), " "); got != want {
			t.Errorf("%s: states %s, want %s", job.ID.Name, got, want)
		}
	}
}

func TestDockerStartErrorIsTold(t *testing.T) {
	h := newDockerHost(t)
	h.start()
	job := h.job("bad", "", func(job *model.Job) { job.Command = []string{"/no/such/program"} })
	h.master.deploy(job, model.GoalStart)
	if status := h.wait(job.ID, model.StateFailed, ""); !strings.Contains(status.ContainerError, "/no/such/program") {
		t.Errorf("failed with %q, want what the engine says of the program", status.ContainerError)
	}
	h.master.undeploy(job.ID)
	h.gone(job.ID)
}

func TestDockerEndsAreTold(t *testing.T) {
	h := newDockerHost(t)
	h.start()
	memory := int64(16 << 20)
	for _, test := range []struct {
		name, script string
		edit         func(*model.Job)
		want         told
	}{
		{"code", `sleep 0.1; exit 3`, func(*model.Job) {}, told{model.StateExited, 3, false, "", 0}},
		{"signal", `sleep 0.1; kill -9 $$`, func(job *model.Job) {
			// A process cannot kill the first one of its container, but that passes on how its child ended.
			job.Command = []string{"sh", "-c", `sh -c 'sleep 0.1; kill -9 $$'; exit $?`}
		}, told{model.StateExited, 137, false, "SIGKILL", 0}},
		{"memory", `x=a; while true; do x="$x$x"; done`, func(job *model.Job) {
			job.Resources = &model.Resources{Memory: &memory, MemorySwap: &memory}
		}, told{model.StateExited, 137, true, "SIGKILL", 0}},
	} {
		t.Run(test.name, func(t *testing.T) {
			h := h.in(t)
			job := h.job("end-"+test.name, test.script, test.edit)
			h.master.deploy(job, model.GoalStart)
			h.wait(job.ID, model.StateExited, "")
			for _, report := range h.master.history(job.ID) {
				if report.Status.State != model.StateExited {
					continue
				}
				if diff := cmp.Diff(test.want, tell(*report.Status)); diff != "" {
					t.Errorf("(-want +got):\n%s", diff)
				}
				break
			}
			h.master.undeploy(job.ID)
			h.eventually(func() bool {
				states := h.master.states(job.ID)
				return states[len(states)-1] == "REMOVED"
			}, func() string { return "the task is still there" })
		})
	}
}

const crashEnv = "HELIOSCTL_TEST_AGENT" // "state folder|agent id|image" of the agent that this process is to be

// An agent that is killed without warning, with its records in whatever state that leaves them, takes up its containers.
func TestDockerAgentIsKilled(t *testing.T) {
	if spec := os.Getenv(crashEnv); spec != "" {
		beKilled(t, spec)
		return
	}
	h := newDockerHost(t)
	job := h.job("web", serveUntilTerm)
	h.master.deploy(job, model.GoalStart)
	var container string
	for round := range 3 {
		child := exec.CommandContext(t.Context(), os.Args[0], "-test.run", "^TestDockerAgentIsKilled$")
		child.Env = append(os.Environ(), crashEnv+"="+strings.Join([]string{h.dir, h.id, h.image}, "|"))
		said, err := child.StdoutPipe()
		if err != nil {
			t.Fatal(err)
		}
		if err := child.Start(); err != nil {
			t.Fatal(err)
		}
		// The first is killed as soon as the container runs, before it can have said so; the others once they have.
		var running string
		if round > 0 {
			if _, err := bufio.NewReader(said).ReadString('\n'); err != nil {
				t.Fatal(err)
			}
		}
		h.eventually(func() bool {
			containers, err := h.docker.List(t.Context(), h.id)
			if err == nil && len(containers) == 1 && containers[0].Running {
				running = containers[0].ID
			}
			return running != ""
		}, func() string { return "the agent started no container" })
		if err := child.Process.Kill(); err != nil {
			t.Fatal(err)
		}
		_ = child.Wait() // it was killed
		if round > 0 && running != container {
			t.Errorf("round %d: container %s, want the one of before %s", round, running, container)
		}
		container = running
	}
	h.start()
	if got := h.adopted(job.ID).ContainerID; got != container {
		t.Errorf("adopted %s, want %s", got, container)
	}
	h.master.undeploy(job.ID)
	h.gone(job.ID)
}

// beKilled runs an agent until the process is killed.
func beKilled(t *testing.T, spec string) {
	parts := strings.Split(spec, "|")
	docker := containertest.RequireDocker(t)
	h := &dockerHost{t: t, docker: docker, dir: parts[0], id: parts[1], image: parts[2], master: newFakeMaster(), change: func(*agent.Config) {}}
	job := h.job("web", serveUntilTerm)
	h.master.deploy(job, model.GoalStart)
	h.start()
	h.adopted(job.ID)
	fmt.Println("running")
	select {}
}
