package conformance_test

import (
	"fmt"
	"net/http"
	"strings"
	"testing"
)

func (w *wire) expect(method string, status int, body string) answer {
	w.t.Helper()
	got := w.read(method)
	if got.status != status || got.body != body {
		w.t.Fatalf("status %d, body %q; want %d and %q", got.status, got.body, status, body)
	}
	return got
}

func TestConnectionsAreKept(t *testing.T) {
	w := dial(t, alone(t).apis[0])
	defer w.close()
	for _, target := range []string{"/masters/", "/jobs/", "/nothing", "/masters/"} {
		w.write(requestText("GET", target, ""))
		if got := w.read("GET"); got.proto != "HTTP/1.1" || got.status == 0 {
			t.Errorf("%s: %+v", target, got)
		} else if value, ok := got.header("Connection"); ok {
			t.Errorf("%s: header Connection: %s", target, value)
		}
	}
	// A body is read to its end, also where nobody wants it.
	w.write(requestText("POST", "/deployment-group/nope/stop", `{"some":"body"}`))
	w.expect("POST", 404, "")
	w.write(requestText("GET", "/masters", "") + requestText("GET", "/masters", ""))
	w.expect("GET", 200, `["m1"]`)
	w.expect("GET", 200, `["m1"]`)
}

func TestRequestsOfOtherVersions(t *testing.T) {
	c := alone(t)
	for name, tt := range map[string]struct {
		request string
		keeps   bool
	}{
		"HTTP/1.0 without a host":        {request: "GET /masters HTTP/1.0\r\n\r\n"},
		"HTTP/1.0 with a host":           {request: "GET /masters/ HTTP/1.0\r\nHost: x\r\n\r\n"},
		"HTTP/1.0 that keeps":            {request: "GET /masters HTTP/1.0\r\nConnection: keep-alive\r\n\r\n", keeps: true},
		"HTTP/1.1 that closes":           {request: "GET /masters HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n"},
		"absolute target, as to proxies": {request: "GET http://helios:5801/masters?user=u HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n"},
		"names of headers in any case":   {request: "GET /masters HTTP/1.1\r\nhost: x\r\nCONNECTION: close\r\nhelios-version: 0.9.1\r\n\r\n"},
	} {
		t.Run(name, func(t *testing.T) {
			w := dial(t, c.apis[0])
			defer w.close()
			w.write(tt.request)
			w.expect("GET", 200, `["m1"]`)
			if !tt.keeps {
				if _, err := w.r.ReadByte(); err == nil {
					t.Error("the connection is kept")
				}
				return
			}
			w.write(tt.request)
			w.expect("GET", 200, `["m1"]`)
		})
	}
}

func TestRequestsThatAreNone(t *testing.T) {
	c := alone(t)
	for name, tt := range map[string]struct {
		request string
		status  int
	}{
		"no HTTP":                   {"hello\r\n\r\n", 400},
		"HTTP/1.1 without a host":   {"GET /masters HTTP/1.1\r\n\r\n", 400},
		"bad escape in the path":    {"GET /jobs/%zz HTTP/1.1\r\nHost: x\r\n\r\n", 400},
		"blank in the path":         {"GET /jobs/a b HTTP/1.1\r\nHost: x\r\n\r\n", 400},
		"two lengths":               {"POST /jobs HTTP/1.1\r\nHost: x\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\nx", 400},
		"length below zero":         {"POST /jobs HTTP/1.1\r\nHost: x\r\nContent-Length: -1\r\n\r\nx", 400},
		"blank in a header's name":  {"GET /masters HTTP/1.1\r\nHost: x\r\nA : b\r\n\r\n", 400},
		"chunks that are none":      {"POST /jobs HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n{}\r\n0\r\n\r\n", 400},
		"coding that nobody knows":  {"POST /jobs HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: gzip, chunked\r\n\r\n2\r\n{}\r\n0\r\n\r\n", 501},
		"expectation of its own":    {"POST /jobs HTTP/1.1\r\nHost: x\r\nContent-Length: 2\r\nExpect: more\r\n\r\n{}", 417},
		"HTTP of a time to come":    {"GET /masters HTTP/3.0\r\nHost: x\r\n\r\n", 505},
		"headers that are too many": {"GET /masters HTTP/1.1\r\nHost: x\r\n" + strings.Repeat("A: b\r\n", 12_000) + "\r\n", 431},
		"path that is too long":     {"GET /jobs?q=" + strings.Repeat("x", 70<<10) + " HTTP/1.1\r\nHost: x\r\n\r\n", 431},
	} {
		t.Run(name, func(t *testing.T) {
			w := dial(t, c.apis[0])
			defer w.close()
			w.write(tt.request)
			if got := w.read("GET"); got.status != tt.status {
				t.Errorf("status %d, want %d", got.status, tt.status)
			}
		})
	}
}

