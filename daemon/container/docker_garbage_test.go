package container_test

import (
	"context"
	"errors"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/heliosctl/heliosctl/daemon/container"
	"github.com/heliosctl/heliosctl/model"
)

// brokenEngine is an engine that says it is one and then answers every request with the same bytes. Of a body that is cut off it
// promises more than it sends.
func brokenEngine(t *testing.T, contentType, body string, cutOff bool) *container.Docker {
	t.Helper()
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		_, _ = io.Copy(io.Discard, r.Body)
		w.Header().Set("Content-Type", contentType)
		if strings.HasSuffix(r.URL.Path, "/_ping") {
			w.Header().Set("Api-Version", "1.45")
			return
		}
		if cutOff {
			w.Header().Set("Content-Length", "100000")
		}
		_, _ = io.WriteString(w, body)
	}))
	t.Cleanup(server.Close)
	return dockerAt(t, server.Listener.Addr())
}

func dockerAt(t *testing.T, address net.Addr) *container.Docker {
	t.Helper()
	docker, err := container.NewDocker(container.DockerConfig{Host: "tcp://" + address.String()})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = docker.Close() })
	return docker
}

const htmlPage = "<!DOCTYPE html>\n<html>\n<body>\nIt works!\n</body>\n</html>\n"

// wantGarbled checks that an error lays the trouble at the engine's door, in one line of bounded length that says where it is.
func wantGarbled(t *testing.T, err error, docker *container.Docker) {
	t.Helper()
	info, _ := docker.Info(t.Context())
	var coded *model.Error
	switch {
	case !errors.Is(err, container.ErrUnavailable) || !errors.As(err, &coded) || coded.Code != model.CodeRuntimeUnavailable:
		t.Errorf("%v (%s), want an engine that cannot be used", err, model.CodeOf(err))
	case strings.ContainsAny(err.Error(), "\r\n") || len(err.Error()) > 300:
		t.Errorf("%q is not one short line", err)
	case !strings.Contains(err.Error(), strings.TrimPrefix(info.Endpoint, "tcp://")):
		t.Errorf("%q does not name the endpoint %s", err, info.Endpoint)
	}
}

func TestDockerEngineThatAnswersGarbage(t *testing.T) {
	answers := map[string]struct {
		contentType, body string
		cutOff            bool
		pulls             bool // what is no pull's progress and still its proper end
	}{
		"not JSON":                  {contentType: "application/json", body: "all is well\nhave a nice day\n"},
		"nothing":                   {contentType: "application/json", pulls: true},
		"a web page":                {contentType: "text/html", body: htmlPage},
		"half an object":            {contentType: "application/json", body: `{"Id":"0123","State":{"Sta`, cutOff: true},
		"half an array":             {contentType: "application/json", body: `[{"Id":"0123"},`, cutOff: true},
		"an array of other things":  {contentType: "application/json", body: `[1,"two",null]`},
		"an object without fields":  {contentType: "application/json", body: `{}`, pulls: true},
		"an object of other fields": {contentType: "application/json", body: `{"Id":7,"status":["a"],"error":{"x":1}}`},
		"a list of nameless things": {contentType: "application/json", body: `[{}]`},
		"a null":                    {contentType: "application/json", body: `null`, pulls: true},
	}
	calls := map[string]func(context.Context, *container.Docker) error{
		"info":    func(ctx context.Context, d *container.Docker) error { _, err := d.Info(ctx); return err },
		"pull":    func(ctx context.Context, d *container.Docker) error { return d.Pull(ctx, "busybox:1") },
		"image":   func(ctx context.Context, d *container.Docker) error { _, err := d.Image(ctx, "busybox:1"); return err },
		"inspect": func(ctx context.Context, d *container.Docker) error { _, err := d.Inspect(ctx, "name"); return err },
		"list":    func(ctx context.Context, d *container.Docker) error { _, err := d.List(ctx, "agent"); return err },
		"exec": func(ctx context.Context, d *container.Docker) error {
			_, err := d.Exec(ctx, "id", []string{"true"})
			return err
		},
		"create": func(ctx context.Context, d *container.Docker) error {
			_, err := d.Create(ctx, container.Spec{Name: "name", AgentID: "agent", Image: "busybox:1"})
			return err
		},
		"events": func(ctx context.Context, d *container.Docker) error {
			for _, err := range d.Events(ctx) {
				if err != nil {
					return err
				}
			}
			return nil
		},
	}
	for name, answer := range answers {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			docker := brokenEngine(t, answer.contentType, answer.body, answer.cutOff)
			for call, do := range calls {
				t.Run(call, func(t *testing.T) {
					ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
					defer cancel()
					err := do(ctx, docker)
					if call == "pull" && answer.pulls || call == "list" && answer.body == "null" {
						if err != nil {
							t.Errorf("%v, want nil: that is how an engine says nothing", err)
						}
						return
					}
					wantGarbled(t, err, docker)
				})
			}
			// Whose answers have no body that counts are taken at their status; the next inspection tells.
			for call, err := range map[string]error{
				"start": docker.Start(t.Context(), "id"), "stop": docker.Stop(t.Context(), "id", 0),
				"kill": docker.Kill(t.Context(), "id"), "remove": docker.Remove(t.Context(), "id"),
			} {
				if err != nil {
					wantGarbled(t, err, docker)
					t.Logf("%s: %v", call, err)
				}
			}
		})
	}
}

