package container_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	mobycontainer "github.com/docker/docker/api/types/container"
	"github.com/docker/docker/api/types/image"
	"github.com/docker/docker/client"
	"github.com/docker/go-connections/nat"
	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	"github.com/google/uuid"

	"github.com/heliosctl/heliosctl/daemon/container"
	"github.com/heliosctl/heliosctl/daemon/container/containertest"
	"github.com/heliosctl/heliosctl/model"
)

// rawClient speaks to the engine without our runtime.
func rawClient(t testing.TB) *client.Client {
	t.Helper()
	raw, err := client.NewClientWithOpts(client.FromEnv, client.WithAPIVersionNegotiation())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = raw.Close() })
	return raw
}

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
	got, err := rawClient(t).ContainerInspect(t.Context(), id)
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
	spec := b.spec(workload{name: "glutton", script: "exec tail /dev/zero"})
	spec.Memory, spec.MemorySwap = 16<<20, 16<<20
	id, err := docker.Create(t.Context(), spec)
	if err != nil {
		t.Fatal(err)
	}
	if err := docker.Start(t.Context(), id); err != nil {
		t.Fatal(err)
	}
	if state := b.awaitExit(id); !state.OOMKilled || state.ExitCode != 137 {
		t.Errorf("state %+v", state)
	}
}

func TestDockerForeignContainersStayOut(t *testing.T) {
	docker := containertest.RequireDocker(t)
	b := &bench{engine: docker, t: t, image: containertest.BusyboxImage(t, docker)}
	b.agent = containertest.AgentID(t, docker)
	raw := rawClient(t)
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
	raw := rawClient(t)
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

	layer, err := rawClient(t).ImageSave(t.Context(), []string{busybox})
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
	raw, err := rawClient(t).ImageInspect(t.Context(), ref)
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

func TestDockerPullsFromARegistry(t *testing.T) {
	docker := containertest.RequireDocker(t)
	registry := startRegistry(t)
	busybox := containertest.BusyboxImage(t, docker)
	ref := registry + "/heliosctl/busybox:1"
	raw := rawClient(t)
	if err := raw.ImageTag(t.Context(), busybox, ref); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := docker.RemoveImage(context.WithoutCancel(t.Context()), ref); err != nil {
			t.Error(err)
		}
	})
	pushed, err := raw.ImagePush(t.Context(), ref, image.PushOptions{RegistryAuth: "e30="})
	if err != nil {
		t.Fatal(err)
	}
	text, err := io.ReadAll(pushed)
	if err != nil || strings.Contains(string(text), "errorDetail") {
		t.Fatalf("push: %s, %v", text, err)
	}
	_ = pushed.Close()
	if err := docker.RemoveImage(t.Context(), ref); err != nil {
		t.Fatal(err)
	}
	if _, err := docker.Image(t.Context(), ref); !errors.Is(err, container.ErrImageNotFound) {
		t.Fatalf("image after its removal: %v", err)
	}

	if err := docker.Pull(t.Context(), ref); err != nil {
		t.Fatal(err)
	}
	if _, err := docker.Image(t.Context(), ref); err != nil {
		t.Errorf("image after the pull: %v", err)
	}
	if err := docker.Pull(t.Context(), ref); err != nil {
		t.Errorf("second pull: %v", err)
	}
	if err := docker.Pull(t.Context(), registry+"/heliosctl/busybox:2"); !errors.Is(err, container.ErrImageNotFound) {
		t.Errorf("pull of a missing tag: %v", err)
	}
}

// startRegistry runs Debian's docker-registry for the test and returns its address.
func startRegistry(t *testing.T) string {
	t.Helper()
	binary, err := exec.LookPath("docker-registry")
	if err != nil {
		t.Skipf("this test needs a registry (Debian: docker-registry): %v", err)
	}
	dir := t.TempDir()
	address := fmt.Sprintf("127.0.0.1:%d", freePort(t))
	config := filepath.Join(dir, "config.yml")
	text := fmt.Sprintf("version: 0.1\nlog: {level: error}\nstorage: {filesystem: {rootdirectory: %s/data}}\nhttp: {addr: %q}\n", dir, address)
	if err := os.WriteFile(config, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	registry := exec.CommandContext(t.Context(), binary, "serve", config)
	if err := registry.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = registry.Wait() }) // killed with the test's context
	transport := &http.Transport{DisableKeepAlives: true}
	for deadline := time.Now().Add(30 * time.Second); time.Now().Before(deadline); time.Sleep(10 * time.Millisecond) {
		answer, err := (&http.Client{Transport: transport}).Get("http://" + address + "/v2/")
		if err == nil {
			_ = answer.Body.Close()
			return address
		}
	}
	t.Fatalf("no registry answers at %s", address)
	return ""
}

