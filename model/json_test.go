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
		ExitCode: ptr(137), OOMKilled: true, Signal: "SIGKILL", Restarts: 2, Since: 1500000000123,
		Unhealthy: true, HealthError: "connection refused", Progress: "12 MB of 30 MB",
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
		"HealthCheck continued": HealthCheck{Type: HealthCheckTCP, Port: "http", Interval: 10, UnhealthyAfter: 5},
		"PortMapping unset":     PortMapping{Protocol: "tcp"},
		"Resources unset":       Resources{},
		"RolloutOptions unset":  RolloutOptions{},
		"RolloutOptions":        *fullRolloutOptions(),
		"ServicePorts null":     ServicePorts{},
		"ServicePorts of kinds": ServicePorts{Ports: map[string]ServicePortParameters{"a": {}, "b": {Tags: []string{}}, "c": {Null: true}}},

		"Deployment":             deployment,
		"Deployment unset":       Deployment{},
		"Task":                   task,
		"Task unset":             Task{Job: Job{ID: id}, Goal: GoalStart},
		"TaskStatus":             status,
		"TaskStatus unset":       TaskStatus{Job: Job{ID: id}, State: StateCreating, Throttled: ThrottleNo},
		"TaskStatus ended well":  TaskStatus{Job: Job{ID: id}, State: StateExited, Throttled: ThrottleNo, ExitCode: ptr(0)},
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
			Drain: &Drain{Since: 1500000000000, User: "alice", Stopped: []JobID{id}},
		},
		"Drain":            Drain{Since: 1500000000000, User: "alice", Stopped: []JobID{id}},
		"Drain unset":      Drain{Since: 1500000000000},
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

		"Rollout": Rollout{
			ID: 12, Group: "web-group", Reason: RolloutBack, From: id, To: id, User: "alice", Started: 1500000000000, Ended: 1500000009000,
			Options: *fullRolloutOptions(), State: RolloutFailed, Since: 1500000009000, Code: CodeRolloutTimedOut, Result: "host1: timed out",
			CanaryPassed: true, Accepted: 1, Listed: true, Undoes: 7, Cause: "host2: timed out",
			Counts: &RolloutCounts{Done: 3, Failed: 1, Skipped: 2, Stopped: 4},
		},
		"Rollout unset": Rollout{ID: 12, Group: "web-group", Reason: RolloutByUser, State: RolloutRunning},
		"RolloutHost": RolloutHost{
			Host: "host1", Phase: PhaseFailed, Since: 5, Step: 3, Attempt: 2, Started: 1, Deployed: 2, Ended: 5, Code: CodeRolloutTimedOut,
			Reason: "timed out", Before: []JobID{id}, Undeployed: []JobID{id}, TaskSince: 4, First: true, Restore: true, Wanted: []JobID{id},
		},
		"RolloutHost unset": RolloutHost{Host: "host1", Phase: PhasePending},
		"RolloutMove": RolloutMove{
			Host: "host1", From: PhasePending, Step: 1, To: PhaseAwaiting, Leave: true, Undeploy: []JobID{id}, Deploy: []JobID{id},
			TaskSince: 3, Code: CodeRolloutTimedOut, Reason: "timed out",
		},
		"Event of a rollout": Event{
			Index: 4, Type: EventRolloutHost, Time: 1500000000000, JobID: &id, Host: "host1",
			Group: "web-group", Rollout: 12, State: RolloutRunning, Phase: PhaseFailed, Message: "timed out",
		},

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
			Environment: map[string]string{"A": "1"}, Labels: map[string]string{"role": "web"}, TTL: ptr(int64(0)),
		},
		"Registration unset":     Registration{Host: "host1", AgentID: "agent"},
		"Registered":             Registered{Epoch: 1, AckedSeq: 2, ClusterID: "c", Index: 3},
		"Registered unset":       Registered{Epoch: 1},
		"TaskUpdate":             TaskUpdate{Type: TaskUpdateChange, Index: 3, Tasks: []Task{task}, Removed: []JobID{id}, Epoch: 7},
		"TaskUpdate unset":       TaskUpdate{Type: TaskUpdateHeartbeat, Index: 3},
		"StatusBatch":            StatusBatch{AgentID: "agent", Reports: []StatusReport{report, {Seq: 10, JobID: id, Timestamp: 1, Removed: true}}},
		"StatusBatch unset":      StatusBatch{AgentID: "agent"},
		"StatusAck":              StatusAck{AckedSeq: 9},
		"Gauges":                 Gauges{AgentID: "agent", LoadAvg: 0.5, MemoryFreeBytes: 1, SwapFreeBytes: 2, Uptime: 3, Progress: map[JobID]string{id: "12 MB of 30 MB"}},
		"Gauges unset":           Gauges{AgentID: "agent"},
		"TaskRecord":             TaskRecord{Task: task, Ports: map[string]int{"http": 20001}, ContainerName: "n", ContainerID: "i", Ready: true, Containers: 3, Registered: true, Status: &status},
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
