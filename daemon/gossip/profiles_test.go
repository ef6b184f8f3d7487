package gossip_test

import (
	"log/slog"
	"testing"

	"github.com/heliosctl/heliosctl/daemon/gossip"
	"github.com/heliosctl/heliosctl/model"
)

func TestUnknownProfilesAreRefused(t *testing.T) {
	t.Parallel()
	_, err := gossip.New(gossip.Config{Member: master("m"), Bind: "127.0.0.1:0", Profile: "quick", Logger: slog.New(slog.DiscardHandler)})
	if model.CodeOf(err) != model.CodeInvalid || err.Error() != `there is no gossip profile "quick": use lan or fast` {
		t.Errorf("got %v", err)
	}
}

// Daemons of different profiles understand each other, so that a cluster can change over one by one.
func TestProfilesMix(t *testing.T) {
	t.Parallel()
	m := startProfile(t, gossip.Config{Member: master("m1"), Profile: gossip.ProfileLAN})
	for _, profile := range gossip.Profiles() {
		startProfile(t, gossip.Config{Member: agent("web-"+profile, "AAAA"), Profile: profile, Join: []string{m.Addr()}})
		await(t, m, "the agent", func() bool { return m.AgentAlive("web-"+profile, "AAAA") })
	}
}
