package conformance_test

import "github.com/heliosctl/heliosctl/model"

func otherRows() map[string][]row {
	event := func(at, state, containerID, rest string) string {
		return `{"status":{"job":` + webJob + `,"goal":"START","state":"` + state + `","containerId":` + containerID + `,"throttled":"NO",` + rest +
			`,"containerError":""},"timestamp":` + at + `,"host":"host1"}`
	}
	events := `{"events":[` + event("1500000000001", "PULLING_IMAGE", "null", `"ports":{},"env":{}`) + `,` + event("1500000000002", "CREATING", "null", `"ports":{},"env":{}`) + `,` +
		event("1500000000003", "RUNNING", `"5a31d4"`, `"ports":`+portTCP+`,"env":{"MODE":"prod"}`) + `],"status":"OK"}`
	version := func(name, header string, status int, word string) row {
		r := row{name: name, method: "GET", target: "/masters/", headers: []string{"Helios-Version:" + header}, status: status,
			shows: []string{"Helios-Version-Status: " + word}, want: "$MASTERS"}
		switch status {
		case 400:
			r.want = `{"code":"INVALID","message":"<text>"}`
		case 426:
			r.want = `{"code":"INCOMPATIBLE","message":"<text>"}`
		}
		return r
	}
	checked := func(status string) string {
		return `{"status":"` + status + `","serverVersion":{"major":0,"minor":10,"patch":0,"snapshot":false},"recommendedVersion":"` + model.ServerVersion + `"}`
	}
	return map[string][]row{
		"GET /history/jobs/{job}": {
			{name: "oldest first", method: "GET", target: "/history/jobs/$WEB?user=u", status: 200, want: events},
			{name: "trailing slash", method: "GET", target: "/history/jobs/$WEB/", status: 200, want: events},
			{name: "without any", method: "GET", target: "/history/jobs/$FREE", status: 200, want: `{"events":[],"status":"OK"}`},
			{name: "unknown", method: "GET", target: "/history/jobs/$UNKNOWN", status: 200, want: `{"events":[],"status":"JOB_ID_NOT_FOUND"}`},
			{name: "not a full id", method: "GET", target: "/history/jobs/web:1", status: 400, want: "text:Invalid id"},
			{name: "no id at all", method: "GET", target: "/history/jobs/a:b:c:d", status: 404},
		},
		"DELETE /history/jobs/{job}": {
			{name: "wrong method", method: "DELETE", target: "/history/jobs/$WEB", status: 405, shows: []string{"Allow: GET, HEAD, OPTIONS"}},
		},
		"GET /masters": {
			{name: "names", method: "GET", target: "/masters/?user=u", status: 200, want: "$MASTERS"},
			{name: "without a slash", method: "GET", target: "/masters", status: 200, want: "$MASTERS"},
			version("no version", "", 200, "MISSING"),
			version("same version", " "+model.ServerVersion, 200, "EQUAL"),
			version("same version, not yet released", " "+model.ServerVersion+"-SNAPSHOT", 200, "COMPATIBLE"),
			version("older minor version", " 0.8.0", 200, "COMPATIBLE"),
			version("newer patch", " 0.10.99", 200, "COMPATIBLE"),
			version("newer minor version", " 0.11.0", 200, "MAYBE"),
			version("another major version", " 1.0.0", 426, "INCOMPATIBLE"),
			version("two numbers", " 1.2", 400, "INVALID"),
			version("four numbers", " 1.2.3.4", 400, "INVALID"),
			version("letters", " x.y.z", 400, "INVALID"),
			version("another suffix", " 0.9.1-rc1", 400, "INVALID"),
			version("a word", " deadbeef", 400, "INVALID"),
			version("suffix in lower case", " 0.9.1-snapshot", 400, "INVALID"),
			version("number below zero", " 0.9.-1", 400, "INVALID"),
			version("number with a sign", " +0.9.1", 400, "INVALID"),
			version("number that is too large", " 0.9.99999999999", 400, "INVALID"),
			{name: "an unreadable version at an unknown path", method: "GET", target: "/nothing", headers: []string{"Helios-Version: x"}, status: 400,
				shows: []string{"Helios-Version-Status: INVALID"}, want: `{"code":"INVALID","message":"<text>"}`},
			{name: "an incompatible change changes nothing", method: "DELETE", target: "/jobs/$FREE", headers: []string{"Helios-Version: 9.0.0"}, status: 426,
				shows: []string{"Helios-Version-Status: INCOMPATIBLE"}, want: `{"code":"INCOMPATIBLE","message":"<text>"}`},
		},
		"GET /version": {
			{name: "quoted text", method: "GET", target: "/version/?user=u", status: 200, want: `text:"` + model.ServerVersion + `"`, shows: []string{"Content-Type: text/plain"}},
			{name: "without a slash", method: "GET", target: "/version", status: 200, want: `text:"` + model.ServerVersion + `"`, shows: []string{"Content-Type: text/plain"}},
		},
		"GET /version/check": {
			{name: "equal", method: "GET", target: "/version/check?client=" + model.ServerVersion + "&user=u", status: 200, want: checked("EQUAL")},
			{name: "compatible", method: "GET", target: "/version/check/?client=0.9.283", status: 200, want: checked("COMPATIBLE")},
			{name: "newer minor version", method: "GET", target: "/version/check?client=0.99.0", status: 200, want: checked("MAYBE")},
			{name: "another major version", method: "GET", target: "/version/check?client=1.0.0-SNAPSHOT", status: 200, want: checked("INCOMPATIBLE")},
			{name: "no version", method: "GET", target: "/version/check", status: 200, want: checked("MISSING")},
			{name: "empty version", method: "GET", target: "/version/check?client=", status: 200, want: checked("MISSING")},
			{name: "unreadable version", method: "GET", target: "/version/check?client=1.2", status: 400, want: someFault},
			{name: "version with a semicolon", method: "GET", target: "/version/check?client=0.9.1;", status: 400, want: someFault},
		},
		"GET /": {
			{name: "root", method: "GET", target: "/", status: 404, lacks: []string{"Content-Type"}},
			{name: "unknown path", method: "GET", target: "/job", status: 404, lacks: []string{"Content-Type"}},
			{name: "case of a path counts", method: "GET", target: "/Jobs", status: 404},
			{name: "below a route", method: "GET", target: "/masters/m1", status: 404},
			{name: "empty segment", method: "GET", target: "/hosts//status", status: 404},
			{name: "two dots, escaped", method: "GET", target: "/hosts/%2E%2E/status", status: 404},
			{name: "no id", method: "GET", target: "/history/jobs/", status: 404},
			{name: "two dots", method: "GET", target: "/hosts/../jobs", status: 404},
			{name: "health is the admin port's", method: "GET", target: "/healthcheck", status: 404},
			{name: "method that nobody knows", method: "BREW", target: "/jobs", status: 405, shows: []string{"Allow: GET, HEAD, OPTIONS, POST"}},
			{name: "method that nobody knows at an unknown path", method: "BREW", target: "/nothing", status: 404},
			{name: "options of an unknown path", method: "OPTIONS", target: "/nothing", status: 404},
		},
	}
}
