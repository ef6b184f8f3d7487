package master

import (
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"time"

	"github.com/google/uuid"
	"github.com/hashicorp/raft"

	"github.com/heliosctl/heliosctl/store"
)

// Timing of raft. Shorter timeouts elect a new leader sooner and lose elections to a busy machine.
const (
	heartbeatTimeout = 500 * time.Millisecond
	electionTimeout  = 500 * time.Millisecond
	leaderLease      = 250 * time.Millisecond

	// commitTimeout is when followers learn that an entry is committed, when no other entry tells them before. Raft's default of 50 ms
	// would be how long a read at a follower waits for what was just written, and agents for what was just deployed.
	commitTimeout = 10 * time.Millisecond
)

// When raft takes snapshots and what it keeps of the log behind them. Entries of statuses can be large, so it is less than raft's
// default.
const (
	snapshotInterval  = 30 * time.Second
	snapshotThreshold = 8192
	trailingEntries   = 4096
	snapshotsKept     = 2
)

// logCache is how many recent entries followers are sent from memory.
const logCache = 64

// maxAppend is how many entries are written, sent and applied together at most.
const maxAppend = 128

// appendsInFlight is how many appends a follower is sent before it has answered. With more than one, raft replicates through a pipeline,
// in which the sender waits for ever when the reader of the answers gives up, at a newer term for one: a leader that had lost leadership
// could then not be stopped. Nothing is lost by it, because all that is proposed meanwhile is the next entry anyway.
const appendsInFlight = 1

// serverIDKey is where this server's raft id is kept, beside raft's own variables: it is lost together with the log, never alone.
const serverIDKey = "heliosctl.ServerID"

// Raft's own keys for its term and for that of its last vote.
const (
	currentTermKey  = "CurrentTerm"
	lastVoteTermKey = "LastVoteTerm"
)

// folders are the open databases of a master.
type folders struct {
	state     *store.State
	log       *store.Log
	snapshots *raft.FileSnapshotStore
	serverID  raft.ServerID
}

func openFolders(c Config) (*folders, error) {
	f := &folders{}
	if err := f.open(c); err != nil {
		_ = f.close() // of what was opened
		return nil, err
	}
	return f, nil
}

func (f *folders) open(c Config) (err error) {
	if err := os.MkdirAll(c.DataDir, 0o700); err != nil {
		return fmt.Errorf("cannot create the data folder: %w", err)
	}
	if f.state, err = store.OpenState(filepath.Join(c.DataDir, "state"), store.StateOptions{
		HistoryLimit: c.HistoryLimit, Logger: c.Logger,
	}); err != nil {
		return err
	}
	// The folder is this process's now.
	if err := store.RemoveIncoming(c.DataDir); err != nil {
		return fmt.Errorf("cannot remove what is left of a received snapshot: %w", err)
	}
	if f.log, err = store.OpenLog(filepath.Join(c.DataDir, "raft"), c.Logger); err != nil {
		return err
	}
	if f.snapshots, err = raft.NewFileSnapshotStoreWithLogger(c.DataDir, snapshotsKept, raftLogger{c.Logger}); err != nil {
		return fmt.Errorf("cannot open the snapshots in %s: %w", c.DataDir, err)
	}
	f.serverID, err = serverID(f.log)
	return err
}

func (f *folders) close() error {
	var errs []error
	if f.state != nil {
		errs = append(errs, f.state.Close())
	}
	if f.log != nil {
		errs = append(errs, f.log.Close())
	}
	return errors.Join(errs...)
}

// serverID returns this server's id, made up at its first start.
func serverID(log *store.Log) (raft.ServerID, error) {
	id, err := log.Get([]byte(serverIDKey))
	if err != nil {
		return "", err
	}
	if len(id) == 0 {
		id = []byte(uuid.NewString())
		if err := log.Set([]byte(serverIDKey), id); err != nil {
			return "", err
		}
	}
	return raft.ServerID(id), nil
}

// empty reports whether there is neither an entry nor a snapshot: this server is new.
func (f *folders) empty() (bool, error) {
	last, err := f.log.LastIndex()
	if err != nil {
		return false, err
	}
	snapshots, err := f.snapshots.List()
	return last == 0 && len(snapshots) == 0, err
}

// prepare checks that what a server kept belongs together. It returns whether the state is at least as new as the newest snapshot, so
// that it need not be restored from it.
func (f *folders) prepare() (stateIsCurrent bool, err error) {
	first, err := f.log.FirstIndex()
	if err != nil {
		return false, err
	}
	last, err := f.log.LastIndex()
	if err != nil {
		return false, err
	}
	snapshots, err := f.snapshots.List()
	if err != nil {
		return false, err
	}
	applied := f.state.Index()
	var newest uint64
	if len(snapshots) > 0 {
		newest = snapshots[0].Index
	}
	switch {
	case applied > max(last, newest):
		return false, fmt.Errorf("the state has changes up to %d, but the raft log and snapshots end at %d: part of the data folder is missing; "+
			"restore the folder from one copy", applied, max(last, newest))
	case first > newest+1:
		return false, fmt.Errorf("the raft log begins at %d, but the newest snapshot ends at %d: the snapshots are missing; "+
			"restore the data folder from one copy", first, newest)
	case last == 0 && newest == 0:
		return true, f.forgetTerm()
	case last > 0 && last < newest:
		return applied >= newest, f.dropOldLog(first, last, snapshots[0].ID)
	}
	return applied >= newest, nil
}

