package model

import (
	"bytes"
	"encoding/json"
	"flag"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"
)

var update = flag.Bool("update", false, "rewrite the golden files")

// nouns are the values of testdata/json: each noun with everything set, and the ones that write unset fields with nothing set.
func nouns() map[string]any {
	id := JobID{Name: "web", Version: "3", Hash: hash40}
	job := fullJob()
	deployment := Deployment{JobID: id, Goal: GoalStart, DeployerUser: "alice", DeployerMaster: "master1", DeploymentGroupName: "web-group"}
	status := TaskStatus{
		Job: job, Goal: GoalStart, State: StateRunning, ContainerID: "5a31d4", Throttled: ThrottleFlapping,
		Ports: map[string]PortMapping{"http": {InternalPort: 80, ExternalPort: ptr(20001), Protocol: "tcp"}},
		Env:   map[string]string{"MODE": "prod"}, ContainerError: "oops",
	}
	task := Task{
		Job: job, Goal: GoalStop, DeployerUser: "alice", DeployerMaster: "master1", DeploymentGroupName: "web-group", Generation: 7,
	}
	hostInfo := HostInfo{
		Hostname: "host1", Uname: "Linux host1 5.10", Architecture: "amd64", OSName: "Linux", OSVersion: "5.10", CPUs: 8, LoadAvg: 0.28,
		MemoryTotalBytes: 33421123584, MemoryFreeBytes: 26494124032, SwapTotalBytes: 2, SwapFreeBytes: 1,
		DockerVersion: &DockerVersion{
			APIVersion: "1.41", Arch: "amd64", GitCommit: "abc", GoVersion: "go1.16", KernelVersion: "5.10", OS: "linux", Version: "20.10",
		},
		DockerHost: "unix:///var/run/docker.sock", DockerCertPath: "/certs", Runtime: "docker",
	}
	agentInfo := AgentInfo{
		Name: "1@host1", VMName: "a", VMVendor: "b", VMVersion: "c", SpecName: "d", SpecVendor: "e", SpecVersion: "f",
		InputArguments: []string{"--x"}, Uptime: 231779308, StartTime: 1410308461448, Version: "0.9.0",
	}
	selectors := []HostSelector{
		{Label: "role", Operator: SelectorEquals, Operand: "web"},
		{Label: "pool", Operator: SelectorNotIn, Operands: []string{"a", "b"}},
	}
	group := DeploymentGroup{
		Name: "web-group", HostSelectors: selectors, JobID: id, RolloutOptions: job.RolloutOptions, RollingUpdateReason: ReasonManual,
	}
	groupStatus := DeploymentGroupStatus{State: GroupFailed, Error: "timed out"}
	report := StatusReport{Seq: 9, JobID: id, Timestamp: 1500000000000, Status: &status}
	return map[string]any{
		"Job":                   job,
		"Job unset":             Job{},
		"HealthCheck exec":      HealthCheck{Type: HealthCheckExec, Command: []string{"sh", "-c", "true"}},
		"HealthCheck tcp":       HealthCheck{Type: HealthCheckTCP, Port: "http"},
		"HealthCheck http":      HealthCheck{Type: HealthCheckHTTP},
		"PortMapping unset":     PortMapping{Protocol: "tcp"},
		"Resources unset":       Resources{},
		"RolloutOptions unset":  RolloutOptions{},
		"ServicePorts null":     ServicePorts{},
		"ServicePorts of kinds": ServicePorts{Ports: map[string]ServicePortParameters{"a": {}, "b": {Tags: []string{}}, "c": {Null: true}}},

		"Deployment":             deployment,
		"Deployment unset":       Deployment{},
		"Task":                   task,
		"Task unset":             Task{Job: Job{ID: id}, Goal: GoalStart},
		"TaskStatus":             status,
		"TaskStatus unset":       TaskStatus{Job: Job{ID: id}, State: StateCreating, Throttled: ThrottleNo},
		"TaskStatusEvent":        TaskStatusEvent{Status: status, Timestamp: 1500000000000, Host: "host1"},
		"TaskStatusEvents unset": TaskStatusEvents{Status: CodeOK},
		"JobStatus": JobStatus{
			Job: job, TaskStatuses: map[string]TaskStatus{"host1": status}, Deployments: map[string]Deployment{"host1": deployment},
		},
		"JobStatus unset": JobStatus{Job: Job{ID: id}},
		"HostStatus": HostStatus{
			Status: Up, Jobs: map[JobID]Deployment{id: deployment}, Statuses: map[JobID]TaskStatus{id: status},
			HostInfo: &hostInfo, AgentInfo: &agentInfo,
			Environment: map[string]string{"SYSLOG_HOST_PORT": "10.0.0.1:514"}, Labels: map[string]string{"role": "web"},
		},
		"HostStatus unset": HostStatus{Status: Down},
		"HostInfo unset":   HostInfo{},
		"AgentInfo unset":  AgentInfo{},

		"DeploymentGroup":              group,
		"DeploymentGroup fresh":        DeploymentGroup{Name: "web-group", HostSelectors: []HostSelector{}},
		"DeploymentGroupStatus":        groupStatus,
		"DeploymentGroupStatus unset":  DeploymentGroupStatus{State: GroupDone},
		"DeploymentGroupTasks":         DeploymentGroupTasks{RolloutTasks: []RolloutTask{{ActionAwaitRunning, "host1"}}, TaskIndex: 1, DeploymentGroup: &group},
		"DeploymentGroupTasks unset":   DeploymentGroupTasks{},
		"RollingUpdateRequest":         RollingUpdateRequest{JobID: id, RolloutOptions: &RolloutOptions{Parallelism: ptr(2)}},
		"DeploymentGroupStatusFailed":  DeploymentGroupStatusResponse{DeploymentGroup: group, Status: GroupStatusFailed, Error: ptr("timed out"), HostStatuses: []DeploymentGroupHostStatus{{"host1", id, StateRunning}, {Host: "host2"}}, DeploymentGroupStatus: &groupStatus},
		"DeploymentGroupStatusIdle":    DeploymentGroupStatusResponse{DeploymentGroup: DeploymentGroup{Name: "web-group"}, Status: GroupStatusIdle, Error: ptr("")},
		"DeploymentGroupStatusRolling": DeploymentGroupStatusResponse{DeploymentGroup: DeploymentGroup{Name: "web-group"}, Status: GroupStatusRollingOut},

		"CreateJobResponse":             CreateJobResponse{Status: CodeInvalidJob, Errors: []string{"image is not specified"}, ID: id.String()},
		"CreateJobResponse unset":       CreateJobResponse{Status: CodeOK, ID: id.String()},
		"JobDeleteResponse":             JobDeleteResponse{Status: CodeJobStillInUse},
		"JobDeployResponse":             JobDeployResponse{Status: CodePortConflict, Job: id.String(), Host: "host1"},
		"JobUndeployResponse":           JobUndeployResponse{Status: CodeOK, Job: id.String(), Host: "host1"},
		"SetGoalResponse":               SetGoalResponse{Status: CodeOK, Job: id.String(), Host: "host1"},
		"HostRegisterResponse":          HostRegisterResponse{Status: CodeInvalidID, Host: "host1"},
		"HostDeregisterResponse":        HostDeregisterResponse{Status: CodeNotFound, Host: "host1"},
		"CreateDeploymentGroupResponse": CreateDeploymentGroupResponse{Status: CodeGroupNotModified},
		"RemoveDeploymentGroupResponse": RemoveDeploymentGroupResponse{Status: CodeGroupRemoved},
		"RollingUpdateResponse":         RollingUpdateResponse{Status: CodeGroupNotFound},
		"VersionCheckResponse":          VersionCheckResponse{Status: VersionEqual, ServerVersion: Version{0, 9, 1, true}, RecommendedVersion: "0.9.1-SNAPSHOT"},
		"Error":                         Error{Code: CodeInvalidJob, Message: "job web:3 is not valid", Details: []string{"image is not specified"}},

		"Registration": Registration{
			Host: "host1", AgentID: "agent", HostInfo: hostInfo, AgentInfo: agentInfo,
			Environment: map[string]string{"A": "1"}, Labels: map[string]string{"role": "web"},
		},
		"Registered":             Registered{Epoch: 1, AckedSeq: 2, ClusterID: "c"},
		"TaskUpdate":             TaskUpdate{Type: TaskUpdateChange, Index: 3, Tasks: []Task{task}, Removed: []JobID{id}},
		"TaskUpdate unset":       TaskUpdate{Type: TaskUpdateHeartbeat, Index: 3},
		"StatusBatch":            StatusBatch{AgentID: "agent", Reports: []StatusReport{report, {Seq: 10, JobID: id, Timestamp: 1, Removed: true}}},
		"StatusBatch unset":      StatusBatch{AgentID: "agent"},
		"StatusAck":              StatusAck{AckedSeq: 9},
		"Gauges":                 Gauges{AgentID: "agent", LoadAvg: 0.5, MemoryFreeBytes: 1, SwapFreeBytes: 2, Uptime: 3},
		"TaskRecord":             TaskRecord{Task: task, Ports: map[string]int{"http": 20001}, ContainerName: "n", ContainerID: "i", Ready: true, Status: &status},
		"Event":                  Event{Index: 4, Type: EventTaskStatus, Time: 1500000000000, JobID: &id, Host: "host1", User: "alice", Deployment: &deployment, Status: &status},
		"Event heartbeat":        Event{Index: 4, Type: EventHeartbeat, Time: 1500000000000},
		"map of jobs by id":      map[JobID]Job{id: {ID: id}},
		"StatusReport of escape": StatusReport{Seq: 1, JobID: JobID{"<&>\"\\\n\u2028\U0001F600", "1", ""}, Removed: true},
	}
}

