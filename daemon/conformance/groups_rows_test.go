package conformance_test

import "strings"

func groupStatus(group, status, error, hosts, raw string) string {
	return `{"deploymentGroup":` + group + `,"status":"` + status + `","error":` + error + `,"hostStatuses":` + hosts + `,"deploymentGroupStatus":` + raw + `}`
}

func groupRows() map[string][]row {
	const idle, busy, done, nope = "/deployment-group/idle", "/deployment-group/busy", "/deployment-group/done", "/deployment-group/nope"
	busyHosts := `[{"host":"host1","jobId":"$ROLL","state":null}]`
	idleHosts := `[{"host":"host1","jobId":null,"state":null},{"host":"host2","jobId":null,"state":null}]`
	noGroup := `{"status":"DEPLOYMENT_GROUP_NOT_FOUND","message":"<text>"}`
	noJob := `{"status":"JOB_NOT_FOUND","message":"<text>"}`
	return map[string][]row{
		"GET /deployment-group": {
			{name: "sorted names", method: "GET", target: "/deployment-group/?user=u", status: 200, want: `["busy","done","idle"]`},
			{name: "without a slash", method: "GET", target: "/deployment-group", status: 200, want: `["busy","done","idle"]`},
		},
		"PUT /deployment-group": {
			{name: "wrong method", method: "PUT", target: "/deployment-group/", body: `{}`, status: 405, shows: []string{"Allow: GET, HEAD, OPTIONS, POST"}},
		},
		"POST /deployment-group": {
			{name: "created", method: "POST", target: "/deployment-group/?user=u", body: `{"name":"new","hostSelectors":[{"label":"a","operator":"IN","operand":["x","y"]}]}`, status: 200,
				want: `{"status":"CREATED"}`,
				then: []step{{"GET", "/deployment-group/new", "", 200, `{"name":"new","hostSelectors":[{"label":"a","operator":"IN","operand":["x","y"]}]}`},
					{"POST", "/deployment-group/", `{"name":"new","hostSelectors":[{"label":"a","operator":"IN","operand":["y","x"]}]}`, 200, `{"status":"NOT_MODIFIED"}`}}},
			{name: "in the words of the original's client", method: "POST", target: "/deployment-group/",
				body:   `{"hostSelectors":[{"label":"a","operand":"b","operator":"NOT_EQUALS"}],"name":"new"}`,
				status: 200, want: `{"status":"CREATED"}`},
			{name: "operator in lower case, as the original reads words", method: "POST", target: "/deployment-group/",
				body:   `{"name":"new","hostSelectors":[{"label":"a","operator":"not-equals","operand":"b","nonsense":1}],"nonsense":1}`,
				status: 200, want: `{"status":"CREATED"}`},
			{name: "name with a blank and a letter of another alphabet", method: "POST", target: "/deployment-group", body: `{"name":"my grüp","hostSelectors":[]}`, status: 200, want: `{"status":"CREATED"}`,
				then: []step{{"GET", "/deployment-group/my%20gr%C3%BCp", "", 200, `{"name":"my grüp","hostSelectors":[]}`},
					{"DELETE", "/deployment-group/my%20gr%C3%BCp", "", 200, `{"status":"REMOVED"}`}}},
			{name: "with a job to roll out by itself", method: "POST", target: "/deployment-group",
				body:   `{"name":"new","hostSelectors":[{"label":"no","operator":"EQUALS","operand":"host"}],"jobId":"$FREE","rolloutOptions":` + rolloutOptions + `,"rollingUpdateReason":"HOSTS_CHANGED"}`,
				status: 200, want: `{"status":"CREATED"}`, then: []step{{"GET", "/deployment-group/new", "", 200,
					`{"name":"new","hostSelectors":[{"label":"no","operator":"EQUALS","operand":"host"}],"jobId":"$FREE","rolloutOptions":` + rolloutOptions + `,"rollingUpdateReason":"HOSTS_CHANGED"}`}}},
			{name: "the same again", method: "POST", target: "/deployment-group/", body: idleGroup, status: 200, want: `{"status":"NOT_MODIFIED"}`},
			{name: "other selectors", method: "POST", target: "/deployment-group/", body: strings.Replace(idleGroup, "web", "db", 1), status: 200, want: `{"status":"CONFLICT","message":"<text>"}`},
			{name: "without a name", method: "POST", target: "/deployment-group", body: `{"hostSelectors":[]}`, status: 400, want: someFault},
			{name: "empty name", method: "POST", target: "/deployment-group", body: `{"name":"","hostSelectors":[]}`, status: 400, want: someFault},
			{name: "name that is no segment", method: "POST", target: "/deployment-group", body: `{"name":"a/b","hostSelectors":[]}`, status: 400, want: someFault},
			{name: "name with a control character", method: "POST", target: "/deployment-group", body: `{"name":"a\u0000b","hostSelectors":[]}`, status: 400, want: someFault},
			{name: "null for a selector", method: "POST", target: "/deployment-group", body: `{"name":"new","hostSelectors":[null]}`, status: 400, want: someFault},
			{name: "selector without an operand", method: "POST", target: "/deployment-group", body: `{"name":"new","hostSelectors":[{"label":"a","operator":"EQUALS"}]}`, status: 400, want: someFault},
			{name: "selector without a label", method: "POST", target: "/deployment-group", body: `{"name":"new","hostSelectors":[{"operator":"EQUALS","operand":"a"}]}`, status: 400, want: someFault},
			{name: "number for a name", method: "POST", target: "/deployment-group", body: `{"name":7,"hostSelectors":[]}`, status: 200, want: `{"status":"CREATED"}`,
				then: []step{{"GET", "/deployment-group/7", "", 200, `{"name":"7","hostSelectors":[]}`}}},
			{name: "name that is too long", method: "POST", target: "/deployment-group", body: `{"name":"` + longName + `","hostSelectors":[]}`, status: 400, want: someFault},
			{name: "operand that is a number", method: "POST", target: "/deployment-group", body: `{"name":"new","hostSelectors":[{"label":"a","operator":"EQUALS","operand":5}]}`, status: 200, want: `{"status":"CREATED"}`,
				then: []step{{"GET", "/deployment-group/new", "", 200, `{"name":"new","hostSelectors":[{"label":"a","operator":"EQUALS","operand":"5"}]}`}}},
			{name: "selectors null", method: "POST", target: "/deployment-group", body: `{"name":"new","hostSelectors":null}`, status: 200, want: `{"status":"CREATED"}`,
				then: []step{{"GET", "/deployment-group/new", "", 200, `{"name":"new"}`}}},
			{name: "name of two dots", method: "POST", target: "/deployment-group", body: `{"name":"..","hostSelectors":[]}`, status: 400, want: someFault},
			{name: "operator that is none", method: "POST", target: "/deployment-group", body: `{"name":"new","hostSelectors":[{"label":"a","operator":"LIKE","operand":"b"}]}`, status: 400, want: someFault},
			{name: "operand of the wrong type", method: "POST", target: "/deployment-group", body: `{"name":"new","hostSelectors":[{"label":"a","operator":"EQUALS","operand":{}}]}`, status: 400, want: someFault},
			{name: "selectors of the wrong type", method: "POST", target: "/deployment-group", body: `{"name":"new","hostSelectors":"a=b"}`, status: 400, want: someFault},
			{name: "no body", method: "POST", target: "/deployment-group/", status: 422, want: `{"errors":[]}`},
		},
		"GET /deployment-group/{group}": {
			{name: "never rolled out", method: "GET", target: idle + "?user=u", status: 200, want: idleGroup},
			{name: "rolled out", method: "GET", target: done + "/", status: 200, want: doneGroup},
			{name: "unknown", method: "GET", target: nope, status: 404},
		},
		"DELETE /deployment-group/{group}": {
			{name: "removed", method: "DELETE", target: idle + "?user=u", status: 200, want: `{"status":"REMOVED"}`, then: []step{{"GET", idle, "", 404, ""}}},
			{name: "removed while it rolls out, and its jobs stay", method: "DELETE", target: busy + "/", status: 200, want: `{"status":"REMOVED"}`,
				then: []step{{"GET", busy + "/status", "", 404, ""}, {"GET", "/hosts/host1/jobs/$ROLL", "", 200, rollingJob}}},
			{name: "unknown", method: "DELETE", target: nope, status: 200, want: noGroup},
		},
		"GET /deployment-group/{group}/status": {
			{name: "never rolled out", method: "GET", target: idle + "/status?user=u", status: 200, want: groupStatus(idleGroup, "IDLE", `""`, idleHosts, "null")},
			{name: "rolls out", method: "GET", target: busy + "/status/", status: 200, want: groupStatus(busyGroup, "ROLLING_OUT", "null", busyHosts, `{"state":"ROLLING_OUT","error":null}`)},
			{name: "paused, for which the original has no word", method: "POST", target: "/v1/groups/busy/pause", status: 200, want: `{}`,
				then: []step{{"GET", busy + "/status", "", 200, groupStatus(busyGroup, "ROLLING_OUT", "null", busyHosts, `{"state":"ROLLING_OUT","error":null}`)}}},
			{name: "rolled out", method: "GET", target: done + "/status", status: 200, want: groupStatus(doneGroup, "ACTIVE", "null", "[]", `{"state":"DONE","error":null}`)},
			{name: "unknown", method: "GET", target: nope + "/status", status: 404},
		},
		"POST /deployment-group/{group}/rolling-update": {
			{name: "of no hosts is done at once", method: "POST", target: done + "/rolling-update?user=u", body: `{"job":"$FREE","rolloutOptions":{"parallelism":3}}`, status: 200, want: `{"status":"OK"}`,
				then: []step{{"GET", done + "/status", "", 200, groupStatus(strings.NewReplacer("$ROLL", "$FREE", `"timeout":10,"parallelism":2,"migrate":true,"overlap":true,"token":"t","ignoreFailures":true`,
					`"timeout":300,"parallelism":3,"migrate":false,"overlap":false,"token":"","ignoreFailures":false`).Replace(doneGroup), "ACTIVE", "null", "[]", `{"state":"DONE","error":null}`)}}},
			{name: "in the words of the original's client", method: "POST", target: done + "/rolling-update",
				body:   `{"job":"$FREE","rolloutOptions":{"ignoreFailures":null,"migrate":null,"overlap":null,"parallelism":null,"timeout":null,"token":null}}`,
				status: 200, want: `{"status":"OK"}`},
			{name: "options of the job where the request has none", method: "POST", target: done + "/rolling-update", body: `{"job":"$FULL","rolloutOptions":{"timeout":7,"token":""}}`, status: 200, want: `{"status":"OK"}`,
				then: []step{{"GET", done, "", 200, strings.NewReplacer("$ROLL", "$FULL", `"timeout":10,"parallelism":2,"migrate":true,"overlap":true,"token":"t","ignoreFailures":true`,
					`"timeout":7,"parallelism":2,"migrate":false,"overlap":false,"token":"","ignoreFailures":false`).Replace(doneGroup)}}},
			{name: "values as texts", method: "POST", target: done + "/rolling-update", body: `{"job":"$FREE","rolloutOptions":{"timeout":"20","parallelism":"4","migrate":"true"}}`, status: 200, want: `{"status":"OK"}`},
			{name: "members that are not known", method: "POST", target: done + "/rolling-update/", body: `{"job":"$FREE","rolloutOptions":{"parallalism":4},"nonsense":1}`, status: 200, want: `{"status":"OK"}`},
			{name: "without options", method: "POST", target: done + "/rolling-update", body: `{"job":"$FREE"}`, status: 200, want: `{"status":"OK"}`},
			{name: "options null", method: "POST", target: done + "/rolling-update", body: `{"job":"$FREE","rolloutOptions":null}`, status: 200, want: `{"status":"OK"}`},
			{name: "in place of one that goes on", method: "POST", target: busy + "/rolling-update", body: `{"job":"$ROLL","rolloutOptions":{}}`, status: 200, want: `{"status":"OK"}`},
			{name: "unknown group comes before the job", method: "POST", target: nope + "/rolling-update", body: `{"job":"$UNKNOWN","rolloutOptions":{}}`, status: 200, want: noGroup},
			{name: "unknown job", method: "POST", target: idle + "/rolling-update", body: `{"job":"$UNKNOWN","rolloutOptions":{}}`, status: 200, want: noJob},
			{name: "short id", method: "POST", target: idle + "/rolling-update", body: `{"job":"free:1","rolloutOptions":{}}`, status: 200, want: noJob},
			{name: "without a job", method: "POST", target: idle + "/rolling-update", body: `{"rolloutOptions":{}}`, status: 400, want: someFault},
			{name: "job under the key of other bodies", method: "POST", target: idle + "/rolling-update", body: `{"jobId":"$FREE","rolloutOptions":{}}`, status: 400, want: someFault},
			{name: "no id at all", method: "POST", target: idle + "/rolling-update", body: `{"job":"free","rolloutOptions":{}}`, status: 400, want: someFault},
			{name: "id that is too long", method: "POST", target: idle + "/rolling-update", body: `{"job":"` + longName + `:1","rolloutOptions":{}}`, status: 400, want: someFault},
			{name: "parallelism zero", method: "POST", target: idle + "/rolling-update", body: `{"job":"$FREE","rolloutOptions":{"parallelism":0}}`, status: 400, want: someFault},
			{name: "negative timeout", method: "POST", target: idle + "/rolling-update", body: `{"job":"$FREE","rolloutOptions":{"timeout":-1}}`, status: 400, want: someFault},
			{name: "parallelism that is no number", method: "POST", target: idle + "/rolling-update", body: `{"job":"$FREE","rolloutOptions":{"parallelism":"many"}}`, status: 400, want: someFault},
			{name: "no body", method: "POST", target: idle + "/rolling-update", status: 422, want: `{"errors":[]}`},
		},
		"POST /deployment-group/{group}/stop": {
			{name: "while it rolls out", method: "POST", target: busy + "/stop?user=u", status: 204, lacks: []string{"Content-Type"},
				then: []step{{"GET", busy + "/status", "", 200, groupStatus(busyGroup, "FAILED", `"Stopped by user"`, busyHosts, `{"state":"FAILED","error":"Stopped by user"}`)}}},
			{name: "without a content length, as a POST of Java without a body may be", method: "POST", target: busy + "/stop", headers: []string{"Content-Length:"}, status: 204},
			{name: "that never rolled out", method: "POST", target: idle + "/stop/", status: 204,
				then: []step{{"GET", idle + "/status", "", 200, groupStatus(idleGroup, "FAILED", `"Stopped by user"`, idleHosts, `{"state":"FAILED","error":"Stopped by user"}`)}}},
			{name: "with a body that nobody asked for", method: "POST", target: busy + "/stop", body: `{}`, status: 204},
			{name: "unknown", method: "POST", target: nope + "/stop", status: 404},
		},
		"GET /deployment-group/{group}/stop": {
			{name: "wrong method", method: "GET", target: busy + "/stop", status: 405, shows: []string{"Allow: OPTIONS, POST"}},
		},
	}
}
