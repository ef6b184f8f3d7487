package client_test

import (
	"bytes"
	"compress/gzip"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/heliosctl/heliosctl/client"
	"github.com/heliosctl/heliosctl/daemon/api"
	"github.com/heliosctl/heliosctl/daemon/api/apitest"
	"github.com/heliosctl/heliosctl/model"
)

func TestBadEndpoints(t *testing.T) {
	for _, endpoint := range []string{"", "master1", "master1:5801", "ftp://master1:5801", "http://master1", "http://:5801", "http://u:p@master1:5801", "http://master1:5801?x=y", "http://a b:1"} {
		_, err := client.New(client.Config{Endpoints: []string{endpoint}})
		if !errors.Is(err, &model.Error{Code: model.CodeInvalid}) {
			t.Errorf("%q: error %v, want one of an invalid endpoint", endpoint, err)
		}
	}
	if _, err := client.New(client.Config{}); !errors.Is(err, &model.Error{Code: model.CodeInvalid}) {
		t.Errorf("no endpoints: error %v", err)
	}
}

// TestWhatIsSent holds the headers, the user, and that names survive their way through the URL.
func TestWhatIsSent(t *testing.T) {
	f := newFake(t, answer(200, `{"status":"UP","jobs":{},"statuses":{}}`))
	c := newClient(t, client.Config{Endpoints: []string{f.URL + "/base/"}, User: oddToken, UserAgent: "test/1"})
	for _, host := range []string{"plain", "a/b", "a%2Fb", "ü +&?#;=", ".", ".."} {
		if _, err := c.HostStatus(context.Background(), host); err != nil {
			t.Fatal(err)
		}
		all := f.seen()
		r := all[len(all)-1]
		mux, got := http.NewServeMux(), ""
		mux.HandleFunc("GET /base/hosts/{host}/status", func(_ http.ResponseWriter, r *http.Request) { got = r.PathValue("host") })
		mux.ServeHTTP(httptest.NewRecorder(), r)
		if got != host {
			t.Errorf("host %q arrived as %q in %s", host, got, r.URL.EscapedPath())
		}
	}
	r := f.seen()[0]
	if got := r.URL.Query().Get("user"); got != oddToken {
		t.Errorf("user %q, want %q", got, oddToken)
	}
	if got := r.Header.Get("Helios-Version"); got != model.ServerVersion {
		t.Errorf("Helios-Version %q, want %q", got, model.ServerVersion)
	}
	if got := r.Header.Get("User-Agent"); got != "test/1" {
		t.Errorf("User-Agent %q", got)
	}
	if got := r.Header.Get("Accept-Encoding"); got != "gzip" {
		t.Errorf("Accept-Encoding %q, want gzip", got)
	}
	if r.Host != strings.TrimPrefix(f.URL, "http://") {
		t.Errorf("Host %q, want that of %s", r.Host, f.URL)
	}
}

func TestLargeBodiesAreCompressed(t *testing.T) {
	var sizes []int
	f := newFake(t, func(w http.ResponseWriter, r *http.Request) {
		var body io.Reader = r.Body
		if r.Header.Get("Content-Encoding") == "gzip" {
			z, err := gzip.NewReader(body)
			if err != nil {
				t.Error(err)
				return
			}
			body = z
		}
		data, err := io.ReadAll(body)
		if err != nil || !bytes.HasPrefix(data, []byte("[")) {
			t.Errorf("body %.20s, error %v", data, err)
		}
		sizes = append(sizes, int(r.ContentLength))
		_, _ = io.WriteString(w, "{}")
	})
	c := newClient(t, client.Config{Endpoints: []string{f.URL}})
	long := strings.Repeat("x", 100<<10)
	for _, hosts := range [][]string{{"short"}, {long}} {
		if _, err := c.HostStatuses(context.Background(), hosts, ""); err != nil {
			t.Fatal(err)
		}
	}
	if sizes[0] != len(`["short"]`) || sizes[1] >= len(long) {
		t.Errorf("sizes sent %v", sizes)
	}
}

const noMaster = "so it is no master: check the address, and whether there is a proxy before it"