// dropOldLog drops a log that ends before the newest snapshot, as raft does after it has installed or restored one: a crash came in
// between, and nothing can be appended behind the gap. The snapshot has everything; should it be damaged, the log is all there is.
func (f *folders) dropOldLog(first, last uint64, snapshot string) error {
	_, content, err := f.snapshots.Open(snapshot)
	if err != nil {
		return fmt.Errorf("the raft log ends before the newest snapshot, which cannot be read: %w", err)
	}
	return errors.Join(content.Close(), f.log.DeleteRange(first, last))
}

// forgetTerm makes a server new again whose bootstrap was cut short: raft writes its term before the first entry and takes that for
// state. A server that has voted keeps its term. One that has neither entries nor voted has promised nothing to anybody.
func (f *folders) forgetTerm() error {
	voted, err := f.log.GetUint64([]byte(lastVoteTermKey))
	if err != nil || voted > 0 {
		return err
	}
	return f.log.SetUint64([]byte(currentTermKey), 0)
}

// bootstrap makes a new server the only one of its cluster.
func (f *folders) bootstrap(config *raft.Config, address raft.ServerAddress, transport raft.Transport) error {
	err := raft.BootstrapCluster(config, f.log, f.log, f.snapshots, transport, raft.Configuration{
		Servers: []raft.Server{{Suffrage: raft.Voter, ID: f.serverID, Address: address}},
	})
	if err != nil {
		return fmt.Errorf("cannot bootstrap raft: %w", err)
	}
	return nil
}

// node is a running raft server.
type node struct {
	*raft.Raft
	transport *raft.NetworkTransport
	book      *addressBook
	address   raft.ServerAddress // as others reach it
}

// startNode starts raft on the stream, which it closes in the end; leadership tells of every change, and is closed by nobody.
func (m *Master) startNode(leadership chan<- bool) (*node, error) {
	book := &addressBook{
		self: m.folders.serverID, address: raft.ServerAddress(m.stream.Addr().String()), look: m.raftAddresses,
		known: map[raft.ServerID]string{},
	}
	transport := raft.NewNetworkTransportWithConfig(&raft.NetworkTransportConfig{
		ServerAddressProvider: book, Logger: raftLogger{m.log}, Stream: m.stream, MaxPool: 3, Timeout: 10 * time.Second,
		MaxRPCsInFlight: appendsInFlight,
	})
	n, err := m.startRaft(transport, leadership)
	if err != nil {
		return nil, errors.Join(err, transport.Close())
	}
	n.book = book
	n.electAtOnce(m.folders.serverID)
	return n, nil
}

func (m *Master) startRaft(transport *raft.NetworkTransport, leadership chan<- bool) (*node, error) {
	f := m.folders
	config := raftConfig(f.serverID, m.log)
	config.NotifyCh = leadership
	stateIsCurrent, err := f.prepare()
	if err != nil {
		return nil, err
	}
	config.NoSnapshotRestoreOnStart = stateIsCurrent
	if m.formsAlone() {
		if err := f.bootstrap(config, namedAddress(f.serverID, m.RaftAddress()), transport); err != nil {
			return nil, err
		}
	}
	cached, err := raft.NewLogCache(logCache, guardedLog{Log: f.log, disk: m.disk})
	if err != nil {
		return nil, err
	}
	r, err := raft.NewRaft(config, f.state, cached, f.log, f.snapshots, transport)
	if err != nil {
		return nil, fmt.Errorf("cannot start raft: %w", err)
	}
	return &node{Raft: r, transport: transport, address: transport.LocalAddr()}, nil
}

// electAtOnce spares a master that is alone the wait for the heartbeats of a leader that cannot exist: it is told to stand for
// election over its own port. Should that fail, the election comes after the usual timeout.
func (n *node) electAtOnce(id raft.ServerID) {
	servers, _ := n.servers()
	if len(servers) != 1 || servers[0].ID != id {
		return
	}
	request := raft.TimeoutNowRequest{RPCHeader: raft.RPCHeader{
		ProtocolVersion: raft.ProtocolVersionMax, ID: []byte(id), Addr: n.transport.EncodePeer(id, n.address),
	}}
	_ = n.transport.TimeoutNow(id, n.address, &request, new(raft.TimeoutNowResponse))
	n.transport.CloseStreams() // each connection holds half a megabyte of buffers, and this one is not needed again
}

func raftConfig(id raft.ServerID, logger *slog.Logger) *raft.Config {
	config := raft.DefaultConfig()
	config.LocalID = id
	config.HeartbeatTimeout = heartbeatTimeout
	config.ElectionTimeout = electionTimeout
	config.LeaderLeaseTimeout = leaderLease
	config.CommitTimeout = commitTimeout
	config.MaxAppendEntries = maxAppend
	config.SnapshotInterval = snapshotInterval
	config.SnapshotThreshold = snapshotThreshold
	config.TrailingLogs = trailingEntries
	config.NoLegacyTelemetry = true
	config.Logger = raftLogger{logger}
	return config
}

// stop stops raft.
func (n *node) stop() error {
	err := n.Shutdown().Error()
	n.transport.CloseStreams() // Close leaves those open
	return errors.Join(err, n.transport.Close())
}

// servers returns the configuration as this server knows it, and the index at which it came to be.
func (n *node) servers() ([]raft.Server, uint64) {
	future := n.GetConfiguration()
	if future.Error() != nil {
		return nil, 0
	}
	return future.Configuration().Servers, future.Index()
}

func (n *node) voters() int {
	voters := 0
	servers, _ := n.servers()
	for _, server := range servers {
		if server.Suffrage == raft.Voter {
			voters++
		}
	}
	return voters
}

// isLeader reports whether this master leads now.
func (n *node) isLeader() bool { return n.State() == raft.Leader }
