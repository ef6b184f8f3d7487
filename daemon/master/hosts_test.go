package master

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/heliosctl/heliosctl/model"
)

func TestHosts(t *testing.T) {
	m := start(t, t.TempDir(), nil)
	ctx := t.Context()
	wantCode(t, m.RegisterHost(ctx, by("u"), "b", ""), model.CodeInvalidID)
	wantCode(t, m.RegisterHost(ctx, by("u"), "b", "b1"), "")
	wantCode(t, m.RegisterHost(ctx, by("u"), "b", "b2"), model.CodeHostConflict)
	registered := m.mustRegister("a", "a1")
	if registered.ClusterID != m.ClusterID() || registered.ClusterID == "" || registered.Epoch == 0 {
		t.Errorf("registered %+v", registered)
	}
	_, err := m.RegisterAgent(ctx, registration("a", "a2"))
	wantCode(t, err, model.CodeHostConflict)
	if diff := cmp.Diff([]string{"a", "b"}, m.Hosts()); diff != "" {
		t.Error(diff)
	}
	if got, err := m.Host("b"); err != nil || got.Status != model.Down || got.HostInfo != nil || got.AgentInfo != nil || got.Jobs == nil || got.Statuses == nil {
		t.Errorf("b is %+v, %v", got, err)
	}
	if got := m.HostLabels("a"); got["role"] != "web" {
		t.Errorf("labels %v", got)
	}
	_, err = m.Host("c")
	wantCode(t, err, model.CodeHostNotFound)

	index := m.Index()
	if again := m.mustRegister("a", "a1"); again != registered || m.Index() != index {
		t.Errorf("registering again: %+v at %d, before %+v at %d", again, m.Index(), registered, index)
	}

	job := m.mustCreate(testJob("web", "1"))
	m.mustDeploy("a", job, model.GoalStart)
	if _, err := m.PostStatuses(ctx, "a", model.StatusBatch{AgentID: "a1", Reports: []model.StatusReport{report(1, job, model.StateRunning)}}); err != nil {
		t.Fatal(err)
	}
	wantCode(t, m.DeregisterHost(ctx, by("u"), "a"), "")
	wantCode(t, m.DeregisterHost(ctx, by("u"), "a"), model.CodeHostNotFound)
	if history, err := m.History(ctx, job.ID); err != nil || len(history) != 0 {
		t.Errorf("the history of a deregistered host is left: %v, %v", history, err)
	}
	wantCode(t, m.RemoveJob(ctx, by("u"), job.ID, ""), "")
	_, err = m.History(ctx, job.ID)
	wantCode(t, err, model.CodeJobNotFound)
	if diff := cmp.Diff([]string{"m1", "m2"}, m.Masters()); diff != "" {
		t.Error(diff)
	}
}

func TestHostTasksFollowDeployments(t *testing.T) {
	m := start(t, t.TempDir(), nil)
	m.mustRegister("h1", "a1")
	job := m.mustCreate(testJob("web", "1"))
	_, _, changed, err := m.HostTasks("h1", "a1")
	if err != nil {
		t.Fatal(err)
	}
	m.mustDeploy("h1", job, model.GoalStart)
	<-changed
	tasks, index, changed, err := m.HostTasks("h1", "a1")
	if err != nil || len(tasks) != 1 || tasks[0].Generation == 0 || index < tasks[0].Generation {
		t.Fatalf("tasks %+v at %d, %v", tasks, index, err)
	}
	if err := m.Undeploy(t.Context(), by("u"), "h1", job.ID, ""); err != nil {
		t.Fatal(err)
	}
	<-changed
	generation := tasks[0].Generation
	m.mustDeploy("h1", job, model.GoalStart)
	if tasks, _, _, _ = m.HostTasks("h1", "a1"); tasks[0].Generation <= generation {
		t.Error("a new deployment has no new generation")
	}
	_, _, _, err = m.HostTasks("h1", "a2")
	wantCode(t, err, model.CodeHostConflict)
	_, _, _, err = m.HostTasks("h2", "a2")
	wantCode(t, err, model.CodeHostNotFound)
}
