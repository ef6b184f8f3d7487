package gossip

import (
	"strings"
	"time"

	"github.com/hashicorp/memberlist"
	"github.com/hashicorp/serf/serf"

	"github.com/heliosctl/heliosctl/model"
)

// The profiles: how soon a daemon that stopped answering counts as failed.
const (
	ProfileLAN  = "lan"  // after 5 to 15 seconds, the more members the later; for networks with hiccups
	ProfileFast = "fast" // after 2 to 5 seconds, at half as much traffic again
)

// Profiles returns the names of the profiles, the default first.
func Profiles() []string { return []string{ProfileLAN, ProfileFast} }

// profileConfig is Serf with the timings of a profile. It fails with CodeInvalid for one that there is not.
func profileConfig(name string, loopback bool) (*serf.Config, error) {
	config := serf.DefaultConfig()
	config.Init()
	list := memberlist.DefaultLANConfig()
	config.MemberlistConfig = list
	switch name {
	case "", ProfileLAN:
	case ProfileFast:
		list.SuspicionMult = 3
		list.SuspicionMaxTimeoutMult = 2
		list.ProbeInterval = 500 * time.Millisecond
		list.ProbeTimeout = 300 * time.Millisecond
	default:
		return nil, model.Errorf(model.CodeInvalid, "there is no gossip profile %q: use %s", name, strings.Join(Profiles(), " or "))
	}
	if loopback {
		config.MemberlistConfig = memberlist.DefaultLocalConfig()
		config.MemberlistConfig.RetransmitMult = list.RetransmitMult // with fewer, news misses members of the smallest pools
		config.LeavePropagateDelay = 200 * time.Millisecond
		config.BroadcastTimeout = time.Second
	}
	return config, nil
}
