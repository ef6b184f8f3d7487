// Package containertest gives tests a real Docker engine and an image to run in it. It knows the container runtimes and nothing of
// what is tested with them. Everything it makes is gone when the test ends.
package containertest

import (
	"archive/tar"
	"bytes"
	"context"
	"debug/elf"
	"fmt"
	"os"
	"os/exec"
	"strings"
	"testing"
	"time"

	"github.com/docker/docker/client"
	"github.com/google/uuid"

	"github.com/heliosctl/heliosctl/daemon/container"
)

// EnvRequireDocker is the environment variable that turns a skipped test into a failed one when it is "1": for machines that are
// known to have an engine.
const EnvRequireDocker = "HELIOSCTL_REQUIRE_DOCKER"

// cleanupLimit bounds what is done at the end of a test.
const cleanupLimit = time.Minute

// RequireDocker returns a runtime for the engine at DOCKER_HOST or the default socket. Where none answers, the test is skipped, or
// fails when EnvRequireDocker is set. The runtime is closed at the end of the test.
func RequireDocker(t testing.TB) *container.Docker {
	t.Helper()
	docker, err := container.NewDocker(container.DockerConfig{
		Host:     os.Getenv("DOCKER_HOST"),
		CertPath: os.Getenv("DOCKER_CERT_PATH"),
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = docker.Close() })
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
	defer cancel()
	if _, err := docker.Info(ctx); err != nil {
		Missing(t, "this test needs a docker engine: %v", err)
	}
	return docker
}

// RawClient speaks to the engine of RequireDocker past our runtime: it is what a test looks at the engine with. It is closed at the end of the
// test.
func RawClient(t testing.TB) *client.Client {
	t.Helper()
	raw, err := client.NewClientWithOpts(client.FromEnv, client.WithAPIVersionNegotiation())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = raw.Close() })
	return raw
}

// AgentID returns a fresh agent id. Containers that carry it are killed and removed at the end of the test.
func AgentID(t testing.TB, docker *container.Docker) string {
	t.Helper()
	id := "test-" + uuid.NewString()
	t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.WithoutCancel(t.Context()), cleanupLimit)
		defer cancel()
		states, err := docker.List(ctx, id)
		if err != nil {
			t.Errorf("clean up: %v", err)
		}
		for _, state := range states {
			if err := docker.Kill(ctx, state.ID); err != nil {
				t.Errorf("clean up: %v", err)
			}
			if err := docker.Remove(ctx, state.ID); err != nil {
				t.Errorf("clean up: %v", err)
			}
		}
	})
	return id
}

// BusyboxImage makes an image of this machine's static busybox, with a link for each of its commands, and returns the image's name.
// It has no entrypoint and no command. Without a static busybox on the PATH the test is skipped or fails as in RequireDocker. The
// image is removed at the end of the test; call AgentID after this, so that the containers go first.
func BusyboxImage(t testing.TB, docker *container.Docker) string {
	t.Helper()
	layer := busyboxLayer(t)
	ref := "heliosctl-test/busybox:" + uuid.NewString()
	ctx, cancel := context.WithTimeout(t.Context(), cleanupLimit)
	defer cancel()
	if err := docker.Import(ctx, ref, bytes.NewReader(layer), container.ImportOptions{Env: map[string]string{"PATH": "/bin"}}); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.WithoutCancel(t.Context()), cleanupLimit)
		defer cancel()
		if err := docker.RemoveImage(ctx, ref); err != nil {
			t.Errorf("clean up: %v", err)
		}
	})
	return ref
}

func busyboxLayer(t testing.TB) []byte {
	t.Helper()
	path, err := staticBusybox()
	if err != nil {
		Missing(t, "this test needs a static busybox (Debian: busybox-static): %v", err)
	}
	binary, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	commands, err := exec.CommandContext(t.Context(), path, "--list").Output()
	if err != nil {
		t.Fatalf("list busybox's commands: %v", err)
	}
	layer, err := archive(binary, strings.Fields(string(commands)))
	if err != nil {
		t.Fatal(err)
	}
	return layer
}

func archive(busybox []byte, commands []string) ([]byte, error) {
	var layer bytes.Buffer
	writer := tar.NewWriter(&layer)
	headers := []*tar.Header{
		{Typeflag: tar.TypeDir, Name: "bin/", Mode: 0o755},
		{Typeflag: tar.TypeDir, Name: "tmp/", Mode: 0o1777},
		{Typeflag: tar.TypeReg, Name: "bin/busybox", Mode: 0o755, Size: int64(len(busybox))},
	}
	for _, command := range commands {
		if command != "busybox" {
			headers = append(headers, &tar.Header{Typeflag: tar.TypeSymlink, Name: "bin/" + command, Linkname: "busybox", Mode: 0o777})
		}
	}
	for _, header := range headers {
		if err := writer.WriteHeader(header); err != nil {
			return nil, err
		}
		if header.Typeflag != tar.TypeReg {
			continue
		}
		if _, err := writer.Write(busybox); err != nil {
			return nil, err
		}
	}
	err := writer.Close()
	return layer.Bytes(), err
}

func staticBusybox() (string, error) {
	path, err := exec.LookPath("busybox")
	if err != nil {
		return "", err
	}
	binary, err := elf.Open(path)
	if err != nil {
		return "", err
	}
	defer binary.Close()
	for _, segment := range binary.Progs {
		if segment.Type == elf.PT_INTERP {
			return "", fmt.Errorf("%s is not static", path)
		}
	}
	return path, nil
}

// Missing skips a test for want of something that it needs, or fails it when EnvRequireDocker is set.
func Missing(t testing.TB, format string, args ...any) {
	t.Helper()
	if os.Getenv(EnvRequireDocker) == "1" {
		t.Fatalf(format, args...)
	}
	t.Skipf(format, args...)
}
