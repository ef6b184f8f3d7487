package apitest

import (
	"cmp"
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/heliosctl/heliosctl/model"
)

// New makes an empty cluster of one master, which leads and does not wait for a leader when it has lost that.
func New() *Backend {
	return NewCluster(1, 0)[0]
}

// NewCluster makes an empty cluster of several masters, the first of which leads. Patience is how long they wait for a leader. Each
// needs an address before others can forward to it; see SetURL.
func NewCluster(masters int, patience time.Duration) []*Backend {
	c := &cluster{
		jobs:     map[model.JobID]model.Job{},
		hosts:    map[string]*host{},
		groups:   map[string]*group{},
		history:  map[model.JobID][]model.TaskStatusEvent{},
		changed:  make(chan struct{}),
		requests: map[string]error{},
		created:  map[string]model.JobID{},
		urls:     map[*Backend]string{},
		left:     map[*Backend]bool{},
		elected:  make(chan struct{}),
		patience: patience,
	}
	for i := range masters {
		c.masters = append(c.masters, &Backend{cluster: c, name: fmt.Sprintf("master%d", i+1), isolated: make(chan struct{})})
	}
	c.leads = c.masters[0]
	return c.masters
}

// SetURL says where this master's API answers.
func (b *Backend) SetURL(url string) {
	b.set(func() { b.urls[b] = url })
}

// Lead makes this master the leader.
func (b *Backend) Lead() { b.elect(b) }

// LoseLeader makes read indexes and writes of all masters fail until FindLeader.
func (b *Backend) LoseLeader() { b.elect(nil) }

// FindLeader ends LoseLeader: the first master leads.
func (b *Backend) FindLeader() { b.elect(b.masters[0]) }

func (b *Backend) elect(leader *Backend) {
	b.set(func() {
		b.leads = leader
		close(b.elected)
		b.elected = make(chan struct{})
	})
}

// Doubt makes the next change succeed and yet fail with CodeOutcomeUnknown, as when a leader is deposed while it commits.
func (b *Backend) Doubt() {
	b.set(func() { b.doubt = true })
}

// Isolate tells this master's streams that it has not heard of a leader for long.
func (b *Backend) Isolate() {
	b.set(func() { close(b.isolated) })
}

// Rejoin ends Isolate.
func (b *Backend) Rejoin() {
	b.set(func() { b.isolated = make(chan struct{}) })
}

// Applied returns how many changes the cluster has made.
func (b *Backend) Applied() int {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.applied
}

// hasLeader fails when no master leads; the caller holds the lock.
func (b *Backend) hasLeader() error {
	if b.leads == nil {
		return model.Errorf(model.CodeUnavailable, "there is no leader: try again in a moment")
	}
	return nil
}

// mayWrite fails when this master does not lead; the caller holds the lock.
func (b *Backend) mayWrite() error {
	if err := b.hasLeader(); err != nil || b.leads == b {
		return err
	}
	return model.Errorf(model.CodeUnavailable, "%s does not lead", b.name)
}

// Leader implements api.Backend.
func (b *Backend) Leader(ctx context.Context) (string, bool, error) {
	ctx, cancel := context.WithTimeout(ctx, b.patience)
	defer cancel()
	for {
		b.mu.Lock()
		leads, url, elected, err := b.leads, b.urls[b.leads], b.elected, b.hasLeader()
		b.mu.Unlock()
		if leads == b {
			return "", true, nil
		}
		if leads != nil {
			return url, false, nil
		}
		select {
		case <-elected:
		case <-ctx.Done():
			return "", false, err
		}
	}
}

// ConfirmedIndex implements api.Backend.
func (b *Backend) ConfirmedIndex(context.Context) (uint64, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.index, cmp.Or(b.fault, b.mayWrite())
}

// Isolated implements api.Backend.
func (b *Backend) Isolated() <-chan struct{} {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.isolated
}

// id is the raft id of this master.
func (b *Backend) id() string { return "id" + strings.TrimPrefix(b.name, "master") }

// Self implements api.Backend.
func (b *Backend) Self() model.MasterStatus {
	b.mu.Lock()
	defer b.mu.Unlock()
	status := model.MasterStatus{
		Name: b.name, ID: b.id(), ClusterID: b.ClusterID(), State: model.MasterFollower, Term: 1, Index: b.index, LastIndex: b.index,
	}
	if b.leads != nil {
		status.Leader = b.leads.id()
	}
	if b.leads == b {
		status.State = model.MasterLeader
	}
	return status
}

// GaugesSince implements api.Backend: every reading is new.
func (b *Backend) GaugesSince(uint64) model.GaugeUpdate {
	b.mu.Lock()
	defer b.mu.Unlock()
	update := model.GaugeUpdate{Version: b.index, Gauges: map[string]model.Gauges{}, Ages: map[string]int64{}}
	for name, h := range b.hosts {
		update.Gauges[name], update.Ages[name] = h.gauges, 0
	}
	return update
}