// mute accepts connections and never says anything.
func mute(t *testing.T) net.Listener {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	var accepting sync.WaitGroup
	accepting.Go(func() {
		for {
			conn, err := listener.Accept()
			if err != nil {
				return
			}
			defer conn.Close()
		}
	})
	t.Cleanup(func() { _ = listener.Close(); accepting.Wait() })
	return listener
}

func TestDockerPullTimesOutWithoutBytes(t *testing.T) {
	containertest.RequireDocker(t)
	docker, err := container.NewDocker(container.DockerConfig{
		Host: os.Getenv("DOCKER_HOST"), CertPath: os.Getenv("DOCKER_CERT_PATH"), PullIdleTimeout: 300 * time.Millisecond,
	})
	if err != nil {
		t.Fatal(err)
	}
	defer docker.Close()
	err = docker.Pull(t.Context(), mute(t).Addr().String()+"/heliosctl/busybox:1")
	if !errors.Is(err, container.ErrPullTimeout) || model.CodeOf(err) != model.CodeTimeout {
		t.Errorf("pull: %v", err)
	}
}

// stubEngine is an engine that answers pulls as told, and everything else with an empty object.
func stubEngine(t *testing.T, config container.DockerConfig, pull http.HandlerFunc) *container.Docker {
	t.Helper()
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Api-Version", "1.41")
		w.Header().Set("Content-Type", "application/json")
		if strings.HasSuffix(r.URL.Path, "/images/create") {
			pull(w, r)
			return
		}
		_, _ = io.WriteString(w, "{}")
	}))
	t.Cleanup(server.Close)
	config.Host = server.URL
	docker, err := container.NewDocker(config)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = docker.Close() })
	return docker
}

func TestDockerPullFailuresAreFound(t *testing.T) {
	const begun = `{"status":"Pulling from heliosctl/busybox","id":"1"}` + "\n"
	for _, test := range []struct {
		name   string
		answer func(w http.ResponseWriter, r *http.Request)
		want   func(error) bool
	}{
		{
			"within the stream",
			func(w http.ResponseWriter, _ *http.Request) {
				_, _ = io.WriteString(w, begun+`{"errorDetail":{"message":"no space left"},"error":"no space left"}`)
			},
			func(err error) bool {
				return model.CodeOf(err) == model.CodeInternal && strings.Contains(err.Error(), "no space left")
			},
		},
		{
			"cut short",
			func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, begun+`{"status":`) },
			func(err error) bool { return errors.Is(err, container.ErrUnavailable) },
		},
		{
			"refused",
			func(w http.ResponseWriter, _ *http.Request) {
				w.WriteHeader(http.StatusNotFound)
				_, _ = io.WriteString(w, `{"message":"manifest unknown"}`)
			},
			func(err error) bool { return errors.Is(err, container.ErrImageNotFound) },
		},
		{
			"stalled in the middle",
			func(w http.ResponseWriter, r *http.Request) {
				_, _ = io.WriteString(w, begun)
				_ = http.NewResponseController(w).Flush()
				<-r.Context().Done()
			},
			func(err error) bool { return errors.Is(err, container.ErrPullTimeout) },
		},
		{
			"none",
			func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, begun+`{"status":"done"}`) },
			func(err error) bool { return err == nil },
		},
	} {
		t.Run(test.name, func(t *testing.T) {
			docker := stubEngine(t, container.DockerConfig{PullIdleTimeout: 200 * time.Millisecond}, test.answer)
			if err := docker.Pull(t.Context(), "registry/heliosctl/busybox:1"); !test.want(err) {
				t.Errorf("pull: %v (%s)", err, model.CodeOf(err))
			}
		})
	}
}

func TestDockerSaysWhyAnEndpointIsOfNoUse(t *testing.T) {
	server := httptest.NewTLSServer(http.NotFoundHandler())
	defer server.Close()
	server.Config.ErrorLog = log.New(io.Discard, "", 0)
	docker, err := container.NewDocker(container.DockerConfig{Host: strings.Replace(server.URL, "https", "tcp", 1)})
	if err != nil {
		t.Fatal(err)
	}
	defer docker.Close()
	_, err = docker.Inspect(t.Context(), "name")
	if !errors.Is(err, container.ErrUnavailable) || !strings.Contains(err.Error(), "HTTPS") || strings.Contains(err.Error(), "\n") {
		t.Errorf("an endpoint that wants TLS: %v", err)
	}
}

func TestDockerPullEndsWithItsContext(t *testing.T) {
	begun := make(chan struct{})
	docker := stubEngine(t, container.DockerConfig{}, func(_ http.ResponseWriter, r *http.Request) {
		close(begun)
		<-r.Context().Done()
	})
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	go func() { <-begun; cancel() }()
	if err := docker.Pull(ctx, "registry/heliosctl/busybox:1"); !errors.Is(err, context.Canceled) {
		t.Errorf("pull: %v", err)
	}
}

