//go:build unix

package container_test

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/heliosctl/heliosctl/daemon/container"
	"github.com/heliosctl/heliosctl/model"
)

// agentMain is an agent to be killed: it starts a container for each script in args, prints their ids, and waits.
func agentMain(args []string) int {
	dir, scripts := args[0], args[1:]
	self, err := os.Executable()
	if err != nil {
		panic(err)
	}
	process, err := container.NewProcess(container.ProcessConfig{Dir: dir, Shim: []string{self, argShim}})
	if err != nil {
		panic(err)
	}
	ctx := context.Background()
	for n, script := range scripts {
		id, err := process.Create(ctx, container.Spec{
			Name: "container-" + strconv.Itoa(n), AgentID: "agent", Command: []string{"sh", "-c", script},
		})
		if err == nil {
			err = process.Start(ctx, id)
		}
		if err != nil {
			panic(err)
		}
		fmt.Println(id)
	}
	select {}
}

// killedAgent runs scripts in a process of their own, kills it without notice when all are started, and returns the containers' ids.
func killedAgent(t *testing.T, dir string, scripts ...string) []string {
	t.Helper()
	agent := exec.CommandContext(t.Context(), shimCommand(t)[0], append([]string{argAgent, dir}, scripts...)...)
	agent.Stderr = os.Stderr
	stdout, err := agent.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := agent.Start(); err != nil {
		t.Fatal(err)
	}
	lines := bufio.NewScanner(stdout)
	var ids []string
	for range scripts {
		if !lines.Scan() {
			t.Fatalf("the agent ended: %v", agent.Wait())
		}
		ids = append(ids, lines.Text())
	}
	if err := agent.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	_ = agent.Wait() // says that it was killed
	return ids
}

func TestProcessesOutliveAKilledAgent(t *testing.T) {
	dir := t.TempDir()
	gate := filepath.Join(dir, "gate")
	if err := syscall.Mkfifo(gate, 0o600); err != nil {
		t.Fatal(err)
	}
	// The second ends while there is no agent, the third after the next one has come.
	ids := killedAgent(t, dir, polite.script, "exit 3", "read -r code < '"+gate+"'; exit $code")
	awaitFile(t, filepath.Join(dir, ids[1], "exit.json"))

	b := processBench(t, dir)
	states, err := b.List(t.Context(), "agent")
	if err != nil {
		t.Fatal(err)
	}
	got := map[string]string{}
	for _, state := range states {
		got[state.ID] = fmt.Sprint(state.Name, " ", state.Status, " ", state.ExitCode)
	}
	want := map[string]string{
		ids[0]: "container-0 running 0",
		ids[1]: "container-1 exited 3",
		ids[2]: "container-2 running 0",
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Fatalf("taken over (-want +got):\n%s", diff)
	}

	if err := os.WriteFile(gate, []byte("9\n"), 0); err != nil {
		t.Fatal(err)
	}
	if state := b.awaitExit(ids[2]); state.ExitCode != 9 {
		t.Errorf("exit code %d, want 9", state.ExitCode)
	}
	if got := b.output(ids[0], container.LogOptions{}); got != "ready\n" {
		t.Errorf("log of the first: %q", got)
	}
	if err := b.Stop(t.Context(), ids[0], time.Minute); err != nil {
		t.Fatal(err)
	}
	if state := b.inspect(ids[0]); state.ExitCode != 7 {
		t.Errorf("exit code after TERM %d, want 7", state.ExitCode)
	}
}

// awaitFile waits until a file is there.
func awaitFile(t *testing.T, path string) {
	t.Helper()
	for deadline := time.Now().Add(30 * time.Second); time.Now().Before(deadline); time.Sleep(5 * time.Millisecond) {
		if _, err := os.Stat(path); err == nil {
			return
		}
	}
	t.Fatalf("%s does not appear", path)
}

