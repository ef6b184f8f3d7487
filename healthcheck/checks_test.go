package healthcheck

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"go.uber.org/goleak"

	"github.com/heliosctl/heliosctl/model"
)

func TestMain(m *testing.M) {
	goleak.VerifyTestMain(m)
}

// target returns a Target whose port "web" is where the server listens.
func target(t *testing.T, address string) Target {
	t.Helper()
	host, port, err := net.SplitHostPort(address)
	if err != nil {
		t.Fatal(err)
	}
	number, err := strconv.Atoi(port)
	if err != nil {
		t.Fatal(err)
	}
	return Target{Host: host, Ports: map[string]int{"web": number}}
}

// serve starts a server and returns its address, host:port.
func serve(t *testing.T, handler http.HandlerFunc) string {
	t.Helper()
	server := httptest.NewServer(handler)
	t.Cleanup(server.Close)
	return strings.TrimPrefix(server.URL, "http://")
}

func newChecker(t *testing.T, hc model.HealthCheck, target Target) Checker {
	t.Helper()
	checker, err := New(hc, target)
	if err != nil {
		t.Fatal(err)
	}
	return checker
}

func TestHTTPStatus(t *testing.T) {
	for _, test := range []struct {
		status  int
		healthy bool
	}{
		{200, true}, {204, true}, {299, true}, {300, true}, {304, true}, {399, true},
		{400, false}, {401, false}, {404, false}, {500, false}, {503, false},
	} {
		t.Run(strconv.Itoa(test.status), func(t *testing.T) {
			address := serve(t, func(w http.ResponseWriter, r *http.Request) {
				if r.Method != http.MethodGet || r.URL.RequestURI() != "/health?deep=1" {
					t.Errorf("request is %s %s", r.Method, r.URL.RequestURI())
				}
				w.WriteHeader(test.status)
			})
			hc := model.HealthCheck{Type: model.HealthCheckHTTP, Path: "/health?deep=1", Port: "web"}
			err := newChecker(t, hc, target(t, address)).Check(t.Context())
			if (err == nil) != test.healthy {
				t.Errorf("Check = %v, want healthy %v", err, test.healthy)
			}
			if err != nil && !strings.Contains(err.Error(), strconv.Itoa(test.status)) {
				t.Errorf("error %q does not tell the status", err)
			}
		})
	}
}

func TestHTTPPathWithoutSlash(t *testing.T) {
	for path, want := range map[string]string{"": "/", "ready": "/ready", "/a b": "/a%20b"} {
		var got string
		address := serve(t, func(_ http.ResponseWriter, r *http.Request) { got = r.URL.RequestURI() })
		hc := model.HealthCheck{Type: model.HealthCheckHTTP, Path: path, Port: "web"}
		if err := newChecker(t, hc, target(t, address)).Check(t.Context()); err != nil {
			t.Fatal(err)
		}
		if got != want {
			t.Errorf("path %q asks for %q, want %q", path, got, want)
		}
	}
}

func TestHTTPRedirects(t *testing.T) {
	elsewhere := serve(t, func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path != "/ok" {
			w.WriteHeader(http.StatusInternalServerError)
		}
	})
	address := serve(t, func(w http.ResponseWriter, r *http.Request) {
		switch step, _ := strings.CutPrefix(r.URL.Path, "/down/"); {
		case step == "0":
			w.WriteHeader(http.StatusOK)
		case step != r.URL.Path:
			left, _ := strconv.Atoi(step)
			http.Redirect(w, r, fmt.Sprintf("/down/%d", left-1), http.StatusFound)
		case r.URL.Path == "/https":
			http.Redirect(w, r, "https://nowhere.invalid/", http.StatusMovedPermanently)
		case r.URL.Path == "/elsewhere":
			http.Redirect(w, r, "http://"+elsewhere+"/ok", http.StatusTemporaryRedirect)
		case r.URL.Path == "/broken":
			http.Redirect(w, r, "http://"+elsewhere+"/broken", http.StatusFound)
		case r.URL.Path == "/nolocation":
			w.WriteHeader(http.StatusFound)
		}
	})
	for name, test := range map[string]struct {
		path    string
		healthy bool
	}{
		"one":                         {"/down/1", true},
		"as many as allowed":          {"/down/20", true},
		"one too many":                {"/down/21", false},
		"to another host":             {"/elsewhere", true},
		"to a failure":                {"/broken", false},
		"to https, which is not seen": {"/https", true},
		"without a location":          {"/nolocation", true},
	} {
		t.Run(name, func(t *testing.T) {
			hc := model.HealthCheck{Type: model.HealthCheckHTTP, Path: test.path, Port: "web"}
			err := newChecker(t, hc, target(t, address)).Check(t.Context())
			if (err == nil) != test.healthy {
				t.Errorf("Check = %v, want healthy %v", err, test.healthy)
			}
		})
	}
}

