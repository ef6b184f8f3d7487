package master

import (
	"context"
	"sync"
	"time"

	"github.com/google/uuid"
	"github.com/hashicorp/raft"

	"github.com/heliosctl/heliosctl/model"
	"github.com/heliosctl/heliosctl/store"
)

// leaderWait is how long a request waits for there to be a leader.
const leaderWait = 2 * time.Second

// leaderView is what this master knows of who leads.
type leaderView struct {
	self  bool               // this master leads
	ready bool               // and has applied the Term command of its term, so that its state has everything acknowledged before
	other raft.ServerAddress // where another master leads, as far as is known
	id    raft.ServerID      // of that master
}

// notLeader is the error where only the leader will do.
func (v leaderView) notLeader() *model.Error {
	if v.other == "" {
		return errNoLeader()
	}
	return model.Errorf(model.CodeUnavailable, "this master does not lead, the one at %s does; try that one", v.other)
}

// leadership holds the view and tells of its changes. It is safe for concurrent use.
type leadership struct {
	mu      sync.Mutex
	view    leaderView
	changed chan struct{}
}

func newLeadership() *leadership { return &leadership{changed: make(chan struct{})} }

func (l *leadership) get() (leaderView, <-chan struct{}) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.view, l.changed
}

func (l *leadership) set(view leaderView) {
	l.change(func(leaderView) leaderView { return view })
}

func (l *leadership) change(next func(leaderView) leaderView) {
	l.mu.Lock()
	defer l.mu.Unlock()
	view := next(l.view)
	if view == l.view {
		return
	}
	l.view = view
	close(l.changed)
	l.changed = make(chan struct{})
}

// setOther notes which other master leads, unless this one does.
func (l *leadership) setOther(address raft.ServerAddress, id raft.ServerID) {
	l.change(func(view leaderView) leaderView {
		if view.self {
			return view
		}
		return leaderView{other: address, id: id}
	})
}

// await returns when good accepts the view. It fails with CodeUnavailable when another master leads, or when there is no leader for
// two seconds.
func (l *leadership) await(ctx context.Context, good func(leaderView) bool) error {
	timeout := time.NewTimer(leaderWait)
	defer timeout.Stop()
	for {
		view, changed := l.get()
		if good(view) {
			return nil
		}
		if view.other != "" {
			return view.notLeader()
		}
		select {
		case <-changed:
		case <-timeout.C:
			return errNoLeader()
		case <-ctx.Done():
			return model.Errorf(model.CodeUnavailable, "there was no leader until the request ended: %v", context.Cause(ctx))
		}
	}
}

// awaitLeading is await for a master that may not be part of any cluster.
func (m *Master) awaitLeading(ctx context.Context, good func(leaderView) bool) error {
	if err := m.membershipError(); err != nil {
		return err
	}
	return m.leading.await(ctx, good)
}

func errNoLeader() *model.Error {
	return model.Errorf(model.CodeUnavailable, "the masters have no leader; check that most of them are running")
}

// followLeadership does the leader's work while this master leads. Losing and gaining leadership in quick succession ends the work
// of the old term before that of the new one begins.
func (m *Master) followLeadership(ctx context.Context, n *node, notify <-chan bool) {
	stop := func() {}
	defer func() { stop() }()
	for {
		select {
		case leads := <-notify:
			stop()
			stop = func() {}
			if leads {
				m.leading.set(leaderView{self: true})
				stop = m.startLeading(ctx, n)
			} else {
				m.log.Info("this master no longer leads")
				m.leading.set(leaderView{})
				// Another leader may have been noted while this one still counted itself.
				m.noteLeader(n)
			}
		case <-ctx.Done():
			return
		}
	}
}

// startLeading returns a function that ends the work and waits for it.
func (m *Master) startLeading(ctx context.Context, n *node) (stop func()) {
	ctx, cancel := context.WithCancel(ctx)
	var work sync.WaitGroup
	work.Go(func() { m.lead(ctx, n) })
	return func() {
		cancel()
		work.Wait()
	}
}

// watchLeader notes which other master leads.
func (m *Master) watchLeader(ctx context.Context, n *node) {
	observations := make(chan raft.Observation, 8)
	observer := raft.NewObserver(observations, false, func(o *raft.Observation) bool {
		_, ok := o.Data.(raft.LeaderObservation)
		return ok
	})
	n.RegisterObserver(observer)
	defer n.DeregisterObserver(observer)
	m.noteLeader(n)
	for {
		select {
		case <-observations:
			m.noteLeader(n)
		case <-ctx.Done():
			return
		}
	}
}

func (m *Master) noteLeader(n *node) {
	address, id := n.LeaderWithID()
	if id == m.folders.serverID {
		return
	}
	m.leading.setOther(address, id)
	if address != "" && m.ClusterID() != "" {
		m.becomeReady()
	}
}

// lead does the leader's work until ctx ends.
func (m *Master) lead(ctx context.Context, n *node) {
	if !m.persist(ctx, store.Term{Master: m.config.Name}) {
		return
	}
	if m.ClusterID() == "" && !m.persist(ctx, store.ClusterID{ID: uuid.NewString()}) {
		return
	}
	m.log.Info("this master leads", "term", m.folders.state.Term(), "index", m.Index())
	m.leading.set(leaderView{self: true, ready: true})
	m.becomeReady()
	m.announceAddress(n)
	var duties sync.WaitGroup
	for _, duty := range append(m.reapers(), m.recordLiveness, m.expireJobs, m.driveRollouts) {
		duties.Go(func() { duty(ctx) })
	}
	duties.Go(func() { m.keepPeers(ctx, n) })
	duties.Go(func() { m.yieldWhenFull(ctx, n) })
	duties.Wait()
}

// persist proposes a command of the leader's own until it is applied; false when ctx ended first.
func (m *Master) persist(ctx context.Context, body store.Body) bool {
	for ctx.Err() == nil {
		command, err := store.Encode(m.now(), model.Request{}, body)
		if err == nil {
			_, err = m.propose(ctx, command)
		}
		if err == nil {
			return true
		}
		m.log.Warn("cannot record what the leader has to", "err", err)
		select {
		case <-time.After(heartbeatTimeout):
		case <-ctx.Done():
		}
	}
	return false
}
