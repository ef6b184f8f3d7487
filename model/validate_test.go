package model

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// validJob is the job that the cases below spoil.
func validJob() Job {
	return Job{
		ID:    JobID{Name: "web", Version: "3"},
		Image: "nginx:1.25",
		Ports: map[string]PortMapping{"http": {InternalPort: 80, ExternalPort: ptr(8080), Protocol: "tcp"}},
	}
}

func TestValidate(t *testing.T) {
	long, tooLong := strings.Repeat("a", 64), strings.Repeat("a", MaxNameLength+1)
	for _, test := range []struct {
		name    string
		spoil   func(*Job)
		options ValidateOptions
		want    []string // one message per fault
	}{
		{name: "valid", spoil: func(*Job) {}},
		{name: "full", spoil: func(j *Job) { *j = fullJob(); j.GracePeriod = nil }},

		{name: "name missing", spoil: func(j *Job) { j.ID.Name = "" }, options: ValidateOptions{CheckHash: true},
			want: []string{"job name is not specified"}},
		{name: "version missing", spoil: func(j *Job) { j.ID.Version = "" }, options: ValidateOptions{CheckHash: true},
			want: []string{"job version is not specified"}},
		{name: "name of all legal kinds", spoil: func(j *Job) { j.ID.Name = "foo17.bar-baz_quux" }},
		{name: "version of all legal kinds", spoil: func(j *Job) { j.ID.Version = "foo17.bar-baz_quux" }},
		{name: "name with illegal character", spoil: func(j *Job) { j.ID.Name = "foo@bar" },
			want: []string{`job name "foo@bar" is not legal: want letters, digits, . _ and - only`}},
		{name: "version with blank at the end", spoil: func(j *Job) { j.ID.Version = "17 " },
			want: []string{`job version "17 " is not legal: want letters, digits, . _ and - only`}},
		{name: "name and version as long as they may be", spoil: func(j *Job) { j.ID.Name = tooLong[1:]; j.ID.Version = tooLong[1:] }},
		{name: "name and version too long", spoil: func(j *Job) { j.ID.Name = tooLong; j.ID.Version = tooLong },
			want: []string{"job name has 1025 bytes: want at most 1024", "job version has 1025 bytes: want at most 1024"}},
		{name: "hash that is right", spoil: func(j *Job) { j.ID = j.ComputeID() }, options: ValidateOptions{CheckHash: true}},
		{name: "hash that is wrong", spoil: func(j *Job) { j.ID.Hash = "badf00d" }, options: ValidateOptions{CheckHash: true},
			want: []string{"hash mismatch: the id is web:3:badf00d, but the job's definition gives " + validJob().ComputeID().String()}},
		{name: "hash that nobody checks", spoil: func(j *Job) { j.ID.Hash = "badf00d" }},
		{name: "hash over the capabilities as they came", options: ValidateOptions{CheckHash: true}, spoil: func(j *Job) {
			j.DropCapabilities = []string{"NET_ADMIN", "SYS_ADMIN"}
			j.ID = j.computeID(suppliedOrder)
		}},

		{name: "image missing", spoil: func(j *Job) { j.Image = "" }, want: []string{"image is not specified"}},

		{name: "hostname", spoil: func(j *Job) { j.Hostname = "foo17bar-baz-" }},
		{name: "hostname of 63", spoil: func(j *Job) { j.Hostname = long[1:] }},
		{name: "hostname too long", spoil: func(j *Job) { j.Hostname = long },
			want: []string{`hostname "` + long + `" is not legal: want 1 to 63 lower-case letters, digits and -, not beginning with -`}},
		{name: "hostname in capitals", spoil: func(j *Job) { j.Hostname = "D34DB33F" },
			want: []string{`hostname "D34DB33F" is not legal: want 1 to 63 lower-case letters, digits and -, not beginning with -`}},
		{name: "hostname with dot", spoil: func(j *Job) { j.Hostname = "a.b" },
			want: []string{`hostname "a.b" is not legal: want 1 to 63 lower-case letters, digits and -, not beginning with -`}},
		{name: "hostname of a hyphen", spoil: func(j *Job) { j.Hostname = "-" },
			want: []string{`hostname "-" is not legal: want 1 to 63 lower-case letters, digits and -, not beginning with -`}},

		{name: "same external port for tcp and udp", spoil: func(j *Job) {
			j.Ports["dns"] = PortMapping{InternalPort: 53, ExternalPort: ptr(8080), Protocol: "udp"}
		}},
		{name: "two dynamic ports", spoil: func(j *Job) {
			j.Ports = map[string]PortMapping{"1": {InternalPort: 1, Protocol: "tcp"}, "add_ports1": {InternalPort: 1, Protocol: "tcp"}}
		}},
		{name: "same external port twice", spoil: func(j *Job) {
			j.Ports["also"] = PortMapping{InternalPort: 81, ExternalPort: ptr(8080), Protocol: "tcp", IP: "::1"}
		}, want: []string{`ports "also" and "http" both have external port tcp 8080: each may be used once`}},
		{name: "port with everything wrong", spoil: func(j *Job) {
			j.Ports = map[string]PortMapping{"a b": {IP: "localhost", InternalPort: 65536, ExternalPort: ptr(-1), Protocol: "UDP"}}
		}, want: []string{
			`port name "a b" is not legal: want at least one character and no blanks`,
			`port "a b" has protocol "UDP": want tcp or udp`,
			`port "a b" has internal port 65536: want 0 to 65535`,
			`port "a b" has ip "localhost": want a literal IPv4 or IPv6 address`,
			`port "a b" has external port -1: want 0 to 65535`,
		}},
		{name: "ports at the limits", spoil: func(j *Job) {
			j.Ports = map[string]PortMapping{"a": {InternalPort: 0, ExternalPort: ptr(65535), Protocol: "tcp", IP: "::1"}}
		}},
		{name: "port without name or protocol", spoil: func(j *Job) { j.Ports = map[string]PortMapping{"": {InternalPort: 1}} },
			want: []string{
				`port name "" is not legal: want at least one character and no blanks`,
				`port "" has protocol "": want tcp or udp`,
			}},

		{name: "registration", spoil: func(j *Job) { register(j, "web", "http") }},
		{name: "registration of no ports", spoil: func(j *Job) { register(j, "s.vc") }},
		{name: "registration without ports", spoil: func(j *Job) {
			j.Registration = map[ServiceEndpoint]ServicePorts{{"web", "tcp"}: {}}
		}, want: []string{`registration "web/tcp" has no ports: want the names of the ports it is reached at`}},
		{name: "registration of an unknown port", spoil: func(j *Job) { register(j, "web", "http", "nope") },
			want: []string{`registration "web/tcp" refers to port "nope", which is not mapped: the job maps http`}},
		{name: "registration of a bad name", spoil: func(j *Job) { register(j, "w.eb", "http") },
			want: []string{`service name "w.eb" is not legal: want letters, digits, _ and - only`}},

		{name: "volumes", spoil: func(j *Job) {
			j.Volumes = map[string]string{"/foo": "bar", "/a": "/", "/b": "/bar", "/c": "", "/foo:ro": "x", "/d:bogus": "", "/:ro": "/x"}
		}},
		{name: "volumes with faults", spoil: func(j *Job) {
			j.Volumes = map[string]string{"": "", "/": "", "/a": "bar/baz", "/foo:": "", "/foo:ro:z": "", "foo": "bar/baz"}
		}, want: []string{
			`volume path "" is not absolute: it must start with /`,
			`volume path / is not legal: the root of the container cannot be a volume`,
			`volume source "bar/baz" is not legal: want a path that starts with /, the name of a volume, or nothing`,
			`volume path "/foo:" is not legal: want PATH, PATH:ro or PATH:rw`,
			`volume path "/foo:ro:z" is not legal: want PATH, PATH:ro or PATH:rw`,
			`volume path "foo" is not absolute: it must start with /`,
		}},

		{name: "ramdisks", spoil: func(j *Job) {
			j.Ramdisks = map[string]string{"/tmp": "", "/a/b": "size=1m"}
			j.Volumes = map[string]string{"/a": "", "/tmp2:ro": "x"}
		}},
		{name: "ramdisks with faults", spoil: func(j *Job) {
			j.Ramdisks = map[string]string{"relative-path": "", "/a": "", "/derp": ""}
			j.Volumes = map[string]string{"/a:ro": "x", "/derp": ""}
		}, want: []string{
			`ramdisk mount point "/a" is used by a volume too: each path may be used once`,
			`ramdisk mount point "/derp" is used by a volume too: each path may be used once`,
			`ramdisk mount point "relative-path" is not absolute: it must start with /`,
		}},

		{name: "expires now", spoil: func(j *Job) { j.Expires = ptr(Timestamp(1000)) }, options: ValidateOptions{Now: 1000}},
		{name: "expired", spoil: func(j *Job) { j.Expires = ptr(Timestamp(999)) }, options: ValidateOptions{Now: 1000},
			want: []string{"expires 1970-01-01T00:00:00.999+0000 is in the past: it is now 1970-01-01T00:00:01.000+0000"}},

		{name: "http check", spoil: func(j *Job) { j.HealthCheck = &HealthCheck{Type: HealthCheckHTTP, Port: "http", Path: "nope"} }},
		{name: "tcp check", spoil: func(j *Job) { j.HealthCheck = &HealthCheck{Type: HealthCheckTCP, Port: "http"} }},
		{name: "exec check", spoil: func(j *Job) { j.HealthCheck = &HealthCheck{Type: HealthCheckExec, Command: []string{"true"}} }},
		{name: "exec check without command", spoil: func(j *Job) { j.HealthCheck = &HealthCheck{Type: HealthCheckExec} },
			want: []string{"exec health check has no command"}},
		{name: "http check without port", spoil: func(j *Job) { j.HealthCheck = &HealthCheck{Type: HealthCheckHTTP, Path: "/"} },
			want: []string{"http health check has no port: want the name of a mapped port; the job maps http"}},
		{name: "tcp check of an unknown port", spoil: func(j *Job) {
			j.Ports = nil
			j.HealthCheck = &HealthCheck{Type: HealthCheckTCP, Port: "http"}
		}, want: []string{`tcp health check refers to port "http", which is not mapped: the job maps no ports`}},
		{name: "unknown check", spoil: func(j *Job) { j.HealthCheck = &HealthCheck{Type: "ping"} },
			want: []string{`health check type "ping" is not known: want exec, http or tcp`}},
		{name: "check that goes on", spoil: func(j *Job) {
			j.HealthCheck = &HealthCheck{Type: HealthCheckTCP, Port: "http", Interval: 86400, UnhealthyAfter: 1}
		}},
		{name: "check that goes on too seldom", spoil: func(j *Job) { j.HealthCheck = &HealthCheck{Type: HealthCheckTCP, Port: "http", Interval: 86401} },
			want: []string{"health check interval 86401 is not legal: want 1 to 86400 seconds, or 0 for no checks once the container runs"}},
		{name: "check with negative numbers", spoil: func(j *Job) {
			j.HealthCheck = &HealthCheck{Type: HealthCheckTCP, Port: "http", Interval: -1, UnhealthyAfter: -1}
		}, want: []string{
			"health check interval -1 is not legal: want 1 to 86400 seconds, or 0 for no checks once the container runs",
			"health check unhealthyAfter -1 is not legal: want at least 1, or 0 for 3",
		}},
		{name: "check with failures to count but no interval", spoil: func(j *Job) {
			j.HealthCheck = &HealthCheck{Type: HealthCheckTCP, Port: "http", UnhealthyAfter: 2}
		}, want: []string{"health check has unhealthyAfter 2 but no interval: without one a running container is not checked"}},

		{name: "network host", spoil: func(j *Job) { j.NetworkMode = "host" }},
		{name: "network bridge", spoil: func(j *Job) { j.NetworkMode = "bridge" }},
		{name: "network container", spoil: func(j *Job) { j.NetworkMode = "container:" }},
		{name: "network chocolate", spoil: func(j *Job) { j.NetworkMode = "chocolate" },
			want: []string{`network mode "chocolate" is not legal: want bridge, host or container:NAME`}},
		{name: "network in capitals", spoil: func(j *Job) { j.NetworkMode = "Bridge" },
			want: []string{`network mode "Bridge" is not legal: want bridge, host or container:NAME`}},

		{name: "capabilities that nobody checks", spoil: addCapabilities},
		{name: "capabilities without whitelist", spoil: addCapabilities, options: ValidateOptions{CheckCapabilities: true},
			want: []string{"added capabilities cap1, cap2 are not allowed by the master: none is allowed"}},
		{name: "capabilities half allowed", spoil: addCapabilities,
			options: ValidateOptions{CheckCapabilities: true, CapabilityWhitelist: []string{"cap1"}},
			want:    []string{"added capabilities cap2 are not allowed by the master: allowed are cap1"}},
		{name: "capabilities allowed", spoil: addCapabilities,
			options: ValidateOptions{CheckCapabilities: true, CapabilityWhitelist: []string{"cap1", "cap2"}}},
		{name: "capabilities to drop", spoil: func(j *Job) { j.DropCapabilities = []string{"ANY"} },
			options: ValidateOptions{CheckCapabilities: true}},

		{name: "grace period with fixed port", spoil: func(j *Job) { j.GracePeriod = ptr(500) },
			want: []string{"grace period 500 cannot be combined with a fixed external port (8080): set one of them only"}},
		{name: "no grace period with fixed port", spoil: func(j *Job) { j.GracePeriod = ptr(0) }},
		{name: "negative grace period with fixed port", spoil: func(j *Job) { j.GracePeriod = ptr(-1) }},
		{name: "grace period with dynamic port", spoil: func(j *Job) {
			j.GracePeriod = ptr(500)
			j.Ports["http"] = PortMapping{InternalPort: 80, Protocol: "tcp"}
		}},

		{name: "nothing at all", spoil: func(j *Job) { *j = Job{} },
			want: []string{"job name is not specified", "job version is not specified", "image is not specified"}},
	} {
		t.Run(test.name, func(t *testing.T) {
			job := validJob()
			test.spoil(&job)
			if diff := cmp.Diff(test.want, job.Validate(test.options)); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
		})
	}
}

