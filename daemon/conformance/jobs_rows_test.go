package conformance_test

import (
	"crypto/sha1"
	"fmt"
	"strings"
)

func created(id string) string { return `{"status":"OK","errors":[],"id":"` + id + `"}` }

func refusedJob(status, id string, faults int) string {
	errors := strings.TrimSuffix(strings.Repeat(`"<text>",`, faults), ",")
	return fmt.Sprintf(`{"status":%q,"errors":[%s],"id":%q,"message":"<text>"}`, status, errors, id)
}

// badRequest is our answer to what the original failed at with 500, or said in other words.
func badRequest(message string) string {
	return `{"code":"INVALID_REQUEST","message":"` + message + `"}`
}

var someFault = badRequest("<text>")

const tooLarge = `{"code":"REQUEST_TOO_LARGE","message":"<text>"}`

// barJob is the definition behind an id that is known from the original's own tests.
const (
	barJob = `"image":"foo/bar:1"`
	barID  = "foo:bar:3f5c6e4aef30e1ab68931dbd66a83226410b87e9"
)

// scalarsID is the id of the job whose values are of other kinds than they should.
var scalarsID = idOf(`{"command":["1","true","1.5"],"env":{"A":"12","B":"false"},"image":"x","labels":{"n":"0"},"name":"a","resources":{"cpuShares":2,"memory":10},` +
	`"secondsToWaitBeforeKill":7,"version":"1"}`)

// idOf is the id of the job a:1 with a definition in the canonical form.
func idOf(canonical string) string {
	inner := fmt.Sprintf("%x", sha1.Sum([]byte(canonical)))
	return fmt.Sprintf("a:1:%x", sha1.Sum([]byte("a:1:"+inner)))
}

