package store

import (
	"slices"

	"github.com/heliosctl/heliosctl/model"
)

// The cluster's own commands: who leads, what the cluster is called, and who left it for good.

const (
	commandTerm       CommandType = "term"
	commandClusterID  CommandType = "clusterId"
	commandRemovePeer CommandType = "removePeer"
	commandRestored   CommandType = "restored"
)

// Term is the first command of a new leader. Once it is applied, the leader's state has everything that earlier leaders acknowledged.
type Term struct {
	Master string `json:"master"`
}

func (Term) commandType() CommandType { return commandTerm }

// ClusterID gives the cluster its id, once; later ones change nothing.
type ClusterID struct {
	ID string `json:"id"`
}

func (ClusterID) commandType() CommandType { return commandClusterID }

// RemovePeer records that the master whose raft server has that id is never taken in again.
type RemovePeer struct {
	ID string `json:"id"`
}

func (RemovePeer) commandType() CommandType { return commandRemovePeer }

// Restored finishes the restoring of a saved state: the first command behind it, from whoever leads then. Where nothing is restored it
// does no more than Term. What the saved state says of Peers having been removed for good no longer holds. Every host gets a new epoch,
// so that its agent forgets what it was told and tells everything anew.
type Restored struct {
	Master string   `json:"master"`
	Peers  []string `json:"peers"` // ids of the raft servers that the cluster has now
}

func (Restored) commandType() CommandType { return commandRestored }

// clusterRecord is what is stored of the cluster itself.
type clusterRecord struct {
	Term   uint64 `json:"term"`
	Master string `json:"master"`
	ID     string `json:"id"`

	Removed   []string `json:"removed,omitempty"`   // ids of raft servers, sorted; never changed in place
	Restoring bool     `json:"restoring,omitempty"` // the state is a saved one, and Restored has not come yet

	RestoredAt uint64 `json:"restoredAt,omitempty"` // index of the last Restored that finished something
}

func (b *batch) term(_ header, c Term) Result {
	cluster := b.cluster()
	cluster.Term, cluster.Master = b.logTerm, c.Master
	b.putCluster(cluster)
	return Result{}
}

func (b *batch) clusterID(_ header, c ClusterID) Result {
	cluster := b.cluster()
	if cluster.ID == "" {
		cluster.ID = c.ID
		b.putCluster(cluster)
	}
	return Result{}
}

func (b *batch) removePeer(_ header, c RemovePeer) Result {
	cluster := b.cluster()
	at, known := slices.BinarySearch(cluster.Removed, c.ID)
	if !known {
		cluster.Removed = slices.Insert(slices.Clone(cluster.Removed), at, c.ID)
		b.putCluster(cluster)
	}
	return Result{}
}

func (b *batch) restored(h header, c Restored) Result {
	cluster := b.cluster()
	cluster.Term, cluster.Master = b.logTerm, c.Master
	if cluster.Restoring {
		cluster.Restoring, cluster.RestoredAt = false, b.index
		cluster.Removed = slices.DeleteFunc(slices.Clone(cluster.Removed), func(id string) bool { return slices.Contains(c.Peers, id) })
		for _, host := range collect[hostRecord](b.mem, tableHosts, indexID) {
			record := *host
			record.Epoch = b.identity()
			b.putHost(&record)
			b.event(eventRecord{kind: model.EventHostChanged, at: h.Time, host: host.Name})
		}
	}
	b.putCluster(cluster)
	return Result{}
}

// cluster returns a copy of the stored record.
func (b *batch) cluster() clusterRecord { return readCluster(b.mem) }

func (b *batch) putCluster(cluster clusterRecord) {
	b.put([]byte(clusterKey), cluster)
	b.insert(tableMeta, &metaRecord{name: metaCluster, cluster: cluster})
}

// ClusterID returns the cluster's id, "" before the first leader gave it one.
func (s *State) ClusterID() string { return readCluster(s.mem.Txn(false)).ID }

// Term returns the term of the last applied Term or Restored command, 0 while Restoring: the term of a saved state is another cluster's.
func (s *State) Term() uint64 {
	cluster := readCluster(s.mem.Txn(false))
	if cluster.Restoring {
		return 0
	}
	return cluster.Term
}

// Restoring reports whether the state was replaced by a saved one and Restored is not applied yet. Reads must not count until then.
func (s *State) Restoring() bool { return readCluster(s.mem.Txn(false)).Restoring }

// RestoredAt returns the index at which the state was last replaced by a saved one, 0 when it never was.
func (s *State) RestoredAt() uint64 { return readCluster(s.mem.Txn(false)).RestoredAt }

// PeerRemoved reports whether the master whose raft server has that id was removed for good. Nobody was while Restoring: the saved
// state may name masters that are in the cluster now, and without them Restored could not be agreed on.
func (s *State) PeerRemoved(id string) bool {
	cluster := readCluster(s.mem.Txn(false))
	_, removed := slices.BinarySearch(cluster.Removed, id)
	return removed && !cluster.Restoring
}

// RemovedPeers returns the ids of all masters that were removed for good, sorted; not to be changed.
func (s *State) RemovedPeers() []string { return readCluster(s.mem.Txn(false)).Removed }
