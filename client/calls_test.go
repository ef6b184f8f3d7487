package client_test

import (
	"context"
	"errors"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/heliosctl/heliosctl/client"
	"github.com/heliosctl/heliosctl/daemon/api"
	"github.com/heliosctl/heliosctl/model"
)

// oddToken has every character that has a meaning in URLs.
const oddToken = "a+b&c=d/e%f#g?h ü;i"

func TestTheLifeOfAJob(t *testing.T) {
	_, master := newMaster(t, api.Config{})
	c := newClient(t, client.Config{Endpoints: []string{master.URL}})
	ctx := context.Background()

	id, err := c.CreateJob(ctx, model.Job{ID: model.JobID{Name: "web", Version: "1"}, Image: "nginx:1", Token: oddToken})
	if err != nil {
		t.Fatal(err)
	}
	if !id.FullyQualified() {
		t.Errorf("created id %s is not full", id)
	}
	job, err := c.Job(ctx, id)
	if err != nil || job.ID != id || job.CreatingUser != "alice" {
		t.Errorf("job %+v, error %v", job, err)
	}
	jobs, err := c.Jobs(ctx, "web:", "")
	if _, ok := jobs[id]; err != nil || !ok || len(jobs) != 1 {
		t.Errorf("jobs %v, error %v", jobs, err)
	}
	if jobs, err := c.Jobs(ctx, "", "host"); err != nil || len(jobs) != 0 {
		t.Errorf("jobs on hosts %v, error %v", jobs, err)
	}

	const host = "höst 1%"
	if err := c.RegisterHost(ctx, host, "id/1"); err != nil {
		t.Fatal(err)
	}
	d := model.Deployment{JobID: id, Goal: model.GoalStart}
	if err := c.Deploy(ctx, host, d, oddToken); err != nil {
		t.Fatal(err)
	}
	d.Goal = model.GoalStop
	if err := c.SetGoal(ctx, host, d, oddToken); err != nil {
		t.Fatal(err)
	}
	want := model.Deployment{JobID: id, Goal: model.GoalStop, DeployerUser: "alice"}
	got, err := c.Deployment(ctx, host, id)
	if diff := cmp.Diff(want, got); diff != "" || err != nil {
		t.Errorf("deployment (-want +got):\n%s\nerror %v", diff, err)
	}
	status, err := c.JobStatus(ctx, id)
	if diff := cmp.Diff(map[string]model.Deployment{host: want}, status.Deployments); diff != "" || err != nil {
		t.Errorf("job status (-want +got):\n%s\nerror %v", diff, err)
	}
	unknown := model.JobID{Name: "no", Version: "1", Hash: id.Hash}
	statuses, err := c.JobStatuses(ctx, []model.JobID{id, unknown})
	if _, ok := statuses[id]; err != nil || !ok || len(statuses) != 1 {
		t.Errorf("job statuses %v, error %v", statuses, err)
	}
	hostStatus, err := c.HostStatus(ctx, host)
	if diff := cmp.Diff(map[model.JobID]model.Deployment{id: want}, hostStatus.Jobs); diff != "" || err != nil {
		t.Errorf("host status (-want +got):\n%s\nerror %v", diff, err)
	}
	if events, err := c.History(ctx, id); err != nil || len(events) != 0 {
		t.Errorf("history %v, error %v", events, err)
	}
	if err := c.Undeploy(ctx, host, id, oddToken); err != nil {
		t.Error(err)
	}
	if err := c.RemoveJob(ctx, id, oddToken); err != nil {
		t.Error(err)
	}
	if err := c.DeregisterHost(ctx, host); err != nil {
		t.Error(err)
	}
}

