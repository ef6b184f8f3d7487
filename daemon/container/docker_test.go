package container_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"strings"
	"testing"
	"time"

	mobycontainer "github.com/docker/docker/api/types/container"
	"github.com/docker/docker/client"
	"github.com/docker/go-connections/nat"
	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	"github.com/google/uuid"

	"github.com/heliosctl/heliosctl/daemon/container"
	"github.com/heliosctl/heliosctl/daemon/container/containertest"
	"github.com/heliosctl/heliosctl/model"
)

func TestDockerEndpoints(t *testing.T) {
	for _, test := range []struct{ host, endpoint, address string }{
		{"", client.DefaultDockerHost, "localhost"},
		{"unix:///run/other.sock", "unix:///run/other.sock", "localhost"},
		{"/run/other.sock", "unix:///run/other.sock", "localhost"},
		{"tcp://engine:2376", "tcp://engine:2376", "engine"},
		{"https://engine:2376", "tcp://engine:2376", "engine"},
		{"http://engine", "tcp://engine:2375", "engine"},
		{"engine", "tcp://engine:2375", "engine"},
		{"192.0.2.1:4243", "tcp://192.0.2.1:4243", "192.0.2.1"},
		{"[2001:db8::1]:4243", "tcp://[2001:db8::1]:4243", "2001:db8::1"},
	} {
		t.Run(test.host, func(t *testing.T) {
			docker, err := container.NewDocker(container.DockerConfig{Host: test.host})
			if err != nil {
				t.Fatal(err)
			}
			defer docker.Close()
			nobodyAsked, cancel := context.WithCancel(t.Context())
			cancel()
			info, _ := docker.Info(nobodyAsked)
			if info.Endpoint != test.endpoint || info.Address != test.address {
				t.Errorf("endpoint %s, address %s", info.Endpoint, info.Address)
			}
		})
	}
	for _, host := range []string{"ssh://engine", "tcp://", "tcp://[half", "tcp://engine:port"} {
		if _, err := container.NewDocker(container.DockerConfig{Host: host}); model.CodeOf(err) != model.CodeInvalid {
			t.Errorf("%s: %v", host, err)
		}
	}
}

