package api_test

import (
	"context"
	"net/http"
	"net/url"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/heliosctl/heliosctl/daemon/api"
	"github.com/heliosctl/heliosctl/model"
)

// unknown is a full id of no job.
const unknown = "nope:1:0123456789012345678901234567890123456789"

// TestAnswers holds the statuses and bodies that clients of the original depend on. In paths and bodies WEB is the id of a job
// without a token that is deployed to host1, FREE of one that is not deployed, SAFE of one with the token s+e&c/r%t, UNKNOWN a full
// id of no job; all jobs want the same static port. There are the hosts host1 and host2, the group idle of both and the group busy of
// host1 that rolls out WEB. An answer of "*" is not looked at, one that
// ends with … is compared up to there.
func TestAnswers(t *testing.T) {
	token := "?token=" + url.QueryEscape("s+e&c/r%t")
	tests := []struct {
		rule   string
		method string
		path   string
		body   string
		status int
		answer string
	}{
		{"unknown path is an empty 404", "GET", "/nothing", "", 404, ""},
		{"root is an empty 404", "GET", "/", "", 404, ""},
		{"empty segment is a 404 and no redirect", "GET", "/hosts//status", "", 404, ""},
		{"dot segment is a 404 and no redirect", "GET", "/hosts/../jobs", "", 404, ""},
		{"wrong method is an empty 405", "DELETE", "/masters", "", 405, ""},

		{"jobs filtered to none are an empty object", "GET", "/jobs?q=zzz", "", 200, "{}"},
		{"trailing slash is no redirect", "GET", "/jobs/?q=zzz", "", 200, "{}"},
		{"job query is a substring", "GET", "/jobs?q=ee:1", "", 200, `{"FREE":{"id":"FREE",…`},
		{"job query is case-sensitive", "GET", "/jobs?q=EE:1", "", 200, "{}"},
		{"job host pattern matches anywhere", "GET", "/jobs?hostPattern=ost1", "", 200, `{"WEB":{"id":"WEB",…`},
		{"job host pattern matches deployed jobs only", "GET", "/jobs?hostPattern=host2", "", 200, "{}"},
		{"bad host pattern is a 400", "GET", "/jobs?hostPattern=(", "", 400, `{"code":"INVALID_REQUEST","message":"bad hostPattern…`},
		{"job is found by full id", "GET", "/jobs/FREE", "", 200, `{"id":"FREE","image":"nginx:1",…`},
		{"job by short id is bare text", "GET", "/jobs/free:1", "", 400, "Invalid id"},
		{"job by short hash is bare text", "GET", "/jobs/free:1:abc", "", 400, "Invalid id"},
		{"unknown job is an empty 404", "GET", "/jobs/UNKNOWN", "", 404, ""},
		{"unparsable id in a path is an empty 404", "GET", "/jobs/a:b:c:d", "", 404, ""},
		{"job status by short id is bare text", "GET", "/jobs/free:1/status", "", 400, "Invalid id"},
		{"unknown job status is an empty 404", "GET", "/jobs/UNKNOWN/status", "", 404, ""},
		{"job status has job, statuses and deployments", "GET", "/jobs/FREE/status/", "", 200, `{"job":{"id":"FREE",…`},

		{"created job tells its computed id", "POST", "/jobs?user=bob", `{"id":"new:1","image":"nginx:1"}`, 200,
			`{"status":"OK","errors":[],"id":"NEW"}`},
		{"job without a user is created", "POST", "/jobs/", `{"id":"new:1","image":"nginx:1"}`, 200, `{"status":"OK","errors":[],"id":"NEW"}`},
		{"same name and version exist", "POST", "/jobs", `{"id":"free:1","image":"other:1"}`, 400,
			`{"status":"JOB_ALREADY_EXISTS","errors":[],"id":"free:1:…`},
		{"refused job tells every fault", "POST", "/jobs", `{"id":"new:1"}`, 400,
			`{"status":"INVALID_JOB_DEFINITION","errors":["Image was not specified."],"id":"new:1:…`},
		{"job without an id is a 400", "POST", "/jobs", `{"image":"nginx:1"}`, 400, `{"code":"INVALID_ID",…`},
		{"one-part id in a body is a 400", "POST", "/jobs", `{"id":"new","image":"nginx:1"}`, 400, `{"code":"INVALID_REQUEST",…`},
		{"empty body is a 422", "POST", "/jobs", "", 422, `{"errors":[]}`},
		{"null body is a 422", "POST", "/jobs", " null\n", 422, `{"errors":[]}`},
		{"malformed body tells where", "POST", "/jobs", "{\n\"id\": x}", 400, `{"code":"INVALID_REQUEST","message":"bad JSON at line 2, column 7:…`},
		{"trailing data is a 400", "POST", "/jobs", `{"id":"new:1","image":"nginx:1"} {}`, 400, `{"code":"INVALID_REQUEST","message":"bad JSON at line 1,…`},
		{"wrong shape is a 400", "POST", "/jobs", `[1]`, 400, `{"code":"INVALID_REQUEST",…`},
		{"doubled key is read", "POST", "/jobs", `{"id":"new:1","image":"x","image":"nginx:1"}`, 200, `{"status":"OK","errors":[],"id":"NEW"}`},

		{"job is removed", "DELETE", "/jobs/FREE", "", 200, `{"status":"OK"}`},
		{"removal by short id is bare text", "DELETE", "/jobs/free:1", "", 400, "Invalid id"},
		{"removal of an unknown job", "DELETE", "/jobs/UNKNOWN?token=x", "", 404, `{"status":"JOB_NOT_FOUND",…`},
		{"removal without the token", "DELETE", "/jobs/SAFE", "", 403, `{"status":"FORBIDDEN",…`},
		{"removal with a token of a job that has none", "DELETE", "/jobs/FREE?token=x", "", 403, `{"status":"FORBIDDEN",…`},
		{"removal with a token that is cut short", "DELETE", "/jobs/SAFE?token=s+e&c/r", "", 403, `{"status":"FORBIDDEN",…`},
		{"token with a semicolon is a token", "DELETE", "/jobs/FREE?token=a;b", "", 403, `{"status":"FORBIDDEN",…`},
		{"token with a bad escape is a 400", "DELETE", "/jobs/FREE?token=%zz", "", 400, `{"code":"INVALID_REQUEST","message":"bad query: …`},
		{"first of two tokens counts", "DELETE", "/jobs/SAFE" + token + "&token=x", "", 200, `{"status":"OK"}`},
		{"empty token is none", "DELETE", "/jobs/FREE?token=", "", 200, `{"status":"OK"}`},
		{"removal with the token", "DELETE", "/jobs/SAFE" + token, "", 200, `{"status":"OK"}`},
		{"removal of a deployed job", "DELETE", "/jobs/WEB", "", 400, `{"status":"STILL_IN_USE",…`},

		{"statuses of no jobs", "POST", "/jobs/statuses", `[]`, 200, "{}"},
		{"statuses leave unknown jobs out", "POST", "/jobs/statuses", `["UNKNOWN"]`, 200, "{}"},
		{"statuses of known jobs", "POST", "/jobs/statuses", `["FREE"]`, 200, `{"FREE":{"job":{"id":"FREE",…`},
		{"statuses by short id are bare text with the id", "POST", "/jobs/statuses", `["FREE","free:1"]`, 400, "Invalid id free:1"},
		{"statuses by one-part id are a 400", "POST", "/jobs/statuses", `["free"]`, 400, `{"code":"INVALID_REQUEST",…`},
		{"statuses of null are a 422", "POST", "/jobs/statuses", `null`, 422, `{"errors":[]}`},

		{"hosts are listed", "GET", "/hosts", "", 200, `["host1","host2"]`},
		{"host name pattern matches anywhere", "GET", "/hosts/?namePattern=st2", "", 200, `["host2"]`},
		{"hosts filtered to none are an empty array", "GET", "/hosts?namePattern=zz", "", 200, `[]`},
		{"bad name pattern is a 400", "GET", "/hosts?namePattern=%5B", "", 400, `{"code":"INVALID_REQUEST","message":"bad namePattern…`},
		{"selectors must all match", "GET", "/hosts?selector=role%3Dweb&selector=rack+in+(a,b)", "", 200, `["host1"]`},
		{"host without the label matches no selector", "GET", "/hosts?selector=rack!%3Dz", "", 200, `["host1"]`},
		{"bad selector is bare text that names it", "GET", "/hosts?selector=a%3D%3Db", "", 400, "Invalid host selector: a==b"},

		{"host is registered with a bare string", "PUT", "/hosts/host3?id=x", "", 200, `"OK"`},
		{"host registered again with its id", "PUT", "/hosts/host1?id=id-host1", "", 200, `"OK"`},
		{"host registered with another id", "PUT", "/hosts/host1?id=x", "", 409, `{"status":"HOST_CONFLICT","host":"host1",…`},
		{"host registered without an id", "PUT", "/hosts/host3", "", 400, `{"status":"INVALID_ID","host":"host3",…`},
		{"host name with a slash", "PUT", "/hosts/a%2Fb?id=x", "", 400, `{"code":"INVALID_REQUEST",…`},
		{"deregistration never refuses", "DELETE", "/hosts/host1", "", 200, `{"status":"OK","host":"host1"}`},
		{"deregistration of an unknown host", "DELETE", "/hosts/nope", "", 404, `{"status":"NOT_FOUND","host":"nope",…`},

		{"host status", "GET", "/hosts/host2/status", "", 200, `{"status":"UP","jobs":{},…`},
		{"host status of the wanted liveness", "GET", "/hosts/host2/status?status=UP", "", 200, `{"status":"UP",…`},
		{"host status of another liveness", "GET", "/hosts/host2/status?status=DOWN", "", 404, ""},
		{"host liveness is exact upper case", "GET", "/hosts/host2/status?status=up", "", 404, ""},
		{"unknown host status", "GET", "/hosts/nope/status", "", 404, ""},
		{"host statuses leave unknown hosts out", "POST", "/hosts/statuses", `["nope"]`, 200, "{}"},
		{"host statuses leave other livenesses out", "POST", "/hosts/statuses?status=DOWN", `["host1"]`, 200, "{}"},
		{"host statuses", "POST", "/hosts/statuses?status=UP", `["host2","nope"]`, 200, `{"host2":{"status":"UP",…`},

		{"deployed", "PUT", "/hosts/host2/jobs/FREE?user=bob", `{"jobId":"FREE","goal":"START"}`, 200, `{"status":"OK","job":"FREE","host":"host2"}`},
		{"deployment reads the key job too", "PUT", "/hosts/host2/jobs/FREE", `{"job":"FREE","goal":"stop"}`, 200, `{"status":"OK","job":"FREE","host":"host2"}`},
		{"deploy echoes the path and deploys the body", "PUT", "/hosts/host2/jobs/UNKNOWN", `{"jobId":"FREE","goal":"START"}`, 200,
			`{"status":"OK","job":"UNKNOWN","host":"host2"}`},
		{"deploy by name only", "PUT", "/hosts/host2/jobs/free", `{"jobId":"FREE","goal":"START"}`, 400, `{"status":"INVALID_ID","job":"free:null","host":"host2",…`},
		{"deploy of an unparsable path id comes before its body", "PUT", "/hosts/host2/jobs/a:b:c:d", `x`, 404, ""},
		{"deploy of an unknown job to an unknown host", "PUT", "/hosts/nope/jobs/UNKNOWN", `{"jobId":"UNKNOWN","goal":"START"}`, 400,
			`{"status":"JOB_NOT_FOUND","job":"UNKNOWN","host":"nope",…`},
		{"deploy without the token", "PUT", "/hosts/nope/jobs/SAFE", `{"jobId":"SAFE","goal":"START"}`, 403, `{"status":"FORBIDDEN","job":"SAFE","host":"nope",…`},
		{"deploy with the token", "PUT", "/hosts/host2/jobs/SAFE" + token, `{"jobId":"SAFE","goal":"START"}`, 200, `{"status":"OK",…`},
		{"deploy to an unknown host", "PUT", "/hosts/nope/jobs/FREE", `{"jobId":"FREE","goal":"START"}`, 400, `{"status":"HOST_NOT_FOUND",…`},
		{"deploy again", "PUT", "/hosts/host1/jobs/WEB", `{"jobId":"WEB","goal":"START"}`, 400, `{"status":"JOB_ALREADY_DEPLOYED",…`},
		{"deploy on a taken port", "PUT", "/hosts/host1/jobs/FREE", `{"jobId":"FREE","goal":"STOP"}`, 400, `{"status":"PORT_CONFLICT",…`},
		{"deploy without a goal", "PUT", "/hosts/host2/jobs/FREE", `{"jobId":"FREE"}`, 400, `{"code":"INVALID_REQUEST",…`},
		{"deploy without the token comes before its goal", "PUT", "/hosts/host2/jobs/SAFE", `{"jobId":"SAFE"}`, 403, `{"status":"FORBIDDEN",…`},
		{"deploy with a token of a job that has none", "PUT", "/hosts/host2/jobs/FREE?token=a;b", `{"jobId":"FREE","goal":"START"}`, 403, `{"status":"FORBIDDEN",…`},
		{"deploy without a job", "PUT", "/hosts/host2/jobs/FREE", `{"goal":"START"}`, 400, `{"code":"INVALID_REQUEST",…`},
		{"deploy with an unknown goal", "PUT", "/hosts/host2/jobs/FREE", `{"jobId":"FREE","goal":"RUN"}`, 400, `{"code":"INVALID_REQUEST",…`},
		{"deploy of nothing", "PUT", "/hosts/host2/jobs/FREE", ``, 422, `{"errors":[]}`},

		{"deployment", "GET", "/hosts/host1/jobs/WEB", "", 200, `{"jobId":"WEB","goal":"START","deployerUser":"alice"}`},
		{"deployment by short id has no text", "GET", "/hosts/host1/jobs/web:1", "", 400, ""},
		{"no such deployment", "GET", "/hosts/host2/jobs/WEB", "", 404, ""},
		{"deployment on an unknown host", "GET", "/hosts/nope/jobs/WEB", "", 404, ""},

		{"goal is set", "PATCH", "/hosts/host1/jobs/WEB", `{"jobId":"WEB","goal":"STOP"}`, 200, `{"status":"OK","job":"WEB","host":"host1"}`},
		{"goal of another job", "PATCH", "/hosts/host1/jobs/WEB", `{"jobId":"FREE","goal":"STOP"}`, 400, `{"status":"ID_MISMATCH","job":"WEB",…`},
		{"goal by short id", "PATCH", "/hosts/host1/jobs/web:1", `{"jobId":"web:1","goal":"STOP"}`, 404, `{"status":"JOB_NOT_DEPLOYED","job":"web:1",…`},
		{"goal without the token", "PATCH", "/hosts/nope/jobs/SAFE", `{"jobId":"SAFE","goal":"STOP"}`, 403, `{"status":"FORBIDDEN",…`},
		{"goal with a token of a job that has none", "PATCH", "/hosts/host1/jobs/WEB?token=a;b", `{"jobId":"WEB","goal":"STOP"}`, 403, `{"status":"FORBIDDEN",…`},
		{"goal without the token comes before its goal", "PATCH", "/hosts/nope/jobs/SAFE", `{"jobId":"SAFE"}`, 403, `{"status":"FORBIDDEN",…`},
		{"goal on an unknown host", "PATCH", "/hosts/nope/jobs/WEB", `{"jobId":"WEB","goal":"STOP"}`, 404, `{"status":"HOST_NOT_FOUND",…`},
		{"goal of a job that is not deployed", "PATCH", "/hosts/host2/jobs/WEB", `{"jobId":"WEB","goal":"STOP"}`, 404, `{"status":"JOB_NOT_DEPLOYED",…`},
		{"goal without a goal", "PATCH", "/hosts/host1/jobs/WEB", `{"jobId":"WEB"}`, 400, `{"code":"INVALID_REQUEST",…`},

		{"undeployed", "DELETE", "/hosts/host1/jobs/WEB", "", 200, `{"status":"OK","job":"WEB","host":"host1"}`},
		{"undeploy by short id", "DELETE", "/hosts/host1/jobs/web:1", "", 400, `{"status":"INVALID_ID","job":"web:1","host":"host1",…`},
		{"undeploy from an unknown host", "DELETE", "/hosts/nope/jobs/WEB", "", 404, `{"status":"HOST_NOT_FOUND",…`},
		{"undeploy of what is not deployed comes before its token", "DELETE", "/hosts/host2/jobs/WEB?token=x", "", 404, `{"status":"JOB_NOT_FOUND",…`},
		{"undeploy with a token with a semicolon", "DELETE", "/hosts/host1/jobs/WEB?token=a;b", "", 403, `{"status":"FORBIDDEN",…`},
		{"undeploy with a token with a bad escape", "DELETE", "/hosts/host1/jobs/WEB?token=%", "", 400, `{"code":"INVALID_REQUEST",…`},
		{"undeploy with a token of a job that has none", "DELETE", "/hosts/host1/jobs/WEB?token=x", "", 403, `{"status":"FORBIDDEN",…`},

		{"groups are listed", "GET", "/deployment-group/", "", 200, `["busy","idle"]`},
		{"group", "GET", "/deployment-group/idle", "", 200, `{"name":"idle","hostSelectors":[{"label":"role","operator":"EQUALS","operand":"web"}]}`},
		{"group that was rolled out", "GET", "/deployment-group/busy", "", 200, `{"name":"busy","hostSelectors":[{"label":"rack","operator":"EQUALS","operand":"a"}],` +
			`"jobId":"WEB","rolloutOptions":{"timeout":300,"parallelism":1,"migrate":false,"overlap":false,"token":"","ignoreFailures":false},` +
			`"rollingUpdateReason":"MANUAL"}`},
		{"unknown group is an empty 404", "GET", "/deployment-group/nope", "", 404, ""},
		{"group is created", "POST", "/deployment-group", `{"name":"new","hostSelectors":[{"label":"role","operator":"IN","operand":["web","db"]}]}`, 200,
			`{"status":"CREATED"}`},
		{"group with the same selectors", "POST", "/deployment-group/", `{"name":"idle","hostSelectors":[{"label":"role","operator":"EQUALS","operand":"web"}]}`, 200,
			`{"status":"NOT_MODIFIED"}`},
		{"group with other selectors is a 200", "POST", "/deployment-group/", `{"name":"idle","hostSelectors":[{"label":"role","operator":"EQUALS","operand":"db"}]}`, 200,
			`{"status":"CONFLICT",…`},
		{"group without a name", "POST", "/deployment-group", `{"hostSelectors":[]}`, 400, `{"code":"INVALID_REQUEST",…`},
		{"group with a name that is no path", "POST", "/deployment-group", `{"name":"a/b","hostSelectors":[]}`, 400, `{"code":"INVALID_REQUEST",…`},
		{"group with an unknown operator", "POST", "/deployment-group", `{"name":"new","hostSelectors":[{"label":"a","operator":"LIKE","operand":"b"}]}`, 400,
			`{"code":"INVALID_REQUEST",…`},
		{"group with an operand of the wrong shape", "POST", "/deployment-group", `{"name":"new","hostSelectors":[{"label":"a","operator":"EQUALS","operand":{}}]}`, 400,
			`{"code":"INVALID_REQUEST",…`},
		{"group of nothing", "POST", "/deployment-group", "", 422, `{"errors":[]}`},
		{"group is removed", "DELETE", "/deployment-group/idle", "", 200, `{"status":"REMOVED"}`},
		{"group is removed while it rolls out", "DELETE", "/deployment-group/busy/", "", 200, `{"status":"REMOVED"}`},
		{"removal of an unknown group is a 200", "DELETE", "/deployment-group/nope", "", 200, `{"status":"DEPLOYMENT_GROUP_NOT_FOUND",…`},
		{"status of a new group", "GET", "/deployment-group/idle/status", "", 200,
			`{"deploymentGroup":{"name":"idle","hostSelectors":[{"label":"role","operator":"EQUALS","operand":"web"}]},"status":"IDLE","error":"",` +
				`"hostStatuses":[{"host":"host1","jobId":null,"state":null},{"host":"host2","jobId":null,"state":null}],"deploymentGroupStatus":null}`},
		{"status of a group that rolls out", "GET", "/deployment-group/busy/status", "", 200, `{"deploymentGroup":{"name":"busy",…`},
		{"status of an unknown group", "GET", "/deployment-group/nope/status", "", 404, ""},
		{"rolling update", "POST", "/deployment-group/idle/rolling-update", `{"job":"FREE","rolloutOptions":{"timeout":10,"parallelism":2}}`, 200, `{"status":"OK"}`},
		{"rolling update in the words of the original's client", "POST", "/deployment-group/busy/rolling-update?user=bob",
			`{"job":"FREE","rolloutOptions":{"timeout":300,"parallelism":1,"migrate":false,"overlap":false,"token":"","ignoreFailures":false}}`, 200, `{"status":"OK"}`},
		{"rolling update without options", "POST", "/deployment-group/idle/rolling-update/", `{"job":"FREE"}`, 200, `{"status":"OK"}`},
		{"rolling update of an unknown group comes before its job", "POST", "/deployment-group/nope/rolling-update", `{"job":"UNKNOWN","rolloutOptions":{}}`, 200,
			`{"status":"DEPLOYMENT_GROUP_NOT_FOUND",…`},
		{"rolling update to an unknown job is a 200", "POST", "/deployment-group/idle/rolling-update", `{"job":"UNKNOWN","rolloutOptions":{}}`, 200,
			`{"status":"JOB_NOT_FOUND",…`},
		{"rolling update to a short id is a 200", "POST", "/deployment-group/idle/rolling-update", `{"job":"free:1","rolloutOptions":{}}`, 200,
			`{"status":"JOB_NOT_FOUND",…`},
		{"rolling update without a job", "POST", "/deployment-group/idle/rolling-update", `{"rolloutOptions":{}}`, 400, `{"code":"INVALID_REQUEST",…`},
		{"rolling update without parallelism", "POST", "/deployment-group/idle/rolling-update", `{"job":"FREE","rolloutOptions":{"parallelism":0}}`, 400,
			`{"code":"INVALID_REQUEST","message":"a rollout's parallelism…`},
		{"rolling update of nothing", "POST", "/deployment-group/idle/rolling-update", "", 422, `{"errors":[]}`},
		{"stop is a 204", "POST", "/deployment-group/busy/stop", "", 204, ""},
		{"stop of a group that rolls nothing out", "POST", "/deployment-group/idle/stop/", "", 204, ""},
		{"stop of an unknown group is an empty 404", "POST", "/deployment-group/nope/stop", "", 404, ""},

		{"rollouts of a new group", "GET", "/v1/groups/idle/rollouts", "", 200, `[]`},
		{"rollouts", "GET", "/v1/groups/busy/rollouts", "", 200, `[{"id":…`},
		{"rollouts of an unknown group", "GET", "/v1/groups/nope/rollouts", "", 404, `{"code":"DEPLOYMENT_GROUP_NOT_FOUND",…`},
		{"rollout", "GET", "/v1/groups/busy/rollouts/last", "", 200, `{"id":…`},
		{"rollout of a new group", "GET", "/v1/groups/idle/rollouts/last", "", 404, `{"code":"NOT_FOUND",…`},
		{"rollout that there is not", "GET", "/v1/groups/busy/rollouts/1", "", 404, `{"code":"NOT_FOUND",…`},
		{"rollout without a number", "GET", "/v1/groups/busy/rollouts/first", "", 400, `{"code":"INVALID_REQUEST",…`},
		{"pause", "POST", "/v1/groups/busy/pause", "", 200, `{}`},
		{"pause of what does not roll out", "POST", "/v1/groups/idle/pause", "", 409, `{"code":"NOT_ROLLING_OUT",…`},
		{"resume", "POST", "/v1/groups/busy/resume", "", 200, `{}`},
		{"resume of an unknown group", "POST", "/v1/groups/nope/resume", "", 404, `{"code":"DEPLOYMENT_GROUP_NOT_FOUND",…`},
		{"rollback", "POST", "/v1/groups/busy/rollback", `{"to":"FREE"}`, 200, `{}`},
		{"rollback to nothing", "POST", "/v1/groups/busy/rollback", "", 409, `{"code":"NOT_ROLLING_OUT",…`},
		{"rollback to null", "POST", "/v1/groups/busy/rollback", `{"to":null}`, 409, `{"code":"NOT_ROLLING_OUT",…`},
		{"rollback to an unknown job", "POST", "/v1/groups/busy/rollback", `{"to":"UNKNOWN"}`, 404, `{"code":"JOB_NOT_FOUND",…`},
		{"rollback to what is no job", "POST", "/v1/groups/busy/rollback", `{"to":7}`, 400, `{"code":"INVALID_REQUEST",…`},
		{"preview", "POST", "/v1/groups/idle/preview", `{"job":"FREE"}`, 200,
			`{"options":{"timeout":300,"parallelism":1,"migrate":false,"overlap":false,"token":"","ignoreFailures":false},` +
				`"hosts":[{"host":"host1","deploy":["FREE"]},{"host":"host2","deploy":["FREE"]}]}`},
		{"preview of an unknown job", "POST", "/v1/groups/idle/preview", `{"job":"UNKNOWN"}`, 404, `{"code":"JOB_NOT_FOUND",…`},

		{"history of a job without any", "GET", "/history/jobs/FREE", "", 200, `{"events":[],"status":"OK"}`},
		{"history of an unknown job is a 200", "GET", "/history/jobs/UNKNOWN", "", 200, `{"events":[],"status":"JOB_ID_NOT_FOUND"}`},
		{"history by short id is bare text", "GET", "/history/jobs/free:1", "", 400, "Invalid id"},

		{"masters", "GET", "/masters/", "", 200, `["master1"]`},
		{"version is quoted text", "GET", "/version/", "", 200, `"` + model.ServerVersion + `"`},
		{"version check", "GET", "/version/check?client=" + model.ServerVersion, "", 200,
			`{"status":"EQUAL","serverVersion":{"major":0,"minor":10,"patch":0,"snapshot":false},"recommendedVersion":"0.10.0"}`},
		{"version check without a version", "GET", "/version/check", "", 200, `{"status":"MISSING",…`},
		{"version check of an unreadable version", "GET", "/version/check?client=x", "", 400, `{"code":"INVALID_REQUEST",…`},
		{"product version", "GET", "/v1/version", "", 200, `{"version":"1.2.3","api":"0.10.0","clusterId":"cluster1","master":"master1"}`},
	}
	for _, test := range tests {
		t.Run(test.rule, func(t *testing.T) {
			w := newWorld(t, api.Config{ProductVersion: "1.2.3"})
			names := w.prepare()
			resp, got := w.send(test.method, names.Replace(test.path), names.Replace(test.body))
			if resp.StatusCode != test.status {
				t.Errorf("status %d, want %d; body %s", resp.StatusCode, test.status, got)
			}
			want := names.Replace(test.answer)
			if start, cut := strings.CutSuffix(want, "…"); cut {
				got, want = got[:min(len(start), len(got))], start
			}
			if diff := cmp.Diff(want, got); diff != "" {
				t.Errorf("body (-want +got):\n%s", diff)
			}
		})
	}
}