// register registers the ports under name/tcp.
func register(j *Job, name string, ports ...string) {
	services := ServicePorts{Ports: map[string]ServicePortParameters{}}
	for _, port := range ports {
		services.Ports[port] = ServicePortParameters{}
	}
	j.Registration = map[ServiceEndpoint]ServicePorts{{Name: name, Protocol: "tcp"}: services}
}

func addCapabilities(j *Job) {
	j.AddCapabilities = []string{"cap1", "cap2"}
}

// TestHashOverTheSuppliedOrderSurvivesTheWire: programs that build jobs in memory send the hash over the order in which they send
// the capabilities.
func TestHashOverTheSuppliedOrderSurvivesTheWire(t *testing.T) {
	job := validJob()
	job.DropCapabilities = []string{"NET_ADMIN", "SYS_ADMIN"}
	supplied := job.computeID(suppliedOrder)
	if supplied == job.ComputeID() {
		t.Fatal("the order makes no difference")
	}
	job.ID = supplied
	data, err := job.MarshalJSON()
	if err != nil {
		t.Fatal(err)
	}
	var read Job
	if err := read.UnmarshalJSON(data); err != nil {
		t.Fatal(err)
	}
	if faults := read.Validate(ValidateOptions{CheckHash: true}); len(faults) > 0 {
		t.Errorf("refused: %q", faults)
	}
}
