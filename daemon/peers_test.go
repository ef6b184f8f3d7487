package daemon

import (
	"context"
	"errors"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"testing"
	"time"

	"github.com/heliosctl/heliosctl/daemon/api"
	"github.com/heliosctl/heliosctl/daemon/api/apitest"
	"github.com/heliosctl/heliosctl/model"
)

// newTestPeers serves the masters of a cluster in memory, the first of which leads.
func newTestPeers(t *testing.T, masters int) (*peers, []*apitest.Backend, []string) {
	t.Helper()
	p := newPeers("1.2.3")
	t.Cleanup(func() {
		if err := p.close(); err != nil {
			t.Error(err)
		}
	})
	var urls []string
	backends := apitest.NewCluster(masters, 0)
	for _, backend := range backends {
		server := api.New(api.Config{Backend: backend, ProductVersion: "1.2.3"})
		h := httptest.NewServer(server.Handler())
		t.Cleanup(func() {
			server.Close()
			h.Close()
		})
		backend.SetURL(h.URL)
		urls = append(urls, h.URL)
	}
	return p, backends, urls
}

func TestMastersAskEachOther(t *testing.T) {
	p, backends, urls := newTestPeers(t, 2)
	ctx := t.Context()
	if _, err := backends[0].RegisterAgent(ctx, model.Registration{Host: "h1", AgentID: "a"}); err != nil {
		t.Fatal(err)
	}
	if err := backends[0].PostGauges("h1", model.Gauges{AgentID: "a", LoadAvg: 2.5}); err != nil {
		t.Fatal(err)
	}
	if index, err := p.ConfirmedIndex(ctx, urls[0]); index != 1 || err != nil {
		t.Errorf("the leader confirms %d, %v, want 1", index, err)
	}
	if _, err := p.ConfirmedIndex(ctx, urls[1]); model.CodeOf(err) != model.CodeUnavailable {
		t.Errorf("a follower: error %v", err)
	}
	for i, want := range []model.MasterStatus{
		{Name: "master1", ID: "id1", State: model.MasterLeader, Leader: "id1", ClusterID: "cluster1", Version: "1.2.3", Term: 1, Index: 1, LastIndex: 1},
		{Name: "master2", ID: "id2", State: model.MasterFollower, Leader: "id1", ClusterID: "cluster1", Version: "1.2.3", Term: 1, Index: 1, LastIndex: 1},
	} {
		if got, err := p.Self(ctx, urls[i]); got != want || err != nil {
			t.Errorf("self %+v, %v, want %+v", got, err, want)
		}
	}
	if update, err := p.GaugesSince(ctx, urls[0], 0); update.Gauges["h1"].LoadAvg != 2.5 || update.Version != 1 || err != nil {
		t.Errorf("gauges %+v, %v", update, err)
	}
}

// TestARemovalIsAskedForInTheNameOfItsRequest holds that it takes effect once although two masters pass it on.
func TestARemovalIsAskedForInTheNameOfItsRequest(t *testing.T) {
	p, _, _ := newTestPeers(t, 1)
	asked := make(chan *http.Request, 1)
	h := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		asked <- r
		_, _ = io.WriteString(w, `{}`)
	}))
	defer h.Close()
	if err := p.RemovePeer(t.Context(), h.URL, model.Request{ID: "r1", User: "alice"}, "id2", true); err != nil {
		t.Fatal(err)
	}
	got := <-asked
	if id, user := got.Header.Get("Helios-Request-Id"), got.URL.Query().Get("user"); id != "r1" || user != "alice" {
		t.Errorf("asked in the name of %q with id %q", user, id)
	}
}

func TestAMasterThatDoesNotAnswerIsAskedOnce(t *testing.T) {
	p, _, urls := newTestPeers(t, 1)
	asked := make(chan struct{}, 10)
	broken := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		asked <- struct{}{}
		w.WriteHeader(http.StatusBadGateway)
	}))
	defer broken.Close()
	silent, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	dead := "http://" + silent.Addr().String()
	ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	if _, err := p.ConfirmedIndex(ctx, dead); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("silent until the request ends: error %v", err)
	}
	silent.Close()
	for name, url := range map[string]string{"dead": dead, "broken": broken.URL, "none": "x"} {
		want := map[string]model.Code{"none": model.CodeInvalid}[name]
		if want == "" {
			want = model.CodeUnavailable
		}
		if _, err := p.ConfirmedIndex(t.Context(), url); model.CodeOf(err) != want {
			t.Errorf("%s: error %v, want one with %s", name, err, want)
		}
	}
	if len(asked) != 1 {
		t.Errorf("asked %d times, want once", len(asked))
	}
	if _, err := p.Self(t.Context(), urls[0]); err != nil {
		t.Errorf("the others can no longer be asked: %v", err)
	}
}