// prepare makes the jobs, hosts, deployments and groups of TestAnswers.
func (w *world) prepare() *strings.Replacer {
	w.agent("host1", map[string]string{"role": "web", "rack": "a"})
	w.agent("host2", map[string]string{"role": "web"})
	web, free, safe := w.job("web", ""), w.job("free", ""), w.job("safe", "s+e&c/r%t")
	w.deploy("host1", web, "")
	w.group("idle", "role", "web")
	w.group("busy", "rack", "a")
	w.rollOut("busy", web)
	created := model.Job{ID: model.JobID{Name: "new", Version: "1"}, Image: "nginx:1"}.WithID().ID
	return strings.NewReplacer("WEB", web.String(), "FREE", free.String(), "SAFE", safe.String(), "NEW", created.String(), "UNKNOWN", unknown)
}

func TestTheUserIsRecorded(t *testing.T) {
	tests := []struct {
		name  string
		query string
		want  string
	}{
		{"missing user is null", "", ""},
		{"empty user is allowed", "?user=", ""},
		{"first user wins", "?user=bob&user=eve", "bob"},
		{"user is unescaped", "?user=b%2Bo%26b", "b+o&b"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			w := newWorld(t, api.Config{})
			w.agent("host1", nil)
			_, body := w.send("POST", "/jobs"+test.query, `{"id":"web:1","image":"nginx:1","creatingUser":"mallory","created":1}`)
			id, err := model.ParseJobID(decoded[model.CreateJobResponse](t, body).ID)
			if err != nil {
				t.Fatal(err)
			}
			job, err := w.backend.Job(id)
			if err != nil {
				t.Fatal(err)
			}
			if job.CreatingUser != test.want {
				t.Errorf("creating user %q, want %q", job.CreatingUser, test.want)
			}
			w.send("PUT", "/hosts/host1/jobs/"+id.String()+test.query, `{"jobId":"`+id.String()+`","goal":"START","deployerUser":"mallory","deploymentGroupName":"g"}`)
			d, err := w.backend.Deployment("host1", id)
			if err != nil {
				t.Fatal(err)
			}
			want := model.Deployment{JobID: id, Goal: model.GoalStart, DeployerUser: test.want}
			if diff := cmp.Diff(want, d); diff != "" {
				t.Errorf("deployment (-want +got):\n%s", diff)
			}
		})
	}
}

