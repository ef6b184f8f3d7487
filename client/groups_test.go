package client_test

import (
	"errors"
	"net/http"
	"net/http/httptest"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/heliosctl/heliosctl/client"
	"github.com/heliosctl/heliosctl/daemon/api"
	"github.com/heliosctl/heliosctl/model"
)

func wantCode(t *testing.T, err error, code model.Code) {
	t.Helper()
	if model.CodeOf(err) != code {
		t.Errorf("got %v (code %q), want code %q", err, model.CodeOf(err), code)
	}
}

func webGroup(operand string) model.DeploymentGroup {
	return model.DeploymentGroup{
		Name:          "web & more",
		HostSelectors: []model.HostSelector{{Label: "role", Operator: model.SelectorEquals, Operand: operand}},
	}
}

func TestGroups(t *testing.T) {
	backend, master := newMaster(t, api.Config{})
	c := newClient(t, client.Config{Endpoints: []string{master.URL}})
	ctx := t.Context()
	if names, err := c.Groups(ctx); err != nil || names == nil || len(names) != 0 {
		t.Errorf("groups %#v, %v", names, err)
	}
	for _, step := range []struct {
		operand string
		status  model.Code
		refusal model.Code
	}{
		{"web", model.CodeGroupCreated, ""},
		{"web", model.CodeGroupNotModified, ""},
		{"db", model.CodeGroupConflict, model.CodeGroupConflict},
	} {
		status, err := c.CreateGroup(ctx, webGroup(step.operand))
		wantCode(t, err, step.refusal)
		if status != step.status {
			t.Errorf("status %s, want %s", status, step.status)
		}
	}
	group, err := c.Group(ctx, "web & more")
	if diff := cmp.Diff(webGroup("web"), group); diff != "" || err != nil {
		t.Errorf("%v (-want +got):\n%s", err, diff)
	}
	_, err = c.Group(ctx, "nope")
	wantCode(t, err, model.CodeGroupNotFound)
	if names, err := c.Groups(ctx); err != nil || !slices.Equal(names, []string{"web & more"}) {
		t.Errorf("groups %v, %v", names, err)
	}
	if _, err := backend.RegisterAgent(ctx, model.Registration{Host: "h1", AgentID: "a", Labels: map[string]string{"role": "web"}}); err != nil {
		t.Fatal(err)
	}
	status, err := c.GroupStatus(ctx, "web & more")
	if err != nil || status.Status != model.GroupStatusIdle || len(status.HostStatuses) != 1 || status.HostStatuses[0].Host != "h1" {
		t.Errorf("status %+v, %v", status, err)
	}
	_, err = c.GroupStatus(ctx, "nope")
	wantCode(t, err, model.CodeGroupNotFound)
	wantCode(t, c.RemoveGroup(ctx, "web & more"), "")
	wantCode(t, c.RemoveGroup(ctx, "web & more"), model.CodeGroupNotFound)
}

