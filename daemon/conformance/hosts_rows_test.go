package conformance_test

import (
	"fmt"
	"strings"
)

func hostRows() map[string][]row {
	unknownHost := `{"status":"NOT_FOUND","host":"nope","message":"<text>"}`
	host2 := `{"status":"UP","jobs":{},"statuses":{},"hostInfo":` + hostInfo + `,"agentInfo":` + agentNow + `,"environment":{},"labels":{"role":"web"}}`
	names := func(parameter string) string { return "/hosts/?namePattern=" + parameter }
	return map[string][]row{
		"GET /hosts": {
			{name: "every host", method: "GET", target: "/hosts/?user=u", status: 200, want: `["host1","host2","new1","was1"]`},
			{name: "without a slash", method: "GET", target: "/hosts", status: 200, want: `["host1","host2","new1","was1"]`},
			{name: "namePattern matches anywhere", method: "GET", target: names("st2"), status: 200, want: `["host2"]`},
			{name: "namePattern with anchors", method: "GET", target: names("%5Eost2$"), status: 200, want: `[]`},
			{name: "empty namePattern is none", method: "GET", target: names(""), status: 200, want: `["host1","host2","new1","was1"]`},
			{name: "nothing matches", method: "GET", target: names("zz"), status: 200, want: `[]`},
			{name: "namePattern with a semicolon", method: "GET", target: names("a;b"), status: 200, want: `[]`},
			{name: "namePattern with a bad escape", method: "GET", target: names("%zz"), status: 400, want: someFault},
			{name: "named group", method: "GET", target: names("(?%3Cn%3Eh)ost"), status: 200, want: `["host1","host2"]`},
			{name: "quotation", method: "GET", target: names("%5CQhost1%5CE"), status: 200, want: `["host1"]`},
			{name: "POSIX class", method: "GET", target: names("%5E%5Cp%7BLower%7D%2B%5Cp%7BDigit%7D$"), status: 200, want: `["host1","host2","new1","was1"]`},
			{name: "horizontal blank", method: "GET", target: names("%5Eh%5Ch%3Fost1"), status: 200, want: `["host1"]`},
			{name: "intersection of classes", method: "GET", target: names("%5E[a-z%26%26[%5Eh]]"), status: 200, want: `["new1","was1"]`},
			{name: "lookahead", method: "GET", target: names("host(%3F%3D1)"), status: 400, want: someFault},
			{name: "lookbehind", method: "GET", target: names("(%3F%3C!o)st"), status: 400, want: someFault},
			{name: "back reference", method: "GET", target: names("(h).*%5C1"), status: 400, want: someFault},
			{name: "possessive quantifier", method: "GET", target: names("h%2B%2B"), status: 400, want: someFault},
			{name: "bad namePattern", method: "GET", target: names("["), status: 400, want: someFault},
			{name: "selector", method: "GET", target: "/hosts/?selector=role%3Dweb&user=u", status: 200, want: `["host1","host2","was1"]`},
			{name: "selectors must all match", method: "GET", target: "/hosts/?selector=role%3Dweb&selector=rack+in+(a,+b)", status: 200, want: `["host1"]`},
			{name: "selector with a namePattern", method: "GET", target: "/hosts/?selector=role%3Dweb&namePattern=was", status: 200, want: `["was1"]`},
			{name: "host without the label matches nothing", method: "GET", target: "/hosts/?selector=rack!%3Db", status: 200, want: `["host1"]`},
			{name: "notin", method: "GET", target: "/hosts/?selector=rack+notin+(a)", status: 200, want: `[]`},
			{name: "bad selector", method: "GET", target: "/hosts/?selector=a%3D%3Db", status: 400, want: "text:Invalid host selector: a==b"},
			{name: "empty selector", method: "GET", target: "/hosts/?selector=", status: 400, want: "text:Invalid host selector: "},
			{name: "selector with a semicolon", method: "GET", target: "/hosts/?selector=a;b", status: 400, want: "text:Invalid host selector: a;b"},
		},
		"POST /hosts": {
			{name: "wrong method", method: "POST", target: "/hosts", body: `[]`, status: 405, shows: []string{"Allow: GET, HEAD, OPTIONS"}},
		},
		"PUT /hosts/{host}": {
			{name: "registered", method: "PUT", target: "/hosts/new2?id=abc&user=u", status: 200, want: `"OK"`,
				then: []step{{"GET", "/hosts/new2/status", "", 200, new1Status}}},
			{name: "trailing slash", method: "PUT", target: "/hosts/new2/?id=abc", status: 200, want: `"OK"`},
			{name: "id with every sign", method: "PUT", target: "/hosts/new2?id=a;b%2Bc", status: 200, want: `"OK"`},
			{name: "name with a blank, escaped twice as clients do", method: "PUT", target: "/hosts/we%2520b?id=abc", status: 200, want: `"OK"`,
				then: []step{{"GET", "/hosts/we%2520b/status", "", 200, new1Status}, {"GET", "/hosts/?namePattern=we", "", 200, `["we%20b"]`}}},
			{name: "name with a slash, escaped twice as clients do", method: "PUT", target: "/hosts/we%252Fb?id=abc", status: 200, want: `"OK"`,
				then: []step{{"GET", "/hosts/?namePattern=we", "", 200, `["we%2Fb"]`},
					{"PUT", "/hosts/we%252Fb/jobs/$FREE", `{"jobId":"$FREE","goal":"START"}`, 200, changed("$FREE", "we%2Fb")},
					{"GET", "/hosts/we%252Fb/jobs/$FREE", "", 200, `{"jobId":"$FREE","goal":"START","deployerUser":null}`},
					{"DELETE", "/hosts/we%252Fb", "", 200, `{"status":"OK","host":"we%2Fb"}`}}},
			{name: "again with its id", method: "PUT", target: "/hosts/new1?id=new", status: 200, want: `"OK"`},
			{name: "without an id", method: "PUT", target: "/hosts/new2", status: 400, want: `{"status":"INVALID_ID","host":"new2","message":"<text>"}`},
			{name: "with an empty id", method: "PUT", target: "/hosts/new2?id=", status: 400, want: `{"status":"INVALID_ID","host":"new2","message":"<text>"}`},
			{name: "with another id", method: "PUT", target: "/hosts/new1?id=other", status: 409,
				want: `{"status":"HOST_CONFLICT","host":"new1","message":"<text>"}`},
			{name: "name that is no segment", method: "PUT", target: "/hosts/we%2Fb?id=abc", status: 400, want: someFault},
			{name: "name that is not UTF-8", method: "PUT", target: "/hosts/we%FFb?id=abc", status: 400, want: someFault},
			{name: "name with a control character", method: "PUT", target: "/hosts/we%00b?id=abc", status: 400, want: someFault},
			{name: "name that is too long", method: "PUT", target: "/hosts/" + longName[:256] + "?id=abc", status: 400, want: someFault},
			{name: "name as long as it may be", method: "PUT", target: "/hosts/" + longName[:255] + "?id=abc", status: 200, want: `"OK"`},
			{name: "name that is too long for a request", method: "PUT", target: "/hosts/" + longName[:9000] + "?id=abc", status: 414, want: tooLarge},
			{name: "id that is too long for a request", method: "PUT", target: "/hosts/new2?id=" + longName[:9000], status: 414, want: tooLarge},
			{name: "name of two dots", method: "PUT", target: "/hosts/%2E%2E?id=abc", status: 400, want: someFault},
			{name: "id that is not UTF-8", method: "PUT", target: "/hosts/new2?id=%FF", status: 400, want: someFault},
		},
		"DELETE /hosts/{host}": {
			{name: "with everything on it", method: "DELETE", target: "/hosts/host1?user=u", status: 200, want: `{"status":"OK","host":"host1"}`,
				then: []step{{"GET", "/hosts/host1/status", "", 404, ""}, {"GET", "/jobs/$WEB/status", "", 200, `{"job":` + webJob + `,"taskStatuses":{},"deployments":{}}`},
					{"DELETE", "/jobs/$WEB", "", 200, `{"status":"OK"}`}}},
			{name: "that was never there", method: "DELETE", target: "/hosts/new1/", status: 200, want: `{"status":"OK","host":"new1"}`,
				then: []step{{"DELETE", "/hosts/new1", "", 404, strings.Replace(unknownHost, "nope", "new1", 1)}}},
			{name: "unknown", method: "DELETE", target: "/hosts/nope", status: 404, want: unknownHost},
		},
		"GET /hosts/{host}": {
			{name: "wrong method", method: "GET", target: "/hosts/host1", status: 405, shows: []string{"Allow: DELETE, OPTIONS, PUT"}},
		},
		"GET /hosts/{host}/status": {
			{name: "everything", method: "GET", target: "/hosts/host1/status?user=u", status: 200, want: host1Status},
			{name: "of a host that was never there", method: "GET", target: "/hosts/new1/status/", status: 200, want: new1Status},
			{name: "of the wanted liveness", method: "GET", target: "/hosts/host1/status?status=UP", status: 200, want: host1Status},
			{name: "DOWN", method: "GET", target: "/hosts/new1/status?status=DOWN", status: 200, want: new1Status},
			{name: "empty liveness is any", method: "GET", target: "/hosts/host2/status?status=", status: 200, want: host2},
			{name: "of another liveness", method: "GET", target: "/hosts/host1/status?status=DOWN", status: 404},
			{name: "liveness is upper case", method: "GET", target: "/hosts/host1/status?status=up", status: 404},
			{name: "liveness with a semicolon", method: "GET", target: "/hosts/host1/status?status=UP;", status: 404},
			{name: "unknown", method: "GET", target: "/hosts/nope/status", status: 404},
			{name: "undeployed and not yet stopped", method: "DELETE", target: "/hosts/host1/jobs/$WEB", status: 200, want: `{"status":"OK","job":"$WEB","host":"host1"}`,
				then: []step{{"GET", "/hosts/host1/status", "", 200, strings.Replace(host1Status, `"$WEB":`+webDeployment+`,`, "", 1)},
					{"GET", "/jobs/$WEB/status", "", 200, `{"job":` + webJob + `,"taskStatuses":{},"deployments":{}}`}}},
		},
		"POST /hosts/statuses": {
			{name: "some", method: "POST", target: "/hosts/statuses?user=u", body: `["host1","new1","nope"]`, status: 200,
				want: `{"host1":` + host1Status + `,"new1":` + new1Status + `}`},
			{name: "of a liveness", method: "POST", target: "/hosts/statuses/?status=DOWN", body: `["host1","new1"]`, status: 200, want: `{"new1":` + new1Status + `}`},
			{name: "of no such liveness", method: "POST", target: "/hosts/statuses?status=down", body: `["host1","new1"]`, status: 200, want: `{}`},
			{name: "empty liveness is any", method: "POST", target: "/hosts/statuses?status=", body: `["new1"]`, status: 200, want: `{"new1":` + new1Status + `}`},
			{name: "none", method: "POST", target: "/hosts/statuses", body: `[]`, status: 200, want: `{}`},
			{name: "10,000 names", method: "POST", target: "/hosts/statuses", body: manyHosts(10_000, "new1"), status: 200, want: `{"new1":` + new1Status + `}`},
			{name: "no list", method: "POST", target: "/hosts/statuses", body: `{"host1":1}`, status: 400, want: someFault},
			{name: "list in a list", method: "POST", target: "/hosts/statuses", body: `[["host1"]]`, status: 400, want: someFault},
			{name: "null for a name", method: "POST", target: "/hosts/statuses", body: `[null]`, status: 400, want: someFault},
			{name: "text that is not UTF-8", method: "POST", target: "/hosts/statuses", body: "[\"\xff\"]", status: 400, want: someFault},
			{name: "no body", method: "POST", target: "/hosts/statuses", status: 422, want: `{"errors":[]}`},
			{name: "null", method: "POST", target: "/hosts/statuses", body: `null`, status: 422, want: `{"errors":[]}`},
		},
	}
}

func manyHosts(n int, last string) string {
	names := make([]string, 0, n+1)
	for i := range n {
		names = append(names, fmt.Sprintf(`"host-%05d.example.net"`, i))
	}
	return "[" + strings.Join(append(names, `"`+last+`"`), ",") + "]"
}
