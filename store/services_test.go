package store

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/heliosctl/heliosctl/model"
)

// serving is a job that registers the service web at its port http, which the agent picks.
func serving(name string) model.Job {
	job := testJob(name, "1")
	job.Ports = map[string]model.PortMapping{"http": {InternalPort: 80, Protocol: "tcp"}}
	job.Registration = map[model.ServiceEndpoint]model.ServicePorts{
		{Name: "web", Protocol: "http"}: {Ports: map[string]model.ServicePortParameters{"http": {}}},
	}
	job.ID.Hash = ""
	return job.WithID()
}

func TestServiceTasks(t *testing.T) {
	m := newMachine(t, StateOptions{})
	a, b, silent := serving("a"), serving("b"), testJob("silent", "1")
	jobs := []model.Job{b, a, silent}
	for _, job := range jobs {
		m.ok(CreateJob{Job: job})
	}
	seqs := map[string]uint64{}
	reports := func(host string, job model.Job, state model.State, port int) {
		t.Helper()
		seqs[host]++
		r := report(seqs[host], job, state)
		r.Status.Ports = map[string]model.PortMapping{"http": {InternalPort: 80, ExternalPort: &port, Protocol: "tcp"}, "spare": {InternalPort: 1}}
		if ack := m.statuses(host, "agent-"+host, r); ack.Err != nil || ack.Seq != seqs[host] {
			t.Fatalf("ack %+v", ack)
		}
	}
	for _, host := range []string{"h2", "h1"} {
		m.ok(RegisterAgent{Registration: registration(host, "agent-"+host)})
		for i, job := range jobs {
			m.ok(Deploy{Host: host, Deployment: deployment(job, model.GoalStart)})
			reports(host, job, model.StateRunning, 20000+i)
		}
	}
	type task struct {
		Job, Host, Agent string
		Port             int
	}
	check := func(step string, want ...task) {
		t.Helper()
		var got []task
		for _, s := range m.state.ServiceTasks() {
			if len(s.Ports) != 1 {
				t.Errorf("%s: ports %v", step, s.Ports)
			}
			got = append(got, task{s.Job.ID.Name, s.Host, s.AgentID, s.Ports["http"]})
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("%s (-want +got):\n%s", step, diff)
		}
	}
	a1, a2 := task{"a", "h1", "agent-h1", 20001}, task{"a", "h2", "agent-h2", 20001}
	b1, b2 := task{"b", "h1", "agent-h1", 20000}, task{"b", "h2", "agent-h2", 20000}
	check("all run", a1, a2, b1, b2)
	changed := m.state.Changed()
	m.ok(SetGoal{Host: "h1", JobID: a.ID, Goal: model.GoalStop})
	<-changed
	check("one is to stop", a2, b1, b2)
	changed = m.state.Changed()
	reports("h2", b, model.StateExited, 20000)
	<-changed
	check("one has exited", a2, b1)
	reports("h2", b, model.StateRunning, 20009)
	b2.Port = 20009
	check("it runs again, elsewhere", a2, b1, b2)
	m.ok(Undeploy{Host: "h1", JobID: b.ID})
	check("one is undeployed and still runs", a2, b2)
	m.ok(DeregisterHost{Host: "h2"})
	check("a host is gone")
}