// TestJSONGolden pins every field name, null and empty collection on the wire.
func TestJSONGolden(t *testing.T) {
	for name, value := range nouns() {
		t.Run(name, func(t *testing.T) {
			var line bytes.Buffer
			encoder := json.NewEncoder(&line)
			encoder.SetEscapeHTML(false)
			if err := encoder.Encode(value); err != nil {
				t.Fatal(err)
			}
			var got bytes.Buffer
			if err := json.Indent(&got, line.Bytes(), "", "  "); err != nil {
				t.Fatal(err)
			}
			file := filepath.Join("testdata", "json", strings.ReplaceAll(name, " ", "-")+".json")
			if *update {
				if err := os.WriteFile(file, got.Bytes(), 0o644); err != nil {
					t.Fatal(err)
				}
			}
			want, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(string(want), got.String()); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
		})
	}
}

// TestJSONRoundTrip reads every noun back from its own JSON.
func TestJSONRoundTrip(t *testing.T) {
	for name, value := range nouns() {
		if name == "CreateJobResponse unset" || name == "TaskStatusEvents unset" {
			continue // read by the standard library, which makes an empty list of []
		}
		t.Run(name, func(t *testing.T) {
			data, err := json.Marshal(value)
			if err != nil {
				t.Fatal(err)
			}
			read := reflect.New(reflect.TypeOf(value))
			if err := json.Unmarshal(data, read.Interface()); err != nil {
				t.Fatalf("%v\n%s", err, data)
			}
			if diff := cmp.Diff(value, read.Elem().Interface()); diff != "" {
				t.Errorf("(-sent +received):\n%s", diff)
			}
		})
	}
}

