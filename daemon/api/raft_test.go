package api_test

import (
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/heliosctl/heliosctl/daemon/api"
	"github.com/heliosctl/heliosctl/daemon/api/apitest"
	"github.com/heliosctl/heliosctl/model"
)

func TestPeers(t *testing.T) {
	w := newWorld(t, api.Config{})
	second := model.Peer{ID: "id2", Name: "master2", Address: "10.0.0.2:5806", Voter: true, Alive: true}
	third := model.Peer{ID: "id3", Name: "master3", Address: "10.0.0.3:5806", Voter: true}
	w.backend.AddPeers(second, third)
	resp, body := w.send("GET", "/v1/raft/peers", "")
	if peers := decoded[[]model.Peer](t, body); resp.StatusCode != 200 || len(peers) != 3 || !peers[0].Leader || peers[1] != second {
		t.Errorf("%d %s", resp.StatusCode, body)
	}
	for _, tt := range []struct {
		path   string
		status int
		want   string
	}{
		{"/v1/raft/peers/id9", 404, `"code":"NOT_FOUND"`},
		{"/v1/raft/peers/master2", 409, `"code":"UNSAFE"`},
		{"/v1/raft/peers/master2?force=1", 409, `"code":"UNSAFE"`},
		{"/v1/raft/peers/id3", 200, `{"status":"OK","master":"id3"}`},
		{"/v1/raft/peers/master2?force=true", 200, `{"status":"OK","master":"master2"}`},
		{"/v1/raft/peers/master1?force=true", 409, `"code":"UNSAFE"`},
	} {
		if resp, body := w.send("DELETE", tt.path, ""); resp.StatusCode != tt.status || !strings.Contains(body, tt.want) {
			t.Errorf("DELETE %s: %d %s", tt.path, resp.StatusCode, body)
		}
	}
	w.backend.LoseLeader()
	if resp, _ := w.send("GET", "/v1/raft/peers", ""); resp.StatusCode != http.StatusBadGateway {
		t.Errorf("without a leader: %d", resp.StatusCode)
	}
}

// renamed is a master in memory of another name.
type renamed struct {
	*apitest.Backend
	name string
}

func (r renamed) Self() model.MasterStatus { return model.MasterStatus{Name: r.name} }

// colleague is another master behind a server that notes what it is asked.
func colleague(t *testing.T, name string, handle http.HandlerFunc) (*apitest.Backend, *httptest.Server, func() []*http.Request) {
	t.Helper()
	backend := apitest.New()
	backend.AddPeers(model.Peer{ID: "id9", Name: "master9", Voter: true, Alive: true})
	server := api.New(api.Config{Backend: renamed{backend, name}})
	var mu sync.Mutex
	var asked []*http.Request
	served := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		mu.Lock()
		asked = append(asked, r)
		mu.Unlock()
		if handle != nil {
			handle(w, r)
			return
		}
		server.Handler().ServeHTTP(w, r)
	}))
	t.Cleanup(func() {
		server.Close()
		served.Close()
	})
	return backend, served, func() []*http.Request {
		mu.Lock()
		defer mu.Unlock()
		return asked
	}
}

func TestLeaveIsPassedOnOnce(t *testing.T) {
	there, second, asked := colleague(t, "master 2", nil)
	_, wrong, askedWrong := colleague(t, "master5", nil)
	_, mute, _ := colleague(t, "master6", func(http.ResponseWriter, *http.Request) { panic(http.ErrAbortHandler) })
	gone := httptest.NewServer(http.NotFoundHandler())
	gone.Close()
	w := newWorld(t, api.Config{Pool: apitest.NewPool(
		model.Member{Name: "master 2", Role: model.RoleAgent, Status: model.MemberAlive, API: wrong.URL},
		model.Member{Name: "master 2", Role: model.RoleMaster, Status: model.MemberFailed, API: wrong.URL},
		model.Member{Name: "master 2", Role: model.RoleMaster, Status: model.MemberAlive, API: second.URL + "/"},
		model.Member{Name: "master3", Role: model.RoleMaster, Status: model.MemberFailed, API: second.URL},
		model.Member{Name: "master4", Role: model.RoleMaster, Status: model.MemberAlive, API: wrong.URL}, // gossip is behind
		model.Member{Name: "master6", Role: model.RoleMaster, Status: model.MemberAlive, API: mute.URL},
		model.Member{Name: "master7", Role: model.RoleMaster, Status: model.MemberAlive, API: gone.URL},
		model.Member{Name: "master8", Role: model.RoleMaster, Status: model.MemberAlive}, // it does not say where its API is
	)})
	for _, tt := range []struct {
		name   string
		status int
		want   string
	}{
		{"master%202", 200, `{"status":"OK","master":"master 2"}`},
		{"master3", 502, "remove one that is gone for good with heliosctl operator raft remove-peer"},
		{"master4", 502, "master master1 takes master master5 for master4"},
		{"master6", 504, "may or may not have left"},
		{"master7", 502, "master7 cannot be reached"},
		{"master8", 502, "master8 cannot be reached"},
		{"nobody", 404, "there is no master nobody"},
		{"master1", 409, "only master that votes"},
	} {
		resp, body := w.send("POST", "/v1/masters/"+tt.name+"/leave?user=bob", "", "Helios-Request-Id", "r1")
		if resp.StatusCode != tt.status || !strings.Contains(body, tt.want) {
			t.Errorf("%s: %d %s", tt.name, resp.StatusCode, body)
		}
	}
	if !there.HasLeft() || w.backend.HasLeft() {
		t.Errorf("master 2 left: %t, master1 left: %t", there.HasLeft(), w.backend.HasLeft())
	}
	if len(asked()) != 1 || len(askedWrong()) != 1 {
		t.Fatalf("%d and %d requests were passed on, want one each", len(asked()), len(askedWrong()))
	}
	got := []string{asked()[0].URL.RawQuery, asked()[0].Header.Get("Helios-Request-Id"), asked()[0].Header.Get("Helios-Forwarded-By")}
	if diff := cmp.Diff([]string{"user=bob", "r1", "master1"}, got); diff != "" {
		t.Errorf("the request that was passed on:\n%s", diff)
	}
}

func TestLeaveOfAMasterThatIsAlone(t *testing.T) {
	w := newWorld(t, api.Config{})
	if resp, body := w.send("POST", "/v1/masters/master2/leave", ""); resp.StatusCode != 404 {
		t.Errorf("%d %s", resp.StatusCode, body)
	}
	w.backend.AddPeers(model.Peer{ID: "id2", Name: "master2", Voter: true, Alive: true})
	if resp, body := w.send("POST", "/v1/masters/master1/leave", ""); resp.StatusCode != 200 || !w.backend.HasLeft() {
		t.Errorf("%d %s", resp.StatusCode, body)
	}
}
