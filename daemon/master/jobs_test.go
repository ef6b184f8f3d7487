package master

import (
	"errors"
	"strings"
	"testing"

	"github.com/heliosctl/heliosctl/model"
)

func TestCreateJob(t *testing.T) {
	m := start(t, t.TempDir(), func(c *Config) { c.CapabilityWhitelist = []string{"NET_ADMIN"} })
	ctx := t.Context()
	id, err := m.CreateJob(ctx, by("alice"), model.Job{ID: model.JobID{Name: "web", Version: "1"}, Image: "nginx", CreatingUser: "mallory"})
	if err != nil || !id.FullyQualified() {
		t.Fatalf("%v, %v", id, err)
	}
	job, err := m.Job(id)
	if err != nil || job.CreatingUser != "alice" || job.Created == nil || *job.Created == 0 || job.Image != "nginx" {
		t.Errorf("job %+v, %v", job, err)
	}
	with := func(change func(*model.Job)) model.Job {
		job := model.Job{ID: model.JobID{Name: "other", Version: "1"}, Image: "nginx"}
		change(&job)
		return job
	}
	for name, test := range map[string]struct {
		job    model.Job
		want   model.Code
		faults int
	}{
		"again":           {job, model.CodeJobAlreadyExists, 0},
		"other hash":      {model.Job{ID: model.JobID{Name: "web", Version: "1"}, Image: "httpd"}, model.CodeJobAlreadyExists, 0},
		"wrong hash":      {with(func(j *model.Job) { j.ID.Hash = strings.Repeat("a", 40) }), model.CodeInvalidJob, 1},
		"no image":        {with(func(j *model.Job) { j.Image = "" }), model.CodeInvalidJob, 1},
		"capability":      {with(func(j *model.Job) { j.AddCapabilities = []string{"SYS_ADMIN"} }), model.CodeInvalidJob, 1},
		"allowed":         {with(func(j *model.Job) { j.AddCapabilities = []string{"NET_ADMIN"} }), "", 0},
		"too big":         {with(func(j *model.Job) { j.Env = map[string]string{"BIG": strings.Repeat("x", 210<<10)} }), model.CodeTooLarge, 0},
		"as big as it is": {with(func(j *model.Job) { j.ID.Version, j.Env = "2", map[string]string{"BIG": strings.Repeat("x", 190<<10)} }), "", 0},
	} {
		t.Run(name, func(t *testing.T) {
			id, err := m.CreateJob(ctx, by("bob"), test.job)
			wantCode(t, err, test.want)
			if id.Hash == "" {
				t.Error("the answer has no full id")
			}
			var coded *model.Error
			if errors.As(err, &coded) && len(coded.Details) != test.faults {
				t.Errorf("details %q, want %d", coded.Details, test.faults)
			}
		})
	}
}

func TestRemoveJob(t *testing.T) {
	m := start(t, t.TempDir(), nil)
	m.mustRegister("h1", "a1")
	secret := testJob("secret", "1")
	secret.Token, secret.ID.Hash = "s3", ""
	secret = m.mustCreate(secret.WithID())
	plain := m.mustCreate(testJob("plain", "1"))
	m.mustDeploy("h1", secret, model.GoalStop)
	for _, test := range []struct {
		name  string
		id    model.JobID
		token string
		want  model.Code
	}{
		{"unknown", testJob("nothing", "1").ID, "", model.CodeJobNotFound},
		{"name and version only", model.JobID{Name: "plain", Version: "1"}, "", model.CodeJobNotFound},
		{"no token", secret.ID, "", model.CodeForbidden},
		{"wrong token", secret.ID, "S3", model.CodeForbidden},
		{"deployed", secret.ID, "s3", model.CodeJobStillInUse},
		{"token for a job without", plain.ID, "x", model.CodeForbidden},
		{"removed", plain.ID, "", ""},
		{"twice", plain.ID, "", model.CodeJobNotFound},
	} {
		t.Run(test.name, func(t *testing.T) {
			wantCode(t, m.RemoveJob(t.Context(), by("u"), test.id, test.token), test.want)
		})
	}
}
