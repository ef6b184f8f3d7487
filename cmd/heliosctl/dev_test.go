package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/heliosctl/heliosctl/client"
	"github.com/heliosctl/heliosctl/daemon"
	"github.com/heliosctl/heliosctl/daemon/container/containertest"
	"github.com/heliosctl/heliosctl/model"
)

// steady runs until it is asked to end. The first process of a container gets no signal that it does not handle.
var steady = []string{"/bin/busybox", "sh", "-c", "trap 'exit 0' TERM; while :; do /bin/busybox sleep 0.1; done"}

var readyLine = regexp.MustCompile(`ready at (http://\S+):`)

// startDev starts a cluster of one process in the folder and waits until it answers.
func startDev(t *testing.T, stateDir string, args ...string) (p *process, url string) {
	t.Helper()
	p = startProcess(t, append([]string{"dev", "--no-console", "--http", "127.0.0.1:0", "--state-dir", stateDir}, args...)...)
	p.waitFor("ready at ")
	printed, _ := p.out.read()
	return p, readyLine.FindStringSubmatch(printed)[1]
}

// devFolder is a state folder whose containers are gone when the test has ended, however it did.
func devFolder(t *testing.T) string {
	t.Helper()
	return devFolderOf(t, 1, daemon.RuntimeDocker)
}

// devFolderOf is devFolder for so many agents and a kind of runtime.
func devFolderOf(t *testing.T, agents int, runtime daemon.RuntimeKind) string {
	t.Helper()
	dir := t.TempDir()
	t.Cleanup(func() {
		config, err := daemon.Dev(context.Background(), daemon.DevOptions{
			StateDir: dir, HTTP: "127.0.0.1:0", Agents: agents, Runtime: runtime, Logger: slog.New(slog.DiscardHandler),
		})
		if err != nil {
			t.Fatal(err)
		}
		if err := daemon.Purge(context.Background(), config); err != nil {
			t.Error(err)
		}
	})
	return dir
}

func clientOf(t testing.TB, url string) *client.Client {
	t.Helper()
	c, err := client.New(client.Config{Endpoints: []string{url}, User: "tester"})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = c.Close() })
	return c
}

// awaitStatus waits until the job's only task satisfies the condition, moved by the event stream.
func awaitStatus(t *testing.T, c *client.Client, id model.JobID, what string, done func(model.TaskStatus) bool) model.TaskStatus {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	var last model.TaskStatus
	for _, err := range c.Events(ctx, 0) {
		if err != nil {
			t.Fatalf("waiting for %s to be %s: %v; last seen %s", id.Short(), what, err, last.State)
		}
		status, err := c.JobStatus(ctx, id)
		if err != nil {
			t.Fatal(err)
		}
		for _, last = range status.TaskStatuses {
			if done(last) {
				return last
			}
		}
	}
	t.Fatalf("the event stream ended while waiting for %s to be %s", id.Short(), what)
	return last
}

func states(t *testing.T, c *client.Client, id model.JobID) []model.State {
	t.Helper()
	events, err := c.History(context.Background(), id)
	if err != nil {
		t.Fatal(err)
	}
	var states []model.State
	for _, event := range events {
		states = append(states, event.Status.State)
	}
	return states
}

func createdJob(t *testing.T, url string, args ...string) model.JobID {
	t.Helper()
	var created model.CreateJobResponse
	out := must(t, append([]string{"create", "--master", url, "--json"}, args...)...)
	if err := json.Unmarshal([]byte(out), &created); err != nil {
		t.Fatalf("%v in %s", err, out)
	}
	id, err := model.ParseJobID(created.ID)
	if err != nil {
		t.Fatal(err)
	}
	return id
}

func TestDevGoesOnAfterACrash(t *testing.T) {
	t.Parallel()
	engine := containertest.RequireDocker(t)
	image := containertest.BusyboxImage(t, engine)
	dir := devFolder(t)
	p, url := startDev(t, dir, "--runtime", "docker")
	id := createdJob(t, url, append([]string{"steady:1", image, "--"}, steady...)...)
	must(t, "deploy", "--master", url, "--wait", "steady:1", "dev-1")
	before, err := clientOf(t, url).JobStatus(context.Background(), id)
	if err != nil {
		t.Fatal(err)
	}
	containerID := before.TaskStatuses["dev-1"].ContainerID
	started, err := engine.Inspect(context.Background(), containerID)
	if err != nil {
		t.Fatal(err)
	}

	for range 2 {
		p.kill()
		p, url = startDev(t, dir, "--runtime", "docker")
		c := clientOf(t, url)
		awaitHostUp(t, c, "dev-1")
		after := awaitStatus(t, c, id, "running", func(s model.TaskStatus) bool { return s.State == model.StateRunning })
		if after.ContainerID != containerID {
			t.Fatalf("the job runs in container %s now, it was %s", after.ContainerID, containerID)
		}
	}
	running, err := engine.Inspect(context.Background(), containerID)
	if err != nil {
		t.Fatal(err)
	}
	if !running.Running || !running.StartedAt.Equal(started.StartedAt) {
		t.Errorf("the container was touched: running %t, started %s, before %s", running.Running, running.StartedAt, started.StartedAt)
	}
	want := []model.State{model.StatePullingImage, model.StateCreating, model.StateStarting, model.StateRunning}
	if diff := cmp.Diff(want, states(t, clientOf(t, url), id)); diff != "" {
		t.Errorf("history (-want +got):\n%s", diff)
	}
	must(t, "undeploy", "--master", url, "--wait", "steady:1", "dev-1")
	if got := states(t, clientOf(t, url), id); !slices.Contains(got, model.StateStopped) {
		t.Errorf("the history %v does not tell that the job was stopped", got)
	}
}

