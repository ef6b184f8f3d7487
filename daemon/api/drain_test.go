package api_test

import (
	"testing"

	"github.com/heliosctl/heliosctl/daemon/api"
)

// TestDrainAnswers holds that clients of the original understand why a drained host takes no deployment, and ours more exactly.
func TestDrainAnswers(t *testing.T) {
	w := newWorld(t, api.Config{})
	names := w.prepare()
	for _, step := range []struct {
		method, path, body string
		status             int
		want               string
	}{
		{"PUT", "/v1/hosts/nope/drain", "", 404, `{"code":"HOST_NOT_FOUND","message":"host nope is not registered"}`},
		{"PUT", "/v1/hosts/host1/drain?stopGroupJobs=perhaps", "", 400, `{"code":"INVALID_REQUEST","message":"bad parameter stopGroupJobs \"perhaps\": it must be true or false"}`},
		{"PUT", "/v1/hosts/host1/drain?stopGroupJobs=true&user=alice", "", 200, `{"since":1500000000000,"user":"alice"}`},
		{"PUT", "/hosts/host1/jobs/FREE", `{"jobId":"FREE","goal":"START"}`, 403,
			`{"status":"FORBIDDEN","code":"HOST_DRAINED","job":"FREE","host":"host1","message":"host host1 is drained"}`},
		{"PATCH", "/hosts/host1/jobs/WEB", `{"jobId":"WEB","goal":"STOP"}`, 200, `{"status":"OK","job":"WEB","host":"host1"}`},
		{"DELETE", "/hosts/host1/jobs/WEB", "", 200, `{"status":"OK","job":"WEB","host":"host1"}`},
		{"DELETE", "/v1/hosts/nope/drain", "", 404, `{"code":"HOST_NOT_FOUND","message":"host nope is not registered"}`},
		{"DELETE", "/v1/hosts/host1/drain", "", 200, `{}`},
		{"DELETE", "/v1/hosts/host1/drain", "", 200, `{}`},
		{"PUT", "/hosts/host1/jobs/FREE", `{"jobId":"FREE","goal":"START"}`, 200, `{"status":"OK","job":"FREE","host":"host1"}`},
	} {
		resp, got := w.send(step.method, names.Replace(step.path), names.Replace(step.body))
		if want := names.Replace(step.want); resp.StatusCode != step.status || got != want {
			t.Errorf("%s %s: %d %s, want %d %s", step.method, step.path, resp.StatusCode, got, step.status, want)
		}
	}
}