// TestAnswersBecomeErrors holds what is made of every kind of answer, those of the original's masters and of strangers included.
func TestAnswersBecomeErrors(t *testing.T) {
	tests := []struct {
		name   string
		status int
		body   string
		want   model.Error
	}{
		{"our own", 409, `{"code":"HOST_CONFLICT","message":"taken","details":["by x"]}`,
			model.Error{Code: model.CodeHostConflict, Message: "taken", Details: []string{"by x"}}},
		{"a code of a newer master", 400, `{"code":"NEW","message":"new"}`, model.Error{Code: "NEW", Message: "new"}},
		{"a word with our message", 404, `{"status":"NOT_FOUND","host":"h","message":"gone"}`, model.Error{Code: model.CodeHostNotFound, Message: "gone"}},
		{"a bare word", 404, `{"status":"NOT_FOUND","host":"h"}`, model.Error{Code: model.CodeHostNotFound, Message: "host h is not registered"}},
		{"a refused token", 403, `{"status":"FORBIDDEN"}`,
			model.Error{Code: model.CodeForbidden, Message: "the token is not the job's: give the one that the job was created with"}},
		{"a proxy that wants to know who asks", 401, ``, model.Error{Code: model.CodeForbidden, Message: "URL answered DELETE /hosts/h with status 401"}},
		{"faults of a job", 400, `{"status":"INVALID_JOB_DEFINITION","errors":["a","b"],"id":"x:1"}`,
			model.Error{Code: model.CodeInvalidJob, Message: "a; b", Details: []string{"a", "b"}}},
		{"a bare message", 500, `{"message":"There was an error"}`, model.Error{Code: model.CodeInternal, Message: "There was an error"}},
		{"bare text", 400, `Invalid id x:1`, model.Error{Code: model.CodeInvalidID, Message: "invalid id x:1: a full job id such as name:version:hash is needed"}},
		{"nothing", 404, ``, model.Error{Code: model.CodeHostNotFound, Message: "host h is not registered"}},
		{"nothing that is known", 400, ``, model.Error{Code: model.CodeInvalid, Message: "URL answered DELETE /hosts/h with status 400"}},
		{"faults without any", 422, `{"errors":[]}`, model.Error{Code: model.CodeInvalid, Message: "URL refused DELETE /hosts/h: INVALID_REQUEST"}},
		{"a page", 500, "<html>", model.Error{Code: model.CodeInternal, Message: "URL answered DELETE /hosts/h with status 500 and a web page"}},
		{"a page for nothing", 404, "<html>", model.Error{Code: model.CodeNotFound, Message: "URL answered DELETE /hosts/h with status 404 and a web page"}},
		{"a proxy's page", 403, "<html>", model.Error{Code: model.CodeUnavailable, Message: "URL answered DELETE /hosts/h with a web page (status 403), " + noMaster}},
		{"no text", 500, "\xff", model.Error{Code: model.CodeInternal, Message: "URL answered DELETE /hosts/h with status 500: \uFFFD"}},
		{"the wrong scheme", 400, "Client sent an HTTP request to an HTTPS server.",
			model.Error{Code: model.CodeUnavailable, Message: "URL speaks https; give its address as https://"}},
		{"a long page", 418, strings.Repeat("x", 9000),
			model.Error{Code: model.CodeInternal, Message: "URL answered DELETE /hosts/h with status 418: " + strings.Repeat("x", 200)}},
		{"a redirect", 302, ``, model.Error{Code: model.CodeUnavailable, Message: "URL answered DELETE /hosts/h with a redirection (status 302), " + noMaster}},
		{"too new a master", 426, ``, model.Error{Code: model.CodeVersionIncompatible, Message: "URL answered DELETE /hosts/h with status 426"}},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			f := newFake(t, func(w http.ResponseWriter, r *http.Request) {
				w.Header().Set("Location", "/elsewhere")
				answer(test.status, test.body)(w, r)
			})
			c := newClient(t, client.Config{Endpoints: []string{f.URL}})
			var got *model.Error
			if err := c.DeregisterHost(context.Background(), "h"); !errors.As(err, &got) {
				t.Fatalf("error %v", err)
			}
			test.want.Message = strings.Replace(test.want.Message, "URL", f.URL, 1)
			if diff := cmp.Diff(test.want, *got); diff != "" {
				t.Errorf("error (-want +got):\n%s", diff)
			}
			if n := len(f.seen()); n != 1 {
				t.Errorf("asked %d times, want once", n)
			}
		})
	}
}

