package api_test

import (
	"bytes"
	"compress/gzip"
	"context"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/heliosctl/heliosctl/daemon/api"
	"github.com/heliosctl/heliosctl/daemon/api/apitest"
	"github.com/heliosctl/heliosctl/model"
)

// newFleet serves the masters of one cluster, each by a server of its own.
func newFleet(t *testing.T, masters int, config api.Config) []*world {
	t.Helper()
	var fleet []*world
	for _, backend := range apitest.NewCluster(masters, 2*time.Second) {
		w := newWorldOf(t, backend, config)
		backend.SetURL(w.http.URL)
		fleet = append(fleet, w)
	}
	return fleet
}

const webJob = `{"id":"web:1","image":"nginx:1"}`

func TestAWriteReachesTheLeaderThroughAnyMaster(t *testing.T) {
	fleet := newFleet(t, 3, api.Config{})
	for i, w := range fleet {
		host := string(rune('a' + i))
		resp, body := w.send("PUT", "/hosts/"+host+"/?user=alice&id=x+y%2F1", "")
		if resp.StatusCode != 200 {
			t.Errorf("master %d: status %d, %s", i+1, resp.StatusCode, body)
		}
		// The agent's id has gone through unharmed, or this would be a conflict.
		if _, err := fleet[0].backend.RegisterAgent(context.Background(), model.Registration{Host: host, AgentID: "x y/1"}); err != nil {
			t.Error(err)
		}
	}
	fleet[0].backend.LoseLeader()
	fleet[2].backend.Lead()
	resp, body := fleet[1].send("POST", "/jobs?user=bob", webJob)
	if resp.StatusCode != 200 {
		t.Fatalf("after the leader changed: status %d, %s", resp.StatusCode, body)
	}
	job := fleet[0].backend.Jobs(model.JobFilter{})[0]
	if job.CreatingUser != "bob" {
		t.Errorf("created by %q, want bob", job.CreatingUser)
	}
}

// TestAForwardedAnswerIsTheLeaders holds that clients see the same through every master.
func TestAForwardedAnswerIsTheLeaders(t *testing.T) {
	fleet := newFleet(t, 2, api.Config{})
	long := strings.Repeat("x", 100)
	tests := []struct{ rule, method, path, body string }{
		{"created", "POST", "/jobs", webJob},
		{"refused with the original's word", "POST", "/jobs", webJob},
		{"refused with our code", "PUT", "/v1/agents/host1", `{"host":"host2","agentId":"a"}`},
		{"an empty 404", "DELETE", "/jobs/", ""},
		{"a bare text", "DELETE", "/jobs/web:1", ""},
		{"an empty 422", "POST", "/jobs", ""},
		{"null", "POST", "/jobs", "null"},
		{"bad JSON", "POST", "/jobs", "{"},
		{"odd names", "DELETE", "/hosts/%2e%2e%2Fa%20b", ""},
		{"long enough to be compressed", "POST", "/jobs", `{"id":"` + strings.Repeat(long, 4) + `:1"}`},
	}
	for _, test := range tests {
		for _, accept := range []string{"gzip", "identity", ""} {
			t.Run(test.rule+"/"+accept, func(t *testing.T) {
				var answers [2]map[string]any
				for i, w := range fleet {
					headers := []string{"Helios-Version", "0.9.1", "Helios-Request-Id", strings.ReplaceAll(test.rule, " ", "-"), "Accept-Encoding", accept}
					resp, body := w.send(test.method, test.path, test.body, headers...)
					resp.Header.Del("Date")
					answers[i] = map[string]any{"status": resp.StatusCode, "header": resp.Header, "body": body}
				}
				if diff := cmp.Diff(answers[0], answers[1]); diff != "" {
					t.Errorf("answers (-leader +follower):\n%s", diff)
				}
			})
		}
	}
}

