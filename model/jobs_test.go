package model

import (
	"reflect"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"
)

var webService = ServiceEndpoint{Name: "web", Protocol: "http"}

func ptr[T any](v T) *T { return &v }

func isHashFault(fault string) bool { return strings.Contains(fault, "hash mismatch") }

// fullJob has every field set.
func fullJob() Job {
	return Job{
		ID:                      JobID{Name: "web", Version: "3", Hash: "516f0009a604f081faea80a76f421cb48e6098b4"},
		Image:                   "registry.example:5000/team/web:3",
		Hostname:                "web1",
		Created:                 ptr(Timestamp(1500000000000)),
		Command:                 []string{"serve", "--port", "80"},
		Env:                     map[string]string{"MODE": "prod"},
		Resources:               &Resources{Memory: ptr(int64(10485760)), MemorySwap: ptr(int64(20971520)), CPUShares: ptr(int64(512)), Cpuset: "0"},
		Ports:                   map[string]PortMapping{"http": {IP: "127.0.0.1", InternalPort: 80, ExternalPort: ptr(8080), Protocol: "tcp"}},
		Registration:            map[ServiceEndpoint]ServicePorts{webService: {Ports: map[string]ServicePortParameters{"http": {Tags: []string{"a"}}}}},
		GracePeriod:             ptr(10),
		Volumes:                 map[string]string{"/data:ro": "/srv/data"},
		Expires:                 ptr(Timestamp(2000000000000)),
		RegistrationDomain:      "example.net",
		CreatingUser:            "alice",
		Token:                   "secret",
		HealthCheck:             &HealthCheck{Type: HealthCheckHTTP, Path: "/health", Port: "http"},
		SecurityOpt:             []string{"no-new-privileges"},
		NetworkMode:             "bridge",
		Metadata:                map[string]string{"team": "a"},
		AddCapabilities:         []string{"NET_ADMIN"},
		DropCapabilities:        []string{"KILL"},
		Labels:                  map[string]string{"role": "web"},
		SecondsToWaitBeforeKill: ptr(30),
		Ramdisks:                map[string]string{"/tmp": "size=1m"},
		RolloutOptions: &RolloutOptions{
			Timeout: ptr(int64(300)), Parallelism: ptr(2), Migrate: ptr(true), Overlap: ptr(true), Token: ptr("secret"), IgnoreFailures: ptr(true),
		},
		Runtime: "nvidia",
	}
}

func TestFullJobIsFull(t *testing.T) {
	job := reflect.ValueOf(fullJob())
	for i := range job.NumField() {
		if job.Field(i).IsZero() {
			t.Errorf("fullJob leaves %s unset", job.Type().Field(i).Name)
		}
	}
}