func TestGarbageIsAnError(t *testing.T) {
	for body, code := range map[string]model.Code{
		"": model.CodeInternal, "<html>": model.CodeUnavailable, `{"masters"`: model.CodeInternal, `{}`: model.CodeUnavailable, `[1]`: model.CodeUnavailable,
	} {
		f := newFake(t, answer(200, body))
		c := newClient(t, client.Config{Endpoints: []string{f.URL}})
		if _, err := c.Masters(context.Background()); !errors.Is(err, &model.Error{Code: code}) {
			t.Errorf("%q: error %v", body, err)
		}
	}
}

// broken are servers that do not serve.
func broken(t *testing.T) map[string]string {
	half := newFake(t, func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Length", "100")
		_, _ = io.WriteString(w, `["mas`)
	})
	hangUp := newFake(t, func(http.ResponseWriter, *http.Request) { panic(http.ErrAbortHandler) })
	silent, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { silent.Close() })
	slow := newFake(t, func(w http.ResponseWriter, r *http.Request) {
		_, _ = io.WriteString(w, `["`)
		_ = http.NewResponseController(w).Flush()
		<-r.Context().Done()
	})
	return map[string]string{
		"nobody listens":         nobody(t),
		"no leader":              newFake(t, answer(502, `{"code":"UNAVAILABLE","message":"there is no leader"}`)).URL,
		"a proxy without master": newFake(t, answer(503, `<html>`)).URL,
		"behind":                 newFake(t, answer(503, `{"code":"UNAVAILABLE","message":"behind"}`)).URL,
		"half an answer":         half.URL,
		"hangs up":               hangUp.URL,
		"never answers":          "http://" + silent.Addr().String(),
		"stops in its answer":    slow.URL,
		"speaks no TLS":          "https" + strings.TrimPrefix(newFake(t, answer(200, `["master1"]`)).URL, "http"),
	}
}

func TestAnotherMasterIsTriedAtOnce(t *testing.T) {
	for name, url := range broken(t) {
		t.Run(name, func(t *testing.T) {
			good := newFake(t, answer(200, `["master2"]`))
			c := newClient(t, client.Config{
				Endpoints: []string{url, good.URL}, HTTPTimeout: 300 * time.Millisecond, RetryTimeout: time.Nanosecond,
			})
			for range 3 {
				masters, err := c.Masters(context.Background())
				if diff := cmp.Diff([]string{"master2"}, masters); diff != "" || err != nil {
					t.Errorf("masters (-want +got):\n%s\nerror %v", diff, err)
				}
			}
		})
	}
}

func TestNoMasterAnswers(t *testing.T) {
	for name, url := range broken(t) {
		t.Run(name, func(t *testing.T) {
			c := newClient(t, client.Config{Endpoints: []string{url}, HTTPTimeout: 300 * time.Millisecond, RetryTimeout: 50 * time.Millisecond})
			_, err := c.Masters(context.Background())
			if !errors.Is(err, model.ErrUnavailable) || !strings.Contains(err.Error(), url) {
				t.Errorf("error %v, want one that names %s", err, url)
			}
		})
	}
}

// A master that was asked again shortly before the time was up may have had no time to say the same again.
func TestSilenceIsNoReasonWhereThereWasOne(t *testing.T) {
	var asked atomic.Bool
	f := newFake(t, func(w http.ResponseWriter, r *http.Request) {
		if asked.CompareAndSwap(false, true) {
			answer(http.StatusBadGateway, `{"code":"UNAVAILABLE","message":"there is no leader"}`)(w, r)
			return
		}
		<-r.Context().Done()
	})
	c := newClient(t, client.Config{Endpoints: []string{f.URL, nobody(t)}, RetryTimeout: 200 * time.Millisecond})
	_, err := c.Masters(t.Context())
	if err == nil || !strings.Contains(err.Error(), f.URL+": there is no leader") || strings.Contains(err.Error(), "in time") {
		t.Errorf("error %v", err)
	}
	if n := len(f.seen()); n < 2 {
		t.Errorf("asked %d times", n)
	}
}

