package store

import (
	"bytes"
	"errors"
	"io"
	"testing"

	"github.com/hashicorp/raft"

	"github.com/heliosctl/heliosctl/model"
)

// FuzzApply feeds anything as a command: the index must move, nothing may panic, and the state must open again.
func FuzzApply(f *testing.F) {
	job := testJob("web", "1", 80)
	for _, body := range []Body{
		Term{Master: "m"}, ClusterID{ID: "c"}, RemovePeer{ID: "p"}, Restored{Master: "m", Peers: []string{"p"}}, CreateJob{Job: job}, RemoveJob{ID: job.ID}, RegisterHost{Host: "h", AgentID: "a"},
		RegisterAgent{Registration: registration("h", "a")}, DeregisterHost{Host: "h"},
		Deploy{Host: "h", Deployment: deployment(job, model.GoalStart)}, SetGoal{Host: "h", JobID: job.ID, Goal: model.GoalStop},
		Undeploy{Host: "h", JobID: job.ID}, HostLiveness{Changes: []LivenessChange{{Host: "h", AgentID: "a", Up: true}}},
		ExpireJobs{Limit: 2}, ReapHost{Host: "h", AgentID: "a", Before: 5}, ReapJobs{Before: 5, Limit: 2}, ReapHistory{Limit: 2},
		DrainHost{Host: "h", StopGroupJobs: true}, UndrainHost{Host: "h"},
		CreateGroup{Group: testGroup("g", "web")}, StartRollout{Group: "g", JobID: job.ID}, RollBack{Group: "g"}, RollBack{Group: "g", To: job.ID},
		PauseRollout{Group: "g"}, ResumeRollout{Group: "g"}, StopRollout{Group: "g"}, ConvergeGroup{Group: "g", Rollout: 1},
		HoldRollout{Group: "g", Rollout: 1, State: model.RolloutCanary}, FinishRollout{Group: "g", Rollout: 1, State: model.RolloutRolledBack},
		StepRollout{Group: "g", Rollout: 1, Moves: []model.RolloutMove{
			{Host: "h1", From: model.PhasePending, To: model.PhaseAwaiting, Deploy: []model.JobID{job.ID}},
		}}, SetSelectors{Group: "g", Selectors: testGroup("g", "db").HostSelectors}, RemoveGroup{Name: "g"},
	} {
		command, err := Encode(1, model.Request{ID: "r", User: "u"}, body)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(command)
	}
	part, err := EncodeHostStatuses("h1", model.StatusBatch{AgentID: "a1", Reports: []model.StatusReport{report(9, job, model.StateFailed)}},
		func(model.JobID) bool { return false })
	if err != nil {
		f.Fatal(err)
	}
	command, err := EncodeStatuses(1, [][]byte{part})
	if err != nil {
		f.Fatal(err)
	}
	f.Add(command)
	f.Add([]byte("\n"))

	dir := f.TempDir()
	state, err := OpenState(dir, StateOptions{})
	if err != nil {
		f.Fatal(err)
	}
	setup, err := Encode(1, model.Request{}, RegisterAgent{Registration: registration("h1", "a1")})
	if err != nil {
		f.Fatal(err)
	}
	state.Apply(&raft.Log{Index: 1, Type: raft.LogCommand, Data: setup})
	f.Cleanup(func() {
		if err := state.Close(); err != nil {
			f.Error(err)
		}
		again, err := OpenState(dir, StateOptions{})
		if err != nil {
			f.Errorf("the state does not open again: %v", err)
			return
		}
		_ = again.Close()
	})
	f.Fuzz(func(t *testing.T, command []byte) {
		next := state.Index() + 1
		state.Apply(&raft.Log{Index: next, Type: raft.LogCommand, Data: command})
		if err := state.Err(); err != nil {
			t.Fatalf("the command broke the state: %v", err)
		}
		if state.Index() != next {
			t.Fatalf("the index is %d, want %d", state.Index(), next)
		}
	})
}

// FuzzSnapshot feeds anything to the reader of snapshots: it ends with an error or the end of a whole one.
func FuzzSnapshot(f *testing.F) {
	dir := f.TempDir()
	state, err := OpenState(dir, StateOptions{})
	if err != nil {
		f.Fatal(err)
	}
	command, err := Encode(1, model.Request{ID: "r"}, CreateJob{Job: testJob("web", "1")})
	if err != nil {
		f.Fatal(err)
	}
	state.Apply(&raft.Log{Index: 1, Type: raft.LogCommand, Data: command})
	snapshot, err := state.Snapshot()
	if err != nil {
		f.Fatal(err)
	}
	var out sink
	err = snapshot.Persist(&out)
	snapshot.Release()
	if err := errors.Join(err, state.Close()); err != nil {
		f.Fatal(err)
	}
	f.Add(out.Bytes())
	f.Add(out.Bytes()[:out.Len()-3])
	f.Add([]byte(snapshotMagic + "\x01"))
	f.Fuzz(func(t *testing.T, data []byte) {
		reader, err := newSnapshotReader(bytes.NewReader(data))
		if err != nil {
			return
		}
		defer reader.close()
		for {
			key, _, err := reader.next()
			if errors.Is(err, io.EOF) || err != nil {
				return
			}
			if len(key) == 0 || key[0] == '!' {
				t.Fatalf("the key %q was read", key)
			}
		}
	})
}