// drawJob makes up a job with a name and a version.
func drawJob(t *rapid.T) Job {
	text := rapid.StringOfN(rapid.RuneFrom([]rune("ab\"\\<\n\x01é\u2028\uFF21\U0001F600/:")), 0, 6, -1)
	number := rapid.IntRange(-5, 70000)
	words := rapid.SliceOfN(text, 0, 3)
	texts := rapid.MapOfN(text, text, 0, 3)
	job := Job{
		ID:                 JobID{Name: "a", Version: "1"},
		Image:              text.Draw(t, "image"),
		Hostname:           text.Draw(t, "hostname"),
		Command:            words.Draw(t, "command"),
		Env:                texts.Draw(t, "env"),
		Volumes:            texts.Draw(t, "volumes"),
		RegistrationDomain: text.Draw(t, "registrationDomain"),
		Token:              text.Draw(t, "token"),
		SecurityOpt:        words.Draw(t, "securityOpt"),
		NetworkMode:        text.Draw(t, "networkMode"),
		Metadata:           texts.Draw(t, "metadata"),
		AddCapabilities:    words.Draw(t, "addCapabilities"),
		DropCapabilities:   words.Draw(t, "dropCapabilities"),
		Labels:             texts.Draw(t, "labels"),
		Ramdisks:           texts.Draw(t, "ramdisks"),
		Runtime:            text.Draw(t, "runtime"),
		GracePeriod:        rapid.Ptr(number, true).Draw(t, "gracePeriod"),
	}
	if rapid.Bool().Draw(t, "expires?") {
		job.Expires = ptr(Timestamp(rapid.Int64Range(0, 4e12).Draw(t, "expires")))
	}
	if rapid.Bool().Draw(t, "resources?") {
		job.Resources = &Resources{Memory: rapid.Ptr(rapid.Int64(), true).Draw(t, "memory"), Cpuset: text.Draw(t, "cpuset")}
	}
	if rapid.Bool().Draw(t, "ports?") {
		job.Ports = map[string]PortMapping{
			text.Draw(t, "port name"): {InternalPort: number.Draw(t, "internal"), ExternalPort: rapid.Ptr(number, true).Draw(t, "external"), Protocol: "tcp"},
		}
	}
	switch rapid.IntRange(0, 3).Draw(t, "healthCheck?") {
	case 1:
		job.HealthCheck = &HealthCheck{Type: HealthCheckExec, Command: words.Draw(t, "check command")}
	case 2:
		job.HealthCheck = &HealthCheck{Type: HealthCheckHTTP, Path: text.Draw(t, "check path"), Port: text.Draw(t, "check port")}
	case 3:
		job.HealthCheck = &HealthCheck{Type: HealthCheckTCP, Port: text.Draw(t, "check port")}
	}
	if job.HealthCheck != nil {
		job.HealthCheck.Interval = number.Draw(t, "check interval")
		job.HealthCheck.UnhealthyAfter = number.Draw(t, "unhealthy after")
	}
	if rapid.Bool().Draw(t, "registration?") {
		var ports map[string]ServicePortParameters
		if rapid.Bool().Draw(t, "service ports?") {
			ports = map[string]ServicePortParameters{"p": {Tags: words.Draw(t, "tags")}, "q": {}}
		}
		job.Registration = map[ServiceEndpoint]ServicePorts{webService: {Ports: ports}}
	}
	if rapid.Bool().Draw(t, "rolloutOptions?") {
		job.RolloutOptions = &RolloutOptions{
			Parallelism: rapid.Ptr(number, true).Draw(t, "parallelism"),
			Overlap:     rapid.Ptr(rapid.Bool(), true).Draw(t, "overlap"),
			Token:       rapid.Ptr(text, true).Draw(t, "rollout token"),
		}
	}
	return job
}

// TestCloneSharesNothing changes everything that a clone could share and looks at the original.
func TestCloneSharesNothing(t *testing.T) {
	job := fullJob()
	job.HealthCheck.Command = []string{"true"}
	job.RolloutOptions = fullRolloutOptions()
	clone := job.Clone()
	if diff := cmp.Diff(job, clone); diff != "" {
		t.Fatalf("the clone differs (-job +clone):\n%s", diff)
	}
	scribble(reflect.ValueOf(&clone).Elem())
	want := fullJob()
	want.HealthCheck.Command = []string{"true"}
	want.RolloutOptions = fullRolloutOptions()
	if diff := cmp.Diff(want, job); diff != "" {
		t.Errorf("a change of the clone shows in the job (-want +got):\n%s", diff)
	}
}

// scribble overwrites everything that is reached from v.
func scribble(v reflect.Value) {
	switch v.Kind() {
	case reflect.Pointer:
		scribble(v.Elem())
	case reflect.Struct:
		for i := range v.NumField() {
			scribble(v.Field(i))
		}
	case reflect.Slice:
		for i := range v.Len() {
			scribble(v.Index(i))
		}
	case reflect.Map:
		for _, key := range v.MapKeys() {
			value := reflect.New(v.Type().Elem()).Elem()
			value.Set(v.MapIndex(key))
			scribble(value)
			v.SetMapIndex(key, value)
		}
	default:
		v.SetZero()
	}
}

func TestCloneOfTheZeroJob(t *testing.T) {
	if diff := cmp.Diff(Job{}, Job{}.Clone()); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

func TestStaticPorts(t *testing.T) {
	job := Job{Ports: map[string]PortMapping{
		"dns-tcp": {InternalPort: 53, ExternalPort: ptr(53), Protocol: "tcp"},
		"dns-udp": {InternalPort: 53, ExternalPort: ptr(53), Protocol: "udp"},
		"admin":   {InternalPort: 80, ExternalPort: ptr(8), Protocol: "tcp"},
		"dynamic": {InternalPort: 81, Protocol: "tcp"},
	}}
	if diff := cmp.Diff([]int{8, 53}, job.StaticPorts()); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	if got := (Job{}).StaticPorts(); len(got) != 0 {
		t.Errorf("a job without ports has static ports %v", got)
	}
}