func TestNoHistoryIsLostWhenDevCrashesAmidTransitions(t *testing.T) {
	t.Parallel()
	image := containertest.BusyboxImage(t, containertest.RequireDocker(t))
	dir := devFolder(t)
	p, url := startDev(t, dir, "--runtime", "docker")
	var ids []model.JobID
	for i := range 4 {
		id := createdJob(t, url, append([]string{fmt.Sprintf("burst-%d:1", i), image, "--"}, steady...)...)
		must(t, "deploy", "--master", url, id.String(), "dev-1")
		ids = append(ids, id)
		// Each round is killed a little further into the life of the last job, by what has happened and not by the clock.
		awaitStatus(t, clientOf(t, url), id, "on its way", func(s model.TaskStatus) bool { return i == 0 || s.State != model.StatePullingImage })
		p.kill()
		p, url = startDev(t, dir, "--runtime", "docker")
	}
	c := clientOf(t, url)
	for _, id := range ids {
		awaitStatus(t, c, id, "running", func(s model.TaskStatus) bool { return s.State == model.StateRunning })
		got := states(t, c, id)
		for _, state := range []model.State{model.StatePullingImage, model.StateCreating, model.StateStarting, model.StateRunning} {
			if !slices.Contains(got, state) {
				t.Errorf("the history of %s lacks %s: %v", id.Short(), state, got)
			}
		}
	}
	must(t, "undeploy", "--master", url, "--wait", "--all", "--yes", "burst-0:1")
	for i := 1; i < 4; i++ {
		must(t, "undeploy", "--master", url, "--wait", "--all", "--yes", fmt.Sprintf("burst-%d:1", i))
	}
}

// No write that was answered may be gone after a crash, whenever it comes.
func TestAcknowledgedWritesSurviveACrash(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	acknowledged := map[string]bool{}
	for round := range 3 {
		p, url := startDev(t, dir, "--runtime", "sim")
		c, err := client.New(client.Config{Endpoints: []string{url}, RetryTimeout: time.Millisecond}) // who is dead stays dead
		if err != nil {
			t.Fatal(err)
		}
		var mu sync.Mutex
		var writers sync.WaitGroup
		enough := make(chan struct{})
		var once sync.Once
		for writer := range 8 {
			writers.Go(func() {
				for n := 0; ; n++ {
					name := fmt.Sprintf("r%d-w%d-%d", round, writer, n)
					ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
					_, err := c.CreateJob(ctx, model.Job{ID: model.JobID{Name: name, Version: "1"}, Image: "unused:1"})
					cancel()
					if err != nil {
						return // killed
					}
					mu.Lock()
					acknowledged[name] = true
					if len(acknowledged) > (round+1)*200 {
						once.Do(func() { close(enough) })
					}
					mu.Unlock()
				}
			})
		}
		<-enough
		p.kill()
		writers.Wait()
		_ = c.Close()
	}
	_, url := startDev(t, dir, "--runtime", "sim")
	jobs, err := clientOf(t, url).Jobs(context.Background(), "", "")
	if err != nil {
		t.Fatal(err)
	}
	for id := range jobs {
		delete(acknowledged, id.Name)
	}
	if len(acknowledged) > 0 {
		t.Errorf("%d acknowledged jobs are gone, such as %v", len(acknowledged), firstKey(acknowledged))
	}
}

func firstKey(m map[string]bool) string {
	for key := range m {
		return key
	}
	return ""
}

func TestDevEndsInOrder(t *testing.T) {
	t.Parallel()
	p, url := startDev(t, t.TempDir(), "--runtime", "sim", "--agents", "3")
	c := clientOf(t, url)
	for _, host := range []string{"dev-1", "dev-2", "dev-3"} {
		awaitHostUp(t, c, host)
	}
	p.signal(syscall.SIGTERM)
	if code := p.wait(); code != exitOK {
		t.Errorf("dev ended with code %d", code)
	}
}