// freeAddress returns an address that nothing listens on.
func freeAddress(t *testing.T) string {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer listener.Close()
	return listener.Addr().String()
}

func TestNothingListens(t *testing.T) {
	for _, kind := range []string{model.HealthCheckHTTP, model.HealthCheckTCP} {
		hc := model.HealthCheck{Type: kind, Port: "web"}
		err := newChecker(t, hc, target(t, freeAddress(t))).Check(t.Context())
		if err == nil || !strings.Contains(err.Error(), "refused") {
			t.Errorf("%s: Check = %v, want a refused connection", kind, err)
		}
	}
}

func TestHTTPServerThatDoesNotAnswer(t *testing.T) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer listener.Close()
	check, err := newHTTPCheck(listener.Addr().String(), "/", connectTimeout, 20*time.Millisecond)
	if err != nil {
		t.Fatal(err)
	}
	err = check.Check(t.Context())
	var urlError *url.Error
	if !errors.As(err, &urlError) || !urlError.Timeout() {
		t.Errorf("Check = %v, want a timeout", err)
	}
}

func TestTCP(t *testing.T) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer listener.Close()
	hc := model.HealthCheck{Type: model.HealthCheckTCP, Port: "web"}
	if err := newChecker(t, hc, target(t, listener.Addr().String())).Check(t.Context()); err != nil {
		t.Error(err)
	}
}

// execFunc is an Execer.
type execFunc func(ctx context.Context, command []string) (int, error)

func (f execFunc) Exec(ctx context.Context, command []string) (int, error) { return f(ctx, command) }

func TestExec(t *testing.T) {
	gone := errors.New("the container is gone")
	for name, test := range map[string]struct {
		code int
		err  error
		want string // part of the error, "" for healthy
	}{
		"exit 0":        {0, nil, ""},
		"exit 1":        {1, nil, "exit code 1"},
		"could not run": {0, gone, "the container is gone"},
	} {
		t.Run(name, func(t *testing.T) {
			execer := execFunc(func(_ context.Context, command []string) (int, error) {
				if !slices.Equal(command, []string{"test", "-e", "/ready"}) {
					t.Errorf("command is %q", command)
				}
				return test.code, test.err
			})
			hc := model.HealthCheck{Type: model.HealthCheckExec, Command: []string{"test", "-e", "/ready"}}
			err := newChecker(t, hc, Target{Execer: execer}).Check(t.Context())
			switch {
			case test.want == "" && err != nil:
				t.Errorf("Check = %v, want nil", err)
			case test.want != "" && (err == nil || !strings.Contains(err.Error(), test.want)):
				t.Errorf("Check = %v, want an error that says %q", err, test.want)
			}
		})
	}
}

func TestExecIsStoppedAfterHalfAMinute(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		execer := execFunc(func(ctx context.Context, _ []string) (int, error) {
			<-ctx.Done()
			return 0, ctx.Err()
		})
		hc := model.HealthCheck{Type: model.HealthCheckExec, Command: []string{"sleep", "inf"}}
		begin := time.Now()
		err := newChecker(t, hc, Target{Execer: execer}).Check(t.Context())
		if err == nil || !strings.Contains(err.Error(), "longer than 30s") {
			t.Errorf("Check = %v, want it to say that the command took too long", err)
		}
		if got := time.Since(begin); got != execTimeout {
			t.Errorf("stopped after %s, want %s", got, execTimeout)
		}
	})
}

func TestNewRefuses(t *testing.T) {
	ports := map[string]int{"web": 80}
	for name, test := range map[string]struct {
		check  model.HealthCheck
		target Target
	}{
		"unknown type":         {model.HealthCheck{Type: "ping"}, Target{}},
		"http without port":    {model.HealthCheck{Type: "http", Path: "/"}, Target{Ports: ports}},
		"http on unknown port": {model.HealthCheck{Type: "http", Path: "/", Port: "x"}, Target{Ports: ports}},
		"http on a bad path":   {model.HealthCheck{Type: "http", Path: "/%zz", Port: "web"}, Target{Ports: ports}},
		"tcp on unknown port":  {model.HealthCheck{Type: "tcp", Port: "x"}, Target{Ports: ports}},
		"exec without command": {model.HealthCheck{Type: "exec"}, Target{Execer: execFunc(nil)}},
		"exec without execer":  {model.HealthCheck{Type: "exec", Command: []string{"true"}}, Target{}},
	} {
		t.Run(name, func(t *testing.T) {
			if _, err := New(test.check, test.target); model.CodeOf(err) != model.CodeInvalid {
				t.Errorf("New = %v, want %s", err, model.CodeInvalid)
			}
		})
	}
}
