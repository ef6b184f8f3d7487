package master

import (
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/heliosctl/heliosctl/model"
)

func TestProgressOfPullsIsShownAndNotKept(t *testing.T) {
	m := start(t, t.TempDir(), nil)
	m.mustRegister("h1", "a1")
	job := m.mustCreate(testJob("web", "1"))
	m.mustDeploy("h1", job, model.GoalStart)
	post := func(seq uint64, state model.State) {
		t.Helper()
		batch := model.StatusBatch{AgentID: "a1", Reports: []model.StatusReport{report(seq, job, state)}}
		if _, err := m.PostStatuses(t.Context(), "h1", batch); err != nil {
			t.Fatal(err)
		}
	}
	look := func(want string) {
		t.Helper()
		byJob, err := m.JobStatus(job.ID)
		if err != nil {
			t.Fatal(err)
		}
		host, err := m.Host("h1")
		if err != nil {
			t.Fatal(err)
		}
		got := [2]string{byJob.TaskStatuses["h1"].Progress, host.Statuses[job.ID].Progress}
		if diff := cmp.Diff([2]string{want, want}, got); diff != "" {
			t.Errorf("progress by job and by host (-want +got):\n%s", diff)
		}
	}
	post(1, model.StatePullingImage)
	look("")
	index := m.Index()
	wantCode(t, m.PostGauges("h1", model.Gauges{AgentID: "a1", Progress: map[model.JobID]string{job.ID: "1 of 9 MB"}}), "")
	look("1 of 9 MB")
	if m.Index() != index {
		t.Error("progress was written to the log")
	}
	post(2, model.StateCreating) // the next gauges may come later
	look("")
	history, err := m.History(t.Context(), job.ID)
	if err != nil || len(history) != 2 {
		t.Fatalf("history of %d rows, %v", len(history), err)
	}
	for _, event := range history {
		if event.Status.Progress != "" {
			t.Errorf("the history has the progress %q", event.Status.Progress)
		}
	}
}

func TestProgressOfALostAgentIsForgotten(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		job := testJob("web", "1").WithID()
		g := newGauges()
		g.put("h1", model.Gauges{AgentID: "a1", Progress: map[model.JobID]string{job.ID: "1 of 9 MB"}})
		shown := func() string {
			statuses := map[string]model.TaskStatus{"h1": {Job: job, State: model.StatePullingImage}}
			g.mergeProgress(statuses)
			return statuses["h1"].Progress
		}
		time.Sleep(progressAge)
		if got := shown(); got != "1 of 9 MB" {
			t.Errorf("progress %q after %s", got, progressAge)
		}
		time.Sleep(time.Second)
		if got := shown(); got != "" {
			t.Errorf("progress %q after more than %s", got, progressAge)
		}
	})
}
