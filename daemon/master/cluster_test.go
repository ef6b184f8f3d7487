package master

import (
	"fmt"
	"strings"
	"testing"

	"github.com/heliosctl/heliosctl/model"
)

func TestClusterTellsOfItself(t *testing.T) {
	p := startThree(t, nil)
	leader := p.awaitLeader()
	p.mustCreate("web")
	p.awaitJobs("web")
	for _, r := range p.running() {
		url, self, err := r.Leader(t.Context())
		if err != nil || self != (r == leader) || !self && url != "http://"+leader.name {
			t.Errorf("%s says that %q leads, itself %v, %v; it is %s", r.name, url, self, err, leader.name)
		}
		got := r.Self()
		want := model.MasterFollower
		if r == leader {
			want = model.MasterLeader
		}
		if got.State != want || got.Leader != leader.ServerID() || got.ID != r.ServerID() || got.Name != r.name || got.ClusterID != leader.ClusterID() ||
			got.Term == 0 || got.Index != r.Index() || got.LastIndex < got.Index || got.LastContact < 0 {
			t.Errorf("%s says %+v", r.name, got)
		}
		peers, err := r.Peers(t.Context())
		if err != nil || len(peers) != 3 {
			t.Fatalf("peers %+v, %v", peers, err)
		}
		for i, peer := range peers {
			other := p.get([]string{"a", "b", "c"}[i])
			if peer.Name != other.name || peer.ID != other.ServerID() || peer.Address != other.RaftAddress() || !peer.Voter || !peer.Alive ||
				peer.Leader != (other == leader) || peer.Index == 0 || peer.Term != got.Term || peer.Version != "1" && other != r {
				t.Errorf("%s says of %s: %+v", r.name, other.name, peer)
			}
		}
		if err := r.Health()["raft"]; err != nil {
			t.Errorf("%s: %v", r.name, err)
		}
	}
	_, err := p.others(leader)[0].CreateJob(t.Context(), by("u"), testJob("other", "1"))
	wantCode(t, err, model.CodeUnavailable)
	if !strings.Contains(fmt.Sprint(err), leader.RaftAddress()) {
		t.Errorf("the error does not name the leader: %v", err)
	}
}
