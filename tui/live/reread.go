package live

import (
	"context"
	"errors"
	"maps"
	"slices"
	"sync"
	"time"

	"github.com/heliosctl/heliosctl/client"
	"github.com/heliosctl/heliosctl/model"
	"github.com/heliosctl/heliosctl/tui"
)

// manyJobs is how many jobs are read one by one; more are read with all others.
const manyJobs = 8

// objects are hosts, jobs and groups that are to be read.
type objects struct {
	hosts  map[string]bool
	jobs   map[model.JobID]bool
	groups map[string]bool
}

func newObjects() objects {
	return objects{hosts: map[string]bool{}, jobs: map[model.JobID]bool{}, groups: map[string]bool{}}
}

func (o objects) empty() bool { return len(o.hosts) == 0 && len(o.jobs) == 0 && len(o.groups) == 0 }

func (o objects) add(more objects) {
	maps.Copy(o.hosts, more.hosts)
	maps.Copy(o.jobs, more.jobs)
	maps.Copy(o.groups, more.groups)
}

// note adds what an event changes and does not carry. What is on its way is read once more where the event has made it old.
func (o objects) note(e model.Event, flying objects) {
	switch e.Type {
	case model.EventJobCreated:
		o.jobs[*e.JobID] = true
	case model.EventJobRemoved:
		if flying.jobs[*e.JobID] {
			o.jobs[*e.JobID] = true
		}
	case model.EventHostRegistered, model.EventHostChanged, model.EventHostDrained, model.EventHostUndrained:
		o.hosts[e.Host] = true
	case model.EventHostUp, model.EventHostDown, model.EventHostDeregistered:
		if flying.hosts[e.Host] {
			o.hosts[e.Host] = true
		}
	}
	if e.Group != "" {
		o.groups[e.Group] = true
	}
}

// news are objects as they were read. Those that are not there any more are missing.
type news struct {
	asked objects
	picture
}

func readObjects(ctx context.Context, c *client.Client, asked objects, now time.Time) (*news, error) {
	n := &news{asked: asked}
	var err error
	if n.hosts, err = readHosts(ctx, c, slices.Collect(maps.Keys(asked.hosts)), now, nil); err != nil {
		return nil, err
	}
	if n.jobs, err = readJobs(ctx, c, slices.Collect(maps.Keys(asked.jobs))); err != nil {
		return nil, err
	}
	n.groups, err = readGroups(ctx, c, slices.Collect(maps.Keys(asked.groups)))
	return n, err
}

func readJobs(ctx context.Context, c *client.Client, ids []model.JobID) (map[model.JobID]model.Job, error) {
	if len(ids) > manyJobs {
		return c.Jobs(ctx, "", "")
	}
	found := map[model.JobID]model.Job{}
	var mu sync.Mutex
	err := each(ctx, ids, func(ctx context.Context, id model.JobID) error {
		job, err := c.Job(ctx, id)
		if errors.Is(err, model.ErrJobNotFound) {
			return nil
		}
		mu.Lock()
		defer mu.Unlock()
		found[id] = job
		return err
	})
	return found, err
}

// update brings the store up to date. Tasks are left alone: the events that carry them may be newer than what was read.
func (n *news) update(store *tui.Store) {
	old := store.Snapshot()
	for name := range n.asked.hosts {
		if h, ok := n.hosts[name]; ok {
			store.SetHost(keepReadings(h.Host, old.Host(name)))
		} else {
			store.RemoveHost(name)
		}
	}
	for id := range n.asked.jobs {
		if job, ok := n.jobs[id]; ok {
			store.SetJob(&job)
		} else {
			store.RemoveJob(id)
		}
	}
	for name := range n.asked.groups {
		group, ok := n.groups[name]
		if !ok {
			store.RemoveGroup(name)
			continue
		}
		if known := old.Group(name); known != nil {
			group.Hosts = known.Hosts
		}
		store.SetGroup(group)
	}
	if len(n.asked.hosts) > 0 {
		selectHosts(store, nil)
	} else {
		selectHosts(store, n.asked.groups)
	}
}

// keepReadings keeps what only events and gauges tell.
func keepReadings(h tui.Host, old *tui.Host) tui.Host {
	if old == nil {
		return h
	}
	if old.Status == h.Status {
		h.Since = old.Since
	}
	if !old.GaugedAt.IsZero() {
		h.Load, h.MemoryFree, h.GaugedAt = old.Load, old.MemoryFree, old.GaugedAt
	}
	return h
}