func TestHistoryIsOldestFirst(t *testing.T) {
	w := newWorld(t, api.Config{})
	w.agent("host1", nil)
	id := w.job("web", "")
	job, _ := w.backend.Job(id)
	_, err := w.backend.PostStatuses(context.Background(), "host1", model.StatusBatch{AgentID: "id-host1", Reports: []model.StatusReport{
		{Seq: 1, JobID: id, Timestamp: 10, Status: &model.TaskStatus{Job: job, State: model.StateCreating, Goal: model.GoalStart}},
		{Seq: 2, JobID: id, Timestamp: 20, Status: &model.TaskStatus{Job: job, State: model.StateRunning, Goal: model.GoalStart}},
	}})
	if err != nil {
		t.Fatal(err)
	}
	_, body := w.send("GET", "/history/jobs/"+id.String(), "")
	answer := decoded[model.TaskStatusEvents](t, body)
	var states []model.State
	for _, e := range answer.Events {
		states = append(states, e.Status.State)
	}
	if diff := cmp.Diff([]model.State{model.StateCreating, model.StateRunning}, states); diff != "" {
		t.Errorf("states (-want +got):\n%s", diff)
	}
}

func TestMethods(t *testing.T) {
	w := newWorld(t, api.Config{})
	tests := []struct {
		rule   string
		method string
		path   string
		status int
		allow  string
	}{
		{"wrong method names the right ones", "POST", "/hosts/h/jobs/j", 405, "DELETE, GET, HEAD, OPTIONS, PATCH, PUT"},
		{"unheard-of method", "BREW", "/jobs", 405, "GET, HEAD, OPTIONS, POST"},
		{"options of a known path", "OPTIONS", "/jobs", 200, "GET, HEAD, OPTIONS, POST"},
		{"options of an unknown path", "OPTIONS", "/nothing", 404, ""},
		{"head", "HEAD", "/jobs", 200, ""},
	}
	for _, test := range tests {
		t.Run(test.rule, func(t *testing.T) {
			resp, body := w.send(test.method, test.path, "")
			if resp.StatusCode != test.status || resp.Header.Get("Allow") != test.allow || body != "" {
				t.Errorf("status %d, Allow %q, body %q; want %d, %q and no body", resp.StatusCode, resp.Header.Get("Allow"), body, test.status, test.allow)
			}
			if got := resp.Header.Get("Access-Control-Allow-Origin"); got != "*" {
				t.Errorf("allowed origin %q, want *", got)
			}
		})
	}
}

