package api_test

import (
	"encoding/json"
	"net/http"
	"strings"
	"testing"

	"github.com/heliosctl/heliosctl/daemon/api"
	"github.com/heliosctl/heliosctl/model"
)

// group makes a group of the hosts on which a label has a value.
func (w *world) group(name, label, value string) {
	w.t.Helper()
	group := model.DeploymentGroup{
		Name: name, HostSelectors: []model.HostSelector{{Label: label, Operator: model.SelectorEquals, Operand: value}},
	}
	if _, err := w.backend.CreateGroup(w.t.Context(), model.Request{User: "alice"}, group); err != nil {
		w.t.Fatal(err)
	}
}

func (w *world) rollOut(group string, job model.JobID) {
	w.t.Helper()
	if _, err := w.backend.RollingUpdate(w.t.Context(), model.Request{User: "alice"}, group, job, nil); err != nil {
		w.t.Fatal(err)
	}
}

// groupStatus reads the status of a group as the original's client does.
func (w *world) groupStatus(name string) (status struct {
	Status       string
	Error        *string
	HostStatuses []struct{ Host, JobID, State string }
}) {
	w.t.Helper()
	resp, got := w.send("GET", "/deployment-group/"+name+"/status", "")
	if resp.StatusCode != http.StatusOK {
		w.t.Fatalf("status %d: %s", resp.StatusCode, got)
	}
	if err := json.Unmarshal([]byte(got), &status); err != nil {
		w.t.Fatal(err)
	}
	return status
}

// TestRollingUpdateAsTheOriginalSawIt holds what its client looks at while a rolling update goes on.
func TestRollingUpdateAsTheOriginalSawIt(t *testing.T) {
	w := newWorld(t, api.Config{})
	names := w.prepare()
	free := names.Replace("FREE")
	send := func(want int, answer, path, body string) {
		t.Helper()
		if resp, got := w.send("POST", path, names.Replace(body)); resp.StatusCode != want || got != answer {
			t.Errorf("%s: %d %s, want %d %s", path, resp.StatusCode, got, want, answer)
		}
	}
	send(200, `{"status":"OK"}`, "/deployment-group/idle/rolling-update?user=bob", `{"job":"FREE","rolloutOptions":{"parallelism":1}}`)
	if s := w.groupStatus("idle"); s.Status != "ROLLING_OUT" || s.Error != nil || s.HostStatuses[0].JobID != "" {
		t.Errorf("at first %+v", s)
	}
	w.backend.RollNext("idle")
	s := w.groupStatus("idle")
	if s.Status != "ROLLING_OUT" || s.HostStatuses[0].JobID != free || s.HostStatuses[0].State != "RUNNING" || s.HostStatuses[1].State != "" {
		t.Errorf("after a host %+v", s)
	}
	w.backend.RollNext("idle")
	if s := w.groupStatus("idle"); s.Status != "ACTIVE" || s.Error != nil || s.HostStatuses[1].JobID != free {
		t.Errorf("in the end %+v", s)
	}
	send(200, `{"status":"OK"}`, "/deployment-group/idle/rolling-update", `{"job":"WEB","rolloutOptions":{}}`)
	w.backend.FailNext("idle", model.CodeImageMissing, "the image is missing")
	if s := w.groupStatus("idle"); s.Status != "FAILED" || *s.Error != "host1: the image is missing" {
		t.Errorf("after a failure %+v", s)
	}
	send(204, "", "/deployment-group/idle/stop", "")
	if s := w.groupStatus("idle"); s.Status != "FAILED" || *s.Error != "Stopped by user" {
		t.Errorf("stopped %+v", s)
	}
	// Hosts that are down are left out.
	w.backend.SetAlive("host1", false)
	if s := w.groupStatus("idle"); len(s.HostStatuses) != 1 || s.HostStatuses[0].Host != "host2" {
		t.Errorf("with a host that is down %+v", s)
	}
}

// TestStopThroughAnotherMaster shows that an answer without a body survives being handed on.
func TestStopThroughAnotherMaster(t *testing.T) {
	fleet := newFleet(t, 2, api.Config{})
	leader, follower := fleet[0], fleet[1]
	leader.prepare()
	if resp, got := follower.send("POST", "/deployment-group/busy/stop", ""); resp.StatusCode != http.StatusNoContent || got != "" {
		t.Errorf("%d %q", resp.StatusCode, got)
	}
	if s := leader.groupStatus("busy"); s.Status != "FAILED" {
		t.Errorf("stopped %+v", s)
	}
}

// TestChangesOfGroupsOnCondition holds that selectors and rollouts of somebody else are not overwritten unseen.
func TestChangesOfGroupsOnCondition(t *testing.T) {
	w := newWorld(t, api.Config{})
	names := w.prepare()
	role := func(value string) string { return `[{"label":"role","operator":"EQUALS","operand":"` + value + `"}]` }
	group, err := w.backend.Group("idle")
	if err != nil {
		t.Fatal(err)
	}
	was, err := json.Marshal(group.HostSelectors)
	if err != nil {
		t.Fatal(err)
	}
	for _, test := range []struct {
		method, path, body string
		status             int
		answer             string
	}{
		{"PUT", "/v1/groups/nobody/selectors", `{"hostSelectors":[]}`, 404, string(model.CodeGroupNotFound)},
		{"PUT", "/v1/groups/idle/selectors", `{}`, 400, "hostSelectors is missing"},
		{"PUT", "/v1/groups/idle/selectors", `{"hostSelectors":[{"label":"role"}]}`, 400, "operator"},
		{"PUT", "/v1/groups/idle/selectors", `{"hostSelectors":` + role("db") + `,"was":` + role("other") + `}`, 409, string(model.CodeGroupConflict)},
		{"PUT", "/v1/groups/idle/selectors", `{"hostSelectors":` + role("db") + `,"was":` + string(was) + `}`, 200, "{}"},
		{"PUT", "/v1/groups/idle/selectors", `{"hostSelectors":` + role("web") + `}`, 200, "{}"},
		{"POST", "/v1/groups/idle/roll", `{}`, 400, "job"},
		{"POST", "/v1/groups/nobody/roll", `{"job":"FREE"}`, 404, string(model.CodeGroupNotFound)},
		{"POST", "/v1/groups/idle/roll", `{"job":"FREE","after":7}`, 409, string(model.CodeRolloutChanged)},
		{"POST", "/v1/groups/idle/roll", `{"job":"FREE","after":0}`, 200, `{"rollout":`},
		{"POST", "/v1/groups/idle/roll", `{"job":"FREE","after":0}`, 409, string(model.CodeRolloutChanged)},
		{"POST", "/v1/groups/idle/roll", `{"job":"FREE"}`, 200, `{"rollout":`},
	} {
		resp, got := w.send(test.method, test.path, names.Replace(test.body))
		if resp.StatusCode != test.status || !strings.Contains(got, test.answer) {
			t.Errorf("%s %s %s: %d %s, want %d %s", test.method, test.path, test.body, resp.StatusCode, got, test.status, test.answer)
		}
	}
}
