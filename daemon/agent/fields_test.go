package agent_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"slices"
	"strconv"
	"strings"
	"testing"

	mobycontainer "github.com/docker/docker/api/types/container"
	"github.com/docker/docker/client"
	"github.com/docker/docker/pkg/stdcopy"
	"github.com/google/go-cmp/cmp"

	"github.com/heliosctl/heliosctl/daemon/agent"
	"github.com/heliosctl/heliosctl/daemon/container/containertest"
	"github.com/heliosctl/heliosctl/model"
)

// running is a container of a job that is RUNNING.
type running struct {
	t      testing.TB
	raw    *client.Client
	job    model.Job
	status model.TaskStatus
	info   mobycontainer.InspectResponse
}

// run deploys a job and waits until it runs.
func (h *dockerHost) run(job model.Job) running {
	h.t.Helper()
	h.master.deploy(job, model.GoalStart)
	return h.see(job, h.wait(job.ID, model.StateRunning, ""))
}

func (h *dockerHost) see(job model.Job, status model.TaskStatus) running {
	h.t.Helper()
	raw := containertest.RawClient(h.t)
	info, err := raw.ContainerInspect(h.t.Context(), status.ContainerID)
	if err != nil {
		h.t.Fatal(err)
	}
	return running{t: h.t, raw: raw, job: job, status: status, info: info}
}

// inside runs a shell script in the container and returns everything it prints.
func (r running) inside(script string) string {
	r.t.Helper()
	ctx := r.t.Context()
	made, err := r.raw.ContainerExecCreate(ctx, r.status.ContainerID, mobycontainer.ExecOptions{
		Cmd: []string{"sh", "-c", script}, AttachStdout: true, AttachStderr: true,
	})
	if err != nil {
		r.t.Fatal(err)
	}
	stream, err := r.raw.ContainerExecAttach(ctx, made.ID, mobycontainer.ExecAttachOptions{})
	if err != nil {
		r.t.Fatal(err)
	}
	defer stream.Close()
	var text bytes.Buffer
	if _, err := stdcopy.StdCopy(&text, &text, stream.Reader); err != nil && err != io.EOF {
		r.t.Fatal(err)
	}
	return text.String()
}

// says checks what a script prints in the container, less the white space around it.
func (r running) says(script, want string) {
	r.t.Helper()
	if got := strings.TrimSpace(r.inside(script)); got != want {
		r.t.Errorf("%s: the container says %q, want %q", script, got, want)
	}
}

// environ returns the environment of the container's first process.
func (r running) environ() map[string]string {
	r.t.Helper()
	env := make(map[string]string)
	for line := range strings.SplitSeq(r.inside("cat /proc/1/environ"), "\x00") {
		if key, value, ok := strings.Cut(line, "="); ok {
			env[key] = value
		}
	}
	return env
}

// process returns a line of /proc/1/status.
func (r running) process(field string) string {
	r.t.Helper()
	return strings.TrimSpace(r.inside("sed -n 's/^" + field + ":[[:space:]]*//p' /proc/1/status"))
}

// capable tells whether the container's first process has a capability, given as its number.
func (r running) capable(capability int) bool {
	r.t.Helper()
	bits, err := strconv.ParseUint(r.process("CapEff"), 16, 64)
	if err != nil {
		r.t.Fatal(err)
	}
	return bits>>capability&1 == 1
}

