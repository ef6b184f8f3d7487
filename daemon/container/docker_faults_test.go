package container_test

import (
	"errors"
	"io"
	"net"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/heliosctl/heliosctl/daemon/container"
	"github.com/heliosctl/heliosctl/daemon/container/containertest"
	"github.com/heliosctl/heliosctl/model"
)

func TestDockerUnavailable(t *testing.T) {
	closed := mute(t)
	_ = closed.Close()
	says := map[string]string{
		"no socket":    "no docker engine answers at unix://",
		"refused":      "no docker engine answers at tcp://",
		"never answer": "did not answer within 100ms",
	}
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
			if _, err := docker.Info(t.Context()); err == nil || !strings.Contains(err.Error(), says[name]) {
				t.Errorf("%q does not say %q", err, says[name])
			}
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
