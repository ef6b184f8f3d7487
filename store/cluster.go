package store

import "slices"

// The cluster's own commands: who leads, what the cluster is called, and who left it for good.

const (
	commandTerm       CommandType = "term"
	commandClusterID  CommandType = "clusterId"
	commandRemovePeer CommandType = "removePeer"
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

// clusterRecord is what is stored of the cluster itself.
type clusterRecord struct {
	Term   uint64 `json:"term"`
	Master string `json:"master"`
	ID     string `json:"id"`

	Removed []string `json:"removed,omitempty"` // ids of raft servers, sorted; never changed in place
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

// cluster returns a copy of the stored record.
func (b *batch) cluster() clusterRecord { return readCluster(b.mem) }

func (b *batch) putCluster(cluster clusterRecord) {
	b.put([]byte(clusterKey), cluster)
	b.insert(tableMeta, &metaRecord{name: metaCluster, cluster: cluster})
}

// ClusterID returns the cluster's id, "" before the first leader gave it one.
func (s *State) ClusterID() string { return readCluster(s.mem.Txn(false)).ID }

// Term returns the term of the last applied Term command.
func (s *State) Term() uint64 { return readCluster(s.mem.Txn(false)).Term }

// PeerRemoved reports whether the master whose raft server has that id was removed for good.
func (s *State) PeerRemoved(id string) bool {
	_, removed := slices.BinarySearch(readCluster(s.mem.Txn(false)).Removed, id)
	return removed
}
