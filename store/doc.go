// Package store keeps what must survive: the masters' replicated state, the raft log below it, and an agent's memory of its host,
// each in a Badger database of its own folder.
//
// State is the state machine: it checks and applies commands, one Badger transaction per batch, and answers reads from memory.
// Applying is deterministic: times, users and ids come with the command, and nothing in it looks at a clock, a random source, the
// environment or the order of a map. Log is the raft log and raft's own variables.
//
// The package knows nothing of leaders, networks, HTTP or containers.
package store
