package api_test

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/heliosctl/heliosctl/daemon/api"
	"github.com/heliosctl/heliosctl/daemon/api/apitest"
	"github.com/heliosctl/heliosctl/model"
)

func newPool() *apitest.Pool {
	return apitest.NewPool(
		model.Member{Name: "master1", Role: model.RoleMaster, Status: model.MemberAlive, Address: "10.0.0.1:5805"},
		model.Member{Name: "web-1", Role: model.RoleAgent, ID: "AAAA", Status: model.MemberFailed, Address: "10.0.0.2:5805"},
		model.Member{Name: "monitor", Status: model.MemberAlive, Address: "10.0.0.3:7946", Tags: map[string]string{"dc": "eu"}},
	)
}

func TestMembersAreToldWithoutALeader(t *testing.T) {
	pool := newPool()
	w := newWorld(t, api.Config{Pool: pool})
	w.backend.LoseLeader()
	resp, body := w.send("GET", "/v1/members", "")
	if resp.StatusCode != 200 {
		t.Fatalf("status %d: %s", resp.StatusCode, body)
	}
	if diff := cmp.Diff(pool.Members(), decoded[[]model.Member](t, body)); diff != "" {
		t.Errorf("members (-want +got):\n%s", diff)
	}
}

func TestRoundTrips(t *testing.T) {
	pool := newPool()
	pool.Trip("web-1", "master1", 1.5)
	w := newWorld(t, api.Config{Pool: pool})
	for name, tt := range map[string]struct {
		query  string
		status int
		want   string
	}{
		"to this master":   {"from=web-1", 200, `{"from":"web-1","to":"master1","millis":1.5}`},
		"between two":      {"from=master:master1&to=agent:web-1", 200, `{"from":"master1","to":"web-1","millis":1.5}`},
		"nobody":           {"from=no", 404, `{"code":"NOT_FOUND","message":"there is no member no: see heliosctl members"}`},
		"not yet known":    {"from=monitor", 502, `{"code":"UNAVAILABLE","message":"the round trip between monitor and master:master1 is not known yet: try again in a moment"}`},
		"from is not said": {"to=web-1", 400, `{"code":"INVALID_REQUEST","message":"a round trip needs the name of a member, in the parameter from"}`},
	} {
		t.Run(name, func(t *testing.T) {
			resp, body := w.send("GET", "/v1/rtt?"+tt.query, "")
			if resp.StatusCode != tt.status || body != tt.want {
				t.Errorf("got %d %s\nwant %d %s", resp.StatusCode, body, tt.status, tt.want)
			}
		})
	}
}

func TestAMasterWithoutGossipSaysSo(t *testing.T) {
	w := newWorld(t, api.Config{})
	if resp, body := w.send("GET", "/v1/members", ""); resp.StatusCode != 200 || body != "[]" {
		t.Errorf("members: %d %s", resp.StatusCode, body)
	}
	for _, request := range [][3]string{{"GET", "/v1/rtt?from=a", ""}, {"GET", "/v1/keyring", ""}, {"POST", "/v1/keyring", `{"action":"list"}`}} {
		resp, body := w.send(request[0], request[1], request[2])
		if resp.StatusCode != 400 || body != `{"code":"INVALID_REQUEST","message":"gossip is not running here"}` {
			t.Errorf("%s %s: %d %s", request[0], request[1], resp.StatusCode, body)
		}
	}
}
