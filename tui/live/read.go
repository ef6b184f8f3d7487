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
	chunk   = 250 // hosts that are read with one call
	readers = 4   // calls at a time
)

// picture is a cluster as it was read.
type picture struct {
	hosts  map[string]model.HostStatus
	jobs   map[model.JobID]model.Job
	groups map[string]*tui.Group // without their hosts
}

// readCluster reads everything.
func readCluster(ctx context.Context, c *client.Client) (*picture, error) {
	names, err := c.Hosts(ctx, "", nil)
	if err != nil {
		return nil, err
	}
	p := &picture{}
	if p.hosts, err = readHosts(ctx, c, names); err != nil {
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

func readHosts(ctx context.Context, c *client.Client, names []string) (map[string]model.HostStatus, error) {
	found := map[string]model.HostStatus{}
	var mu sync.Mutex
	err := each(ctx, slices.Collect(slices.Chunk(names, chunk)), func(ctx context.Context, some []string) error {
		statuses, err := c.HostStatuses(ctx, some, "")
		mu.Lock()
		defer mu.Unlock()
		for name, status := range statuses {
			found[name] = status
		}
		return err
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
func (p *picture) fill(store *tui.Store, now time.Time) {
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
	for _, name := range sortedHosts(p.hosts) {
		status := p.hosts[name]
		store.SetHost(hostOfStatus(name, status, now))
		fillTasks(store, old.Host(name), name, status)
	}
	for _, g := range p.groups {
		store.SetGroup(g)
	}
	selectHosts(store, nil)
}

func sortedHosts(hosts map[string]model.HostStatus) []string {
	names := make([]string, 0, len(hosts))
	for name := range hosts {
		names = append(names, name)
	}
	slices.Sort(names)
	return names
}

func fillTasks(store *tui.Store, old *tui.Host, name string, status model.HostStatus) {
	if old != nil {
		for _, t := range old.Tasks {
			_, wanted := status.Jobs[t.Job]
			if _, reported := status.Statuses[t.Job]; !wanted && !reported {
				store.RemoveTask(name, t.Job)
			}
		}
	}
	for id, d := range status.Jobs {
		var reported *model.TaskStatus
		if s, ok := status.Statuses[id]; ok {
			reported = &s
		}
		store.SetTask(tui.TaskOf(name, id, &d, reported))
	}
	for id, s := range status.Statuses {
		if _, wanted := status.Jobs[id]; !wanted {
			store.SetTask(tui.TaskOf(name, id, nil, &s))
		}
	}
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