func TestProcessEndsWithItsShim(t *testing.T) {
	b := processBench(t, t.TempDir())
	id := b.run(polite)
	pid := b.inspect(id).Pid
	info, err := os.ReadFile(filepath.Join(processDir(b), id, "run.json"))
	if err != nil {
		t.Fatal(err)
	}
	var run struct {
		ShimPid int `json:"shimPid"`
	}
	if err := json.Unmarshal(info, &run); err != nil {
		t.Fatal(err)
	}
	if err := syscall.Kill(run.ShimPid, syscall.SIGKILL); err != nil {
		t.Fatal(err)
	}
	state := b.awaitExit(id)
	if state.ExitCode != 137 || state.Error == "" {
		t.Errorf("state %+v, want exit code 137 and the reason", state)
	}
	awaitGone(t, pid)
}

// processDir is the folder of a process bench.
func processDir(b *bench) string {
	info, err := b.Info(b.t.Context())
	if err != nil {
		b.t.Fatal(err)
	}
	return strings.TrimPrefix(info.Endpoint, "process:")
}

// awaitGone waits until there is no process of that id, or only one that its parent has not reaped.
func awaitGone(t *testing.T, pid int) {
	t.Helper()
	for deadline := time.Now().Add(30 * time.Second); time.Now().Before(deadline); time.Sleep(5 * time.Millisecond) {
		if errors.Is(syscall.Kill(pid, 0), syscall.ESRCH) {
			return
		}
		if status, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", pid)); err == nil && strings.Contains(string(status), "State:\tZ") {
			return
		}
	}
	t.Fatalf("process %d is still there", pid)
}

func TestShimStartsNothingForAnAgentThatIsGone(t *testing.T) {
	b := processBench(t, t.TempDir())
	id := b.create(exits(0))
	reader, writer, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	_ = reader.Close()
	dir := filepath.Join(processDir(b), id)
	shim := exec.CommandContext(t.Context(), shimCommand(t)[0], argShim, dir)
	shim.ExtraFiles = []*os.File{writer}
	err = shim.Run()
	_ = writer.Close()
	if err == nil {
		t.Error("the shim ended well")
	}
	for _, file := range []string{"run.json", "exit.json"} {
		if _, err := os.Stat(filepath.Join(dir, file)); !os.IsNotExist(err) {
			t.Errorf("%s: %v, want none", file, err)
		}
	}
}

func TestProcessTakesItsDescendantsAlong(t *testing.T) {
	b := processBench(t, t.TempDir())
	id := b.create(workload{name: "parent", script: "sleep 3600 & echo $!; exit 4"})
	if err := b.Start(t.Context(), id); err != nil {
		t.Fatal(err)
	}
	if state := b.awaitExit(id); state.ExitCode != 4 {
		t.Errorf("exit code %d, want 4", state.ExitCode)
	}
	pid, err := strconv.Atoi(strings.TrimSpace(b.output(id, container.LogOptions{})))
	if err != nil {
		t.Fatal(err)
	}
	awaitGone(t, pid)
}

func TestProcessEndsThoughItsOutputIsHeldOpen(t *testing.T) {
	b := processBench(t, t.TempDir())
	// A session of its own is beyond the reach of a kill of the group.
	id := b.create(workload{name: "daemon", script: "setsid sleep 3600 & echo $!; exit 5"})
	if err := b.Start(t.Context(), id); err != nil {
		t.Fatal(err)
	}
	if state := b.awaitExit(id); state.ExitCode != 5 {
		t.Errorf("exit code %d, want 5", state.ExitCode)
	}
	pid, err := strconv.Atoi(strings.TrimSpace(b.output(id, container.LogOptions{})))
	if err != nil {
		t.Fatal(err)
	}
	if err := syscall.Kill(pid, syscall.SIGKILL); err != nil {
		t.Fatal(err)
	}
}