func TestDockerInfo(t *testing.T) {
	docker := containertest.RequireDocker(t)
	info, err := docker.Info(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if info.Runtime != "docker" || info.Version == "" || info.APIVersion == "" || info.OS == "" || info.KernelVersion == "" {
		t.Errorf("info %+v", info)
	}
}

func TestDockerCreateMapsEveryField(t *testing.T) {
	docker := containertest.RequireDocker(t)
	busybox := containertest.BusyboxImage(t, docker)
	id, err := docker.Create(t.Context(), container.Spec{
		Name: "heliosctl-test-" + uuid.NewString(), AgentID: containertest.AgentID(t, docker), Host: "host", JobID: "job:1:hash",
		Image:    busybox,
		Hostname: "named",
		Command:  []string{"sleep", "1"},
		Env:      map[string]string{"B": "2", "A": "1=one"},
		Labels:   map[string]string{"mine": "yes"},
		Ports: []container.PortBinding{
			{Name: "http", InternalPort: 80, ExternalPort: 8080, IP: "127.0.0.1"},
			{Name: "admin", InternalPort: 80, ExternalPort: 8081},
			{Name: "dns", InternalPort: 53, ExternalPort: 5353, Protocol: "udp"},
		},
		Binds:            []string{"/etc/hostname:/mnt/hostname:ro"},
		AnonymousVolumes: []string{"/data", "/written:rw", "/read:ro"},
		Tmpfs:            map[string]string{"/ramdisk": "size=1m"},
		NetworkMode:      "bridge",
		DNS:              []string{"192.0.2.53"},
		ExtraHosts:       []string{"secret:192.0.2.1"},
		SecurityOpt:      []string{"no-new-privileges"},
		AddCapabilities:  []string{"IPC_LOCK"},
		DropCapabilities: []string{"KILL"},
		Runtime:          "runc",
		Memory:           64 << 20,
		MemorySwap:       128 << 20,
		CPUShares:        512,
		Cpuset:           "0",
		LogDriver:        "json-file",
		LogOptions:       map[string]string{"max-size": "1m", "max-file": "2"},
	})
	if err != nil {
		t.Fatal(err)
	}
	got, err := containertest.RawClient(t).ContainerInspect(t.Context(), id)
	if err != nil {
		t.Fatal(err)
	}
	if got.Config.Hostname != "named" || !cmp.Equal([]string(got.Config.Cmd), []string{"sleep", "1"}) {
		t.Errorf("host name %q, command %q", got.Config.Hostname, got.Config.Cmd)
	}
	if diff := cmp.Diff([]string{"A=1=one", "B=2", "PATH=/bin"}, got.Config.Env, cmpopts.SortSlices(strings.Compare)); diff != "" {
		t.Errorf("environment (-want +got):\n%s", diff)
	}
	if diff := cmp.Diff(map[string]struct{}{"/data": {}, "/written": {}, "/read": {}}, got.Config.Volumes); diff != "" {
		t.Errorf("volumes (-want +got):\n%s", diff)
	}
	host := got.HostConfig
	want := mobycontainer.HostConfig{
		Binds:       []string{"/etc/hostname:/mnt/hostname:ro"},
		NetworkMode: "bridge",
		PortBindings: nat.PortMap{
			"80/tcp": {{HostIP: "127.0.0.1", HostPort: "8080"}, {HostPort: "8081"}},
			"53/udp": {{HostPort: "5353"}},
		},
		DNS:         []string{"192.0.2.53"},
		ExtraHosts:  []string{"secret:192.0.2.1"},
		SecurityOpt: []string{"no-new-privileges"},
		CapAdd:      []string{"CAP_IPC_LOCK"},
		CapDrop:     []string{"CAP_KILL"},
		Runtime:     "runc",
		Tmpfs:       map[string]string{"/ramdisk": "size=1m"},
		LogConfig:   mobycontainer.LogConfig{Type: "json-file", Config: map[string]string{"max-size": "1m", "max-file": "2"}},
		Resources: mobycontainer.Resources{
			Memory: 64 << 20, MemorySwap: host.MemorySwap, CPUShares: 512, CpusetCpus: "0",
		},
	}
	gotPart := mobycontainer.HostConfig{
		Binds: host.Binds, NetworkMode: host.NetworkMode, PortBindings: host.PortBindings, DNS: host.DNS, ExtraHosts: host.ExtraHosts,
		SecurityOpt: host.SecurityOpt, CapAdd: host.CapAdd, CapDrop: host.CapDrop, Runtime: host.Runtime, Tmpfs: host.Tmpfs,
		LogConfig: host.LogConfig,
		Resources: mobycontainer.Resources{
			Memory: host.Memory, MemorySwap: host.MemorySwap, CPUShares: host.CPUShares, CpusetCpus: host.CpusetCpus,
		},
	}
	if diff := cmp.Diff(want, gotPart); diff != "" {
		t.Errorf("host configuration (-want +got):\n%s", diff)
	}
	// A kernel without swap accounting drops it with a warning.
	if host.MemorySwap != 128<<20 && host.MemorySwap != 0 && host.MemorySwap != -1 {
		t.Errorf("memory and swap %d", host.MemorySwap)
	}
}

func TestDockerContainerNetworkLeavesOutTheAgentsSettings(t *testing.T) {
	docker := containertest.RequireDocker(t)
	b := &bench{engine: docker, t: t, image: containertest.BusyboxImage(t, docker)}
	b.agent = containertest.AgentID(t, docker)
	owner := b.run(polite)
	spec := b.spec(exits(0))
	spec.NetworkMode = "container:" + owner
	spec.DNS, spec.ExtraHosts = []string{"192.0.2.53"}, []string{"secret:192.0.2.1"}
	id, err := docker.Create(t.Context(), spec)
	if err != nil {
		t.Fatal(err)
	}
	if err := docker.Start(t.Context(), id); err != nil {
		t.Error(err)
	}

	spec = b.spec(exits(0))
	spec.NetworkMode = "container:heliosctl-nobody"
	_, err = docker.Create(t.Context(), spec)
	if err == nil {
		// The engine looks for the other container at the start.
		err = docker.Start(t.Context(), spec.Name)
	}
	if err == nil || errors.Is(err, container.ErrImageNotFound) || !strings.Contains(err.Error(), "heliosctl-nobody") {
		t.Errorf("a network of a missing container: %v", err)
	}
}

func TestDockerMissingImages(t *testing.T) {
	docker := containertest.RequireDocker(t)
	const missing = "heliosctl-test/missing:1"
	if _, err := docker.Image(t.Context(), missing); !errors.Is(err, container.ErrImageNotFound) {
		t.Errorf("image: %v", err)
	}
	_, err := docker.Create(t.Context(), container.Spec{Name: "heliosctl-test", AgentID: "agent", Image: missing})
	if !errors.Is(err, container.ErrImageNotFound) || errors.Is(err, container.ErrNotFound) {
		t.Errorf("create: %v", err)
	}
	if err := docker.Pull(t.Context(), "No Such Name"); model.CodeOf(err) != model.CodeInvalid {
		t.Errorf("pull: %v", err)
	}
}

func TestDockerPublishesPorts(t *testing.T) {
	docker := containertest.RequireDocker(t)
	b := &bench{engine: docker, t: t, image: containertest.BusyboxImage(t, docker)}
	b.agent = containertest.AgentID(t, docker)
	spec := b.spec(workload{name: "server", script: "nc -l -p 80 -e echo hello"})
	spec.NetworkMode = ""
	port := freePort(t)
	spec.Ports = []container.PortBinding{{Name: "tcp", InternalPort: 80, ExternalPort: port, IP: "127.0.0.1"}}
	id, err := docker.Create(t.Context(), spec)
	if err != nil {
		t.Fatal(err)
	}
	if err := docker.Start(t.Context(), id); err != nil {
		t.Fatal(err)
	}
	if state := b.inspect(id); state.IPAddress == "" || state.Gateway == "" {
		t.Errorf("no address in %+v", state)
	}
	// The engine's proxy accepts before the container listens, so only what comes back counts.
	var text []byte
	for deadline := time.Now().Add(30 * time.Second); string(text) != "hello\n" && time.Now().Before(deadline); {
		conn, err := net.Dial("tcp", fmt.Sprintf("127.0.0.1:%d", port))
		if err != nil {
			t.Fatal(err)
		}
		text, _ = io.ReadAll(conn)
		_ = conn.Close()
	}
	if string(text) != "hello\n" {
		t.Errorf("read %q", text)
	}
}

func freePort(t *testing.T) int {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer listener.Close()
	return listener.Addr().(*net.TCPAddr).Port
}

func TestDockerTellsOfMemoryKills(t *testing.T) {
	docker := containertest.RequireDocker(t)
	b := &bench{engine: docker, t: t, image: containertest.BusyboxImage(t, docker)}
	b.agent = containertest.AgentID(t, docker)
	events := record(t, b)
	spec := b.spec(workload{name: "glutton", script: "exec tail /dev/zero"})
	spec.Memory, spec.MemorySwap = 16<<20, 16<<20
	id, err := docker.Create(t.Context(), spec)
	if err != nil {
		t.Fatal(err)
	}
	if err := docker.Start(t.Context(), id); err != nil {
		t.Fatal(err)
	}
	// The state tells of it only where the engine has heard of it before the end; the event comes in either case.
	events.until(container.EventOOM)
	if state := b.awaitExit(id); state.ExitCode != 137 {
		t.Errorf("state %+v", state)
	}
}

func TestDockerForeignContainersStayOut(t *testing.T) {
	docker := containertest.RequireDocker(t)
	b := &bench{engine: docker, t: t, image: containertest.BusyboxImage(t, docker)}
	b.agent = containertest.AgentID(t, docker)
	raw := containertest.RawClient(t)
	foreign, err := raw.ContainerCreate(t.Context(), &mobycontainer.Config{Image: b.image, Cmd: []string{"true"}},
		&mobycontainer.HostConfig{NetworkMode: "none"}, nil, nil, "heliosctl-"+b.agent+"-job_1_1234567_89")
	if err != nil {
		t.Fatal(err)
	}
	defer func() {
		if err := raw.ContainerRemove(context.WithoutCancel(t.Context()), foreign.ID, mobycontainer.RemoveOptions{Force: true}); err != nil {
			t.Error(err)
		}
	}()
	own := b.create(exits(0))
	var seen []string
	for event, err := range docker.Events(t.Context()) {
		if err != nil {
			t.Fatal(err)
		}
		if event.Action == container.EventSubscribed {
			if err := raw.ContainerStart(t.Context(), foreign.ID, mobycontainer.StartOptions{}); err != nil {
				t.Fatal(err)
			}
			if err := docker.Start(t.Context(), own); err != nil {
				t.Fatal(err)
			}
			continue
		}
		seen = append(seen, event.ID)
		if event.ID == own && event.Action == container.EventDie {
			break
		}
	}
	for _, id := range seen {
		if id == foreign.ID {
			t.Error("an event of a foreign container came through")
		}
	}
	states, err := docker.List(t.Context(), b.agent)
	if err != nil || len(states) != 1 || states[0].ID != own {
		t.Errorf("listed %+v, %v", states, err)
	}
}

func TestDockerRemovesAnonymousVolumes(t *testing.T) {
	docker := containertest.RequireDocker(t)
	b := &bench{engine: docker, t: t, image: containertest.BusyboxImage(t, docker)}
	b.agent = containertest.AgentID(t, docker)
	spec := b.spec(exits(0))
	spec.AnonymousVolumes = []string{"/data", "/read:ro"}
	id, err := docker.Create(t.Context(), spec)
	if err != nil {
		t.Fatal(err)
	}
	raw := containertest.RawClient(t)
	made, err := raw.ContainerInspect(t.Context(), id)
	if err != nil {
		t.Fatal(err)
	}
	if len(made.Mounts) != 2 {
		t.Fatalf("mounts %+v, want two volumes", made.Mounts)
	}
	if err := docker.Remove(t.Context(), id); err != nil {
		t.Fatal(err)
	}
	for _, mounted := range made.Mounts {
		if _, err := raw.VolumeInspect(t.Context(), mounted.Name); err == nil {
			t.Errorf("the volume of %s is still there", mounted.Destination)
		}
	}
}

func TestDockerImportSaysHowToRun(t *testing.T) {
	docker := containertest.RequireDocker(t)
	busybox := containertest.BusyboxImage(t, docker)
	found, err := docker.Image(t.Context(), busybox)
	if err != nil {
		t.Fatal(err)
	}
	if !cmp.Equal(found.Tags, []string{busybox}) || len(found.Entrypoint)+len(found.Command) != 0 {
		t.Errorf("image %+v", found)
	}

	layer, err := containertest.RawClient(t).ImageSave(t.Context(), []string{busybox})
	if err != nil {
		t.Fatal(err)
	}
	defer layer.Close()
	ref := "heliosctl-test/imported:" + uuid.NewString()
	err = docker.Import(t.Context(), ref, layer, container.ImportOptions{
		Entrypoint: []string{"/bin/sh", "-c"},
		Command:    []string{`echo "a b"`},
		Env:        map[string]string{"PRICE": `"5$" \ or $PATH`},
		WorkingDir: "/tmp",
	})
	if err != nil {
		t.Fatal(err)
	}
	defer func() {
		if err := docker.RemoveImage(context.WithoutCancel(t.Context()), ref); err != nil {
			t.Error(err)
		}
	}()
	raw, err := containertest.RawClient(t).ImageInspect(t.Context(), ref)
	if err != nil {
		t.Fatal(err)
	}
	got := []any{[]string(raw.Config.Entrypoint), []string(raw.Config.Cmd), raw.Config.Env, raw.Config.WorkingDir}
	want := []any{[]string{"/bin/sh", "-c"}, []string{`echo "a b"`}, []string{`PRICE="5$" \ or $PATH`}, "/tmp"}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("image configuration (-want +got):\n%s", diff)
	}
	err = docker.Import(t.Context(), ref, strings.NewReader(""), container.ImportOptions{Env: map[string]string{"A": "1\nRUN x"}})
	if model.CodeOf(err) != model.CodeInvalid {
		t.Errorf("import with a line break: %v", err)
	}
}
