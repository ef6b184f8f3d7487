package master

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"sync/atomic"

	"github.com/heliosctl/heliosctl/model"
)

// Master is one of the masters. Its methods are safe for concurrent use.
type Master struct {
	config  Config
	log     *slog.Logger
	folders *folders
	members Members // who else is there; see Attach
	remote  Remote  // nil: there is no other master

	stream    *raftStream          // where raft listens
	node      atomic.Pointer[node] // nil before Run has started raft and when it stops it
	asking    sync.RWMutex         // held for reading while raft is asked who leads: it forgets to answer when it stops
	leading   *leadership
	proposals *queue[proposal]
	statuses  *queue[statusPart]
	questions *queue[question]
	gauges    *gauges
	disk      *diskGuard
	yielded   atomic.Int64 // when leadership was last handed over for want of disk space

	restoring  sync.Mutex // held while a snapshot is being restored
	membership *membership
	contact    *contact

	livenessKick chan struct{} // capacity 1: look at who is alive again

	ready     chan struct{}
	readyOnce sync.Once
	running   atomic.Bool
	closeOnce sync.Once
	closeErr  error
}

// New opens the data folder and starts nothing: reads work, writes wait for Run. Whoever does not call Run calls Close.
func New(config Config) (*Master, error) {
	config = config.withDefaults()
	if err := config.validate(); err != nil {
		return nil, err
	}
	if err := checkLeft(config.DataDir); err != nil {
		return nil, err
	}
	folders, err := openFolders(config)
	if err != nil {
		return nil, err
	}
	m := &Master{
		config:       config,
		log:          config.Logger,
		folders:      folders,
		members:      alone{},
		leading:      newLeadership(),
		proposals:    newProposalQueue(),
		statuses:     newStatusQueue(),
		questions:    newQuestionQueue(),
		gauges:       newGauges(),
		disk:         newDiskGuard(config),
		contact:      newContact(),
		livenessKick: make(chan struct{}, 1),
		ready:        make(chan struct{}),
	}
	if err := m.open(); err != nil {
		return nil, errors.Join(err, folders.close())
	}
	return m, nil
}

// open judges what the folders hold and opens the port of raft, so that its address is known before raft runs.
func (m *Master) open() error {
	empty, err := m.folders.empty()
	if err != nil {
		return err
	}
	m.membership = newMembership(m.config, empty)
	if m.stream, err = listenRaft(m.config, m.folders.serverID); err != nil {
		return err
	}
	m.stream.removed, m.stream.toldOff = m.folders.state.PeerRemoved, m.noteRemoved
	return nil
}

// Attach tells the master who else there is and how to ask other masters, before Run. Without it this master is alone and no agent is
// alive.
func (m *Master) Attach(members Members, remote Remote) { m.members, m.remote = members, remote }

// RaftAddress is where other masters reach this one's raft, IP:PORT.
func (m *Master) RaftAddress() string { return m.stream.Addr().String() }

// Run runs the master until ctx ends or it has left its cluster, and closes its folders. It returns an error when it cannot start, or cannot go on because the
// disk fails. It may be called once.
func (m *Master) Run(ctx context.Context) (err error) {
	if m.running.Swap(true) {
		return errors.New("the master was run before")
	}
	defer func() { err = errors.Join(err, m.Close()) }()

	notify := make(chan bool, 8)
	n, err := m.startNode(notify)
	if err != nil {
		return err
	}
	m.node.Store(n)
	m.log.Info("master started", "raft", n.address, "index", m.Index())

	var loops sync.WaitGroup
	ctx, cancel := context.WithCancel(ctx)
	loops.Go(func() { m.followLeadership(ctx, n, notify) })
	loops.Go(func() { m.watchLeader(ctx, n) })
	loops.Go(func() { m.runProposals(ctx) })
	loops.Go(func() { m.runStatuses(ctx) })
	loops.Go(func() { m.runQuestions(ctx) })
	loops.Go(func() { m.followContact(ctx, n) })
	loops.Go(func() { m.form(ctx, n) })
	loops.Go(func() { m.followGauges(ctx) })

	var failed error
	select {
	case <-ctx.Done():
	case <-m.membership.left:
	case <-m.folders.state.Failed():
		failed = fmt.Errorf("the master cannot go on: %w", m.folders.state.Err())
	}
	cancel()
	// Raft stops last: it answers the writes under way only as long as it runs.
	loops.Wait()
	if n.isLeader() && n.voters() > 1 {
		// Failing that, the others elect one of them after the election timeout.
		_ = m.handOver(n)
	}
	m.asking.Lock()
	m.node.Store(nil)
	m.asking.Unlock()
	stopErr := n.stop()
	m.leading.set(leaderView{})
	return errors.Join(failed, stopErr)
}

// Close closes the data folder and the raft port of a master that does not run. Reads from memory still work afterwards.
func (m *Master) Close() error {
	m.closeOnce.Do(func() { m.closeErr = errors.Join(m.stream.Close(), m.folders.close()) })
	return m.closeErr
}

// Ready is closed when this master has become the leader, or has found one and learnt the cluster's id, and reads and writes work.
func (m *Master) Ready() <-chan struct{} { return m.ready }

func (m *Master) becomeReady() { m.readyOnce.Do(func() { close(m.ready) }) }

// Health returns the master's checks by name; nil is healthy.
func (m *Master) Health() map[string]error {
	checks := map[string]error{"storage": m.folders.state.Err(), "raft": nil}
	if checks["storage"] == nil {
		checks["storage"] = m.disk.check()
	}
	if err := m.membershipError(); err != nil {
		checks["raft"] = err
	} else if view, _ := m.leading.get(); !view.self && view.other == "" {
		checks["raft"] = errNoLeader()
	}
	return checks
}

// Index is the index of the last change that reads reflect.
func (m *Master) Index() uint64 { return m.folders.state.Index() }

// ClusterID names the cluster, "" before its first leader has made it up.
func (m *Master) ClusterID() string { return m.folders.state.ClusterID() }

// Events returns the events after index; see store.State.
func (m *Master) Events(index uint64) (events []model.Event, reset bool, more <-chan struct{}) {
	return m.folders.state.Events(index)
}

// RecentEvents returns the latest events that are still known; see store.State.
func (m *Master) RecentEvents(n int, keep func(model.Event) bool) (events []model.Event, index uint64) {
	return m.folders.state.RecentEvents(n, keep)
}

// ServerID is this master's raft id; it stays the same for as long as the data folder does.
func (m *Master) ServerID() string { return string(m.folders.serverID) }
