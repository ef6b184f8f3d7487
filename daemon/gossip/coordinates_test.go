package gossip_test

import (
	"testing"

	"github.com/heliosctl/heliosctl/daemon/gossip"
	"github.com/heliosctl/heliosctl/model"
)

func TestRoundTripsAreEstimated(t *testing.T) {
	t.Parallel()
	m := start(t, gossip.Config{Member: master("m1")})
	start(t, gossip.Config{Member: agent("web-1", "AAAA"), Join: []string{m.Addr()}})
	start(t, gossip.Config{Member: agent("m1", "BBBB"), Join: []string{m.Addr()}}) // on the master's host
	await(t, m, "the agents", func() bool { return m.AgentAlive("web-1", "AAAA") && m.AgentAlive("m1", "BBBB") })

	for _, pair := range [][2]string{{"web-1", "master:m1"}, {"agent:web-1", "agent:m1"}} {
		var trip model.RoundTrip
		await(t, m, "the pings", func() bool {
			var err error
			trip, err = m.RoundTrip(pair[0], pair[1])
			if code := model.CodeOf(err); code != "" && code != model.CodeUnavailable {
				t.Fatal(err)
			}
			return err == nil
		})
		if trip.From != "web-1" || trip.To != "m1" || trip.Millis <= 0 || trip.Millis > 10_000 {
			t.Errorf("from %s to %s: %+v", pair[0], pair[1], trip)
		}
	}
	if trip, err := m.RoundTrip("web-1", "web-1"); err != nil || trip.Millis != 0 {
		t.Errorf("to itself: %+v, error %v", trip, err)
	}
}

func TestRoundTripsOfWhoIsNotOne(t *testing.T) {
	t.Parallel()
	m := start(t, gossip.Config{Member: master("m1")})
	start(t, gossip.Config{Member: agent("m1", "BBBB"), Join: []string{m.Addr()}})
	start(t, gossip.Config{Member: agent("twin", "CCCC"), Join: []string{m.Addr()}})
	start(t, gossip.Config{Member: agent("twin", "DDDD"), Join: []string{m.Addr()}})
	failed := start(t, gossip.Config{Member: agent("web-9", "EEEE"), Join: []string{m.Addr()}})
	await(t, m, "everyone", func() bool {
		return m.AgentAlive("m1", "BBBB") && m.AgentAlive("twin", "CCCC") && m.AgentAlive("twin", "DDDD") && m.AgentAlive("web-9", "EEEE")
	})
	failed.kill()
	await(t, m, "one to have failed", func() bool { return !m.AgentAlive("web-9", "EEEE") })
	for name, want := range map[string]model.Error{
		"m1":           {Code: model.CodeInvalid, Message: "2 members are called m1: say agent:m1 or master:m1"},
		"twin":         {Code: model.CodeInvalid, Message: "2 members are called twin: see heliosctl members"},
		"web-9":        {Code: model.CodeNotFound, Message: "member web-9 is failed: round trips are known of live members"},
		"nobody":       {Code: model.CodeNotFound, Message: "there is no member nobody: see heliosctl members"},
		"master:twin":  {Code: model.CodeNotFound, Message: "there is no member master:twin: see heliosctl members"},
		"agent:nobody": {Code: model.CodeNotFound, Message: "there is no member agent:nobody: see heliosctl members"},
	} {
		if _, err := m.RoundTrip("master:m1", name); model.CodeOf(err) != want.Code || err.Error() != want.Message {
			t.Errorf("to %s: got %v, want %v", name, err, want.Message)
		}
	}
}