func TestAMasterThatComesBackIsFound(t *testing.T) {
	var calls atomic.Int32
	f := newFake(t, func(w http.ResponseWriter, r *http.Request) {
		if calls.Add(1) < 4 {
			answer(502, "")(w, r)
			return
		}
		answer(200, `["master1"]`)(w, r)
	})
	c := newClient(t, client.Config{Endpoints: []string{f.URL}, RetryTimeout: time.Minute})
	if _, err := c.Masters(context.Background()); err != nil {
		t.Error(err)
	}
}

// TestAWriteThatIsSentAgainHasTheSameID holds what makes retries of writes safe.
func TestAWriteThatIsSentAgainHasTheSameID(t *testing.T) {
	backend, master := newMaster(t, api.Config{})
	var lost atomic.Bool
	f := newFake(t, func(w http.ResponseWriter, r *http.Request) {
		// The write is done, but its answer is lost.
		body, err := io.ReadAll(r.Body)
		if err != nil {
			t.Error(err)
		}
		forwarded, err := http.NewRequest(r.Method, master.URL+r.URL.RequestURI(), bytes.NewReader(body))
		if err != nil {
			t.Error(err)
			return
		}
		forwarded.Header = r.Header
		resp, err := master.Client().Do(forwarded)
		if err != nil {
			t.Error(err)
			return
		}
		defer resp.Body.Close()
		if lost.CompareAndSwap(false, true) {
			panic(http.ErrAbortHandler)
		}
		w.WriteHeader(resp.StatusCode)
		_, _ = io.Copy(w, resp.Body)
	})
	c := newClient(t, client.Config{Endpoints: []string{f.URL}, RetryTimeout: time.Minute})
	id, err := c.CreateJob(context.Background(), model.Job{ID: model.JobID{Name: "web", Version: "1"}, Image: "nginx:1"})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := backend.Job(id); err != nil {
		t.Error(err)
	}
	requests := f.seen()
	if len(requests) < 2 {
		t.Fatalf("asked %d times, want twice", len(requests))
	}
	first, second := requests[0].Header.Get("Helios-Request-Id"), requests[1].Header.Get("Helios-Request-Id")
	if first == "" || first != second {
		t.Errorf("request ids %q and %q", first, second)
	}
}

// TestAnUnknownOutcomeIsTold holds that a write that may have happened is not called impossible, and one that was never sent is.
func TestAnUnknownOutcomeIsTold(t *testing.T) {
	servers := broken(t)
	unknown := newFake(t, answer(504, `{"code":"OUTCOME_UNKNOWN","message":"leadership was lost"}`))
	servers["lost leader"] = unknown.URL
	want := map[string]model.Code{
		"nobody listens": model.CodeUnavailable, "no leader": model.CodeUnavailable, "speaks no TLS": model.CodeUnavailable,
		"half an answer": model.CodeOutcomeUnknown, "hangs up": model.CodeOutcomeUnknown, "never answers": model.CodeOutcomeUnknown,
		"stops in its answer": model.CodeOutcomeUnknown, "lost leader": model.CodeOutcomeUnknown,
	}
	for name, code := range want {
		t.Run(name, func(t *testing.T) {
			c := newClient(t, client.Config{Endpoints: []string{servers[name]}, HTTPTimeout: 300 * time.Millisecond, RetryTimeout: 50 * time.Millisecond})
			err := c.RegisterHost(context.Background(), "h", "secret")
			if model.CodeOf(err) != code {
				t.Errorf("error %v with code %s, want %s", err, model.CodeOf(err), code)
			}
			if err != nil && strings.Contains(err.Error(), "secret") {
				t.Errorf("the error tells a parameter: %v", err)
			}
		})
	}
}