func TestListsAndVersions(t *testing.T) {
	backend, master := newMaster(t, api.Config{ProductVersion: "1.2.3"})
	c := newClient(t, client.Config{Endpoints: []string{master.URL}})
	ctx := context.Background()
	for host, role := range map[string]string{"b": "web", "a": "db"} {
		registration := model.Registration{Host: host, AgentID: host, Labels: map[string]string{"role": role}}
		if _, err := backend.RegisterAgent(ctx, registration); err != nil {
			t.Fatal(err)
		}
	}
	check := func(what string, want, got any, err error) {
		t.Helper()
		if diff := cmp.Diff(want, got); diff != "" || err != nil {
			t.Errorf("%s (-want +got):\n%s\nerror %v", what, diff, err)
		}
	}
	hosts, err := c.Hosts(ctx, "", nil)
	check("hosts", []string{"a", "b"}, hosts, err)
	hosts, err = c.Hosts(ctx, "^[ab]$", []string{"role in (web, x)", "role!=db"})
	check("selected hosts", []string{"b"}, hosts, err)
	hosts, err = c.Hosts(ctx, "nope", nil)
	check("no hosts", []string{}, hosts, err)
	statuses, err := c.HostStatuses(ctx, []string{"a", "nope"}, model.Up)
	check("host statuses", map[string]string{"role": "db"}, statuses["a"].Labels, err)
	statuses, err = c.HostStatuses(ctx, nil, "")
	check("no host statuses", map[string]model.HostStatus{}, statuses, err)
	masters, err := c.Masters(ctx)
	check("masters", []string{"master1"}, masters, err)
	version, err := c.Version(ctx)
	check("version", model.ServerVersion, version, err)
	about, err := c.About(ctx)
	check("about", client.About{Version: "1.2.3", API: model.ServerVersion, ClusterID: "cluster1", Master: "master1"}, about, err)
}

func TestRefusalsAreTyped(t *testing.T) {
	_, master := newMaster(t, api.Config{})
	c := newClient(t, client.Config{Endpoints: []string{master.URL}})
	ctx := context.Background()
	port := 80
	create := func(name, token string) model.JobID {
		id, err := c.CreateJob(ctx, model.Job{
			ID: model.JobID{Name: name, Version: "1"}, Image: "nginx:1", Token: token,
			Ports: map[string]model.PortMapping{"http": {InternalPort: 80, ExternalPort: &port, Protocol: "tcp"}},
		})
		if err != nil {
			t.Fatal(err)
		}
		return id
	}
	web, rival, safe := create("web", ""), create("rival", ""), create("safe", "secret")
	nope := model.JobID{Name: "nope", Version: "1", Hash: web.Hash}
	short := model.JobID{Name: "web", Version: "1"}
	if err := c.RegisterHost(ctx, "host1", "id1"); err != nil {
		t.Fatal(err)
	}
	start := func(id model.JobID) model.Deployment { return model.Deployment{JobID: id, Goal: model.GoalStart} }
	if err := c.Deploy(ctx, "host1", start(web), ""); err != nil {
		t.Fatal(err)
	}
	tests := []struct {
		name string
		call func() error
		want model.Code
	}{
		{"job unknown", func() error { _, err := c.Job(ctx, nope); return err }, model.CodeJobNotFound},
		{"job by short id", func() error { _, err := c.Job(ctx, short); return err }, model.CodeInvalidID},
		{"job status unknown", func() error { _, err := c.JobStatus(ctx, nope); return err }, model.CodeJobNotFound},
		{"job statuses by short id", func() error { _, err := c.JobStatuses(ctx, []model.JobID{short}); return err }, model.CodeInvalidID},
		{"job exists", func() error {
			_, err := c.CreateJob(ctx, model.Job{ID: short, Image: "x:1"})
			return err
		}, model.CodeJobAlreadyExists},
		{"job invalid", func() error { _, err := c.CreateJob(ctx, model.Job{ID: short}); return err }, model.CodeInvalidJob},
		{"remove unknown", func() error { return c.RemoveJob(ctx, nope, "") }, model.CodeJobNotFound},
		{"remove without the token", func() error { return c.RemoveJob(ctx, safe, "") }, model.CodeForbidden},
		{"remove deployed", func() error { return c.RemoveJob(ctx, web, "") }, model.CodeJobStillInUse},
		{"host unknown", func() error { _, err := c.HostStatus(ctx, "nope"); return err }, model.CodeHostNotFound},
		{"host of another", func() error { return c.RegisterHost(ctx, "host1", "id2") }, model.CodeHostConflict},
		{"host without an id", func() error { return c.RegisterHost(ctx, "host2", "") }, model.CodeInvalidID},
		{"host without a name", func() error { return c.RegisterHost(ctx, "", "id2") }, model.CodeInvalid},
		{"host named like the folder above", func() error { _, err := c.HostStatus(ctx, ".."); return err }, model.CodeHostNotFound},
		{"deregister unknown", func() error { return c.DeregisterHost(ctx, "nope") }, model.CodeHostNotFound},
		{"bad pattern", func() error { _, err := c.Hosts(ctx, "(", nil); return err }, model.CodeInvalid},
		{"bad selector", func() error { _, err := c.Hosts(ctx, "", []string{"a==b"}); return err }, model.CodeInvalid},
		{"deploy unknown job", func() error { return c.Deploy(ctx, "host1", start(nope), "") }, model.CodeJobNotFound},
		{"deploy by short id", func() error { return c.Deploy(ctx, "host1", start(short), "") }, model.CodeInvalidID},
		{"deploy to unknown host", func() error { return c.Deploy(ctx, "nope", start(web), "") }, model.CodeHostNotFound},
		{"deploy again", func() error { return c.Deploy(ctx, "host1", start(web), "") }, model.CodeJobAlreadyDeployed},
		{"deploy on a taken port", func() error { return c.Deploy(ctx, "host1", start(rival), "") }, model.CodePortConflict},
		{"deploy with a wrong token", func() error { return c.Deploy(ctx, "host1", start(safe), "x") }, model.CodeForbidden},
		{"goal not deployed", func() error { return c.SetGoal(ctx, "host1", start(rival), "") }, model.CodeJobNotDeployed},
		{"goal on unknown host", func() error { return c.SetGoal(ctx, "nope", start(rival), "") }, model.CodeHostNotFound},
		{"undeploy not deployed", func() error { return c.Undeploy(ctx, "host1", rival, "") }, model.CodeJobNotFound},
		{"undeploy from unknown host", func() error { return c.Undeploy(ctx, "nope", web, "") }, model.CodeHostNotFound},
		{"deployment unknown", func() error { _, err := c.Deployment(ctx, "host1", rival); return err }, model.CodeJobNotDeployed},
		{"deployment by short id", func() error { _, err := c.Deployment(ctx, "host1", short); return err }, model.CodeInvalidID},
		{"history unknown", func() error { _, err := c.History(ctx, nope); return err }, model.CodeJobNotFound},
		{"agent of another host", func() error {
			_, err := c.RegisterAgent(ctx, model.Registration{Host: "host1", AgentID: "id2"})
			return err
		}, model.CodeHostConflict},
		{"statuses of unknown host", func() error {
			_, err := c.PostStatuses(ctx, "nope", model.StatusBatch{AgentID: "id1"})
			return err
		}, model.CodeHostNotFound},
		{"gauges of unknown host", func() error { return c.PostGauges(ctx, "nope", model.Gauges{}) }, model.CodeHostNotFound},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			err := test.call()
			if !errors.Is(err, &model.Error{Code: test.want}) {
				t.Errorf("error %v with code %s, want %s", err, model.CodeOf(err), test.want)
			}
			if err != nil && err.Error() == string(test.want) {
				t.Error("the error has no message")
			}
		})
	}
}

