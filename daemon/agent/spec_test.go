package agent

import (
	"regexp"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/heliosctl/heliosctl/daemon/container"
	"github.com/heliosctl/heliosctl/model"
)

func TestContainerSpec(t *testing.T) {
	job := model.Job{
		ID: model.JobID{Name: "web", Version: "1.0"}, Image: "registry/web:7", Hostname: "webhost", Command: []string{"serve", "-v"},
		Env: map[string]string{"LEVEL": "job"},
		Ports: map[string]model.PortMapping{
			"http": {IP: "127.0.0.1", InternalPort: 80, Protocol: "tcp"},
			"dns":  {InternalPort: 53, ExternalPort: ptr(5353), Protocol: "udp"},
		},
		Volumes:     map[string]string{"/data": "", "/etc/conf:ro": "/host/conf", "/named": "vol"},
		SecurityOpt: []string{"label:disable"}, NetworkMode: "host", Runtime: "runc",
		AddCapabilities: []string{"NET_ADMIN"}, DropCapabilities: []string{"MKNOD"},
		Labels: map[string]string{"team": "x"}, Ramdisks: map[string]string{"/ram": "size=1m"},
		Resources: &model.Resources{Memory: ptr(int64(10 << 20)), MemorySwap: ptr(int64(-1)), CPUShares: ptr(int64(512)), Cpuset: "0"},
	}.WithID()
	config := Config{
		Host: "host1", Env: map[string]string{"LEVEL": "agent", "ZONE": "a"}, DNS: []string{"10.0.0.1"},
		ExtraHosts: []string{"db:10.0.0.2"}, Binds: []string{"/etc/hostname:/mnt:ro"}, SyslogRedirectTo: "log:514",
	}
	want := container.Spec{
		Name: "c1", AgentID: "AGENT", Host: "host1", JobID: job.ID.String(),
		Image: "registry/web:7", Hostname: "webhost", Command: []string{"serve", "-v"},
		Env:    map[string]string{"LEVEL": "job", "ZONE": "a", "HELIOS_PORT_http": "host1:20007", "HELIOS_PORT_dns": "host1:5353"},
		Labels: map[string]string{"team": "x", "heliosctl.ports": "dns=5353,http=20007"},
		Ports: []container.PortBinding{
			{Name: "dns", InternalPort: 53, ExternalPort: 5353, Protocol: "udp"},
			{Name: "http", InternalPort: 80, ExternalPort: 20007, IP: "127.0.0.1", Protocol: "tcp"},
		},
		Binds:            []string{"/host/conf:/etc/conf:ro", "vol:/named", "/etc/hostname:/mnt:ro"},
		AnonymousVolumes: []string{"/data"}, Tmpfs: map[string]string{"/ram": "size=1m"},
		NetworkMode: "host", DNS: []string{"10.0.0.1"}, ExtraHosts: []string{"db:10.0.0.2"},
		SecurityOpt: []string{"label:disable"}, AddCapabilities: []string{"NET_ADMIN"}, DropCapabilities: []string{"MKNOD"}, Runtime: "runc",
		Memory: 10 << 20, MemorySwap: -1, CPUShares: 512, Cpuset: "0",
		LogDriver:  "syslog",
		LogOptions: map[string]string{"syslog-address": "udp://log:514", "syslog-facility": "local0", "tag": job.ID.String()},
	}
	got := containerSpec(config, "AGENT", "c1", job, map[string]int{"http": 20007, "dns": 5353})
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("spec (-want +got):\n%s", diff)
	}
	if len(job.Labels) != 1 {
		t.Errorf("the job's own labels were changed: %v", job.Labels)
	}
}

func TestContainerName(t *testing.T) {
	id := model.JobID{Name: "my.web", Version: "1.0", Hash: "0123456789012345678901234567890123456789"}
	name := newContainerName("AGENT", id)
	if !regexp.MustCompile(`^helios-AGENT-my_web_1_0_0123456_[0-9a-f]{1,8}$`).MatchString(name) {
		t.Errorf("name %q", name)
	}
	if newContainerName("AGENT", id) == name {
		t.Error("the same name twice")
	}
}

func TestFloatingImages(t *testing.T) {
	for image, want := range map[string]bool{
		"busybox": true, "busybox:latest": true, "registry:5000/team/web": true,
		"busybox:1.36": false, "registry:5000/web:7": false,
		"web@sha256:0000000000000000000000000000000000000000000000000000000000000000":        false,
		"web:latest@sha256:0000000000000000000000000000000000000000000000000000000000000000": false,
		"NOT VALID": false,
	} {
		if got := floats(image); got != want {
			t.Errorf("floats(%q) = %v, want %v", image, got, want)
		}
	}
}

