package gossip

import (
	"fmt"
	"log/slog"
	"strings"
	"sync"
	"time"

	"github.com/hashicorp/serf/serf"
)

// refusalPause is how often a refused cluster is told of in the log.
const refusalPause = time.Minute

// guard keeps two clusters from becoming one pool by accident, such as by a wrong address to join. It is no protection against those who
// want to get in: keys are.
type guard struct {
	self    string // node name of this daemon
	cluster func() string
	known   func(node string) bool // whether a node is in the pool, alive
	log     *slog.Logger

	mu   sync.Mutex
	told map[string]time.Time // when the refusal of a cluster was last logged
}

func newGuard(g *Gossip) *guard {
	return &guard{self: g.node, cluster: g.cluster, known: g.members.alive, log: g.log, told: map[string]time.Time{}}
}

// cluster is the id of this daemon's cluster, or of the pool it is in as long as it has none itself: else it would be the bridge between
// two clusters.
func (g *Gossip) cluster() string {
	if own := g.own.Load().ClusterID; own != "" {
		return own
	}
	return g.members.clusterID()
}

// NotifyMerge implements serf.MergeDelegate. It is asked with all members of a pool when one side joins the other, and with each member
// whenever it says that it is alive. It is called under locks of Serf and must not call it.
//
// A pool that has members of ours is ours, whoever else is in it: each of them is asked for again. One that is in the pool already and
// changes its id is no stranger; the cluster it is in was replaced by a restored one.
func (g *guard) NotifyMerge(members []*serf.Member) error {
	own := g.cluster()
	if own == "" {
		return nil
	}
	var other *Member
	for _, m := range members {
		if m.Name == g.self {
			continue
		}
		member := memberOf(*m)
		switch {
		case member.ClusterID == "":
		case member.ClusterID == own || g.known(m.Name):
			return nil
		case other == nil:
			other = &member
		}
	}
	if other == nil {
		return nil
	}
	g.tell(*other, own)
	return &refusal{name: other.nodeName(), cluster: other.ClusterID, own: own}
}

func (g *guard) tell(other Member, own string) {
	g.mu.Lock()
	defer g.mu.Unlock()
	if time.Since(g.told[other.ClusterID]) < refusalPause {
		return
	}
	if len(g.told) >= 100 {
		clear(g.told)
	}
	g.told[other.ClusterID] = time.Now()
	g.log.Warn("refused to gossip with a daemon of another cluster, as clusters never merge: take the address of the wrong one out of --join,"+
		" or give the daemon that is to move an empty state folder",
		"role", other.Role, "name", other.Name, "ip", other.IP, "its_cluster", other.ClusterID, "cluster", own)
}

// refusal is why the guard did not let somebody in.
type refusal struct{ name, cluster, own string }

// refusalMark makes refusals known in lines of memberlist, which logs each one.
const refusalMark = "another cluster:"

func (r *refusal) Error() string {
	return fmt.Sprintf("%s is of %s %s, not %s", r.name, refusalMark, r.cluster, r.own)
}

// tellsRefusal finds lines that say no more than the guard has logged already.
func tellsRefusal(line string) bool { return strings.Contains(line, refusalMark) }