func TestAgentCalls(t *testing.T) {
	backend, master := newMaster(t, api.Config{})
	c := newClient(t, client.Config{Endpoints: []string{master.URL}})
	ctx := context.Background()
	registered, err := c.RegisterAgent(ctx, model.Registration{Host: "host1", AgentID: "id1", Labels: map[string]string{"a": "b"}})
	want := model.Registered{Epoch: 1, ClusterID: "cluster1"}
	if diff := cmp.Diff(want, registered); diff != "" || err != nil {
		t.Errorf("registered (-want +got):\n%s\nerror %v", diff, err)
	}
	id := model.JobID{Name: "web", Version: "1", Hash: "0123456789012345678901234567890123456789"}
	batch := model.StatusBatch{AgentID: "id1", Reports: []model.StatusReport{
		{Seq: 4, JobID: id, Timestamp: 9, Status: &model.TaskStatus{Job: model.Job{ID: id}, Goal: model.GoalStart, State: model.StateRunning, Throttled: model.ThrottleNo}},
	}}
	for range 2 {
		ack, err := c.PostStatuses(ctx, "host1", batch)
		if err != nil || ack.AckedSeq != 4 {
			t.Errorf("ack %+v, error %v", ack, err)
		}
	}
	events, err := c.History(ctx, id)
	if err != nil || len(events) != 1 || events[0].Timestamp != 9 || events[0].Status.State != model.StateRunning {
		t.Errorf("history %+v, error %v", events, err)
	}
	gauges := model.Gauges{AgentID: "id1", LoadAvg: 1.5, MemoryFreeBytes: 7}
	if err := c.PostGauges(ctx, "host1", gauges); err != nil {
		t.Error(err)
	}
	if diff := cmp.Diff(gauges, backend.Gauges("host1")); diff != "" {
		t.Errorf("gauges (-want +got):\n%s", diff)
	}
}
