package live

import (
	"context"
	"errors"
	"slices"
	"sync"
	"time"

	"github.com/heliosctl/heliosctl/client"
	"github.com/heliosctl/heliosctl/model"
	"github.com/heliosctl/heliosctl/tui"
)

const (
	chunk   = 100 // hosts that are read with one call
	readers = 4   // calls at a time
)

// picture is a cluster as it was read.
type picture struct {
	hosts  map[string]seenHost
	jobs   map[model.JobID]model.Job
	groups map[string]*tui.Group // without their hosts
	shown  bool                  // the store has the hosts already
}

// seenHost is a host as it was read, with its tasks.
type seenHost struct {
	tui.Host
	tasks []*tui.Task
}

// readCluster reads everything. It calls show, unless that is nil, with some hosts at a time.
func readCluster(ctx context.Context, c *client.Client, now time.Time, show func([]seenHost)) (*picture, error) {
	names, err := c.Hosts(ctx, "", nil)
	if err != nil {
		return nil, err
	}
	p := &picture{shown: show != nil}
	if p.hosts, err = readHosts(ctx, c, names, now, show); err != nil {
		return nil, err
	}
	if p.jobs, err = c.Jobs(ctx, "", ""); err != nil {
		return nil, err
	}
	if names, err = c.Groups(ctx); err != nil {
		return nil, err
	}
	p.groups, err = readGroups(ctx, c, names)
	return p, err
}

// readHosts reads hosts, some at a time. Where they are shown at once their tasks are not kept.
func readHosts(ctx context.Context, c *client.Client, names []string, now time.Time, show func([]seenHost)) (map[string]seenHost, error) {
	found := map[string]seenHost{}
	var mu sync.Mutex
	err := each(ctx, slices.Collect(slices.Chunk(names, chunk)), func(ctx context.Context, some []string) error {
		statuses, err := c.HostStatuses(ctx, some, "")
		if err != nil {
			return err
		}
		var seen []seenHost
		for name, status := range statuses {
			seen = append(seen, seenHost{hostOfStatus(name, status, now), tasksOf(name, status)})
		}
		if show != nil {
			show(seen)
		}
		mu.Lock()
		defer mu.Unlock()
		for _, h := range seen {
			if show != nil {
				h.tasks = nil
			}
			found[h.Name] = h
		}
		return nil
	})
	return found, err
}

// readGroups leaves those out that are not there any more.
func readGroups(ctx context.Context, c *client.Client, names []string) (map[string]*tui.Group, error) {
	found := map[string]*tui.Group{}
	var mu sync.Mutex
	err := each(ctx, names, func(ctx context.Context, name string) error {
		group, err := readGroup(ctx, c, name)
		if errors.Is(err, &model.Error{Code: model.CodeGroupNotFound}) {
			return nil
		}
		mu.Lock()
		defer mu.Unlock()
		found[name] = group
		return err
	})
	return found, err
}

func readGroup(ctx context.Context, c *client.Client, name string) (*tui.Group, error) {
	spec, err := c.Group(ctx, name)
	if err != nil {
		return nil, err
	}
	past, err := c.Rollouts(ctx, name)
	if err != nil {
		return nil, err
	}
	g := &tui.Group{Spec: spec}
	for i, each := range past {
		if i > 0 {
			g.Past = append(g.Past, rolloutOf(each))
			continue
		}
		last, err := c.Rollout(ctx, name, each.ID)
		if err != nil {
			return nil, err
		}
		g.Rollout = rolloutOf(last)
	}
	return g, nil
}

// each calls read for every item, some at a time, and returns the first error, with which it ends.
func each[T any](ctx context.Context, items []T, read func(context.Context, T) error) error {
	ctx, stop := context.WithCancelCause(ctx)
	defer stop(nil)
	var running sync.WaitGroup
	slots := make(chan struct{}, readers)
	for _, item := range items {
		slots <- struct{}{}
		if ctx.Err() != nil {
			break
		}
		running.Go(func() {
			defer func() { <-slots }()
			if err := read(ctx, item); err != nil {
				stop(err)
			}
		})
	}
	running.Wait()
	return context.Cause(ctx)
}

