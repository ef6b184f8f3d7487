package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/hashicorp/raft"
	"github.com/rogpeppe/go-internal/testscript"

	"github.com/heliosctl/heliosctl/daemon/daemontest/ports"
	"github.com/heliosctl/heliosctl/model"
	"github.com/heliosctl/heliosctl/store"
	"github.com/heliosctl/heliosctl/store/archive"
)

func scriptSavable(ts *testscript.TestScript, _ bool, _ []string) {
	master := masterOf(ts)
	master.Advance(7)
	saved, err := savedState(ts.MkAbs("state"), master.ClusterID(), master.Index())
	ts.Check(err)
	master.SaveWith(func(w io.Writer) error {
		_, err := w.Write(saved)
		return err
	})
}

// savedState returns what a real master would save at that index.
func savedState(dir, cluster string, index uint64) ([]byte, error) {
	state, err := store.OpenState(dir, store.StateOptions{})
	if err != nil {
		return nil, err
	}
	defer state.Close()
	command, err := store.Encode(1, model.Request{}, store.ClusterID{ID: cluster})
	if err != nil {
		return nil, err
	}
	state.Apply(&raft.Log{Index: index, Term: 1, Type: raft.LogCommand, Data: command})
	_, r, err := state.Archive(model.SnapshotInfo{})
	if err != nil {
		return nil, err
	}
	defer r.Close()
	a, err := archive.NewReader(r)
	if err != nil {
		return nil, err
	}
	return io.ReadAll(a)
}

// A master loses its disk. Its agent takes no orders from the cluster that a new one makes up, and goes on where it was as soon as the
// saved state is back.
func TestSnapshotBringsAClusterBack(t *testing.T) {
	t.Parallel()
	gossip, raftAddr, api := ports.Address(t), ports.Address(t), ports.Address(t)
	url, dir := "http://"+api, t.TempDir()
	startMaster := func(state string) *process {
		p := startProcess(t, "master", "--name", "m1", "--state-dir", state, "--http", api, "--admin", ports.Address(t), "--gossip", gossip,
			"--gossip-profile", "fast", "--raft", raftAddr)
		p.waitFor("msg=ready")
		return p
	}
	first := startMaster(t.TempDir())
	agent := startProcess(t, "agent", "--name", "web-1", "--state-dir", t.TempDir(), "--no-http", "--gossip", ports.Address(t),
		"--gossip-profile", "fast", "--join", gossip, "--runtime", "sim")
	agent.waitFor("msg=ready")
	awaitHost(t, clientOf(t, url), "web-1", model.Up)
	id := createdJob(t, url, "web:1", "unused:1")
	must(t, "deploy", "--master", url, "--wait", id.String(), "web-1")
	about, err := clientOf(t, url).About(context.Background())
	if err != nil {
		t.Fatal(err)
	}

	// To a file, which is not replaced by accident, and to standard output.
	file := filepath.Join(dir, "saved.snap")
	must(t, "operator", "snapshot", "save", "--master", url, file)
	if _, stderr, code := runProgram(t, "operator", "snapshot", "save", "--master", url, file); code != 4 || !contains(stderr, "--force") {
		t.Errorf("saved over a file: %d, %s", code, stderr)
	}
	if left, err := os.ReadDir(dir); err != nil || len(left) != 1 {
		t.Errorf("the folder has %v (%v)", left, err)
	}
	if stat, err := os.Stat(file); err != nil || stat.Mode().Perm() != 0o600 {
		t.Errorf("%v, %v: there are tokens in it", stat, err)
	}
	writeText(t, file+".2", must(t, "operator", "snapshot", "save", "--master", url, "-"))
	for _, saved := range []string{file, file + ".2"} {
		out := must(t, "operator", "snapshot", "inspect", saved)
		for _, want := range []string{"Cluster:     " + about.ClusterID, "Jobs:        1\n", "Hosts:       1\n", "Deployments: 1\n", "Statuses:    1\n"} {
			if !contains(out, want) {
				t.Errorf("%s is not in\n%s", want, out)
			}
		}
	}

	// What changes after that is lost.
	createdJob(t, url, "late:1", "unused:1")
	first.kill()
	second := startMaster(filepath.Join(t.TempDir(), "new"))
	agent.waitFor("refused to gossip with a daemon of another cluster")
	if _, stderr, code := runProgram(t, "operator", "snapshot", "restore", "--master", url, file); code != exitUsage || !contains(stderr, "1 job on 1 host") {
		t.Errorf("restored without a question: %d, %s", code, stderr)
	}
	must(t, "operator", "snapshot", "restore", "--master", url, "--yes", file)
	if after, err := clientOf(t, url).About(context.Background()); err != nil || after.ClusterID != about.ClusterID {
		t.Errorf("the cluster is %+v, %v, want %s", after, err, about.ClusterID)
	}
	if out := must(t, "jobs", "--master", url, "-q"); strings.TrimSpace(out) != id.String() {
		t.Errorf("the jobs are %s", out)
	}
	awaitHost(t, clientOf(t, url), "web-1", model.Up)
	eventually(t, func() error { return running(url, t, id, "web-1") })

	// The agent takes orders again, and a second restore is not done by accident.
	next := createdJob(t, url, "next:1", "unused:1")
	must(t, "deploy", "--master", url, "--wait", next.String(), "web-1")
	if _, stderr, code := runProgram(t, "operator", "snapshot", "restore", "--master", url, "--yes", file); code != 4 || !contains(stderr, "force") {
		t.Errorf("restored over jobs: %d, %s", code, stderr)
	}
	must(t, "operator", "snapshot", "restore", "--master", url, "--yes", "--force", file)
	eventually(t, func() error { return running(url, t, id, "web-1") })
	if out := must(t, "jobs", "--master", url, "-q"); strings.TrimSpace(out) != id.String() {
		t.Errorf("the jobs are %s", out)
	}
	second.signal(syscall.SIGTERM)
	if code := second.wait(); code != exitOK {
		t.Errorf("the master ended with %d", code)
	}
}

