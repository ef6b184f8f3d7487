package container_test

import (
	"archive/tar"
	"bytes"
	"context"
	"crypto/rand"
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

	"github.com/docker/docker/api/types/image"
	"github.com/google/go-cmp/cmp"

	"github.com/heliosctl/heliosctl/daemon/container"
	"github.com/heliosctl/heliosctl/daemon/container/containertest"
	"github.com/heliosctl/heliosctl/model"
)

func TestDockerPullsFromARegistry(t *testing.T) {
	docker := containertest.RequireDocker(t)
	registry := startRegistry(t, "")
	busybox := containertest.BusyboxImage(t, docker)
	ref := registry + "/heliosctl/busybox:1"
	raw := containertest.RawClient(t)
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

// startRegistry runs Debian's docker-registry for the test, with more lines of configuration, and returns its address.
func startRegistry(t *testing.T, more string) string {
	t.Helper()
	binary, err := exec.LookPath("docker-registry")
	if err != nil {
		containertest.Missing(t, "this test needs a registry (Debian: docker-registry): %v", err)
	}
	dir := t.TempDir()
	address := fmt.Sprintf("127.0.0.1:%d", freePort(t))
	config := filepath.Join(dir, "config.yml")
	text := fmt.Sprintf("version: 0.1\nlog: {level: error}\nstorage: {filesystem: {rootdirectory: %s/data}}\nhttp: {addr: %q}\n", dir, address) + more
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

func TestDockerPullTellsHowFarItIs(t *testing.T) {
	const said = `{"status":"Pulling from heliosctl/busybox","id":"1"}
{"status":"Already exists","id":"a"}
{"status":"Pulling fs layer","id":"b"}
{"status":"Pulling fs layer","id":"c"}
{"status":"Downloading","id":"b","progressDetail":{"current":1000000,"total":5500000}}
{"status":"Downloading","id":"c","progressDetail":{"current":1,"total":2000000}}
{"status":"Download complete","id":"c"}
{"status":"Extracting","id":"c","progressDetail":{"current":1,"total":2000000}}
{"status":"Pull complete","id":"c"}
{"status":"Pull complete","id":"b"}
{"status":"Digest: sha256:0"}
`
	docker := stubEngine(t, container.DockerConfig{ConfigDir: t.TempDir()}, func(w http.ResponseWriter, _ *http.Request) {
		_, _ = io.WriteString(w, said)
	})
	var told []string
	ctx := container.WithPullProgress(t.Context(), func(p container.PullProgress) { told = append(told, p.String()) })
	if err := docker.Pull(ctx, "registry/heliosctl/busybox:1"); err != nil {
		t.Fatal(err)
	}
	want := []string{
		"1 of 1 layers", "1 of 2 layers", "1 of 3 layers", "1 of 6 MB, 1 of 3 layers", "1 of 8 MB, 1 of 3 layers",
		"3 of 8 MB, 1 of 3 layers", "3 of 8 MB, 2 of 3 layers", "7 of 8 MB, 3 of 3 layers",
	}
	if diff := cmp.Diff(want, told); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

// TestDockerPullTellsHowFarItReallyIs checks the words of a real engine, on an image that shares nothing with others.
func TestDockerPullTellsHowFarItReallyIs(t *testing.T) {
	docker := containertest.RequireDocker(t)
	ref := startRegistry(t, "") + "/heliosctl/random:1"
	content := make([]byte, 3_000_000)
	_, _ = rand.Read(content) // never fails
	var layer bytes.Buffer
	archive := tar.NewWriter(&layer)
	if err := archive.WriteHeader(&tar.Header{Name: "random", Mode: 0o600, Size: int64(len(content))}); err != nil {
		t.Fatal(err)
	}
	if _, err := archive.Write(content); err != nil {
		t.Fatal(err)
	}
	if err := archive.Close(); err != nil {
		t.Fatal(err)
	}
	if err := docker.Import(t.Context(), ref, &layer, container.ImportOptions{Command: []string{"/random"}}); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := docker.RemoveImage(context.WithoutCancel(t.Context()), ref); err != nil {
			t.Error(err)
		}
	})
	pushed, err := containertest.RawClient(t).ImagePush(t.Context(), ref, image.PushOptions{RegistryAuth: "e30="})
	if err != nil {
		t.Fatal(err)
	}
	if text, err := io.ReadAll(pushed); err != nil || strings.Contains(string(text), "errorDetail") {
		t.Fatalf("push: %s, %v", text, err)
	}
	_ = pushed.Close()
	if err := docker.RemoveImage(t.Context(), ref); err != nil {
		t.Fatal(err)
	}

	var told []container.PullProgress
	ctx := container.WithPullProgress(t.Context(), func(p container.PullProgress) { told = append(told, p) })
	if err := docker.Pull(ctx, ref); err != nil {
		t.Fatal(err)
	}
	if len(told) < 2 {
		t.Fatalf("told %v, want a beginning and an end", told)
	}
	if first := told[0]; first.Done != 0 || first.Layers != 1 {
		t.Errorf("told first: %s, want none of 1 layers", first)
	}
	if last := told[len(told)-1]; last.Done != 1 || last.Layers != 1 || last.Total < 3_000_000 || last.Current != last.Total {
		t.Errorf("told last: %+v, want all of 3 MB and more", last)
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