// TestJSONKeepsEveryFieldOfItsTags checks that the fields written are those of the tags, so that the types tell the truth.
func TestJSONKeepsEveryFieldOfItsTags(t *testing.T) {
	for name, value := range nouns() {
		kind := reflect.TypeOf(value)
		if kind.Kind() != reflect.Struct || strings.Contains(name, " ") || kind == reflect.TypeFor[HostSelector]() {
			continue
		}
		data, err := json.Marshal(value)
		if err != nil {
			t.Fatal(err)
		}
		var written map[string]json.RawMessage
		if err := json.Unmarshal(data, &written); err != nil {
			t.Fatal(err)
		}
		for i := range kind.NumField() {
			tag, _, _ := strings.Cut(kind.Field(i).Tag.Get("json"), ",")
			if _, ok := written[tag]; !ok && !reflect.ValueOf(value).Field(i).IsZero() {
				t.Errorf("%s does not write %q", name, tag)
			}
			delete(written, tag)
		}
		for key := range written {
			t.Errorf("%s writes %q, which no field has as its tag", name, key)
		}
	}
}

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

// TestJobWrittenAndRead checks that all jobs come back as they were, nothing and empty being the same.
func TestJobWrittenAndRead(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		job := drawJob(t)
		first, err := job.MarshalJSON()
		if err != nil {
			t.Fatal(err)
		}
		if !json.Valid(first) {
			t.Fatalf("not JSON: %s", first)
		}
		var read Job
		if err := read.UnmarshalJSON(first); err != nil {
			t.Fatalf("%v\n%s", err, first)
		}
		second, err := read.MarshalJSON()
		if err != nil {
			t.Fatal(err)
		}
		// Only repeated capabilities go.
		job.AddCapabilities, job.DropCapabilities = suppliedOrder(job.AddCapabilities), suppliedOrder(job.DropCapabilities)
		want, _ := job.MarshalJSON()
		if diff := cmp.Diff(string(want), string(second)); diff != "" {
			t.Errorf("(-sent +received):\n%s", diff)
		}
	})
}

