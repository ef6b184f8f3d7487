package master

import (
	"context"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/heliosctl/heliosctl/model"
)

func TestServicesFollowWhatIsAlive(t *testing.T) {
	m := start(t, t.TempDir(), nil)
	job := testJob("web", "1", 8080)
	job.Registration = map[model.ServiceEndpoint]model.ServicePorts{
		{Name: "web", Protocol: "http"}: {Ports: map[string]model.ServicePortParameters{"p0": {}}},
	}
	job.ID.Hash = ""
	job = m.mustCreate(job.WithID())

	// As a name server does it: what is told of last is looked at, and nothing is missed.
	ctx, cancel := context.WithCancel(t.Context())
	told, ended := make(chan struct{}, 1), make(chan struct{})
	go func() {
		defer close(ended)
		m.FollowServices(ctx, func() {
			select {
			case told <- struct{}{}:
			default:
			}
		})
	}()
	await := func(want ...string) {
		t.Helper()
		for {
			var got []string
			for _, task := range m.ServiceTasks() {
				got = append(got, task.Host)
			}
			if cmp.Equal(want, got) {
				return
			}
			select {
			case <-told:
			case <-t.Context().Done():
				t.Fatalf("services are on %v, want %v", got, want)
			}
		}
	}
	for _, host := range []string{"h1", "h2"} {
		m.mustRegister(host, "a-"+host)
		m.mustDeploy(host, job, model.GoalStart)
		batch := model.StatusBatch{AgentID: "a-" + host, Reports: []model.StatusReport{report(1, job, model.StateRunning)}}
		if _, err := m.PostStatuses(ctx, host, batch); err != nil {
			t.Fatal(err)
		}
	}
	await()
	m.members.set("h1", "a-h1")
	await("h1")
	m.members.set("h2", "another")
	m.members.set("h2", "a-h2")
	await("h1", "h2")
	m.members.set("h1", "")
	await("h2")
	if err := m.SetGoal(ctx, by("u"), "h2", model.Deployment{JobID: job.ID, Goal: model.GoalStop}, ""); err != nil {
		t.Fatal(err)
	}
	await()
	cancel()
	<-ended
}
