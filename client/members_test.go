package client_test

import (
	"context"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/heliosctl/heliosctl/client"
	"github.com/heliosctl/heliosctl/daemon/api"
	"github.com/heliosctl/heliosctl/daemon/api/apitest"
	"github.com/heliosctl/heliosctl/model"
)

func newPool() *apitest.Pool {
	return apitest.NewPool(
		model.Member{Name: "master1", Role: model.RoleMaster, Status: model.MemberAlive, Address: "10.0.0.1:5805"},
		model.Member{Name: "wéb 1", Role: model.RoleAgent, ID: "AAAA", Status: model.MemberFailed, Address: "10.0.0.2:5805"},
	)
}

func TestMembersAndTheirRoundTrips(t *testing.T) {
	pool := newPool()
	pool.Trip("wéb 1", "master1", 0.25)
	_, master := newMaster(t, api.Config{Pool: pool})
	c := newClient(t, client.Config{Endpoints: []string{master.URL}})
	ctx := context.Background()

	members, err := c.Members(ctx)
	if diff := cmp.Diff(pool.Members(), members); diff != "" || err != nil {
		t.Errorf("members (-want +got):\n%s\nerror %v", diff, err)
	}
	want := model.RoundTrip{From: "wéb 1", To: "master1", Millis: 0.25}
	for _, to := range []string{"", "master:master1"} {
		if trip, err := c.RoundTrip(ctx, "wéb 1", to); err != nil || trip != want {
			t.Errorf("round trip to %q: %+v, error %v", to, trip, err)
		}
	}
	if _, err := c.RoundTrip(ctx, "no", ""); model.CodeOf(err) != model.CodeNotFound {
		t.Errorf("round trip from nobody: %v", err)
	}
}

func TestAMasterThatIsAloneHasNoMembers(t *testing.T) {
	_, master := newMaster(t, api.Config{})
	c := newClient(t, client.Config{Endpoints: []string{master.URL}})
	if members, err := c.Members(context.Background()); err != nil || members == nil || len(members) != 0 {
		t.Errorf("members %v, error %v", members, err)
	}
	if _, err := c.RoundTrip(context.Background(), "a", "b"); model.CodeOf(err) != model.CodeInvalid {
		t.Errorf("round trip: %v", err)
	}
}