func FuzzJobJSON(f *testing.F) {
	for _, seed := range []string{
		`{}`, `{"id":"a:1:x","image":"x","expires":"2034-06-01","healthCheck":{"type":"http","port":"p","type":"http"}}`,
		`{"registration":{"svc":{"ports":{"h":null,"i":{"tags":[]}}}},"addCapabilities":["b","a","b"]}`,
		`{"env":{"\ud83d\ude00":"\u001b<&>"},"gracePeriod":10.7,"resources":{"memory":"7"},"rolloutOptions":{"migrate":"true"}}`,
	} {
		f.Add([]byte(seed))
	}
	full, err := fullJob().MarshalJSON()
	if err != nil {
		f.Fatal(err)
	}
	f.Add(full)
	f.Fuzz(func(t *testing.T, data []byte) {
		var job Job
		if err := job.UnmarshalJSON(data); err != nil {
			if CodeOf(err) != CodeInvalid {
				t.Errorf("the error is %s", CodeOf(err))
			}
			return
		}
		if !json.Valid(data) {
			t.Fatalf("read what is not JSON: %q", data)
		}
		first, err := job.MarshalJSON()
		if err != nil {
			t.Fatal(err)
		}
		if !json.Valid(first) {
			t.Fatalf("wrote what is not JSON: %s", first)
		}
		var again Job
		if err := again.UnmarshalJSON(first); err != nil {
			t.Fatalf("%v\n%s", err, first)
		}
		if diff := cmp.Diff(job, again); diff != "" {
			t.Fatalf("changed by writing and reading:\n%s", diff)
		}
		if job.ComputeID() != again.ComputeID() {
			t.Fatal("the id changed")
		}
		job.Validate(ValidateOptions{CheckHash: true, CheckCapabilities: true})
	})
}

func FuzzParseJobID(f *testing.F) {
	for _, seed := range []string{"foo", "foo:1", "foo:1:abc", "foo::abc", ":1", "a:b:c:d", "::"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) {
		lenient, err := ParseJobID(text)
		if err != nil {
			if CodeOf(err) != CodeInvalidID {
				t.Errorf("the error of %q is %s", text, CodeOf(err))
			}
			return
		}
		if again, err := ParseJobID(lenient.String()); lenient.Version+lenient.Hash != "" && (err != nil || again != lenient) {
			t.Errorf("%q is %#v, which reads as %#v, %v", text, lenient, again, err)
		}
		var strict JobID
		if err := strict.UnmarshalText([]byte(text)); err == nil && strict != lenient {
			t.Errorf("%q is %#v and %#v", text, lenient, strict)
		}
	})
}