func TestProcessIsToldWhereToListen(t *testing.T) {
	b := processBench(t, t.TempDir())
	t.Setenv("AGENT_SECRET", "must not be seen")
	spec := b.spec(polite)
	spec.Command = []string{"sh", "-c", `echo "$HELIOS_LISTEN_http $HELIOS_LISTEN_all $GREETING $HOSTNAME ${AGENT_SECRET-none}"; basename "$PWD"`}
	spec.Hostname = "named"
	spec.Env = map[string]string{"GREETING": "hello"}
	spec.Ports = []container.PortBinding{
		{Name: "http", InternalPort: 80, ExternalPort: 8080, IP: "127.0.0.1"},
		{Name: "all", InternalPort: 81, ExternalPort: 8081},
	}
	id, err := b.Create(t.Context(), spec)
	if err != nil {
		t.Fatal(err)
	}
	if err := b.Start(t.Context(), id); err != nil {
		t.Fatal(err)
	}
	b.awaitExit(id)
	want := "127.0.0.1:8080 0.0.0.0:8081 hello named none\nwork\n"
	if diff := cmp.Diff(want, b.output(id, container.LogOptions{})); diff != "" {
		t.Errorf("environment (-want +got):\n%s", diff)
	}
}

func TestProcessNeedsACommand(t *testing.T) {
	b := processBench(t, t.TempDir())
	spec := b.spec(polite)
	spec.Command = nil
	if _, err := b.Create(t.Context(), spec); model.CodeOf(err) != model.CodeInvalid {
		t.Errorf("create without a command: %v", err)
	}
}

func TestProcessFolderIsUsedOnce(t *testing.T) {
	dir := t.TempDir()
	openProcesses(t, dir)
	second, err := container.NewProcess(container.ProcessConfig{Dir: dir, Shim: shimCommand(t)})
	if err == nil {
		_ = second.Close()
		t.Fatal("two runtimes opened one folder")
	}
	if !strings.Contains(err.Error(), dir) {
		t.Errorf("error %q does not name the folder", err)
	}
}

func TestProcessFolderLeftInPieces(t *testing.T) {
	dir := t.TempDir()
	first := openProcesses(t, dir)
	id, err := first.Create(t.Context(), container.Spec{Name: "whole", AgentID: "agent", Command: []string{"true"}})
	if err != nil {
		t.Fatal(err)
	}
	if err := first.Close(); err != nil {
		t.Fatal(err)
	}
	unfinished, unreadable := filepath.Join(dir, "unfinished"), filepath.Join(dir, "unreadable")
	for _, folder := range []string{unfinished, unreadable} {
		if err := os.Mkdir(folder, 0o700); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.WriteFile(filepath.Join(unreadable, "spec.json"), []byte("{"), 0o600); err != nil {
		t.Fatal(err)
	}

	states, err := openProcesses(t, dir).List(t.Context(), "agent")
	if err != nil || len(states) != 1 || states[0].ID != id || states[0].Status != container.StatusCreated {
		t.Errorf("taken over %+v, %v", states, err)
	}
	if _, err := os.Stat(unfinished); !os.IsNotExist(err) {
		t.Errorf("a folder without a container is still there: %v", err)
	}
	if _, err := os.Stat(unreadable); err != nil {
		t.Errorf("a container that cannot be read was thrown away: %v", err)
	}
}

func TestProcessAfterClose(t *testing.T) {
	b := processBench(t, t.TempDir())
	id := b.create(polite)
	if err := b.Close(); err != nil {
		t.Fatal(err)
	}
	if err := b.Start(t.Context(), id); !errors.Is(err, container.ErrUnavailable) {
		t.Errorf("start: %v", err)
	}
	if _, err := b.Create(t.Context(), b.spec(polite)); !errors.Is(err, container.ErrUnavailable) {
		t.Errorf("create: %v", err)
	}
	for _, err := range b.Events(t.Context()) {
		if !errors.Is(err, container.ErrUnavailable) {
			t.Errorf("events: %v", err)
		}
	}
}