func TestACallEndsWithItsContext(t *testing.T) {
	for name, url := range broken(t) {
		t.Run(name, func(t *testing.T) {
			c := newClient(t, client.Config{Endpoints: []string{url}, HTTPTimeout: time.Hour, RetryTimeout: time.Hour})
			ctx, cancel := context.WithTimeout(context.Background(), 50*time.Millisecond)
			defer cancel()
			_, err := c.Masters(ctx)
			if !errors.Is(err, context.DeadlineExceeded) || !errors.Is(err, &model.Error{Code: model.CodeTimeout}) {
				t.Errorf("error %v", err)
			}
			ctx, cancel = context.WithCancel(context.Background())
			cancel()
			if _, err := c.Masters(ctx); !errors.Is(err, context.Canceled) {
				t.Errorf("error %v", err)
			}
		})
	}
}

func TestCallsGoRound(t *testing.T) {
	a, b := newFake(t, answer(200, `[]`)), newFake(t, answer(200, `[]`))
	c := newClient(t, client.Config{Endpoints: []string{a.URL, b.URL}})
	const calls = 10
	var wg sync.WaitGroup
	for range calls {
		wg.Go(func() {
			if _, err := c.Masters(context.Background()); err != nil {
				t.Error(err)
			}
		})
	}
	wg.Wait()
	if len(a.seen()) != calls/2 || len(b.seen()) != calls/2 {
		t.Errorf("%d and %d calls, want %d each", len(a.seen()), len(b.seen()), calls/2)
	}
}

func TestAMasterThatFailedIsLeftAloneForAWhile(t *testing.T) {
	bad, good := newFake(t, answer(502, "")), newFake(t, answer(200, `[]`))
	c := newClient(t, client.Config{Endpoints: []string{bad.URL, good.URL}})
	for range 10 {
		if _, err := c.Masters(context.Background()); err != nil {
			t.Fatal(err)
		}
	}
	if n := len(bad.seen()); n != 1 {
		t.Errorf("the bad master was asked %d times, want once", n)
	}
}

func TestConnectionsAreKept(t *testing.T) {
	var opened atomic.Int32
	_, master := newMaster(t, api.Config{})
	f := httptest.NewUnstartedServer(master.Config.Handler)
	f.Config.ConnState = func(_ net.Conn, state http.ConnState) {
		if state == http.StateNew {
			opened.Add(1)
		}
	}
	f.Start()
	defer f.Close()
	c := newClient(t, client.Config{Endpoints: []string{f.URL}})
	for range 20 {
		if _, err := c.Masters(context.Background()); err != nil {
			t.Fatal(err)
		}
		if _, err := c.HostStatus(context.Background(), "nope"); !errors.Is(err, model.ErrHostNotFound) {
			t.Fatal(err)
		}
	}
	if n := opened.Load(); n != 1 {
		t.Errorf("%d connections, want 1", n)
	}
}

