package conformance_test

import (
	"net"
	"os/exec"
	"strings"
	"testing"

	"github.com/heliosctl/heliosctl/model"
)

// TestJavasOwnLibrary makes a client's round of calls with the library that the original's client is built on: its connections, its
// escapes, its view of headers and its way of sending PATCH.
func TestJavasOwnLibrary(t *testing.T) {
	java, err := exec.LookPath("java")
	if err != nil {
		t.Skip("there is no Java on this machine")
	}
	c := alone(t)
	c.agent("host1", labels("role", "web"))
	job := `{"id":"` + barID + `",` + barJob + `,"token":""}`
	secretJob := `{"id":"safe:1","image":"x","token":"` + secret + `"}`
	safe := c.createJob(secretJob)
	calls := []struct {
		method, path, query, body string
		status                    string
		want                      string // as in rows
		gzip                      bool
	}{
		{method: "POST", path: "/jobs/", query: "user=jörg", body: job, status: "200", want: created(barID)},
		{method: "POST", path: "/jobs/", query: "user=jörg", body: job, status: "400", want: refusedJob("JOB_ALREADY_EXISTS", barID, 0)},
		{method: "GET", path: "/jobs/" + barID, query: "user=u", status: "200", gzip: true,
			want: strings.NewReplacer(`"alice"`, `"jörg"`, `"nginx:1"`, `"foo/bar:1"`).Replace(plainJob(barID, "{}", ""))},
		{method: "GET", path: "/jobs/", query: "q=foo;bar&user=u", status: "200", want: `{}`},
		{method: "GET", path: "/hosts/", query: "namePattern=^host\\d$&user=u", status: "200", want: `["host1"]`},
		{method: "GET", path: "/hosts/", query: "selector=role in (web, db)&user=u", status: "200", want: `["host1"]`},
		{method: "PUT", path: "/hosts/host1/jobs/" + barID, query: "token=&user=u", body: `{"jobId":"` + barID + `","goal":"START"}`, status: "200", want: changed(barID, "host1")},
		{method: "PATCH", path: "/hosts/host1/jobs/" + barID, query: "token=&user=u", body: `{"jobId":"` + barID + `","goal":"STOP"}`, status: "200", want: changed(barID, "host1")},
		{method: "GET", path: "/hosts/host1/jobs/" + barID, query: "user=u", status: "200", want: `{"jobId":"` + barID + `","goal":"STOP","deployerUser":"u"}`},
		{method: "DELETE", path: "/hosts/host1/jobs/" + barID, query: "token=x&user=u", status: "403", want: refusedChange("FORBIDDEN", barID, "host1")},
		{method: "DELETE", path: "/hosts/host1/jobs/" + barID, query: "token=&user=u", status: "200", want: changed(barID, "host1")},
		{method: "GET", path: "/hosts/host1/jobs/" + barID, query: "user=u", status: "404"},
		{method: "DELETE", path: "/jobs/" + barID, query: "token=&user=u", status: "200", want: `{"status":"OK"}`},
		{method: "POST", path: "/jobs/statuses", query: "user=u", body: `["` + barID + `"]`, status: "200", want: `{}`},
		{method: "GET", path: "/history/jobs/" + barID, query: "user=u", status: "200", want: `{"events":[],"status":"JOB_ID_NOT_FOUND"}`},
		// The sign + is not escaped by this library, and is a blank for the master: as with the original, this token does not arrive.
		{method: "DELETE", path: "/jobs/" + safe, query: "token=" + secret + "&user=u", status: "403", want: `{"status":"FORBIDDEN","message":"<text>"}`},
		{method: "PUT", path: "/hosts/we%20b", query: "id=i&user=u", status: "200", want: `"OK"`},
		{method: "DELETE", path: "/hosts/we%20b", query: "user=u", status: "200", want: `{"status":"OK","host":"we%20b"}`},
		{method: "POST", path: "/deployment-group/", query: "user=u", body: `{"name":"my group","hostSelectors":[]}`, status: "200", want: `{"status":"CREATED"}`},
		{method: "GET", path: "/deployment-group/my group", query: "user=u", status: "200", want: `{"name":"my group","hostSelectors":[]}`},
		{method: "POST", path: "/deployment-group/my group/stop", query: "user=u", status: "204"},
		{method: "POST", path: "/deployment-group/other/stop", query: "user=u", status: "404"},
		{method: "DELETE", path: "/deployment-group/my group", query: "user=u", status: "200", want: `{"status":"REMOVED"}`},
		{method: "GET", path: "/masters/", query: "user=u", status: "200", want: `["m1"]`},
		{method: "GET", path: "/version/", query: "user=u", status: "200", want: `"` + model.ServerVersion + `"`},
	}
	var questions strings.Builder
	for _, call := range calls {
		questions.WriteString(strings.Join([]string{call.method, call.path, call.query, call.body}, "\t") + "\n")
	}
	host, port, err := net.SplitHostPort(c.apis[0])
	if err != nil {
		t.Fatal(err)
	}
	client := exec.Command(java, "--add-opens", "java.base/java.net=ALL-UNNAMED", "testdata/Client.java", host, port)
	client.Stdin = strings.NewReader(questions.String())
	var faults strings.Builder
	client.Stderr = &faults
	out, err := client.Output()
	if err != nil {
		t.Fatalf("%v\n%s%s", err, out, faults.String())
	}
	answers := strings.Split(strings.TrimSuffix(string(out), "\n"), "\n")
	if len(answers) != len(calls) {
		t.Fatalf("%d answers to %d calls", len(answers), len(calls))
	}
	for i, call := range calls {
		got := strings.SplitN(answers[i], "\t", 5)
		if got[0] != call.status || got[1] != "COMPATIBLE" || got[2] != model.ServerVersion || call.gzip != (got[3] == "gzip") {
			t.Errorf("%s %s?%s: %q", call.method, call.path, call.query, got)
		}
		if call.want == "" && got[4] != "" {
			t.Errorf("%s %s: body %q, want none", call.method, call.path, got[4])
		} else if call.want != "" {
			if diff := differences(call.want, got[4]); len(diff) > 0 {
				t.Errorf("%s %s: %v", call.method, call.path, diff)
			}
		}
	}
}
