package master

import (
	"slices"
	"testing"

	"github.com/heliosctl/heliosctl/model"
)

func TestDeploy(t *testing.T) {
	m := start(t, t.TempDir(), nil)
	m.mustRegister("h1", "a1")
	m.mustRegister("h2", "a2")
	secret := testJob("secret", "1")
	secret.Token, secret.ID.Hash = "s3", ""
	secret = m.mustCreate(secret.WithID())
	web, clash, udp := m.mustCreate(testJob("web", "1", 53)), m.mustCreate(testJob("clash", "1", 8080, 53)), testJob("udp", "1", 53)
	udp.Ports["p0"] = model.PortMapping{InternalPort: 53, ExternalPort: udp.Ports["p0"].ExternalPort, Protocol: "udp"}
	udp.ID.Hash = ""
	udp = m.mustCreate(udp.WithID())
	unknown := testJob("unknown", "1")
	for _, test := range []struct {
		name  string
		host  string
		job   model.Job
		goal  model.Goal
		token string
		want  model.Code
	}{
		{"unknown job and host", "h9", unknown, model.GoalStart, "", model.CodeJobNotFound},
		{"wrong token and unknown host", "h9", secret, model.GoalStart, "", model.CodeForbidden},
		{"token for a job without", "h1", web, model.GoalStart, "x", model.CodeForbidden},
		{"no goal", "h1", web, "", "", model.CodeInvalid},
		{"unknown host", "h9", web, model.GoalStart, "", model.CodeHostNotFound},
		{"stopped", "h1", web, model.GoalStop, "", ""},
		{"again with another goal", "h1", web, model.GoalStart, "", model.CodeJobAlreadyDeployed},
		{"port taken by a stopped job", "h1", clash, model.GoalStop, "", model.CodePortConflict},
		{"port taken for another protocol", "h1", udp, model.GoalStart, "", model.CodePortConflict},
		{"port free on another host", "h2", clash, model.GoalStart, "", ""},
		{"with the token", "h1", secret, model.GoalUndeploy, "s3", ""},
	} {
		t.Run(test.name, func(t *testing.T) {
			d := model.Deployment{JobID: test.job.ID, Goal: test.goal, DeployerUser: "mallory", DeploymentGroupName: "g"}
			err := m.Deploy(t.Context(), by("bob"), test.host, d, test.token)
			wantCode(t, err, test.want)
			if err != nil {
				return
			}
			d.DeployerUser = "bob"
			if got, err := m.Deployment(test.host, test.job.ID); err != nil || got != d {
				t.Errorf("deployment %+v, %v", got, err)
			}
		})
	}
	t.Run("incomplete id", func(t *testing.T) {
		d := model.Deployment{JobID: model.JobID{Name: "web"}, Goal: model.GoalStart}
		wantCode(t, m.Deploy(t.Context(), by("u"), "h1", d, ""), model.CodeJobNotFound)
	})
	got := m.Jobs(model.JobFilter{HostMatches: func(host string) bool { return host == "h2" }})
	if len(got) != 1 || got[0].ID != clash.ID {
		t.Errorf("jobs on h2: %+v", got)
	}
	if got := m.Jobs(model.JobFilter{Query: ":1:" + web.ID.Hash[:5]}); len(got) != 1 || got[0].ID != web.ID {
		t.Errorf("jobs found by a part of the id: %+v", got)
	}
	if got := m.Jobs(model.JobFilter{}); len(got) != 4 || !slices.IsSortedFunc(got, func(a, b model.Job) int { return a.ID.Compare(b.ID) }) {
		t.Errorf("%d jobs, or not sorted", len(got))
	}
}

func TestSetGoal(t *testing.T) {
	m := start(t, t.TempDir(), nil)
	m.mustRegister("h1", "a1")
	m.mustRegister("h2", "a2")
	job := testJob("web", "1")
	job.Token, job.ID.Hash = "s3", ""
	job = m.mustCreate(job.WithID())
	d := model.Deployment{JobID: job.ID, Goal: model.GoalStart, DeploymentGroupName: "g", DeployerMaster: "m0"}
	if err := m.Deploy(t.Context(), by("alice"), "h1", d, "s3"); err != nil {
		t.Fatal(err)
	}
	for _, test := range []struct {
		name, host string
		id         model.JobID
		goal       model.Goal
		token      string
		want       model.Code
	}{
		{"unknown job", "h9", testJob("x", "1").ID, model.GoalStop, "", model.CodeJobNotDeployed},
		{"short id", "h1", model.JobID{Name: "web", Version: "1"}, model.GoalStop, "s3", model.CodeJobNotDeployed},
		{"wrong token and unknown host", "h9", job.ID, model.GoalStop, "", model.CodeForbidden},
		{"unknown host", "h9", job.ID, model.GoalStop, "s3", model.CodeHostNotFound},
		{"not deployed there", "h2", job.ID, model.GoalStop, "s3", model.CodeJobNotDeployed},
		{"no goal", "h1", job.ID, "", "s3", model.CodeInvalid},
		{"stop", "h1", job.ID, model.GoalStop, "s3", ""},
		{"stop again", "h1", job.ID, model.GoalStop, "s3", ""},
	} {
		t.Run(test.name, func(t *testing.T) {
			wantCode(t, m.SetGoal(t.Context(), by("bob"), test.host, model.Deployment{JobID: test.id, Goal: test.goal}, test.token), test.want)
		})
	}
	d.Goal, d.DeployerUser = model.GoalStop, "alice"
	if got, err := m.Deployment("h1", job.ID); err != nil || got != d {
		t.Errorf("deployment %+v, %v; only the goal may change", got, err)
	}
}

func TestUndeploy(t *testing.T) {
	m := start(t, t.TempDir(), nil)
	m.mustRegister("h1", "a1")
	job := testJob("web", "1", 80)
	job.Token, job.ID.Hash = "s3", ""
	job = m.mustCreate(job.WithID())
	m.mustDeploy("h1", job, model.GoalStart)
	for _, test := range []struct {
		name, host, token string
		want              model.Code
	}{
		{"unknown host", "h9", "", model.CodeHostNotFound},
		{"wrong token", "h1", "", model.CodeForbidden},
		{"removed", "h1", "s3", ""},
		{"no longer there, wrong token", "h1", "", model.CodeJobNotFound},
	} {
		t.Run(test.name, func(t *testing.T) {
			wantCode(t, m.Undeploy(t.Context(), by("bob"), test.host, job.ID, test.token), test.want)
		})
	}
	_, err := m.Deployment("h1", job.ID)
	wantCode(t, err, model.CodeJobNotDeployed)
	m.mustDeploy("h1", m.mustCreate(testJob("next", "1", 80)), model.GoalStart)
	wantCode(t, m.RemoveJob(t.Context(), by("u"), job.ID, "s3"), "")
}