// A log is bytes: what is not in the engine's frames is told of, and never taken for output.
func TestDockerLogOfGarbage(t *testing.T) {
	for name, answer := range map[string]struct {
		body   string
		cutOff bool
	}{
		"a web page":           {body: htmlPage},
		"an object":            {body: `{"message":"no"}`},
		"half a frame":         {body: "\x01\x00\x00\x00\x00\x00\x00\x20half", cutOff: true},
		"half a frame and end": {body: "\x01\x00\x00\x00\x00\x00\x00\x20half"},
		"half a header":        {body: "\x01\x00\x00"},
		"a frame of 4 GiB":     {body: "\x01\x00\x00\x00\xff\xff\xff\xff"},
		"trouble in two lines": {body: "\x03\x00\x00\x00\x00\x00\x00\x07one\ntwo"},
	} {
		t.Run(name, func(t *testing.T) {
			docker := brokenEngine(t, "application/octet-stream", answer.body, answer.cutOff)
			var failed error
			for line, err := range docker.Logs(t.Context(), "id", container.LogOptions{}) {
				if failed = err; err == nil {
					t.Errorf("%q is not output", line.Text)
				}
			}
			var coded *model.Error
			if !errors.As(failed, &coded) || strings.ContainsAny(failed.Error(), "\r\n") {
				t.Errorf("%q (%s), want one line with a code", failed, model.CodeOf(failed))
			}
		})
	}
}

// What answers at the endpoint may be no engine at all.
func TestDockerEndpointOfSomethingElse(t *testing.T) {
	for name, answer := range map[string]string{
		"a web server":   "HTTP/1.1 200 OK\r\nContent-Type: text/html\r\nContent-Length: 59\r\n\r\n" + htmlPage,
		"not HTTP":       "SSH-2.0-OpenSSH_9.6\r\n",
		"nothing at all": "",
		"half a header":  "HTTP/1.1 200 OK\r\nApi-Ver",
	} {
		t.Run(name, func(t *testing.T) {
			listener, err := net.Listen("tcp", "127.0.0.1:0")
			if err != nil {
				t.Fatal(err)
			}
			served := make(chan struct{})
			go func() {
				defer close(served)
				for {
					conn, err := listener.Accept()
					if err != nil {
						return
					}
					_, _ = conn.Read(make([]byte, 4096))
					_, _ = io.WriteString(conn, answer)
					_ = conn.Close()
				}
			}()
			defer func() { _ = listener.Close(); <-served }()
			docker := dockerAt(t, listener.Addr())
			_, err = docker.Inspect(t.Context(), "name")
			wantGarbled(t, err, docker)
		})
	}
}
