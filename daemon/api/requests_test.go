package api_test

import (
	"bytes"
	"compress/flate"
	"compress/gzip"
	"compress/zlib"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/heliosctl/heliosctl/daemon/api"
	"github.com/heliosctl/heliosctl/model"
)

func TestRequestIDs(t *testing.T) {
	w := newWorld(t, api.Config{})
	tests := []struct {
		rule   string
		id     string
		status int
	}{
		{"made up where there is none", "", 200},
		{"kept", "Az09-_.:", 200},
		{"of the greatest length", strings.Repeat("x", 128), 200},
		{"too long", strings.Repeat("x", 129), 400},
		{"with a blank", "a b", 400},
		{"with another character", "ä", 400},
	}
	for _, test := range tests {
		t.Run(test.rule, func(t *testing.T) {
			resp, _ := w.send("GET", "/masters", "", "Helios-Request-Id", test.id)
			if resp.StatusCode != test.status {
				t.Errorf("status %d, want %d", resp.StatusCode, test.status)
			}
			got := resp.Header.Get("Helios-Request-Id")
			if test.status == 200 && (got == "" || test.id != "" && got != test.id) {
				t.Errorf("answered with id %q, want %q", got, test.id)
			}
		})
	}
}

func TestARequestThatIsSentTwiceTakesEffectOnce(t *testing.T) {
	w := newWorld(t, api.Config{})
	for range 2 {
		resp, body := w.send("POST", "/jobs", `{"id":"web:1","image":"nginx:1"}`, "Helios-Request-Id", "same")
		if resp.StatusCode != 200 {
			t.Errorf("status %d, want 200; %s", resp.StatusCode, body)
		}
	}
	if resp, _ := w.send("POST", "/jobs", `{"id":"web:1","image":"nginx:1"}`); resp.StatusCode != 400 {
		t.Errorf("without the id: status %d, want 400", resp.StatusCode)
	}
}

func gzipped(t *testing.T, text string) string {
	return compressed(t, text, func(w io.Writer) io.WriteCloser { return gzip.NewWriter(w) })
}

