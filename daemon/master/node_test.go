package master

import (
	"errors"
	"fmt"
	"os"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/hashicorp/raft"

	"github.com/heliosctl/heliosctl/model"
)

func TestRestartKeepsEverything(t *testing.T) {
	for _, snapshot := range []bool{false, true} {
		t.Run(fmt.Sprintf("snapshot %v", snapshot), func(t *testing.T) {
			dir := t.TempDir()
			m := start(t, dir, nil)
			ctx := t.Context()
			job := m.mustCreate(testJob("web", "1", 80))
			registered := m.mustRegister("h1", "a1")
			req := model.Request{ID: "req-1", User: "bob"}
			d := model.Deployment{JobID: job.ID, Goal: model.GoalStart}
			if err := m.Deploy(ctx, req, "h1", d, ""); err != nil {
				t.Fatal(err)
			}
			if _, err := m.PostStatuses(ctx, "h1", model.StatusBatch{AgentID: "a1", Reports: []model.StatusReport{report(1, job, model.StateRunning)}}); err != nil {
				t.Fatal(err)
			}
			if snapshot {
				if err := m.node.Load().Snapshot().Error(); err != nil {
					t.Fatal(err)
				}
				m.mustCreate(testJob("after", "1"))
			}
			history, err := m.History(ctx, job.ID)
			if err != nil {
				t.Fatal(err)
			}
			jobs, cluster, index, server := m.Jobs(model.JobFilter{}), m.ClusterID(), m.Index(), m.ServerID()
			m.stop()

			m = start(t, dir, nil)
			if m.ClusterID() != cluster || m.ServerID() != server || m.Index() <= index {
				t.Errorf("cluster %s, was %s; server %s, was %s; index %d, was %d", m.ClusterID(), cluster, m.ServerID(), server, m.Index(), index)
			}
			if diff := cmp.Diff(jobs, m.Jobs(model.JobFilter{})); diff != "" {
				t.Errorf("jobs differ: %s", diff)
			}
			if got, err := m.History(ctx, job.ID); err != nil || cmp.Diff(history, got) != "" {
				t.Errorf("history differs: %v %s", err, cmp.Diff(history, got))
			}
			status, err := m.JobStatus(job.ID)
			if err != nil || status.TaskStatuses["h1"].State != model.StateRunning || status.Deployments["h1"].DeployerUser != "bob" {
				t.Errorf("status %+v, %v", status, err)
			}
			registered.AckedSeq = 1
			if got := m.mustRegister("h1", "a1"); got != registered {
				t.Errorf("registered %+v, want %+v", got, registered)
			}
			// The first request's answer, not a refusal.
			if err := m.Deploy(ctx, req, "h1", d, ""); err != nil {
				t.Errorf("the repeated request: %v", err)
			}
			if _, reset, _ := m.Events(index - 1); !reset {
				t.Error("events from before the restart are not reported as unknown")
			}
		})
	}
}

// TestRestoreFromSnapshot loses the state and keeps the rest, as a crash in the middle of a restore does.
func TestRestoreFromSnapshot(t *testing.T) {
	dir := t.TempDir()
	m := start(t, dir, nil)
	m.mustCreate(testJob("before", "1"))
	if err := m.node.Load().Snapshot().Error(); err != nil {
		t.Fatal(err)
	}
	m.mustCreate(testJob("after", "1"))
	want := m.Jobs(model.JobFilter{})
	m.stop()
	if err := os.RemoveAll(dir + "/state"); err != nil {
		t.Fatal(err)
	}
	m = start(t, dir, nil)
	if err := m.ReadIndex(t.Context()); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(want, m.Jobs(model.JobFilter{})); diff != "" {
		t.Error(diff)
	}
}

func TestPartsOfTheDataFolderMissing(t *testing.T) {
	for name, test := range map[string]struct{ remove, want string }{
		"raft log":  {"raft", "part of the data folder is missing"},
		"snapshots": {"snapshots", "snapshots are missing"},
	} {
		t.Run(name, func(t *testing.T) {
			dir := t.TempDir()
			m := start(t, dir, nil)
			m.mustCreate(testJob("web", "1"))
			if test.remove == "snapshots" {
				config := m.node.Load().ReloadableConfig()
				config.TrailingLogs = 1
				if err := m.node.Load().ReloadConfig(config); err != nil {
					t.Fatal(err)
				}
			}
			if err := m.node.Load().Snapshot().Error(); err != nil {
				t.Fatal(err)
			}
			m.stop()
			if err := os.RemoveAll(dir + "/" + test.remove); err != nil {
				t.Fatal(err)
			}
			if test.remove == "raft" {
				if err := os.RemoveAll(dir + "/snapshots"); err != nil {
					t.Fatal(err)
				}
			}
			broken, err := New(Config{Name: "m1", DataDir: dir})
			if err != nil {
				t.Fatal(err)
			}
			err = broken.Run(t.Context())
			if err == nil || !strings.Contains(err.Error(), test.want) || strings.Contains(err.Error(), "\n") {
				t.Errorf("got %v", err)
			}
		})
	}
}

func TestSecondMasterOnTheFolder(t *testing.T) {
	dir := t.TempDir()
	start(t, dir, nil)
	_, err := New(Config{Name: "m2", DataDir: dir})
	if err == nil || strings.Contains(err.Error(), "\n") || !strings.Contains(err.Error(), "in use by another") {
		t.Errorf("got %v", err)
	}
}

// TestReplicationIsNotPipelined: raft's pipeline can hang a leader that is stopped after it has lost leadership.
func TestReplicationIsNotPipelined(t *testing.T) {
	m := start(t, t.TempDir(), nil)
	pipeline, err := m.node.Load().transport.AppendEntriesPipeline("another", "127.0.0.1:1")
	if !errors.Is(err, raft.ErrPipelineReplicationNotSupported) {
		t.Errorf("a pipeline: %v, %v", pipeline, err)
	}
}
