package store

import (
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/heliosctl/heliosctl/model"
)

// TestStatusesKeepEverythingButProgress records a status with every field and reads it back wherever it is shown.
func TestStatusesKeepEverythingButProgress(t *testing.T) {
	m := newMachine(t, StateOptions{})
	job := testJob("web", "1")
	m.ok(CreateJob{Job: job})
	m.ok(RegisterAgent{Registration: registration("host1", "agent1")})
	m.ok(Deploy{Host: "host1", Deployment: deployment(job, model.GoalStart)})
	full := *status(job, model.StateExited)
	code := 137
	full.ExitCode, full.OOMKilled, full.Signal, full.Restarts, full.Since = &code, true, "SIGKILL", 4, 1500000000123
	full.Unhealthy, full.HealthError, full.ContainerError = true, "connection refused", "exit code 137 (out of memory)"
	sent := full
	sent.Progress = "12 MB of 30 MB"
	m.statuses("host1", "agent1", model.StatusReport{Seq: 1, JobID: job.ID, Timestamp: 1500000000124, Status: &sent})

	look := func(when string) {
		t.Helper()
		history, err := m.state.History(job.ID)
		if err != nil || len(history) != 1 {
			t.Fatalf("%s: history of %d rows, %v", when, len(history), err)
		}
		jobStatus, err := m.state.JobStatus(job.ID)
		if err != nil {
			t.Fatal(err)
		}
		host, err := m.state.Host("host1")
		if err != nil {
			t.Fatal(err)
		}
		for place, got := range map[string]model.TaskStatus{
			"history": history[0].Status, "job": jobStatus.TaskStatuses["host1"], "host": host.Statuses[job.ID],
		} {
			got.Job = full.Job // as the master completed it
			if diff := cmp.Diff(full, got, cmpopts.EquateEmpty()); diff != "" {
				t.Errorf("%s: in the %s (-recorded +got):\n%s", when, place, diff)
			}
		}
	}
	look("after the report")
	m.reopen()
	look("after opening again")
}
