package gossip

import (
	"slices"
	"strings"
	"time"

	"github.com/hashicorp/serf/serf"

	"github.com/heliosctl/heliosctl/model"
)

// RoundTrip estimates the time that a packet takes between two live members and back, from what was seen of pings; below a millisecond
// it says little. Members go by the names that Members gives; master:NAME and agent:NAME tell two of one name apart. It fails with
// CodeNotFound for a name that no live member has, with CodeInvalid for one that several have, and with CodeUnavailable as long as
// this daemon has not yet pinged them.
func (g *Gossip) RoundTrip(from, to string) (model.RoundTrip, error) {
	pool := g.serf.Members()
	a, err := named(pool, from)
	if err != nil {
		return model.RoundTrip{}, err
	}
	b, err := named(pool, to)
	if err != nil {
		return model.RoundTrip{}, err
	}
	trip := model.RoundTrip{From: memberOf(a).Name, To: memberOf(b).Name}
	if a.Name == b.Name {
		return trip, nil
	}
	ours, knowA := g.serf.GetCachedCoordinate(a.Name)
	theirs, knowB := g.serf.GetCachedCoordinate(b.Name)
	if !knowA || !knowB {
		return trip, model.Errorf(model.CodeUnavailable, "the round trip between %s and %s is not known yet: try again in a moment", from, to)
	}
	trip.Millis = float64(ours.DistanceTo(theirs)) / float64(time.Millisecond)
	return trip, nil
}

// named finds the one live member that a name means.
func named(pool []serf.Member, name string) (serf.Member, error) {
	var found, dead []serf.Member
	for _, m := range pool {
		of := memberOf(m)
		if name != of.Name && (of.Role == "" || name != string(of.Role)+":"+of.Name) {
			continue
		}
		if of.Alive {
			found = append(found, m)
		} else {
			dead = append(dead, m)
		}
	}
	switch {
	case len(found) == 1:
		return found[0], nil
	case len(found) == 0 && len(dead) > 0:
		return serf.Member{}, model.Errorf(model.CodeNotFound, "member %s is %s: round trips are known of live members", name, dead[0].Status)
	case len(found) == 0:
		return serf.Member{}, model.Errorf(model.CodeNotFound, "there is no member %s: see heliosctl members", name)
	case sameRole(found):
		return serf.Member{}, model.Errorf(model.CodeInvalid, "%d members are called %s: see heliosctl members", len(found), name)
	}
	return serf.Member{}, model.Errorf(model.CodeInvalid, "%d members are called %s: say %s", len(found), name, strings.Join(qualified(found), " or "))
}

func sameRole(members []serf.Member) bool {
	for _, m := range members {
		if memberOf(m).Role != memberOf(members[0]).Role {
			return false
		}
	}
	return true
}

func qualified(members []serf.Member) []string {
	names := make([]string, len(members))
	for i, m := range members {
		of := memberOf(m)
		names[i] = string(of.Role) + ":" + of.Name
	}
	slices.Sort(names)
	return names
}