func compressed(t *testing.T, text string, by func(io.Writer) io.WriteCloser) string {
	t.Helper()
	var b bytes.Buffer
	w := by(&b)
	if _, err := io.WriteString(w, text); err != nil {
		t.Fatal(err)
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return b.String()
}

func TestCompressedRequests(t *testing.T) {
	body := `{"id":"web:1","image":"nginx:1"}`
	zlibbed := compressed(t, body, func(w io.Writer) io.WriteCloser { return zlib.NewWriter(w) })
	deflated := compressed(t, body, func(w io.Writer) io.WriteCloser {
		f, err := flate.NewWriter(w, flate.BestCompression)
		if err != nil {
			t.Fatal(err)
		}
		return f
	})
	tests := []struct {
		rule     string
		encoding string
		body     string
		status   int
	}{
		{"gzip", "gzip", gzipped(t, body), 200},
		{"deflate as in the standard", "deflate", zlibbed, 200},
		{"deflate as in Java", "deflate", deflated, 200},
		{"none", "identity", body, 200},
		{"not what it says", "gzip", body, 400},
		{"cut off", "gzip", gzipped(t, body)[:20], 400},
		{"empty", "gzip", "", 422},
		{"unknown", "br", body, 415},
		{"a bomb", "gzip", gzipped(t, strings.Repeat(" ", 10<<20)), 413},
	}
	for _, test := range tests {
		t.Run(test.rule, func(t *testing.T) {
			w := newWorld(t, api.Config{})
			resp, answer := w.send("POST", "/jobs", test.body, "Content-Encoding", test.encoding)
			if resp.StatusCode != test.status {
				t.Errorf("status %d, want %d; %s", resp.StatusCode, test.status, answer)
			}
		})
	}
}

func TestBodiesAreLimited(t *testing.T) {
	w := newWorld(t, api.Config{MaxJobBytes: 100, MaxBodyBytes: 200, MaxBatchBytes: 300})
	w.agent("host1", nil)
	limits(t, w)
}

// limits asks a master with limits of 100, 200 and 300 bytes for what is just too large.
func limits(t *testing.T, w *world) {
	t.Helper()
	tests := []struct {
		method, path string
		limit        int
	}{
		{"POST", "/jobs", 100},
		{"POST", "/jobs/statuses", 300},
		{"POST", "/hosts/statuses", 300},
		{"PUT", "/hosts/host1/jobs/" + unknown, 200},
		{"PATCH", "/hosts/host1/jobs/" + unknown, 200},
		{"PUT", "/v1/agents/host1", 200},
		{"POST", "/v1/agents/host1/statuses", 300},
		{"POST", "/v1/agents/host1/gauges", 200},
	}
	for _, test := range tests {
		t.Run(test.method+test.path, func(t *testing.T) {
			resp, body := w.send(test.method, test.path, strings.Repeat(" ", test.limit+1))
			want := fmt.Sprintf("larger than %d bytes", test.limit)
			if e := decoded[model.Error](t, body); resp.StatusCode != 413 || e.Code != model.CodeTooLarge || !strings.Contains(e.Message, want) {
				t.Errorf("above the limit: status %d, body %s; want 413 and %q", resp.StatusCode, body, want)
			}
			if resp, _ := w.send(test.method, test.path, strings.Repeat(" ", test.limit)); resp.StatusCode != 422 {
				t.Errorf("at the limit: status %d, want 422", resp.StatusCode)
			}
		})
	}
}

func TestCompressedAnswers(t *testing.T) {
	w := newWorld(t, api.Config{})
	w.job("web", "")
	tests := []struct {
		rule     string
		path     string
		accept   string
		encoding string
	}{
		{"large answers are compressed", "/jobs", "gzip", "gzip"},
		{"small ones are not", "/masters", "gzip", ""},
		{"only when that is accepted", "/jobs", "identity", ""},
		{"never with what the original's clients do not know", "/jobs", "zstd, gzip;q=0.5", "gzip"},
	}
	for _, test := range tests {
		t.Run(test.rule, func(t *testing.T) {
			resp, body := w.send("GET", test.path, "", "Accept-Encoding", test.accept)
			if got := resp.Header.Get("Content-Encoding"); got != test.encoding {
				t.Fatalf("encoding %q, want %q", got, test.encoding)
			}
			if test.encoding == "gzip" {
				z, err := gzip.NewReader(strings.NewReader(body))
				if err != nil {
					t.Fatal(err)
				}
				inflated, err := io.ReadAll(z)
				if err != nil {
					t.Fatal(err)
				}
				decoded[map[model.JobID]model.Job](t, string(inflated))
			}
		})
	}
}

// TestABodyThatDoesNotCome holds that the time for it is the server's to limit, and that the client is told.
func TestABodyThatDoesNotCome(t *testing.T) {
	w := newWorld(t, api.Config{})
	w.http.Config.Handler = http.HandlerFunc(func(writer http.ResponseWriter, r *http.Request) {
		if err := http.NewResponseController(writer).SetReadDeadline(time.Now()); err != nil {
			t.Error(err)
		}
		w.server.Handler().ServeHTTP(writer, r)
	})
	for _, target := range []string{"/jobs", "/jobs/statuses"} {
		conn, err := net.Dial("tcp", w.http.Listener.Addr().String())
		if err != nil {
			t.Fatal(err)
		}
		defer conn.Close()
		if _, err := io.WriteString(conn, "POST "+target+" HTTP/1.1\r\nHost: x\r\nContent-Length: 100\r\n\r\n"); err != nil {
			t.Fatal(err)
		}
		answer, err := io.ReadAll(conn)
		if err != nil || !bytes.HasPrefix(answer, []byte("HTTP/1.1 408 ")) || !bytes.Contains(answer, []byte("did not come in time")) {
			t.Errorf("%s: %v, %s", target, err, answer)
		}
	}
}