func TestCompressionIsDoneOnce(t *testing.T) {
	fleet := newFleet(t, 2, api.Config{})
	bad := `{"id":"` + strings.Repeat("x", 400) + `:1"}` // the refusal repeats the name
	resp, body := fleet[1].send("POST", "/jobs", gzipped(t, bad), "Content-Encoding", "gzip", "Accept-Encoding", "gzip")
	if resp.StatusCode != 400 || resp.Header.Get("Content-Encoding") != "gzip" || len(resp.Header.Values("Vary")) != 1 {
		t.Fatalf("status %d, header %v", resp.StatusCode, resp.Header)
	}
	z, err := gzip.NewReader(strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	inflated, err := io.ReadAll(z)
	if err != nil || !bytes.Contains(inflated, []byte("INVALID_JOB_DEFINITION")) {
		t.Errorf("inflated once: %.200q, %v", inflated, err)
	}
}

func TestBodiesAreLimitedBeforeTheyAreForwarded(t *testing.T) {
	fleet := newFleet(t, 2, api.Config{MaxJobBytes: 100, MaxBodyBytes: 200, MaxBatchBytes: 300})
	fleet[0].agent("host1", nil)
	limits(t, fleet[1])
	var asked atomic.Int32
	leader := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { asked.Add(1) }))
	defer leader.Close()
	fleet[0].backend.SetURL(leader.URL)
	if resp, _ := fleet[1].send("POST", "/jobs", strings.Repeat(" ", 101)); resp.StatusCode != 413 || asked.Load() != 0 {
		t.Errorf("status %d, the leader was asked %d times", resp.StatusCode, asked.Load())
	}
}

// TestTwoMastersThatTakeEachOtherForTheLeader holds that a request goes on once and no further.
func TestTwoMastersThatTakeEachOtherForTheLeader(t *testing.T) {
	t.Parallel()
	var misleads [2]*misled
	var fleet [2]*world
	var asked [2]atomic.Int32
	for i := range fleet {
		misleads[i] = &misled{Backend: apitest.New()}
		fleet[i] = newWorldOf(t, misleads[i].Backend, api.Config{Backend: misleads[i]})
		handler := fleet[i].http.Config.Handler
		fleet[i].http.Config.Handler = http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			asked[i].Add(1)
			handler.ServeHTTP(w, r)
		})
	}
	misleads[0].url, misleads[1].url = fleet[1].http.URL, fleet[0].http.URL
	resp, body := fleet[0].send("POST", "/jobs", webJob)
	if e := decoded[model.Error](t, body); resp.StatusCode != 502 || e.Code != model.CodeUnavailable {
		t.Errorf("status %d, body %s", resp.StatusCode, body)
	}
	if asked[0].Load() != 1 || asked[1].Load() == 0 {
		t.Errorf("the masters were asked %d and %d times, want the first one once", asked[0].Load(), asked[1].Load())
	}
}

// misled takes another master for the leader.
type misled struct {
	*apitest.Backend
	url string
}

func (m *misled) Leader(context.Context) (string, bool, error) { return m.url, false, nil }

// cutter passes requests on to a master, and breaks off the connections of the first few when the answer is there.
type cutter struct {
	*httptest.Server
	cuts   atomic.Int32 // still to be made
	mu     sync.Mutex
	passed []*http.Request
}

func newCutter(t *testing.T, master string, cuts int32) *cutter {
	t.Helper()
	target, err := url.Parse(master)
	if err != nil {
		t.Fatal(err)
	}
	c := &cutter{}
	c.cuts.Store(cuts)
	transport := &http.Transport{DisableCompression: true}
	proxy := httputil.NewSingleHostReverseProxy(target)
	proxy.Transport = transport
	proxy.ModifyResponse = func(*http.Response) error {
		if c.cuts.Add(-1) >= 0 {
			panic(http.ErrAbortHandler)
		}
		return nil
	}
	c.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		c.mu.Lock()
		c.passed = append(c.passed, r.Clone(context.Background()))
		c.mu.Unlock()
		proxy.ServeHTTP(w, r)
	}))
	t.Cleanup(func() {
		c.Close()
		transport.CloseIdleConnections()
	})
	return c
}

func (c *cutter) seen() []*http.Request {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.passed
}