func jobRows() map[string][]row {
	everyJob := `{"$WEB":` + webJob + `,"$FREE":` + freeJob + `,"$SAFE":` + safeJob + `,"$FULL":` + fullAnswer + `,"$ROLL":` + rollJob + `}`
	return map[string][]row{
		"GET /jobs": {
			{name: "without parameters every job", method: "GET", target: "/jobs/?user=u", status: 200, want: everyJob},
			{name: "without a slash", method: "GET", target: "/jobs", status: 200, want: everyJob},
			{name: "q is a substring of the id", method: "GET", target: "/jobs/?q=ee:1&user=u", status: 200, want: `{"$FREE":` + freeJob + `}`},
			{name: "q may be of the hash", method: "GET", target: "/jobs/?q=$FREE", status: 200, want: `{"$FREE":` + freeJob + `}`},
			{name: "q is no regular expression", method: "GET", target: "/jobs/?q=fr.e", status: 200, want: `{}`},
			{name: "q is case-sensitive", method: "GET", target: "/jobs/?q=FREE:1", status: 200, want: `{}`},
			{name: "the first of several q counts", method: "GET", target: "/jobs/?q=zz&q=free", status: 200, want: `{}`},
			{name: "q without a value", method: "GET", target: "/jobs/?q&user", status: 200, want: everyJob},
			{name: "name of a parameter with an escape", method: "GET", target: "/jobs/?%71=zz", status: 200, want: `{}`},
			{name: "empty q is none", method: "GET", target: "/jobs/?q=", status: 200, want: everyJob},
			{name: "q with a semicolon", method: "GET", target: "/jobs/?q=a;b", status: 200, want: `{}`},
			{name: "q with an escaped semicolon", method: "GET", target: "/jobs/?q=a%3Bb", status: 200, want: `{}`},
			{name: "q with a bad escape", method: "GET", target: "/jobs/?q=%zz", status: 400, want: someFault},
			{name: "hostPattern matches anywhere", method: "GET", target: "/jobs/?hostPattern=ost1&user=u", status: 200,
				want: `{"$WEB":` + webJob + `,"$ROLL":` + rollJob + `}`},
			{name: "hostPattern with q", method: "GET", target: "/jobs/?hostPattern=host&q=web", status: 200, want: `{"$WEB":` + webJob + `}`},
			{name: "hostPattern of hosts without jobs", method: "GET", target: "/jobs/?hostPattern=host2", status: 200, want: `{}`},
			{name: "hostPattern is a regular expression of Java", method: "GET", target: `/jobs/?hostPattern=%5E(%3F%3Cn%3E%5Cp%7BAlpha%7D%2B)%5Cd%24&q=web`,
				status: 200, want: `{"$WEB":` + webJob + `}`},
			{name: "hostPattern with a lookahead", method: "GET", target: "/jobs/?hostPattern=host(%3F!2)", status: 400, want: someFault},
			{name: "bad hostPattern", method: "GET", target: "/jobs/?hostPattern=(", status: 400, want: someFault},
			{name: "compressed", method: "GET", target: "/jobs", status: 200, want: everyJob, shows: []string{"Content-Encoding: gzip"}},
			{name: "not compressed when that is not accepted", method: "GET", target: "/jobs", headers: []string{"Accept-Encoding:"}, status: 200,
				want: everyJob, lacks: []string{"Content-Encoding"}},
			{name: "not compressed when that is refused", method: "GET", target: "/jobs", headers: []string{"Accept-Encoding: gzip;q=0"}, status: 200,
				want: everyJob, lacks: []string{"Content-Encoding"}},
			{name: "not compressed when it is small", method: "GET", target: "/jobs?q=zz", status: 200, want: `{}`, lacks: []string{"Content-Encoding"}},
		},
		"HEAD /jobs": {
			{name: "no body", method: "HEAD", target: "/jobs/?q=zz", status: 200, shows: []string{"Content-Type: application/json"}},
		},
		"OPTIONS /jobs": {
			{name: "methods", method: "OPTIONS", target: "/jobs", status: 200, shows: []string{"Allow: GET, HEAD, OPTIONS, POST"}},
			{name: "of a web page that asks before it sends", method: "OPTIONS", target: "/jobs/",
				headers: []string{"Origin: http://example.net", "Access-Control-Request-Method: PATCH"}, status: 200,
				shows: []string{"Access-Control-Allow-Methods: OPTIONS, GET, PUT, POST, DELETE, HEAD, PATCH"}},
		},
		"PUT /jobs": {
			{name: "wrong method", method: "PUT", target: "/jobs", body: `{}`, status: 405, shows: []string{"Allow: GET, HEAD, OPTIONS, POST"}},
		},
		"GET /jobs/{job}": {
			{name: "full id", method: "GET", target: "/jobs/$WEB?user=u", status: 200, want: webJob},
			{name: "every field", method: "GET", target: "/jobs/$FULL", status: 200, want: fullAnswer},
			{name: "escaped colons", method: "GET", target: "/jobs/web%3A1%3A", status: 400, want: "text:Invalid id"},
			{name: "trailing slash", method: "GET", target: "/jobs/$WEB/", status: 200, want: webJob},
			{name: "empty parts at the end are dropped", method: "GET", target: "/jobs/$WEB::", status: 200, want: webJob},
			{name: "empty name", method: "GET", target: "/jobs/:1:0123456789012345678901234567890123456789", status: 400, want: "text:Invalid id"},
			{name: "empty version", method: "GET", target: "/jobs/web::0123456789012345678901234567890123456789", status: 400, want: "text:Invalid id"},
			{name: "hash of 40 characters that is none", method: "GET", target: "/jobs/web:1:zzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzz", status: 404},
			{name: "control character", method: "GET", target: "/jobs/web%00:1", status: 400, want: "text:Invalid id"},
			{name: "plus is no blank", method: "GET", target: "/jobs/we+b:1", status: 400, want: "text:Invalid id"},
			{name: "name and version", method: "GET", target: "/jobs/web:1", status: 400, want: "text:Invalid id"},
			{name: "name only", method: "GET", target: "/jobs/web", status: 400, want: "text:Invalid id"},
			{name: "short hash", method: "GET", target: "/jobs/web:1:abc", status: 400, want: "text:Invalid id"},
			{name: "unknown", method: "GET", target: "/jobs/$UNKNOWN", status: 404},
			{name: "four parts", method: "GET", target: "/jobs/a:b:c:d", status: 404},
			{name: "only colons", method: "GET", target: "/jobs/::", status: 404},
			{name: "slash in a segment", method: "GET", target: "/jobs/a%2Fb:1:0123456789012345678901234567890123456789", status: 404},
			{name: "escape that was escaped again", method: "GET", target: "/jobs/a%252Fb:1:0123456789012345678901234567890123456789", status: 404},
		},
		"POST /jobs": {
			{name: "without a hash", method: "POST", target: "/jobs/?user=test-user", body: `{"id":"foo:bar",` + barJob + `}`, status: 200, want: created(barID)},
			{name: "with its hash", method: "POST", target: "/jobs/", body: `{"id":"` + barID + `",` + barJob + `}`, status: 200, want: created(barID)},
			{name: "user and time are the master's", method: "POST", target: "/jobs?user=bob&user=eve",
				body: `{"id":"foo:bar",` + barJob + `,"creatingUser":"mallory","created":1}`, status: 200, want: created(barID),
				then: []step{{"GET", "/jobs/" + barID, "", 200, strings.NewReplacer(`"alice"`, `"bob"`, `"nginx:1"`, `"foo/bar:1"`).Replace(plainJob(barID, "{}", ""))}}},
			{name: "user with every sign", method: "POST", target: "/jobs?user=a%2Bb%26c%2Fd%25+%C3%BC;e", body: `{"id":"foo:bar",` + barJob + `}`, status: 200, want: created(barID),
				then: []step{{"GET", "/jobs/" + barID, "", 200, strings.NewReplacer(`"alice"`, `"a+b&c/d% ü;e"`, `"nginx:1"`, `"foo/bar:1"`).Replace(plainJob(barID, "{}", ""))}}},
			{name: "user that is not UTF-8", method: "POST", target: "/jobs?user=%FF", body: `{"id":"foo:bar",` + barJob + `}`, status: 400, want: someFault},
			{name: "without a user", method: "POST", target: "/jobs", body: `{"id":"foo:bar",` + barJob + `}`, status: 200, want: created(barID),
				then: []step{{"GET", "/jobs/" + barID, "", 200, strings.NewReplacer(`"alice"`, `null`, `"nginx:1"`, `"foo/bar:1"`).Replace(plainJob(barID, "{}", ""))}}},
			{name: "nulls and members that are not known", method: "POST", target: "/jobs",
				body:   `{"id":"foo:bar:","nonsense":[{}],` + barJob + `,"env":null,"ports":null,"resources":null,"healthCheck":null,"command":null}`,
				status: 200, want: created(barID)},
			{name: "keys count with their case", method: "POST", target: "/jobs", body: `{"ID":"x:1","id":"foo:bar","Image":"other",` + barJob + `}`,
				status: 200, want: created(barID)},
			{name: "duplicate type of a health check", method: "POST", target: "/jobs",
				body:   `{"id":"a:1","image":"x","ports":{"p":{"internalPort":1}},"healthCheck":{"type":"tcp","port":"p","type":"tcp"}}`,
				status: 200, want: created("<text>")},
			{name: "expires as a number", method: "POST", target: "/jobs", body: `{"id":"a:1","image":"x","expires":2032768800123}`,
				status: 200, want: created("a:1:da22599006c6825603b033db925220c8c185c681")},
			{name: "expires as a time with a zone", method: "POST", target: "/jobs", body: `{"id":"a:1","image":"x","expires":"2034-06-01T12:00:00.123+02:00"}`,
				status: 200, want: created("a:1:da22599006c6825603b033db925220c8c185c681"),
				then: []step{{"GET", "/jobs/a:1:da22599006c6825603b033db925220c8c185c681", "", 200,
					strings.NewReplacer(`"alice"`, `null`, `"nginx:1"`, `"x"`, `"expires":null`, `"expires":2032768800123`).Replace(
						plainJob("a:1:da22599006c6825603b033db925220c8c185c681", "{}", ""))}}},
			{name: "expires as a time as Java writes it", method: "POST", target: "/jobs", body: `{"id":"a:1","image":"x","expires":"2034-06-01T10:00:00.123+0000"}`,
				status: 200, want: created("a:1:da22599006c6825603b033db925220c8c185c681")},
			{name: "expires as a day", method: "POST", target: "/jobs", body: `{"id":"a:1","image":"x","expires":"2034-06-01"}`,
				status: 200, want: created("a:1:d89c0902cdb83aadc9d57e0b4cce58f1270cff3e")},
			{name: "expires as a time of the web", method: "POST", target: "/jobs", body: `{"id":"a:1","image":"x","expires":"Thu, 01 Jun 2034 00:00:00 GMT"}`,
				status: 200, want: created("a:1:d89c0902cdb83aadc9d57e0b4cce58f1270cff3e")},
			{name: "expires as a time without a colon in its zone", method: "POST", target: "/jobs", body: `{"id":"a:1","image":"x","expires":"2034-06-01T12:00:00.123+0200"}`,
				status: 200, want: created("a:1:da22599006c6825603b033db925220c8c185c681")},
			{name: "expires as a time without milliseconds", method: "POST", target: "/jobs", body: `{"id":"a:1","image":"x","expires":"2034-06-01T00:00:00Z"}`,
				status: 200, want: created("a:1:d89c0902cdb83aadc9d57e0b4cce58f1270cff3e")},
			{name: "expires as no time", method: "POST", target: "/jobs", body: `{"id":"a:1","image":"x","expires":"tomorrow"}`, status: 400, want: someFault},
			{name: "expires in the past", method: "POST", target: "/jobs", body: `{"id":"a:1","image":"x","expires":"2001-01-01T00:00:00Z"}`, status: 400,
				want: `{"status":"INVALID_JOB_DEFINITION","errors":["<text>"],"id":"<text>","message":"<text>"}`},
			{name: "numbers as texts and with fractions", method: "POST", target: "/jobs",
				body:   `{"id":"a:1","image":"x","rolloutOptions":{"migrate":"false","parallelism":"2","timeout":1000.9,"overlap":"true","token":"","ignoreFailures":null}}`,
				status: 200, want: created("a:1:15398bed2454321ef680f5ba292a441657752dd7")},
			{name: "scalars of other kinds", method: "POST", target: "/jobs",
				body:   `{"id":"a:1","image":"x","command":[1,true,1.5],"env":{"A":12,"B":false},"gracePeriod":"","secondsToWaitBeforeKill":"7","resources":{"memory":"10","cpuShares":2.9},"labels":{"n":0}}`,
				status: 200, want: created("<text>"), then: []step{{"GET", "/jobs/?q=a:1:", "", 200, `{"` + scalarsID + `":` + strings.NewReplacer(`"alice"`, `null`, `"nginx:1"`, `"x"`,
					`"command":[]`, `"command":["1","true","1.5"]`, `"env":{}`, `"env":{"A":"12","B":"false"}`, `"labels":{}`, `"labels":{"n":"0"}`, `"secondsToWaitBeforeKill":null`, `"secondsToWaitBeforeKill":7`,
					`"resources":null`, `"resources":{"memory":10,"memorySwap":null,"cpuShares":2,"cpuset":null}`).Replace(plainJob(scalarsID, "{}", "")) + `}`}}},
			{name: "number beyond an integer", method: "POST", target: "/jobs", body: `{"id":"a:1","image":"x","gracePeriod":99999999999}`, status: 400, want: someFault},
			{name: "number beyond every number", method: "POST", target: "/jobs", body: `{"id":"a:1","image":"x","resources":{"memory":1e400}}`, status: 400, want: someFault},
			{name: "number that is not one of JSON", method: "POST", target: "/jobs", body: `{"id":"a:1","image":"x","gracePeriod":NaN}`, status: 400, want: someFault},
			{name: "lists in lists without end", method: "POST", target: "/jobs", body: `{"id":"a:1","image":"x","nonsense":` + strings.Repeat("[", 20_000) + `}`, status: 400, want: someFault},
			{name: "object for an id", method: "POST", target: "/jobs", body: `{"id":{"name":"a"},"image":"x"}`, status: 400, want: someFault},
			{name: "comment", method: "POST", target: "/jobs", body: `{"id":"a:1","image":"x" /* sic */}`, status: 400, want: someFault},
			{name: "port without a number", method: "POST", target: "/jobs", body: `{"id":"a:1","image":"x","ports":{"h":{}}}`,
				status: 200, want: created("a:1:5ec0c0fbc84ff1be74764afe070887fe75d866fd")},
			{name: "one port number of both protocols", method: "POST", target: "/jobs",
				body:   `{"id":"a:1","image":"x","ports":{"p-tcp":{"internalPort":1900,"externalPort":2900},"p-udp":{"internalPort":1900,"externalPort":2900,"protocol":"udp"}}}`,
				status: 200, want: created("<text>")},
			{name: "registration without a protocol", method: "POST", target: "/jobs",
				body:   `{"id":"a:1","image":"x","ports":{"h":{"internalPort":80}},"registration":{"svc":{"ports":{"h":{}}}}}`,
				status: 200, want: created("a:1:153a0ae8438aae32bcbea7b48d569675b44a2534")},
			{name: "hash over capabilities in one order", method: "POST", target: "/jobs",
				body:   `{"id":"a:1:a49c5452631d23d5d7f9fc08060f745d56b34b64","image":"x","dropCapabilities":["SYS_BOOT","KILL"]}`,
				status: 200, want: created("a:1:a49c5452631d23d5d7f9fc08060f745d56b34b64")},
			{name: "hash over capabilities in the other order", method: "POST", target: "/jobs",
				body:   `{"id":"a:1:aa8ec3836802b0e8303f442fcfcbc490ee7e2fd8","image":"x","dropCapabilities":["KILL","SYS_BOOT"]}`,
				status: 200, want: created("a:1:aa8ec3836802b0e8303f442fcfcbc490ee7e2fd8")},
			{name: "capability that is not allowed", method: "POST", target: "/jobs", body: `{"id":"a:1","image":"x","addCapabilities":["SYS_ADMIN"]}`, status: 400,
				want: `{"status":"INVALID_JOB_DEFINITION","errors":["<text>"],"id":"<text>","message":"<text>"}`},
			{name: "parallelism zero is no fault of a job", method: "POST", target: "/jobs", body: `{"id":"a:1","image":"x","rolloutOptions":{"parallelism":0}}`,
				status: 200, want: created("<text>")},
			{name: "gzip that is none", method: "POST", target: "/jobs", headers: []string{"Content-Encoding: gzip"}, body: `{}`, status: 400, want: someFault},
			{name: "gzip that has grown a tail", method: "POST", target: "/jobs", headers: []string{"Content-Encoding: gzip"}, body: zipped(`{"id":"foo:bar",`+barJob+`}`) + "junk", status: 400, want: someFault},
			{name: "gzip in gzip", method: "POST", target: "/jobs", headers: []string{"Content-Encoding: gzip, gzip"}, body: zipped(zipped(`{}`)), status: 415, want: someFault},
			{name: "gzip of nothing", method: "POST", target: "/jobs", headers: []string{"Content-Encoding: gzip"}, body: zipped(""), status: 422, want: `{"errors":[]}`},
			{name: "gzip that is cut off", method: "POST", target: "/jobs", headers: []string{"Content-Encoding: gzip"}, body: zipped(`{"id":"foo:bar",` + barJob + `}`)[:30], status: 400, want: someFault},
			{name: "gzip", method: "POST", target: "/jobs", headers: []string{"Content-Encoding: gzip"}, body: zipped(`{"id":"foo:bar",` + barJob + `}`), status: 200, want: created(barID)},
			{name: "deflate", method: "POST", target: "/jobs", headers: []string{"Content-Encoding: deflate"}, body: deflated(`{"id":"foo:bar",` + barJob + `}`), status: 200, want: created(barID)},
			{name: "encoding that nobody knows", method: "POST", target: "/jobs", headers: []string{"Content-Encoding: br"}, body: `{}`, status: 415, want: someFault},
			{name: "charset", method: "POST", target: "/jobs", headers: []string{"Content-Type: application/json; charset=UTF-8"}, body: `{"id":"foo:bar",` + barJob + `}`, status: 200, want: created(barID)},
			{name: "byte order mark", method: "POST", target: "/jobs", body: "\ufeff" + `{"id":"foo:bar",` + barJob + `}`, status: 200, want: created(barID)},
			{name: "no content type", method: "POST", target: "/jobs", headers: []string{"Content-Type:"}, body: `{"id":"foo:bar",` + barJob + `}`, status: 200, want: created(barID)},
			{name: "another content type", method: "POST", target: "/jobs", headers: []string{"Content-Type: text/plain"}, body: `{"id":"foo:bar",` + barJob + `}`, status: 200, want: created(barID)},
			{name: "answer of another type wanted", method: "POST", target: "/jobs", headers: []string{"Accept: text/html"}, body: `{"id":"foo:bar",` + barJob + `}`, status: 200, want: created(barID)},
			{name: "another definition of the same name and version", method: "POST", target: "/jobs", body: `{"id":"web:1","image":"other:1"}`, status: 400,
				want: `{"status":"JOB_ALREADY_EXISTS","errors":[],"id":"<text>","message":"<text>"}`},
			{name: "the same definition again", method: "POST", target: "/jobs", body: `{"id":"web:1","image":"nginx:1","ports":` + portTCP + `}`, status: 400,
				want: refusedJob("JOB_ALREADY_EXISTS", "$WEB", 0)},
			{name: "without an image", method: "POST", target: "/jobs", body: `{"id":"a:1"}`, status: 400,
				want: `{"status":"INVALID_JOB_DEFINITION","errors":["image is not specified"],"id":"<text>","message":"<text>"}`},
			{name: "several faults", method: "POST", target: "/jobs", body: `{"id":"a b:1","image":"UPPER","volumes":{"x":"/y"}}`, status: 400,
				want: `{"status":"INVALID_JOB_DEFINITION","errors":["<text>","<text>","<text>"],"id":"<text>","message":"<text>"}`},
			{name: "faults that are compressed", method: "POST", target: "/jobs", body: `{"id":"a b:1","image":"UPPER","volumes":{"x":"/y","` + strings.Repeat("z", 300) + `":"/y"}}`, status: 400,
				want: `{"status":"INVALID_JOB_DEFINITION","errors":["<text>","<text>","<text>","<text>"],"id":"<text>","message":"<text>"}`, shows: []string{"Content-Encoding: gzip"}},
			{name: "name and version that are too long", method: "POST", target: "/jobs", body: `{"id":"` + longName + `:` + longName + `","image":"x"}`, status: 400,
				want: `{"status":"INVALID_JOB_DEFINITION","errors":["job name has 66000 bytes: want at most 1024","job version has 66000 bytes: want at most 1024"],"id":"<text>","message":"<text>"}`},
			{name: "name and version as long as they may be", method: "POST", target: "/jobs", body: `{"id":"` + longName[:1024] + `:` + longName[:1024] + `","image":"x"}`,
				status: 200, want: created("<text>")},
			{name: "hash of another definition", method: "POST", target: "/jobs", body: `{"id":"bad:job:deadbeef","image":"nginx:1"}`, status: 400,
				want: refusedJob("INVALID_JOB_DEFINITION", "bad:job:deadbeef", 1)},
			{name: "without an id", method: "POST", target: "/jobs", body: `{"image":"nginx:1"}`, status: 400, want: `{"code":"INVALID_ID","message":"<text>"}`},
			{name: "id of one part", method: "POST", target: "/jobs", body: `{"id":"a","image":"nginx:1"}`, status: 400, want: someFault},
			{name: "id with empty parts at the end", method: "POST", target: "/jobs", body: `{"id":"foo:bar:::",` + barJob + `}`, status: 200, want: created(barID)},
			{name: "id with an empty name", method: "POST", target: "/jobs", body: `{"id":":bar",` + barJob + `}`, status: 400,
				want: `{"status":"INVALID_JOB_DEFINITION","errors":["job name is not specified"],"id":":bar","message":"<text>"}`},
			{name: "id with an empty version", method: "POST", target: "/jobs", body: `{"id":"foo::abc",` + barJob + `}`, status: 400,
				want: `{"status":"INVALID_JOB_DEFINITION","errors":["job version is not specified"],"id":"foo::abc","message":"<text>"}`},
			{name: "id of colons", method: "POST", target: "/jobs", body: `{"id":"::",` + barJob + `}`, status: 400, want: someFault},
			{name: "id of four parts", method: "POST", target: "/jobs", body: `{"id":"a:b:c:d","image":"nginx:1"}`, status: 400, want: someFault},
			{name: "port with an address that is none", method: "POST", target: "/jobs", body: `{"id":"a:1","image":"x","ports":{"p":{"ip":"localhost","internalPort":1}}}`,
				status: 400, want: someFault},
			{name: "health check of no type", method: "POST", target: "/jobs", body: `{"id":"a:1","image":"x","healthCheck":{"port":"p"}}`, status: 400, want: someFault},
			{name: "health check of an unknown type", method: "POST", target: "/jobs", body: `{"id":"a:1","image":"x","healthCheck":{"type":"udp"}}`, status: 400, want: someFault},
			{name: "null in a map", method: "POST", target: "/jobs", body: `{"id":"a:1","image":"x","env":{"A":null}}`, status: 400,
				want: someFault},
			{name: "null in a list", method: "POST", target: "/jobs", body: `{"id":"a:1","image":"x","command":[null]}`, status: 400,
				want: someFault},
			{name: "wrong type of a member", method: "POST", target: "/jobs", body: `{"id":"a:1","image":"x","env":[]}`, status: 400, want: someFault},
			{name: "list for an object", method: "POST", target: "/jobs", body: `[]`, status: 400, want: someFault},
			{name: "text for an object", method: "POST", target: "/jobs", body: `"x"`, status: 400, want: someFault},
			{name: "number that is none", method: "POST", target: "/jobs", body: `{"id":"a:1","image":"x","gracePeriod":"ten"}`, status: 400, want: someFault},
			{name: "JSON that ends too early", method: "POST", target: "/jobs", body: `{"id":"a:1"`, status: 400, want: someFault},
			{name: "text that is not UTF-8", method: "POST", target: "/jobs", body: "{\"id\":\"a:1\",\"image\":\"x\",\"token\":\"\xff\"}", status: 400, want: someFault},
			{name: "no body", method: "POST", target: "/jobs", status: 422, want: `{"errors":[]}`},
			{name: "blanks", method: "POST", target: "/jobs", body: " \n", status: 422, want: `{"errors":[]}`},
			{name: "null", method: "POST", target: "/jobs", body: "null", status: 422, want: `{"errors":[]}`},
		},
		"DELETE /jobs/{job}": {
			{name: "removed", method: "DELETE", target: "/jobs/$FREE?token=&user=u", status: 200, want: `{"status":"OK"}`,
				then: []step{{"GET", "/jobs/$FREE", "", 404, ""}, {"DELETE", "/jobs/$FREE", "", 404, `{"status":"JOB_NOT_FOUND","message":"<text>"}`}}},
			{name: "with its token", method: "DELETE", target: "/jobs/$SAFE?" + secretParameter, status: 200, want: `{"status":"OK"}`},
			{name: "trailing slash", method: "DELETE", target: "/jobs/$FREE/", status: 200, want: `{"status":"OK"}`},
			{name: "not a full id", method: "DELETE", target: "/jobs/free:1", status: 400, want: "text:Invalid id"},
			{name: "no id at all", method: "DELETE", target: "/jobs/a:b:c:d", status: 404},
			{name: "unknown, whatever the token", method: "DELETE", target: "/jobs/$UNKNOWN?token=x", status: 404, want: `{"status":"JOB_NOT_FOUND","message":"<text>"}`},
			{name: "without its token", method: "DELETE", target: "/jobs/$SAFE", status: 403, want: `{"status":"FORBIDDEN","message":"<text>"}`},
			{name: "with another token", method: "DELETE", target: "/jobs/$SAFE?token=x", status: 403, want: `{"status":"FORBIDDEN","message":"<text>"}`},
			{name: "with a token of a job that has none", method: "DELETE", target: "/jobs/$FREE?token=x", status: 403, want: `{"status":"FORBIDDEN","message":"<text>"}`},
			{name: "token comes before deployments", method: "DELETE", target: "/jobs/$WEB?token=x", status: 403, want: `{"status":"FORBIDDEN","message":"<text>"}`},
			{name: "deployed", method: "DELETE", target: "/jobs/$WEB", status: 400, want: `{"status":"STILL_IN_USE","message":"<text>"}`},
			{name: "undeployed and not yet stopped", method: "DELETE", target: "/hosts/host1/jobs/$WEB", status: 200, want: `{"status":"OK","job":"$WEB","host":"host1"}`,
				then: []step{{"DELETE", "/jobs/$WEB", "", 200, `{"status":"OK"}`},
					{"GET", "/history/jobs/$WEB", "", 200, `{"events":[],"status":"JOB_ID_NOT_FOUND"}`}}},
			{name: "of a group that wants it", method: "DELETE", target: "/hosts/host1/jobs/$ROLL", status: 200, want: `{"status":"OK","job":"$ROLL","host":"host1"}`,
				then: []step{{"DELETE", "/jobs/$ROLL", "", 400, `{"status":"STILL_IN_USE","message":"<text>"}`}}},
			{name: "of a group that is gone", method: "DELETE", target: "/deployment-group/busy", status: 200, want: `{"status":"REMOVED"}`,
				then: []step{{"DELETE", "/deployment-group/done", "", 200, `{"status":"REMOVED"}`}, {"DELETE", "/hosts/host1/jobs/$ROLL", "", 200, `{"status":"OK","job":"$ROLL","host":"host1"}`},
					{"DELETE", "/jobs/$ROLL", "", 200, `{"status":"OK"}`}}},
		},
		"GET /jobs/{job}/status": {
			{name: "deployed", method: "GET", target: "/jobs/$WEB/status?user=u", status: 200, want: webStatus},
			{name: "deployed and not reported", method: "GET", target: "/jobs/$ROLL/status", status: 200,
				want: `{"job":` + rollJob + `,"taskStatuses":{},"deployments":{"host1":` + rollingJob + `}}`},
			{name: "not deployed", method: "GET", target: "/jobs/$FREE/status/", status: 200, want: `{"job":` + freeJob + `,"taskStatuses":{},"deployments":{}}`},
			{name: "not a full id", method: "GET", target: "/jobs/web:1/status", status: 400, want: "text:Invalid id"},
			{name: "no id at all", method: "GET", target: "/jobs/a:b:c:d/status", status: 404},
			{name: "unknown", method: "GET", target: "/jobs/$UNKNOWN/status", status: 404},
		},
		"POST /jobs/statuses": {
			{name: "some", method: "POST", target: "/jobs/statuses?user=u", body: `["$WEB","$FREE","$WEB"]`, status: 200,
				want: `{"$WEB":` + webStatus + `,"$FREE":{"job":` + freeJob + `,"taskStatuses":{},"deployments":{}}}`},
			{name: "none", method: "POST", target: "/jobs/statuses", body: `[]`, status: 200, want: `{}`},
			{name: "empty parts at the end are dropped", method: "POST", target: "/jobs/statuses", body: `["$FREE:"]`, status: 200,
				want: `{"$FREE":{"job":` + freeJob + `,"taskStatuses":{},"deployments":{}}}`},
			{name: "unknown ones are left out", method: "POST", target: "/jobs/statuses/", body: `["$UNKNOWN"]`, status: 200, want: `{}`},
			{name: "10,000 ids", method: "POST", target: "/jobs/statuses", body: manyIDs(10_000, "$WEB"), status: 200, want: `{"$WEB":` + webStatus + `}`},
			{name: "gzip", method: "POST", target: "/jobs/statuses", headers: []string{"Content-Encoding: gzip"}, body: zipped(`[]`), status: 200, want: `{}`},
			{name: "not a full id", method: "POST", target: "/jobs/statuses", body: `["$WEB","web:1"]`, status: 400, want: "text:Invalid id web:1"},
			{name: "short hash", method: "POST", target: "/jobs/statuses", body: `["web:1:abc"]`, status: 400, want: "text:Invalid id web:1:abc"},
			{name: "no id at all", method: "POST", target: "/jobs/statuses", body: `["web"]`, status: 400, want: someFault},
			{name: "null for an id", method: "POST", target: "/jobs/statuses", body: `[null]`, status: 400, want: someFault},
			{name: "no list", method: "POST", target: "/jobs/statuses", body: `{}`, status: 400, want: someFault},
			{name: "no body", method: "POST", target: "/jobs/statuses", status: 422, want: `{"errors":[]}`},
			{name: "null", method: "POST", target: "/jobs/statuses", body: `null`, status: 422, want: `{"errors":[]}`},
		},
	}
}

// longName is longer than any key of a master's database may be.
var longName = strings.Repeat("a", 66_000)

// manyIDs is a list of that many full ids of no job and one more.
func manyIDs(n int, last string) string {
	ids := make([]string, 0, n+1)
	for i := range n {
		ids = append(ids, fmt.Sprintf(`"job-%05d:1:%040d"`, i, i))
	}
	return "[" + strings.Join(append(ids, `"`+last+`"`), ",") + "]"
}