// TestAHostWithSeveralAddresses holds that every address of a name is tried: localhost has two where there is IPv6.
func TestAHostWithSeveralAddresses(t *testing.T) {
	f := newFake(t, answer(200, `[]`))
	_, port, err := net.SplitHostPort(f.Listener.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	c := newClient(t, client.Config{Endpoints: []string{"http://localhost:" + port}})
	for range 2 {
		if _, err := c.Masters(context.Background()); err != nil {
			t.Error(err)
		}
	}
	if host := f.seen()[0].Host; host != "localhost:"+port {
		t.Errorf("Host %q, want localhost:%s", host, port)
	}
}

func TestANameThatCannotBeResolved(t *testing.T) {
	c := newClient(t, client.Config{Endpoints: []string{"http://master.invalid:5801"}})
	_, err := c.Masters(context.Background())
	if !errors.Is(err, model.ErrUnavailable) || !strings.Contains(err.Error(), "master.invalid") {
		t.Errorf("error %v", err)
	}
}

// TestWritesSurviveChangesOfTheLeader holds that nobody who writes through any master sees that the leader changes, or that leaders are
// deposed while they commit, and that every change is made once.
func TestWritesSurviveChangesOfTheLeader(t *testing.T) {
	backends := apitest.NewCluster(3, 2*time.Second)
	var urls []string
	for _, backend := range backends {
		server := api.New(api.Config{Backend: backend})
		h := httptest.NewServer(server.Handler())
		t.Cleanup(func() {
			server.Close()
			h.Close()
		})
		backend.SetURL(h.URL)
		urls = append(urls, h.URL)
	}
	c := newClient(t, client.Config{Endpoints: urls, RetryTimeout: time.Minute})
	const writers, jobs = 4, 25
	var writing sync.WaitGroup
	var acknowledged atomic.Int32
	for w := range writers {
		writing.Go(func() {
			for j := range jobs {
				id := model.JobID{Name: fmt.Sprintf("job-%d-%d", w, j), Version: "1"}
				if _, err := c.CreateJob(context.Background(), model.Job{ID: id, Image: "nginx:1"}); err != nil {
					t.Error(err)
				}
				if n := int(acknowledged.Add(1)); n%10 == 0 {
					backends[0].Doubt()
					backends[n/10%len(backends)].Lead()
				}
			}
		})
	}
	writing.Wait()
	if n := backends[0].Applied(); n != writers*jobs {
		t.Errorf("%d changes were made, want %d", n, writers*jobs)
	}
}

// TestAPageOfALoadBalancer holds that a change may have been made when what is between lost the answer of a master.
func TestAPageOfALoadBalancer(t *testing.T) {
	for _, status := range []int{http.StatusBadGateway, http.StatusGatewayTimeout} {
		f := newFake(t, answer(status, "<html><title>Gateway"))
		c := newClient(t, client.Config{Endpoints: []string{f.URL}})
		if err := c.DeregisterHost(context.Background(), "h"); !errors.Is(err, model.ErrOutcomeUnknown) || !strings.Contains(err.Error(), "web page") {
			t.Errorf("%d: error of a change: %v", status, err)
		}
		if _, err := c.Masters(context.Background()); !errors.Is(err, model.ErrUnavailable) || !strings.Contains(err.Error(), "web page") {
			t.Errorf("%d: error of a read: %v", status, err)
		}
	}
}

// TestAnswersThatCannotBeInflated holds that they are told as what they are, and that a change whose answer is lost may have been made.
func TestAnswersThatCannotBeInflated(t *testing.T) {
	var whole bytes.Buffer
	z := gzip.NewWriter(&whole)
	_, _ = z.Write([]byte(`["master1"]`))
	_ = z.Close()
	bad := whole.String()[:whole.Len()-8] + "\x00\x00\x00\x00" + whole.String()[whole.Len()-4:]
	for name, tt := range map[string]struct{ body, reason string }{
		"no gzip":      {`["master1"]`, "cannot be inflated"},
		"bad checksum": {bad, "cannot be inflated"},
		"half of it":   {whole.String()[:whole.Len()/2], "closed before the answer was complete"},
	} {
		f := newFake(t, func(w http.ResponseWriter, r *http.Request) {
			w.Header().Set("Content-Encoding", "gzip")
			answer(200, tt.body)(w, r)
		})
		c := newClient(t, client.Config{Endpoints: []string{f.URL}})
		if _, err := c.Masters(context.Background()); !errors.Is(err, model.ErrUnavailable) || !strings.Contains(err.Error(), tt.reason) {
			t.Errorf("%s: error of a read: %v", name, err)
		}
		if err := c.DeregisterHost(context.Background(), "h"); !errors.Is(err, model.ErrOutcomeUnknown) {
			t.Errorf("%s: error of a change: %v", name, err)
		}
	}
}

// TestStrangersTextIsOneLine holds that nothing that somebody else's server says reaches a terminal as more than a line of text.
func TestStrangersTextIsOneLine(t *testing.T) {
	f := newFake(t, answer(500, "upstream\r\n\tfailed\x1b[2J\x00!\n"))
	c := newClient(t, client.Config{Endpoints: []string{f.URL}})
	_, err := c.Masters(context.Background())
	if want := f.URL + " answered GET /masters with status 500: upstream failed [2J !"; err == nil || err.Error() != want {
		t.Errorf("error %q, want %q", err, want)
	}
}