// TestALostAnswerIsAskedForAgain holds that a change takes effect once although the connection breaks after it was made.
func TestALostAnswerIsAskedForAgain(t *testing.T) {
	fleet := newFleet(t, 2, api.Config{})
	c := newCutter(t, fleet[0].http.URL, 2)
	fleet[0].backend.SetURL(c.URL)
	resp, body := fleet[1].send("POST", "/jobs?user=a%2Bb", webJob, "User-Agent", "java", "Content-Type", "application/json", "Helios-Version", "0.9.1")
	if resp.StatusCode != 200 || !strings.Contains(body, `"OK"`) {
		t.Errorf("status %d, body %s", resp.StatusCode, body)
	}
	if n := fleet[0].backend.Applied(); n != 1 {
		t.Errorf("%d changes were made, want 1", n)
	}
	requests := c.seen()
	if len(requests) != 3 {
		t.Fatalf("the leader was asked %d times, want 3", len(requests))
	}
	id := requests[0].Header.Get("Helios-Request-Id")
	if id == "" || id != resp.Header.Get("Helios-Request-Id") {
		t.Errorf("forwarded with request id %q, answered with %q", id, resp.Header.Get("Helios-Request-Id"))
	}
	for _, r := range requests {
		got := map[string]string{"query": r.URL.RawQuery}
		for _, name := range []string{"Helios-Request-Id", "User-Agent", "Content-Type", "Helios-Version", "Helios-Forwarded-By"} {
			got[name] = r.Header.Get(name)
		}
		want := map[string]string{
			"query": "user=a%2Bb", "Helios-Request-Id": id, "User-Agent": "java", "Content-Type": "application/json", "Helios-Version": "0.9.1",
			"Helios-Forwarded-By": "master2",
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("forwarded (-want +got):\n%s", diff)
		}
	}
}

func TestAnOutcomeThatStaysUnknown(t *testing.T) {
	t.Parallel()
	fleet := newFleet(t, 2, api.Config{})
	c := newCutter(t, fleet[0].http.URL, 1<<30)
	fleet[0].backend.SetURL(c.URL)
	resp, body := fleet[1].send("POST", "/jobs", webJob)
	if e := decoded[model.Error](t, body); resp.StatusCode != 504 || e.Code != model.CodeOutcomeUnknown {
		t.Errorf("status %d, body %s", resp.StatusCode, body)
	}
	if n := fleet[0].backend.Applied(); n != 1 {
		t.Errorf("%d changes were made, want 1", n)
	}
}

// TestALeaderThatIsDeposed holds that a change whose leader fails takes effect once, whichever master was asked for it.
func TestALeaderThatIsDeposed(t *testing.T) {
	for asked, name := range []string{"the old leader", "a follower", "the new leader"} {
		t.Run(name, func(t *testing.T) {
			fleet := newFleet(t, 3, api.Config{})
			fleet[0].backend.Doubt()
			deposed := &elector{Backend: fleet[0].backend, next: fleet[2].backend}
			fleet[0].server = api.New(api.Config{Backend: deposed})
			fleet[0].http.Config.Handler = fleet[0].server.Handler()
			defer fleet[0].server.Close()
			resp, body := fleet[asked].send("POST", "/jobs", webJob)
			if resp.StatusCode != 200 || !strings.Contains(body, `"OK"`) {
				t.Errorf("status %d, body %s", resp.StatusCode, body)
			}
			if n := fleet[0].backend.Applied(); n != 1 {
				t.Errorf("%d changes were made, want 1", n)
			}
		})
	}
}

// elector stops leading after the first job that is created.
type elector struct {
	*apitest.Backend
	next *apitest.Backend
}

func (e *elector) CreateJob(ctx context.Context, req model.Request, job model.Job) (model.JobID, error) {
	id, err := e.Backend.CreateJob(ctx, req, job)
	e.next.Lead()
	return id, err
}

// TestALeaderThatIsSilent holds that a request does not hang on a leader that was paused and replaced.
func TestALeaderThatIsSilent(t *testing.T) {
	t.Parallel()
	fleet := newFleet(t, 2, api.Config{})
	silent, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer silent.Close()
	fleet[0].backend.SetURL("http://" + silent.Addr().String())
	conns := make(chan net.Conn, 1)
	go func() {
		defer close(conns)
		if conn, err := silent.Accept(); err == nil {
			conns <- conn
		}
		fleet[1].backend.Lead()
	}()
	defer func() {
		for conn := range conns {
			conn.Close()
		}
	}()
	resp, body := fleet[1].send("POST", "/jobs", webJob)
	if resp.StatusCode != 200 {
		t.Errorf("status %d, body %s", resp.StatusCode, body)
	}
}

func TestALeaderThatComesInTime(t *testing.T) {
	fleet := newFleet(t, 2, api.Config{})
	dead := httptest.NewServer(http.NotFoundHandler())
	dead.Close()
	fleet[0].backend.SetURL(dead.URL) // the leader is dead, and that has not been noticed yet
	looked := &watchedLeader{Backend: fleet[1].backend, then: fleet[1].backend.Lead}
	looked.times.Store(3)
	fleet[1].server = api.New(api.Config{Backend: looked})
	defer fleet[1].server.Close()
	fleet[1].http.Config.Handler = fleet[1].server.Handler()
	if resp, body := fleet[1].send("POST", "/jobs", webJob); resp.StatusCode != 200 {
		t.Errorf("status %d, body %s", resp.StatusCode, body)
	}
}