func TestDockerUnavailable(t *testing.T) {
	closed := mute(t)
	_ = closed.Close()
	for name, config := range map[string]container.DockerConfig{
		"no socket":    {Host: "unix://" + filepath.Join(t.TempDir(), "docker.sock")},
		"refused":      {Host: "tcp://" + closed.Addr().String()},
		"never answer": {Host: "tcp://" + mute(t).Addr().String(), CallTimeout: 100 * time.Millisecond, StopSlack: 100 * time.Millisecond},
	} {
		t.Run(name, func(t *testing.T) {
			docker, err := container.NewDocker(config)
			if err != nil {
				t.Fatal(err)
			}
			defer docker.Close()
			for call, do := range map[string]func() error{
				"info":  func() error { _, err := docker.Info(t.Context()); return err },
				"pull":  func() error { return docker.Pull(t.Context(), "image") },
				"image": func() error { _, err := docker.Image(t.Context(), "image"); return err },
				"create": func() error {
					_, err := docker.Create(t.Context(), container.Spec{Name: "name", AgentID: "agent"})
					return err
				},
				"start":   func() error { return docker.Start(t.Context(), "id") },
				"inspect": func() error { _, err := docker.Inspect(t.Context(), "id"); return err },
				"kill":    func() error { return docker.Kill(t.Context(), "id") },
				"remove":  func() error { return docker.Remove(t.Context(), "id") },
				"list":    func() error { _, err := docker.List(t.Context(), "agent"); return err },
				"logs":    func() error { return endOf(docker.Logs(t.Context(), "id", container.LogOptions{})) },
				"exec":    func() error { _, err := docker.Exec(t.Context(), "id", []string{"true"}); return err },
				"events": func() error {
					for _, err := range docker.Events(t.Context()) {
						return err
					}
					return nil
				},
			} {
				t.Run(call, func(t *testing.T) {
					t.Parallel()
					err := do()
					if !errors.Is(err, container.ErrUnavailable) || model.CodeOf(err) != model.CodeRuntimeUnavailable {
						t.Errorf("%v (%s)", err, model.CodeOf(err))
					} else if strings.Contains(err.Error(), "\n") || !strings.Contains(err.Error(), strings.TrimPrefix(config.Host, "tcp://")) {
						t.Errorf("%q is not one line that names the endpoint", err)
					}
				})
			}
		})
	}
}

// relay passes connections on to the real engine until it is stopped.
type relay struct {
	path     string
	engine   string
	listener net.Listener
	running  sync.WaitGroup
	mu       sync.Mutex
	conns    []net.Conn
}

func (r *relay) start(t *testing.T) {
	t.Helper()
	listener, err := net.Listen("unix", r.path)
	if err != nil {
		t.Fatal(err)
	}
	r.listener = listener
	r.running.Go(func() {
		for {
			in, err := listener.Accept()
			if err != nil {
				return
			}
			out, err := net.Dial("unix", r.engine)
			if err != nil {
				_ = in.Close()
				continue
			}
			r.mu.Lock()
			r.conns = append(r.conns, in, out)
			r.mu.Unlock()
			r.running.Go(func() { _, _ = io.Copy(out, in); _ = out.Close() })
			r.running.Go(func() { _, _ = io.Copy(in, out); _ = in.Close() })
		}
	})
}

func (r *relay) stop() {
	_ = r.listener.Close()
	r.mu.Lock()
	for _, conn := range r.conns {
		_ = conn.Close()
	}
	r.mu.Unlock()
	r.running.Wait()
}

func TestDockerEngineThatGoesAndComesBack(t *testing.T) {
	direct := containertest.RequireDocker(t)
	info, err := direct.Info(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	socket, ok := strings.CutPrefix(info.Endpoint, "unix://")
	if !ok {
		t.Skipf("this test needs the engine at a unix socket, not at %s", info.Endpoint)
	}
	engine := &relay{path: filepath.Join(t.TempDir(), "docker.sock"), engine: socket}
	docker, err := container.NewDocker(container.DockerConfig{Host: "unix://" + engine.path})
	if err != nil {
		t.Fatal(err)
	}
	defer docker.Close()
	for round := range 2 {
		if _, err := docker.Info(t.Context()); !errors.Is(err, container.ErrUnavailable) {
			t.Fatalf("round %d, before: %v", round, err)
		}
		engine.start(t)
		if _, err := docker.Info(t.Context()); err != nil {
			t.Fatalf("round %d, while it is there: %v", round, err)
		}
		var end error
		for event, err := range docker.Events(t.Context()) {
			if event.Action == container.EventSubscribed {
				engine.stop()
			}
			end = err
		}
		if !errors.Is(end, container.ErrUnavailable) {
			t.Fatalf("round %d: events ended with %v", round, end)
		}
	}
}
