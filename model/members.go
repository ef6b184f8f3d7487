package model

// This file holds what is told of the daemons of a cluster: members of the gossip pool, and masters.

// MemberStatus is what gossip knows of whether a member is there.
type MemberStatus string

// The statuses of members.
const (
	MemberAlive   MemberStatus = "alive"
	MemberLeaving MemberStatus = "leaving"
	MemberLeft    MemberStatus = "left"   // it said so
	MemberFailed  MemberStatus = "failed" // it stopped answering
)

// Roles of members. Others may be in the pool too; heliosctl takes no notice of them.
const (
	RoleMaster = "master"
	RoleAgent  = "agent"
)

// Member is one daemon as gossip shows it: a line of GET /v1/members.
type Member struct {
	Name      string            `json:"name"` // of the master or of the agent's host; of another member its name in the pool
	Role      string            `json:"role"` // RoleMaster, RoleAgent, or "" for what is none of ours
	ID        string            `json:"id,omitempty"`
	Status    MemberStatus      `json:"status"`
	Address   string            `json:"address"`        // of gossip, IP:PORT
	API       string            `json:"api,omitempty"`  // base URL, of masters
	Raft      string            `json:"raft,omitempty"` // IP:PORT, of masters
	ClusterID string            `json:"clusterId,omitempty"`
	Version   string            `json:"version,omitempty"`
	Tags      map[string]string `json:"tags,omitempty"` // of what is none of ours
}

// MasterState is what a master does in raft.
type MasterState string

// The states of masters.
const (
	MasterLeader    MasterState = "leader"
	MasterFollower  MasterState = "follower"
	MasterCandidate MasterState = "candidate"
	MasterStopped   MasterState = "stopped" // it is starting, stopping, or was removed
)

// MasterStatus is what a master says of itself: GET /v1/self.
type MasterStatus struct {
	Name      string      `json:"name"`
	ID        string      `json:"id"` // of its raft server; stays for as long as its data folder does
	ClusterID string      `json:"clusterId"`
	Version   string      `json:"version"` // of the product
	State     MasterState `json:"state"`
	Leader    string      `json:"leader"`    // raft id of the leader, "" when none is known
	Term      uint64      `json:"term"`      // of raft
	Index     uint64      `json:"index"`     // of the last change that its reads reflect
	LastIndex uint64      `json:"lastIndex"` // of its raft log
	// LastContact is how many milliseconds ago it heard of the leader; 0 on the leader, -1 when it never did.
	LastContact int64 `json:"lastContact"`
}

// Peer is a server of the raft configuration: a line of GET /v1/raft/peers.
type Peer struct {
	ID      string `json:"id"`
	Name    string `json:"name"` // "" when gossip does not know it
	Address string `json:"address"`
	Voter   bool   `json:"voter"`
	Leader  bool   `json:"leader"`
	Alive   bool   `json:"alive"`
	Version string `json:"version,omitempty"`
	Term    uint64 `json:"term,omitempty"`  // of raft as it knows it, 0 when it does not say
	Index   uint64 `json:"index,omitempty"` // that it has applied, 0 when it does not say
}

// MasterResponse answers a change of a master's part in the cluster.
type MasterResponse struct {
	Status Code   `json:"status"`
	Master string `json:"master"` // as it was named
}

// RoundTrip is an estimate of the time that a packet takes from one member to another and back.
type RoundTrip struct {
	From   string  `json:"from"`
	To     string  `json:"to"`
	Millis float64 `json:"millis"`
}

// SnapshotInfo describes a saved state of a cluster.
type SnapshotInfo struct {
	Format    int       `json:"format"` // of the file
	ClusterID string    `json:"clusterId"`
	Index     uint64    `json:"index"` // of the last change in it
	Term      uint64    `json:"term"`
	Version   string    `json:"version,omitempty"` // of the product that wrote it
	Created   Timestamp `json:"created"`
	Bytes     int64     `json:"bytes,omitempty"`  // of the state in it; known once all of it was read, as is the sum
	SHA256    string    `json:"sha256,omitempty"` // of the file up to the sum at its end, in hex
}

// SnapshotContents describes a saved state and counts what is in it.
type SnapshotContents struct {
	SnapshotInfo
	Jobs        int `json:"jobs"`
	Hosts       int `json:"hosts"`
	Groups      int `json:"groups"`
	Deployments int `json:"deployments"`
	Statuses    int `json:"statuses"`
	History     int `json:"history"` // status changes that are remembered
}

// GaugeUpdate is what changed among the gauges since a version: GET /v1/gauges?since=N.
type GaugeUpdate struct {
	Version uint64            `json:"version"` // to ask with next time
	Gauges  map[string]Gauges `json:"gauges"`  // by host
	Ages    map[string]int64  `json:"ages"`    // milliseconds since each was sent, by host
}
