package tui

import "strings"

// tellResync says how much has changed while no master answered, once one does again.
func (a *app) tellResync(old *Snapshot) {
	switch {
	case a.snap.Freshness.State == Stale && a.stale == nil:
		a.stale = old
	case a.snap.Freshness.State == Live && a.stale != nil:
		a.mention("resynced, %s while away", counted(changes(a.stale, a.snap), "change"))
		a.stale = nil
	}
}

// changes counts the hosts, tasks, jobs and groups that came, went, or are in another state.
func changes(from, to *Snapshot) int {
	n := eachPair(from.Hosts, to.Hosts, func(x, y *Host) int { return strings.Compare(x.Name, y.Name) }, func(x, y *Host) int {
		n := eachPair(x.Tasks, y.Tasks, func(t, u *Task) int { return t.Job.Compare(u.Job) }, func(t, u *Task) int {
			return count(t.State != u.State || t.Goal != u.Goal || t.ContainerID != u.ContainerID)
		})
		return n + count(x.Status != y.Status) + count((x.Drain == nil) != (y.Drain == nil))
	})
	n += eachPair(from.Jobs, to.Jobs, func(x, y *Job) int { return x.Spec.ID.Compare(y.Spec.ID) }, func(_, _ *Job) int { return 0 })
	return n + eachPair(from.Groups, to.Groups, func(g, h *Group) int { return strings.Compare(g.Spec.Name, h.Spec.Name) }, func(g, h *Group) int {
		return count(rolloutOf(g) != rolloutOf(h))
	})
}

// rolloutOf says which rollout of a group was the last, and where that is.
func rolloutOf(g *Group) string {
	if g.Rollout == nil {
		return ""
	}
	return g.Rollout.ID + " " + string(g.Rollout.State)
}

// eachPair adds up what differs between two lists that are sorted in the same order: one for each that is in one of them only, and what
// differ says of those that are in both. What they share counts nothing.
func eachPair[T any](from, to []*T, order, differ func(x, y *T) int) int {
	n, i, j := 0, 0, 0
	for i < len(from) && j < len(to) {
		x, y := from[i], to[j]
		if x == y {
			i, j = i+1, j+1
			continue
		}
		switch at := order(x, y); {
		case at == 0:
			n += differ(x, y)
			i, j = i+1, j+1
		case at < 0:
			n, i = n+1, i+1
		default:
			n, j = n+1, j+1
		}
	}
	return n + len(from) - i + len(to) - j
}

func count(is bool) int {
	if is {
		return 1
	}
	return 0
}
