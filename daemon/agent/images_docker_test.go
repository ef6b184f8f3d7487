package agent_test

import (
	"archive/tar"
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	mobycontainer "github.com/docker/docker/api/types/container"
	dockerimage "github.com/docker/docker/api/types/image"
	"github.com/google/uuid"

	"github.com/heliosctl/heliosctl/daemon/container"
	"github.com/heliosctl/heliosctl/daemon/container/containertest"
	"github.com/heliosctl/heliosctl/model"
)

// derived makes an image out of another by Dockerfile instructions. It is removed at the end of the test.
func derived(t testing.TB, from string, instructions ...string) string {
	t.Helper()
	raw := containertest.RawClient(t)
	made, err := raw.ContainerCreate(t.Context(), &mobycontainer.Config{Image: from, Cmd: []string{"true"}}, nil, nil, nil, "")
	if err != nil {
		t.Fatal(err)
	}
	ref := "heliosctl-test/derived:" + uuid.NewString()
	_, err = raw.ContainerCommit(t.Context(), made.ID, mobycontainer.CommitOptions{Reference: ref, Changes: instructions})
	if err != nil {
		t.Fatal(err)
	}
	if err := raw.ContainerRemove(t.Context(), made.ID, mobycontainer.RemoveOptions{}); err != nil {
		t.Fatal(err)
	}
	removeImageAtEnd(t, ref)
	return ref
}

func removeImageAtEnd(t testing.TB, ref string) {
	docker := containertest.RequireDocker(t)
	t.Cleanup(func() {
		if err := docker.RemoveImage(context.WithoutCancel(t.Context()), ref); err != nil {
			t.Errorf("clean up: %v", err)
		}
	})
}

// bogusImage makes an image whose only program is for no machine.
func bogusImage(t testing.TB) string {
	t.Helper()
	var layer bytes.Buffer
	archive := tar.NewWriter(&layer)
	program := append([]byte("\x7fELF\x02\x01\x01"), make([]byte, 57)...)
	if err := archive.WriteHeader(&tar.Header{Typeflag: tar.TypeReg, Name: "app", Mode: 0o755, Size: int64(len(program))}); err != nil {
		t.Fatal(err)
	}
	if _, err := archive.Write(program); err != nil {
		t.Fatal(err)
	}
	if err := archive.Close(); err != nil {
		t.Fatal(err)
	}
	repository, tag := "heliosctl-test/bogus", uuid.NewString()
	body, err := containertest.RawClient(t).ImageImport(t.Context(), dockerimage.ImportSource{Source: &layer, SourceName: "-"}, repository, dockerimage.ImportOptions{Tag: tag})
	if err != nil {
		t.Fatal(err)
	}
	defer body.Close()
	if _, err := io.Copy(io.Discard, body); err != nil {
		t.Fatal(err)
	}
	removeImageAtEnd(t, repository+":"+tag)
	return repository + ":" + tag
}

// registryOf serves one saved image the way a registry does, and returns its name there by digest.
func registryOf(t testing.TB, image string) string {
	t.Helper()
	saved, err := containertest.RawClient(t).ImageSave(t.Context(), []string{image})
	if err != nil {
		t.Fatal(err)
	}
	defer saved.Close()
	files := map[string][]byte{}
	for archive := tar.NewReader(saved); ; {
		header, err := archive.Next()
		if err == io.EOF {
			break
		}
		if err != nil {
			t.Fatal(err)
		}
		if files[header.Name], err = io.ReadAll(archive); err != nil {
			t.Fatal(err)
		}
	}
	var index []struct {
		Config string
		Layers []string
	}
	if err := json.Unmarshal(files["manifest.json"], &index); err != nil || len(index) != 1 {
		t.Fatalf("%d images saved, %v", len(index), err)
	}
	blobs := map[string][]byte{}
	describe := func(mediaType, file string) map[string]any {
		digest := fmt.Sprintf("sha256:%x", sha256.Sum256(files[file]))
		blobs[digest] = files[file]
		return map[string]any{"mediaType": mediaType, "size": len(files[file]), "digest": digest}
	}
	var layers []any
	for _, layer := range index[0].Layers {
		layers = append(layers, describe("application/vnd.docker.image.rootfs.diff.tar", layer))
	}
	const kind = "application/vnd.docker.distribution.manifest.v2+json"
	manifest, err := json.Marshal(map[string]any{
		"schemaVersion": 2, "mediaType": kind, "layers": layers,
		"config": describe("application/vnd.docker.container.image.v1+json", index[0].Config),
	})
	if err != nil {
		t.Fatal(err)
	}
	digest := fmt.Sprintf("sha256:%x", sha256.Sum256(manifest))
	registry := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		_, name, _ := strings.Cut(r.URL.Path, "sha256:")
		switch body, ok := blobs["sha256:"+name]; {
		case r.URL.Path == "/v2/":
		case "sha256:"+name == digest:
			w.Header().Set("Content-Type", kind)
			w.Header().Set("Docker-Content-Digest", digest)
			_, _ = w.Write(manifest)
		case ok:
			_, _ = w.Write(body)
		default:
			http.NotFound(w, r)
		}
	}))
	t.Cleanup(registry.Close)
	_, port, err := net.SplitHostPort(registry.Listener.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	ref := "127.0.0.1:" + port + "/test/image@" + digest
	removeImageAtEnd(t, ref)
	return ref
}