// The saved state does not know that the task runs, and the agent has been told that the masters do. It says so again all the same, though
// nothing of what it is to do has changed and its connection was never lost.
func TestAgentTellsEverythingAnewAfterARestore(t *testing.T) {
	t.Parallel()
	gossip, api, state := ports.Address(t), ports.Address(t), t.TempDir()
	url, file := "http://"+api, filepath.Join(t.TempDir(), "saved.snap")
	startProcess(t, "master", "--name", "m1", "--state-dir", t.TempDir(), "--http", api, "--admin", ports.Address(t), "--gossip", gossip,
		"--gossip-profile", "fast", "--raft", ports.Address(t)).waitFor("msg=ready")
	startAgent := func() *process {
		return startProcess(t, "agent", "--name", "web-1", "--state-dir", state, "--no-http", "--gossip", ports.Address(t),
			"--gossip-profile", "fast", "--join", gossip, "--runtime", "sim")
	}
	agent := startAgent()
	awaitHost(t, clientOf(t, url), "web-1", model.Up)
	agent.signal(syscall.SIGTERM)
	agent.wait()
	id := createdJob(t, url, "web:1", "unused:1")
	must(t, "deploy", "--master", url, id.String(), "web-1")
	must(t, "operator", "snapshot", "save", "--master", url, file)
	if out := must(t, "operator", "snapshot", "inspect", file); !contains(out, "Deployments: 1\n") || !contains(out, "Statuses:    0\n") {
		t.Fatalf("the saved state is\n%s", out)
	}
	startAgent()
	eventually(t, func() error { return running(url, t, id, "web-1") })
	must(t, "operator", "snapshot", "restore", "--master", url, "--yes", "--force", file)
	eventually(t, func() error { return running(url, t, id, "web-1") })
}

// running fails unless the master says that the job runs on the host and the host's agent has said so itself.
func running(url string, t *testing.T, id model.JobID, host string) error {
	status, err := clientOf(t, url).JobStatus(context.Background(), id)
	if err != nil {
		return err
	}
	if task, ok := status.TaskStatuses[host]; !ok || task.State != model.StateRunning {
		return fmt.Errorf("the task is %+v", task)
	}
	return nil
}

func TestSnapshotIsRestoredOnThreeMasters(t *testing.T) {
	t.Parallel()
	file := filepath.Join(t.TempDir(), "saved.snap")
	state, err := savedState(t.TempDir(), "cluster-of-old", 12345)
	if err != nil {
		t.Fatal(err)
	}
	var saved bytes.Buffer
	a, err := archive.NewWriter(&saved, model.SnapshotInfo{ClusterID: "cluster-of-old", Index: 12345})
	if err != nil {
		t.Fatal(err)
	}
	_, err = a.Write(state)
	if err := errors.Join(err, a.Close()); err != nil {
		t.Fatal(err)
	}
	writeText(t, file, saved.String())

	c := startCluster(t)
	leader := c.leader()
	follower := clusterNames[0]
	if follower == leader {
		follower = clusterNames[1]
	}
	must(t, "operator", "snapshot", "restore", "--master", c.urls[follower], "--yes", file)
	for _, name := range clusterNames {
		eventually(t, func() error {
			about, err := clientOf(t, c.urls[name]).About(context.Background())
			if err == nil && about.ClusterID != "cluster-of-old" {
				err = fmt.Errorf("%s is of cluster %s", name, about.ClusterID)
			}
			return err
		})
	}
	// Whichever is asked, and also after all of them have been killed.
	id := createdJob(t, c.urls[follower], "web:1", "unused:1")
	for _, name := range clusterNames {
		c.masters[name].kill()
	}
	for _, name := range clusterNames {
		c.start(name)
	}
	c.agent("web-1").waitFor("msg=ready")
	awaitHost(t, c.all(), "web-1", model.Up)
	for _, name := range clusterNames {
		eventually(t, func() error {
			jobs, err := clientOf(t, c.urls[name]).Jobs(context.Background(), "", "")
			if err == nil && len(jobs) != 1 {
				err = fmt.Errorf("%s has the jobs %v", name, jobs)
			}
			return err
		})
	}
	must(t, "deploy", "--master", c.urls[leader], "--wait", id.String(), "web-1")
	resp, err := http.Get(c.urls[follower] + "/v1/snapshot")
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	contents, err := store.InspectArchive(resp.Body)
	if err != nil || contents.ClusterID != "cluster-of-old" || contents.Index <= 12345 || contents.Jobs != 1 || contents.Hosts != 1 {
		t.Errorf("a follower saves %+v, %v", contents, err)
	}
}
