package conformance_test

import "strings"

// changed is the answer to a change of a deployment, and refusedChange one that says no.
func changed(job, host string) string {
	return `{"status":"OK","job":"` + job + `","host":"` + host + `"}`
}

func refusedChange(status, job, host string) string {
	return `{"status":"` + status + `","job":"` + job + `","host":"` + host + `","message":"<text>"}`
}

func deploymentRows() map[string][]row {
	start := func(job string) string {
		return `{"jobId":"` + job + `","goal":"START","deployerUser":null,"deployerMaster":null,"deploymentGroupName":null}`
	}
	deployed := func(job, goal, user string) string {
		return `{"jobId":"` + job + `","goal":"` + goal + `","deployerUser":` + user + `}`
	}
	const free, safe, web = "/hosts/host2/jobs/$FREE", "/hosts/host2/jobs/$SAFE", "/hosts/host1/jobs/$WEB"
	return map[string][]row{
		"GET /hosts/{host}/jobs/{job}": {
			{name: "deployed", method: "GET", target: web + "?user=u", status: 200, want: webDeployment},
			{name: "deployed by a group", method: "GET", target: "/hosts/host1/jobs/$ROLL/", status: 200, want: rollingJob},
			{name: "not a full id", method: "GET", target: "/hosts/host1/jobs/web:1", status: 400, lacks: []string{"Content-Type"}},
			{name: "no id at all", method: "GET", target: "/hosts/host1/jobs/a:b:c:d", status: 404},
			{name: "not deployed", method: "GET", target: free, status: 404},
			{name: "unknown job", method: "GET", target: "/hosts/host1/jobs/$UNKNOWN", status: 404},
			{name: "unknown host", method: "GET", target: "/hosts/nope/jobs/$WEB", status: 404},
		},
		"POST /hosts/{host}/jobs/{job}": {
			{name: "wrong method", method: "POST", target: web, body: `{}`, status: 405, shows: []string{"Allow: DELETE, GET, HEAD, OPTIONS, PATCH, PUT"}},
		},
		"PUT /hosts/{host}/jobs/{job}": {
			{name: "recorded", method: "PUT", target: free + "?user=bob&token=", body: start("$FREE"), status: 200, want: changed("$FREE", "host2"),
				then: []step{{"GET", free, "", 200, deployed("$FREE", "START", `"bob"`)}}},
			{name: "who, by which master and for which group is not the client's to say", method: "PUT", target: free + "?user=bob",
				body:   `{"jobId":"$FREE","goal":"START","deployerUser":"mallory","deployerMaster":"evil","deploymentGroupName":"busy"}`,
				status: 200, want: changed("$FREE", "host2"), then: []step{{"GET", free, "", 200, deployed("$FREE", "START", `"bob"`)}}},
			{name: "without a user", method: "PUT", target: free, body: start("$FREE"), status: 200, want: changed("$FREE", "host2"),
				then: []step{{"GET", free, "", 200, deployed("$FREE", "START", "null")}}},
			{name: "to a host that is DOWN", method: "PUT", target: "/hosts/new1/jobs/$FREE/", body: start("$FREE"), status: 200, want: changed("$FREE", "new1")},
			{name: "goal STOP", method: "PUT", target: free, body: `{"jobId":"$FREE","goal":"STOP"}`, status: 200, want: changed("$FREE", "host2"),
				then: []step{{"GET", free, "", 200, deployed("$FREE", "STOP", "null")}}},
			{name: "goal UNDEPLOY", method: "PUT", target: free, body: `{"jobId":"$FREE","goal":"UNDEPLOY"}`, status: 200, want: changed("$FREE", "host2"),
				then: []step{{"GET", free, "", 200, deployed("$FREE", "UNDEPLOY", "null")}}},
			{name: "goal in lower case, as the original reads words", method: "PUT", target: free, body: `{"jobId":"$FREE","goal":" start "}`, status: 200, want: changed("$FREE", "host2")},
			{name: "goal with blanks within, as the original reads words", method: "PUT", target: free, body: `{"jobId":"$FREE","goal":"st\ta rt"}`, status: 200, want: changed("$FREE", "host2")},
			{name: "goal as a number", method: "PUT", target: free, body: `{"jobId":"$FREE","goal":0}`, status: 400, want: someFault},
			{name: "empty goal", method: "PUT", target: free, body: `{"jobId":"$FREE","goal":""}`, status: 400, want: someFault},
			{name: "goal null", method: "PUT", target: free, body: `{"jobId":"$FREE","goal":null}`, status: 400, want: someFault},
			{name: "jobId null and job", method: "PUT", target: free, body: `{"job":"$FREE","jobId":null,"goal":"START"}`, status: 200, want: changed("$FREE", "host2")},
			{name: "key job", method: "PUT", target: free, body: `{"job":"$FREE","goal":"START"}`, status: 200, want: changed("$FREE", "host2")},
			{name: "key jobId counts more than job", method: "PUT", target: free, body: `{"jobId":"$FREE","job":"$UNKNOWN","goal":"START"}`, status: 200, want: changed("$FREE", "host2")},
			{name: "body counts and path is echoed", method: "PUT", target: "/hosts/host2/jobs/$UNKNOWN", body: start("$FREE"), status: 200, want: changed("$UNKNOWN", "host2"),
				then: []step{{"GET", free, "", 200, deployed("$FREE", "START", "null")}}},
			{name: "with its token", method: "PUT", target: safe + "?" + secretParameter, body: start("$SAFE"), status: 200, want: changed("$SAFE", "host2")},
			{name: "same port of another protocol on another host", method: "PUT", target: free, body: start("$FREE"), status: 200, want: changed("$FREE", "host2"),
				then: []step{{"PUT", "/hosts/host2/jobs/$WEB", start("$WEB"), 400, refusedChange("PORT_CONFLICT", "$WEB", "host2")}}},
			{name: "port taken, whatever the protocol and the goal", method: "PUT", target: "/hosts/host1/jobs/$FREE", body: `{"jobId":"$FREE","goal":"STOP"}`, status: 400,
				want: refusedChange("PORT_CONFLICT", "$FREE", "host1")},
			{name: "deployed already", method: "PUT", target: web, body: `{"jobId":"$WEB","goal":"STOP"}`, status: 400, want: refusedChange("JOB_ALREADY_DEPLOYED", "$WEB", "host1")},
			{name: "name only", method: "PUT", target: "/hosts/host2/jobs/free", body: start("$FREE"), status: 400, want: refusedChange("INVALID_ID", "free:null", "host2")},
			{name: "not a full id", method: "PUT", target: "/hosts/host2/jobs/free:1", body: start("$FREE"), status: 400, want: refusedChange("INVALID_ID", "free:1", "host2")},
			{name: "no id at all", method: "PUT", target: "/hosts/host2/jobs/a:b:c:d", body: start("$FREE"), status: 404},
			{name: "unknown job on an unknown host", method: "PUT", target: "/hosts/nope/jobs/$UNKNOWN", body: start("$UNKNOWN"), status: 400,
				want: refusedChange("JOB_NOT_FOUND", "$UNKNOWN", "nope")},
			{name: "unknown host", method: "PUT", target: "/hosts/nope/jobs/$FREE", body: start("$FREE"), status: 400, want: refusedChange("HOST_NOT_FOUND", "$FREE", "nope")},
			{name: "host that is no segment", method: "PUT", target: "/hosts/a%2Fb/jobs/$FREE", body: start("$FREE"), status: 400, want: refusedChange("HOST_NOT_FOUND", "$FREE", "a/b")},
			{name: "token comes before the host", method: "PUT", target: "/hosts/nope/jobs/$SAFE", body: start("$SAFE"), status: 403, want: refusedChange("FORBIDDEN", "$SAFE", "nope")},
			{name: "wrong token", method: "PUT", target: safe + "?token=s+e&c/r%25t", body: start("$SAFE"), status: 403, want: refusedChange("FORBIDDEN", "$SAFE", "host2")},
			{name: "token of a job that has none", method: "PUT", target: free + "?token=x", body: start("$FREE"), status: 403, want: refusedChange("FORBIDDEN", "$FREE", "host2")},
			{name: "token with a bad escape", method: "PUT", target: free + "?token=%zz", body: start("$FREE"), status: 400, want: someFault},
			{name: "short id in the body", method: "PUT", target: free, body: start("free:1"), status: 400, want: refusedChange("JOB_NOT_FOUND", "$FREE", "host2")},
			{name: "no id in the body", method: "PUT", target: free, body: start("free"), status: 400, want: someFault},
			{name: "id in the body that is too long", method: "PUT", target: free, body: start(longName + ":1"), status: 400, want: someFault},
			{name: "without a goal", method: "PUT", target: free, body: `{"jobId":"$FREE"}`, status: 400, want: someFault},
			{name: "goal that is none", method: "PUT", target: free, body: `{"jobId":"$FREE","goal":"RUN"}`, status: 400, want: someFault},
			{name: "without a job", method: "PUT", target: free, body: `{"goal":"START"}`, status: 400, want: someFault},
			{name: "list for an object", method: "PUT", target: free, body: `[]`, status: 400, want: someFault},
			{name: "no body", method: "PUT", target: free, status: 422, want: `{"errors":[]}`},
		},
		"PATCH /hosts/{host}/jobs/{job}": {
			{name: "stopped and kept", method: "PATCH", target: web + "?user=bob", body: `{"jobId":"$WEB","goal":"STOP","deployerUser":"mallory"}`, status: 200, want: changed("$WEB", "host1"),
				then: []step{{"GET", web, "", 200, strings.Replace(webDeployment, "START", "STOP", 1)},
					{"PUT", "/hosts/host1/jobs/$FREE", start("$FREE"), 400, refusedChange("PORT_CONFLICT", "$FREE", "host1")},
					{"PATCH", web, `{"jobId":"$WEB","goal":"START"}`, 200, changed("$WEB", "host1")}, {"GET", web, "", 200, webDeployment}}},
			{name: "deployment of a group stays its own", method: "PATCH", target: "/hosts/host1/jobs/$ROLL/", body: `{"job":"$ROLL","goal":"STOP"}`, status: 200, want: changed("$ROLL", "host1"),
				then: []step{{"GET", "/hosts/host1/jobs/$ROLL", "", 200, strings.Replace(rollingJob, "START", "STOP", 1)}}},
			{name: "another job in the body", method: "PATCH", target: web, body: `{"jobId":"$FREE","goal":"STOP"}`, status: 400, want: refusedChange("ID_MISMATCH", "$WEB", "host1")},
			{name: "short id in both", method: "PATCH", target: "/hosts/host1/jobs/web:1", body: `{"jobId":"web:1","goal":"STOP"}`, status: 404,
				want: refusedChange("JOB_NOT_DEPLOYED", "web:1", "host1")},
			{name: "short id in the path", method: "PATCH", target: "/hosts/host1/jobs/web:1", body: `{"jobId":"$WEB","goal":"STOP"}`, status: 400,
				want: refusedChange("ID_MISMATCH", "web:1", "host1")},
			{name: "unknown job", method: "PATCH", target: "/hosts/nope/jobs/$UNKNOWN", body: `{"jobId":"$UNKNOWN","goal":"STOP"}`, status: 404,
				want: refusedChange("JOB_NOT_DEPLOYED", "$UNKNOWN", "nope")},
			{name: "token comes before the host", method: "PATCH", target: "/hosts/nope/jobs/$SAFE", body: `{"jobId":"$SAFE","goal":"STOP"}`, status: 403, want: refusedChange("FORBIDDEN", "$SAFE", "nope")},
			{name: "token of a job that has none", method: "PATCH", target: web + "?token=x", body: `{"jobId":"$WEB","goal":"STOP"}`, status: 403, want: refusedChange("FORBIDDEN", "$WEB", "host1")},
			{name: "unknown host", method: "PATCH", target: "/hosts/nope/jobs/$WEB", body: `{"jobId":"$WEB","goal":"STOP"}`, status: 404, want: refusedChange("HOST_NOT_FOUND", "$WEB", "nope")},
			{name: "not deployed", method: "PATCH", target: free, body: `{"jobId":"$FREE","goal":"STOP"}`, status: 404, want: refusedChange("JOB_NOT_DEPLOYED", "$FREE", "host2")},
			{name: "with its token and not deployed", method: "PATCH", target: safe + "?" + secretParameter, body: `{"jobId":"$SAFE","goal":"STOP"}`, status: 404,
				want: refusedChange("JOB_NOT_DEPLOYED", "$SAFE", "host2")},
			{name: "no id at all", method: "PATCH", target: "/hosts/host1/jobs/a:b:c:d", body: `{"jobId":"$WEB","goal":"STOP"}`, status: 404},
			{name: "without a goal", method: "PATCH", target: web, body: `{"jobId":"$WEB"}`, status: 400, want: someFault},
			{name: "id in the body that is too long", method: "PATCH", target: web, body: `{"jobId":"` + longName + `:1","goal":"STOP"}`, status: 400, want: someFault},
			{name: "without a job", method: "PATCH", target: web, body: `{"goal":"STOP"}`, status: 400, want: someFault},
			{name: "no body", method: "PATCH", target: web, status: 422, want: `{"errors":[]}`},
		},
		"DELETE /hosts/{host}/jobs/{job}": {
			{name: "gone at once", method: "DELETE", target: web + "?user=u&token=", status: 200, want: changed("$WEB", "host1"),
				then: []step{{"GET", web, "", 404, ""}, {"DELETE", web, "", 404, refusedChange("JOB_NOT_FOUND", "$WEB", "host1")},
					{"PUT", "/hosts/host1/jobs/$FREE", start("$FREE"), 200, changed("$FREE", "host1")}}},
			{name: "trailing slash", method: "DELETE", target: web + "/", status: 200, want: changed("$WEB", "host1")},
			{name: "not a full id", method: "DELETE", target: "/hosts/nope/jobs/web:1", status: 400, want: refusedChange("INVALID_ID", "web:1", "nope")},
			{name: "no id at all", method: "DELETE", target: "/hosts/host1/jobs/a:b:c:d", status: 404},
			{name: "unknown host comes before the job", method: "DELETE", target: "/hosts/nope/jobs/$UNKNOWN", status: 404, want: refusedChange("HOST_NOT_FOUND", "$UNKNOWN", "nope")},
			{name: "not deployed comes before the token", method: "DELETE", target: safe + "?token=x", status: 404, want: refusedChange("JOB_NOT_FOUND", "$SAFE", "host2")},
			{name: "unknown job", method: "DELETE", target: "/hosts/host1/jobs/$UNKNOWN", status: 404, want: refusedChange("JOB_NOT_FOUND", "$UNKNOWN", "host1")},
			{name: "token of a job that has none", method: "DELETE", target: web + "?token=x", status: 403, want: refusedChange("FORBIDDEN", "$WEB", "host1")},
			{name: "with its token", method: "PUT", target: safe + "?" + secretParameter, body: start("$SAFE"), status: 200, want: changed("$SAFE", "host2"),
				then: []step{{"DELETE", safe, "", 403, refusedChange("FORBIDDEN", "$SAFE", "host2")}, {"DELETE", safe + "?token=s%2Be", "", 403, refusedChange("FORBIDDEN", "$SAFE", "host2")},
					{"PATCH", safe, `{"jobId":"$SAFE","goal":"STOP"}`, 403, refusedChange("FORBIDDEN", "$SAFE", "host2")},
					{"PATCH", safe + "?" + secretParameter, `{"jobId":"$SAFE","goal":"STOP"}`, 200, changed("$SAFE", "host2")},
					{"DELETE", safe + "?" + secretParameter, "", 200, changed("$SAFE", "host2")}}},
		},
	}
}