func TestRollouts(t *testing.T) {
	backend, master := newMaster(t, api.Config{})
	c := newClient(t, client.Config{Endpoints: []string{master.URL}})
	ctx := t.Context()
	var jobs []model.JobID
	for _, version := range []string{"1", "2"} {
		id, err := c.CreateJob(ctx, model.Job{ID: model.JobID{Name: "web", Version: version}, Image: "nginx:1"})
		if err != nil {
			t.Fatal(err)
		}
		jobs = append(jobs, id)
	}
	unknown := model.Job{ID: model.JobID{Name: "nope", Version: "1"}, Image: "nginx:1"}.WithID().ID
	const group = "web & more"
	wantCode(t, rolled(c.RollingUpdate(ctx, group, jobs[0], model.RolloutOptions{})), model.CodeGroupNotFound)
	wantCode(t, c.StopGroup(ctx, group), model.CodeGroupNotFound)
	_, err := c.Rollouts(ctx, group)
	wantCode(t, err, model.CodeGroupNotFound)
	_, err = c.Rollout(ctx, group, 0)
	wantCode(t, err, model.CodeGroupNotFound)
	for _, host := range []string{"h1", "h2"} {
		if _, err := backend.RegisterAgent(ctx, model.Registration{Host: host, AgentID: "a", Labels: map[string]string{"role": "web"}}); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := c.CreateGroup(ctx, webGroup("web")); err != nil {
		t.Fatal(err)
	}
	wantCode(t, rolled(c.RollingUpdate(ctx, group, unknown, model.RolloutOptions{})), model.CodeJobNotFound)
	none := 0
	wantCode(t, rolled(c.RollingUpdate(ctx, group, jobs[0], model.RolloutOptions{Parallelism: &none})), model.CodeInvalid)
	wantCode(t, c.PauseRollout(ctx, group), model.CodeNotRollingOut)

	two := 2
	preview, err := c.PreviewRollout(ctx, group, jobs[0], model.RolloutOptions{Parallelism: &two})
	if err != nil || *preview.Options.Parallelism != 2 || len(preview.Hosts) != 2 || preview.Hosts[0].Deploy[0] != jobs[0] {
		t.Errorf("preview %+v, %v", preview, err)
	}
	wantCode(t, rolled(c.RollingUpdate(ctx, group, jobs[0], model.RolloutOptions{Parallelism: &two})), "")
	backend.RollNext(group)
	wantCode(t, c.PauseRollout(ctx, group), "")
	last, err := c.Rollout(ctx, group, 0)
	if err != nil || last.State != model.RolloutPaused || last.User != "alice" || *last.Options.Parallelism != 2 || len(last.Hosts) != 2 ||
		last.Hosts[0].Phase != model.PhaseDone || last.Hosts[1].Phase != model.PhasePending {
		t.Errorf("rollout %+v, %v", last, err)
	}
	if same, err := c.Rollout(ctx, group, last.ID); err != nil || !cmp.Equal(same, last) {
		t.Errorf("rollout %+v, %v", same, err)
	}
	_, err = c.Rollout(ctx, group, 12345)
	wantCode(t, err, model.CodeNotFound)
	wantCode(t, c.ResumeRollout(ctx, group), "")
	backend.RollNext(group)
	wantCode(t, c.RollBack(ctx, group, model.JobID{}), model.CodeNotRollingOut)
	wantCode(t, c.RollBack(ctx, group, unknown), model.CodeJobNotFound)
	wantCode(t, c.RollBack(ctx, group, jobs[1]), "")
	rollouts, err := c.Rollouts(ctx, group)
	if err != nil || len(rollouts) != 2 || rollouts[0].Reason != model.RolloutBack || rollouts[1].State != model.RolloutDone || rollouts[1].Hosts != nil {
		t.Errorf("rollouts %+v, %v", rollouts, err)
	}
	id, err := c.RollingUpdate(ctx, group, jobs[0], model.RolloutOptions{})
	if last, lastErr := c.Rollout(ctx, group, 0); err != nil || lastErr != nil || last.ID != id {
		t.Errorf("the rolling update is %d (%v), the last one %d (%v)", id, err, last.ID, lastErr)
	}
	wantCode(t, rolled(c.RollingUpdateAfter(ctx, group, 0, jobs[0], model.RolloutOptions{})), model.CodeRolloutChanged)
	wantCode(t, rolled(c.RollingUpdateAfter(ctx, group, id, jobs[0], model.RolloutOptions{})), "")
	wantCode(t, c.SetSelectors(ctx, group, webGroup("db").HostSelectors, webGroup("other").HostSelectors), model.CodeGroupConflict)
	wantCode(t, c.SetSelectors(ctx, group, webGroup("db").HostSelectors, webGroup("web").HostSelectors), "")
	wantCode(t, c.SetSelectors(ctx, group, webGroup("web").HostSelectors, nil), "")
	wantCode(t, c.SetSelectors(ctx, "nope", webGroup("web").HostSelectors, nil), model.CodeGroupNotFound)
	wantCode(t, c.StopGroup(ctx, group), "")
	if status, err := c.GroupStatus(ctx, group); err != nil || status.Status != model.GroupStatusFailed || *status.Error != "Stopped by user" {
		t.Errorf("status %+v, %v", status, err)
	}
}

// TestGroupsOfAnOriginalMaster holds that its refusals, which come without a word and with status 200, are errors that tell.
func TestGroupsOfAnOriginalMaster(t *testing.T) {
	answers := map[string]string{
		"POST /deployment-group":                  `{"status":"CONFLICT"}`,
		"DELETE /deployment-group/g":              `{"status":"DEPLOYMENT_GROUP_NOT_FOUND"}`,
		"POST /deployment-group/g/rolling-update": `{"status":"DEPLOYMENT_GROUP_NOT_FOUND"}`,
		"POST /deployment-group/h/rolling-update": `{"status":"JOB_NOT_FOUND"}`,
	}
	master := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		answer, known := answers[r.Method+" "+r.URL.Path]
		if !known {
			w.WriteHeader(http.StatusNotFound)
			return
		}
		_, _ = w.Write([]byte(answer))
	}))
	defer master.Close()
	c := newClient(t, client.Config{Endpoints: []string{master.URL}})
	ctx := t.Context()
	job := model.Job{ID: model.JobID{Name: "web", Version: "1"}, Image: "nginx:1"}.WithID().ID
	_, conflict := c.CreateGroup(ctx, model.DeploymentGroup{Name: "g"})
	for _, test := range []struct {
		err  error
		code model.Code
		text string
	}{
		{conflict, model.CodeGroupConflict, "deployment group g exists with other selectors"},
		{c.RemoveGroup(ctx, "g"), model.CodeGroupNotFound, "deployment group g does not exist"},
		{rolled(c.RollingUpdate(ctx, "g", job, model.RolloutOptions{})), model.CodeGroupNotFound, "deployment group g does not exist"},
		{rolled(c.RollingUpdate(ctx, "h", job, model.RolloutOptions{})), model.CodeJobNotFound, "job " + job.String() + " does not exist"},
		{c.SetSelectors(ctx, "g", nil, nil), model.CodeNotFound, "the master is too old to change the selectors of a group"},
		{rolled(c.RollingUpdateAfter(ctx, "g", 1, job, model.RolloutOptions{})), model.CodeNotFound, "the master is too old to start rollouts on a condition"},
		{c.StopGroup(ctx, "g"), model.CodeGroupNotFound, "deployment group g does not exist"},
	} {
		var coded *model.Error
		if !errors.As(test.err, &coded) || coded.Code != test.code || coded.Message != test.text {
			t.Errorf("got %v, want %s: %s", test.err, test.code, test.text)
		}
	}
}

// rolled is the error of a rolling update.
func rolled(_ uint64, err error) error { return err }