// watchedLeader does something when the leader was looked for so many times.
type watchedLeader struct {
	*apitest.Backend
	times atomic.Int32
	then  func()
}

func (l *watchedLeader) Leader(ctx context.Context) (string, bool, error) {
	if l.times.Add(-1) == 0 {
		l.then()
	}
	return l.Backend.Leader(ctx)
}

func TestNoLeader(t *testing.T) {
	t.Parallel()
	fleet := newFleet(t, 2, api.Config{})
	dead := httptest.NewServer(http.NotFoundHandler())
	dead.Close()
	for name, prepare := range map[string]func(){
		"none is known":                 fleet[0].backend.LoseLeader,
		"the one that is known is dead": func() { fleet[0].backend.FindLeader(); fleet[0].backend.SetURL(dead.URL) },
	} {
		prepare()
		resp, body := fleet[1].send("POST", "/jobs", webJob)
		if e := decoded[model.Error](t, body); resp.StatusCode != 502 || e.Code != model.CodeUnavailable {
			t.Errorf("%s: status %d, body %s", name, resp.StatusCode, body)
		}
	}
}

// TestTokensStayOutOfMessages holds that a leader which cannot be asked is told of without the request, in which there may be a token.
func TestTokensStayOutOfMessages(t *testing.T) {
	t.Parallel()
	var log logText
	fleet := newFleet(t, 2, api.Config{Logger: slog.New(slog.NewTextHandler(&log, &slog.HandlerOptions{Level: slog.LevelDebug}))})
	dead := httptest.NewServer(http.NotFoundHandler())
	dead.Close()
	fleet[0].backend.SetURL(dead.URL)
	resp, body := fleet[1].send("DELETE", "/jobs/web:1:0123456789012345678901234567890123456789?token=sesame", "")
	if resp.StatusCode != 502 || !strings.Contains(body, "refused") {
		t.Errorf("status %d, body %s", resp.StatusCode, body)
	}
	if !strings.Contains(log.String(), "the leader failed a request") {
		t.Errorf("the log does not tell of it:\n%s", log.String())
	}
	if strings.Contains(body+log.String(), "sesame") {
		t.Errorf("the token is told:\n%s\n%s", body, log.String())
	}
}

// logText collects what several goroutines log.
type logText struct {
	mu   sync.Mutex
	text strings.Builder
}

func (l *logText) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.Write(p)
}

func (l *logText) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.String()
}

// TestAClientThatHasSaidEverything holds that a client gets its answer when it closes its side of the connection behind its request.
func TestAClientThatHasSaidEverything(t *testing.T) {
	for _, request := range []string{
		"GET /jobs HTTP/1.1\r\nHost: x\r\n\r\n",
		"PUT /hosts/new1?id=a HTTP/1.1\r\nHost: x\r\nContent-Length: 0\r\n\r\n",
	} {
		method, _, _ := strings.Cut(request, " ")
		t.Run(method, func(t *testing.T) {
			fleet := newFleet(t, 2, api.Config{})
			// Neither master goes on before it is known that the client says no more.
			closed := make(chan struct{})
			follower := &odd{Backend: fleet[1].backend, readIndex: func(ctx context.Context) error {
				<-closed
				return ctx.Err()
			}}
			fleet[1].server = api.New(api.Config{Backend: follower})
			defer fleet[1].server.Close()
			fleet[1].http.Config.Handler = http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				context.AfterFunc(r.Context(), func() { close(closed) })
				fleet[1].server.Handler().ServeHTTP(w, r)
			})
			fleet[0].http.Config.Handler = http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				<-closed
				fleet[0].server.Handler().ServeHTTP(w, r)
			})
			conn, err := net.Dial("tcp", fleet[1].http.Listener.Addr().String())
			if err != nil {
				t.Fatal(err)
			}
			defer conn.Close()
			if _, err := io.WriteString(conn, request); err != nil {
				t.Fatal(err)
			}
			if err := conn.(*net.TCPConn).CloseWrite(); err != nil {
				t.Fatal(err)
			}
			answer, err := io.ReadAll(conn)
			if err != nil || !bytes.HasPrefix(answer, []byte("HTTP/1.1 200 ")) {
				t.Errorf("%v, %s", err, answer)
			}
		})
	}
}