func TestExpectContinue(t *testing.T) {
	w := dial(t, alone(t).apis[0])
	defer w.close()
	body := `{"id":"foo:bar",` + barJob + `}`
	head, _, _ := strings.Cut(requestText("POST", "/jobs", body, "Expect: 100-continue"), "\r\n\r\n")
	w.write(head + "\r\n\r\n")
	if got := w.read("POST"); got.status != http.StatusContinue {
		t.Fatalf("status %d, want 100", got.status)
	}
	w.write(body)
	w.expect("POST", 200, created(barID))

	// What is refused for its path alone is refused before the body comes.
	head, _, _ = strings.Cut(requestText("PUT", "/masters", body, "Expect: 100-continue"), "\r\n\r\n")
	w.write(head + "\r\n\r\n")
	w.expect("PUT", 405, "")
}

func TestChunkedBody(t *testing.T) {
	w := dial(t, alone(t).apis[0])
	defer w.close()
	first, second := `{"id":"foo:bar",`, barJob+`}`
	head, _, _ := strings.Cut(requestText("POST", "/jobs", "-", "Content-Length:", "Transfer-Encoding: chunked"), "\r\n\r\n")
	w.write(fmt.Sprintf("%s\r\n\r\n%x\r\n%s\r\n%x\r\n%s\r\n0\r\n\r\n", head, len(first), first, len(second), second))
	w.expect("POST", 200, created(barID))
}

// TestLargeBodies holds up to which size bodies are taken, and that larger ones are refused with a reason, compressed or not.
func TestLargeBodies(t *testing.T) {
	c := alone(t)
	job := func(size int) string {
		return `{"id":"big:1","image":"x","env":{"A":"` + strings.Repeat("x", size) + `"}}`
	}
	for name, tt := range map[string]struct {
		target, body string
		headers      []string
		status       int
	}{
		"a large job":               {"/jobs", job(190 << 10), nil, 200},
		"a job that is too large":   {"/jobs", job(201 << 10), nil, 413},
		"one that grows too large":  {"/jobs", zipped(job(10 << 20)), []string{"Content-Encoding: gzip"}, 413},
		"40,000 ids":                {"/jobs/statuses", manyIDs(40_000, unknownJob), nil, 200},
		"a list that is too large":  {"/jobs/statuses", `["` + strings.Repeat("x", 5<<20) + `"]`, nil, 413},
		"a group that is too large": {"/deployment-group", `{"name":"` + strings.Repeat("x", 257<<10) + `"}`, nil, 413},
	} {
		t.Run(name, func(t *testing.T) {
			c.t = t
			if got := c.ask("POST", tt.target, tt.body, tt.headers...); got.status != tt.status {
				t.Errorf("status %d, want %d: %.200s", got.status, tt.status, got.body)
			}
		})
	}
	c.t = t
}

// TestAdminPort holds what probes ask on the admin port.
func TestAdminPort(t *testing.T) {
	c := alone(t)
	check := func(path string) answer { return ask(t, c.admins[0], "GET", path, "") }
	ping := check("/ping")
	if kind, _ := ping.header("Content-Type"); ping.status != 200 || strings.TrimSpace(ping.body) != "pong" || !strings.HasPrefix(kind, "text/plain") {
		t.Errorf("/ping: %+v", ping)
	}
	health := check("/healthcheck")
	if kind, _ := health.header("Content-Type"); health.status != 200 || kind != "application/json" {
		t.Errorf("/healthcheck: %+v", health)
	}
	results := decoded[map[string]map[string]any](t, health.body)
	if len(results) == 0 {
		t.Error("/healthcheck checks nothing")
	}
	for name, result := range results {
		if result["healthy"] != true || len(result) != 1 {
			t.Errorf("%s: %v", name, result)
		}
	}
	if metrics := check("/metrics"); metrics.status != 200 || !strings.Contains(metrics.body, "heliosctl_healthy") {
		t.Errorf("/metrics: %d", metrics.status)
	}
	if got := ask(t, c.admins[0], "HEAD", "/healthcheck", ""); got.status != 200 || got.body != "" {
		t.Errorf("HEAD /healthcheck: %+v", got)
	}
	if got := check("/jobs"); got.status != 404 {
		t.Errorf("the API answers on the admin port: %d", got.status)
	}
}
