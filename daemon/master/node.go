package master

import (
	"errors"
	"fmt"
	"log/slog"
	"net"
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

// serverIDKey is where this server's raft id is kept, beside raft's own variables: it is lost together with the log, never alone.
const serverIDKey = "heliosctl.ServerID"

// currentTermKey is raft's own key for its term.
const currentTermKey = "CurrentTerm"

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

// prepare makes a new server the only one of its cluster, and checks that what an old one kept belongs together. It returns whether
// the state is at least as new as the newest snapshot, so that it need not be restored from it.
func (f *folders) prepare(config *raft.Config, address raft.ServerAddress, transport raft.Transport) (stateIsCurrent bool, err error) {
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
		return true, f.bootstrap(config, address, transport)
	}
	return applied >= newest, nil
}

func (f *folders) bootstrap(config *raft.Config, address raft.ServerAddress, transport raft.Transport) error {
	// Raft writes its term first and takes that for state. Without a single entry it is the trace of a bootstrap that was cut short.
	if err := f.log.SetUint64([]byte(currentTermKey), 0); err != nil {
		return err
	}
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
	address   raft.ServerAddress // as others reach it
}

// startNode starts raft; leadership tells of every change, and is closed by nobody.
func startNode(c Config, f *folders, leadership chan<- bool) (*node, error) {
	stream, err := listenRaft(c)
	if err != nil {
		return nil, err
	}
	transport := raft.NewNetworkTransportWithLogger(stream, 3, 10*time.Second, raftLogger{c.Logger})
	n, err := startRaft(c, f, transport, leadership)
	if err != nil {
		return nil, errors.Join(err, transport.Close())
	}
	n.electAtOnce(f.serverID, raft.ServerAddress(stream.Listener.Addr().String()))
	return n, nil
}

func startRaft(c Config, f *folders, transport *raft.NetworkTransport, leadership chan<- bool) (*node, error) {
	config := raftConfig(f.serverID, c.Logger)
	config.NotifyCh = leadership
	address := transport.LocalAddr()
	stateIsCurrent, err := f.prepare(config, address, transport)
	if err != nil {
		return nil, err
	}
	config.NoSnapshotRestoreOnStart = stateIsCurrent
	cached, err := raft.NewLogCache(logCache, f.log)
	if err != nil {
		return nil, err
	}
	r, err := raft.NewRaft(config, f.state, cached, f.log, f.snapshots, transport)
	if err != nil {
		return nil, fmt.Errorf("cannot start raft: %w", err)
	}
	return &node{Raft: r, transport: transport, address: address}, nil
}

// electAtOnce spares a master that is alone the wait for the heartbeats of a leader that cannot exist: it is told to stand for
// election over its own port. Should that fail, the election comes after the usual timeout.
func (n *node) electAtOnce(id raft.ServerID, port raft.ServerAddress) {
	configuration := n.GetConfiguration()
	if configuration.Error() != nil {
		return
	}
	servers := configuration.Configuration().Servers
	if len(servers) != 1 || servers[0].ID != id {
		return
	}
	request := raft.TimeoutNowRequest{RPCHeader: raft.RPCHeader{
		ProtocolVersion: raft.ProtocolVersionMax, ID: []byte(id), Addr: n.transport.EncodePeer(id, n.address),
	}}
	_ = n.transport.TimeoutNow(id, port, &request, new(raft.TimeoutNowResponse))
	n.transport.CloseStreams() // each connection holds half a megabyte of buffers, and this one is not needed again
}

func raftConfig(id raft.ServerID, logger *slog.Logger) *raft.Config {
	config := raft.DefaultConfig()
	config.LocalID = id
	config.HeartbeatTimeout = heartbeatTimeout
	config.ElectionTimeout = electionTimeout
	config.LeaderLeaseTimeout = leaderLease
	config.MaxAppendEntries = maxAppend
	config.SnapshotInterval = snapshotInterval
	config.SnapshotThreshold = snapshotThreshold
	config.TrailingLogs = trailingEntries
	config.NoLegacyTelemetry = true
	config.Logger = raftLogger{logger}
	return config
}

// listenRaft opens the port of raft.
func listenRaft(c Config) (*raftStream, error) {
	listener, err := net.Listen("tcp", c.RaftBind)
	if err != nil {
		return nil, fmt.Errorf("cannot listen for raft on %s: %w", c.RaftBind, err)
	}
	address, err := advertised(c.RaftAdvertise, listener.Addr().(*net.TCPAddr))
	if err != nil {
		return nil, errors.Join(err, listener.Close())
	}
	return &raftStream{Listener: listener, address: address}, nil
}

// raftStream carries raft over TCP. Its address is the one to tell others.
type raftStream struct {
	net.Listener
	address net.Addr
}

// Addr returns the advertised address.
func (s *raftStream) Addr() net.Addr { return s.address }

// Dial connects to another server.
func (s *raftStream) Dial(address raft.ServerAddress, timeout time.Duration) (net.Conn, error) {
	return net.DialTimeout("tcp", string(address), timeout)
}

// stop hands leadership over where there is someone to take it, and stops raft.
func (n *node) stop() error {
	if n.isLeader() && n.voters() > 1 {
		// Failing that, the others elect one of them after the election timeout.
		_ = n.LeadershipTransfer().Error()
	}
	err := n.Shutdown().Error()
	n.transport.CloseStreams() // Close leaves those open
	return errors.Join(err, n.transport.Close())
}

func (n *node) voters() int {
	future := n.GetConfiguration()
	if future.Error() != nil {
		return 0
	}
	voters := 0
	for _, server := range future.Configuration().Servers {
		if server.Suffrage == raft.Voter {
			voters++
		}
	}
	return voters
}

// announceAddress makes the cluster's configuration say where this server is now. Only the leader can, and a server that restarts
// elsewhere keeps its id.
func (n *node) announceAddress(id raft.ServerID) error {
	future := n.GetConfiguration()
	if err := future.Error(); err != nil {
		return err
	}
	for _, server := range future.Configuration().Servers {
		if server.ID == id && server.Address != n.address {
			return n.AddVoter(id, n.address, future.Index(), 0).Error()
		}
	}
	return nil
}