// Each field of a job, seen from inside a container that the agent made of it on a real engine.
func TestDockerJobFields(t *testing.T) {
	t.Parallel()
	h := newDockerHost(t)
	h.change = func(c *agent.Config) {
		c.Labels = map[string]string{"role": "of-the-host"}
		c.Env = map[string]string{"ZONE": "agent", "LEVEL": "agent", "HELIOS_PORT_http": "agent", "HELIOS_PORT_admin": "agent"}
	}
	h.start()
	const netAdmin, kill, mknod = 12, 5, 27 // linux/capability.h
	tests := []struct {
		name  string
		edit  func(*model.Job)
		check func(*testing.T, running)
	}{
		{"image", func(*model.Job) {}, func(t *testing.T, r running) {
			if r.info.Config.Image != h.image {
				t.Errorf("made of image %s, want %s", r.info.Config.Image, h.image)
			}
		}},
		{"command", func(job *model.Job) { job.Command = append(job.Command, "two words", "$HOME", "", `"é"`) }, func(t *testing.T, r running) {
			got := strings.Split(r.inside("cat /proc/1/cmdline"), "\x00")
			if diff := cmp.Diff(append(slices.Clone(r.job.Command), ""), got); diff != "" {
				t.Errorf("arguments (-want +got):\n%s", diff)
			}
		}},
		{"env", func(job *model.Job) {
			job.Env = map[string]string{"LEVEL": "job", "HELIOS_PORT_admin": "job", "QUOTED": `a "b" $c = d`, "EMPTY": ""}
			job.Ports = map[string]model.PortMapping{"http": {InternalPort: 80, Protocol: "tcp"}, "admin": {InternalPort: 81, Protocol: "tcp"}}
		}, func(t *testing.T, r running) {
			want := map[string]string{
				"ZONE": "agent", "LEVEL": "job", "QUOTED": `a "b" $c = d`, "EMPTY": "", "HELIOS_PORT_admin": "job",
				"HELIOS_PORT_http": fmt.Sprintf("host1:%d", *r.status.Ports["http"].ExternalPort),
			}
			if diff := cmp.Diff(want, r.status.Env); diff != "" {
				t.Errorf("environment in the status (-want +got):\n%s", diff)
			}
			got := r.environ()
			maps.DeleteFunc(got, func(key, _ string) bool { return key == "PATH" || key == "HOME" || key == "HOSTNAME" })
			if diff := cmp.Diff(want, got); diff != "" {
				t.Errorf("environment in the container (-want +got):\n%s", diff)
			}
		}},
		{"hostname", func(job *model.Job) { job.Hostname = "web-7" }, func(_ *testing.T, r running) { r.says("hostname", "web-7") }},
		{"labels", func(job *model.Job) {
			job.Labels = map[string]string{"team": "search", "heliosctl.agent": "not for the job to say"}
		}, func(t *testing.T, r running) {
			want := map[string]string{
				"team": "search", "heliosctl.agent": h.id, "heliosctl.host": "host1", "heliosctl.job": r.job.ID.String(),
			}
			if diff := cmp.Diff(want, r.info.Config.Labels); diff != "" {
				t.Errorf("labels (-want +got):\n%s", diff)
			}
		}},
		{"resources", func(job *model.Job) {
			job.Resources = &model.Resources{Memory: ptr(int64(64 << 20)), MemorySwap: ptr(int64(96 << 20)), CPUShares: ptr(int64(256)), Cpuset: "0"}
		}, func(t *testing.T, r running) {
			limits := r.info.HostConfig.Resources
			if limits.Memory != 64<<20 || limits.CPUShares != 256 || limits.CpusetCpus != "0" {
				t.Errorf("limits: memory %d, cpu shares %d, cpus %q", limits.Memory, limits.CPUShares, limits.CpusetCpus)
			}
			engine, err := r.raw.Info(t.Context())
			if err != nil {
				t.Fatal(err)
			}
			if engine.SwapLimit && limits.MemorySwap != 96<<20 { // a kernel that does not count swap drops the limit
				t.Errorf("memory and swap %d", limits.MemorySwap)
			}
			if got := r.process("Cpus_allowed_list"); got != "0" {
				t.Errorf("runs on cpus %s", got)
			}
			r.says("cat /sys/fs/cgroup/memory/memory.limit_in_bytes 2>/dev/null || cat /sys/fs/cgroup/memory.max", strconv.Itoa(64<<20))
		}},
		{"addCapabilities", func(job *model.Job) { job.AddCapabilities = []string{"NET_ADMIN"} }, func(t *testing.T, r running) {
			if !r.capable(netAdmin) || !r.capable(kill) {
				t.Errorf("capabilities %s, want the usual ones and NET_ADMIN", r.process("CapEff"))
			}
		}},
		{"dropCapabilities", func(job *model.Job) { job.DropCapabilities = []string{"MKNOD", "KILL"} }, func(t *testing.T, r running) {
			if r.capable(mknod) || r.capable(kill) {
				t.Errorf("capabilities %s, want neither MKNOD nor KILL", r.process("CapEff"))
			}
			if got := r.inside("mknod /tmp/null c 1 3 || true"); !strings.Contains(got, "not permitted") {
				t.Errorf("mknod says %q", got)
			}
		}},
		{"securityOpt", func(job *model.Job) { job.SecurityOpt = []string{"no-new-privileges", "seccomp=unconfined"} }, func(t *testing.T, r running) {
			if privileges, seccomp := r.process("NoNewPrivs"), r.process("Seccomp"); privileges != "1" || seccomp != "0" {
				t.Errorf("NoNewPrivs %s, Seccomp %s; want 1 and 0", privileges, seccomp)
			}
		}},
		{"ramdisks", func(job *model.Job) {
			job.Ramdisks = map[string]string{"/ram": "size=1m,mode=0700", "/exec": "exec"}
		}, func(t *testing.T, r running) {
			mounts := r.inside("grep -E ' /(ram|exec) ' /proc/mounts | sort -k 2")
			exec, ram, _ := strings.Cut(mounts, "\n")
			if !strings.HasPrefix(exec, "tmpfs /exec tmpfs") || strings.Contains(exec, "noexec") {
				t.Errorf("mounted %q, want a tmpfs to execute from", exec)
			}
			if !strings.HasPrefix(ram, "tmpfs /ram tmpfs") || !strings.Contains(ram, "size=1024k") || !strings.Contains(ram, "mode=700") {
				t.Errorf("mounted %q, want a tmpfs of 1 MB, mode 700", ram)
			}
		}},
		{"runtime", func(job *model.Job) { job.Runtime = "runc" }, func(t *testing.T, r running) {
			if r.info.HostConfig.Runtime != "runc" {
				t.Errorf("runtime %q", r.info.HostConfig.Runtime)
			}
		}},
		{"fields for people and masters", func(job *model.Job) {
			job.Metadata = map[string]string{"owner": "secret-metadata"}
			job.Token, job.CreatingUser, job.Created = "secret-token", "secret-user", ptr(model.Timestamp(1234567890123))
			job.Expires = ptr(model.Timestamp(9876543210987))
			job.Registration = map[model.ServiceEndpoint]model.ServicePorts{{Name: "secret-service", Protocol: "http"}: {
				Ports: map[string]model.ServicePortParameters{"http": {Tags: []string{"secret-tag"}}},
			}}
			job.RegistrationDomain = "secret.domain."
			job.GracePeriod = ptr(7654321)
			job.RolloutOptions = &model.RolloutOptions{Timeout: ptr(int64(7654321)), Token: ptr("secret-rollout")}
			job.Ports = map[string]model.PortMapping{"http": {InternalPort: 80, Protocol: "tcp"}}
		}, func(t *testing.T, r running) {
			if diff := cmp.Diff(r.job, r.status.Job); diff != "" {
				t.Errorf("the job in the status (-want +got):\n%s", diff)
			}
			told, err := json.Marshal(r.info)
			if err != nil {
				t.Fatal(err)
			}
			for _, text := range []string{"secret", "1234567890123", "9876543210987", "7654321"} {
				if strings.Contains(string(told), text) {
					t.Errorf("the engine was told %q", text)
				}
			}
		}},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			h := h.in(t)
			test.check(t, h.run(h.job(jobName(t), serveUntilTerm, test.edit)))
		})
	}
}