// fill makes the store what was read, and keeps what the masters do not tell: the feed, trends.
func (p *picture) fill(store *tui.Store) {
	old := store.Snapshot()
	for _, h := range old.Hosts {
		if _, ok := p.hosts[h.Name]; !ok {
			store.RemoveHost(h.Name)
		}
	}
	for _, j := range old.Jobs {
		if _, ok := p.jobs[j.Spec.ID]; !ok {
			store.RemoveJob(j.Spec.ID)
		}
	}
	for _, g := range old.Groups {
		if p.groups[g.Spec.Name] == nil {
			store.RemoveGroup(g.Spec.Name)
		}
	}
	for _, job := range p.jobs {
		store.SetJob(&job)
	}
	if !p.shown {
		for _, name := range sortedHosts(p.hosts) {
			p.hosts[name].fill(store, old.Host(name))
		}
	}
	for _, g := range p.groups {
		store.SetGroup(g)
	}
	selectHosts(store, nil)
}

func sortedHosts(hosts map[string]seenHost) []string {
	names := make([]string, 0, len(hosts))
	for name := range hosts {
		names = append(names, name)
	}
	slices.Sort(names)
	return names
}

// fill makes the store what was read of a host of which it knew something else, or nothing.
func (h seenHost) fill(store *tui.Store, old *tui.Host) {
	store.SetHost(h.Host)
	if old != nil {
		now := map[model.JobID]bool{}
		for _, t := range h.tasks {
			now[t.Job] = true
		}
		for _, t := range old.Tasks {
			if !now[t.Job] {
				store.RemoveTask(h.Name, t.Job)
			}
		}
	}
	for _, t := range h.tasks {
		store.SetTask(t)
	}
}

// tasksOf are the tasks that are wanted on a host or reported from it.
func tasksOf(name string, status model.HostStatus) []*tui.Task {
	tasks := make([]*tui.Task, 0, len(status.Jobs))
	for id, d := range status.Jobs {
		var reported *model.TaskStatus
		if s, ok := status.Statuses[id]; ok {
			reported = &s
		}
		tasks = append(tasks, tui.TaskOf(name, id, &d, reported))
	}
	for id, s := range status.Statuses {
		if _, wanted := status.Jobs[id]; !wanted {
			tasks = append(tasks, tui.TaskOf(name, id, nil, &s))
		}
	}
	return tasks
}

func hostOfStatus(name string, status model.HostStatus, now time.Time) tui.Host {
	h := tui.Host{
		Name: name, Status: status.Status, Info: status.HostInfo, Agent: status.AgentInfo, Labels: status.Labels,
		Environment: status.Environment, Drain: status.Drain,
	}
	if status.HostInfo != nil {
		h.Load, h.MemoryFree = status.HostInfo.LoadAvg, status.HostInfo.MemoryFreeBytes
		if status.Status == model.Up {
			h.GaugedAt = now
		}
	}
	if status.AgentInfo != nil && status.Status != model.Up {
		h.Since = status.AgentInfo.StartTime.Time().Add(time.Duration(status.AgentInfo.Uptime) * time.Millisecond)
	}
	return h
}

// selectHosts finds which hosts the groups select now; all groups when none is named.
func selectHosts(store *tui.Store, names map[string]bool) {
	snapshot := store.Snapshot()
	for _, g := range snapshot.Groups {
		if names != nil && !names[g.Spec.Name] {
			continue
		}
		var selected []string
		for _, h := range snapshot.Hosts {
			if selects(g.Spec.HostSelectors, h.Labels) {
				selected = append(selected, h.Name)
			}
		}
		if !slices.Equal(selected, g.Hosts) {
			changed := *g
			changed.Hosts = selected
			store.SetGroup(&changed)
		}
	}
}

func selects(selectors []model.HostSelector, labels map[string]string) bool {
	return !slices.ContainsFunc(selectors, func(s model.HostSelector) bool { return !s.Matches(labels) })
}