// Images of all kinds: what they say themselves is left to them.
func TestDockerImages(t *testing.T) {
	t.Parallel()
	busybox := containertest.BusyboxImage(t, containertest.RequireDocker(t))
	exposing := derived(t, busybox, "EXPOSE 80", "EXPOSE 53/udp")
	commanded := derived(t, busybox, `CMD ["sh","-c","trap 'exit 0' TERM; echo $0; while true; do sleep 0.05; done","of the image"]`)
	entered := derived(t, busybox, `ENTRYPOINT ["sh","-c","trap 'exit 0' TERM; while true; do sleep 0.05; done"]`, `CMD ["of the image"]`)
	pinned := registryOf(t, busybox)
	bogus := bogusImage(t)
	h := newDockerHost(t)
	h.start()
	image := func(ref string, command ...string) func(*model.Job) {
		return func(job *model.Job) { job.Image, job.Command = ref, command }
	}
	run := func(t *testing.T, edits ...func(*model.Job)) running {
		h := h.in(t)
		return h.run(h.job(jobName(t), "", edits...))
	}
	const lastArgument = "tr '\\000' '\\n' < /proc/1/cmdline | tail -n 1"

	t.Run("digest", func(t *testing.T) {
		t.Parallel()
		r := run(t, image(pinned, "sh", "-c", serveUntilTerm))
		if r.info.Config.Image != pinned {
			t.Errorf("made of %s, want %s", r.info.Config.Image, pinned)
		}
	})
	t.Run("exposed port", func(t *testing.T) {
		t.Parallel()
		unmapped := run(t, image(exposing, "sh", "-c", servePorts))
		if bound := unmapped.info.HostConfig.PortBindings; len(bound) != 0 || len(unmapped.info.Config.ExposedPorts) != 2 {
			t.Errorf("bindings %v, exposed %v; want none and those of the image", bound, unmapped.info.Config.ExposedPorts)
		}
		mapped := run(t, image(exposing, "sh", "-c", servePorts), func(job *model.Job) {
			job.Ports = map[string]model.PortMapping{"http": {InternalPort: 80, Protocol: "tcp"}}
		})
		if len(mapped.info.Config.ExposedPorts) != 2 {
			t.Errorf("exposed %v, want those of the image", mapped.info.Config.ExposedPorts)
		}
		answers(t, fmt.Sprintf("127.0.0.1:%d", *mapped.status.Ports["http"].ExternalPort), "http")
	})
	t.Run("command of the image", func(t *testing.T) {
		t.Parallel()
		run(t, image(commanded)).says(lastArgument, "of the image")
	})
	t.Run("entrypoint and command of the image", func(t *testing.T) {
		t.Parallel()
		run(t, image(entered)).says(lastArgument, "of the image")
	})
	t.Run("entrypoint of the image", func(t *testing.T) {
		t.Parallel()
		run(t, image(entered, "of the job")).says(lastArgument, "of the job")
	})
	t.Run("for another machine", func(t *testing.T) {
		t.Parallel()
		h := h.in(t)
		job := h.job("bogus", "", image(bogus, "/app"))
		h.master.deploy(job, model.GoalStart)
		status := h.wait(job.ID, model.StateExited, "")
		// The engine's runtime finds out when the program is to take its place, so it is the log that tells why.
		var text strings.Builder
		for line, err := range h.docker.Logs(t.Context(), status.ContainerID, container.LogOptions{}) {
			if err != nil {
				t.Fatal(err)
			}
			text.WriteString(line.Text + "\n")
		}
		if !strings.Contains(text.String(), "exec format error") || status.ContainerError != "exit code 1" {
			t.Errorf("ended with %q, log %q; want that the program is of another format", status.ContainerError, text.String())
		}
	})
}
