package api

import (
	"bytes"
	"context"
	"crypto/sha256"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/heliosctl/heliosctl/daemon/api/apitest"
	"github.com/heliosctl/heliosctl/model"
)

// anySize are routes of the kinds whose bodies and answers have any size.
type anySize struct {
	received chan upload  // with room for all that are sent
	cuts     atomic.Int32 // answers that are still to be cut off
}

// upload is a body that arrived.
type upload struct {
	size int64
	hash [sha256.Size]byte
}

func (a *anySize) routes() []route {
	return []route{
		{"PUT", "/test/upload", kindUpload, a.upload},
		{"GET", "/test/download", kindLeader, a.download},
	}
}

func (a *anySize) upload(w http.ResponseWriter, r *http.Request) error {
	h := sha256.New()
	n, err := io.Copy(h, r.Body)
	if err != nil {
		return err
	}
	a.received <- upload{n, [sha256.Size]byte(h.Sum(nil))}
	if r.URL.Query().Has("lose") {
		panic(http.ErrAbortHandler)
	}
	if r.URL.Query().Has("refuse") {
		return model.Errorf(model.CodeUnsafe, "there are jobs")
	}
	w.WriteHeader(http.StatusOK)
	return nil
}

func (a *anySize) download(w http.ResponseWriter, _ *http.Request) error {
	_, err := w.Write(bytes.Repeat([]byte("x"), 5<<20))
	if a.cuts.Add(-1) >= 0 {
		panic(http.ErrAbortHandler)
	}
	return err
}

// anySizeFleet serves two masters; the first leads.
func anySizeFleet(t *testing.T, config Config) (*anySize, []*apitest.Backend, []*httptest.Server) {
	t.Helper()
	a := &anySize{received: make(chan upload, 10)}
	backends := apitest.NewCluster(2, 2*time.Second)
	var servers []*httptest.Server
	for _, backend := range backends {
		config.Backend = backend
		s := New(config)
		for _, rt := range a.routes() {
			s.mux.Handle(rt.method+" "+rt.pattern, s.serve(rt))
		}
		h := httptest.NewServer(s.Handler())
		backend.SetURL(h.URL)
		t.Cleanup(func() {
			s.Close()
			h.Close()
		})
		servers = append(servers, h)
	}
	return a, backends, servers
}

// pieces is a body that is not known to the end before it is sent.
type pieces struct {
	left int
	h    interface{ Write([]byte) (int, error) }
}

func (p *pieces) Read(data []byte) (int, error) {
	if p.left == 0 {
		return 0, io.EOF
	}
	p.left--
	n := copy(data, strings.Repeat(string(rune('a'+p.left%26)), 8<<10))
	_, _ = p.h.Write(data[:n])
	return n, nil
}

func put(t *testing.T, url string, body io.Reader) (int, string) {
	t.Helper()
	req, err := http.NewRequest("PUT", url, body)
	if err != nil {
		t.Fatal(err)
	}
	transport := &http.Transport{DisableKeepAlives: true}
	resp, err := (&http.Client{Transport: transport}).Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	text, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	return resp.StatusCode, string(text)
}

// TestAnUploadOfAnySize holds that it goes through a follower whole, beyond all limits of other bodies and of time.
func TestAnUploadOfAnySize(t *testing.T) {
	a, backends, servers := anySizeFleet(t, Config{MaxBodyBytes: 10, RequestTimeout: time.Nanosecond})
	h := sha256.New()
	if status, text := put(t, servers[1].URL+"/test/upload", &pieces{left: 2000, h: h}); status != 200 {
		t.Fatalf("status %d, %s", status, text)
	}
	if got := <-a.received; got.size != 2000*8<<10 || got.hash != [sha256.Size]byte(h.Sum(nil)) {
		t.Errorf("%d bytes arrived, not those that were sent", got.size)
	}
	if status, text := put(t, servers[1].URL+"/test/upload?refuse", strings.NewReader("x")); status != 409 || !strings.Contains(text, "there are jobs") {
		t.Errorf("refused: status %d, %s", status, text)
	}
	<-a.received
	if status, text := put(t, servers[1].URL+"/test/upload?lose", strings.NewReader("x")); status != 504 || !strings.Contains(text, string(model.CodeOutcomeUnknown)) {
		t.Errorf("lost answer: status %d, %s", status, text)
	}
	if n := len(a.received); n != 1 {
		t.Errorf("sent %d times, want once: it may have taken effect", n)
	}
	backends[0].LoseLeader()
	if status, text := put(t, servers[1].URL+"/test/upload", strings.NewReader("x")); status != 502 {
		t.Errorf("no leader: status %d, %s", status, text)
	}
}

func TestADownloadOfAnySize(t *testing.T) {
	a, _, servers := anySizeFleet(t, Config{RequestTimeout: time.Nanosecond})
	get := func() (int, error) {
		req, err := http.NewRequestWithContext(context.Background(), "GET", servers[1].URL+"/test/download", nil)
		if err != nil {
			t.Fatal(err)
		}
		resp, err := (&http.Client{Transport: &http.Transport{DisableKeepAlives: true}}).Do(req)
		if err != nil {
			t.Fatal(err)
		}
		defer resp.Body.Close()
		data, err := io.ReadAll(resp.Body)
		return len(data), err
	}
	if n, err := get(); n != 5<<20 || err != nil {
		t.Errorf("%d bytes, error %v", n, err)
	}
	a.cuts.Store(1)
	if _, err := get(); !errors.Is(err, io.ErrUnexpectedEOF) {
		t.Errorf("an answer that was cut off: error %v", err)
	}
}