func TestDevKeepsTheRuntimeItWasBegunWith(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	p, _ := startDev(t, dir, "--runtime", "process")
	p.signal(syscall.SIGTERM)
	p.wait()

	_, stderr, code := runProgram(t, "dev", "--no-console", "--state-dir", dir, "--runtime", "sim", "--http", "127.0.0.1:0")
	if want := "was begun with --runtime process"; code != 2 || !contains(stderr, want) {
		t.Errorf("code %d, %q; want 2 and %q", code, stderr, want)
	}
	p, _ = startDev(t, dir) // auto
	p.waitFor("process runtime")
}

func TestUnknownRuntimeIsNotRemembered(t *testing.T) {
	t.Parallel()
	dir := filepath.Join(t.TempDir(), "state")
	_, stderr, code := runProgram(t, "dev", "--no-console", "--state-dir", dir, "--runtime", "podman", "--http", "127.0.0.1:0")
	if want := `unknown runtime "podman"`; code != 2 || !contains(stderr, want) {
		t.Errorf("code %d, %q; want 2 and %q", code, stderr, want)
	}
	if _, err := os.Stat(dir); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("the state folder: %v; want that it was not made", err)
	}
}

func TestProcessRuntimeRunsTheWholeCycle(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	p, url := startDev(t, dir, "--runtime", "process")
	id := createdJob(t, url, "sleeper:1", "unused:1", "--", "/bin/sleep", "1000")
	must(t, "deploy", "--master", url, "--wait", "sleeper:1", "dev-1")
	before := awaitStatus(t, clientOf(t, url), id, "running", func(s model.TaskStatus) bool { return s.State == model.StateRunning })

	p.kill()
	_, url = startDev(t, dir, "--runtime", "process")
	c := clientOf(t, url)
	awaitHostUp(t, c, "dev-1")
	after := awaitStatus(t, c, id, "running", func(s model.TaskStatus) bool { return s.State == model.StateRunning })
	if before.ContainerID != after.ContainerID {
		t.Errorf("the process was restarted: %s, before %s", after.ContainerID, before.ContainerID)
	}
	must(t, "undeploy", "--master", url, "--wait", "sleeper:1", "dev-1")
}

func awaitHostUp(t *testing.T, c *client.Client, host string) {
	t.Helper()
	awaitHost(t, c, host, model.Up)
}

// awaitHost waits until the host is UP or DOWN, moved by the event stream.
func awaitHost(t testing.TB, c *client.Client, host string, liveness model.Liveness) {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	for _, err := range c.Events(ctx, 0) {
		if err != nil {
			t.Fatalf("waiting for %s to be %s: %v", host, liveness, err)
		}
		found, err := c.HostStatuses(ctx, []string{host}, liveness)
		if err != nil {
			t.Fatal(err)
		}
		if len(found) == 1 {
			return
		}
	}
}

func TestStateFolderOfAnotherProcessIsRefused(t *testing.T) {
	dir := t.TempDir()
	startDev(t, dir, "--runtime", "sim")
	_, stderr, code := runProgram(t, "dev", "--no-console", "--state-dir", dir, "--runtime", "sim", "--http", "127.0.0.1:0")
	if want := "state folder " + dir + " is in use by another heliosctl"; code != 6 || !contains(stderr, want) {
		t.Errorf("code %d, %q; want 6 and %q", code, stderr, want)
	}
}

func TestPortInUseIsRefused(t *testing.T) {
	_, url := startDev(t, t.TempDir(), "--runtime", "sim")
	addr := url[len("http://"):]
	_, stderr, code := runProgram(t, "dev", "--no-console", "--state-dir", t.TempDir(), "--runtime", "sim", "--http", addr)
	if want := addr + " is in use"; code != 6 || !contains(stderr, want) {
		t.Errorf("code %d, %q; want 6 and %q", code, stderr, want)
	}
}

func TestStateFolderThatTakesNothingIsRefused(t *testing.T) {
	readOnly := mountTmpfs(t, "size=64k,ro")
	full := mountTmpfs(t, "size=4k")
	file := filepath.Join(t.TempDir(), "file")
	writeFile(t, file)
	for name, tt := range map[string]struct{ dir, want string }{
		"read-only":  {filepath.Join(readOnly, "state"), "is on a read-only file system"},
		"full":       {filepath.Join(full, "state"), "full"},
		"not folder": {filepath.Join(file, "state"), "is not a folder"},
	} {
		t.Run(name, func(t *testing.T) {
			_, stderr, code := runProgram(t, "dev", "--no-console", "--state-dir", tt.dir, "--runtime", "sim", "--http", "127.0.0.1:0")
			if code == exitOK || !contains(stderr, tt.want) || !contains(stderr, tt.dir) {
				t.Errorf("code %d, %q; want a failure that names %s and says %q", code, stderr, tt.dir, tt.want)
			}
		})
	}
}