func TestContentTypes(t *testing.T) {
	w := newWorld(t, api.Config{})
	for path, want := range map[string]string{
		"/jobs":        "application/json",
		"/jobs/web:1":  "application/json", // bare text, and labelled so all the same
		"/version":     "text/plain",
		"/v1/version":  "application/json",
		"/jobs/a%3Ab":  "application/json",
		"/masters?x=y": "application/json",
	} {
		resp, _ := w.send("GET", path, "")
		if got := resp.Header.Get("Content-Type"); got != want {
			t.Errorf("%s has type %q, want %q", path, got, want)
		}
	}
}

func TestVersionNegotiation(t *testing.T) {
	w := newWorld(t, api.Config{})
	tests := []struct {
		client string
		status int
		word   string
	}{
		{"", 200, "MISSING"},
		{"0.10.0", 200, "EQUAL"},
		{"0.10.0-SNAPSHOT", 200, "COMPATIBLE"},
		{"0.9.7", 200, "COMPATIBLE"},
		{"0.11.0", 200, "MAYBE"},
		{"1.0.0", 426, "INCOMPATIBLE"},
		{"1.2", 400, "INVALID"},
		{"0.9.1-rc1", 400, "INVALID"},
	}
	for _, test := range tests {
		for _, path := range []string{"/masters", "/nothing"} {
			status := test.status
			if path == "/nothing" && status == 200 {
				status = 404
			}
			t.Run(test.client+path, func(t *testing.T) {
				resp, _ := w.send("GET", path, "", "Helios-Version", test.client)
				if resp.StatusCode != status {
					t.Errorf("status %d, want %d", resp.StatusCode, status)
				}
				// Clients of the original look these names up with their case.
				want := map[string]string{"Helios-Server-Version": model.ServerVersion, "Helios-Version-Status": test.word}
				for name, value := range want {
					if diff := cmp.Diff([]string{value}, resp.Header[name]); diff != "" {
						t.Errorf("header %s (-want +got):\n%s", name, diff)
					}
				}
			})
		}
	}
}

