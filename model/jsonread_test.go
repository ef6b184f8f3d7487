package model

import (
	"encoding/json"
	"reflect"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// TestReadLenient reads what other programs write.
func TestReadLenient(t *testing.T) {
	job := func(change func(*Job)) Job {
		var j Job
		change(&j)
		return j
	}
	for _, test := range []struct {
		name, text string
		want       any
	}{
		{"nothing", `{}`, Job{}},
		{"all null", `{"id":null,"image":null,"hostname":null,"created":null,"command":null,"env":null,"resources":null,"ports":null,
			"registration":null,"gracePeriod":null,"volumes":null,"expires":null,"registrationDomain":null,"creatingUser":null,"token":null,
			"healthCheck":null,"securityOpt":null,"networkMode":null,"metadata":null,"addCapabilities":null,"dropCapabilities":null,
			"labels":null,"secondsToWaitBeforeKill":null,"ramdisks":null,"rolloutOptions":null,"runtime":null}`, Job{}},
		{"all empty", `{"image":"","hostname":"","command":[],"env":{},"ports":{},"registration":{},"gracePeriod":"","volumes":{},
			"created":"","expires":"","registrationDomain":"","token":"","securityOpt":[],"networkMode":"","addCapabilities":[]}`, Job{}},
		{"blanks everywhere", " { \"image\" \n:\t\"x\" , \"command\" : [ \"a\" , \"b\" ] } \r\n",
			job(func(j *Job) { j.Image = "x"; j.Command = []string{"a", "b"} })},
		{"unknown fields", `{"x":[{"y":[1,-2.5e-3,true,false,null,"\u00e9\n"]},{}],"image":"x","":0}`, job(func(j *Job) { j.Image = "x" })},
		{"case counts", `{"Image":"y","IMAGE":"z","image":"x"}`, job(func(j *Job) { j.Image = "x" })},
		{"the last one counts", `{"image":"x","image":"y","env":{"A":"1"},"env":{"B":"1","B":"2"},"resources":{"memory":1},"resources":null}`,
			job(func(j *Job) { j.Image = "y"; j.Env = map[string]string{"B": "2"} })},
		{"numbers in strings", `{"gracePeriod":"2","secondsToWaitBeforeKill":" 7 ","created":"123","resources":{"memory":"-5","cpuset":3}}`,
			job(func(j *Job) {
				j.GracePeriod, j.SecondsToWaitBeforeKill, j.Created = ptr(2), ptr(7), ptr(Timestamp(123))
				j.Resources = &Resources{Memory: ptr(int64(-5)), Cpuset: "3"}
			})},
		{"fractions are cut", `{"gracePeriod":10.7,"secondsToWaitBeforeKill":-10.7,"resources":{"memory":1e3,"memorySwap":9007199254740993}}`,
			job(func(j *Job) {
				j.GracePeriod, j.SecondsToWaitBeforeKill = ptr(10), ptr(-10)
				j.Resources = &Resources{Memory: ptr(int64(1000)), MemorySwap: ptr(int64(9007199254740993))}
			})},
		{"anything as a string", `{"image":12,"hostname":true,"token":1.50,"command":[1,false],"env":{"A":-1e5}}`,
			job(func(j *Job) {
				j.Image, j.Hostname, j.Token = "12", "true", "1.50"
				j.Command, j.Env = []string{"1", "false"}, map[string]string{"A": "-1e5"}
			})},
		{"escapes", `{"\u0069mage":"\"\\\/\b\f\n\r\t\u00E9\uD83D\uDE00\ud83dx\udE00","env":{"a\"b":"é"}}`,
			job(func(j *Job) {
				j.Image = "\"\\/\b\f\n\r\té\U0001F600\uFFFDx\uFFFD"
				j.Env = map[string]string{`a"b`: "é"}
			})},
		{"date as a string", `{"expires":"2033-05-18T03:33:20.000+0000"}`, job(func(j *Job) { j.Expires = ptr(Timestamp(2000000000000)) })},
		{"date as a number", `{"expires":2000000000000}`, job(func(j *Job) { j.Expires = ptr(Timestamp(2000000000000)) })},
		{"capabilities in their order, once", `{"addCapabilities":["b","a","b"]}`, job(func(j *Job) { j.AddCapabilities = []string{"b", "a"} })},
		{"type of a check twice", `{"type":"http","path":"/","port":"http","type":"http"}`,
			HealthCheck{Type: HealthCheckHTTP, Path: "/", Port: "http"}},
		{"type of a check last, others ignored", `{"command":7,"path":[],"port":"http","x":1,"type":"tcp"}`,
			HealthCheck{Type: HealthCheckTCP, Port: "http"}},
		{"mapping without protocol", `{"internalPort":80}`, PortMapping{InternalPort: 80, Protocol: "tcp"}},
		{"mapping with null protocol", `{"protocol":"x","protocol":null,"ip":null}`, PortMapping{Protocol: "tcp"}},
		{"mapping with empty protocol", `{"internalPort":"80","protocol":""}`, PortMapping{InternalPort: 80}},
		{"bare service", `{"registration":{"svc":{"ports":{"h":{"tags":null},"i":{"tags":[]},"j":null}},"x/y":{}}}`,
			job(func(j *Job) {
				j.Registration = map[ServiceEndpoint]ServicePorts{
					{"svc", "http"}: {Ports: map[string]ServicePortParameters{"h": {}, "i": {Tags: []string{}}, "j": {Null: true}}},
					{"x", "y"}:      {},
				}
			})},
		{"rollout options as strings", `{"timeout":"1000","parallelism":"2","migrate":"false","overlap":"True","token":"","ignoreFailures":1}`,
			RolloutOptions{Timeout: ptr(int64(1000)), Parallelism: ptr(2), Migrate: ptr(false), Overlap: ptr(true), Token: ptr(""), IgnoreFailures: ptr(true)}},
		{"rollout options of nothing", `{"timeout":"","migrate":"","overlap":null,"parallalism":3}`, RolloutOptions{}},
		{"job id under job", `{"job":"a:1","goal":"START"}`, Deployment{JobID: JobID{Name: "a", Version: "1"}, Goal: GoalStart}},
		{"job id under both", `{"jobId":"a:1","job":"b:2","goal":"st op"}`, Deployment{JobID: JobID{Name: "a", Version: "1"}, Goal: GoalStop}},
		{"job id under both, the other way", `{"job":"b:2","jobId":"a:1"}`, Deployment{JobID: JobID{Name: "a", Version: "1"}}},
		{"fuzzy words", `{"job":{},"goal":"unDeploy","state":"pulling-image","throttled":" image-pull_FAILED "}`,
			TaskStatus{Goal: GoalUndeploy, State: StatePullingImage, Throttled: ThrottleImagePullFailed}},
		{"status without throttle", `{"job":{},"state":"RUNNING","throttled":null,"containerError":null}`,
			TaskStatus{State: StateRunning, Throttled: ThrottleNo}},
		{"host without numbers", `{"hostname":"a","cpus":null,"loadAvg":"0.5"}`, HostInfo{Hostname: "a", LoadAvg: 0.5}},
		{"load that is no number", `{"loadAvg":"NaN"}`, HostInfo{}},
		{"selector with a number", `{"operand":7,"label":"a","operator":"not-equals"}`, HostSelector{Label: "a", Operator: SelectorNotEquals, Operand: "7"}},
		{"selector with the list first", `{"operand":["x","y"],"operator":"in","label":"a"}`,
			HostSelector{Label: "a", Operator: SelectorIn, Operands: []string{"x", "y"}}},
		{"group without selectors", `{"name":"a","job":"b:2","reason":"MANUAL"}`, DeploymentGroup{Name: "a", JobID: JobID{Name: "b", Version: "2"}}},
		{"version of the server by its other name", `{"status":"EQUAL","version":{"major":1,"snapshot":"true"}}`,
			VersionCheckResponse{Status: VersionEqual, ServerVersion: Version{Major: 1, Snapshot: true}}},
	} {
		t.Run(test.name, func(t *testing.T) {
			read := reflect.New(reflect.TypeOf(test.want))
			if err := json.Unmarshal([]byte(test.text), read.Interface()); err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(test.want, read.Elem().Interface()); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
		})
	}
}

// TestReadRefuses checks that errors name the field and what is legal.
func TestReadRefuses(t *testing.T) {
	for _, test := range []struct {
		into any
		text string
		want string
	}{
		{&Job{}, `[]`, "must be an object, not a list"},
		{&Job{}, `"x"`, "must be an object, not a string"},
		{&Job{}, `{"id":"foo"}`, `id: job id "foo" has no version: want name:version or name:version:hash`},
		{&Job{}, `{"id":"a:b:c:d"}`, `id: job id "a:b:c:d" has 4 parts: want name:version or name:version:hash`},
		{&Job{}, `{"id":{}}`, "id: must be a job id, not an object"},
		{&Job{}, `{"image":["x"]}`, "image: must be a string, not a list"},
		{&Job{}, `{"command":"ls"}`, "command: must be a list, not a string"},
		{&Job{}, `{"command":["ls",null]}`, "command[1]: must not be null"},
		{&Job{}, `{"command":["ls",{}]}`, "command[1]: must be a string, not an object"},
		{&Job{}, `{"securityOpt":[null]}`, "securityOpt[0]: must not be null"},
		{&Job{}, `{"env":{"A":null}}`, "env.A: must not be null"},
		{&Job{}, `{"env":[]}`, "env: must be an object, not a list"},
		{&Job{}, `{"volumes":{"/a":null}}`, "volumes./a: must not be null"},
		{&Job{}, `{"labels":{"a":null}}`, "labels.a: must not be null"},
		{&Job{}, `{"metadata":{"a":null}}`, "metadata.a: must not be null"},
		{&Job{}, `{"ramdisks":{"/a":null}}`, "ramdisks./a: must not be null"},
		{&Job{}, `{"ports":{"http":null}}`, "ports.http: must not be null"},
		{&Job{}, `{"registration":{"web/tcp":null}}`, "registration.web/tcp: must not be null"},
		{&Job{}, `{"registration":{"a/b/c":{}}}`, `registration.a/b/c: service "a/b/c" has too many slashes: want name/protocol`},
		{&Job{}, `{"registration":{"a":{"ports":{"h":{"tags":[null]}}}}}`, "registration.a.ports.h.tags[0]: must not be null"},
		{&Job{}, `{"ports":{"http":{"internalPort":"eighty"}}}`, `ports.http.internalPort: must be a whole number, not "eighty"`},
		{&Job{}, `{"ports":{"http":{"ip":"localhost"}}}`, `ports.http.ip: "localhost" is not a literal IPv4 or IPv6 address`},
		{&Job{}, `{"ports":{"http":{"ip":""}}}`, `ports.http.ip: "" is not a literal IPv4 or IPv6 address`},
		{&Job{}, `{"gracePeriod":"10.7"}`, `gracePeriod: must be a whole number, not "10.7"`},
		{&Job{}, `{"gracePeriod":true}`, `gracePeriod: must be a whole number, not "true"`},
		{&Job{}, `{"gracePeriod":2147483648}`, "gracePeriod: must be between -2147483648 and 2147483647, not 2147483648"},
		{&Job{}, `{"resources":{"memory":9223372036854775808}}`, `resources.memory: must be a whole number, not "9223372036854775808"`},
		{&Job{}, `{"resources":{"memory":1e400}}`, `resources.memory: must be a whole number, not "1e400"`},
		{&Job{}, `{"expires":"tomorrow"}`, `expires: "tomorrow" is not a date: want epoch milliseconds, yyyy-MM-dd, an ISO 8601 date and time, or an RFC 1123 date`},
		{&Job{}, `{"healthCheck":{}}`, `healthCheck.type: "" is not a health check: want exec, http or tcp`},
		{&Job{}, `{"healthCheck":{"type":"ping"}}`, `healthCheck.type: "ping" is not a health check: want exec, http or tcp`},
		{&Job{}, `{"healthCheck":{"type":"exec","command":"ls"}}`, "healthCheck.command: must be a list, not a string"},
		{&Job{}, `{"rolloutOptions":{"migrate":"yes"}}`, `rolloutOptions.migrate: must be true or false, not "yes"`},
		{&Job{}, `{"rolloutOptions":{"migrate":[]}}`, "rolloutOptions.migrate: must be true or false, not a list"},
		{&Job{}, `{"labels":{"a":{"b":1}}}`, "labels.a: must be a string, not an object"},
		{&Job{}, "{\"image\":\"\xff\"}", "invalid JSON at byte 9: the string is not valid UTF-8"},
		{&Job{}, "{\"image\":\"\\n\xff\"}", "invalid JSON at byte 13: the string is not valid UTF-8"},
		{&Deployment{}, `{"jobId":"a:1","goal":"RUN"}`, `goal: "RUN" is not a goal: want START, STOP or UNDEPLOY`},
		{&Deployment{}, `{"jobId":"a:1","goal":1}`, "goal: must be one of START, STOP or UNDEPLOY, not a number"},
		{&Task{}, `{"goal":"START"}`, "job: is required"},
		{&Task{}, `{"job":{},"goal":null}`, "goal: is required"},
		{&TaskStatus{}, `{"job":null,"state":"RUNNING"}`, "job: is required"},
		{&TaskStatus{}, `{"job":{}}`, "state: is required"},
		{&TaskStatus{}, `{"job":{},"state":"RUN"}`, `state: "RUN" is not a task state: want PULLING_IMAGE, CREATING, STARTING, HEALTHCHECKING, RUNNING, EXITED, STOPPING, STOPPED, FAILED or UNKNOWN`},
		{&TaskStatusEvent{}, `{}`, "status: is required"},
		{&HostStatus{}, `{"jobs":{},"statuses":{}}`, "status: is required"},
		{&HostStatus{}, `{"status":"UP","statuses":{}}`, "jobs: is required"},
		{&HostStatus{}, `{"status":"UP","jobs":{},"statuses":null}`, "statuses: is required"},
		{&HostStatus{}, `{"status":"up","jobs":{"foo":{}}}`, `jobs.foo: job id "foo" has no version: want name:version or name:version:hash`},
		{&HostStatus{}, `{"status":"sideways"}`, `status: "sideways" is not a host status: want UP or DOWN`},
		{&HostSelector{}, `{"operator":"IN","operand":[]}`, "label: is required"},
		{&HostSelector{}, `{"label":"a","operand":[]}`, "operator: is required"},
		{&HostSelector{}, `{"label":"a","operator":"IN","operand":null}`, "operand: is required"},
		{&HostSelector{}, `{"label":"a","operator":"IN","operand":"b"}`, "operand of IN: must be a list, not a string"},
		{&HostSelector{}, `{"label":"a","operator":"EQUALS","operand":["b"]}`, "operand of EQUALS: must be a string, not a list"},
		{&HostSelector{}, `{"label":"a","operator":"="}`, `operator: "=" is not a host selector operator: want EQUALS, NOT_EQUALS, IN or NOT_IN`},
		{&DeploymentGroup{}, `{"hostSelectors":[{"label":"a"}]}`, "hostSelectors[0].operator: is required"},
		{&DeploymentGroupStatus{}, `{}`, "state: is required"},
		{&DeploymentGroupTasks{}, `{}`, "rolloutTasks: is required"},
		{&DeploymentGroupTasks{}, `{"rolloutTasks":[{"target":"a"}]}`, "rolloutTasks[0].action: is required"},
		{&DeploymentGroupTasks{}, `{"rolloutTasks":[{"action":"AWAIT_RUNNING"}]}`, "rolloutTasks[0].target: is required"},
		{&RollingUpdateRequest{}, `{"rolloutOptions":{}}`, "job: is required"},
		{&StatusBatch{}, `{"reports":[{"seq":1,"jobId":"a:1"}]}`, "reports[0].status: is required"},
		{&StatusBatch{}, `{"reports":[{"seq":1}]}`, "reports[0].jobId: is required"},
		{&StatusBatch{}, `{"reports":[{"seq":-1}]}`, "reports[0].seq: must be between 0 and 9223372036854775807, not -1"},
	} {
		before := reflect.ValueOf(test.into).Elem().Interface()
		err := test.into.(json.Unmarshaler).UnmarshalJSON([]byte(test.text))
		if CodeOf(err) != CodeInvalid || err.Error() != test.want {
			t.Errorf("%T from %s: %v (%s)\nwant %s", test.into, test.text, err, CodeOf(err), test.want)
		}
		if diff := cmp.Diff(before, reflect.ValueOf(test.into).Elem().Interface()); diff != "" {
			t.Errorf("%T from %s was changed:\n%s", test.into, test.text, diff)
		}
	}
}

// TestReaderAgreesWithTheStandardLibrary on what is JSON and what is not. What is not may be refused for another reason first.
func TestReaderAgreesWithTheStandardLibrary(t *testing.T) {
	texts := []string{
		``, ` `, `{`, `}`, `{}`, `{} x`, `{"a"}`, `{"a":}`, `{"a":1,}`, `{,}`, `{"a":1 "b":2}`, `{a:1}`, `{"a":1}}`, `{'a':1}`,
		`{"a":[}`, `{"a":[1,]}`, `{"a":[,1]}`, `{"a":[1 2]}`, `{"a":tru}`, `{"a":nul}`, `{"a":falsy}`, `{"a":true1}`,
		`{"a":01}`, `{"a":-}`, `{"a":+1}`, `{"a":.5}`, `{"a":1.}`, `{"a":1e}`, `{"a":1e+}`, `{"a":-0.5e+10}`, `{"a":0}`, `{"a":1_0}`,
		`{"a":"`, `{"a":"\`, `{"a":"\x"}`, `{"a":"\u12"}`, `{"a":"\u12g4"}`, `{"a":"\ud800\u00"}`, "{\"a\":\"\n\"}", "{\"a\":\"\\n\t\"}",
		`{"a":"\u1234"}`, `{"a`, `{"a":NaN}`, `{"a":--1}`, "\ufeff{}", `{"a":"x`, `{"a":"\nx`, `{"a":{"b":[[[{}]]]}}`,
	}
	for _, text := range texts {
		// An unknown key is skipped, a known one is read: both must see the fault.
		for _, key := range []string{`"a"`, `"image"`, `"gracePeriod"`, `"command"`, `"resources"`} {
			text := strings.Replace(text, `"a"`, key, 1)
			var job Job
			err := job.UnmarshalJSON([]byte(text))
			valid := json.Valid([]byte(text))
			syntaxFault := err != nil && strings.Contains(err.Error(), "invalid JSON")
			if valid && syntaxFault || !valid && err == nil {
				t.Errorf("%s: valid is %v, the reader says %v", text, valid, err)
			}
		}
	}
	deep := `{"x":` + strings.Repeat("[", 10000) + strings.Repeat("]", 10000) + `}`
	if err := new(Job).UnmarshalJSON([]byte(deep)); err == nil || !strings.Contains(err.Error(), "nested too deeply") {
		t.Errorf("nesting: %v", err)
	}
}
