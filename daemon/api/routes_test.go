package api

import (
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/heliosctl/heliosctl/daemon/api/apitest"
)

// TestEveryRouteIsServed asks for every route, with and without a slash at the end, what it cannot refuse with 404 or 405.
func TestEveryRouteIsServed(t *testing.T) {
	backend := apitest.New()
	backend.LoseLeader()
	s := New(Config{Backend: backend})
	defer s.Close()
	names := strings.NewReplacer("{host}", "host1", "{master}", "master1", "{peer}", "id1", "{job}", "web:1:0123456789012345678901234567890123456789")
	for _, r := range s.routes() {
		for _, slash := range []string{"", "/"} {
			t.Run(r.method+r.pattern+slash, func(t *testing.T) {
				w := httptest.NewRecorder()
				s.Handler().ServeHTTP(w, httptest.NewRequest(r.method, names.Replace(r.pattern)+slash, nil))
				if w.Code == http.StatusNotFound || w.Code == http.StatusMethodNotAllowed || w.Code/100 == 3 {
					t.Errorf("status %d", w.Code)
				}
			})
		}
	}
}

// FuzzDecode feeds bodies to the decoder, which must answer each with a value or with an error that has a fixed answer or a code.
func FuzzDecode(f *testing.F) {
	for _, seed := range []string{
		``, `null`, `{}`, `[]`, `{"id":"a:1","image":"x"}`, `{"jobId":"a:1","goal":"START"}`, `["a:1"]`, `{"a":1}{`, "{\n\"id\":\n", `{"reports":[{"seq":1}]}`,
	} {
		f.Add([]byte(seed))
	}
	s := New(Config{Backend: apitest.New()})
	f.Fuzz(func(t *testing.T, body []byte) {
		for _, r := range s.routes() {
			if r.method == http.MethodGet || r.method == http.MethodDelete {
				continue
			}
			w := httptest.NewRecorder()
			path := strings.NewReplacer("{host}", "host1", "{job}", "web:1:0123456789012345678901234567890123456789").Replace(r.pattern)
			s.Handler().ServeHTTP(w, httptest.NewRequest(r.method, path, strings.NewReader(string(body))))
			if w.Code >= 500 {
				t.Errorf("%s %s: status %d for %q: %s", r.method, r.pattern, w.Code, body, w.Body)
			}
		}
	})
}