func TestEveryErrorClassHasItsStatus(t *testing.T) {
	tests := []struct {
		code   model.Code
		status int
	}{
		{model.CodeInvalid, 400},
		{model.CodeTooLarge, 413},
		{model.CodeHostNotFound, 404},
		{model.CodeHostConflict, 409},
		{model.CodeForbidden, 403},
		{model.CodeUnavailable, 502},
		{model.CodeStorageFull, 503},
		{model.CodeOutcomeUnknown, 504},
		{model.CodeTimeout, 504},
		{model.CodeUnknownCommand, 500},
		{model.CodeInternal, 500},
	}
	for _, test := range tests {
		t.Run(string(test.code), func(t *testing.T) {
			w := newWorld(t, api.Config{})
			w.backend.Break(model.Errorf(test.code, "broken"))
			resp, body := w.send("GET", "/jobs", "")
			if resp.StatusCode != test.status {
				t.Errorf("status %d, want %d", resp.StatusCode, test.status)
			}
			want := `{"code":"` + string(test.code) + `","message":"broken"}`
			if body != want {
				t.Errorf("body %s, want %s", body, want)
			}
		})
	}
}

func TestAnInternalErrorTellsTheRequestIDOnly(t *testing.T) {
	w := newWorld(t, api.Config{})
	w.backend.Break(http.ErrBodyNotAllowed)
	resp, body := w.send("GET", "/jobs", "", "Helios-Request-Id", "req-1")
	if resp.StatusCode != 500 || !strings.Contains(body, "req-1") || strings.Contains(body, http.ErrBodyNotAllowed.Error()) {
		t.Errorf("status %d, body %s", resp.StatusCode, body)
	}
}

func TestWithoutALeader(t *testing.T) {
	w := newWorld(t, api.Config{})
	w.backend.LoseLeader()
	for _, test := range []struct {
		method, path string
		status       int
	}{
		{"GET", "/jobs", 502},
		{"GET", "/jobs?stale=true", 200},
		{"POST", "/jobs/statuses", 502},
		{"DELETE", "/hosts/h", 502},
		{"GET", "/masters", 200},
		{"GET", "/v1/version", 200},
		{"GET", "/v1/events", 502},
	} {
		if resp, body := w.send(test.method, test.path, ""); resp.StatusCode != test.status {
			t.Errorf("%s %s: status %d, want %d; %s", test.method, test.path, resp.StatusCode, test.status, body)
		}
	}
	w.backend.FindLeader()
	if resp, _ := w.send("GET", "/jobs", ""); resp.StatusCode != 200 {
		t.Errorf("with a leader again: status %d, want 200", resp.StatusCode)
	}
}