// jobName makes a job's name of the test's.
func jobName(t testing.TB) string {
	return strings.Map(func(r rune) rune {
		if r == '/' || r == ' ' || r == '_' {
			return '-'
		}
		return r
	}, t.Name())
}

// What the engine refuses is told in words, and can be undeployed.
func TestDockerRefusals(t *testing.T) {
	t.Parallel()
	h := newDockerHost(t)
	h.start()
	for _, test := range []struct {
		name string
		edit func(*model.Job)
		want string
	}{
		{"unknown runtime", func(job *model.Job) { job.Runtime = "no-such-runtime" }, "no-such-runtime"},
		{"unknown security option", func(job *model.Job) { job.SecurityOpt = []string{"no-such-option"} }, "no-such-option"},
		{"unknown capability", func(job *model.Job) { job.AddCapabilities = []string{"NO_SUCH_CAP"} }, "NO_SUCH_CAP"},
		{"too little memory", func(job *model.Job) { job.Resources = &model.Resources{Memory: ptr(int64(1))} }, "memory"},
		{"cpu that is not there", func(job *model.Job) { job.Resources = &model.Resources{Cpuset: "4000"} }, "4000"},
		{"network of nobody", func(job *model.Job) { job.NetworkMode = "container:heliosctl-nobody" }, "heliosctl-nobody"},
		{"no command", func(job *model.Job) { job.Command = nil }, "command"},
		{"no such program", func(job *model.Job) { job.Command = []string{"/no/such/program"} }, "/no/such/program"},
		{"ramdisk options", func(job *model.Job) { job.Ramdisks = map[string]string{"/ram": "no-such-option"} }, "no-such-option"},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			h := h.in(t)
			job := h.job(jobName(t), serveUntilTerm, test.edit)
			h.master.deploy(job, model.GoalStart)
			status := h.wait(job.ID, model.StateFailed, "any, or none")
			if !strings.Contains(status.ContainerError, test.want) || strings.Contains(status.ContainerError, "\n") {
				t.Errorf("failed with %q, want one line with %q", status.ContainerError, test.want)
			}
			h.master.undeploy(job.ID)
			h.removed(job.ID)
		})
	}
}

// removed waits until the task is gone.
func (h *dockerHost) removed(id model.JobID) {
	h.t.Helper()
	h.eventually(func() bool {
		states := h.master.states(id)
		return len(states) > 0 && states[len(states)-1] == "REMOVED"
	}, func() string { return fmt.Sprintf("states %v, want REMOVED at the end", h.master.states(id)) })
}