func TestCheckAddress(t *testing.T) {
	bridge := container.State{IPAddress: "172.17.0.5", Gateway: "172.17.0.1"}
	host := container.State{}
	unix, remote := container.Info{Endpoint: "unix:///var/run/docker.sock", Address: "localhost"}, container.Info{Endpoint: "tcp://dock:2375", Address: "dock"}
	tests := []struct {
		name        string
		check       string
		mapping     model.PortMapping
		state       container.State
		info        container.Info
		inContainer bool
		wantHost    string
		wantPort    int
	}{
		{"http", "http", model.PortMapping{}, bridge, unix, false, "localhost", 20001},
		{"tcp", "tcp", model.PortMapping{}, bridge, unix, false, "172.17.0.1", 20001},
		{"tcp in the host's network", "tcp", model.PortMapping{}, host, unix, false, "localhost", 20001},
		{"http from a container", "http", model.PortMapping{}, bridge, unix, true, "172.17.0.1", 20001},
		{"remote engine", "tcp", model.PortMapping{}, bridge, remote, false, "dock", 20001},
		{"remote engine from a container", "http", model.PortMapping{}, bridge, remote, true, "dock", 20001},
		{"http on one address", "http", model.PortMapping{IP: "10.0.0.9"}, bridge, unix, false, "10.0.0.9", 20001},
		{"tcp on loopback only", "tcp", model.PortMapping{IP: "127.0.0.1", InternalPort: 80}, bridge, unix, false, "172.17.0.5", 80},
		{"tcp on all addresses", "tcp", model.PortMapping{IP: "0.0.0.0"}, bridge, unix, false, "172.17.0.1", 20001},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			engine := engineAddress(test.info, test.state, test.inContainer)
			host, port := checkAddress(model.HealthCheck{Type: test.check}, test.mapping, 20001, test.state, engine)
			if host != test.wantHost || port != test.wantPort {
				t.Errorf("%s:%d, want %s:%d", host, port, test.wantHost, test.wantPort)
			}
		})
	}
}

func TestPlanSweep(t *testing.T) {
	job, gone := jobNamed("web"), jobNamed("gone")
	at := func(minute int) time.Time { return time.Date(2026, 1, 1, 0, minute, 0, 0, time.UTC) }
	made := func(name string, job model.Job, running bool, finished int) container.State {
		c := container.State{ID: "id-" + name, Name: name, Running: running, Labels: map[string]string{container.LabelJob: job.ID.String()}}
		if finished > 0 {
			c.FinishedAt = at(finished)
		}
		return c
	}
	containers := []container.State{
		made("current", job, true, 0), made("older", job, false, 1), made("last", job, false, 2), made("never-started", job, false, 0),
		made("second", job, true, 0), made("stray", gone, true, 0), made("stray-ended", gone, false, 3),
		{ID: "id-unlabelled", Name: "unlabelled", Running: true},
	}
	names := func(containers []container.State) []string {
		var all []string
		for _, c := range containers {
			all = append(all, c.Name)
		}
		return all
	}
	records := map[model.JobID]model.TaskRecord{job.ID: {ContainerName: "current"}}
	strays, remains := planSweep(containers, records, nil)
	if diff := cmp.Diff([]string{"second", "stray", "unlabelled"}, names(strays)); diff != "" {
		t.Errorf("to stop (-want +got):\n%s", diff)
	}
	if diff := cmp.Diff([]string{"older", "never-started", "stray-ended"}, names(remains)); diff != "" {
		t.Errorf("to remove (-want +got):\n%s", diff)
	}

	// What is about to be adopted is neither.
	records[job.ID] = model.TaskRecord{}
	strays, _ = planSweep(containers[:1], records, nil)
	wanted, _ := planSweep(containers[5:6], nil, map[model.JobID]model.Task{gone.ID: {Job: gone}})
	if len(strays)+len(wanted) != 0 {
		t.Errorf("to stop: %v %v, want nothing", names(strays), names(wanted))
	}
}

func TestConfigValidate(t *testing.T) {
	bad := Config{
		PortRange: PortRange{Start: 10, End: 10}, DNS: []string{"ns1"}, ExtraHosts: []string{"abc:def:gh"},
		Binds: []string{"/a:/b:rx", ":/b"}, SyslogRedirectTo: "log",
	}
	err := bad.Validate()
	var invalid *model.Error
	if model.CodeOf(err) != model.CodeInvalid {
		t.Fatalf("error %v", err)
	}
	invalid = err.(*model.Error)
	if len(invalid.Details) != 8 {
		t.Errorf("%d faults, want each of the eight: %q", len(invalid.Details), invalid.Details)
	}
	good := Config{
		Host: "h", Master: struct{ Master }{}, Records: struct{ Records }{}, Runtime: struct{ Runtime }{},
		DNS: []string{"10.0.0.1", "::1"}, ExtraHosts: []string{"db:10.0.0.1", "db6:::1"}, Binds: []string{"/a", "/a:/b", "/a:/b:ro"},
		SyslogRedirectTo: "log:514", PortRange: PortRange{Start: 20000, End: 65536},
	}
	if err := good.Validate(); err != nil {
		t.Errorf("good configuration: %v", err)
	}
}
