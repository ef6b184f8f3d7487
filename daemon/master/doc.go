// Package master runs one of the masters: a raft node over the replicated state of package store, the writes that go through it, and
// what only the leader does.
//
// It owns the raft log, the state and the snapshots in its data folder. It knows who is alive from gossip through a small interface,
// and knows nothing of HTTP: daemon/api calls it.
package master
